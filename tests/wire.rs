//! What strangers' bytes can do to the wire layer: nothing. Round trips for packets of every shape,
//! then a million hostile datagrams of each sort, from a printed seed.

use mcast_chat::wire::bulk::{self, Blocks, Lack, Place};
use mcast_chat::wire::flush::{Beyond, Chain, End, Held, Ordered, Primary, Start};
use mcast_chat::wire::history::{self, Archived, Kept};
use mcast_chat::wire::ids::{MAX_VIEW, RankSet};
use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{
    Ack, Content, Dependency, Echo, Handoff, MAX_NAME, Part, Profile, Record, Report, Run, Service,
    encode_record,
};
use mcast_chat::wire::{
    Bulk, BulkJoin, BulkNack, Cut, CutDone, Data, DecodeError, FlushReq, FlushState, GroupKey,
    Header, HeaderError, Heartbeat, Install, Kind, Leave, MAX_DATAGRAM, MemberId, Missing, Nack,
    OVERHEAD, ObjectId, Packet, Parity, Probe, ProbeReply, Seq, Session, SessionKey, SessionTag,
    ViewId, Way,
};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

const KINDS: [Kind; 15] = [
    Kind::Data,
    Kind::Heartbeat,
    Kind::Nack,
    Kind::Leave,
    Kind::FlushReq,
    Kind::FlushState,
    Kind::Cut,
    Kind::CutDone,
    Kind::Install,
    Kind::Bulk,
    Kind::Parity,
    Kind::BulkNack,
    Kind::BulkJoin,
    Kind::Probe,
    Kind::ProbeReply,
];
const SESSION: Session = Session(*b"sixteen bytes of");
const VIEW: ViewId = ViewId { epoch: 3, coordinator: SessionTag([1; 8]) };
const ROUNDS: usize = 1_000_000;

// ---- what is read is what was written --------------------------------------

fn sequence_number() -> impl Strategy<Value = Seq> {
    prop_oneof![0..300u64, 0..Seq::LIMIT.0, Just(Seq::LIMIT.0 - 1)].prop_map(Seq)
}

/// What no honest member counts beyond.
fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Multicast), Just(Way::Unicast), Just(Way::Broadcast)]
}

/// A number that counts from 1.
fn ordinal() -> impl Strategy<Value = u64> {
    number().prop_map(|number| number.max(1))
}

fn number() -> impl Strategy<Value = u64> {
    sequence_number().prop_map(|seq| seq.0)
}

fn rank() -> impl Strategy<Value = u32> {
    0..MAX_VIEW as u32
}

fn rank_set() -> impl Strategy<Value = RankSet> {
    prop_oneof![Just(0), any::<u8>().prop_map(u128::from), any::<u128>()].prop_map(RankSet)
}

fn session_tag() -> impl Strategy<Value = SessionTag> {
    any::<[u8; 8]>().prop_map(SessionTag)
}

fn view() -> impl Strategy<Value = ViewId> {
    (number(), session_tag()).prop_map(|(epoch, coordinator)| ViewId { epoch, coordinator })
}

fn run() -> impl Strategy<Value = Run> {
    (ordinal(), rank(), ordinal(), any::<u32>()).prop_map(|(place, rank, number, count)| Run {
        place,
        rank,
        number,
        count,
    })
}

fn dependency() -> impl Strategy<Value = Dependency> {
    (rank(), ordinal()).prop_map(|(rank, number)| Dependency { rank, number })
}

fn handoff() -> impl Strategy<Value = Option<Handoff>> {
    prop::option::of((rank(), number()).prop_map(|(rank, place)| Handoff { rank, place }))
}

fn content() -> impl Strategy<Value = Content> {
    use Content::{Agreed, Causal, Fifo, History, Safe};
    prop::sample::select(vec![Fifo, Causal, Agreed, Safe, History])
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Whole),
        any::<u32>().prop_map(Part::First),
        Just(Part::Middle),
        Just(Part::Last)
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let numbers = (any::<u64>(), number(), number(), number());
    (rank(), numbers).prop_map(|(rank, (counter, came, datagrams, free))| Report {
        rank,
        counter,
        came,
        datagrams,
        free,
    })
}

fn ack() -> impl Strategy<Value = Ack> {
    (rank(), sequence_number(), sequence_number()).prop_map(|(rank, received, high)| Ack {
        rank,
        received,
        high,
    })
}

fn primary() -> impl Strategy<Value = Primary> {
    (view(), any::<u32>(), any::<[bool; 3]>(), view(), rank_set()).prop_map(
        |(view, size, [member, lowest, begun], chain, left)| Primary {
            view,
            size,
            member,
            lowest,
            begun,
            chain,
            left,
        },
    )
}

fn chain() -> impl Strategy<Value = Chain> {
    (any::<u32>(), view()).prop_map(|(peak, origin)| Chain { peak, origin })
}

fn beyond() -> impl Strategy<Value = Beyond> {
    (rank(), sequence_number(), any::<u32>()).prop_map(|(rank, first, count)| Beyond {
        rank,
        first,
        count,
    })
}

fn list<T: bincode::Encode>(entries: &[T]) -> ListBuilder {
    let mut list = ListBuilder::default();
    for entry in entries {
        assert!(list.push(entry, MAX_DATAGRAM));
    }
    list
}

/// The packet is read as it was written, and nothing shorter or longer is read at all.
fn check(packet: &Packet<'_>) {
    let mut body = Vec::new();
    packet.encode(&mut body);
    assert_eq!(Packet::decode(packet.kind(), &body).as_ref(), Ok(packet));
    // A NACK is all entries and no length: cut between two of them it is a shorter one.
    // A symbol's last field is what is left: cut, it is a shorter one.
    let exact = packet.kind() != Kind::Nack && !packet.kind().is_symbol();
    for length in 0..body.len() {
        let cut = Packet::decode(packet.kind(), &body[..length]);
        assert!(cut != Ok(*packet), "{length} of {} bytes say the same", body.len());
        assert!(!exact || cut.is_err(), "{length} of {} bytes are read", body.len());
    }
    if packet.kind() == Kind::Data {
        body.push(0);
        let filled = Packet::decode(packet.kind(), &body);
        assert_eq!(filled.as_ref(), Ok(packet), "zeros may follow");
        body.push(1);
    }
    body.push(0);
    let trailed = Packet::decode(packet.kind(), &body);
    assert!(trailed != Ok(*packet), "a trailing byte is not passed over");
    assert!(packet.kind() == Kind::Bulk || trailed.is_err(), "a trailing byte is refused");
}

/// The same for a part of an archive.
fn check_archived(part: &Archived<'_>) {
    let mut body = Vec::new();
    part.encode(&mut body);
    assert_eq!(Archived::decode(&body).as_ref(), Ok(part));
    for length in 0..body.len() {
        assert_eq!(Archived::decode(&body[..length]), Err(DecodeError), "{length} bytes");
    }
    body.push(0);
    assert_eq!(Archived::decode(&body), Err(DecodeError), "a trailing byte is refused");
}

