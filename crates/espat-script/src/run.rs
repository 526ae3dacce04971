//! Runs a plan on a target, in a closed world: what comes out must be written, and what is written must come out.

mod complaints;

use std::collections::VecDeque;
use std::fmt;

use espat_core::StoreValue;

use crate::error::ScriptError;
use crate::event::{Event, NetHappening};
use crate::matching::Names;
use crate::plan::{Plan, PlanStep};
use crate::redact::SECRET;
use crate::request::{NetAsk, PartitionAsk, Request};
use crate::script::{SerialLine, Step};
use crate::target::{Observed, Target, Want};
use crate::text::Text;
use crate::time::TimeStep;

/// A transcript that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where and why.
    pub error: Box<ScriptError>,
    /// In which way of running it.
    pub way: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n(run as: {})", self.error, self.way)
    }
}

impl std::error::Error for Failure {}

/// Runs a plan on a target; gives everything that came out, in order.
///
/// # Errors
/// The first line at which the target did something else, or could not do what was asked.
pub fn run_on<T: Target>(plan: &Plan, target: &mut T) -> Result<Vec<Observed>, ScriptError> {
    let mut run = Run::new(plan, target);
    run.boot()?;
    for step in &plan.steps {
        run.step(step)?;
    }
    run.end()?;
    Ok(run.log.into())
}

/// A run in progress.
pub(crate) struct Run<'a, T> {
    plan: &'a Plan,
    target: &'a mut T,
    names: Names,
    pub(crate) pending: VecDeque<Observed>,
    /// What was asked of the world, where that has an order of its own.
    asked: VecDeque<Observed>,
    log: VecDeque<Observed>,
}

impl<'a, T: Target> Run<'a, T> {
    pub(crate) fn new(plan: &'a Plan, target: &'a mut T) -> Self {
        let mut names = Names {
            payload: plan.payload.clone(),
            ..target.names()
        };
        names.secrets.extend(plan.secrets.clone());
        Self {
            plan,
            target,
            names,
            pending: VecDeque::new(),
            asked: VecDeque::new(),
            log: VecDeque::new(),
        }
    }

    /// Reads up to `ready`, unless the file does that itself.
    pub(crate) fn boot(&mut self) -> Result<(), ScriptError> {
        const READY: &[u8] = b"\r\nready\r\n";
        if self.plan.boot_explicit {
            return Ok(());
        }
        let complain = |message: String| {
            let script = &self.plan.scripts[self.plan.main()];
            script.error(1, 1, message)
        };
        loop {
            let observed = self.target.observe(Want::Serial).map_err(complain)?;
            let is_quiet = observed.is_none();
            if let Some(observed) = observed {
                self.push(observed);
            }
            let ready =
                self.pending
                    .iter_mut()
                    .enumerate()
                    .find_map(|(i, observed)| match observed {
                        Observed::Serial(bytes) => bytes
                            .windows(READY.len())
                            .position(|w| w == READY)
                            .map(|at| (i, at)),
                        Observed::Stream(..) | Observed::Ask(_) => None,
                    });
            if let Some((i, at)) = ready {
                self.pending.drain(..i);
                self.take_serial(at + READY.len());
                return Ok(());
            }
            if !is_quiet {
                continue;
            }
            self.target.time(TimeStep::Output).map_err(|_| {
                let came = self.pending_lines();
                complain(format!(
                    "the module did not come up: `ready` was expected{came}"
                ))
            })?;
        }
    }

    pub(crate) fn step(&mut self, step: &PlanStep) -> Result<(), ScriptError> {
        match &step.step {
            Step::Expect(line) => self.expect_serial(step, line),
            Step::Ask(request) if self.target.is_ordered() => self.expect_ask(step, request),
            Step::Ask(request) => {
                std::mem::swap(&mut self.pending, &mut self.asked);
                let done = self.expect_ask(step, request);
                std::mem::swap(&mut self.pending, &mut self.asked);
                done
            }
            Step::Send(_) | Step::World(_) | Step::Time(_) => {
                // Without one order, what came before its line may be the answer to one that follows.
                if self.target.is_ordered() {
                    self.expect_nothing(step)?;
                }
                self.act(step)
            }
        }
    }

