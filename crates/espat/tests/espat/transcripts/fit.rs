//! Whether a transcript's world can be played on real sockets, and what it needs then.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use espat_core::{
    AccessPoint, CloseCause, LogPort, ModuleConfig, NetError, Profile, Timing, Transport,
};
use espat_script::{Event, Handle, NetAsk, NetHappening, Plan, Request, Step, TimeStep};

const TIME_MAX: Duration = Duration::from_secs(3);
/// Shorter times than this cannot be told apart on a machine that does other things too.
const TIME_MIN: Duration = Duration::from_millis(20);

/// Who has to be there.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Where the links of these sockets lead.
    pub(super) links: BTreeMap<Handle, Link>,
    /// Whom datagrams are sent to.
    pub(super) datagrams_to: BTreeSet<SocketAddr>,
    /// Names with their addresses.
    pub(super) names: BTreeMap<String, IpAddr>,
    /// The ports of the module's servers.
    pub(super) servers: BTreeSet<u16>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) is_refused: bool,
}

/// A look at the steps in their order.
struct Look<'a> {
    plan: &'a Plan,
    needs: Needs,
    /// What was asked and is not answered yet.
    open: BTreeMap<Handle, Open>,
    /// Streams that were sent data since the module last said something.
    fresh: BTreeSet<Handle>,
    has_sent: BTreeSet<Handle>,
    /// Who acted since the module last said something or time passed.
    acted: Option<Actor>,
    time: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Actor {
    Host,
    Peer(Handle),
}

enum Open {
    Answer,
    Bytes(usize),
}

/// What a plan needs, or why it cannot be played here.
pub(super) fn world(plan: &Plan) -> Result<Needs, &'static str> {
    module(&plan.config)?;
    if !plan.peers.is_empty() {
        return Err("it has peers of the runner's own");
    }
    if !plan.faults.is_empty() {
        return Err("it plays faults");
    }
    let mut look = Look {
        plan,
        needs: Needs::default(),
        open: BTreeMap::new(),
        fresh: BTreeSet::new(),
        has_sent: BTreeSet::new(),
        acted: None,
        time: Duration::ZERO,
    };
    look.not_shown("+CIPSTA:gateway")?;
    for step in plan.steps() {
        look.step(step)?;
    }
    if !look.open.is_empty() {
        return Err("an answer of the world never comes");
    }
    let links = &look.needs.links;
    let is_open = |at| links.values().any(|l| l.remote == at && !l.is_refused);
    if links.values().any(|l| l.is_refused && is_open(l.remote)) {
        return Err("a peer refuses once and not always");
    }
    if !look.needs.names.is_empty() && !look.needs.links.is_empty() {
        return Err("a link goes to a name");
    }
    Ok(look.needs)
}

/// Whether the command line can make this module.
fn module(config: &ModuleConfig) -> Result<(), &'static str> {
    let usual = ModuleConfig::new();
    if Profile::find(config.profile.name).is_none() {
        return Err("its profile is for tests only");
    }
    if config.upgrade != usual.upgrade {
        return Err("its upgrade server is given");
    }
    if config.durable || !config.nvs.is_empty() || config.slots != usual.slots {
        return Err("its settings or certificates are given");
    }
    if config.log_port == LogPort::Separate {
        return Err("its log has a port of its own");
    }
    let addresses = &config.addresses;
    if addresses.station_mac != usual.addresses.station_mac
        || addresses.station_ip != usual.addresses.station_ip
        || addresses.station_ip6 != usual.addresses.station_ip6
    {
        return Err("its addresses are given");
    }
    let as_asked = |ap: &AccessPoint| *ap == AccessPoint::new(&ap.ssid, &ap.password);
    if !config.air.access_points.iter().all(as_asked) {
        return Err("its access points are special");
    }
    Ok(())
}

