import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.compression.CompressorFactory;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageBatch;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageExtBrokerInner;
import org.apache.rocketmq.common.message.MessageVersion;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.store.MessageExtEncoder;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/** Stored records, as the client's and the store's encoders write them, and batch bodies. */
final class Records {
    private static final List<Map<String, Object>> OUT = new ArrayList<>();
    private static final String PROPERTIES =
        "UNIQ_KEY\u00017F000001000018B4AAC2000000000000\u0002TAGS\u0001TagA\u0002KEYS\u0001k1 k2\u0002";

    static List<Map<String, Object>> all() throws Exception {
        stored("record_v1", "orders", "hello", "127.0.0.1", "10.0.0.1", 0, true, "One-byte topic length, IPv4.");
        stored("record_v1_no_crc", "orders", "hello", "127.0.0.1", "10.0.0.1", 0, false,
            "The same as Apache stores it by default: only the body has a CRC.");
        stored("record_v1_ipv6", "orders", "hello", "2001:db8::1", "2001:db8::2", 0, true, "Both hosts IPv6.");
        stored("record_v1_mixed", "orders", "hello", "2001:db8::1", "10.0.0.1", 0, true, "Born on IPv6, stored on IPv4.");
        stored("record_v2", "%RETRY%" + "g".repeat(130), "hello", "127.0.0.1", "10.0.0.1", 0, true,
            "A topic over 127 bytes: two-byte length, other magic.");
        stored("record_empty_body", "orders", "", "127.0.0.1", "10.0.0.1", 0, true, "No body; its CRC is 0.");
        stored("record_utf8", "orders", "größe 日本", "127.0.0.1", "10.0.0.1", 0, true, "A body in UTF-8.");
        compressed();
        clientEncoded();
        batch();
        return OUT;
    }

    private static void stored(String name, String topic, String body, String born, String store,
        int sysFlag, boolean crc, String meaning) throws Exception {
        stored(name, topic, body.getBytes(StandardCharsets.UTF_8), born, store, sysFlag, crc, meaning);
    }

    private static void stored(String name, String topic, byte[] body, String born, String store,
        int sysFlag, boolean crc, String meaning) throws Exception {
        MessageExtBrokerInner message = new MessageExtBrokerInner();
        message.setTopic(topic);
        message.setBody(body);
        message.setBodyCRC(UtilAll.crc32(body));
        message.setQueueId(3);
        message.setFlag(-5);
        message.setSysFlag(sysFlag);
        message.setBornTimestamp(1700000000000L);
        message.setStoreTimestamp(1700000000123L);
        message.setBornHost(new InetSocketAddress(InetAddress.getByName(born), 54321));
        message.setStoreHost(new InetSocketAddress(InetAddress.getByName(store), 10911));
        if (born.contains(":")) {
            message.setBornHostV6Flag();
        }
        if (store.contains(":")) {
            message.setStoreHostAddressV6Flag();
        }
        message.setReconsumeTimes(2);
        message.setPreparedTransactionOffset(9L);
        message.setPropertiesString(PROPERTIES);
        boolean longTopic = topic.getBytes(StandardCharsets.UTF_8).length > Byte.MAX_VALUE;
        message.setVersion(longTopic ? MessageVersion.MESSAGE_VERSION_V2 : MessageVersion.MESSAGE_VERSION_V1);
        message.setQueueOffset(77L);
        MessageStoreConfig config = new MessageStoreConfig();
        config.setMaxMessageSize(64 * 1024);
        config.setEnabledAppendPropCRC(crc);
        MessageExtEncoder encoder = new MessageExtEncoder(config);
        if (encoder.encode(message) != null) {
            throw new IllegalStateException("the encoder refused " + name);
        }
        ByteBuffer buffer = encoder.getEncoderBuffer();
        byte[] bytes = new byte[buffer.getInt(0)];
        buffer.get(0, bytes);
        // What the commit log fills in when it appends.
        ByteBuffer.wrap(bytes).putLong(28, 4096L);
        if (crc) {
            int covered = bytes.length - 20;
            int value = UtilAll.crc32(bytes, 0, covered);
            MessageDecoder.createCrc32(ByteBuffer.wrap(bytes, covered, 20), value);
        }
        OUT.add(Main.vector("record", name, bytes, "MessageExtEncoder", meaning, expect(bytes, crc)));
    }

