//! Tests of the faults: verdicts, order, bounds.

use super::*;

const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

fn faults(text: &str) -> Faults {
    println!("{text}");
    Faults::new(text.parse().expect("a right text"))
}

fn micros(count: u64) -> Duration {
    Duration::from_micros(count)
}

/// Admits datagrams 0 to `count`, one each `gap` microseconds, and collects what comes out, each
/// with the time it was due.
fn run(faults: &mut Faults, count: u32, gap: u64) -> Vec<(Duration, u32)> {
    let mut out = Vec::new();
    for number in 0..count {
        let now = micros(u64::from(number) * gap);
        if faults.admit(now, &number.to_be_bytes(), FROM) {
            out.push((now, number));
        }
    }
    while let Some(due) = faults.next() {
        let (bytes, from) = faults.poll(due).expect("it is due");
        assert_eq!(from, FROM);
        out.push((due, u32::from_be_bytes((&*bytes).try_into().expect("four bytes"))));
    }
    out.sort_by_key(|(due, _)| *due);
    out
}

/// Holds if `hits` of `count` is within five standard deviations of `rate`: a wrong alarm once in
/// two million seeds, and the seed is fixed.
fn assert_binomial(what: &str, hits: u64, count: u32, rate: f64) {
    let count = f64::from(count);
    let deviation = (count * rate * (1.0 - rate)).sqrt();
    let off = (hits as f64 - count * rate).abs();
    println!("{what}: {hits} of {count}, expected {}", count * rate);
    assert!(off <= 5.0 * deviation, "{what}: {off} off, deviation {deviation}");
}

#[test]
fn without_faults_everything_passes_at_once_and_in_order() {
    let mut faults = faults("seed=1");
    assert!(faults.admit(micros(5), b"one", FROM));
    assert!(faults.admit(micros(5), b"", FROM));
    assert_eq!(faults.next(), None);
    assert_eq!((faults.stats().passed, faults.stats().delayed), (2, 0));
}

#[test]
fn nothing_passes_what_waits_for_the_same_time() {
    let mut faults = faults("dup=1,seed=1");
    assert!(faults.admit(micros(5), b"one", FROM));
    assert!(!faults.admit(micros(5), b"two", FROM));
    assert!(faults.poll(micros(4)).is_none());
    for expected in [&b"one"[..], b"two", b"two"] {
        let (bytes, from) = faults.poll(micros(5)).expect("it waits");
        assert_eq!((&*bytes, from), (expected, FROM));
    }
    assert!(faults.poll(micros(5)).is_none());
}

#[test]
fn each_fault_happens_as_often_as_asked() {
    const COUNT: u32 = 20_000;
    let mut faults = faults("loss=20%,dup=1%,reorder=5%,delay=1ms..5ms,seed=20260801");
    let out = run(&mut faults, COUNT, 100);
    let stats = *faults.stats();
    assert_binomial("lost", stats.lost, COUNT, 0.2);
    let kept = COUNT - stats.lost as u32;
    assert_binomial("duplicated", stats.duplicated, kept, 0.01);
    assert_binomial("reordered", stats.reordered, kept, 0.05);
    assert_eq!(out.len() as u64, stats.passed);
    assert_eq!(stats.passed, u64::from(kept) + stats.duplicated);
    assert_eq!(stats.delayed, stats.passed);
    assert_eq!(stats.overflowed, 0);
}

#[test]
fn the_same_seed_is_the_same_run_and_another_seed_is_not() {
    let text = |seed| format!("loss=0.3,dup=0.1,reorder=0.1,delay=0s..9ms,seed={seed}");
    let first = run(&mut faults(&text(7)), 2_000, 50);
    assert_eq!(run(&mut faults(&text(7)), 2_000, 50), first);
    assert_ne!(run(&mut faults(&text(8)), 2_000, 50), first);
}

#[test]
fn verdicts_depend_neither_on_the_timing_nor_on_the_delay() {
    let numbers = |text: &str, gap| {
        let mut numbers: Vec<_> =
            run(&mut faults(text), 2_000, gap).into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    };
    let first = numbers("loss=0.3,dup=0.1,seed=7", 0);
    assert_eq!(numbers("loss=0.3,dup=0.1,seed=7", 999), first);
    assert_eq!(numbers("loss=0.3,dup=0.1,seed=7,delay=1ms..50ms,reorder=0.5", 3), first);
}

#[test]
fn a_delay_stays_in_its_range_and_what_is_due_comes_in_due_order() {
    let mut faults = faults("delay=2ms..4ms,seed=3");
    let out = run(&mut faults, 5_000, 10);
    assert!(out.is_sorted_by_key(|(due, _)| *due));
    for (due, number) in out {
        let delay = due - micros(u64::from(number) * 10);
        assert!(delay >= micros(2_000) && delay <= micros(4_000), "{number} waited {delay:?}");
    }
    let mut constant = self::faults("delay=3ms,seed=3");
    let out = run(&mut constant, 100, 10);
    assert!(out.is_sorted_by_key(|(_, number)| *number), "a constant delay keeps the order");
}

#[test]
fn a_datagram_held_back_is_overtaken_by_the_next_one() {
    let mut faults = faults("reorder=0.05,seed=11");
    let out = run(&mut faults, 2_000, 500);
    let place: std::collections::BTreeMap<_, _> =
        out.iter().enumerate().map(|(place, (_, number))| (*number, place)).collect();
    let late = |number: u32| {
        let due = out[place[&number]].0;
        due > micros(u64::from(number) * 500)
    };
    let held: Vec<u32> = (0..1_999).filter(|number| late(*number)).collect();
    assert!(held.len() > 50);
    for number in held {
        let overtaken = place[&number] > place[&(number + 1)] || late(number + 1);
        assert!(overtaken, "{number} was held back in vain");
    }
}

#[test]
fn too_much_waiting_is_counted_as_loss_and_memory_stays_bounded() {
    let mut faults = faults("delay=60s,seed=1");
    let bytes = [0; 1_452];
    for _ in 0..20_000 {
        assert!(!faults.admit(Duration::ZERO, &bytes, FROM));
    }
    assert!(faults.held <= HELD_MAX);
    let stats = *faults.stats();
    assert!(stats.overflowed > 0);
    assert_eq!(faults.waiting.len() as u64 + stats.overflowed, 20_000);
    for _ in 0..200_000 {
        assert!(!faults.admit(Duration::ZERO, &[], FROM));
    }
    assert!(faults.waiting.len() <= HELD_MAX / OVERHEAD);
    while faults.poll(Duration::from_secs(60)).is_some() {}
    assert_eq!(faults.held, 0);
    assert!(faults.spare.len() <= SPARES);
}

#[test]
fn once_warm_the_buffers_are_reused() {
    let mut faults = faults("dup=1,seed=1");
    for _ in 0..100 {
        assert!(faults.admit(Duration::ZERO, &[1; 1_452], FROM));
        while faults.poll(Duration::ZERO).is_some() {}
        assert!(faults.spare.len() <= 3);
    }
}
