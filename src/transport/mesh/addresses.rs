//! What a mesh notes of the addresses it hears of, and what it tells others.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use super::Mesh;
use super::book::Origin;
use super::greeting::{self, KIND_MEMBERS};
use super::link::Phase;

impl Mesh {
    pub(super) fn learn_given(&mut self, address: SocketAddr, ports: &RangeInclusive<u16>) {
        let all = if address.port() == 0 { ports.clone() } else { address.port()..=address.port() };
        for port in all {
            let address = SocketAddr::new(address.ip().to_canonical(), port);
            let is_useless = address.ip().is_unspecified() || self.is_own(address);
            if !is_useless && !self.book.learn(address, Origin::Given) {
                self.stats.addresses_refused += 1;
            }
        }
    }

    pub(super) fn learn_heard(&mut self, list: &[SocketAddr], same_host: bool) {
        for &address in list {
            let useful = greeting::is_worth_dialling(address, same_host) && !self.is_own(address);
            if useful && !self.book.learn(address, Origin::Heard) {
                self.stats.addresses_refused += 1;
            }
        }
    }

    pub(super) fn is_own(&self, address: SocketAddr) -> bool {
        let local = self.local.ip();
        let same_ip = address.ip() == local || local.is_unspecified() && address.ip().is_loopback();
        same_ip && address.port() == self.local.port()
    }

    /// True if a dial to `address` is under way or would end at a member that is linked.
    pub(super) fn is_linked(&self, address: SocketAddr, session: Option<[u8; 16]>) -> bool {
        self.slots.iter().flatten().any(|link| {
            let dialled = link.dialled.is_some_and(|(dialled, _)| dialled == address);
            match &link.phase {
                Phase::Up(remote) => {
                    dialled
                        || remote.reachable && remote.member == address
                        || session == Some(remote.session)
                }
                Phase::Dialling | Phase::Greeting => dialled,
                Phase::Leaving(_) => false,
            }
        })
    }

    /// Tells one link of the members it may want to dial, if that has changed.
    pub(super) fn tell(&mut self, slot: usize) {
        let Some(link) = self.slots[slot].as_ref().filter(|link| !link.told) else {
            return;
        };
        let Some(&remote) = link.up() else { return };
        let others = self.up().filter(|other| other.concerns(&remote)).map(|other| other.member);
        let list = greeting::encode_members(others);
        let Some(link) = self.slots[slot].as_mut() else {
            return;
        };
        match link.push(KIND_MEMBERS, &list) {
            Ok(pushed) => link.told = pushed,
            Err(why) => self.close(slot, why),
        }
    }
}
