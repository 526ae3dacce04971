//! `@` lines: the module and the world in which a transcript runs.

use std::fmt;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use espat_core::{
    AccessPoint, AirStation, Answers, LogPort, Mac, ModuleConfig, Profile, Reports, Slots,
    Terminator, Timing, UpgradeServer,
};
use espat_core::{StoreValue, profile, profile::PROFILES};

use crate::error::At;
use crate::peer::{PEERS_MAX, PeerKind};
use crate::redact::SECRET;
use crate::request::{store_pair, store_value};
use crate::sim::SIMULATED_SECRET;
use crate::words::{Word, Words, quoted, word_of};

/// One `@` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// `@profile esp32-2.2`.
    Profile(String),
    /// `@not-on esp8266-nonos-1.7 esp8266-2.2: reason`: firmware lines whose bytes differ; `2.4+` is all from that release on,
    /// `others` all but the file's own.
    NotOn(Vec<String>, String),
    /// `@timing realistic`.
    Timing(Timing),
    /// `@given station-up`: the transcripts of these names come first.
    Given(Vec<String>),
    /// `@seed 7`.
    Seed(u64),
    /// `@reports anywhere`.
    Reports(Reports),
    /// `@terminator lenient`.
    Terminator(Terminator),
    /// `@log-port shared`.
    LogPort(LogPort),
    /// `@durable`: settings wait for `<= stored`.
    Durable,
    /// `@nvs key=7`: a setting as it was kept.
    Nvs(String, StoreValue),
    /// `@ap "SSID" "PASSWORD"`: an access point in the air.
    Ap(AccessPoint),
    /// `@station 02:00:00:00:00:01`: a station that joins the softAP.
    Station(AirStation),
    /// `@air lost`: no access point can be heard, until `<= air back`.
    AirLost,
    /// `@mac 24:0a:c4:00:00:10 24:0a:c4:00:00:11`: the factory addresses of station and softAP.
    Mac(Mac, Mac),
    /// `@slots client_ca.0`: slots that hold something usable.
    Slots(Slots),
    /// `@ota-server http://192.0.2.7:8080`: where `AT+CIUPDATE` goes.
    OtaServer(UpgradeServer),
    /// `@ota-token "0123"`: what it shows of itself there.
    OtaToken(Vec<u8>),
    /// `@installed "v2.3.0.0"`: an upgrade has installed that version.
    Installed(String),
    /// `@ip 192.0.2.50`: the station's address.
    Ip(Ipv4Addr),
    /// `@ip6 2001:db8::1`: the station's IPv6 address.
    Ip6(Ipv6Addr),
    /// `@peer p0 tcp`: a peer that the runner owns.
    Peer(u8, PeerKind),
    /// `@fault ipd-inside-send`: a fault plan, by the name of a scenario or a file beside the transcript.
    Fault(String),
    /// `@fault-seed 7`: where the chance of all plans comes from.
    FaultSeed(u64),
    /// `@boot explicit`: the file reads what the module says at power-on itself.
    BootExplicit,
}

const TIMINGS: &[(&str, Timing)] = &[("fast", Timing::Fast), ("realistic", Timing::Realistic)];
const REPORTS: &[(&str, Reports)] = &[
    ("between", Reports::Between),
    ("anywhere", Reports::Anywhere),
];
const TERMINATORS: &[(&str, Terminator)] =
    &[("crlf", Terminator::CrLf), ("lenient", Terminator::Lenient)];
const LOG_PORTS: &[(&str, LogPort)] = &[
    ("shared", LogPort::Shared),
    ("separate", LogPort::Separate),
    ("off", LogPort::Off),
];
const ANSWERS: &[(&str, Answers)] = &[
    ("always", Answers::Always),
    ("never", Answers::Never),
    ("no-dhcp", Answers::NoDhcp),
];
const PEER_KINDS: &[(&str, PeerKind)] = &[
    ("tcp", PeerKind::Tcp),
    ("udp", PeerKind::Udp),
    ("tls", PeerKind::Tls),
];

