//! What the arguments mean: checked once, here, so that nothing behind has to ask again.

use super::address::{self, DEFAULT_GROUP, DEFAULT_PORT, GroupAddress};
use super::args::{Color, Global, Looks, NamePolicy};
use super::failure::{Exit, Failure};
use super::passphrase::{self, Passphrase};
use super::settings::Source;
use super::{explain, refusal};
use crate::chat::{Service, clean_name, is_room};
use crate::runtime::{GroupConfig, TransportChoice};
use crate::ui::settings::Settings;
use crate::ui::{Notices, Refusal};
use std::io::IsTerminal as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The room when none is given.
const DEFAULT_ROOM: &str = "general";

/// All that a command needs to know.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// All but the passphrase.
    pub(super) group: GroupConfig,
    pub(super) passphrase: Option<Passphrase>,
    /// `239.1.1.1:23911`.
    pub(super) group_name: String,
    /// The room that was asked for.
    pub(super) asked_room: Option<String>,
    pub(super) name_policy: NamePolicy,
    /// How messages are delivered that do not say it themselves.
    pub(super) service: Service,
    pub(super) timeout: Duration,
    pub(super) json: bool,
    pub(super) notices: Notices,
    pub(super) color: bool,
    pub(super) no_input: bool,
    /// Whether a screen is wanted, where there can be one.
    #[cfg(feature = "screen")]
    pub(super) screen: bool,
    /// Where to write down what happens.
    pub(super) trace: Option<PathBuf>,
    /// Where to write what is shown, too.
    pub(super) log_file: Option<PathBuf>,
    /// Where files that are taken are put.
    pub(super) folder: PathBuf,
    /// What the configuration file says to the front ends.
    pub(super) front: Settings,
    /// Nothing is kept on disk, and nothing that was kept is read.
    pub(super) no_history: bool,
    /// What is allowed, but probably not meant.
    pub(super) warnings: Vec<String>,
}

impl Config {
    /// What tells the group from others on its address: it is in the names of what is kept of it.
    pub(super) fn fingerprint(&self) -> Result<[u8; 16], Failure> {
        let mut group = self.group.clone();
        group.passphrase = self.passphrase.as_ref().map(Passphrase::to_vec);
        group.unlock().map_err(|error| explain::join(&error, self))
    }

    /// What `typed` means.
    pub(super) fn new(typed: &Global) -> Result<Self, Failure> {
        let looks = &typed.looks;
        let address = group_address(typed)?;
        let port = address.port.unwrap_or(DEFAULT_PORT);
        let group = group_config(typed, &address, port)?;
        let warnings = warnings(address.ip, typed, looks);
        Ok(Self {
            group_name: group.canonical_name(),
            group,
            passphrase: typed.passphrase_file.as_deref().map(passphrase::read).transpose()?,
            asked_room: looks.room.clone().map(check_room).transpose()?,
            name_policy: looks.name_policy,
            service: looks.service.into(),
            timeout: looks.timeout,
            json: looks.json,
            notices: notices(looks),
            color: color(looks.color),
            no_input: looks.no_input,
            #[cfg(feature = "screen")]
            screen: !(looks.plain || looks.json || looks.no_input),
            trace: typed.trace.clone(),
            log_file: looks.log_file.clone(),
            folder: typed.file.folder(),
            front: typed.file.front(),
            no_history: looks.no_history,
            warnings,
        })
    }

    /// The room to talk in.
    pub(super) fn room(&self) -> &str {
        self.asked_room.as_deref().unwrap_or(DEFAULT_ROOM)
    }
}

fn group_address(typed: &Global) -> Result<GroupAddress, Failure> {
    let mut address = match &typed.group {
        Some(text) => address::parse_group(text)?,
        None => GroupAddress { ip: DEFAULT_GROUP, scope: None, port: None },
    };
    let same_source = typed.group_source == typed.port_source;
    let both_typed = same_source && typed.port_source != Source::Environment;
    address.port = match (address.port, typed.port) {
        (Some(a), Some(b)) if a != b && both_typed => {
            return Err(Failure::usage(
                "port",
                &format!("two ports are given: {a} and {b}"),
                "the group names one and the port is another",
                &format!("mcast-chat --group {}", SocketAddr::new(address.ip, a)),
            ));
        }
        // What was typed counts more than the environment; else a group is named with its port.
        (Some(_), Some(b)) if typed.port_source < typed.group_source => Some(b),
        (a, b) => a.or(b),
    };
    Ok(address)
}