    /// Does what `->`, `<=` and `~` say.
    pub(crate) fn act(&mut self, step: &PlanStep) -> Result<(), ScriptError> {
        let done = match &step.step {
            Step::Send(line) => line.text.resolve(&self.names).and_then(|mut bytes| {
                if line.crlf {
                    bytes.extend_from_slice(b"\r\n");
                }
                self.target.send(&bytes)
            }),
            Step::World(event) => {
                resolve(event, &self.names).and_then(|event| self.target.world(&event))
            }
            // What waits to be read is the output that the line waits for.
            Step::Time(TimeStep::Output) if !self.pending.is_empty() => Ok(()),
            Step::Time(time) => self.target.time(*time),
            Step::Expect(_) | Step::Ask(_) => Ok(()),
        };
        done.map_err(|message| self.plan.error(step, 1, message))
    }

    pub(crate) fn expect_serial(
        &mut self,
        step: &PlanStep,
        line: &SerialLine,
    ) -> Result<(), ScriptError> {
        loop {
            let input = match self.pending.front() {
                Some(Observed::Serial(bytes)) => bytes.as_slice(),
                None => &[],
                Some(Observed::Stream(..) | Observed::Ask(_)) => {
                    return Err(self.not_serial(step, line));
                }
            };
            match line.text.match_start(line.crlf, input, &self.names) {
                Ok(len) => {
                    self.take_serial(len);
                    return Ok(());
                }
                Err(miss) if !miss.is_short || self.pending.len() > 1 => {
                    return Err(self.differs(step, line, miss));
                }
                Err(miss) => match self.observe(step, Want::Serial)? {
                    Some(observed) => self.push(observed),
                    None => return Err(self.differs(step, line, miss)),
                },
            }
        }
    }

    pub(crate) fn expect_ask(
        &mut self,
        step: &PlanStep,
        request: &Request,
    ) -> Result<(), ScriptError> {
        if self.pending.is_empty()
            && let Some(observed) = self.observe(step, Want::Ask(request))?
        {
            self.push(observed);
        }
        loop {
            match self.match_ask(request) {
                Matched::All => {
                    self.pending.pop_front();
                    return Ok(());
                }
                Matched::Start(len) => {
                    if let Some(Observed::Stream(_, bytes)) = self.pending.front_mut() {
                        bytes.drain(..len);
                    }
                    return Ok(());
                }
                Matched::Short if self.pending.len() == 1 => {
                    match self.observe(step, Want::Ask(request))? {
                        Some(observed) => self.push(observed),
                        None => return Err(self.another(step)),
                    }
                }
                Matched::Short | Matched::No => return Err(self.another(step)),
            }
        }
    }

    /// Whether the first thing that waits is this request.
    fn match_ask(&self, request: &Request) -> Matched {
        match (request, self.pending.front()) {
            (
                Request::Net(h, NetAsk::Send { bytes, to: None }),
                Some(Observed::Stream(g, came)),
            ) if h == g => match bytes.match_start(false, came, &self.names) {
                Ok(len) if len == came.len() => Matched::All,
                Ok(len) => Matched::Start(len),
                Err(miss) if miss.is_short => Matched::Short,
                Err(_) => Matched::No,
            },
            (
                Request::Net(h, NetAsk::Send { bytes, to }),
                Some(Observed::Ask(Request::Net(
                    g,
                    NetAsk::Send {
                        bytes: came,
                        to: came_to,
                    },
                ))),
            ) if h == g && to == came_to => self.match_text(bytes, came),
            (Request::Log(text), Some(Observed::Ask(Request::Log(came)))) => {
                self.match_text(text, came)
            }
            (
                Request::Partition(name, PartitionAsk::Chunk(bytes)),
                Some(Observed::Ask(Request::Partition(same, PartitionAsk::Chunk(came)))),
            ) if name == same => self.match_text(bytes, came),
            (Request::Store(pairs), Some(Observed::Ask(Request::Store(came))))
                if same_store(pairs, came) =>
            {
                Matched::All
            }
            (request, Some(Observed::Ask(came))) if request == came => Matched::All,
            _ => Matched::No,
        }
    }

