//! A datagram in: header, seal, packet, dispatch. What is wrong with it is counted by its reason,
//! and dropped.

use super::replay::Freshness;
use super::{Drop, Engine, Farewell};
use crate::time::Instant;
use crate::wire::{Header, Kind, OVERHEAD, Packet, SessionTag};
use std::net::SocketAddr;

impl Engine {
    /// Takes a datagram that came from `path`. It is opened in place. What is wrong with it is
    /// counted in [`super::Stats::drops`], never an error of the caller's loop.
    pub fn handle_datagram(&mut self, now: Instant, path: SocketAddr, datagram: &mut [u8]) {
        if self.farewell == Farewell::Done {
            return;
        }
        self.notice_pause(now);
        self.stats.received += 1;
        if let Err(reason) = self.receive(now, path, datagram) {
            self.stats.count(reason);
        }
    }

    fn receive(&mut self, now: Instant, path: SocketAddr, datagram: &mut [u8]) -> Result<(), Drop> {
        let header = Header::decode(datagram)?;
        self.check(&header)?;
        if header.kind.is_symbol() {
            return self.receive_symbol(now, &header, datagram);
        }
        if header.kind == Kind::Data {
            self.scratch.sealed.clear();
            self.scratch.sealed.reserve_exact(datagram.len());
            self.scratch.sealed.extend_from_slice(datagram);
        }
        let body = self.open(now, &header, datagram)?;
        let tag = header.session.tag();
        let bytes = body.len() + OVERHEAD;
        self.witness(now, tag, &header, path, bytes)?;
        let packet = Packet::decode(header.kind, body).map_err(|_| Drop::Malformed)?;
        match packet {
            Packet::Data(data) => self.on_data(now, tag, path, &data),
            Packet::Heartbeat(heartbeat) => self.on_heartbeat(now, tag, &heartbeat),
            Packet::Nack(nack) => self.on_nack(now, tag, &nack),
            Packet::Leave(leave) => self.on_leave(now, tag, &leave),
            Packet::FlushReq(req) => self.on_flush_req(now, tag, &req),
            Packet::FlushState(state) => self.on_flush_state(now, tag, &state),
            Packet::Cut(cut) => self.on_cut(now, tag, &cut),
            Packet::CutDone(done) => self.on_cut_done(now, tag, done),
            Packet::Install(install) => self.on_install(now, tag, &install),
            Packet::BulkNack(nack) => self.on_bulk_nack(now, tag, &nack),
            Packet::BulkJoin(join) => self.on_bulk_join(now, tag, &join),
            Packet::Bulk(_) | Packet::Parity(_) => unreachable!("symbols go their own way"),
        }
    }

    /// Symbols are numbered by themselves and may come twice: they tell nothing of their sender's
    /// other packets.
    fn receive_symbol(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &mut [u8],
    ) -> Result<(), Drop> {
        self.expects_symbols(header.session.tag())?;
        let tag = header.session.tag();
        let body = self.open(now, header, datagram)?;
        let bytes = body.len() + OVERHEAD;
        self.stats.received_bytes += bytes as u64;
        if let Some(remote) = self.remotes.get_mut(&tag) {
            remote.tally.take(now, header.counter, true);
            remote.tally.bytes += bytes as u64;
        }
        if self.remotes.get(&tag).is_some_and(|remote| remote.prompt) {
            self.owe_ack(now, tag);
        }
        match Packet::decode(header.kind, body).map_err(|_| Drop::Malformed)? {
            Packet::Bulk(bulk) => self.on_bulk(now, header, &bulk),
            Packet::Parity(parity) => self.on_parity(now, header, &parity),
            _ => Err(Drop::Malformed),
        }
    }

    /// What the clear header tells at no cost.
    fn check(&self, header: &Header) -> Result<(), Drop> {
        if header.group != self.key.group().tag() {
            Err(Drop::Group)
        } else if header.session == self.session {
            Err(Drop::Own)
        } else if header.epoch != 0 {
            Err(Drop::Epoch)
        } else {
            Ok(())
        }
    }

    /// Opens the seal. A session not heard before is remembered only if it does open.
    fn open<'d>(
        &mut self,
        now: Instant,
        header: &Header,
        datagram: &'d mut [u8],
    ) -> Result<&'d [u8], Drop> {
        let tag = header.session.tag();
        if let Some(remote) = self.remotes.get(&tag) {
            // Its DATA may still go round among those that lack them.
            if remote.has_left() && header.kind != Kind::Data {
                return Err(Drop::Ended);
            }
            let opened = remote.key.open(header.counter, datagram);
            return opened.map_err(|_| Drop::Unauthentic);
        }
        let key = self.key.session_key(header.epoch, &header.session);
        let Ok(body) = key.open(header.counter, datagram) else {
            self.note_stranger(tag);
            return Err(Drop::Unauthentic);
        };
        if header.kind == Kind::Data {
            // A repair may be of a session that ended long ago: only what a session says itself
            // introduces it.
            return Err(Drop::Early);
        }
        self.meet(now, header.session, key)?;
        Ok(body)
    }

    /// What an authentic datagram tells whatever is in it: its sender lives, and what was lost
    /// before it. A repair may be sent by anyone and come late: it tells nothing. Control packets
    /// are taken once.
    fn witness(
        &mut self,
        now: Instant,
        tag: SessionTag,
        header: &Header,
        path: SocketAddr,
        bytes: usize,
    ) -> Result<(), Drop> {
        let Some(remote) = self.remotes.get_mut(&tag) else { return Err(Drop::Unknown) };
        let freshness = remote.replay.see(header.counter);
        if freshness == Freshness::Replayed && header.kind != Kind::Data {
            return Err(Drop::Replayed);
        }
        if let Freshness::Newest { skipped } = freshness {
            self.loss.learn(skipped);
            remote.tally.take(now, header.counter, header.kind == Kind::Data);
        }
        remote.tally.bytes += bytes as u64;
        self.stats.received_bytes += bytes as u64;
        if header.kind != Kind::Data {
            remote.addr = Some(path);
        }
        if header.kind != Kind::Data || matches!(freshness, Freshness::Newest { .. }) {
            remote.heard = now;
        }
        if remote.silence != super::remote::Silence::Heard && remote.heard == now {
            self.review_due |= remote.is_unheard();
            remote.silence = super::remote::Silence::Heard;
            remote.cut_off = false;
        }
        Ok(())
    }
}