/// What bincode makes of `fields`.
fn as_bincode(fields: &impl bincode::Encode) -> Vec<u8> {
    bincode::encode_to_vec(fields, bincode::config::standard()).expect("fields are encodable")
}

/// A record's part as bincode derives it.
#[derive(bincode::Encode)]
enum Derived {
    Whole,
    First(u32),
    Middle,
    Last,
}

fn derived(part: Part) -> Derived {
    match part {
        Part::Whole => Derived::Whole,
        Part::First(total) => Derived::First(total),
        Part::Middle => Derived::Middle,
        Part::Last => Derived::Last,
    }
}

fn place() -> impl Strategy<Value = Place> {
    let wide = || 0..bulk::LIMIT;
    (any::<u32>(), wide(), 1..bulk::LIMIT, any::<u16>(), 1..=u16::MAX, any::<u16>()).prop_map(
        |(object, block, turn, symbol, count, end)| Place {
            object,
            block,
            turn,
            symbol,
            count,
            end,
        },
    )
}

proptest! {
    #[test]
    fn symbols_round_trip(place in place(), base: u64, bytes in vec(any::<u8>(), 1..300)) {
        if place.symbol < place.count {
            check(&Packet::Bulk(Bulk { place, part: &bytes }));
        } else {
            let code = bytes.repeat(2);
            check(&Packet::Parity(Parity { place, base, code: &code }));
        }
    }

    #[test]
    fn what_receivers_of_bulk_tell_round_trips(
        (to, next, loss) in (session_tag(), 0..bulk::LIMIT, any::<u16>()),
        lacks in vec((0..bulk::LIMIT, any::<u16>(), 1..=u16::MAX), 0..9),
        (object, wants) in (any::<[u8; 32]>(), vec((0..bulk::LIMIT, 1..bulk::LIMIT), 0..9)),
    ) {
        let lacks: Vec<Lack> =
            lacks.into_iter().map(|(turn, heard, count)| Lack { turn, heard, count }).collect();
        let lacking = list(&lacks);
        prop_assert!(lacking.len() <= lacks.len() * Lack::LONGEST);
        check(&Packet::BulkNack(BulkNack { to, next, loss, lacks: lacking.list() }));
        let wants: Vec<Blocks> =
            wants.into_iter().map(|(first, count)| Blocks { first, count }).collect();
        let wanted = list(&wants);
        check(&Packet::BulkJoin(BulkJoin { to, object: ObjectId(object), wants: wanted.list() }));
    }

    #[test]
    fn probes_and_their_answers_round_trip(
        (to, session) in (session_tag(), session_tag()),
        (number, sent_at, clock) in (1..=u32::MAX, number(), number()),
        (heard, answered) in (any::<u32>(), any::<u32>()),
        (asked, way) in (way(), way()),
        (member, name) in (any::<[u8; 16]>(), prop_oneof![Just("ana"), Just("jürgen"), Just("")]),
        filler in vec(any::<u8>(), 0..900),
    ) {
        check(&Packet::Probe(Probe { number, sent_at, way, filler: &filler }));
        let profile = Profile { member: MemberId(member), name };
        check(&Packet::ProbeReply(ProbeReply {
            to, number, sent_at, asked, way, session, profile, heard, answered, clock,
        }));
    }

    #[test]
    fn data_round_trips(
        (seq, view, message) in (sequence_number(), view(), 0..1u64 << 40),
        after in vec(dependency(), 0..5),
        order in vec(run(), 0..9),
        handoff in handoff(),
        parts in vec((content(), part(), vec(any::<u8>(), 0..200)), 0..6),
    ) {
        let mut records = Vec::new();
        for (content, part, body) in &parts {
            let before = records.len();
            encode_record(&Record { content: *content, part: *part, body }, &mut records);
            let fields = (*content as u32, derived(*part), body.as_slice());
            prop_assert_eq!(&records[before..], as_bincode(&fields));
            prop_assert!(records.len() - before <= body.len() + Record::OVERHEAD);
        }
        let lists = (list(&after), list(&order));
        prop_assert!(lists.1.len() <= order.len() * Run::LONGEST);
        let (after_list, order_list) = (lists.0.list(), lists.1.list());
        let data = Data {
            seq, view, message, after: after_list, order: order_list, handoff, records: &records
        };
        check(&Packet::Data(data));
        prop_assert_eq!(data.after.iter().collect::<Vec<_>>(), after);
        prop_assert_eq!(data.order.iter().collect::<Vec<_>>(), order);
        let mut number = message;
        let mut read = data.iter();
        for (content, part, body) in &parts {
            let (of, record) = read.next().expect("as many records as written");
            prop_assert_eq!((of, record.content), (number, *content));
            prop_assert_eq!((record.part, record.body), (*part, &body[..]));
            number += u64::from(part.ends() && content.service().is_some());
        }
        prop_assert!(read.next().is_none());
        let empty = parts.is_empty() && lists.1.is_empty() && handoff.is_none();
        prop_assert_eq!(data.end_message(), (!empty).then_some(number));
        let mut bytes = Vec::new();
        Packet::Data(data).encode(&mut bytes);
        let handoff = handoff.map(|handoff| (handoff.rank, handoff.place));
        let (after, order) = (lists.0.list::<()>(), lists.1.list::<()>());
        let (after, order) = (after.as_bytes(), order.as_bytes());
        let fields = (seq.0, view, message, after, order, handoff, records.as_slice());
        prop_assert_eq!(&bytes, &as_bincode(&fields));
        let listed = records.len() + lists.0.len() + lists.1.len();
        prop_assert!(bytes.len() - listed <= Data::OVERHEAD);
    }

    #[test]
    fn heartbeats_round_trip(
        (sent_at, low, high) in (number(), sequence_number(), sequence_number()),
        (next_message, view, rank, promised) in (number(), view(), rank(), number()),
        (together, hears, probes) in (any::<u32>(), rank_set(), rank_set()),
        hello: bool,
        profile in prop::option::of((any::<[u8; 16]>(), "\\PC{0,16}")),
        echoes in vec((session_tag(), number()), 0..9),
        acks in vec(ack(), 0..9),
        (heard, reports) in (number(), vec(report(), 0..9)),
        (prompt, lagging) in (rank_set(), rank_set()),
    ) {
        let echoes: Vec<_> = echoes.into_iter().map(|(session, at)| Echo { session, at }).collect();
        let lists = (list(&echoes), list(&acks), list(&reports));
        let profile = profile.as_ref().map(|(id, name)| Profile { member: MemberId(*id), name });
        let (echo_list, ack_list) = (lists.0.list(), lists.1.list());
        let heartbeat = Heartbeat {
            sent_at, low, high, next_message, view, rank, promised, together, hears, probes, hello,
            profile, echoes: echo_list, acks: ack_list, heard, reports: lists.2.list(), prompt,
            lagging,
        };
        check(&Packet::Heartbeat(heartbeat));
        prop_assert_eq!(heartbeat.echoes.iter().collect::<Vec<_>>(), echoes);
        prop_assert_eq!(heartbeat.acks.iter().collect::<Vec<_>>(), acks);
        prop_assert_eq!(heartbeat.reports.iter().collect::<Vec<_>>(), reports);
        let mut bytes = Vec::new();
        Packet::Heartbeat(heartbeat).encode(&mut bytes);
        let name = profile.map_or(0, |profile| profile.name.len());
        let listed = name + lists.0.len() + lists.1.len() + lists.2.len();
        prop_assert!(bytes.len() - listed <= Heartbeat::OVERHEAD);
    }

    #[test]
    fn nacks_and_farewells_round_trip(
        gaps in vec((session_tag(), sequence_number(), 1..=u32::MAX, 0..99u32), 0..40),
        (high, next_message, view) in (sequence_number(), number(), view()),
    ) {
        let gaps: Vec<_> = gaps
            .into_iter()
            .map(|(session, first, count, asked)| Missing { session, first, count, asked })
            .collect();
        let missing = list(&gaps);
        check(&Packet::Nack(Nack { missing: missing.list() }));
        prop_assert_eq!(missing.list::<Missing>().iter().collect::<Vec<_>>(), gaps);
        check(&Packet::Leave(Leave { high, next_message, view }));
    }

    #[test]
    fn proposals_and_installs_round_trip(
        (view, answered) in (view(), rank_set()),
        members in vec(session_tag(), 1..=MAX_VIEW),
        starts in vec((sequence_number(), ordinal()), 0..MAX_VIEW),
    ) {
        let listed = list(&members);
        let req = FlushReq { view, members: listed.list(), answered };
        check(&Packet::FlushReq(req));
        prop_assert_eq!(req.members.iter().collect::<Vec<_>>(), members);
        check(&Packet::CutDone(CutDone { view }));
        let starts: Vec<_> =
            starts.into_iter().map(|(next, message)| Start { next, message }).collect();
        let listed = list(&starts);
        let install = Install { view, starts: listed.list() };
        check(&Packet::Install(install));
        prop_assert_eq!(install.starts.iter().collect::<Vec<_>>(), starts);
    }

    #[test]
    fn reports_round_trip(
        (view, old, rank) in (view(), view(), rank()),
        (next, message, unmet) in (sequence_number(), ordinal(), rank_set()),
        chain in chain(),
        primaries in vec(primary(), 0..4),
        held in vec((sequence_number(), sequence_number()), 0..MAX_VIEW),
        beyond in vec(beyond(), 0..9),
        order in vec(run(), 0..9),
    ) {
        let held: Vec<_> =
            held.into_iter().map(|(received, low)| Held { received, low }).collect();
        let lists = (list(&primaries), list(&held), list(&beyond), list(&order));
        let (primary_list, held_list) = (lists.0.list(), lists.1.list());
        let (beyond_list, order_list) = (lists.2.list(), lists.3.list());
        let state = FlushState {
            view, old, rank, next, message, unmet, chain, primaries: primary_list, held: held_list,
            beyond: beyond_list, order: order_list,
        };
        check(&Packet::FlushState(state));
        prop_assert_eq!(state.primaries.iter().collect::<Vec<_>>(), primaries);
        prop_assert_eq!(state.held.iter().collect::<Vec<_>>(), held);
        prop_assert_eq!(state.beyond.iter().collect::<Vec<_>>(), beyond);
        prop_assert_eq!(state.order.iter().collect::<Vec<_>>(), order);
        let mut bytes = Vec::new();
        Packet::FlushState(state).encode(&mut bytes);
        let listed = lists.0.len() + lists.1.len() + lists.2.len() + lists.3.len();
        prop_assert!(bytes.len() - listed <= FlushState::OVERHEAD);
    }

    #[test]
    fn cuts_round_trip(
        (view, primary, chain, answered) in (view(), any::<bool>(), chain(), rank_set()),
        groups in vec(any::<u32>(), 0..MAX_VIEW),
        ends in vec((any::<u32>(), rank(), sequence_number()), 0..MAX_VIEW),
        order in vec((any::<u32>(), run()), 0..9),
        primaries in vec(self::primary(), 0..4),
    ) {
        let ends: Vec<_> =
            ends.into_iter().map(|(group, rank, end)| End { group, rank, end }).collect();
        let order: Vec<_> = order.into_iter().map(|(group, run)| Ordered { group, run }).collect();
        let primary_list = list(&primaries);
        let lists = (list(&groups), list(&ends), list(&order));
        let (group_list, end_list, order_list) = (lists.0.list(), lists.1.list(), lists.2.list());
        let cut = Cut {
            view, groups: group_list, ends: end_list,
            order: order_list, primary, chain, primaries: primary_list.list(), answered,
        };
        check(&Packet::Cut(cut));
        prop_assert_eq!(cut.groups.iter().collect::<Vec<_>>(), groups);
        prop_assert_eq!(cut.ends.iter().collect::<Vec<_>>(), ends);
        prop_assert_eq!(cut.order.iter().collect::<Vec<_>>(), order);
        prop_assert_eq!(cut.primaries.iter().collect::<Vec<_>>(), primaries);
    }

    #[test]
    fn parts_of_archives_round_trip(
        kept in vec((session_tag(), number(), number(), any::<bool>()), 0..40),
        (from, session, number) in (any::<[u8; 16]>(), any::<[u8; 16]>(), number()),
        service in prop::sample::select(
            vec![Service::Fifo, Service::Causal, Service::Agreed, Service::Safe]
        ),
        body in vec(any::<u8>(), 0..400),
        ranks in rank_set(),
    ) {
        let kept: Vec<_> = kept
            .into_iter()
            .map(|(session, first, count, whole)| Kept { session, first, count, whole })
            .collect();
        check_archived(&Archived::Digest(list(&kept).list()));
        check_archived(&Archived::End(ranks));
        check_archived(&Archived::Declined);
        let (from, session) = (MemberId(from), Session(session));
        let message = Archived::Message { from, session, number, service, body: &body };
        check_archived(&message);
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        prop_assert!(bytes.len() <= body.len() + history::OVERHEAD);
    }

    #[test]
    fn headers_round_trip(
        kind in prop::sample::select(KINDS.to_vec()),
        (group, epoch, counter) in any::<(u32, u32, u64)>(),
        id: [u8; 16],
    ) {
        let header = Header { kind, group, epoch, session: Session(id), counter };
        let mut datagram = header.encode().to_vec();
        datagram.resize(OVERHEAD, 0);
        prop_assert_eq!(Header::decode(&datagram), Ok(header));
    }

    #[test]
    fn what_is_sealed_opens_and_only_under_its_own_key(
        body in vec(any::<u8>(), 0..1_500),
        counter: u64,
        id: [u8; 16],
    ) {
        let group = GroupKey::open("239.1.1.1:23911");
        let session = Session(id);
        let sealed = seal(&group, &session, Kind::Data, counter, &body);
        let opened = |key: SessionKey, counter| {
            let mut copy = sealed.clone();
            key.open(counter, &mut copy).map(<[u8]>::to_vec)
        };
        prop_assert_eq!(opened(group.session_key(0, &session), counter), Ok(body));
        prop_assert!(opened(group.session_key(1, &session), counter).is_err());
        prop_assert!(opened(group.session_key(0, &session), counter ^ 1).is_err());
        let other = GroupKey::open("239.1.1.2:23911");
        prop_assert!(opened(other.session_key(0, &session), counter).is_err());
    }
}

