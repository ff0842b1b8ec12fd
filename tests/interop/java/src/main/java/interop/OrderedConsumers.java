package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.consumer.store.ReadOffsetType;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * Members of a group whose work the test can hold back at a queue offset, and who tell when each message began and
 * ended: numbers of a clock that all members share.
 */
final class OrderedConsumers {
    private static final AtomicLong CLOCK = new AtomicLong();
    /** Queue offsets below it may be consumed. */
    private static final Map<String, AtomicLong> GATES = new ConcurrentHashMap<>();
    private static final long QUIET_WAIT_MS = 60_000;
    private static final long SUSPEND_MS = 20;

    private OrderedConsumers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("ordered", OrderedConsumers::start);
        operations.put("ordered.gate", OrderedConsumers::open);
        operations.put("ordered.quiet", OrderedConsumers::quiet);
    }

    private static JSONObject start(Call call) throws Exception {
        LateHandOver late = new LateHandOver(call);
        DefaultMQPushConsumer consumer = PushConsumers.configured(call, late);
        AtomicLong gate = gate(call);
        if (call.flag("concurrent", false)) {
            late.of(consumer);
            consumer.setConsumeMessageBatchMaxSize(1);
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                messages.forEach(message -> consume(call, message));
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
        } else {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                MessageExt message = messages.get(0);
                if (message.getQueueOffset() >= gate.get()) {
                    context.setSuspendCurrentQueueTimeMillis(SUSPEND_MS);
                    return ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
                }
                consume(call, message);
                return ConsumeOrderlyStatus.SUCCESS;
            });
        }
        return PushConsumers.run(call, consumer);
    }

    private static void consume(Call call, MessageExt message) {
        long begin = CLOCK.incrementAndGet();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(call.number("workMs", 0));
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
        JSONObject event = new JSONObject();
        event.put("consumer", call.text("consumer"));
        event.put("queue", message.getQueueId());
        event.put("offset", message.getQueueOffset());
        event.put("begin", begin);
        event.put("end", CLOCK.incrementAndGet());
        call.emit("consumed", event);
    }

    private static AtomicLong gate(Call call) {
        return GATES.computeIfAbsent(call.text("gate"), name -> new AtomicLong());
    }

    private static JSONObject open(Call call) {
        gate(call).set(call.longNumber("below", 0));
        return new JSONObject();
    }

    /** Waits until all queues are consumed up to an offset as their owners, the given consumers, know it. */
    private static JSONObject quiet(Call call) throws Exception {
        long below = call.longNumber("below", 0);
        Call.await("queues of " + call.text("topic") + " to be consumed below " + below, QUIET_WAIT_MS, () ->
            call.list("consumers").stream().map(name -> PushConsumers.named(name.toString()))
                .flatMapToLong(consumer -> offsets(consumer, call.text("topic")))
                .filter(offset -> offset == below).count() == call.number("queues", 1));
        return new JSONObject();
    }

    private static LongStream offsets(DefaultMQPushConsumer consumer, String topic) {
        var inside = consumer.getDefaultMQPushConsumerImpl();
        return inside.getRebalanceImpl().getProcessQueueTable().entrySet().stream()
            .filter(entry -> entry.getKey().getTopic().equals(topic) && !entry.getValue().isDropped())
            .mapToLong(entry -> inside.getOffsetStore().readOffset(entry.getKey(), ReadOffsetType.READ_FROM_MEMORY));
    }
}
