//! How datagrams travel to and from each member, as a row of a table.

use crate::engine::Link;

/// The head of the rows.
pub const LINKS: &str = "      rtt   loss  there  missed repaired  NACKs  lacks";

/// The columns of `link`: round trip, the share of its datagrams lost on the way here and of ours
/// on the way there, its packets that were missing here and came after all, its NACKs, and how many
/// packets of ours it has not confirmed.
pub fn link_row(link: &Link) -> String {
    let rtt = link.member.rtt.map(|rtt| format!("{:.1}ms", rtt.as_secs_f64() * 1_000.0));
    let rtt = rtt.unwrap_or_else(|| "?".to_owned());
    let there = link.loss_there.map_or_else(|| "?".to_owned(), percent);
    let loss = percent(link.loss);
    let lagging = if link.member.lagging { "  lagging" } else { "" };
    let Link { missed, repaired, nacks, lacks, .. } = link;
    format!(
        "{rtt:>9} {loss:>6} {there:>6} {missed:>7} {repaired:>8} {nacks:>6} {lacks:>6}{lagging}"
    )
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::story;
    use crate::time::Duration;

    #[test]
    fn a_row_stands_under_its_head() {
        let member = crate::engine::Member {
            rtt: Some(Duration::from_micros(1_250)),
            lagging: true,
            ..story::member(2, "bo")
        };
        let mut link = Link {
            member,
            loss: 0.2,
            loss_there: None,
            received_bytes: 9,
            missed: 123,
            repaired: 122,
            nacks: 45,
            lacks: 6,
            free: None,
        };
        let expected = "    1.2ms  20.0%      ?     123      122     45      6";
        assert_eq!(link_row(&link), format!("{expected}  lagging"));
        assert_eq!(expected.len(), LINKS.len());
        (link.loss_there, link.member.lagging) = (Some(0.0), false);
        assert_eq!(link_row(&link), expected.replace("     ?", "  0.0%"));
    }
}
