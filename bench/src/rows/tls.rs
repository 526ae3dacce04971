//! SSL links: bulk beside `openssl s_client`, handshakes beside a loop with the same context, memory of idle links.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use espat_core::{ModuleConfig, Timing};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509NameBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::mb_per_s;
use super::resident::private_bytes;
use crate::child::{Child, this_program};
use crate::options::Options;
use crate::peer::{Peer, joined};
use crate::rounds::Compared;
use crate::serial::{PATIENCE, Serial};
use crate::station::{self, Scratch};
use crate::table::{Table, Target};

const STDIO_BYTES: usize = 32 << 20;
const PTY_BYTES: usize = 8 << 20;
const HANDSHAKES: u32 = 50;
/// Modules of the memory row, each with all its links.
const MODULES: usize = 60;
const LINKS: usize = 5;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let found = Command::new("openssl")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        table.skip("SSL links", "the `openssl` command is not installed");
        return Ok(());
    }
    let own = Own::make()?;
    bulk(options, table, &own)?;
    beside_plain(options, table, &own)?;
    handshakes(options, table, &own)?;
    idle(table, &own)
}

fn bulk(options: &Options, table: &mut Table, own: &Own) -> Result<()> {
    let ours = Pair::ours(station::on_stdio(options)?, own)?;
    let theirs = Pair::s_client(own)?;
    let target = Target::AtLeast(0.8);
    let out = Compared::measure(
        options.rounds,
        || ours.out(STDIO_BYTES),
        || theirs.out(STDIO_BYTES),
    )?;
    table.ratio(
        "SSL passthrough out, stdio, to openssl s_client",
        &out,
        "MB/s",
        target,
    );
    let back = Compared::measure(
        options.rounds,
        || ours.back(STDIO_BYTES),
        || theirs.back(STDIO_BYTES),
    )?;
    table.ratio(
        "SSL passthrough in, stdio, to openssl s_client",
        &back,
        "MB/s",
        target,
    );
    Ok(())
}

fn beside_plain(options: &Options, table: &mut Table, own: &Own) -> Result<()> {
    // Both peers are threads of the bench: with a process more, the machine's cores would be compared.
    let ssl = Pair::beside_plain(station::on_pty(options)?, own)?;
    let child = station::on_pty(options)?;
    let peer = Peer::listen()?;
    let far = Far::Plain(station::pass_through(&child, &peer)?);
    let plain = Pair {
        child,
        far,
        _server: None,
    };
    let target = Target::AtLeast(0.9);
    let out = Compared::measure(
        options.rounds,
        || ssl.out(PTY_BYTES),
        || plain.out(PTY_BYTES),
    )?;
    table.ratio(
        "SSL passthrough out, PTY, to plain passthrough",
        &out,
        "MB/s",
        target,
    );
    let back = Compared::measure(
        options.rounds,
        || ssl.back(PTY_BYTES),
        || plain.back(PTY_BYTES),
    )?;
    table.ratio(
        "SSL passthrough in, PTY, to plain passthrough",
        &back,
        "MB/s",
        target,
    );
    Ok(())
}

fn handshakes(options: &Options, table: &mut Table, own: &Own) -> Result<()> {
    let at = server(own)?;
    let child = station::on_stdio(options)?;
    station::join(&child)?;
    let context = client_context()?;
    let line = format!("AT+CIPSTART=\"SSL\",\"{}\",{}", at.ip(), at.port());
    let per_second = |start: Instant| f64::from(HANDSHAKES) / start.elapsed().as_secs_f64();
    let compared = Compared::measure(
        options.rounds,
        || {
            let start = Instant::now();
            for _ in 0..HANDSHAKES {
                child.serial.command(&line)?;
                child.serial.command("AT+CIPCLOSE")?;
            }
            Ok(per_second(start))
        },
        || {
            let start = Instant::now();
            for _ in 0..HANDSHAKES {
                let stream = TcpStream::connect(at)?;
                let mut stream = Ssl::new(&context)?.connect(stream)?;
                stream.shutdown()?;
            }
            Ok(per_second(start))
        },
    )?;
    let target = Target::AtLeast(0.8);
    table.ratio(
        "full handshakes, to a loop with the same context",
        &compared,
        "a second",
        target,
    );
    Ok(())
}

