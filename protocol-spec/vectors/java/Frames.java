import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RequestCode;
import org.apache.rocketmq.remoting.protocol.ResponseCode;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.remoting.protocol.header.*;
import org.apache.rocketmq.remoting.protocol.header.namesrv.*;

/** Whole frames, as RemotingCommand writes them, with both kinds of header. */
final class Frames {
    private static final List<Map<String, Object>> OUT = new ArrayList<>();

    static List<Map<String, Object>> all() {
        for (SerializeType type : SerializeType.values()) {
            requests(type);
            responses(type);
        }
        return OUT;
    }

    private static void requests(SerializeType type) {
        SendMessageRequestHeader send = send("p-group", "orders");
        request(type, "send_message", RequestCode.SEND_MESSAGE, send, "hello", "A send with the long field names.");
        request(type, "send_message_v2", RequestCode.SEND_MESSAGE_V2,
            SendMessageRequestHeaderV2.createSendMessageRequestHeaderV2(send), "hello",
            "A send with one-letter field names; properties have their separators.");
        SendMessageRequestHeader odd = send("gruppe-ü", "orders");
        odd.setProperties("KEYS\u0001a\"b\\c/\u0002TAGS\u0001日本\u0002note\u0001line\nbreak\ttab\uD83D\uDE00\u0002");
        request(type, "send_message_v2_escapes", RequestCode.SEND_MESSAGE_V2,
            SendMessageRequestHeaderV2.createSendMessageRequestHeaderV2(odd), "ümlaut",
            "Quotes, a backslash, a slash, control characters, Japanese and a surrogate pair in the properties.");
        SendMessageRequestHeader batch = send("p-group", "orders");
        batch.setBatch(true);
        request(type, "send_batch_message", RequestCode.SEND_BATCH_MESSAGE,
            SendMessageRequestHeaderV2.createSendMessageRequestHeaderV2(batch), "", "The header of a batch; m is true.");
        PullMessageRequestHeader pull = new PullMessageRequestHeader();
        pull.setConsumerGroup("c-group");
        pull.setTopic("orders");
        pull.setQueueId(3);
        pull.setQueueOffset(123456789012L);
        pull.setMaxMsgNums(32);
        pull.setSysFlag(7);
        pull.setCommitOffset(123456789000L);
        pull.setSuspendTimeoutMillis(15000L);
        pull.setSubscription("TagA || TagB");
        pull.setSubVersion(1700000000000L);
        pull.setExpressionType("TAG");
        pull.setMaxMsgBytes(Integer.MAX_VALUE);
        request(type, "pull_message", RequestCode.PULL_MESSAGE, pull, "", "A pull that may be held and commits.");
        request(type, "lite_pull_message", RequestCode.LITE_PULL_MESSAGE, pull, "", "The same as code 361.");
        QueryConsumerOffsetRequestHeader query = new QueryConsumerOffsetRequestHeader();
        query.setConsumerGroup("c-group");
        query.setTopic("orders");
        query.setQueueId(0);
        request(type, "query_consumer_offset", RequestCode.QUERY_CONSUMER_OFFSET, query, "", "Reads an offset.");
        UpdateConsumerOffsetRequestHeader update = new UpdateConsumerOffsetRequestHeader();
        update.setConsumerGroup("c-group");
        update.setTopic("orders");
        update.setQueueId(0);
        update.setCommitOffset(42L);
        RemotingCommand oneway = RemotingCommand.createRequestCommand(RequestCode.UPDATE_CONSUMER_OFFSET, update);
        oneway.markOnewayRPC();
        add(type, "update_consumer_offset_oneway", oneway, "", "A commit that waits for no answer.");
        GetRouteInfoRequestHeader route = new GetRouteInfoRequestHeader();
        route.setTopic("orders");
        route.setAcceptStandardJsonOnly(true);
        request(type, "get_routeinfo_by_topic", RequestCode.GET_ROUTEINFO_BY_TOPIC, route, "", "Asks for a route.");
        UnregisterClientRequestHeader leave = new UnregisterClientRequestHeader();
        leave.setClientID("10.0.0.1@1");
        leave.setConsumerGroup("c-group");
        request(type, "unregister_client", RequestCode.UNREGISTER_CLIENT, leave, "", "A consumer leaves.");
        ConsumerSendMsgBackRequestHeader back = new ConsumerSendMsgBackRequestHeader();
        back.setOffset(4096L);
        back.setGroup("c-group");
        back.setDelayLevel(0);
        back.setOriginMsgId("0A0000010000277B0000000000001000");
        back.setOriginTopic("orders");
        back.setMaxReconsumeTimes(16);
        request(type, "consumer_send_msg_back", RequestCode.CONSUMER_SEND_MSG_BACK, back, "", "A delivery that failed.");
        CreateTopicRequestHeader topic = new CreateTopicRequestHeader();
        topic.setTopic("orders");
        topic.setDefaultTopic("TBW102");
        topic.setReadQueueNums(8);
        topic.setWriteQueueNums(8);
        topic.setPerm(6);
        topic.setTopicFilterType("SINGLE_TAG");
        topic.setTopicSysFlag(0);
        topic.setOrder(false);
        topic.setAttributes("+message.type=NORMAL");
        request(type, "update_and_create_topic", RequestCode.UPDATE_AND_CREATE_TOPIC, topic, "", "Creates a topic.");
        RegisterBrokerRequestHeader register = new RegisterBrokerRequestHeader();
        register.setBrokerName("broker-a");
        register.setBrokerAddr("10.0.0.1:10911");
        register.setClusterName("DefaultCluster");
        register.setHaServerAddr("10.0.0.1:10912");
        register.setBrokerId(0L);
        register.setHeartbeatTimeoutMillis(120000L);
        register.setEnableActingMaster(false);
        register.setCompressed(true);
        register.setBodyCrc32(305419896);
        request(type, "register_broker", RequestCode.REGISTER_BROKER, register, "", "Header of a registration.");
        EndTransactionRequestHeader end = new EndTransactionRequestHeader();
        end.setTopic("orders");
        end.setProducerGroup("p-group");
        end.setTranStateTableOffset(1L);
        end.setCommitLogOffset(4096L);
        end.setCommitOrRollback(8);
        end.setFromTransactionCheck(true);
        end.setMsgId("7F0000010000277B00001");
        end.setTransactionId("7F0000010000277B00001");
        request(type, "end_transaction", RequestCode.END_TRANSACTION, end, "", "Commits a half message.");
        NotifyConsumerIdsChangedRequestHeader notify = new NotifyConsumerIdsChangedRequestHeader();
        notify.setConsumerGroup("c-group");
        RemotingCommand changed =
            RemotingCommand.createRequestCommand(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, notify);
        changed.markOnewayRPC();
        add(type, "notify_consumer_ids_changed", changed, "", "A broker's call to a consumer.");
        request(type, "heart_beat", RequestCode.HEART_BEAT, null, "{\"clientID\":\"10.0.0.1@1\"}", "No fields; a body.");
        if (type == SerializeType.JSON) {
            PopMessageRequestHeader pop = new PopMessageRequestHeader();
            pop.setConsumerGroup("c-group");
            pop.setTopic("orders");
            pop.setQueueId(-1);
            pop.setMaxMsgNums(32);
            pop.setInvisibleTime(60000L);
            pop.setPollTime(15000L);
            pop.setBornTime(1700000000000L);
            pop.setInitMode(1);
            pop.setOrder(false);
            request(type, "pop_message", RequestCode.POP_MESSAGE, pop, "", "A code that needs more than 16 bits.");
        } else {
            PollingInfoRequestHeader polling = new PollingInfoRequestHeader();
            polling.setConsumerGroup("c-group");
            polling.setTopic("orders");
            polling.setQueueId(0);
            request(type, "polling_info_truncated", RequestCode.POLLING_INFO, polling, "",
                "Code 200055 loses its high bits in an int16 and arrives as 3447.");
        }
    }

