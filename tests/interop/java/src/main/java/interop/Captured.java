package interop;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Takes what a thread prints on System.out: mqadmin's commands know no other way to answer. */
final class Captured {
    private static final ThreadLocal<ByteArrayOutputStream> BUFFER = new InheritableThreadLocal<>();

    private Captured() {
    }

    /** Sends System.out to the printing call's buffer, and to standard error outside of any call. */
    static void install() {
        OutputStream routed = new OutputStream() {
            @Override
            public void write(int b) {
                ByteArrayOutputStream buffer = BUFFER.get();
                if (buffer == null) {
                    System.err.write(b);
                } else {
                    buffer.write(b);
                }
            }
        };
        // Call keeps the stream that was standard output; make sure that it did so before it is replaced.
        new Call(new com.alibaba.fastjson2.JSONObject());
        System.setOut(new PrintStream(routed, true, StandardCharsets.UTF_8));
    }

    static String during(Runnable body) {
        ByteArrayOutputStream buffer = new ByteArrayOutputStream();
        BUFFER.set(buffer);
        try {
            body.run();
        } finally {
            BUFFER.remove();
        }
        return buffer.toString(StandardCharsets.UTF_8);
    }
}
