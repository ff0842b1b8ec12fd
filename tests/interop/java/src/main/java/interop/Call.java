package interop;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import com.alibaba.fastjson2.JSONWriter;
import java.io.PrintStream;
import java.util.function.BooleanSupplier;
import org.apache.rocketmq.client.consumer.MessageSelector;

/** One request of the test: its arguments, and the events it is answered with, one JSON object a line. */
final class Call {
    private static final PrintStream EVENTS = System.out;

    private final long id;
    private final JSONObject args;

    Call(JSONObject args) {
        this.id = args.getLongValue("id");
        this.args = args;
    }

    void emit(String event, JSONObject fields) {
        JSONObject line = new JSONObject();
        line.put("id", id);
        line.put("event", event);
        line.putAll(fields);
        synchronized (EVENTS) {
            EVENTS.print(line.toString(JSONWriter.Feature.WriteMapNullValue) + "\n");
            EVENTS.flush();
        }
    }

    String text(String name) {
        String value = args.getString(name);
        if (value == null) {
            throw new IllegalArgumentException("argument " + name + " is missing");
        }
        return value;
    }

    String text(String name, String otherwise) {
        return args.containsKey(name) ? args.getString(name) : otherwise;
    }

    int number(String name, int otherwise) {
        return args.containsKey(name) ? args.getIntValue(name) : otherwise;
    }

    long longNumber(String name, long otherwise) {
        return args.containsKey(name) ? args.getLongValue(name) : otherwise;
    }

    boolean flag(String name, boolean otherwise) {
        return args.containsKey(name) ? args.getBooleanValue(name) : otherwise;
    }

    JSONArray list(String name) {
        return args.getJSONArray(name);
    }

    JSONObject object(String name) {
        return args.getJSONObject(name);
    }

    /** A condition on properties where one is given, else tags. */
    MessageSelector selector() {
        String sql = text("sql", null);
        return sql == null ? MessageSelector.byTag(text("tags", "*")) : MessageSelector.bySql(sql);
    }

    /** Waits until the client's own threads have brought about {@code condition}; the client offers no event for it. */
    static void await(String what, long timeoutMs, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("waited " + timeoutMs + " ms in vain for " + what);
            }
            Thread.sleep(10);
        }
    }
}
