//! The sender's side: objects that this member has, blocks that are asked of the application, and
//! symbols that go out when no message does.

use super::block::{Block, Symbol};
use super::{LENGTH, MAX_GIVEN};
use crate::engine::archive::{Ranges, Span};
use crate::engine::remote::Remote;
use crate::engine::{Drop, Engine, Event};
use crate::time::{Duration, Instant};
use crate::wire::bulk::{self, Bulk, BulkJoin, BulkNack, Parity, Place};
use crate::wire::{Header, Kind, OVERHEAD, ObjectId, Packet, SessionTag};

/// A block is followed by parity at once where so much is lost; below, less is sent by asking
/// (design: h₀ = ⌈k·p/(1−p)⌉ from 2 %).
const LEAST_LOSS: f64 = 0.02;
/// A stream begins so long after the first that wants it: who is told of a file at the same time is
/// in time for all of it, though four requests are lost.
const GATHER: Duration = Duration::from_millis(110);
/// A receiver that holds the window back for longer than this while others are ahead is served
/// later (docs/GUARANTEES.md).
const HOLD_BACK: Duration = Duration::from_millis(500);
/// And so is one that takes nothing for this long, alone or not.
const STUCK: Duration = Duration::from_secs(5);

impl Engine {
    /// This member has the object, of `blocks` blocks, and gives them to whoever asks: it is asked
    /// for each by [`Event::BlockWanted`].
    pub fn serve(&mut self, object: ObjectId, blocks: u32) {
        self.bulk.outgoing.objects.insert(object, blocks.min(bulk::LIMIT - 1));
    }

    /// This member does not give the object any more.
    pub fn withhold(&mut self, object: &ObjectId) {
        self.bulk.outgoing.forget(object);
    }

    /// The block that was asked for by [`Event::BlockWanted`]: 1 to [`MAX_GIVEN`]
    /// bytes. Says whether it was taken: not where it is too long, or nobody wants it any more.
    pub fn give_block(&mut self, object: ObjectId, number: u32, content: &[u8]) -> bool {
        let waiting = self.bulk.outgoing.begin(&object, number);
        let taken = !waiting.is_empty() && !content.is_empty() && content.len() <= MAX_GIVEN;
        if taken {
            let (place, part) = self.lay_out(object, number, content.len(), &waiting);
            let base = self.bulk.outgoing.counter + 1;
            let sealed = self.seal_block(place, part, content);
            let waiting = waiting.into_iter().collect();
            let block = Block::new((object, place, Header::BULK | base), sealed, waiting);
            self.bulk.outgoing.push(block);
        }
        self.ask_for_blocks();
        taken
    }

    /// How a block is cut: the place of its first symbol, and the bytes of content in each.
    fn lay_out(
        &self,
        object: ObjectId,
        block: u32,
        length: usize,
        waiting: &[SessionTag],
    ) -> (Place, usize) {
        let part = self.symbol_part();
        let count = (LENGTH + length).div_ceil(part);
        let losses = waiting.iter().filter_map(|session| self.bulk.outgoing.readers.get(*session));
        let loss = losses.map(|reader| reader.loss).sum::<f64>() / waiting.len().max(1) as f64;
        let loss = loss.min(0.5);
        let ahead = if loss < LEAST_LOSS { 0.0 } else { count as f64 * loss / (1.0 - loss) };
        let end = (count + ahead.ceil() as usize) as u16;
        let (object, turn) = (object.tag(), self.bulk.outgoing.next_turn);
        (Place { object, block, turn, symbol: 0, count: count as u16, end }, part)
    }

    /// Bytes of a block in one symbol: parity covers a sealed symbol, and must fit a datagram.
    fn symbol_part(&self) -> usize {
        let code = self.config.max_datagram - OVERHEAD - Parity::OVERHEAD;
        let part = super::assembly::part_of(code).unwrap_or(2);
        part - part % 2
    }

