//! The packets of a view change: a coordinator proposes a view, its members stop and say what they
//! have of their old views, the coordinator says where those end, and when all have all up to
//! there, the new view begins (docs/PROTOCOL.md#view-change).
//!
//! Members are named by rank: `members` of FLUSH_REQ gives the ranks in the proposed view, and
//! each member knows those of its own old view.

use super::ids::{MAX_VIEW, RankSet, Seq, SessionTag, ViewId};
use super::list::List;
use super::packet::{DecodeError, Run, append, counted, numbered, ranked, whole};
use bincode::{BorrowDecode, Decode, Encode};

/// FLUSH_REQ: a coordinator proposes a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlushReq<'a> {
    /// The view that is proposed.
    pub view: ViewId,
    /// Its members, by rank.
    pub members: List<'a, SessionTag>,
    /// Whose FLUSH_STATE has come, by rank in `members`: they need not answer again.
    pub answered: RankSet,
}

#[derive(Encode, BorrowDecode)]
struct FlushReqBody<'a> {
    view: ViewId,
    members: &'a [u8],
    answered: RankSet,
}

impl<'a> FlushReq<'a> {
    /// Reads the body of a FLUSH_REQ.
    ///
    /// # Errors
    /// [`DecodeError`] also where there is no member, or there are more than [`MAX_VIEW`].
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: FlushReqBody<'a> = whole(bytes)?;
        let members = List::decode(body.members)?;
        counted(body.view.epoch)?;
        if !(1..=MAX_VIEW).contains(&members.iter().count()) {
            return Err(DecodeError);
        }
        Ok(Self { view: body.view, members, answered: body.answered })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let (view, answered) = (self.view, self.answered);
        append(&FlushReqBody { view, members: self.members.as_bytes(), answered }, out);
    }
}

/// What a member has of the stream of one member of its old view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Held {
    /// All before this was received.
    pub received: Seq,
    /// The lowest packet that is still held.
    pub low: Seq,
}

/// Packets that a member holds beyond a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Beyond {
    /// Whose packets, by rank in the old view.
    pub rank: u32,
    /// The first of them.
    pub first: Seq,
    /// How many, at least 1.
    pub count: u32,
}

/// Primary views that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct Chain {
    /// The members of the largest view that it had, 0 before its first. Where two chains meet, the
    /// one with more goes on.
    pub peak: u32,
    /// Its first view.
    pub origin: ViewId,
}

/// A primary view that a member knows of: the last one, or a later one that was agreed on and may
/// have begun elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Primary {
    /// Which view that was.
    pub view: ViewId,
    /// How many members it had.
    pub size: u32,
    /// The member was in it.
    pub member: bool,
    /// It has the lowest id of all that were in it.
    pub lowest: bool,
    /// The view began, for all that the member knows.
    pub begun: bool,
    /// The first view of the chain that it belongs to.
    pub chain: ViewId,
    /// Who of it said farewell, by rank there: they cannot go on elsewhere.
    pub left: RankSet,
}

fn primaries(bytes: &[u8]) -> Result<List<'_, Primary>, DecodeError> {
    let list: List<'_, Primary> = List::decode(bytes)?;
    let epochs = list.iter().flat_map(|p| [p.view.epoch, p.chain.epoch]);
    epochs.into_iter().try_for_each(counted)?;
    Ok(list)
}

/// FLUSH_STATE: a member has stopped, and has this of its old view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlushState<'a> {
    /// The view that is proposed.
    pub view: ViewId,
    /// The view that the member is in.
    pub old: ViewId,
    /// Its rank there.
    pub rank: u32,
    /// One past the highest packet of its own stream.
    pub next: Seq,
    /// The number of its next message.
    pub message: u64,
    /// Whom of the proposed members it does not know, or not hear.
    pub unmet: RankSet,
    /// The chain of primary views that its old view belongs to; of peak 0 before its first view.
    pub chain: Chain,
    /// The primary views that it knows of: of each chain the last that has begun, and those that
    /// it agreed to since.
    pub primaries: List<'a, Primary>,
    /// What it has of each member of the old view, by rank.
    pub held: List<'a, Held>,
    /// What it holds beyond gaps.
    pub beyond: List<'a, Beyond>,
    /// What it knows of the agreed order from packets beyond gaps.
    pub order: List<'a, Run>,
}

#[derive(Encode, BorrowDecode)]
struct FlushStateBody<'a> {
    view: ViewId,
    old: ViewId,
    rank: u32,
    next: Seq,
    message: u64,
    unmet: RankSet,
    chain: Chain,
    primaries: &'a [u8],
    held: &'a [u8],
    beyond: &'a [u8],
    order: &'a [u8],
}

