//! What an engine is told at its start. Each default states where it comes from.

use super::pacing::UNDER_WAY;
use crate::time::Duration;
use crate::wire::{MemberId, packet::MAX_NAME};

/// Bounds and intervals of an engine, and who its member is.
#[derive(Clone, Debug)]
pub struct Config {
    /// The same across restarts of the member.
    pub member: MemberId,
    /// Its name for people; cut to 64 bytes.
    pub name: String,
    /// The largest datagram to send, header and tag included, in bytes.
    pub max_datagram: usize,
    /// How many bytes of own packets may be sent and not yet received by all, or queued.
    pub window: usize,
    /// How many own packets may be sent of which not every member that counts has heard, where the
    /// group is small and near; 1 at least.
    pub under_way: u64,
    /// How many bytes of blocks of bulk may be on their way and not yet received by all that want
    /// them; twice as many may be held of each sender's.
    pub bulk_window: usize,
    /// How many bytes of one other sender's packets are held, for delivery and for repairs to
    /// others.
    pub held_per_sender: usize,
    /// How many bytes of packets are held in all.
    pub held_total: usize,
    /// How many sessions are remembered, those that ended included.
    pub max_sessions: usize,
    /// The pace of all sending, in bytes per second, at least 1; the most of it where it is
    /// [`Config::adaptive`].
    pub rate: u64,
    /// The pace follows from what receivers report: as much as the slowest healthy one takes.
    pub adaptive: bool,
    /// An adaptive pace takes all loss above 2 % for congestion, as networks do that are shared
    /// with TCP. Otherwise loss without a queue that grows slows nobody down.
    pub friendly: bool,
    /// How often a member without anything to say is heard.
    pub heartbeat: Duration,
    /// How many bytes of delivered messages are kept for those who come later or were away, their
    /// places counted in; 0 keeps none.
    pub archive: usize,
    /// Whether what was said before this member came is wanted. Who wants none gives none either.
    pub history: bool,
    /// GRTT is never taken to be less.
    pub grtt_floor: Duration,
    /// The bug that this engine has, to test the tests.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<Bug>,
}

/// Bugs that can be planted, to see whether the simulator finds them.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// At a change of views all that came is delivered, not only what all will have.
    BeyondCut,
    /// A packet that was delivered is delivered again when it comes again.
    ForgetDuplicates,
    /// Own packets are freed before all have them.
    FreeEarly,
    /// High edges in heartbeats are ignored: a lost last message is not noticed.
    IgnoreHighEdge,
    /// The last ORDER of each packet is lost.
    LoseOrder,
    /// A gap is passed over in silence once it was asked for.
    PassOverGap,
    /// Heartbeats do not advance the packet counter.
    ReuseCounter,
    /// Safe messages are delivered before all have them.
    SafeEarly,
    /// Messages do not tell what they come after.
    SkipCausal,
    /// A view is installed that was promised to nobody any more.
    StaleView,
    /// A view ends at what its coordinator has, not at what all have together.
    ShortCut,
    /// All members of a view are taken for its transitional set.
    WrongTransitional,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::BeyondCut,
        Self::ForgetDuplicates,
        Self::FreeEarly,
        Self::IgnoreHighEdge,
        Self::LoseOrder,
        Self::PassOverGap,
        Self::ReuseCounter,
        Self::SafeEarly,
        Self::ShortCut,
        Self::SkipCausal,
        Self::StaleView,
        Self::WrongTransitional,
    ];
}

impl Config {
    /// The defaults for `member` called `name`.
    pub fn new(member: MemberId, name: &str) -> Self {
        Self {
            member,
            name: cut(name, MAX_NAME).to_owned(),
            // Ethernet's 1,500 bytes less 40 of IPv6 and 8 of UDP header.
            max_datagram: 1_452,
            // Holds 1 Gbit/s over 100 ms: at 20 % loss a packet is repaired within 12 round trips
            // for 99 of 100, which on a busy machine take 5 ms each, and an acknowledgement comes
            // after.
            window: 12 << 20,
            under_way: UNDER_WAY,
            // 1 Gbit/s for 130 ms: an acknowledgement of each of 64 members, and two rounds of
            // repair.
            bulk_window: 16 << 20,
            // Twice a window: a sender's new packets, and old ones that others may still ask for.
            held_per_sender: 24 << 20,
            held_total: 64 << 20,
            max_sessions: 1_024,
            // Below what a receive buffer of 212,992 bytes (Linux's default) survives between two
            // turns of a busy receiver.
            rate: 50_000_000,
            adaptive: false,
            friendly: false,
            // Three of them missed, and a search of 250 ms: a death is known within a second.
            heartbeat: Duration::from_millis(200),
            // A chat of 100,000 short messages, and a sixteenth of `held_total` a mebibyte message.
            archive: 16 << 20,
            history: true,
            // OS timers and wake-ups are coarser than a LAN's round trip: a finer backoff
            // separates nobody.
            grtt_floor: Duration::from_millis(1),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

/// The longest prefix of `text` of at most `max` bytes that ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