    private static void compressed() throws Exception {
        byte[] plain = "compress me ".repeat(50).getBytes(StandardCharsets.UTF_8);
        for (CompressionType type : CompressionType.values()) {
            byte[] body = CompressorFactory.getCompressor(type).compress(plain, 5);
            int sysFlag = MessageSysFlag.COMPRESSED_FLAG | type.getCompressionFlag();
            stored("record_" + type.name().toLowerCase(), "orders", body, "127.0.0.1", "10.0.0.1", sysFlag, true,
                "The body is 'compress me ' fifty times, compressed with " + type + ".");
        }
    }

    private static void clientEncoded() throws Exception {
        MessageExt message = new MessageExt();
        message.setTopic("orders");
        message.setBody("hello".getBytes(StandardCharsets.UTF_8));
        message.setBodyCRC(UtilAll.crc32(message.getBody()));
        message.setQueueId(1);
        message.setFlag(7);
        message.setQueueOffset(5L);
        message.setCommitLogOffset(2048L);
        message.setSysFlag(MessageSysFlag.TRANSACTION_PREPARED_TYPE);
        message.setBornTimestamp(1700000000000L);
        message.setStoreTimestamp(1700000000001L);
        message.setBornHost(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 1));
        message.setStoreHost(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 2));
        message.putUserProperty("colour", "blue");
        byte[] bytes = MessageDecoder.encode(message, false);
        OUT.add(Main.vector("record", "record_by_message_decoder", bytes, "MessageDecoder",
            "A record as MessageDecoder.encode writes it, prepared transaction bit set.", expect(bytes, false)));
    }

    private static void batch() throws Exception {
        List<Message> messages = new ArrayList<>();
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Message message = new Message("orders", "TagA", "key" + i, ("body " + i).getBytes(StandardCharsets.UTF_8));
            message.setFlag(i - 1);
            message.setWaitStoreMsgOK(true);
            messages.add(message);
            items.add(Main.map("flag", message.getFlag(), "body", Main.hex(message.getBody()),
                "properties", Main.hex(
                    MessageDecoder.messageProperties2String(message.getProperties()).getBytes(StandardCharsets.UTF_8))));
        }
        byte[] bytes = MessageBatch.generateFromList(messages).encode();
        OUT.add(Main.vector("batch", "batch_of_three", bytes, "MessageBatch", "The body of a batch send.",
            Main.map("items", items)));
    }

    /** What Apache's own reader finds in the bytes. */
    private static Map<String, Object> expect(byte[] bytes, boolean crc) throws Exception {
        MessageExt message = MessageDecoder.decode(ByteBuffer.wrap(bytes), true, false);
        byte[] body = message.getBody() == null ? new byte[0] : message.getBody();
        InetSocketAddress born = (InetSocketAddress) message.getBornHost();
        InetSocketAddress store = (InetSocketAddress) message.getStoreHost();
        return Main.map(
            "topic", message.getTopic(), "queue_id", message.getQueueId(), "flag", message.getFlag(),
            "queue_offset", message.getQueueOffset(), "physical_offset", message.getCommitLogOffset(),
            "sys_flag", message.getSysFlag(), "born_timestamp_ms", message.getBornTimestamp(),
            "born_host", host(born), "store_timestamp_ms", message.getStoreTimestamp(), "store_host", host(store),
            "reconsume_times", message.getReconsumeTimes(),
            "prepared_transaction_offset", message.getPreparedTransactionOffset(),
            "body_crc", message.getBodyCRC(), "body", Main.hex(body),
            "properties", message.getProperties().containsKey("UNIQ_KEY")
                ? Main.map("UNIQ_KEY", message.getProperty("UNIQ_KEY"), "TAGS", message.getTags(), "KEYS", message.getKeys())
                : Main.map("colour", message.getProperty("colour")),
            "crc_property", crc, "offset_id", message.getMsgId());
    }

    private static String host(InetSocketAddress address) {
        String ip = address.getAddress().getHostAddress();
        return (ip.contains(":") ? "[" + ip + "]" : ip) + ":" + address.getPort();
    }
}
