//! Settings on a disk: what survives a kill, a full disk and a hand with an editor.

#[cfg(test)]
mod host;

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use espat_core::StoreValue;
    use espat_host::{Module, StateError, Store};

    use crate::host::{Host, fast};

    const FILE: &str = "module.toml";
    const TEMPORARY: &str = "module.toml.new";

    /// A folder of a test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("espat-state-{}-{count}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn with(text: &str) -> Self {
            let folder = Self::new();
            std::fs::write(folder.file(), text).unwrap();
            // Whatever the umask says: some tests read it as another user.
            std::fs::set_permissions(folder.file(), PermissionsExt::from_mode(0o644)).unwrap();
            folder
        }

        fn file(&self) -> PathBuf {
            self.0.join(FILE)
        }

        fn text(&self) -> String {
            std::fs::read_to_string(self.file()).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let names = std::fs::read_dir(&self.0).unwrap();
            names
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::set_permissions(&self.0, PermissionsExt::from_mode(0o755));
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn module(folder: &Path) -> Result<Module, StateError> {
        Module::new(fast()).store(Store::open(folder)?)
    }

    /// A module with that state; the echo is off.
    async fn start(folder: &Path) -> Host {
        let mut host = Host::of(module(folder).unwrap()).await;
        host.command("ATE0").await;
        host
    }

    #[tokio::test]
    async fn settings_survive_the_module() {
        let folder = Folder::new();
        let mut host = start(&folder.0.join("a/b")).await;
        assert_eq!(host.command("AT+SYSMSG=3").await, "\r\nOK\r\n");
        assert_eq!(host.command("AT+UART_DEF=9600,8,1,0,0").await, "\r\nOK\r\n");
        assert_eq!(host.command("AT+SYSSTORE=0").await, "\r\nOK\r\n");
        assert_eq!(host.command("AT+CWMODE=1").await, "\r\nOK\r\n");
        host.stop().await;
        let mut host = start(&folder.0.join("a/b")).await;
        assert_eq!(host.command("AT+SYSMSG?").await, "+SYSMSG:3\r\nOK\r\n");
        assert_eq!(host.command("AT+CWMODE?").await, "+CWMODE:3\r\n\r\nOK\r\n");
        assert_eq!(
            host.command("AT+UART_CUR?").await,
            "+UART_CUR:9600,8,1,0,0\r\n\r\nOK\r\n"
        );
        assert_eq!(host.command("AT+RESTORE").await, "\r\nOK\r\n");
        host.stop().await;
        let text = std::fs::read_to_string(folder.0.join("a/b").join(FILE)).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[tokio::test]
    async fn an_edited_file_is_honoured_and_stays_edited() {
        let folder = Folder::with(
            "# the cellar\ncoffee = 3\nsysmsg = 2 # links\n\n[softap]\nssid = \"my ap\"\nhidden = true\n",
        );
        let mut host = start(&folder.0).await;
        assert_eq!(host.command("AT+SYSMSG?").await, "+SYSMSG:2\r\nOK\r\n");
        assert_eq!(
            host.command("AT+CWSAP?").await,
            "+CWSAP:\"my ap\",\"\",1,0,4,1\r\n\r\nOK\r\n"
        );
        host.command("AT+SYSMSG=5").await;
        host.stop().await;
        assert_eq!(
            folder.text(),
            "# the cellar\ncoffee = 3\nsysmsg = 5 # links\n\n[softap]\nssid = \"my ap\"\nhidden = true\n"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_stops_the_start_and_stays() {
        let cases = [
            ("sysmsg = 1\n[station\nssid = \"s3cret\"\n", 2, 9),
            ("[station]\nssid = \"s3cret\n", 2, 15),
            ("[uart]\nbaud = 12\n", 2, 8),
            ("[uart]\n\nbaud = \"s3cret\"\n", 3, 8),
            ("sysmsg = 8\n", 1, 10),
            ("[station]\npassword = \"s3cret\"\n", 2, 12),
            ("[softap]\npassword = \"s3cret\"\nencryption = 3\n", 2, 12),
            (
                "[dhcp]\nstart = \"192.168.4.9\"\nend = \"192.168.4.8\"\n",
                3,
                7,
            ),
            ("[link0]\nsend_timeout_ms = 9999999999\n", 2, 19),
            ("saved_link = { host = \"s3cret.test\" }\n", 1, 23),
        ];
        for (text, line, column) in cases {
            let folder = Folder::with(text);
            let error = module(&folder.0).err().expect("it is refused").to_string();
            let start = format!("{}:{line}:{column}: ", folder.file().display());
            assert!(error.starts_with(&start), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
            assert_eq!(folder.text(), text);
        }
        let folder = Folder::new();
        std::fs::write(folder.file(), b"a = 1\nb = '\xff'").unwrap();
        let error = module(&folder.0).err().expect("it is refused").to_string();
        assert!(error.contains(":2:6: this is not UTF-8"), "{error}");
    }

    #[tokio::test]
    async fn a_second_module_in_the_folder_is_refused() {
        let folder = Folder::new();
        let host = start(&folder.0).await;
        let error = module(&folder.0).err().expect("it is refused");
        assert!(matches!(error, StateError::InUse { .. }), "{error}");
        host.stop().await;
        assert!(module(&folder.0).is_ok());
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let folder = Folder::with("sysmsg = 1\n");
        std::fs::write(folder.0.join(TEMPORARY), "sysm").unwrap();
        let store = Store::open(&folder.0).unwrap();
        assert_eq!(folder.names(), [FILE]);
        assert_eq!(store.values(), [("sysmsg".to_owned(), StoreValue::Int(1))]);
    }

    #[tokio::test]
    async fn the_first_file_is_private_and_a_mode_that_the_user_set_stays() {
        let folder = Folder::new();
        let mode = |folder: &Folder| {
            let meta = std::fs::metadata(folder.file()).unwrap();
            meta.permissions().mode() & 0o777
        };
        let mut host = start(&folder.0).await;
        host.command("AT+SYSMSG=1").await;
        host.stop().await;
        assert_eq!(mode(&folder), 0o600);
        std::fs::set_permissions(folder.file(), PermissionsExt::from_mode(0o640)).unwrap();
        let mut host = start(&folder.0).await;
        host.command("AT+SYSMSG=2").await;
        host.stop().await;
        assert_eq!(mode(&folder), 0o640);
    }

    const CHILD_FOLDER: &str = "ESPAT_TEST_STATE";
    const CHILD_FIRST: &str = "ESPAT_TEST_FIRST";
    const CHILD_COUNT: &str = "ESPAT_TEST_COUNT";

    /// Not a test by itself: the process that others start, which keeps settings and says so.
    #[tokio::test]
    async fn child() {
        let Ok(folder) = std::env::var(CHILD_FOLDER) else {
            return;
        };
        let number = |name| std::env::var(name).unwrap().parse::<u32>().unwrap();
        let first = number(CHILD_FIRST);
        let mut host = start(Path::new(&folder)).await;
        let mut out = std::io::stdout();
        for n in first..first + number(CHILD_COUNT) {
            let said = host
                .command(&format!("AT+CWSAP=\"ssid-{n}\",\"password-{n}\",5,3"))
                .await;
            let result = if said.ends_with("OK\r\n") {
                "kept"
            } else {
                "lost"
            };
            writeln!(out, "\n{result} {n}").unwrap();
        }
        host.stop().await;
    }

    fn child_command(mut program: Command, folder: &Folder, first: u32, count: u32) -> Child {
        program
            .args(["tests::child", "--exact", "--nocapture"])
            .env(CHILD_FOLDER, &folder.0)
            .env(CHILD_FIRST, first.to_string())
            .env(CHILD_COUNT, count.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn this_program() -> PathBuf {
        std::env::current_exe().unwrap()
    }

    /// The numbers that a child says `what` of, until `enough` of them or its end.
    fn said(lines: &mut impl Iterator<Item = String>, what: &str, enough: usize) -> Vec<u32> {
        lines
            .filter_map(|line| line.strip_prefix(what)?.trim().parse().ok())
            .take(enough)
            .collect()
    }

    fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
        BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
    }

    fn kept_number(store: &Store, key: &str, prefix: &str) -> u32 {
        let value = store.values().iter().find(|(known, _)| known == key);
        let Some((_, StoreValue::Text(text))) = value else {
            panic!("{key} was not kept");
        };
        let text = std::str::from_utf8(text).unwrap();
        text.strip_prefix(prefix).unwrap().parse().unwrap()
    }

    #[test]
    fn a_kill_at_any_moment_leaves_every_acknowledged_setting_and_no_torn_file() {
        const ROUNDS: u32 = 60;
        let folder = Folder::new();
        let mut last = 0;
        for round in 0..ROUNDS {
            let mut child = child_command(Command::new(this_program()), &folder, last + 1, 10_000);
            let mut lines = lines(&mut child);
            let enough = 1 + usize::try_from(round % 5).unwrap();
            said(&mut lines, "kept", enough);
            // Another moment of a write in every round; which one it is does not matter.
            let until = Instant::now() + Duration::from_micros(u64::from(round * 97 % 3000));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let store = Store::open(&folder.0).unwrap();
            let kept = kept_number(&store, "softap.ssid", "ssid-");
            assert_eq!(kept, kept_number(&store, "softap.password", "password-"));
            // What was still in the pipe had been acknowledged too.
            let acknowledged = said(&mut lines, "kept", usize::MAX).last().copied();
            let acknowledged =
                acknowledged.unwrap_or_else(|| last + u32::try_from(enough).unwrap());
            assert!(
                kept == acknowledged || kept == acknowledged + 1,
                "{acknowledged} was acknowledged, {kept} was kept"
            );
            last = kept;
        }
    }

    #[test]
    fn a_full_disk_loses_the_new_setting_only() {
        let comment = "# so long that no file of this size can be written\n".repeat(100);
        let folder = Folder::with(&comment);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""])
            .arg(this_program());
        let mut child = child_command(shell, &folder, 1, 3);
        let lost = said(&mut lines(&mut child), "lost", usize::MAX);
        child.wait().unwrap();
        assert_eq!(lost, [1, 2, 3]);
        assert_eq!(folder.text(), comment);
        assert_eq!(folder.names(), [FILE]);
    }

    #[test]
    fn a_read_only_folder_loses_the_new_setting_only() {
        let folder = Folder::with("sysmsg = 1\n");
        std::fs::set_permissions(&folder.0, PermissionsExt::from_mode(0o555)).unwrap();
        let mut program = Command::new(this_program());
        if rustix::process::geteuid().is_root() {
            let mut check = Command::new("setpriv");
            let dropped = ["--reuid=65534", "--regid=65534", "--clear-groups"];
            let can_run = check.args(dropped).arg(this_program()).arg("--list");
            let ran = can_run.stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !ran.is_ok_and(|status| status.success()) {
                println!(
                    "skipped: root writes everywhere, and setpriv cannot run this test as nobody"
                );
                return;
            }
            program = Command::new("setpriv");
            program.args(dropped).arg(this_program());
        }
        let mut child = child_command(program, &folder, 1, 2);
        let lost = said(&mut lines(&mut child), "lost", usize::MAX);
        child.wait().unwrap();
        assert_eq!(lost, [1, 2]);
        assert_eq!(folder.text(), "sysmsg = 1\n");
        assert_eq!(folder.names(), [FILE]);
    }
}
