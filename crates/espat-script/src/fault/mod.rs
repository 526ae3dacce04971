//! Fault plans as TOML (docs/faults.md): read, checked, and the named scenarios.

mod action;
mod bytes;
mod check;
mod random;
mod scenarios;
mod table;
mod when;

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use espat_core::fault::{FaultPlan, Rule};
use toml_edit::{Document, TableLike};

use crate::error::ScriptError;
use crate::script::Script;
use action::Do;
use table::{Source, Table};

pub use random::random_plan;
pub use scenarios::{Scenario, scenario, scenario_hint, scenarios};

/// Faults of a plan: each moment is held against all of them.
const FAULTS_MAX: usize = 1000;
/// Bytes of a plan file.
const FILE_MAX: u64 = 1024 * 1024;

/// A plan file: the plan, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// What the layer plays.
    pub plan: FaultPlan,
    /// What goes wrong, in one line.
    pub summary: String,
    /// The kind of failure, of the nineteen of docs/scenarios.md, that it is.
    pub row: Option<u8>,
    /// The public threads that reported it.
    pub threads: Vec<String>,
    /// What it does.
    pub story: String,
    /// What a good driver does.
    pub driver: String,
}

impl PlanFile {
    /// Reads a plan; `name` is the file's, for messages, and the plan's where the file says none.
    ///
    /// # Errors
    /// What is wrong, where, and the way out.
    pub fn parse(text: &str, name: &str) -> Result<Self, ScriptError> {
        let source = Source::new(text, name);
        let document = Document::parse(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("this is no TOML");
            source.error(error.span(), format!("this is no TOML: {message}"))
        })?;
        let top = Table::new(&source, document.as_table(), "a plan", None);
        let file = Self::read(&source, &top, name)?;
        top.finish()?;
        Ok(file)
    }

    fn read(source: &Source<'_>, top: &Table<'_>, name: &str) -> Result<Self, ScriptError> {
        let stem = Path::new(name).file_stem();
        let stem = stem.map_or_else(|| name.into(), |stem| stem.to_string_lossy().into_owned());
        let plan_name = match top.text("name")? {
            Some(found) => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                if found.value.is_empty() || !found.value.chars().all(is_name) {
                    let message = "a name has letters, digits, `-` and `_`: `ipd-inside-send`";
                    return Err(found.wrong(source, message));
                }
                found.value
            }
            None => stem,
        };
        let seed = top.number("seed", 0..=i64::MAX)?.unwrap_or(0);
        let row = top.number("row", 1..=99)?;
        let file = Self {
            summary: top.text("summary")?.map_or_else(String::new, |t| t.value),
            row: row.and_then(|row| u8::try_from(row).ok()),
            threads: top.texts("threads")?,
            story: top.text("story")?.map_or_else(String::new, |t| t.value),
            driver: top.text("driver")?.map_or_else(String::new, |t| t.value),
            plan: FaultPlan {
                name: plan_name,
                seed: u64::try_from(seed).unwrap_or_default(),
                rules: rules(source, top)?,
            },
        };
        Ok(file)
    }
}

/// Why there is no plan of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// There is neither a scenario nor a file.
    Unknown(String),
    /// The file cannot be read.
    Unreadable(String),
    /// The file is no plan.
    Wrong(Box<ScriptError>),
}

impl NoPlan {
    /// The same, of a line of a transcript.
    pub(crate) fn in_script(self, script: &Script, line: usize) -> ScriptError {
        match self {
            Self::Unknown(message) | Self::Unreadable(message) => script.error(line, 1, message),
            Self::Wrong(error) => *error,
        }
    }
}

impl fmt::Display for NoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(message) | Self::Unreadable(message) => f.write_str(message),
            Self::Wrong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoPlan {}

/// The scenario of that name, or the plan in that file: where it is given, in `folder`.
///
/// # Errors
/// There is none, or it is none.
pub fn find(name: &str, folder: Option<&Path>) -> Result<PlanFile, NoPlan> {
    if let Some(scenario) = scenario(name) {
        return Ok(scenario.plan());
    }
    let path = folder.map_or_else(|| name.into(), |folder| folder.join(name));
    let looks_like_file = name.contains(['/', '.']);
    match read(&path) {
        Ok(bytes) => {
            let file = path.display().to_string();
            plan_of(&bytes, &file).map_err(|error| NoPlan::Wrong(Box::new(error)))
        }
        Err(error) if looks_like_file => Err(NoPlan::Unreadable(format!(
            "{}: cannot read the plan: {error}",
            path.display()
        ))),
        Err(_) => {
            let hint = scenario_hint(name);
            Err(NoPlan::Unknown(format!(
                "there is no scenario `{name}` and no file of that name; {hint}"
            )))
        }
    }
}

/// A file's bytes; one more than a plan may have where there are more.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn plan_of(bytes: &[u8], file: &str) -> Result<PlanFile, ScriptError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_MAX {
        let message = format!(
            "a plan has at most {} KiB, and this file more; is it a plan?",
            FILE_MAX / 1024
        );
        return Err(Source::new("", file).error(None, message));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => PlanFile::parse(text, file),
        Err(error) => {
            let at = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes);
            let message = "this is no UTF-8: save the plan as UTF-8 text; bytes are written \\xNN";
            Err(Source::new(&text, file).error(Some(at..at), message))
        }
    }
}

fn rules(source: &Source<'_>, top: &Table<'_>) -> Result<Vec<Rule>, ScriptError> {
    let faults = top.tables("fault")?;
    if faults.is_empty() {
        let message = "a plan needs a table [[fault]] that says what happens: \
             `do = \"lose-prompt\"` (docs/faults.md)";
        return Err(source.error(Some(0..0), message));
    }
    if faults.len() > FAULTS_MAX {
        let message = format!(
            "there are {} faults; a plan has at most {FAULTS_MAX}: put some into another plan",
            faults.len()
        );
        return Err(source.error(top.span("fault"), message));
    }
    let mut rules: Vec<Rule> = Vec::new();
    for (table, span) in &faults {
        let rule = rule(source, *table, span.clone())?;
        if let Some(name) = &rule.name
            && rules.iter().any(|known| known.name.as_ref() == Some(name))
        {
            let table = Table::new(source, *table, "a fault", None);
            let message =
                format!("there is a fault named `{name}` before this one; choose another name");
            return Err(source.error(table.span("name"), message));
        }
        rules.push(rule);
    }
    for (table, _) in &faults {
        check::follows(source, *table, &rules)?;
    }
    Ok(rules)
}

fn rule(
    source: &Source<'_>,
    table: &dyn TableLike,
    span: table::Span,
) -> Result<Rule, ScriptError> {
    let table = Table::new(source, table, "a fault", span);
    let name = table.text("name")?.map(|name| name.value);
    let actions = action::read(source, &table)?;
    let way = actions.iter().find_map(Do::way);
    let when = match table.table("when", "a fault's `when`")? {
        Some(when) => when,
        None => Table::empty(source),
    };
    let trigger = when::read(source, &when, way)?;
    let times = table.number("times", 1..=i64::from(u32::MAX))?;
    check::actions(source, &actions)?;
    check::moment(source, &when, &trigger, &actions)?;
    when.finish()?;
    table.finish()?;
    Ok(Rule {
        name,
        trigger,
        actions: actions.into_iter().map(|action| action.action).collect(),
        times: times.and_then(|times| u32::try_from(times).ok()),
    })
}
