//! The gateway: a web page, WebSockets and lines over TCP, all of them on one thread.
//!
//! [`Gateway::open`] binds the ports and starts the thread. What clients do comes out as
//! [`Heard`]; what they are to be told goes in as [`Tell`]; both queues have an end. The thread
//! never waits for a client nor for the program, and a client never for another: each has a bounded
//! queue of what it did not read yet, and whoever lets it fill is cut off. [`Desk`] is what stands
//! between the queues and the conversation.

mod bucket;
mod client;
mod crowd;
mod desk;
mod door;
mod frames;
mod guard;
mod guest;
mod http;
mod lines;
mod names;
mod outbox;
mod page;
mod room;
mod serve;

pub use desk::{Board, Desk};
pub use serve::{Ended, Gateway, Ports, Teller};

/// Names a client of the gateway; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(usize);

/// What clients did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// A page has shown the token, and is to be told all from now on.
    Page(ClientId),
    /// A page asks for something: one object of the JSON contract.
    Asked(ClientId, String),
    /// A page was closed.
    Closed(ClientId),
    /// A guest came, under that name, which is safe to show.
    Entered(ClientId, String),
    /// A guest has another name: the old one and the new one.
    Renamed(ClientId, String, String),
    /// A guest said something.
    Said(ClientId, String),
    /// A guest asks who is here.
    Who(ClientId),
    /// A guest of that name went.
    Left(ClientId, String),
    /// Somebody asks for the counters.
    Metrics(ClientId),
    /// Something is amiss that whoever runs the gateway should know.
    Trouble(String),
}

/// What clients are to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tell {
    /// All pages that were let in: an object of the JSON contract.
    Pages(String),
    /// All guests but one.
    Guests(Option<ClientId>, String),
    /// One client.
    One(ClientId, String),
    /// From now on the page is one of all pages.
    Admit(ClientId),
    /// The counters, for whoever asked for them.
    Metrics(ClientId, String),
    /// Members are called so: no guest may be.
    Members(Vec<String>),
    /// The end.
    Bye,
}
