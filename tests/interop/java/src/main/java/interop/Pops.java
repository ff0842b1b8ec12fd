package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ChangeInvisibleTimeRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/** POP request by request, with the calls of the client library that its proxy makes; a pull consumer lends the connection. */
final class Pops {
    private static final long TIMEOUT_MS = 30_000;

    private Pops() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("pop.take", Pops::take);
        operations.put("pop.ack", Pops::ack);
        operations.put("pop.ackAll", Pops::ackAll);
        operations.put("pop.change", Pops::change);
    }

    private static MQClientAPIImpl api(Call call) {
        return PullConsumers.named(call).getDefaultMQPullConsumerImpl().getRebalanceImpl().getmQClientFactory()
            .getMQClientAPIImpl();
    }

    /** Each message is an event with its handle. */
    private static JSONObject take(Call call) throws Exception {
        PopMessageRequestHeader header = new PopMessageRequestHeader();
        header.setConsumerGroup(call.text("group"));
        header.setTopic(call.text("topic"));
        header.setQueueId(call.number("queue", -1));
        header.setMaxMsgNums(call.number("count", 32));
        header.setInvisibleTime(call.longNumber("invisibleMs", 60_000));
        header.setPollTime(call.longNumber("pollMs", 0));
        header.setBornTime(System.currentTimeMillis());
        header.setInitMode(0);
        header.setExpType("TAG");
        header.setExp(call.text("tags", "*"));
        header.setOrder(call.flag("order", false));
        header.setAttemptId(call.text("attempt", null));
        CompletableFuture<PopResult> result = new CompletableFuture<>();
        api(call).popMessageAsync(call.text("brokerName", "broker-a"), call.text("broker"), header, TIMEOUT_MS,
            new PopCallback() {
                @Override
                public void onSuccess(PopResult popped) {
                    result.complete(popped);
                }

                @Override
                public void onException(Throwable cause) {
                    result.completeExceptionally(cause);
                }
            });
        PopResult popped = result.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        List<MessageExt> found = popped.getMsgFoundList();
        if (found != null) {
            for (MessageExt message : found) {
                JSONObject event = Json.received(message);
                event.put("handle", message.getProperty(MessageConst.PROPERTY_POP_CK));
                call.emit("received", event);
            }
        }
        JSONObject answer = Json.of("status", popped.getPopStatus().name());
        answer.put("rest", popped.getRestNum());
        return answer;
    }

    private static JSONObject ack(Call call) throws Exception {
        String handle = call.text("handle");
        String[] parts = ExtraInfoUtil.split(handle);
        AckMessageRequestHeader header = new AckMessageRequestHeader();
        header.setConsumerGroup(call.text("group"));
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, call.text("topic"), call.text("group")));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(handle);
        Answer answer = new Answer();
        api(call).ackMessageAsync(call.text("broker"), TIMEOUT_MS, answer, header);
        return answer.get();
    }

    private static JSONObject ackAll(Call call) throws Exception {
        Answer answer = new Answer();
        api(call).batchAckMessageAsync(call.text("broker"), TIMEOUT_MS, answer, call.text("topic"), call.text("group"),
            call.list("handles").toList(String.class));
        return answer.get();
    }

    private static JSONObject change(Call call) throws Exception {
        String handle = call.text("handle");
        String[] parts = ExtraInfoUtil.split(handle);
        ChangeInvisibleTimeRequestHeader header = new ChangeInvisibleTimeRequestHeader();
        header.setConsumerGroup(call.text("group"));
        header.setTopic(ExtraInfoUtil.getRealTopic(parts, call.text("topic"), call.text("group")));
        header.setQueueId(ExtraInfoUtil.getQueueId(parts));
        header.setOffset(ExtraInfoUtil.getQueueOffset(parts));
        header.setExtraInfo(handle);
        header.setInvisibleTime(call.longNumber("invisibleMs", 60_000));
        Answer answer = new Answer();
        api(call).changeInvisibleTimeAsync(ExtraInfoUtil.getBrokerName(parts), call.text("broker"), header, TIMEOUT_MS, answer);
        return answer.get();
    }

    /** What became of an acknowledgement, and the new handle if there is one. */
    private static final class Answer implements AckCallback {
        private final CompletableFuture<AckResult> result = new CompletableFuture<>();

        @Override
        public void onSuccess(AckResult acked) {
            result.complete(acked);
        }

        @Override
        public void onException(Throwable cause) {
            result.completeExceptionally(cause);
        }

        JSONObject get() throws Exception {
            AckResult acked = result.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
            JSONObject answer = Json.of("status", acked.getStatus().name());
            answer.put("handle", acked.getExtraInfo());
            return answer;
        }
    }
}
