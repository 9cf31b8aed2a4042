//! Bulk transfers in the simulator: one stream to all that want it, parity for what is lost, late
//! comers, laggards, deaths; and what it costs, as a table that is kept (tests/bulk.txt;
//! `UPDATE=1 cargo test --test bulk` writes it anew).

use mcast_chat::sim::{A, B, C, D, Fault, Loss, Object, Who, World, millis, secs};
use mcast_chat::wire::Kind;
use std::fmt::Write as _;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bulk.txt");
/// Bytes of a block in these stories: as those of files.
const BLOCK: usize = 512 << 10;

/// `members` that know each other and have measured their round trips.
fn group(members: usize, seed: u64) -> World {
    let mut world = World::of(members, seed);
    world.run_for(secs(3));
    assert!(world.is_whole(), "{:?}", world.unsettled());
    world
}

/// All of `whole` but the first take the object that the first serves.
fn share(world: &mut World, members: usize, object: Object) {
    world.serve(A, object);
    (1..members).for_each(|index| world.fetch(Who(index), A, object));
}

fn all_have(world: &World, members: usize, object: Object) -> bool {
    (1..members).all(|index| world.blocks(Who(index), object) == object.blocks)
}

fn finish(world: &mut World, members: usize, object: Object, seconds: u64) {
    let done = world.run_until(|world| all_have(world, members, object), secs(seconds));
    let has: Vec<u32> = (1..members).map(|index| world.blocks(Who(index), object)).collect();
    assert!(done, "{has:?} of {} blocks: {:?}", object.blocks, world.unsettled());
}

#[test]
fn one_stream_serves_all_who_want_it() {
    let mut world = group(4, 1);
    let object = Object::new(1, 20, BLOCK);
    let before = world.sent_bytes();
    share(&mut world, 4, object);
    finish(&mut world, 4, object, 2);
    let sent = (world.sent_bytes() - before) as f64 / (20 * BLOCK) as f64;
    assert!(sent < 1.09, "{sent} bytes were sent for each of the object");
    world.run_for(secs(1));
    assert!((1..4).all(|index| world.left(A, Who(index), object) == Some(0)));
}

#[test]
fn nothing_is_sent_where_nobody_wants_it_or_all_have_it() {
    let mut world = group(3, 2);
    let object = Object::new(1, 10, BLOCK);
    world.serve(A, object);
    world.run_for(secs(1));
    assert_eq!(world.stats(A).unwrap().symbols_sent, 0);
    world.fetch(B, A, object);
    finish(&mut world, 2, object, 2);
    let sent = world.stats(A).unwrap().symbols_sent;
    world.run_for(secs(10));
    assert!(world.stats(A).unwrap().symbols_sent - sent <= 3);
    assert_eq!(world.blocks(C, object), 0);
}

#[test]
fn a_block_of_one_symbol_that_is_lost_comes_all_the_same() {
    let mut world = group(2, 3);
    world.lose(A, B, Kind::Bulk, 1);
    let object = Object::new(1, 1, 10);
    share(&mut world, 2, object);
    finish(&mut world, 2, object, 1);
    assert_eq!(world.faults().of(Fault::Chosen), 1);
}

#[test]
fn blocks_come_through_a_fifth_of_loss_and_lost_requests() {
    let mut world = group(5, 4);
    world.each_link(|link| link.loss = Loss::Independent(0.2));
    let object = Object::new(1, 30, BLOCK);
    share(&mut world, 5, object);
    finish(&mut world, 5, object, 10);
    assert!(world.stats(A).unwrap().parity_sent > 500);
}

#[test]
fn a_burst_that_swallows_whole_blocks_is_repaired() {
    let mut world = group(3, 5);
    world.each_link(|link| link.loss = Loss::Burst { begin: 0.001, end: 0.003 });
    let object = Object::new(1, 60, 20_000);
    share(&mut world, 3, object);
    finish(&mut world, 3, object, 20);
}

#[test]
fn who_comes_late_joins_in_the_middle_and_gets_the_rest() {
    let mut world = group(3, 6);
    let object = Object::new(1, 100, BLOCK);
    world.serve(A, object);
    world.fetch(B, A, object);
    assert!(world.run_until(|world| world.blocks(B, object) >= 60, secs(5)));
    let before = world.stats(A).unwrap().symbols_sent;
    world.fetch(C, A, object);
    finish(&mut world, 3, object, 5);
    let symbols = (world.stats(A).unwrap().symbols_sent - before) as usize;
    let blocks = symbols * 1_340 / BLOCK;
    assert!((98..=106).contains(&blocks), "{blocks} blocks were sent for the 100 that C lacked");
}

#[test]
fn the_rest_comes_from_another_when_the_sender_dies() {
    let mut world = group(4, 7);
    let object = Object::new(1, 60, BLOCK);
    world.serve(A, object);
    world.fetch(B, A, object);
    finish(&mut world, 2, object, 5);
    world.fetch(C, A, object);
    assert!(world.run_until(|world| world.blocks(C, object) >= 20, secs(5)));
    world.crash(A);
    assert!(world.run_until(|world| world.fetches_ended(C) == 1, secs(5)));
    world.serve(B, object);
    world.fetch(C, B, object);
    assert!(world.run_until(|world| world.blocks(C, object) == 60, secs(5)));
}

