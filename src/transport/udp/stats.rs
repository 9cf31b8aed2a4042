//! What went through the sockets, and what was lost there.

use socket2::SockRef;
use std::collections::BTreeMap;
use std::io;

/// Counts since the sockets were opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UdpStats {
    /// Datagrams the kernel took, each interface's copy counted.
    pub sent_datagrams: u64,
    /// The bytes in them, without headers.
    pub sent_bytes: u64,
    /// Datagrams received, our own looped copies among them.
    pub received_datagrams: u64,
    /// The bytes in them, without headers.
    pub received_bytes: u64,
    /// Copies that could not be sent, by the system's error number; 0 stands for none given.
    pub send_errors: BTreeMap<i32, u64>,
    /// Errors taken from a socket instead of a datagram, by the system's error number.
    pub receive_errors: BTreeMap<i32, u64>,
    /// Datagrams that some interfaces had no room for, and so went out on the others only.
    pub partial: u64,
    /// Datagrams that went out on no interface: none was in use, or each gave an error.
    pub nowhere: u64,
    /// Times the system did not list its interfaces.
    pub failed_scans: u64,
    /// Datagrams of the group that the kernel dropped as the receive buffer was full, as of the
    /// last refresh; `None` when the system does not say (all but Linux).
    pub kernel_drops: Option<u64>,
    /// The receive buffer that the kernel granted the group's socket, in bytes.
    pub receive_buffer: usize,
}

impl UdpStats {
    pub(super) fn new(socket: &mio::net::UdpSocket) -> UdpStats {
        let granted = SockRef::from(socket).recv_buffer_size().unwrap_or(0);
        // Linux tells twice what it was asked for (socket(7)), to account for its own overhead.
        let receive_buffer = if cfg!(target_os = "linux") { granted / 2 } else { granted };
        UdpStats { receive_buffer, ..UdpStats::default() }
    }

    pub(super) fn note_sent(&mut self, datagrams: usize, bytes: usize) {
        self.sent_datagrams += datagrams as u64;
        self.sent_bytes += bytes as u64;
    }

    pub(super) fn note_send_error(&mut self, error: &io::Error) {
        count(&mut self.send_errors, error);
    }

    pub(super) fn note_received(&mut self, datagrams: usize, bytes: usize) {
        self.received_datagrams += datagrams as u64;
        self.received_bytes += bytes as u64;
    }

    pub(super) fn note_receive_error(&mut self, error: &io::Error) {
        count(&mut self.receive_errors, error);
    }

    #[cfg(target_os = "linux")]
    pub(super) fn look_at_drops(&mut self, socket: &mio::net::UdpSocket) {
        self.kernel_drops = kernel_drops(socket).or(self.kernel_drops);
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn look_at_drops(&mut self, _: &mio::net::UdpSocket) {}
}

fn count(errors: &mut BTreeMap<i32, u64>, error: &io::Error) {
    *errors.entry(error.raw_os_error().unwrap_or(0)).or_default() += 1;
}

/// Finds the socket in the kernel's table by its inode, which its descriptor is a link to.
#[cfg(target_os = "linux")]
fn kernel_drops(socket: &mio::net::UdpSocket) -> Option<u64> {
    use std::os::fd::AsRawFd;
    let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    let table = if socket.local_addr().ok()?.is_ipv4() { "udp" } else { "udp6" };
    let table = std::fs::read_to_string(format!("/proc/self/net/{table}")).ok()?;
    drops_of(&table, inode)
}

/// The last column of the row with this inode (proc_net_udp(5): inode is the tenth).
#[cfg(target_os = "linux")]
fn drops_of(table: &str, inode: &str) -> Option<u64> {
    let row = table.lines().find(|row| row.split_whitespace().nth(9) == Some(inode))?;
    row.split_whitespace().next_back()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const TABLE: &str = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout \
inode ref pointer drops
  512: 010101EF:1F40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 \
4711 2 0000000000000000 7
  513: 010101EF:1F40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 \
4712 2 0000000000000000 9
";

    #[test]
    fn the_drops_of_our_own_socket_are_told_from_those_of_others_on_the_port() {
        assert_eq!(drops_of(TABLE, "4712"), Some(9));
        assert_eq!(drops_of(TABLE, "1"), None);
        assert_eq!(drops_of("", "4712"), None);
    }

    #[test]
    fn errors_are_counted_by_their_number() {
        let mut stats = UdpStats::default();
        for errno in [101, 1, 101] {
            stats.note_send_error(&io::Error::from_raw_os_error(errno));
        }
        stats.note_sent(1, 5);
        assert_eq!(stats.send_errors, BTreeMap::from([(1, 1), (101, 2)]));
        assert_eq!((stats.sent_datagrams, stats.sent_bytes), (1, 5));
    }
}
