//! How fast a group is, how fair, and how soon it finds what the network takes, in the simulator
//! (docs/PROTOCOL.md#rate): stories, and a table that is kept in tests/rates.txt.
//! `UPDATE=1 cargo test --test rates` writes it anew.

mod lan;
mod table;

use lan::{Case, GIGABIT, Lan};
use mcast_chat::sim::{millis, secs};

#[test]
fn random_loss_does_not_slow_a_sender_down() {
    // What repairs take of it is known: one receiver gets 1 − p of all that is sent.
    for (loss, least) in [(0.01, 0.85), (0.05, 0.75), (0.2, 0.5)] {
        let mut lan = Lan::new(Case { loss, ..Case::lan(1) }, 2);
        lan.talk(1, millis(300));
        let since = lan.world.now();
        lan.talk(1, secs(1));
        let goodput = lan.goodput(since)[0] / GIGABIT as f64;
        println!("loss {loss}: {goodput:.2} of the wire");
        assert!(goodput > least, "loss {loss}: {goodput}");
    }
}

#[test]
fn two_senders_that_begin_apart_share_evenly_within_a_second() {
    for seed in 1..=16 {
        let mut lan = Lan::new(Case { senders: 2, ..Case::lan(2) }, seed);
        lan.talk(1, secs(1));
        lan.talk(2, secs(1));
        let since = lan.world.now();
        lan.talk(2, secs(2));
        let shares = lan.goodput_to(&[2], since);
        let (less, more) = (shares[0].min(shares[1]), shares[0].max(shares[1]));
        assert!(less / more > 0.9, "{shares:?}");
        assert!(less + more > 0.75 * GIGABIT as f64, "{shares:?}");
    }
}
