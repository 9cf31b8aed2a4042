//! Errors of the network in words: what the system's error means here, and what to try.

use super::config::Config;
use super::failure::{Exit, Failure};
use crate::runtime::JoinError;
use crate::transport::udp::OpenError;
use std::error::Error;
use std::fmt::Display;
use std::io;

/// Why the group that `config` names could not be joined.
pub(super) fn join(error: &JoinError, config: &Config) -> Failure {
    let what = error.to_string();
    match error {
        JoinError::Udp(OpenError::NoInterface { skipped }) => no_interface(&what, skipped),
        JoinError::Udp(OpenError::UnknownInterface { .. }) => Failure::usage(
            "interface",
            &what,
            "--interface takes a name or an address of this computer (ENODEV)",
            "mcast-chat --interface auto",
        ),
        JoinError::Passphrase(_) | JoinError::NoPassphrases => Failure::usage(
            "passphrase",
            &what,
            "the group cannot be locked, and is not joined open instead",
            "mcast-chat --passphrase-file team.key",
        ),
        _ => match system_error(error) {
            Some(cause) => because(&what, cause, config),
            None => Failure::new(
                Exit::Network,
                "network",
                &what,
                "the group cannot be joined as it was asked for",
                "mcast-chat --transport tcp",
            ),
        },
    }
}

/// What the transport noticed while running, with what the system's error in it means.
pub(super) fn notice(text: &str, config: &Config) -> Failure {
    match errno(text) {
        Some(cause) => because(text, &cause, config),
        None => Failure::new(
            Exit::Network,
            "network",
            text,
            "the network of this computer cannot be used",
            "ip -brief address",
        ),
    }
}

/// The system's error that `text` ends with, as the standard library writes it: `(os error 1)`.
fn errno(text: &str) -> Option<io::Error> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    let (number, _) = rest.split_once(')')?;
    number.parse().ok().map(io::Error::from_raw_os_error)
}

fn no_interface<R: Display>(what: &str, skipped: &[(String, R)]) -> Failure {
    let reasons: Vec<String> =
        skipped.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    let why = match reasons.is_empty() {
        true => "this computer has no network interface".to_owned(),
        false => reasons.join("; "),
    };
    let remedy = "mcast-chat --transport tcp (members on this computer, or with --peer)";
    Failure::new(Exit::Network, "interface", what, &why, remedy)
}

/// The error of the system at the bottom of `error`.
fn system_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(system) = error.downcast_ref::<io::Error>() {
            return Some(system);
        }
        next = error.source();
    }
    None
}

fn because(what: &str, cause: &io::Error, config: &Config) -> Failure {
    let port = config.group.port;
    let (code, why, remedy): (_, &str, String) = match symbol(cause) {
        Some("EADDRINUSE") => (
            "port",
            "another program holds the port and does not share it",
            format!("mcast-chat --port {}", port.wrapping_add(1).max(1_024)),
        ),
        Some("EACCES") if port < 1_024 => (
            "port",
            "a port below 1024 needs the rights of the administrator",
            "mcast-chat --port 23911".to_owned(),
        ),
        Some("EPERM" | "EACCES") => (
            "refused",
            "this computer refuses to send: probably an outgoing firewall rule",
            "sudo nft list ruleset".to_owned(),
        ),
        Some("ENETUNREACH") => (
            "route",
            "the system knows no way to the group: is a network connected?",
            "ip -brief address".to_owned(),
        ),
        Some("EHOSTUNREACH") => (
            "route",
            "nothing can be sent: a missing route, or (macOS) Local Network is not allowed \
             for this terminal in the privacy settings",
            "ip -brief address".to_owned(),
        ),
        Some("ENODEV" | "ENXIO" | "EADDRNOTAVAIL") => (
            "interface",
            "there is no such interface or address on this computer, or it went away",
            "ip -brief address".to_owned(),
        ),
        _ => ("network", "the system's network refused it", "ip -brief address".to_owned()),
    };
    let why = match symbol(cause) {
        Some(symbol) => format!("{why} ({symbol})"),
        None => format!("{why} ({cause})"),
    };
    Failure::new(Exit::Network, code, what, &why, &remedy)
}