impl Directive {
    /// Reads what stands after `@`.
    pub(crate) fn parse(source: &str, column: usize) -> Result<Self, At> {
        let words = &mut Words::new(source, column);
        let name = words.need("the directive's name")?;
        let directive = match name.text {
            "profile" => Self::Profile(profile(&words.need("the profile's name")?)?),
            "not-on" => not_on(words)?,
            "timing" => Self::Timing(words.need("fast or realistic")?.one_of(TIMINGS)?),
            "given" => Self::Given(givens(words)?),
            "seed" => Self::Seed(words.need("the seed")?.number("a seed")?),
            "reports" => Self::Reports(words.need("between or anywhere")?.one_of(REPORTS)?),
            "terminator" => Self::Terminator(words.need("crlf or lenient")?.one_of(TERMINATORS)?),
            "log-port" => Self::LogPort(words.need("shared, separate or off")?.one_of(LOG_PORTS)?),
            "durable" => Self::Durable,
            "nvs" => nvs(&words.need("KEY=VALUE")?)?,
            "ap" => Self::Ap(access_point(words)?),
            "station" => Self::Station(station(words)?),
            "air" => words
                .need("lost")?
                .one_of(&[("lost", ())])
                .map(|()| Self::AirLost)?,
            "mac" => {
                let station = mac(&words.need("the station's MAC address")?)?;
                Self::Mac(station, mac(&words.need("the softAP's MAC address")?)?)
            }
            "slots" => Self::Slots(crate::tls::slots(words)?),
            "ota-server" => {
                let url = words.need("the server's URL")?;
                let server = UpgradeServer::parse(url.text);
                Self::OtaServer(server.ok_or_else(|| {
                    url.unknown("http://HOST[:PORT] or https://HOST[:PORT] is expected")
                })?)
            }
            "ota-token" => Self::OtaToken(words.need("the token in quotes")?.plain_bytes()?),
            "installed" => Self::Installed(words.need("the version in quotes")?.name()?),
            "ip" => Self::Ip(words.need("the address")?.number("an IPv4 address")?),
            "ip6" => Self::Ip6(words.need("the address")?.number("an IPv6 address")?),
            "fault" => Self::Fault(
                words
                    .need("a scenario's name or a plan's file")?
                    .text
                    .to_owned(),
            ),
            "fault-seed" => Self::FaultSeed(words.need("the seed")?.number("a seed")?),
            "peer" => peer(words)?,
            "boot" => words
                .need("explicit")?
                .one_of(&[("explicit", ())])
                .map(|()| Self::BootExplicit)?,
            _ => {
                return Err(
                    name.unknown("there is no such directive; docs/transcripts.md lists them")
                );
            }
        };
        words.end()?;
        Ok(directive)
    }

