//! A running `espat`, a host at its serial port, and peers for its links. Everything waits for an event with a deadline.

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use rustix::termios;

/// How long anything may take before a test says that it does not come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A folder of a test's own, removed at its end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("espat-e2e-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `espat` without a trace of the environment that could configure it.
pub(crate) fn espat() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espat"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ESPAT_") {
            command.env_remove(name);
        }
    }
    command
}

/// `espat` for a user who is not root; `None`, with a printed reason, where that cannot be had.
pub(crate) fn espat_as_nobody() -> Option<Command> {
    let espat = espat();
    if !rustix::process::geteuid().is_root() {
        return Some(espat);
    }
    let as_nobody = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(espat.get_program());
        command
    };
    let ran = as_nobody()
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if ran.is_ok_and(|status| status.success()) {
        return Some(as_nobody());
    }
    println!("skipped: root may do everything, and setpriv cannot run espat as nobody");
    None
}

/// A running `espat`; killed when a test fails before it ends it.
#[derive(Debug)]
pub(crate) struct Espat {
    child: Child,
    lines: Option<Receiver<String>>,
    log: Arc<Mutex<String>>,
    log_reader: JoinHandle<()>,
}

impl Espat {
    /// Starts `espat` with a port that it names on standard output.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut espat = Self::spawn(espat().args(arguments).stdin(Stdio::null()));
        let stdout: ChildStdout = espat.child.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        espat.lines = Some(lines);
        espat
    }

    /// A module on a PTY in `scratch`, in fast timing, with `more` options; and the link.
    pub(crate) fn on_pty(scratch: &Scratch, more: &[&str]) -> (Self, PathBuf) {
        let link = scratch.path("port");
        let mut arguments = vec!["--timing", "fast", "--pty", link.to_str().unwrap()];
        arguments.extend_from_slice(more);
        let espat = Self::start(&arguments);
        let line = espat.line();
        let pts = line.strip_prefix(&format!("pty {} -> ", link.display()));
        let pts = pts.unwrap_or_else(|| panic!("the port's line is `{line}`"));
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(pts));
        (espat, link)
    }

    /// Starts `espat` on pipes: what it is given on standard input and what it says on standard output is the serial port.
    pub(crate) fn on_stdio(more: &[&str]) -> (Self, Host) {
        Self::on_stdio_of(espat(), more)
    }

    /// The same with `espat` as `command` starts it.
    pub(crate) fn on_stdio_of(mut command: Command, more: &[&str]) -> (Self, Host) {
        command
            .env("ESPAT_TIMING", "fast")
            .arg("--stdio")
            .args(more)
            .stdin(Stdio::piped());
        let mut espat = Self::spawn(&mut command);
        let to = espat.child.stdin.take().unwrap().into();
        let from = espat.child.stdout.take().unwrap().into();
        (espat, Host::new(from, Some(to)))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr: ChildStderr = child.stderr.take().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&log);
        let log_reader = std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = stderr.read(&mut buffer) {
                all.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        Self {
            child,
            lines: None,
            log,
            log_reader,
        }
    }

    /// The next line on standard output.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.as_ref().expect("started with a named port");
        lines
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("no line on standard output; log:\n{}", self.log()))
    }

    /// What went to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log holds `text`, and gives its line.
    pub(crate) fn log_line(&self, text: &str) -> String {
        let mut found = None;
        wait_for(&format!("`{text}` in the log"), || {
            found = self
                .log()
                .lines()
                .find(|l| l.contains(text))
                .map(str::to_owned);
            found.is_some()
        });
        found.unwrap()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Whether it may open descriptors beyond those that it has.
    pub(crate) fn may_open_more(&self, may: bool) {
        let folder = PathBuf::from(format!("/proc/{}/fd", self.child.id()));
        let first_unused = (0..).find(|fd: &u64| folder.join(fd.to_string()).read_link().is_err());
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = if may { maximum } else { first_unused };
        let limit = Rlimit { current, maximum };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and for the end of the log.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for("the end of espat", || {
            status = self.child.try_wait().unwrap();
            status.is_some() && self.log_reader.is_finished()
        });
        status.unwrap()
    }
}

impl Drop for Espat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("log of espat:\n{}", self.log());
        }
    }
}

