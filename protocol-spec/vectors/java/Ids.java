import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.common.message.MessageDecoder;

/** Ids of messages by their place in the log. The bytes are those of the text. */
final class Ids {
    static List<Map<String, Object>> all() throws Exception {
        List<Map<String, Object>> out = new ArrayList<>();
        for (String ip : new String[] {"10.0.0.1", "2001:db8::2"}) {
            InetSocketAddress host = new InetSocketAddress(InetAddress.getByName(ip), 10911);
            String id = MessageDecoder.createMessageId(host, 123456789012L);
            out.add(Main.vector("offset_id", ip.contains(":") ? "offset_id_ipv6" : "offset_id_ipv4",
                id.getBytes(), "MessageDecoder", "Store host and physical offset in upper-case hex.",
                Main.map("host", ip.contains(":") ? "[" + ip + "]:10911" : ip + ":10911", "physical_offset", 123456789012L)));
        }
        return out;
    }
}
