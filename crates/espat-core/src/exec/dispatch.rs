//! From a line to its handler.

use super::cx::{Called, Cx};
use super::operation::Handled;
use super::table;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::syntax::line::{CommandLine, Form};

/// Runs one line, which has no terminator any more.
pub(crate) fn run(cx: &mut Cx<'_>, line: &mut [u8]) -> Handled {
    let line = if cx.env.profile().quirks.looks_for_at {
        CommandLine::find(line)?
    } else {
        CommandLine::parse(line)?
    };
    let command = table::find(cx.env.profile(), line.name).ok_or(AtError::Unsupported)?;
    if !command.has(cx.env.profile(), line.form) {
        return Err(AtError::WrongForm);
    }
    if command.needs_wifi && !cx.wifi.has_driver() {
        return Err(AtError::Failed);
    }
    cx.called = Called {
        name: command.name,
        scope: command.scope,
    };
    match line.form {
        Form::Query => command.query.ok_or(AtError::WrongForm)?(cx),
        Form::Execute => command.execute.ok_or(AtError::WrongForm)?(cx),
        Form::Set => command.set.ok_or(AtError::WrongForm)?(cx, &mut Args::new(line.args)),
        Form::Test => Err(AtError::WrongForm),
    }
}
