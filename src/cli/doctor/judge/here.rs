//! What this computer tells without anybody's help.

use crate::cli::doctor::check::Check;
use crate::cli::doctor::facts::{Face, Facts, Inside, Refused, Unopened};
use crate::cli::doctor::fixes;
use crate::cli::doctor::tally::Seen;
use crate::transport::iface::Family;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// From here up Linux draws the ports that programs have for a while (`ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;
/// Silence after the last query that makes a switch forget who listens (RFC 3376 §8.4).
const FORGETS: u64 = 260;

pub(super) fn group(facts: &Facts) -> Check {
    let Facts { group, ttl, elsewhere, .. } = facts;
    if let Some((port, from)) = elsewhere.first().filter(|_| facts.tally.members.is_empty()) {
        let other = SocketAddr::new(group.ip(), *port);
        let why = format!(
            "members of the same address are heard at port {port} (from {}), and you are at port \
             {}: another port is another group",
            from.ip(),
            group.port()
        );
        return Check::fail(1, &why, &[format!("mcast-chat --group {other}")]);
    }
    if *ttl == 0 {
        let why = "with --ttl 0 nothing leaves this computer";
        return Check::warn(1, why, &[fixes::ours("--ttl 1", *group)]);
    }
    if group.port() >= EPHEMERAL {
        let why = format!(
            "port {} is one of those that this system lends to programs for a while: it may be \
             taken",
            group.port()
        );
        return Check::warn(1, &why, &[format!("mcast-chat --group {}:23911", group.ip())]);
    }
    if matches!(group.ip(), IpAddr::V4(ip) if ip.octets()[..3] == [224, 0, 0]) {
        let why = format!(
            "{} is kept for the network's own protocols: it passes every switch and no router",
            group.ip()
        );
        return Check::warn(1, &why, &["mcast-chat --group 239.255.77.1".to_owned()]);
    }
    let reach = match ttl {
        1 => "stays on this network".to_owned(),
        ttl => format!("passes up to {} routers, where they forward multicast", ttl - 1),
    };
    Check::ok(1, &format!("{group}; TTL {ttl} {reach}"))
}

pub(super) fn interfaces(facts: &Facts) -> Check {
    let family = Family::of(facts.group.ip());
    let (used, skipped): (Vec<&Face>, Vec<&Face>) =
        facts.interfaces.iter().partition(|face| face.skipped.is_none());
    let says = |face: &&Face| match &face.skipped {
        None => {
            let address = face.address(family).map(|ip| ip.to_string()).unwrap_or_default();
            let kind = if face.kind.is_empty() { "" } else { ", " };
            format!("{} ({address}{kind}{})", face.known.name, face.kind)
        }
        Some(why) => format!("{}: {why}", face.known.name),
    };
    let list = |faces: &[&Face]| faces.iter().map(says).collect::<Vec<_>>().join("; ");
    if used.is_empty() {
        let why = format!(
            "no interface can be used: {}; only members on this computer are reached (by TCP)",
            list(&skipped)
        );
        return Check::fail(2, &why, &[mend(&skipped)]);
    }
    let left = match skipped.is_empty() {
        true => String::new(),
        false => format!("; not used: {}", list(&skipped)),
    };
    let why = format!("used: {}{left}", list(&used));
    let inward = |face: &&Face| matches!(face.kind, "for containers" | "for a container" | "a VPN");
    match used.iter().all(inward) {
        true => Check::warn(
            2,
            &format!(
                "only virtual interfaces can be used: other computers of this place are not \
                 reached; {why}"
            ),
            &[mend(&skipped)],
        ),
        false => Check::ok(2, &why),
    }
}

/// How the interface that is nearest to being usable becomes so.
fn mend(skipped: &[&Face]) -> String {
    let candidate = skipped.iter().find(|face| !face.known.loopback);
    let Some(face) = candidate else { return "ip -brief address".to_owned() };
    let name = &face.known.name;
    match (face.known.up, face.known.multicast) {
        (false, _) => format!("sudo ip link set {name} up"),
        (_, Some(false)) => format!("sudo ip link set {name} multicast on"),
        _ => "ip -brief address".to_owned(),
    }
}

