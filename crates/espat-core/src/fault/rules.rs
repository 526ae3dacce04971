//! The plans that run: which rule's moment has come.

use alloc::string::String;
use alloc::vec::Vec;

use super::FaultId;
use super::plan::{EventKind, FaultPlan, MomentKind, Rule, RunMark, StateKind, Way};
use super::seen::Seen;
use crate::rng::Rng;
use crate::time::Instant;

/// A rule acts at most so often at one instant: two rules that call each other would never end.
const BURST_MAX: u32 = 64;

/// A plan at work.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: FaultId,
    pub(super) plan: FaultPlan,
    pub(super) rng: Rng,
    pub(super) rules: Vec<Progress>,
}

/// How far a rule has come.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) moment: MomentKind,
    /// Moments at which everything but chance held.
    moments: u32,
    pub(super) acted: u32,
    burst: (Instant, u32),
    /// Bytes of the kind it waits for, since the start.
    pub(super) moved: u64,
}

/// A moment at which rules may act.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) kind: MomentKind,
    pub(super) event: Option<&'a EventKind>,
    pub(super) state: Option<StateKind>,
    pub(super) link: Option<u8>,
    pub(super) mark: Option<RunMark>,
    pub(super) bytes: &'a [u8],
    /// The one rule that it is about.
    pub(super) only: Option<(FaultId, usize)>,
    /// The one plan that it is for.
    pub(super) plan: Option<FaultId>,
}

/// A rule that acts now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fired {
    /// Where its plan stands in the list.
    pub(super) plan: usize,
    pub(super) id: FaultId,
    pub(super) rule: usize,
    pub(super) link: Option<u8>,
}

impl<'a> Moment<'a> {
    pub(super) const fn of(kind: MomentKind) -> Self {
        Self {
            kind,
            event: None,
            state: None,
            link: None,
            mark: None,
            bytes: &[],
            only: None,
            plan: None,
        }
    }

    pub(super) const fn run(way: Way, mark: RunMark, bytes: &'a [u8]) -> Self {
        Self {
            mark: Some(mark),
            bytes,
            ..Self::of(MomentKind::Run(way))
        }
    }
}

impl Running {
    pub(super) fn new(id: FaultId, plan: FaultPlan) -> Self {
        let progress = |rule: &Rule| Progress {
            moment: rule.moment(),
            moments: 0,
            acted: 0,
            burst: (Instant::ZERO, 0),
            moved: 0,
        };
        Self {
            id,
            rng: Rng::new(plan.seed),
            rules: plan.rules.iter().map(progress).collect(),
            plan,
        }
    }

    pub(super) fn acted(&self) -> Vec<(Option<String>, u32)> {
        let rules = self.plan.rules.iter().zip(&self.rules);
        rules
            .map(|(rule, progress)| (rule.name.clone(), progress.acted))
            .collect()
    }

    /// Whether a rule would act if its moment came, chance apart.
    pub(super) fn is_armed(&self, rule: usize) -> bool {
        let (progress, rule) = (&self.rules[rule], &self.plan.rules[rule]);
        rule.times.is_none_or(|times| progress.acted < times)
            && rule.trigger.occurrence.has(progress.moments + 1)
    }
}

/// Whether any rule waits for moments of this kind.
pub(super) fn any_waits(plans: &[Running], kind: MomentKind) -> bool {
    let mut rules = plans.iter().flat_map(|plan| &plan.rules);
    rules.any(|progress| progress.moment == kind)
}

/// The rules whose moment this is and for which everything else holds. Those of earlier plans come first.
pub(super) fn fire(
    plans: &mut [Running],
    seen: &Seen,
    now: Instant,
    moment: &Moment<'_>,
) -> Vec<Fired> {
    let mut fired = Vec::new();
    for (index, running) in plans.iter_mut().enumerate() {
        let Running {
            id,
            plan,
            rng,
            rules,
        } = running;
        if moment.plan.is_some_and(|plan| plan != *id) {
            continue;
        }
        for (number, (rule, progress)) in plan.rules.iter().zip(rules).enumerate() {
            let is_meant = moment.only.is_none_or(|only| only == (*id, number));
            if is_meant
                && progress.moment == moment.kind
                && holds(rule, seen, moment)
                && progress.takes(rule, rng, now)
            {
                fired.push(Fired {
                    plan: index,
                    id: *id,
                    rule: number,
                    link: rule.trigger.link.or(moment.link),
                });
            }
        }
    }
    fired
}

impl Progress {
    /// Whether the rule has acted so often at this instant that it calls nothing any more.
    pub(super) fn is_in_burst(&self) -> bool {
        self.burst.1 > BURST_MAX
    }

    /// Counts the moment; whether the rule acts at it.
    fn takes(&mut self, rule: &Rule, rng: &mut Rng, now: Instant) -> bool {
        self.moments = self.moments.saturating_add(1);
        if !rule.trigger.occurrence.has(self.moments)
            || rule.times.is_some_and(|times| self.acted >= times)
        {
            return false;
        }
        let chance = rule.trigger.probability.0;
        if chance < 1_000_000 && rng.below(1_000_000) >= u64::from(chance) {
            return false;
        }
        if self.burst.0 != now {
            self.burst = (now, 0);
        }
        // Of bytes there may be many at one instant: what is done to them calls nothing.
        if self.is_in_burst() && !matches!(self.moment, MomentKind::Run(_)) {
            return false;
        }
        self.burst.1 = self.burst.1.saturating_add(1);
        self.acted = self.acted.saturating_add(1);
        true
    }
}

fn holds(rule: &Rule, seen: &Seen, moment: &Moment<'_>) -> bool {
    let trigger = &rule.trigger;
    let is_at_event = moment.kind == MomentKind::Event;
    let is_at_state = moment.kind == MomentKind::State;
    trigger
        .command
        .as_ref()
        .is_none_or(|pattern| pattern.matches(&seen.command))
        && trigger.link.is_none_or(|link| match moment.link {
            Some(of) => of == link,
            None => seen.links.iter().any(|known| known.id == link),
        })
        && (!is_at_event || trigger.event.as_ref() == moment.event)
        && (!is_at_state || trigger.state == moment.state)
        && trigger.state.is_none_or(|state| seen.is(state))
        && trigger.mark.is_none_or(|mark| moment.mark == Some(mark))
        && trigger
            .text
            .as_ref()
            .is_none_or(|text| text.matches(moment.bytes))
        && (!has_implied_text(rule) || is_of_send(rule, seen, moment))
}

/// Whether the rule works on a send's own result or prompt.
fn has_implied_text(rule: &Rule) -> bool {
    rule.actions
        .iter()
        .any(|action| action.send_mark().is_some())
}

/// The result that ends a send is the one that comes once the network has taken its payload.
fn is_of_send(rule: &Rule, seen: &Seen, moment: &Moment<'_>) -> bool {
    let mut marks = rule.actions.iter().filter_map(super::Action::send_mark);
    marks.all(|mark| {
        moment.mark == Some(RunMark::Out(mark))
            && (mark == crate::output::Mark::Prompt || seen.is_sending)
    })
}
