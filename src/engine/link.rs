//! What this member knows of another's way: for people who look why it is slow.

use super::output::Member;
use super::{Engine, remote::Remote};

/// How datagrams travel between this member and another.
#[derive(Clone, PartialEq, Debug)]
pub struct Link {
    /// The other.
    pub member: Member,
    /// The share of its datagrams that is lost on the way here, 0 to 1, of late.
    pub loss: f64,
    /// The share of ours that is lost on the way there, 0 to 1, as its reports show; none
    /// before they do.
    pub loss_there: Option<f64>,
    /// Bytes that came from it, of all datagrams that opened.
    pub received_bytes: u64,
    /// Packets of it that were found missing here.
    pub missed: u64,
    /// Of those, how many came after all.
    pub repaired: u64,
    /// NACKs of it that were heard.
    pub nacks: u64,
    /// Packets of ours that it has not confirmed.
    pub lacks: u64,
    /// Bytes of ours that it can hold, as it last said; none before it did.
    pub free: Option<u64>,
}

/// What is counted of each session.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Bytes that came.
    pub bytes: u64,
    /// Packets found missing.
    pub missed: u64,
    /// Packets that were missing and came.
    pub repaired: u64,
    /// NACKs heard.
    pub nacks: u64,
}

impl Counts {
    /// Nothing was.
    pub const NONE: Self = Self { bytes: 0, missed: 0, repaired: 0, nacks: 0 };
}

impl Engine {
    /// The ways to the other members of the view, by rank.
    pub fn links(&self) -> Vec<Link> {
        let others = self.view.members.iter().filter_map(|tag| self.remotes.get(tag));
        others.filter_map(|remote| self.way_to(remote)).collect()
    }

    fn way_to(&self, remote: &Remote) -> Option<Link> {
        let Remote { loss, counts, path, .. } = remote;
        Some(Link {
            member: remote.member()?,
            loss: loss.rate(),
            loss_there: path.loss(),
            received_bytes: counts.bytes,
            missed: counts.missed,
            repaired: counts.repaired,
            nacks: counts.nacks,
            lacks: self.sender.next.since(remote.acked.min(self.sender.next)),
            free: path.free(),
        })
    }
}
