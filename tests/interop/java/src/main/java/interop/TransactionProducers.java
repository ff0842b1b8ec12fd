package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.TransactionSendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * TransactionMQProducer. What the application decides stands in the message: property "execute" is the state after the
 * local transaction, "check" the answer to a check.
 */
final class TransactionProducers {
    private static final Map<String, TransactionMQProducer> PRODUCERS = new ConcurrentHashMap<>();

    private TransactionProducers() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("transaction.start", TransactionProducers::start);
        operations.put("transaction.send", TransactionProducers::send);
        operations.put("transaction.stop", TransactionProducers::stop);
    }

    /** Its answer comes when the producer stops; "started" says that it runs, "checked" that the broker asked. */
    private static JSONObject start(Call call) throws Exception {
        TransactionMQProducer producer = new TransactionMQProducer(call.text("group"));
        producer.setNamesrvAddr(call.text("nameserver"));
        producer.setInstanceName(call.text("producer"));
        producer.setSendMsgTimeout(10_000);
        producer.setVipChannelEnabled(false);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
                return state(message.getUserProperty("execute"));
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                call.emit("checked", Json.received(message));
                return state(message.getUserProperty("check"));
            }
        });
        producer.start();
        // A broker is asked to remember the producer once it sends; here at once.
        MQClientInstance client = producer.getDefaultMQProducerImpl().getMqClientFactory();
        client.updateTopicRouteInfoFromNameServer(call.text("topic"));
        client.sendHeartbeatToAllBrokerWithLock();
        PRODUCERS.put(call.text("producer"), producer);
        call.emit("started", new JSONObject());
        synchronized (producer) {
            while (PRODUCERS.get(call.text("producer")) == producer) {
                producer.wait();
            }
        }
        return new JSONObject();
    }

    private static LocalTransactionState state(String decided) {
        if ("commit".equals(decided)) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }
        return "rollback".equals(decided) ? LocalTransactionState.ROLLBACK_MESSAGE : LocalTransactionState.UNKNOW;
    }

    private static TransactionMQProducer named(Call call) {
        TransactionMQProducer producer = PRODUCERS.get(call.text("producer"));
        if (producer == null) {
            throw new IllegalArgumentException("no transaction producer " + call.text("producer"));
        }
        return producer;
    }

    private static JSONObject send(Call call) throws Exception {
        for (Object item : call.list("messages")) {
            Message message = Json.message(call.text("topic"), (JSONObject) item);
            TransactionSendResult result = named(call).sendMessageInTransaction(message, null);
            JSONObject sent = Json.sent(result);
            sent.put("transactionId", result.getTransactionId());
            sent.put("state", result.getLocalTransactionState().name());
            call.emit("sent", sent);
        }
        return new JSONObject();
    }

    private static JSONObject stop(Call call) {
        TransactionMQProducer producer = named(call);
        producer.shutdown();
        synchronized (producer) {
            PRODUCERS.remove(call.text("producer"));
            producer.notifyAll();
        }
        return new JSONObject();
    }
}
