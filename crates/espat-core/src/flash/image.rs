//! Namespaces of keys and values as ESP-IDF's NVS library has them in a partition (its "NVS Partition Generator"): pages of
//! entries, each with a checksum; long values go over several entries, and binary ones over several pages.

use alloc::string::String;
use alloc::vec::Vec;

/// What a partition holds: namespaces in the order of their numbers, keys in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) namespaces: Vec<Namespace>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) keys: Vec<(String, Value)>,
}

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(NumberType, i64),
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
}

impl NumberType {
    pub(crate) const ALL: [Self; 6] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
    ];

    /// The number in an entry: the width in bytes, and 16 for a sign.
    const fn code(self) -> u8 {
        match self {
            Self::U8 => 0x01,
            Self::I8 => 0x11,
            Self::U16 => 0x02,
            Self::I16 => 0x12,
            Self::U32 => 0x04,
            Self::I32 => 0x14,
        }
    }

    pub(crate) fn range(self) -> core::ops::RangeInclusive<i64> {
        match self {
            Self::U8 => 0..=u8::MAX.into(),
            Self::I8 => i8::MIN.into()..=i8::MAX.into(),
            Self::U16 => 0..=u16::MAX.into(),
            Self::I16 => i16::MIN.into()..=i16::MAX.into(),
            Self::U32 => 0..=u32::MAX.into(),
            Self::I32 => i32::MIN.into()..=i32::MAX.into(),
        }
    }
}

const PAGE: usize = 4096;
const ENTRY: usize = 32;
/// Head of a page, and the states of its entries.
const PAGE_HEAD: usize = 2 * ENTRY;
const ENTRIES: usize = (PAGE - PAGE_HEAD) / ENTRY;
const ACTIVE: u32 = 0xffff_fffe;
const FULL: u32 = 0xffff_fffc;
const VERSION: u8 = 0xfe;
const TEXT: u8 = 0x21;
const OLD_BINARY: u8 = 0x41;
const BINARY_PART: u8 = 0x42;
const BINARY_INDEX: u8 = 0x48;
/// An entry that is no part of a binary value.
const NO_PART: u8 = 0xff;
/// Two bits an entry.
const WRITTEN: u8 = 0b10;
const KEY_BYTES: usize = 16;

impl Image {
    pub(crate) fn namespace(&self, name: &[u8]) -> Option<&Namespace> {
        self.namespaces
            .iter()
            .find(|namespace| namespace.name.as_bytes() == name)
    }

    pub(crate) fn namespace_mut(&mut self, name: &[u8]) -> Option<&mut Namespace> {
        self.namespaces
            .iter_mut()
            .find(|namespace| namespace.name.as_bytes() == name)
    }

    pub(crate) fn namespace_or_new(&mut self, name: &str) -> &mut Namespace {
        let known = self
            .namespaces
            .iter()
            .position(|namespace| namespace.name == name);
        let place = known.unwrap_or(self.namespaces.len());
        if known.is_none() {
            self.namespaces.push(Namespace {
                name: name.into(),
                keys: Vec::new(),
            });
        }
        &mut self.namespaces[place]
    }

    /// Reads a partition. What is damaged is left out, as the library does it.
    pub(crate) fn decode(partition: &[u8]) -> Self {
        let mut pages: Vec<(u32, &[u8])> = partition.chunks_exact(PAGE).filter_map(page).collect();
        pages.sort_by_key(|&(number, _)| number);
        let mut raw = Raw::default();
        for (_, page) in pages {
            raw.read(page);
        }
        raw.into_image()
    }

    /// The same as a partition of up to so many bytes; `None` where it has no room. One page stays free, as the library needs it.
    pub(crate) fn encode(&self, bytes_max: usize) -> Option<Vec<u8>> {
        let mut out = Writer::default();
        for (number, namespace) in (1_u8..).zip(&self.namespaces) {
            let head = [number, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
            out.entry(
                0,
                NumberType::U8.code(),
                NO_PART,
                &namespace.name,
                head,
                &[],
            );
            for (key, value) in &namespace.keys {
                out.value(number, key, value)?;
            }
        }
        let has_room = out.bytes.len() + PAGE <= bytes_max;
        let is_numbered = self.namespaces.len() < 255;
        (has_room && is_numbered).then(|| out.finish())
    }
}

impl Namespace {
    pub(crate) fn value(&self, key: &[u8]) -> Option<&Value> {
        let found = self.keys.iter().find(|(name, _)| name.as_bytes() == key);
        found.map(|(_, value)| value)
    }

