//! How fast a member sends, as typed.

use crate::runtime::GroupConfig;
use clap::Args as ClapArgs;

/// The pace of `--rate 0`, in bytes a second: more than any machine sends.
const UNPACED: u64 = 1 << 40;

/// The pace of all that this member sends.
#[derive(ClapArgs, Debug)]
pub(super) struct Pace {
    /// The pace of all sending in MB/s; 0: none [default: 50]
    #[arg(long, value_name = "MB/S")]
    rate: Option<u64>,
    /// The pace follows from what receivers report, up to --rate
    #[arg(long)]
    adaptive: bool,
    /// An adaptive pace that yields to loss above 2 %
    #[arg(long, requires = "adaptive")]
    friendly: bool,
}

impl Pace {
    /// Puts it into what the group is joined with.
    pub(super) fn apply(&self, group: &mut GroupConfig) {
        group.rate = self.rate.map(|rate| match rate {
            0 => UNPACED,
            megabytes => megabytes.saturating_mul(1_000_000),
        });
        (group.adaptive, group.friendly) = (self.adaptive, self.friendly);
    }
}
