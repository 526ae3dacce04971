//! The tokio runtime around [`espat_core::Module`]: its serial port, its sockets and its clock.
//!
//! [`Module::spawn`] runs a module inside this process, for a driver's own tests. [`Module::on`] puts one on a [`Port`].
#![deny(missing_docs)]

mod clock;
mod counters;
mod driver;
mod engine;
mod handle;
mod inject;
mod net;
mod port;
mod power;
mod spawn;
mod spool;
mod store;
mod trace;

pub use counters::Counts;
pub use driver::{Driver, DriverError, LogSink};
pub use engine::Engine;
pub use handle::{Handle, HandleError};
pub use net::NetOptions;
pub use net::capture::Capture;
pub use net::policy::{Cidr, MapRule, Policy, Publish, RuleError};
pub use net::tls::{CertificateError, Certificates, KeyLog, self_signed_pem, tls_library};
pub use port::{
    AfterClose, Port, PortError, PortEvent, PtyPort, Rfc2217Port, SerialName, SerialPort,
    SerialStream, StdioPort, StrictPort, TcpPort,
};
pub use power::PowerPolicy;
pub use spawn::Module;
pub use spool::{Batch, Sink, Spool, Spooler};
pub use store::{StateError, Store};
