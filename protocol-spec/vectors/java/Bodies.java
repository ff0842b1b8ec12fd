import com.alibaba.fastjson2.JSONWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.TopicFilterType;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.message.MessageQueueAssignment;
import org.apache.rocketmq.common.message.MessageRequestMode;
import org.apache.rocketmq.remoting.protocol.DataVersion;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.admin.*;
import org.apache.rocketmq.remoting.protocol.body.*;
import org.apache.rocketmq.remoting.protocol.header.GetConsumerListByGroupResponseBody;
import org.apache.rocketmq.remoting.protocol.heartbeat.*;
import org.apache.rocketmq.remoting.protocol.route.*;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicQueueMappingInfo;
import org.apache.rocketmq.remoting.protocol.subscription.*;

/** Bodies with every field set, so that a field that is read under a wrong name shows. */
final class Bodies {
    private static final List<Map<String, Object>> OUT = new ArrayList<>();

    static List<Map<String, Object>> all() {
        clients();
        routes();
        topics();
        groups();
        offsets();
        running();
        broker();
        registration();
        return OUT;
    }

    private static void clients() {
        HeartbeatData beat = new HeartbeatData();
        beat.setClientID("10.0.0.1@1");
        beat.setHeartbeatFingerprint(99);
        beat.setWithoutSub(true);
        ProducerData producer = new ProducerData();
        producer.setGroupName("p-group");
        beat.getProducerDataSet().add(producer);
        ConsumerData consumer = new ConsumerData();
        consumer.setGroupName("c-group");
        consumer.setConsumeType(ConsumeType.CONSUME_ACTIVELY);
        consumer.setMessageModel(MessageModel.BROADCASTING);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
        consumer.setUnitMode(true);
        consumer.getSubscriptionDataSet().add(subscription());
        beat.getConsumerDataSet().add(consumer);
        add("HeartbeatData", beat);
        CheckClientRequestBody check = new CheckClientRequestBody();
        check.setClientId("10.0.0.1@1");
        check.setGroup("c-group");
        check.setNamespace("ns");
        check.setSubscriptionData(subscription());
        add("CheckClientRequest", check);
        GetConsumerListByGroupResponseBody list = new GetConsumerListByGroupResponseBody();
        list.setConsumerIdList(List.of("10.0.0.1@1", "10.0.0.2@1"));
        add("GetConsumerListByGroupResponse", list);
        ConsumerConnection consumers = new ConsumerConnection();
        consumers.getConnectionSet().add(connection());
        consumers.setConsumeType(ConsumeType.CONSUME_POP);
        consumers.setMessageModel(MessageModel.BROADCASTING);
        consumers.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumers.getSubscriptionTable().put("orders", subscription());
        add("ConsumerConnection", consumers);
        ProducerConnection producers = new ProducerConnection();
        producers.getConnectionSet().add(connection());
        add("ProducerConnection", producers);
        ProducerInfo info = new ProducerInfo("10.0.0.1@1", "10.0.0.1:5", LanguageCode.GO, 317, 1700000000000L);
        add("ProducerTableInfo", new ProducerTableInfo(Map.of("p-group", List.of(info))));
        QuerySubscriptionResponseBody queried = new QuerySubscriptionResponseBody();
        queried.setGroup("c-group");
        queried.setTopic("orders");
        queried.setSubscriptionData(subscription());
        add("QuerySubscriptionResponse", queried);
        LockBatchRequestBody lock = new LockBatchRequestBody();
        lock.setClientId("10.0.0.1@1");
        lock.setConsumerGroup("c-group");
        lock.setOnlyThisBroker(true);
        lock.getMqSet().add(queue(3));
        add("LockBatchRequest", lock);
        LockBatchResponseBody locked = new LockBatchResponseBody();
        locked.getLockOKMQSet().add(queue(3));
        add("LockBatchResponse", locked);
        QueryAssignmentRequestBody ask = new QueryAssignmentRequestBody();
        ask.setTopic("orders");
        ask.setConsumerGroup("c-group");
        ask.setClientId("10.0.0.1@1");
        ask.setStrategyName("AVG");
        ask.setMessageModel(MessageModel.BROADCASTING);
        add("QueryAssignmentRequest", ask);
        MessageQueueAssignment assignment = new MessageQueueAssignment();
        assignment.setMessageQueue(queue(3));
        assignment.setMode(MessageRequestMode.POP);
        assignment.setAttachments(Map.of("k", "v"));
        QueryAssignmentResponseBody assigned = new QueryAssignmentResponseBody();
        assigned.setMessageQueueAssignments(Set.of(assignment));
        add("QueryAssignmentResponse", assigned);
        SetMessageRequestModeRequestBody mode = new SetMessageRequestModeRequestBody();
        mode.setTopic("orders");
        mode.setConsumerGroup("c-group");
        mode.setMode(MessageRequestMode.POP);
        mode.setPopShareQueueNum(2);
        add("SetMessageRequestModeRequest", mode);
    }

