package interop;

import com.alibaba.fastjson2.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.RequestCallback;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Request-reply: a producer that waits for replies, and a consumer whose listener gives them. */
final class Replies {
    private static final long CALLBACK_WAIT_MS = 60_000;

    private static final Map<String, CountDownLatch> ENDS = new ConcurrentHashMap<>();

    private Replies() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("request", Replies::request);
        operations.put("replier", Replies::replier);
        operations.put("replier.stop", Replies::stop);
    }

    /** Sends each message as a question, one after the other; "replied" tells of its answer. */
    private static JSONObject request(Call call) throws Exception {
        DefaultMQProducer producer = Producers.named(call);
        long timeoutMs = call.longNumber("replyTimeoutMs", 20_000);
        boolean async = call.text("manner", "sync").equals("async");
        for (Object item : call.list("messages")) {
            Message question = Json.message(call.text("topic"), (JSONObject) item);
            Message answer;
            if (async) {
                CompletableFuture<Message> answered = new CompletableFuture<>();
                producer.request(question, new RequestCallback() {
                    @Override
                    public void onSuccess(Message message) {
                        // The client calls it without an answer too, once the question has been stored.
                        if (message != null) {
                            answered.complete(message);
                        }
                    }

                    @Override
                    public void onException(Throwable cause) {
                        answered.completeExceptionally(cause);
                    }
                }, timeoutMs);
                answer = answered.get(CALLBACK_WAIT_MS, TimeUnit.MILLISECONDS);
            } else {
                answer = producer.request(question, timeoutMs);
            }
            JSONObject replied = new JSONObject();
            replied.put("question", new String(question.getBody(), StandardCharsets.UTF_8));
            replied.put("asked", question.getProperty("CORRELATION_ID"));
            replied.put("body", new String(answer.getBody(), StandardCharsets.UTF_8));
            replied.put("topic", answer.getTopic());
            replied.put("props", answer.getProperties());
            call.emit("replied", replied);
        }
        return new JSONObject();
    }

    /** Answers each question with "re: " and its body, compressed where it is long. */
    private static JSONObject replier(Call call) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(call.text("group") + "_replies");
        producer.setNamesrvAddr(call.text("nameserver"));
        producer.setInstanceName(call.text("consumer"));
        producer.start();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(call.text("group"));
        consumer.setNamesrvAddr(call.text("nameserver"));
        consumer.setInstanceName(call.text("consumer"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeThreadMin(2);
        consumer.setConsumeThreadMax(2);
        consumer.subscribe(call.text("topic"), "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                try {
                    String question = new String(message.getBody(), StandardCharsets.UTF_8);
                    byte[] answer = ("re: " + question).getBytes(StandardCharsets.UTF_8);
                    Message reply = MessageUtil.createReplyMessage(message, answer);
                    JSONObject sent = Json.sent(producer.send(reply, 20_000));
                    sent.put("correlation", reply.getProperty("CORRELATION_ID"));
                    call.emit("sent", sent);
                } catch (Exception cause) {
                    call.emit("unsent", Json.of("message", String.valueOf(cause.getMessage())));
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        CountDownLatch end = new CountDownLatch(1);
        ENDS.put(call.text("consumer"), end);
        call.emit("started", new JSONObject());
        end.await();
        consumer.shutdown();
        producer.shutdown();
        return new JSONObject();
    }

    private static JSONObject stop(Call call) {
        ENDS.remove(call.text("consumer")).countDown();
        return new JSONObject();
    }
}
