package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.BoundaryType;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.admin.OffsetWrapper;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Where consumers stand and messages lie, as the client's own classes and mqadmin's tell it. */
final class Replays {
    private static final long TOLD_WAIT_MS = 60_000;

    private Replays() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("replay.search", Replays::search);
        operations.put("replay.status", Replays::status);
        operations.put("replay.pulled", Replays::pulled);
    }

    /** The offset at each time, by the boundary: LOWER or UPPER. */
    private static JSONObject search(Call call) throws Exception {
        DefaultMQProducer producer = Producers.named(call);
        BoundaryType boundary = BoundaryType.valueOf(call.text("boundary"));
        MessageQueue queue = producer.fetchPublishMessageQueues(call.text("topic")).get(0);
        long[] times = call.list("times").stream().mapToLong(time -> ((Number) time).longValue()).toArray();
        long[] offsets = new long[times.length];
        for (int i = 0; i < times.length; i++) {
            offsets[i] = producer.getDefaultMQProducerImpl().getMqClientFactory().getMQAdminImpl()
                .searchOffset(queue, times[i], boundary);
        }
        return Json.of("offsets", offsets);
    }

    /** What each client of the group says of its queues, once all of it adds up to {@code sum}. */
    private static JSONObject status(Call call) throws Exception {
        JSONObject[] clients = {null};
        asked(call, "offsets that add up", admin -> {
            clients[0] = new JSONObject();
            long sum = 0;
            for (var client : admin.getConsumeStatus(call.text("topic"), call.text("group"), call.text("client", ""))
                .entrySet()) {
                Map<String, Long> queues = new TreeMap<>();
                client.getValue().forEach((queue, offset) -> queues.put(String.valueOf(queue.getQueueId()), offset));
                sum += queues.values().stream().mapToLong(Long::longValue).sum();
                clients[0].put(client.getKey(), queues);
            }
            return sum == call.longNumber("sum", 0);
        });
        return Json.of("clients", clients[0]);
    }

    /** Waits until the group has pulled up to {@code offset} of the topic's one queue. */
    private static JSONObject pulled(Call call) throws Exception {
        asked(call, "a pull", admin -> admin
            .examineConsumeStats(call.text("group"), call.text("topic")).getOffsetTable().values().stream()
            .mapToLong(OffsetWrapper::getPullOffset).anyMatch(offset -> offset >= call.longNumber("offset", 0)));
        return new JSONObject();
    }

    private interface Question {
        boolean holds(DefaultMQAdminExt admin) throws Exception;
    }

    /** Asks until the answer is yes. A refusal ends it. */
    private static void asked(Call call, String what, Question question) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(call.text("nameserver"));
        admin.setInstanceName("admin-" + System.nanoTime());
        admin.start();
        Exception[] refusal = {null};
        try {
            Call.await(what, TOLD_WAIT_MS, () -> {
                try {
                    return question.holds(admin);
                } catch (Exception cause) {
                    refusal[0] = cause;
                    return true;
                }
            });
        } finally {
            admin.shutdown();
        }
        if (refusal[0] != null) {
            throw refusal[0];
        }
    }
}
