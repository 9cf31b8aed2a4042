//! Which faults, how often: read from text such as `loss=20%,delay=1ms..5ms,seed=7`.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// Faults to inject. Written and read as text; what is not named is off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaultConfig {
    /// Part of the datagrams lost, 0 to 1.
    pub loss: f64,
    /// Shortest and longest delay, each drawn evenly between; at most [`FaultConfig::DELAY_MAX`].
    pub delay: (Duration, Duration),
    /// Part of the datagrams that arrive twice, 0 to 1.
    pub dup: f64,
    /// Part of the datagrams held back so that later ones overtake them, 0 to 1.
    pub reorder: f64,
    /// Seed of the dice: the same seed is the same run. 0 if not named.
    pub seed: u64,
}

/// What is wrong with a text that should name faults.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Not of the form `name=value`.
    #[error("\"{0}\": expected name=value, as in loss=20%,delay=1ms..5ms,dup=1%,reorder=5%,seed=7")]
    NoValue(String),
    /// A name that is none of the five.
    #[error("\"{0}\": no such fault; there are loss, delay, dup, reorder and seed")]
    Name(String),
    /// A name given twice.
    #[error("\"{0}\" is given twice")]
    Twice(String),
    /// Not a part of the whole.
    #[error("{name}=\"{value}\": expected a number from 0 to 1 or from 0% to 100%")]
    Rate {
        /// Which fault.
        name: String,
        /// What was given.
        value: String,
    },
    /// Not a time or a range of times.
    #[error(
        "delay=\"{0}\": expected a time of at most 60s such as 3ms, or a range such as 1ms..5ms"
    )]
    Delay(String),
    /// Not a seed.
    #[error("seed=\"{0}\": expected a whole number from 0 to 18446744073709551615")]
    Seed(String),
}

impl FaultConfig {
    /// Longest delay that can be asked for: longer than any timer of a group on a LAN.
    pub const DELAY_MAX: Duration = Duration::from_secs(60);

    /// Difference between the longest and the shortest delay.
    pub(super) fn spread(&self) -> Duration {
        self.delay.1.saturating_sub(self.delay.0)
    }

    /// The delay at `part`, 0 to 1, of the way from the shortest to the longest.
    pub(super) fn delay_at(&self, part: f64) -> Duration {
        self.delay.0 + self.spread().mul_f64(part)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), FaultError> {
        match name {
            "loss" => self.loss = rate(name, value)?,
            "dup" => self.dup = rate(name, value)?,
            "reorder" => self.reorder = rate(name, value)?,
            "delay" => self.delay = delay(value)?,
            "seed" => {
                self.seed = value.parse().map_err(|_| FaultError::Seed(value.to_owned()))?;
            }
            _ => return Err(FaultError::Name(name.to_owned())),
        }
        Ok(())
    }
}

impl FromStr for FaultConfig {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut config = Self::default();
        let mut named = Vec::new();
        for part in text.split(',').map(str::trim) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(FaultError::NoValue(part.to_owned()));
            };
            config.set(name, value)?;
            if named.contains(&name) {
                return Err(FaultError::Twice(name.to_owned()));
            }
            named.push(name);
        }
        Ok(config)
    }
}

impl fmt::Display for FaultConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = self.delay;
        write!(f, "loss={},delay={}", self.loss, InUnits(min))?;
        if min != max {
            write!(f, "..{}", InUnits(max))?;
        }
        write!(f, ",dup={},reorder={},seed={}", self.dup, self.reorder, self.seed)
    }
}

/// A time as the shortest whole number with a unit; exact to the microsecond, as it was read.
struct InUnits(Duration);

impl fmt::Display for InUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match (micros % 1_000_000, micros % 1_000) {
            (0, _) => write!(f, "{}s", micros / 1_000_000),
            (_, 0) => write!(f, "{}ms", micros / 1_000),
            _ => write!(f, "{micros}us"),
        }
    }
}

fn rate(name: &str, value: &str) -> Result<f64, FaultError> {
    let (number, whole) = value.strip_suffix('%').map_or((value, 1.0), |number| (number, 100.0));
    let rate = number.parse::<f64>().map(|number| number / whole);
    // Minus zero would not print as it was read, and no number (NaN) is in no range.
    rate.ok()
        .filter(|rate| (0.0..=1.0).contains(rate))
        .map(f64::abs)
        .ok_or_else(|| FaultError::Rate { name: name.to_owned(), value: value.to_owned() })
}

fn delay(value: &str) -> Result<(Duration, Duration), FaultError> {
    let (min, max) = value.split_once("..").unwrap_or((value, value));
    let range = time(min).zip(time(max));
    range
        .filter(|(min, max)| min <= max && *max <= FaultConfig::DELAY_MAX)
        .ok_or_else(|| FaultError::Delay(value.to_owned()))
}

fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let micros = match unit {
        "us" | "µs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(micros).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_full_text_is_read_and_comes_back_the_same() {
        let text = "loss=0.2,delay=1ms..5ms,dup=0.01,reorder=0.05,seed=7";
        let config: FaultConfig = text.parse().expect("it is right");
        let delay = (ms(1), ms(5));
        assert_eq!(config, FaultConfig { loss: 0.2, delay, dup: 0.01, reorder: 0.05, seed: 7 });
        assert_eq!(config.to_string(), text);
    }

    #[test]
    fn one_time_alone_percents_and_all_units_are_read() {
        let check = |text: &str, printed: &str| {
            let config: FaultConfig = text.parse().expect(text);
            assert_eq!(config.to_string(), printed);
            assert_eq!(printed.parse(), Ok(config));
        };
        check("delay=3ms", "loss=0,delay=3ms,dup=0,reorder=0,seed=0");
        check("loss=20%, dup=100%", "loss=0.2,delay=0s,dup=1,reorder=0,seed=0");
        check("loss=-0,delay=7µs..1500us", "loss=0,delay=7us..1500us,dup=0,reorder=0,seed=0");
        check("delay=60s..60000ms", "loss=0,delay=60s,dup=0,reorder=0,seed=0");
    }

    #[test]
    fn each_error_names_the_bad_part_and_what_was_expected() {
        let check = |text: &str, part: &str, expected: &str| {
            let error = text.parse::<FaultConfig>().expect_err(text).to_string();
            assert!(error.contains(part) && error.contains(expected), "{text}: {error}");
        };
        check("", "\"\"", "name=value");
        check("loss=1,", "\"\"", "name=value");
        check("loss", "\"loss\"", "name=value");
        check("corrupt=1", "\"corrupt\"", "loss, delay");
        check("seed=1,loss=0,seed=2", "\"seed\"", "twice");
        for value in ["2", "-0.1", "101%", "NaN", "inf", "much", "", "%", "1%%"] {
            check(&format!("loss={value}"), &format!("loss=\"{value}\""), "from 0 to 1");
        }
        for value in ["3", "ms", "5ms..1ms", "61s", "1..5ms", "-1ms", "99999999999999999999s", ""] {
            check(&format!("delay={value}"), &format!("delay=\"{value}\""), "1ms..5ms");
        }
        check("seed=-1", "seed=\"-1\"", "whole number");
    }
}
