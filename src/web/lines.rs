//! Lines of a TCP client, whatever program it is: `nc` ends a line with LF, telnet with CR LF and
//! puts its own commands between, and many a textbook client ends it not at all.

use crate::chat::is_unsafe;

/// The longest line.
pub(super) const MAX_LINE: usize = 16 * 1_024;

/// What a client has sent of lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Without telnet's commands.
    bytes: Vec<u8>,
    telnet: Telnet,
    /// What comes until the end of the line belongs to one that was too long.
    skipping: bool,
    /// The client ends its lines with CR LF, and is answered so.
    pub(super) returns: bool,
}

/// Where in a command of telnet (RFC 854) the client is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Telnet {
    #[default]
    Text,
    /// After IAC.
    Command,
    /// After WILL, WON'T, DO or DON'T.
    Option,
    /// Between SB and SE.
    Negotiation,
    /// After IAC there.
    NegotiationCommand,
}

/// A line that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Its text, without controls; what was not UTF-8 is replaced.
    Text(String),
    /// It was longer than [`MAX_LINE`], and not taken.
    TooLong,
}

impl Lines {
    /// Takes what came.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(byte) = self.telnet.pass(byte) {
                self.bytes.push(byte);
            }
        }
    }

    /// The next line that has an end.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            let Some(end) = self.bytes.iter().position(|&byte| byte == b'\n') else {
                return self.cut_long();
            };
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            self.returns = line.ends_with(b"\r\n");
            return Some(match line.len() > MAX_LINE {
                true => Line::TooLong,
                false => Line::Text(clean(&line)),
            });
        }
    }

    /// A line that grows without an end is told once, and its rest skipped.
    fn cut_long(&mut self) -> Option<Line> {
        if self.bytes.len() <= MAX_LINE {
            return None;
        }
        self.bytes = Vec::new();
        (!std::mem::replace(&mut self.skipping, true)).then_some(Line::TooLong)
    }

    /// Whether something came that has no end yet.
    pub(super) fn has_rest(&self) -> bool {
        !self.bytes.is_empty() || self.skipping
    }

    /// What came without an end, and nothing followed.
    pub(super) fn rest(&mut self) -> Option<Line> {
        let bytes = std::mem::take(&mut self.bytes);
        if std::mem::take(&mut self.skipping) || bytes.is_empty() {
            return None;
        }
        Some(Line::Text(clean(&bytes)))
    }
}

impl Telnet {
    /// What of the text `byte` is, after those before it.
    fn pass(&mut self, byte: u8) -> Option<u8> {
        const SE: u8 = 240;
        const SB: u8 = 250;
        const WILL: u8 = 251;
        const DONT: u8 = 254;
        const IAC: u8 = 255;
        let (next, passed) = match (*self, byte) {
            (Self::Text, IAC) => (Self::Command, None),
            (Self::Text, byte) => (Self::Text, Some(byte)),
            (Self::Command, WILL..=DONT) => (Self::Option, None),
            (Self::Command, SB) => (Self::Negotiation, None),
            // Twice, it stands for itself.
            (Self::Command, IAC) => (Self::Text, Some(IAC)),
            (Self::Command | Self::Option, _) => (Self::Text, None),
            (Self::Negotiation, IAC) => (Self::NegotiationCommand, None),
            (Self::NegotiationCommand, SE) => (Self::Text, None),
            (Self::Negotiation | Self::NegotiationCommand, _) => (Self::Negotiation, None),
        };
        *self = next;
        passed
    }
}

/// The text of a line: no end, no controls; a tab is a space.
fn clean(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let shown = text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| !is_unsafe(c));
    shown.collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<Line> {
        std::iter::from_fn(|| lines.next()).collect()
    }

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    fn taken(bytes: &[u8]) -> (Vec<Line>, Option<Line>) {
        let mut lines = Lines::default();
        lines.put(bytes);
        (all(&mut lines), lines.rest())
    }

    #[test]
    fn lines_end_with_lf_or_cr_lf_and_the_client_is_answered_alike() {
        assert_eq!(
            taken(b"one\ntwo\r\n\nrest"),
            (vec![text("one"), text("two"), text("")], Some(text("rest")))
        );
        let mut lines = Lines::default();
        lines.put(b"ana\r\n");
        assert_eq!((all(&mut lines), lines.returns), (vec![text("ana")], true));
    }

    #[test]
    fn the_cut_between_packets_does_not_matter() {
        let bytes = "żółw\r\n\u{1f600} x\nq".as_bytes();
        let whole = taken(bytes);
        for cut in 0..bytes.len() {
            let mut lines = Lines::default();
            lines.put(&bytes[..cut]);
            let mut got = all(&mut lines);
            lines.put(&bytes[cut..]);
            got.extend(all(&mut lines));
            assert_eq!((got, lines.rest()), whole, "cut at {cut}");
        }
    }

    #[test]
    fn commands_of_telnet_are_no_text_and_controls_neither() {
        let negotiation = [255, 253, 3, 255, 250, 31, 0, 80, 255, 255, 255, 240, 255, 241];
        let line = [b"h", &negotiation[..], b"i\x1b[2J \x07\t\xff\xffx\n"].concat();
        assert_eq!(taken(&line).0, [text("hi[2J  \u{fffd}x")]);
        assert_eq!(taken("a\u{202e}b\u{9b}c\n".as_bytes()).0, [text("abc")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_costs_no_memory() {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        for _ in 0..1_000 {
            lines.put(&[b'x'; 4_096]);
            told.extend(all(&mut lines));
            assert!(lines.bytes.len() <= MAX_LINE);
        }
        lines.put(b"\nnext\n");
        told.extend(all(&mut lines));
        assert_eq!(told, [Line::TooLong, text("next")]);
        let line = [&[b'x'; MAX_LINE + 1][..], b"\n"].concat();
        assert_eq!(taken(&line).0, [Line::TooLong]);
    }

    #[test]
    fn silence_ends_a_line_that_was_too_long() {
        let mut lines = Lines::default();
        lines.put(&[b'x'; MAX_LINE + 1]);
        assert_eq!(all(&mut lines), [Line::TooLong]);
        assert!(lines.has_rest());
        assert_eq!(lines.rest(), None);
        lines.put(b"hi\n");
        assert_eq!(all(&mut lines), [text("hi")]);
    }
}
