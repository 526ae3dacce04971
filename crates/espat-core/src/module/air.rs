//! What happens in the air around the station.

use super::Module;
use crate::input::AirEvent;

impl Module {
    pub(super) fn on_air(&mut self, event: AirEvent) {
        self.note_air(event);
        match event {
            AirEvent::Lost => {
                let mut cx = self.state.cx(self.now);
                if let Some(event) = cx.wifi.lose_access_point(&mut cx.env, cx.nvs) {
                    self.on_wifi(event);
                }
            }
            AirEvent::Address(_) => self.on_lease(),
            AirEvent::Back => {}
        }
    }

    /// What joins and leases find from here on.
    pub(super) fn note_air(&mut self, event: AirEvent) {
        let config = &mut self.state.config;
        match event {
            AirEvent::Lost => config.air.is_lost = true,
            AirEvent::Back => config.air.is_lost = false,
            AirEvent::Address(ip) => config.addresses.station_ip = ip,
        }
    }

    fn on_lease(&mut self) {
        let mut cx = self.state.cx(self.now);
        if !cx.wifi.take_lease(&cx.env, cx.nvs) {
            return;
        }
        let closed = cx.net.on_address_changed(&mut cx.env);
        cx.wifi.say_lease(&mut cx.env);
        self.on_closed(&closed);
        self.follow_link();
        self.report_place();
    }
}
