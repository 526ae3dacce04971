//! Name servers of Debian as ordinary processes on loopback; killed when they are dropped.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::places;
use crate::stand_in::DEADLINE;

/// A running name server.
pub(crate) struct Daemon {
    pub(crate) at: SocketAddr,
    child: Child,
    folder: PathBuf,
}

/// Addresses of `many.test`: more than a datagram has room for.
pub(crate) const MANY: u8 = 60;

impl Daemon {
    /// dnsmasq, which knows `box.test` with both families, `alias.test` and `many.test`; `None` where it is not installed.
    pub(crate) fn dnsmasq() -> Option<Self> {
        let folder = folder("dnsmasq");
        let hosts = folder.join("hosts");
        let many = (1..=MANY).map(|n| format!("192.0.2.{n} many.test\n"));
        fs::write(&hosts, many.collect::<String>()).unwrap();
        let run = |at: SocketAddr| {
            let mut command = Command::new(program("dnsmasq")?);
            command.args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
            ]);
            command.args(["--no-hosts", "--bind-interfaces"]);
            command.arg(format!("--listen-address={}", at.ip()));
            command.args(["--pid-file", "--user=root", "--local=/test/"]);
            command.args(["--host-record=box.test,192.0.2.7,2001:db8::7"]);
            command.args([
                "--cname=alias.test,box.test",
                "--cname=alias2.test,alias.test",
            ]);
            command.arg(format!("--addn-hosts={}", hosts.display()));
            command.arg(format!("--port={}", at.port()));
            Some(command)
        };
        Self::start(run, &folder)
    }

    /// unbound, which knows the same names; it answers for an alias with the alias alone.
    pub(crate) fn unbound() -> Option<Self> {
        let folder = folder("unbound");
        let run = |at: SocketAddr| {
            let many = (1..=MANY).map(|n| format!("local-data: \"many.test. A 192.0.2.{n}\"\n"));
            let config = format!(
                "server:\ninterface: {2}\nport: {3}\ndo-daemonize: no\nusername: \"\"\nchroot: \"\"\n\
                 directory: \"{0}\"\npidfile: \"{0}/pid\"\nuse-syslog: no\nnum-threads: 1\nmodule-config: \"iterator\"\n\
                 local-zone: \"test.\" static\nlocal-data: \"box.test. A 192.0.2.7\"\nlocal-data: \"box.test. AAAA 2001:db8::7\"\n\
                 local-data: \"alias.test. CNAME box.test.\"\nlocal-data: \"alias2.test. CNAME alias.test.\"\n{1}\
                 remote-control:\ncontrol-enable: no\n",
                folder.display(),
                many.collect::<String>(),
                at.ip(),
                at.port(),
            );
            let file = folder.join("unbound.conf");
            fs::write(&file, config).unwrap();
            let mut command = Command::new(program("unbound")?);
            command.arg("-d").arg("-c").arg(file);
            Some(command)
        };
        Self::start(run, &folder)
    }

    fn start(
        run: impl Fn(SocketAddr) -> Option<Command>,
        folder: &std::path::Path,
    ) -> Option<Self> {
        // One that ends by itself is tried again elsewhere.
        for _ in 0..5 {
            let at = places::free();
            let mut command = run(at)?;
            let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
            let child = quiet.stderr(Stdio::null()).spawn().unwrap();
            let mut daemon = Self {
                at,
                child,
                folder: folder.to_owned(),
            };
            if daemon.is_up() {
                return Some(daemon);
            }
            // The next try has the same folder.
            daemon.folder = PathBuf::new();
        }
        panic!("a name server does not start in {}", folder.display());
    }

    /// Waits until it takes connections; false when it ends instead.
    fn is_up(&mut self) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < DEADLINE {
            let takes_connections = TcpStream::connect(self.at).is_ok();
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if takes_connections {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Where a daemon is installed; `None`, with a printed reason, where it is not.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|at| at.is_file());
    if found.is_none() {
        println!("skipped: {name} is not installed (Debian: apt install dnsmasq-base unbound)");
    }
    found
}

fn folder(name: &str) -> PathBuf {
    let folder = format!("espat-names-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
