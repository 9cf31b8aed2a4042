//! What was typed. What it means is in [`super::config`].

use super::bench::args::Bench;
use super::pace::Pace;
use super::settings::command::ConfigCommand;
use super::settings::{File, Source};
use super::since::Since;
use crate::runtime::TransportChoice;
use crate::transport::faults::FaultConfig;
use clap::builder::TypedValueParser as _;
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Shown after the options; its first paragraph stands in the manual, too.
pub(super) const EXAMPLES: &str = "\
Examples:
  mcast-chat                                    talk with everybody on this network
  mcast-chat --group 239.1.1.1 --name ana       in a group of your own
  mcast-chat --passphrase-file team.key         in a group that others cannot read
  echo 'disk full' | mcast-chat                 every line of stdin is a message
  mcast-chat send --wait all 'build 7 is out'   exit code 0: every member has it
  mcast-chat listen --json | jq .text           for scripts
  mcast-chat who                                who is here?
  mcast-chat doctor                             why is nobody here?
  mcast-chat share fw.bin                       give a file to whoever takes it
  mcast-chat get fw.bin                         take it
  mcast-chat history --grep 'disk|full'         what was said about it?

While you talk: /who /nick NAME /msg NAME TEXT /me ACT /sync on
/share FILE /get NAME /files /history /stats /help /quit
Exit codes: 0 done, 2 usage, 3 network, 4 too few members, 5 not confirmed by all,
6 another passphrase, 7 name taken, 8 input refused, 9 file incomplete, 10 doctor found
a fault, 130 interrupted";

/// Talk with everybody on your network, without a server.
///
/// Start it on two computers of one network: they find each other. Every message reaches everybody,
/// or you are told what is missing.
#[derive(Parser, Debug)]
#[command(name = "mcast-chat", version, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true, infer_long_args = false)]
pub(super) struct Args {
    /// What to do; without it, talk.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// What holds for all commands.
    #[command(flatten)]
    pub(super) common: Global,
}

/// A command.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Send one message and wait until the others have it
    Send(Send),
    /// Show messages as they come, or run a command for each
    Listen(Listen),
    /// List who is here
    Who(Who),
    /// Offer files and folders, and give them to whoever takes them
    Share(Share),
    /// Take files and folders that are offered; without a name, list them
    Get(Get),
    /// Show what was said, out of what is kept on this computer
    History(History),
    /// Let people without this program take part: a page, WebSockets, lines over TCP
    #[cfg(feature = "web")]
    Gateway(super::gateway::Typed),
    /// Find out why nobody is there, or that all is well
    Doctor(Doctor),
    /// Show, compare and accept keys: who is who
    Key(Key),
    /// Judge a run by its traces (--trace): was anything lost, twice, or out of order?
    Verify(Verify),
    /// Measure how fast the group is: one sends, the others receive
    Bench(Bench),
    /// Show loss, repairs, round trips and rates, once an interval
    Stats(Stats),
    /// Where the configuration file is, a first one, and what is in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the completions of a shell to stdout
    Completions(Completions),
    /// Write the manual: all pages into DIR, or the first one to stdout
    Man(Man),
}

impl Command {
    /// Whether the configuration file has a say in it: what only names or writes it must do also
    /// where it is damaged.
    pub(super) const fn is_configured(&self) -> bool {
        !matches!(
            self,
            Self::Verify(_)
                | Self::Completions(_)
                | Self::Man(_)
                | Self::Config(ConfigCommand::Path | ConfigCommand::Init { .. })
        )
    }
}

/// Arguments of `send`.
#[derive(ClapArgs, Debug)]
pub(super) struct Send {
    /// To this member only, sealed to it: nobody else can read it
    #[arg(long, value_name = "NAME")]
    pub(super) to: Option<String>,
    /// To any one member: the nearest takes it, and stderr tells who; 4 where nobody does
    #[arg(long, conflicts_with_all = ["to", "all_rooms"])]
    pub(super) any: bool,
    /// To all, in whatever rooms they are
    #[arg(long, conflicts_with = "to")]
    pub(super) all_rooms: bool,
    /// Wait until all, N or none of the other members have it
    ///
    /// all are those that are here when it is sent, and at least one: where nobody else is here,
    /// all and N send nothing and end with 4 (nobody), 6 (others have another passphrase) or 3
    /// (this computer reaches nobody). none sends in any case, and ends with 0.
    #[arg(long, value_name = "all|N|none", default_value = "all")]
    pub(super) wait: Wait,
    /// Wait (up to --timeout) until this many other members are here before sending
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) min_members: usize,
    /// The message; - or nothing: read it from stdin
    #[arg(value_name = "TEXT")]
    pub(super) text: Vec<String>,
}

