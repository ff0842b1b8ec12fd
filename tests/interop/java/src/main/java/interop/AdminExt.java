package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.HashMap;
import java.util.Map;
import org.apache.rocketmq.remoting.protocol.body.BrokerStatsData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** What only DefaultMQAdminExt offers and no command of mqadmin does: topics with attributes, the broker's statistics. */
final class AdminExt {
    private AdminExt() {
    }

    private interface Work {
        JSONObject with(DefaultMQAdminExt admin) throws Exception;
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("topic.create", call -> connected(call, admin -> create(call, admin)));
        operations.put("statistic", call -> connected(call, admin -> statistic(call, admin)));
    }

    private static JSONObject connected(Call call, Work work) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(call.text("nameserver"));
        admin.setInstanceName("admin-" + System.nanoTime());
        admin.start();
        try {
            return work.with(admin);
        } finally {
            admin.shutdown();
        }
    }

    private static JSONObject create(Call call, DefaultMQAdminExt admin) throws Exception {
        Map<String, String> attributes = new HashMap<>();
        call.object("attributes").forEach((name, value) -> attributes.put(name, value.toString()));
        admin.createTopic("TBW102", call.text("topic"), call.number("queues", 1), attributes);
        return new JSONObject();
    }

    private static JSONObject statistic(Call call, DefaultMQAdminExt admin) throws Exception {
        BrokerStatsData data = admin.viewBrokerStatsData(call.text("broker"), call.text("name"), call.text("key"));
        JSONObject answer = Json.of("minute", data.getStatsMinute().getSum());
        answer.put("hour", data.getStatsHour().getSum());
        answer.put("day", data.getStatsDay().getSum());
        return answer;
    }
}
