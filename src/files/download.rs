//! One file or folder on its way in: what of it is on disk, what is fetched now, what comes next.

use super::manifest::{self, Entry};
use super::name;
use super::offer::Offer;
use super::part::{self, Part, Put};
use super::source::Source;
use super::tree;
use crate::engine::bulk::Span;
use crate::wire::{ObjectId, Session};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many files of a folder are fetched at once.
const AT_ONCE: usize = 8;

/// Why a download cannot go on, for people.
pub type Trouble = String;

/// A folder's list as it comes.
#[derive(Debug)]
struct List {
    blocks: Vec<Option<Vec<u8>>>,
    from: Option<Session>,
}

/// A file that is fetched.
#[derive(Debug)]
struct Active {
    part: Part,
    path: PathBuf,
    /// What an earlier run left is checked.
    checked: bool,
    from: Option<Session>,
}

/// A file or folder that this member takes.
#[derive(Debug)]
pub struct Download {
    /// What was offered.
    pub offer: Offer,
    /// Who gave something else than was offered.
    pub liars: BTreeSet<Session>,
    /// Where it will be.
    target: PathBuf,
    list: Option<List>,
    queue: VecDeque<(Entry, PathBuf)>,
    active: BTreeMap<ObjectId, Active>,
    done: u64,
    finished: Vec<(PathBuf, Vec<tree::Hash>)>,
    bytes_of_list: Vec<u8>,
}

impl Download {
    /// Begins in `folder`, or goes on with what an earlier run left.
    ///
    /// # Errors
    /// Where the name may not be used, or nothing can be written there.
    pub fn begin(offer: Offer, folder: &Path) -> Result<Self, Trouble> {
        name::check_top(&offer.name).map_err(|bad| format!("its name is refused: {bad}"))?;
        let target = folder.join(&offer.name);
        let mut download = Self {
            list: None,
            queue: VecDeque::new(),
            active: BTreeMap::new(),
            done: 0,
            finished: Vec::new(),
            bytes_of_list: Vec::new(),
            liars: BTreeSet::new(),
            target,
            offer,
        };
        if download.offer.folder.is_some() {
            let size = download.offer.size;
            if size > manifest::LONGEST as u64 {
                return Err("its list is too long".to_owned());
            }
            let staging = download.staging();
            fs::create_dir_all(&staging).map_err(|error| cannot_write(&staging, &error))?;
            let blocks = vec![None; tree::blocks(size) as usize];
            download.list = Some(List { blocks, from: None });
        } else {
            let Offer { object, size, ref name, .. } = download.offer;
            let entry = Entry { path: name.clone(), size, object };
            let target = download.target.clone();
            download.queue.push_back((entry, target));
        }
        Ok(download)
    }

    /// The folder as it is called until it is complete.
    fn staging(&self) -> PathBuf {
        Part::path_of(&self.target, self.offer.object)
    }

    /// Bytes that are here.
    pub fn done(&self) -> u64 {
        self.done + self.active.values().map(|active| active.part.done()).sum::<u64>()
    }

    /// Whether a block of this object is for it.
    pub fn takes(&self, object: &ObjectId) -> bool {
        self.active.contains_key(object) || (self.list.is_some() && *object == self.offer.object)
    }

    /// The objects that are fetched.
    pub fn fetched(&self) -> Vec<ObjectId> {
        let list = self.list.as_ref().map(|_| self.offer.object);
        self.active.keys().copied().chain(list).collect()
    }

