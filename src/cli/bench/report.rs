//! What was measured, as one JSON object or as lines for people.

use super::membership::Membership;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::io::{self, Write as _};
use std::time::Duration;

/// The longest time that is told apart: a minute.
const LONGEST: u64 = 60_000_000_000;

/// How long messages took.
#[derive(Debug)]
pub(super) struct Latency(Histogram<u64>);

impl Latency {
    /// To three digits.
    pub(super) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds that it allows"))
    }

    /// Takes one in.
    pub(super) fn note(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(LONGEST));
    }

    /// What so large a share of them, 0 to 1, did not exceed, in microseconds.
    fn quantile(&self, share: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(share) as f64 / 1_000.0)
    }
}

/// A measurement. Megabytes are 10⁶ bytes; times are in seconds, and in microseconds where their
/// names say so.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `send`, `receive` or `ping`.
    pub(super) role: &'static str,
    /// Messages sent, or taken, or answered.
    pub(super) messages: u64,
    /// Bytes of these messages.
    pub(super) bytes: u64,
    /// The time from the first to the last of them; for a sender, until all had them.
    pub(super) seconds: f64,
    pub(super) msgs_per_s: f64,
    pub(super) mb_per_s: f64,
    /// One way (by the clocks of both computers), or there and back for `ping`.
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) p999_us: Option<f64>,
    /// Processor time of this process, where the system tells.
    pub(super) cpu_s: Option<f64>,
    /// The most memory that it had, in MiB, where the system tells.
    pub(super) rss_mib: Option<f64>,
    /// Messages that did not arrive.
    pub(super) lost: u64,
    /// Repairs that this member sent.
    pub(super) repairs: u64,
    /// Packets that were asked for and came.
    pub(super) recovered: u64,
    /// The receive buffer that the kernel granted, in bytes, and what it dropped for want of room.
    pub(super) receive_buffer: Option<usize>,
    pub(super) kernel_drops: Option<u64>,
}

impl Report {
    /// What follows from how much took how long.
    pub(super) fn new(role: &'static str, messages: u64, bytes: u64, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let rate = |amount: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        Self {
            role,
            messages,
            bytes,
            seconds,
            msgs_per_s: rate(messages as f64),
            mb_per_s: rate(bytes as f64 / 1e6),
            p50_us: None,
            p99_us: None,
            p999_us: None,
            cpu_s: processor_time(),
            rss_mib: most_memory(),
            lost: 0,
            repairs: 0,
            recovered: 0,
            receive_buffer: None,
            kernel_drops: None,
        }
    }

    /// Adds what the group counted.
    pub(super) fn of(self, member: &Membership) -> Self {
        let stats = member.stats();
        let (receive_buffer, kernel_drops) = member.kernel_drops().unzip();
        let repairs = stats.repairs_sent + stats.repairs_for_others;
        Self { repairs, recovered: stats.recovered, receive_buffer, kernel_drops, ..self }
    }

    /// Adds the times.
    pub(super) fn with(self, latency: &Latency) -> Self {
        let [p50_us, p99_us, p999_us] = [0.5, 0.99, 0.999].map(|share| latency.quantile(share));
        Self { p50_us, p99_us, p999_us, ..self }
    }

    /// Writes it to stdout.
    pub(super) fn write(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            let line = serde_json::to_string(self).map_err(io::Error::other)?;
            return writeln!(out, "{line}");
        }
        let Self { role, messages, seconds, msgs_per_s, mb_per_s, .. } = self;
        writeln!(out, "{role}: {messages} messages in {seconds:.3} s")?;
        writeln!(out, "  rate       {msgs_per_s:.0} messages/s, {mb_per_s:.1} MB/s")?;
        if let (Some(p50), Some(p99), Some(p999)) = (self.p50_us, self.p99_us, self.p999_us) {
            writeln!(out, "  time       p50 {p50:.1} µs, p99 {p99:.1} µs, p99.9 {p999:.1} µs")?;
        }
        if let (Some(cpu), Some(rss)) = (self.cpu_s, self.rss_mib) {
            writeln!(out, "  cost       {cpu:.2} s of processor, {rss:.1} MiB")?;
        }
        if let (Some(buffer), Some(drops)) = (self.receive_buffer, self.kernel_drops) {
            writeln!(out, "  sockets    {} KiB to receive, {drops} dropped", buffer >> 10)?;
        }
        let Self { lost, repairs, recovered, .. } = self;
        writeln!(out, "  lost       {lost}; repaired for others {repairs}, for us {recovered}")
    }
}

/// Of the main thread, in which all work is done.
fn processor_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanos: u64 = stat.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

fn most_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().split(' ').next()?.parse().ok()?;
    Some(kibibytes / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_what_they_are_called() {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|n| latency.note(Duration::from_micros(n)));
        let report = Report::new("receive", 2_000, 2_000_000, Duration::from_secs(2));
        let report = report.with(&latency);
        assert_eq!((report.msgs_per_s, report.mb_per_s), (1_000.0, 1.0));
        let near = |value: Option<f64>, expected: f64| (value.unwrap() / expected - 1.0).abs();
        assert!(near(report.p50_us, 500.0) < 0.01 && near(report.p99_us, 990.0) < 0.01);
    }
}
