//! Opening a link: the name first, where it is one, then the socket.

use core::net::{IpAddr, SocketAddr};

use super::host::{Host, Lookup, socket_options};
use super::{Kind, LinkId, UdpMode};
use crate::exec::cx::Cx;
use crate::exec::operation::{LinkEvent, OpEvent};
use crate::input::NetError;
use crate::output::{CloseHow, Connect, Family, Transport};

/// Where a link goes, as the host MCU wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) keep_alive_s: u16,
    /// 0: any.
    pub(crate) local_port: u16,
    pub(crate) udp_mode: UdpMode,
    pub(crate) local_ip: Option<IpAddr>,
}

impl Target {
    /// A target with nothing but its address.
    pub(crate) fn new(kind: Kind, host: Host, port: u16) -> Self {
        let udp_mode = UdpMode::Fixed;
        Self {
            kind,
            host,
            port,
            keep_alive_s: 0,
            local_port: 0,
            udp_mode,
            local_ip: None,
        }
    }

    pub(crate) fn is_udp(&self) -> bool {
        self.kind.transport == Transport::Udp
    }
}

/// A link that is being opened.
#[derive(Debug)]
pub(crate) struct Dial {
    id: LinkId,
    target: Target,
    wait: Wait,
}

#[derive(Debug)]
enum Wait {
    Name(Lookup),
    Link,
}

/// How opening a link goes.
#[derive(Debug)]
pub(crate) enum Dialed {
    Pending(Dial),
    Up,
    /// The name has no address, or nobody answers for it: no socket was opened.
    NoHost(NetError),
    /// The network refused. The number is taken until `CLOSED` is printed.
    Failed(NetError),
    /// No network that the module is on leads there. The number stays taken, as after `Failed`.
    Unreachable,
}

impl Dial {
    pub(crate) fn begin(cx: &mut Cx<'_>, id: LinkId, target: Target) -> Dialed {
        if let Some(name) = target.host.name()
            && !cx.wifi.station_is_up()
        {
            cx.env.explain_unknown_host(name);
            return Dialed::NoHost(NetError::NotFound);
        }
        cx.net.reserve(id, target.kind);
        let family = if target.kind.is_v6 {
            Family::V6
        } else {
            Family::V4
        };
        match target.host.resolve(cx, family) {
            Lookup::Known(ip) => Self {
                id,
                target,
                wait: Wait::Link,
            }
            .connect(cx, ip),
            asked @ Lookup::Asked(_) => Dialed::Pending(Self {
                id,
                target,
                wait: Wait::Name(asked),
            }),
        }
    }

    pub(crate) fn on_event(mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Dialed {
        match (&self.wait, *event) {
            (Wait::Name(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => Dialed::Pending(self),
                    Some(Ok(ip)) => {
                        self.wait = Wait::Link;
                        self.connect(cx, ip)
                    }
                    Some(Err(error)) => {
                        if let Some(name) = self.target.host.name() {
                            cx.env.explain_unknown_host(name);
                        }
                        cx.net.drop_link(&mut cx.env, self.id, CloseHow::Reset);
                        Dialed::NoHost(error)
                    }
                }
            }
            (Wait::Link, OpEvent::Link(id, LinkEvent::Opened)) if id == self.id => Dialed::Up,
            (Wait::Link, OpEvent::Link(id, LinkEvent::Failed(error))) if id == self.id => {
                Dialed::Failed(error)
            }
            (Wait::Link, OpEvent::Link(id, LinkEvent::Closed)) if id == self.id => {
                Dialed::Failed(NetError::Other)
            }
            _ => Dialed::Pending(self),
        }
    }

    /// The attempt has taken too long: the link is closed and reported, where it had got as far as a socket.
    pub(crate) fn give_up(self, cx: &mut Cx<'_>) {
        match self.wait {
            Wait::Name(_) => self.cancel(cx),
            Wait::Link => cx.net.abandon(&mut cx.env, self.id),
        }
    }

    /// Takes the attempt back.
    pub(crate) fn cancel(self, cx: &mut Cx<'_>) {
        if let Wait::Name(Lookup::Asked(query)) = self.wait {
            cx.net.queries.cancel(cx.env.out, query);
        }
        cx.net.drop_link(&mut cx.env, self.id, CloseHow::Reset);
    }

    fn connect(self, cx: &mut Cx<'_>, ip: IpAddr) -> Dialed {
        let target = &self.target;
        if !target.is_udp() && !cx.wifi.reaches(cx.nvs, ip) {
            return Dialed::Unreachable;
        }
        let to = Connect {
            transport: target.kind.transport,
            remote: SocketAddr::new(ip, target.port),
            name: target.host.name().cloned(),
            local_ip: target.local_ip,
            local_port: target.local_port,
            options: socket_options(cx.env.profile(), &cx.nvs.live, self.id, target.keep_alive_s),
            deadline: cx.env.now + cx.env.profile().limits.connect_timeout,
            tls: super::ssl::client(cx, self.id, target),
        };
        cx.net.open(&mut cx.env, self.id, target.clone(), to);
        Dialed::Pending(self)
    }
}
