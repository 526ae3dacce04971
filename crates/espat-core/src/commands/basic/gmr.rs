//! `AT+GMR`: what firmware this is.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("+GMR").execute(execute).doc(
    "basic.html#cmd-GMR",
    "Show the versions of firmware and SDK",
)];

/// What the version follows.
const AT_VERSION: &str = "AT version:";

fn execute(cx: &mut Cx<'_>) -> Handled {
    let installed = cx.ota.version().filter(|version| !version.is_empty());
    let mut lines = cx.env.profile().texts.gmr.iter();
    let last = if cx.env.profile().quirks.versions_end_without_line {
        lines.next_back()
    } else {
        None
    };
    for line in lines {
        match (installed, installed_rest(line)) {
            (Some(version), Some(rest)) => {
                let number = version.trim_start_matches(['v', 'V']);
                cx.env
                    .out
                    .text_line(format_args!("{AT_VERSION}{number}{rest}"));
            }
            _ => cx.env.out.text_line(line),
        }
    }
    if let Some(line) = last {
        cx.env.out.tight_text(line);
    }
    Ok(Reply::Done)
}

/// What follows the version in its line. An installed firmware shows the version that it was fetched by: the manual calls that
/// the AT version. What its other lines would say stands in its image, which nobody runs here (decided without a transcript).
fn installed_rest(line: &str) -> Option<&str> {
    let version = line.strip_prefix(AT_VERSION)?;
    version.find('(').map(|at| &version[at..])
}