/// Arguments of `listen`.
#[derive(ClapArgs, Debug)]
pub(super) struct Listen {
    /// Stop after so many messages
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Run CMD for each message, one after another
    ///
    /// CMD is split at spaces and started without a shell. The message is in its environment:
    /// MCAST_CHAT_TEXT, MCAST_CHAT_FROM, MCAST_CHAT_ROOM, MCAST_CHAT_ID. The text is on its stdin,
    /// too, and one of more than 120 KiB only there: MCAST_CHAT_TEXT is not set then.
    #[arg(long, value_name = "CMD")]
    pub(super) exec: Option<String>,
    /// Begin with what was said before: TIME back, after the message ID, or all that can be had
    ///
    /// Without it, what was said before this program came is not shown. With --cursor, it counts
    /// only while there is no FILE.
    #[arg(long, value_name = "TIME|ID|start")]
    pub(super) since: Option<Since>,
    /// Go on where the last run with this FILE ended, without loss
    ///
    /// FILE names the last message shown (or, with --exec, done). What is missing since is read
    /// from the history on this computer, and asked for from the others. After a kill or a power
    /// cut, the last moment's messages may be shown twice; their ids tell.
    #[arg(long, value_name = "FILE")]
    pub(super) cursor: Option<PathBuf>,
}

/// Arguments of `share`.
#[derive(ClapArgs, Debug)]
pub(super) struct Share {
    /// End when so many others have all of it; without it, when interrupted
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..).map(|n| n as usize))]
    pub(super) copies: Option<usize>,
    #[command(flatten)]
    pub(super) pace: Pace,
    /// What to offer
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub(super) files: Vec<PathBuf>,
}

/// Arguments of `get`.
#[derive(ClapArgs, Debug)]
pub(super) struct Get {
    /// Take all that is offered until --wait is over
    #[arg(long, conflicts_with = "what")]
    pub(super) all: bool,
    /// Where to put it; nothing that is there is overwritten
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub(super) output: PathBuf,
    /// How long to wait for offers
    #[arg(long, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(super) wait: Duration,
    /// Go on giving it to others when all is here
    #[arg(long)]
    pub(super) stay: bool,
    #[command(flatten)]
    pub(super) pace: Pace,
    /// Names, or at least 4 digits of their hashes
    #[arg(value_name = "NAME|HASH")]
    pub(super) what: Vec<String>,
}

/// Arguments of `history`.
#[derive(ClapArgs, Debug)]
pub(super) struct History {
    /// Only messages in which this regular expression matches ((?i) ahead: without case)
    #[arg(long, value_name = "RE")]
    pub(super) grep: Option<String>,
    /// Only what was said so long ago at most, or after the message ID
    #[arg(long, value_name = "TIME|ID|start")]
    pub(super) since: Option<Since>,
    /// Only the last so many of them
    #[arg(long, value_name = "N")]
    pub(super) count: Option<usize>,
}

/// Arguments of `who`.
#[derive(ClapArgs, Debug)]
pub(super) struct Who {
    /// How long to listen for members
    #[arg(long, value_name = "TIME", default_value = "2s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(super) wait: Duration,
}

/// Arguments of `stats`.
#[derive(ClapArgs, Debug)]
pub(super) struct Stats {
    /// How often to show them, at least 100ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(super) interval: Duration,
    /// Stop after so many
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match interval < Duration::from_millis(100) {
        true => Err("it is less than 100ms".to_owned()),
        false => Ok(interval),
    }
}

