//! A set of sessions, one bit for each: views are compared and cut with single instructions.

/// A set of sessions, one bit for each.
pub(in crate::sim) type Set = u128;

/// How many sessions a world can have: one for each bit of [`Set`].
pub(in crate::sim) const MAX_RUNS: usize = 128;

/// The set of session `index` alone.
pub(in crate::sim) const fn only(index: usize) -> Set {
    1 << index
}

/// Whether session `index` is in `set`.
pub(in crate::sim) const fn holds(set: Set, index: usize) -> bool {
    set & only(index) != 0
}

/// The set of these sessions.
pub(in crate::sim) fn set_of<'a>(members: impl IntoIterator<Item = &'a usize>) -> Set {
    members.into_iter().fold(0, |set, index| set | only(*index))
}

/// The sessions in `set`, lowest first.
pub(in crate::sim) fn each(mut set: Set) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let index = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (index < MAX_RUNS).then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_each_of_its_sessions_once() {
        let set = set_of(&[127, 0, 7]);
        assert_eq!(each(set).collect::<Vec<_>>(), [0, 7, 127]);
        assert_eq!(each(0).count(), 0);
        assert!(holds(set, 7) && !holds(set, 8));
    }
}
