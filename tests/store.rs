//! Histories on disk, as stories: what is written is what is read, whatever ends the writer, the
//! disk does, or is done to the file.
#![cfg(feature = "store")]

#[path = "support/netns.rs"]
mod netns;

use mcast_chat::chat::{
    Content, Delivery, Envelope, MemberId, More, Service, Session, date, message_id,
    read_message_id,
};
use mcast_chat::runtime::clock::Clock;
use mcast_chat::store::{Fault, Kept, News, Place, Reader, Settings, Store};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

const ME: MemberId = MemberId([1; 16]);
const BO: MemberId = MemberId([2; 16]);
const BO_SESSION: Session = Session([0xb0; 16]);
/// The longest that anything of these stories is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

// ---- what the stories are told with -------------------------------------------

/// A folder with a history in it, removed when the story ends.
struct Folder(PathBuf);

impl Folder {
    fn new(story: &str) -> Self {
        let path = std::env::temp_dir().join(format!("store-{story}.{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("history").join("ana-0.db")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("history")).expect("is there");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("plain");
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("readable"))).collect();
        names.sort();
        names
    }

    fn asides(&self) -> usize {
        let beside = |name: &str| name.ends_with("-wal") || name.ends_with("-shm");
        let names = self.names();
        names.iter().filter(|name| name.contains(".corrupt-") && !beside(name)).count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// 2026-11-20T09:14:03Z and so many milliseconds.
fn at(millis: u64) -> SystemTime {
    date::from_millis(1_795_166_043_000 + millis)
}

fn settings(path: &Path) -> Settings {
    let retry = Duration::from_millis(50);
    Settings { retry, ..Settings::new(path.to_owned(), ME, "239.1.1.1:23911", at(0)) }
}

fn open(path: &Path) -> Store {
    open_with(settings(path))
}

fn open_with(settings: Settings) -> Store {
    let store = Store::open(settings).expect("a thread");
    assert!(store.wait_open(PATIENCE), "the file is not opened");
    store
}

/// Message `number` of bo, of which the text says which it is.
fn message(number: u64) -> Delivery {
    let length = number as usize * 7 % 90;
    said(BO, BO_SESSION, number, None, &format!("message {number} {}", "x".repeat(length)))
}

fn said(
    from: MemberId,
    session: Session,
    number: u64,
    to: Option<MemberId>,
    text: &str,
) -> Delivery {
    let said_at = date::millis(at(number));
    let (content, name, room) = (Content::Text, "bo", "general");
    let body = Envelope { content, to, said_at, name, room, text, more: More::default() }.encode();
    let service = Service::Agreed;
    Delivery { from, session, number, service, order: None, history: false, body }
}

/// Puts those messages in, with a wait where there is no room.
fn push(store: &Store, numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        until("there is room", || store.push(at(number), message(number)).is_some());
    }
}

/// Waits until the condition holds, bounded.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 2 {
        if holds() {
            return;
        }
        // sleep: between two looks at the condition
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("waited in vain: {what}");
}

#[track_caller]
fn close(mut store: Store) {
    let unsaved = store.close(PATIENCE);
    assert_eq!((unsaved.messages, unsaved.ended), (0, true));
}

fn all(reader: &Reader) -> Vec<Kept> {
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(after) = next {
        let page = reader.page(after).expect("readable");
        all.extend(page.kept);
        next = page.next;
    }
    all
}

fn kept(path: &Path) -> Vec<Kept> {
    all(&Reader::open(path).expect("a history"))
}

fn numbers(kept: &[Kept]) -> Vec<u64> {
    kept.iter().map(|kept| kept.delivery.number).collect()
}

fn text(kept: &Kept) -> &str {
    Envelope::decode(&kept.delivery.body).expect("an envelope").text
}