    private static void routes() {
        TopicRouteData route = new TopicRouteData();
        HashMap<Long, String> addrs = new HashMap<>(Map.of(0L, "10.0.0.1:10911", 1L, "10.0.0.2:10911"));
        BrokerData data = new BrokerData("DefaultCluster", "broker-a", addrs, true);
        data.setZoneName("zone-1");
        route.setBrokerDatas(List.of(data));
        QueueData queues = new QueueData();
        queues.setBrokerName("broker-a");
        queues.setReadQueueNums(8);
        queues.setWriteQueueNums(4);
        queues.setPerm(6);
        queues.setTopicSysFlag(1);
        route.setQueueDatas(List.of(queues));
        route.setFilterServerTable(new HashMap<>(Map.of("10.0.0.1:10911", List.of("f:1"))));
        route.setOrderTopicConf("broker-a:4");
        add("TopicRouteData", "_unquoted_ids", route.encode(), "TopicRouteData", "For clients below version 401.");
        add("TopicRouteData", "_quoted_ids", route.encode(JSONWriter.Feature.BrowserCompatible,
            JSONWriter.Feature.MapSortField),
            "TopicRouteDataQuoted", "For clients from version 401 on.");
        ClusterInfo cluster = new ClusterInfo();
        cluster.setBrokerAddrTable(new HashMap<>(Map.of("broker-a", data)));
        cluster.setClusterAddrTable(new HashMap<>(Map.of("DefaultCluster", Set.of("broker-a"))));
        add("ClusterInfo", cluster);
        BrokerMemberGroup members = new BrokerMemberGroup("DefaultCluster", "broker-a");
        members.setBrokerAddrs(addrs);
        GetBrokerMemberGroupResponseBody group = new GetBrokerMemberGroupResponseBody();
        group.setBrokerMemberGroup(members);
        add("GetBrokerMemberGroupResponse", group);
    }

    private static void topics() {
        add("TopicConfig", "", RemotingSerializable.encode(topic("orders")), "TopicConfig", "Every field set.");
        TopicConfigSerializeWrapper wrapper = new TopicConfigSerializeWrapper();
        wrapper.getTopicConfigTable().put("orders", topic("orders"));
        wrapper.setDataVersion(version());
        add("TopicConfigSerializeWrapper", wrapper);
        CreateTopicListRequestBody list = new CreateTopicListRequestBody(List.of(topic("orders")));
        add("CreateTopicListRequest", list);
        TopicList names = new TopicList();
        names.getTopicList().add("orders");
        names.setBrokerAddr("10.0.0.1:10911");
        add("TopicList", names);
        TopicStatsTable stats = new TopicStatsTable();
        TopicOffset offset = new TopicOffset();
        offset.setMinOffset(1L);
        offset.setMaxOffset(9L);
        offset.setLastUpdateTimestamp(1700000000000L);
        stats.getOffsetTable().put(queue(3), offset);
        stats.setTopicPutTps(1.5);
        add("TopicStatsTable", stats);
    }

