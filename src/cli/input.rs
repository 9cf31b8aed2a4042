//! Lines of stdin, read by a thread of their own: a blocked read must not stop what others say.
//!
//! The channel is short and the lines are bounded: a fast pipe waits for the group, and never
//! fills the memory.

use crate::chat::MAX_TEXT;
use crate::runtime::Group;
use std::io::{self, BufRead};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The longest line: the longest text, with room for the JSON around it and its escapes.
pub(super) const MAX_LINE: usize = 2 * MAX_TEXT;

/// Lines that were read and not yet taken: with [`MAX_LINE`], at most 32 MiB.
pub(super) const QUEUE: usize = 16;

/// What came from stdin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// A line, without its end.
    Line(String),
    /// A line that was not UTF-8; what could not be read is replaced by U+FFFD.
    Damaged(String),
    /// A line of more than [`MAX_LINE`] bytes: how many it had.
    TooLong(usize),
    /// The end; or the error that ended it.
    End(Option<String>),
}

/// Reads stdin until its end, and wakes `group` for each line.
pub(super) fn start(group: Weak<Group>) -> io::Result<Receiver<Input>> {
    let (lines, taken) = sync_channel(QUEUE);
    let read = move || pass_on(&mut io::stdin().lock(), &lines, &group);
    std::thread::Builder::new().name("stdin".into()).spawn(read)?;
    Ok(taken)
}

fn pass_on(source: &mut impl BufRead, lines: &SyncSender<Input>, group: &Weak<Group>) {
    let mut at_end = false;
    loop {
        let input = read(source, &mut at_end);
        let ends = matches!(input, Input::End(_));
        // An error says that nobody takes lines any more: the program is ending.
        let sent = lines.send(input);
        if let Some(group) = group.upgrade() {
            group.wake();
        }
        if sent.is_err() || ends {
            return;
        }
    }
}

/// The next line. What does not fit is read and thrown away, and reported with its length. Behind
/// the end nothing is read: a terminal would ask for another one.
fn read(source: &mut impl BufRead, at_end: &mut bool) -> Input {
    if *at_end {
        return Input::End(None);
    }
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        let available = match source.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Input::End(Some(error.to_string())),
        };
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        *at_end = available.is_empty();
        length += part.len();
        line.extend_from_slice(&part[..part.len().min(MAX_LINE - line.len())]);
        let used = end.map_or(part.len(), |end| end + 1);
        source.consume(used);
        if *at_end && length == 0 {
            return Input::End(None);
        }
        if end.is_some() || *at_end {
            return finish(line, length);
        }
    }
}

fn finish(mut line: Vec<u8>, length: usize) -> Input {
    if length > MAX_LINE {
        return Input::TooLong(length);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    match String::from_utf8(line) {
        Ok(line) => Input::Line(line),
        Err(error) => Input::Damaged(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read as _};

    fn all(bytes: &[u8]) -> Vec<Input> {
        let mut source = BufReader::with_capacity(3, bytes);
        let (mut inputs, mut at_end) = (Vec::new(), false);
        loop {
            inputs.push(read(&mut source, &mut at_end));
            if let Some(Input::End(_)) = inputs.last() {
                return inputs;
            }
        }
    }

    fn line(text: &str) -> Input {
        Input::Line(text.to_owned())
    }

    #[test]
    fn lines_are_taken_apart_also_the_last_one_without_an_end() {
        assert_eq!(all(b""), [Input::End(None)]);
        assert_eq!(all(b"one\r\n\ntwo"), [line("one"), line(""), line("two"), Input::End(None)]);
        assert_eq!(all("żółw\n".as_bytes()), [line("żółw"), Input::End(None)]);
    }

    #[test]
    fn what_is_not_utf_8_is_marked_and_goes_on() {
        let damaged = Input::Damaged("a\u{fffd}b".into());
        assert_eq!(all(b"a\xffb\nc"), [damaged, line("c"), Input::End(None)]);
    }

    #[test]
    fn a_line_that_is_too_long_takes_no_memory_and_the_next_one_is_read() {
        let long = io::repeat(b'x').take(MAX_LINE as u64 + 9);
        let mut source = BufReader::new(long.chain(&b"\nnext\n"[..]));
        let mut at_end = false;
        assert_eq!(read(&mut source, &mut at_end), Input::TooLong(MAX_LINE + 9));
        assert_eq!(read(&mut source, &mut at_end), line("next"));
        assert_eq!(read(&mut source, &mut at_end), Input::End(None));
    }

    #[test]
    fn a_terminal_is_asked_for_its_end_once() {
        /// Of a terminal: text, Ctrl+D twice, and more.
        struct Keys(Vec<&'static [u8]>);
        impl io::Read for Keys {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let part = self.0.remove(0);
                into[..part.len()].copy_from_slice(part);
                Ok(part.len())
            }
        }
        let mut source = BufReader::new(Keys(vec![b"one", b"", b"two"]));
        let mut at_end = false;
        assert_eq!(read(&mut source, &mut at_end), line("one"));
        assert_eq!(read(&mut source, &mut at_end), Input::End(None));
    }
}
