//! `io::Error` to what the module knows of the network, in one place.

use std::io::{Error, ErrorKind};

use espat_core::{CloseCause, NetError};
use rustix::io::Errno;

/// Why a socket could not be opened.
pub(super) fn net_error(error: &Error) -> NetError {
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => NetError::Refused,
        Some(Errno::TIMEDOUT) => NetError::TimedOut,
        Some(Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTDOWN) => {
            NetError::Unreachable
        }
        Some(Errno::ADDRINUSE | Errno::ADDRNOTAVAIL) => NetError::AddressInUse,
        Some(Errno::ACCESS | Errno::PERM) => NetError::Denied,
        Some(_) => NetError::Other,
        None if error.kind() == ErrorKind::NotFound => NetError::NotFound,
        None => NetError::Other,
    }
}

/// How a link ended that reading or writing failed on.
pub(super) fn close_cause(error: &Error) -> CloseCause {
    match Errno::from_io_error(error) {
        Some(Errno::CONNRESET | Errno::CONNABORTED | Errno::PIPE) => CloseCause::Reset,
        Some(_) | None => CloseCause::Io,
    }
}