    /// Changes a configuration as the directive says; `@not-on`, `@given`, `@peer`, `@fault` and `@boot` change nothing in it.
    pub(crate) fn apply(&self, config: &mut ModuleConfig) {
        match self {
            // The parser has looked the name up.
            Self::Profile(name) => config.profile = find_profile(name).unwrap_or(config.profile),
            Self::Timing(timing) => config.timing = *timing,
            Self::Seed(seed) => config.seed = *seed,
            Self::Reports(reports) => config.reports = *reports,
            Self::Terminator(terminator) => config.terminator = *terminator,
            Self::LogPort(port) => config.log_port = *port,
            Self::Durable => config.durable = true,
            Self::Nvs(key, value) => {
                config.nvs.retain(|(known, _)| known != key);
                let value = match value {
                    StoreValue::Text(text) => StoreValue::Text(known_secret(text)),
                    StoreValue::Int(_) | StoreValue::Default => value.clone(),
                };
                config.nvs.push((key.clone(), value));
            }
            Self::Ap(ap) => {
                let password = known_secret(&ap.password);
                config.air.access_points.push(AccessPoint {
                    password,
                    ..ap.clone()
                });
            }
            Self::AirLost => config.air.is_lost = true,
            Self::Mac(station, softap) => {
                config.addresses.station_mac = *station;
                config.addresses.softap_mac = *softap;
            }
            Self::Station(station) => config.air.stations.push(*station),
            Self::Slots(slots) => {
                for (kind, number) in slots.iter() {
                    config.slots.insert(kind, number);
                }
            }
            Self::OtaServer(server) => config.upgrade.server = Some(server.clone()),
            Self::OtaToken(token) => {
                let token = known_secret(token);
                config.upgrade.token = Some(String::from_utf8_lossy(&token).into_owned());
            }
            Self::Installed(version) => config.upgrade.installed = Some(version.clone()),
            Self::Ip(ip) => config.addresses.station_ip = *ip,
            Self::Ip6(ip) => config.addresses.station_ip6 = *ip,
            Self::NotOn(..)
            | Self::Given(_)
            | Self::Peer(..)
            | Self::Fault(_)
            | Self::FaultSeed(_)
            | Self::BootExplicit => {}
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::NotOn(names, reason) => write!(f, "not-on {}: {reason}", names.join(" ")),
            Self::Timing(timing) => write!(f, "timing {}", word_of(TIMINGS, timing)),
            Self::Given(names) => write!(f, "given {}", names.join(" ")),
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Reports(reports) => write!(f, "reports {}", word_of(REPORTS, reports)),
            Self::Terminator(terminator) => {
                write!(f, "terminator {}", word_of(TERMINATORS, terminator))
            }
            Self::LogPort(port) => write!(f, "log-port {}", word_of(LOG_PORTS, port)),
            Self::Durable => f.write_str("durable"),
            Self::Nvs(key, value) => write!(f, "nvs {key}={}", store_value(value)),
            Self::Ap(ap) => print_ap(f, ap),
            Self::Station(station) => {
                write!(f, "station {}", station.mac)?;
                station.ip.map_or(Ok(()), |ip| write!(f, " {ip}"))
            }
            Self::AirLost => f.write_str("air lost"),
            Self::Mac(station, softap) => write!(f, "mac {station} {softap}"),
            Self::Slots(slots) => {
                f.write_str("slots")?;
                slots
                    .iter()
                    .try_for_each(|(kind, n)| write!(f, " {}.{n}", kind.name()))
            }
            Self::OtaServer(UpgradeServer { host, port, https }) => {
                let scheme = if *https { "https" } else { "http" };
                write!(f, "ota-server {scheme}://{host}:{port}")
            }
            Self::OtaToken(token) => write!(f, "ota-token {}", quoted(token)),
            Self::Installed(version) => write!(f, "installed {}", quoted(version.as_bytes())),
            Self::Ip(ip) => write!(f, "ip {ip}"),
            Self::Ip6(ip) => write!(f, "ip6 {ip}"),
            Self::Peer(n, kind) => write!(f, "peer p{n} {}", word_of(PEER_KINDS, kind)),
            Self::Fault(name) => write!(f, "fault {name}"),
            Self::FaultSeed(seed) => write!(f, "fault-seed {seed}"),
            Self::BootExplicit => f.write_str("boot explicit"),
        }
    }
}

/// A redacted secret is the one that a simulated run sends in its place.
fn known_secret(bytes: &[u8]) -> Vec<u8> {
    if bytes == SECRET {
        SIMULATED_SECRET.to_vec()
    } else {
        bytes.to_vec()
    }
}

/// A profile, or one that only tests have.
fn find_profile(name: &str) -> Option<&'static Profile> {
    Profile::find(name).or_else(|| profile::testing::find(name))
}