    /// Goes on with what is on disk, one block's worth: begins files, checks what earlier runs
    /// left. Whether there is more to do.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn work(&mut self) -> Result<bool, Trouble> {
        if self.active.len() < AT_ONCE
            && let Some((entry, path)) = self.next_file()
        {
            self.open(&entry, path)?;
            return Ok(true);
        }
        let unchecked = self.active.iter_mut().find(|(_, active)| !active.checked);
        let Some((object, active)) = unchecked else { return Ok(false) };
        let more = active.part.check().map_err(|error| cannot_write(&active.path, &error))?;
        active.checked = !more;
        let complete = (active.checked && active.part.is_complete()).then_some(*object);
        complete.map_or(Ok(true), |object| self.finish_file(object).map(|()| true))
    }

    /// The next file to begin with. The same content twice comes one after the other.
    fn next_file(&mut self) -> Option<(Entry, PathBuf)> {
        let active = &self.active;
        let next = self.queue.iter().position(|(entry, _)| !active.contains_key(&entry.object));
        next.and_then(|next| self.queue.remove(next))
    }

    fn open(&mut self, entry: &Entry, path: PathBuf) -> Result<(), Trouble> {
        let parent = path.parent().unwrap_or(&path);
        fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
        if self.offer.folder.is_some() && path.metadata().is_ok_and(|m| m.len() == entry.size) {
            return self.reopen(entry, path);
        }
        let part = Part::open(&path, entry.object, entry.size);
        let part = part.map_err(|error| cannot_write(&path, &error))?;
        self.active.insert(entry.object, Active { part, path, checked: false, from: None });
        Ok(())
    }

    /// A file of a folder that an earlier run completed.
    fn reopen(&mut self, entry: &Entry, path: PathBuf) -> Result<(), Trouble> {
        let hashing = super::source::Hashing::begin(&path).and_then(|mut hashing| {
            while hashing.step()? {}
            Ok(hashing)
        });
        let hashing = hashing.map_err(|error| cannot_write(&path, &error))?;
        let hashes = hashing.hashes().to_vec();
        if hashing.finish().object() == entry.object {
            self.done += entry.size;
            self.finished.push((path, hashes));
        } else {
            fs::remove_file(&path).map_err(|error| cannot_write(&path, &error))?;
            self.queue.push_front((entry.clone(), path));
        }
        Ok(())
    }

    /// What is to be fetched from `giver`, for all that is not fetched from anybody.
    pub fn wants(&mut self, giver: Session) -> Vec<(ObjectId, Vec<Span>)> {
        let mut wants = Vec::new();
        if let Some(list) = self.list.as_mut().filter(|list| list.from.is_none()) {
            list.from = Some(giver);
            let lacking = list.blocks.iter().enumerate().filter(|(_, block)| block.is_none());
            let spans = lacking.map(|(block, _)| Span::one(block as u64)).collect();
            wants.push((self.offer.object, spans));
        }
        let idle = self.active.iter_mut().filter(|(_, a)| a.checked && a.from.is_none());
        for (object, active) in idle {
            active.from = Some(giver);
            wants.push((*object, active.part.lacks()));
        }
        wants
    }

    /// An object is not fetched from that member any more; whether it was.
    pub fn lost_giver(&mut self, object: &ObjectId, giver: Session) -> bool {
        let list = self.list.as_mut().filter(|_| *object == self.offer.object);
        let from = list.map(|list| &mut list.from);
        let from = from.or_else(|| self.active.get_mut(object).map(|active| &mut active.from));
        let Some(from) = from.filter(|from| **from == Some(giver)) else { return false };
        *from = None;
        true
    }

    /// A block came. Whether it was what was offered.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn take(&mut self, object: ObjectId, block: u32, content: &[u8]) -> Result<Put, Trouble> {
        let Some(active) = self.active.get_mut(&object) else {
            return self.take_list(block, content);
        };
        let put = active.part.put(block, content);
        let put = put.map_err(|error| cannot_write(&active.path, &error))?;
        if active.part.is_complete() {
            self.finish_file(object)?;
        }
        Ok(put)
    }

    fn take_list(&mut self, block: u32, content: &[u8]) -> Result<Put, Trouble> {
        let Offer { object, size, .. } = self.offer;
        let Some(list) = &mut self.list else { return Ok(Put::Known) };
        let Some((bytes, _)) = tree::unpack(object, size, u64::from(block), content) else {
            return Ok(Put::Wrong);
        };
        list.blocks[block as usize] = Some(bytes.to_vec());
        if list.blocks.iter().all(Option::is_some) {
            let whole: Vec<u8> = list.blocks.drain(..).flatten().flatten().collect();
            self.list = None;
            self.begin_files(whole)?;
        }
        Ok(Put::Written)
    }

    /// The folder's list is here.
    fn begin_files(&mut self, list: Vec<u8>) -> Result<(), Trouble> {
        let entries = manifest::decode(&list).ok_or("its list is damaged")?;
        self.bytes_of_list = list;
        let staging = self.staging();
        for entry in entries {
            let place = entry
                .place()
                .map_err(|bad| format!("the name of one of its files is refused: {bad}"))?;
            self.queue.push_back((entry, staging.join(place)));
        }
        Ok(())
    }

    fn finish_file(&mut self, object: ObjectId) -> Result<(), Trouble> {
        let Some(active) = self.active.remove(&object) else { return Ok(()) };
        let size = active.part.size();
        let finished = active.part.finish(&active.path);
        self.finished.push(finished.map_err(|error| cannot_write(&active.path, &error))?);
        self.done += size;
        Ok(())
    }

    /// Whether all is here.
    pub fn is_complete(&self) -> bool {
        self.list.is_none() && self.queue.is_empty() && self.active.is_empty()
    }

    /// Gives all its name; where it is, and what can be given on.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn finish(self) -> Result<(PathBuf, Vec<Source>), Trouble> {
        let staging = self.staging();
        if self.offer.folder.is_none() {
            let path = self.finished.first().map_or(self.target, |(path, _)| path.clone());
            return sources(self.finished).map(|sources| (path, sources));
        }
        let named = part::place_folder(&staging, &self.target);
        let named = named.map_err(|error| cannot_write(&self.target, &error))?;
        let moved = self.finished.into_iter().map(|(path, hashes)| {
            let inside = path.strip_prefix(&staging).map(|inside| named.join(inside));
            (inside.unwrap_or(path), hashes)
        });
        let mut all = sources(moved.collect())?;
        all.push(Source::in_memory(self.bytes_of_list));
        Ok((named, all))
    }
}

fn sources(files: Vec<(PathBuf, Vec<tree::Hash>)>) -> Result<Vec<Source>, Trouble> {
    let sources = files.into_iter().map(|(path, hashes)| {
        Source::known(&path, hashes).map_err(|error| cannot_write(&path, &error))
    });
    sources.collect()
}

/// What the disk said, in words.
fn cannot_write(path: &Path, error: &io::Error) -> Trouble {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk is full: {path} stays incomplete, and goes on once there is room")
        }
        io::ErrorKind::FileTooLarge => format!("the file system takes no file so large: {path}"),
        _ => format!("{path}: {error}"),
    }
}