pub(super) fn port(facts: &Facts) -> Check {
    let port = facts.group.port();
    let known = facts.holders.iter().find_map(|holder| holder.program.as_ref());
    match &facts.unopened {
        Some(Unopened::Held) => match known {
            Some((pid, name)) => {
                let why = format!(
                    "port {port} is held by {name} (process {pid}), which does not share it \
                     [EADDRINUSE]"
                );
                Check::fail(3, &why, &[format!("kill {pid}")])
            }
            None => {
                let why = format!(
                    "port {port} is held by a program that does not share it [EADDRINUSE]; only \
                     the administrator sees which"
                );
                Check::fail(3, &why, &[format!("sudo ss -ulpn 'sport = :{port}'")])
            }
        },
        Some(Unopened::Denied) => {
            let why = format!("this user may not have port {port} [EACCES]: it is below 1024");
            Check::fail(3, &why, &[format!("mcast-chat --group {}:23911", facts.group.ip())])
        }
        Some(Unopened::Other(words)) => Check::fail(3, words, &["ip -brief address".to_owned()]),
        Some(Unopened::NoInterface | Unopened::AllRefused) => {
            Check::skip(3, "there is no interface to use it on")
        }
        None => {
            let with = match known {
                Some((pid, name)) => format!("; shared with {name} (process {pid})"),
                None => String::new(),
            };
            Check::ok(3, &format!("port {port} can be had{with}"))
        }
    }
}

pub(super) fn send(facts: &Facts) -> Check {
    if facts.sending.is_empty() {
        return Check::skip(4, "the group could not be opened");
    }
    let failed: Vec<(&str, &Refused)> = facts
        .sending
        .iter()
        .filter_map(|(name, refused)| Some((name.as_str(), refused.as_ref()?)))
        .collect();
    let names: Vec<&str> = facts.sending.iter().map(|(name, _)| name.as_str()).collect();
    let Some((name, refused)) = failed.first() else {
        return Check::ok(4, &format!("joined, and sent on {}", names.join(", ")));
    };
    let (means, fixes) = explain(refused, facts, name);
    let why = format!("cannot use {name}: {means}");
    match failed.len() == names.len() {
        true => Check::fail(4, &why, &fixes),
        false => Check::warn(4, &why, &fixes),
    }
}

/// What an error of sending means here, and what to do.
fn explain(refused: &Refused, facts: &Facts, name: &str) -> (String, Vec<String>) {
    let look = vec!["ip -brief address".to_owned()];
    match refused.errno {
        Some(1) => (
            "an outgoing firewall rule of this computer forbids it [EPERM]".to_owned(),
            fixes::let_out(facts.system.firewall, facts.group),
        ),
        Some(101) => (
            "the system knows no way to the group [ENETUNREACH]".to_owned(),
            vec![fixes::way(facts.group, name)],
        ),
        Some(113) => ("the network says that there is no way [EHOSTUNREACH]".to_owned(), look),
        Some(105) => (
            "the system lets no socket join so many groups [ENOBUFS]".to_owned(),
            vec!["sudo sysctl -w net.ipv4.igmp_max_memberships=100".to_owned()],
        ),
        Some(19) => ("the interface is gone [ENODEV]".to_owned(), look),
        Some(90) => (
            "the datagram is too long for it [EMSGSIZE]".to_owned(),
            vec![format!("sudo ip link set {name} mtu 1500")],
        ),
        _ => (refused.words.clone(), look),
    }
}

pub(super) fn self_loop(facts: &Facts) -> Check {
    let sent = facts.tally.sent;
    if facts.unopened.is_some() || sent == 0 {
        return Check::skip(5, "nothing was sent");
    }
    let refused = |name: &str| facts.sending.iter().any(|(n, e)| n == name && e.is_some());
    let looped: Vec<&(String, u32)> =
        facts.looped.iter().filter(|(name, _)| !refused(name)).collect();
    if looped.is_empty() {
        return Check::skip(5, "nothing could be sent, see check 4");
    }
    let deaf: Vec<&str> =
        looped.iter().filter(|(_, came)| *came == 0).map(|(name, _)| name.as_str()).collect();
    let names: Vec<&str> = looped.iter().map(|(name, _)| name.as_str()).collect();
    if deaf.is_empty() {
        let names = names.join(", ");
        return Check::ok(
            5,
            &format!(
                "what is sent through {names} comes back: no firewall of \
            this computer is in the way"
            ),
        );
    }
    let why = format!(
        "what this computer itself sends through {} does not come back to it: its own firewall \
         drops what comes in to {}",
        deaf.join(", "),
        facts.group
    );
    let fixes = fixes::let_in(facts.system.firewall, facts.group);
    match deaf.len() == looped.len() {
        true => Check::fail(5, &why, &fixes),
        false => Check::warn(5, &why, &fixes),
    }
}