    /// Sets a key, whatever it was before.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        self.keys.retain(|(name, _)| name != key);
        self.keys.push((key.into(), value));
    }
}

/// The number and the bytes of a page that holds something.
fn page(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let state = word(bytes, 0);
    let is_used = state != u32::MAX && state & !FULL == state & 0b11 && state >= 0xffff_fff8;
    (is_used && word(bytes, 28) == crc(&[&bytes[4..28]])).then(|| (word(bytes, 4), bytes))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

/// What stands in the entries.
#[derive(Default)]
struct Raw {
    names: Vec<(u8, String)>,
    values: Vec<(u8, String, Value)>,
    parts: Vec<(u8, String, u8, Vec<u8>)>,
    indices: Vec<Index>,
}

struct Index {
    namespace: u8,
    key: String,
    bytes: usize,
    first: u8,
    parts: u8,
}

impl Raw {
    fn read(&mut self, page: &[u8]) {
        let mut at = 0;
        while at < ENTRIES {
            let state = page[ENTRY + at / 4] >> (at % 4 * 2) & 0b11;
            let entry = &page[PAGE_HEAD + at * ENTRY..][..ENTRY];
            let span = usize::from(entry[2]).max(1);
            let is_whole = state == WRITTEN
                && at + span <= ENTRIES
                && word(entry, 4) == crc(&[&entry[..4], &entry[8..]]);
            if is_whole {
                let rest = &page[PAGE_HEAD + (at + 1) * ENTRY..][..(span - 1) * ENTRY];
                // What the checksums refuse is not there.
                let _ = self.take(entry, rest);
                at += span;
            } else {
                at += 1;
            }
        }
    }

    fn take(&mut self, entry: &[u8], rest: &[u8]) -> Option<()> {
        let (namespace, kind, part) = (entry[0], entry[1], entry[3]);
        let key = entry[8..8 + KEY_BYTES].split(|&b| b == 0).next()?;
        let key = String::from(core::str::from_utf8(key).ok()?);
        if let Some(kind) = NumberType::ALL.into_iter().find(|n| n.code() == kind) {
            let mut number = [0; 8];
            number.copy_from_slice(&entry[24..]);
            let unused = 64 - 8 * u32::from(kind.code() & 0xf);
            let number = i64::from_le_bytes(number) << unused;
            let number = match kind.code() & 0x10 {
                0 => (number.cast_unsigned() >> unused).cast_signed(),
                _ => number >> unused,
            };
            if namespace == 0 {
                self.names.push((u8::try_from(number).ok()?, key));
            } else {
                let value = Value::Number(kind, number);
                self.values.push((namespace, key, value));
            }
            return Some(());
        }
        if kind == BINARY_INDEX {
            self.indices.push(Index {
                namespace,
                key,
                bytes: usize::try_from(word(entry, 24)).ok()?,
                parts: entry[28],
                first: entry[29],
            });
            return Some(());
        }
        let len = usize::from(u16::from_le_bytes([entry[24], entry[25]]));
        let bytes = rest.get(..len)?;
        if word(entry, 28) != crc(&[bytes]) {
            return None;
        }
        match kind {
            TEXT => {
                let text = bytes.split(|&b| b == 0).next()?;
                let value = Value::Text(text.to_vec());
                self.values.push((namespace, key, value));
            }
            OLD_BINARY => {
                let value = Value::Binary(bytes.to_vec());
                self.values.push((namespace, key, value));
            }
            BINARY_PART => self.parts.push((namespace, key, part, bytes.to_vec())),
            _ => {}
        }
        Some(())
    }

    fn into_image(mut self) -> Image {
        for index in core::mem::take(&mut self.indices) {
            let mut bytes = Vec::new();
            for part in index.first..index.first.saturating_add(index.parts) {
                let found = self.parts.iter().rfind(|(namespace, key, number, _)| {
                    (*namespace, key, *number) == (index.namespace, &index.key, part)
                });
                bytes.extend(found.into_iter().flat_map(|(.., bytes)| bytes));
            }
            if bytes.len() == index.bytes {
                let value = Value::Binary(bytes);
                self.values.push((index.namespace, index.key, value));
            }
        }
        self.names.sort_by_key(|&(number, _)| number);
        let mut namespaces = Vec::new();
        for (number, name) in self.names {
            let mut namespace = Namespace {
                name,
                keys: Vec::new(),
            };
            for (_, key, value) in self.values.iter().filter(|(of, ..)| *of == number) {
                namespace.set(key, value.clone());
            }
            namespaces.push(namespace);
        }
        Image { namespaces }
    }
}

/// Pages that are being filled.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// Entries of the last page.
    used: usize,
}

