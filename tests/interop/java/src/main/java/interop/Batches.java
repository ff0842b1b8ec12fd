package interop;

import com.alibaba.fastjson2.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageBatch;
import org.apache.rocketmq.common.message.MessageClientIDSetter;

/** Batches beyond the plain synchronous one, and those that the producer makes itself (setAutoBatch). */
final class Batches {
    private static final long ANSWER_WAIT_MS = 30_000;
    private static final int CALLERS = 16;

    private Batches() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("batch.async", Batches::async);
        operations.put("batch.oneway", Batches::oneway);
        operations.put("batch.gathered", Batches::gathered);
    }

    private static List<Message> messages(Call call) {
        List<Message> messages = new ArrayList<>();
        for (Object item : call.list("messages")) {
            messages.add(Json.message(call.text("topic"), (JSONObject) item));
        }
        return messages;
    }

    /** One that waits for {@code count} answers and tells of each. */
    private static final class Answers implements SendCallback {
        private final Call call;
        private final CountDownLatch left;
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Answers(Call call, int count) {
            this.call = call;
            this.left = new CountDownLatch(count);
        }

        @Override
        public void onSuccess(SendResult result) {
            call.emit("sent", Json.sent(result));
            left.countDown();
        }

        @Override
        public void onException(Throwable cause) {
            failure.set(cause);
            left.countDown();
        }

        void await() throws InterruptedException {
            if (!left.await(ANSWER_WAIT_MS, TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException(left.getCount() + " sends were never answered");
            }
            if (failure.get() != null) {
                throw new IllegalStateException("a send failed", failure.get());
            }
        }
    }

    private static JSONObject async(Call call) throws Exception {
        Answers answers = new Answers(call, 1);
        Producers.named(call).send(messages(call), answers);
        answers.await();
        return new JSONObject();
    }

    private static JSONObject oneway(Call call) throws Exception {
        List<Message> messages = messages(call);
        for (Message message : messages) {
            MessageClientIDSetter.setUniqID(message);
        }
        MessageBatch batch = MessageBatch.generateFromList(messages);
        batch.setBody(batch.encode());
        Producers.named(call).sendOneway(batch);
        return new JSONObject();
    }

    /** Many callers send one message each, half of them asynchronously; the producer makes batches of them. */
    private static JSONObject gathered(Call call) throws Exception {
        DefaultMQProducer producer = Producers.named(call);
        producer.batchMaxDelayMs(call.number("delayMs", 200));
        producer.setAutoBatch(true);
        List<Message> messages = messages(call);
        int half = messages.size() / 2;
        Answers answers = new Answers(call, messages.size() - half);
        ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
        List<Future<?>> sent = new ArrayList<>();
        for (Message message : messages.subList(0, half)) {
            sent.add(callers.submit(() -> {
                call.emit("sent", Json.sent(producer.send(message)));
                return null;
            }));
        }
        for (Message message : messages.subList(half, messages.size())) {
            producer.send(message, answers);
        }
        for (Future<?> one : sent) {
            one.get(ANSWER_WAIT_MS, TimeUnit.MILLISECONDS);
        }
        answers.await();
        callers.shutdown();
        producer.setAutoBatch(false);
        return new JSONObject();
    }
}
