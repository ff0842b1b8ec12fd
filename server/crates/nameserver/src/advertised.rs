//! Which address of the embedded broker an asker is told.
//!
//! A broker registers one address, but not every client can reach it: one may be on this machine,
//! another beyond a NAT. A nameserver in the broker's own process knows better: the asker has just
//! reached this machine at the address that it connected to.
use std::net::{IpAddr, SocketAddr};

use remora_protocol::body::BrokerData;

/// The broker in the same process as the nameserver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmbeddedBroker {
    pub cluster: String,
    pub broker_name: String,
    pub broker_id: i64,
    /// Where it listens; the only address to tell, unless it is every address of the machine.
    pub listen_ip: IpAddr,
    pub port: u16,
    /// What an explicit configuration says; empty: the address that the asker connected to.
    pub advertised: Vec<Advertised>,
}

/// One configured address: `[NETWORK/BITS=]HOST[:PORT]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advertised {
    /// Askers it is meant for; `None`: everybody no other entry is meant for.
    network: Option<Network>,
    host: String,
    port: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// Why an advertised address was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "advertised address '{text}' is not [NETWORK/BITS=]HOST[:PORT], such as 10.0.0.0/8=10.1.2.3:10911"
)]
pub struct AdvertisedError {
    text: String,
}

impl std::str::FromStr for Advertised {
    type Err = AdvertisedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).ok_or_else(|| AdvertisedError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Advertised> {
    let (network, address) = match text.split_once('=') {
        Some((network, address)) => (Some(parse_network(network)?), address),
        None => (None, text),
    };
    let (host, port) = match address.rsplit_once(':') {
        // More than one colon is an IPv6 address without a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().ok()?))
        }
        _ => (address, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // Clients split lists of addresses at commas and semicolons.
    let sound = !host.is_empty() && !host.contains([',', ';', ' ', '/', '"']);
    sound.then(|| Advertised { network, host: host.to_owned(), port })
}

fn parse_network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some(Network { address, bits })
}

impl Network {
    fn holds(self, asker: IpAddr) -> bool {
        match (self.address, asker.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(asker)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                network.to_bits() & mask == asker.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(asker)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                network.to_bits() & mask == asker.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl EmbeddedBroker {
    /// The address for an asker at `asker` that connected to us at `reached`.
    pub fn address_for(&self, asker: IpAddr, reached: IpAddr) -> String {
        let meant = |entry: &&Advertised| entry.network.is_some_and(|n| n.holds(asker));
        let everybody = |entry: &&Advertised| entry.network.is_none();
        let entry = self.advertised.iter().find(meant);
        match entry.or_else(|| self.advertised.iter().find(everybody)) {
            Some(entry) => host_port(&entry.host, entry.port.unwrap_or(self.port)),
            None if self.listen_ip.is_unspecified() => {
                SocketAddr::new(reached.to_canonical(), self.port).to_string()
            }
            None => SocketAddr::new(self.listen_ip, self.port).to_string(),
        }
    }

    /// Replaces the address that the embedded broker registered by the one for this asker.
    pub fn rewrite(&self, brokers: &mut [BrokerData], asker: IpAddr, reached: IpAddr) {
        for broker in brokers {
            if broker.cluster != self.cluster || broker.broker_name != self.broker_name {
                continue;
            }
            // Another machine's broker may have registered under our name: its port, or its id,
            // tells them apart in all but the worst case, which a warning at registration names.
            if let Some(addr) = broker.broker_addrs.get_mut(&self.broker_id)
                && addr.rsplit_once(':').is_some_and(|(_, port)| port == self.port.to_string())
            {
                *addr = self.address_for(asker, reached);
            }
        }
    }
}

fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(advertised: &[&str]) -> EmbeddedBroker {
        EmbeddedBroker {
            cluster: "C".into(),
            broker_name: "b".into(),
            broker_id: 0,
            listen_ip: IpAddr::from([0, 0, 0, 0]),
            port: 10_911,
            advertised: advertised.iter().map(|text| text.parse().expect("sound")).collect(),
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn without_configuration_the_asker_gets_the_address_it_reached() {
        let broker = broker(&[]);
        assert_eq!(broker.address_for(ip("10.0.0.9"), ip("10.0.0.1")), "10.0.0.1:10911");
        assert_eq!(broker.address_for(ip("::1"), ip("::ffff:127.0.0.1")), "127.0.0.1:10911");
        let loopback_only = EmbeddedBroker { listen_ip: ip("127.0.0.1"), ..broker };
        assert_eq!(loopback_only.address_for(ip("10.0.0.9"), ip("10.0.0.1")), "127.0.0.1:10911");
    }

    #[test]
    fn the_askers_network_chooses_among_several() {
        let broker = broker(&["10.0.0.0/8=10.1.2.3", "203.0.113.7:20911", "fd00::/8=[fd00::1]:7"]);
        assert_eq!(broker.address_for(ip("10.200.0.1"), ip("10.1.2.3")), "10.1.2.3:10911");
        assert_eq!(broker.address_for(ip("fd00::9"), ip("fd00::1")), "[fd00::1]:7");
        assert_eq!(broker.address_for(ip("192.0.2.1"), ip("10.1.2.3")), "203.0.113.7:20911");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "10.0.0.0/33=1.2.3.4", "a b", "a,b", "x=1.2.3.4", "1.2.3.4:port"] {
            assert!(text.parse::<Advertised>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_embedded_brokers_own_address_is_replaced() {
        let entry = |name: &str, addr: &str| BrokerData {
            cluster: "C".into(),
            broker_name: name.into(),
            broker_addrs: [(0, addr.to_owned()), (1, "9.9.9.9:10911".into())].into(),
            zone_name: None,
            enable_acting_master: false,
        };
        let mut brokers = [entry("b", "127.0.0.1:10911"), entry("other", "127.0.0.1:10911")];
        broker(&[]).rewrite(&mut brokers, ip("10.0.0.9"), ip("10.0.0.1"));
        assert_eq!(brokers, [entry("b", "10.0.0.1:10911"), entry("other", "127.0.0.1:10911")]);
    }
}
