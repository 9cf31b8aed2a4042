//! The program `mcast-chat`: arguments → what they mean → run → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcast_chat::cli::run(std::env::args_os())
}
