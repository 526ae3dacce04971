//! `AT+MDNS`: what is announced on the network, while there is one. The answers to questions are the world's.

use core::net::Ipv6Addr;

use crate::exec::cx::{Cx, Env};
use crate::output::Service;

/// What is to be announced.
#[derive(Debug, Default)]
pub(crate) struct Mdns {
    service: Option<Service>,
    /// The world announces it, with the station's IPv6 address if it has one.
    announced: Option<Option<Ipv6Addr>>,
}

impl Mdns {
    pub(crate) fn is_on(&self) -> bool {
        self.service.is_some()
    }

    pub(crate) fn start(&mut self, service: Service) {
        self.service = Some(service);
    }

    /// Ends it: by `AT+MDNS=0`, or by a reset.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>) {
        self.service = None;
        if self.announced.take().is_some() {
            env.out.advertise(None);
        }
    }
}

/// Announces while an interface has an address. ESP-IDF's library speaks of the station's IPv6 address beside the other one. It also probes
/// first and takes another name where one is taken, which is not played.
pub(crate) fn follow(cx: &mut Cx<'_>) {
    let mdns = &mut cx.net.mdns;
    let is_up = cx.wifi.station_is_up() || cx.wifi.softap_is_on(cx.nvs);
    let service = mdns.service.as_ref().filter(|_| is_up);
    let has_ip6 = cx.wifi.station_is_up() && cx.nvs.live.ipv6;
    let ip6 = has_ip6.then_some(cx.env.config.addresses.station_ip6);
    let wanted = service.map(|_| ip6);
    if wanted != mdns.announced {
        mdns.announced = wanted;
        let service = service.map(|service| Service {
            ip6,
            ..service.clone()
        });
        cx.env.out.advertise(service);
    }
}