/// The name of the system's error, where the numbers are the same on all Unix systems or the
/// standard library tells them apart.
fn symbol(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as Kind;
    match (error.kind(), error.raw_os_error()) {
        (Kind::AddrInUse, _) => Some("EADDRINUSE"),
        (Kind::PermissionDenied, Some(1)) => Some("EPERM"),
        (Kind::PermissionDenied, _) => Some("EACCES"),
        (Kind::NetworkUnreachable, _) => Some("ENETUNREACH"),
        (Kind::HostUnreachable, _) => Some("EHOSTUNREACH"),
        (Kind::AddrNotAvailable, _) => Some("EADDRNOTAVAIL"),
        (_, Some(19)) => Some("ENODEV"),
        (_, Some(6)) => Some("ENXIO"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Args;
    use crate::transport::mesh;
    use clap::Parser as _;

    fn check(errno: i32, line: &str, expected: &str) {
        let args = Args::try_parse_from(line.split(' ')).expect("is understood");
        let config = Config::new(&args.common).expect("is sound");
        let source = io::Error::from_raw_os_error(errno);
        let failure = join(&JoinError::Io { doing: "join", source }, &config);
        assert_eq!(failure.exit, Exit::Network);
        let text = failure.to_string();
        let (_, why_and_remedy) = text.split_once('\n').expect("three lines");
        assert_eq!(why_and_remedy, expected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_error_of_the_system_says_what_it_means_and_what_to_try() {
        check(
            98,
            "mcast-chat",
            "  why: another program holds the port and does not share it (EADDRINUSE)\n  \
             try: mcast-chat --port 23912",
        );
        check(
            13,
            "mcast-chat -p 53",
            "  why: a port below 1024 needs the rights of the administrator (EACCES)\n  \
             try: mcast-chat --port 23911",
        );
        check(
            1,
            "mcast-chat",
            "  why: this computer refuses to send: probably an outgoing firewall rule (EPERM)\n  \
             try: sudo nft list ruleset",
        );
        check(
            101,
            "mcast-chat",
            "  why: the system knows no way to the group: is a network connected? (ENETUNREACH)\n  \
             try: ip -brief address",
        );
        check(
            19,
            "mcast-chat",
            "  why: there is no such interface or address on this computer, or it went away \
             (ENODEV)\n  try: ip -brief address",
        );
        check(
            113,
            "mcast-chat",
            "  why: nothing can be sent: a missing route, or (macOS) Local Network is not allowed \
             for this terminal in the privacy settings (EHOSTUNREACH)\n  try: ip -brief address",
        );
    }

    #[test]
    fn an_error_that_wraps_the_systems_error_is_looked_through() {
        let source = io::ErrorKind::AddrInUse.into();
        let error =
            JoinError::Tcp(mesh::OpenError::Listen { address: ([127, 0, 0, 1], 7).into(), source });
        let args = Args::try_parse_from(["mcast-chat"]).expect("is understood");
        let failure = join(&error, &Config::new(&args.common).expect("is sound"));
        assert_eq!(failure.code, "port");
        assert!(failure.what.as_str().starts_with("cannot listen on 127.0.0.1:7"));
    }

    #[test]
    fn without_an_interface_each_says_why_it_cannot() {
        let skipped = [("eth0".to_owned(), "it is down"), ("lo".to_owned(), "it is loopback")];
        assert_eq!(
            no_interface("no interface can carry the group", &skipped).to_string(),
            "error[interface]: no interface can carry the group\n  \
             why: eth0: it is down; lo: it is loopback\n  \
             try: mcast-chat --transport tcp (members on this computer, or with --peer)"
        );
    }
}
