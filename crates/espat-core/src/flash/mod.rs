//! The partitions of the flash that a host MCU may read and write, and what they hold.

mod factory_param;
mod image;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::exec::cx::Cx;
use crate::exec::operation::{OpEvent, Operation, Progress};
use crate::input::StoreError;
use crate::outbox::{Keep, Step};
use crate::output::StoreTag;
use crate::profile::{FactoryValue, Features, Partition, Profile};
use crate::time::{Duration, Instant};
use crate::timers::Timer;
use crate::tls::{SlotKind, Slots};

pub(crate) use image::{Image, NumberType, Value};

/// The partition of `AT+SYSMFG`.
pub(crate) const MANUFACTURING: &str = "mfg_nvs";
/// What `AT+SYSFLASH` may touch beside it (a maintainer in esp-at#67: only this type; `fatfs` and `ota_2` are refused in
/// esp-at#67 and #418).
const USER_TYPE: u8 = 0x40;
/// What the flash holds where nothing was written.
pub(crate) const ERASED: u8 = 0xff;
/// What is erased at a time.
pub(crate) const SECTOR: usize = 4096;

/// What the partitions hold.
#[derive(Debug)]
pub(crate) struct Flash {
    parts: Vec<Part>,
    /// A write that is under way.
    writing: Option<(RangeInclusive<StoreTag>, Part)>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    /// Up to the last byte that was written.
    bytes: Vec<u8>,
}

/// Whether a host MCU may read and write a partition.
pub(crate) fn is_open(partition: &Partition) -> bool {
    partition.kind == USER_TYPE || partition.name == MANUFACTURING
}

impl Flash {
    pub(crate) fn new(profile: &Profile, kept: &[(String, Vec<u8>)]) -> Self {
        let open = profile.upgrade.partitions.iter().filter(|p| is_open(p));
        let part = |partition: &Partition| {
            let kept = kept.iter().find(|(name, _)| name == partition.name);
            let bytes = match kept {
                Some((_, bytes)) => bytes[..bytes.len().min(partition.bytes)].to_vec(),
                None if partition.name == MANUFACTURING => factory(profile, partition.bytes),
                None => Vec::new(),
            };
            Part {
                name: partition.name,
                bytes,
            }
        };
        Self {
            parts: open.map(part).collect(),
            writing: None,
        }
    }

    /// What a partition holds, up to the last byte that was written.
    pub(crate) fn content(&self, name: &str) -> &[u8] {
        let part = self.parts.iter().find(|part| part.name == name);
        part.map_or(&[], |part| &part.bytes)
    }

    /// Bytes of a partition.
    pub(crate) fn read(&self, name: &str, offset: usize, len: usize) -> Vec<u8> {
        let mut bytes = vec![ERASED; len];
        let content = self.content(name).get(offset..).unwrap_or_default();
        let n = content.len().min(len);
        bytes[..n].copy_from_slice(&content[..n]);
        bytes
    }

    /// An upgrade wrote a partition.
    pub(crate) fn set(&mut self, name: &str, bytes: Vec<u8>) {
        if let Some(part) = self.parts.iter_mut().find(|part| part.name == name) {
            part.bytes = bytes;
        }
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// A request to the flash ended: the partition holds what was written, or what it held before.
    pub(crate) fn on_stored(&mut self, tag: StoreTag, result: Result<(), StoreError>) {
        let Some((tags, _)) = self
            .writing
            .as_ref()
            .filter(|(tags, _)| tags.contains(&tag))
        else {
            return;
        };
        let is_last = tag == *tags.end();
        if (is_last || result.is_err())
            && let Some((_, part)) = self.writing.take()
            && result.is_ok()
        {
            self.set(part.name, part.bytes);
        }
    }
}

/// A partition on its way into the flash; the command that wrote it answers OK when it is durable.
#[derive(Debug)]
pub(crate) struct Saving {
    tags: RangeInclusive<StoreTag>,
    outcome: Option<bool>,
    /// How long a real flash takes.
    flash_until: Instant,
}

impl Saving {
    pub(crate) fn start(cx: &mut Cx<'_>, name: &'static str, bytes: Vec<u8>) -> Self {
        let begin = cx.nvs.next_tag();
        cx.env.out.store(begin, partition(name, Step::Begin));
        let chunk = cx.nvs.next_tag();
        cx.env.out.store_chunk(chunk, name, &bytes);
        let commit = cx.nvs.next_tag();
        cx.env.out.store(commit, partition(name, Step::Commit));
        let tags = begin..=commit;
        cx.flash.writing = Some((tags.clone(), Part { name, bytes }));
        let flash = cx.env.delay(cx.env.profile().delays.flash);
        if flash > Duration::ZERO {
            cx.env.set_timer(Timer::Operation, flash);
        }
        Self {
            tags,
            outcome: None,
            flash_until: cx.env.now + flash,
        }
    }
}

impl Operation for Saving {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        if let &OpEvent::Stored(tag, result) = event
            && self.tags.contains(&tag)
            && self.outcome.is_none()
            && (result.is_err() || tag == *self.tags.end())
        {
            self.outcome = Some(result.is_ok());
        }
        match self.outcome {
            _ if cx.env.now < self.flash_until => Progress::Continue,
            None => Progress::Continue,
            Some(true) => Progress::DONE,
            Some(false) => Progress::FAILED,
        }
    }
}

