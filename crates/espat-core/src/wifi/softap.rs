//! The softAP: the stations that join it, and the addresses that they get.
//!
//! The stations of the air join one after another while the softAP is on, as many as it serves. One that was sent away
//! stays away until the softAP starts again.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::addresses::SOFTAP;
use super::world::understands;
use crate::config::Mac;
use crate::exec::cx::Env;
use crate::nvs::{DhcpPool, Nvs, StaticIp};
use crate::reply::urc::Urc;
use crate::timers::Timer;

/// The softAP's side of the Wi-Fi.
#[derive(Debug, Default)]
pub(crate) struct SoftAp {
    is_on: bool,
    clients: Vec<Client>,
    /// How many stations of the air have had their turn.
    seen: usize,
}

/// A station that joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) mac: Mac,
    /// The address that it got from the softAP.
    pub(crate) lease: Option<Ipv4Addr>,
    /// The address that it asks for.
    wish: Option<Ipv4Addr>,
}

/// Minutes of a lease where nothing is set (ESP-IDF, DHCP server: 120 units of a minute).
const LEASE_MIN: u16 = 120;
/// Addresses of the range where nothing is set (ESP-IDF, DHCP server: 100 leases).
const LEASES: u8 = 100;

impl SoftAp {
    pub(super) fn start(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        self.is_on = true;
        self.clients.clear();
        self.seen = 0;
        self.plan(env, nvs);
    }

    /// Switches off: the stations are gone.
    pub(super) fn stop(&mut self, env: &mut Env<'_>) {
        self.is_on = false;
        env.timers.stop(Timer::SoftAp);
        self.dismiss(env, |_| true);
    }

    /// Sends stations away; returns how many.
    pub(super) fn dismiss(&mut self, env: &mut Env<'_>, whom: impl Fn(&Client) -> bool) -> usize {
        let before = self.clients.len();
        self.clients.retain(|client| {
            let goes = whom(client);
            if goes {
                env.report(Urc::StationLeft(client.mac));
            }
            !goes
        });
        before - self.clients.len()
    }

    pub(super) fn on_timer(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        if let Some(index) = self.next_lease(nvs) {
            let lease = self.free_address(nvs, self.clients[index].wish);
            let client = &mut self.clients[index];
            client.lease = lease;
            client.wish = lease;
            if let Some(ip) = lease {
                env.report(Urc::StationGotIp(client.mac, ip));
            }
        } else if let Some(station) = env.config.air.stations.get(self.seen) {
            self.seen += 1;
            self.clients.push(Client {
                mac: station.mac,
                lease: None,
                wish: Some(station.ip.unwrap_or(Ipv4Addr::UNSPECIFIED)),
            });
            env.report(Urc::StationJoined(station.mac));
        }
        self.plan(env, nvs);
    }

    /// Sets the timer for the next lease, or for the next station.
    pub(super) fn plan(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        let delays = &env.profile().delays;
        let has_room = self.clients.len() < usize::from(nvs.live.softap.stations_max)
            && understands(nvs.live.softap_protocols);
        let delay = if !self.is_on {
            None
        } else if self.next_lease(nvs).is_some() {
            Some(delays.dhcp)
        } else if has_room && self.seen < env.config.air.stations.len() {
            Some(delays.associate)
        } else {
            None
        };
        match delay {
            Some(delay) => env.set_timer(Timer::SoftAp, env.delay(delay)),
            None => env.timers.stop(Timer::SoftAp),
        }
    }

    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// The first station that waits for an address.
    fn next_lease(&self, nvs: &Nvs) -> Option<usize> {
        let wants = |client: &Client| client.lease.is_none() && client.wish.is_some();
        (nvs.live.dhcp & SOFTAP != 0)
            .then(|| self.clients.iter().position(wants))
            .flatten()
    }

    /// The address that a station asks for, where it lies in the softAP's network, or the lowest free one of the range.
    /// A station with an address of another network has it by hand: no lease.
    fn free_address(&self, nvs: &Nvs, wish: Option<Ipv4Addr>) -> Option<Ipv4Addr> {
        let net = nvs.live.softap_ip;
        let is_free = |ip: Ipv4Addr| {
            ip != net.ip && !self.clients.iter().any(|client| client.lease == Some(ip))
        };
        match wish.filter(|ip| !ip.is_unspecified()) {
            Some(ip) => (net.contains(ip) && is_free(ip)).then_some(ip),
            None => {
                let pool = nvs.live.dhcp_pool.unwrap_or_else(|| default_pool(net));
                (u32::from(pool.start)..=u32::from(pool.end))
                    .map(Ipv4Addr::from)
                    .find(|&ip| is_free(ip))
            }
        }
    }
}

/// The range where `AT+CWDHCPS` set none: ESP-IDF's server starts behind the softAP's own address, or a hundred below
/// it in the upper half.
pub(crate) fn default_pool(net: StaticIp) -> DhcpPool {
    let [a, b, c, d] = net.ip.octets();
    let first = if d < 0x80 { d + 1 } else { d - LEASES };
    let ip = |d| Ipv4Addr::new(a, b, c, d);
    DhcpPool {
        lease_min: LEASE_MIN,
        start: ip(first),
        end: ip(first + LEASES - 1),
    }
}
