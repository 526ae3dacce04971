//! Links and the server: which there are, in which state, and what their sockets do.
//!
//! Subsystems never call commands: what a running command should hear comes back as an [`OpEvent`](crate::exec::operation::OpEvent).

mod apart;
mod data;
pub(crate) mod dial;
mod ends;
mod events;
pub(crate) mod host;
pub(crate) mod link;
pub(crate) mod links;
mod long_send;
pub(crate) mod mdns;
mod persist;
pub(crate) mod queries;
pub(crate) mod receive;
pub(crate) mod segments;
pub(crate) mod server;
pub(crate) mod sntp;
pub(crate) mod ssl;

use core::net::SocketAddr;

use crate::exec::cx::Env;
use crate::nvs::Settings;
use crate::output::{CloseHow, Connect, SocketId, Transport};

use apart::Apart;
use dial::Target;
use host::socket_options;
pub(crate) use link::{Kind, Link, LinkId, Stage, UdpMode};
use links::Links;
pub(crate) use long_send::LongSend;
use queries::Queries;
use server::Server;
use sntp::Sntp;
use ssl::SslNames;

/// The network side of the module.
#[derive(Debug)]
pub(crate) struct Net {
    /// `AT+CIPMUX`.
    pub(crate) multi: bool,
    /// Passive receive, by `AT+CIPRECVMODE` or `AT+CIPRECVTYPE`, a link's number each.
    pub(crate) passive: [bool; 5],
    /// `AT+CIPMODE=1`: received data is not framed.
    pub(crate) raw: bool,
    /// `AT+CIPDINFO=1`.
    pub(crate) show_peer: bool,
    pub(crate) links: Links,
    pub(crate) server: Server,
    /// Names and keys of SSL clients, a link each.
    pub(crate) ssl: [SslNames; 5],
    pub(crate) sntp: Sntp,
    pub(crate) mdns: mdns::Mdns,
    pub(crate) long_send: LongSend,
    /// `AT+CIPCONNPERSIST=1`.
    pub(crate) persist: bool,
    /// There were links since the station joined: `STATUS:4`.
    pub(crate) had_links: bool,
    pub(crate) queries: Queries,
    pub(crate) apart: Apart,
    sockets: u32,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            multi: false,
            passive: [false; 5],
            raw: false,
            show_peer: false,
            links: Links::default(),
            server: Server::default(),
            ssl: Default::default(),
            sntp: Sntp::default(),
            mdns: mdns::Mdns::default(),
            long_send: LongSend::default(),
            persist: false,
            had_links: false,
            queries: Queries::default(),
            apart: Apart::default(),
            sockets: 0,
        }
    }

    /// A reset: all links are gone, all modes as at boot. Ids go on, so that late events find nobody.
    pub(crate) fn reset(&mut self, env: &mut Env<'_>, how: CloseHow) {
        for id in self.links.ids() {
            self.drop_link(env, id, how);
        }
        self.server.stop(env, how);
        self.sntp.stop(env, &mut self.queries);
        self.mdns.stop(env);
        self.queries.cancel_all(env.out);
        for socket in self.apart.take() {
            env.out.close(socket, how);
        }
        *self = Self {
            queries: core::mem::take(&mut self.queries),
            sockets: self.sockets,
            ..Self::new()
        };
    }

    pub(crate) fn next_socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId::requested(self.sockets - 1)
    }

    /// Takes a link's number for `open`, so that no client of the server gets it meanwhile.
    pub(crate) fn reserve(&mut self, id: LinkId, kind: Kind) {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let socket = self.next_socket();
        let link = Link::new(id, socket, kind, nowhere, Stage::Reserved);
        self.links.insert(link);
    }

    /// Opens a link; the running command hears `LinkEvent::Opened` or `Failed`.
    pub(crate) fn open(&mut self, env: &mut Env<'_>, id: LinkId, target: Target, to: Connect) {
        let socket = self.next_socket();
        self.links.remove(id);
        self.links.insert(Link::opening(id, socket, target, &to));
        env.out.connect(socket, to);
    }

    /// Tells open TCP links what `AT+CIPTCPOPT` asks, where they do not know it.
    pub(crate) fn tell_sockets(&mut self, env: &mut Env<'_>, settings: &Settings) {
        for link in self.links.iter_mut().filter(|link| link.is_open()) {
            let options = socket_options(env.profile(), settings, link.id, link.keep_alive_s());
            if link.kind.transport != Transport::Udp && options != link.options {
                link.options = options;
                env.out.options(link.socket, options);
            }
        }
    }

    /// A client that the server does not serve; the next one may come.
    pub(crate) fn turn_away(&mut self, env: &mut Env<'_>, socket: SocketId) {
        env.out.close(socket, CloseHow::Reset);
        self.server.on_accepted();
        self.server.offer(env, &self.links);
    }
}
