//! The firmware's certificate partitions, as the vendor's tool AtPKI.py makes them: a magic number, the number of items, their
//! length; then for each item a type, a number, a length and its bytes, filled up to a multiple of four.
//!
//! All numbers are little-endian. The type of an item is not looked at: the vendor's own partitions call every one a certificate,
//! keys included (a build log in esp-at#573).

const MAGIC: u16 = 0xf1f1;
const HEAD_BYTES: usize = 8;
const ITEM_HEAD_BYTES: usize = 4;

/// The items and their numbers; `None` where that is no such partition. Of items with one number the first counts.
pub(super) fn items(partition: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let head = partition.first_chunk::<HEAD_BYTES>()?;
    let [m0, m1, n0, n1, l0, l1, l2, l3] = *head;
    let count = u16::from_le_bytes([n0, n1]);
    let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
    if u16::from_le_bytes([m0, m1]) != MAGIC {
        return None;
    }
    let mut rest = partition[HEAD_BYTES..].get(..len)?;
    let mut items: Vec<(u8, &[u8])> = Vec::new();
    for _ in 0..count {
        let [_, number, l0, l1] = *rest.first_chunk::<ITEM_HEAD_BYTES>()?;
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        rest = &rest[ITEM_HEAD_BYTES..];
        let bytes = rest.get(..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        let is_slot = number < espat_core::Slots::COUNT;
        if is_slot && items.iter().all(|(known, _)| *known != number) {
            items.push((number, bytes));
        }
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_by_their_lengths() {
        let partition = b"\xf1\xf1\x02\x00\x14\x00\x00\x00\
            \x02\x00\x05\x00first\xff\xff\xff\
            \x02\x01\x02\x0022\xff\xff\
            rest of the flash";
        let expected = vec![(0, b"first".as_slice()), (1, b"22".as_slice())];
        assert_eq!(items(partition), Some(expected));
        assert_eq!(items(b"\xf1\xf1\x00\x00\x00\x00\x00\x00"), Some(vec![]));
    }

    #[test]
    fn what_is_no_list_or_cut_short_is_refused() {
        let wrong: [&[u8]; 6] = [
            b"",
            b"-----BEGIN CERTIFICATE-----",
            b"\xf1\xf1\x01\x00\x08\x00\x00",
            b"\xf1\xf1\x01\x00\xff\xff\xff\xff\x02\x00\x00\x00",
            b"\xf1\xf1\x02\x00\x04\x00\x00\x00\x02\x00\x00\x00",
            b"\xf1\xf1\x01\x00\x08\x00\x00\x00\x02\x00\x05\x00abcd",
        ];
        for partition in wrong {
            assert_eq!(items(partition), None, "{}", partition.escape_ascii());
        }
    }
}
