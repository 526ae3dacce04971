//! Where packets really go: maps and policy decide, for links and questions alike.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use espat_core::NetError;

use super::socket::Socket;
use super::{Net, policy};

impl Net {
    /// The address that packets for `remote` go to, where the policy lets them.
    pub(super) fn real(
        &self,
        name: Option<&str>,
        remote: SocketAddr,
    ) -> Result<SocketAddr, NetError> {
        let mut real = policy::mapped(&self.options.maps, name, remote).unwrap_or(remote);
        if real.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
            real.set_ip(self.options.broadcast().into());
        }
        if real.ip().to_canonical().is_unspecified() {
            // Nobody; the system would take it for this computer, past what the policy says of loopback.
            return Err(NetError::Unreachable);
        }
        if self.options.permits(real.ip()) {
            return Ok(real);
        }
        let shown = match real.port() {
            0 => real.ip().to_string(),
            _ => real.to_string(),
        };
        tracing::warn!(
            "{shown} is denied: --offline, --allow and --deny say where the module may go"
        );
        Err(NetError::Denied)
    }

    /// Where a client of the module's own address is bound; loopback cannot reach the outside.
    pub(super) fn local(&self, remote: SocketAddr, port: u16) -> Option<SocketAddr> {
        let ip: IpAddr = match remote {
            SocketAddr::V4(_) => self.options.ip.into(),
            SocketAddr::V6(_) => self.options.ip6.into(),
        };
        let is_reachable = !ip.is_loopback() || remote.ip().is_loopback();
        is_reachable.then_some(SocketAddr::new(ip, port))
    }

    /// The host's port of the module's server on that port, if it listens.
    pub(super) fn real_port(&self, module_port: u16) -> Option<u16> {
        self.sockets.iter().find_map(|(_, socket)| match socket {
            Socket::Listener(on) if on.module_port() == module_port => on.port().ok(),
            Socket::Listener(_) | Socket::Tcp(_) | Socket::Tls(_) | Socket::Udp(_) => None,
        })
    }
}
