//! A stand-in for the module: it does what a test asks, and tells what it was fed.
#![allow(dead_code, reason = "every test file uses another part of it")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects; all else is wrong"
)]

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use espat_core::{
    AirEvent, CloseCause, CloseHow, Connect, Family, Input, Instant, Listen, Mark, ModuleConfig,
    NetError, NetEvent, NetRequest, Output, Peer, PowerEvent, QueryId, SocketId, SocketOptions,
    StoreTag, Timing, TlsClient, TlsRules, Transport, UartConfig, Wake,
};
use espat_host::{Engine, Handle, Module, NetOptions, SerialStream};
use tokio::sync::mpsc;

/// No test waits longer than this for what has to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What the stand-in puts out.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Serial(Mark, Vec<u8>),
    Uart(UartConfig),
    Connect(SocketId, Connect),
    Listen(SocketId, Listen),
    Accept(SocketId),
    Send(SocketId, Option<(SocketAddr, Option<String>)>, Vec<u8>),
    CancelSend(SocketId),
    Options(SocketId, SocketOptions),
    Read(SocketId, usize),
    Close(SocketId, CloseHow),
    Ping(QueryId, SocketAddr, Option<String>, usize, Instant),
    TimeSync(QueryId, SocketAddr, Option<String>, Instant),
    Resolve(QueryId, String, Family, Vec<IpAddr>, Instant),
    Cancel(QueryId),
}

/// What the stand-in was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    Tick,
    Serial(Vec<u8>),
    SerialBreak,
    SerialSent(usize),
    Power(PowerEvent),
    Air(AirEvent),
    Stored(StoreTag),
    Connected(SocketId, SocketAddr),
    Failed(SocketId, NetError),
    Listening(SocketId, u16),
    Accepted(SocketId, SocketId, SocketAddr, SocketAddr),
    Sent(SocketId, usize),
    SendFailed(SocketId),
    Data(SocketId, Option<SocketAddr>, Vec<u8>),
    Closed(SocketId, CloseCause),
    Resolved(QueryId, Result<Vec<IpAddr>, NetError>),
    Pinged(QueryId, Result<Duration, NetError>),
    TimeSynced(QueryId, Result<u64, NetError>),
    Other,
}

/// The test's side.
pub(crate) struct Bench {
    pub(crate) handle: Handle<StandIn>,
    shared: Arc<Shared>,
    fed: mpsc::UnboundedReceiver<(Instant, Fed)>,
}

#[derive(Default)]
struct Shared {
    asks: Mutex<VecDeque<Ask>>,
    wake_at: Mutex<Option<Instant>>,
    serial_room: AtomicUsize,
}

/// The engine's side.
pub(crate) struct StandIn {
    shared: Arc<Shared>,
    current: Option<Ask>,
    fed: mpsc::UnboundedSender<(Instant, Fed)>,
}

/// A stand-in on an in-process port, with everything at its default.
pub(crate) fn start(net: NetOptions) -> (SerialStream, Bench) {
    let (engine, feed) = StandIn::new();
    let module = Module::new(ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    })
    .net(net);
    let (stream, handle) = module.drive_in_process(engine);
    (stream, feed(handle))
}

impl StandIn {
    /// The engine, and how its bench is made once there is a handle.
    pub(crate) fn new() -> (Self, impl FnOnce(Handle<Self>) -> Bench) {
        let shared = Arc::new(Shared {
            serial_room: AtomicUsize::new(usize::MAX),
            ..Shared::default()
        });
        let (feed, fed) = mpsc::unbounded_channel();
        let engine = Self {
            shared: Arc::clone(&shared),
            current: None,
            fed: feed,
        };
        (engine, |handle| Bench {
            handle,
            shared,
            fed,
        })
    }
}

impl Bench {
    pub(crate) fn ask(&self, ask: Ask) {
        self.shared.asks.lock().unwrap().push_back(ask);
        self.poke();
    }

    /// The same for several, put out without an input between.
    pub(crate) fn ask_all(&self, asks: impl IntoIterator<Item = Ask>) {
        self.shared.asks.lock().unwrap().extend(asks);
        self.poke();
    }