/// Arguments of `completions`.
#[derive(ClapArgs, Debug)]
pub(super) struct Completions {
    /// bash: as ~/.local/share/bash-completion/completions/mcast-chat
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Arguments of `man`.
#[derive(ClapArgs, Debug)]
pub(super) struct Man {
    /// The folder of the pages
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(ClapArgs, Debug)]
pub(super) struct Doctor {
    /// Go on for so long, and tell whether multicast dies while unicast goes on (6m is enough)
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) watch: Option<Duration>,
    /// Write what was found out to FILE, too, for somebody who helps
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

/// Arguments of `key`.
#[derive(ClapArgs, Debug)]
pub(super) struct Key {
    /// What to do
    #[command(subcommand)]
    pub(super) command: KeyCommand,
}

/// What to do with keys.
#[derive(Subcommand, Debug)]
pub(super) enum KeyCommand {
    /// Show your own fingerprint, and those that were seen
    Show,
    /// Show the fingerprints of NAME, who is here, and of you, to be compared by voice
    Verify {
        /// Whose
        #[arg(value_name = "NAME")]
        whom: String,
    },
    /// Accept the key that NAME, who is here, has now
    Trust {
        /// Whose
        #[arg(value_name = "NAME")]
        whom: String,
    },
    /// Write your own name and fingerprint, to give to others
    Export,
}

/// Arguments of `verify`.
#[derive(ClapArgs, Debug)]
pub(super) struct Verify {
    /// The traces: all of the run
    #[arg(value_name = "TRACE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// A session (by its first digits), or a trace all of whose unended sessions were killed
    ///
    /// Whoever is not told as killed must have ended properly: else the verdict is UNKNOWN.
    #[arg(long, value_name = "SESSION|TRACE")]
    pub(super) killed: Vec<String>,
    /// What was sent so long before a member left, it must have had
    #[arg(long, value_name = "TIME", default_value = "2s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(super) settle: Duration,
}

/// What holds for all commands.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Group and network")]
pub(super) struct Global {
    /// The group: a multicast address [default: 239.255.77.1]
    #[arg(short, long, global = true, value_name = "ADDR[:PORT]", env = "MCAST_CHAT_GROUP")]
    #[arg(hide_env_values = true)]
    pub(super) group: Option<String>,
    /// The UDP port of the group [default: 23911]
    #[arg(short, long, global = true, env = "MCAST_CHAT_PORT", hide_env_values = true)]
    #[arg(value_parser = value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// Who says what the group is.
    #[arg(skip)]
    pub(super) group_source: Source,
    /// Who says what the port is.
    #[arg(skip)]
    pub(super) port_source: Source,
    /// An interface to use, by name or address; repeatable [default: all that can carry multicast]
    #[arg(short, long, global = true, value_name = "NAME|IP|auto", env = "MCAST_CHAT_INTERFACE")]
    #[arg(hide_env_values = true, value_delimiter = ',')]
    pub(super) interface: Vec<String>,
    /// How many routers a message may pass, plus one
    #[arg(long, global = true, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = value_parser!(u8))]
    pub(super) ttl: u8,
    /// udp: multicast; tcp: connections between members; auto: udp where it can be used
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) transport: Transport,
    /// Where to accept TCP connections of other members
    #[arg(long, global = true, value_name = "ADDR[:PORT]")]
    pub(super) listen: Option<String>,
    /// A member to connect to over TCP; repeatable
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) peer: Vec<String>,
    /// A file whose first line locks the group; - reads it from stdin, or asks on a terminal
    #[arg(long, global = true, value_name = "PATH", env = "MCAST_CHAT_PASSPHRASE_FILE")]
    #[arg(hide_env_values = true)]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Lose, delay, repeat or reorder datagrams at this member, to see the repair at work
    #[arg(long, global = true, value_name = "loss=0.2,seed=7")]
    pub(super) fault: Option<FaultConfig>,
    /// Send and receive each datagram with a call of its own (else many at once, where possible)
    #[arg(long, global = true)]
    pub(super) no_gso: bool,
    /// Write down all that happens, for `verify`: appended to FILE, a JSON object a line
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// The configuration file [default: ~/.config/mcast-chat/config.toml; see `config`]
    #[arg(long, global = true, value_name = "PATH", env = "MCAST_CHAT_CONFIG")]
    #[arg(hide_env_values = true)]
    pub(super) config: Option<PathBuf>,
    /// Also what [profile.NAME] of the configuration file says
    #[arg(long, global = true, value_name = "NAME", env = "MCAST_CHAT_PROFILE")]
    #[arg(hide_env_values = true)]
    pub(super) profile: Option<String>,
    /// What that file says.
    #[arg(skip)]
    pub(super) file: File,
    /// What is shown, and as whom.
    #[command(flatten)]
    pub(super) looks: Looks,
}

