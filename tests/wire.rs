//! What strangers' bytes can do to the wire layer: nothing. Round trips for packets of every shape,
//! then a million hostile datagrams of each sort, from a printed seed.

use mcast_chat::wire::list::ListBuilder;
use mcast_chat::wire::packet::{
    Ack, Echo, MAX_NAME, Part, Profile, Record, Service, Welcome, encode_record,
};
use mcast_chat::wire::{
    Data, DecodeError, GroupKey, Header, HeaderError, Heartbeat, Kind, Leave, MAX_DATAGRAM,
    MemberId, Missing, Nack, OVERHEAD, Packet, Seq, Session, SessionKey, SessionTag,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

const KINDS: [Kind; 4] = [Kind::Data, Kind::Heartbeat, Kind::Nack, Kind::Leave];
const SESSION: Session = Session(*b"sixteen bytes of");
const ROUNDS: usize = 1_000_000;

// ---- what is read is what was written --------------------------------------

fn sequence_number() -> impl Strategy<Value = Seq> {
    prop_oneof![0..300u64, 0..Seq::LIMIT.0, Just(Seq::LIMIT.0 - 1)].prop_map(Seq)
}

fn session_tag() -> impl Strategy<Value = SessionTag> {
    any::<[u8; 8]>().prop_map(SessionTag)
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Whole),
        any::<u32>().prop_map(Part::First),
        Just(Part::Middle),
        Just(Part::Last)
    ]
}

fn list<T: bincode::Encode>(entries: &[T]) -> ListBuilder {
    let mut list = ListBuilder::default();
    for entry in entries {
        assert!(list.push(entry, MAX_DATAGRAM));
    }
    list
}

fn check(packet: &Packet<'_>) {
    let mut body = Vec::new();
    packet.encode(&mut body);
    assert_eq!(Packet::decode(packet.kind(), &body).as_ref(), Ok(packet));
    body.push(0);
    let trailed = Packet::decode(packet.kind(), &body);
    assert_eq!(trailed, Err(DecodeError), "a trailing byte is refused");
}

