package interop;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RequestCode;

/**
 * Has a member give its queues back, and commit them, only once each newcomer has asked where a queue stands. Otherwise
 * the members before are nearly always quicker, and what the broker does with an early question is never seen.
 */
final class LateHandOver implements AllocateMessageQueueStrategy, RPCHook {
    /** Less than the broker waits for a commit. */
    private static final long NEWCOMER_WAIT_MS = 1_500;
    private static final long LOOK_MS = 1;
    /** Members that have asked for an offset, by the last part of their client ids. */
    private static final Set<String> ASKED = ConcurrentHashMap.newKeySet();

    private final AllocateMessageQueueAveragely averagely = new AllocateMessageQueueAveragely();
    private final String name;
    private DefaultMQPushConsumer consumer;
    private List<String> known = List.of();

    LateHandOver(Call call) {
        name = call.text("consumer");
    }

    /** Before it starts; it must have been made with this hook. */
    void of(DefaultMQPushConsumer hooked) {
        consumer = hooked;
        consumer.setAllocateMessageQueueStrategy(this);
    }

    @Override
    public void doBeforeRequest(String address, RemotingCommand request) {
        if (request.getCode() == RequestCode.QUERY_CONSUMER_OFFSET) {
            ASKED.add(name);
        }
    }

    @Override
    public void doAfterResponse(String address, RemotingCommand request, RemotingCommand response) {
    }

    @Override
    public String getName() {
        return averagely.getName();
    }

    @Override
    public List<MessageQueue> allocate(String group, String member, List<MessageQueue> queues, List<String> members) {
        if (!queues.get(0).getTopic().startsWith("%")) {
            if (!known.isEmpty()) {
                members.stream().filter(each -> !known.contains(each)).forEach(newcomer -> awaitQuestion(newcomer, queues.get(0)));
            }
            known = List.copyOf(members);
        }
        return averagely.allocate(group, member, queues, members);
    }

    private void awaitQuestion(String newcomer, MessageQueue queue) {
        String asked = newcomer.substring(newcomer.indexOf('@') + 1);
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(NEWCOMER_WAIT_MS);
        while (!ASKED.contains(asked) && System.nanoTime() < end) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(LOOK_MS));
        }
        // The hook runs before the question is written: it is at the broker by the time that this comes back.
        try {
            consumer.getDefaultMQPushConsumerImpl().maxOffset(queue);
        } catch (MQClientException cause) {
            throw new IllegalStateException("the broker did not answer", cause);
        }
    }
}
