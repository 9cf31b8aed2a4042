//! A file that is not complete: `NAME.HASH.part` has its bytes in their places, `NAME.HASH.have`
//! which blocks are sound, with their hashes. Both outlive the process: what the second claims is
//! checked against the first before it is believed.

use super::tree::{self, BLOCK, Hash, Tree};
use crate::engine::bulk::Span;
use crate::wire::ObjectId;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Bytes of an entry of the `.have` file: the block's number, little-endian, and its hash.
const ENTRY: usize = 4 + 32;
/// A file that exists already is not touched: the next free of so many names is taken.
const MOST_NAMES: u32 = 1_000;

/// What became of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It is written.
    Written,
    /// It was there.
    Known,
    /// It is not the file's: whoever gave it gave something else.
    Wrong,
}

/// A file on its way in.
#[derive(Debug)]
pub struct Part {
    object: ObjectId,
    size: u64,
    path: PathBuf,
    data: File,
    have: File,
    hashes: Vec<Option<Hash>>,
    /// What an earlier run claims, to be checked.
    claims: VecDeque<(u32, Hash)>,
    missing: u64,
}

impl Part {
    /// The file `path` as it is called until it is complete.
    pub fn path_of(path: &Path, object: ObjectId) -> PathBuf {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", &object.to_string()[..8]));
        path.with_file_name(name)
    }

    /// Begins the file `path`, or goes on with what an earlier run left of it.
    ///
    /// # Errors
    /// Where it cannot be made or read.
    pub fn open(path: &Path, object: ObjectId, size: u64) -> io::Result<Self> {
        let path = Self::path_of(path, object);
        let mut have = open(&path.with_extension("have"))?;
        let data = open(&path)?;
        let blocks = tree::blocks(size);
        let mut written = Vec::new();
        if data.metadata()?.len() == size {
            (&mut have).take(blocks * 2 * ENTRY as u64).read_to_end(&mut written)?;
        } else {
            have.set_len(0)?;
            data.set_len(size)?;
        }
        have.seek(SeekFrom::End(0))?;
        let claims = written.chunks_exact(ENTRY).map(|entry| {
            let (number, hash) = entry.split_at(4);
            let number = u32::from_le_bytes(number.try_into().expect("four bytes"));
            (number, hash.try_into().expect("32 bytes"))
        });
        let claims = claims.filter(|(block, _)| u64::from(*block) < blocks).collect();
        let hashes = vec![None; blocks as usize];
        Ok(Self { object, size, path, data, have, hashes, claims, missing: blocks })
    }

