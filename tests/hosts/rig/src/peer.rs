//! What the module's links lead to, and the bytes that must come through.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

/// The bytes of one direction of one link: nothing in them repeats, so a lost, doubled or swapped piece is seen.
#[derive(Debug, Clone)]
pub struct Pattern {
    state: u32,
    at: usize,
    binary: usize,
}

impl Pattern {
    /// Bytes of all values, from number `binary` on letters, digits, `-` and `_`.
    pub fn new(seed: u32, binary: usize) -> Self {
        Self {
            state: seed,
            at: 0,
            binary,
        }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next()).collect()
    }

    /// Holds `bytes` against the next ones.
    pub fn check(&mut self, bytes: &[u8]) -> Result<()> {
        for &byte in bytes {
            let (at, expected) = (self.at, self.next());
            if byte != expected {
                bail!("byte {at} is {byte:#04x} instead of {expected:#04x}");
            }
        }
        Ok(())
    }

    /// How many bytes were taken or checked.
    pub fn position(&self) -> usize {
        self.at
    }

    fn next(&mut self) -> u8 {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let byte = self.state.to_be_bytes()[0];
        self.at += 1;
        if self.at <= self.binary {
            byte
        } else {
            LETTERS[usize::from(byte >> 2)]
        }
    }
}

/// A server for one client: sends `len` bytes, receives `len` bytes, both at once, and closes when
/// `all` peers have.
pub struct Peer {
    address: SocketAddr,
    done: JoinHandle<Result<()>>,
}

impl Peer {
    pub fn start(
        name: &'static str,
        len: usize,
        sends: Pattern,
        expects: Pattern,
        all: Arc<Barrier>,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let done = std::thread::spawn(move || {
            let (stream, _) = listener.accept()?;
            serve(&stream, len, sends, expects).with_context(|| format!("the peer of {name}"))?;
            all.wait();
            Ok(())
        });
        Ok(Self { address, done })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the end of the peer's part. What it waits for has a deadline of its own.
    pub fn join(self) -> Result<()> {
        self.done
            .join()
            .map_err(|_| anyhow!("a peer's thread panicked"))?
    }
}

/// A server for so many clients, one after the other, that sends back what each of them sends, late enough for a host that throws
/// away what comes right after its send; it ends with its clients.
pub fn echo(clients: usize, delay: Duration) -> Result<Peer> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let done = std::thread::spawn(move || {
        for _ in 0..clients {
            let (mut stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut buffer = [0; 2048];
            loop {
                let n = stream.read(&mut buffer).context("an echo's client")?;
                if n == 0 {
                    break;
                }
                std::thread::sleep(delay);
                stream.write_all(&buffer[..n])?;
            }
        }
        Ok(())
    });
    Ok(Peer { address, done })
}

/// A server for one client that answers one line and then expects the client's close.
pub fn expect_close() -> Result<Peer> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let done = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut rest = vec![];
        stream
            .read_to_end(&mut rest)
            .context("no close from the module")?;
        ensure!(rest.is_empty(), "{} bytes that nobody sent", rest.len());
        Ok(())
    });
    Ok(Peer { address, done })
}

fn serve(
    mut stream: &TcpStream,
    len: usize,
    mut sends: Pattern,
    mut expects: Pattern,
) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut writer = stream.try_clone()?;
    let sent = std::thread::spawn(move || writer.write_all(&sends.take(len)));
    let mut buffer = [0; 4096];
    while expects.position() < len {
        let n = stream
            .read(&mut buffer)
            .with_context(|| format!("after {} bytes", expects.position()))?;
        ensure!(n > 0, "closed after {} bytes", expects.position());
        expects.check(&buffer[..n])?;
    }
    sent.join()
        .map_err(|_| anyhow!("the writer panicked"))?
        .context("what it sent was not taken")
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const PATIENCE: Duration = Duration::from_secs(100);
