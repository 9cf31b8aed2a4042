//! WebSocket frames (RFC 6455): tungstenite reads what clients send and answers pings; what many
//! are sent is encoded once for all of them.

use super::outbox::{Outbox, Shared};
use std::io::{self, Read, Write};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// The longest message that a client may send: a text of the longest line, escaped as JSON.
pub(super) const MAX_MESSAGE: usize = 64 * 1_024;

/// What an idle client's buffer takes.
const READ_BUFFER: usize = 2 * 1_024;

/// A server's side of a WebSocket.
#[derive(Debug)]
pub(super) struct Frames(Box<WebSocketContext>);

/// What a client sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// A text.
    Text(String),
    /// Bytes, which are no text.
    Binary,
    /// There is no more now.
    Nothing,
    /// The end.
    End,
    /// It breaks the rules: a code of RFC 6455 §7.4, and the words.
    Broken(u16, String),
}

impl Frames {
    /// A WebSocket whose first frames may be in `begun`.
    pub(super) fn new(begun: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Self(Box::new(WebSocketContext::from_partially_read(begun, Role::Server, Some(config))))
    }

    /// The next message from `source`; what is to be answered by itself goes into `out`.
    pub(super) fn next(&mut self, source: &mut impl Read, out: &mut Outbox) -> Frame {
        loop {
            match self.0.read(&mut Both { source: &mut *source, out: &mut *out }) {
                Ok(Message::Text(text)) => return Frame::Text(text.as_str().to_owned()),
                Ok(Message::Binary(_)) => return Frame::Binary,
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Frame::Nothing;
                }
                Err(Error::Capacity(why)) => return Frame::Broken(1009, why.to_string()),
                Err(Error::Utf8(why)) => return Frame::Broken(1007, why),
                Err(Error::Protocol(why)) => return Frame::Broken(1002, why.to_string()),
                Err(_) => return Frame::End,
            }
        }
    }
}

/// What tungstenite takes for a stream.
struct Both<'a, R> {
    source: &'a mut R,
    out: &'a mut Outbox,
}

impl<R: Read> Read for Both<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}

impl<R> Write for Both<'_, R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `text` as one frame of a server: all clients get the same bytes.
pub(super) fn text(text: &str) -> Shared {
    frame(0x81, text.as_bytes())
}

/// The frame that closes, with a code of RFC 6455 §7.4 and the reason in at most 123 bytes.
pub(super) fn close(code: u16, reason: &str) -> Shared {
    let reason = &reason[..reason.floor_char_boundary(123)];
    frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

fn frame(kind: u8, payload: &[u8]) -> Shared {
    let length = payload.len();
    let mut bytes = vec![kind];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    Shared::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::WebSocket;

    /// A stream of which all is there at once, and then nothing more yet.
    struct Script(io::Cursor<Vec<u8>>);

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn script(bytes: Vec<u8>) -> Script {
        Script(io::Cursor::new(bytes))
    }

    #[test]
    fn a_client_reads_what_is_encoded_for_all_whatever_its_length() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 1_048_000] {
            let sent = "é".repeat(length / 2);
            let mut client =
                WebSocket::from_raw_socket(script(text(&sent).to_vec()), Role::Client, None);
            assert_eq!(client.read().expect("is sound"), Message::text(sent), "{length}");
        }
        let mut client =
            WebSocket::from_raw_socket(script(close(1013, "full").to_vec()), Role::Client, None);
        let Ok(Message::Close(Some(told))) = client.read() else { panic!("is told") };
        assert_eq!((u16::from(told.code), told.reason.as_str()), (1013, "full"));
    }

    #[test]
    fn a_ping_is_answered_a_text_is_read_and_what_is_too_long_ends_it() {
        let masked = |kind: u8, payload: &[u8]| {
            let length = u8::try_from(payload.len()).expect("is short");
            [&[kind, 0x80 | length, 0, 0, 0, 0][..], payload].concat()
        };
        let mut frames = Frames::new(masked(0x89, b"are you there"));
        let mut out = Outbox::default();
        let rest = [masked(0x81, "żółw".as_bytes()), masked(0x82, b"\0")].concat();
        let mut source = script(rest);
        assert_eq!(frames.next(&mut source, &mut out), Frame::Text("żółw".into()));
        assert_eq!(frames.next(&mut source, &mut out), Frame::Binary);
        assert_eq!(frames.next(&mut source, &mut out), Frame::Nothing);
        let mut answer = Vec::new();
        out.write_to(&mut answer).expect("is written");
        assert_eq!(answer, [&[0x8a, 13][..], b"are you there"].concat());
        let long = [&[0x81, 0xff][..], &(MAX_MESSAGE as u64 + 1).to_be_bytes(), &[0; 4]].concat();
        let end = frames.next(&mut script(long), &mut out);
        assert!(matches!(end, Frame::Broken(1009, _)), "{end:?}");
    }
}
