//! Text of others that may be shown anywhere: on a terminal, in a log, in a column of a line.
//!
//! A message is bytes from a stranger. A terminal obeys control characters (`CSI 2 J` clears the
//! screen, `OSC 52` writes the clipboard), and bidirectional controls make text read as what it
//! is not (Unicode TR36 §2.5). [`Safe`] can only be made by cleaning, so that what is shown has
//! been cleaned; no other type of others' text is given to a front end for display.

use core::fmt::{self, Write as _};

/// One line of text without control characters and without bidirectional controls.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Safe(String);

impl Safe {
    /// All of `text` on one line: what must not be shown is escaped (`\t`, `\n`, `\r`, `\\`,
    /// `\u{1b}`), so that nothing is lost and the original can be had back.
    pub fn line(text: &str) -> Self {
        let mut line = String::with_capacity(text.len());
        let mut marks = 0;
        for c in text.chars() {
            match is_one_mark_too_many(c, &mut marks) {
                true => escape_by_number(c, &mut line),
                false => escape(c, &mut line),
            }
        }
        Self(line)
    }

    /// `text` on one line of at most `max` bytes: what must not be shown becomes a space.
    pub fn text(text: &str, max: usize) -> Self {
        let (mut line, mut marks) = (String::new(), 0);
        for c in text.trim().chars().filter(|&c| !is_one_mark_too_many(c, &mut marks)) {
            let c = if is_unsafe(c) { ' ' } else { c };
            if line.len() + c.len_utf8() > max {
                break;
            }
            line.push(c);
        }
        Self(line)
    }

    /// A line of `text` for a screen, where nobody needs the original back: a tab is four spaces,
    /// and a backslash stays one.
    pub fn shown(text: &str) -> Self {
        let mut line = String::with_capacity(text.len());
        let mut marks = 0;
        for c in text.chars() {
            match (c, is_one_mark_too_many(c, &mut marks)) {
                ('\t', _) => line.push_str("    "),
                (_, true) => escape_by_number(c, &mut line),
                _ if is_unsafe(c) => escape_by_number(c, &mut line),
                _ => line.push(c),
            }
        }
        Self(line)
    }

