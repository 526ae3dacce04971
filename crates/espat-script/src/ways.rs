//! Runs a plan on the simulated target in several ways, whose outcome must be the same.

use crate::plan::Plan;
use crate::run::{Failure, run_on};
use crate::sim::{Sim, Way};
use crate::target::Observed;

/// Runs a plan in each of these ways.
///
/// # Errors
/// The first line that did not hold, or a way whose outcome differs from the first one's.
pub fn run(plan: &Plan, ways: &[Way]) -> Result<(), Failure> {
    let mut first: Option<Vec<Observed>> = None;
    for &way in ways {
        let failed = |error| Failure {
            error: Box::new(error),
            way: way.name(),
        };
        let script = &plan.scripts[plan.main()];
        let mut sim = Sim::faulty(&plan.config, &plan.faults, way)
            .map_err(|error| failed(script.error(1, 1, format!("the module: {error}"))))?;
        let log = run_on(plan, &mut sim).map_err(failed)?;
        match &first {
            None => first = Some(log),
            Some(expected) if *expected != log => {
                let mut error = script.error(
                    1,
                    1,
                    format!("the outcome differs from that of {}", ways[0].name()),
                );
                error.details = difference(expected, &log);
                return Err(failed(error));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

pub(crate) fn difference(expected: &[Observed], came: &[Observed]) -> String {
    let at = expected
        .iter()
        .zip(came)
        .take_while(|(a, b)| a == b)
        .count();
    format!("first: {:?}\nhere:  {:?}", expected.get(at), came.get(at))
}
