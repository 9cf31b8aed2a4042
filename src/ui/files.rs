//! What is said of files.

use crate::chat::Safe;
use crate::files::{News, Offer, Progress};
use std::time::Duration;

/// News of files, with what only a clock can tell.
#[derive(Debug)]
pub struct Transfer<'a> {
    /// What happened.
    pub news: &'a News,
    /// Bytes a second, of a transfer that goes on.
    pub rate: Option<u64>,
}

impl Transfer<'_> {
    /// How long the transfer will take at this rate.
    pub fn time_left(&self) -> Option<Duration> {
        let (News::Getting { progress, .. } | News::Giving { progress, .. }) = self.news else {
            return None;
        };
        let rate = self.rate.filter(|rate| *rate > 0)?;
        let left = progress.total.saturating_sub(progress.done);
        Some(Duration::from_secs(left.div_ceil(rate)))
    }

    /// The sentence for people, safe to show.
    pub(super) fn words(&self) -> String {
        match self.news {
            News::Offered { offer, by: Some(by) } => {
                format!("{by} offers {}: /get {}", describe(offer), digits(offer))
            }
            News::Offered { offer, by: None } => format!("you offer {}", describe(offer)),
            News::Getting { offer, progress } => {
                format!("getting {}: {}", Safe::line(&offer.name), self.progress(progress))
            }
            News::Giving { name, to, progress, .. } => {
                format!("{to} gets {name}: {}", self.progress(progress))
            }
            News::Got { offer, path } => {
                let path = path.display().to_string();
                format!("{} is here and sound: {}", Safe::line(&offer.name), Safe::line(&path))
            }
            News::Waiting(offer) => {
                let name = Safe::line(&offer.name);
                format!("nobody who has {name} is here: it goes on when somebody comes")
            }
            News::Failed { name, why } => format!("{name}: {why}"),
            News::Has { offer, by, .. } => format!("{by} has {}", Safe::line(&offer.name)),
        }
    }

    fn progress(&self, progress: &Progress) -> String {
        let Progress { done, total } = *progress;
        let percent = done * 100 / total.max(1);
        let mut text = format!("{percent} % of {}", size(total));
        if let Some(rate) = self.rate.filter(|_| done < total) {
            text += &format!(", {}/s", size(rate));
        }
        if let Some(left) = self.time_left().filter(|_| done < total) {
            text += &format!(", {} left", time(left));
        }
        text
    }
}

/// An offer, for people.
pub fn describe(offer: &Offer) -> String {
    let name = Safe::line(&offer.name);
    match offer.folder {
        None => format!("{name} ({})", size(offer.size)),
        Some((files, total)) => format!("{name}/ ({files} files, {})", size(total)),
    }
}

/// The digits that name an offer.
pub fn digits(offer: &Offer) -> String {
    offer.object.to_string()[..8].to_owned()
}

/// A size, for people: `12.4 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// A time, for people: `2:05`.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 3_600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ObjectId;

    fn offer(name: &str) -> Offer {
        let object = ObjectId([0xab; 32]);
        Offer { object, size: 12_400_000, name: name.to_owned(), folder: None }
    }

    #[test]
    fn progress_has_a_rate_and_the_time_left() {
        let progress = Progress { done: 2_400_000, total: 12_400_000 };
        let news = News::Getting { offer: offer("fw.bin"), progress };
        let words = Transfer { news: &news, rate: Some(2_000_000) }.words();
        assert_eq!(words, "getting fw.bin: 19 % of 12.4 MB, 2.0 MB/s, 0:05 left");
        assert_eq!(Transfer { news: &news, rate: None }.time_left(), None);
    }

    #[test]
    fn a_hostile_name_is_shown_without_what_it_would_do() {
        let by = Some(Safe::line("bo"));
        let news = News::Offered { offer: offer("\u{1b}[2J\u{202e}x"), by };
        let words = Transfer { news: &news, rate: None }.words();
        assert_eq!(words, "bo offers \\u{1b}[2J\\u{202e}x (12.4 MB): /get abababab");
    }
}
