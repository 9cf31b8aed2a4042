//! A second host: this test started again in a network namespace of its own, joined by a cable.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::world::{Member, run};

const FAR: &str = "MCAST_CHAT_TEST_FAR";

/// The other host, ended when dropped: its standard input closes.
pub(crate) struct FarHost {
    child: Child,
}

impl FarHost {
    /// Starts `test` again on a new host and lays a cable: 10.1.1.1 here, 10.1.1.2 there.
    pub(crate) fn start(test: &str) -> Self {
        let exe = std::env::current_exe().expect("the path of this test");
        let mut child = Command::new("unshare")
            .arg("-n")
            .arg(exe)
            .args([test, "--exact", "--nocapture"])
            .env(FAR, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second namespace");
        let pid = child.id().to_string();
        let mut said = BufReader::new(child.stdout.as_mut().expect("its output")).lines();
        let is_here = said.any(|line| line.is_ok_and(|line| line.ends_with(HERE)));
        assert!(is_here, "the far host has not come up");
        run("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &pid]);
        run("ip", &["address", "add", "10.1.1.1/24", "dev", "near"]);
        run("ip", &["link", "set", "near", "up"]);
        for arguments in
            [&["address", "add", "10.1.1.2/24", "dev", "far"][..], &["link", "set", "far", "up"]]
        {
            let into = ["-t", &pid, "-n", "ip"];
            run("nsenter", &[&into[..], arguments].concat());
        }
        Self { child }
    }

    /// Tells it to stop, and asserts that all was well there.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it can be waited for");
        assert!(status.success(), "the far host: {status}");
    }
}

impl Drop for FarHost {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

const HERE: &str = "the far host is here";

/// True in the process that is the far host.
pub(crate) fn is_far() -> bool {
    std::env::var_os(FAR).is_some()
}

/// Runs the members of the far host until the near one has had enough; each keeps saying its word.
pub(crate) fn serve(start: impl FnOnce() -> Vec<(Member, &'static [u8])>) -> Vec<Member> {
    let near = stdin_end();
    println!("{HERE}");
    while !has_address("10.1.1.2") {
        assert!(near.try_recv().is_err(), "the near host ended first");
        // sleep: between two looks at a condition that the other host makes true
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let mut members = start();
    while near.try_recv().is_err() {
        for (member, word) in &mut members {
            member.turn();
            member.say(word);
            member.refresh();
        }
        // sleep: between two turns of members that no event wakes
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    members.into_iter().map(|(member, _)| member).collect()
}

fn has_address(ip: &str) -> bool {
    std::net::UdpSocket::bind((ip, 0)).is_ok()
}

/// Gets a message when standard input ends.
fn stdin_end() -> Receiver<()> {
    let (ended, end) = channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.send(())
    });
    end
}
