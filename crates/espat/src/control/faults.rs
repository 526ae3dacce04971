//! Fault plans of a running module: the named scenarios, what runs, start and stop.

use espat_core::Input;
use espat_core::fault::FaultPlan;
use espat_host::{Engine, HandleError};
use espat_script::{PlanFile, scenario, scenario_hint, scenarios};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::Panel;
use super::refusal::Refusal;
use super::routes::{Answer, json, refused};

/// Plans that may run at a time.
const PLANS_MAX: usize = 32;

/// What `POST /v1/faults` takes: a scenario's name, or a plan.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    name: Option<String>,
    plan: Option<String>,
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Fault {
    id: u32,
    name: String,
    seed: u64,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    name: Option<String>,
    acted: u32,
}

pub(super) fn known() -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Scenarios {
        scenarios: Vec<Scenario>,
    }
    #[derive(Serialize)]
    struct Scenario {
        name: String,
        summary: String,
        row: Option<u8>,
        threads: Vec<String>,
    }
    let scenarios = scenarios().iter().map(|scenario| {
        let file = scenario.plan();
        Scenario {
            name: file.plan.name,
            summary: file.summary,
            row: file.row,
            threads: file.threads,
        }
    });
    let scenarios = scenarios.collect();
    json(StatusCode::OK, &Scenarios { scenarios })
}

pub(super) async fn running(panel: &Panel) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Faults {
        faults: Vec<Fault>,
    }
    let looked = panel.handle.change(|watched, _| {
        let layer = watched.engine();
        let running = layer.running().map(|(id, plan)| Fault {
            id: id.number(),
            name: plan.name.clone(),
            seed: plan.seed,
            rules: layer
                .acted(id)
                .into_iter()
                .map(|(name, acted)| Rule { name, acted })
                .collect(),
        });
        running.collect()
    });
    let faults = looked.await.map_err(refused)?;
    json(StatusCode::OK, &Faults { faults })
}

pub(super) async fn start(panel: &Panel, start: Start) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Started {
        id: u32,
        name: String,
        seed: u64,
    }
    let plan = plan(start)?;
    let (name, seed) = (plan.name.clone(), plan.seed);
    let is_powered = match panel.handle.inspect(|_| ()).await {
        Ok(()) => true,
        Err(HandleError::NeverPowered) => false,
        Err(error) => return Err(refused(error)),
    };
    let started = panel.handle.change(move |watched, now| {
        if watched.engine().running().count() >= PLANS_MAX {
            return None;
        }
        let id = watched.engine_mut().start(plan);
        if is_powered {
            // What it does at once, it does with this.
            watched.handle_input(now, Input::Tick);
        }
        Some(id.number())
    });
    let id = started.await.map_err(refused)?.ok_or_else(|| {
        let message = format!("{PLANS_MAX} plans run already");
        Refusal::conflict("module", message, "stop one of them first")
    })?;
    json(StatusCode::CREATED, &Started { id, name, seed })
}

/// Stops the plan of that id, or all of that name.
pub(super) async fn stop(panel: &Panel, which: &str) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Stopped {
        stopped: Vec<u32>,
    }
    let wanted = which.to_owned();
    let is_powered = panel.handle.inspect(|_| ()).await.is_ok();
    let stopped = panel.handle.change(move |watched, now| {
        let number = wanted.parse().ok();
        let running = watched.engine().running();
        let meant = running.filter(|(id, plan)| Some(id.number()) == number || plan.name == wanted);
        let meant: Vec<_> = meant.map(|(id, _)| id).collect();
        let layer = watched.engine_mut();
        let stopped: Vec<_> = meant.into_iter().filter(|id| layer.stop(*id)).collect();
        if is_powered && !stopped.is_empty() {
            // What it still does ends with this.
            watched.handle_input(now, Input::Tick);
        }
        stopped.into_iter().map(|id| id.number()).collect()
    });
    let stopped: Vec<_> = stopped.await.map_err(refused)?;
    if stopped.is_empty() {
        let refusal = Refusal::new(
            StatusCode::NOT_FOUND,
            "which",
            "no fault plan runs by this id or name",
            "GET /v1/faults, `espat ctl fault list` say which run",
        );
        return Err(refusal.value(which));
    }
    json(StatusCode::OK, &Stopped { stopped })
}

fn plan(start: Start) -> Result<FaultPlan, Refusal> {
    let Start { name, plan, seed } = start;
    let file = match (name, plan) {
        (Some(name), None) => {
            let scenario = scenario(&name).ok_or_else(|| {
                let way_out = format!(
                    "a plan of your own goes into plan; {}",
                    scenario_hint(&name)
                );
                Refusal::bad("name", "there is no such scenario", way_out).value(&name)
            })?;
            scenario.plan()
        }
        (name, Some(text)) => {
            let name = name.unwrap_or_else(|| "plan".to_owned());
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(is_name) {
                let way_out = "a name has letters, digits, - and _";
                return Err(Refusal::bad("name", "this is no plan's name", way_out).value(name));
            }
            PlanFile::parse(&text, &name).map_err(|error| {
                let way_out = "docs/faults.md describes plans";
                Refusal::bad("plan", error.to_string(), way_out)
            })?
        }
        (None, None) => {
            let way_out = "give a scenario's name, or a plan";
            return Err(Refusal::bad("body", "it names no fault", way_out));
        }
    };
    let mut plan = file.plan;
    plan.seed = seed.unwrap_or(plan.seed);
    Ok(plan)
}
