package interop;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;

/** Takes what a thread prints: mqadmin's commands know no other way to answer, or to say why they failed. */
final class Captured {
    private static final ThreadLocal<Captured> OF_THREAD = new InheritableThreadLocal<>();

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private Captured() {
    }

    /** Sends what is printed to the printing call's buffers, and to standard error outside of any call. */
    static void install() {
        // Call keeps the stream that was standard output; make sure that it did so before it is replaced.
        new Call(new com.alibaba.fastjson2.JSONObject());
        PrintStream standardError = System.err;
        System.setOut(routed(standardError, captured -> captured.out));
        System.setErr(routed(standardError, captured -> captured.err));
    }

    private static PrintStream routed(PrintStream otherwise, Function<Captured, OutputStream> buffer) {
        OutputStream routed = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                Captured captured = OF_THREAD.get();
                (captured == null ? otherwise : buffer.apply(captured)).write(b);
            }
        };
        return new PrintStream(routed, true, StandardCharsets.UTF_8);
    }

    static Captured during(Runnable body) {
        Captured captured = new Captured();
        captured.run(body);
        return captured;
    }

    /** Runs a body that has no end in a thread of its own until it has printed {@code wanted}. */
    static Captured until(String wanted, long timeoutMs, Runnable body) throws InterruptedException {
        Captured captured = new Captured();
        Thread thread = new Thread(() -> captured.run(body));
        thread.start();
        try {
            Call.await("'" + wanted + "' printed", timeoutMs, () -> captured.out().contains(wanted));
        } finally {
            thread.interrupt();
            thread.join(timeoutMs);
        }
        return captured;
    }

    private void run(Runnable body) {
        OF_THREAD.set(this);
        try {
            body.run();
        } finally {
            OF_THREAD.remove();
        }
    }

    String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
