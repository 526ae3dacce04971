//! The addresses that the module shows, and whom they reach. None of them is bound: links use the host's network.

use core::net::{IpAddr, Ipv4Addr};

use super::Wifi;
use super::softap::Client;
use crate::exec::cx::Env;
use crate::nvs::Nvs;

/// `AT+CWMODE` and `AT+CWDHCP` bits.
pub(crate) const STATION: u8 = 0b01;
pub(crate) const SOFTAP: u8 = 0b10;

impl Wifi {
    pub(crate) fn softap_is_on(&self, nvs: &Nvs) -> bool {
        self.has_driver() && nvs.live.wifi_mode & SOFTAP != 0
    }

    /// The station's address, while it has one.
    pub(crate) fn station_ip(&self) -> Option<Ipv4Addr> {
        self.station.address().map(|net| net.ip)
    }

    /// The module's own addresses at the moment.
    pub(crate) fn own_addresses(&self, env: &Env<'_>, nvs: &Nvs) -> [Option<IpAddr>; 3] {
        let station_ip6 =
            (self.station_is_up() && nvs.live.ipv6).then_some(env.config.addresses.station_ip6);
        let softap_ip = self.softap_is_on(nvs).then_some(nvs.live.softap_ip.ip);
        [
            self.station_ip().map(IpAddr::V4),
            softap_ip.map(IpAddr::V4),
            station_ip6.map(IpAddr::V6),
        ]
    }

    /// Whether packets to `ip` leave the module on a network where somebody may answer: any while the station is up,
    /// the softAP's own network otherwise.
    pub(crate) fn reaches(&self, nvs: &Nvs, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else {
            return self.station_is_up();
        };
        self.station_is_up() || (self.softap_is_on(nvs) && nvs.live.softap_ip.contains(ip))
    }

    /// Whether somebody sits on the softAP's side: one of its stations, or an address of its network.
    pub(crate) fn is_beyond_softap(&self, env: &Env<'_>, nvs: &Nvs, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip.to_canonical() else {
            return false;
        };
        let is_station = |client: &Client| {
            let mut stations = env.config.air.stations.iter();
            client.lease == Some(ip)
                || stations.any(|station| station.mac == client.mac && station.ip == Some(ip))
        };
        self.softap_is_on(nvs)
            && (nvs.live.softap_ip.contains(ip) || self.softap.clients().iter().any(is_station))
    }
}