    fn match_text(&self, expected: &Text, came: &Text) -> Matched {
        let came = came.resolve(&self.names).unwrap_or_default();
        if expected.match_start(false, &came, &self.names) == Ok(came.len()) {
            Matched::All
        } else {
            Matched::No
        }
    }

    pub(crate) fn expect_nothing(&mut self, step: &PlanStep) -> Result<(), ScriptError> {
        while let Some(observed) = self.observe(step, Want::Nothing)? {
            self.push(observed);
        }
        if self.pending.is_empty() || step.step == Step::Time(TimeStep::Output) {
            return Ok(());
        }
        let mut error = self.plan.error(
            step,
            1,
            "before this line the module sent what no line expects",
        );
        error.details = format!("what came:{}", self.pending_lines());
        Err(error)
    }

    pub(crate) fn end(&mut self) -> Result<(), ScriptError> {
        let script = &self.plan.scripts[self.plan.main()];
        let last = script.lines.len();
        while let Some(observed) = self
            .target
            .observe(Want::Nothing)
            .map_err(|m| script.error(last, 1, m))?
        {
            self.push(observed);
        }
        self.pending.append(&mut self.asked);
        if !self.pending.is_empty() {
            let mut error = script.error(
                last,
                1,
                "after the last line the module sent what no line expects",
            );
            error.details = format!("what came:{}", self.pending_lines());
            return Err(error);
        }
        self.target
            .leftover()
            .map_or(Ok(()), |message| Err(script.error(last, 1, message)))
    }

    /// Everything that came out and waits.
    pub(crate) fn pull(&mut self, step: &PlanStep) -> Result<(), ScriptError> {
        while let Some(observed) = self.observe(step, Want::Nothing)? {
            self.push(observed);
        }
        Ok(())
    }

    fn observe(
        &mut self,
        step: &PlanStep,
        want: Want<'_>,
    ) -> Result<Option<Observed>, ScriptError> {
        self.target
            .observe(want)
            .map_err(|message| self.plan.error(step, 1, message))
    }

    fn push(&mut self, observed: Observed) {
        observed.clone().append_to(&mut self.log);
        observed.append_to(&mut self.pending);
    }

    fn take_serial(&mut self, len: usize) {
        if let Some(Observed::Serial(bytes)) = self.pending.front_mut() {
            bytes.drain(..len);
            if bytes.is_empty() {
                self.pending.pop_front();
            }
        }
    }
}

enum Matched {
    All,
    Start(usize),
    Short,
    No,
}

/// A redacted value stands for any text.
fn same_store(expected: &[(String, StoreValue)], came: &[(String, StoreValue)]) -> bool {
    let is_secret = |value: &StoreValue| matches!(value, StoreValue::Text(text) if text == SECRET);
    let same = |(a, b): (&(String, StoreValue), &(String, StoreValue))| {
        a.0 == b.0 && (a.1 == b.1 || (is_secret(&a.1) && matches!(b.1, StoreValue::Text(_))))
    };
    expected.len() == came.len() && expected.iter().zip(came).all(same)
}

/// An event whose payload is plain bytes.
fn resolve(event: &Event, names: &Names) -> Result<Event, String> {
    let mut event = event.clone();
    if let Event::Net(_, NetHappening::Data { bytes, .. }) = &mut event {
        *bytes = Text::bytes(&bytes.resolve(names)?);
    }
    Ok(event)
}
