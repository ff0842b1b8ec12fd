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

/// Starts both, small, and waits until the broker is registered.
pub fn start(place: &ApachePlace) -> Driver {
    start_with(place, &["-Xmx768m", "-XX:MaxDirectMemorySize=512m"])
}

/// The same in a JVM as one would run it for load: both compilers, G1, 4 GiB of heap.
pub fn start_for_load(place: &ApachePlace) -> Driver {
    let full_speed = ["-XX:TieredStopAtLevel=4", "-XX:-UseSerialGC", "-XX:+UseG1GC"];
    let memory = ["-Xms4g", "-Xmx4g", "-XX:MaxDirectMemorySize=4g"];
    start_with(place, &[full_speed, memory].concat())
}

fn start_with(place: &ApachePlace, options: &[&str]) -> Driver {
    let driver = interop::java_with(options);
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
