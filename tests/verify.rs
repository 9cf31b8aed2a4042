//! `mcast-chat verify` over traces made by hand: one good run, and for each promise one that breaks
//! it and nothing else if that can be. Then what must not be taken for a good run: missing,
//! truncated, damaged and unended traces.
//!
//! Members are called by one letter. `b3/7` is message 3 of b at place 7 of the agreed order.

#[path = "support/netns.rs"]
mod netns;
#[path = "support/program.rs"]
mod program;

use mcast_chat::verify::{Options, Report, Rule, Verdict, verify};
use netns::{inside, loopback};
use program::{Home, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

const PRIMARY: bool = true;

/// A run being written down.
struct Story {
    home: Home,
    traces: BTreeMap<char, Vec<Value>>,
    /// Of each member's messages, the service.
    said: BTreeMap<char, Vec<&'static str>>,
    views: BTreeMap<char, String>,
    /// The chain of the views: its first one, and its peak.
    chain: (String, usize),
    /// Milliseconds.
    now: u64,
}

fn session(name: char) -> String {
    format!("{:032x}", u128::from(u32::from(name)) << 96)
}

fn sessions(names: &str) -> Vec<String> {
    names.chars().map(session).collect()
}

fn view_name(members: &str, epoch: u64) -> String {
    format!("{epoch}-{:016x}", u32::from(members.chars().next().expect("one")))
}

/// `b3/7` → b, 3, 7.
fn message(token: &str) -> (char, u64, Option<u64>) {
    let (message, order) = token.split_once('/').unzip();
    let message = message.unwrap_or(token);
    let number = message[1..].parse().expect("a number");
    (message.chars().next().expect("a letter"), number, order.map(|o| o.parse().expect("a place")))
}

fn digest(from: char, number: u64) -> String {
    format!("{:016x}", u64::from(u32::from(from)) << 32 | number)
}

impl Story {
    /// The members begin, and install view 1 together.
    fn of(test: &str, names: &str) -> Self {
        let mut story = Self {
            home: Home::new(&format!("verify-{test}")),
            traces: BTreeMap::new(),
            said: BTreeMap::new(),
            views: BTreeMap::new(),
            chain: (view_name(names, 1), names.len()),
            now: 1_000,
        };
        names.chars().for_each(|name| story.begin(name));
        story.view(names, 1, names, "", PRIMARY);
        story
    }

    fn begin(&mut self, name: char) {
        let begin = json!({
            "kind": "begin", "v": 1, "run": "r", "member": session(name),
            "name": name.to_string(), "group": "239.1.1.1:1", "app": "x",
        });
        self.write(name, begin);
    }

    fn write(&mut self, name: char, mut record: Value) {
        let trace = self.traces.entry(name).or_default();
        self.now += 1;
        record["i"] = trace.len().into();
        record["t"] = (self.now * 1_000_000).into();
        record["session"] = session(name).into();
        trace.push(record);
    }

    fn write_kind(&mut self, names: &str, kind: &str) {
        names.chars().for_each(|name| self.write(name, json!({ "kind": kind })));
    }

    /// `names` install a view of `members`; those that `came` with them are in their set.
    fn view(&mut self, names: &str, epoch: u64, members: &str, came: &str, primary: bool) {
        let view = view_name(members, epoch);
        for name in names.chars() {
            let came = if came.is_empty() { name.to_string() } else { came.to_owned() };
            self.views.insert(name, view.clone());
            let (members, came) = (sessions(members), sessions(&came));
            let view = json!({
                "kind": "view", "view": view, "primary": primary,
                "chain": self.chain.0, "peak": self.chain.1,
                "members": members, "transitional": came,
            });
            self.write(name, view);
        }
    }

    /// The signal, and a view of those that came together.
    fn go_on(&mut self, names: &str, epoch: u64) {
        self.write_kind(names, "transitional");
        self.view(names, epoch, names, names, PRIMARY);
    }

    /// A message is taken of `name`.
    fn say(&mut self, name: char, service: &'static str) {
        let said = self.said.entry(name).or_default();
        said.push(service);
        let number = said.len() as u64;
        let digest = digest(name, number);
        self.write(name, json!({ "kind": "attempt", "service": service, "digest": digest }));
        let taken = json!({
            "kind": "acknowledge", "number": number, "service": service, "digest": digest,
        });
        self.write(name, taken);
    }

    fn delivery(&self, name: char, token: &str) -> Value {
        let (from, number, order) = message(token);
        let said = self.said.get(&from).and_then(|said| said.get(number as usize - 1));
        let mut record = json!({
            "kind": "deliver", "from": session(from), "number": number,
            "service": said.unwrap_or(&"fifo"), "view": self.views[&name],
            "digest": digest(from, number),
        });
        if let Some(order) = order {
            record["order"] = order.into();
        }
        record
    }

    /// Each of `names` delivers the messages.
    fn hear(&mut self, names: &str, messages: &str) {
        for name in names.chars() {
            for token in messages.split_whitespace() {
                let record = self.delivery(name, token);
                self.write(name, record);
            }
        }
    }

    /// As history.
    fn recall(&mut self, name: char, messages: &str) {
        for token in messages.split_whitespace() {
            let mut record = self.delivery(name, token);
            record["history"] = true.into();
            self.write(name, record);
        }
    }

    /// `name` is told that messages of `from` are lost.
    fn give_up(&mut self, name: char, from: char, first: u64, last: u64) {
        let from = session(from);
        let gap =
            json!({"kind": "gap", "from": from, "first": first, "last": last, "state": "lost"});
        self.write(name, gap);
    }

    /// After ten seconds, they leave.
    fn end(&mut self, names: &str) {
        self.now += 10_000;
        self.write_kind(names, "leave");
        self.write_kind(names, "end");
    }

    /// The files, one for each member.
    fn files(&self) -> Vec<PathBuf> {
        let file = |(name, records): (&char, &Vec<Value>)| {
            let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
            PathBuf::from(self.home.file(&name.to_string(), &lines))
        };
        self.traces.iter().map(file).collect()
    }

    fn judged(&self) -> Report {
        verify(&self.files(), &Options::default())
    }

    #[track_caller]
    fn passes(&self) -> Report {
        let report = self.judged();
        assert_eq!(report.verdict(), Verdict::Pass, "{report}");
        report
    }

    /// It breaks this promise, in these words, and no other but for `also`.
    #[track_caller]
    fn breaks(&self, rule: Rule, words: &str, also: &[Rule]) -> Report {
        let report = self.judged();
        assert_eq!(report.verdict(), Verdict::Fail, "{report}");
        let told = report.broken.iter().filter(|broken| broken.rule == rule);
        let told: Vec<&str> = told.map(|broken| broken.text.as_str()).collect();
        assert!(told.iter().any(|text| text.contains(words)), "{words:?} is not in:\n{report}");
        let others = report.broken_counts.keys().filter(|other| **other != rule);
        assert!(others.clone().all(|other| also.contains(other)), "{report}");
        report
    }

    /// It cannot be judged, for this reason.
    #[track_caller]
    fn is_unknown(&self, files: &[PathBuf], options: &Options, why: &str) {
        let report = verify(files, options);
        assert_eq!(report.verdict(), Verdict::Unknown, "{report}");
        assert!(report.unknown.iter().any(|text| text.contains(why)), "{why:?}:\n{report}");
    }
}

// ---- good runs ------------------------------------------------------------------

#[test]
fn a_run_that_keeps_all_promises_passes() {
    let mut story = Story::of("good", "abc");
    for service in ["fifo", "causal", "agreed", "safe"] {
        "abc".chars().for_each(|name| story.say(name, service));
    }
    story.hear("ab", "c1 b1 a1 a2 b2 c2 a3/1 b3/2 c3/3 a4/4 b4/5");
    story.hear("c", "a1 b1 c1 a2 b2 c2 a3/1 b3/2 c3/3");
    // c is killed; a and b settle without it.
    story.write('c', json!({ "kind": "kill" }));
    story.write_kind("ab", "transitional");
    story.hear("ab", "c4/6");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    // d comes, gets history, and says something.
    story.begin('d');
    story.view("d", 1, "d", "", !PRIMARY);
    story.write_kind("abd", "transitional");
    story.view("ab", 3, "abd", "ab", PRIMARY);
    story.view("d", 3, "abd", "d", PRIMARY);
    story.recall('d', "a2 a3 a4 b1 b2 b3 b4 c1 c2 c3 c4");
    story.write_kind("abd", "synced");
    story.say('d', "agreed");
    story.hear("abd", "d1/1");
    story.end("abd");
    let report = story.passes();
    let counts = report.counts;
    assert_eq!((counts.attempted, counts.acknowledged, counts.delivered), (13, 13, 47));
    assert_eq!((counts.history, counts.recovered, counts.declared), (11, 0, 0));
}

#[test]
fn two_sides_of_a_partition_go_on_and_tell_each_other_later() {
    let mut story = Story::of("partition", "abc");
    story.say('a', "fifo");
    story.hear("abc", "a1");
    story.write_kind("abc", "transitional");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.view("c", 2, "c", "c", !PRIMARY);
    story.say('a', "agreed");
    story.hear("ab", "a2/1");
    story.say('c', "agreed");
    story.hear("c", "c1/1");
    story.write_kind("abc", "transitional");
    story.view("ab", 4, "abc", "ab", PRIMARY);
    story.view("c", 4, "abc", "c", PRIMARY);
    story.recall('c', "a2");
    story.give_up('b', 'c', 1, 1);
    story.recall('a', "c1");
    story.write_kind("abc", "synced");
    story.end("abc");
    let counts = story.passes().counts;
    assert_eq!((counts.declared, counts.avoidable), (1, 1), "a and c had it");
}

#[test]
fn what_a_killed_sender_did_not_know_to_be_taken_is_recovered() {
    let mut story = Story::of("recovered", "abc");
    story.said.insert('c', vec!["fifo"]);
    let open = json!({ "kind": "attempt", "service": "fifo", "digest": digest('c', 1) });
    story.write('c', open);
    story.hear("ab", "c1");
    story.write('c', json!({ "kind": "kill" }));
    story.go_on("ab", 2);
    story.end("ab");
    let counts = story.passes().counts;
    assert_eq!((counts.attempted, counts.acknowledged, counts.recovered), (1, 0, 1));
}

// ---- one broken promise each ------------------------------------------------------

#[test]
fn promise_1_what_nobody_sent_and_what_was_changed_is_found() {
    let mut story = Story::of("integrity", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.hear("a", "b1");
    story.end("ab");
    let report = story.breaks(
        Rule::Integrity,
        "message 1 of b~00000062 is delivered, and was never sent",
        &[],
    );
    assert_eq!(report.counts.unexpected, 1);

    let mut story = Story::of("corrupt", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.traces.get_mut(&'b').expect("b")[2]["digest"] = "0000000000000000".into();
    story.end("ab");
    let report =
        story.breaks(Rule::Integrity, "is delivered as 0000000000000000, and sent at", &[]);
    assert_eq!(report.counts.corrupt, 1);
}

#[test]
fn promise_2_a_message_that_comes_twice_is_found_also_as_history() {
    let mut story = Story::of("twice", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.hear("b", "a1");
    story.recall('b', "a1");
    story.end("ab");
    let report =
        story.breaks(Rule::NoDuplication, "message 1 of a~00000061 is delivered again", &[]);
    assert_eq!(report.counts.duplicated, 2);
}

#[test]
fn promise_3_a_view_without_oneself_is_found() {
    let mut story = Story::of("self", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.write_kind("b", "transitional");
    story.view("b", 2, "a", "b", !PRIMARY);
    story.end("ab");
    story.breaks(
        Rule::SelfInclusion,
        "installs view 2-0000000000000061, and is not in it",
        &[Rule::TransitionalSet],
    );
}

#[test]
fn promise_4_views_that_go_back_are_found() {
    let mut story = Story::of("back", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.go_on("ab", 3);
    story.go_on("ab", 2);
    story.end("ab");
    story.breaks(Rule::ViewOrder, "installs view 2-0000000000000061 after view 3-", &[]);
}

#[test]
fn promise_5_one_view_with_two_lists_of_members_is_found() {
    let mut story = Story::of("agreement", "abc");
    story.say('a', "fifo");
    story.hear("abc", "a1");
    story.write_kind("abc", "transitional");
    story.view("ab", 2, "abc", "abc", PRIMARY);
    story.view("c", 2, "acb", "abc", PRIMARY);
    story.end("abc");
    story.breaks(Rule::ViewAgreement, "has the members a~00000061, c~00000063, b~00000062", &[]);
}

#[test]
fn promise_6_a_message_delivered_in_two_views_is_found() {
    let mut story = Story::of("sending-view", "ab");
    story.say('a', "fifo");
    story.hear("a", "a1");
    story.go_on("ab", 2);
    story.hear("b", "a1");
    story.end("ab");
    story.breaks(
        Rule::SendingView,
        "is delivered in view 2-0000000000000061, and by others in view 1-",
        &[Rule::VirtualSynchrony, Rule::SelfDelivery],
    );

    let mut story = Story::of("sending-view-local", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.traces.get_mut(&'b').expect("b")[2]["view"] = "9-0000000000000061".into();
    story.end("ab");
    story.breaks(Rule::SendingView, "is delivered in view 9-0000000000000061, in view 1-", &[]);
}

#[test]
fn promise_7_own_messages_that_never_come_back_are_found() {
    let mut story = Story::of("self-delivery", "ab");
    story.say('a', "fifo");
    story.hear("b", "a1");
    story.go_on("ab", 2);
    story.end("ab");
    let also = [Rule::VirtualSynchrony];
    story.breaks(Rule::SelfDelivery, "own message 1, which others deliver in view 1-", &also);

    let mut story = Story::of("self-delivery-proven", "ab");
    story.say('a', "fifo");
    story.say('b', "fifo");
    story.hear("ab", "b1");
    story.write('a', json!({ "kind": "stable", "before": 2 }));
    story.go_on("ab", 2);
    story.hear("ab", "a1");
    story.end("ab");
    story.breaks(Rule::SelfDelivery, "own message 1, which others have, is not", &[]);

    let mut story = Story::of("self-delivery-never", "ab");
    story.say('a', "fifo");
    story.say('b', "fifo");
    story.hear("ab", "b1");
    story.end("ab");
    let report = story.breaks(Rule::SelfDelivery, "its sender never delivers it", &[]);
    assert_eq!(report.counts.lost, 1);
}

#[test]
fn promise_8_a_stream_out_of_order_or_with_a_hole_is_found() {
    let mut story = Story::of("fifo", "ab");
    (0..3).for_each(|_| story.say('a', "fifo"));
    story.hear("a", "a1 a2 a3");
    story.hear("b", "a1 a3 a2");
    story.end("ab");
    let report =
        story.breaks(Rule::Fifo, "message 2 of a~00000061 is delivered after message 3", &[]);
    assert_eq!(report.counts.reordered, 1);
    story.breaks(Rule::Fifo, "message 3 of a~00000061 is delivered, and message 2 was not", &[]);

    let mut story = Story::of("fifo-begin", "ab");
    (0..2).for_each(|_| story.say('a', "fifo"));
    story.hear("a", "a1 a2");
    story.hear("b", "a2");
    story.give_up('b', 'a', 1, 1);
    story.end("ab");
    // Told too late is told: only that it is told before is checked in the middle of a view.
    assert_eq!(story.passes().counts.declared, 1);

    let mut story = Story::of("fifo-history", "ab");
    (0..2).for_each(|_| story.say('a', "fifo"));
    story.hear("a", "a1 a2");
    story.recall('b', "a2 a1");
    story.end("ab");
    story.breaks(Rule::Fifo, "comes as history after message 2", &[]);
}

#[test]
fn promise_9_an_answer_before_its_question_is_found() {
    let mut story = Story::of("causal", "abc");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.say('b', "causal");
    story.hear("ab", "b1");
    story.hear("c", "b1 a1");
    story.end("abc");
    story.breaks(
        Rule::Causal,
        "message 1 of b~00000062 is delivered before message 1 of a~00000061, which its sender had",
        &[],
    );
}

#[test]
fn promise_10_two_places_for_one_message_are_found() {
    let mut story = Story::of("total", "ab");
    (0..2).for_each(|_| story.say('a', "agreed"));
    story.hear("a", "a1/1 a2/2");
    story.hear("b", "a1/1 a2/3");
    story.end("ab");
    story.breaks(
        Rule::TotalOrder,
        "message 2 of a~00000061 (place 3) is delivered here, where a~",
        &[],
    );

    let mut story = Story::of("total-back", "ab");
    story.say('a', "agreed");
    story.say('b', "agreed");
    story.hear("ab", "a1/2 b1/1");
    story.end("ab");
    let report = story.breaks(Rule::TotalOrder, "has place 1, after place 2", &[]);
    assert_eq!(report.counts.reordered, 2);
}

#[test]
fn promise_11_two_orders_are_found() {
    let mut story = Story::of("prefix", "ab");
    story.say('a', "agreed");
    story.say('b', "agreed");
    story.hear("a", "a1/1 b1/2");
    story.hear("b", "b1/3 a1/4");
    story.end("ab");
    let words = "message 1 of b~00000062 (place 3) is delivered here, where a~00000061 delivers";
    story.breaks(Rule::PrefixAgreement, words, &[]);
}

#[test]
fn promise_12_who_moves_on_without_a_message_is_found_and_it_is_lost() {
    let mut story = Story::of("synchrony", "abc");
    story.say('c', "fifo");
    story.hear("ac", "c1");
    story.write('c', json!({ "kind": "kill" }));
    story.go_on("ab", 2);
    story.end("ab");
    let words = "b~00000062 moves on with a~00000061, which delivered message 1 of c~00000063 at";
    let report = story.breaks(Rule::VirtualSynchrony, words, &[Rule::NothingLostInSilence]);
    assert_eq!(report.counts.lost, 1);
}

#[test]
fn promise_13_wrong_transitional_sets_are_found() {
    for (came_a, came_b, words) in [
        ("a", "ab", "b~00000062 came from the same view, and is not in the set"),
        ("abc", "ab", "c~00000063 is in the set, and came from another view"),
        ("b", "ab", "a~00000061 is not in its own set"),
        ("abx", "ab", "is in the set, and not in both 1-"),
    ] {
        let mut story = Story::of("transitional-set", "ab");
        story.begin('c');
        story.view("c", 1, "c", "", !PRIMARY);
        story.say('a', "fifo");
        story.hear("ab", "a1");
        story.write_kind("abc", "transitional");
        story.view("a", 2, "abc", came_a, PRIMARY);
        story.view("b", 2, "abc", came_b, PRIMARY);
        story.view("c", 2, "abc", "c", PRIMARY);
        story.recall('c', "a1");
        story.end("abc");
        story.breaks(Rule::TransitionalSet, words, &[]);
    }
    let mut story = Story::of("no-signal", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.end("ab");
    story.breaks(Rule::TransitionalSet, "without the transitional signal", &[]);
}

#[test]
fn promise_14_two_orders_after_the_signal_are_found() {
    let mut story = Story::of("transition", "ab");
    story.say('a', "agreed");
    story.say('b', "agreed");
    story.write_kind("ab", "transitional");
    story.hear("a", "a1/1 b1/2");
    story.hear("b", "b1/1 a1/2");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.end("ab");
    let words = "message 1 of a~00000061 comes here, where b~00000062 delivers message 1 of b~";
    story.breaks(Rule::TransitionalOrder, words, &[]);
}

#[test]
fn promise_15_safe_before_all_have_it_is_found() {
    let mut story = Story::of("safe", "abc");
    story.say('a', "safe");
    story.hear("ab", "a1/1");
    story.write_kind("abc", "transitional");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.view("c", 2, "c", "c", !PRIMARY);
    story.end("abc");
    let words = "is delivered as safe, and c~00000063 went on from view 1-";
    story.breaks(Rule::SafeRegular, words, &[]);
}

#[test]
fn promise_16_safe_after_the_signal_is_for_all_that_move_together() {
    let mut story = Story::of("safe-transitional", "ab");
    story.say('a', "safe");
    story.write_kind("ab", "transitional");
    story.hear("a", "a1/1");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.end("ab");
    let also = [Rule::VirtualSynchrony, Rule::NothingLostInSilence];
    let words = "is delivered as safe, and b~00000062 went on from view 1-";
    story.breaks(Rule::SafeTransitional, words, &also);
}

#[test]
fn promise_17_deliveries_before_the_first_view_and_after_the_leave_are_found() {
    let mut story = Story::of("outside", "ab");
    story.say('a', "fifo");
    story.hear("a", "a1");
    story.end("ab");
    story.hear("b", "a1");
    story.traces.get_mut(&'b').expect("b").swap_remove(3);
    story.breaks(Rule::NoDeliveryOutside, "happens after the session has left", &[Rule::Liveness]);

    let mut story = Story::of("outside-before", "a");
    story.say('a', "fifo");
    story.hear("a", "a1");
    story.begin('b');
    story.views.insert('b', "1-0000000000000061".to_owned());
    story.hear("b", "a1");
    story.end("ab");
    story.breaks(Rule::NoDeliveryOutside, "is delivered before the first view", &[]);
}

#[test]
fn promise_18_two_primary_halves_are_found() {
    let mut story = Story::of("primary", "abcd");
    story.say('a', "fifo");
    story.hear("abcd", "a1");
    story.go_on("ab", 2);
    story.go_on("cd", 3);
    story.end("abcd");
    let words = "view 3-0000000000000063 is primary with 0 of the 2 members of 2-";
    story.breaks(Rule::Primary, words, &[]);

    let mut story = Story::of("primary-minority", "abc");
    story.say('a', "fifo");
    story.hear("abc", "a1");
    story.go_on("ab", 2);
    story.go_on("c", 2);
    story.end("abc");
    story.breaks(Rule::Primary, "is primary with 0 of the 2 members of 2-", &[]);
}

#[test]
fn promise_18_a_fresh_member_does_not_make_a_minority_primary() {
    let mut story = Story::of("primary-fresh", "abc");
    story.say('a', "fifo");
    story.hear("abc", "a1");
    story.go_on("ab", 2);
    // d begins, alone, which counts for a group of its own; not for c, of the three.
    story.begin('d');
    story.chain = (view_name("d", 3), 1);
    story.view("d", 3, "d", "", PRIMARY);
    story.write_kind("cd", "transitional");
    story.view("c", 4, "dc", "c", PRIMARY);
    story.view("d", 4, "dc", "d", PRIMARY);
    story.recall('d', "a1");
    story.end("abcd");
    story.breaks(Rule::Primary, "goes on from the chain of 3-0000000000000064; c~", &[]);
}

#[test]
fn promise_18_only_members_that_were_in_no_view_begin_a_chain() {
    let mut story = Story::of("primary-begins", "abc");
    story.chain = (view_name("c", 4), 4);
    story.go_on("c", 4);
    story.end("abc");
    let words = "view 4-0000000000000063 begins a chain of primary views; c~";
    story.breaks(Rule::Primary, words, &[]);
}

#[test]
fn promise_18_whoever_left_is_not_outvoted() {
    let mut story = Story::of("primary-left", "abc");
    story.say('a', "fifo");
    story.hear("abc", "a1");
    story.end("ab");
    story.go_on("c", 2);
    story.end("c");
    story.passes();
}

#[test]
fn promise_19_a_message_that_never_comes_though_all_stay_is_lost() {
    let mut story = Story::of("liveness", "ab");
    story.say('a', "fifo");
    story.hear("a", "a1");
    story.end("ab");
    let words =
        "message 1 of a~00000061, delivered by others in view 1-0000000000000061, never comes";
    assert_eq!(story.breaks(Rule::Liveness, words, &[]).counts.lost, 1);
}

#[test]
fn promise_19_what_was_said_just_before_the_leave_is_not_owed() {
    let mut story = Story::of("too-late", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.say('a', "fifo");
    story.hear("a", "a2");
    story.write_kind("b", "leave");
    story.write_kind("b", "end");
    story.end("a");
    story.passes();
}

#[test]
fn promise_21_what_is_not_caught_up_is_told_or_it_is_lost_in_silence() {
    let mut story = Story::of("silence", "abc");
    story.write_kind("abc", "transitional");
    story.view("ab", 2, "ab", "ab", PRIMARY);
    story.view("c", 2, "c", "c", !PRIMARY);
    (0..3).for_each(|_| story.say('a', "fifo"));
    story.hear("ab", "a1 a2 a3");
    story.write_kind("abc", "transitional");
    story.view("ab", 4, "abc", "ab", PRIMARY);
    story.view("c", 4, "abc", "c", PRIMARY);
    story.recall('c', "a1 a3");
    story.write_kind("abc", "synced");
    story.end("abc");
    let words = "message 2 of a~00000061, which others had, is neither caught up nor told as lost";
    story.breaks(Rule::NothingLostInSilence, words, &[]);
}

#[test]
fn promise_21_what_was_delivered_is_not_told_as_lost() {
    let mut story = Story::of("false-alarm", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.give_up('b', 'a', 1, 4);
    story.end("ab");
    let words = "message 1 of a~00000061 is told as lost, and was delivered before";
    story.breaks(Rule::NothingLostInSilence, words, &[]);
}

// ---- what cannot be judged ------------------------------------------------------------

fn plain(test: &str) -> Story {
    let mut story = Story::of(test, "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    story.end("ab");
    story
}

#[test]
fn a_missing_trace_is_never_a_pass() {
    let story = plain("missing");
    let files = story.files();
    let defaults = Options::default();
    story.is_unknown(
        &files[..1],
        &defaults,
        "session 00000062000000000000000000000000 has no trace",
    );
    story.is_unknown(
        &files[1..],
        &defaults,
        "session 00000061000000000000000000000000 has no trace",
    );
    story.is_unknown(&[PathBuf::from("/nonexistent")], &defaults, "/nonexistent cannot be read");
    story.is_unknown(&[], &defaults, "nothing was delivered");
    let empty = PathBuf::from(story.home.file("empty", ""));
    story.is_unknown(&[&files[..], &[empty]].concat(), &defaults, "empty holds no session");
    let twice = [&files[..], &files[..1]].concat();
    story.is_unknown(&twice, &defaults, "session 00000061000000000000000000000000 is in");
}

#[test]
fn garbage_is_named_by_its_line_and_never_a_panic() {
    let story = plain("garbage");
    let files = story.files();
    let good = std::fs::read_to_string(&files[1]).expect("is there");
    let lines: Vec<&str> = good.lines().collect();
    let with = |line: &str| [&lines[..2], &[line], &lines[2..]].concat().join("\n");
    let long = "x".repeat(3 << 20);
    for line in ["", "{", "\u{0}\u{0}", "null", &long, r#"{"kind":"deliver"}"#] {
        std::fs::write(&files[1], with(line)).expect("can be written");
        story.is_unknown(&files, &Options::default(), "b:3 cannot be read: ");
    }
    let mut state = 1_u64;
    for at in 0..good.len() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut bytes = good.clone().into_bytes();
        bytes[at] = (state >> 56) as u8;
        std::fs::write(&files[1], bytes).expect("can be written");
        verify(&files, &Options::default());
    }
}

#[test]
fn a_trace_without_its_end_is_unknown_at_every_cut_unless_it_was_killed() {
    let mut story = Story::of("cut", "ab");
    (0..3).for_each(|_| story.say('b', "fifo"));
    story.hear("ab", "b1 b2 b3");
    story.write('b', json!({ "kind": "stable", "before": 1 }));
    story.go_on("a", 2);
    story.end("a");
    let files = story.files();
    let good = std::fs::read_to_string(&files[1]).expect("is there");
    let first = good.find('\n').expect("a line");
    let sent = good.rfind(r#""kind":"acknowledge""#).expect("is there");
    for end in first + 1..good.len() {
        std::fs::write(&files[1], &good[..end]).expect("can be written");
        let told = Options { killed: vec!["00000062".to_owned()], ..Options::default() };
        let report = verify(&files, &Options::default());
        assert_eq!(report.verdict(), Verdict::Unknown, "cut at {end}\n{report}");
        // Until the last message was given, what others have of it is not known to be sent.
        let report = verify(&files, &told);
        let expected = if end > sent { Verdict::Pass } else { report.verdict() };
        assert_eq!(report.verdict(), expected, "cut at {end}\n{report}");
    }
    let by_file = Options { killed: vec![files[1].display().to_string()], ..Options::default() };
    assert_eq!(verify(&files, &by_file).verdict(), Verdict::Pass);
    let nobody = Options { killed: vec!["c0ffee".to_owned()], ..Options::default() };
    story.is_unknown(&files, &nobody, "c0ffee was killed, and no trace is of it");
}

#[test]
fn records_that_are_missing_or_foreign_are_unknown() {
    let mut story = plain("hole");
    let trace = story.traces.get_mut(&'b').expect("b");
    trace.insert(2, trace[1].clone());
    trace[2] = json!({ "kind": "synced", "i": 7, "session": session('b') });
    story.is_unknown(&story.files(), &Options::default(), "b:3: record 7 follows 1");
    let mut story = plain("foreign");
    story.traces.get_mut(&'b').expect("b")[2]["session"] = session('x').into();
    story.is_unknown(&story.files(), &Options::default(), "has not begun here");
    let mut story = plain("other-run");
    story.traces.get_mut(&'b').expect("b")[0]["run"] = "s".into();
    story.is_unknown(&story.files(), &Options::default(), r#"run "s" of group 239.1.1.1:1"#);
    let mut story = plain("other-version");
    story.traces.get_mut(&'b').expect("b")[0]["v"] = 2.into();
    story.is_unknown(&story.files(), &Options::default(), "version 2 is not known");
}

#[test]
fn a_broken_promise_is_a_failure_also_where_traces_are_missing() {
    let mut story = Story::of("both", "ab");
    story.say('a', "fifo");
    story.hear("a", "a1 a1");
    story.end("ab");
    let report = verify(&story.files()[..1], &Options::default());
    assert_eq!((report.verdict(), report.counts.duplicated), (Verdict::Fail, 1), "{report}");
    assert!(!report.unknown.is_empty());
}

#[test]
fn only_the_first_sentences_are_told_and_all_are_counted() {
    let mut story = Story::of("many", "ab");
    story.say('a', "fifo");
    story.hear("ab", "a1");
    (0..500).for_each(|_| story.hear("b", "a1"));
    story.end("ab");
    let report = story.breaks(Rule::NoDuplication, "again", &[]);
    assert_eq!((report.broken.len(), report.broken_counts[&Rule::NoDuplication]), (20, 500));
    assert!(report.broken[0].at.ends_with("b:4"), "{}", report.broken[0]);
}

// ---- the program ------------------------------------------------------------------------

#[test]
fn the_exit_code_is_the_verdict_and_json_is_one_line() {
    let story = plain("exit");
    let files = story.files();
    let names: Vec<&str> = files.iter().map(|file| file.to_str().expect("plain")).collect();
    let run = |arguments: &[&str]| story.home.run(&[&["verify"], arguments].concat());
    let passed = run(&names);
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(passed.out.ends_with("verdict: PASS\n"), "{passed:?}");
    let unknown = run(&[&["--json"], &names[..1]].concat());
    assert_eq!(unknown.code, Some(9), "{unknown:?}");
    assert_eq!(unknown.out.lines().count(), 1);
    let line: Value = serde_json::from_str(&unknown.out).expect("is JSON");
    assert_eq!((&line["verdict"], &line["run"]), (&"UNKNOWN".into(), &"r".into()));
    assert_eq!(run(&[]).code, Some(2));
    let mut story = plain("exit-fail");
    story.hear("b", "a1");
    let files = story.files();
    let names: Vec<&str> = files.iter().map(|file| file.to_str().expect("plain")).collect();
    let failed = story.home.run(&[&["verify", "--json"][..], &names].concat());
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let line: Value = serde_json::from_str(&failed.out).expect("is JSON");
    assert_eq!(line["broken"]["17"], 1, "{line}");
}

// ---- traces of real members ---------------------------------------------------------------

/// A chat of `name` that writes a trace, once it has heard whoever is here.
fn traced(home: &Home, name: &str, trace: &str) -> Program {
    let arguments = ["--json", "--name", name, "-i", "lo", "--trace", trace];
    let mut program = home.start(&arguments);
    program.out.find(&[r#""type":"sync""#]);
    program
}

#[test]
fn two_members_that_talk_leave_traces_that_pass() {
    inside("two_members_that_talk_leave_traces_that_pass", || {
        loopback();
        let home = Home::new("trace-pair");
        let [ana_trace, bo_trace] = ["ana.jsonl", "bo.jsonl"].map(|name| home.file(name, ""));
        let mut ana = traced(&home, "ana", &ana_trace);
        let mut bo = traced(&home, "bo", &bo_trace);
        ana.out.find(&[r#""type":"join""#, r#""name":"bo""#]);
        ana.say(r#"{"op":"send","text":"one"}"#);
        bo.out.find(&["one"]);
        bo.say(r#"{"op":"send","text":"two"}"#);
        ana.out.find(&["two"]);
        // A process that runs has no end, and its trace is its own.
        let held = home.run(&["send", "-i", "lo", "--trace", &ana_trace, "x"]);
        assert_eq!(held.code, Some(2), "{held:?}");
        assert!(held.notes.contains("another process writes it"), "{held:?}");
        let early = home.run(&["verify", &ana_trace, &bo_trace]);
        assert_eq!(early.code, Some(9), "{early:?}");
        assert_eq!(ana.end().code, Some(0));
        assert_eq!(bo.end().code, Some(0));
        // The same member, another session, in the same file.
        let mut again = traced(&home, "ana", &ana_trace);
        again.say(r#"{"op":"send","text":"three"}"#);
        again.out.find(&["three"]);
        assert_eq!(again.end().code, Some(0));
        let judged = home.run(&["verify", "--json", "--settle", "1ms", &ana_trace, &bo_trace]);
        assert_eq!(judged.code, Some(0), "{judged:?}");
        let line: Value = serde_json::from_str(&judged.out).expect("is JSON");
        assert_eq!((&line["sessions"], &line["members"]), (&3.into(), &2.into()), "{line}");
        // Three that were said; ana and bo told each other of themselves.
        assert_eq!(line["acknowledged"], 5, "{line}");
    });
}

#[test]
fn a_full_disk_ends_the_trace_and_not_the_chat() {
    inside("a_full_disk_ends_the_trace_and_not_the_chat", || {
        loopback();
        let home = Home::new("trace-full");
        let mut ana = home.start(&["--json", "--name", "ana", "-i", "lo", "--trace", "/dev/full"]);
        ana.out.find(&[r#""code":"trace""#, "the trace ends here, it cannot be written"]);
        ana.say(r#"{"op":"send","text":"still here"}"#);
        ana.out.find(&["still here"]);
        assert_eq!(ana.end().code, Some(0));
        let none = home.run(&["--trace", "/nonexistent/x", "send", "-i", "lo", "x"]);
        assert_eq!(none.code, Some(2), "{none:?}");
        assert!(none.notes.contains("the trace /nonexistent/x cannot be written"), "{none:?}");
    });
}
