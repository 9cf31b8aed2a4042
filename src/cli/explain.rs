//! Errors of the network in words: what the system's error means here, and what to try.

use super::config::Config;
use super::failure::{Exit, Failure};
use crate::runtime::JoinError;
use crate::transport::mesh::OpenError as ListenError;
use crate::transport::udp::OpenError;
use std::error::Error;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

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
        JoinError::Tcp(ListenError::Listen { address, source })
            if source.kind() == io::ErrorKind::AddrInUse =>
        {
            held_address(&what, *address)
        }
        _ => match system_error(error) {
            Some(cause) => because(&what, cause, config.group.port),
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
pub(super) fn notice(text: &str, port: u16) -> Failure {
    match errno(text) {
        Some(cause) => because(text, &cause, port),
        None => Failure::new(
            Exit::Network,
            "network",
            text,
            "the network of this computer cannot be used",
            "ip -brief address",
        ),
    }
}

/// The same in one line: as it is where no error of the system is in it.
pub(super) fn in_words(text: &str, port: u16) -> String {
    if errno(text).is_none() {
        return text.to_owned();
    }
    let Failure { why, remedy, .. } = notice(text, port);
    format!("{text}: {why}; try: {remedy}")
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

/// Members find each other at whatever port each listens on: another one does no harm.
fn held_address(what: &str, address: SocketAddr) -> Failure {
    let next = address.port().checked_add(1).unwrap_or(1_024);
    Failure::new(
        Exit::Network,
        "port",
        what,
        "another program, or another member, listens there (EADDRINUSE)",
        &format!("mcast-chat --listen {}", SocketAddr::new(address.ip(), next)),
    )
}

fn because(what: &str, cause: &io::Error, port: u16) -> Failure {
    let (code, why, remedy): (_, &str, String) = match symbol(cause) {
        Some("EADDRINUSE") => (
            "port",
            "another program holds the port and does not share it; end that program, or change \
             the port of all members: another --port is another group",
            format!("sudo ss -ulpn 'sport = :{port}' (names the program)"),
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
            "  why: another program holds the port and does not share it; end that program, or \
             change the port of all members: another --port is another group (EADDRINUSE)\n  \
             try: sudo ss -ulpn 'sport = :23911' (names the program)",
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
        assert_eq!(
            failure.to_string(),
            "error[port]: cannot listen on 127.0.0.1:7: address in use\n  \
             why: another program, or another member, listens there (EADDRINUSE)\n  \
             try: mcast-chat --listen 127.0.0.1:8"
        );
    }

    #[test]
    fn an_error_while_it_runs_is_explained_as_at_the_start() {
        let text = "eth0: cannot send: Operation not permitted (os error 1)";
        assert_eq!(
            in_words(text, 23_911),
            "eth0: cannot send: Operation not permitted (os error 1): this computer refuses to \
             send: probably an outgoing firewall rule (EPERM); try: sudo nft list ruleset"
        );
        let text = "eth0 is no longer in use: it is down";
        assert_eq!(in_words(text, 23_911), text);
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