#[test]
fn a_receiver_that_stands_still_does_not_hold_up_the_others_and_catches_up() {
    let mut world = group(4, 8);
    let object = Object::new(1, 200, BLOCK);
    share(&mut world, 4, object);
    world.run_for(millis(200));
    world.pause(D);
    let done = |world: &World| [B, C].iter().all(|who| world.blocks(*who, object) == 200);
    assert!(world.run_until(done, secs(4)), "{} of 200", world.blocks(B, object));
    world.resume(D);
    world.run_for(secs(2));
    if world.blocks(D, object) < 200 {
        world.fetch(D, A, object);
    }
    finish(&mut world, 4, object, 8);
}

#[test]
fn a_message_does_not_wait_for_the_bulk() {
    let mut world = group(3, 9);
    let object = Object::new(1, 200, BLOCK);
    share(&mut world, 3, object);
    world.run_for(millis(300));
    for number in 0..50 {
        world.say(A, number.to_string());
        world.say(B, number.to_string());
        world.run_for(millis(10));
    }
    assert!(world.blocks(B, object) < 200, "the transfer was over too early to tell");
    let late = world.deliveries(C).map(|heard| heard.at - heard.said).max().unwrap();
    assert_eq!(world.deliveries(C).count(), 100);
    assert!(late < millis(3), "a message took {late:?}");
}

#[test]
fn two_members_serve_at_once_and_many_objects_take_turns() {
    let mut world = group(4, 10);
    world.each_link(|link| link.loss = Loss::Independent(0.05));
    let objects: Vec<Object> = (1..=20).map(|name| Object::new(name, 5, 100_000)).collect();
    for (index, object) in objects.iter().enumerate() {
        let from = [A, B][index % 2];
        world.serve(from, *object);
        [C, D].iter().for_each(|who| world.fetch(*who, from, *object));
    }
    let all = |world: &World| {
        objects.iter().all(|o| [C, D].iter().all(|who| world.blocks(*who, *o) == 5))
    };
    assert!(world.run_until(all, secs(10)));
}

// ---- what it costs -------------------------------------------------------------

/// One member serves an object to N receivers at the pace of the wire; every way takes 500 µs,
/// every datagram is lost at each receiver with probability p.
#[derive(Clone, Copy, Debug)]
struct Row {
    receivers: usize,
    percent: u32,
    /// Bytes of all members' datagrams for each byte of the object.
    bytes: f64,
    /// Symbols sent for each source symbol.
    symbols: f64,
    /// The share of the pace that was the object's bytes.
    goodput: f64,
    /// BULK_NACKs for each block.
    nacks: f64,
}

fn measure(receivers: usize, percent: u32) -> Row {
    let members = receivers + 1;
    let mut world = World::of(members, u64::from(percent) * 1_000 + members as u64);
    world.each_link(|link| link.delay = millis(1) / 2);
    world.run_for(secs(4));
    world.each_link(|link| link.loss = Loss::Independent(f64::from(percent) / 100.0));
    world.run_for(secs(2));
    let object = Object::new(1, if receivers > 50 { 20 } else { 100 }, BLOCK);
    let (before, begun) = (world.sent_bytes(), world.now());
    share(&mut world, members, object);
    finish(&mut world, members, object, 30);
    let seconds = (world.now() - begun).as_secs_f64();
    let bytes = f64::from(object.blocks) * BLOCK as f64;
    let stats = world.stats(A).unwrap();
    let nacks: u64 =
        (1..members).map(|index| world.stats(Who(index)).unwrap().bulk_nacks_sent).sum();
    let source = f64::from(object.blocks) * (BLOCK as f64 / 1_340.0).ceil();
    Row {
        receivers,
        percent,
        bytes: (world.sent_bytes() - before) as f64 / bytes,
        symbols: stats.symbols_sent as f64 / source,
        goodput: bytes / seconds / 50_000_000.0,
        nacks: nacks as f64 / f64::from(object.blocks),
    }
}

fn rows() -> Vec<Row> {
    let all = [(1, &[0, 20][..]), (4, &[0, 5, 20, 30]), (10, &[20]), (100, &[20])];
    // The rows know nothing of each other: they run side by side and are the same in any order.
    std::thread::scope(|scope| {
        let mut rows = Vec::new();
        for (receivers, percents) in all {
            let measured = percents.iter().map(move |percent| measure(receivers, *percent));
            rows.push(scope.spawn(move || measured.collect::<Vec<_>>()));
        }
        rows.into_iter().flat_map(|row| row.join().expect("the row was measured")).collect()
    })
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Bulk in the simulator; rewritten by UPDATE=1 cargo test --test bulk\n\
         # p: loss at each receiver; bytes: of all datagrams, for each of the object;\n\
         # symbols: sent, for each of the source; goodput: of the pace;\n\
         # NACKs: of all receivers, for each block\n\
         receivers   p  bytes  symbols  goodput  NACKs/block\n",
    );
    for Row { receivers, percent, bytes, symbols, goodput, nacks } in rows {
        writeln!(
            text,
            "{receivers:>9} {percent:>3} {bytes:>6.3} {symbols:>8.3} {:>7.1}% {nacks:>12.2}",
            goodput * 100.0
        )
        .expect("a string takes all");
    }
    text
}

#[test]
fn bulk_costs_what_the_table_says_and_no_more_than_was_promised() {
    let rows = rows();
    let text = table(&rows);
    println!("{text}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(TABLE, &text).expect("the table can be written");
    }
    for row in &rows {
        let most = match (row.receivers, row.percent) {
            (4, 20) => 1.36,
            (100, 20) => 1.50,
            _ => f64::INFINITY,
        };
        assert!(row.bytes <= most, "{row:?}");
        assert!((row.receivers, row.percent) != (10, 20) || row.goodput >= 0.65, "{row:?}");
    }
    let kept = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(text == kept, "the table differs from {TABLE}:\n{kept}\nUPDATE=1 writes it anew");
}