    private static void groups() {
        SubscriptionGroupConfig config = group();
        add("SubscriptionGroupConfig", "", RemotingSerializable.encode(config), "SubscriptionGroupConfig",
            "Every field away from its default.");
        add("SubscriptionGroupConfig", "_defaults", RemotingSerializable.encode(defaults()), "SubscriptionGroupConfig",
            "What a new group has.");
        SubscriptionGroupWrapper wrapper = new SubscriptionGroupWrapper();
        wrapper.getSubscriptionGroupTable().put("c-group", config);
        wrapper.getForbiddenTable().put("c-group", new ConcurrentHashMap<>(Map.of("orders", 2)));
        wrapper.setDataVersion(version());
        add("SubscriptionGroupWrapper", wrapper);
        SubscriptionGroupList list = new SubscriptionGroupList();
        list.setGroupConfigList(List.of(config));
        add("SubscriptionGroupList", list);
        GroupList names = new GroupList();
        names.setGroupList(new HashSet<>(Set.of("c-group")));
        add("GroupList", names);
        GroupForbidden forbidden = new GroupForbidden();
        forbidden.setGroup("c-group");
        forbidden.setTopic("orders");
        forbidden.setReadable(true);
        add("GroupForbidden", forbidden);
    }

    private static SubscriptionGroupConfig defaults() {
        SubscriptionGroupConfig config = new SubscriptionGroupConfig();
        config.setGroupName("c-group");
        return config;
    }

    private static SubscriptionGroupConfig group() {
        SubscriptionGroupConfig config = defaults();
        config.setConsumeEnable(false);
        config.setConsumeFromMinEnable(false);
        config.setConsumeBroadcastEnable(false);
        config.setConsumeMessageOrderly(true);
        config.setRetryQueueNums(2);
        config.setRetryMaxTimes(3);
        config.setBrokerId(4);
        config.setWhichBrokerWhenConsumeSlowly(5);
        config.setNotifyConsumerIdsChangedEnable(false);
        config.setGroupSysFlag(6);
        config.setConsumeTimeoutMinute(7);
        config.setAttributes(new HashMap<>(Map.of("k", "v")));
        SimpleSubscriptionData simple = new SimpleSubscriptionData("orders", "TAG", "TagA", 8);
        config.setSubscriptionDataSet(Set.of(simple));
        GroupRetryPolicy policy = new GroupRetryPolicy();
        policy.setType(GroupRetryPolicyType.EXPONENTIAL);
        policy.setExponentialRetryPolicy(new ExponentialRetryPolicy(1, 2, 3));
        policy.setCustomizedRetryPolicy(new CustomizedRetryPolicy(new long[] {1, 2}));
        config.setGroupRetryPolicy(policy);
        return config;
    }

    private static void offsets() {
        OffsetWrapper offset = new OffsetWrapper();
        offset.setBrokerOffset(9L);
        offset.setConsumerOffset(5L);
        offset.setPullOffset(6L);
        offset.setLastTimestamp(1700000000000L);
        ConsumeStats stats = new ConsumeStats();
        stats.getOffsetTable().put(queue(3), offset);
        stats.setConsumeTps(2.25);
        add("ConsumeStats", stats);
        ConsumeStatsList list = new ConsumeStatsList();
        list.setBrokerAddr("10.0.0.1:10911");
        list.setTotalDiff(4L);
        list.setTotalInflightDiff(1L);
        list.setConsumeStatsList(List.of(Map.of("c-group", List.of(stats))));
        add("ConsumeStatsList", list);
        ConsumerOffsetSerializeWrapper offsets = new ConsumerOffsetSerializeWrapper();
        offsets.getOffsetTable().put("orders@c-group", new ConcurrentHashMap<>(Map.of(0, 5L, 1, 7L)));
        offsets.setDataVersion(version());
        add("ConsumerOffsetSerializeWrapper", offsets);
        ResetOffsetBody reset = new ResetOffsetBody();
        reset.setOffsetTable(new HashMap<>(Map.of(queue(3), 5L)));
        add("ResetOffsetBody", reset);
        GetConsumerStatusBody status = new GetConsumerStatusBody();
        status.setMessageQueueTable(new HashMap<>(Map.of(queue(3), 5L)));
        status.setConsumerTable(new HashMap<>(Map.of("10.0.0.1@1", Map.of(queue(3), 6L))));
        add("GetConsumerStatusBody", status);
        QueryCorrectionOffsetBody correction = new QueryCorrectionOffsetBody();
        correction.setCorrectionOffsets(new HashMap<>(Map.of(0, 5L)));
        add("QueryCorrectionOffsetBody", correction);
        QueueTimeSpan span = new QueueTimeSpan();
        span.setMessageQueue(queue(3));
        span.setMinTimeStamp(1L);
        span.setMaxTimeStamp(2L);
        span.setConsumeTimeStamp(3L);
        span.setDelayTime(4L);
        QueryConsumeTimeSpanBody spans = new QueryConsumeTimeSpanBody();
        spans.setConsumeTimeSpanSet(List.of(span));
        OUT.add(Main.vector("body", "query_consume_time_span_body", spans.encode(), "RemotingSerializable",
            "The texts beside the times are derived and need not be written.",
            Main.map("type", "QueryConsumeTimeSpanBody", "same_bytes", false)));
    }

