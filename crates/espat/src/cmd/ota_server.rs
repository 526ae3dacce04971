//! `espat ota-server`: the other side of `AT+CIUPDATE`, to rehearse an upgrade or to break it.
//!
//! Answers are written by hand over sockets, and only requests are parsed by a library: what a module scans for is bytes (a header's
//! spelling, what comes in one read), and a fault is a byte's number. An HTTP server library lies between the program and both.

mod client;
mod progress;
mod request;
mod roms;
mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use openssl::ssl::SslAcceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{raise_open_files, runtime};
use crate::cli::OtaServerOptions;
use crate::failure::Usage;
use crate::signals::Signals;

use client::{End, Fault, Rules};
use progress::Progress;
use roms::Roms;

/// Clients that are served at a time; others wait in the backlog.
const CLIENTS_MAX: usize = 256;
/// How long to wait when the system refuses a client.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(options: OtaServerOptions) -> anyhow::Result<()> {
    let roms = Roms::open(&options.dir, options.latest.as_deref())?;
    let files = options.cert.as_deref().zip(options.key.as_deref());
    let tls = options.tls.then(|| tls::acceptor(files)).transpose()?;
    let fault = match (options.stall_at, options.cut_at) {
        (Some(at), _) => Some(Fault::StallAt(at)),
        (None, Some(at)) => Some(Fault::CutAt(at)),
        (None, None) => options.wrong_length.then_some(Fault::WrongLength),
    };
    let token = options.token.as_ref().map(|token| token.checked());
    let token = token.transpose();
    let rules = Rules {
        roms,
        token: token
            .map_err(|e| Usage::new(format!("--token: {e}")))?
            .map(str::to_owned),
        fault,
        progress: Progress::new(),
    };
    raise_open_files();
    let runtime = runtime()?;
    let done = runtime.block_on(serve(options.listen.0, Arc::new(rules), tls));
    // Not waited for: clients may take as long as they like.
    runtime.shutdown_background();
    done
}

async fn serve(at: SocketAddr, rules: Arc<Rules>, tls: Option<SslAcceptor>) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("signals cannot be caught")?;
    let listener = TcpListener::bind(at).await.map_err(|e| {
        Usage::new(format!(
            "--listen {at}: cannot listen there: {e}; choose another address of this computer, or port 0 for any free one"
        ))
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let at = listener.local_addr().unwrap_or(at);
    writeln!(io::stdout(), "ota-server {scheme}://{at}")?;
    let seats = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        let (seat, stream, peer) = tokio::select! {
            client = next_client(&listener, &seats, &rules.progress) => client,
            () = signals.end() => return Ok(()),
        };
        let (rules, tls) = (Arc::clone(&rules), tls.clone());
        tokio::spawn(async move {
            client(&rules, tls.as_ref(), stream, peer).await;
            drop(seat);
        });
    }
}

async fn next_client(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
    progress: &Progress,
) -> (OwnedSemaphorePermit, TcpStream, SocketAddr) {
    let seat = Arc::clone(seats).acquire_owned().await;
    let seat = seat.expect("the semaphore is never closed");
    let mut has_failed = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (seat, stream, peer),
            Err(error) => {
                if !has_failed {
                    progress.say(&format!(
                        "a client cannot be accepted: {error}; it is tried again"
                    ));
                }
                has_failed = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn client(rules: &Rules, tls: Option<&SslAcceptor>, mut stream: TcpStream, peer: SocketAddr) {
    // Without it the last piece of a file may wait for an answer to the one before.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = tls else {
        if client::serve(rules, peer, &mut stream).await == End::Reset {
            reset(&stream);
        }
        return;
    };
    match tls::accept(acceptor, stream).await {
        Ok(mut stream) => {
            if client::serve(rules, peer, &mut stream).await == End::Reset {
                reset(stream.get_ref());
            }
        }
        Err(error) => rules.progress.say(&format!("{peer} no TLS: {error}")),
    }
}

/// Makes the close that follows a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}
