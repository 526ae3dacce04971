//! libFuzzer target: serial bytes, whole and in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| espat_script::fuzz::framer(data));
