//! The world in which a transcript plays: does what a command says, and tells what came of it.

use mcast_chat::sim::{Clock, Mark, Told, Who, World, secs};
use mcast_chat::time::Duration;
use mcast_chat::wire::Kind;
use mcast_chat::wire::packet::Service;

/// How long a command that waits for something waits.
const PATIENCE: Duration = secs(60);

type Done = Result<String, String>;

/// The world, once there are members in it.
#[derive(Default)]
pub struct Stage {
    world: Option<World>,
    members: usize,
    /// How much of the story was told.
    told: usize,
    heartbeats: bool,
    receipts: bool,
    /// Lines that say so are not told.
    hidden: Vec<String>,
}

impl Stage {
    /// Does what `command` says; what came of it, each line with its end.
    pub fn perform(&mut self, command: &str) -> Done {
        let words: Vec<&str> = words(command);
        let (verb, rest) = words.split_first().ok_or("there is no command")?;
        match (*verb, rest) {
            ("members", rest) => self.begin(rest)?,
            ("heard", []) => return self.heard(),
            ("views", []) => return self.views(),
            ("show", ["heartbeats"]) => self.heartbeats = true,
            ("show", ["receipts"]) => self.receipts = true,
            ("hide", [words]) => self.hidden.push((*words).to_owned()),
            ("skip", [interval]) => {
                let interval = self::interval(interval)?;
                self.world()?.run_for(interval);
                self.told = self.world()?.story().len();
            }
            (verb, rest) if self.time(verb, rest)? || self.member(verb, rest)? => {}
            (verb, rest) if self.network(verb, rest)? => {}
            _ => return Err("no such command".into()),
        }
        Ok(self.tell())
    }

    fn world(&mut self) -> Result<&mut World, String> {
        self.world.as_mut().ok_or_else(|| "there are no members yet".to_owned())
    }

    fn begin(&mut self, rest: &[&str]) -> Result<(), String> {
        let (count, delay, window) = match rest {
            [count] => (count, "1ms", None),
            [count, "delay", delay] => (count, *delay, None),
            [count, "delay", delay, "window", window] => (count, *delay, Some(bytes(window)?)),
            _ => return Err("how many members?".into()),
        };
        self.members = count.parse().map_err(|_| format!("\"{count}\" is no number"))?;
        let mut world = World::new(1);
        world.keep_story();
        for index in 0..self.members {
            let who = Who(index);
            let mut config = mcast_chat::engine::Config::new(who.member(), &who.to_string());
            config.window = window.unwrap_or(config.window);
            world.add(config, Clock::EXACT);
        }
        let delay = interval(delay)?;
        world.each_link(|link| link.delay = delay);
        self.world = Some(world);
        Ok(())
    }

