//! Faults on purpose: a layer around the module that plays fault plans.
//!
//! It works through three means only: it holds back, cuts, loses, changes or adds marked serial bytes; it feeds inputs that
//! reality could send, and holds back or alters what the module asks of the network; and it sets the engine's
//! [`FaultState`]. It writes no protocol text of its own: what comes out is the module's, or bytes that a plan names.

mod act;
mod action;
mod layer;
mod line;
mod net;
mod output;
mod pattern;
mod plan;
mod requests;
mod rules;
mod run;
mod seen;
mod serial;
mod state;
mod traffic;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use action::{
    Action, ByteAction, InsertPlace, Inserted, LinkAction, ResetBy, SendAction, Span, WifiAction,
};
pub use pattern::Pattern;
pub use plan::{
    Counter, EventKind, FaultPlan, MomentKind, Moved, Occurrence, Probability, RequestKind, Rule,
    RunMark, StateKind, Trigger, Way,
};
pub use state::{FaultState, Lie, ListedLinks, ReportPlace};

use crate::config::{ConfigError, ModuleConfig};
use crate::input::Input;
use crate::module::{Inspect, Module};
use crate::output::Output;
use crate::time::Instant;
use layer::Layer;

/// Names a plan that is running. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u32);

impl FaultId {
    /// The layer's `n`-th plan.
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self(n)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A module that can be broken on purpose: the surface of [`Module`], and plans that are started and stopped.
///
/// While no plan runs every call goes straight to the module.
#[derive(Debug)]
pub struct Faulty {
    module: Module,
    layer: Option<Box<Layer>>,
    plans: u32,
}

impl Faulty {
    /// Powers a module on, with no plan. Drain [`poll_output`](Self::poll_output) before the first input.
    ///
    /// # Errors
    /// [`ConfigError`] where the configuration cannot be a module's.
    pub fn power_on(config: ModuleConfig, now: Instant) -> Result<Self, ConfigError> {
        Module::power_on(config, now).map(Self::new)
    }

    /// A layer around a module.
    #[must_use]
    pub fn new(module: Module) -> Self {
        Self {
            module,
            layer: None,
            plans: 0,
        }
    }

    /// Starts a plan, between a drain and the next input. What it does at its start comes out with the next drain: give it an
    /// [`Input::Tick`] where that is to be at once.
    pub fn start(&mut self, plan: FaultPlan) -> FaultId {
        let id = FaultId(self.plans);
        self.plans += 1;
        let layer = self
            .layer
            .get_or_insert_with(|| Box::new(Layer::around(&mut self.module)));
        layer.start(&mut self.module, id, plan);
        id
    }

    /// Stops a plan; false where it does not run. What it still does ends with the next input.
    pub fn stop(&mut self, id: FaultId) -> bool {
        self.layer.as_mut().is_some_and(|layer| layer.stop(id))
    }

    /// The plans that run.
    pub fn running(&self) -> impl Iterator<Item = (FaultId, &FaultPlan)> {
        self.layer.iter().flat_map(|layer| layer.running())
    }

    /// How often each plan's rules have acted.
    #[must_use]
    pub fn acted(&self, id: FaultId) -> Vec<(Option<String>, u32)> {
        self.layer
            .as_ref()
            .map(|layer| layer.acted(id))
            .unwrap_or_default()
    }

    /// How many bytes the next [`Input::Serial`] may carry.
    #[inline]
    #[must_use]
    pub fn serial_room(&self) -> usize {
        match &self.layer {
            None => self.module.serial_room(),
            Some(layer) => layer.serial_room(&self.module),
        }
    }

    /// Takes one input. Every call must be followed by a drain of [`poll_output`](Self::poll_output) to `Idle`.
    #[inline]
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match &mut self.layer {
            None => self.module.handle_input(now, input),
            Some(_) => self.handle_layered(now, input),
        }
    }

