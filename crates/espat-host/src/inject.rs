//! Bytes that a handle puts on the line: to the module as if its host sent them, or to the host as if the line carried them.

use tokio::sync::oneshot;

use crate::handle::HandleError;

/// Bytes that may wait in each direction.
pub(crate) const INJECTED_MAX: usize = 64 * 1024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToModule,
    ToHost,
}

/// What a handle asks for.
#[derive(Debug)]
pub(crate) struct Injection {
    pub(crate) way: Way,
    pub(crate) bytes: Vec<u8>,
    pub(crate) answer: oneshot::Sender<Result<(), HandleError>>,
}

/// Bytes for the module that it has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Injected {
    bytes: Vec<u8>,
    taken: usize,
}

impl Injected {
    /// Adds bytes; `false` where too many wait already.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let fits = self.waiting() + bytes.len() <= INJECTED_MAX;
        if fits {
            self.bytes.drain(..self.taken);
            self.taken = 0;
            self.bytes.extend_from_slice(bytes);
        }
        fits
    }

    /// Moves up to `buffer.len()` bytes into `buffer`.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let n = self.waiting().min(buffer.len());
        buffer[..n].copy_from_slice(&self.bytes[self.taken..][..n]);
        self.taken += n;
        if self.waiting() == 0 {
            *self = Self::default();
        }
        n
    }

    pub(crate) fn waiting(&self) -> usize {
        self.bytes.len() - self.taken
    }
}
