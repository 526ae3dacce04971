//! Boot, reset, sleep and the supply.

use super::{Module, Phase};
use crate::filter::Filters;
use crate::input::PowerEvent;
use crate::nvs::Country;
use crate::output::{CloseHow, Event, Mark, ResetCause};
use crate::reply::render::rom_text;
use crate::reply::urc::Urc;
use crate::serial::rate::at_other_rate;
use crate::sys::{Clock, System};
use crate::time::Duration;
use crate::timers::Timer;

impl Module {
    pub(super) fn on_power(&mut self, event: PowerEvent) {
        match event {
            PowerEvent::Off => {
                self.tear_down(CloseHow::Vanish);
                self.state.out.lose_power();
                self.phase = Phase::Off;
            }
            PowerEvent::On if self.phase == Phase::Off => self.boot(ResetCause::PowerOn),
            PowerEvent::Reset if self.phase != Phase::Off => {
                self.reset(ResetCause::Pin, CloseHow::Vanish)
            }
            PowerEvent::BrownOut if self.phase != Phase::Off => {
                self.reset(ResetCause::BrownOut, CloseHow::Vanish)
            }
            PowerEvent::Watchdog if self.phase != Phase::Off => {
                self.reset(ResetCause::Watchdog, CloseHow::Vanish)
            }
            PowerEvent::Wake if self.phase == Phase::Asleep => {
                self.reset(ResetCause::Wake, CloseHow::Vanish)
            }
            PowerEvent::On
            | PowerEvent::Reset
            | PowerEvent::BrownOut
            | PowerEvent::Watchdog
            | PowerEvent::Wake => {}
        }
    }

    pub(super) fn reset(&mut self, cause: ResetCause, how: CloseHow) {
        let was_up = self.tear_down(how);
        let is_unannounced = matches!(
            cause,
            ResetCause::Pin | ResetCause::BrownOut | ResetCause::Watchdog
        );
        if is_unannounced {
            // The UART's FIFO and its driver's buffer are gone with the rest of the memory.
            self.state.out.lose_power();
        }
        if was_up && matches!(cause, ResetCause::Command | ResetCause::Download) {
            self.state.out.report(Urc::WifiDisconnect, false, false);
        }
        self.boot(cause);
    }

    /// Everything stops; what was not kept is forgotten. Returns whether the station was up.
    fn tear_down(&mut self, how: CloseHow) -> bool {
        self.running = None;
        self.tasks.clear();
        self.passthrough = None;
        self.saved_link = None;
        self.intake.clear();
        self.state.timers.stop_all();
        self.gap.end();
        let mut cx = self.state.cx(self.now);
        let was_up = cx.wifi.stop(&mut cx.env);
        cx.net.reset(&mut cx.env, how);
        cx.ota.stop(&mut cx.env, cx.nvs);
        cx.env.out.reports.clear();
        was_up
    }

    pub(super) fn boot(&mut self, cause: ResetCause) {
        self.phase = Phase::Booting;
        self.state.faults.on_reset();
        if core::mem::take(&mut self.state.faults.lost_settings) {
            self.state.cx(self.now).lose_settings();
        }
        let is_heard = self.state.config.profile.quirks.rom_is_heard;
        if core::mem::take(&mut self.state.faults.boot_noise) || is_heard {
            self.say_rom_texts(cause);
        }
        let mut cx = self.state.cx(self.now);
        cx.env.event(Event::Boot(cause));
        if cause == ResetCause::Download {
            self.phase = Phase::Downloading;
            return;
        }
        let delay = cx.env.delay(cx.env.profile().delays.boot);
        cx.env.set_timer(Timer::Boot, delay);
    }

    /// What ROM and boot loader say, as the host MCU's UART reads it: that still runs at the rate from before the reset.
    fn say_rom_texts(&mut self, cause: ResetCause) {
        let rom = &self.state.config.profile.texts.rom;
        let text = rom_text(&rom.texts(cause).concat());
        let read = at_other_rate(&text, rom.baud, self.uart.baud);
        self.state.out.run(Mark::Boot, &read);
    }

    /// Boot is over when its time has passed and a write that a reset found under way has ended: what it left is what the
    /// boot finds.
    pub(super) fn end_boot(&mut self) {
        let is_due = self.state.timers.due(Timer::Boot).is_none();
        let is_writing = self.state.nvs.is_writing()
            || self.state.ota.is_switching()
            || self.state.flash.is_writing();
        if self.phase == Phase::Booting && is_due && !is_writing {
            self.on_booted();
        }
    }

    fn on_booted(&mut self) {
        self.phase = Phase::Ready;
        self.state.nvs.reload();
        self.state.ota.start();
        let factory = &self.state.config.profile.factory;
        self.state.sys = System::new(factory, self.state.nvs.live.uart);
        self.state.sys.clock = Clock::at_boot(self.now);
        self.take_factory_param();
        self.set_uart();
        self.state.out.filters = Filters::default();
        self.state.out.ready();
        self.saved_link.clone_from(&self.state.nvs.live.saved_link);
        let mut cx = self.state.cx(self.now);
        cx.env.event(Event::Ready);
        cx.wifi.start(&mut cx.env, cx.nvs);
        self.begin_report_gap();
    }

    /// What manufacture wrote is valid from each boot on. What makes no sense is passed by (decided).
    fn take_factory_param(&mut self) {
        let given = self.state.flash.factory_param();
        let limits = &self.state.config.profile.limits;
        let is_power = |power: &u8| limits.rf_power.contains(&i32::from(*power));
        if let Some(power) = given.power.filter(is_power) {
            self.state.sys.rf_power = limits.radio_power(power);
        }
        let own = &mut self.state.nvs.live.country;
        let wanted = Country {
            policy: own.policy,
            code: given.country_code.unwrap_or_else(|| own.code.clone()),
            first_channel: given.first_channel.unwrap_or(own.first_channel),
            channels: given.channels.unwrap_or(own.channels),
        };
        if wanted.is_sensible() {
            *own = wanted;
        }
    }

    pub(super) fn sleep(&mut self, ms: Option<u32>) {
        self.tear_down(CloseHow::Vanish);
        self.phase = Phase::Asleep;
        let mut cx = self.state.cx(self.now);
        cx.env.event(Event::Sleeping);
        if let Some(ms) = ms {
            let duration = Duration::from_millis(u64::from(ms));
            cx.env.set_timer(Timer::Wake, duration);
        }
    }
}

impl super::Intake {
    fn clear(&mut self) {
        self.framer.clear();
        self.chunk = Default::default();
        self.escape = Default::default();
        self.payload = None;
        self.backlog.clear();
        self.line_is_stale = false;
    }
}
