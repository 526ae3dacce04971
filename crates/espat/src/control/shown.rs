//! A module's state as JSON. What it shows of the Wi-Fi has no password in it, by the types that it is made from.

use espat_core::{
    Inspect, LinkDetail, LinkPhase, PhaseView, ServerView, SoftApView, StationPhase, UartConfig,
};
use espat_host::Counts;
use serde::Serialize;

/// `GET /v1/state`.
#[derive(Debug, Serialize)]
pub(super) struct State {
    pub(super) espat: &'static str,
    pub(super) profile: &'static str,
    /// `unpowered` before the first power-on.
    pub(super) phase: &'static str,
    /// None before the first power-on.
    pub(super) module: Option<Module>,
    pub(super) counters: Counters,
}

/// What a module has once it was powered on.
#[derive(Debug, Serialize)]
pub(super) struct Module {
    uart: Uart,
    echo: bool,
    busy: bool,
    payload_missing: Option<usize>,
    passthrough: bool,
    multiple_links: bool,
    raw_data: bool,
    passive_receive: bool,
    air: &'static str,
    station: Station,
    softap: Option<SoftAp>,
    server: Option<Server>,
    links: usize,
    bytes_held: usize,
    faults: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Uart {
    baud: u32,
    data_bits: u8,
    stop_bits: f32,
    parity: &'static str,
    flow_control: &'static str,
}

#[derive(Debug, Serialize)]
struct Station {
    state: &'static str,
    ssid: String,
    ip: Option<String>,
}

#[derive(Debug, Serialize)]
struct SoftAp {
    ssid: String,
    ip: String,
    stations: usize,
}

#[derive(Debug, Serialize)]
struct Server {
    protocol: &'static str,
    port: u16,
    clients_max: u8,
}

/// One of `GET /v1/links`.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    id: u8,
    protocol: &'static str,
    state: &'static str,
    remote: String,
    local_port: u16,
    accepted: bool,
    unread: usize,
}

/// What the driver has counted.
#[derive(Debug, Serialize)]
pub(super) struct Counters {
    serial_in: u64,
    serial_out: u64,
    net_in: u64,
    net_out: u64,
    bytes_dropped: u64,
    datagrams_dropped: u64,
    hosts_refused: u64,
    inputs: u64,
    wakeups: u64,
}

impl Module {
    /// `faults`: the plans that run.
    pub(super) fn new(module: &Inspect<'_>, faults: Vec<String>) -> Self {
        let station = module.station();
        Self {
            uart: module.uart().into(),
            echo: module.has_echo(),
            busy: module.is_busy(),
            payload_missing: module.payload_missing(),
            passthrough: module.is_in_passthrough(),
            multiple_links: module.is_multiple(),
            raw_data: module.is_raw(),
            passive_receive: module.is_passive(),
            air: if module.air_is_lost() { "down" } else { "up" },
            station: Station {
                state: station_state(station.phase),
                ssid: String::from_utf8_lossy(station.ssid).into_owned(),
                ip: station.ip.map(|ip| ip.to_string()),
            },
            softap: module.softap().map(SoftAp::from),
            server: module.server().map(Server::from),
            links: module.links(),
            bytes_held: module.bytes_held(),
            faults,
        }
    }
}

impl From<UartConfig> for Uart {
    fn from(uart: UartConfig) -> Self {
        Self {
            baud: uart.baud,
            data_bits: uart.data_bits,
            stop_bits: match uart.stop_bits {
                1 => 1.0,
                2 => 1.5,
                _ => 2.0,
            },
            parity: match uart.parity {
                1 => "odd",
                2 => "even",
                _ => "none",
            },
            flow_control: match uart.flow {
                1 => "rts",
                2 => "cts",
                3 => "rts-cts",
                _ => "none",
            },
        }
    }
}

impl From<SoftApView<'_>> for SoftAp {
    fn from(softap: SoftApView<'_>) -> Self {
        Self {
            ssid: String::from_utf8_lossy(softap.ssid).into_owned(),
            ip: softap.ip.to_string(),
            stations: softap.stations,
        }
    }
}

impl From<ServerView> for Server {
    fn from(server: ServerView) -> Self {
        Self {
            protocol: server.kind,
            port: server.port,
            clients_max: server.clients_max,
        }
    }
}

impl From<LinkDetail> for Link {
    fn from(link: LinkDetail) -> Self {
        Self {
            id: link.id,
            protocol: link.kind,
            state: match link.phase {
                LinkPhase::Opening => "opening",
                LinkPhase::Open => "open",
                LinkPhase::Ended => "ended",
            },
            remote: link.remote.to_string(),
            local_port: link.local_port,
            accepted: link.is_accepted,
            unread: link.unread,
        }
    }
}

impl From<Counts> for Counters {
    fn from(counts: Counts) -> Self {
        Self {
            serial_in: counts.serial_in,
            serial_out: counts.serial_out,
            net_in: counts.net_in,
            net_out: counts.net_out,
            bytes_dropped: counts.bytes_dropped,
            datagrams_dropped: counts.datagrams_dropped,
            hosts_refused: counts.hosts_refused,
            inputs: counts.inputs,
            wakeups: counts.wakeups,
        }
    }
}

/// Where a module stands.
pub(super) fn phase(phase: PhaseView) -> &'static str {
    match phase {
        PhaseView::Off => "off",
        PhaseView::Booting => "booting",
        PhaseView::Ready => "ready",
        PhaseView::Resetting => "resetting",
        PhaseView::Asleep => "asleep",
        PhaseView::Downloading => "downloading",
    }
}

fn station_state(phase: StationPhase) -> &'static str {
    match phase {
        StationPhase::Off => "off",
        StationPhase::Idle => "idle",
        StationPhase::Joining => "joining",
        StationPhase::Associated => "associated",
        StationPhase::Up => "up",
        StationPhase::Disconnected => "disconnected",
    }
}
