//! libFuzzer target: a transcript, printed and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| espat_script::fuzz::script(data));
