package interop;

import com.alibaba.fastjson2.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** The client's objects as the test reads them. */
final class Json {
    /** Bodies over this are told by size and checksum alone. */
    private static final int BODY_SHOWN_BYTES_MAX = 4096;

    private Json() {
    }

    static JSONObject of(String name, Object value) {
        JSONObject object = new JSONObject();
        object.put(name, value);
        return object;
    }

    static JSONObject sent(SendResult result) {
        JSONObject object = new JSONObject();
        object.put("status", result.getSendStatus().name());
        object.put("msgId", result.getMsgId());
        object.put("offsetMsgId", result.getOffsetMsgId());
        object.put("topic", result.getMessageQueue().getTopic());
        object.put("queue", result.getMessageQueue().getQueueId());
        object.put("offset", result.getQueueOffset());
        return object;
    }

    static JSONObject received(MessageExt message) {
        byte[] body = message.getBody();
        CRC32 crc = new CRC32();
        crc.update(body);
        JSONObject object = new JSONObject();
        object.put("topic", message.getTopic());
        object.put("queue", message.getQueueId());
        object.put("offset", message.getQueueOffset());
        object.put("bodyBytes", body.length);
        object.put("bodyCrc", crc.getValue());
        if (body.length <= BODY_SHOWN_BYTES_MAX) {
            object.put("body", new String(body, StandardCharsets.UTF_8));
        }
        object.put("tags", message.getTags());
        object.put("keys", message.getKeys());
        object.put("flag", message.getFlag());
        object.put("sysFlag", message.getSysFlag());
        object.put("reconsume", message.getReconsumeTimes());
        object.put("msgId", message.getMsgId());
        object.put("storeTimestamp", message.getStoreTimestamp());
        object.put("bornTimestamp", message.getBornTimestamp());
        object.put("storeBytes", message.getStoreSize());
        object.put("physicalOffset", message.getCommitLogOffset());
        object.put("props", new TreeMap<>(message.getProperties()));
        return object;
    }

    static Message message(String topic, JSONObject from) {
        byte[] body;
        if (from.containsKey("bodyBytes")) {
            body = patterned(from.getIntValue("bodyBytes"));
        } else {
            body = from.getString("body").getBytes(StandardCharsets.UTF_8);
        }
        Message message = new Message(topic, from.getString("tags"), from.getString("keys"), body);
        message.setFlag(from.getIntValue("flag"));
        if (from.containsKey("delayLevel")) {
            message.setDelayTimeLevel(from.getIntValue("delayLevel"));
        }
        if (from.containsKey("priority")) {
            message.setPriority(from.getIntValue("priority"));
        }
        JSONObject props = from.getJSONObject("props");
        if (props != null) {
            props.forEach((name, value) -> message.putUserProperty(name, value.toString()));
        }
        return message;
    }

    /** Letters in a repeating row: compresses well, and the test can make the same. */
    private static byte[] patterned(int bodyBytes) {
        byte[] body = new byte[bodyBytes];
        for (int i = 0; i < bodyBytes; i++) {
            body[i] = (byte) ('a' + i % 26);
        }
        return body;
    }

    static JSONObject queue(MessageQueue queue) {
        JSONObject object = new JSONObject();
        object.put("topic", queue.getTopic());
        object.put("broker", queue.getBrokerName());
        object.put("queue", queue.getQueueId());
        return object;
    }

    static Object queueIds(Collection<MessageQueue> queues) {
        return queues.stream().mapToInt(MessageQueue::getQueueId).sorted().boxed().toArray();
    }
}
