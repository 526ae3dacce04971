//! `espat scenarios`: what `--fault` can name.

use std::io::{self, Write};

use espat_script::{PlanFile, Scenario, scenario, scenario_hint, scenarios};
use serde::Serialize;

use super::{print_json, print_table};
use crate::cli::ScenariosOptions;
use crate::failure::Usage;

#[derive(Serialize)]
struct Row {
    name: String,
    summary: String,
    /// The kind of failure of docs/scenarios.md.
    row: Option<u8>,
    threads: Vec<String>,
}

/// One scenario whole.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    row: Row,
    story: String,
    driver: String,
    seed: u64,
    plan: &'static str,
}

pub(super) fn run(options: &ScenariosOptions) -> anyhow::Result<()> {
    let is_json = options.list.json;
    let Some(name) = &options.name else {
        let rows: Vec<Row> = scenarios().iter().map(|s| row(s.plan())).collect();
        if is_json {
            return print_json(&rows);
        }
        let cells = |row: &Row| {
            let number = row.row.map_or_else(String::new, |row| row.to_string());
            [row.name.clone(), number, row.summary.clone()]
        };
        let rows: Vec<_> = rows.iter().map(cells).collect();
        return Ok(print_table(["SCENARIO", "ROW", "WHAT GOES WRONG"], &rows)?);
    };
    let Some(scenario) = scenario(name) else {
        return Err(Usage::new(format!(
            "scenarios: there is no scenario `{name}`; {}",
            scenario_hint(name)
        ))
        .into());
    };
    let whole = whole(scenario);
    if is_json {
        print_json(&whole)
    } else {
        Ok(print(&whole)?)
    }
}

fn row(file: PlanFile) -> Row {
    Row {
        name: file.plan.name,
        summary: file.summary,
        row: file.row,
        threads: file.threads,
    }
}

fn whole(scenario: &Scenario) -> Whole {
    let file = scenario.plan();
    Whole {
        story: file.story.trim().to_owned(),
        driver: file.driver.trim().to_owned(),
        seed: file.plan.seed,
        row: row(file),
        plan: scenario.text,
    }
}

fn print(whole: &Whole) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Row {
        name,
        summary,
        row,
        threads,
    } = &whole.row;
    writeln!(out, "{name}: {summary}")?;
    let number = row.map_or_else(String::new, |row| format!("row {row}, "));
    writeln!(out, "{number}seed {}\n", whole.seed)?;
    writeln!(out, "What it does\n  {}\n", indented(&whole.story))?;
    writeln!(
        out,
        "What a good driver does\n  {}\n",
        indented(&whole.driver)
    )?;
    writeln!(out, "Who reported it\n  {}\n", threads.join("\n  "))?;
    writeln!(out, "Its rules")?;
    let rules = whole
        .plan
        .find("[[fault]]")
        .map_or("", |at| &whole.plan[at..]);
    writeln!(out, "  {}", indented(rules.trim_end()))?;
    out.flush()
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ").replace("\n  \n", "\n\n")
}
