package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;

/** DefaultMQPushConsumer: each message it hands over is an event of the call that started it. */
final class PushConsumers {
    private static final Map<String, DefaultMQPushConsumer> CONSUMERS = new ConcurrentHashMap<>();
    private static final long REBALANCE_WAIT_MS = 60_000;
    private static final long LISTENER_WAIT_MS = 10_000;
    private static final long SUSPEND_MS = 10;

    private PushConsumers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("push", PushConsumers::start);
        operations.put("push.queues", PushConsumers::queues);
        operations.put("push.stop", PushConsumers::stop);
        operations.put("push.stopAbruptly", PushConsumers::stopAbruptly);
    }

    private static JSONObject start(Call call) throws Exception {
        DefaultMQPushConsumer consumer = configured(call);
        if (call.flag("orderly", false)) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                context.setSuspendCurrentQueueTimeMillis(SUSPEND_MS);
                return refused(call, messages)
                    ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
            });
        } else {
            int delayLevel = call.number("delayLevel", 0);
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                context.setDelayLevelWhenNextConsume(delayLevel);
                return refused(call, messages)
                    ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
        }
        return run(call, consumer);
    }

    /** As the call says; without a listener. */
    static DefaultMQPushConsumer configured(Call call) throws Exception {
        return configured(call, null);
    }

    static DefaultMQPushConsumer configured(Call call, RPCHook hook) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(call.text("group"), hook);
        consumer.setNamesrvAddr(call.text("nameserver"));
        consumer.setInstanceName(call.text("consumer"));
        consumer.setVipChannelEnabled(call.flag("vip", false));
        consumer.setMessageModel(MessageModel.valueOf(call.text("model", "CLUSTERING")));
        consumer.setConsumeFromWhere(
            ConsumeFromWhere.valueOf(call.text("from", ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET.name())));
        consumer.setConsumeTimestamp(UtilAll.timeMillisToHumanString3(call.longNumber("fromMs", System.currentTimeMillis())));
        // So that a stop stores the offsets of all that was handed over, not just of what the listener has returned from.
        consumer.setAwaitTerminationMillisWhenShutdown(LISTENER_WAIT_MS);
        // False: the broker assigns queues, and may have them popped.
        consumer.setClientRebalance(call.flag("clientRebalance", true));
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        ClientSettings.apply(call, consumer);
        consumer.subscribe(call.text("topic"), call.selector());
        consumer.setMaxReconsumeTimes(call.number("maxReconsumeTimes", -1));
        return consumer;
    }

    /** Its answer comes when the consumer stops; "started" says that it runs. */
    static JSONObject run(Call call, DefaultMQPushConsumer consumer) throws Exception {
        consumer.start();
        CONSUMERS.put(call.text("consumer"), consumer);
        call.emit("started", new JSONObject());
        synchronized (consumer) {
            while (CONSUMERS.get(call.text("consumer")) == consumer) {
                consumer.wait();
            }
        }
        return new JSONObject();
    }

    /** Tells of the messages; true where one of them was not delivered again often enough to be consumed. */
    private static boolean refused(Call call, List<MessageExt> messages) {
        messages.forEach(message -> call.emit("received", Json.received(message)));
        int failures = call.number("failures", 0);
        return messages.stream().anyMatch(message -> message.getReconsumeTimes() < failures);
    }

    private static DefaultMQPushConsumer named(Call call) {
        return named(call.text("consumer"));
    }

    static DefaultMQPushConsumer named(String name) {
        DefaultMQPushConsumer consumer = CONSUMERS.get(name);
        if (consumer == null) {
            throw new IllegalArgumentException("no push consumer " + name);
        }
        return consumer;
    }

    /** Waits until the consumer holds exactly {@code count} queues of the topic, and tells which. */
    private static JSONObject queues(Call call) throws Exception {
        DefaultMQPushConsumer consumer = named(call);
        int count = call.number("count", 1);
        Call.await("consumer " + call.text("consumer") + " to own " + count + " queues of " + call.text("topic"),
            REBALANCE_WAIT_MS, () -> owned(consumer, call.text("topic")).length == count);
        return Json.of("queues", owned(consumer, call.text("topic")));
    }

    private static int[] owned(DefaultMQPushConsumer consumer, String topic) {
        return consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().entrySet().stream()
            .filter(entry -> entry.getKey().getTopic().equals(topic) && !entry.getValue().isDropped())
            .mapToInt(entry -> entry.getKey().getQueueId()).sorted().toArray();
    }

    private static JSONObject stop(Call call) {
        DefaultMQPushConsumer consumer = named(call);
        consumer.shutdown();
        end(call, consumer);
        return new JSONObject();
    }

    /** Leaves without a word to the broker: no offsets, no unregistering. */
    private static JSONObject stopAbruptly(Call call) {
        DefaultMQPushConsumer consumer = named(call);
        consumer.suspend();
        consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().shutdown();
        end(call, consumer);
        return new JSONObject();
    }

    private static void end(Call call, DefaultMQPushConsumer consumer) {
        synchronized (consumer) {
            CONSUMERS.remove(call.text("consumer"));
            consumer.notifyAll();
        }
    }
}