fn group_config(typed: &Global, group: &GroupAddress, port: u16) -> Result<GroupConfig, Failure> {
    let mut config = GroupConfig::new(group.ip, port, &name(typed.looks.name.as_deref())?);
    config.scope.clone_from(&group.scope);
    config.interfaces = typed.interface.iter().filter(|name| *name != "auto").cloned().collect();
    config.ttl = u32::from(typed.ttl);
    config.transport = transport(typed)?;
    config.listen = match &typed.listen {
        // Port 0: the first free one of those on which the others look.
        Some(text) => address::resolve(text, 0)?.first().copied(),
        None => None,
    };
    for host in &typed.peer {
        config.dial.extend(address::resolve(host, port)?);
    }
    config.faults.clone_from(&typed.fault);
    config.offload = !typed.no_gso;
    Ok(config)
}

/// Whoever names an address to accept at or to connect to means TCP.
fn transport(typed: &Global) -> Result<TransportChoice, Failure> {
    let tcp = typed.listen.is_some() || !typed.peer.is_empty();
    match typed.transport.into() {
        TransportChoice::Auto if tcp => Ok(TransportChoice::Tcp),
        TransportChoice::Udp if tcp => Err(Failure::usage(
            "transport",
            "--listen and --peer have no meaning with --transport udp",
            "over UDP the members find each other; only TCP connects to addresses",
            "mcast-chat --transport tcp --peer 192.168.1.7",
        )),
        choice => Ok(choice),
    }
}

fn check_room(room: String) -> Result<String, Failure> {
    if is_room(&room) {
        return Ok(room);
    }
    Err(bad_room(&room))
}

/// A room that cannot be.
pub(super) fn bad_room(room: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        "room",
        &format!("\"{room}\" cannot be the name of a room"),
        "a room is one word of at most 64 bytes that does not begin with @",
        "mcast-chat --room general",
    )
}

/// The name that was given; else that of the user, else that of the computer.
fn name(given: Option<&str>) -> Result<String, Failure> {
    let Some(name) = given else { return Ok(clean_name(&default_name()).to_string()) };
    refusal::usable(name).map(|name| name.to_string()).map_err(|refusal| {
        let Refusal { code, message, hint, .. } = refusal;
        Failure::usage(code, message.as_str(), hint.as_str(), "mcast-chat --name ana")
    })
}

fn default_name() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(variable)
        .or_else(|| ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(variable))
        .or_else(host)
        .unwrap_or_default()
}

fn notices(looks: &Looks) -> Notices {
    match (looks.quiet, looks.verbose) {
        (true, _) => Notices::Quiet,
        (_, true) => Notices::Verbose,
        _ => Notices::Normal,
    }
}

fn color(color: Color) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stderr().is_terminal() && !set("NO_COLOR") && !dumb,
    }
}

