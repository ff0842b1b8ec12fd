import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes the golden vectors of the protocol with Apache's own codec classes. */
public final class Main {
    static String producedBy;

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        producedBy = "Apache RocketMQ " + args[1];
        write(folder.resolve("frames.json"), Frames.all());
        write(folder.resolve("records.json"), Records.all());
        write(folder.resolve("bodies.json"), Bodies.all());
        write(folder.resolve("ids.json"), Ids.all());
    }

    /** One vector; `expect` holds what a reader must find in the bytes. */
    static Map<String, Object> vector(
        String kind, String name, byte[] bytes, String by, String meaning, Map<String, Object> expect) {
        Map<String, Object> vector = new LinkedHashMap<>();
        vector.put("name", name);
        vector.put("kind", kind);
        vector.put("meaning", meaning);
        vector.put("produced_by", producedBy + " " + by);
        vector.put("expect", expect);
        vector.put("hex", hex(bytes));
        return vector;
    }

    static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }

    static String hex(byte[] bytes) {
        StringBuilder out = new StringBuilder();
        for (byte b : bytes) {
            out.append(String.format("%02x", b));
        }
        return out.toString();
    }

    private static void write(Path path, List<Map<String, Object>> vectors) throws Exception {
        List<String> rows = new ArrayList<>();
        for (Map<String, Object> vector : vectors) {
            List<String> lines = new ArrayList<>();
            vector.forEach((key, value) ->
                lines.add("  " + JSON.toJSONString(key) + ": " + JSON.toJSONString(value, JSONWriter.Feature.WriteMapNullValue)));
            rows.add(" {\n" + String.join(",\n", lines) + "\n }");
        }
        String text = "[\n" + String.join(",\n", rows) + "\n]\n";
        Files.write(path, text.getBytes(StandardCharsets.UTF_8));
    }
}
