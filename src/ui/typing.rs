//! The line that is typed on a terminal without a screen. What comes meanwhile begins on a line of
//! its own, and what was typed stands above it until the next key shows it again: nothing is drawn
//! over, so that a screen reader reads each thing once, and no line is mixed with another.

use super::screen::width::{graphemes, width};
use crate::chat::Safe;

/// What a key ended, or asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Typed {
    /// A line, without its end.
    Line(String),
    /// A line of so many bytes, which are too many.
    TooLong(usize),
    /// Nothing more is said.
    End,
    /// The program is to end.
    Interrupt,
    /// The program is to stop until it is continued.
    Suspend,
    /// The program is to end at once.
    Abort,
}

/// The line being typed.
#[derive(Debug, Default)]
pub struct Typing {
    /// The longest line, in bytes.
    most: usize,
    text: String,
    /// Bytes of a character that is not whole.
    begun: Vec<u8>,
    /// Bytes that did not fit.
    beyond: usize,
    sequence: Sequence,
    /// Something was written since the text was shown.
    is_above: bool,
}

/// A key that is more than one byte: arrows, function keys, Alt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Sequence {
    #[default]
    None,
    /// ESC came.
    Escape,
    /// And `[`: until a letter or `~` (ECMA-48 §5.4).
    Control,
    /// And `O`: one byte more.
    Single,
}

impl Typing {
    /// Nothing is typed; a line is `most` bytes long at most.
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes a byte of the keyboard; what the terminal is to show is appended to `echo`.
    pub fn key(&mut self, byte: u8, echo: &mut String) -> Option<Typed> {
        if self.sequence.takes(byte) {
            return None;
        }
        match byte {
            b'\r' | b'\n' => return Some(self.finish(echo)),
            CTRL_C => return Some(Typed::Interrupt),
            CTRL_D => return self.text.is_empty().then_some(Typed::End),
            CTRL_Z => return Some(Typed::Suspend),
            CTRL_BACKSLASH => return Some(Typed::Abort),
            BACKSPACE | DELETE => self.rub_out(self.before_last(), echo),
            CTRL_L | CTRL_R => {
                echo.push_str(self.step_aside());
                self.show(echo);
            }
            CTRL_U => self.rub_out(0, echo),
            CTRL_W => self.rub_out(self.before_word(), echo),
            ESCAPE => self.sequence = Sequence::Escape,
            b'\t' | b' '.. => self.take(byte, echo),
            _ => {}
        }
        None
    }

    /// Something else is to be written: what comes ahead of it, so that it begins on a line of
    /// its own.
    pub fn step_aside(&mut self) -> &'static str {
        let is_shown = !self.text.is_empty() && !self.is_above;
        self.is_above |= is_shown;
        if is_shown { "\r\n" } else { "" }
    }

    /// Shows what was typed, where something else was written below it.
    pub fn show(&mut self, echo: &mut String) {
        if std::mem::take(&mut self.is_above) {
            echo.push_str(Safe::shown(&self.text).as_str());
        }
    }

    fn take(&mut self, byte: u8, echo: &mut String) {
        if self.text.len() + self.begun.len() >= self.most {
            self.beyond += 1;
            return;
        }
        self.begun.push(byte);
        let begun = std::mem::take(&mut self.begun);
        match std::str::from_utf8(&begun) {
            Ok(whole) => self.put(whole, echo),
            // The rest of the character is to come.
            Err(error) if error.error_len().is_none() => self.begun = begun,
            Err(_) => {
                self.put("\u{fffd}", echo);
                // What does not belong to the character before it begins the next one.
                if begun.len() > 1 {
                    self.take(byte, echo);
                }
            }
        }
    }

    fn put(&mut self, text: &str, echo: &mut String) {
        self.show(echo);
        let text = text.replace(|c: char| c.is_control() && c != '\t', "");
        echo.push_str(Safe::shown(&text).as_str());
        self.text.push_str(&text);
    }

    fn finish(&mut self, echo: &mut String) -> Typed {
        if !std::mem::take(&mut self.is_above) {
            echo.push_str("\r\n");
        }
        self.begun.clear();
        let text = std::mem::take(&mut self.text);
        match std::mem::take(&mut self.beyond) {
            0 => Typed::Line(text),
            beyond => Typed::TooLong(text.len() + beyond),
        }
    }

    /// Takes back all that was typed behind `end`.
    fn rub_out(&mut self, end: usize, echo: &mut String) {
        self.begun.clear();
        self.beyond = 0;
        let was_above = self.is_above;
        let gone = width(Safe::shown(&self.text[end..]).as_str());
        self.text.truncate(end);
        match was_above {
            true => self.show(echo),
            false => (0..gone).for_each(|_| echo.push_str("\u{8} \u{8}")),
        }
    }

    fn before_last(&self) -> usize {
        graphemes(&self.text).last().map_or(0, |(at, ..)| at)
    }

    fn before_word(&self) -> usize {
        let text = self.text.trim_end();
        text.rfind(' ').map_or(0, |space| space + 1)
    }
}

