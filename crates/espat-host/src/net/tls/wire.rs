//! The socket under a TLS session: counts what comes in, and can keep what goes out.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio::net::TcpStream;

/// OpenSSL reads and writes here; whoever has the other `Arc` waits for readiness.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Arc<TcpStream>,
    /// Bytes that came in since they were last asked for.
    taken: usize,
    /// The peer ended the stream.
    is_ended: bool,
    /// What goes out is collected here instead of being sent.
    kept: Option<Vec<u8>>,
}

impl Wire {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self {
            stream,
            taken: 0,
            is_ended: false,
            kept: None,
        }
    }

    pub(super) fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        self.kept.take().unwrap_or_default()
    }

    pub(super) fn take_count(&mut self) -> usize {
        std::mem::take(&mut self.taken)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.try_read(buffer)?;
        self.taken += n;
        self.is_ended |= n == 0;
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kept {
            Some(kept) => {
                kept.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            None => self.stream.try_write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
