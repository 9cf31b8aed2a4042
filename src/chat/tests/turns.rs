//! Turns in a room: one holder, the same for all.

use super::world::World;
use crate::chat::{Action, Floor, Happening, Say, SayError, Turn};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

fn floor(turn: Turn) -> Action {
    Action::Floor { room: None, turn }
}

fn line(text: &str) -> Say {
    Say { text: text.into(), ..Say::default() }
}

fn queue(world: &World, seat: usize) -> Option<Vec<String>> {
    let floor = world.seats[seat].chat.floor("general").filter(|floor| floor.on)?;
    let all = floor.holder.iter().chain(&floor.waiting);
    Some(all.map(|(_, name)| name.to_string()).collect())
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(ToString::to_string).collect())
}

#[test]
fn a_line_without_the_floor_is_not_said_but_asks_for_it() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.act(0, &floor(Turn::On)).expect("is sent");
    world.settle();
    for seat in [1, 2, 0] {
        assert!(matches!(world.say(seat, line("hi")), Err(SayError::NotYourTurn { .. })));
        world.settle();
    }
    assert_eq!(queue(&world, 0), names(&["bo", "cy", "ana"]));
    let refused = world.say(2, line("hi"));
    let Err(SayError::NotYourTurn { holder, place, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((holder.map(|name| name.to_string()), place), (Some("bo".into()), 1));
    world.say(1, line("my turn")).expect("bo holds the floor");
    world.act(1, &floor(Turn::Pass)).expect("bo passes it");
    world.settle();
    assert_eq!(queue(&world, 1), names(&["cy", "ana"]));
    world.act(2, &floor(Turn::Exit)).expect("cy gives it up");
    world.settle();
    assert_eq!(queue(&world, 2), names(&["ana"]));
    assert!(matches!(world.act(1, &floor(Turn::Pass)), Err(SayError::NotHolder { .. })));
    world.act(1, &floor(Turn::Off)).expect("is sent");
    world.settle();
    assert_eq!((queue(&world, 2), world.say(2, line("hi"))), (None, Ok(())));
    assert_eq!(world.seats[0].texts(), ["my turn"]);
}

#[test]
fn a_holder_that_dies_loses_the_floor_to_the_next() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.act(0, &floor(Turn::On)).expect("is sent");
    world.settle();
    for seat in 0..3 {
        world.act(seat, &floor(Turn::Ask)).expect("members take turns");
        world.settle();
    }
    assert_eq!(queue(&world, 1), names(&["ana", "bo", "cy"]));
    world.kill(0);
    assert_eq!((queue(&world, 1), queue(&world, 2)), (names(&["bo", "cy"]), names(&["bo", "cy"])));
    assert!(matches!(world.seats[1].told.last(), Some(Happening::Left(..))));
    let told = world.seats[1].told.iter().rev().find_map(|told| match told {
        Happening::Floor(floor) => Some(floor.clone()),
        _ => None,
    });
    let holder = told.and_then(|floor: Floor| floor.holder).map(|(_, name)| name.to_string());
    assert_eq!(holder, Some("bo".into()));
}

#[test]
fn two_parts_that_merge_agree_on_one_of_both_states() {
    for first_to_tell in [0, 3] {
        let mut world = World::of(&["ana", "bo", "cy", "dee"]);
        world.act(0, &floor(Turn::On)).expect("is sent");
        world.settle();
        world.split(&[2, 3]);
        for seat in [1, 0, 3, 2] {
            world.act(seat, &floor(Turn::Ask)).expect("members take turns");
            world.settle();
        }
        assert_eq!(
            (queue(&world, 0), queue(&world, 2)),
            (names(&["bo", "ana"]), names(&["dee", "cy"]))
        );
        world.merge();
        // Somebody speaks of turns before anybody has told how it stands.
        world.act(1, &floor(Turn::Exit)).expect("is sent");
        world.turn(first_to_tell);
        world.settle();
        let all: Vec<_> = (0..4).map(|seat| queue(&world, seat)).collect();
        assert!(all.iter().all(|one| *one == all[0] && one.is_some()), "{all:?}");
    }
}

#[test]
fn whoever_comes_learns_whose_turn_it_is() {
    let mut world = World::of(&["ana", "bo", "cy"]);
    world.split(&[2]);
    world.act(0, &floor(Turn::On)).expect("is sent");
    world.settle();
    world.act(1, &floor(Turn::Ask)).expect("is sent");
    world.settle();
    assert_eq!(queue(&world, 2), None);
    world.merge();
    world.settle();
    assert_eq!(queue(&world, 2), names(&["bo"]));
}

/// After each delivery, whoever has taken as much of the log as another sees the same holder.
#[test]
fn all_see_the_same_holder_at_every_step_of_random_turns_with_deaths_and_partitions() {
    let seed = 20_261_130;
    println!("seed {seed}");
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..300 {
        let mut world = World::of(&["ana", "bo", "cy", "dee", "eve"]);
        world.act(0, &floor(Turn::On)).expect("is sent");
        let mut divided = false;
        for step in 0..200 {
            let seat = random.random_range(0..5);
            match random.random_range(0..40) {
                0 if seat > 1 && world.seats[seat].alive && !divided => world.kill(seat),
                1 if !divided => {
                    let apart: Vec<usize> =
                        [3, 4].into_iter().filter(|s| world.seats[*s].alive).collect();
                    divided = !apart.is_empty();
                    if divided {
                        world.split(&apart);
                    }
                }
                2 if divided => {
                    world.merge();
                    world.settle();
                    divided = false;
                }
                3..10 if world.seats[seat].alive => {
                    let turns = [Turn::Ask, Turn::Ask, Turn::Pass, Turn::Exit, Turn::On, Turn::Off];
                    let turn = turns[random.random_range(0..turns.len())];
                    world.act(seat, &floor(turn)).ok();
                }
                10..14 if world.seats[seat].alive => world.turn(seat),
                _ if world.seats[seat].alive => {
                    world.take(seat);
                }
                _ => {}
            }
            world.check_turns(step);
        }
        if divided {
            world.merge();
        }
        world.settle();
        let alive: Vec<usize> = (0..5).filter(|seat| world.seats[*seat].alive).collect();
        let all: Vec<_> = alive.iter().map(|seat| queue(&world, *seat)).collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    }
}

impl World {
    /// Those of one part that have taken the same agree.
    fn check_turns(&self, step: usize) {
        let alive = self.seats.iter().filter(|seat| seat.alive);
        let mut seen = std::collections::BTreeMap::new();
        for seat in alive {
            let floor = seat.chat.floor("general").map(|f| (f.on, f.holder, f.waiting));
            let first = seen.entry(seat.place()).or_insert_with(|| floor.clone());
            assert_eq!(*first, floor, "step {step}");
        }
    }
}
