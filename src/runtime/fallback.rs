//! What `auto` opens later: a network comes and goes while a member stays.
//!
//! Started before the network is there, a member begins on TCP; once an interface can carry
//! multicast it must use UDP, or it never meets those who do. One whose interfaces are all gone
//! must use TCP, to meet others on its computer. What was open before stays open for good: whoever
//! was met on it may have nothing else yet.

use super::{JoinError, Notice};
use crate::transport::mesh::{Mesh, MeshConfig};
use crate::transport::udp::{OpenError, Udp, UdpConfig};
use mio::{Registry, Token};

/// How to open each transport.
#[derive(Debug)]
pub(super) struct Fallback {
    udp: UdpConfig,
    mesh: MeshConfig,
    /// The last failure told.
    told: String,
}

impl Fallback {
    pub(super) const fn new(udp: UdpConfig, mesh: MeshConfig) -> Self {
        Self { udp, mesh, told: String::new() }
    }

    pub(super) fn open_udp(&self, registry: &Registry, first: Token) -> Result<Udp, JoinError> {
        let mut udp = Udp::open(self.udp.clone())?;
        udp.open_door();
        udp.register(registry, first).map_err(JoinError::io("watch sockets"))?;
        Ok(udp)
    }

    pub(super) fn open_mesh(&self, registry: &Registry, first: Token) -> Result<Mesh, JoinError> {
        let mut mesh = Mesh::open(self.mesh.clone())?;
        mesh.register(registry, first).map_err(JoinError::io("watch sockets"))?;
        Ok(mesh)
    }

    /// What to tell of a failure, which comes again at each refresh. That there is no interface
    /// yet is known.
    pub(super) fn tell_once(&mut self, error: &JoinError) -> Option<Notice> {
        if matches!(error, JoinError::Udp(OpenError::NoInterface { .. })) {
            return None;
        }
        let text = format!("the network has changed, but this member cannot follow: {error}");
        let new = self.told != text;
        self.told.clone_from(&text);
        new.then(|| Notice::trouble(text))
    }
}
