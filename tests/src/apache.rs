//! Apache's own nameserver and broker, from its jars, in a JVM of their own.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{Driver, interop, ports::Ports};

/// Where and how Apache's server runs.
#[derive(Debug, Clone)]
pub struct ApachePlace {
    /// Holds `store/`.
    pub dir: PathBuf,
    /// The address that both listen on. Clients are told 127.0.0.1 whatever it is, so that a proxy
    /// can stand there.
    pub bind: String,
    /// The ports that both listen on.
    pub ports: Ports,
    /// Broker and store keys in Apache's spelling.
    pub config: Value,
}

/// Starts both and waits until the broker is registered.
pub fn start(place: &ApachePlace) -> Driver {
    let driver = interop::java_with(&["-Xmx768m", "-XX:MaxDirectMemorySize=512m"]);
    driver.ask(
        "apache",
        &json!({
            "dir": place.dir,
            "bind": place.bind,
            "nameserverPort": place.ports.nameserver,
            "brokerPort": place.ports.broker,
            "config": place.config,
        }),
    );
    driver
}