    /// The next output, until `Idle`.
    #[inline]
    pub fn poll_output(&mut self) -> Output<'_> {
        match &mut self.layer {
            None => self.module.poll_output(),
            Some(layer) => layer.poll_output(),
        }
    }

    /// A read-only view of the module.
    #[inline]
    #[must_use]
    pub fn inspect(&self) -> Inspect<'_> {
        self.module.inspect()
    }

    /// Payload bytes that the running command still waits for.
    #[inline]
    #[must_use]
    pub fn payload_missing(&self) -> Option<usize> {
        self.module.inspect().payload_missing()
    }

    /// The rate that a plan has the module's UART run at; none where that is its own.
    #[inline]
    #[must_use]
    pub fn other_baud(&self) -> Option<u32> {
        self.layer.as_ref().and_then(|layer| layer.line.other)
    }

    /// The rate that the host MCU's UART runs at while [`other_baud`](Self::other_baud) is not the module's own. Who does not say so has
    /// it stay at the module's own.
    pub fn set_host_baud(&mut self, baud: u32) {
        if let Some(layer) = &mut self.layer {
            layer.line.host = Some(baud);
        }
    }

    /// Outputs that have been made and not handed out, or not whole: they wait for credit.
    #[must_use]
    pub fn outputs_waiting(&self) -> usize {
        let layer = self.layer.as_ref();
        layer.map_or_else(
            || self.module.inspect().outputs_waiting(),
            |layer| layer.outputs_waiting(),
        )
    }

    /// Bytes that stand in the layer on top of those in the module.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        self.layer.as_ref().map_or(0, |layer| layer.bytes_held())
    }

    fn handle_layered(&mut self, now: Instant, input: Input<'_>) {
        let is_over = self.layer.as_ref().is_none_or(|layer| layer.is_over());
        if is_over && let Some(mut layer) = self.layer.take() {
            layer.leave(&mut self.module);
        }
        match &mut self.layer {
            None => self.module.handle_input(now, input),
            Some(layer) => layer.handle(&mut self.module, now, input),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn no_more_actions_wait_than_the_layer_has_room_for() {
        let rule = Rule {
            name: None,
            trigger: Trigger {
                event: Some(EventKind::Result),
                after: Duration::from_secs(3600),
                ..Trigger::default()
            },
            actions: [Action::Hang].into(),
            times: None,
        };
        let plan = FaultPlan {
            rules: [rule].into(),
            ..FaultPlan::default()
        };
        let mut faulty = Faulty::power_on(ModuleConfig::new(), Instant::ZERO).unwrap();
        faulty.start(plan);
        let mut now = Instant::ZERO;
        for _ in 0..3000 {
            now += Duration::from_secs(1);
            faulty.handle_input(now, Input::Serial(b"AT\r\n"));
            let mut sent = 0;
            loop {
                let output = faulty.poll_output();
                if let Output::Serial { bytes, .. } = output {
                    sent += bytes.len();
                } else if matches!(output, Output::Idle { .. }) {
                    break;
                }
            }
            faulty.handle_input(now, Input::SerialSent(sent));
            while !matches!(faulty.poll_output(), Output::Idle { .. }) {}
        }
        let jobs = faulty.layer.as_ref().map_or(0, |layer| layer.jobs.len());
        assert_eq!(jobs, 1024);
    }

    #[test]
    fn both_ends_understand_each_other_at_the_rate_of_a_fault() {
        let rule = Rule {
            name: None,
            trigger: Trigger::default(),
            actions: [Action::Baud(9600)].into(),
            times: None,
        };
        let plan = FaultPlan {
            rules: [rule].into(),
            ..FaultPlan::default()
        };
        let mut faulty = Faulty::power_on(ModuleConfig::new(), Instant::ZERO).unwrap();
        let mut now = Instant::ZERO + Duration::from_secs(10);
        let mut said = |faulty: &mut Faulty, bytes: &[u8]| {
            now += Duration::from_secs(1);
            faulty.handle_input(now, Input::Serial(bytes));
            let mut said = Vec::new();
            loop {
                match faulty.poll_output() {
                    Output::Serial { bytes, .. } => said.extend_from_slice(bytes),
                    Output::Idle { .. } => return said,
                    Output::Uart(_) | Output::Net(_) | Output::Store { .. } | Output::Event(_) => {}
                }
            }
        };
        said(&mut faulty, b"");
        let id = faulty.start(plan);
        said(&mut faulty, b"");
        assert_eq!(faulty.other_baud(), Some(9600));
        assert_eq!(said(&mut faulty, b"AT\r\n"), b"");
        faulty.set_host_baud(9600);
        // What came at the wrong rate stands before it.
        assert!(said(&mut faulty, b"\r\n").ends_with(b"\r\nERROR\r\n"));
        assert_eq!(said(&mut faulty, b"AT\r\n"), b"AT\r\n\r\nOK\r\n");
        assert!(faulty.stop(id));
        assert_eq!(said(&mut faulty, b""), b"");
        assert_eq!(faulty.other_baud(), None);
        assert_eq!(said(&mut faulty, b"AT\r\n"), b"AT\r\n\r\nOK\r\n");
    }

    #[test]
    fn no_copy_is_lost_for_want_of_room() {
        let copies = ByteAction::Duplicate {
            span: Span::default(),
            copies: 16,
        };
        let rule = Rule {
            name: None,
            trigger: Trigger::default(),
            actions: [Action::Bytes(Way::Out, copies)].into(),
            times: None,
        };
        let plan = FaultPlan {
            rules: [rule].into(),
            ..FaultPlan::default()
        };
        let mut faulty = Faulty::power_on(ModuleConfig::new(), Instant::ZERO).unwrap();
        let now = Instant::ZERO + Duration::from_secs(10);
        faulty.handle_input(now, Input::Tick);
        while !matches!(faulty.poll_output(), Output::Idle { .. }) {}
        faulty.start(plan);
        let lines = b"AT\r\n".repeat(1000);
        let (mut input, mut sent, mut all) = (lines.as_slice(), 0, 0);
        loop {
            let n = input.len().min(faulty.serial_room());
            if sent == 0 && n == 0 {
                break;
            }
            let back = Input::SerialSent(core::mem::take(&mut sent));
            for input in [back, Input::Serial(&input[..n])] {
                faulty.handle_input(now, input);
                loop {
                    let output = faulty.poll_output();
                    if let Output::Serial { bytes, .. } = output {
                        sent += bytes.len();
                    } else if matches!(output, Output::Idle { .. }) {
                        break;
                    }
                }
            }
            input = &input[n..];
            all += sent;
        }
        assert_eq!(all, 17 * 1000 * "AT\r\n\r\nOK\r\n".len());
    }

    #[test]
    fn a_stopped_plan_lets_go_what_it_held_while_others_hold_on() {
        let plan = |mark, secs| {
            let delay = ByteAction::Delay {
                by: Duration::from_secs(secs),
                jitter: Duration::ZERO,
            };
            let rule = Rule {
                name: None,
                trigger: Trigger {
                    mark: Some(RunMark::Out(mark)),
                    ..Trigger::default()
                },
                actions: [Action::Bytes(Way::Out, delay)].into(),
                times: None,
            };
            FaultPlan {
                rules: [rule].into(),
                ..FaultPlan::default()
            }
        };
        let mut faulty = Faulty::power_on(ModuleConfig::new(), Instant::ZERO).unwrap();
        let now = Instant::ZERO + Duration::from_secs(10);
        let said = |faulty: &mut Faulty, input: Input<'_>| {
            faulty.handle_input(now, input);
            let mut said = Vec::new();
            loop {
                let output = faulty.poll_output();
                if let Output::Serial { bytes, .. } = output {
                    said.extend_from_slice(bytes);
                } else if matches!(output, Output::Idle { .. }) {
                    return String::from_utf8(said).unwrap();
                }
            }
        };
        said(&mut faulty, Input::Tick);
        let line = faulty.start(plan(crate::output::Mark::Line, 3600));
        let both = faulty.start(plan(crate::output::Mark::Line, 1800));
        let result = faulty.start(plan(crate::output::Mark::Result, 3600));
        let echo = "AT+CIPMUX?\r\n";
        assert_eq!(said(&mut faulty, Input::Serial(echo.as_bytes())), echo);
        assert!(faulty.stop(line));
        assert_eq!(
            said(&mut faulty, Input::Tick),
            "",
            "another one holds it too"
        );
        assert!(faulty.stop(both));
        assert_eq!(said(&mut faulty, Input::Tick), "+CIPMUX:0\r\n");
        assert!(faulty.stop(result));
        assert_eq!(said(&mut faulty, Input::Tick), "\r\nOK\r\n");
    }

    #[test]
    fn what_a_stopped_plan_held_back_comes_at_once() {
        for way in [Way::Out, Way::In] {
            let delay = ByteAction::Delay {
                by: Duration::from_secs(3600),
                jitter: Duration::ZERO,
            };
            let rule = Rule {
                name: None,
                trigger: Trigger::default(),
                actions: [Action::Bytes(way, delay)].into(),
                times: None,
            };
            let plan = FaultPlan {
                rules: [rule].into(),
                ..FaultPlan::default()
            };
            let mut faulty = Faulty::power_on(ModuleConfig::new(), Instant::ZERO).unwrap();
            let mut now = Instant::ZERO + Duration::from_secs(10);
            faulty.handle_input(now, Input::Tick);
            while !matches!(faulty.poll_output(), Output::Idle { .. }) {}
            let id = faulty.start(plan);
            faulty.handle_input(now, Input::Serial(b"AT\r\n"));
            while !matches!(faulty.poll_output(), Output::Idle { .. }) {}
            assert!(faulty.bytes_held() > 0, "{way:?}");
            assert!(faulty.stop(id));
            now += Duration::from_secs(1);
            faulty.handle_input(now, Input::Tick);
            while !matches!(faulty.poll_output(), Output::Idle { .. }) {}
            assert_eq!(faulty.bytes_held(), 0, "{way:?}");
        }
    }
}
