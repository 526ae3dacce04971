//! What a host says of its progress.

use std::time::Instant;

/// Says what was done, and when.
#[derive(Debug)]
pub struct Steps(Instant);

impl Steps {
    /// Begins to count.
    #[expect(clippy::new_without_default, reason = "the time counts from here")]
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// One more thing is done.
    pub fn done(&mut self, what: &str) {
        println!("{:6.2} s  {what}", self.0.elapsed().as_secs_f32());
    }
}