    /// Checks one block that an earlier run claims to have; whether there are more.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn check(&mut self) -> io::Result<bool> {
        if let Some((block, hash)) = self.claims.pop_front() {
            let number = u64::from(block);
            let mut bytes = vec![0; tree::length(self.size, number)];
            self.data.seek(SeekFrom::Start(number * BLOCK as u64))?;
            self.data.read_exact(&mut bytes)?;
            if tree::hash_block(self.size, number, &bytes) == hash {
                self.note(block, hash);
            }
        }
        Ok(!self.claims.is_empty())
    }

    fn note(&mut self, block: u32, hash: Hash) {
        let place = &mut self.hashes[block as usize];
        self.missing -= u64::from(place.is_none());
        *place = Some(hash);
    }

    /// Bytes that are there, about.
    pub fn done(&self) -> u64 {
        let blocks = tree::blocks(self.size);
        if self.missing == 0 { self.size } else { (blocks - self.missing) * BLOCK as u64 }
    }

    /// Bytes of all.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether all is there.
    pub const fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The blocks that are lacking.
    pub fn lacks(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let lacking = self.hashes.iter().enumerate().filter(|(_, hash)| hash.is_none());
        for block in lacking.map(|(block, _)| block as u64) {
            match spans.last_mut() {
                Some(last) if last.end == block => last.end += 1,
                _ => spans.push(Span::one(block)),
            }
        }
        spans
    }

    /// Takes a block as it travelled: it is checked, then written, then noted.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn put(&mut self, block: u32, content: &[u8]) -> io::Result<Put> {
        let number = u64::from(block);
        let Some((bytes, hash)) = tree::unpack(self.object, self.size, number, content) else {
            return Ok(Put::Wrong);
        };
        if self.hashes[block as usize].is_some() {
            return Ok(Put::Known);
        }
        self.write(number * BLOCK as u64, bytes)?;
        self.have.write_all(&[&block.to_le_bytes()[..], &hash].concat())?;
        self.note(block, hash);
        Ok(Put::Written)
    }

    /// Writes bytes at their place. Zeros where zeros are read already stay what they are, a hole
    /// in most cases: a sparse file is one here, too.
    fn write(&mut self, from: u64, bytes: &[u8]) -> io::Result<()> {
        self.data.seek(SeekFrom::Start(from))?;
        if is_zero(bytes) {
            let mut there = vec![0; bytes.len()];
            self.data.read_exact(&mut there)?;
            if is_zero(&there) {
                return Ok(());
            }
            self.data.seek(SeekFrom::Start(from))?;
        }
        self.data.write_all(bytes)
    }

    /// Gives the complete file its name, or the next free one: `name (2).ext`; where it is, and its
    /// blocks' hashes. What an earlier run claims wrongly of it is found here: then it begins anew.
    ///
    /// # Errors
    /// Where that cannot be done; it stays as it is then.
    pub fn finish(mut self, path: &Path) -> io::Result<(PathBuf, Vec<Hash>)> {
        let hashes: Vec<Hash> = self.hashes.iter().copied().flatten().collect();
        let tree = Tree::new(hashes.clone());
        if tree.root() != self.object {
            self.have.set_len(0)?;
            return Err(io::Error::new(ErrorKind::InvalidData, "what was there before is damaged"));
        }
        self.data.flush()?;
        self.data.sync_all()?;
        let named = place(&self.path, path)?;
        let _ = fs::remove_file(self.path.with_extension("have"));
        Ok((named, hashes))
    }
}

/// Whether all bytes are zeros: by pages, as most that are not show it in the first.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(4_096).all(|page| page.iter().fold(0, |all, byte| all | byte) == 0)
}

/// A file to be read and written, made where there is none. Where something else is in its place,
/// a link above all, it is not followed.
fn open(path: &Path) -> io::Result<File> {
    let fresh = OpenOptions::new().read(true).write(true).create_new(true).open(path);
    match fresh {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(path)?.is_file() {
                return Err(io::Error::other(format!("{} is no file", path.display())));
            }
            OpenOptions::new().read(true).write(true).open(path)
        }
        opened => opened,
    }
}