    /// Feeds something without effect, after which the asked is put out.
    pub(crate) fn poke(&self) {
        self.handle.power(PowerEvent::Wake).unwrap();
    }

    pub(crate) fn set_wake_at(&self, at: Option<Instant>) {
        *self.shared.wake_at.lock().unwrap() = at;
        self.poke();
    }

    pub(crate) fn set_serial_room(&self, room: usize) {
        self.shared.serial_room.store(room, Ordering::Relaxed);
        self.poke();
    }

    /// The next input that is not a poke.
    pub(crate) async fn next(&mut self) -> Fed {
        self.next_at().await.1
    }

    pub(crate) async fn next_at(&mut self) -> (Instant, Fed) {
        loop {
            let fed = tokio::time::timeout(DEADLINE, self.fed.recv()).await;
            match fed
                .expect("nothing was fed in time")
                .expect("the driver has ended")
            {
                (_, Fed::Power(PowerEvent::Wake)) => {}
                fed => return fed,
            }
        }
    }

    /// What was fed and not looked at so far.
    pub(crate) fn drain(&mut self) -> Vec<Fed> {
        let fed = std::iter::from_fn(|| self.fed.try_recv().ok()).map(|(_, fed)| fed);
        fed.filter(|fed| *fed != Fed::Power(PowerEvent::Wake))
            .collect()
    }

    /// The payload that is read with credits of `max` until the link ends, and how it ended.
    pub(crate) async fn read_to_end(
        &mut self,
        socket: SocketId,
        max: usize,
    ) -> (Vec<u8>, CloseCause) {
        let mut all = Vec::new();
        loop {
            self.ask(Ask::Read(socket, max));
            match self.next().await {
                Fed::Data(from, _, bytes) if from == socket => all.extend(bytes),
                Fed::Closed(from, cause) if from == socket => return (all, cause),
                other => panic!("{other:?} instead of data"),
            }
        }
    }

    pub(crate) async fn connected(&mut self, socket: SocketId) -> SocketAddr {
        match self.next().await {
            Fed::Connected(connected, local) if connected == socket => local,
            other => panic!("{other:?} instead of a link"),
        }
    }

    /// Lets go of the handle and waits for the driver's end.
    pub(crate) async fn abandoned(self) {
        let Self {
            handle, mut fed, ..
        } = self;
        drop(handle);
        let ended = async { while fed.recv().await.is_some() {} };
        tokio::time::timeout(DEADLINE, ended)
            .await
            .expect("the driver goes on");
    }

    /// Asks until the driver has taken everything fed before.
    pub(crate) async fn settle(&self) {
        self.handle.inspect(|_| ()).await.unwrap();
    }
}

/// A request for a link without options.
pub(crate) fn connect(transport: Transport, remote: SocketAddr) -> Connect {
    Connect {
        transport,
        remote,
        name: None,
        local_ip: None,
        local_port: 0,
        options: SocketOptions::default(),
        deadline: Instant::from_micros(u64::MAX),
        tls: None,
    }
}

pub(crate) fn tcp(remote: SocketAddr) -> Connect {
    connect(Transport::Tcp, remote)
}

pub(crate) fn udp(remote: SocketAddr) -> Connect {
    connect(Transport::Udp, remote)
}

/// A link whose peer is not checked.
pub(crate) fn tls(rules: TlsRules, remote: SocketAddr) -> Connect {
    let client = TlsClient {
        rules,
        server_name: None,
        alpn: vec![],
        certificate: None,
        verify: None,
        ciphers: Vec::new(),
        psk: None,
    };
    Connect {
        tls: Some(Box::new(client)),
        ..connect(Transport::Tls, remote)
    }
}

pub(crate) fn socket(n: u32) -> SocketId {
    SocketId::requested(n)
}

