//! libFuzzer target: the same under a random fault plan, cut in every way.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| espat_script::fuzz::faults(data));
