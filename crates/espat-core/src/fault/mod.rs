//! Faults on purpose: what the engine reads of them, as plain data.

mod state;

pub use state::{FaultState, ReportPlace};