pub(super) fn routes(facts: &Facts) -> Check {
    if !facts.group.is_ipv4() {
        return Check::skip(8, "of IPv6 nobody is dropped for want of a way back");
    }
    let used = || facts.interfaces.iter().filter(|face| face.skipped.is_none());
    let filtering = used().find(|face| face.rp_filter > 0);
    let heard = facts.tally.members.values().any(super::ways::is_heard_by_group);
    let lost = facts.system.unroutable;
    if let (Some(face), 1..) = (filtering, lost) {
        let name = &face.known.name;
        let why = format!(
            "{lost} datagrams were thrown away because this computer has no way back to their \
             sender (rp_filter {}): another computer on {name} has an address of another network",
            face.rp_filter
        );
        let fixes = [
            "ip -brief address  # on both: the numbers before the / must be of one network".into(),
            format!(
                "sudo sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{name}.rp_filter=0"
            ),
        ];
        return if heard { Check::warn(8, &why, &fixes) } else { Check::fail(8, &why, &fixes) };
    }
    let strays: Vec<String> = facts
        .tally
        .members
        .values()
        .filter(|seen| matches!(seen.address, IpAddr::V4(ip) if !has_way(facts, ip)))
        .map(Seen::called)
        .collect();
    if let Some(first) = strays.first() {
        let why = format!(
            "{first} has an address of another network, to which this computer has no way: it may \
             hear nobody here (if its rp_filter is on)"
        );
        let fix = "ip -brief address  # on both: the addresses must be of one network";
        return Check::warn(8, &why, &[fix.to_owned()]);
    }
    Check::ok(8, "nothing was thrown away for want of a way back to its sender")
}

fn has_way(facts: &Facts, address: Ipv4Addr) -> bool {
    let routes = &facts.system.routes;
    address.is_loopback() || routes.is_empty() || routes.iter().any(|r| r.leads_to(address))
}

pub(super) fn switches(facts: &Facts) -> Check {
    if let Some(watched) = &facts.watched
        && let Some((who, after)) = watched.died.first()
    {
        let why = format!(
            "multicast with {who} died after {after} s while unicast went on: a switch snoops on \
             IGMP, nobody asks who listens, and so it forgets (mostly after {FORGETS} s)"
        );
        return Check::fail(9, &why, &[
            "switch on the IGMP querier of the switch or router, or switch its IGMP snooping off"
                .to_owned(),
            "mcast-chat --group 224.0.0.77  # of the range that no switch keeps back".to_owned(),
        ]);
    }
    let used: Vec<&Face> = facts.interfaces.iter().filter(|face| face.skipped.is_none()).collect();
    if let Some(face) = used.iter().find(|face| matches!(face.forced_igmp, 1 | 2)) {
        let name = &face.known.name;
        let why = format!("{name} is forced to speak IGMPv{}", face.forced_igmp);
        let fix = format!("sudo sysctl -w net.ipv4.conf.{name}.force_igmp_version=0");
        return Check::warn(9, &why, &[fix]);
    }
    let versions: Vec<String> = used
        .iter()
        .filter_map(|face| {
            let version = face.igmp.as_ref()?;
            Some(format!("{} speaks IGMP {version}", face.known.name))
        })
        .collect();
    let mut why = match versions.is_empty() {
        true => "IGMP is not known".to_owned(),
        false => versions.join(", "),
    };
    if !facts.system.snooping.is_empty() {
        let bridges = facts.system.snooping.join(", ");
        why.push_str(&format!("; {bridges} of this computer snoops without asking itself"));
    }
    match &facts.watched {
        Some(watched) => why.push_str(&format!("; multicast went on for {} s", watched.seconds)),
        None => why.push_str("; whether a switch forgets who listens takes 5 minutes: --watch 6m"),
    }
    Check::ok(9, &why)
}

pub(super) fn surroundings(facts: &Facts) -> Check {
    let used = facts.interfaces.iter().filter(|face| face.skipped.is_none());
    let mut addresses = used.filter_map(|face| face.address(Family::V4));
    let behind = |network: Ipv4Addr, bits: u32| {
        move |ip: IpAddr| {
            let IpAddr::V4(ip) = ip else { return false };
            (ip.to_bits() ^ network.to_bits()) >> (32 - bits) == 0
        }
    };
    match facts.system.inside {
        Some(Inside::Wsl) => Check::warn(
            10,
            "this is WSL2: in its NAT mode multicast of the LAN does not reach it, and in mirrored \
             mode much of it is dropped, too",
            &["run mcast-chat in Windows itself, or on a Linux computer".to_owned()],
        ),
        Some(Inside::Container) if addresses.any(behind(Ipv4Addr::new(172, 16, 0, 0), 12)) => {
            Check::warn(
                10,
                "this is a container behind a bridge: multicast does not pass that",
                &["docker run --network host …".to_owned()],
            )
        }
        Some(Inside::VirtualMachine) if addresses.any(behind(Ipv4Addr::new(10, 0, 2, 0), 24)) => {
            Check::warn(
                10,
                "this is a virtual machine behind address translation (NAT): multicast does not \
                 pass that",
                &["set the machine's network to \"bridged\"".to_owned()],
            )
        }
        _ => Check::ok(10, "no container bridge, WSL2 or NAT of a virtual machine in the way"),
    }
}
