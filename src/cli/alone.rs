//! Why nobody else is here, as far as this computer can tell.

use super::config::Config;
use super::failure::{Exit, Failure};
use super::talk::Talk;
use super::{explain, refusal};
use crate::runtime::{Carrier, TransportChoice};

/// Nobody else is here: for want of the passphrase, because this computer cannot send or reaches
/// only itself, or because nobody is there. `what` begins the sentence and ends with "nobody
/// else".
pub(super) fn failure(talk: &Talk, config: &Config, what: &str) -> Failure {
    let strangers = talk.chat.strangers();
    let carrier = talk.group.carrier();
    if strangers > 0 {
        return refusal::strangers(strangers, talk.group.is_private());
    }
    if let Some(error) = &talk.send_error {
        return explain::notice(error, config.group.port);
    }
    let what = format!("{what} is in {}", config.group_name);
    match config.group.transport {
        TransportChoice::Auto if carrier.transport == "tcp" => {
            Failure::new(Exit::Network, "network", &what, &reach(carrier), "ip -brief address")
        }
        _ => Failure::new(Exit::TooFew, "too-few", &what, &reach(carrier), "mcast-chat who"),
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
