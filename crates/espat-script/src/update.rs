//! Rewrites the `<-` and `=>` lines of a transcript to what the module does; everything else stays as it is.

use crate::error::ScriptError;
use crate::plan::{Plan, PlanStep};
use crate::render;
use crate::run::{Failure, Run};
use crate::script::{LineKind, Script, Step};
use crate::sim::{Sim, Way};
use crate::target::{Observed, Target};
use crate::time::TimeStep;

/// The transcript's text with the `<-` and `=>` lines that the module really gives.
///
/// # Errors
/// A given that does not hold, or a step that cannot be done; what stands before it is not written either.
pub fn update(script: &Script, plan: &Plan) -> Result<String, Failure> {
    let failed = |error| Failure {
        error: Box::new(error),
        way: "update",
    };
    let mut sim = Sim::faulty(&plan.config, &plan.faults, Way::Lines)
        .map_err(|error| failed(script.error(1, 1, format!("the module: {error}"))))?;
    update_on(script, plan, &mut sim).map_err(failed)
}

/// [`update`] on another target.
///
/// # Errors
/// As for `update`.
pub fn update_on<T: Target>(
    script: &Script,
    plan: &Plan,
    target: &mut T,
) -> Result<String, ScriptError> {
    let main = plan.main();
    let mut run = Run::new(plan, target);
    run.boot()?;
    let first = plan
        .steps
        .iter()
        .position(|s| s.script == main)
        .unwrap_or(plan.steps.len());
    for step in &plan.steps[..first] {
        run.step(step)?;
    }
    let mut text = Rewritten {
        script,
        out: String::new(),
        copied: 0,
    };
    let steps = &plan.steps[first..];
    let mut i = 0;
    loop {
        // The lines up to the next action are one block of expectations.
        let end = i + steps[i..]
            .iter()
            .take_while(|s| is_expectation(&s.step))
            .count();
        let action = steps.get(end);
        if let Some(before) = steps.get(i).or(action).or_else(|| steps.last()) {
            run.pull(before)?;
        }
        text.block(&mut run, &steps[i..end], action)?;
        let Some(action) = action else { break };
        text.copy_to(action.line);
        run.act(action)?;
        i = end + 1;
    }
    text.copy_to(script.lines.len());
    Ok(text.out)
}

fn is_expectation(step: &Step) -> bool {
    matches!(step, Step::Expect(_) | Step::Ask(_))
}

struct Rewritten<'a> {
    script: &'a Script,
    out: String,
    copied: usize,
}

impl Rewritten<'_> {
    /// Copies lines up to this one as they are.
    fn copy_to(&mut self, line: usize) {
        for line in &self.script.lines[self.copied..line] {
            self.out.push_str(&line.source);
            self.out.push('\n');
        }
        self.copied = self.copied.max(line);
    }

    fn block<T: Target>(
        &mut self,
        run: &mut Run<'_, T>,
        steps: &[PlanStep],
        action: Option<&PlanStep>,
    ) -> Result<(), ScriptError> {
        let mut held = 0;
        for step in steps {
            let holds = match &step.step {
                Step::Expect(line) => run.expect_serial(step, line),
                Step::Ask(request) => run.expect_ask(step, request),
                Step::Send(_) | Step::World(_) | Step::Time(_) => Ok(()),
            };
            if holds.is_err() {
                break;
            }
            held += 1;
            self.copy_to(step.line);
        }
        let waits_for_output = action.is_some_and(|a| a.step == Step::Time(TimeStep::Output));
        if held == steps.len() && (run.pending.is_empty() || waits_for_output) {
            return Ok(());
        }
        let came: Vec<Observed> = run.pending.drain(..).collect();
        let lines: Vec<String> = came
            .iter()
            .flat_map(render::lines)
            .map(|step| step.to_string())
            .collect();
        self.replace(&lines, steps.last().map_or(self.copied, |step| step.line));
        Ok(())
    }

    /// Writes `lines` in the place of the expectations up to line `end`, whose comments and equal lines stay.
    fn replace(&mut self, lines: &[String], end: usize) {
        let old = &self.script.lines[self.copied..end];
        let mut from = 0;
        for line in lines {
            let same = old[from..].iter().position(|old| old.source == *line);
            if let Some(same) = same {
                self.keep_comments(&old[from..from + same]);
                from += same + 1;
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.keep_comments(&old[from..]);
        self.copied = end;
    }

    fn keep_comments(&mut self, lines: &[crate::script::Line]) {
        for line in lines
            .iter()
            .filter(|line| !matches!(line.kind, LineKind::Step(_)))
        {
            self.out.push_str(&line.source);
            self.out.push('\n');
        }
    }
}
