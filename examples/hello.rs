//! Joins a group, says hello, and prints what happens until interrupted:
//! `cargo run --example hello -- ana`, on any computers of one LAN, or twice on one.

use mcast_chat::{Event, Group, GroupConfig, Incoming, Service};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "somebody".to_owned());
    let group = Group::join(GroupConfig::new("239.255.77.1".parse()?, 23_911, &name))?;
    let carrier = group.carrier();
    println!("by {} through {}: {}", carrier.transport, carrier.through.join(", "), carrier.why);
    // Sent in the first view: to all that are here then, and to oneself.
    group.send(Service::Agreed, format!("hello from {name}").as_bytes())?;
    loop {
        match group.recv(Duration::from_secs(60)) {
            Some(Incoming::Event(Event::View(view))) => {
                let names: Vec<&str> = view.members.iter().map(|m| m.name.as_str()).collect();
                println!("view {}: {}", view.id, names.join(", "));
            }
            Some(Incoming::Event(Event::Delivered(message))) => {
                let before = if message.history { "earlier, " } else { "" };
                let text = String::from_utf8_lossy(&message.body);
                println!("{before}{:?}: {text}", message.from);
            }
            Some(Incoming::Event(Event::Received(session, number))) => {
                println!("{session:?} has all of ours before number {number}");
            }
            Some(Incoming::Event(Event::Ended)) => return Ok(()),
            Some(other) => println!("{other:?}"),
            None => {}
        }
    }
}
