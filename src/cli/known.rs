//! Whose keys were seen: `$XDG_DATA_HOME/mcast-chat/known`, a line for each, which nobody else can
//! read. All programs of one account share it.

use super::identity;
use crate::chat::Known;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file longer than this was not written here.
const LONGEST: u64 = 16 << 20;

fn path() -> io::Result<PathBuf> {
    Ok(identity::data()?.join("known"))
}

/// What is kept; nothing where it cannot be read.
pub(super) fn load() -> Known {
    path().and_then(|path| read(&path)).unwrap_or_default()
}

fn read(path: &Path) -> io::Result<Known> {
    let is_sound = fs::metadata(path)?.len() <= LONGEST;
    let text = if is_sound { fs::read(path)? } else { Vec::new() };
    Ok(Known::read(&String::from_utf8_lossy(&text)))
}

/// Keeps what `known` has come to know, with what other programs keep meanwhile. While another
/// one does that, which may stand still, it is left to the next call: nobody is waited for.
///
/// # Errors
/// Where it cannot be kept: it is not tried again before more is known.
pub(super) fn save(known: &mut Known) -> io::Result<()> {
    if !known.has_changed() {
        return Ok(());
    }
    let written = write(known);
    if written.is_err() {
        known.kept();
    }
    written
}

fn write(known: &mut Known) -> io::Result<()> {
    let path = path()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let lock = private(&folder.join("known.lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    known.merge(&read(&path).unwrap_or_default());
    replace(&path, &known.to_text())?;
    known.kept();
    Ok(())
}

/// The file is the old one or the new one, whatever happens, and nobody else can read it.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = private(&next)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&next, path)
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
