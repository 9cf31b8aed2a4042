//! Commands that can be copied.

use super::facts::Firewall;
use std::net::SocketAddr;

/// Lets the group in: one for each kind of firewall, where it is not known which rules.
pub(super) fn let_in(firewall: Firewall, group: SocketAddr) -> Vec<String> {
    let (ip, port) = (group.ip(), group.port());
    let ufw = format!("sudo ufw allow in proto udp to {ip} port {port}");
    let firewalld = format!(
        "sudo firewall-cmd --permanent --add-port={port}/udp --add-protocol=igmp \
         && sudo firewall-cmd --reload"
    );
    let nft = format!("sudo nft insert rule inet filter input udp dport {port} accept");
    match firewall {
        Firewall::Ufw => vec![ufw],
        Firewall::Firewalld => vec![firewalld],
        Firewall::Unknown => vec![nft, ufw, firewalld],
    }
}

/// Lets the group out.
pub(super) fn let_out(firewall: Firewall, group: SocketAddr) -> Vec<String> {
    let (ip, port) = (group.ip(), group.port());
    let ufw = format!("sudo ufw allow out proto udp to {ip} port {port}");
    let nft = format!("sudo nft insert rule inet filter output udp dport {port} accept");
    match firewall {
        Firewall::Ufw => vec![ufw],
        _ => vec![nft, ufw],
    }
}

/// Makes a way to the group through an interface.
pub(super) fn way(group: SocketAddr, interface: &str) -> String {
    match group {
        SocketAddr::V4(v4) => format!("sudo ip route add {}/32 dev {interface}", v4.ip()),
        SocketAddr::V6(_) => {
            format!("sudo ip -6 route add multicast ff00::/8 dev {interface} table local")
        }
    }
}

/// A command with the group of this run.
pub(super) fn ours(command: &str, group: SocketAddr) -> String {
    format!("mcast-chat {command} --group {group}")
}