/// A command that waits for bytes to write: what it makes of them is what a partition holds then.
pub(crate) trait Fill: core::fmt::Debug + Send {
    /// The partition and what it is to hold; `None` where it cannot.
    fn fill(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> Option<(&'static str, Vec<u8>)>;
}

/// Bytes are being typed, and then written.
#[derive(Debug)]
pub(crate) enum Writing {
    Typing(Box<dyn Fill>),
    Saving(Saving),
}

impl Operation for Writing {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match (&mut *self, *event) {
            (Self::Saving(saving), _) => saving.on_event(cx, event),
            (Self::Typing(fill), OpEvent::Payload(bytes)) => match fill.fill(cx, bytes) {
                Some((name, bytes)) if !cx.ota.is_writing() => {
                    *self = Self::Saving(Saving::start(cx, name, bytes));
                    Progress::Continue
                }
                Some(_) | None => Progress::FAILED,
            },
            (Self::Typing(_), _) => Progress::Continue,
        }
    }
}

fn partition(name: &'static str, step: Step) -> Keep {
    Keep::Partition { name, step }
}

/// What the vendor's image of the partition holds. The certificates and keys of its own that are in it are not ours to ship.
fn factory(profile: &Profile, bytes_max: usize) -> Vec<u8> {
    if !profile.features.contains(Features::MANUFACTURING) {
        return Vec::new();
    }
    let value = |value: &FactoryValue| match *value {
        FactoryValue::U8(n) => Value::Number(NumberType::U8, n.into()),
        FactoryValue::I8(n) => Value::Number(NumberType::I8, n.into()),
        FactoryValue::I32(n) => Value::Number(NumberType::I32, n.into()),
        FactoryValue::Text(text) => Value::Text(text.into()),
    };
    let namespaces = profile
        .factory
        .manufacturing
        .iter()
        .map(|of| image::Namespace {
            name: of.namespace.into(),
            keys: of
                .keys
                .iter()
                .map(|(key, v)| (String::from(*key), value(v)))
                .collect(),
        });
    let image = Image {
        namespaces: namespaces.collect(),
    };
    image.encode(bytes_max).unwrap_or_default()
}

/// The certificates and keys in an image of the partition `mfg_nvs`, by slot: `client_cert.0` of the namespace `client_cert`
/// and so on.
#[must_use]
pub fn manufactured_slots(image: &[u8]) -> Vec<(SlotKind, u8, Vec<u8>)> {
    let image = Image::decode(image);
    let mut slots = Vec::new();
    for kind in SlotKind::ALL {
        let Some(namespace) = image.namespace(kind.name().as_bytes()) else {
            continue;
        };
        for number in 0..Slots::COUNT {
            let key = alloc::format!("{}.{number}", kind.name());
            if let Some(Value::Text(bytes) | Value::Binary(bytes)) = namespace.value(key.as_bytes())
            {
                slots.push((kind, number, bytes.clone()));
            }
        }
    }
    slots
}