    /// `text` as one word of at most `max` bytes: what must not be shown, and what cannot be
    /// seen, is left out; spaces become `_`. May be empty.
    pub fn word(text: &str, max: usize) -> Self {
        let (mut word, mut marks) = (String::new(), 0);
        let shown = text.trim().chars().filter(|&c| !is_hidden(c));
        for c in shown.filter(|&c| !is_one_mark_too_many(c, &mut marks)) {
            let c = if c.is_whitespace() { '_' } else { c };
            if word.len() + c.len_utf8() > max {
                break;
            }
            word.push(c);
        }
        Self(word)
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left of the text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a guest of the gateway `name`: `zoe@ana`. No member's name has an `@` ahead or
    /// a `~`, and the guest's is one word.
    pub(super) fn through(&self, name: &Self) -> Self {
        Self(format!("{}@{}", self.0, name.0))
    }

    /// This text with `digits` of an id after it: `ana~7f3a`.
    pub(super) fn with_suffix(&self, digits: &str) -> Self {
        Self(format!("{}~{}", self.0, Self::word(digits, 32)))
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn escape(c: char, line: &mut String) {
    match c {
        '\t' => line.push_str("\\t"),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\\' => line.push_str("\\\\"),
        c if is_unsafe(c) => escape_by_number(c, line),
        c => line.push(c),
    }
}

fn escape_by_number(c: char, line: &mut String) {
    let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
}

/// So many marks stand on one character at most: the languages that stack them (Vietnamese,
/// Hebrew with points and accents, Thai) take three; thousands would draw over other lines.
const MAX_MARKS: usize = 4;

/// Whether `c` is a mark on a character that bears enough of them; `marks` counts those.
fn is_one_mark_too_many(c: char, marks: &mut usize) -> bool {
    *marks = if is_mark(c) { *marks + 1 } else { 0 };
    *marks > MAX_MARKS
}

/// Whether a character is drawn on the one before it: the blocks of combining marks of Unicode,
/// those of the scripts that stack marks, and what joins or varies without a width of its own.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}'
        | '\u{0610}'..='\u{061a}' | '\u{064b}'..='\u{065f}' | '\u{0670}'
        | '\u{06d6}'..='\u{06dc}' | '\u{06df}'..='\u{06e4}' | '\u{06e7}'..='\u{06ed}'
        | '\u{0730}'..='\u{074a}' | '\u{0900}'..='\u{0902}' | '\u{093c}'
        | '\u{0941}'..='\u{0948}' | '\u{094d}' | '\u{0e31}' | '\u{0e34}'..='\u{0e3a}'
        | '\u{0e47}'..='\u{0e4e}' | '\u{0eb4}'..='\u{0ebc}' | '\u{0ec8}'..='\u{0ece}'
        | '\u{0f71}'..='\u{0f84}' | '\u{0f90}'..='\u{0fbc}' | '\u{135d}'..='\u{135f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}' | '\u{20d0}'..='\u{20ff}' | '\u{2de0}'..='\u{2dff}'
        | '\u{302a}'..='\u{302f}' | '\u{3099}' | '\u{309a}' | '\u{a66f}'..='\u{a67d}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{feff}'
        | '\u{1d165}'..='\u{1d169}' | '\u{1d16d}'..='\u{1d182}'
        | '\u{1d185}'..='\u{1d18b}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character must never reach a screen: the 65 controls (C0, DEL, C1), the
/// bidirectional controls of UAX #9, and the two separators that some programs take for a newline.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

/// Whether a character has no place in a name: unsafe, or without a visible form, so that two
/// names could look the same. (In text, a zero-width joiner makes one emoji of several.)
fn is_hidden(c: char) -> bool {
    is_unsafe(c)
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controls() -> Vec<char> {
        (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control()).collect()
    }

    #[test]
    fn none_of_the_65_controls_passes_wherever_it_stands() {
        assert_eq!(controls().len(), 65);
        for c in controls() {
            for text in [format!("{c}ab"), format!("a{c}b"), format!("ab{c}"), format!("{c}{c}")] {
                assert!(!Safe::line(&text).as_str().contains(c), "{text:?}");
                assert!(!Safe::word(&text, 64).as_str().contains(c), "{text:?}");
            }
        }
    }

    #[test]
    fn bidirectional_controls_do_not_pass() {
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}".chars() {
            assert!(!Safe::line(&format!("a{c}b")).as_str().contains(c));
            assert_eq!(Safe::word(&format!("a{c}b"), 64).as_str(), "ab");
        }
    }

    #[test]
    fn a_message_cannot_clear_the_screen_or_write_the_clipboard() {
        assert_eq!(Safe::line("\x1b[2J").as_str(), "\\u{1b}[2J");
        assert_eq!(Safe::line("\x1b]52;c;aGk=\x07").as_str(), "\\u{1b}]52;c;aGk=\\u{7}");
        assert_eq!(Safe::line("\u{9b}2J").as_str(), "\\u{9b}2J");
        assert_eq!(Safe::word("an\x1b]52;c;aGk=\x07a", 64).as_str(), "an]52;c;aGk=a");
    }

    #[test]
    fn a_line_stays_one_line_and_one_column_and_can_be_read_back() {
        assert_eq!(Safe::line("a\tb\nc\r\\n").as_str(), "a\\tb\\nc\\r\\\\n");
        assert_eq!(Safe::line("żółw 👩‍💻 日本").as_str(), "żółw 👩‍💻 日本");
    }

    #[test]
    fn on_a_screen_a_backslash_is_one_and_a_tab_is_room() {
        assert_eq!(Safe::shown("C:\\dir\ta\x1b[2J").as_str(), "C:\\dir    a\\u{1b}[2J");
    }

    #[test]
    fn a_word_has_no_spaces_nothing_invisible_and_a_bounded_length() {
        assert_eq!(Safe::word("  ana  maria\u{200b} ", 64).as_str(), "ana__maria");
        assert_eq!(Safe::word("ééé", 5).as_str(), "éé");
        assert!(Safe::word("\u{200b}\u{feff}\u{3164}", 64).is_empty());
    }

    #[test]
    fn four_marks_stand_on_a_character_and_the_rest_is_escaped_or_left_out() {
        let flood = format!("a{}b\u{301}", "\u{301}".repeat(3_000));
        let line = Safe::line(&flood);
        assert_eq!(line.as_str().matches('\u{301}').count(), 5);
        assert_eq!(line.as_str().matches("\\u{301}").count(), 2_996);
        let word = format!("a{}b\u{301}", "\u{301}".repeat(4));
        assert_eq!(Safe::word(&flood, 64).as_str(), word);
        for text in ["Việt Nam", "ภาษาไทย", "हिन्दी", "👩\u{200d}💻", "e\u{301}\u{323}"]
        {
            assert_eq!(Safe::line(text).as_str(), text);
        }
    }

    #[test]
    fn no_control_comes_out_of_a_hundred_thousand_random_texts() {
        use rand::rngs::Xoshiro256PlusPlus;
        use rand::{RngExt as _, SeedableRng as _};
        let seed = 20_261_121;
        println!("seed {seed}");
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        for _ in 0..100_000 {
            let length = random.random_range(0..24);
            // Half of the characters are from where controls and marks are.
            let text: String = (0..length)
                .filter_map(|_| {
                    let most = if random.random_range(0..2) == 0 { 0x370 } else { 0x11_0000 };
                    char::from_u32(random.random_range(0..most))
                })
                .collect();
            for safe in [Safe::line(&text), Safe::shown(&text), Safe::word(&text, 64)] {
                assert!(!safe.as_str().chars().any(is_unsafe), "{text:?}");
            }
        }
    }
}
