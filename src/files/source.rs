//! A file that is given: hashed once, step by step, then read block by block.

use super::tree::{self, BLOCK, Hash, Tree};
use crate::wire::ObjectId;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where the bytes are.
#[derive(Debug)]
enum Content {
    /// In a file of this size, last changed then.
    Disk { path: PathBuf, file: Option<File>, changed: Option<SystemTime> },
    /// Here.
    Memory(Vec<u8>),
}

/// An object that this member gives.
#[derive(Debug)]
pub struct Source {
    content: Content,
    size: u64,
    tree: Tree,
}

impl Source {
    /// Bytes that are kept in memory.
    pub fn in_memory(bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let hashes = bytes.chunks(BLOCK).enumerate();
        let hashes = hashes.map(|(block, bytes)| tree::hash_block(size, block as u64, bytes));
        Self { tree: Tree::new(hashes.collect()), size, content: Content::Memory(bytes) }
    }

    /// A file whose blocks' hashes are known.
    ///
    /// # Errors
    /// Where it cannot be looked at.
    pub fn known(path: &Path, hashes: Vec<Hash>) -> io::Result<Self> {
        let about = path.metadata()?;
        Ok(Self::on_disk(path, &about, Tree::new(hashes)))
    }

    fn on_disk(path: &Path, about: &Metadata, tree: Tree) -> Self {
        let (path, changed) = (path.to_owned(), about.modified().ok());
        Self { content: Content::Disk { path, file: None, changed }, size: about.len(), tree }
    }

    /// What it is named by.
    pub fn object(&self) -> ObjectId {
        self.tree.root()
    }

    /// Its bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many blocks it has.
    pub fn blocks(&self) -> u32 {
        u32::try_from(tree::blocks(self.size)).unwrap_or(u32::MAX)
    }

    /// A block as it travels.
    ///
    /// # Errors
    /// Where it cannot be read, or the file was changed since it was hashed.
    pub fn block(&mut self, block: u32) -> io::Result<Vec<u8>> {
        let block = u64::from(block);
        let mut bytes = vec![0; tree::length(self.size, block)];
        let from = block * BLOCK as u64;
        match &mut self.content {
            Content::Memory(all) => {
                let end = from as usize + bytes.len();
                bytes.copy_from_slice(&all[from as usize..end]);
            }
            Content::Disk { path, file, changed } => {
                let open = match file {
                    Some(open) => open,
                    none => none.insert(File::open(path)?),
                };
                if open.metadata()?.modified().ok() != *changed {
                    return Err(io::Error::other("it was changed since it was shared"));
                }
                open.seek(SeekFrom::Start(from))?;
                open.read_exact(&mut bytes)?;
            }
        }
        Ok(tree::pack(&self.tree.proof(block), &bytes))
    }

    /// Lets go of what is open: many files may be given.
    pub fn close(&mut self) {
        if let Content::Disk { file, .. } = &mut self.content {
            *file = None;
        }
    }
}

/// A file that is being hashed.
#[derive(Debug)]
pub struct Hashing {
    path: PathBuf,
    file: File,
    about: Metadata,
    hashes: Vec<Hash>,
}

impl Hashing {
    /// Begins with a file.
    ///
    /// # Errors
    /// Where it cannot be opened, or is no file.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        Ok(Self { path: path.to_owned(), file, about, hashes: Vec::new() })
    }

    /// Goes on with one block; whether there are more.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn step(&mut self) -> io::Result<bool> {
        let (size, block) = (self.about.len(), self.hashes.len() as u64);
        if block < tree::blocks(size) {
            let mut bytes = vec![0; tree::length(size, block)];
            self.file.read_exact(&mut bytes)?;
            self.hashes.push(tree::hash_block(size, block, &bytes));
        }
        Ok((self.hashes.len() as u64) < tree::blocks(size))
    }

    /// The hashes so far.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The file, once all of it is hashed.
    pub fn finish(self) -> Source {
        Source::on_disk(&self.path, &self.about, Tree::new(self.hashes))
    }
}