impl Look<'_> {
    fn step(&mut self, step: &Step) -> Result<(), &'static str> {
        match step {
            Step::Send(_) if self.open.is_empty() => self.act(Actor::Host),
            Step::Send(_) => Err(HELD_BACK),
            Step::Expect(_) => {
                self.fresh.clear();
                self.acted = None;
                Ok(())
            }
            Step::Time(TimeStep::For(time)) => {
                self.fresh.clear();
                self.acted = None;
                let is_exact = self.plan.config.timing == Timing::Realistic || *time > TIME_MIN / 2;
                if *time < TIME_MIN && is_exact {
                    return Err("it counts on single milliseconds");
                }
                self.time += *time;
                if self.time < TIME_MAX {
                    Ok(())
                } else {
                    Err("it takes three seconds or more")
                }
            }
            Step::Time(TimeStep::Output) => Ok(()),
            Step::Time(TimeStep::Idle | TimeStep::Break) => Err("a PTY has no such time"),
            Step::Ask(Request::Net(handle, ask)) => self.ask(*handle, ask),
            // Nothing of it shows on a PTY.
            Step::Ask(Request::Uart(_)) => Ok(()),
            Step::Ask(
                Request::Store(_)
                | Request::StoreErase
                | Request::Partition(..)
                | Request::Boot(_)
                | Request::Log(_),
            ) => Err("its settings or its log are the world's"),
            Step::World(Event::Net(handle, what)) => self.world(*handle, what),
            Step::World(Event::Stored(_) | Event::Power(_) | Event::Air(_) | Event::Slots(_)) => {
                Err("its power, flash or certificates change")
            }
        }
    }

    fn ask(&mut self, handle: Handle, ask: &NetAsk) -> Result<(), &'static str> {
        match ask {
            NetAsk::Connect { tls: Some(_), .. } | NetAsk::Listen { tls: Some(_), .. } => {
                Err("TLS has tests of its own")
            }
            NetAsk::Connect {
                transport,
                remote,
                local_ip,
                local_port,
                ..
            } => {
                if local_ip.is_some() || (*local_port != 0 && *transport != Transport::Udp) {
                    return Err("it asks for a local address");
                }
                if !is_somebody(*remote) {
                    return Err("it speaks to many, or to nobody");
                }
                let link = Link {
                    transport: *transport,
                    remote: *remote,
                    is_refused: false,
                };
                self.needs.links.insert(handle, link);
                self.open.insert(handle, Open::Answer);
                Ok(())
            }
            NetAsk::Listen { port, .. } => {
                if !self.needs.servers.insert(*port) {
                    return Err("a server comes twice");
                }
                self.open.insert(handle, Open::Answer);
                Ok(())
            }
            NetAsk::Send { bytes, to } => {
                if let Some((to, name)) = to {
                    if name.is_some() || !is_somebody(*to) {
                        return Err("it speaks to many, to nobody, or to a name");
                    }
                    self.needs.datagrams_to.insert(*to);
                }
                self.has_sent.insert(handle);
                let n = bytes
                    .resolve(&espat_script::Names::default())
                    .map_or(0, |b| b.len());
                let open = self.open.entry(handle).or_insert(Open::Bytes(0));
                if let Open::Bytes(waiting) = open {
                    *waiting += n;
                }
                Ok(())
            }
            NetAsk::Resolve { servers, .. } if !servers.is_empty() => {
                Err("it asks name servers of its own")
            }
            NetAsk::Resolve { name, .. } => {
                self.needs.names.insert(name.clone(), [0, 0, 0, 0].into());
                self.open.insert(handle, Open::Answer);
                Ok(())
            }
            NetAsk::Ping { .. } | NetAsk::TimeSync { .. } => {
                Err("ping and time have tests of their own")
            }
            NetAsk::Clock(_) => Err("TLS has tests of its own"),
            NetAsk::Close(_) | NetAsk::CancelSend | NetAsk::Options(_) | NetAsk::Cancel => {
                self.open.remove(&handle);
                Ok(())
            }
        }
    }

    fn world(&mut self, handle: Handle, what: &NetHappening) -> Result<(), &'static str> {
        let others_wait = self.open.keys().any(|open| *open != handle);
        if others_wait {
            return Err(HELD_BACK);
        }
        match what {
            NetHappening::Connected(local) => {
                self.not_shown(&local.port().to_string())?;
                self.open.remove(&handle);
            }
            NetHappening::Failed(NetError::Refused) => {
                let link = self
                    .needs
                    .links
                    .get_mut(&handle)
                    .ok_or("a refusal without a link")?;
                link.is_refused = true;
                self.open.remove(&handle);
            }
            NetHappening::Failed(NetError::NotFound) => {
                self.needs.names.clear();
                self.open.remove(&handle);
            }
            NetHappening::Failed(_) => return Err("the network fails in its own way"),
            NetHappening::Listening(port) => {
                if !self.needs.servers.contains(port) {
                    return Err("a port is taken");
                }
                self.open.remove(&handle);
            }
            NetHappening::Accepted { socket, peer, .. } => {
                self.act(Actor::Peer(*socket))?;
                self.not_shown(&peer.ip().to_string())?;
                self.not_shown(&peer.port().to_string())?;
            }
            NetHappening::Sent(n) => match self.open.get_mut(&handle) {
                Some(Open::Bytes(waiting)) if *waiting > *n => *waiting -= n,
                Some(Open::Bytes(_)) => {
                    self.open.remove(&handle);
                }
                Some(Open::Answer) | None => return Err("an answer without a question"),
            },
            NetHappening::Data { from, .. } => return self.data(handle, *from),
            NetHappening::Closed(CloseCause::Fin | CloseCause::Reset) => {
                self.act(Actor::Peer(handle))?;
                if self.open.contains_key(&handle) {
                    return Err(HELD_BACK);
                }
            }
            NetHappening::SendFailed | NetHappening::Closed(CloseCause::Tls | CloseCause::Io) => {
                return Err("the network fails in its own way");
            }
            NetHappening::Resolved(ips) => return self.resolved(handle, ips),
            NetHappening::Pong(_) | NetHappening::Time(_) => {
                return Err("ping and time have tests of their own");
            }
        }
        Ok(())
    }

    fn data(&mut self, handle: Handle, from: Option<SocketAddr>) -> Result<(), &'static str> {
        self.act(Actor::Peer(handle))?;
        if self.open.contains_key(&handle) {
            return Err(HELD_BACK);
        }
        let Some(link) = self.needs.links.get(&handle) else {
            // A client of the module's server.
            return if self.fresh.insert(handle) {
                Ok(())
            } else {
                Err(MERGES)
            };
        };
        if link.transport == Transport::Udp {
            if from.is_some_and(|from| from != link.remote) {
                return Err("a datagram comes from a third");
            }
            if !self.has_sent.contains(&handle) {
                return Err("a datagram comes before the module's first");
            }
            return Ok(());
        }
        if self.fresh.insert(handle) {
            Ok(())
        } else {
            Err(MERGES)
        }
    }

    fn resolved(&mut self, handle: Handle, ips: &[IpAddr]) -> Result<(), &'static str> {
        let [IpAddr::V4(ip)] = ips[..] else {
            return Err("a name has no address or several");
        };
        let asked = self.needs.names.values_mut().last();
        *asked.ok_or("no name was asked for")? = ip.into();
        self.open.remove(&handle);
        Ok(())
    }

    /// Two that act next to each other are as often first as second.
    fn act(&mut self, who: Actor) -> Result<(), &'static str> {
        match self.acted.replace(who) {
            Some(other) if other != who => Err("host and peers act at the same time"),
            Some(_) | None => Ok(()),
        }
    }

    /// Addresses that the kernel chooses must not be in what the module says.
    fn not_shown(&self, text: &str) -> Result<(), &'static str> {
        let shown = self.plan.steps().any(|step| match step {
            Step::Expect(line) => line.text.to_string().contains(text),
            Step::Send(_) | Step::Ask(_) | Step::World(_) | Step::Time(_) => false,
        });
        if shown {
            Err("the module shows an address that the kernel chooses")
        } else {
            Ok(())
        }
    }
}

const HELD_BACK: &str = "it holds back what the stack answers at once";
const MERGES: &str = "a real stream would join its pieces";

fn is_somebody(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    let is_many = ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255]);
    !is_many && !ip.is_unspecified() && !ip.is_loopback() && addr.port() != 0
}
