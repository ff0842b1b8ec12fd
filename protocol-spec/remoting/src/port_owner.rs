//! Who holds a port: best effort, through Linux's `/proc`.
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// State LISTEN in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// A process that listens on a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortOwner {
    pub pid: u32,
    command: String,
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.command, self.pid)
    }
}

/// The process that listens on `addr`, if this one may see it.
pub fn of(addr: SocketAddr) -> Option<PortOwner> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listener_inode(&table, addr))?;
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let mut files = fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        files.find(|file| fs::read_link(file.path()).is_ok_and(|to| *to.as_os_str() == *socket))?;
        let command = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some(PortOwner { pid, command: command.trim_end().to_owned() })
    })
}

/// The inode of the socket that listens where `addr` wants to, in the text of `/proc/net/tcp` or
/// `tcp6`: the same port on the same address, or on every address on either side.
fn listener_inode(table: &str, addr: SocketAddr) -> Option<u64> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let local = columns.nth(1)?;
        let state = columns.nth(1)?;
        let inode = columns.nth(5)?.parse().ok()?;
        let (ip, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let ip = parse_ip(ip)?;
        let overlaps = ip == addr.ip() || ip.is_unspecified() || addr.ip().is_unspecified();
        (state == LISTEN && port == addr.port() && overlaps).then_some(inode)
    })
}

/// An address as the kernel prints it: 32-bit words in the machine's byte order (here: x86 and
/// arm64, little-endian).
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.swap_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let bits = (0..4).try_fold(0u128, |bits, at| Some(bits << 32 | u128::from(word(at)?)));
            Some(IpAddr::V6(Ipv6Addr::from(bits?)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2694 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0
   1: 0100007F:2694 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
   2: 00000000:2A9F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:2694 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 815 1 0
";

    fn inode(table: &str, addr: &str) -> Option<u64> {
        listener_inode(table, addr.parse().unwrap())
    }

    #[test]
    fn a_listener_is_found_by_its_address_and_port() {
        assert_eq!(inode(TCP, "127.0.0.1:9876"), Some(4711));
        assert_eq!(inode(TCP, "0.0.0.0:9876"), Some(4711));
        assert_eq!(inode(TCP, "127.0.0.1:10911"), Some(4712));
        assert_eq!(inode(TCP6, "[::1]:9876"), Some(815));
    }

    #[test]
    fn other_addresses_and_damaged_tables_have_no_owner() {
        assert_eq!(inode(TCP, "127.0.0.2:9876"), None);
        assert_eq!(inode(TCP, "127.0.0.1:9877"), None);
        assert_eq!(inode("heading\n 0: 0100007F", "127.0.0.1:9876"), None);
        assert_eq!(inode("heading\n 0: é:2694 0 0A 0 0 0 0 0 1", "127.0.0.1:9876"), None);
    }
}
