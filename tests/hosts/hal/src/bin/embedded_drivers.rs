//! `embedded_drivers::esp_at`, unmodified, against a module of espat on a PTY in realistic timing: joins, asks for its address and its
//! access point, opens five links one after the other and has ten messages echoed on each.
//!
//! `embedded_drivers PROFILE ESPAT` starts everything that it needs. Exit code 0: all bytes were right.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use embedded_drivers::esp_at::EspAt;
use espat_host_hal::{Serial, last_bytes};
use espat_host_rig::{Arguments, Daemon, Steps, peer};

fn main() -> ExitCode {
    espat_host_rig::host(LIMIT, run)
}

fn run(arguments: &Arguments) -> Result<()> {
    let link = env::temp_dir().join(format!("espat-drivers-{}", std::process::id()));
    let options = ["--profile", &arguments.profile, "--timing", "realistic"];
    let daemon = Daemon::start(
        &arguments.espat,
        &link,
        &[&options[..], &["--ap", "hosts=secret1234"]].concat(),
    )?;
    let done = drive(&daemon).with_context(|| format!("the module's last bytes: {}", last_bytes()));
    done.and_then(|()| daemon.stop())
}

fn drive(daemon: &Daemon) -> Result<()> {
    let mut steps = Steps::new();
    let (mut rx, tx) = espat_host_hal::open(daemon.link())?;
    rx.wait_for(b"ready\r\n", BOOT)?;
    let mut driver = EspAt::new(Serial { rx, tx });
    driver.echo_off().map_err(|e| anyhow!("echo: {e:?}"))?;
    driver
        .send_command("AT+CWMODE=1")
        .map_err(|e| anyhow!("mode: {e:?}"))?;
    driver.read_response().map_err(|e| anyhow!("mode: {e:?}"))?;
    driver
        .cwjap("hosts", "secret1234")
        .map_err(|e| anyhow!("join: {e:?}"))?;
    let (ip, gateway, netmask) = driver.ifconfig().map_err(|e| anyhow!("ifconfig: {e:?}"))?;
    ensure!(
        (ip, gateway, netmask) == ("127.0.0.1", "127.0.0.1", "255.255.255.0"),
        "ifconfig: {ip}, {gateway}, {netmask}"
    );
    let (ssid, bssid, channel) = driver.iwconfig().map_err(|e| anyhow!("iwconfig: {e:?}"))?;
    ensure!(
        ssid == "hosts" && bssid.len() == 17 && channel == 1,
        "iwconfig: {ssid}, {bssid}, {channel}"
    );
    steps.done("joined");

    let peer = peer::echo(LINKS, LATE)?;
    let port = peer.address().port();
    for link in 0..LINKS {
        driver
            .connect_tcp("127.0.0.1", port)
            .map_err(|e| anyhow!("link {link}: {e:?}"))?;
        for message in 1..=MESSAGES {
            let sent: Vec<u8> = (b'a'..=b'z').cycle().take(message * STEP).collect();
            driver
                .send(&sent)
                .map_err(|e| anyhow!("sending message {message}: {e:?}"))?;
            let got = driver
                .read()
                .map_err(|e| anyhow!("reading message {message}: {e:?}"))?;
            ensure!(
                got == sent,
                "message {message} came back as \"{}\"",
                got.escape_ascii()
            );
        }
        driver
            .close()
            .map_err(|e| anyhow!("closing link {link}: {e:?}"))?;
    }
    peer.join()?;
    steps.done(&format!(
        "had {MESSAGES} messages echoed on each of {LINKS} links, all right"
    ));
    Ok(())
}

const LINKS: usize = 5;
const MESSAGES: usize = 10;
/// The driver's buffer holds 1024 bytes.
const STEP: usize = 100;
/// The driver looks for a `+` from the send's OK on: what comes later than that is its answer.
const LATE: Duration = Duration::from_millis(50);
const BOOT: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(240);