/// Looks again until `done` says so; for what the kernel tells nobody.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < end, "{what} did not come in {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A host at the serial port.
#[derive(Debug)]
pub(crate) struct Host {
    from: OwnedFd,
    /// `None`: the same as `from`, or closed.
    to: Option<OwnedFd>,
    read: Vec<u8>,
}

impl Host {
    pub(crate) fn new(from: OwnedFd, to: Option<OwnedFd>) -> Self {
        for fd in std::iter::once(&from).chain(&to) {
            let flags = rustix::fs::fcntl_getfl(fd).unwrap();
            rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK).unwrap();
        }
        Self {
            from,
            to,
            read: vec![],
        }
    }

    /// Opens a PTY as a driver does: raw, without waiting.
    pub(crate) fn open(link: &Path) -> Self {
        let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(link);
        let file = file.unwrap_or_else(|e| panic!("{}: {e}", link.display()));
        let mut raw = termios::tcgetattr(&file).unwrap();
        raw.make_raw();
        raw.set_speed(115_200).unwrap();
        termios::tcsetattr(&file, termios::OptionalActions::Now, &raw).unwrap();
        let to = file.try_clone().unwrap();
        Self::new(file.into(), Some(to.into()))
    }

    /// Sets the rate of a PTY.
    pub(crate) fn set_rate(&self, baud: u32) {
        let mut line = termios::tcgetattr(&self.from).unwrap();
        line.set_speed(baud).unwrap();
        termios::tcsetattr(&self.from, termios::OptionalActions::Now, &line).unwrap();
    }

    /// Opens a PTY and waits for the first `ready`.
    pub(crate) fn open_and_start(link: &Path) -> Self {
        let mut host = Self::open(link);
        host.until("\r\nready\r\n");
        host
    }

    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        let to = stream.try_clone().unwrap();
        Self::new(stream.into(), Some(to.into()))
    }

    /// Ends a connection. Dropping it may end it later: a process that another test is just starting has it too, for a moment.
    pub(crate) fn hang_up(self) {
        rustix::net::shutdown(&self.from, rustix::net::Shutdown::Both).unwrap();
    }

    /// Closes what the host writes to, where that is apart.
    pub(crate) fn close_input(&mut self) {
        self.to = None;
    }

    /// Writes everything, reading meanwhile what comes.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        let end = Instant::now() + DEADLINE;
        while !bytes.is_empty() {
            let to = self.to.as_ref().expect("not closed");
            match rustix::io::write(to, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(rustix::io::Errno::AGAIN) => {
                    assert!(
                        self.wait(end, true),
                        "{} bytes were not taken in {DEADLINE:?}",
                        bytes.len()
                    );
                    self.take();
                }
                // The port is gone; what is read next says so.
                Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return,
                Err(e) => panic!("write: {e}"),
            }
        }
    }

    /// Writes, never reading, until nothing more is taken for `patience` or `max` bytes are; gives how many were.
    pub(crate) fn write_blindly(&mut self, bytes: &[u8], max: usize, patience: Duration) -> usize {
        let to = self.to.as_ref().expect("not closed");
        let mut written = 0;
        while written < max {
            match rustix::io::write(to, bytes) {
                Ok(n) => written += n,
                Err(rustix::io::Errno::AGAIN) => {
                    if !ready(to.as_fd(), PollFlags::OUT, patience) {
                        break;
                    }
                }
                Err(e) => panic!("write: {e}"),
            }
        }
        written
    }

    /// Reads up to and with `end`; gives everything up to there.
    pub(crate) fn until(&mut self, end: &str) -> String {
        String::from_utf8_lossy(&self.until_bytes(end.as_bytes())).into_owned()
    }

    pub(crate) fn until_bytes(&mut self, end: &[u8]) -> Vec<u8> {
        let deadline = Instant::now() + DEADLINE;
        let mut searched = 0;
        loop {
            if let Some(at) = self.read[searched..]
                .windows(end.len())
                .position(|w| w == end)
            {
                let rest = self.read.split_off(searched + at + end.len());
                return std::mem::replace(&mut self.read, rest);
            }
            searched = self.read.len().saturating_sub(end.len() - 1);
            self.more(deadline, || {
                format!("{:?} did not come", String::from_utf8_lossy(end))
            });
        }
    }

    /// Reads exactly `n` bytes.
    pub(crate) fn exactly(&mut self, n: usize) -> Vec<u8> {
        let deadline = Instant::now() + DEADLINE;
        while self.read.len() < n {
            self.more(deadline, || format!("{n} bytes did not come"));
        }
        let rest = self.read.split_off(n);
        std::mem::replace(&mut self.read, rest)
    }

    /// Reads to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(
                self.wait(deadline, false),
                "the port did not end in {DEADLINE:?}"
            );
            if !self.take() {
                return std::mem::take(&mut self.read);
            }
        }
    }

    /// Whether anything comes before the port ends.
    pub(crate) fn answers(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while self.read.is_empty() {
            assert!(
                self.wait(deadline, false),
                "neither an answer nor an end in {DEADLINE:?}"
            );
            if !self.take() {
                return false;
            }
        }
        true
    }

    /// Sends a command line and gives everything up to its result, echo included.
    pub(crate) fn command(&mut self, line: &str, result: &str) -> String {
        self.write(format!("{line}\r\n"));
        self.until(&format!("\r\n{result}\r\n"))
    }

    pub(crate) fn ok(&mut self, line: &str) -> String {
        self.command(line, "OK")
    }

    /// Joins an access point, so that links can be opened.
    pub(crate) fn join(&mut self) {
        self.ok("ATE0");
        self.ok("AT+CWMODE=1");
        self.write("AT+CWJAP=\"lab\",\"secret1234\"\r\n");
        self.until("WIFI GOT IP\r\n");
        self.until("\r\nOK\r\n");
    }

    fn more(&mut self, deadline: Instant, missing: impl Fn() -> String) {
        let got = |host: &Self| {
            let tail = &host.read[host.read.len().saturating_sub(400)..];
            format!(
                "{}; {} bytes came, at the end {:?}",
                missing(),
                host.read.len(),
                String::from_utf8_lossy(tail)
            )
        };
        assert!(self.wait(deadline, false), "{}", got(self));
        assert!(self.take(), "the port ended: {}", got(self));
    }

    /// Waits until there is something to read, or to write where that is asked too.
    fn wait(&self, deadline: Instant, write_too: bool) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let to = self.to.as_ref().filter(|_| write_too);
        let mut fds = vec![PollFd::new(&self.from, PollFlags::IN)];
        fds.extend(to.map(|to| PollFd::new(to, PollFlags::OUT)));
        poll(&mut fds, Some(&timespec(left))).unwrap() > 0
    }

    /// Takes what is there to read; `false` at the end of the stream.
    fn take(&mut self) -> bool {
        let mut buffer = [0; 65536];
        match rustix::io::read(&self.from, &mut buffer) {
            Ok(0) | Err(rustix::io::Errno::IO | rustix::io::Errno::CONNRESET) => false,
            Ok(n) => {
                self.read.extend_from_slice(&buffer[..n]);
                true
            }
            Err(rustix::io::Errno::AGAIN) => true,
            Err(e) => panic!("read: {e}"),
        }
    }
}

