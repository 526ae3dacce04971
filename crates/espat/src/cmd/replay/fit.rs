//! Whether a transcript can be run on a real serial port with peers on real sockets, and whom it needs then.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use espat_core::{
    AccessPoint, CloseCause, Duration, LogPort, ModuleConfig, NetError, Profile, Timing, Transport,
};
use espat_script::{
    Event, Handle, Names, NetAsk, NetHappening, PeerKind, Plan, Request, SerialLine, Step, TimeStep,
};

/// Shorter times than this cannot be told apart on a machine that does other things too.
const TIME_MIN: Duration = Duration::from_millis(20);

/// What the module behind the port is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Module {
    /// It has been set up as the transcript's directives say.
    pub(super) is_arranged: bool,
    /// How long a transcript may take.
    pub(super) time_max: Option<Duration>,
}

/// Who has to be there.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Where the links of these sockets lead.
    pub(super) links: BTreeMap<Handle, Link>,
    /// Whom datagrams are sent to.
    pub(super) datagrams_to: BTreeSet<SocketAddr>,
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
    /// Names that were asked for.
    names: BTreeSet<Handle>,
    /// Settings on their way into the flash.
    stores: usize,
    /// The last command has no result yet.
    is_at_work: bool,
    /// Who acted since the module last said something or time passed.
    acted: Option<Actor>,
    /// It was followed by a time too short to be kept.
    is_hasty: bool,
    time: Duration,
    module: Module,
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
pub(super) fn needs(plan: &Plan, module: Module) -> Result<Needs, &'static str> {
    directives(&plan.config, module.is_arranged)?;
    if plan.peers.iter().any(|(_, kind)| *kind == PeerKind::Tls) {
        return Err(TLS);
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
        names: BTreeSet::new(),
        stores: 0,
        is_at_work: false,
        acted: None,
        is_hasty: false,
        time: Duration::ZERO,
        module,
    };
    look.not_shown("+CIPSTA:gateway")?;
    let (own, usual) = (&plan.config.addresses, ModuleConfig::new().addresses);
    if !module.is_arranged || own.station_ip != usual.station_ip {
        look.not_shown(&own.station_ip.to_string())?;
    }
    if !module.is_arranged || own.station_ip6 != usual.station_ip6 {
        look.not_shown(&own.station_ip6.to_string())?;
    }
    for step in plan.steps() {
        look.step(step)?;
    }
    if !look.open.is_empty() || look.stores > 0 {
        return Err("an answer of the world never comes");
    }
    let links = &look.needs.links;
    let is_open = |at| links.values().any(|l| l.remote == at && !l.is_refused);
    if links.values().any(|l| l.is_refused && is_open(l.remote)) {
        return Err("a peer refuses once and not always");
    }
    if !look.names.is_empty() && !look.needs.links.is_empty() {
        return Err("a link goes to a name");
    }
    Ok(look.needs)
}

/// Whether a module can be what the directives say; where it is arranged, whether `espat run` can be made to be it.
fn directives(config: &ModuleConfig, is_arranged: bool) -> Result<(), &'static str> {
    let usual = ModuleConfig::new();
    if Profile::find(config.profile.name).is_none() {
        return Err("its profile is for tests only");
    }
    if config.upgrade != usual.upgrade {
        return Err("its upgrade server is given");
    }
    if !config.nvs.is_empty() || config.slots != usual.slots {
        return Err("its settings or certificates are given");
    }
    if config.log_port == LogPort::Separate {
        return Err("its log has a port of its own");
    }
    let addresses = &config.addresses;
    if addresses.station_mac != usual.addresses.station_mac {
        return Err("its addresses are given");
    }
    let as_asked = |ap: &AccessPoint| *ap == AccessPoint::new(&ap.ssid, &ap.password);
    if config.air.is_lost || !config.air.access_points.iter().all(as_asked) {
        return Err("its air is special");
    }
    if is_arranged {
        return Ok(());
    }
    if config.terminator != usual.terminator || config.reports != usual.reports {
        return Err("@terminator and @reports are ours, and no module's");
    }
    if !config.air.stations.is_empty() {
        return Err("stations join its softAP");
    }
    Ok(())
}