/// How often, and with which seed: from the environment, for long runs.
fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn random(seed: u64) -> Xoshiro256PlusPlus {
    let seed = from_environment("MCAST_CHAT_SEED", seed);
    println!("seed {seed}");
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

// ---- what is kept ---------------------------------------------------------------

#[test]
fn what_was_delivered_is_read_back_as_it_was_and_in_its_order() {
    let folder = Folder::new("as-it-was");
    let store = open(&folder.file());
    let act = Envelope {
        content: Content::Act,
        more: More::default(),
        to: None,
        said_at: u64::MAX,
        name: "an\x1ba",
        room: "r",
        text: "waves\0",
    };
    // The text's length spelled in three bytes instead of one: nobody does, and anybody may.
    let mut odd = message(1).body;
    let at_length = odd.len() - "message 1 ".len() - 7 - 1;
    odd.splice(at_length..=at_length, [251, 17, 0]);
    assert!(Envelope::decode(&odd).is_ok());
    let deliveries = [
        message(2),
        Delivery { body: odd, ..message(1) },
        Delivery { body: act.encode(), history: true, service: Service::Safe, ..message(7) },
        Delivery { body: b"\x07of a later version".to_vec(), ..message(8) },
        Delivery { body: Vec::new(), ..message(9) },
        said(BO, BO_SESSION, 10, Some(ME), "psst"),
        said(ME, Session([9; 16]), 1, Some(BO), "psst yourself"),
    ];
    for (index, delivery) in deliveries.iter().enumerate() {
        assert_eq!(store.push(at(index as u64), delivery.clone()), Some(index as u64 + 1));
    }
    close(store);
    let kept = kept(&folder.file());
    let read: Vec<Delivery> = kept.iter().map(|kept| kept.delivery.clone()).collect();
    assert_eq!(read, deliveries);
    assert_eq!(
        kept.iter().map(|kept| kept.at).collect::<Vec<_>>(),
        (0..7).map(at).collect::<Vec<_>>()
    );
    assert!(kept.windows(2).all(|pair| pair[0].place < pair[1].place));
}

#[test]
fn nothing_is_kept_twice_and_the_first_stays_where_it_was() {
    let folder = Folder::new("twice");
    for _ in 0..2 {
        let store = open(&folder.file());
        push(&store, [1, 2, 2, 3, 1].into_iter());
        close(store);
    }
    assert_eq!(numbers(&kept(&folder.file())), [1, 2, 3]);
}

#[test]
fn of_what_is_private_to_others_only_that_it_was_delivered_is_kept() {
    let folder = Folder::new("private");
    let store = open(&folder.file());
    let cy = MemberId([3; 16]);
    push(&store, 1..=1);
    let secret = "the combination is 1234";
    store.push(at(2), said(BO, BO_SESSION, 2, Some(cy), secret)).expect("has room");
    push(&store, 3..=3);
    until("it is saved", || store.saved() == 3);
    for name in folder.names() {
        let bytes = fs::read(folder.0.join("history").join(&name)).expect("readable");
        let found = bytes.windows(11).any(|part| part == b"combination");
        assert!(!found, "{name} has it");
    }
    close(store);
    let reader = Reader::open(&folder.file()).expect("a history");
    assert_eq!(numbers(&all(&reader)), [1, 3]);
    assert_eq!(reader.holds(BO_SESSION, 2), Ok(true), "it is not lost");
    assert_eq!(reader.search("combination", 9).expect("readable").kept, []);
}

#[test]
fn what_was_never_delivered_is_told_from_what_was() {
    let folder = Folder::new("lacking");
    let store = open(&folder.file());
    push(&store, [3, 4, 7].into_iter());
    close(store);
    let reader = Reader::open(&folder.file()).expect("a history");
    assert_eq!(reader.lacking(BO_SESSION, 1, 9), Ok(vec![(1, 2), (5, 6), (8, 9)]));
    assert_eq!(reader.lacking(BO_SESSION, 3, 4), Ok(vec![]));
    assert_eq!(reader.lacking(Session([5; 16]), 2, 2), Ok(vec![(2, 2)]));
    assert_eq!(reader.holds(BO_SESSION, 4), Ok(true));
    assert_eq!(reader.holds(BO_SESSION, 5), Ok(false));
    let id = read_message_id(&message_id(BO_SESSION, 4)).expect("an id");
    let last = read_message_id(&message_id(BO_SESSION, 7)).expect("an id");
    let place = |(tag, number)| reader.place_of(tag, number).expect("readable");
    assert!(matches!((place(id), place(last)), (Place::At(a), Place::At(b)) if a < b));
    assert_eq!(Place::At(reader.end().expect("readable")), place(last));
    assert_eq!(place((BO_SESSION.tag(), 5)), Place::Unknown);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let store = open(&folder.file());
    push(&store, 1..=3);
    until("it is saved", || store.saved() == 3);
    let mode = |path: &Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    let inside = folder.0.join("history");
    assert_eq!(mode(&inside), 0o700);
    assert_eq!(folder.names(), ["ana-0.db", "ana-0.db-shm", "ana-0.db-wal"]);
    for name in folder.names() {
        assert_eq!(mode(&inside.join(&name)), 0o600, "{name}");
    }
    close(store);
    assert_eq!(folder.names(), ["ana-0.db"], "nothing is left beside it");
}

#[test]
fn words_are_found_in_the_newest_without_case_and_accents() {
    let folder = Folder::new("search");
    let store = open(&folder.file());
    let texts = [
        "The switch floods multicast",
        "the disk is FULL",
        "ein Übermaß an Schaltern",
        "is the multicast switch full?",
        "a \"quoted\" OR tricky* -text",
    ];
    for (index, text) in texts.iter().enumerate() {
        let number = index as u64 + 1;
        store.push(at(number), said(BO, BO_SESSION, number, None, text)).expect("has room");
    }
    close(store);
    let reader = Reader::open(&folder.file()).expect("a history");
    let found = |words: &str, most| numbers(&reader.search(words, most).expect("readable").kept);
    assert_eq!(found("switch multicast", 9), [1, 4]);
    assert_eq!(found("multicast", 1), [4], "the newest first, where not all are asked for");
    assert_eq!(found("ubermaß", 9), [3]);
    assert_eq!(found("mult* FULL", 9), [4]);
    assert_eq!(found("mult", 9), [0; 0]);
    assert_eq!(found("\"quoted\" or tricky", 9), [5]);
    for hostile in ["", " ", "*", "\"", "NEAR(", "a AND", "text:", "^", "(", "-", "\0", "a\0b"] {
        let found = reader.search(hostile, 9);
        assert!(!matches!(found, Err(Fault::Damaged(_))), "{hostile:?}: {found:?}");
    }
}

#[test]
fn two_readers_see_a_prefix_while_it_is_written() {
    let folder = Folder::new("readers");
    let store = open(&folder.file());
    push(&store, 1..=100);
    until("it is saved", || store.saved() == 100);
    let file = folder.file();
    let look = |_| {
        let file = file.clone();
        std::thread::spawn(move || {
            let reader = Reader::open(&file).expect("a history");
            let mut seen = 0;
            while seen < 5_000 {
                let now = numbers(&all(&reader));
                assert!(now.len() >= seen, "{} after {seen}", now.len());
                assert!(now.iter().copied().eq(1..=now.len() as u64));
                seen = now.len();
            }
        })
    };
    let readers: Vec<_> = (0..2).map(look).collect();
    push(&store, 101..=5_000);
    for reader in readers {
        reader.join().expect("both see all of it in the end");
    }
    close(store);
}

#[test]
fn the_newest_are_given_up_to_so_many_bytes_in_their_order() {
    let folder = Folder::new("newest");
    let store = open(&folder.file());
    push(&store, 1..=2_000);
    close(store);
    let reader = Reader::open(&folder.file()).expect("a history");
    let newest = reader.newest(100_000).expect("readable").kept;
    let bytes: usize = newest.iter().map(|kept| kept.delivery.body.len() + 64).sum();
    assert!((99_000..=100_000).contains(&bytes), "{bytes}");
    let first = 2_001 - newest.len() as u64;
    assert!(numbers(&newest).into_iter().eq(first..=2_000));
    assert_eq!(reader.newest(usize::MAX).expect("readable").kept.len(), 2_000);
    let back = reader.page_back(i64::MAX).expect("readable").kept;
    assert_eq!(back[0].delivery.number, 2_000);
}

// ---- the quota --------------------------------------------------------------------

#[test]
fn what_is_too_much_goes_the_oldest_first_and_is_not_taken_for_lost() {
    let folder = Folder::new("quota");
    let store = open_with(Settings { max_bytes: 1 << 20, ..settings(&folder.file()) });
    push(&store, 1..=20_000);
    until("it is saved", || store.saved() == 20_000);
    close(store);
    let size = fs::metadata(folder.file()).expect("is there").len();
    assert!(size < 3 << 19, "{size} bytes");
    let reader = Reader::open(&folder.file()).expect("a history");
    let left = numbers(&all(&reader));
    let first = left[0];
    assert!(left.len() > 1_000 && left.iter().copied().eq(first..=20_000), "from {first}");
    assert_eq!(reader.holds(BO_SESSION, 1), Ok(true));
    assert_eq!(reader.lacking(BO_SESSION, 1, 20_001), Ok(vec![(20_001, 20_001)]));
    assert_eq!(reader.place_of(BO_SESSION.tag(), 5), Ok(Place::Pruned));
    let found = reader.search("message", usize::MAX >> 1).expect("readable").kept;
    assert_eq!(found.len(), left.len(), "what is gone is found by no word");
}

#[test]
fn what_is_too_old_goes_when_the_next_comes_or_at_the_next_start() {
    let folder = Folder::new("age");
    let day = Duration::from_secs(24 * 60 * 60);
    let aging = Settings { max_age: 2 * day, ..settings(&folder.file()) };
    let store = open_with(aging.clone());
    for number in 1..=1_000 {
        let at = at(0) + day * (number as u32 - 1) / 500;
        store.push(at, message(number)).expect("has room");
    }
    store.push(at(0) + day * 3, message(1_001)).expect("has room");
    until("it is pruned", || numbers(&kept(&folder.file())).into_iter().eq(501..=1_001));
    close(store);
    let store = open_with(Settings { now: at(0) + day * 300, ..aging });
    until("it is pruned", || kept(&folder.file()).len() == 1);
    close(store);
    assert_eq!(numbers(&kept(&folder.file())), [1_001], "the newest keeps the place");
}

// ---- the writer is killed -----------------------------------------------------------

/// Set in the process that writes until it is killed: the file.
const VICTIM: &str = "MCAST_CHAT_TEST_VICTIM";

/// Writes and tells of it until it is killed.
fn write_until_killed(path: &str) {
    let path = Path::new(path);
    let store = open(path);
    let (clock, mut random) = (Clock::new(), random(u64::from(std::process::id())));
    let first = Reader::open(path).ok().map_or(0, |reader| all(&reader).len() as u64) + 1;
    let mut out = std::io::stdout().lock();
    // Accepted records are numbered from 1 in each run.
    let mut tell = |store: &Store, delivered: u64| {
        let saved = first - 1 + store.saved();
        let millis = clock.now().since(mcast_chat::time::Instant::ZERO).as_millis();
        writeln!(out, "story {delivered} {saved} {millis}").expect("the pipe is read");
        for news in store.news() {
            writeln!(out, "story news {news:?}").expect("the pipe is read");
        }
        out.flush().expect("the pipe is read");
    };
    tell(&store, first - 1);
    for number in first.. {
        store.push(at(number), message(number)).expect("has room");
        tell(&store, number);
        if random.random_range(0..20) == 0 {
            // sleep: messages come when somebody speaks
            std::thread::sleep(Duration::from_millis(random.random_range(0..30)));
        }
    }
}

/// What a killed writer told last: delivered and saved up to, and when each was delivered.
struct Told {
    delivered: u64,
    saved: u64,
    millis: Vec<(u64, u64)>,
}

fn start_victim(story: &str, file: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args([story, "--exact", "--nocapture", "--test-threads=1"])
        .env(VICTIM, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

fn kill_after(mut child: Child, wait: Duration) -> Told {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut told = Told { delivered: 0, saved: 0, millis: Vec::new() };
    let take = |line: &str, told: &mut Told| {
        assert!(!line.contains("story news"), "{line}");
        let Some((_, story)) = line.split_once("story ") else { return false };
        let words: Vec<u64> = story.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [delivered, saved, millis] = words[..] else { return false };
        (told.delivered, told.saved) = (delivered, saved);
        told.millis.push((delivered, millis));
        true
    };
    let begun = lines.by_ref().any(|line| take(&line.expect("text"), &mut told));
    assert!(begun, "the writer begins");
    let killer = std::thread::spawn(move || {
        // sleep: the moment of the kill is what the story is about
        std::thread::sleep(wait);
        child.kill().expect("can be killed");
        child.wait().expect("ends");
    });
    // The last line may be cut off.
    lines.map_while(Result::ok).for_each(|line| {
        take(&line, &mut told);
    });
    killer.join().expect("has killed");
    told
}

#[test]
fn whenever_the_writer_is_killed_a_prefix_of_what_was_delivered_is_there() {
    const STORY: &str = "whenever_the_writer_is_killed_a_prefix_of_what_was_delivered_is_there";
    if let Ok(file) = std::env::var(VICTIM) {
        return write_until_killed(&file);
    }
    let kills = from_environment("MCAST_CHAT_KILLS", 30);
    let mut random = random(20_261_121);
    let mut folder = Folder::new("killed-0");
    let (mut tail, mut longest, mut total) = (0, 0, 0);
    for kill in 1..=kills {
        if kill % 50 == 0 {
            folder = Folder::new(&format!("killed-{kill}"));
        }
        let child = start_victim(STORY, &folder.file());
        let told = kill_after(child, Duration::from_micros(random.random_range(0..300_000)));
        let kept = kept(&folder.file());
        let count = kept.len() as u64;
        assert!(numbers(&kept).into_iter().eq(1..=count), "kill {kill}: not a prefix");
        assert!(kept.iter().all(|kept| kept.delivery == message(kept.delivery.number)));
        assert!(told.saved <= count, "kill {kill}: {count} of {} saved", told.saved);
        // What was pushed may be in the file before it is told.
        assert!(count <= told.delivered + 1, "kill {kill}: {count} of {}", told.delivered);
        let end = told.millis.last().map_or(0, |last| last.1);
        let oldest = told.millis.iter().find(|(number, _)| *number > count);
        tail = tail.max(told.delivered.saturating_sub(count));
        longest = longest.max(oldest.map_or(0, |oldest| end - oldest.1));
        total += 1;
    }
    assert_eq!(folder.asides(), 0);
    close(open(&folder.file()));
    println!("{total} kills: at most {tail} messages, of the last {longest} ms, were not saved");
    assert!(longest < 5_000, "{longest} ms were not saved");
}

// ---- the disk ---------------------------------------------------------------------------

/// A small disk of its own below the folder; only in a mount namespace.
fn small_disk(folder: &Folder) -> PathBuf {
    let disk = folder.0.join("history");
    fs::create_dir_all(&disk).expect("a folder");
    netns::sh(&format!("mount -t tmpfs -o size=1m tmpfs '{}'", disk.display()));
    disk
}

fn unmount(disk: &Path) {
    netns::sh(&format!("umount '{}'", disk.display()));
}

#[test]
fn on_a_full_disk_the_chat_goes_on_and_is_saved_again_when_there_is_room() {
    netns::inside("on_a_full_disk_the_chat_goes_on_and_is_saved_again_when_there_is_room", || {
        let folder = Folder::new("full");
        let disk = small_disk(&folder);
        fs::write(disk.join("ballast"), vec![1; 800 << 10]).expect("has room");
        let store = open(&folder.file());
        let mut number = 0;
        let mut news = Vec::new();
        until("it is told", || {
            push(&store, number + 1..=number + 20);
            number += 20;
            news.extend(store.news());
            !news.is_empty()
        });
        assert!(matches!(&news[..], [News::NotSaved(why)] if why.contains("disk")), "{news:?}");
        // It is told once, however long it lasts.
        push(&store, number + 1..=number + 500);
        number += 500;
        assert_eq!(store.news(), []);
        assert!(store.saved() < number);
        fs::remove_file(disk.join("ballast")).expect("is there");
        until("it is told", || {
            news.extend(store.news());
            news.len() > 1
        });
        assert_eq!(news[1..], [News::SavedAgain { lost: 0 }]);
        close(store);
        assert!(numbers(&kept(&folder.file())).into_iter().eq(1..=number));
        unmount(&disk);
    });
}

#[test]
fn while_nothing_can_be_saved_what_waits_is_bounded_and_the_rest_is_counted() {
    netns::inside(
        "while_nothing_can_be_saved_what_waits_is_bounded_and_the_rest_is_counted",
        || {
            let folder = Folder::new("bounded");
            let disk = small_disk(&folder);
            let ballast = fs::write(disk.join("ballast"), vec![1; 2 << 20]);
            assert!(ballast.is_err(), "the disk is full");
            let mut store = open(&folder.file());
            let long = "x".repeat(1 << 19);
            let accepted = (1..=100_u64)
                .filter(|&n| store.push(at(n), said(BO, BO_SESSION, n, None, &long)).is_some());
            let accepted = accepted.count() as u64;
            assert_eq!(accepted, 31, "16 MiB of half a mebibyte and a little more each");
            assert!(matches!(&store.news()[..], [News::NotSaved(_)]));
            let unsaved = store.close(PATIENCE);
            assert_eq!((unsaved.messages, unsaved.ended), (100, true));
            unmount(&disk);
        },
    );
}

#[test]
fn on_a_read_only_disk_it_says_so_and_what_is_there_can_be_read() {
    netns::inside("on_a_read_only_disk_it_says_so_and_what_is_there_can_be_read", || {
        let folder = Folder::new("read-only");
        let disk = small_disk(&folder);
        let store = open(&folder.file());
        push(&store, 1..=50);
        close(store);
        netns::sh(&format!("mount -o remount,ro '{}'", disk.display()));
        let store = open(&folder.file());
        push(&store, 51..=60);
        let mut news = Vec::new();
        until("it is told", || {
            news.extend(store.news());
            !news.is_empty()
        });
        assert!(
            matches!(&news[..], [News::NotSaved(why)] if why.contains("Read-only")),
            "{news:?}"
        );
        assert!(numbers(&kept(&folder.file())).into_iter().eq(1..=50));
        netns::sh(&format!("mount -o remount,rw '{}'", disk.display()));
        until("it is saved", || store.saved() == 10);
        close(store);
        assert!(numbers(&kept(&folder.file())).into_iter().eq(1..=60));
        unmount(&disk);
    });
}

#[test]
fn a_disk_that_refuses_is_told_and_does_not_hold_up_the_end() {
    const STORY: &str = "a_disk_that_refuses_is_told_and_does_not_hold_up_the_end";
    if let Ok(file) = std::env::var(VICTIM) {
        let mut store = open(Path::new(&file));
        let mut news = Vec::new();
        let mut number = 0;
        until("it is told", || {
            number += 1;
            store.push(at(number), message(number));
            news.extend(store.news());
            !news.is_empty()
        });
        assert!(matches!(&news[..], [News::NotSaved(why)] if why.contains("refused")), "{news:?}");
        push(&store, number + 1..=number + 2_000);
        let unsaved = store.close(PATIENCE);
        assert!(unsaved.ended);
        println!("{} of {} are not saved", unsaved.messages, number + 2_000);
        assert_eq!(kept(Path::new(&file)).len() as u64, number + 2_000 - unsaved.messages);
        return;
    }
    let folder = Folder::new("refuses");
    // Writing beyond the limit fails with EFBIG, which no rule of SQLite knows.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this program"))
        .args([STORY, "--exact", "--nocapture"])
        .env(VICTIM, folder.file())
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let left = numbers(&kept(&folder.file()));
    assert!(left.iter().copied().eq(1..=left.len() as u64));
}

// ---- the file -----------------------------------------------------------------------------

#[test]
fn what_is_no_history_is_set_aside_and_never_deleted() {
    let folder = Folder::new("no-history");
    close(open(&folder.file()));
    for (round, bytes) in [&b"a diary, not a database"[..], &[0xa5; 9_000]].iter().enumerate() {
        fs::write(folder.file(), bytes).expect("can be written");
        let store = open(&folder.file());
        let news = store.news();
        let [News::SetAside { path, .. }] = &news[..] else { panic!("{news:?}") };
        assert_eq!(&fs::read(path).expect("is there"), bytes);
        push(&store, 1..=5);
        close(store);
        assert_eq!(numbers(&kept(&folder.file())), [1, 2, 3, 4, 5]);
        assert_eq!(folder.asides(), round + 1);
    }
}

#[test]
fn the_history_of_a_later_version_is_left_alone() {
    let folder = Folder::new("later");
    let store = open(&folder.file());
    push(&store, 1..=5);
    close(store);
    let later = rusqlite::Connection::open(folder.file()).expect("a database");
    later.pragma_update(None, "user_version", 2).expect("can be written");
    later.close().expect("can be closed");
    let before = fs::read(folder.file()).expect("is there");
    let mut store = open(&folder.file());
    assert!(matches!(&store.news()[..], [News::NotSaved(why)] if why.contains("later version")));
    assert_eq!(store.push(at(6), message(6)), None);
    assert_eq!(store.close(PATIENCE).messages, 1);
    assert_eq!(fs::read(folder.file()).expect("is there"), before);
    assert_eq!(Reader::open(&folder.file()).err(), Some(Fault::Newer(2)));
}

/// What cannot be read, if anything. What is read is what was written, whatever else is said.
fn read_all(file: &Path) -> Result<(), Fault> {
    let reader = Reader::open(file)?;
    let mut next = Some(0);
    while let Some(after) = next {
        let page = reader.page(after)?;
        page.kept.iter().for_each(check_kept);
        assert!(page.next.is_none_or(|next| next > after));
        next = page.next;
    }
    reader.newest(1 << 20)?.kept.iter().for_each(check_kept);
    for word in ["message", "xxx*", "7"] {
        reader.search(word, 50)?.kept.iter().for_each(check_kept);
    }
    reader.holds(BO_SESSION, 7)?;
    reader.lacking(BO_SESSION, 1, 400).map(drop)
}

fn check_kept(kept: &Kept) {
    assert_eq!(kept.delivery, message(kept.delivery.number));
}

fn flip(file: &Path, random: &mut Xoshiro256PlusPlus) {
    let mut bytes = fs::read(file).expect("is there");
    let places = random.random_range(1..=3);
    for _ in 0..places {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
    }
    fs::write(file, bytes).expect("can be written");
}

#[test]
fn flipped_bits_cost_what_they_hit_and_never_say_what_nobody_said() {
    let flips = from_environment("MCAST_CHAT_FLIPS", 120);
    let mut random = random(20_261_122);
    let original = Folder::new("flips");
    let store = open(&original.file());
    push(&store, 1..=300);
    until("it is saved", || store.saved() == 300);
    // As a crash leaves it: most is in the WAL.
    let crashed = Folder::new("flips-wal");
    copy(&original, &crashed);
    close(store);
    let (mut asides, mut whole, mut mended_by_hand) = (0, 0, 0);
    for round in 0..flips {
        let folder = Folder::new(&format!("flip-{round}"));
        let from = if round % 3 == 0 { &crashed } else { &original };
        copy(from, &folder);
        let wal = folder.0.join("history").join("ana-0.db-wal");
        let hit = if wal.exists() && round % 2 == 0 { wal } else { folder.file() };
        flip(&hit, &mut random);
        let _ = read_all(&folder.file());
        let mut store = open(&folder.file());
        push(&store, 301..=330);
        until(&format!("round {round}: it is saved"), || store.saved() == 30);
        if let Err(fault) = read_all(&folder.file()) {
            // As whoever reads does.
            store.suspect();
            let mended = || read_all(&folder.file()).is_ok();
            until(&format!("round {round}: {fault} is mended"), mended);
            mended_by_hand += 1;
            push(&store, 331..=360);
        }
        assert_eq!(store.close(PATIENCE).messages, 0);
        assert_eq!(read_all(&folder.file()), Ok(()), "round {round}");
        let last = numbers(&kept(&folder.file())).last().copied();
        assert!(matches!(last, Some(330 | 360)), "round {round}: what comes after is kept");
        asides += folder.asides().min(1);
        whole += usize::from(numbers(&kept(&folder.file())).into_iter().eq(1..=330));
    }
    println!(
        "{flips} files with flipped bits: {asides} set aside, {mended_by_hand} noticed when read, \
         {whole} harmless"
    );
}

fn copy(from: &Folder, to: &Folder) {
    fs::create_dir_all(to.0.join("history")).expect("a folder");
    for name in from.names() {
        let [from, to] = [from, to].map(|folder| folder.0.join("history").join(&name));
        fs::copy(from, to).expect("can be copied");
    }
}

// ---- how fast ---------------------------------------------------------------------------------

#[test]
fn a_hundred_thousand_messages_are_written_read_and_searched() {
    let folder = Folder::new("fast");
    let count = from_environment("MCAST_CHAT_MESSAGES", 100_000);
    let clock = Clock::new();
    let mut begin = clock.now();
    let mut took = |what: &str| {
        let now = clock.now();
        println!("{what}: {:?}", now.since(begin));
        begin = now;
    };
    let store = open(&folder.file());
    took("open");
    push(&store, 1..=count);
    close(store);
    took(&format!("write {count}"));
    let reader = Reader::open(&folder.file()).expect("a history");
    assert!(reader.newest(16 << 20).expect("readable").kept.len() >= 60_000);
    took("read the newest 16 MiB");
    let kept = all(&reader);
    took("read all");
    assert!(numbers(&kept).into_iter().eq(count + 1 - kept.len() as u64..=count));
    drop(kept);
    took("look at all");
    let rare = format!("message {}", count - 77);
    let found = reader.search(&rare, 9).expect("readable").kept;
    assert!(found.iter().any(|kept| text(kept).starts_with(&rare)));
    took("search a rare word");
    assert_eq!(reader.search("message", 50).expect("readable").kept.len(), 50);
    took("search a word that all have");
    for number in 1..=1_000 {
        assert_eq!(reader.holds(BO_SESSION, number), Ok(true));
    }
    took("1,000 times: is it held?");
    let mut store = open(&folder.file());
    took("open");
    store.suspect();
    push(&store, std::iter::once(count + 1));
    until("it is saved", || store.saved() == 1);
    took("look through the whole file, write one");
    assert_eq!(store.close(PATIENCE).messages, 0);
    took("close");
    println!("{} bytes", fs::metadata(folder.file()).expect("is there").len());
}