fn idle(table: &mut Table, own: &Own) -> Result<()> {
    let at = server(own)?;
    let output = this_program()?
        .args(["ssl-links", &at.to_string()])
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{errors}");
    let each = String::from_utf8(output.stdout)?.trim().parse()?;
    table.figure(
        "idle SSL link: private memory",
        each,
        "KiB",
        Target::AtMost(40.0),
    );
    Ok(())
}

/// Opens idle links from modules in this process, and prints the private memory of one in KiB.
pub(crate) fn run(at: &str) -> Result<()> {
    let at: SocketAddr = at.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut modules = Vec::new();
        for _ in 0..=MODULES {
            let config = ModuleConfig {
                timing: Timing::Fast,
                ..ModuleConfig::new()
            };
            let (mut serial, handle) = espat_host::Module::spawn(config)?;
            until(&mut serial, "ready\r\n").await?;
            for line in ["AT+CWMODE=1", "AT+CWJAP=\"bench\",\"\"", "AT+CIPMUX=1"] {
                command(&mut serial, line).await?;
            }
            modules.push((serial, handle));
        }
        let start = |id| format!("AT+CIPSTART={id},\"SSL\",\"{}\",{}", at.ip(), at.port());
        // The first module brings what the process has only once.
        let (first, rest) = modules.split_first_mut().context("there are modules")?;
        command(&mut first.0, &start(0)).await?;
        let before = private_bytes(std::process::id())?;
        for (serial, _) in rest {
            for id in 0..LINKS {
                command(serial, &start(id)).await?;
            }
        }
        let after = private_bytes(std::process::id())?;
        #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
        let each = after.saturating_sub(before) as f64 / (MODULES * LINKS) as f64 / 1024.0;
        writeln!(std::io::stdout(), "{each}")?;
        Ok(())
    })
}

async fn command(serial: &mut espat_host::SerialStream, line: &str) -> Result<()> {
    serial.write_all(format!("{line}\r\n").as_bytes()).await?;
    until(serial, "\r\nOK\r\n").await
}

async fn until(serial: &mut espat_host::SerialStream, end: &str) -> Result<()> {
    let mut said = Vec::new();
    while !said.ends_with(end.as_bytes()) {
        let byte = tokio::time::timeout(PATIENCE, serial.read_u8()).await;
        said.push(byte.with_context(|| said.escape_ascii().to_string())??);
    }
    Ok(())
}

/// A program between a serial port and an SSL link, with both their other ends.
struct Pair {
    child: Child,
    far: Far,
    _server: Option<Child>,
}

impl Pair {
    fn ours(child: Child, own: &Own) -> Result<Self> {
        let (server, at) = s_server(own)?;
        pass_through(&child, at)?;
        Self::with(child, server)
    }

    fn beside_plain(child: Child, own: &Own) -> Result<Self> {
        let peer = Peer::listen()?;
        let at = peer.address()?;
        let context = server_context(own)?;
        let shaking = std::thread::spawn(move || {
            let stream = peer.accept()?;
            Ok(Ssl::new(&context)?.accept(stream)?)
        });
        pass_through(&child, at)?;
        let far = Far::Ssl(Arc::new(Mutex::new(joined(shaking)?)));
        Ok(Self {
            child,
            far,
            _server: None,
        })
    }

    fn s_client(own: &Own) -> Result<Self> {
        let (server, at) = s_server(own)?;
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-tls1_2", "-connect", &at.to_string()]);
        let child = Child::on_stdio(command.stderr(Stdio::null()))?;
        Self::with(child, server)
    }

    fn with(child: Child, server: Child) -> Result<Self> {
        let far = Far::Serial(server.serial.again()?);
        let pair = Self {
            child,
            far,
            _server: Some(server),
        };
        pair.out(64 * 1024)?;
        Ok(pair)
    }

    /// From the serial port to the server, in MB/s.
    fn out(&self, bytes: usize) -> Result<f64> {
        carry(&Far::Serial(self.child.serial.again()?), &self.far, bytes)
    }

    /// From the server to the serial port, in MB/s.
    fn back(&self, bytes: usize) -> Result<f64> {
        carry(&self.far, &Far::Serial(self.child.serial.again()?), bytes)
    }
}

/// One of the two ends of what a program carries.
enum Far {
    Serial(Serial),
    Plain(TcpStream),
    Ssl(Arc<Mutex<SslStream<TcpStream>>>),
}

impl Far {
    fn again(&self) -> Result<Self> {
        Ok(match self {
            Self::Serial(serial) => Self::Serial(serial.again()?),
            Self::Plain(stream) => Self::Plain(stream.try_clone()?),
            Self::Ssl(stream) => Self::Ssl(Arc::clone(stream)),
        })
    }

    fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        Ok(match self {
            Self::Serial(serial) => serial.read(buffer)?,
            Self::Plain(stream) => { stream }.read(buffer)?,
            Self::Ssl(stream) => locked(stream).read(buffer)?,
        })
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Serial(serial) => serial.write(bytes)?,
            Self::Plain(stream) => { stream }.write_all(bytes)?,
            Self::Ssl(stream) => locked(stream).write_all(bytes)?,
        }
        Ok(())
    }
}

/// It carries one way at a time, so nobody waits for it.
fn locked(stream: &Mutex<SslStream<TcpStream>>) -> std::sync::MutexGuard<'_, SslStream<TcpStream>> {
    stream
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn carry(from: &Far, to: &Far, bytes: usize) -> Result<f64> {
    let to = to.again()?;
    let drained = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let mut left = bytes;
        while left > 0 {
            let n = to.read(&mut buffer)?;
            ensure!(n > 0, "ended {left} bytes early");
            left = left.checked_sub(n).context("more came than was sent")?;
        }
        Ok(Instant::now())
    });
    let block = vec![b'x'; 64 * 1024];
    let start = Instant::now();
    for _ in 0..bytes / block.len() {
        from.write(&block)?;
    }
    Ok(mb_per_s(bytes, joined(drained)? - start))
}

/// Joins, opens the only link and enters passthrough.
fn pass_through(child: &Child, at: SocketAddr) -> Result<()> {
    station::join(child)?;
    child.serial.command("AT+CIPTCPOPT=,1")?;
    let start = format!("AT+CIPSTART=\"SSL\",\"{}\",{}", at.ip(), at.port());
    child.serial.command(&start)?;
    child.serial.command("AT+CIPMODE=1")?;
    child.serial.write(b"AT+CIPSEND\r\n")?;
    child.serial.read_to(b"\r\n>")?;
    Ok(())
}

/// `openssl s_server` for one client after the other; what it gets comes from its output.
fn s_server(own: &Own) -> Result<(Child, SocketAddr)> {
    let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let file = Scratch::path("server.pem");
    std::fs::write(&file, own.pem()?)?;
    let (port, path) = (at.to_string(), file.to_string_lossy().into_owned());
    let mut command = Command::new("openssl");
    command.args([
        "s_server", "-quiet", "-tls1_2", "-accept", &port, "-cert", &path,
    ]);
    let server = Child::on_stdio(command.stderr(Stdio::null()))?;
    let since = Instant::now();
    while !is_listening(at)? {
        if since.elapsed() > PATIENCE {
            bail!("openssl s_server does not listen on {at}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::remove_file(file)?;
    Ok((server, at))
}

/// Whether a port is taken, without connecting: the server would take that for its client.
fn is_listening(at: SocketAddr) -> Result<bool> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let port = format!(":{:04X} 00000000:0000 0A", at.port());
    Ok(table.contains(&port))
}

/// A server in this process that holds every client until it leaves.
fn server(own: &Own) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    let context = server_context(own)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(ssl) = Ssl::new(&context) else {
                return;
            };
            std::thread::spawn(move || {
                let Ok(mut stream) = ssl.accept(stream) else {
                    return;
                };
                // Until the client ends.
                let mut byte = [0];
                let _ = stream.ssl_read(&mut byte);
            });
        }
    });
    Ok(at)
}

fn server_context(own: &Own) -> Result<SslContext> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_certificate(&own.certificate)?;
    builder.set_private_key(&own.key)?;
    // Like a plain peer it takes what is there with one read.
    builder.set_read_ahead(true);
    builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    Ok(builder.build())
}

/// A client's context like the module's.
fn client_context() -> Result<SslContext> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    Ok(builder.build())
}

/// The servers' certificate and key.
struct Own {
    certificate: X509,
    key: PKey<Private>,
}

impl Own {
    fn make() -> Result<Self> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_nid(Nid::COMMONNAME, "bench")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_not_before(&*Asn1Time::from_unix(0)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(1)?)?;
        builder.set_pubkey(&key)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        Ok(Self { certificate, key })
    }

    fn pem(&self) -> Result<Vec<u8>> {
        let mut pem = self.key.private_key_to_pem_pkcs8()?;
        pem.extend(self.certificate.to_pem()?);
        Ok(pem)
    }
}