    private static void responses(SerializeType type) {
        SendMessageResponseHeader sent = new SendMessageResponseHeader();
        sent.setMsgId("0A0000010000277B0000000000001000");
        sent.setQueueId(3);
        sent.setQueueOffset(77L);
        sent.setTransactionId("7F000001000018B4AAC2000000000000");
        response(type, "send_message_reply", ResponseCode.SUCCESS, null, sent, "", "The answer to a send.");
        PullMessageResponseHeader pulled = new PullMessageResponseHeader();
        pulled.setSuggestWhichBrokerId(0L);
        pulled.setNextBeginOffset(100L);
        pulled.setMinOffset(0L);
        pulled.setMaxOffset(100L);
        response(type, "pull_message_reply", ResponseCode.SUCCESS, null, pulled, "records", "The answer to a pull.");
        response(type, "pull_not_found", ResponseCode.PULL_NOT_FOUND, "no new message", pulled, "", "Nothing to read.");
        response(type, "refusal", ResponseCode.TOPIC_NOT_EXIST,
            "topic \"orders\" does not exist\nsee <docs> für mehr", null, "", "A refusal with an odd remark and no fields.");
        RegisterBrokerResponseHeader registered = new RegisterBrokerResponseHeader();
        registered.setHaServerAddr("10.0.0.1:10912");
        registered.setMasterAddr("10.0.0.1:10911");
        response(type, "register_broker_reply", ResponseCode.SUCCESS, null, registered, "", "The answer to a registration.");
    }

