//! The nameservers: one is kept until it fails, then the next is tried.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::ClientError;

/// Addresses and the one in use.
#[derive(Debug)]
pub(super) struct Nameservers {
    addrs: Vec<Arc<str>>,
    current: AtomicUsize,
}

impl Nameservers {
    /// `first` spreads clients over the nameservers.
    pub(super) fn new(addrs: Vec<Arc<str>>, first: usize) -> Self {
        Self { addrs, current: AtomicUsize::new(first) }
    }

    /// Every address once, the one in use first, each with the mark to `keep` it by.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        let current = self.current.load(Ordering::Relaxed) % self.addrs.len().max(1);
        let numbered = || self.addrs.iter().enumerate();
        numbered().skip(current).chain(numbered().take(current))
    }

    pub(super) fn keep(&self, mark: usize) {
        self.current.store(mark, Ordering::Relaxed);
    }

    pub(super) fn all(&self) -> &[Arc<str>] {
        &self.addrs
    }

    pub(super) fn joined(&self) -> String {
        self.addrs.join(";")
    }
}

/// Reads `host:port` addresses separated by `;`.
pub fn parse_addrs(text: &str) -> Result<Vec<Arc<str>>, ClientError> {
    let mut addrs = Vec::new();
    for addr in text.split(';').map(str::trim).filter(|addr| !addr.is_empty()) {
        let addr = addr.strip_prefix("http://").unwrap_or(addr);
        let port = addr.rsplit_once(':').map(|(_, port)| port);
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            return Err(unusable(addr, "it must be host:port, as in 127.0.0.1:9876"));
        }
        addrs.push(Arc::from(addr));
    }
    if addrs.is_empty() {
        return Err(unusable(text, "no address given; use host:port, as in 127.0.0.1:9876"));
    }
    Ok(addrs)
}

fn unusable(value: &str, reason: &str) -> ClientError {
    ClientError::Setting {
        setting: "nameserver",
        value: value.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(nameservers: &Nameservers) -> Vec<&str> {
        nameservers.in_order().map(|(_, addr)| &**addr).collect()
    }

    #[test]
    fn the_one_in_use_comes_first_until_another_is_kept() {
        let nameservers = Nameservers::new(parse_addrs("a:1;b:2 ; c:3;").unwrap(), 4);
        assert_eq!(order(&nameservers), ["b:2", "c:3", "a:1"]);
        nameservers.keep(0);
        assert_eq!(order(&nameservers), ["a:1", "b:2", "c:3"]);
    }

    #[test]
    fn addresses_without_a_port_are_refused_by_name() {
        let problem = parse_addrs("a:1;localhost").unwrap_err().to_string();
        assert!(problem.contains("'localhost'"), "{problem}");
        assert!(parse_addrs(" ; ").is_err());
        assert!(parse_addrs("host:99999").is_err());
    }
}
