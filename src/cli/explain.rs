//! Errors of the network in words: what the system's error means here, and what to try.

use super::config::Config;
use super::failure::{Exit, Failure};
use std::error::Error;
use std::io;

/// Why the group `config` names could not be joined.
pub(super) fn join(error: &(dyn Error + 'static), config: &Config) -> Failure {
    let what = error.to_string();
    match system_error(error) {
        Some(cause) => because(&what, cause, config),
        None if !config.group.interfaces.is_empty() => Failure::new(
            Exit::Network,
            "interface",
            &what,
            "the interfaces given with --interface cannot be used",
            "mcast-chat --interface auto",
        ),
        None => Failure::new(
            Exit::Network,
            "network",
            &what,
            "no interface of this computer can be used for the group",
            "mcast-chat --transport tcp",
        ),
    }
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
    use super::super::args::Args;
    use super::*;
    use clap::Parser as _;

    fn check(errno: i32, line: &str, expected: &str) {
        let args = Args::try_parse_from(line.split(' ')).expect("is understood");
        let config = Config::new(&args.common).expect("is sound");
        let failure = join(&io::Error::from_raw_os_error(errno), &config);
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
        #[derive(Debug, thiserror::Error)]
        #[error("cannot join on eth0")]
        struct Outer(#[source] io::Error);
        let outer = Outer(io::ErrorKind::AddrInUse.into());
        let args = Args::try_parse_from(["mcast-chat"]).expect("is understood");
        let failure = join(&outer, &Config::new(&args.common).expect("is sound"));
        assert_eq!((failure.code, failure.what.as_str()), ("port", "cannot join on eth0"));
    }
}
