//! Files above the group: what is offered, given and taken, and what is on disk of it.
//!
//! A file is an object of bulk transfers, named by its BLAKE3. It is cut into blocks of 512 KiB,
//! which are subtrees of BLAKE3's own tree: each travels with the hashes that lead from it to the
//! root, and is checked before a byte of it is written (`tree`). A folder is a list of its files
//! (`manifest`), which is itself such an object.
//!
//! | file | |
//! |---|---|
//! | `desk` | what is offered, given and taken: events in, orders for the group and news out |
//! | `download` | one file or folder on its way in, and who may give it |
//! | `offer` | what members tell each other of files |
//! | `manifest` | a folder as a list |
//! | `name` | which names of others may be used on this disk |
//! | `sharing` | what is hashed, to be offered |
//! | `source` | a file that is given |
//! | `part` | a file that is not complete: `.part`, and what of it is sound |
//! | `tree` | blocks, their hashes and proofs |
//!
//! docs/FILES.md tells people of it.

pub mod desk;
mod download;
mod manifest;
mod name;
mod offer;
mod part;
mod sharing;
mod source;
mod tree;

pub use desk::{Desk, News, Order, Progress};
pub use offer::{Offer, Word};
pub use tree::BLOCK;