// ---- what is damaged or forged does not open -------------------------------

fn seal(group: &GroupKey, session: &Session, kind: Kind, counter: u64, body: &[u8]) -> Vec<u8> {
    let header = Header { kind, group: group.group().tag(), epoch: 0, session: *session, counter };
    let mut datagram = header.encode().to_vec();
    datagram.extend_from_slice(body);
    group.session_key(0, session).seal(counter, &mut datagram);
    datagram
}

/// A DATA packet without order.
fn data<'a>(message: u64, records: &'a [u8], empty: &'a ListBuilder) -> Data<'a> {
    let (after, order) = (empty.list(), empty.list());
    Data { seq: Seq(17), view: VIEW, message, after, order, handoff: None, records }
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    packet.encode(&mut body);
    body
}

/// A receiver of one group that, like the engine, keeps the keys of the sessions that it knows.
struct Receiver {
    group: GroupKey,
    known: SessionKey,
}

impl Receiver {
    fn new() -> Self {
        let group = GroupKey::open("239.1.1.1:23911");
        let known = group.session_key(0, &SESSION);
        Self { group, known }
    }

    /// Whether the datagram opens.
    fn opens(&self, datagram: &mut [u8]) -> bool {
        let Ok(header) = Header::decode(datagram) else { return false };
        if header.group != self.group.group().tag() {
            return false;
        }
        if (header.epoch, header.session) == (0, SESSION) {
            return self.known.open(header.counter, datagram).is_ok();
        }
        let key = self.group.session_key(header.epoch, &header.session);
        key.open(header.counter, datagram).is_ok()
    }
}

