package interop;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/**
 * How fast the official client sends: the load of remora-client's example client_rate, with its options. Asynchronous
 * sends, as many in flight as callers times window; one line of JSON at the end. A program, not a test.
 */
public final class Rate {
    private String nameserver = "127.0.0.1:9876";
    private String topic = "client-rate";
    private int callers = 8;
    private int window = 32;
    private int size = 128;
    private double seconds = 5;
    private double warmup = 1;
    private boolean batching;

    private final AtomicLong sent = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private volatile boolean stop;

    public static void main(String[] args) throws Exception {
        Rate rate = new Rate();
        for (int at = 0; at < args.length; at++) {
            if (args[at].equals("--batching")) {
                rate.batching = true;
            } else {
                rate.set(args[at], args[++at]);
            }
        }
        int status = 1;
        try {
            rate.run();
            status = 0;
        } catch (Exception cause) {
            cause.printStackTrace();
        }
        // Nobody waits for what a clean shutdown would say, and the client's threads do not end by themselves.
        Runtime.getRuntime().halt(status);
    }

    private void set(String name, String value) {
        switch (name) {
            case "--nameserver": nameserver = value; break;
            case "--topic": topic = value; break;
            case "--callers": callers = Integer.parseInt(value); break;
            case "--window": window = Integer.parseInt(value); break;
            case "--size": size = Integer.parseInt(value); break;
            case "--seconds": seconds = Double.parseDouble(value); break;
            case "--warmup": warmup = Double.parseDouble(value); break;
            // This client has threads of its own.
            case "--threads": break;
            default: throw new IllegalArgumentException(name);
        }
    }

    private void run() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer("client-rate");
        producer.setNamesrvAddr(nameserver);
        producer.setVipChannelEnabled(false);
        producer.setSendMsgTimeout(30_000);
        producer.setAutoBatch(batching);
        // The semaphore below is the limit, as in the other client.
        producer.setBackPressureForAsyncSendNum(Math.max(1024, callers * window * 2));
        producer.start();
        producer.send(new Message(topic, "first".getBytes("UTF-8")));
        Semaphore free = new Semaphore(callers * window);
        Thread[] threads = new Thread[callers];
        for (int n = 0; n < callers; n++) {
            threads[n] = new Thread(() -> send(producer, free));
            threads[n].start();
        }
        Thread.sleep((long) (warmup * 1000));
        long sentBefore = sent.get();
        long failedBefore = failed.get();
        long started = System.nanoTime();
        Thread.sleep((long) (seconds * 1000));
        double elapsed = (System.nanoTime() - started) / 1e9;
        long messages = sent.get() - sentBefore;
        System.out.printf(java.util.Locale.ROOT,
            "{\"client\":\"java\",\"messages\":%d,\"failed\":%d,\"seconds\":%.3f,\"perSecond\":%.0f}%n",
            messages, failed.get() - failedBefore, elapsed, messages / elapsed);
        System.out.flush();
        stop = true;
    }

    private void send(DefaultMQProducer producer, Semaphore free) {
        byte[] body = new byte[size];
        java.util.Arrays.fill(body, (byte) 'x');
        while (!stop) {
            free.acquireUninterruptibly();
            try {
                producer.send(new Message(topic, body), new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        sent.incrementAndGet();
                        free.release();
                    }

                    @Override
                    public void onException(Throwable cause) {
                        fail(cause, free);
                    }
                });
            } catch (Exception cause) {
                fail(cause, free);
            }
        }
    }

    private void fail(Throwable cause, Semaphore free) {
        if (failed.getAndIncrement() == 0) {
            System.err.println("first failure: " + cause);
        }
        free.release();
    }
}
