//! Members of the same address at another port: one digit mistyped, the usual port, or any at which
//! a program of this computer is. They are another group, so nothing of theirs opens; but their
//! headers say which.

use crate::runtime::prober::names_group;
use crate::transport::batch::Buffers;
use crate::transport::udp::{Udp, UdpConfig};
use std::net::SocketAddr;

/// Ears at other ports.
pub(super) struct Elsewhere {
    ears: Vec<(u16, Udp)>,
    buffers: Buffers,
}

impl Elsewhere {
    /// Listens at the ports that `config`'s is easily mistaken for, and at `more`.
    pub(super) fn listen(config: &UdpConfig, usual: u16, more: &[u16]) -> Self {
        let mistaken = mistaken(config.port, usual);
        let more = more.iter().filter(|port| **port != config.port && !mistaken.contains(port));
        let ears = mistaken.iter().chain(more.take(MORE)).filter_map(|&port| {
            let udp = Udp::open(UdpConfig { port, ..config.clone() }).ok()?;
            Some((port, udp))
        });
        Self { ears: ears.collect(), buffers: Buffers::default() }
    }

    /// The ports at which members were heard by now, each with where one is.
    pub(super) fn heard(mut self) -> Vec<(u16, SocketAddr)> {
        let mut heard = Vec::new();
        for (port, udp) in &mut self.ears {
            let group = SocketAddr::new(udp.group(), *port);
            let mut member = None;
            let mut take = |from: SocketAddr, datagram: &mut [u8]| {
                member = member.or(names_group(datagram, group).then_some(from));
            };
            for _ in 0..READS {
                if udp.recv(&mut self.buffers, &mut take) == 0 {
                    break;
                }
            }
            heard.extend(member.map(|from| (*port, from)));
        }
        heard
    }
}

/// Reads of each port.
const READS: usize = 64;
/// Ports of this computer's programs at most.
const MORE: usize = 64;

/// The ports that differ from `port` in one digit, in two that changed places, or in one more or
/// less; and the usual one.
fn mistaken(port: u16, usual: u16) -> Vec<u16> {
    let digits = port.to_string().into_bytes();
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for at in 0..digits.len() {
        texts.extend((b'0'..=b'9').map(|digit| {
            let mut other = digits.clone();
            other[at] = digit;
            other
        }));
        let mut lacking = digits.clone();
        lacking.remove(at);
        texts.push(lacking);
        if at > 0 {
            let mut swapped = digits.clone();
            swapped.swap(at - 1, at);
            texts.push(swapped);
        }
    }
    let ports = texts.iter().filter_map(|text| std::str::from_utf8(text).ok()?.parse().ok());
    let near = [port.saturating_sub(1), port.saturating_add(1), usual];
    let mut ports: Vec<u16> = ports.chain(near).filter(|other| *other >= 1_024).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.retain(|other| *other != port);
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_mistaken_for_those_that_look_like_it() {
        let ports = mistaken(23_911, 23_911);
        for near in [23_912, 23_910, 32_911, 23_191, 23_811, 2_391] {
            assert!(ports.contains(&near), "{near}");
        }
        assert!(!ports.contains(&23_911));
        assert!(ports.len() < 60, "{}", ports.len());
        assert!(mistaken(5_000, 23_911).contains(&23_911));
        assert!(mistaken(65_535, 1_024).iter().all(|port| *port >= 1_024));
    }
}
