//! Bulk transfers through the loop: what the engine offers, for drivers and handles.

use super::Driver;
use super::group::Group;
use super::mailbox::Command;
use crate::engine::bulk::Span;
use crate::wire::{ObjectId, Session};

/// What a handle asks of bulk transfers.
#[derive(Debug)]
pub(super) enum Bulk {
    Serve(ObjectId, u32),
    Withhold(ObjectId),
    Fetch(Session, ObjectId, Vec<Span>),
    Cancel(ObjectId),
    Give(ObjectId, u32, Vec<u8>),
}

impl Driver {
    /// Does what is asked of bulk transfers. What comes too late (a member that has just gone, a
    /// block that nobody wants any more) is told by events, and no fault.
    pub(super) fn obey_bulk(&mut self, ask: Bulk) {
        let now = self.now();
        let engine = self.engine_mut();
        match ask {
            Bulk::Serve(object, blocks) => engine.serve(object, blocks),
            Bulk::Withhold(object) => engine.withhold(&object),
            Bulk::Fetch(from, object, blocks) => {
                if !engine.fetch(now, from, object, blocks) {
                    self.put(crate::engine::Event::FetchEnded { object, from });
                }
            }
            Bulk::Cancel(object) => engine.cancel_fetch(&object),
            Bulk::Give(object, block, content) => {
                engine.give_block(object, block, &content);
            }
        }
    }
}

impl Group {
    /// This member has the object, of `blocks` blocks, and gives them to whoever fetches it: it is
    /// asked for each by [`Event::BlockWanted`](crate::engine::Event::BlockWanted).
    pub fn serve(&self, object: ObjectId, blocks: u32) {
        self.ask_bulk(Bulk::Serve(object, blocks));
    }

    /// This member does not give the object any more.
    pub fn withhold(&self, object: ObjectId) {
        self.ask_bulk(Bulk::Withhold(object));
    }

    /// Takes these blocks of an object from a member that serves it. Each comes as
    /// [`Event::Block`](crate::engine::Event::Block), in any order and once. Where that member is
    /// not here, or goes, [`Event::FetchEnded`](crate::engine::Event::FetchEnded) tells so.
    pub fn fetch(&self, from: Session, object: ObjectId, blocks: Vec<Span>) {
        self.ask_bulk(Bulk::Fetch(from, object, blocks));
    }

    /// Takes nothing more of an object.
    pub fn cancel_fetch(&self, object: ObjectId) {
        self.ask_bulk(Bulk::Cancel(object));
    }

    /// The block that [`Event::BlockWanted`](crate::engine::Event::BlockWanted) asked for, at most
    /// [`MAX_GIVEN`](crate::engine::bulk::MAX_GIVEN) bytes. At most four are asked for at once.
    pub fn give_block(&self, object: ObjectId, block: u32, content: Vec<u8>) {
        self.ask_bulk(Bulk::Give(object, block, content));
    }

    fn ask_bulk(&self, ask: Bulk) {
        self.command(Command::Bulk(ask));
    }
}