    /// The sealed symbols of a block, and the bytes of one.
    fn seal_block(&mut self, place: Place, part: usize, content: &[u8]) -> (Vec<u8>, usize) {
        let count = usize::from(place.count);
        let stride = OVERHEAD + Place::LEN + part;
        let mut padded = vec![0; count * part];
        padded[..LENGTH].copy_from_slice(&(content.len() as u32).to_be_bytes());
        padded[LENGTH..][..content.len()].copy_from_slice(content);
        let mut sealed = Vec::with_capacity(count * stride);
        let mut datagram = self.pool.take();
        for (symbol, part) in padded.chunks_exact(part).enumerate() {
            let place = Place { symbol: symbol as u16, ..place };
            self.seal_symbol(Kind::Bulk, &Packet::Bulk(Bulk { place, part }), &mut datagram);
            sealed.extend_from_slice(&datagram);
        }
        self.pool.give(datagram);
        (sealed, stride)
    }

    fn seal_symbol(&mut self, kind: Kind, packet: &Packet<'_>, datagram: &mut Vec<u8>) {
        self.bulk.outgoing.counter += 1;
        let counter = Header::BULK | self.bulk.outgoing.counter;
        let (group, session) = (self.key.group().tag(), self.session);
        datagram.clear();
        datagram.extend_from_slice(&Header { kind, group, epoch: 0, session, counter }.encode());
        packet.encode(datagram);
        self.seal.seal(counter, datagram);
    }

    /// Asks the application for the blocks that are to be sent next.
    pub(in crate::engine) fn ask_for_blocks(&mut self) {
        while let Some((object, block)) = self.bulk.outgoing.want() {
            self.events.push(Event::BlockWanted { object, block });
        }
    }

    /// Whether a symbol waits to be sent.
    pub(in crate::engine) fn has_symbols(&self) -> bool {
        self.bulk.outgoing.has_symbols()
    }

    /// Takes the symbol that goes next; nothing but bulk waits.
    pub(in crate::engine) fn take_symbol(&mut self, now: Instant) -> Option<(u32, Symbol)> {
        let turn = self.bulk.outgoing.next()?;
        let symbol = self.bulk.outgoing.block(turn)?.next();
        self.bulk.outgoing.pass(now, turn);
        self.stats.symbols_sent += 1;
        if let Symbol::Parity(symbol) = symbol {
            self.stats.parity_sent += 1;
            self.make_parity(turn, symbol);
        }
        self.ask_for_blocks();
        Some((turn, symbol))
    }

    /// The datagram of a symbol that was just taken.
    pub(in crate::engine) fn symbol(&self, (turn, symbol): (u32, Symbol)) -> Option<&[u8]> {
        match symbol {
            Symbol::Source(symbol) => Some(self.bulk.outgoing.block(turn)?.source(symbol)),
            Symbol::Parity(_) => Some(&self.bulk.parity),
        }
    }

    fn make_parity(&mut self, turn: u32, symbol: u16) {
        let mut coder = core::mem::take(&mut self.bulk.coder);
        let mut datagram = core::mem::take(&mut self.bulk.parity);
        let mut copy = core::mem::take(&mut self.scratch.opened);
        copy.clear();
        let block = self.bulk.outgoing.block_mut(turn).expect("the block was chosen");
        let base = block.base;
        let (place, code) = block.parity(symbol, &mut coder).expect("every block has parity");
        copy.extend_from_slice(code);
        let parity = Packet::Parity(Parity { place, base, code: &copy });
        self.seal_symbol(Kind::Parity, &parity, &mut datagram);
        (self.bulk.coder, self.bulk.parity, self.scratch.opened) = (coder, datagram, copy);
    }