/// An authentic datagram of a chat line's size.
fn authentic(receiver: &Receiver) -> Vec<u8> {
    let mut records = Vec::new();
    let text = Record { content: Content::Fifo, part: Part::Whole, body: b"good morning, all" };
    encode_record(&text, &mut records);
    let body = encoded(&Packet::Data(data(12, &records, &ListBuilder::default())));
    seal(&receiver.group, &SESSION, Kind::Data, 40, &body)
}

#[test]
fn every_flip_of_one_bit_of_a_sealed_datagram_is_refused() {
    let receiver = Receiver::new();
    let good = authentic(&receiver);
    assert!(receiver.opens(&mut good.clone()), "the datagram itself is good");
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!receiver.opens(&mut bad), "bit {bit} was flipped and nobody saw it");
    }
}

#[test]
fn every_shortened_or_lengthened_datagram_is_refused() {
    let receiver = Receiver::new();
    let good = authentic(&receiver);
    for length in (0..good.len()).chain(good.len() + 1..good.len() + 64) {
        let mut bad = good.clone();
        bad.resize(length, 0);
        assert!(!receiver.opens(&mut bad), "{length} bytes of {} opened", good.len());
        assert_eq!(Header::decode(&bad).is_err(), length < OVERHEAD);
    }
}

/// Feeds a million datagrams that `make` draws and demands that none opens.
fn none_opens(seed: u64, make: impl Fn(&mut Xoshiro256PlusPlus, &[u8]) -> Vec<u8>) {
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let receiver = Receiver::new();
    let good = authentic(&receiver);
    for round in 0..ROUNDS {
        let mut bad = make(&mut random, &good);
        let shown = bad.clone();
        assert!(
            shown == good || !receiver.opens(&mut bad),
            "seed {seed}, round {round}: opened {shown:02x?}"
        );
    }
}

#[test]
fn a_million_random_datagrams_do_not_open() {
    none_opens(1, |random, _| {
        let length = random.random_range(0..200);
        (0..length).map(|_| random.random()).collect()
    });
}

#[test]
fn a_million_truncated_datagrams_do_not_open() {
    none_opens(2, |random, good| good[..random.random_range(0..good.len())].to_vec());
}

#[test]
fn a_million_datagrams_with_flipped_bits_do_not_open() {
    none_opens(3, |random, good| {
        let mut bad = good.to_vec();
        for _ in 0..random.random_range(1..9) {
            let bit = random.random_range(0..bad.len() * 8);
            bad[bit / 8] ^= 1 << (bit % 8);
        }
        bad
    });
}

#[test]
fn a_million_forged_bodies_under_a_true_header_do_not_open() {
    none_opens(4, |random, good| {
        let mut bad = good[..Header::LEN].to_vec();
        bad.extend((0..random.random_range(0..100)).map(|_| random.random::<u8>()));
        bad
    });
}

// ---- what a hostile member seals harms nobody -------------------------------

/// Decodes `body` as `kind` and reads all that the packet then offers.
fn read_all(kind: Kind, body: &[u8]) -> bool {
    let Ok(packet) = Packet::decode(kind, body) else { return false };
    match packet {
        Packet::Data(data) => {
            data.after.iter().for_each(drop);
            data.order.iter().for_each(|run| assert!((run.rank as usize) < MAX_VIEW));
            let history = data.iter().filter(|(_, record)| record.content == Content::History);
            history.for_each(|(_, record)| {
                let _ = Archived::decode(record.body);
            });
            return data.end_message().is_some();
        }
        Packet::Heartbeat(heartbeat) => {
            heartbeat.echoes.iter().for_each(drop);
            heartbeat.acks.iter().for_each(|ack| assert!((ack.rank as usize) < MAX_VIEW));
            heartbeat.reports.iter().for_each(|r| assert!((r.rank as usize) < MAX_VIEW));
        }
        Packet::Nack(nack) => nack.missing.iter().for_each(drop),
        Packet::Leave(leave) => assert!(leave.high < Seq::LIMIT),
        Packet::FlushReq(req) => assert!((1..=MAX_VIEW).contains(&req.members.iter().count())),
        Packet::FlushState(state) => {
            state.primaries.iter().for_each(drop);
            state.beyond.iter().for_each(|beyond| assert!((beyond.rank as usize) < MAX_VIEW));
            state.order.iter().for_each(drop);
            assert!(state.held.iter().count() <= MAX_VIEW);
        }
        Packet::Cut(cut) => {
            cut.groups.iter().for_each(drop);
            cut.ends.iter().for_each(|end| assert!((end.rank as usize) < MAX_VIEW));
            cut.order.iter().for_each(drop);
        }
        Packet::CutDone(done) => assert!(done.view.epoch < Seq::LIMIT.0),
        Packet::Install(install) => install.starts.iter().for_each(drop),
        Packet::Bulk(bulk) => assert!(bulk.place.turn < bulk::LIMIT && !bulk.part.is_empty()),
        Packet::Parity(parity) => assert!(parity.code.len().is_multiple_of(2)),
        Packet::BulkNack(nack) => nack.lacks.iter().for_each(|lack| assert!(lack.count > 0)),
        Packet::BulkJoin(join) => join.wants.iter().for_each(|run| assert!(run.count > 0)),
        Packet::Probe(probe) => assert!(probe.number > 0),
        Packet::ProbeReply(reply) => assert!(reply.profile.name.len() <= MAX_NAME),
    }
    true
}