/// What is shown, and as whom.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "You, and what you see")]
pub(super) struct Looks {
    /// Your name [default: your user name]
    #[arg(short, long, visible_alias = "nick", global = true, env = "MCAST_CHAT_NAME")]
    #[arg(hide_env_values = true)]
    pub(super) name: Option<String>,
    /// If somebody has your name: show digits after both, or fail
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) name_policy: NamePolicy,
    /// The room to talk in [default: general]
    #[arg(short, long, global = true, env = "MCAST_CHAT_ROOM", hide_env_values = true)]
    pub(super) room: Option<String>,
    /// When a message is shown: fifo, in its sender's order; causal, after all that its sender had
    /// seen; agreed, in one order for all; safe, when all have it
    #[arg(long, global = true, value_enum, default_value_t, hide_possible_values = true)]
    pub(super) service: Service,
    /// How long to wait for the others to confirm
    #[arg(long, global = true, value_name = "TIME", default_value = "5s")]
    #[arg(value_parser = humantime::parse_duration)]
    pub(super) timeout: Duration,
    /// One JSON object a line, on stdout; and on stdin while talking
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// No screen: a line an event, as for a screen reader, a dumb terminal, or a log
    #[arg(long, global = true)]
    pub(super) plain: bool,
    /// Whether notices are dimmed
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(super) color: Color,
    /// Messages and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Also tell of gaps, repairs, interfaces and counters
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(super) verbose: bool,
    /// Write what happens to PATH, too: plain lines with the time; at 10 MiB it becomes PATH.1
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) log_file: Option<PathBuf>,
    /// Do not read stdin: only listen
    #[arg(long, global = true)]
    pub(super) no_input: bool,
    /// Keep nothing of what is said on disk, and read nothing that was kept
    #[arg(long, global = true)]
    pub(super) no_history: bool,
}

/// `--transport`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Transport {
    /// UDP where an interface can carry multicast, else TCP on this computer.
    #[default]
    Auto,
    /// UDP multicast.
    Udp,
    /// The TCP mesh.
    Tcp,
}

impl From<Transport> for TransportChoice {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Auto => Self::Auto,
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
        }
    }
}

/// `--name-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum NamePolicy {
    /// Both are shown with digits of their ids.
    #[default]
    Suffix,
    /// The program ends with exit code 7.
    Fail,
}

/// `--service`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Service {
    /// In its sender's order
    Fifo,
    /// And after all that its sender had seen
    Causal,
    /// And in one order for all
    #[default]
    Agreed,
    /// And only when all have it
    Safe,
}

impl From<Service> for crate::chat::Service {
    fn from(service: Service) -> Self {
        match service {
            Service::Fifo => Self::Fifo,
            Service::Causal => Self::Causal,
            Service::Agreed => Self::Agreed,
            Service::Safe => Self::Safe,
        }
    }
}

/// `--color`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `--wait` of `send`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// For all members that are here.
    All,
    /// For so many.
    Count(usize),
    /// For none: the message is only handed to the network.
    None,
}

impl FromStr for Wait {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            number => number.parse().map(Self::Count).map_err(|_| "all, none or a number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn global_arguments_stand_before_or_after_the_command() {
        for line in ["mcast-chat -g 239.1.1.1 send hi", "mcast-chat send hi -g 239.1.1.1"] {
            let args = Args::try_parse_from(line.split(' ')).expect("is understood");
            assert_eq!(args.common.group.as_deref(), Some("239.1.1.1"), "{line}");
            assert!(matches!(args.command, Some(Command::Send(_))));
        }
        let args = Args::try_parse_from(["mcast-chat", "--nick", "bo"]).expect("is understood");
        assert_eq!(args.common.looks.name.as_deref(), Some("bo"));
    }

    #[test]
    fn how_long_to_wait_is_all_none_or_a_number() {
        for (text, wait) in
            [("all", Ok(Wait::All)), ("none", Ok(Wait::None)), ("3", Ok(Wait::Count(3)))]
        {
            assert_eq!(text.parse(), wait);
        }
        assert!("some".parse::<Wait>().is_err());
    }
}