    /// A receiver tells which blocks it wants.
    pub(in crate::engine) fn on_bulk_join(
        &mut self,
        now: Instant,
        tag: SessionTag,
        join: &BulkJoin<'_>,
    ) -> Result<(), Drop> {
        if join.to != self.tag {
            return Ok(());
        }
        let member = self.remotes.get(&tag).is_some_and(Remote::is_member);
        let blocks = self.bulk.outgoing.objects.get(&join.object);
        let blocks = *blocks.filter(|_| member).ok_or(Drop::Unknown)?;
        let runs = join.wants.iter().map(|run| Span {
            first: u64::from(run.first),
            end: u64::from(run.first.saturating_add(run.count).min(blocks)),
        });
        let mut wants: Ranges = runs.collect();
        for block in self.bulk.outgoing.under_way(tag, join.object).collect::<Vec<_>>() {
            wants.remove(Span::one(u64::from(block)));
        }
        let next = self.bulk.outgoing.next_turn;
        if !wants.is_empty() {
            self.bulk.outgoing.gather(now + GATHER);
        }
        self.bulk.outgoing.readers.join(tag, join.object, wants, next);
        if self.bulk.outgoing.readers.len() + 1 >= self.population {
            self.bulk.outgoing.end_gathering();
        }
        self.ask_for_blocks();
        Ok(())
    }

    /// A receiver tells what it has and lacks: of this member's stream, or of another's.
    pub(in crate::engine) fn on_bulk_nack(
        &mut self,
        now: Instant,
        tag: SessionTag,
        nack: &BulkNack<'_>,
    ) -> Result<(), Drop> {
        if self.remotes.get(&tag).is_none_or(|remote| remote.proven.is_none()) {
            return Err(Drop::Early);
        }
        if nack.to != self.tag {
            self.silence_bulk(now, nack);
            return Ok(());
        }
        let reader = self.bulk.outgoing.readers.get_mut(tag).ok_or(Drop::Unknown)?;
        reader.loss = f64::from(nack.loss) / 65_536.0;
        for object in self.bulk.outgoing.learn(tag, nack.next) {
            self.tell_progress(tag, object);
        }
        let patience = self.grtt;
        for lack in nack.lacks {
            if !self.bulk.outgoing.ask(now, &lack, patience) {
                self.stats.count(Drop::Unknown);
            }
        }
        self.ask_for_blocks();
        Ok(())
    }

    fn tell_progress(&mut self, tag: SessionTag, object: ObjectId) {
        let left = self.bulk.outgoing.left(tag, object);
        if let Some(remote) = self.remotes.get(&tag) {
            self.events.push(Event::Fetching { object, by: remote.session, left });
        }
    }

    /// While the window is full: whoever is a quarter of it behind the best for too long is served
    /// later. Who alone is left is served at its own pace.
    pub(super) fn check_readers(&mut self, now: Instant) {
        let outgoing = &mut self.bulk.outgoing;
        let Some((first, oldest)) = outgoing.oldest() else {
            outgoing.blocked = None;
            outgoing.readers.iter_mut().for_each(|(_, reader)| reader.lagging = false);
            return;
        };
        let waiting: Vec<SessionTag> = oldest.waiting.iter().copied().collect();
        for (_, reader) in outgoing.readers.iter_mut().filter(|(_, reader)| reader.next >= first) {
            reader.lagging = false;
        }
        if !outgoing.is_full() {
            outgoing.blocked = None;
            return;
        }
        let since = outgoing.blocked.filter(|(turn, _)| *turn == first).map_or(now, |(_, at)| at);
        outgoing.blocked = Some((first, since));
        let blocked = now.since(since);
        let best = outgoing.readers.iter().map(|(_, reader)| reader.next).max().unwrap_or(first);
        let ahead = best.saturating_sub(first) > (outgoing.next_turn - first) / 4;
        if (blocked > HOLD_BACK && ahead) || blocked > STUCK {
            for session in waiting {
                outgoing.set_aside(session);
                outgoing.readers.get_mut(session).into_iter().for_each(|r| r.lagging = true);
            }
            outgoing.blocked = None;
        }
    }
}