/// A byte where the decoder takes its turns: a small number, a varint's mark, or any.
fn turn(random: &mut Xoshiro256PlusPlus) -> u8 {
    match random.random_range(0..4) {
        0 => random.random_range(0..4),
        1 => random.random_range(248..=255),
        _ => random.random(),
    }
}

/// Feeds a million bodies that `make` draws for each kind in turn; of each kind some are packets.
fn none_panics(seed: u64, make: impl Fn(&mut Xoshiro256PlusPlus, usize) -> Vec<u8>) -> [u32; 15] {
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut decoded = [0; KINDS.len()];
    for round in 0..ROUNDS {
        let kind = round % KINDS.len();
        let body = make(&mut random, kind);
        decoded[kind] += u32::from(read_all(KINDS[kind], &body));
        let _ = Archived::decode(&body);
    }
    decoded
}

#[test]
fn a_million_random_bodies_never_panic() {
    let decoded = none_panics(5, |random, _| {
        let length = random.random_range(0..48);
        (0..length).map(|_| turn(random)).collect()
    });
    assert!(decoded.iter().any(|count| *count > 0), "some bodies are packets by chance");
}

#[test]
fn a_million_packets_with_changed_bytes_never_panic() {
    let good = good_bodies();
    let decoded = none_panics(6, |random, kind| {
        let mut body = good[kind].clone();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..body.len());
            match random.random_range(0..4) {
                0 => body.insert(at, turn(random)),
                1 if body.len() > 1 => {
                    body.remove(at);
                }
                _ => body[at] = turn(random),
            }
        }
        body
    });
    assert!(decoded.iter().all(|count| *count > 1_000), "the test reaches little: {decoded:?}");
}

/// A body of each kind, in their order, with an entry in each list.
fn good_bodies() -> [Vec<u8>; 15] {
    let view = VIEW_BYTES;
    let (tag, run) = ([7; 8], [1, 0, 1, 1]);
    let data = [&[1][..], &view, &[1, 2, 0, 1, 4], &run, &[1, 1, 9, 4, 2, 0, 1, b'x']].concat();
    let acks = [&[0, 9][..], &tag, &[1, 3, 0, 1, 1]].concat();
    let chain = [&[3][..], &view].concat();
    let left = [&[0xfe][..], &[0; 15], &[1]].concat();
    let primary = [&view[..], &[3, 1, 1, 1], &view, &left].concat();
    let primary = [&[u8::try_from(primary.len()).expect("short")][..], &primary].concat();
    let held = [&[2, 1, 1, 3, 0, 1, 1, 4][..], &run].concat();
    let end = [0, 0, 1];
    let bodies = [
        data,
        profiled_with(&acks, &[3, 5, 0, 1, 1, 1, 1, 2, 4]),
        [&tag[..], &[1, 1, 1]].concat(),
        [&[1, 1][..], &view].concat(),
        [&view[..], &[8], &tag, &[0]].concat(),
        [&view[..], &view, &[0, 1, 1, 0], &chain, &primary, &held].concat(),
        [&view[..], &[1, 0, 3], &end, &[5, 0], &run, &[1], &chain, &primary, &[0]].concat(),
        view.to_vec(),
        [&view[..], &[2, 1, 1]].concat(),
        [&PLACE_BYTES[..], b"part"].concat(),
        [&PLACE_BYTES[..13], &[9], &PLACE_BYTES[14..], &[0x80; 8], b"code"].concat(),
        [&tag[..], &[2, 0, 3, 1, 0, 1]].concat(),
        [&tag[..], &[1; 32], &[2, 0, 1]].concat(),
        vec![1, 1, 2, 3, 0, 0, 0],
        reply_of(b"ana", &[9]),
    ];
    for (kind, body) in KINDS.iter().zip(&bodies) {
        assert!(read_all(*kind, body), "{kind:?} is a good one");
    }
    bodies
}

/// A view in bytes: epoch 1, and the tag of its coordinator.
const VIEW_BYTES: [u8; 9] = [1, 7, 7, 7, 7, 7, 7, 7, 7];
/// A symbol's place in bytes: symbol 1 of 2 of block 3 in turn 4.
const PLACE_BYTES: [u8; 18] = [1, 1, 1, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 0, 2, 0, 3];
const HUGE: [u8; 9] = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const TERABYTES: [u8; 9] = [0xfd, 0, 0, 0, 0, 0, 0x40, 0, 0];

/// A DATA body: seq 1, a view, message 1, no lists, no handoff, and the length of the records.
fn records_of(bytes: &[u8]) -> Vec<u8> {
    [&[1][..], &VIEW_BYTES, &[1, 0, 0, 0], bytes].concat()
}

/// A heartbeat's bytes from its profile on, after all that comes before.
fn profiled(rest: &[u8]) -> Vec<u8> {
    profiled_with(rest, &[0; 4])
}

/// The same, with what follows its acknowledgements.
fn profiled_with(rest: &[u8], end: &[u8]) -> Vec<u8> {
    // Timestamp, edges, message, view, rank, promised, together, two sets, no hello.
    [&[1, 1, 1, 1][..], &VIEW_BYTES, &[0, 1, 1, 1, 0, 0], rest, end].concat()
}

fn name_of(name: &[u8]) -> Vec<u8> {
    profiled(&[&[1][..], &[0x11; 16], &[name.len() as u8], name, &[0, 0]].concat())
}

