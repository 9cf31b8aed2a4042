//! What carries the group: the transport that was asked for, or the one that works here.

use super::clock::Clock;
use super::fallback::Fallback;
use super::sockets::Sockets;
use super::{Carrier, GroupConfig, JoinError, TransportChoice};
use crate::time::Duration;
use crate::transport::iface::Reason;
use crate::transport::mesh::{Mesh, MeshConfig};
use crate::transport::udp::{OpenError, Udp, UdpConfig};
use crate::wire::{GroupId, Session};
use std::ops::RangeInclusive;

/// How many ports a mesh looks for members on, from the group's upwards: as many members on one
/// host find each other by dialling alone; more are found through those.
const PORTS: u16 = 16;
/// The longest that opening waits for an address: a second at random, one of asking, and slack.
const READY_WITHIN: Duration = Duration::from_secs(3);
/// How often it is looked at meanwhile.
const READY_STEP: Duration = Duration::from_millis(50);

/// Opens the sockets of the group, and says which and why.
///
/// Without a choice it is UDP where an interface can carry multicast, else TCP on loopback. An
/// address to listen on or to dial means TCP, the name of an interface means UDP: neither is of
/// use to the other.
pub(super) fn open(
    config: &GroupConfig,
    session: Session,
    clock: &Clock,
) -> Result<(Sockets, Carrier), JoinError> {
    let dials = config.listen.is_some() || !config.dial.is_empty();
    let named = config.scope.is_some() || !config.interfaces.is_empty();
    match config.transport {
        TransportChoice::Udp => open_udp(config, clock, "UDP was asked for"),
        TransportChoice::Tcp => open_tcp(config, session, "TCP was asked for".to_owned()),
        TransportChoice::Auto if dials => {
            let why = "an address to listen on or to dial was given, which is for TCP";
            open_tcp(config, session, why.to_owned())
        }
        TransportChoice::Auto if named => open_udp(config, clock, "an interface was asked for"),
        TransportChoice::Auto => open_what_works(config, session, clock),
    }
}

/// The only choice that is not final: the other transport is opened when it is needed.
fn open_what_works(
    config: &GroupConfig,
    session: Session,
    clock: &Clock,
) -> Result<(Sockets, Carrier), JoinError> {
    let (sockets, carrier) = match open_udp(config, clock, "an interface can carry multicast") {
        Err(JoinError::Udp(OpenError::NoInterface { skipped })) => {
            let why = "no interface can carry multicast: only members on this computer are reached";
            let (sockets, carrier) = open_tcp(config, session, why.to_owned())?;
            (sockets, Carrier { skipped: in_words(&skipped), ..carrier })
        }
        opened => opened?,
    };
    let fallback = Fallback::new(udp_config(config), mesh_config(config, session));
    Ok((sockets.or(fallback), carrier))
}

fn open_udp(
    config: &GroupConfig,
    clock: &Clock,
    why: &str,
) -> Result<(Sockets, Carrier), JoinError> {
    let mut udp = open_when_ready(config, clock)?;
    udp.open_door();
    let carrier = Carrier {
        transport: "udp",
        through: udp.interfaces().into_iter().map(|interface| interface.name).collect(),
        skipped: in_words(udp.skipped()),
        why: why.to_owned(),
    };
    Ok((Sockets::udp(udp), carrier))
}

fn open_tcp(
    config: &GroupConfig,
    session: Session,
    why: String,
) -> Result<(Sockets, Carrier), JoinError> {
    let mesh = Mesh::open(mesh_config(config, session))?;
    let through = vec![mesh.local_addr().to_string()];
    let carrier = Carrier { transport: "tcp", through, skipped: Vec::new(), why };
    Ok((Sockets::mesh(mesh), carrier))
}

/// Waits where there is nothing but an address that is not ready yet: just after an interface came
/// up IPv6 asks for one to two seconds whether another computer has the address (RFC 4862, §5.4).
pub(super) fn open_when_ready(config: &GroupConfig, clock: &Clock) -> Result<Udp, OpenError> {
    let until = clock.now() + READY_WITHIN;
    loop {
        match Udp::open(udp_config(config)) {
            Err(OpenError::NoInterface { skipped })
                if is_getting_ready(&skipped) && clock.now() < until =>
            {
                // sleep: the system does not tell when it has done asking
                std::thread::sleep(READY_STEP);
            }
            opened => return opened,
        }
    }
}

fn is_getting_ready(skipped: &[(String, Reason)]) -> bool {
    skipped.iter().any(|(_, reason)| *reason == Reason::AddressNotReady)
}

pub(super) fn udp_config(config: &GroupConfig) -> UdpConfig {
    UdpConfig {
        group: config.group,
        port: config.port,
        scope: config.scope.clone(),
        interfaces: config.interfaces.clone(),
        ttl: config.ttl,
        offload: config.offload,
    }
}

fn mesh_config(config: &GroupConfig, session: Session) -> MeshConfig {
    MeshConfig {
        group: GroupId::of(&config.canonical_name()).0,
        session: session.0,
        listen: config.listen,
        ports: ports(config.port),
        peers: config.dial.clone(),
    }
}

/// The ports of a mesh: beginning with the group's own, so that groups seldom meet.
fn ports(port: u16) -> RangeInclusive<u16> {
    port..=port.saturating_add(PORTS - 1)
}

fn in_words(skipped: &[(String, Reason)]) -> Vec<(String, String)> {
    skipped.iter().map(|(name, reason)| (name.clone(), reason.to_string())).collect()
}
