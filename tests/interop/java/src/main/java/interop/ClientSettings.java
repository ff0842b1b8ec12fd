package interop;

import org.apache.rocketmq.client.ClientConfig;

/** What producers and consumers have in common: namespaces and message traces. */
final class ClientSettings {
    private ClientSettings() {
    }

    static void apply(Call call, ClientConfig client) {
        String namespace = call.text("namespace", null);
        if (namespace != null) {
            client.setNamespace(namespace);
        }
        String namespaceV2 = call.text("namespaceV2", null);
        if (namespaceV2 != null) {
            client.setNamespaceV2(namespaceV2);
        }
        // The topic of its traces; empty: the usual one.
        String traces = call.text("traces", null);
        if (traces != null) {
            client.setEnableTrace(true);
            client.setTraceTopic(traces.isEmpty() ? null : traces);
        }
    }
}
