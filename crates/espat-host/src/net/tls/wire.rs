//! The socket under a TLS session: measures the records that come in, and can keep what goes out.

use std::io::{self, Read, Write};
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::net::capture::{Tap, Way};

/// OpenSSL reads and writes here; whoever has the other `Arc` waits for readiness.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Arc<TcpStream>,
    incoming: Records,
    /// The peer ended the stream.
    is_ended: bool,
    /// What goes out is collected here instead of being sent.
    kept: Option<Vec<u8>>,
    tap: Tap,
}

impl Wire {
    pub(super) fn new(stream: Arc<TcpStream>, tap: Tap) -> Self {
        Self {
            stream,
            tap,
            incoming: Records::default(),
            is_ended: false,
            kept: None,
        }
    }

    pub(super) fn tap(&mut self) -> &mut Tap {
        &mut self.tap
    }

    pub(super) fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        self.kept.take().unwrap_or_default()
    }

    /// The length of the last record that came in whole, its header included.
    pub(super) fn last_record(&self) -> usize {
        self.incoming.last
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }
}

/// Where records begin and end: each has a header of type, version and length.
#[derive(Debug, Default)]
struct Records {
    header: [u8; 5],
    of_header: usize,
    /// What is missing of the record's body, and how long the record is.
    left: usize,
    len: usize,
    last: usize,
}

impl Records {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left == 0 {
                let n = bytes.len().min(self.header.len() - self.of_header);
                self.header[self.of_header..][..n].copy_from_slice(&bytes[..n]);
                self.of_header += n;
                bytes = &bytes[n..];
                if self.of_header < self.header.len() {
                    return;
                }
                self.of_header = 0;
                self.left = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
                self.len = self.header.len() + self.left;
            }
            let n = bytes.len().min(self.left);
            self.left -= n;
            bytes = &bytes[n..];
            if self.left == 0 {
                self.last = self.len;
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.try_read(buffer)?;
        self.incoming.take(&buffer[..n]);
        self.tap.payload(Way::In, &buffer[..n]);
        self.is_ended |= n == 0;
        Ok(n)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kept {
            Some(kept) => {
                // It is sent when the link has ended, and nobody tells then.
                self.tap.payload(Way::Out, bytes);
                kept.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            None => {
                let n = self.stream.try_write(bytes)?;
                self.tap.payload(Way::Out, &bytes[..n]);
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_measured_however_they_are_cut() {
        let all = [
            &[22, 3, 3, 0, 2, 9, 9][..],
            &[23, 3, 3, 0, 0],
            &[23, 3, 3, 1, 0],
            &[7; 256],
        ]
        .concat();
        for piece in [1, 2, 5, 6, 7, all.len()] {
            let mut records = Records::default();
            let mut seen = vec![];
            for bytes in all.chunks(piece) {
                records.take(bytes);
                seen.push(records.last);
            }
            assert_eq!(records.last, 261, "{piece}");
            assert!(piece > 5 || seen.contains(&7) && seen.contains(&5));
        }
    }
}