/// Bodies that ask for far more than they bring, or claim numbers that no sum survives.
fn bombs() -> Vec<(Kind, &'static str, Vec<u8>)> {
    let limit = [&[0xfd][..], &Seq::LIMIT.0.to_le_bytes()].concat();
    let record = |length: &[u8]| records_of(&[&[length.len() as u8 + 2, 0, 0], length].concat());
    let seq = |seq: &[u8]| [seq, &VIEW_BYTES, &[1, 0, 0, 0, 3, 0, 0, 0]].concat();
    let message = |number: &[u8]| [&[1][..], &VIEW_BYTES, number, &[0, 0, 0, 3, 0, 0, 0]].concat();
    let first = [&[1][..], &VIEW_BYTES, &[1]].concat();
    let and = |head: &[u8], rest: &[u8]| [head, rest].concat();
    vec![
        (Kind::Data, "records of 2⁶⁴ bytes", records_of(&HUGE)),
        (Kind::Data, "records of 2⁴⁶ bytes", records_of(&TERABYTES)),
        (Kind::Data, "dependencies of 2⁶⁴ bytes", and(&first, &HUGE)),
        (Kind::Data, "half a dependency", and(&first, &[1, 3, 0, 0, 3, 0, 0, 0])),
        (Kind::Data, "an order of 2⁴⁶ bytes", and(&and(&first, &[0]), &TERABYTES)),
        (Kind::Data, "half a run", and(&first, &[0, 2, 1, 1, 0, 3, 0, 0, 0])),
        (Kind::Data, "half a handoff", and(&first, &[0, 0, 1, 1])),
        (Kind::Data, "a sequence number of 2⁶⁴ − 1", seq(&HUGE)),
        (Kind::Data, "a sequence number at the limit", seq(&limit)),
        (Kind::Data, "a message number of 2⁶⁴ − 1", message(&HUGE)),
        (Kind::Data, "a number of 16 bytes", seq(&and(&[0xfe], &[0; 16]))),
        (Kind::Data, "a record of 2⁶⁴ bytes", record(&HUGE)),
        (Kind::Data, "a record cut off", record(&[9])),
        (Kind::Data, "an unknown content", records_of(&[3, 9, 0, 0])),
        (Kind::Data, "an unknown part", records_of(&[3, 0, 9, 0])),
        (Kind::Data, "nothing", vec![]),
        (Kind::Data, "no record, order or handoff", records_of(&[0])),
        (Kind::Heartbeat, "a name that is too long", name_of(&[b'n'; MAX_NAME + 1])),
        (Kind::Heartbeat, "a name that is not UTF-8", name_of(&[0xff, 0xfe])),
        (Kind::Heartbeat, "a name of 2⁶⁴ bytes", profiled(&and(&and(&[1], &[0x11; 16]), &HUGE))),
        (Kind::Heartbeat, "echoes of 2⁴⁶ bytes", profiled(&and(&[0], &TERABYTES))),
        (Kind::Heartbeat, "half an echo", profiled(&[0, 3, 1, 2, 3, 0])),
        (Kind::Heartbeat, "half an acknowledgement", profiled(&[0, 0, 2, 1, 1])),
        (Kind::Heartbeat, "half a report", profiled_with(&[0, 0, 0], &[0, 2, 1, 1, 0, 0])),
        (
            Kind::Heartbeat,
            "reports of 2⁴⁶ bytes",
            profiled_with(&[0, 0, 0], &and(&[0], &TERABYTES)),
        ),
        (Kind::Heartbeat, "a mark that is neither", profiled(&[2, 0, 0])),
        (Kind::Nack, "half a gap", vec![7; 9]),
        (Kind::Nack, "a count above 32 bits", and(&and(&[7; 8], &[1]), &TERABYTES)),
        (Kind::Nack, "a first at the limit", and(&and(&[7; 8], &limit), &[1, 1])),
        (Kind::Leave, "a high edge of 2⁶⁴ − 1", and(&and(&HUGE, &[1]), &VIEW_BYTES)),
        (Kind::Leave, "a message number of 2⁶⁴ − 1", and(&and(&[1], &HUGE), &VIEW_BYTES)),
        (Kind::FlushReq, "members of 2⁶⁴ bytes", and(&VIEW_BYTES, &HUGE)),
        (Kind::FlushReq, "half a member", and(&VIEW_BYTES, &[4, 1, 2, 3, 4, 0])),
        (Kind::FlushReq, "a set of 16 bytes cut off", and(&VIEW_BYTES, &[1, 9, 0xfe, 1])),
        (Kind::Cut, "groups of 2⁴⁶ bytes", and(&VIEW_BYTES, &TERABYTES)),
        (Kind::Cut, "a group above 32 bits", and(&and(&VIEW_BYTES, &[9]), &TERABYTES)),
        (Kind::Cut, "half an end", and(&VIEW_BYTES, &[1, 0, 2, 0, 0, 0, 0, 0, 0])),
        (Kind::CutDone, "a view without a coordinator", vec![1]),
        (Kind::Install, "starts of 2⁶⁴ bytes", and(&VIEW_BYTES, &HUGE)),
        (Kind::Install, "half a start", and(&VIEW_BYTES, &[1, 1])),
        (Kind::Bulk, "a symbol without a part", PLACE_BYTES.to_vec()),
        (Kind::Bulk, "a turn of 2³² − 1", and(&and(&PLACE_BYTES[..8], &[255; 4]), &[9; 7])),
        (Kind::Bulk, "a symbol beyond the count", and(&and(&PLACE_BYTES[..12], &[9]), &[0; 9])),
        (Kind::Parity, "a code of odd length", and(&and(&PLACE_BYTES[..12], &[9]), &[1; 14])),
        (Kind::Parity, "half a base", and(&and(&PLACE_BYTES[..12], &[9; 2]), &[1; 6])),
        (Kind::BulkNack, "a next of 2⁶⁴ − 1", and(&[7; 8], &and(&HUGE, &[0, 0]))),
        (Kind::BulkNack, "lacks of 2⁴⁶ bytes", and(&[7; 8], &and(&[1, 0], &TERABYTES))),
        (Kind::BulkNack, "a lack of nothing", and(&[7; 8], &[1, 0, 3, 1, 0, 0])),
        (Kind::BulkJoin, "runs of 2⁶⁴ bytes", and(&[7; 40], &HUGE)),
        (Kind::BulkJoin, "an empty run", and(&[7; 40], &[2, 0, 0])),
        (Kind::Probe, "a number 0", vec![0, 1, 0, 0]),
        (Kind::Probe, "a way that is none", vec![1, 1, 3, 0]),
        (Kind::Probe, "a filler of 2⁴⁶ bytes", and(&[1, 1, 0], &TERABYTES)),
        (Kind::ProbeReply, "a way that is none", and(&[7; 8], &[1, 1, 0, 3])),
        (Kind::ProbeReply, "a name that is too long", reply_of(&[b'n'; MAX_NAME + 1], &[9])),
        (Kind::ProbeReply, "a time of 2⁶⁴ − 1", reply_of(b"ana", &HUGE)),
    ]
}

