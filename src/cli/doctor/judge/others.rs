//! How long datagrams may be, what is lost here, and who else is about.

use crate::chat::Safe;
use crate::cli::doctor::check::Check;
use crate::cli::doctor::facts::Facts;
use crate::cli::doctor::fixes;
use crate::cli::doctor::tally::Seen;
use std::collections::BTreeMap;

/// A clock that is off by more puts wrong times beside what is said.
const SKEW_MICROS: u64 = 10_000_000;
/// An interface that carries less cannot take what others send (Ethernet carries 1,500).
const LEAST_MTU: u32 = 1_280;
/// What [`crate::transport::udp::BUFFER`] is asked for.
const BUFFER: u64 = crate::transport::udp::BUFFER as u64;

pub(super) fn sizes(facts: &Facts) -> Check {
    let used = facts.interfaces.iter().filter(|face| face.skipped.is_none());
    let small = used.filter_map(|face| Some((&face.known.name, face.known.mtu?)));
    if let Some((name, mtu)) = small.clone().find(|(_, mtu)| *mtu < LEAST_MTU) {
        let why = format!(
            "{name} carries only {mtu} bytes at once (its MTU): longer datagrams of others, up to \
             1,480 bytes, do not come"
        );
        return Check::warn(11, &why, &[format!("sudo ip link set {name} mtu 1500")]);
    }
    // Only who hears the group at all tells something of lengths.
    let hear = |seen: &&Seen| seen.hears().is_some_and(|share| share > 0.0);
    let members: Vec<&Seen> = facts.tally.members.values().filter(hear).collect();
    let lengths: Vec<usize> = facts.tally.lengths.values().copied().collect();
    if members.is_empty() || lengths.is_empty() {
        return Check::skip(11, "nobody hears the group who could tell");
    }
    let lost = |seen: &Seen| lengths.iter().copied().filter(|l| !seen.lengths.contains(l)).min();
    let worst = members.iter().filter_map(|seen| Some((lost(seen)?, seen.called()))).min();
    let longest = lengths.iter().max().copied().unwrap_or(0);
    match worst {
        None => Check::ok(11, &format!("datagrams up to {longest} bytes reach all who answer")),
        Some((length, who)) if length <= facts.longest => {
            let why = format!(
                "datagrams of {length} bytes do not reach {who}, and short ones do: an interface \
                 on the way carries less at once (its MTU) than those here; run the command there"
            );
            Check::fail(11, &why, &["sudo ip link set eth0 mtu 1500".to_owned()])
        }
        Some((length, who)) => {
            let why = format!(
                "datagrams of {length} bytes, which go in pieces, do not reach {who}: only groups \
                 of more than 30 need those"
            );
            let fix = "sudo nft list ruleset  # on both: IP fragments must pass";
            Check::warn(11, &why, &[fix.to_owned()])
        }
    }
}

pub(super) fn drops(facts: &Facts) -> Check {
    let system = &facts.system;
    let raise = format!("sudo sysctl -w net.core.rmem_max={BUFFER}");
    if system.overflowed > 0 {
        let why = format!(
            "{} datagrams were dropped while we looked, as programs here did not read them in time",
            system.overflowed
        );
        return Check::warn(12, &why, &[raise]);
    }
    if let Some(holder) = facts.holders.iter().find(|holder| holder.drops > 0) {
        let name = match &holder.program {
            Some((pid, name)) => format!("{name} (process {pid})"),
            None => "a program".to_owned(),
        };
        let why = format!(
            "{name} at this port has lost {} datagrams so far for want of room",
            holder.drops
        );
        return Check::warn(12, &why, &[raise]);
    }
    let mut why = "nothing is dropped here for want of room".to_owned();
    if let Some(most) = system.rmem_max.filter(|most| *most < BUFFER) {
        why.push_str(&format!(
            " (a receive buffer may have {} KiB of {} asked for: enough for a chat; for files, \
             {raise})",
            most >> 10,
            BUFFER >> 10
        ));
    }
    Check::ok(12, &why)
}

pub(super) fn strangers(facts: &Facts) -> Check {
    let tally = &facts.tally;
    if let Some(from) = tally.foreign.values().next() {
        let count = tally.foreign.len();
        let members = if count == 1 { "member has" } else { "members have" };
        let why = format!(
            "{count} {members} another passphrase, or none ({}): nothing of them can be read, nor \
             of you by them",
            from.ip()
        );
        let fix = [fixes::ours("--passphrase-file team.key", facts.group)];
        return match tally.members.is_empty() {
            true => Check::fail(13, &why, &fix),
            false => Check::warn(13, &why, &fix),
        };
    }
    if let Some((version, from)) = tally.versions.iter().next() {
        let why = format!(
            "{} runs another version of this program (protocol {version}), or another program on \
             this port",
            from.ip()
        );
        return Check::warn(13, &why, &["mcast-chat --version  # on both".to_owned()]);
    }
    if let Some(name) = twice(tally.members.values()) {
        let why = format!("two members are called {name}: both are shown with digits of their ids");
        return Check::warn(13, &why, &[format!("mcast-chat --name {name}2")]);
    }
    let ahead = |seen: &&Seen| seen.clock_ahead.is_some_and(|a| a.unsigned_abs() > SKEW_MICROS);
    if let Some(seen) = tally.members.values().find(ahead) {
        let off = seen.clock_ahead.unwrap_or(0);
        let word = if off > 0 { "ahead of" } else { "behind" };
        let why = format!(
            "the clock of {} is {} s {word} the one here: times beside messages are wrong",
            seen.called(),
            off.unsigned_abs() / 1_000_000
        );
        return Check::warn(13, &why, &["sudo timedatectl set-ntp true  # on both".to_owned()]);
    }
    Check::ok(13, "no other passphrase, version, doubled name or wrong clock is about")
}

/// A name that two members have.
fn twice<'s>(members: impl Iterator<Item = &'s Seen>) -> Option<&'s Safe> {
    let mut names = BTreeMap::new();
    for seen in members {
        let (Some(name), Some(id)) = (&seen.name, seen.id) else { continue };
        if names.insert(name.as_str().to_lowercase(), id).is_some_and(|other| other != id) {
            return Some(name);
        }
    }
    None
}

pub(super) fn privacy(facts: &Facts) -> Check {
    if !facts.tally.members.is_empty() {
        return Check::ok(14, "this program may use the network: others are heard");
    }
    if cfg!(target_os = "macos") {
        return Check::warn(
            14,
            "macOS asks whether this terminal may use the local network; without a yes nothing \
             passes, and no error says so (or \"No route to host\")",
            &["open 'x-apple.systempreferences:com.apple.preference.security?Privacy_LocalNetwork'"
                .to_owned()],
        );
    }
    if cfg!(windows) {
        return Check::warn(
            14,
            "Windows drops what comes in on networks that it calls public, unless this program is \
             allowed",
            &["netsh advfirewall firewall add rule name=mcast-chat dir=in action=allow \
               protocol=UDP localport=23911"
                .to_owned()],
        );
    }
    Check::skip(14, "only macOS and Windows keep programs from the network in their settings")
}
