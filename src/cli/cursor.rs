//! `listen --cursor FILE`: up to where a listener has come, so that its next run goes on there.
//!
//! The file holds one JSON object. It is replaced at once or not at all (written beside, synced,
//! renamed), and never names a message that is not in the history: what comes after the named one
//! is found there, or with the others. So nothing is ever left out; what was shown less than a
//! moment before a kill or a power cut is shown again.

use super::failure::Failure;
use super::past::digits;
use crate::chat::{MemberId, Session, SessionTag, message_id, read_message_id};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Longer than a cursor ever is.
const MAX_LENGTH: u64 = 4_096;

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Content {
    /// The version of the format: 1.
    v: u8,
    /// Which group, as its history is called.
    group: String,
    /// Whose history the id stands in.
    member: String,
    /// The last message that was shown; none before the first.
    id: Option<String>,
}

/// A cursor file.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    /// None where there is no file yet.
    content: Option<Content>,
}

/// Up to where a listener has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Position {
    /// It never ran.
    New,
    /// It ran, and showed nothing.
    Beginning,
    /// It showed this message.
    After(SessionTag, u64),
}

impl Cursor {
    /// Reads the file at `path`, if it is there.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut text = String::new();
        let file =
            File::open(path).and_then(|file| file.take(MAX_LENGTH).read_to_string(&mut text));
        let content = match file {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(not_a_cursor(path, &error.to_string())),
            Ok(_) => Some(parse(&text).map_err(|why| not_a_cursor(path, &why))?),
        };
        Ok(Self { path: path.to_owned(), content })
    }

    /// Where the listener `member` in the group of that fingerprint is to go on.
    pub(super) fn position(&self, group: &[u8; 16], member: MemberId) -> Result<Position, Failure> {
        let Some(content) = &self.content else { return Ok(Position::New) };
        if content.group != digits(group) {
            let why = "it was made with another --group, --port or passphrase";
            return Err(other(&self.path, "group", why));
        }
        if content.member != member.to_string() {
            let why = "it was made with another --name, or one of that name runs now";
            return Err(other(&self.path, "member", why));
        }
        let id = content.id.as_deref().and_then(read_message_id);
        Ok(id.map_or(Position::Beginning, |(session, number)| Position::After(session, number)))
    }

    /// Makes the file say that the listener has come to this message.
    pub(super) fn write(
        &mut self,
        group: &[u8; 16],
        member: MemberId,
        last: Option<(Session, u64)>,
    ) -> io::Result<()> {
        let id = last.map(|(session, number)| message_id(session, number));
        let content = Content { v: 1, group: digits(group), member: member.to_string(), id };
        let mut text = serde_json::to_string(&content).map_err(io::Error::other)?;
        text.push('\n');
        self.content = Some(content);
        replace(&self.path, text.as_bytes())
    }
}

fn parse(text: &str) -> Result<Content, String> {
    let content: Content = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let id_is_one = content.id.as_deref().is_none_or(|id| read_message_id(id).is_some());
    match content.v {
        1 if id_is_one => Ok(content),
        1 => Err("its id is not the id of a message".to_owned()),
        later => Err(format!("it is of version {later}, and this program knows 1")),
    }
}

/// Puts `bytes` in the place of the file at once, also for whoever is cut off in between.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // Folders can be opened and synced on Unix alone; elsewhere the rename does it.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn not_a_cursor(path: &Path, why: &str) -> Failure {
    let path = path.display();
    Failure::usage(
        "cursor",
        &format!("{path} is not a cursor that can be read"),
        &format!("{why}; whoever begins anew from what is kept may be shown messages twice"),
        &format!("mv '{path}' '{path}.old'; mcast-chat listen --since 1h --cursor '{path}'"),
    )
}

fn other(path: &Path, of: &str, why: &str) -> Failure {
    let path = path.display();
    let what = format!("{path} is the cursor of another {of}");
    Failure::usage("cursor", &what, why, &format!("mcast-chat listen --cursor '{path}.2'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story::id;

    const GROUP: [u8; 16] = [7; 16];

    #[test]
    fn a_cursor_is_read_back_and_belongs_to_one_member_of_one_group() {
        let path = std::env::temp_dir().join(format!("cursor.{}", std::process::id()));
        let session = Session([0xab; 16]);
        let mut cursor = Cursor::read(&path).expect("there may be none");
        assert_eq!(cursor.position(&GROUP, id(1)), Ok(Position::New));
        cursor.write(&GROUP, id(1), None).expect("can be written");
        let read = || Cursor::read(&path).expect("is a cursor");
        assert_eq!(read().position(&GROUP, id(1)), Ok(Position::Beginning));
        cursor.write(&GROUP, id(1), Some((session, 42))).expect("can be written");
        assert_eq!(read().position(&GROUP, id(1)), Ok(Position::After(session.tag(), 42)));
        for (group, member) in [([8; 16], id(1)), (GROUP, id(2))] {
            let failure = read().position(&group, member).expect_err("is another's");
            assert_eq!((failure.code, failure.exit.code()), ("cursor", 2));
        }
        fs::remove_file(&path).expect("is there");
    }

    #[test]
    fn what_is_no_cursor_is_refused_and_left_as_it_is() {
        let path = std::env::temp_dir().join(format!("no-cursor.{}", std::process::id()));
        for text in [
            "",
            "abababababababab-7",
            "{\"v\":1}",
            r#"{"v":2,"group":"g","member":"m","id":null}"#,
            r#"{"v":1,"group":"g","member":"m","id":"7"}"#,
            r#"{"v":1,"group":"g","member":"m","id":null}{"#,
        ] {
            fs::write(&path, text).expect("can be written");
            let failure = Cursor::read(&path).expect_err(text);
            assert_eq!((failure.code, failure.exit.code()), ("cursor", 2), "{text}");
            assert_eq!(fs::read_to_string(&path).expect("is there"), text);
        }
        fs::remove_file(&path).expect("is there");
    }
}
