//! esp-at-nal, unmodified, against a module of espat on a PTY in realistic timing: joins, opens two links, moves 100 KiB each
//! way on both by passive receive, reads everything up to the peers' close, and closes a link itself.
//!
//! `espat-host-nal PROFILE ESPAT` starts the `espat` binary named and everything else that it needs. Exit code 0: all bytes were right.

mod port;
mod timer;

use std::env;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use atat::blocking::Client;
use atat::{AtDigester, Config, Ingress, ResponseSlot, UrcChannel};
use embedded_nal::TcpClientStack;
use esp_at_nal::stack::{Error as StackError, Socket};
use esp_at_nal::urc::URCMessages;
use esp_at_nal::wifi::{Adapter, WifiAdapter};
use espat_host_rig::peer::{Pattern, Peer, expect_close};
use espat_host_rig::{Arguments, Daemon, Steps};

use crate::port::{Writer, last_bytes, position, pump, wait_for};
use crate::timer::{HZ, SystemTimer};

type Urc = URCMessages<CHUNK>;
type Nal =
    Adapter<'static, Client<'static, Writer, ANSWER>, SystemTimer, HZ, CHUNK, CHUNK, REPORTS>;

static ANSWERS: ResponseSlot<ANSWER> = ResponseSlot::new();
static URCS: UrcChannel<Urc, REPORTS, 1> = UrcChannel::new();

