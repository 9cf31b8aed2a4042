//! A datagram in: header, seal, packet, dispatch. What is wrong with it is counted by its reason,
//! and dropped.

use super::replay::Freshness;
use super::{Drop, Engine, Farewell};
use crate::time::Instant;
use crate::wire::{Header, Kind, OVERHEAD, Packet, Seq, SessionTag, seal};
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
        if header.kind.is_probe() {
            return Err(Drop::Unwanted);
        }
        if header.kind.is_symbol() {
            return self.receive_symbol(now, &header, datagram);
        }
        if header.kind == Kind::Data && self.remotes.contains_key(&header.session.tag()) {
            return self.receive_data(now, path, &header, datagram);
        }
        let body = self.open(now, &header, datagram)?;
        let tag = header.session.tag();
        let bytes = body.len() + OVERHEAD;
        self.witness(now, tag, &header, path, bytes)?;
        let packet = Packet::decode(header.kind, body).map_err(|_| Drop::Malformed)?;
        match packet {
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
            Packet::Data(_)
            | Packet::Bulk(_)
            | Packet::Parity(_)
            | Packet::Probe(_)
            | Packet::ProbeReply(_) => unreachable!("these go their own ways"),
        }
    }

    /// DATA is opened to where it is held: it is read from there in its turn, and kept for repairs.
    /// That of a session that has left may still go round among those that lack it.
    fn receive_data(
        &mut self,
        now: Instant,
        path: SocketAddr,
        header: &Header,
        datagram: &[u8],
    ) -> Result<(), Drop> {
        let mut opened = core::mem::take(&mut self.scratch.opened);
        match self.take_in(now, path, header, datagram, &mut opened) {
            Ok(seq) => {
                self.scratch.opened = self.pool.take_used();
                self.keep(now, header.session.tag(), seq, opened);
                Ok(())
            }
            Err(reason) => {
                self.scratch.opened = opened;
                Err(reason)
            }
        }
    }

    fn take_in(
        &mut self,
        now: Instant,
        path: SocketAddr,
        header: &Header,
        datagram: &[u8],
        opened: &mut Vec<u8>,
    ) -> Result<Seq, Drop> {
        let tag = header.session.tag();
        let key = &self.remotes.get(&tag).ok_or(Drop::Unknown)?.key;
        key.open_into(header.counter, datagram, opened).map_err(|_| Drop::Unauthentic)?;
        self.witness(now, tag, header, path, datagram.len())?;
        self.came += datagram.len() as u64;
        let Ok(Packet::Data(data)) = Packet::decode(Kind::Data, seal::body(opened)) else {
            return Err(Drop::Malformed);
        };
        self.on_data(now, tag, path, &data, datagram.len())?;
        Ok(data.seq)
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
            remote.counts.bytes += bytes as u64;
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
            if remote.has_left() {
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
            // What it sent before we were there is not lost.
            if remote.tally.datagrams > 0 {
                remote.loss.learn(skipped);
            }
            remote.tally.take(now, header.counter, header.kind == Kind::Data);
        }
        remote.tally.bytes += bytes as u64;
        remote.counts.bytes += bytes as u64;
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
