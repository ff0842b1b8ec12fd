package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** Delayed messages, and their recall. */
final class Timers {
    private Timers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("timer.send", Timers::send);
        operations.put("timer.recall", Timers::recall);
    }

    private static JSONObject send(Call call) throws Exception {
        DefaultMQProducer producer = Producers.named(call);
        String topic = call.text("topic");
        long nowMs = System.currentTimeMillis();
        for (Object item : call.list("messages")) {
            JSONObject wanted = (JSONObject) item;
            Message message = Json.message(topic, wanted);
            if (wanted.containsKey("level")) {
                message.setDelayTimeLevel(wanted.getIntValue("level"));
            }
            if (wanted.containsKey("delaySec")) {
                message.setDelayTimeSec(wanted.getLongValue("delaySec"));
            }
            if (wanted.containsKey("delayMs")) {
                message.setDelayTimeMs(wanted.getLongValue("delayMs"));
            }
            if (wanted.containsKey("deliverInMs")) {
                message.setDeliverTimeMs(nowMs + wanted.getLongValue("deliverInMs"));
            }
            SendResult result = producer.send(message);
            JSONObject sent = Json.sent(result);
            sent.put("recallHandle", result.getRecallHandle());
            call.emit("sent", sent);
        }
        return new JSONObject();
    }

    private static JSONObject recall(Call call) throws Exception {
        String id = Producers.named(call).recallMessage(call.text("topic"), call.text("handle"));
        return Json.of("msgId", id);
    }
}