    private static void running() {
        ConsumerRunningInfo info = new ConsumerRunningInfo();
        Properties properties = new Properties();
        properties.setProperty("PROP_CONSUME_TYPE", "CONSUME_PASSIVELY");
        info.setProperties(properties);
        info.setJstack("thread \"main\"\n");
        info.getSubscriptionSet().add(subscription());
        ProcessQueueInfo process = new ProcessQueueInfo();
        process.setCommitOffset(1);
        process.setCachedMsgMinOffset(2);
        process.setCachedMsgMaxOffset(3);
        process.setCachedMsgCount(4);
        process.setCachedMsgSizeInMiB(5);
        process.setTransactionMsgMinOffset(6);
        process.setTransactionMsgMaxOffset(7);
        process.setTransactionMsgCount(8);
        process.setLocked(true);
        process.setTryUnlockTimes(9);
        process.setLastLockTimestamp(10);
        process.setDroped(true);
        process.setLastPullTimestamp(11);
        process.setLastConsumeTimestamp(12);
        info.getMqTable().put(queue(3), process);
        PopProcessQueueInfo pop = new PopProcessQueueInfo();
        pop.setWaitAckCount(1);
        pop.setDroped(true);
        pop.setLastPopTimestamp(2);
        info.getMqPopTable().put(queue(4), pop);
        ConsumeStatus status = new ConsumeStatus();
        status.setPullRT(1.5);
        status.setPullTPS(2.5);
        status.setConsumeRT(3.5);
        status.setConsumeOKTPS(4.5);
        status.setConsumeFailedTPS(5.5);
        status.setConsumeFailedMsgs(6);
        info.getStatusTable().put("orders", status);
        info.getUserConsumerInfo().put("k", "v");
        add("ConsumerRunningInfo", info);
        ConsumeMessageDirectlyResult result = new ConsumeMessageDirectlyResult();
        result.setOrder(true);
        result.setAutoCommit(false);
        result.setConsumeResult(CMResult.CR_LATER);
        result.setRemark("why");
        result.setSpentTimeMills(12);
        add("ConsumeMessageDirectlyResult", result);
    }

