//! What a UART reads of bytes that come at another rate than its own.

use alloc::vec::Vec;

/// Bits on the line for each byte: a start bit, eight of data, a stop bit.
const FRAME: u64 = 10;

/// Reads bytes that are sent back to back at one rate with a UART that runs at another; both with 8 data bits, no parity and one stop bit.
/// A frame whose stop bit is missing is read all the same, as UARTs do, and the next one begins at a falling edge.
#[must_use]
pub fn at_other_rate(sent: &[u8], sent_at: u32, read_at: u32) -> Vec<u8> {
    if sent_at == read_at || sent_at == 0 || read_at == 0 {
        return sent.to_vec();
    }
    // Times are whole multiples of half a bit of either rate.
    let (sent_bit, read_bit) = (u64::from(read_at) * 2, u64::from(sent_at) * 2);
    let end = sent_bit * FRAME * sent.len() as u64;
    let is_high = |at: u64| {
        let bit = at / sent_bit;
        let byte = usize::try_from(bit / FRAME).ok().and_then(|n| sent.get(n));
        match (bit % FRAME, byte) {
            (0, Some(_)) => false,
            (data @ 1..=8, Some(byte)) => byte >> (data - 1) & 1 == 1,
            _ => true,
        }
    };
    let edge_after = |at: u64| (at / sent_bit + 1) * sent_bit;
    let mut read = Vec::new();
    let mut at = 0;
    while at < end {
        if is_high(at) {
            at = edge_after(at);
            continue;
        }
        let middle = |bit: u64| at + read_bit / 2 + bit * read_bit;
        if is_high(middle(0)) {
            // Too short for a start bit.
            at = edge_after(at);
            continue;
        }
        read.push((0..8).fold(0, |byte, bit| {
            byte | u8::from(is_high(middle(bit + 1))) << bit
        }));
        at = middle(9);
        while at < end && !is_high(at) {
            at = edge_after(at);
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_nearly_right_reads_what_was_sent() {
        for read_at in [115_200, 113_000, 117_500] {
            assert_eq!(at_other_rate(b"ready", 115_200, read_at), b"ready");
        }
    }

    #[test]
    fn a_slow_sender_is_read_as_more_bytes() {
        // A start bit, a bit of data and the rest high: the low part fills two bits of the reader.
        assert_eq!(at_other_rate(&[0xff], 57_600, 115_200), [0xfe]);
        // Eighteen bits of the reader are low: a frame without its stop bit, and no edge before the real one.
        assert_eq!(at_other_rate(&[0x00], 57_600, 115_200), [0x00]);
        assert_eq!(at_other_rate(&[0x0f], 57_600, 115_200), [0xfe, 0x80]);
    }

    #[test]
    fn a_fast_sender_is_read_as_fewer_bytes() {
        let read = at_other_rate(b"ets Jan  8 2013", 115_200, 9600);
        assert!(read.len() < 4, "{read:?}");
    }

    #[test]
    fn the_rom_of_an_esp8266_is_garbage_at_115200() {
        let read = at_other_rate(b" ets Jan  8 2013,rst cause:2", 74_880, 115_200);
        assert!(!read.windows(3).any(|run| run == b"ets"), "{read:?}");
        assert!(read.len() >= 28, "{read:?}");
    }
}
