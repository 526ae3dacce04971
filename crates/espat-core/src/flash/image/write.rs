//! Fills pages.

use alloc::vec::Vec;

use super::{
    ACTIVE, BINARY_INDEX, BINARY_PART, ENTRIES, ENTRY, FULL, KEY_BYTES, NO_PART, PAGE, PAGE_HEAD,
    TEXT, VERSION, Value, crc,
};

/// Pages that are being filled.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    /// Entries of the last page.
    used: usize,
}

impl Writer {
    pub(super) fn value(&mut self, namespace: u8, key: &str, value: &Value) -> Option<()> {
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

    pub(super) fn entry(
        &mut self,
        namespace: u8,
        kind: u8,
        part: u8,
        key: &str,
        data: [u8; 8],
        bytes: &[u8],
    ) {
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

    pub(super) fn finish(mut self) -> Vec<u8> {
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
