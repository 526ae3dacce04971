//! libFuzzer target: a host MCU and a network that do anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| espat_script::fuzz::module(data));
