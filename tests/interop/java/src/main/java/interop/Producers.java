package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/** DefaultMQProducer in all its manners of sending. */
final class Producers {
    private static final Map<String, DefaultMQProducer> PRODUCERS = new ConcurrentHashMap<>();
    private static final long ASYNC_WAIT_MS = 30_000;

    private Producers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("producer", Producers::start);
        operations.put("send", Producers::send);
        operations.put("producer.queues", Producers::queues);
        operations.put("producer.stop", Producers::stop);
    }

    static DefaultMQProducer named(Call call) {
        DefaultMQProducer producer = PRODUCERS.get(call.text("producer"));
        if (producer == null) {
            throw new IllegalArgumentException("no producer " + call.text("producer"));
        }
        return producer;
    }

    private static JSONObject start(Call call) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(call.text("group"));
        producer.setNamesrvAddr(call.text("nameserver"));
        producer.setInstanceName(call.text("producer"));
        producer.setSendMsgTimeout(call.number("timeoutMs", 10_000));
        producer.setVipChannelEnabled(call.flag("vip", false));
        producer.setCompressMsgBodyOverHowmuch(call.number("compressOverBytes", 4096));
        producer.setRetryTimesWhenSendFailed(call.number("retries", 2));
        producer.setCompressType(CompressionType.of(call.text("compressType", "ZLIB")));
        ClientSettings.apply(call, producer);
        producer.start();
        PRODUCERS.put(call.text("producer"), producer);
        return new JSONObject();
    }

    private static JSONObject send(Call call) throws Exception {
        DefaultMQProducer producer = named(call);
        String topic = call.text("topic");
        List<Message> messages = new ArrayList<>();
        for (Object item : call.list("messages")) {
            messages.add(Json.message(topic, (JSONObject) item));
        }
        MessageQueue queue = queue(call, producer, topic);
        switch (call.text("manner", "sync")) {
            case "sync":
                for (Message message : messages) {
                    SendResult result = queue == null ? producer.send(message) : producer.send(message, queue);
                    call.emit("sent", Json.sent(result));
                }
                break;
            case "async":
                sendAsync(call, producer, messages, queue);
                break;
            case "oneway":
                for (Message message : messages) {
                    if (queue == null) {
                        producer.sendOneway(message);
                    } else {
                        producer.sendOneway(message, queue);
                    }
                }
                break;
            case "batch":
                call.emit("sent", Json.sent(queue == null ? producer.send(messages) : producer.send(messages, queue)));
                break;
            default:
                throw new IllegalArgumentException("no manner " + call.text("manner"));
        }
        return new JSONObject();
    }

    private static MessageQueue queue(Call call, DefaultMQProducer producer, String topic) throws Exception {
        int wanted = call.number("queue", -1);
        if (wanted < 0) {
            return null;
        }
        for (MessageQueue queue : producer.fetchPublishMessageQueues(topic)) {
            if (queue.getQueueId() == wanted) {
                // A producer with a namespace takes queues of the bare topic.
                return new MessageQueue(topic, queue.getBrokerName(), wanted);
            }
        }
        throw new IllegalArgumentException("topic " + topic + " has no queue " + wanted);
    }

    private static void sendAsync(Call call, DefaultMQProducer producer, List<Message> messages, MessageQueue queue)
        throws Exception {
        CountDownLatch answered = new CountDownLatch(messages.size());
        AtomicReference<Throwable> failure = new AtomicReference<>();
        SendCallback callback = new SendCallback() {
            @Override
            public void onSuccess(SendResult result) {
                call.emit("sent", Json.sent(result));
                answered.countDown();
            }

            @Override
            public void onException(Throwable cause) {
                failure.set(cause);
                answered.countDown();
            }
        };
        for (Message message : messages) {
            if (queue == null) {
                producer.send(message, callback);
            } else {
                producer.send(message, queue, callback);
            }
        }
        if (!answered.await(ASYNC_WAIT_MS, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException(answered.getCount() + " asynchronous sends were never answered");
        }
        if (failure.get() != null) {
            throw new IllegalStateException("an asynchronous send failed", failure.get());
        }
    }

    private static JSONObject queues(Call call) throws Exception {
        return Json.of("queues", Json.queueIds(named(call).fetchPublishMessageQueues(call.text("topic"))));
    }

    private static JSONObject stop(Call call) {
        DefaultMQProducer producer = named(call);
        PRODUCERS.remove(call.text("producer"));
        producer.shutdown();
        return new JSONObject();
    }
}