/// A PROBE_REPLY of a member of that name, at that time.
fn reply_of(name: &[u8], clock: &[u8]) -> Vec<u8> {
    let ids = [&[7; 8][..], &[1, 1, 0, 0], &[7; 24]].concat();
    [&ids, &[name.len() as u8][..], name, &[1, 1], clock].concat()
}

#[test]
fn bombs_are_refused() {
    for (kind, what, body) in bombs() {
        assert!(!read_all(kind, &body), "{what}");
    }
    assert!(read_all(Kind::Data, &records_of(&[3, 0, 0, 0])), "the frame itself is good");
    assert!(Packet::decode(Kind::Heartbeat, &name_of(b"ana")).is_ok());
    assert!(Packet::decode(Kind::ProbeReply, &reply_of(b"ana", &[9])).is_ok());
    assert!(Packet::decode(Kind::Probe, &[1, 1, 2, 0]).is_ok());
    assert!(Packet::decode(Kind::Heartbeat, &name_of(&[b'n'; MAX_NAME])).is_ok());
    assert!(Packet::decode(Kind::Heartbeat, &profiled(&[0, 0, 0])).is_ok());
}

// ---- ranks that no view has, numbers that nobody counts to, views that are too large --------

const NO_RANK: u32 = MAX_VIEW as u32;
const TOO_HIGH: u64 = Seq::LIMIT.0;
const TOO_LATE: ViewId = ViewId { epoch: TOO_HIGH, ..VIEW };

