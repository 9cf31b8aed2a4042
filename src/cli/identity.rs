//! Who this member is, across its restarts: an id kept in a file of its own.
//!
//! `$XDG_DATA_HOME/mcast-chat/members/NAME-SLOT` holds a random seed of 32 bytes as hexadecimal
//! digits, from which the member's keys and its id come, and is locked while the program runs. The
//! first slot of a name that nobody holds is taken: two
//! terminals of one user are two members, and whoever starts again is the member it was.

use crate::chat::Keys;
use crate::wire::MemberId;
use core::fmt::Write as _;
use etcetera::BaseStrategy as _;
use rand::{TryRng as _, rngs::SysRng};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How many members of one name can run at once on one account.
const SLOTS: u32 = 64;

/// What a member's keys come from.
type Seed = Zeroizing<[u8; 32]>;

/// A member's id and keys, held as long as this lives.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) member: MemberId,
    seed: Seed,
    /// Random bytes of this run.
    entropy: Seed,
    /// What this member's files are called; none where there can be none.
    pub(super) slot: Option<String>,
    /// Why the id will not be found again, if it will not.
    pub(super) not_kept: Option<String>,
    /// Locked.
    _file: Option<File>,
}

impl Identity {
    /// The id of the member called `name`; a new one that is not kept where no file can be.
    pub(super) fn take(name: &str) -> io::Result<Self> {
        match folder().and_then(|folder| take_slot(&folder, name)) {
            Ok(Slot { seed, name, file }) => Self::of(seed, Some(name), None, Some(file)),
            Err(error) => {
                let place = data().map(|data| data.display().to_string()).unwrap_or_default();
                let why = format!(
                    "nothing can be kept in {place}: {error}; each start is another member, with \
                     another key"
                );
                Self::of(random()?, None, Some(why), None)
            }
        }
    }

    fn of(
        seed: Seed,
        slot: Option<String>,
        not_kept: Option<String>,
        file: Option<File>,
    ) -> io::Result<Self> {
        let entropy = random()?;
        let member = Keys::new(&seed, &entropy).member();
        Ok(Self { member, seed, entropy, slot, not_kept, _file: file })
    }

    /// The keys of this run.
    pub(super) fn keys(&self) -> Keys {
        Keys::new(&self.seed, &self.entropy)
    }
}

/// Where the program keeps what outlives it.
pub(super) fn data() -> io::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().map_err(io::Error::other)?;
    Ok(base.data_dir().join("mcast-chat"))
}

/// The name of a member that `slot` is of, as it stands in file names.
pub(super) fn name_of_slot(slot: &str) -> Option<&str> {
    let (name, number) = slot.rsplit_once('-')?;
    number.parse::<u32>().is_ok_and(|number| number < SLOTS).then_some(name)
}

/// The keys of the member whose slot that is, to read what was sealed to it: none where it has
/// none.
pub(super) fn keys_of(slot: &str) -> Option<Keys> {
    let file = File::open(data().ok()?.join("members").join(slot)).ok()?;
    let mut text = Zeroizing::new(String::new());
    file.take(128).read_to_string(&mut text).ok()?;
    let seed = parse(text.trim())?;
    Some(Keys::new(&seed, &seed))
}

/// A slot that was taken.
struct Slot {
    seed: Seed,
    name: String,
    file: File,
}

fn folder() -> io::Result<PathBuf> {
    let folder = data()?.join("members");
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    Ok(folder)
}

fn take_slot(folder: &Path, name: &str) -> io::Result<Slot> {
    for slot in 0..SLOTS {
        let slot = format!("{}-{slot}", file_name(name));
        let file = open(&folder.join(&slot))?;
        match file.try_lock() {
            Ok(()) => return Ok(Slot { seed: read_or_draw(&file)?, name: slot, file }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{SLOTS} members called {name} run already")))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The seed in the file; a file without one (new, cut off by a crash, or of a version whose ids
/// were no keys') is given one, and the member is another from then on.
fn read_or_draw(mut file: &File) -> io::Result<Seed> {
    let mut text = Zeroizing::new(String::new());
    // Longer than a seed would ever be: a damaged file does not fill the memory.
    let read = file.take(128).read_to_string(&mut text);
    if let Some(seed) = read.ok().and_then(|_| parse(text.trim())) {
        return Ok(seed);
    }
    let seed = random()?;
    file.set_len(0)?;
    file.rewind()?;
    let digits = seed.iter().fold(Zeroizing::new(String::new()), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    writeln!(file, "{}", *digits)?;
    Ok(seed)
}

fn parse(text: &str) -> Option<Seed> {
    let is_seed = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (high, low) = text.split_at_checked(32).filter(|_| is_seed)?;
    let mut seed = Zeroizing::new([0; 32]);
    let half = |digits| u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes);
    seed[..16].copy_from_slice(&half(high)?);
    seed[16..].copy_from_slice(&half(low)?);
    Some(seed)
}

/// Bytes that nobody can guess.
#[cfg(feature = "web")]
pub(super) fn random_bytes() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn random() -> io::Result<Seed> {
    let mut bytes = Zeroizing::new([0; 32]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// `name` as the name of a file: letters, digits and `_` stay, the rest is
/// written as `%` and digits.
pub(super) fn file_name(name: &str) -> String {
    let mut file = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => file.push(char::from(byte)),
            _ => {
                let _ = write!(file, "%{byte:02x}");
            }
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed when the story ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(story: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{story}.{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a temporary folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn two_at_once_are_two_members_and_a_restart_is_the_same() {
        let folder = Folder::new("identity-slots");
        let take = || take_slot(&folder.0, "ana").expect("a slot is free");
        let (first, second) = (take(), take());
        assert_ne!(*first.seed, *second.seed);
        let (seed, name) = (first.seed, first.name);
        drop(first.file);
        let again = take();
        assert_eq!((&again.seed, &again.name), (&seed, &name));
        assert_ne!(take_slot(&folder.0, "bo").expect("a slot is free").seed, seed);
        assert_eq!((name.as_str(), name_of_slot(&name)), ("ana-0", Some("ana")));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("identity-mode");
        let _held = take_slot(&folder.0, "ana").expect("a slot is free");
        let mode = std::fs::metadata(folder.0.join("ana-0")).expect("is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_written_anew() {
        let folder = Folder::new("identity-damage");
        for damage in [
            "",
            "12",
            "x".repeat(500).as_str(),
            "1".repeat(32).as_str(),
            &("+".to_owned() + &"1".repeat(63)),
        ] {
            std::fs::write(folder.0.join("ana-0"), damage).expect("can be written");
            let drawn = take_slot(&folder.0, "ana").expect("a slot is free");
            drop(drawn.file);
            assert_eq!(take_slot(&folder.0, "ana").expect("a slot is free").seed, drawn.seed);
        }
    }

    #[test]
    fn a_seed_is_read_as_it_was_written() {
        let digits = "0123456789abcdef".repeat(4);
        let seed = parse(&digits).expect("64 digits");
        assert_eq!((seed[0], seed[15], seed[16], seed[31]), (0x01, 0xef, 0x01, 0xef));
        assert_eq!(parse(&digits[..32]), None, "an id of a version before keys");
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        assert_eq!(file_name("../../x"), "%2e%2e%2f%2e%2e%2fx");
        assert_eq!(file_name("żółw_1"), "%c5%bc%c3%b3%c5%82w_1");
    }
}
