//! Laws of the fault layer, with random plans, hosts and networks.

#[cfg(test)]
mod tests {
    use espat_script::fuzz;

    /// A small generator (SplitMix64).
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What the host and the network do: lines, answers, data and time, most of the time.
    fn doings(seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut bytes = u32::try_from(seed).unwrap().to_be_bytes().to_vec();
        // A link is opened first: station mode, a join, a link.
        for line in [3, 5, 11] {
            bytes.extend([2, line, 5, 0, 5, 0, 4, 60]);
        }
        for _ in 0..60 {
            let n = next(&mut state);
            let [op, arg, kind, ..] = n.to_be_bytes();
            let op = match kind % 16 {
                0..5 => 2,
                5..8 => 5,
                8 | 9 => 7,
                10..13 => 4,
                _ => op,
            };
            bytes.extend([op, if op == 7 { arg & 0x3f } else { arg }]);
        }
        bytes
    }

    #[test]
    fn equal_plans_and_inputs_give_equal_bytes_however_they_are_cut() {
        let broken = (0..400).filter(|&seed| {
            let caught = std::panic::catch_unwind(|| fuzz::faults(&doings(seed)));
            caught.is_err()
        });
        assert_eq!(broken.collect::<Vec<_>>(), []);
    }
}
