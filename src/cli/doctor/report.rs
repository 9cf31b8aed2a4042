//! What is printed, for people and for scripts.

use super::check::{Check, State};
use crate::ui::json::Json;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The checks and the verdict, as lines for people.
pub(super) fn text(title: &str, checks: &[Check], verdict: &(State, String)) -> String {
    let mut text = format!("{title}\n");
    checks.iter().for_each(|check| text.push_str(&lines(check)));
    let (state, sentence) = verdict;
    let _ = writeln!(text, "verdict: {}: {sentence}", state.shown());
    text
}

/// A check: a line, and one for each command to try.
pub(super) fn lines(check: &Check) -> String {
    let (state, number, name) = (check.state.shown(), check.number, check.name());
    let mut lines = format!("{state:<4} {number:>2} {name:<13} {}\n", check.why);
    for (at, fix) in check.fixes.iter().enumerate() {
        let word = if at == 0 { "try" } else { " or" };
        let _ = writeln!(lines, "        {word}: {fix}");
    }
    lines
}

/// The same, an object a line.
pub(super) fn objects(
    out: impl Write,
    checks: &[Check],
    (state, sentence): &(State, String),
) -> io::Result<()> {
    let mut json = Json::new(out);
    for check in checks {
        let fixes: Vec<&str> = check.fixes.iter().map(crate::chat::Safe::as_str).collect();
        let (state, why) = (check.state.word(), check.why.as_str());
        json.check(check.number, check.name(), state, why, &fixes)?;
    }
    json.verdict(state.word(), sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        let fixes = ["sudo one".to_owned(), "sudo two".to_owned()];
        vec![Check::ok(1, "fine"), Check::fail(5, "its own \u{1b} firewall", &fixes)]
    }

    #[test]
    fn people_get_a_line_for_each_check_and_commands_under_it() {
        let verdict = (State::Fail, "check 5".to_owned());
        assert_eq!(
            text("doctor", &checks(), &verdict),
            "doctor\n\
             ok    1 group         fine\n\
             FAIL  5 self-loop     its own \\u{1b} firewall\n        \
             try: sudo one\n         or: sudo two\n\
             verdict: FAIL: check 5\n"
        );
    }

    #[test]
    fn scripts_get_an_object_for_each_check_and_the_verdict() {
        let mut out = Vec::new();
        objects(&mut out, &checks(), &(State::Warn, "so so".to_owned())).expect("a Vec");
        let text = String::from_utf8(out).expect("is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        let first = r#"{"v":1,"type":"check","number":1,"name":"group","state":"ok","why":"fine","#;
        assert_eq!(lines[0], format!(r#"{first}"fix":null}}"#));
        assert!(lines[1].contains(r#""fix":"sudo one","fixes":["sudo one","sudo two"]"#));
        assert_eq!(lines[2], r#"{"v":1,"type":"verdict","state":"warn","text":"so so"}"#);
    }
}
