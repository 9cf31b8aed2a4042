//! Why a group could not be joined. The facts are in the fields, for those who tell people.

use crate::transport::{mesh, udp};
use rand::rngs::SysError;
use std::io;

/// Why [`super::Group::join`] or [`super::Driver::open`] failed. Nothing stays open then.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// UDP multicast was asked for, or needed, and cannot be had.
    #[error(transparent)]
    Udp(#[from] udp::OpenError),
    /// The TCP mesh cannot be had.
    #[error(transparent)]
    Tcp(#[from] mesh::OpenError),
    /// No key could be made of the passphrase; the words of the cipher's library.
    #[error("cannot make a key of the passphrase: {0}")]
    Passphrase(String),
    /// This program was built without the `passphrase` feature.
    #[error("this program was built without passphrases")]
    NoPassphrases,
    /// The system gave no randomness.
    #[error("the system gives no random bytes: {0}")]
    Seed(#[from] SysError),
    /// The system refused something else.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried, to be read after "cannot".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl JoinError {
    /// What [`Result::map_err`] takes.
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
