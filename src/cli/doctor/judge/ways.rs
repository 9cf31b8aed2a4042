//! Who answers, by which ways: a way that carries in one direction only names the computer that is
//! in the way.

use crate::cli::doctor::check::{Check, State};
use crate::cli::doctor::facts::{Facts, Firewall};
use crate::cli::doctor::fixes;
use crate::cli::doctor::tally::Seen;

/// So many members are told of one by one.
const FEW: usize = 5;
/// More lost than this, and people are told.
const LOSSY: f64 = 0.05;

/// How the group's datagrams pass between us and a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ways {
    Both,
    /// It is heard here, and does not hear us.
    OnlyHere,
    /// It hears us, and is not heard here.
    OnlyThere,
    /// Neither; it answers by unicast.
    Neither,
}

/// Whether something that it sends to the group comes.
pub(super) fn is_heard_by_group(seen: &Seen) -> bool {
    seen.comes()
}

fn ways(seen: &Seen) -> Ways {
    let hears = seen.hears().is_some_and(|share| share > 0.0);
    match (seen.comes(), hears) {
        (true, true) => Ways::Both,
        (true, false) => Ways::OnlyHere,
        (false, true) => Ways::OnlyThere,
        (false, false) => Ways::Neither,
    }
}

pub(super) fn members(facts: &Facts) -> Check {
    let members: Vec<&Seen> = facts.tally.members.values().collect();
    if facts.unopened.is_some() || facts.tally.sent == 0 {
        return Check::skip(6, "nobody could be asked");
    }
    if facts.sending.iter().all(|(_, refused)| refused.is_some()) {
        return Check::skip(6, "nothing could be sent to the group, see check 4");
    }
    if members.is_empty() {
        let why = format!("nobody answered {} probes to the group", facts.tally.plain);
        let fix = format!("mcast-chat --group {}  # on the other computer", facts.group);
        return Check::warn(6, &why, &[fix]);
    }
    let looped = facts.looped.iter().any(|(_, came)| *came > 0);
    if let Some(seen) = members.iter().find(|seen| ways(seen) == Ways::OnlyHere) {
        return deaf(facts, seen);
    }
    if let Some(seen) = members.iter().find(|seen| ways(seen) == Ways::OnlyThere) {
        return mute(facts, seen, looped);
    }
    let apart = members.iter().filter(|seen| ways(seen) == Ways::Neither).count();
    if apart > 0 {
        let why = format!(
            "{apart} of {} members answer, but by unicast only: see check 7",
            members.len()
        );
        return Check::warn(6, &why, &[]);
    }
    let lossy = members.iter().find(|seen| loss(seen) > LOSSY);
    match lossy {
        Some(seen) => Check::warn(
            6,
            &format!("much is lost; it is repaired, but slowly: {}", describe(seen)),
            &[format!("ping {}  # on wireless: come nearer, or take a cable", seen.address)],
        ),
        None => Check::ok(6, &describe_all(&members)),
    }
}

/// Each of a few; of many how many, and the worst.
fn describe_all(members: &[&Seen]) -> String {
    if members.len() <= FEW {
        return members.iter().map(|seen| describe(seen)).collect::<Vec<_>>().join("; ");
    }
    let worst = members.iter().max_by(|a, b| loss(a).total_cmp(&loss(b)));
    let worst = worst.map(|seen| describe(seen)).unwrap_or_default();
    format!("{} members; most is lost with {worst}", members.len())
}

/// It is heard, and does not hear us.
fn deaf(facts: &Facts, seen: &Seen) -> Check {
    let called = seen.called();
    let (fact, cause) = match seen.by_unicast > 0 {
        true => (
            "hears what is sent to it alone, but not what is sent to the group",
            "its firewall, or the network on the way to it, keeps multicast back",
        ),
        false => ("is heard here, but hears nothing of us", "a firewall on that computer drops it"),
    };
    let apart = match super::here::routes(facts).state {
        State::Warn | State::Fail => " (or its rp_filter, see check 8)",
        _ => "",
    };
    let why = format!("{called} {fact}: {cause}{apart}; run the command on {}", seen.address);
    Check::fail(6, &why, &fixes::let_in(Firewall::Unknown, facts.group))
}

/// It hears us, and is not heard.
fn mute(facts: &Facts, seen: &Seen, looped: bool) -> Check {
    let called = seen.called();
    if !looped {
        let why = format!("{called} hears us, but is not heard: see check 5");
        return Check::warn(6, &why, &[]);
    }
    let why = format!(
        "{called} hears us, but nothing that it sends to the group comes here: a firewall on that \
         computer forbids it to send, or the network keeps it back; run the command on {}",
        seen.address
    );
    Check::fail(6, &why, &fixes::let_out(Firewall::Unknown, facts.group))
}

/// The greater share that is lost of both ways.
fn loss(seen: &Seen) -> f64 {
    let lost = |share: Option<f64>| share.map_or(0.0, |share| 1.0 - share);
    lost(seen.hears()).max(lost(seen.is_heard()))
}

fn describe(seen: &Seen) -> String {
    let percent = |share: Option<f64>| match share {
        Some(share) => format!("{:.0} %", (1.0 - share) * 100.0),
        None => "?".to_owned(),
    };
    let mut text = format!(
        "{}: {} lost on the way there, {} on the way back",
        seen.called(),
        percent(seen.hears()),
        percent(seen.is_heard())
    );
    if let Some(trip) = seen.round_trip() {
        text.push_str(&format!(", round trip {:.1} ms", trip.as_secs_f64() * 1e3));
    }
    for (count, what) in [(seen.late, "out of order"), (seen.doubled, "twice")] {
        if count > 0 {
            text.push_str(&format!(", {count} came {what}"));
        }
    }
    text
}

pub(super) fn unicast(facts: &Facts) -> Check {
    let members: Vec<&Seen> = facts.tally.members.values().collect();
    if members.is_empty() {
        return Check::skip(7, "nobody is known who could be asked alone");
    }
    let apart: Vec<&&Seen> = members.iter().filter(|seen| ways(seen) == Ways::Neither).collect();
    if let Some(seen) = apart.first() {
        let looped = facts.looped.iter().any(|(_, came)| *came > 0);
        let names: Vec<String> = apart.iter().map(|seen| seen.called()).collect();
        if !looped {
            let why = format!("{} is reached by unicast; see check 5", seen.called());
            return Check::ok(7, &why);
        }
        if facts.interfaces.iter().any(|face| face.known.addresses.contains(&seen.address)) {
            let why = format!(
                "{} runs on this computer, but listens on other interfaces than those used here",
                seen.called()
            );
            return Check::fail(7, &why, &[fixes::ours("--interface auto", facts.group)]);
        }
        let why = format!(
            "{} is reached by unicast, but nothing sent to the group passes, in either direction: \
             the network between keeps multicast back (IGMP snooping of a switch, \"AP isolation\" \
             or a multicast filter of an access point)",
            names.join(", ")
        );
        return Check::fail(7, &why, &[
            "mcast-chat --group 224.0.0.77  # all of you: the one range that no switch keeps back"
                .to_owned(),
            "switch off multicast filter, AP isolation or IGMP snooping in the switch or access \
             point, or switch on its IGMP querier"
                .to_owned(),
        ]);
    }
    let answer = members.iter().filter(|seen| seen.by_unicast > 0).count();
    match answer {
        0 => Check::skip(7, "nobody answers to unicast, which the group does not need"),
        _ => {
            let count = members.len();
            Check::ok(7, &format!("{answer} of {count} answer to unicast, too (not needed)"))
        }
    }
}
