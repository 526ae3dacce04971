//! The ESP-AT module as a sans-IO state machine: serial bytes, time and network events in; serial bytes and network
//! requests out. No sockets, no clock, no threads, no `std`.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod commands;
mod config;
mod exec;
pub mod fault;
mod filter;
mod flash;
mod heard;
mod input;
mod module;
mod net;
mod nvs;
mod ota;
mod outbox;
mod output;
pub mod profile;
mod reply;
mod rng;
mod serial;
mod syntax;
mod sys;
mod time;
mod timers;
mod tls;
mod wifi;

pub use config::{
    AccessPoint, Addresses, Air, AirStation, Answers, ConfigError, LogPort, Mac, ModuleConfig,
    Reports, Terminator, Timing, UpgradeConfig, UpgradeServer,
};
pub use exec::table::{CommandInfo, commands_of};
pub use flash::manufactured_slots;
pub use heard::Heard;
pub use input::{AirEvent, CloseCause, Input, NetError, NetEvent, PowerEvent, StoreError};
pub use module::{
    Inspect, LinkDetail, LinkPhase, LinkView, Module, PhaseView, ServerView, SoftApView,
    StationPhase, StationView,
};
pub use nvs::setting_keys;
pub use output::{
    CloseHow, Connect, Dropped, Event, Family, Listen, Mark, NetRequest, Output, PartitionStep,
    Peer, QueryId, ResetCause, Service, SocketId, SocketOptions, StoreRequest, StoreTag,
    StoreValue, Transport, UartConfig, Wake,
};
pub use profile::Profile;
pub use serial::rate::at_other_rate;
pub use syntax::line::Form;
pub use time::{Duration, Instant};
pub use timers::Timer;
pub use tls::{
    Psk, SlotKind, Slots, TlsClient, TlsRules, TlsServer, TlsVersion, VerifyClients, VerifyServer,
};