    private static SendMessageRequestHeader send(String group, String topic) {
        SendMessageRequestHeader header = new SendMessageRequestHeader();
        header.setProducerGroup(group);
        header.setTopic(topic);
        header.setDefaultTopic("TBW102");
        header.setDefaultTopicQueueNums(4);
        header.setQueueId(3);
        header.setSysFlag(0);
        header.setBornTimestamp(1700000000000L);
        header.setFlag(-5);
        header.setProperties("UNIQ_KEY\u00017F000001000018B4AAC2000000000000\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002");
        header.setReconsumeTimes(0);
        header.setUnitMode(false);
        header.setMaxReconsumeTimes(16);
        header.setBatch(false);
        header.setBrokerName("broker-a");
        return header;
    }

    private static void request(
        SerializeType type, String name, int code, CommandCustomHeader header, String body, String meaning) {
        add(type, name, RemotingCommand.createRequestCommand(code, header), body, meaning);
    }

    private static void response(SerializeType type, String name, int code, String remark,
        CommandCustomHeader header, String body, String meaning) {
        RemotingCommand command = RemotingCommand.createResponseCommandWithHeader(code, header);
        command.setRemark(remark);
        add(type, name, command, body, meaning);
    }

    private static void add(SerializeType type, String name, RemotingCommand command, String body, String meaning) {
        byte[] bodyBytes = body.getBytes(StandardCharsets.UTF_8);
        command.setSerializeTypeCurrentRPC(type);
        command.setLanguage(LanguageCode.JAVA);
        command.setVersion(493);
        command.setOpaque(1000 + OUT.size());
        command.setBody(bodyBytes);
        ByteBuffer buffer = command.encode();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        Map<String, Object> expect = Main.map(
            "serialize", type.name(), "code", command.getCode(), "language", "JAVA", "version", 493,
            "opaque", command.getOpaque(), "flag", command.getFlag(), "remark", command.getRemark(),
            "fields", new TreeMap<>(fields(bytes)), "body", Main.hex(bodyBytes));
        String suffix = type == SerializeType.JSON ? "json" : "binary";
        OUT.add(Main.vector("frame", name + "_" + suffix, bytes, "RemotingCommand", meaning, expect));
    }

    /** The fields as Apache's own reader finds them in the bytes. */
    private static Map<String, String> fields(byte[] bytes) {
        try {
            ByteBuffer frame = ByteBuffer.wrap(bytes, 4, bytes.length - 4).slice();
            Map<String, String> fields = RemotingCommand.decode(frame).getExtFields();
            return fields == null ? Map.of() : fields;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
