//! `AT+CIPSSLSIZE`: memory for an SSL link, on NonOS (instruction set 3.0). This computer's TLS has buffers of its own, so that
//! only the range counts. A peer's record that is larger than the buffer ends a link on the chip, which is not played.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLSIZE")
    .set(set)
    .needs(Features::SUFFIXES)
    .doc("behaviour.md 5", "Set the size of an SSL link's buffer")];

/// Instruction set 3.0: bytes.
const BYTES: core::ops::RangeInclusive<i32> = 2048..=4096;

fn set(_: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    args.int(BYTES)?;
    Ok(Reply::Done)
}
