package interop;

import com.alibaba.fastjson2.JSONObject;
import java.io.File;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.apache.rocketmq.auth.config.AuthConfig;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.namesrv.NamesrvConfig;
import org.apache.rocketmq.namesrv.NamesrvController;
import org.apache.rocketmq.remoting.netty.NettyClientConfig;
import org.apache.rocketmq.remoting.netty.NettyServerConfig;
import org.apache.rocketmq.store.config.MessageStoreConfig;

/** Apache's own nameserver and broker in this process: the peer that the tests compare with. */
final class ApacheServer {
    private static final ConcurrentLinkedDeque<Runnable> SHUTDOWNS = new ConcurrentLinkedDeque<>();
    private static final long REGISTRATION_WAIT_MS = 60_000;

    private ApacheServer() {
    }

    static void register(Map<String, Interop.Operation> operations) {
        operations.put("apache", ApacheServer::start);
        operations.put("apache.stop", call -> {
            stopAll();
            return new JSONObject();
        });
    }

    static void stopAll() {
        for (Runnable shutdown = SHUTDOWNS.pollFirst(); shutdown != null; shutdown = SHUTDOWNS.pollFirst()) {
            shutdown.run();
        }
    }

    private static JSONObject start(Call call) throws Exception {
        String home = call.text("dir");
        String bind = call.text("bind", "127.0.0.1");
        NamesrvConfig namesrvConfig = new NamesrvConfig();
        namesrvConfig.setRocketmqHome(home);
        namesrvConfig.setKvConfigPath(home + File.separator + "kvConfig.json");
        namesrvConfig.setConfigStorePath(home + File.separator + "namesrv.properties");
        NettyServerConfig namesrvNetty = new NettyServerConfig();
        namesrvNetty.setBindAddress(bind);
        namesrvNetty.setListenPort(call.number("nameserverPort", 9876));
        NamesrvController namesrv = new NamesrvController(namesrvConfig, namesrvNetty);
        if (!namesrv.initialize()) {
            throw new IllegalStateException("the nameserver did not initialize");
        }
        namesrv.start();
        // The nameserver keeps nothing that a clean stop would save, and takes seconds over it.

        BrokerController broker = broker(call, home, bind);
        if (!broker.initialize()) {
            throw new IllegalStateException("the broker did not initialize");
        }
        broker.start();
        SHUTDOWNS.addFirst(broker::shutdown);
        Call.await("the broker's registration", REGISTRATION_WAIT_MS,
            () -> namesrv.getRouteInfoManager().pickupTopicRouteData("TBW102") != null);
        return Json.of("broker", broker.getBrokerAddr());
    }

    private static BrokerController broker(Call call, String home, String bind) {
        BrokerConfig brokerConfig = new BrokerConfig();
        brokerConfig.setRocketmqHome(home);
        brokerConfig.setBrokerName(call.text("brokerName", "broker-a"));
        brokerConfig.setBrokerIP1("127.0.0.1");
        brokerConfig.setNamesrvAddr(bind + ":" + call.number("nameserverPort", 9876));
        NettyServerConfig brokerNetty = new NettyServerConfig();
        brokerNetty.setBindAddress(bind);
        brokerNetty.setListenPort(call.number("brokerPort", 10911));
        MessageStoreConfig store = new MessageStoreConfig();
        store.setStorePathRootDir(home + File.separator + "store");
        store.setStorePathCommitLog(home + File.separator + "store" + File.separator + "commitlog");
        store.setHaListenPort(call.number("brokerPort", 10911) + 1);
        store.setDiskMaxUsedSpaceRatio(95);
        Properties more = new Properties();
        JSONObject config = call.object("config");
        if (config != null) {
            config.forEach((name, value) -> more.setProperty(name, value.toString()));
        }
        MixAll.properties2Object(more, brokerConfig);
        MixAll.properties2Object(more, store);
        AuthConfig auth = new AuthConfig();
        auth.setConfigName(brokerConfig.getBrokerName());
        auth.setClusterName(brokerConfig.getBrokerClusterName());
        auth.setAuthConfigPath(store.getStorePathRootDir() + File.separator + "config");
        BrokerController broker =
            new BrokerController(brokerConfig, brokerNetty, new NettyClientConfig(), store, auth);
        broker.getConfiguration().registerConfig(more);
        return broker;
    }
}