/// Moves `from` to `to`, or to the next free name beside it; which. Nothing is overwritten: the
/// name is taken by a link, which fails where there is something, or by an empty file.
pub fn place(from: &Path, to: &Path) -> io::Result<PathBuf> {
    for number in 1..=MOST_NAMES {
        let name = numbered(to, number);
        let taken = match fs::hard_link(from, &name) {
            Ok(()) => return fs::remove_file(from).map(|()| name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            // A file system without links.
            Err(_) => OpenOptions::new().write(true).create_new(true).open(&name),
        };
        match taken {
            Ok(_) => return fs::rename(from, &name).map(|()| name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "there are a thousand of that name"))
}

/// Moves the folder `from` to `to`, or to the next free name beside it; which.
pub fn place_folder(from: &Path, to: &Path) -> io::Result<PathBuf> {
    let names = (1..=MOST_NAMES).map(|number| numbered(to, number));
    let free = names.into_iter().find(|name| fs::symlink_metadata(name).is_err());
    let error = || io::Error::new(ErrorKind::AlreadyExists, "there are a thousand of that name");
    let name = free.ok_or_else(error)?;
    fs::rename(from, &name).map(|()| name)
}

/// `name.ext`, `name (2).ext`, and so on.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy()));
    path.with_file_name(format!("{stem} ({number}){}", extension.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::source::{Hashing, Source};

    /// A folder that is gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("mcast-part-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl std::ops::Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn bytes() -> Vec<u8> {
        (0..3 * BLOCK + 77).map(|at| (at / 3) as u8).collect()
    }

    fn source(folder: &Folder) -> Source {
        let mut hashing = Hashing::begin(&folder.file("original", &bytes())).unwrap();
        while hashing.step().unwrap() {}
        hashing.finish()
    }

    fn begin(folder: &Folder, object: ObjectId) -> Part {
        let mut part =
            Part::open(&folder.0.join("copy.bin"), object, bytes().len() as u64).unwrap();
        while part.check().unwrap() {}
        part
    }

    #[test]
    fn blocks_in_any_order_make_the_file_and_never_overwrite_another() {
        let folder = Folder::new("any-order");
        let mut source = source(&folder);
        folder.file("copy.bin", b"mine");
        let mut part = begin(&folder, source.object());
        for block in [3, 0, 2, 1] {
            assert!(!part.is_complete());
            assert_eq!(part.put(block, &source.block(block).unwrap()).unwrap(), Put::Written);
        }
        assert_eq!(part.put(1, &source.block(1).unwrap()).unwrap(), Put::Known);
        let (path, _) = part.finish(&folder.0.join("copy.bin")).unwrap();
        assert_eq!(path, folder.0.join("copy (2).bin"));
        assert_eq!(fs::read(path).unwrap(), bytes());
        assert_eq!(fs::read(folder.0.join("copy.bin")).unwrap(), b"mine");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3, "nothing else is left");
    }

    #[test]
    fn a_block_of_something_else_is_not_written() {
        let folder = Folder::new("wrong");
        let mut source = source(&folder);
        let mut part = begin(&folder, source.object());
        let mut content = source.block(1).unwrap();
        content[100_000] ^= 1;
        assert_eq!(part.put(1, &content).unwrap(), Put::Wrong);
        assert_eq!(part.put(2, &source.block(1).unwrap()).unwrap(), Put::Wrong);
        assert_eq!(part.put(9, &source.block(1).unwrap()).unwrap(), Put::Wrong);
        assert_eq!(part.lacks(), [Span { first: 0, end: 4 }]);
    }

    #[test]
    fn a_later_run_goes_on_with_what_is_sound() {
        let folder = Folder::new("resume");
        let mut source = source(&folder);
        let object = source.object();
        let mut part = begin(&folder, object);
        for block in [0, 1, 3] {
            part.put(block, &source.block(block).unwrap()).unwrap();
        }
        drop(part);
        // A crash lost what was written of block 1.
        let mut data = open(&Part::path_of(&folder.0.join("copy.bin"), object)).unwrap();
        data.seek(SeekFrom::Start(BLOCK as u64 + 5)).unwrap();
        data.write_all(b"garbage").unwrap();
        let mut part = begin(&folder, object);
        assert_eq!(part.lacks(), [Span { first: 1, end: 3 }]);
        for block in [1, 2] {
            part.put(block, &source.block(block).unwrap()).unwrap();
        }
        let (path, _) = part.finish(&folder.0.join("copy.bin")).unwrap();
        assert_eq!(fs::read(path).unwrap(), bytes());
    }

    /// Whatever was at a place before, zeros are there afterwards; and where nothing was, nothing
    /// is written.
    #[cfg(unix)]
    #[test]
    fn zeros_are_a_hole_where_nothing_was_and_overwrite_what_was_there() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = Folder::new("holes");
        let file = [vec![0; 3 * BLOCK], b"end".to_vec()].concat();
        let mut hashing = Hashing::begin(&folder.file("original", &file)).unwrap();
        while hashing.step().unwrap() {}
        let mut source = hashing.finish();
        let path = folder.0.join("copy.bin");
        let mut part = Part::open(&path, source.object(), file.len() as u64).unwrap();
        // A crash left this of a block that nothing is known of.
        part.data.seek(SeekFrom::Start(BLOCK as u64 + 9_000)).unwrap();
        part.data.write_all(b"garbage").unwrap();
        for block in 0..4 {
            assert_eq!(part.put(block, &source.block(block).unwrap()).unwrap(), Put::Written);
        }
        let (path, _) = part.finish(&path).unwrap();
        assert!(fs::read(&path).unwrap() == file);
        let on_disk = fs::metadata(path).unwrap().blocks() * 512;
        assert!(on_disk < 2 * BLOCK as u64, "{on_disk} bytes on disk: one block and the end");
    }

    #[test]
    fn a_file_that_was_changed_since_it_was_shared_is_not_given() {
        let folder = Folder::new("changed");
        let mut source = source(&folder);
        assert!(source.block(0).is_ok());
        let path = folder.0.join("original");
        let later = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
        assert!(source.block(0).is_err());
    }
}
