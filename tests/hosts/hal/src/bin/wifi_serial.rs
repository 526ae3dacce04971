//! `esp8266-wifi-serial`, unmodified, against a module of espat on a PTY in realistic timing: resets the module, joins, asks for its
//! address, opens a link, sends and receives, and serves a client.
//!
//! `wifi_serial PROFILE ESPAT` starts everything that it needs. Exit code 0: all bytes were right.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use esp8266_wifi_serial::clock::SimpleClock;
use esp8266_wifi_serial::net::{IpAddr, SocketAddr};
use esp8266_wifi_serial::{JoinApConfig, Module, NetworkEvent, NetworkSession};
use espat_host_hal::{Rx, Tx, last_bytes};
use espat_host_rig::{Arguments, Daemon, Steps, peer};

type Session = NetworkSession<Rx, Tx, Clock, BUFFER>;

fn main() -> ExitCode {
    espat_host_rig::host(LIMIT, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    let link = env::temp_dir().join(format!("espat-serial-{}", std::process::id()));
    // An address of our own, and a port that the system gives to nobody by itself.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let served = std::net::SocketAddr::from(([127, 200, middle, low], 20_000 + u16::from(high)));
    let publish = format!("{SERVER}={served}");
    let options = ["--profile", &arguments.profile, "--timing", "realistic"];
    let more = ["--ap", "hosts=secret1234", "--publish", &publish];
    let daemon = Daemon::start(&arguments.espat, &link, &[options, more].concat())?;
    let done = drive(&daemon, served)
        .with_context(|| format!("the module's last bytes: {}", last_bytes()));
    done.and_then(|()| daemon.stop())
}

fn drive(daemon: &Daemon, served: std::net::SocketAddr) -> Result<()> {
    let mut steps = Steps::new();
    let (mut rx, tx) = espat_host_hal::open(daemon.link())?;
    rx.wait_for(b"ready\r\n", BOOT)?;
    let mut module = Module::<_, _, _, BUFFER>::new(rx, tx, Clock(Instant::now()))
        .map_err(|e| anyhow!("{e:?}"))?;
    module.set_timeout(Some(PATIENCE_US));
    module.reset().map_err(|e| anyhow!("reset: {e:?}"))?;
    steps.done("reset");
    let config = JoinApConfig {
        ssid: "hosts",
        password: "secret1234",
    };
    let mut session = config.join(module).map_err(|e| anyhow!("join: {e:?}"))?;
    let info = session.get_info().map_err(|e| anyhow!("info: {e:?}"))?;
    ensure!(
        info.softap_address.is_none()
            && info.listen_address
                == Some(IpAddr::V4(esp8266_wifi_serial::net::Ipv4Addr::new(
                    127, 0, 0, 1
                ))),
        "info: {info:?}"
    );
    steps.done("joined");
    call(&mut session)?;
    steps.done(&format!("had {MESSAGES} messages echoed, all right"));
    serve(&mut session, served)?;
    steps.done("served a client");
    Ok(())
}

/// A link of our own, on the number that no client of the server gets first.
fn call(session: &mut Session) -> Result<()> {
    let peer = peer::echo(1, LATE)?;
    let port = peer.address().port();
    let address = SocketAddr::new(
        IpAddr::V4(esp8266_wifi_serial::net::Ipv4Addr::new(127, 0, 0, 1)),
        port,
    );
    session
        .connect(LINK, address)
        .map_err(|e| anyhow!("connect: {e:?}"))?;
    for message in 1..=MESSAGES {
        let sent: Vec<u8> = (b'a'..=b'z').cycle().take(message * STEP).collect();
        session
            .send(LINK, sent.iter().copied())
            .map_err(|e| anyhow!("sending message {message}: {e:?}"))?;
        let (link, got) = data(session).with_context(|| format!("message {message}"))?;
        ensure!(
            usize::from(link) == LINK,
            "message {message} came on link {link}"
        );
        ensure!(
            got == sent,
            "message {message} came back as \"{}\"",
            got.escape_ascii()
        );
    }
    Ok(())
}

fn serve(session: &mut Session, served: std::net::SocketAddr) -> Result<()> {
    session
        .listen(SERVER)
        .map_err(|e| anyhow!("listen: {e:?}"))?;
    let mut client = TcpStream::connect(served)?;
    client.set_read_timeout(Some(WAIT))?;
    let link = match event(session)? {
        Event::Connected(link) => link,
        other => bail!("{other:?} instead of the client"),
    };
    client.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let (from, got) = data(session)?;
    ensure!(
        from == link && got == b"GET / HTTP/1.0\r\n\r\n",
        "link {from}: \"{}\"",
        got.escape_ascii()
    );
    let answer = b"HTTP/1.0 204 No Content\r\n\r\n";
    session
        .send(usize::from(link), answer.iter().copied())
        .map_err(|e| anyhow!("answering: {e:?}"))?;
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got)?;
    ensure!(got == answer, "the client got \"{}\"", got.escape_ascii());
    drop(client);
    match event(session)? {
        Event::Closed(closed) if closed == link => Ok(()),
        other => bail!("{other:?} instead of the client's close"),
    }
}

fn data(session: &mut Session) -> Result<(u16, Vec<u8>)> {
    match event(session)? {
        Event::Data(link, data) => Ok((link, data)),
        other => bail!("{other:?} instead of data"),
    }
}

#[derive(Debug)]
enum Event {
    Connected(u16),
    Closed(u16),
    Data(u16, Vec<u8>),
}

fn event(session: &mut Session) -> Result<Event> {
    let deadline = Instant::now() + WAIT;
    loop {
        match session.poll_network_event() {
            Ok(NetworkEvent::Connected { link_id }) => return Ok(Event::Connected(link_id)),
            Ok(NetworkEvent::Closed { link_id }) => return Ok(Event::Closed(link_id)),
            Ok(NetworkEvent::DataAvailable { link_id, data }) => {
                return Ok(Event::Data(link_id, data.to_vec()));
            }
            Err(nb::Error::WouldBlock) if Instant::now() < deadline => {}
            Err(nb::Error::WouldBlock) => bail!("no event within {WAIT:?}"),
            Err(nb::Error::Other(e)) => bail!("{e:?}"),
        }
    }
}

/// The system's clock.
#[derive(Debug)]
struct Clock(Instant);

impl SimpleClock for Clock {
    fn now_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

const LINK: usize = 3;
const SERVER: u16 = 8080;
const MESSAGES: usize = 10;
const STEP: usize = 100;
/// Takes what ROM and boot loader say, and the largest message.
const BUFFER: usize = 2048;
/// The driver waits in vain for a `SEND OK` behind which more stands already, so the answer is as late as a busy computer needs to
/// let it read.
const LATE: Duration = Duration::from_millis(500);
const BOOT: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(60);
const PATIENCE_US: u64 = 20_000_000;
const LIMIT: Duration = Duration::from_secs(240);