impl Look<'_> {
    fn step(&mut self, step: &Step) -> Result<(), &'static str> {
        match step {
            Step::Send(_) if self.open.is_empty() && self.stores == 0 => self.send(),
            Step::Send(_) => Err(HELD_BACK),
            Step::Expect(line) => {
                self.said(line);
                Ok(())
            }
            Step::Time(TimeStep::For(time)) => self.pass(*time),
            Step::Time(TimeStep::Output) => Ok(()),
            // In a record it is an end of a read, which the port at hand makes where it likes.
            Step::Time(TimeStep::Break) if !self.module.is_arranged => Ok(()),
            Step::Time(TimeStep::Idle | TimeStep::Break) => Err("a serial port has no such time"),
            Step::Ask(Request::Net(handle, ask)) => {
                self.is_hasty = false;
                self.ask(*handle, ask)
            }
            // Questions are answered by the module itself: nothing shows.
            Step::Ask(Request::Uart(_) | Request::Mdns(_)) => Ok(()),
            Step::Ask(Request::Store(_)) => {
                self.stores += 1;
                Ok(())
            }
            Step::World(Event::Stored(Ok(()))) => {
                self.stores = self.stores.saturating_sub(1);
                Ok(())
            }
            Step::Ask(
                Request::StoreErase | Request::Partition(..) | Request::Boot(_) | Request::Log(_),
            ) => Err("its flash or its log are the world's"),
            Step::World(Event::Net(handle, what)) => self.world(*handle, what),
            Step::World(
                Event::Stored(Err(_)) | Event::Power(_) | Event::Air(_) | Event::Slots(_),
            ) => Err("its power, air, flash or certificates change"),
        }
    }

    fn send(&mut self) -> Result<(), &'static str> {
        let is_realistic = self.plan.config.timing == Timing::Realistic;
        if self.module.is_arranged && is_realistic && self.is_at_work {
            return Err("it speaks into a command that is over in milliseconds");
        }
        self.act(Actor::Host)
    }

    /// The module said something.
    fn said(&mut self, line: &SerialLine) {
        const ENDS: &[&str] = &["OK", "ERROR", "SEND OK", "SEND FAIL", "FAIL", "ready", ">"];
        self.fresh.clear();
        self.acted = None;
        self.is_hasty = false;
        let text = line.text.to_string();
        let is_end = ENDS.contains(&text.trim()) || !line.crlf;
        // An echo, and what is not over yet.
        self.is_at_work = text.starts_with("AT") || (self.is_at_work && !is_end);
    }

    fn pass(&mut self, time: Duration) -> Result<(), &'static str> {
        let is_realistic = self.plan.config.timing == Timing::Realistic;
        let is_short = time <= TIME_MIN && (is_realistic || time > TIME_MIN / 2);
        // A second less a millisecond is as exact as a millisecond.
        let is_odd = time > TIME_MIN && !time.subsec_micros().is_multiple_of(10_000);
        // In a record a time is how long things took; written by hand, it is the point of it.
        if self.module.is_arranged && (is_short || is_odd) {
            return Err(HASTY);
        }
        if is_short {
            self.is_hasty |= self.acted.is_some();
        } else {
            self.acted = None;
        }
        self.fresh.clear();
        self.time += time;
        if self.module.time_max.is_some_and(|max| self.time >= max) {
            return Err("it takes longer than it may");
        }
        Ok(())
    }

    fn ask(&mut self, handle: Handle, ask: &NetAsk) -> Result<(), &'static str> {
        match ask {
            NetAsk::Connect { tls: Some(_), .. } | NetAsk::Listen { tls: Some(_), .. } => Err(TLS),
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
                reachable(*remote)?;
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
                    if name.is_some() {
                        return Err("it speaks to a name");
                    }
                    reachable(*to)?;
                    self.needs.datagrams_to.insert(*to);
                }
                self.has_sent.insert(handle);
                let n = bytes.byte_count(&Names::default()).unwrap_or_default();
                let open = self.open.entry(handle).or_insert(Open::Bytes(0));
                if let Open::Bytes(waiting) = open {
                    *waiting += n;
                }
                Ok(())
            }
            NetAsk::Resolve { servers, .. } if !servers.is_empty() => {
                Err("it asks name servers of its own")
            }
            NetAsk::Resolve { .. } if !self.module.is_arranged => {
                Err("it asks for a name, and the runner is no name server")
            }
            NetAsk::Resolve { .. } => {
                self.names.insert(handle);
                self.open.insert(handle, Open::Answer);
                Ok(())
            }
            NetAsk::Ping { .. } | NetAsk::TimeSync { .. } => Err(PING),
            NetAsk::Clock(_) => Err(TLS),
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
                self.names.remove(&handle);
                self.open.remove(&handle);
            }
            NetHappening::Failed(_) => return Err("the network fails in its own way"),
            NetHappening::Listening(port) => {
                // In a record it is the port that the module's host had for it.
                if self.module.is_arranged && !self.needs.servers.contains(port) {
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
            NetHappening::Pong(_) | NetHappening::Time(_) => return Err(PING),
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
        if !matches!(ips, [IpAddr::V4(_)]) {
            return Err("a name has no address or several");
        }
        self.open.remove(&handle);
        Ok(())
    }

    /// Two that act next to each other are as often first as second.
    fn act(&mut self, who: Actor) -> Result<(), &'static str> {
        if std::mem::take(&mut self.is_hasty) {
            return Err(HASTY);
        }
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

const HASTY: &str = "it counts on single milliseconds";
const TLS: &str = "the peer of an SSL link is not played";
const PING: &str = "who answers pings and questions for the time is not played";
const HELD_BACK: &str = "it holds back what the stack answers at once";
const MERGES: &str = "a real stream would join its pieces";

/// Whether a peer can have this address's place.
fn reachable(addr: SocketAddr) -> Result<(), &'static str> {
    /// The softAP's network.
    const SOFTAP: [u8; 3] = [192, 168, 4];
    let ip = addr.ip();
    let is_many = ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255]);
    if is_many || ip.is_unspecified() || addr.port() == 0 {
        return Err("it speaks to many, or to nobody");
    }
    match ip {
        IpAddr::V4(ip) if ip.octets().starts_with(&SOFTAP) => Err("it speaks over its softAP"),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}