fn profile(word: &Word<'_>) -> Result<String, At> {
    let names = || {
        PROFILES
            .iter()
            .map(|p| p.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    find_profile(word.text)
        .map(|p| p.name.to_owned())
        .ok_or_else(|| word.unknown(&format!("there is no such profile; there is {}", names())))
}

/// The word of `@not-on` for all lines but the file's own.
const OTHERS: &str = "others";

/// Whether a word of `@not-on` means a firmware line.
pub(crate) fn means(word: &str, line: &Profile) -> bool {
    let release = word.strip_suffix('+');
    word == line.name || word == OTHERS || release.is_some_and(|first| line.is_from(first))
}

fn not_on(words: &mut Words<'_>) -> Result<Directive, At> {
    let mut names = Vec::new();
    loop {
        let word = words.need("the names of profiles and a colon")?;
        let name = word.text.strip_suffix(':');
        let is_last = name.is_some();
        let word = Word {
            text: name.unwrap_or(word.text),
            ..word
        };
        let release = word.text.strip_suffix('+').unwrap_or_default();
        let is_release = release.split('.').all(|n| n.parse::<u16>().is_ok());
        names.push(if word.text == OTHERS || is_release {
            word.text.to_owned()
        } else {
            profile(&word)?
        });
        if is_last {
            break;
        }
    }
    let reason = words.rest();
    if reason.is_empty() {
        words.need("the reason")?;
    }
    Ok(Directive::NotOn(names, reason.to_owned()))
}

fn givens(words: &mut Words<'_>) -> Result<Vec<String>, At> {
    let mut names = Vec::new();
    let mut word = words.need("the name of a transcript in _given")?;
    loop {
        if !word
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        {
            return Err(
                word.unknown("the name of a transcript in _given, without `.at`, is expected")
            );
        }
        names.push(word.text.to_owned());
        match words.next()? {
            Some(next) => word = next,
            None => return Ok(names),
        }
    }
}

fn nvs(word: &Word<'_>) -> Result<Directive, At> {
    match store_pair(word)? {
        (_, StoreValue::Default) => Err(word.unknown("a kept setting has a number or a text")),
        (key, value) => Ok(Directive::Nvs(key, value)),
    }
}

fn access_point(words: &mut Words<'_>) -> Result<AccessPoint, At> {
    let ssid = words.need("the SSID in quotes")?;
    let mut ap = AccessPoint::new(&quoted_bytes(&ssid)?, b"");
    let mut rest = Words::new("", 0);
    if let Some(word) = words.next()? {
        if word.text.starts_with('"') {
            ap.password = quoted_bytes(&word)?;
        } else {
            rest = Words::new(word.text, word.column);
        }
    }
    for source in [&mut rest, words] {
        while let Some(word) = source.next()? {
            match word.key_value() {
                ("channel", Some(value)) => ap.channel = value.number("a channel")?,
                ("rssi", Some(value)) => ap.rssi = value.number("a strength in dBm")?,
                ("bssid", Some(value)) => ap.bssid = mac(&value)?,
                ("answers", Some(value)) => ap.answers = value.one_of(ANSWERS)?,
                _ => return Err(word.unknown("channel=, rssi=, bssid= and answers= may follow")),
            }
        }
    }
    Ok(ap)
}

fn quoted_bytes(word: &Word<'_>) -> Result<Vec<u8>, At> {
    if word.text.starts_with('"') {
        word.plain_bytes()
    } else {
        Err(word.unknown("text in double quotes is expected"))
    }
}

fn print_ap(f: &mut fmt::Formatter<'_>, ap: &AccessPoint) -> fmt::Result {
    let plain = AccessPoint::new(&ap.ssid, &ap.password);
    let mut line = format!("ap {}", quoted(&ap.ssid));
    if !ap.password.is_empty() {
        let _ = write!(line, " {}", quoted(&ap.password));
    }
    if ap.channel != plain.channel {
        let _ = write!(line, " channel={}", ap.channel);
    }
    if ap.rssi != plain.rssi {
        let _ = write!(line, " rssi={}", ap.rssi);
    }
    if ap.bssid != plain.bssid {
        let _ = write!(line, " bssid={}", ap.bssid);
    }
    if ap.answers != plain.answers {
        let _ = write!(line, " answers={}", word_of(ANSWERS, &ap.answers));
    }
    f.write_str(&line)
}

fn mac(word: &Word<'_>) -> Result<Mac, At> {
    Mac::parse(word.text.as_bytes())
        .ok_or_else(|| word.unknown("a MAC address aa:bb:cc:dd:ee:ff is expected"))
}

fn station(words: &mut Words<'_>) -> Result<AirStation, At> {
    let mac = mac(&words.need("the MAC address")?)?;
    let ip = words
        .next()?
        .map(|word| word.number("an IPv4 address"))
        .transpose()?;
    Ok(AirStation { mac, ip })
}

fn peer(words: &mut Words<'_>) -> Result<Directive, At> {
    let name = words.need("the peer's name, p0 to p9")?;
    let number = name
        .text
        .strip_prefix('p')
        .and_then(|n| n.parse().ok())
        .filter(|n| *n < PEERS_MAX);
    let number = number.filter(|_| name.text.len() == 2);
    let number = number.ok_or_else(|| name.unknown("a peer's name is p0 to p9"))?;
    Ok(Directive::Peer(
        number,
        words.need("tcp, udp or tls")?.one_of(PEER_KINDS)?,
    ))
}