    /// Commands that let time pass.
    fn time(&mut self, verb: &str, rest: &[&str]) -> Result<bool, String> {
        match (verb, rest) {
            ("run", [time]) => {
                let time = interval(time)?;
                self.world()?.run_for(time);
            }
            ("until", [words, "within", time]) => {
                let time = interval(time)?;
                if !self.world()?.run_until_told(words, time) {
                    return Err(format!("it was not told within {time:?}:\n{}", self.tell()));
                }
            }
            ("gather", rest) => self.gather(rest)?,
            ("settle", []) => {
                let settled = |world: &World| world.unsettled().is_none();
                if !self.world()?.run_until(settled, PATIENCE) {
                    return Err(self.world()?.unsettled().unwrap_or_default());
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// They come one after another, so that the first is the oldest; nothing is told of it.
    fn gather(&mut self, rest: &[&str]) -> Result<(), String> {
        let whom = self.whom(rest)?;
        let whom = if whom.is_empty() { (0..self.members).map(Who).collect() } else { whom };
        for who in whom {
            self.world()?.start(who);
            self.world()?.run_for(secs(1));
        }
        self.told = self.world()?.story().len();
        Ok(())
    }

    /// Commands to members.
    fn member(&mut self, verb: &str, rest: &[&str]) -> Result<bool, String> {
        let act: fn(&mut World, Who) = match verb {
            "say" => return self.say(rest),
            "start" => World::start,
            "leave" => World::leave,
            "crash" => World::crash,
            "restart" => World::restart,
            "recall" => |world, who| world.restart_with_archive(who, 0),
            "pause" => World::pause,
            "resume" => World::resume,
            _ => return Ok(false),
        };
        let mut whom = self.whom(rest)?;
        if whom.is_empty() && verb == "start" {
            whom = (0..self.members).map(Who).collect();
        }
        for who in whom {
            act(self.world()?, who);
        }
        Ok(true)
    }

    fn say(&mut self, rest: &[&str]) -> Result<bool, String> {
        let [who, service, text] = rest else {
            return Err("who says what, and how?".into());
        };
        let service = match *service {
            "fifo" => Service::Fifo,
            "causal" => Service::Causal,
            "agreed" => Service::Agreed,
            "safe" => Service::Safe,
            other => return Err(format!("\"{other}\" is no service")),
        };
        let text = bytes(text).map_or_else(|_| (*text).to_owned(), |count| "x".repeat(count));
        for who in self.whom(&[who])? {
            self.world()?.say_as(who, service, &text);
        }
        Ok(true)
    }

    /// Commands to the network.
    fn network(&mut self, verb: &str, rest: &[&str]) -> Result<bool, String> {
        match (verb, rest) {
            ("partition", sides) => {
                let sides: Result<Vec<_>, _> = sides.iter().map(|s| self.whom(&[s])).collect();
                let sides = sides?;
                let sides: Vec<&[Who]> = sides.iter().map(Vec::as_slice).collect();
                self.world()?.partition(&sides);
            }
            ("isolate", [who]) => {
                for who in self.whom(&[who])? {
                    self.world()?.isolate(who);
                }
            }
            ("cut", [from, to]) => {
                let (from, to) = (self.whom(&[from])?, self.whom(&[to])?);
                self.world()?.one_way(&from, &to);
            }
            ("rejoin", []) => self.world()?.rejoin(),
            ("lose", [kind, from, to, count @ ..]) => {
                let count = match count {
                    [] => 1,
                    [count, ..] => {
                        count.parse().map_err(|_| format!("\"{count}\" is no number"))?
                    }
                };
                let (kind, from, to) = (named(kind)?, self.whom(&[from])?, self.whom(&[to])?);
                let ways = from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to)));
                for (from, to) in ways {
                    self.world()?.lose(from, to, kind, count);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Members by their letters: `A B`, or `AB`.
    fn whom(&self, names: &[&str]) -> Result<Vec<Who>, String> {
        let letters = names.iter().flat_map(|name| name.chars());
        let who = letters.map(|letter| {
            let index = (letter as usize).wrapping_sub('A' as usize);
            let known = index < self.members || self.world.is_none();
            if known { Ok(Who(index)) } else { Err(format!("\"{letter}\" is no member")) }
        });
        who.collect()
    }

    fn heard(&mut self) -> Done {
        let mut text = String::new();
        for who in (0..self.members).map(Who) {
            let heard: Vec<String> = self
                .world()?
                .deliveries(who)
                .map(|heard| {
                    let mark = if heard.history { " (history)" } else { "" };
                    if heard.body.len() > 1_000 {
                        return format!("{}: {} bytes{mark}", heard.from, heard.body.len());
                    }
                    format!("{}: {}{mark}", heard.from, String::from_utf8_lossy(heard.body))
                })
                .collect();
            text += &format!("{who}  {}\n", heard.join(", "));
        }
        Ok(text)
    }

    fn views(&mut self) -> Done {
        let mut text = String::new();
        for who in (0..self.members).map(Who) {
            let last = self.world()?.views(who).pop();
            let view = last.map(|view| {
                let members: Vec<String> = view.members.iter().map(Who::to_string).collect();
                let primary = if view.primary { "primary" } else { "not primary" };
                format!("view {} {{{}}}, {primary}", view.id.epoch, members.join(" "))
            });
            text += &format!("{who}  {}\n", view.unwrap_or_else(|| "no view".into()));
        }
        Ok(text)
    }

    /// What happened and was not told yet.
    fn tell(&mut self) -> String {
        let Some(world) = &self.world else { return String::new() };
        let (mut text, mut hidden) = (String::new(), false);
        for told in &world.story()[self.told..] {
            // What is lost is told if what was sent is.
            let is_loss = told.mark == Mark::Drop;
            hidden = if is_loss { hidden } else { self.is_hidden(told) };
            if !(hidden || is_loss && self.is_hidden(told)) {
                let millis = told.at.as_secs_f64() * 1e3;
                text += &format!("{millis:>8.1}  {}\n", plain(&told.line));
            }
        }
        self.told = world.story().len();
        text
    }

    fn is_hidden(&self, told: &Told) -> bool {
        let says = |words: &str| told.line.contains(words);
        if self.hidden.iter().any(|words| says(words)) {
            return true;
        }
        match told.mark {
            Mark::Arrive | Mark::Timeout => true,
            Mark::Drop => says("(cut)"),
            Mark::Transmit => says("sends HEARTBEAT") && !self.heartbeats,
            Mark::Event => (says(" has all before") || says(" have all before")) && !self.receipts,
            _ => false,
        }
    }
}

/// The line without what changes with every byte of the wire format: counter and size.
fn plain(line: &str) -> String {
    let Some((what, seal)) = line.rsplit_once(" as ").filter(|_| line.contains("  sends ")) else {
        return line.to_owned();
    };
    let owner = seal.split(' ').next().unwrap_or_default();
    let own = line.chars().next() == owner.chars().next();
    if own { what.to_owned() } else { format!("{what}, a packet of {owner}") }
}

/// The words of a command; what is in quotes is one.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('"').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.collect()
}

fn interval(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = text[..text.len() - unit.len()].parse();
    match (count, unit) {
        (Ok(count), "s") => Ok(Duration::from_secs(count)),
        (Ok(count), "ms") => Ok(Duration::from_millis(count)),
        (Ok(count), "us") => Ok(Duration::from_micros(count)),
        _ => Err(format!("\"{text}\" is no interval like 10ms or 2s")),
    }
}

/// A size, as `8000B`.
fn bytes(text: &str) -> Result<usize, String> {
    let count = text.strip_suffix('B').and_then(|count| count.parse().ok());
    count.ok_or_else(|| format!("\"{text}\" is no size like 8000B"))
}

fn named(kind: &str) -> Result<Kind, String> {
    match kind {
        "DATA" => Ok(Kind::Data),
        "HEARTBEAT" => Ok(Kind::Heartbeat),
        "NACK" => Ok(Kind::Nack),
        "LEAVE" => Ok(Kind::Leave),
        "FLUSH_REQ" => Ok(Kind::FlushReq),
        "FLUSH_STATE" => Ok(Kind::FlushState),
        "CUT" => Ok(Kind::Cut),
        "CUT_DONE" => Ok(Kind::CutDone),
        "INSTALL" => Ok(Kind::Install),
        "BULK" => Ok(Kind::Bulk),
        "PARITY" => Ok(Kind::Parity),
        "BULK_NACK" => Ok(Kind::BulkNack),
        "BULK_JOIN" => Ok(Kind::BulkJoin),
        "PROBE" => Ok(Kind::Probe),
        "PROBE_REPLY" => Ok(Kind::ProbeReply),
        _ => Err(format!("\"{kind}\" is no kind of packet")),
    }
}
