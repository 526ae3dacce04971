//! `AT+SYSFLASH`: the partitions of the flash (behaviour.md 4.11, 4.19).
//!
//! The flash only takes bits away: what is written over something else is the bits that both have.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::flash::{self, ERASED, Fill, SECTOR, Saving, Writing};
use crate::output::Mark;
use crate::profile::{Features, Partition};
use crate::reply::error::AtError;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSFLASH")
    .query(query)
    .set(set)
    .needs(Features::FLASH)
    .doc(
        "basic.html#cmd-SYSFLASH",
        "List the flash's partitions; erase, write or read one",
    )];

const ERASE: u8 = 0;
const WRITE: u8 = 1;
const READ: u8 = 2;
/// Manual, "How to Customize Partitions".
const NAME_MAX: usize = 16;

fn query(cx: &mut Cx<'_>) -> Handled {
    for partition in cx.env.profile().upgrade.partitions {
        cx.env
            .out
            .line("+SYSFLASH")
            .quoted(partition.name)
            .int(partition.kind)
            .int(partition.subtype)
            .show(format_args!("{:#x}", partition.address))
            .show(format_args!("{:#x}", partition.bytes));
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=4)?;
    let operation = args.byte(ERASE.into()..=READ.into())?;
    let name = args.string(NAME_MAX)?;
    let partition = cx
        .env
        .profile()
        .upgrade
        .partitions
        .iter()
        .find(|p| p.name.as_bytes() == name && flash::is_open(p))
        .ok_or(AtError::Failed)?;
    match operation {
        ERASE => erase(cx, args, partition),
        WRITE => {
            let (offset, len) = range(args, partition)?;
            require_free(cx)?;
            Ok(Reply::BarePrompt {
                data: DataSpec::Data(len),
                then: Box::new(Writing::Typing(Box::new(Bytes { partition, offset }))),
            })
        }
        _ => {
            let (offset, len) = range(args, partition)?;
            let bytes = cx.flash.read(partition.name, offset, len);
            cx.env.out.data_head("+SYSFLASH", len, None);
            cx.env.out.join(Mark::Payload);
            cx.env.out.extend(&bytes);
            Ok(Reply::Done)
        }
    }
}

/// The whole partition, or whole sectors of it.
fn erase(cx: &mut Cx<'_>, args: &mut Args<'_>, partition: &Partition) -> Handled {
    let (offset, len) = if args.count() == 2 {
        (0, partition.bytes)
    } else {
        let (offset, len) = range(args, partition)?;
        if offset % SECTOR != 0 || len % SECTOR != 0 {
            return Err(args.invalid());
        }
        (offset, len)
    };
    require_free(cx)?;
    let mut bytes = cx.flash.content(partition.name).to_vec();
    if offset + len >= bytes.len() {
        bytes.truncate(offset);
    } else {
        bytes[offset..offset + len].fill(ERASED);
    }
    let saving = Saving::start(cx, partition.name, bytes);
    Ok(Reply::Started(Box::new(saving)))
}

/// Offset and length, which lie within the partition.
fn range(args: &mut Args<'_>, partition: &Partition) -> Result<(usize, usize), AtError> {
    args.arity(4..=4)?;
    let size = i32::try_from(partition.bytes).unwrap_or(i32::MAX);
    let offset = args.int(0..=size - 1)?;
    let len = args.int(1..=size - offset)?;
    let place = |n: i32| usize::try_from(n).unwrap_or(0);
    Ok((place(offset), place(len)))
}

/// An upgrade beside commands has the flash to itself (decided without evidence).
pub(super) fn require_free(cx: &Cx<'_>) -> Result<(), AtError> {
    if cx.ota.is_writing() {
        return Err(AtError::Failed);
    }
    Ok(())
}

/// Bytes for a place in a partition.
#[derive(Debug)]
struct Bytes {
    partition: &'static Partition,
    offset: usize,
}

impl Fill for Bytes {
    fn fill(&mut self, cx: &mut Cx<'_>, new: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let name = self.partition.name;
        let mut bytes = cx.flash.content(name).to_vec();
        let end = self.offset + new.len();
        if bytes.len() < end {
            bytes.resize(end, ERASED);
        }
        for (byte, new) in bytes[self.offset..end].iter_mut().zip(new) {
            *byte &= new;
        }
        Some((name, bytes))
    }
}
