//! What a byte looks like to a UART that runs at another rate.

use alloc::vec::Vec;

/// Sends a byte (8 data bits, no parity, 1 stop bit) at one rate and reads it at another. The line rests between bytes.
pub(super) fn at_other_rate(byte: u8, sent_at: u32, read_at: u32, read: &mut Vec<u8>) {
    if sent_at == read_at || sent_at == 0 || read_at == 0 {
        read.push(byte);
        return;
    }
    // Times in units of 1 / (2 * sent_at * read_at) s: half a bit of either rate is a whole number of them.
    let (sent_bit, read_bit) = (u64::from(read_at) * 2, u64::from(sent_at) * 2);
    let level = |at: u64| match at / sent_bit {
        0 => false,
        bit @ 1..=8 => byte >> (bit - 1) & 1 == 1,
        _ => true,
    };
    let end = sent_bit * 10;
    let mut at = 0;
    loop {
        // The start bit is a falling edge: the line was high, or it is the beginning.
        while at < end && level(at) {
            at = (at / sent_bit + 1) * sent_bit;
        }
        if at >= end {
            return;
        }
        let sample = |bit: u64| u8::from(level(at + read_bit / 2 + bit * read_bit));
        if sample(0) == 1 {
            // Too short for a start bit.
            at = (at / sent_bit + 1) * sent_bit;
            continue;
        }
        read.push((0..8).fold(0, |byte, bit| byte | sample(bit + 1) << bit));
        at += 9 * read_bit + read_bit / 2;
        // A line that is still low is no stop bit: the reader waits until it rises.
        while at < end && !level(at) {
            at = (at / sent_bit + 1) * sent_bit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(byte: u8, sent_at: u32, read_at: u32) -> Vec<u8> {
        let mut read = Vec::new();
        at_other_rate(byte, sent_at, read_at, &mut read);
        read
    }

    #[test]
    fn the_same_rate_changes_nothing() {
        assert_eq!(read(0x41, 9600, 9600), [0x41]);
        // Two percent off is what a UART bears.
        assert_eq!(read(0x41, 115_200, 117_504), [0x41]);
    }

    #[test]
    fn half_the_rate_sees_fewer_bits() {
        // Nine low bits are four and a half slow ones: the start, three data bits, and the stop bit for the rest.
        assert_eq!(read(0x00, 115_200, 57_600), [0xf8]);
        // A start bit of half a slow bit is none.
        assert_eq!(read(0xff, 115_200, 57_600), []);
    }

    #[test]
    fn a_higher_rate_sees_a_bit_more_than_once() {
        assert_eq!(read(0xff, 57_600, 115_200), [0xfe]);
    }
}