fn main() -> ExitCode {
    espat_host_rig::host(LIMIT, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    let link = env::temp_dir().join(format!("espat-nal-{}", std::process::id()));
    let daemon = Daemon::start(
        &arguments.espat,
        &link,
        &[
            "--profile",
            &arguments.profile,
            "--timing",
            "realistic",
            "--ap",
            "hosts=secret1234",
        ],
    )?;
    let done = drive(&daemon).with_context(|| format!("the module's last bytes: {}", last_bytes()));
    done.and_then(|()| daemon.stop())
}

fn drive(daemon: &Daemon) -> Result<()> {
    let mut steps = Steps::new();
    let mut nal = attach(daemon)?;
    // The port was opened, so the module powers on.
    wait_for("\r\nready\r\n", 0, BOOT)?;
    // Takes that `ready` from the queue; the driver would take it for the one after its restart.
    nal.get_join_status();
    nal.restart().map_err(|e| anyhow!("restart: {e:?}"))?;
    steps.done("restarted");
    join(&mut nal)?;
    steps.done("joined");

    let names = ["link 0", "link 1"];
    // The peers close together: a report of a close that stands right before the answer to CIPSEND makes the driver fail.
    let all = Arc::new(Barrier::new(names.len()));
    let mut links = vec![];
    for (name, seed) in names.into_iter().zip([0x1000, 0x2000]) {
        links.push(Link::open(&mut nal, name, seed, Arc::clone(&all))?);
    }
    steps.done("opened two links");
    let from = position();
    exchange(&mut nal, &mut links)?;
    steps.done(&format!("moved {LEN} bytes each way on both, all right"));

    for (id, link) in links.into_iter().enumerate() {
        link.peer.join()?;
        wait_for(&format!("{id},CLOSED\r\n"), from, CLOSE)?;
        closed_by_peer(&mut nal, link.socket)?;
    }
    steps.done("saw both peers close");
    close(&mut nal)?;
    steps.done("closed a link");
    Ok(())
}

fn attach(daemon: &Daemon) -> Result<Nal> {
    let buffer = Box::leak(Box::new([0; BUFFER]));
    let ingress = Ingress::new(AtDigester::<Urc>::new(), buffer, &ANSWERS, &URCS);
    let writer = port::open(daemon.link(), ingress)?;
    // Asked for again and again while the driver waits for an answer.
    let config = Config::default().get_response_timeout(|start, timeout| {
        pump();
        start + timeout
    });
    let buffer = Box::leak(Box::new([0; BUFFER]));
    let client = Client::new(writer, &ANSWERS, buffer, config);
    let urcs = URCS.subscribe().map_err(|e| anyhow!("{e:?}"))?;
    Ok(Adapter::new(client, urcs, SystemTimer::new()))
}

fn join(nal: &mut Nal) -> Result<()> {
    nal.set_auto_connect(false)
        .map_err(|e| anyhow!("auto-connect: {e:?}"))?;
    let state = nal
        .join("hosts", "secret1234")
        .map_err(|e| anyhow!("join: {e:?}"))?;
    ensure!(state.connected, "joined, but no report said so");
    until("an address", JOIN, || Ok(nal.get_join_status().ip_assigned))?;
    let address = nal.get_address().map_err(|e| anyhow!("address: {e:?}"))?;
    ensure!(
        address.ipv4.is_some_and(|ip| ip.is_loopback()),
        "the address is {:?}",
        address.ipv4
    );
    ensure!(address.mac.is_some(), "no MAC");
    Ok(())
}

/// One link and what is known of it on this side.
struct Link {
    name: &'static str,
    socket: Socket,
    peer: Peer,
    sends: Pattern,
    expects: Pattern,
}

impl Link {
    fn open(nal: &mut Nal, name: &'static str, seed: u32, all: Arc<Barrier>) -> Result<Self> {
        let (sends, expects) = (Pattern::new(seed, BINARY), Pattern::new(seed + 1, BINARY));
        let peer = Peer::start(name, LEN, expects.clone(), sends.clone(), all)?;
        let mut socket = nal.socket().map_err(|e| anyhow!("{name}: {e:?}"))?;
        nb::block!(nal.connect(&mut socket, peer.address()))
            .map_err(|e| anyhow!("{name}: {e:?}"))?;
        Ok(Self {
            name,
            socket,
            peer,
            sends,
            expects,
        })
    }

    /// Sends the next piece; `false` when all is sent.
    fn send(&mut self, nal: &mut Nal) -> Result<bool> {
        let left = LEN - self.sends.position();
        if left > 0 {
            // More than the driver sends at once, so that it has to cut.
            let piece = self.sends.take(left.min(CHUNK + CHUNK / 2));
            nb::block!(nal.send(&mut self.socket, &piece)).map_err(|e| {
                anyhow!(
                    "{}: sending byte {}: {e:?}",
                    self.name,
                    self.sends.position()
                )
            })?;
        }
        Ok(left > 0)
    }

    /// Takes what is there; `false` when nothing is.
    fn receive(&mut self, nal: &mut Nal) -> Result<bool> {
        let mut buffer = [0; CHUNK * 3 / 2];
        match nal.receive(&mut self.socket, &mut buffer) {
            Ok(n) => {
                let bytes = buffer.get(..n).context("more than there was room for")?;
                self.expects.check(bytes).context(self.name)?;
                Ok(true)
            }
            Err(nb::Error::WouldBlock) => Ok(false),
            Err(nb::Error::Other(e)) => {
                bail!(
                    "{}: receiving byte {}: {e:?}",
                    self.name,
                    self.expects.position()
                )
            }
        }
    }
}

/// Both directions of all links, in turns, until everything has been sent and received.
fn exchange(nal: &mut Nal, links: &mut [Link]) -> Result<()> {
    let mut heard = Instant::now();
    while links
        .iter()
        .any(|l| l.expects.position() < LEN || l.sends.position() < LEN)
    {
        let mut moved = false;
        for link in links.iter_mut() {
            moved |= link.send(nal)?;
            moved |= link.receive(nal)?;
        }
        if moved {
            heard = Instant::now();
        } else if heard.elapsed() < SILENCE {
            pump();
        } else {
            let at: Vec<_> = links.iter().map(|l| l.expects.position()).collect();
            bail!("nothing more came for {SILENCE:?}; received {at:?} of {LEN}");
        }
    }
    for link in links {
        ensure!(
            link.expects.position() == LEN,
            "{} received {} bytes instead of {LEN}",
            link.name,
            link.expects.position()
        );
    }
    Ok(())
}

/// What the driver makes of a link that the peer closed. It hears of it only when a CR LF stood before the report by chance;
/// otherwise its own close is refused by the module.
fn closed_by_peer(nal: &mut Nal, socket: Socket) -> Result<()> {
    match nal.close(socket) {
        Ok(()) | Err(StackError::CloseError(atat::Error::Error)) => Ok(()),
        Err(e) => bail!("close after the peer's: {e:?}"),
    }
}

/// A link that this side closes: the driver hears of it, and so does the peer.
fn close(nal: &mut Nal) -> Result<()> {
    let peer = expect_close()?;
    let mut socket = nal.socket().map_err(|e| anyhow!("a third socket: {e:?}"))?;
    nb::block!(nal.connect(&mut socket, peer.address()))
        .map_err(|e| anyhow!("a third link: {e:?}"))?;
    let from = position();
    nal.close(socket).map_err(|e| anyhow!("close: {e:?}"))?;
    wait_for("0,CLOSED\r\n\r\nOK\r\n", from, CLOSE)?;
    peer.join()
}

fn until(what: &str, limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !done()? {
        ensure!(Instant::now() < deadline, "no {what} within {limit:?}");
        pump();
    }
    Ok(())
}

/// Bytes in each direction of each link.
const LEN: usize = 100 * 1024;
/// From here on there is no `>` and no `@`. After the report of a close, of which the driver skips all but the CR LF, it looks
/// for a prompt in what follows, and would find one in the other link's payload.
const BINARY: usize = LEN - 16 * 1024;
/// Bytes per CIPSEND and CIPRECVDATA.
const CHUNK: usize = 2048;
/// The longest answer that is no payload: the lines of CIFSR.
const ANSWER: usize = 512;
/// Payload with its header and the answers around it.
const BUFFER: usize = 4096;
const REPORTS: usize = 8;
const LIMIT: Duration = Duration::from_secs(300);
const BOOT: Duration = Duration::from_secs(60);
const JOIN: Duration = Duration::from_secs(60);
const CLOSE: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(60);