fn warnings(group: IpAddr, typed: &Global, looks: &Looks) -> Vec<String> {
    let mut warnings = typed.file.warnings.clone();
    if let IpAddr::V4(group) = group
        && group.octets()[..3] == [224, 0, 0]
    {
        warnings.push(format!(
            "{group} is kept for the network's own protocols (RFC 5771 §4), and no router passes \
             it on; for a group of people use 239.x.x.x"
        ));
    }
    if let Some(name) = &looks.name
        && clean_name(name).as_str() != name
    {
        warnings.push(format!("you are called {}: names are one word", clean_name(name)));
    }
    if let Some(fault) = &typed.fault {
        warnings.push(format!("datagrams are damaged on purpose at this member: {fault}"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Args;
    use clap::Parser as _;

    fn config(line: &str) -> Result<Config, Failure> {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let args = Args::try_parse_from(std::iter::once("mcast-chat").chain(words));
        Config::new(&args.expect("clap understands it").common)
    }

    #[test]
    fn the_defaults_are_a_group_of_the_site_and_one_router() {
        let config = config("--name ana").expect("defaults are sound");
        assert_eq!(config.group_name, "239.255.77.1:23911");
        assert_eq!((config.group.ttl, config.group.port), (1, 23_911));
        assert_eq!(config.group.transport, TransportChoice::Auto);
        assert_eq!((config.room(), config.timeout), ("general", Duration::from_secs(5)));
        assert_eq!(config.service, Service::Agreed);
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn a_port_that_was_typed_counts_more_than_one_of_the_environment() {
        use Source::{Environment, File, Flag};
        let name = |group_source, port_source| {
            let line = "mcast-chat -g 239.1.1.1:5000 -p 6000 -n ana";
            let args = Args::try_parse_from(line.split(' ')).expect("clap understands it");
            let typed = Global { group_source, port_source, ..args.common };
            Config::new(&typed).map(|config| config.group_name)
        };
        assert_eq!(name(Flag, Environment).as_deref(), Ok("239.1.1.1:5000"));
        assert_eq!(name(Environment, Flag).as_deref(), Ok("239.1.1.1:6000"));
        assert_eq!(name(Environment, Environment).as_deref(), Ok("239.1.1.1:5000"));
        assert_eq!(name(Environment, File).as_deref(), Ok("239.1.1.1:5000"));
        assert_eq!(name(File, Environment).as_deref(), Ok("239.1.1.1:6000"));
        assert_eq!(name(Flag, Flag).expect_err("contradicts itself").code, "port");
        assert_eq!(name(File, File).expect_err("contradicts itself").code, "port");
    }

    #[test]
    fn what_is_given_is_taken() {
        let config = config(
            "-g [ff12::1%eth0]:5000 -i eth0 -i auto --ttl 4 -n ana -r build --timeout 1m -q",
        )
        .expect("is sound");
        assert_eq!(config.group_name, "[ff12::1]:5000");
        assert_eq!(config.group.scope.as_deref(), Some("eth0"));
        assert_eq!(config.group.interfaces, ["eth0"]);
        assert_eq!((config.group.ttl, config.room()), (4, "build"));
        assert_eq!((config.notices, config.timeout.as_secs()), (Notices::Quiet, 60));
    }

    #[test]
    fn an_address_to_connect_to_means_tcp() {
        let config = config("--peer 127.0.0.1 --peer 127.0.0.1:7").expect("is sound");
        assert_eq!(config.group.transport, TransportChoice::Tcp);
        let dial: Vec<String> = config.group.dial.iter().map(ToString::to_string).collect();
        assert_eq!(dial, ["127.0.0.1:23911", "127.0.0.1:7"]);
        let listen = |line: &str| super::tests::config(line).expect("is sound").group.listen;
        assert_eq!(listen("--listen 127.0.0.1"), Some(([127, 0, 0, 1], 0).into()));
        assert_eq!(listen("--listen 127.0.0.1:7"), Some(([127, 0, 0, 1], 7).into()));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (line, code, exit) in [
            ("--group 192.168.1.5", "group-addr", 2),
            ("--group 239.1.1.1:5 --port 6", "port", 2),
            ("--transport udp --peer 127.0.0.1", "transport", 2),
            ("--room @bo", "room", 8),
            ("--name \u{200b}", "name", 2),
            ("--passphrase-file /nonexistent/key", "passphrase", 2),
        ] {
            let failure = config(line).expect_err(line);
            assert_eq!((failure.code, failure.exit.code()), (code, exit), "{line}");
        }
    }

    #[test]
    fn what_is_probably_not_meant_is_warned_about() {
        let warned = |line: &str| config(line).expect("is sound").warnings.join("; ");
        assert!(warned("--group 224.0.0.251 -n a").starts_with("224.0.0.251 is kept for"));
        assert_eq!(warned("-n a~b"), "you are called a-b: names are one word");
        assert!(warned("-n a --fault loss=0.2").contains("loss=0.2"));
    }
}
