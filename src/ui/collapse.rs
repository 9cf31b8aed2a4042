//! A notice that repeats is shown once, and then how often it came: `… (repeated 40×)`.

/// Holds back repetitions of the last notice.
#[derive(Debug, Default)]
pub(super) struct Collapse {
    last: String,
    held: usize,
}

impl Collapse {
    /// The lines to show now that `notice` came.
    pub(super) fn push(&mut self, notice: &str) -> Vec<String> {
        if notice == self.last {
            self.held += 1;
            return Vec::new();
        }
        let mut lines: Vec<String> = self.flush().into_iter().collect();
        notice.clone_into(&mut self.last);
        lines.push(notice.to_owned());
        lines
    }

    /// The line that says how often the last notice was held back, if it was. One that comes
    /// again later is still a repetition.
    pub(super) fn flush(&mut self) -> Option<String> {
        let held = std::mem::take(&mut self.held);
        (held > 0).then(|| format!("{} (repeated {held}×)", self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_repetitions_are_one_line_more() {
        let mut collapse = Collapse::default();
        assert_eq!(collapse.push("no route"), ["no route"]);
        for _ in 0..40 {
            assert_eq!(collapse.push("no route"), [""; 0]);
        }
        assert_eq!(collapse.push("bo joined"), ["no route (repeated 40×)", "bo joined"]);
        assert_eq!(collapse.flush(), None);
    }

    #[test]
    fn what_was_held_back_is_shown_when_it_is_quiet() {
        let mut collapse = Collapse::default();
        collapse.push("no route");
        collapse.push("no route");
        assert_eq!(collapse.flush().as_deref(), Some("no route (repeated 1×)"));
        assert_eq!(collapse.push("no route"), [""; 0]);
    }
}
