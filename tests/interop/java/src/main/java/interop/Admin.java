package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Collections;
import java.util.Map;
import org.apache.rocketmq.client.QueryResult;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/** The administrative calls of every client (MQAdmin), and mqadmin's own commands. */
final class Admin {
    private static final Object ONE_COMMAND_AT_A_TIME = new Object();
    private static final long INDEX_WAIT_MS = 20_000;
    private static final long ENDLESS_COMMAND_WAIT_MS = 30_000;

    private Admin() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("mqadmin", Admin::mqadmin);
        operations.put("createTopic", Admin::createTopic);
        operations.put("queryByKey", Admin::queryByKey);
        operations.put("viewMessage", Admin::viewMessage);
        operations.put("offsets", Admin::offsets);
    }

    /** Runs one mqadmin command and gives what it printed; one that has no end, until it printed {@code until}. */
    private static JSONObject mqadmin(Call call) throws Exception {
        String[] args = call.list("args").toArray(new String[0]);
        String until = call.text("until", null);
        Runnable command = () -> MQAdminStartup.main0(args, null);
        Captured captured;
        synchronized (ONE_COMMAND_AT_A_TIME) {
            captured = until == null
                ? Captured.during(command) : Captured.until(until, ENDLESS_COMMAND_WAIT_MS, command);
        }
        JSONObject answer = Json.of("stdout", captured.out());
        answer.put("stderr", captured.err());
        return answer;
    }

    private static JSONObject createTopic(Call call) throws Exception {
        Producers.named(call).createTopic("TBW102", call.text("topic"), call.number("queues", 4), Collections.emptyMap());
        return new JSONObject();
    }

    /** The index is written behind the log: asked again until {@code atLeast} messages are found, if that is set. */
    private static JSONObject queryByKey(Call call) throws Exception {
        int atLeast = call.number("atLeast", 0);
        QueryResult[] found = {null};
        MQClientException[] refused = {null};
        Call.await(atLeast + " messages with key " + call.text("key"), INDEX_WAIT_MS, () -> {
            try {
                found[0] = Producers.named(call).queryMessage(call.text("topic"), call.text("key"),
                    call.number("count", 32), call.longNumber("begin", 0), call.longNumber("end", Long.MAX_VALUE));
                return found[0].getMessageList().size() >= atLeast;
            } catch (MQClientException cause) {
                refused[0] = cause;
                return atLeast == 0;
            } catch (InterruptedException cause) {
                throw new IllegalStateException(cause);
            }
        });
        if (found[0] == null) {
            throw refused[0];
        }
        found[0].getMessageList().forEach(message -> call.emit("received", Json.received(message)));
        return Json.of("count", found[0].getMessageList().size());
    }

    /** By offset id, or by the unique id that the client itself gave. */
    private static JSONObject viewMessage(Call call) throws Exception {
        MessageExt message = Producers.named(call).viewMessage(call.text("topic"), call.text("msgId"));
        return Json.of("message", message == null ? null : Json.received(message));
    }

    private static JSONObject offsets(Call call) throws Exception {
        DefaultMQProducer producer = Producers.named(call);
        JSONObject answer = new JSONObject();
        for (MessageQueue queue : producer.fetchPublishMessageQueues(call.text("topic"))) {
            if (queue.getQueueId() == call.number("queue", 0)) {
                answer.put("min", producer.minOffset(queue));
                answer.put("max", producer.maxOffset(queue));
                answer.put("at", producer.searchOffset(queue, call.longNumber("timestamp", 0)));
                answer.put("earliest", producer.earliestMsgStoreTime(queue));
            }
        }
        return answer;
    }
}
