//! Which interfaces are chosen, and why others are not.

use super::*;
use std::slice;

fn ethernet(name: &str, index: u32, addresses: &[&str]) -> Interface {
    Interface {
        name: name.into(),
        index: Some(index),
        mtu: Some(1500),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        up: true,
        loopback: false,
        multicast: Some(true),
        carrier: Some(true),
    }
}

fn loopback() -> Interface {
    let lo = ethernet("lo", 1, &["127.0.0.1", "::1"]);
    Interface { loopback: true, multicast: Some(false), mtu: Some(65536), ..lo }
}

fn eth0() -> Interface {
    ethernet("eth0", 2, &["10.0.0.1", "2001:db8::1", "fe80::1"])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.into()).collect()
}

/// Chooses among `interfaces` and compares `name address` of those chosen, and the skipped.
#[track_caller]
fn check(
    interfaces: &[Interface],
    family: Family,
    wanted: &[&str],
    chosen: &[&str],
    skipped: &[(&str, Reason)],
) {
    let (used, left) = choose(interfaces, family, &words(wanted));
    let used: Vec<_> = used.iter().map(|c| format!("{} {}", c.name, c.address)).collect();
    assert_eq!(used, chosen);
    let expected: Vec<_> = skipped.iter().map(|(n, r)| ((*n).to_owned(), r.clone())).collect();
    assert_eq!(left, expected);
}

#[test]
fn every_usable_interface_is_chosen_but_loopback() {
    let wlan0 = ethernet("wlan0", 3, &["192.168.1.7"]);
    let skipped = [("lo", Reason::Loopback)];
    let chosen = ["eth0 10.0.0.1", "wlan0 192.168.1.7"];
    check(&[loopback(), eth0(), wlan0], Family::V4, &[], &chosen, &skipped);
}

#[test]
fn loopback_asked_for_by_name_is_used_though_it_has_no_multicast_flag() {
    let skipped = [("eth0", Reason::NotChosen)];
    check(&[loopback(), eth0()], Family::V4, &["lo"], &["lo 127.0.0.1"], &skipped);
}

#[test]
fn an_interface_can_be_asked_for_by_address_or_index() {
    let two = ethernet("eth0", 2, &["10.0.0.1", "10.0.0.2"]);
    check(slice::from_ref(&two), Family::V4, &["10.0.0.2"], &["eth0 10.0.0.2"], &[]);
    check(&[two], Family::V4, &["2"], &["eth0 10.0.0.1"], &[]);
}

#[test]
fn an_address_of_the_other_family_still_names_its_interface() {
    check(&[eth0()], Family::V6, &["10.0.0.1"], &["eth0 fe80::1"], &[]);
}

#[test]
fn ipv6_is_sent_from_the_link_local_address_where_there_is_one() {
    check(&[eth0()], Family::V6, &[], &["eth0 fe80::1"], &[]);
    check(&[loopback()], Family::V6, &["lo"], &["lo ::1"], &[]);
}

#[test]
fn a_name_that_nothing_has_is_reported() {
    let skipped = [("wlan7", Reason::Unknown)];
    check(&[eth0()], Family::V4, &["wlan7", "eth0"], &["eth0 10.0.0.1"], &skipped);
}

#[test]
fn each_fault_has_its_own_reason() {
    let v4_only = ethernet("eth0", 2, &["10.0.0.1"]);
    let faults = [
        (Interface { up: false, ..eth0() }, Reason::Down),
        (Interface { carrier: Some(false), ..eth0() }, Reason::NoCarrier),
        (Interface { multicast: Some(false), ..eth0() }, Reason::NoMulticast),
        (v4_only, Reason::NoAddress(Family::V6)),
    ];
    for (interface, reason) in faults {
        check(slice::from_ref(&interface), Family::V6, &[], &[], &[("eth0", reason.clone())]);
        check(&[interface], Family::V6, &["eth0"], &[], &[("eth0", reason)]);
    }
}

#[test]
fn what_the_system_does_not_say_is_no_fault() {
    let silent = Interface { multicast: None, carrier: None, mtu: None, ..eth0() };
    let (chosen, skipped) = choose(&[silent], Family::V4, &[]);
    assert_eq!(chosen[0].mtu, 1500);
    assert!(skipped.is_empty());
}

#[test]
fn reasons_read_as_sentences() {
    let error = io::Error::from_raw_os_error(19);
    let refused = Reason::Refused(Refusal::new("join the group", &error));
    assert!(refused.to_string().starts_with("cannot join the group: "));
    assert!(refused.to_string().contains("19"));
    assert_eq!(Reason::NoAddress(Family::V6).to_string(), "it has no IPv6 address");
}

#[test]
fn this_computer_has_interfaces_and_none_is_named_twice() {
    let mut names: Vec<_> = list().unwrap().into_iter().map(|i| i.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}
