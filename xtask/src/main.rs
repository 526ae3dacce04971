//! `cargo xtask`: what a person or CI runs on this repository.
fn main() {}
