//! As much of HTTP/1.1 as one page needs: the head of a request, and a response after which the
//! connection ends.

use std::fmt::Write as _;

/// The longest head of a request: browsers send about one KiB.
pub(super) const MAX_HEAD: usize = 8 * 1_024;

/// The head of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    pub(super) method: String,
    /// Without its query.
    pub(super) path: String,
    pub(super) query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Head {
    /// The header of that name, in lower case; none also where it stands there twice.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }

    /// Whether a header is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    /// The key of a request to speak WebSocket instead (RFC 6455 §4.2.1); none if it is not one.
    pub(super) fn websocket_key(&self) -> Option<&str> {
        let has = |name, wanted: &str| {
            let words = self.header(name).unwrap_or_default().split(',');
            words.map(str::trim).any(|word| word.eq_ignore_ascii_case(wanted))
        };
        let asks = self.method == "GET"
            && has("upgrade", "websocket")
            && has("connection", "upgrade")
            && has("sec-websocket-version", "13");
        self.header("sec-websocket-key").filter(|key| asks && key.len() == 24)
    }

    /// A value of the query, its escapes resolved.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| unescape(value))
    }
}

/// The head that `bytes` begin with and its length; none while it is not complete.
///
/// # Errors
/// What is wrong with it, as the status line to answer.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, &'static str> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let length = match end {
        Some(end) if end <= MAX_HEAD => end,
        None if bytes.len() <= MAX_HEAD => return Ok(None),
        _ => return Err("431 Request Header Fields Too Large"),
    };
    let text = std::str::from_utf8(&bytes[..length]).map_err(|_| "400 Bad Request")?;
    let head = read(text).ok_or("400 Bad Request")?;
    Ok(Some((head, length + 4)))
}

fn read(text: &str) -> Option<Head> {
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| (name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Some(Head {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect::<Option<_>>()?,
    })
}

/// `%20` and `+` as what they stand for; what is not UTF-8 then is replaced.
fn unescape(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let digits = escaped.and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A whole response, its `headers` beside those that all have; the connection ends after it.
pub(super) fn response(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    let length = body.len().to_string();
    let always = [
        ("Connection", "close"),
        ("Content-Length", length.as_str()),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];
    for (name, value) in always.iter().chain(headers) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A response as HEAD asks for it.
pub(super) fn without_body(response: &[u8]) -> &[u8] {
    let end = response.windows(4).position(|four| four == b"\r\n\r\n");
    end.map_or(response, |end| &response[..end + 4])
}

/// The response by which the connection becomes a WebSocket.
pub(super) fn switch(key: &str) -> Vec<u8> {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "GET /ws?name=an%61+b%C3%B6%zz HTTP/1.1\r\nHost: localhost:1\r\n\
         Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nrest";

    fn whole(text: &str) -> Head {
        head(text.as_bytes()).expect("is sound").expect("is whole").0
    }

    #[test]
    fn a_head_is_taken_apart_and_what_follows_it_is_left() {
        let (read, length) = head(UPGRADE.as_bytes()).expect("is sound").expect("is whole");
        assert_eq!(&UPGRADE[length..], "rest");
        assert_eq!((read.method.as_str(), read.path.as_str()), ("GET", "/ws"));
        assert_eq!(read.parameter("name").as_deref(), Some("ana bö%zz"));
        assert_eq!(read.websocket_key(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(read.header("host"), Some("localhost:1"));
        let answer = String::from_utf8(switch("dGhlIHNhbXBsZSBub25jZQ==")).expect("is text");
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "RFC 6455 §1.3: {answer}");
    }

    #[test]
    fn every_beginning_of_a_head_is_waited_on() {
        let end = UPGRADE.len() - "rest".len();
        for length in 0..end {
            assert_eq!(head(&UPGRADE.as_bytes()[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "GET\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\n a: folded\r\n\r\n",
            "\u{fffd}\r\n\r\n",
        ] {
            assert_eq!(head(text.as_bytes()), Err("400 Bad Request"), "{text:?}");
        }
        let long = "x".repeat(MAX_HEAD + 5);
        assert!(head(long.as_bytes()).is_err());
    }

    #[test]
    fn a_header_that_stands_there_twice_counts_as_none() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\nX: 1\r\n\r\n";
        let read = whole(text);
        assert_eq!((read.header("host"), read.has("host")), (None, true));
        assert_eq!(read.header("x"), Some("1"));
    }

    #[test]
    fn an_ordinary_request_is_no_websocket() {
        assert_eq!(whole("GET / HTTP/1.1\r\nHost: a\r\n\r\n").websocket_key(), None);
        assert_eq!(whole(&UPGRADE.replace("13", "8")).websocket_key(), None);
        assert_eq!(whole(&UPGRADE.replace("GET", "POST")).websocket_key(), None);
    }

    #[test]
    fn a_response_says_its_length_and_that_nothing_is_to_be_kept() {
        let bytes = response("200 OK", &[("Content-Type", "text/plain")], b"hello");
        let text = String::from_utf8(bytes).expect("is text");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nhello"));
        for part in ["Content-Length: 5\r\n", "no-store", "nosniff", "Content-Type: text/plain"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let head = without_body(text.as_bytes());
        assert!(text.as_bytes().starts_with(head) && head.ends_with(b"text/plain\r\n\r\n"));
    }
}
