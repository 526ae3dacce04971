//! libFuzzer target: a command with any arguments.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| espat_script::fuzz::args(data));