impl<'a> FlushState<'a> {
    /// The most bytes beside the lists: five integers of 9, two of 5, three tags, a set of 17, four
    /// lengths of 3.
    pub const OVERHEAD: usize = 5 * 9 + 2 * 5 + 3 * 8 + 17 + 4 * 3;

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: FlushStateBody<'a> = whole(bytes)?;
        let (held, beyond) = (List::decode(body.held)?, List::decode(body.beyond)?);
        let primaries = primaries(body.primaries)?;
        [body.view.epoch, body.old.epoch, body.chain.origin.epoch]
            .into_iter()
            .try_for_each(counted)?;
        numbered(body.message)?;
        ranked(body.rank)?;
        let order = List::decode(body.order)?;
        order.iter().try_for_each(|run: Run| run.check())?;
        beyond.iter().try_for_each(|beyond: Beyond| ranked(beyond.rank))?;
        if held.iter().count() > MAX_VIEW {
            return Err(DecodeError);
        }
        let FlushStateBody { view, old, rank, next, message, unmet, chain, .. } = body;
        Ok(Self { view, old, rank, next, message, unmet, chain, primaries, held, beyond, order })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let body = FlushStateBody {
            view: self.view,
            old: self.old,
            rank: self.rank,
            next: self.next,
            message: self.message,
            unmet: self.unmet,
            chain: self.chain,
            primaries: self.primaries.as_bytes(),
            held: self.held.as_bytes(),
            beyond: self.beyond.as_bytes(),
            order: self.order.as_bytes(),
        };
        append(&body, out);
    }
}

/// Where the stream of one member of an old view ends for those that come from there together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct End {
    /// Which old view, by its number in [`Cut::groups`].
    pub group: u32,
    /// Whose stream, by rank in that old view.
    pub rank: u32,
    /// One past its last packet.
    pub end: Seq,
}

/// A part of the agreed order of an old view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ordered {
    /// Which old view, by its number in [`Cut::groups`].
    pub group: u32,
    /// The part.
    pub run: Run,
}

/// CUT: where the old views end. Whoever comes alone from its old view keeps what it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut<'a> {
    /// The view that is proposed.
    pub view: ViewId,
    /// For each member of it, by rank: the number of its group. Members of one group come from one
    /// old view.
    pub groups: List<'a, u32>,
    /// Where the streams of groups with several members end.
    pub ends: List<'a, End>,
    /// What of the agreed order some have from packets that others will not have.
    pub order: List<'a, Ordered>,
    /// The view is primary: it holds more than half of the last primary view.
    pub primary: bool,
    /// The chain that it goes on from.
    pub chain: Chain,
    /// What the members know of that chain: the last view that has begun, and those that were
    /// agreed on since; who was in them is not said.
    pub primaries: List<'a, Primary>,
    /// Whose CUT_DONE has come.
    pub answered: RankSet,
}

#[derive(Encode, BorrowDecode)]
struct CutBody<'a> {
    view: ViewId,
    groups: &'a [u8],
    ends: &'a [u8],
    order: &'a [u8],
    primary: bool,
    chain: Chain,
    primaries: &'a [u8],
    answered: RankSet,
}

impl<'a> Cut<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: CutBody<'a> = whole(bytes)?;
        let (groups, ends) = (List::decode(body.groups)?, List::decode(body.ends)?);
        counted(body.view.epoch)?;
        ends.iter().try_for_each(|end: End| ranked(end.rank))?;
        let order = List::decode(body.order)?;
        order.iter().try_for_each(|ordered: Ordered| ordered.run.check())?;
        let primaries = primaries(body.primaries)?;
        counted(body.chain.origin.epoch)?;
        let CutBody { view, primary, chain, answered, .. } = body;
        Ok(Self { view, groups, ends, order, primary, chain, primaries, answered })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let Self { view, primary, chain, answered, .. } = *self;
        let (groups, ends) = (self.groups.as_bytes(), self.ends.as_bytes());
        let (order, primaries) = (self.order.as_bytes(), self.primaries.as_bytes());
        let body = CutBody { view, groups, ends, order, primary, chain, primaries, answered };
        append(&body, out);
    }
}

/// CUT_DONE: a member has all up to the cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CutDone {
    /// The view that is proposed.
    pub view: ViewId,
}

impl CutDone {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let done: Self = whole(bytes)?;
        counted(done.view.epoch)?;
        Ok(done)
    }
}

/// Where a member's stream begins in the new view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Start {
    /// Its first packet there.
    pub next: Seq,
    /// Its first message there.
    pub message: u64,
}

/// INSTALL: every member has all up to the cut; the new view begins. Here a signature of the
/// coordinator, and the sealed secret of a new key epoch, will go along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Install<'a> {
    /// The view.
    pub view: ViewId,
    /// Where each member's stream begins, by rank.
    pub starts: List<'a, Start>,
}

#[derive(Encode, BorrowDecode)]
struct InstallBody<'a> {
    view: ViewId,
    starts: &'a [u8],
}

impl<'a> Install<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let body: InstallBody<'a> = whole(bytes)?;
        let starts = List::decode(body.starts)?;
        counted(body.view.epoch)?;
        starts.iter().try_for_each(|start: Start| numbered(start.message))?;
        Ok(Self { view: body.view, starts })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        append(&InstallBody { view: self.view, starts: self.starts.as_bytes() }, out);
    }
}