impl Engine for StandIn {
    fn serial_room(&self) -> usize {
        self.shared.serial_room.load(Ordering::Relaxed)
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let fed = match input {
            Input::Tick => {
                *self.shared.wake_at.lock().unwrap() = None;
                Fed::Tick
            }
            Input::Serial(bytes) => Fed::Serial(bytes.to_vec()),
            Input::SerialBreak => Fed::SerialBreak,
            Input::SerialSent(n) => Fed::SerialSent(n),
            Input::Net(event) => fed_by_net(event),
            Input::Stored { tag, .. } => Fed::Stored(tag),
            Input::Power(event) => Fed::Power(event),
            Input::Air(event) => Fed::Air(event),
        };
        let _ = self.fed.send((now, fed));
    }

    fn poll_output(&mut self) -> Output<'_> {
        self.current = self.shared.asks.lock().unwrap().pop_front();
        let Some(ask) = &self.current else {
            return Output::Idle {
                wake_at: *self.shared.wake_at.lock().unwrap(),
                why: Wake::Never,
            };
        };
        ask.output()
    }
}

impl Ask {
    fn output(&self) -> Output<'_> {
        Output::Net(match self {
            Self::Serial(mark, bytes) => return Output::Serial { mark: *mark, bytes },
            Self::Uart(uart) => return Output::Uart(*uart),
            Self::Connect(socket, to) => NetRequest::Connect {
                socket: *socket,
                to,
            },
            Self::Listen(listener, on) => NetRequest::Listen {
                listener: *listener,
                on,
            },
            Self::Accept(listener) => NetRequest::Accept {
                listener: *listener,
            },
            Self::Send(socket, to, bytes) => {
                let to = to.as_ref().map(|(addr, name)| Peer {
                    addr: *addr,
                    name: name.as_deref(),
                });
                NetRequest::Send {
                    socket: *socket,
                    to,
                    bytes,
                }
            }
            Self::CancelSend(socket) => NetRequest::CancelSend { socket: *socket },
            Self::Options(socket, options) => NetRequest::Options {
                socket: *socket,
                options: *options,
            },
            Self::Read(socket, max) => NetRequest::Read {
                socket: *socket,
                max: *max,
            },
            Self::Close(socket, how) => NetRequest::Close {
                socket: *socket,
                how: *how,
            },
            Self::Resolve(query, name, family, servers, deadline) => NetRequest::Resolve {
                query: *query,
                name,
                family: *family,
                servers,
                deadline: *deadline,
            },
            Self::Ping(query, addr, name, len, deadline) => NetRequest::Ping {
                query: *query,
                peer: Peer {
                    addr: *addr,
                    name: name.as_deref(),
                },
                len: *len,
                deadline: *deadline,
            },
            Self::TimeSync(query, addr, name, deadline) => NetRequest::TimeSync {
                query: *query,
                server: Peer {
                    addr: *addr,
                    name: name.as_deref(),
                },
                deadline: *deadline,
            },
            Self::Cancel(query) => NetRequest::Cancel { query: *query },
        })
    }
}

fn fed_by_net(event: NetEvent<'_>) -> Fed {
    match event {
        NetEvent::Connected { socket, local } => Fed::Connected(socket, local),
        NetEvent::Failed { socket, error } => Fed::Failed(socket, error),
        NetEvent::Listening { listener, port } => Fed::Listening(listener, port),
        NetEvent::Accepted {
            listener,
            socket,
            peer,
            local,
        } => Fed::Accepted(listener, socket, peer, local),
        NetEvent::Sent { socket, n } => Fed::Sent(socket, n),
        NetEvent::SendFailed { socket } => Fed::SendFailed(socket),
        NetEvent::Data {
            socket,
            from,
            bytes,
            ..
        } => Fed::Data(socket, from, bytes.to_vec()),
        NetEvent::Closed { socket, cause } => Fed::Closed(socket, cause),
        NetEvent::Resolved { query, result } => {
            Fed::Resolved(query, result.map(<[IpAddr]>::to_vec))
        }
        NetEvent::Pinged { query, result } => Fed::Pinged(query, result),
        NetEvent::TimeSynced { query, result } => Fed::TimeSynced(query, result),
        NetEvent::SlotsChanged { .. } => Fed::Other,
    }
}
