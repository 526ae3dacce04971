//! The server: one listener, and how many clients it may have.

use core::net::{IpAddr, SocketAddr};

use super::links::Links;
use crate::exec::cx::{Cx, Env};
use crate::net::link::{Kind, LinkId};
use crate::nvs::Settings;
use crate::output::{CloseHow, Listen, SocketId, SocketOptions, Transport};
use crate::tls::{TlsServer, VerifyClients};

/// `AT+CIPSERVER`.
#[derive(Debug)]
pub(crate) struct Server {
    is_on: bool,
    /// There is one while clients can reach the module.
    pub(crate) listener: Option<SocketId>,
    pub(crate) kind: Kind,
    /// Clients of an SSL server have to show a certificate.
    pub(crate) verify_clients: bool,
    pub(crate) port: u16,
    /// `AT+CIPSERVER`'s `<netif>`.
    pub(crate) interface: Interface,
    /// `AT+CIPSERVERMAXCONN`.
    pub(crate) clients_max: u8,
    /// `AT+CIPSTO`, in seconds; 0: never.
    pub(crate) timeout_s: u16,
    /// What the listener was told, and its clients with it.
    pub(crate) options: SocketOptions,
    /// The world may accept one client.
    offered: bool,
}

/// `AT+CIPSERVER`'s `<netif>`: the interface that clients come over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    Any = 0,
    Station = 1,
    SoftAp = 2,
}

impl Interface {
    pub(crate) fn is_up(self, cx: &Cx<'_>) -> bool {
        match self {
            Self::Any => Self::Station.is_up(cx) || Self::SoftAp.is_up(cx),
            Self::Station => cx.wifi.station_is_up(),
            Self::SoftAp => cx.wifi.softap_is_on(cx.nvs),
        }
    }
}

/// Listens while clients can reach the module: in lwIP a server needs no interface, but nobody comes while there is none.
pub(crate) fn follow(cx: &mut Cx<'_>) {
    let server = &cx.net.server;
    if !server.is_on {
        return;
    }
    let is_reachable = server.interface.is_up(cx);
    if is_reachable == server.listener.is_some() {
        return;
    }
    if is_reachable {
        let unix_s = super::ssl::certificate_time(cx);
        let listener = cx.net.next_socket();
        let server = &mut cx.net.server;
        server.listen(&mut cx.env, listener, &cx.nvs.live, unix_s);
    } else {
        cx.net.server.close(&mut cx.env, CloseHow::Reset);
    }
}

/// Whether a client comes over the server's interface: the softAP's stations and network are the softAP's side, all else is
/// the station's.
pub(crate) fn admits(cx: &Cx<'_>, peer: IpAddr) -> bool {
    match cx.net.server.interface {
        Interface::Any => true,
        Interface::Station => !cx.wifi.is_beyond_softap(&cx.env, cx.nvs, peer),
        Interface::SoftAp => cx.wifi.is_beyond_softap(&cx.env, cx.nvs, peer),
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            is_on: false,
            listener: None,
            kind: Kind {
                transport: Transport::Tcp,
                is_v6: false,
            },
            verify_clients: false,
            port: 0,
            interface: Interface::Any,
            clients_max: 5,
            timeout_s: 180,
            options: SocketOptions::default(),
            offered: false,
        }
    }
}

impl Server {
    pub(crate) fn is_running(&self) -> bool {
        self.is_on
    }

    /// From here on it listens whenever clients can reach the module.
    pub(crate) fn start(&mut self, kind: Kind, port: u16) {
        self.is_on = true;
        self.kind = kind;
        self.port = port;
    }

    fn listen(
        &mut self,
        env: &mut Env<'_>,
        listener: SocketId,
        settings: &Settings,
        unix_s: Option<i64>,
    ) {
        let (port, kind) = (self.port, self.kind);
        self.listener = Some(listener);
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

    /// Ends listening, if it does.
    fn close(&mut self, env: &mut Env<'_>, how: CloseHow) {
        self.offered = false;
        if let Some(listener) = self.listener.take() {
            env.out.close(listener, how);
        }
    }

    pub(crate) fn stop(&mut self, env: &mut Env<'_>, how: CloseHow) {
        self.is_on = false;
        self.close(env, how);
    }

    /// The network does not let it listen: it is over.
    pub(crate) fn on_failed(&mut self) {
        self.is_on = false;
        self.listener = None;
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
