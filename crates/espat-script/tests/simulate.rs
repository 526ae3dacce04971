//! Random hosts on random networks: a few seconds of what `cargo xtask simulate` does for hours.

#[cfg(test)]
mod tests {
    use espat_script::simulate::{STEPS, run};

    #[test]
    fn no_law_is_broken() {
        for seed in 0..40 {
            if let Err(broken) = run(seed, STEPS) {
                panic!(
                    "{}\nseed {seed}: {}\nto repeat: cargo xtask simulate --seed {seed} --steps {STEPS}",
                    broken.trace, broken.law
                );
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_bytes() {
        for seed in 1000..1008 {
            let (once, again) = (run(seed, STEPS).unwrap(), run(seed, STEPS).unwrap());
            assert_eq!(once, again, "seed {seed}");
        }
    }

    #[test]
    fn runs_do_something() {
        let tallies: Vec<_> = (0..8).map(|seed| run(seed, STEPS).unwrap()).collect();
        assert!(tallies.iter().any(|tally| tally.payload > 0));
        assert!(tallies.iter().any(|tally| tally.boots > 1));
        assert!(tallies.iter().any(|tally| tally.cuts > 1));
        assert!(tallies.iter().all(|tally| tally.commands > 10));
    }
}