impl Sequence {
    /// Whether `byte` belongs to a key of several bytes, none of which is text.
    fn takes(&mut self, byte: u8) -> bool {
        let next = match (*self, byte) {
            (Self::None, _) => return false,
            (Self::Escape, b'[') => Self::Control,
            (Self::Escape, b'O') => Self::Single,
            (Self::Control, b' '..=b'?') => Self::Control,
            // Whoever presses Esc and then goes on means the key itself.
            (Self::Escape, byte) if byte < b' ' => {
                *self = Self::None;
                return false;
            }
            _ => Self::None,
        };
        *self = next;
        true
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_L: u8 = 0x0c;
const CTRL_R: u8 = 0x12;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;
const CTRL_BACKSLASH: u8 = 0x1c;
const DELETE: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    /// Types into a line of at most 100 bytes: what is shown, and what came of it.
    fn press(typing: &mut Typing, keys: &str) -> (String, Vec<Typed>) {
        let (mut echo, mut done) = (String::new(), Vec::new());
        keys.bytes().for_each(|byte| done.extend(typing.key(byte, &mut echo)));
        (echo, done)
    }

    fn typed(keys: &str) -> (String, Vec<Typed>) {
        press(&mut Typing::new(100), keys)
    }

    fn line(text: &str) -> Vec<Typed> {
        vec![Typed::Line(text.to_owned())]
    }

    #[test]
    fn keys_are_a_line_which_is_shown_as_it_grows() {
        assert_eq!(typed("hi żó\r"), ("hi żó\r\n".into(), line("hi żó")));
        assert_eq!(typed("a\tb\n"), ("a    b\r\n".into(), line("a\tb")));
        assert_eq!(typed("\r"), ("\r\n".into(), line("")));
    }

    #[test]
    fn what_is_rubbed_out_goes_by_what_a_reader_sees_as_one() {
        let back = "\u{8} \u{8}";
        assert_eq!(typed("ab\x7f\x7f\x7fc\r"), (format!("ab{back}{back}c\r\n"), line("c")));
        assert_eq!(typed("漢\x7f\r"), (format!("漢{back}{back}\r\n"), line("")));
        assert_eq!(typed("e\u{301}\x7f\r").1, line(""));
        assert_eq!(typed("one two \x17x\r").1, line("one x"));
        assert_eq!(typed("one two\x15x\r").1, line("x"));
    }

    #[test]
    fn what_comes_begins_on_a_line_of_its_own_and_the_next_key_shows_what_was_typed() {
        let mut typing = Typing::new(100);
        assert_eq!(typing.step_aside(), "");
        press(&mut typing, "hel");
        assert_eq!((typing.step_aside(), typing.step_aside()), ("\r\n", ""));
        assert_eq!(press(&mut typing, "lo").0, "hello");
        assert_eq!(typing.step_aside(), "\r\n");
        assert_eq!(press(&mut typing, "\x7f").0, "hell");
        assert_eq!(typing.step_aside(), "\r\n");
        assert_eq!(press(&mut typing, "\r"), (String::new(), line("hell")));
        press(&mut typing, "x");
        assert_eq!(press(&mut typing, "\x12").0, "\r\nx");
    }

    #[test]
    fn one_ctrl_d_ends_an_empty_line_and_does_nothing_in_another() {
        assert_eq!(typed("\x04").1, [Typed::End]);
        assert_eq!(typed("a\x04\x04").1, []);
        assert_eq!(typed("a\x7f\x04").1, [Typed::End]);
        assert_eq!(typed("\x03\x1a\x1c").1, [Typed::Interrupt, Typed::Suspend, Typed::Abort]);
    }

    #[test]
    fn keys_of_several_bytes_and_what_a_terminal_obeys_are_no_text() {
        assert_eq!(typed("a\x1b[A\x1b[3~\x1bOP\x1bxb\r"), ("ab\r\n".into(), line("ab")));
        assert_eq!(typed("a\x1b\r").1, line("a"));
        assert_eq!(typed("\u{9b}2J\u{202e}\r").0, "2J\\u{202e}\r\n");
        let mut typing = Typing::new(100);
        let mut echo = String::new();
        b"\xff\xc5a".iter().for_each(|byte| drop(typing.key(*byte, &mut echo)));
        assert_eq!(echo, "\u{fffd}\u{fffd}a");
    }

    #[test]
    fn what_is_too_long_is_counted_and_takes_no_memory() {
        let long = "x".repeat(150);
        assert_eq!(typed(&format!("{long}\ry\r")).1[0], Typed::TooLong(150));
        assert_eq!(typed(&format!("{long}\ry\r")).1[1..], line("y"));
        assert_eq!(typed(&long).0.len(), 100);
    }
}
