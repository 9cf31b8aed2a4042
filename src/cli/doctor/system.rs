//! What this computer says of itself: files under /proc, /sys and /etc, read once. Where a file is
//! missing (another system than Linux, or a namespace without it) nothing is known, and nothing is
//! concluded. `tables` understands them.

use super::facts::{Face, Firewall, Holder, Inside, System};
use super::tables;
use crate::transport::iface::{self, Family, Reason};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number<T: std::str::FromStr>(path: impl AsRef<Path>) -> Option<T> {
    read(path).trim().parse().ok()
}

/// All but the counters, which are taken before and after.
pub(super) fn look() -> System {
    System {
        firewall: firewall(),
        routes: tables::routes(&read("/proc/net/route")),
        rmem_max: number("/proc/sys/net/core/rmem_max"),
        snooping: snooping(),
        inside: inside(),
        ..System::default()
    }
}

/// Datagrams dropped so far: by `rp_filter`, and for want of room.
pub(super) fn drops() -> (u64, u64) {
    let netstat = read("/proc/net/netstat");
    let unroutable = tables::counter(&netstat, "TcpExt", "IPReversePathFilter");
    let overflowed = tables::counter(&read("/proc/net/snmp"), "Udp", "RcvbufErrors");
    (unroutable.unwrap_or(0), overflowed.unwrap_or(0))
}

/// The interfaces, and why those that are not in use are not.
pub(super) fn interfaces(family: Family, wanted: &[String]) -> Vec<Face> {
    let known = iface::list().unwrap_or_default();
    let (_, skipped) = iface::choose(&known, family, wanted);
    let igmp = tables::igmp(&read("/proc/net/igmp"));
    let faces = known.into_iter().map(|known| {
        let why = skipped.iter().find(|(name, _)| *name == known.name);
        let conf = |which: &str, key: &str| {
            let path = format!("/proc/sys/net/ipv4/conf/{which}/{key}");
            number::<u32>(path).unwrap_or(0)
        };
        let greater = |key: &str| conf("all", key).max(conf(&known.name, key));
        Face {
            skipped: why.map(|(_, reason): &(String, Reason)| reason.to_string()),
            kind: kind(&known.name),
            igmp: igmp.iter().find(|row| row.0 == known.name).map(|row| row.1.clone()),
            rp_filter: greater("rp_filter"),
            forced_igmp: greater("force_igmp_version"),
            known,
        }
    });
    faces.collect()
}

fn kind(name: &str) -> &'static str {
    let has = |file: &str| Path::new("/sys/class/net").join(name).join(file).exists();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match () {
        () if has("wireless") || has("phy80211") => "wireless",
        () if starts(&["docker", "br-", "cni", "podman", "virbr", "lxc"]) => "for containers",
        () if has("bridge") => "a bridge",
        () if has("tun_flags") || starts(&["tun", "tap", "wg", "tailscale", "ppp", "zt"]) => {
            "a VPN"
        }
        () if starts(&["veth"]) => "for a container",
        () => "",
    }
}

fn snooping() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/class/net") else { return Vec::new() };
    let mut bridges: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let on = |file: &str| number::<u8>(entry.path().join("bridge").join(file));
            let alone = on("multicast_snooping")? == 1 && on("multicast_querier")? == 0;
            alone.then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect();
    bridges.sort();
    bridges
}

fn firewall() -> Firewall {
    if read("/etc/ufw/ufw.conf").lines().any(|line| line.trim() == "ENABLED=yes") {
        Firewall::Ufw
    } else if ["/run/firewalld.pid", "/run/firewalld"].iter().any(|path| Path::new(path).exists()) {
        Firewall::Firewalld
    } else {
        Firewall::Unknown
    }
}

fn inside() -> Option<Inside> {
    let version = read("/proc/version").to_lowercase();
    let product = read("/sys/class/dmi/id/product_name");
    let contained = ["/.dockerenv", "/run/.containerenv"].iter().any(|p| Path::new(p).exists());
    let is_machine = ["VirtualBox", "VMware", "Virtual Machine", "KVM", "Standard PC"];
    if version.contains("microsoft") {
        Some(Inside::Wsl)
    } else if contained {
        Some(Inside::Container)
    } else {
        is_machine.iter().any(|name| product.contains(name)).then_some(Inside::VirtualMachine)
    }
}

/// Who has sockets at `port`, and what we may see of the programs: those of this user, or of all
/// for the administrator.
pub(super) fn holders(port: u16) -> Vec<Holder> {
    let tables = read("/proc/net/udp") + &read("/proc/net/udp6");
    let at_port = tables::sockets(&tables).filter(|(address, ..)| address.port() == port);
    let found: Vec<(SocketAddr, u64, u64)> = at_port.collect();
    if found.is_empty() {
        return Vec::new();
    }
    let programs = programs();
    let holders = found.into_iter().map(|(address, inode, drops)| Holder {
        address,
        drops,
        program: programs
            .iter()
            .find(|(held, ..)| *held == inode)
            .map(|(_, pid, name)| (*pid, name.clone())),
    });
    holders.collect()
}

/// The ports at which programs of this computer, whoever runs them, listen to `group`.
pub(super) fn ports_of(group: IpAddr) -> Vec<u16> {
    let tables = read("/proc/net/udp") + &read("/proc/net/udp6");
    let of_group = tables::sockets(&tables).filter(|(address, ..)| address.ip() == group);
    of_group.map(|(address, ..)| address.port()).collect()
}

/// The inodes of all sockets that we may see, each with the process that has it.
fn programs() -> Vec<(u64, u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let pid: u32 = path.file_name()?.to_str()?.parse().ok()?;
        Some((pid, path))
    });
    let of_process = |(pid, path): (u32, PathBuf)| {
        let name = read(path.join("comm")).trim().to_owned();
        let files = fs::read_dir(path.join("fd")).into_iter().flatten();
        let inodes = files.filter_map(|file| socket_inode(&file.ok()?.path()));
        inodes.map(move |inode| (inode, pid, name.clone())).collect::<Vec<_>>()
    };
    processes.flat_map(of_process).collect()
}

/// The inode of a link like `socket:[41234]`.
fn socket_inode(link: &Path) -> Option<u64> {
    let target = fs::read_link(link).ok()?;
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
