//! Who may connect: the names under which this computer is asked for, the pages that may ask, and
//! the token.
//!
//! A page of any website can open connections to 127.0.0.1, and its name server can let its own
//! name mean 127.0.0.1 (DNS rebinding). The browser tells both by what it sends as `Origin` and
//! `Host`.

use std::net::{IpAddr, SocketAddr};

/// Whether `host` (`127.0.0.1:8080`) is one of the names of this computer's `port`: the address
/// that was connected to, or loopback by name or number.
pub(super) fn is_own_host(host: &str, at: SocketAddr) -> bool {
    let port = at.port();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), ip(at)];
    names.iter().any(|name| {
        let rest = host.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name));
        rest.is_some_and(|_| is_port(&host[name.len()..], port))
    })
}

/// Whether `origin` is a page that this very port served.
pub(super) fn is_own_origin(origin: &str, at: SocketAddr) -> bool {
    origin.strip_prefix("http://").is_some_and(|host| is_own_host(host, at))
}

/// Whether `origin` is a page that some program of this computer served, on whatever port.
pub(super) fn is_local_origin(origin: &str) -> bool {
    let schemes = ["http://", "https://"];
    let Some(host) = schemes.iter().find_map(|scheme| origin.strip_prefix(scheme)) else {
        return false;
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| match host.strip_prefix(name) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
}

/// Whether `given` is the token, in a time that does not tell how much of it is right.
pub(super) fn is_token(token: &str, given: &str) -> bool {
    let differences = token.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    token.len() == given.len() && differences == 0
}

/// A port that takes both kinds of addresses says `::ffff:192.168.1.5`, and is asked for by the
/// plain one.
fn ip(at: SocketAddr) -> String {
    match at.ip().to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// `:8080`, or nothing for the port that needs no telling.
fn is_port(text: &str, port: u16) -> bool {
    match text.strip_prefix(':') {
        Some(digits) => digits.parse() == Ok(port) && digits.bytes().all(|b| b.is_ascii_digit()),
        None => text.is_empty() && port == 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "127.0.0.1:8080";

    fn own(host: &str) -> bool {
        is_own_host(host, AT.parse().expect("an address"))
    }

    #[test]
    fn this_computer_is_asked_for_by_its_own_names_only() {
        for host in ["127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080"] {
            assert!(own(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8080",
            "127.0.0.1",
            "127.0.0.1:80800",
            "127.0.0.1:+8080",
            "127.0.0.1:8081",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "evil.example#127.0.0.1:8080",
            "é:8080",
        ] {
            assert!(!own(host), "{host}");
        }
        let lan = "192.168.1.5:8080".parse().expect("an address");
        assert!(is_own_host("192.168.1.5:8080", lan) && !is_own_host("192.168.1.6:8080", lan));
        let plain = "[::1]:80".parse().expect("an address");
        assert!(is_own_host("localhost", plain) && is_own_host("[::1]", plain));
        let both = "[::ffff:192.168.1.5]:8080".parse().expect("an address");
        assert!(is_own_host("192.168.1.5:8080", both) && !is_own_host("192.168.1.5", both));
        let far = "[fe80::1%3]:8080".parse().expect("an address");
        assert!(is_own_host("[fe80::1]:8080", far) && !is_own_host("fe80::1:8080", far));
    }

    #[test]
    fn a_page_is_our_own_by_scheme_name_and_port() {
        let at = AT.parse().expect("an address");
        assert!(is_own_origin("http://localhost:8080", at));
        for origin in ["https://localhost:8080", "http://localhost:3000", "null", "", "http://"] {
            assert!(!is_own_origin(origin, at), "{origin}");
        }
    }

    #[test]
    fn pages_of_this_computer_may_use_the_bare_websocket_and_others_not() {
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5"] {
            assert!(is_local_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://localhost:1:2",
            "http://127.0.0.1@evil.example",
            "file://",
        ] {
            assert!(!is_local_origin(origin), "{origin}");
        }
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(is_token("abc", "abc"));
        for given in ["", "ab", "abd", "abcd"] {
            assert!(!is_token("abc", given), "{given}");
        }
    }
}
