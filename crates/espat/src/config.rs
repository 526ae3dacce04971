//! Where options come from: the command line wins over the environment, which wins over the file.
//!
//! The environment and the file are turned into the arguments that they stand for and read by the same parser as the
//! command line, so an option is described once and means the same everywhere. Messages never show a line of the file
//! or the value of `--ap`: either may hold a password.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgAction, Args, Command, FromArgMatches};
use espat_core::{AccessPoint, Answers};
use serde::Deserialize;
use toml_edit::{Document, Item, Value};

use crate::cli::RunOptions;
use crate::failure::Usage;
use crate::value::{check_access_point, parse_mac};

/// The options of all layers, one over the other.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) options: RunOptions,
    /// The `[[access-point]]` tables of the file; none where a higher layer has `--ap`.
    pub(crate) access_points: Vec<AccessPoint>,
    /// Variables that begin with `ESPAT_` and name no option.
    pub(crate) unknown_variables: Vec<String>,
}

impl Settings {
    /// Puts `command_line` over `environment` over the file that either of them names.
    ///
    /// # Errors
    /// The option, the value and the place.
    pub(crate) fn resolve(
        command_line: RunOptions,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Usage> {
        let (environment, unknown_variables) = read_environment(environment)?;
        let upper = command_line.over(environment);
        let (file, access_points) = match &upper.module.program.config {
            Some(path) => read_file(path)?,
            None => <_>::default(),
        };
        let access_points = if upper.module.air.ap.is_empty() {
            access_points
        } else {
            vec![]
        };
        Ok(Self {
            options: upper.over(file),
            access_points,
            unknown_variables,
        })
    }
}

/// The parser of `run`'s options alone.
fn parser() -> Command {
    RunOptions::augment_args(
        Command::new("espat")
            .no_binary_name(true)
            .disable_help_flag(true),
    )
}

/// Reads arguments that stand for `place`.
fn parse(place: &str, arguments: &[OsString]) -> Result<RunOptions, Usage> {
    parser()
        .try_get_matches_from(arguments)
        .and_then(|m| RunOptions::from_arg_matches(&m))
        .map_err(|error| {
            let text = error.render().to_string();
            let text = text.split("\n\n").next().unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            Usage::new(format!(
                "{place}: {}",
                lines.join(" ").trim_start_matches("error: ")
            ))
        })
}

fn read_environment(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(RunOptions, Vec<String>), Usage> {
    let parser = parser();
    let mut all = vec![];
    let mut unknown = vec![];
    for (name, value) in environment {
        let Some(key) = name.to_str().and_then(|n| n.strip_prefix("ESPAT_")) else {
            continue;
        };
        let id = key.to_ascii_lowercase();
        let Some(arg) = parser.get_arguments().find(|a| a.get_id().as_str() == id) else {
            unknown.push(format!("ESPAT_{key}"));
            continue;
        };
        let place = format!("environment variable ESPAT_{key}");
        let text = value
            .to_str()
            .ok_or_else(|| Usage::new(format!("{place}: the value is not UTF-8")))?;
        if text.is_empty() {
            continue;
        }
        let values: Vec<_> = if matches!(arg.get_action(), ArgAction::Append) {
            text.lines().filter(|line| !line.is_empty()).collect()
        } else {
            vec![text]
        };
        for value in values {
            let Some(argument) =
                argument(arg, value).map_err(|e| Usage::new(format!("{place}: {e}")))?
            else {
                continue;
            };
            parse(&place, std::slice::from_ref(&argument))?;
            all.push(argument);
        }
    }
    Ok((parse("environment", &all)?, unknown))
}

/// The argument that `value` of `arg` stands for; `None`: the option is off.
fn argument(arg: &clap::Arg, value: &str) -> Result<Option<OsString>, String> {
    let name = arg.get_long().unwrap_or_default();
    let may_stand_alone =
        !arg.get_action().takes_values() || arg.get_num_args().is_some_and(|n| n.min_values() == 0);
    match value {
        "true" if may_stand_alone => Ok(Some(format!("--{name}").into())),
        "false" if may_stand_alone => Ok(None),
        _ if !arg.get_action().takes_values() => {
            Err(format!("`{value}` is neither true nor false"))
        }
        _ => Ok(Some(format!("--{name}={value}").into())),
    }
}

fn read_file(path: &Path) -> Result<(RunOptions, Vec<AccessPoint>), Usage> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Usage::new(format!("--config {shown}: cannot read the file: {e}")))?;
    let place = |offset: usize| {
        let (line, column) = line_and_column(&text, offset);
        format!("{shown}:{line}:{column}")
    };
    let wrong = |span: Option<std::ops::Range<usize>>, message: &str| {
        let place = place(span.map_or(0, |s| s.start));
        Usage::new(format!(
            "{place}: {}",
            message.trim_end().replace('\n', ", ")
        ))
    };
    let document = Document::parse(text.as_str()).map_err(|e| wrong(e.span(), e.message()))?;
    let tables: FileTables =
        toml_edit::de::from_str(&text).map_err(|e| wrong(e.span(), e.message()))?;
    let parser = parser();
    let mut all = vec![];
    for (key, item) in document.iter().filter(|(key, _)| *key != "access-point") {
        let span = document
            .get_key_value(key)
            .and_then(|(key, _)| key.span())
            .or_else(|| item.span());
        let arg = parser
            .get_arguments()
            .find(|a| a.get_long() == Some(key) && key != "config");
        let arg = arg.ok_or_else(|| {
            wrong(span.clone(), &format!("`{key}` is no option; `espat run --help` lists them, write them without the dashes"))
        })?;
        for value in values(arg, item).map_err(|e| wrong(span.clone(), &format!("`{key}`: {e}")))? {
            let Some(argument) =
                argument(arg, &value).map_err(|e| wrong(span.clone(), &format!("`{key}`: {e}")))?
            else {
                continue;
            };
            parse(
                &place(span.clone().map_or(0, |s| s.start)),
                std::slice::from_ref(&argument),
            )?;
            all.push(argument);
        }
    }
    let access_points: Result<_, String> = tables
        .access_points
        .into_iter()
        .map(AccessPointTable::access_point)
        .collect();
    let access_points =
        access_points.map_err(|e| Usage::new(format!("{shown}: [[access-point]]: {e}")))?;
    Ok((parse(&shown.to_string(), &all)?, access_points))
}

