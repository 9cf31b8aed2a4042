//! What is being hashed so that it can be offered: a file, or all files of a folder, one block at a
//! time.

use super::manifest::{self, Entry};
use super::name;
use super::offer::Offer;
use super::source::{Hashing, Source};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder on its way to being offered.
#[derive(Debug)]
pub struct Sharing {
    /// What others will call it.
    pub name: String,
    folder: bool,
    queue: VecDeque<(String, PathBuf)>,
    current: Option<(String, Hashing)>,
    entries: Vec<Entry>,
    sources: Vec<Source>,
}

impl Sharing {
    /// Begins with a file or folder.
    ///
    /// # Errors
    /// Why it cannot be shared, for people.
    pub fn begin(path: &Path) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("{}: {error}", path.display());
        let full = path.canonicalize().map_err(cannot)?;
        let name = full.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| format!("{}: its name is not UTF-8", path.display()))?;
        name::check_top(name).map_err(|bad| format!("{}: {bad}", path.display()))?;
        let folder = full.is_dir();
        let mut queue = VecDeque::new();
        if folder {
            walk(&full, "", &mut queue).map_err(cannot)?;
        } else {
            queue.push_back((name.to_owned(), full.clone()));
        }
        let (entries, sources) = (Vec::new(), Vec::new());
        Ok(Self { name: name.to_owned(), folder, queue, current: None, entries, sources })
    }

    /// Hashes one block; whether there are more.
    ///
    /// # Errors
    /// Why it cannot be shared, for people.
    pub fn step(&mut self) -> Result<bool, String> {
        let Some((inside, mut hashing)) = self.current.take() else { return self.next() };
        match hashing.step() {
            Ok(true) => self.current = Some((inside, hashing)),
            Ok(false) => {
                let source = hashing.finish();
                let (size, object) = (source.size(), source.object());
                self.entries.push(Entry { path: inside, size, object });
                self.sources.push(source);
            }
            Err(error) => return Err(format!("{inside}: {error}")),
        }
        Ok(true)
    }

    fn next(&mut self) -> Result<bool, String> {
        let Some((inside, path)) = self.queue.pop_front() else { return Ok(false) };
        let hashing = Hashing::begin(&path).map_err(|error| format!("{inside}: {error}"))?;
        self.current = Some((inside, hashing));
        Ok(true)
    }

    /// The offer, and all that is given for it.
    ///
    /// # Errors
    /// Where a folder has too many files.
    pub fn finish(mut self) -> Result<(Offer, Vec<Source>), String> {
        let total = self.entries.iter().map(|entry| entry.size).sum();
        let folder = self.folder.then_some((self.entries.len() as u64, total));
        if self.folder {
            let list = manifest::encode(&self.entries).ok_or("it has too many files")?;
            self.sources.push(Source::in_memory(list));
        }
        let last = self.sources.last().ok_or("there is nothing to share")?;
        let (object, size) = (last.object(), last.size());
        Ok((Offer { object, size, name: self.name, folder }, self.sources))
    }
}

/// All files below `folder`, in order; links are not followed.
fn walk(folder: &Path, inside: &str, found: &mut VecDeque<(String, PathBuf)>) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut entries = entries?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let name = name.to_str().filter(|name| name::check(name).is_ok());
        let Some(name) = name else {
            let why = format!("others could not use the name of {}", entry.path().display());
            return Err(io::Error::other(why));
        };
        let inside = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
        if kind.is_dir() {
            walk(&entry.path(), &inside, found)?;
        } else if kind.is_file() {
            found.push_back((inside, entry.path()));
        }
    }
    Ok(())
}
