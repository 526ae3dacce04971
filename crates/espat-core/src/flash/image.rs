//! Namespaces of keys and values as ESP-IDF's NVS library has them in a partition (its "NVS Partition Generator"): pages of
//! entries, each with a checksum; long values go over several entries, and binary ones over several pages.

mod read;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use read::{Raw, page};
use write::Writer;

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

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
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