/// The values that stand for one key of the file.
fn values(arg: &clap::Arg, item: &Item) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(s) => Ok(s.value().clone()),
        Value::Integer(n) => Ok(n.value().to_string()),
        Value::Boolean(b) => Ok(b.value().to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => {
            Err("wanted a string, a whole number, true or false".to_owned())
        }
    };
    let list = matches!(arg.get_action(), ArgAction::Append);
    match item.as_value() {
        Some(Value::Array(array)) if list => array.iter().map(one).collect(),
        Some(Value::Array(_)) => Err("this option takes one value, not a list".to_owned()),
        Some(value) => Ok(vec![one(value)?]),
        None => Err("wanted a value, not a table".to_owned()),
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// What the file holds beside options.
#[derive(Deserialize)]
struct FileTables {
    #[serde(default, rename = "access-point")]
    access_points: Vec<AccessPointTable>,
}

/// `[[access-point]]`: an access point with everything that it can have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessPointTable {
    ssid: String,
    #[serde(default)]
    password: String,
    bssid: Option<String>,
    channel: Option<u8>,
    rssi: Option<i8>,
    answers: Option<AnswersValue>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AnswersValue {
    Always,
    Never,
    NoDhcp,
}

impl AccessPointTable {
    fn access_point(self) -> Result<AccessPoint, String> {
        check_access_point(&self.ssid, &self.password)?;
        let mut ap = AccessPoint::new(self.ssid.as_bytes(), self.password.as_bytes());
        if let Some(bssid) = self.bssid {
            ap.bssid = parse_mac(&bssid).map_err(|e| format!("bssid `{bssid}`: {e}"))?;
        }
        if let Some(channel) = self.channel {
            if !(1..=14).contains(&channel) {
                return Err(format!("channel {channel}: a channel is 1 to 14"));
            }
            ap.channel = channel;
        }
        if let Some(rssi) = self.rssi {
            ap.rssi = rssi;
        }
        ap.answers = match self.answers {
            None | Some(AnswersValue::Always) => Answers::Always,
            Some(AnswersValue::Never) => Answers::Never,
            Some(AnswersValue::NoDhcp) => Answers::NoDhcp,
        };
        Ok(ap)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
