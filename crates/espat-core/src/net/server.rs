//! The server: one listener, and how many clients it may have.

use core::net::SocketAddr;

use super::links::Links;
use crate::exec::cx::Env;
use crate::net::link::{Kind, LinkId};
use crate::nvs::Settings;
use crate::output::{Listen, SocketId, SocketOptions, Transport};
use crate::tls::{TlsServer, VerifyClients};

/// `AT+CIPSERVER`.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) listener: Option<SocketId>,
    pub(crate) kind: Kind,
    /// Clients of an SSL server have to show a certificate.
    pub(crate) verify_clients: bool,
    pub(crate) port: u16,
    /// `AT+CIPSERVER`'s `<netif>`.
    pub(crate) interface: u8,
    /// `AT+CIPSERVERMAXCONN`.
    pub(crate) clients_max: u8,
    /// `AT+CIPSTO`, in seconds; 0: never.
    pub(crate) timeout_s: u16,
    /// What the listener was told, and its clients with it.
    pub(crate) options: SocketOptions,
    /// The world may accept one client.
    offered: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listener: None,
            kind: Kind {
                transport: Transport::Tcp,
                is_v6: false,
            },
            verify_clients: false,
            port: 0,
            interface: 0,
            clients_max: 5,
            timeout_s: 180,
            options: SocketOptions::default(),
            offered: false,
        }
    }
}

impl Server {
    pub(crate) fn is_running(&self) -> bool {
        self.listener.is_some()
    }

    pub(crate) fn start(
        &mut self,
        env: &mut Env<'_>,
        listener: SocketId,
        kind: Kind,
        port: u16,
        settings: &Settings,
        unix_s: Option<i64>,
    ) {
        self.listener = Some(listener);
        self.kind = kind;
        self.port = port;
        self.offered = false;
        self.options = super::host::socket_options(env.profile(), settings, LinkId(0), 0);
        env.out.listen(
            listener,
            Listen {
                port,
                is_v6: kind.is_v6,
                options: self.options,
                tls: (kind.transport == Transport::Tls).then(|| TlsServer {
                    rules: env.profile().limits.tls,
                    verify: self.verify_clients.then_some(VerifyClients { unix_s }),
                }),
            },
        );
    }

    /// Somebody set the clock.
    pub(crate) fn on_clock(&self, env: &mut Env<'_>, unix_s: i64) {
        if let Some(listener) = self.listener.filter(|_| self.verify_clients) {
            env.out.clock(listener, unix_s);
        }
    }

    /// What a client's link is.
    pub(crate) fn kind_of(&self, peer: SocketAddr) -> Kind {
        Kind {
            transport: self.kind.transport,
            is_v6: peer.is_ipv6(),
        }
    }

    pub(crate) fn on_stopped(&mut self) {
        self.offered = false;
    }

    pub(crate) fn on_accepted(&mut self) {
        self.offered = false;
    }

    /// Lets the world accept one more client where there is room for it; without room they wait in the backlog. Returns
    /// whether there is room.
    pub(crate) fn offer(&mut self, env: &mut Env<'_>, links: &Links) -> bool {
        let Some(listener) = self.listener else {
            return false;
        };
        let room =
            links.accepted() < usize::from(self.clients_max) && self.free_id(env, links).is_some();
        if room && !self.offered {
            self.offered = true;
            env.out.accept(listener);
        }
        room
    }

    /// The number for another client. The host MCU may have taken the last one since a client was asked for.
    pub(crate) fn free_id(&self, env: &Env<'_>, links: &Links) -> Option<LinkId> {
        let limits = &env.profile().limits;
        let is_ssl = self.kind.transport == Transport::Tls;
        let has_room = (!is_ssl || links.ssl() < usize::from(limits.ssl_links))
            && env.has_socket(links.count());
        links.free_id(limits.links).filter(|_| has_room)
    }
}
