//! The trace of a run: one number that two equal runs share, and, where somebody listens, a line
//! for each event.

use super::seat::Who;
use crate::wire::{GroupKey, Header, Packet, SessionTag};

/// Folds a run into 64 bits with FNV-1a's step over whole words, and tells it to whoever asked.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    /// Called with each line.
    pub listener: Option<fn(&str)>,
}

/// What an event is, in the hash.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum Mark {
    Start = 1,
    End,
    Submit,
    Transmit,
    Drop,
    Arrive,
    Timeout,
    Deliver,
    Event,
}

impl Trace {
    pub(super) const fn new() -> Self {
        // FNV-1a's offset basis and, below, prime for 64 bits (RFC 9923).
        Self { hash: 0xcbf2_9ce4_8422_2325, listener: None }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Adds an event at `now`, and its line where somebody listens.
    pub(super) fn note(
        &mut self,
        now: u64,
        mark: Mark,
        words: [u64; 2],
        line: impl Fn() -> String,
    ) {
        self.add(now);
        self.add(mark as u64);
        words.into_iter().for_each(|word| self.add(word));
        if let Some(listener) = self.listener {
            listener(&format!("{:>11.6}  {}", seconds(now), line()));
        }
    }

    const fn add(&mut self, word: u64) {
        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        // A multiplication carries only upwards; the high bits go back down, or they would never
        // meet.
        self.hash ^= self.hash >> 32;
    }
}

/// Microseconds as seconds, for people.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// The last eight bytes of a datagram's tag: they depend on all of it.
pub(super) fn fingerprint(datagram: &[u8]) -> u64 {
    let mut last = [0; 8];
    last.copy_from_slice(&datagram[datagram.len() - 8..]);
    u64::from_be_bytes(last).max(1)
}

/// A datagram for people: its session's letter is known to the caller, its content is opened here.
pub(super) fn describe(key: &GroupKey, datagram: &[u8]) -> String {
    let Ok(header) = Header::decode(datagram) else {
        return format!("{} bytes that are no datagram", datagram.len());
    };
    let mut copy = datagram.to_vec();
    let opened = key.session_key(header.epoch, &header.session).open(header.counter, &mut copy);
    let Ok(Ok(packet)) = opened.map(|body| Packet::decode(header.kind, body)) else {
        return format!("a {:?} that does not open", header.kind);
    };
    format!("{}, {} bytes, counter {}", content(&packet), datagram.len(), header.counter)
}

fn content(packet: &Packet<'_>) -> String {
    match packet {
        Packet::Data(data) => {
            let parts: Vec<String> = data
                .iter()
                .map(|(message, record)| format!("{message}:{:?}", record.part))
                .collect();
            let runs: Vec<String> = data
                .order
                .iter()
                .map(|r| format!("{}@{}.{}+{}", r.place, r.rank, r.number, r.count))
                .collect();
            format!(
                "DATA {:?} in {:?} [{}] order [{}]",
                data.seq,
                data.view,
                parts.join(" "),
                runs.join(" ")
            )
        }
        Packet::Heartbeat(beat) => {
            let acks: Vec<String> = beat
                .acks
                .iter()
                .map(|ack| format!("{:?}<{:?}/{:?}", ack.rank, ack.received, ack.high))
                .collect();
            format!(
                "HEARTBEAT {:?}..{:?} view {:?} promised {} together {} hears {:b} probes {:b} hello {} profile {} echoes {} acks [{}]",
                beat.low,
                beat.high,
                beat.view,
                beat.promised,
                beat.together,
                beat.hears.0,
                beat.probes.0,
                beat.hello,
                beat.profile.is_some(),
                beat.echoes.iter().count(),
                acks.join(" ")
            )
        }
        Packet::Nack(nack) => {
            let missing: Vec<String> = nack
                .missing
                .iter()
                .map(|gap| format!("{:?}{:?}+{}", gap.session, gap.first, gap.count))
                .collect();
            format!("NACK [{}]", missing.join(" "))
        }
        Packet::Leave(leave) => format!("LEAVE {:?}", leave.high),
        Packet::FlushReq(req) => {
            let members: Vec<SessionTag> = req.members.iter().collect();
            format!("FLUSH_REQ {:?} {members:?} answered {:b}", req.view, req.answered.0)
        }
        Packet::FlushState(state) => format!(
            "FLUSH_STATE {:?} from {:?} rank {} next {:?} unmet {:b}",
            state.view, state.old, state.rank, state.next, state.unmet.0
        ),
        Packet::Cut(cut) => {
            let groups: Vec<u32> = cut.groups.iter().collect();
            let ends: Vec<String> =
                cut.ends.iter().map(|e| format!("{}.{}<{:?}", e.group, e.rank, e.end)).collect();
            format!(
                "CUT {:?} groups {groups:?} ends [{}] answered {:b}",
                cut.view,
                ends.join(" "),
                cut.answered.0
            )
        }
        Packet::CutDone(done) => format!("CUT_DONE {:?}", done.view),
        Packet::Install(install) => {
            format!("INSTALL {:?} primary {}", install.view, install.primary)
        }
    }
}

/// `who` and what it does, for a line.
pub(super) fn line(who: Who, does: impl core::fmt::Display) -> String {
    format!("{who}  {does}")
}
