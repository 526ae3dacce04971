//! What tools are shown of a module: a state in plain words, never a password or a key.

use core::net::{Ipv4Addr, SocketAddr};

use super::{Inspect, Phase};
use crate::net::Stage;
use crate::wifi::addresses::STATION;
use crate::wifi::station::Shown;

/// Where a module stands between power-on and commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseView {
    /// Its supply is cut.
    Off,
    /// It boots; what a host MCU sends is lost.
    Booting,
    /// It takes commands.
    Ready,
    /// A reset is due; what comes meanwhile is lost.
    Resetting,
    /// A deep sleep.
    Asleep,
    /// The ROM's download mode: no firmware runs.
    Downloading,
}

/// The station's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationPhase {
    /// It is switched off.
    Off,
    /// It has tried to join nothing so far.
    Idle,
    /// It joins an access point, or is about to.
    Joining,
    /// It has an access point and no address.
    Associated,
    /// It has its address.
    Up,
    /// It has left or lost its access point, or could not join it.
    Disconnected,
}

/// The station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StationView<'a> {
    /// Its state.
    pub phase: StationPhase,
    /// The SSID that it tried last; empty before.
    pub ssid: &'a [u8],
    /// Its address, while it has one.
    pub ip: Option<Ipv4Addr>,
}

/// The softAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftApView<'a> {
    /// Its SSID.
    pub ssid: &'a [u8],
    /// Its address.
    pub ip: Ipv4Addr,
    /// Stations that have joined it.
    pub stations: usize,
}

/// The server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its protocol, as in `AT+CIPSERVER`.
    pub kind: &'static str,
    /// The module's port.
    pub port: u16,
    /// How many clients it may have.
    pub clients_max: u8,
}

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// Its name is looked up, or it is being opened.
    Opening,
    /// Open.
    Open,
    /// Closed by the network; its number is taken until `CLOSED` has been printed.
    Ended,
}

/// A link, as `AT+CIPSTATUS` would show it, and a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkDetail {
    /// Its number.
    pub id: u8,
    /// Its protocol, as in `AT+CIPSTART`.
    pub kind: &'static str,
    /// Its state.
    pub phase: LinkPhase,
    /// The remote end.
    pub remote: SocketAddr,
    /// The module's port.
    pub local_port: u16,
    /// A client of the module's server.
    pub is_accepted: bool,
    /// Received bytes that have not gone to the host MCU.
    pub unread: usize,
}

impl<'a> Inspect<'a> {
    /// Where it stands between power-on and commands.
    #[must_use]
    pub fn phase(&self) -> PhaseView {
        match self.module.phase {
            Phase::Off => PhaseView::Off,
            Phase::Booting => PhaseView::Booting,
            Phase::Ready => PhaseView::Ready,
            Phase::Resetting(_) => PhaseView::Resetting,
            Phase::Asleep => PhaseView::Asleep,
            Phase::Downloading => PhaseView::Downloading,
        }
    }

    /// Whether lines are sent back (`ATE`).
    #[must_use]
    pub fn has_echo(&self) -> bool {
        self.module.state.sys.echo
    }

    /// Whether there may be several links (`AT+CIPMUX`).
    #[must_use]
    pub fn is_multiple(&self) -> bool {
        self.module.state.net.multi
    }

    /// Whether received data is not framed (`AT+CIPMODE`).
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.module.state.net.raw
    }

    /// Whether the host MCU asks for the received data of some link (`AT+CIPRECVMODE`, `AT+CIPRECVTYPE`).
    #[must_use]
    pub fn is_passive(&self) -> bool {
        self.module.state.net.passive.contains(&true)
    }

    /// Whether the access points are gone.
    #[must_use]
    pub fn air_is_lost(&self) -> bool {
        self.module.state.config.air.is_lost
    }

    /// The station.
    #[must_use]
    pub fn station(&self) -> StationView<'a> {
        let state = &self.module.state;
        let (shown, ssid) = state.wifi.station.shown(&state.timers, None);
        let phase = match shown {
            Shown::NeverTried if state.nvs.live.wifi_mode & STATION == 0 => StationPhase::Off,
            Shown::NeverTried => StationPhase::Idle,
            Shown::Joining => StationPhase::Joining,
            Shown::Associated => StationPhase::Associated,
            Shown::Up => StationPhase::Up,
            Shown::Disconnected => StationPhase::Disconnected,
        };
        let ip = state.wifi.station_ip();
        StationView { phase, ssid, ip }
    }

    /// The softAP, while it is on.
    #[must_use]
    pub fn softap(&self) -> Option<SoftApView<'a>> {
        let state = &self.module.state;
        let live = &state.nvs.live;
        state.wifi.softap_is_on(&state.nvs).then(|| SoftApView {
            ssid: &live.softap.ssid,
            ip: live.softap_ip.ip,
            stations: state.wifi.softap.clients().len(),
        })
    }

    /// The server, while it runs.
    #[must_use]
    pub fn server(&self) -> Option<ServerView> {
        let server = &self.module.state.net.server;
        server.is_running().then(|| ServerView {
            kind: server.kind.name(),
            port: server.port,
            clients_max: server.clients_max,
        })
    }

    /// The links, by number.
    pub fn link_details(&self) -> impl Iterator<Item = LinkDetail> + use<'a> {
        self.module.state.net.links.iter().map(|link| LinkDetail {
            id: link.id.0,
            kind: link.kind.name(),
            phase: match link.stage {
                Stage::Reserved | Stage::Connecting => LinkPhase::Opening,
                Stage::Open => LinkPhase::Open,
                Stage::Ended => LinkPhase::Ended,
            },
            remote: link.remote,
            local_port: link.local_port,
            is_accepted: link.is_accepted(),
            unread: link.rx.len(),
        })
    }
}
