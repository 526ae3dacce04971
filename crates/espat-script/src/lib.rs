//! Transcripts of an ESP-AT module (`.at` files): parse, print, run on any [`Target`], record.
//!
//! docs/transcripts.md describes the format. The simulated target ([`Sim`]) runs a module with a virtual clock and a
//! virtual network; a runner on a real port only has to implement [`Target`].

mod directive;
mod error;
mod event;
mod fault;
pub mod fuzz;
mod handle;
mod matching;
mod mdns;
mod peer;
mod plan;
mod record;
mod redact;
mod render;
mod request;
mod run;
mod script;
mod session;
mod sim;
pub mod simulate;
mod target;
mod text;
mod time;
mod tls;
mod update;
mod ways;
mod words;

pub use directive::Directive;
pub use error::ScriptError;
pub use event::{Event, NetHappening};
pub use fault::{
    NoPlan, PlanFile, Scenario, find as find_plan, random_plan, scenario, scenario_hint, scenarios,
};
pub use handle::Handle;
pub use matching::{Names, crc32_of};
pub use peer::{PEERS_MAX, PeerKind, address as peer_address};
pub use plan::{GivenError, Givens, Plan};
pub use record::{Recorded, Recorder};
pub use request::{NetAsk, PartitionAsk, Request};
pub use run::{Failure, run_on};
pub use script::{Line, LineKind, Script, SerialLine, Step};
pub use session::Session;
pub use sim::{Engine, Sim, Way};
pub use target::{Observed, Target, Want};
pub use text::{Payload, Piece, REPEAT_MAX, Text, escape};
pub use time::TimeStep;
pub use tls::{TlsAsk, TlsListenAsk};
pub use update::{update, update_on};
pub use ways::run;
