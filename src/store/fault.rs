//! Why a history cannot be used: what SQLite and the system say, sorted by what is to be done.

use rusqlite::ErrorCode;
use std::io;

/// Why the history cannot be used as it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// What is in the file cannot be right. It is to be set aside.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A later version of this program wrote it, with this schema. It is to be left alone.
    #[error("a later version of this program wrote it (schema {0}; this one knows {SCHEMA})")]
    Newer(i64),
    /// The disk, or who owns it, does not let us. Trying again later may help.
    #[error("{0}")]
    Unavailable(String),
}

/// The schema that this program writes and reads (`PRAGMA user_version`).
pub(super) const SCHEMA: i64 = 1;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let because = |words: &str| Self::Unavailable(format!("{words} ({text})"));
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => because("the disk is full"),
                ErrorCode::ReadOnly => because("the file or its folder is read-only"),
                ErrorCode::SystemIoFailure => because("the disk failed or refused"),
                ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                    because("the file cannot be opened")
                }
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed => because("another program holds the file"),
                ErrorCode::OperationInterrupted | ErrorCode::OutOfMemory => Self::Unavailable(text),
                // All statements are of this program: where one is wrong, the tables are.
                _ => Self::Damaged(text),
            },
            _ => Self::Damaged(text),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