    private static void broker() {
        KVTable table = new KVTable();
        table.getTable().put("k", "v");
        add("KvTable", table);
        BrokerStatsItem item = new BrokerStatsItem();
        item.setSum(1);
        item.setTps(2.5);
        item.setAvgpt(3.5);
        BrokerStatsData stats = new BrokerStatsData();
        stats.setStatsMinute(item);
        stats.setStatsHour(item);
        stats.setStatsDay(item);
        add("BrokerStatsData", stats);
        ConsumeQueueData entry = new ConsumeQueueData();
        entry.setPhysicOffset(1);
        entry.setPhysicSize(2);
        entry.setTagsCode(3);
        entry.setExtendDataJson("{}");
        entry.setBitMap("01");
        entry.setEval(true);
        entry.setMsg("why");
        QueryConsumeQueueResponseBody queue = new QueryConsumeQueueResponseBody();
        queue.setQueueData(List.of(entry));
        queue.setFilterData("f");
        queue.setMinQueueIndex(4);
        queue.setMaxQueueIndex(5);
        queue.setSubscriptionData(subscription());
        add("QueryConsumeQueueResponse", queue);
        HARuntimeInfo ha = new HARuntimeInfo();
        ha.setMaster(true);
        ha.setMasterCommitLogMaxOffset(1);
        ha.setInSyncSlaveNums(2);
        HARuntimeInfo.HAConnectionRuntimeInfo slave = new HARuntimeInfo.HAConnectionRuntimeInfo();
        slave.setAddr("10.0.0.2:5");
        slave.setSlaveAckOffset(3);
        slave.setDiff(4);
        slave.setInSync(true);
        slave.setTransferredByteInSecond(5);
        slave.setTransferFromWhere(6);
        ha.setHaConnectionInfo(List.of(slave));
        ha.getHaClientRuntimeInfo().setMasterAddr("10.0.0.1:10912");
        ha.getHaClientRuntimeInfo().setTransferredByteInSecond(7);
        ha.getHaClientRuntimeInfo().setMaxOffset(8);
        ha.getHaClientRuntimeInfo().setLastReadTimestamp(9);
        ha.getHaClientRuntimeInfo().setLastWriteTimestamp(10);
        ha.getHaClientRuntimeInfo().setMasterFlushOffset(11);
        add("HaRuntimeInfo", ha);
    }

    private static void registration() {
        RegisterBrokerBody body = new RegisterBrokerBody();
        body.setFilterServerList(List.of("f:1"));
        TopicConfigAndMappingSerializeWrapper wrapper = body.getTopicConfigSerializeWrapper();
        wrapper.getTopicConfigTable().put("orders", topic("orders"));
        wrapper.setDataVersion(version());
        wrapper.setMappingDataVersion(version());
        TopicQueueMappingInfo mapping = new TopicQueueMappingInfo("static", 2, "broker-a", 5);
        mapping.getCurrIdMap().put(0, 1);
        wrapper.getTopicQueueMappingInfoMap().put("static", mapping);
        add("RegisterBrokerBody", body);
        OUT.add(Main.vector("register_compressed", "register_broker_body_compressed", body.encode(true),
            "RegisterBrokerBody", "The compressed form: topic flags, order and the mapping version are not in it.",
            Main.map("version", 493)));
    }

    private static TopicConfig topic(String name) {
        TopicConfig topic = new TopicConfig(name, 8, 4, 7, 1);
        topic.setTopicFilterType(TopicFilterType.MULTI_TAG);
        topic.setOrder(true);
        topic.setAttributes(new HashMap<>(Map.of("message.type", "NORMAL")));
        return topic;
    }

    private static DataVersion version() {
        DataVersion version = new DataVersion();
        version.setStateVersion(2);
        version.setTimestamp(1700000000000L);
        version.setCounter(new AtomicLong(3));
        return version;
    }

    private static SubscriptionData subscription() {
        SubscriptionData data = new SubscriptionData("orders", "TagA");
        data.setSubVersion(1700000000000L);
        data.getTagsSet().add("TagA");
        data.getCodeSet().add("TagA".hashCode());
        data.setExpressionType("TAG");
        data.setClassFilterMode(true);
        return data;
    }

    private static Connection connection() {
        Connection connection = new Connection();
        connection.setClientId("10.0.0.1@1");
        connection.setClientAddr("10.0.0.1:5");
        connection.setLanguage(LanguageCode.GO);
        connection.setVersion(317);
        return connection;
    }

    private static MessageQueue queue(int id) {
        return new MessageQueue("orders", "broker-a", id);
    }

    private static void add(String rustType, RemotingSerializable body) {
        add(rustType, "", body.encode(), rustType, "Every field set.");
    }

    private static void add(String rustType, String suffix, byte[] bytes, String read, String meaning) {
        String name = rustType.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase() + suffix;
        OUT.add(Main.vector("body", name, bytes, "RemotingSerializable", meaning, Main.map("type", read)));
    }
}