proptest! {
    #[test]
    fn data_round_trips(
        seq in sequence_number(),
        message in 0..1u64 << 40,
        parts in prop::collection::vec((part(), prop::collection::vec(any::<u8>(), 0..400)), 0..6),
    ) {
        let mut records = Vec::new();
        for (part, body) in &parts {
            let before = records.len();
            encode_record(&Record { service: Service::Fifo, part: *part, body }, &mut records);
            prop_assert!(records.len() - before <= body.len() + Record::OVERHEAD);
        }
        let data = Data { seq, message, records: &records };
        check(&Packet::Data(data));
        let mut number = message;
        let mut read = data.iter();
        for (part, body) in &parts {
            let (of, record) = read.next().expect("as many records as written");
            prop_assert_eq!((of, record.part, record.body), (number, *part, &body[..]));
            number += u64::from(part.ends());
        }
        prop_assert!(read.next().is_none());
    }

    #[test]
    fn heartbeats_round_trip(
        numbers in (0..Seq::LIMIT.0, sequence_number(), sequence_number(), 0..Seq::LIMIT.0),
        hello: bool,
        profile in prop::option::of((any::<[u8; 16]>(), "\\PC{0,16}")),
        echoes in prop::collection::vec((session_tag(), 0..Seq::LIMIT.0), 0..9),
        welcomes in prop::collection::vec(
            (session_tag(), sequence_number(), 0..Seq::LIMIT.0), 0..9
        ),
        acks in prop::collection::vec((session_tag(), sequence_number(), sequence_number()), 0..9),
    ) {
        let echoes: Vec<_> = echoes.into_iter().map(|(session, at)| Echo { session, at }).collect();
        let welcomes: Vec<_> = welcomes
            .into_iter()
            .map(|(session, start, message)| Welcome { session, start, message })
            .collect();
        let acks: Vec<_> = acks
            .into_iter()
            .map(|(session, received, high)| Ack { session, received, high })
            .collect();
        let lists = (list(&echoes), list(&welcomes), list(&acks));
        let profile = profile.as_ref().map(|(id, name)| Profile { member: MemberId(*id), name });
        let heartbeat = Heartbeat {
            sent_at: numbers.0,
            low: numbers.1,
            high: numbers.2,
            next_message: numbers.3,
            hello,
            profile,
            echoes: lists.0.list(),
            welcomes: lists.1.list(),
            acks: lists.2.list(),
        };
        check(&Packet::Heartbeat(heartbeat));
        prop_assert_eq!(heartbeat.echoes.iter().collect::<Vec<_>>(), echoes);
        prop_assert_eq!(heartbeat.welcomes.iter().collect::<Vec<_>>(), welcomes);
        prop_assert_eq!(heartbeat.acks.iter().collect::<Vec<_>>(), acks);
    }

    #[test]
    fn nacks_and_farewells_round_trip(
        gaps in prop::collection::vec(
            (session_tag(), sequence_number(), 1..=u32::MAX, 0..99u32),
            0..40,
        ),
        high in sequence_number(),
        next_message in 0..Seq::LIMIT.0,
    ) {
        let gaps: Vec<_> = gaps
            .into_iter()
            .map(|(session, first, count, asked)| Missing { session, first, count, asked })
            .collect();
        let missing = list(&gaps);
        check(&Packet::Nack(Nack { missing: missing.list() }));
        prop_assert_eq!(missing.list::<Missing>().iter().collect::<Vec<_>>(), gaps);
        check(&Packet::Leave(Leave { high, next_message }));
    }

    #[test]
    fn headers_round_trip(kind in 0..4usize, group: u32, epoch: u32, id: [u8; 16], counter: u64) {
        let header = Header { kind: KINDS[kind], group, epoch, session: Session(id), counter };
        let mut datagram = header.encode().to_vec();
        datagram.resize(OVERHEAD, 0);
        prop_assert_eq!(Header::decode(&datagram), Ok(header));
    }

    #[test]
    fn what_is_sealed_opens_and_only_under_its_own_key(
        body in prop::collection::vec(any::<u8>(), 0..1_500),
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
    let text = Record { service: Service::Fifo, part: Part::Whole, body: b"good morning, all" };
    encode_record(&text, &mut records);
    let mut body = Vec::new();
    Packet::Data(Data { seq: Seq(17), message: 12, records: &records }).encode(&mut body);
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
            data.iter().for_each(drop);
            return data.end_message().is_some();
        }
        Packet::Heartbeat(heartbeat) => {
            heartbeat.echoes.iter().for_each(drop);
            heartbeat.welcomes.iter().for_each(drop);
            heartbeat.acks.iter().for_each(drop);
        }
        Packet::Nack(nack) => nack.missing.iter().for_each(drop),
        Packet::Leave(leave) => assert!(leave.high < Seq::LIMIT),
    }
    true
}

#[test]
fn a_million_random_bodies_never_panic() {
    let seed = 5;
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut decoded = 0;
    for _ in 0..ROUNDS {
        let mut body = [0; 48];
        random.fill(&mut body);
        // Small numbers and the varint's own marks are where the decoder takes its turns.
        for byte in &mut body {
            match random.random_range(0..4) {
                0 => *byte = random.random_range(0..4),
                1 => *byte = random.random_range(248..=255),
                _ => {}
            }
        }
        let length = random.random_range(0..body.len());
        decoded += usize::from(read_all(KINDS[random.random_range(0..4)], &body[..length]));
    }
    assert!(decoded > 0, "some bodies are packets by chance, or the test reaches nothing");
}

