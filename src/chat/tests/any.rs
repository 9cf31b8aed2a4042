//! What is for any one member: exactly one gets it, whoever dies meanwhile.

use super::world::World;
use crate::chat::{Happening, Reach, Say, SayError};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

fn any(text: &str) -> Say {
    Say { reach: Reach::Any, text: text.into(), ..Say::default() }
}

/// Who was shown `text`, of those that are alive and did not say it.
fn shown(world: &World, text: &str, by: usize) -> Vec<usize> {
    let has = |seat: &usize| world.seats[*seat].texts().iter().filter(|t| *t == text).count() == 1;
    let alive = (0..world.seats.len()).filter(|seat| world.seats[*seat].alive && *seat != by);
    alive.filter(has).collect()
}

/// Whom the sender was told of.
fn takers(world: &World, seat: usize) -> Vec<Option<String>> {
    let taken = |told: &Happening| match told {
        Happening::Taken(_, by) => Some(by.as_ref().map(|(_, name)| name.to_string())),
        _ => None,
    };
    world.seats[seat].told.iter().filter_map(taken).collect()
}

#[test]
fn the_nearest_gets_it_and_the_sender_learns_who() {
    let mut world = World::of(&["ana", "bo", "cy", "dee"]);
    world.say(3, any("who restarts the build?")).expect("somebody is here");
    world.settle();
    assert_eq!(shown(&world, "who restarts the build?", 3), [0], "ana has the shortest way");
    assert_eq!(takers(&world, 3), [Some("ana".into())]);
    let own = world.seats[3].chat.history(1).next().expect("one's own is shown");
    assert_eq!((own.reach, own.sealed), (Reach::Any, true));
    assert_eq!(own.to.as_ref().map(|(_, name)| name.as_str()), Some("ana"));
    let there = world.seats[0].messages()[0];
    assert_eq!(there.key(), own.key(), "both name it alike");
    assert_eq!(world.seats[3].chat.untaken(), 0);
}

#[test]
fn whoever_is_away_is_asked_last_and_where_nobody_is_nothing_is_said() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.seats[0].chat.set_away(Some("lunch"));
    world.settle();
    world.say(2, any("hi")).expect("somebody is here");
    world.settle();
    assert_eq!(shown(&world, "hi", 2), [1]);
    world.kill(1);
    world.say(2, any("and now?")).expect("somebody is here");
    world.settle();
    assert_eq!(shown(&world, "and now?", 2), [0]);
    world.kill(0);
    assert_eq!(world.say(2, any("hello?")), Err(SayError::NobodyToTake));
}

#[test]
fn if_the_chosen_one_dies_before_it_has_it_the_next_nearest_gets_it() {
    let mut world = World::of(&["ana", "bo", "cy", "dee"]);
    world.say(3, any("help")).expect("somebody is here");
    world.kill(0);
    world.settle();
    assert_eq!(shown(&world, "help", 3), [1]);
    assert_eq!(takers(&world, 3), [Some("bo".into())]);
}

#[test]
fn where_all_die_the_sender_is_told_that_nobody_took_it() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.say(2, any("help")).expect("somebody is here");
    world.kill(0);
    world.kill(1);
    world.settle();
    assert_eq!(takers(&world, 2), [None]);
}

/// Whatever happens in whatever order, of those that live exactly one has it, and the sender was
/// told that one; where the one that was told died, nobody else has it.
#[test]
fn exactly_one_gets_it_in_ten_thousand_random_orders_with_deaths() {
    let seed = 20_261_129;
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut reassigned = 0;
    for round in 0..10_000 / 20 {
        let mut world = World::of(&["ana", "bo", "cy", "dee", "eve"]);
        for number in 0..20 {
            let text = format!("{round} {number}");
            if world.say(4, any(&text)).is_err() {
                break;
            }
            for _ in 0..random.random_range(0..12) {
                let seat = random.random_range(0..5);
                match random.random_range(0..10) {
                    0 if number % 5 == 4 && seat < 3 && world.seats[seat].alive => {
                        world.kill(seat);
                    }
                    1..4 if world.seats[seat].alive => world.turn(seat),
                    _ if world.seats[seat].alive => {
                        world.take(seat);
                    }
                    _ => {}
                }
            }
        }
        world.settle();
        reassigned += check(&world);
    }
    assert!(reassigned > 10, "{reassigned}: the deaths came too late to matter");
}

/// How many were taken by another than the first that was asked.
fn check(world: &World) -> usize {
    assert_eq!(world.seats[4].chat.untaken(), 0);
    let own: Vec<_> = world.seats[4].messages();
    let mut taken = std::collections::BTreeMap::new();
    for told in &world.seats[4].told {
        if let Happening::Taken(id, by) = told {
            assert!(taken.insert(*id, by.clone()).is_none(), "told once");
        }
    }
    let mut others = 0;
    for message in own {
        let by = taken[&message.key()].clone().expect("dee is never killed").0;
        let alive = shown(world, &message.text, 4);
        let taker = world.seats.iter().position(|seat| seat.id() == by).expect("is a seat");
        match world.seats[taker].alive {
            true => assert_eq!(alive, [taker], "{}", message.text),
            false => assert_eq!(alive, [0; 0], "{}", message.text),
        }
        others += usize::from(taker != 0);
    }
    others
}
