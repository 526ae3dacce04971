//! How commands go on and end.

use alloc::boxed::Box;

use super::{Module, Phase};
use crate::exec::keep::Keeping;
use crate::exec::operation::{Handled, LinkEvent, OpEvent, Operation, Progress, Reply};
use crate::fault::ReportPlace;
use crate::input::StoreError;
use crate::net::LinkId;
use crate::output::{ResetCause, StoreTag};
use crate::reply::code::ResultCode;
use crate::reply::error::AtError;
use crate::serial::payload::{DataSpec, Payload};
use crate::timers::Timer;
use crate::wifi::WifiEvent;

impl Module {
    pub(super) fn conclude_line(&mut self, handled: Handled) {
        match handled {
            Ok(Reply::Done) => self.result(Ok(ResultCode::Ok)),
            Ok(Reply::Started(operation)) => self.running = Some(operation),
            Ok(Reply::Prompt { data, then }) => {
                self.running = Some(then);
                self.prompt(data);
            }
            Ok(Reply::BarePrompt { data, then }) => {
                self.running = Some(then);
                self.state.out.bare_prompt();
                self.await_payload(data);
            }
            Ok(Reply::Passthrough) => {
                self.state.out.result(ResultCode::Ok);
                self.state.out.passthrough_prompt();
                self.enter_passthrough();
            }
            Ok(Reply::Keep {
                settings,
                scope,
                then,
            }) => {
                let mut cx = self.state.cx(self.now);
                let (keeping, progress) = Keeping::start(&mut cx, settings, scope, then);
                self.progress(progress, || Box::new(keeping));
            }
            Ok(Reply::Background(task)) => {
                self.result(Ok(ResultCode::Ok));
                self.tasks.push(task);
            }
            Ok(Reply::Reboot(cause)) => self.reboot(cause),
            Ok(Reply::Sleep { ms }) => {
                self.result(Ok(ResultCode::Ok));
                self.sleep(ms);
            }
            Err(error) => self.result(Err(error)),
        }
    }

    fn prompt(&mut self, data: DataSpec) {
        self.state.out.result(ResultCode::Ok);
        self.report_moment(ReportPlace::BeforePrompt);
        self.state.out.prompt();
        self.await_payload(data);
    }

    fn await_payload(&mut self, data: DataSpec) {
        let memory = core::mem::take(&mut self.intake.spare);
        self.intake.payload = Some(Payload::new(data, memory));
        self.report_moment(ReportPlace::AfterPrompt);
    }

    fn result(&mut self, result: Result<ResultCode, AtError>) {
        match result {
            Ok(code) => self.state.out.result(code),
            Err(error) => self.state.out.error(error, self.state.sys.error_codes),
        }
        self.set_uart();
        self.begin_report_gap();
    }

    /// The UART takes its line settings, after what has been said.
    pub(super) fn set_uart(&mut self) {
        let wanted = self.state.sys.uart;
        if self.uart != wanted {
            self.uart = wanted;
            self.state.out.uart(wanted);
        }
    }

    /// Lets the running command know of something, and what goes on beside it.
    pub(super) fn step(&mut self, event: &OpEvent<'_>) {
        self.step_tasks(event);
        let Some(mut operation) = self.running.take() else {
            return;
        };
        let progress = operation.on_event(&mut self.state.cx(self.now), event);
        self.progress(progress, || operation);
    }

    fn step_tasks(&mut self, event: &OpEvent<'_>) {
        if self.tasks.is_empty() {
            return;
        }
        let mut cx = self.state.cx(self.now);
        self.tasks.retain_mut(|task| task.on_event(&mut cx, event));
    }

    fn progress(&mut self, progress: Progress, operation: impl FnOnce() -> Box<dyn Operation>) {
        match progress {
            Progress::Continue => self.running = Some(operation()),
            Progress::Finish(result) => {
                if matches!(result, Ok(ResultCode::SendOk | ResultCode::SendFail)) {
                    self.fault_place(ReportPlace::BeforeSendOk);
                }
                self.end_operation();
                self.result(result);
            }
            Progress::Silent => {
                self.end_operation();
                self.begin_report_gap();
            }
            Progress::Reboot(cause) => {
                self.end_operation();
                self.reboot(cause);
            }
        }
    }

    fn end_operation(&mut self) {
        self.state.timers.stop(Timer::Operation);
        if let Some(payload) = self.intake.payload.take() {
            self.intake.spare = payload.into_memory();
        }
    }

    /// The module itself closed links: a command that works on one hears of it.
    pub(super) fn on_closed(&mut self, links: &[LinkId]) {
        for &id in links {
            self.step(&OpEvent::Link(id, LinkEvent::Closed));
        }
    }

    pub(super) fn on_wifi(&mut self, event: WifiEvent) {
        if event == WifiEvent::Down {
            let mut cx = self.state.cx(self.now);
            let closed = cx.net.on_interface_down(&mut cx.env);
            self.on_closed(&closed);
        }
        if event == WifiEvent::Up {
            let mut cx = self.state.cx(self.now);
            let is_same = cx.wifi.station.is_back();
            let closed = cx.net.on_interface_up(&mut cx.env, is_same);
            self.on_closed(&closed);
            self.dial_saved_link();
        }
        self.follow_link();
        self.step(&OpEvent::Wifi(event));
        self.report_place();
    }

    pub(super) fn on_stored(&mut self, tag: StoreTag, result: Result<(), StoreError>) {
        self.state.nvs.on_stored(tag, result);
        if let Some((name, bytes)) = self.state.ota.on_stored(tag, result) {
            self.state.flash.set(name, bytes);
        }
        self.state.flash.on_stored(tag, result);
        self.step(&OpEvent::Stored(tag, result));
        self.end_boot();
    }

    fn reboot(&mut self, cause: ResetCause) {
        self.result(Ok(ResultCode::Ok));
        self.phase = Phase::Resetting(cause);
        let mut cx = self.state.cx(self.now);
        let delay = cx.env.delay(cx.env.profile().delays.reset);
        cx.env.set_timer(Timer::Reset, delay);
    }

    pub(super) fn on_reset_due(&mut self) {
        if let Phase::Resetting(cause) = self.phase {
            self.reset(cause, crate::output::CloseHow::Reset);
        }
    }
}
