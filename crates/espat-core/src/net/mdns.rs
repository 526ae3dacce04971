//! `AT+MDNS`: what is announced on the network, while there is one. The answers to questions are the world's.

use crate::exec::cx::{Cx, Env};
use crate::output::Service;

/// What is to be announced.
#[derive(Debug, Default)]
pub(crate) struct Mdns {
    service: Option<Service>,
    /// The world announces it.
    is_announced: bool,
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
        if core::mem::take(&mut self.is_announced) {
            env.out.advertise(None);
        }
    }
}

/// Announces while an interface has an address.
pub(crate) fn follow(cx: &mut Cx<'_>) {
    let mdns = &mut cx.net.mdns;
    let is_up = cx.wifi.station_is_up() || cx.wifi.softap_is_on(cx.nvs);
    let service = mdns.service.as_ref().filter(|_| is_up);
    if service.is_some() != mdns.is_announced {
        mdns.is_announced = service.is_some();
        cx.env.out.advertise(service.cloned());
    }
}
