//! Reads pages; what their checksums refuse is not there.

use alloc::string::String;
use alloc::vec::Vec;

use super::{
    BINARY_INDEX, BINARY_PART, ENTRIES, ENTRY, FULL, Image, KEY_BYTES, Namespace, NumberType,
    OLD_BINARY, PAGE_HEAD, TEXT, Value, WRITTEN, crc, word,
};

/// The number and the bytes of a page that holds something.
pub(super) fn page(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let state = word(bytes, 0);
    let is_used = state != u32::MAX && state & !FULL == state & 0b11 && state >= 0xffff_fff8;
    (is_used && word(bytes, 28) == crc(&[&bytes[4..28]])).then(|| (word(bytes, 4), bytes))
}

/// What stands in the entries.
#[derive(Default)]
pub(super) struct Raw {
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
    pub(super) fn read(&mut self, page: &[u8]) {
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

    pub(super) fn into_image(mut self) -> Image {
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
