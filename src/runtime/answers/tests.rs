//! Who asks what, and what is answered: no more than was asked for, and to nobody else.

use super::*;
use crate::wire::OVERHEAD;

const NAME: &str = "239.77.1.1:23911";

/// Somebody who asks.
struct Doctor {
    session: Session,
    counter: u64,
}

impl Doctor {
    fn new(number: u8) -> Self {
        Self { session: Session([number; 16]), counter: 0 }
    }

    fn probe(&mut self, way: Way, length: usize) -> Vec<u8> {
        self.counter += 1;
        let number = self.counter as u32;
        let filler = vec![0; length.saturating_sub(OVERHEAD + 12)];
        let probe = Packet::Probe(Probe { number, sent_at: 5, way, filler: &filler });
        self.seal(Kind::Probe, &probe)
    }

    fn seal(&self, kind: Kind, packet: &Packet<'_>) -> Vec<u8> {
        let key = GroupKey::open(NAME);
        let (session, counter) = (self.session, self.counter);
        let header = Header { kind, group: key.group().tag(), epoch: 0, session, counter };
        let mut datagram = header.encode().to_vec();
        packet.encode(&mut datagram);
        key.session_key(0, &session).seal(counter, &mut datagram);
        datagram
    }
}

fn member() -> Answers {
    let [session, own] = [7, 8].map(|byte| Session([byte; 16]));
    Answers::new(GroupKey::open(NAME), session, own, (MemberId([1; 16]), "bo"))
}

fn from() -> SocketAddr {
    ([10, 0, 0, 9], 4_000).into()
}

fn ask(member: &mut Answers, now: Instant, probe: &[u8]) -> Vec<Answer> {
    member.take(now, from(), &mut probe.to_vec());
    core::iter::from_fn(|| member.next()).collect()
}

/// Reads an answer with `read`.
fn opened<T>(answer: &Answer, read: impl Fn(&ProbeReply<'_>) -> T) -> T {
    let mut datagram = answer.datagram.clone();
    let header = Header::decode(&datagram).expect("a header");
    let key = GroupKey::open(NAME).session_key(0, &header.session);
    let body = key.open(header.counter, &mut datagram).expect("is sealed");
    match Packet::decode(header.kind, body) {
        Ok(Packet::ProbeReply(reply)) => read(&reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_probe_to_the_group_is_answered_to_the_group_and_to_who_asked() {
    let (mut bo, mut doctor) = (member(), Doctor::new(9));
    let answers = ask(&mut bo, Instant::ZERO, &doctor.probe(Way::Multicast, 512));
    assert_eq!(answers.iter().map(|answer| answer.to).collect::<Vec<_>>(), [None, Some(from())]);
    let second = ask(&mut bo, Instant::ZERO, &doctor.probe(Way::Multicast, 512));
    opened(&second[1], |reply| {
        assert_eq!((reply.number, reply.sent_at, reply.heard, reply.answered), (2, 5, 2, 2));
        assert_eq!((reply.asked, reply.way), (Way::Multicast, Way::Unicast));
        assert_eq!((reply.to, reply.session), (doctor.session.tag(), SessionTag([7; 8])));
        assert_eq!(reply.profile.name, "bo");
        assert!(reply.clock > 1_700_000_000_000_000);
    });
    let alone = ask(&mut bo, Instant::ZERO, &doctor.probe(Way::Broadcast, 512));
    assert_eq!(alone.iter().map(|answer| answer.to).collect::<Vec<_>>(), [Some(from())]);
}

#[test]
fn answers_have_no_more_bytes_than_the_probe() {
    let mut bo = member();
    bo.rename(&"n".repeat(MAX_NAME + 9));
    for length in (64..600).step_by(4) {
        let probe = Doctor::new(9).probe(Way::Multicast, length);
        let (mut fresh, now) = (member(), Instant::ZERO);
        fresh.rename(&"n".repeat(MAX_NAME + 9));
        let answers = ask(&mut fresh, now, &probe);
        let bytes: usize = answers.iter().map(|answer| answer.datagram.len()).sum();
        assert!(bytes <= probe.len(), "{bytes} for {}", probe.len());
        assert_eq!(answers.len(), (probe.len() / ProbeReply::LONGEST).min(2), "{length}");
    }
}

#[test]
fn who_asks_too_often_is_answered_at_a_bounded_rate_and_others_all_the_same() {
    let (mut bo, mut eager, mut calm) = (member(), Doctor::new(9), Doctor::new(10));
    let mut count = 0;
    for milli in 0..10_000 {
        let now = Instant::from_micros(milli * 1_000);
        count += ask(&mut bo, now, &eager.probe(Way::Unicast, 512)).len();
        if milli % 1_000 == 0 {
            assert_eq!(ask(&mut bo, now, &calm.probe(Way::Multicast, 512)).len(), 2);
        }
    }
    assert!((ALLOWED as usize * 9..=ALLOWED as usize * 11).contains(&count), "{count} answers");
}

#[test]
fn many_askers_are_not_remembered_and_those_that_are_silent_make_room() {
    let mut bo = member();
    for number in 1..=50 {
        let answers = ask(&mut bo, Instant::ZERO, &Doctor::new(number).probe(Way::Unicast, 512));
        assert_eq!(answers.len(), usize::from(usize::from(number) <= ASKERS), "{number}");
    }
    let later = Instant::ZERO + FORGOTTEN;
    assert_eq!(ask(&mut bo, later, &Doctor::new(60).probe(Way::Unicast, 512)).len(), 1);
    assert_eq!(bo.askers.len(), 1);
}

#[test]
fn nothing_else_is_answered_a_recording_a_forgery_another_group_an_answer() {
    let (mut bo, mut doctor) = (member(), Doctor::new(9));
    let probe = doctor.probe(Way::Unicast, 512);
    assert_eq!(ask(&mut bo, Instant::ZERO, &probe).len(), 1);
    assert_eq!(ask(&mut bo, Instant::ZERO, &probe).len(), 0, "a recording");
    let good = doctor.probe(Way::Unicast, 512);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ask(&mut bo, Instant::ZERO, &bad).len(), 0, "bit {bit}");
    }
    let answers = ask(&mut bo, Instant::ZERO, &good);
    assert_eq!(answers.len(), 1);
    let answer = &answers[0].datagram;
    assert_eq!(ask(&mut bo, Instant::ZERO, answer).len(), 0, "an answer");
    assert!(Answers::is_probe(answer) && Answers::is_probe(&good));
    for cut in 0..good.len() {
        assert_eq!(ask(&mut bo, Instant::ZERO, &good[..cut]).len(), 0);
    }
    assert_eq!(bo.askers.len(), 1, "only who holds the key is remembered");
}

#[test]
fn of_the_last_64_counters_each_is_new_once() {
    let mut recent = Recent::default();
    let new: Vec<bool> =
        [5, 3, 5, 3, 70, 6, 7, 7, 134, 70, 200].map(|counter| recent.take(counter)).into();
    assert_eq!(new, [true, true, false, false, true, false, true, false, true, false, true]);
}