/// Bodies that ask for far more than they bring, or claim numbers that no sum survives.
fn bombs() -> Vec<(Kind, &'static str, Vec<u8>)> {
    let huge = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let limit = [&[0xfd][..], &Seq::LIMIT.0.to_le_bytes()].concat();
    let terabytes = [0xfd, 0, 0, 0, 0, 0, 0x40, 0, 0];
    let member = [0x11; 16];
    let long_name = [&[1; 5][..], &[1], &member, &[65], &[b'n'; 65], &[0; 3]].concat();
    let record = |length: &[u8]| [&[1, 1], &[length.len() as u8 + 2][..], &[0, 0], length].concat();
    vec![
        (Kind::Data, "records of 2⁶⁴ bytes", [&[1, 1][..], &huge].concat()),
        (Kind::Data, "records of 2⁴⁶ bytes", [&[1, 1][..], &terabytes].concat()),
        (Kind::Data, "a sequence number of 2⁶⁴ − 1", [&huge[..], &[1, 0]].concat()),
        (Kind::Data, "a sequence number at the limit", [&limit[..], &[1, 0]].concat()),
        (Kind::Data, "a message number of 2⁶⁴ − 1", [&[1], &huge[..], &[3, 0, 0, 0]].concat()),
        (Kind::Data, "a number of 16 bytes", [&[0xfe][..], &[0; 16], &[1, 0]].concat()),
        (Kind::Data, "a record of 2⁶⁴ bytes", record(&huge)),
        (Kind::Data, "a record cut off", record(&[9])),
        (Kind::Data, "an unknown service", vec![1, 1, 3, 9, 0, 0]),
        (Kind::Data, "an unknown part", vec![1, 1, 3, 0, 9, 0]),
        (Kind::Data, "nothing", vec![]),
        (Kind::Data, "no record", vec![1, 1, 0]),
        (Kind::Heartbeat, "a name that is too long", long_name),
        (Kind::Heartbeat, "a name that is not UTF-8", name_of(&[0xff, 0xfe])),
        (Kind::Heartbeat, "a name of 2⁶⁴ bytes", [&[1; 6][..], &member, &huge].concat()),
        (Kind::Heartbeat, "echoes of 2⁴⁶ bytes", [&[1, 1, 1, 1, 0, 0][..], &terabytes].concat()),
        (Kind::Heartbeat, "half an echo", vec![1, 1, 1, 1, 0, 0, 3, 1, 2, 3, 0, 0]),
        (Kind::Heartbeat, "a mark that is neither", vec![1, 1, 1, 1, 2, 0, 0, 0, 0]),
        (
            Kind::Heartbeat,
            "a low edge of 2⁶⁴ − 1",
            [&[1], &huge[..], &[1, 1, 0, 0, 0, 0, 0]].concat(),
        ),
        (Kind::Heartbeat, "an echo of 2⁶⁴ − 1", with_list(0, &huge)),
        (Kind::Heartbeat, "a welcome of 2⁶⁴ − 1", with_list(1, &[&[1], &huge[..]].concat())),
        (Kind::Nack, "half a gap", vec![7; 9]),
        (Kind::Nack, "a count above 32 bits", [&[7; 8][..], &[1], &terabytes].concat()),
        (Kind::Nack, "a first at the limit", [&[7; 8][..], &limit, &[1]].concat()),
        (Kind::Leave, "a high edge of 2⁶⁴ − 1", [&huge[..], &[1]].concat()),
        (Kind::Leave, "a message number of 2⁶⁴ − 1", [&[1], &huge[..]].concat()),
    ]
}

/// A heartbeat whose list number `which` has one entry: a session tag and `numbers`.
fn with_list(which: usize, numbers: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 1, 1, 1, 0, 0];
    for list in 0..3 {
        let entry = if list == which { [&[7; 8], numbers].concat() } else { Vec::new() };
        body.push(entry.len() as u8);
        body.extend(entry);
    }
    body
}

fn name_of(name: &[u8]) -> Vec<u8> {
    [&[1, 1, 1, 1, 0, 1][..], &[0x11; 16], &[name.len() as u8], name, &[0, 0, 0]].concat()
}

#[test]
fn bombs_are_refused() {
    for (kind, what, body) in bombs() {
        assert!(!read_all(kind, &body), "{what}");
    }
    assert!(Packet::decode(Kind::Heartbeat, &name_of(b"ana")).is_ok(), "the frame itself is good");
    assert!(Packet::decode(Kind::Heartbeat, &name_of(&[b'n'; MAX_NAME])).is_ok());
    assert!(Packet::decode(Kind::Heartbeat, &with_list(0, &[9])).is_ok());
    assert!(Packet::decode(Kind::Heartbeat, &with_list(1, &[9, 9])).is_ok());
}

#[test]
fn message_numbers_at_their_limit_do_not_overflow() {
    let number = [&[0xfd][..], &(Seq::LIMIT.0 - 1).to_le_bytes()].concat();
    let body = [&[1], &number[..], &[6, 0, 0, 0, 0, 0, 0]].concat();
    assert!(read_all(Kind::Data, &body));
}

#[test]
fn the_largest_datagram_decodes_and_a_larger_record_is_refused() {
    let text = vec![b'z'; MAX_DATAGRAM - OVERHEAD - Record::OVERHEAD - 20];
    let mut records = Vec::new();
    let record = Record { service: Service::Fifo, part: Part::First(u32::MAX), body: &text };
    encode_record(&record, &mut records);
    let mut body = Vec::new();
    Packet::Data(Data { seq: Seq::FIRST, message: 1, records: &records }).encode(&mut body);
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
    assert_eq!(with(1, 5), Err(HeaderError::Kind));
}