impl Writer {
    fn value(&mut self, namespace: u8, key: &str, value: &Value) -> Option<()> {
        match value {
            Value::Number(kind, number) => {
                let mut data = [0xff; 8];
                let width = usize::from(kind.code() & 0xf);
                data[..width].copy_from_slice(&number.to_le_bytes()[..width]);
                self.entry(namespace, kind.code(), NO_PART, key, data, &[]);
            }
            Value::Text(text) => {
                let mut text = text.clone();
                text.push(0);
                if text.len() > (ENTRIES - 1) * ENTRY {
                    return None;
                }
                self.long_entry(namespace, TEXT, NO_PART, key, &text)?;
            }
            Value::Binary(bytes) => {
                let mut rest = bytes.as_slice();
                let mut parts = 0_u8;
                while !rest.is_empty() || parts == 0 {
                    if self.free() < 2 {
                        self.begin_page();
                    }
                    let len = rest.len().min((self.free() - 1) * ENTRY);
                    let (part, others) = rest.split_at(len);
                    self.long_entry(namespace, BINARY_PART, parts, key, part)?;
                    rest = others;
                    parts = parts.checked_add(1)?;
                }
                let [a, b, c, d] = u32::try_from(bytes.len()).ok()?.to_le_bytes();
                let data = [a, b, c, d, parts, 0, 0xff, 0xff];
                self.entry(namespace, BINARY_INDEX, NO_PART, key, data, &[]);
            }
        }
        Some(())
    }

    fn long_entry(
        &mut self,
        namespace: u8,
        kind: u8,
        part: u8,
        key: &str,
        bytes: &[u8],
    ) -> Option<()> {
        let [l0, l1] = u16::try_from(bytes.len()).ok()?.to_le_bytes();
        let [c0, c1, c2, c3] = crc(&[bytes]).to_le_bytes();
        let data = [l0, l1, 0xff, 0xff, c0, c1, c2, c3];
        self.entry(namespace, kind, part, key, data, bytes);
        Some(())
    }

    fn entry(&mut self, namespace: u8, kind: u8, part: u8, key: &str, data: [u8; 8], bytes: &[u8]) {
        let span = 1 + bytes.len().div_ceil(ENTRY);
        if self.free() < span {
            self.begin_page();
        }
        let mut entry = [0; ENTRY];
        entry[..4].copy_from_slice(&[namespace, kind, u8::try_from(span).unwrap_or(u8::MAX), part]);
        let key = &key.as_bytes()[..key.len().min(KEY_BYTES - 1)];
        entry[8..8 + key.len()].copy_from_slice(key);
        entry[24..].copy_from_slice(&data);
        let checksum = crc(&[&entry[..4], &entry[8..]]);
        entry[4..8].copy_from_slice(&checksum.to_le_bytes());
        let page = self.bytes.len() - PAGE;
        let start = page + PAGE_HEAD + self.used * ENTRY;
        self.bytes[start..start + ENTRY].copy_from_slice(&entry);
        self.bytes[start + ENTRY..][..bytes.len()].copy_from_slice(bytes);
        for at in self.used..self.used + span {
            // Of the two set bits of a free entry the first goes.
            self.bytes[page + ENTRY + at / 4] &= !(1 << (at % 4 * 2));
        }
        self.used += span;
    }

    /// Entries that the last page has room for.
    fn free(&self) -> usize {
        if self.bytes.is_empty() {
            0
        } else {
            ENTRIES - self.used
        }
    }

