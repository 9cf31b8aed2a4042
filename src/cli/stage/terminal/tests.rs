//! A panic, in a terminal of its own: this test runs itself there.

use super::*;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::Read as _;

/// Set in the process that panics.
const PART: &str = "MCAST_CHAT_TEST_PANICS";

#[test]
fn a_panic_is_read_on_the_terminal_as_it_was() {
    if std::env::var_os(PART).is_some() {
        let _terminal = Terminal::enter().expect("is a terminal");
        panic!("on purpose");
    }
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let program = std::env::current_exe().expect("the test program has a path");
    let mut command = CommandBuilder::new(program);
    let name = "cli::stage::terminal::tests::a_panic_is_read_on_the_terminal_as_it_was";
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(PART, "yes");
    let mut child = pair.slave.spawn_command(command).expect("starts");
    let mut reader = pair.master.try_clone_reader().expect("can be read");
    drop(pair.slave);
    let mut written = Vec::new();
    // The end of a pseudo-terminal is an error.
    let _ = reader.read_to_end(&mut written);
    assert!(!child.wait().expect("ends").success());
    let text = String::from_utf8_lossy(&written);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text:?}"));
    assert!(at("\x1b[?1049h") < at("\x1b[?1049l"));
    assert!(at("\x1b[?2004l") < at("on purpose") && at("\x1b[?1049l") < at("on purpose"));
    assert!(at("\x1b[?25h") < at("on purpose"));
}
