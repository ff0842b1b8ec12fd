package interop;

import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * The official client as the test's servant: each line of standard input is a call {id, op, …}, each line of
 * standard output an event {id, event, …}; a call ends with "done" or "failed". End of input ends the program.
 */
public final class Interop {
    interface Operation {
        JSONObject run(Call call) throws Exception;
    }

    private static final Map<String, Operation> OPERATIONS = new HashMap<>();

    public static void main(String[] args) throws Exception {
        // Apache's programs all do this first; without it a broker's registration is taken for an ancient one.
        System.setProperty(RemotingCommand.REMOTING_VERSION_KEY, Integer.toString(MQVersion.CURRENT_VERSION));
        Producers.register(OPERATIONS);
        TransactionProducers.register(OPERATIONS);
        PushConsumers.register(OPERATIONS);
        OrderedConsumers.register(OPERATIONS);
        PullConsumers.register(OPERATIONS);
        LitePullConsumers.register(OPERATIONS);
        Replies.register(OPERATIONS);
        Pops.register(OPERATIONS);
        Replays.register(OPERATIONS);
        Timers.register(OPERATIONS);
        Traces.register(OPERATIONS);
        Batches.register(OPERATIONS);
        AdminExt.register(OPERATIONS);
        Admin.register(OPERATIONS);
        ApacheServer.register(OPERATIONS);
        Captured.install();
        ExecutorService calls = Executors.newCachedThreadPool();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JSONObject request = JSON.parseObject(line);
            calls.execute(() -> answer(request));
        }
        ApacheServer.stopAll();
        // The test is over or dead; nobody is left to read what a clean shutdown of the clients would say.
        Runtime.getRuntime().halt(0);
    }

    private static void answer(JSONObject request) {
        Call call = new Call(request);
        try {
            Operation operation = OPERATIONS.get(call.text("op"));
            if (operation == null) {
                throw new IllegalArgumentException("no operation " + call.text("op"));
            }
            call.emit("done", operation.run(call));
        } catch (Throwable cause) {
            StringWriter trace = new StringWriter();
            cause.printStackTrace(new PrintWriter(trace));
            JSONObject failure = new JSONObject();
            failure.put("class", cause.getClass().getSimpleName());
            failure.put("message", cause.getMessage());
            failure.put("trace", trace.toString());
            if (cause instanceof org.apache.rocketmq.client.exception.MQBrokerException) {
                failure.put("code", ((org.apache.rocketmq.client.exception.MQBrokerException) cause).getResponseCode());
            }
            call.emit("failed", failure);
        }
    }
}