    fn begin_page(&mut self) {
        self.seal(FULL);
        self.bytes.resize(self.bytes.len() + PAGE, 0xff);
        self.used = 0;
    }

    fn finish(mut self) -> Vec<u8> {
        self.seal(ACTIVE);
        self.bytes
    }

    /// Writes the head of the last page.
    fn seal(&mut self, state: u32) {
        let Some(page) = self.bytes.len().checked_sub(PAGE) else {
            return;
        };
        let number = u32::try_from(page / PAGE).unwrap_or(u32::MAX);
        let head = &mut self.bytes[page..page + ENTRY];
        head[..4].copy_from_slice(&state.to_le_bytes());
        head[4..8].copy_from_slice(&number.to_le_bytes());
        head[8] = VERSION;
        let checksum = crc(&[&head[4..28]]);
        head[28..].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// CRC-32, begun with all bits clear.
fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = 0_u32;
    for &byte in parts.iter().copied().flatten() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn image() -> Image {
        let number = |kind, number| Value::Number(kind, number);
        let blob = (0..6000_u32).map(|i| u8::try_from(i * 7 % 251).unwrap());
        Image {
            namespaces: vec![
                Namespace {
                    name: "factory_param".into(),
                    keys: vec![
                        ("version".into(), number(NumberType::I8, 4)),
                        ("module_name".into(), Value::Text(b"MINI-1".to_vec())),
                        ("uart_baudrate".into(), number(NumberType::I32, 115_200)),
                        ("big".into(), number(NumberType::U32, 0xffff_ffff)),
                    ],
                },
                Namespace {
                    name: "client_cert".into(),
                    keys: vec![("client_cert.0".into(), Value::Binary(blob.collect()))],
                },
            ],
        }
    }

    /// The checksum of what the vendor's generator (esp-idf-nvs-partition-gen 0.3.0) makes of the same values.
    #[test]
    fn the_vendors_generator_makes_the_same() {
        let bytes = image().encode(0x1_c000).unwrap();
        assert_eq!(bytes.len(), 2 * PAGE);
        assert_eq!(crc(&[&bytes]), GENERATED);
        assert_eq!(Image::decode(&bytes), image());
    }

    const GENERATED: u32 = 0xb680_e7eb;

    #[test]
    fn every_value_comes_back() {
        let mut image = Image::default();
        let mut keys = Vec::new();
        for kind in NumberType::ALL {
            for number in [*kind.range().start(), *kind.range().end(), 1] {
                keys.push((
                    alloc::format!("{kind:?}.{number}"),
                    Value::Number(kind, number),
                ));
            }
        }
        keys.push(("empty".into(), Value::Text(Vec::new())));
        keys.push(("text".into(), Value::Text(vec![b'x'; 3999])));
        keys.push(("none".into(), Value::Binary(Vec::new())));
        for len in [1, 31, 32, 33, 3999, 4000, 4001, 20_000] {
            keys.push((alloc::format!("{len}"), Value::Binary(vec![7; len])));
        }
        image.namespaces.push(Namespace {
            name: "a".into(),
            keys: Vec::new(),
        });
        image.namespaces.push(Namespace {
            name: "b".into(),
            keys: keys.clone(),
        });
        let bytes = image.encode(0x1_c000).unwrap();
        let back = Image::decode(&bytes);
        assert_eq!(back.namespaces.len(), 2);
        for (key, value) in &keys {
            assert_eq!(
                back.namespaces[1].value(key.as_bytes()),
                Some(value),
                "{key}"
            );
        }
        assert_eq!(image.encode(bytes.len()), None);
    }

    #[test]
    fn what_is_damaged_is_left_out() {
        let good = image().encode(0x1_c000).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x24;
            let _ = Image::decode(&bad);
        }
        let mut bad = good.clone();
        bad[PAGE + PAGE_HEAD + ENTRY] ^= 1;
        assert_eq!(Image::decode(&bad).namespaces[1].keys, []);
        assert_eq!(Image::decode(&good[..PAGE]).namespaces[1].keys, []);
        assert_eq!(Image::decode(&[0xff; PAGE]), Image::default());
        assert_eq!(Image::decode(b""), Image::default());
    }
}
