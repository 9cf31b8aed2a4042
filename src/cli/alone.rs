//! Why nobody else is here, as far as this computer can tell.

use super::config::Config;
use super::failure::{Exit, Failure};
use super::talk::Talk;
use super::{explain, refusal};
use crate::engine::Drop;
use crate::runtime::{Carrier, TransportChoice};

/// Nobody else is here: for want of the passphrase, because this computer cannot send or reaches
/// only itself, or because nobody is there. `what` begins the sentence and ends with "nobody
/// else".
pub(super) fn failure(talk: &Talk, config: &Config, what: &str) -> Failure {
    let strangers = talk.chat.strangers();
    let carrier = talk.group.carrier();
    if strangers > 0 {
        return refusal::strangers(strangers, talk.unopened(), talk.group.is_private());
    }
    if let Some(error) = &talk.send_error {
        return explain::notice(error, config.group.port);
    }
    let what = format!("{what} is in {}", config.group_name);
    match config.group.transport {
        TransportChoice::Auto if carrier.transport == "tcp" => {
            Failure::new(Exit::Network, "network", &what, &reach(carrier), "ip -brief address")
        }
        _ => Failure::new(Exit::TooFew, "too-few", &what, &reach(carrier), "mcast-chat doctor"),
    }
}

/// Whether this computer itself can send and receive, as far as one learns without others: what it
/// sends to the group comes back to it, through its firewall.
pub(super) fn first_words(talk: &Talk) -> &'static str {
    let comes_back = talk.group.stats().dropped(Drop::Own) > 0;
    own_part(talk.group.carrier().transport, talk.send_error.is_some(), comes_back)
}

fn own_part(transport: &str, cannot_send: bool, comes_back: bool) -> &'static str {
    match (transport, cannot_send, comes_back) {
        (_, true, _) => "this computer cannot send",
        ("udp", _, true) => "this computer can send and receive",
        ("udp", ..) => "what this computer sends does not come back to it (its own firewall?)",
        _ => "only members on this computer, or those of --peer, are reached",
    }
}

/// How others would be reached: by what, through what, why so, and what was left out.
pub(super) fn reach(carrier: &Carrier) -> String {
    let Carrier { transport, through, skipped, why } = carrier;
    let mut text = format!("over {transport} through {}: {why}", through.join(", "));
    for (interface, why) in skipped {
        text.push_str(&format!("; not used: {interface}: {why}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_tells_that_this_computer_is_sound() {
        assert_eq!(own_part("udp", false, true), "this computer can send and receive");
        assert!(own_part("udp", false, false).contains("firewall?"));
        assert_eq!(own_part("udp", true, true), "this computer cannot send");
        assert!(own_part("tcp", false, false).contains("--peer"));
    }

    #[test]
    fn how_others_are_reached_names_what_was_left_out_and_why() {
        let carrier = Carrier {
            transport: "udp",
            through: vec!["eth0".into(), "wlan0".into()],
            skipped: vec![("eth1".into(), "it is down".into())],
            why: "an interface can carry multicast".into(),
        };
        assert_eq!(
            reach(&carrier),
            "over udp through eth0, wlan0: an interface can carry multicast; \
             not used: eth1: it is down"
        );
    }
}