/// Whether each of the packets is refused, though its bytes are well made.
fn refuse(packets: &[(&str, Packet<'_>)]) {
    for (what, packet) in packets {
        let body = encoded(packet);
        let read = Packet::decode(packet.kind(), &body);
        assert_eq!(read, Err(DecodeError), "{:?}: {what}", packet.kind());
    }
}

const fn run_of(place: u64, rank: u32, number: u64) -> Run {
    Run { place, rank, number, count: 1 }
}

#[test]
fn data_of_impossible_ranks_and_numbers_is_refused() {
    let empty = ListBuilder::default();
    let mut records = Vec::new();
    encode_record(
        &Record { content: Content::Agreed, part: Part::Whole, body: b"x" },
        &mut records,
    );
    let good = data(1, &records, &empty);
    assert!(Packet::decode(Kind::Data, &encoded(&Packet::Data(good))).is_ok());
    let after = |rank, number| list(&[Dependency { rank, number }]);
    let afters = [after(NO_RANK, 1), after(u32::MAX, 1), after(0, TOO_HIGH)];
    for after in &afters {
        refuse(&[("a dependency", Packet::Data(Data { after: after.list(), ..good }))]);
    }
    for bad in [run_of(1, NO_RANK, 1), run_of(TOO_HIGH, 0, 1), run_of(1, 0, TOO_HIGH)] {
        let order = list(&[run_of(1, 0, 1), bad]);
        refuse(&[("a run", Packet::Data(Data { order: order.list(), ..good }))]);
    }
    let to = |rank, place| Packet::Data(Data { handoff: Some(Handoff { rank, place }), ..good });
    refuse(&[
        ("a handoff to nobody", to(NO_RANK, 1)),
        ("a handoff from a place beyond all", to(0, TOO_HIGH)),
        ("its view", Packet::Data(Data { view: TOO_LATE, ..good })),
        ("its message", Packet::Data(Data { message: TOO_HIGH, ..good })),
    ]);
}

#[test]
fn what_a_member_claims_of_impossible_views_is_refused() {
    let empty = ListBuilder::default();
    let good = Heartbeat {
        sent_at: 1,
        low: Seq(1),
        high: Seq(1),
        next_message: 1,
        view: VIEW,
        rank: 0,
        promised: 3,
        together: 1,
        hears: RankSet(1),
        probes: RankSet(0),
        hello: false,
        profile: None,
        echoes: empty.list(),
        acks: empty.list(),
        heard: 1,
        reports: empty.list(),
        prompt: RankSet(0),
        lagging: RankSet(0),
    };
    assert!(read_all(Kind::Heartbeat, &encoded(&Packet::Heartbeat(good))));
    let acks = list(&[Ack { rank: NO_RANK, received: Seq(1), high: Seq(1) }]);
    let echoes = list(&[Echo { session: SessionTag([1; 8]), at: TOO_HIGH }]);
    let (counter, came, datagrams, free) = (u64::MAX, 1, 1, TOO_HIGH);
    let reports = list(&[Report { rank: 0, counter, came, datagrams, free }]);
    refuse(&[
        ("an acknowledgement", Packet::Heartbeat(Heartbeat { acks: acks.list(), ..good })),
        ("an echo", Packet::Heartbeat(Heartbeat { echoes: echoes.list(), ..good })),
        ("a report", Packet::Heartbeat(Heartbeat { reports: reports.list(), ..good })),
        ("what it heard", Packet::Heartbeat(Heartbeat { heard: TOO_HIGH, ..good })),
        ("its view", Packet::Heartbeat(Heartbeat { view: TOO_LATE, ..good })),
        ("what it promised", Packet::Heartbeat(Heartbeat { promised: TOO_HIGH, ..good })),
        ("its age", Packet::Heartbeat(Heartbeat { sent_at: TOO_HIGH, ..good })),
        ("its next message", Packet::Heartbeat(Heartbeat { next_message: TOO_HIGH, ..good })),
        ("a farewell", Packet::Leave(Leave { high: Seq(1), next_message: 1, view: TOO_LATE })),
    ]);
}

#[test]
fn proposals_of_nobody_and_of_too_many_are_refused() {
    let tags = |count: usize| list(&vec![SessionTag([1; 8]); count]);
    let (none, most, many) = (tags(0), tags(MAX_VIEW), tags(MAX_VIEW + 1));
    let answered = RankSet(u128::MAX);
    let of = |members, view| Packet::FlushReq(FlushReq { view, members, answered });
    refuse(&[
        ("nobody", of(none.list(), VIEW)),
        ("too many", of(many.list(), VIEW)),
        ("its view", of(most.list(), TOO_LATE)),
        ("a cut that is done", Packet::CutDone(CutDone { view: TOO_LATE })),
    ]);
    assert!(read_all(Kind::FlushReq, &encoded(&of(most.list(), VIEW))), "all ranks may be there");
}

#[test]
fn reports_of_impossible_ranks_and_numbers_are_refused() {
    let empty = ListBuilder::default();
    let held = list(&[Held { received: Seq(1), low: Seq(1) }; MAX_VIEW]);
    let good = FlushState {
        view: VIEW,
        old: VIEW,
        rank: NO_RANK - 1,
        next: Seq(1),
        message: 1,
        unmet: RankSet(u128::MAX),
        chain: Chain { peak: u32::MAX, origin: VIEW },
        primaries: empty.list(),
        held: held.list(),
        beyond: empty.list(),
        order: empty.list(),
    };
    assert!(read_all(Kind::FlushState, &encoded(&Packet::FlushState(good))));
    let more = list(&[Held { received: Seq(1), low: Seq(1) }; MAX_VIEW + 1]);
    let beyond = list(&[Beyond { rank: NO_RANK, first: Seq(1), count: 1 }]);
    let order = list(&[run_of(1, NO_RANK, 1)]);
    let primary = Primary {
        view: VIEW,
        size: u32::MAX,
        member: true,
        lowest: true,
        begun: true,
        chain: VIEW,
        left: RankSet(u128::MAX),
    };
    let late = list(&[Primary { view: TOO_LATE, ..primary }]);
    let chained = list(&[Primary { chain: TOO_LATE, ..primary }]);
    let chain = Chain { peak: 1, origin: TOO_LATE };
    refuse(&[
        ("its rank", Packet::FlushState(FlushState { rank: NO_RANK, ..good })),
        ("its old view", Packet::FlushState(FlushState { old: TOO_LATE, ..good })),
        ("its next message", Packet::FlushState(FlushState { message: TOO_HIGH, ..good })),
        ("more than a view holds", Packet::FlushState(FlushState { held: more.list(), ..good })),
        ("beyond gaps", Packet::FlushState(FlushState { beyond: beyond.list(), ..good })),
        ("a run", Packet::FlushState(FlushState { order: order.list(), ..good })),
        ("a primary view", Packet::FlushState(FlushState { primaries: late.list(), ..good })),
        ("its own chain", Packet::FlushState(FlushState { chain, ..good })),
        ("its chain", Packet::FlushState(FlushState { primaries: chained.list(), ..good })),
    ]);
}

#[test]
fn cuts_and_installs_of_impossible_ranks_and_numbers_are_refused() {
    let empty = ListBuilder::default();
    let groups = list(&[0_u32; MAX_VIEW]);
    let good = Cut {
        view: VIEW,
        groups: groups.list(),
        ends: empty.list(),
        order: empty.list(),
        primary: true,
        chain: Chain { peak: u32::MAX, origin: VIEW },
        primaries: empty.list(),
        answered: RankSet(u128::MAX),
    };
    assert!(read_all(Kind::Cut, &encoded(&Packet::Cut(good))));
    let ends = list(&[End { group: 0, rank: NO_RANK, end: Seq(1) }]);
    let far = list(&[End { group: 0, rank: 0, end: Seq(TOO_HIGH) }]);
    let order = list(&[Ordered { group: 0, run: run_of(TOO_HIGH, 0, 1) }]);
    let starts = list(&[Start { next: Seq(1), message: TOO_HIGH }]);
    let chain = Chain { peak: 1, origin: TOO_LATE };
    refuse(&[
        ("an end of nobody", Packet::Cut(Cut { ends: ends.list(), ..good })),
        ("an end beyond all", Packet::Cut(Cut { ends: far.list(), ..good })),
        ("a run", Packet::Cut(Cut { order: order.list(), ..good })),
        ("the chain", Packet::Cut(Cut { chain, ..good })),
        ("a start", Packet::Install(Install { view: VIEW, starts: starts.list() })),
        ("its view", Packet::Install(Install { view: TOO_LATE, starts: empty.list() })),
    ]);
}

#[test]
fn hostile_parts_of_archives_are_refused() {
    let kept = |first, count| {
        let kept = Kept { session: SessionTag([1; 8]), first, count, whole: true };
        let mut body = Vec::new();
        Archived::Digest(list(&[kept]).list()).encode(&mut body);
        body
    };
    assert!(Archived::decode(&kept(1, TOO_HIGH - 1)).is_ok());
    let ids = [7; 32];
    let message = |rest: &[u8]| [&[1][..], &ids, rest].concat();
    assert!(Archived::decode(&message(&[1, 2, 1, b'x'])).is_ok(), "the frame itself is good");
    let bombs = [
        ("nothing", vec![]),
        ("an unknown part", vec![3, 0]),
        ("a first number beyond all", kept(TOO_HIGH, 1)),
        ("a count beyond all", kept(1, TOO_HIGH)),
        ("a digest of 2⁶⁴ bytes", [&[0][..], &HUGE].concat()),
        ("a digest of 2⁴⁶ bytes", [&[0][..], &TERABYTES].concat()),
        ("half an entry", vec![0, 3, 1, 2, 3]),
        ("a message of 2⁶⁴ bytes", message(&[&[1, 2][..], &HUGE].concat())),
        ("a message number of 2⁶⁴ − 1", message(&[&HUGE[..], &[2, 0]].concat())),
        ("an unknown service", message(&[1, 4, 0])),
    ];
    for (what, body) in bombs {
        assert_eq!(Archived::decode(&body), Err(DecodeError), "{what}");
    }
}

#[test]
fn a_set_of_ranks_holds_what_a_view_can_and_nothing_beyond() {
    let mut set = RankSet::default();
    assert!(set.is_empty());
    (0..2 * MAX_VIEW).for_each(|rank| set.add(rank));
    assert_eq!(set, RankSet(u128::MAX));
    assert!(set.has(MAX_VIEW - 1) && !set.has(MAX_VIEW) && !set.has(usize::MAX));
}

#[test]
fn message_numbers_at_their_limit_do_not_overflow() {
    let number = [&[0xfd][..], &(TOO_HIGH - 1).to_le_bytes()].concat();
    let body = [&[1][..], &VIEW_BYTES, &number, &[0, 0, 0, 6, 0, 0, 0, 0, 0, 0]].concat();
    assert!(read_all(Kind::Data, &body));
}

#[test]
fn the_largest_datagram_decodes_and_a_larger_record_is_refused() {
    let text = vec![b'z'; MAX_DATAGRAM - OVERHEAD - Record::OVERHEAD - 30];
    let mut records = Vec::new();
    let record = Record { content: Content::Fifo, part: Part::First(u32::MAX), body: &text };
    encode_record(&record, &mut records);
    let body = encoded(&Packet::Data(data(1, &records, &ListBuilder::default())));
    assert!(body.len() + OVERHEAD <= MAX_DATAGRAM);
    assert!(read_all(Kind::Data, &body));
}

#[test]
fn foreign_headers_are_told_apart_by_their_fault() {
    let good = [&[1, 1, 0, 0][..], &[0; OVERHEAD - 4]].concat();
    let with = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        Header::decode(&bad)
    };
    assert!(Header::decode(&good).is_ok());
    assert_eq!(Header::decode(&good[1..]), Err(HeaderError::Short));
    assert_eq!(with(0, 2), Err(HeaderError::Version));
    assert_eq!(with(3, 1), Err(HeaderError::Version));
    assert_eq!(with(1, 0), Err(HeaderError::Kind));
    assert_eq!(with(1, 16), Err(HeaderError::Kind));
}
