//! How many clients have room: each is an open file of this process, and systems allow 1,024 of
//! them unless a process asks for more.

/// What the group, the history and files under way take, beside the clients.
#[cfg(unix)]
const OTHERS: u64 = 128;

/// What helps where that is too few.
pub(super) const HELP: &str = "a higher hard limit of open files helps (ulimit -Hn, LimitNOFILE=)";

/// Asks the system for as many files as so many clients take; what is lacking then, in words.
#[cfg(unix)]
pub(super) fn make(clients: usize) -> Option<String> {
    lack(granted(clients as u64 + OTHERS), clients as u64)
}

/// Elsewhere sockets are no files, and have no such limit.
#[cfg(not(unix))]
pub(super) fn make(_: usize) -> Option<String> {
    None
}

/// How many files may be open, after `needed` were asked for. No more is: what this program starts
/// inherits it.
#[cfg(unix)]
fn granted(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let most = limit.maximum.unwrap_or(u64::MAX).min(needed);
    if most <= current {
        return current;
    }
    let raised = Rlimit { current: Some(most), maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_or(current, |()| most)
}

#[cfg(unix)]
fn lack(granted: u64, clients: u64) -> Option<String> {
    let room = granted.saturating_sub(OTHERS);
    let lacks = room < clients;
    lacks.then(|| {
        format!("{granted} files may be open: {room} of {clients} clients have room; {HELP}")
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told_with_how_many_have_room() {
        assert_eq!(lack(2_304, 2_176), None);
        assert_eq!(lack(u64::MAX, 2_176), None);
        let told = lack(1_024, 2_176).expect("is too few");
        assert!(told.starts_with("1024 files may be open: 896 of 2176 clients"), "{told}");
        assert!(lack(20, 2_176).is_some_and(|told| told.contains(" 0 of ")));
    }

    #[test]
    fn nothing_is_asked_for_that_is_there_already() {
        let before = granted(0);
        assert_eq!((granted(1), granted(before)), (before, before));
    }
}
