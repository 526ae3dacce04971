//! The `espat` binary.
fn main() {}
