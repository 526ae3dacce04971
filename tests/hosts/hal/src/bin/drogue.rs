//! `drogue-esp8266`, unmodified, against a module of espat on a PTY in realistic timing: joins after a wrong password, asks for versions,
//! addresses and name servers, resolves a name, opens two links, sends and receives on both, and sees one of them closed.
//!
//! `drogue PROFILE ESPAT` starts everything that it needs. Exit code 0: all bytes were right.

use std::convert::Infallible;
use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use drogue_esp8266::adapter::Adapter;
use drogue_esp8266::initialize;
use drogue_esp8266::network::{Esp8266IpNetworkDriver, TcpSocket};
use drogue_esp8266::protocol::{WiFiMode, WifiConnectionFailure};
use drogue_network::IpNetworkDriver;
use drogue_network::addr::{HostSocketAddr, IpAddr, Ipv4Addr};
use drogue_network::dns::AddrType;
use drogue_network::tcp::Mode;
use embedded_hal::digital::v2::OutputPin;
use espat_host_hal::{Tx, last_bytes};
use espat_host_rig::{Arguments, Daemon, Steps, peer};
use heapless::spsc::Queue;

type Network = Esp8266IpNetworkDriver<'static, Tx>;

fn main() -> ExitCode {
    espat_host_rig::host(LIMIT, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    let link = env::temp_dir().join(format!("espat-drogue-{}", std::process::id()));
    let options = ["--profile", &arguments.profile, "--timing", "realistic"];
    let more = ["--ap", "hosts=secret1234", "--map", "server.test=127.0.0.1"];
    let daemon = Daemon::start(&arguments.espat, &link, &[options, more].concat())?;
    let done = drive(&daemon).with_context(|| format!("the module's last bytes: {}", last_bytes()));
    done.and_then(|()| daemon.stop())
}

fn drive(daemon: &Daemon) -> Result<()> {
    let mut steps = Steps::new();
    let mut adapter = attach(daemon)?;
    steps.done("initialized");
    let firmware = adapter
        .get_firmware_info()
        .map_err(|()| anyhow!("no firmware"))?;
    ensure!(
        (firmware.major, firmware.minor) == (1, 7),
        "firmware: {firmware:?}"
    );
    adapter
        .set_mode(WiFiMode::Station)
        .map_err(|()| anyhow!("mode"))?;
    match adapter.join("hosts", "wrong1234") {
        Err(WifiConnectionFailure::WrongPassword) => {}
        other => bail!("a wrong password: {other:?}"),
    }
    adapter
        .join("hosts", "secret1234")
        .map_err(|e| anyhow!("join: {e:?}"))?;
    let addresses = adapter
        .get_ip_address()
        .map_err(|()| anyhow!("no address"))?;
    ensure!(
        addresses.ip == Ipv4Addr::new(127, 0, 0, 1),
        "addresses: {addresses:?}"
    );
    let servers = adapter
        .query_dns_resolvers()
        .map_err(|()| anyhow!("no name servers"))?;
    ensure!(servers.resolver2.is_none(), "name servers: {servers:?}");
    steps.done("joined");

    let network = adapter.into_network_stack();
    let server = network
        .dns()
        .gethostbyname("server.test", AddrType::IPv4)
        .map_err(|e| anyhow!("name: {e:?}"))?;
    ensure!(
        server.ip() == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1)),
        "the name is {server:?}"
    );
    exchange(&network)?;
    steps.done(&format!(
        "had {MESSAGES} messages echoed on two links, all right"
    ));
    Ok(())
}

fn attach(daemon: &Daemon) -> Result<Adapter<'static, Tx>> {
    let (rx, tx) = espat_host_hal::open(daemon.link())?;
    let responses = Box::leak(Box::new(Queue::new()));
    let notifications = Box::leak(Box::new(Queue::new()));
    let (adapter, mut ingress) = initialize(tx, rx, &mut Pin, &mut Pin, responses, notifications)
        .map_err(|e| anyhow!("initialize: {e:?}"))?;
    // What the driver's users do in an interrupt.
    std::thread::spawn(move || {
        while ingress.isr().is_ok() {
            ingress.digest();
        }
    });
    Ok(adapter)
}

fn exchange(network: &Network) -> Result<()> {
    let tcp = network.tcp();
    let peers = [peer::echo(1, LATE)?, peer::echo(1, LATE)?];
    let mut sockets = Vec::new();
    for peer in &peers {
        let socket = tcp
            .open(Mode::NonBlocking)
            .map_err(|e| anyhow!("open: {e:?}"))?;
        let remote = HostSocketAddr::new(
            drogue_network::addr::HostAddr::ipv4([127, 0, 0, 1]),
            peer.address().port(),
        );
        sockets.push(
            tcp.connect(socket, remote)
                .map_err(|e| anyhow!("connect: {e:?}"))?,
        );
    }
    for message in 1..=MESSAGES {
        let sent: Vec<u8> = (b'a'..=b'z').cycle().take(message * STEP).collect();
        for socket in &mut sockets {
            let n = nb::block!(tcp.write(socket, &sent))
                .map_err(|e| anyhow!("sending message {message}: {e:?}"))?;
            ensure!(n == sent.len(), "{n} bytes of message {message} were sent");
        }
        for socket in &mut sockets {
            let got = read(network, socket).with_context(|| format!("message {message}"))?;
            ensure!(
                got == sent,
                "message {message} came back as \"{}\"",
                got.escape_ascii()
            );
        }
    }
    for socket in sockets {
        ensure!(
            tcp.is_connected(&socket).map_err(|e| anyhow!("{e:?}"))?,
            "a link is closed"
        );
        tcp.close(socket).map_err(|e| anyhow!("close: {e:?}"))?;
    }
    for peer in peers {
        peer.join()?;
    }
    Ok(())
}

fn read(network: &Network, socket: &mut TcpSocket) -> Result<Vec<u8>> {
    let deadline = Instant::now() + WAIT;
    let mut buffer = [0; BUFFER];
    loop {
        match network.tcp().read(socket, &mut buffer) {
            Ok(n) => return Ok(buffer[..n].to_vec()),
            Err(nb::Error::WouldBlock) if Instant::now() < deadline => {}
            Err(nb::Error::WouldBlock) => bail!("nothing within {WAIT:?}"),
            Err(nb::Error::Other(e)) => bail!("{e:?}"),
        }
    }
}

/// The module powers on when its port is opened.
struct Pin;

impl OutputPin for Pin {
    type Error = Infallible;

    fn set_low(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

const MESSAGES: usize = 5;
const STEP: usize = 100;
/// The driver's own is as large; a message has to fit, because it counts announced bytes twice that it leaves.
const BUFFER: usize = 512;
const LATE: Duration = Duration::from_millis(50);
const WAIT: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(240);
