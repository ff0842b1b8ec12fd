package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** DefaultLitePullConsumer by subscription (with rebalance) and by assignment (with seek). */
final class LitePullConsumers {
    private static final Map<String, DefaultLitePullConsumer> CONSUMERS = new ConcurrentHashMap<>();
    private static final long POLL_WAIT_MS = 60_000;

    private LitePullConsumers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("lite", LitePullConsumers::start);
        operations.put("lite.assign", LitePullConsumers::assign);
        operations.put("lite.seek", LitePullConsumers::seek);
        operations.put("lite.poll", LitePullConsumers::poll);
        operations.put("lite.commit", LitePullConsumers::commit);
        operations.put("lite.committed", LitePullConsumers::committed);
        operations.put("lite.stop", LitePullConsumers::stop);
    }

    private static JSONObject start(Call call) throws Exception {
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(call.text("group"));
        consumer.setNamesrvAddr(call.text("nameserver"));
        consumer.setInstanceName(call.text("consumer"));
        ClientSettings.apply(call, consumer);
        consumer.setAutoCommit(call.flag("autoCommit", false));
        consumer.setPullThreadNums(2);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        String topic = call.text("topic", null);
        if (topic != null) {
            consumer.subscribe(topic, call.selector());
        }
        consumer.start();
        CONSUMERS.put(call.text("consumer"), consumer);
        return new JSONObject();
    }

    private static DefaultLitePullConsumer named(Call call) {
        DefaultLitePullConsumer consumer = CONSUMERS.get(call.text("consumer"));
        if (consumer == null) {
            throw new IllegalArgumentException("no lite pull consumer " + call.text("consumer"));
        }
        return consumer;
    }

    private static MessageQueue queue(Call call, DefaultLitePullConsumer consumer) throws Exception {
        for (MessageQueue queue : consumer.fetchMessageQueues(call.text("topic"))) {
            if (queue.getQueueId() == call.number("queue", 0)) {
                return queue;
            }
        }
        throw new IllegalArgumentException("no queue " + call.number("queue", 0));
    }

    private static JSONObject assign(Call call) throws Exception {
        DefaultLitePullConsumer consumer = named(call);
        List<MessageQueue> queues = new ArrayList<>();
        for (MessageQueue queue : consumer.fetchMessageQueues(call.text("topic"))) {
            if (call.list("queues").contains(queue.getQueueId())) {
                queues.add(queue);
            }
        }
        consumer.assign(queues);
        return Json.of("queues", Json.queueIds(queues));
    }

    private static JSONObject seek(Call call) throws Exception {
        DefaultLitePullConsumer consumer = named(call);
        MessageQueue queue = queue(call, consumer);
        switch (call.text("to")) {
            case "begin":
                consumer.seekToBegin(queue);
                break;
            case "end":
                consumer.seekToEnd(queue);
                break;
            case "offset":
                consumer.seek(queue, call.longNumber("offset", 0));
                break;
            case "timestamp":
                consumer.seek(queue, consumer.offsetForTimestamp(queue, call.longNumber("timestamp", 0)));
                break;
            default:
                throw new IllegalArgumentException("no place " + call.text("to"));
        }
        return new JSONObject();
    }

    /** Polls until {@code count} messages have come. */
    private static JSONObject poll(Call call) throws Exception {
        DefaultLitePullConsumer consumer = named(call);
        int count = call.number("count", 1);
        int[] have = {0};
        Call.await(count + " messages", call.longNumber("timeoutMs", POLL_WAIT_MS), () -> {
            for (MessageExt message : consumer.poll(100)) {
                call.emit("received", Json.received(message));
                have[0]++;
            }
            return have[0] >= count;
        });
        return Json.of("count", have[0]);
    }

    private static JSONObject commit(Call call) {
        named(call).commit();
        return new JSONObject();
    }

    private static JSONObject committed(Call call) throws Exception {
        DefaultLitePullConsumer consumer = named(call);
        return Json.of("offset", consumer.committed(queue(call, consumer)));
    }

    private static JSONObject stop(Call call) {
        named(call).shutdown();
        CONSUMERS.remove(call.text("consumer"));
        return new JSONObject();
    }
}
