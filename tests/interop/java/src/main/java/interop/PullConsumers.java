package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.consumer.store.ReadOffsetType;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** DefaultMQPullConsumer: deprecated in the client, still what many programs use. */
final class PullConsumers {
    private static final Map<String, DefaultMQPullConsumer> CONSUMERS = new ConcurrentHashMap<>();
    private static final long COMMIT_WAIT_MS = 20_000;

    private PullConsumers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("pull.start", PullConsumers::start);
        operations.put("pull", PullConsumers::pull);
        operations.put("pull.drain", PullConsumers::drain);
        operations.put("pull.commit", PullConsumers::commit);
        operations.put("pull.committed", PullConsumers::committed);
        operations.put("pull.stop", PullConsumers::stop);
    }

    private static JSONObject start(Call call) throws Exception {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(call.text("group"));
        consumer.setNamesrvAddr(call.text("nameserver"));
        consumer.setInstanceName(call.text("consumer"));
        ClientSettings.apply(call, consumer);
        consumer.start();
        CONSUMERS.put(call.text("consumer"), consumer);
        return new JSONObject();
    }

    static DefaultMQPullConsumer named(Call call) {
        DefaultMQPullConsumer consumer = CONSUMERS.get(call.text("consumer"));
        if (consumer == null) {
            throw new IllegalArgumentException("no pull consumer " + call.text("consumer"));
        }
        return consumer;
    }

    private static MessageQueue queue(Call call, DefaultMQPullConsumer consumer) throws Exception {
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(call.text("topic"))) {
            if (queue.getQueueId() == call.number("queue", 0)) {
                return queue;
            }
        }
        throw new IllegalArgumentException("no queue " + call.number("queue", 0));
    }

    /** One pull, held by the broker where {@code block} is set. */
    private static JSONObject pull(Call call) throws Exception {
        DefaultMQPullConsumer consumer = named(call);
        MessageQueue queue = queue(call, consumer);
        long offset = call.longNumber("offset", 0);
        int count = call.number("count", 32);
        String tags = call.text("tags", "*");
        PullResult result = call.flag("block", false)
            ? consumer.pullBlockIfNotFound(queue, tags, offset, count)
            : consumer.pull(queue, tags, offset, count);
        if (result.getMsgFoundList() != null) {
            result.getMsgFoundList().forEach(message -> call.emit("received", Json.received(message)));
        }
        JSONObject answer = Json.of("status", result.getPullStatus().name());
        answer.put("next", result.getNextBeginOffset());
        answer.put("min", result.getMinOffset());
        answer.put("max", result.getMaxOffset());
        return answer;
    }

    /** Every message of every queue of the topic, queue by queue. */
    private static JSONObject drain(Call call) throws Exception {
        DefaultMQPullConsumer consumer = named(call);
        long total = 0;
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(call.text("topic"))) {
            long offset = consumer.minOffset(queue);
            while (true) {
                PullResult result = consumer.pull(queue, call.text("tags", "*"), offset, 32);
                if (result.getPullStatus() == PullStatus.FOUND) {
                    for (MessageExt message : result.getMsgFoundList()) {
                        call.emit("received", Json.received(message));
                        total++;
                    }
                } else if (result.getPullStatus() == PullStatus.NO_NEW_MSG) {
                    break;
                } else if (result.getNextBeginOffset() <= offset) {
                    throw new IllegalStateException("no way on: " + result);
                }
                offset = result.getNextBeginOffset();
            }
        }
        return Json.of("count", total);
    }

    private static JSONObject commit(Call call) throws Exception {
        DefaultMQPullConsumer consumer = named(call);
        MessageQueue queue = queue(call, consumer);
        consumer.updateConsumeOffset(queue, call.longNumber("offset", 0));
        consumer.getDefaultMQPullConsumerImpl().getOffsetStore()
            .updateConsumeOffsetToBroker(queue, call.longNumber("offset", 0), false);
        return new JSONObject();
    }

    private static JSONObject committed(Call call) throws Exception {
        DefaultMQPullConsumer consumer = named(call);
        MessageQueue queue = queue(call, consumer);
        long[] offset = {-1};
        // Offsets are stored by one-way requests: asked again until the one that must come has come.
        Call.await("offset " + call.longNumber("atLeast", 0), COMMIT_WAIT_MS, () -> {
            offset[0] = consumer.getDefaultMQPullConsumerImpl().getOffsetStore()
                .readOffset(queue, ReadOffsetType.READ_FROM_STORE);
            return offset[0] >= call.longNumber("atLeast", Long.MIN_VALUE);
        });
        return Json.of("offset", offset[0]);
    }

    private static JSONObject stop(Call call) {
        named(call).shutdown();
        CONSUMERS.remove(call.text("consumer"));
        return new JSONObject();
    }
}
