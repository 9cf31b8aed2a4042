//! Tests inside a network of their own.
//!
//! A process with threads, as every test program is, cannot move itself into new namespaces. So
//! a test runs itself again under `unshare -Urnm`: there it is root of an empty network, with a
//! `/sys` that shows this network and an empty `/run`, so that `ip netns add` works. Nothing it
//! sends can leave, and all of it goes when the process ends.
//!
//! ```ignore
//! #[path = "support/netns.rs"]
//! mod netns;
//!
//! #[test]
//! fn something_happens() {
//!     netns::inside("something_happens", || {
//!         netns::sh("ip link set lo up");
//!     });
//! }
//! ```
#![allow(dead_code, unreachable_pub)] // each test program takes what it needs

use std::env;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// Set to the test's name in the process that runs inside.
const INSIDE: &str = "MCAST_CHAT_TEST_INSIDE";
/// Set by .ci/run: nothing may be skipped.
const NO_SKIP: &str = "MCAST_CHAT_NO_SKIP";
/// Set to the part to play in a process started by [`elsewhere`].
const PART: &str = "MCAST_CHAT_TEST_PART";
/// `$0 "$@"` is the test program with its arguments.
const ENTER: &str = r#"mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run && exec "$0" "$@""#;
/// Seconds after which a test that hangs is ended, with everything it started.
const PATIENCE: &str = "60";
/// Steps of [`until`]: 500 of 20 ms are ten seconds.
const STEPS: u32 = 500;
const STEP: Duration = Duration::from_millis(20);

/// Runs `body` in a network of its own. `test_name` is the full name of the calling test, as
/// `--exact` takes it. Where the machine forbids user namespaces, says so and returns; but fails
/// where [`NO_SKIP`] or `CI` is set: there a test that does not run must not look like a pass.
pub fn inside(test_name: &str, body: impl FnOnce()) {
    if env::var(INSIDE).is_ok_and(|name| name == test_name) {
        return body();
    }
    if let Err(why) = allowed() {
        return skip(&format!("{test_name}: no network namespace on this machine: {why}"));
    }
    let output = Command::new("timeout")
        .args(["--kill-after=5", PATIENCE, "unshare", "-Urnm", "sh", "-c", ENTER])
        .args(test_program(test_name))
        .env(INSIDE, test_name)
        .output()
        .expect("cannot run timeout");
    let passed = String::from_utf8_lossy(&output.stdout).contains("test result: ok. 1 passed");
    assert!(output.status.success() && passed, "{test_name}: {}", whole(&output));
}

fn skip(why: &str) {
    let refused = [NO_SKIP, "CI"].iter().find(|name| env::var_os(name).is_some());
    assert!(refused.is_none(), "{why}; {} is set, so this may not be skipped", refused.unwrap());
    println!("skipped: {why}");
}

/// Whether this machine lets us make the namespaces.
fn allowed() -> Result<(), String> {
    let enter = format!("{ENTER} -c true");
    let output = Command::new("unshare").args(["-Urnm", "sh", "-c", &enter, "sh"]).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(whole(&output)) }
}

/// The part this process plays, when [`elsewhere`] started it.
pub fn part() -> Option<String> {
    env::var(PART).ok()
}

/// A process in another network namespace, ended when dropped.
pub struct Elsewhere(Child);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the test `test_name` once more, in the namespace `namespace` (of `ip netns add`), where
/// [`part`] is `part`. The body then tells from it what to do.
pub fn elsewhere(test_name: &str, namespace: &str, part: &str) -> Elsewhere {
    let child = Command::new("ip")
        .args(["netns", "exec", namespace])
        .args(test_program(test_name))
        .env(PART, part)
        .stdout(Stdio::inherit())
        .spawn();
    Elsewhere(child.expect("cannot run ip"))
}

fn test_program(test_name: &str) -> [String; 5] {
    let program = env::current_exe().expect("the test program has a path");
    let program = program.to_str().expect("the path is UTF-8").to_owned();
    let words = [test_name, "--exact", "--nocapture", "--test-threads=1"];
    let [name, exact, capture, threads] = words.map(str::to_owned);
    [program, name, exact, capture, threads]
}

/// Runs lines of shell, each of which must succeed; gives what they print.
pub fn sh(lines: &str) -> String {
    let output = Command::new("sh").args(["-ec", lines]).output().expect("cannot run sh");
    assert!(output.status.success(), "{lines}\n{}", whole(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// From now on loopback carries multicast.
pub fn loopback() {
    sh("ip link set lo up multicast on");
    sh("ip route add 224.0.0.0/4 dev lo");
}

/// Waits until the condition holds, at most ten seconds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..STEPS {
        if holds() {
            return;
        }
        // sleep: between two looks at the condition
        thread::sleep(STEP);
    }
    panic!("waited in vain: {what}");
}

/// Waits until the kernel says that an interface is up and connected, which it does a moment
/// after both ends were switched on.
pub fn wait_running(interface: &str) {
    until(&format!("{interface} is running"), || {
        sh(&format!("ip link show dev {interface}")).contains("LOWER_UP")
            && sh(&format!("cat /sys/class/net/{interface}/operstate")).trim() == "up"
    });
}

/// Makes `name` here with `address`, joined by a cable to `far` with `far_address` in a new
/// network namespace, and waits until it carries.
pub fn cable(name: &str, address: &str, namespace: &str, far_address: &str) {
    sh(&format!(
        "ip netns add {namespace}
         ip link add {name} type veth peer name far netns {namespace}
         ip address add {address} dev {name} nodad
         ip -n {namespace} address add {far_address} dev far nodad
         ip -n {namespace} link set far up
         ip link set {name} up"
    ));
    wait_running(name);
}

fn whole(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{}\n--- stdout ---\n{out}\n--- stderr ---\n{err}", output.status)
}
