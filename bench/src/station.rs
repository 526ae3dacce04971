//! The release `espat` as the bench starts it.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::child::Child;
use crate::options::Options;
use crate::peer::Peer;

/// A module in fast timing on a PTY, without echo.
pub(crate) fn on_pty(options: &Options) -> Result<Child> {
    let link = Scratch::path("pty");
    let child = Child::on_pty(command(options).arg("--pty").arg(&link))?;
    silence_echo(&child)?;
    Ok(child)
}

/// The same with a record of what it does.
pub(crate) fn recorded_on_pty(options: &Options, record: &Path) -> Result<Child> {
    let link = Scratch::path("pty");
    let mut command = command(options);
    command.arg("--pty").arg(&link).arg("--record").arg(record);
    let child = Child::on_pty(&mut command)?;
    silence_echo(&child)?;
    Ok(child)
}

/// A module on a PTY that keeps its settings in a folder.
pub(crate) fn with_state(options: &Options, folder: &Path) -> Result<Child> {
    let link = Scratch::path("pty");
    let mut command = command(options);
    command.arg("--pty").arg(&link).arg("--state").arg(folder);
    let child = Child::on_pty(&mut command)?;
    silence_echo(&child)?;
    Ok(child)
}

/// A module in fast timing on standard input and output, without echo.
pub(crate) fn on_stdio(options: &Options) -> Result<Child> {
    let child = Child::on_stdio(command(options).arg("--stdio"))?;
    silence_echo(&child)?;
    Ok(child)
}

/// The same with a record of what it does.
pub(crate) fn recorded_on_stdio(options: &Options, record: &Path) -> Result<Child> {
    let child = Child::on_stdio(command(options).arg("--stdio").arg("--record").arg(record))?;
    silence_echo(&child)?;
    Ok(child)
}

/// The command line of a module on no port yet.
pub(crate) fn command(options: &Options) -> Command {
    let mut command = Command::new(&options.espat);
    let fast = [
        "run", "--power", "now", "--timing", "fast", "--log", "error",
    ];
    command.args(fast).stderr(Stdio::inherit());
    command
}

/// Joins, and opens link 0 of several to a peer.
pub(crate) fn open_link(child: &Child, peer: &Peer) -> Result<TcpStream> {
    join(child)?;
    child.serial.command("AT+CIPMUX=1")?;
    child.serial.command("AT+CIPTCPOPT=0,,1")?;
    child.serial.command(&start_line("0,", peer.address()?))?;
    peer.accept()
}

/// Joins, opens the only link to a peer and enters passthrough.
pub(crate) fn pass_through(child: &Child, peer: &Peer) -> Result<TcpStream> {
    join(child)?;
    child.serial.command("AT+CIPTCPOPT=,1")?;
    child.serial.command(&start_line("", peer.address()?))?;
    let stream = peer.accept()?;
    child.serial.command("AT+CIPMODE=1")?;
    child.serial.write(b"AT+CIPSEND\r\n")?;
    child.serial.read_to(b"\r\n>")?;
    Ok(stream)
}

pub(crate) fn join(child: &Child) -> Result<()> {
    child.serial.command("AT+CWMODE=1")?;
    child.serial.command("AT+CWJAP=\"bench\",\"\"")?;
    child.serial.settle()
}

fn start_line(link: &str, to: SocketAddr) -> String {
    format!("AT+CIPSTART={link}\"TCP\",\"{}\",{}", to.ip(), to.port())
}

fn silence_echo(child: &Child) -> Result<()> {
    child.serial.command("ATE0")?;
    child.serial.settle()
}

/// Names for PTY links, which their programs remove.
pub(crate) struct Scratch;

impl Scratch {
    pub(crate) fn path(kind: &str) -> std::path::PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("espat-bench-{}-{kind}-{count}", std::process::id());
        Path::new(&std::env::temp_dir()).join(name)
    }
}
