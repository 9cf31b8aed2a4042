//! A warm engine does not allocate per datagram: not for what it sends, not for what it receives,
//! in order or not. Counted by an allocator that counts, in the thread of the test alone.
#![allow(unsafe_code)] // `GlobalAlloc` is an unsafe trait: nothing else here is unsafe

#[path = "support/lan.rs"]
mod lan;

use lan::{Lan, path};
use mcast_chat::engine::{Engine, Output};
use mcast_chat::time::{Duration, Instant};
use mcast_chat::wire::packet::Service;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNTED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count of what it was asked for.
struct Counting;

// SAFETY: each call is handed on to `System` unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTED.set(COUNTED.get() + 1);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is `System`'s.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNTED.set(COUNTED.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `act` allocates.
fn allocations(act: impl FnOnce()) -> u64 {
    let before = COUNTED.get();
    act();
    COUNTED.get() - before
}

/// Messages until everything is warm: several times what is kept.
const WARM: u64 = 40_000;
/// Messages that are counted, in each of the rounds.
const ROUNDS: u64 = 20;
const BURST: u64 = 200;
/// Between bursts: ten thousand messages a second.
const PAUSE: Duration = Duration::from_millis(20);

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1);
    assert_eq!(allocations(|| {}), 0);
}

#[test]
fn a_warm_sender_does_not_allocate() {
    let mut lan = warm(1_000);
    let mut counted = 0;
    for _ in 0..ROUNDS {
        for _ in 0..BURST {
            let (now, seat) = (lan.now, &mut lan.seats[0].engine);
            counted += allocations(|| {
                seat.submit(now, Service::Fifo, &[7; 1_000]).expect("there is room");
            });
            let mut datagram = Vec::with_capacity(1_500);
            counted += allocations(|| drain(seat, now, |bytes| datagram.extend_from_slice(bytes)));
            lan.inject(1, &mut datagram);
            lan.pump();
        }
        lan.run(PAUSE);
    }
    println!("{counted} allocations for {} messages sent", ROUNDS * BURST);
    assert_eq!(counted, 0);
}

#[test]
fn a_warm_receiver_does_not_allocate_for_what_comes_in_order() {
    assert_eq!(received("in order", |_| {}), 0);
}

#[test]
fn a_warm_receiver_does_not_allocate_for_what_comes_out_of_order() {
    assert_eq!(received("out of order", |burst| burst.swap(3, 9)), 0);
    assert_eq!(received("backwards", |burst| burst[..16].reverse()), 0);
}

#[test]
fn a_warm_receiver_does_not_allocate_for_what_comes_twice() {
    assert_eq!(received("twice", |burst| burst[5] = burst[4].clone()), 0);
}

/// How often a warm receiver allocates for bursts that `disturb` changed.
fn received(name: &str, disturb: impl Fn(&mut Vec<Vec<u8>>)) -> u64 {
    let mut lan = warm(1_000);
    let mut counted = 0;
    // The first half warms what only the disturbed need: gaps, requests, a second opening.
    for round in 0..2 * ROUNDS {
        counted = if round == ROUNDS { 0 } else { counted };
        let mut burst: Vec<Vec<u8>> = (0..BURST).map(|_| next_datagram(&mut lan)).collect();
        disturb(&mut burst);
        let (now, engine) = (lan.now, &mut lan.seats[1].engine);
        for datagram in &mut burst {
            counted += allocations(|| {
                engine.handle_datagram(now, path(), datagram);
                drain(engine, now, |_| {});
            });
        }
        lan.run(PAUSE);
    }
    println!("{counted} allocations for {} datagrams received {name}", ROUNDS * BURST);
    counted
}

/// A datagram of the first member, not yet delivered.
fn next_datagram(lan: &mut Lan) -> Vec<u8> {
    let (now, engine) = (lan.now, &mut lan.seats[0].engine);
    engine.submit(now, Service::Fifo, &[7; 1_000]).expect("there is room");
    let mut datagram = Vec::new();
    drain(engine, now, |bytes| datagram.extend_from_slice(bytes));
    datagram
}

fn drain(engine: &mut Engine, now: Instant, mut transmit: impl FnMut(&[u8])) {
    while let Some(output) = engine.poll_output(now) {
        if let Output::Transmit(bytes) = output {
            transmit(bytes);
        }
    }
}

/// Two members that have talked long enough at that pace to have all they need.
fn warm(bytes: usize) -> Lan {
    let mut lan = Lan::settled(2);
    lan.seats.iter_mut().for_each(|seat| seat.listing = false);
    let body = vec![7; bytes];
    for number in 1..=WARM {
        lan.say(0, &body);
        lan.pump();
        if number % BURST == 0 {
            lan.run(PAUSE);
        }
    }
    lan
}