fn ready(fd: std::os::fd::BorrowedFd<'_>, what: PollFlags, patience: Duration) -> bool {
    poll(
        &mut [PollFd::from_borrowed_fd(fd, what)],
        Some(&timespec(patience)),
    )
    .unwrap()
        > 0
}

fn timespec(time: Duration) -> Timespec {
    time.try_into().unwrap()
}

/// A place where nobody is, for a server that is told where to listen.
///
/// The address is the caller's own, and the system gives the port to nobody by itself. A port of 127.0.0.1 that was free a moment ago may
/// be somebody else's by the time it is used, and a process that another test is just starting has it for a moment too.
pub(crate) fn free_place() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let ip = [127, 64 + (next % 128).to_le_bytes()[0], middle, low];
    let port = 20_000 + u16::from(high) + 64 * u16::try_from(next / 128).unwrap();
    SocketAddr::from((ip, port))
}

/// A place where connections are refused, for as long as the socket lives: nobody else gets the port meanwhile.
pub(crate) fn refusing() -> (OwnedFd, SocketAddr) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};
    let family = AddressFamily::INET;
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let at = getsockname(&socket).unwrap().try_into().unwrap();
    (socket, at)
}

/// A TCP peer that sends back what it gets, for every connection until the test ends.
pub(crate) fn echo_peer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut from) = stream else { return };
            let Ok(mut to) = from.try_clone() else { return };
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.flush();
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    addr
}
