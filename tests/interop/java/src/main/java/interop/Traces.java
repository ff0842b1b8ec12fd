package interop;

import com.alibaba.fastjson2.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.trace.TraceBean;
import org.apache.rocketmq.client.trace.TraceContext;
import org.apache.rocketmq.client.trace.TraceDataEncoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The records of message traces, read back with the client's own decoder. */
final class Traces {
    private static final long RECORDS_WAIT_MS = 60_000;

    private Traces() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("traces", Traces::records);
    }

    /** The records about the messages of these ids, as soon as there are so many; clients send them every 5 s. */
    private static JSONObject records(Call call) throws Exception {
        DefaultMQPullConsumer consumer = PullConsumers.named(call);
        Set<String> ids = new HashSet<>(call.list("ids").toList(String.class));
        JSONObject[][] found = {{}};
        Call.await(call.number("count", 1) + " trace records in " + call.text("topic"), RECORDS_WAIT_MS, () -> {
            try {
                found[0] = read(consumer, call.text("topic"), ids);
            } catch (MQClientException notThereYet) {
                return false;
            } catch (Exception cause) {
                throw new IllegalStateException(cause);
            }
            return found[0].length >= call.number("count", 1);
        });
        for (JSONObject record : found[0]) {
            call.emit("traced", record);
        }
        return new JSONObject();
    }

    private static JSONObject[] read(DefaultMQPullConsumer consumer, String topic, Set<String> ids) throws Exception {
        List<JSONObject> records = new ArrayList<>();
        for (MessageQueue queue : consumer.fetchSubscribeMessageQueues(topic)) {
            long offset = consumer.minOffset(queue);
            PullResult result = consumer.pull(queue, "*", offset, 32);
            while (result.getPullStatus() == PullStatus.FOUND) {
                for (MessageExt message : result.getMsgFoundList()) {
                    String data = new String(message.getBody(), StandardCharsets.UTF_8);
                    for (TraceContext trace : TraceDataEncoder.decoderFromTraceDataString(data)) {
                        for (TraceBean bean : trace.getTraceBeans()) {
                            if (ids.contains(bean.getMsgId())) {
                                records.add(record(trace, bean, message));
                            }
                        }
                    }
                }
                result = consumer.pull(queue, "*", result.getNextBeginOffset(), 32);
            }
        }
        return records.toArray(new JSONObject[0]);
    }

    private static JSONObject record(TraceContext trace, TraceBean bean, MessageExt message) {
        JSONObject record = new JSONObject();
        record.put("type", trace.getTraceType().name());
        record.put("region", trace.getRegionId());
        record.put("group", trace.getGroupName());
        record.put("topic", bean.getTopic());
        record.put("msgId", bean.getMsgId());
        record.put("offsetMsgId", bean.getOffsetMsgId());
        record.put("tags", bean.getTags());
        record.put("keys", bean.getKeys());
        record.put("storeHost", bean.getStoreHost());
        record.put("bodyBytes", bean.getBodyLength());
        record.put("retries", bean.getRetryTimes());
        record.put("costMs", trace.getCostTime());
        record.put("success", trace.isSuccess());
        record.put("request", trace.getRequestId());
        record.put("foundBy", message.getKeys());
        return record;
    }
}
