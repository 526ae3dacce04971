//! `AT+SYSMFG`: the values of manufacture by namespace and key, certificates and keys among them (behaviour.md 4.19; manual of
//! 3.1).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::sysflash::require_free;
use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::flash::{Fill, Image, MANUFACTURING, NumberType, Saving, Value, Writing};
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSMFG")
    .query(query)
    .set(set)
    .needs(Features::MANUFACTURING)
    .doc(
        "basic.html#cmd-SYSMFG",
        "List, erase, read or write values of manufacture",
    )];

const ERASE: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
/// Names of namespaces and keys (ESP-IDF, `NVS_KEY_NAME_MAX_SIZE`, the NUL included).
const NAME_MAX: usize = 15;
const TEXT: u8 = 7;
const BINARY: u8 = 8;
/// ESP-IDF's manual, "Non-Volatile Storage Library": 4000 bytes with the NUL.
const TEXT_MAX: i32 = 3999;

fn query(cx: &mut Cx<'_>) -> Handled {
    for namespace in image(cx).namespaces {
        cx.env.out.line("+SYSMFG").quoted(namespace.name);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=5)?;
    match args.byte(ERASE.into()..=WRITE.into())? {
        ERASE => erase(cx, args),
        READ => read(cx, args),
        _ => write(cx, args),
    }
}

/// What is not there cannot be erased (decided without a transcript).
fn erase(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=3)?;
    let namespace = args.string(NAME_MAX)?;
    let key = args.opt_string(NAME_MAX)?;
    let mut image = image(cx);
    let keys = &mut image.namespace_mut(namespace).ok_or(AtError::Failed)?.keys;
    match key {
        None => keys.clear(),
        Some(key) => {
            let place = keys.iter().position(|(name, _)| name.as_bytes() == key);
            keys.remove(place.ok_or(AtError::Failed)?);
        }
    }
    require_free(cx)?;
    let bytes = encode(cx, &image).ok_or(AtError::Failed)?;
    let saving = Saving::start(cx, MANUFACTURING, bytes);
    Ok(Reply::Started(Box::new(saving)))
}

fn read(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    if args.count() == 1 {
        return query(cx);
    }
    let name = args.string(NAME_MAX)?;
    let image = image(cx);
    let namespace = image.namespace(name).ok_or(AtError::Failed)?;
    if args.count() == 2 {
        for (key, value) in &namespace.keys {
            cx.env
                .out
                .line("+SYSMFG")
                .quoted_bytes(name)
                .quoted(key)
                .int(kind(value));
        }
        return Ok(Reply::Done);
    }
    let key = args.string(NAME_MAX)?;
    let value = namespace.value(key).ok_or(AtError::Failed)?;
    let bytes = match value {
        Value::Number(_, number) => number.to_string().into_bytes(),
        Value::Text(bytes) | Value::Binary(bytes) => bytes.clone(),
    };
    let part = if args.count() == 3 {
        bytes.as_slice()
    } else {
        args.arity(5..=5)?;
        let len = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        let offset = args.int(0..=len)?;
        let end = offset + args.int(1..=len - offset)?;
        let place = |n: i32| usize::try_from(n).unwrap_or(0);
        &bytes[place(offset)..place(end)]
    };
    let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
    cx.env.out.payload_line(
        "+SYSMFG",
        format_args!(
            "\"{}\",\"{}\",{},{len}",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(key),
            kind(value)
        ),
        part,
    );
    Ok(Reply::Done)
}

fn write(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(5..=5)?;
    let namespace = name(args)?;
    let key = name(args)?;
    let kind = args.byte(1..=BINARY.into())?;
    let number_type = NumberType::ALL.get(usize::from(kind) - 1);
    if let Some(&number_type) = number_type {
        let number = args.long(number_type.range())?;
        require_free(cx)?;
        let value = Value::Number(number_type, number);
        let bytes = with(cx, &namespace, &key, value).ok_or(AtError::Failed)?;
        let saving = Saving::start(cx, MANUFACTURING, bytes);
        return Ok(Reply::Started(Box::new(saving)));
    }
    let len_max = if kind == TEXT {
        TEXT_MAX
    } else {
        i32::try_from(size(cx)).unwrap_or(i32::MAX)
    };
    let len = usize::try_from(args.int(1..=len_max)?).unwrap_or(0);
    require_free(cx)?;
    let entry = Entry {
        namespace,
        key,
        is_text: kind == TEXT,
    };
    Ok(Reply::Prompt {
        data: DataSpec::Data(len),
        then: Box::new(Writing::Typing(Box::new(entry))),
    })
}

/// A value that is being typed.
#[derive(Debug)]
struct Entry {
    namespace: String,
    key: String,
    is_text: bool,
}

impl Fill for Entry {
    fn fill(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let value = if self.is_text {
            // A string of the library ends at the first NUL.
            let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
            Value::Text(text.to_vec())
        } else {
            Value::Binary(bytes.to_vec())
        };
        Some((MANUFACTURING, with(cx, &self.namespace, &self.key, value)?))
    }
}

/// The partition with one more value; a namespace comes with its first key.
fn with(cx: &Cx<'_>, namespace: &str, key: &str, value: Value) -> Option<Vec<u8>> {
    let mut image = image(cx);
    image.namespace_or_new(namespace).set(key, value);
    encode(cx, &image)
}

/// A name that is not empty.
fn name(args: &mut Args<'_>) -> Result<String, AtError> {
    let text = core::str::from_utf8(args.string(NAME_MAX)?).unwrap_or_default();
    if text.is_empty() || text.contains('\0') {
        return Err(args.invalid());
    }
    Ok(text.into())
}

/// Manual, `AT+SYSMFG`: `<type>`.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Number(kind, _) => {
            let place = NumberType::ALL.iter().position(|k| k == kind);
            u8::try_from(place.unwrap_or(0) + 1).unwrap_or(0)
        }
        Value::Text(_) => TEXT,
        Value::Binary(_) => BINARY,
    }
}

fn image(cx: &Cx<'_>) -> Image {
    Image::decode(cx.flash.content(MANUFACTURING))
}

fn encode(cx: &Cx<'_>, image: &Image) -> Option<Vec<u8>> {
    image.encode(size(cx))
}

fn size(cx: &Cx<'_>) -> usize {
    let mut partitions = cx.env.profile().upgrade.partitions.iter();
    let partition = partitions.find(|p| p.name == MANUFACTURING);
    partition.map_or(0, |p| p.bytes)
}
