//! The values of options: how they are written and what makes them wrong.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use espat_core::profile::PROFILES;
use espat_core::{AccessPoint, AirStation, Mac, Profile, UpgradeServer};

/// `--profile NAME`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProfileName(pub(crate) &'static Profile);

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Profile::find(name).map(Self).ok_or_else(|| {
            let known: Vec<_> = PROFILES.iter().map(|p| p.name).collect();
            let nearest = known.iter().map(|known| (distance(name, known), known));
            let hint = match nearest.min() {
                Some((far, nearest)) if far <= nearest.len() / 3 => format!("; is {nearest} meant?"),
                _ => ";".to_owned(),
            };
            format!(
                "no such profile{hint} `espat profiles` lists them: {}; a chip's name is its newest one",
                known.join(", ")
            )
        })
    }
}

/// How many letters have to be put in, taken out or replaced to make one name the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let replaced = before + usize::from(a != b[j]);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

/// `--seed N`.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("wanted a whole number from 0 to {}", u64::MAX))
}

/// `--secret NAME=VALUE`. Its text is shown nowhere.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("wanted NAME=VALUE, as secret=abcd1234".to_owned()),
        }
    }
}

/// A number of seconds, which may have a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.ok_or_else(|| "wanted a number of seconds, as 2.5".to_owned())
}

/// `--ip ADDR`.
pub(crate) fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse()
        .map_err(|_| "wanted an IPv4 address, as 192.168.1.20".to_owned())
}

/// `--ip6 ADDR`.
pub(crate) fn ipv6(text: &str) -> Result<Ipv6Addr, String> {
    text.parse()
        .map_err(|_| "wanted an IPv6 address, as fd00::20".to_owned())
}

/// `--tcp ADDR:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddr(pub(crate) SocketAddr);

impl FromStr for ListenAddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numeric = text
            .strip_prefix("localhost:")
            .map(|port| format!("127.0.0.1:{port}"));
        let addr = numeric.as_deref().unwrap_or(text).parse();
        addr.map(Self)
            .map_err(|_| "wanted an address and a port, as 127.0.0.1:5000 or [::1]:5000".to_owned())
    }
}

/// `--log-port FILE|stderr|shared`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    Stderr,
    Shared,
    File(PathBuf),
}

impl FromStr for LogTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("wanted a file, `stderr` or `shared`".to_owned()),
            "stderr" => Ok(Self::Stderr),
            "shared" => Ok(Self::Shared),
            file => Ok(Self::File(file.into())),
        }
    }
}

/// `--ap SSID[=PASSWORD]`. Reading it never fails, so that no message of the argument parser can show a password.
#[derive(Clone)]
pub(crate) struct AccessPointOption {
    ssid: String,
    password: String,
}

impl AccessPointOption {
    /// # Errors
    /// The SSID and what is wrong, without the password.
    pub(crate) fn access_point(&self) -> Result<AccessPoint, String> {
        check_access_point(&self.ssid, &self.password)?;
        Ok(AccessPoint::new(
            self.ssid.as_bytes(),
            self.password.as_bytes(),
        ))
    }
}

/// Checks what an access point is made from; the message never shows the password.
pub(crate) fn check_access_point(ssid: &str, password: &str) -> Result<(), String> {
    if !(1..=32).contains(&ssid.len()) {
        return Err(format!(
            "SSID `{ssid}` has {} bytes; an SSID has 1 to 32",
            ssid.len()
        ));
    }
    if password.len() > 64 {
        return Err(format!(
            "the password of SSID `{ssid}` has {} bytes; a password has up to 64",
            password.len()
        ));
    }
    Ok(())
}

impl FromStr for AccessPointOption {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ssid, password) = text.split_once('=').unwrap_or((text, ""));
        Ok(Self {
            ssid: ssid.to_owned(),
            password: password.to_owned(),
        })
    }
}

impl fmt::Debug for AccessPointOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessPointOption")
            .field("ssid", &self.ssid)
            .finish_non_exhaustive()
    }
}

/// `--ota-server URL`.
#[derive(Clone, Debug)]
pub(crate) struct OtaUrl(pub(crate) UpgradeServer);

impl FromStr for OtaUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        UpgradeServer::parse(url).map(Self).ok_or_else(|| {
            "wanted http://HOST[:PORT] or https://HOST[:PORT] without a path, HOST a name or an IPv4 address"
                .to_owned()
        })
    }
}

/// `--ota-token TOKEN`. Reading it never fails, so that no message of the argument parser can show it.
#[derive(Clone)]
pub(crate) struct OtaToken(String);

impl OtaToken {
    /// # Errors
    /// What is wrong, without the token.
    pub(crate) fn checked(&self) -> Result<&str, String> {
        let len = self.0.len();
        if !(1..=OTA_TOKEN_BYTES).contains(&len) {
            return Err(format!(
                "the token has {len} bytes; a token has 1 to {OTA_TOKEN_BYTES}"
            ));
        }
        let is_plain = |b: u8| b.is_ascii_graphic() || b == b' ';
        if !self.0.bytes().all(is_plain) {
            return Err("a token has letters, digits, signs and spaces".to_owned());
        }
        Ok(&self.0)
    }
}

/// So that a request fits into the firmware's buffer, whatever the version and the partition.
const OTA_TOKEN_BYTES: usize = 256;

impl FromStr for OtaToken {
    type Err = std::convert::Infallible;

    fn from_str(token: &str) -> Result<Self, Self::Err> {
        Ok(Self(token.to_owned()))
    }
}

impl fmt::Debug for OtaToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtaToken(..)")
    }
}

/// `--station MAC[=IP]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StationOption(pub(crate) AirStation);

impl FromStr for StationOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mac, ip) = match text.split_once('=') {
            Some((mac, ip)) => {
                let ip: Ipv4Addr = ip
                    .parse()
                    .map_err(|_| "what follows the = is an IPv4 address, as 192.168.4.9")?;
                (mac, Some(ip))
            }
            None => (text, None),
        };
        Ok(Self(AirStation {
            mac: parse_mac(mac)?,
            ip,
        }))
    }
}

/// Reads a station's or access point's MAC address.
pub(crate) fn parse_mac(text: &str) -> Result<Mac, String> {
    let mac = Mac::parse(text.as_bytes()).ok_or("wanted a MAC address, as 02:00:00:00:00:05")?;
    if mac.0[0] & 1 == 1 || mac.0 == [0; 6] {
        return Err("a device's MAC address is not a multicast one (its first byte is even) and not all zero".to_owned());
    }
    Ok(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_point_never_shows_its_password() {
        let ap: AccessPointOption = "home=pass=word".parse().unwrap();
        assert_eq!(ap.access_point().unwrap().password, b"pass=word");
        assert!(!format!("{ap:?}").contains("pass"));
        let long: AccessPointOption = format!("home={}", "hush".repeat(17)).parse().unwrap();
        let message = long.access_point().unwrap_err();
        assert!(
            message.contains("home") && !message.contains("hush"),
            "{message}"
        );
    }

    #[test]
    fn a_token_is_never_shown() {
        let token: OtaToken = "hush".parse().unwrap();
        assert_eq!(token.checked(), Ok("hush"));
        assert!(!format!("{token:?}").contains("hush"));
        for wrong in ["".to_owned(), "hush".repeat(65), "hush\r\n".to_owned()] {
            let token: OtaToken = wrong.parse().unwrap();
            assert!(!token.checked().unwrap_err().contains("hush"));
        }
    }

    #[test]
    fn a_profile_that_is_not_there_has_a_near_one() {
        let message = |name: &str| name.parse::<ProfileName>().unwrap_err();
        assert!(message("esp32-24").contains("is esp32-2.4 meant?"));
        assert!(!message("attiny").contains("meant"));
        assert_eq!(
            "esp8266".parse::<ProfileName>().unwrap().0.name,
            "esp8266-2.2"
        );
    }

    #[test]
    fn the_other_values_say_what_they_want() {
        assert!("localhost:5000".parse::<ListenAddr>().is_ok());
        assert!("5000".parse::<ListenAddr>().is_err());
        assert!(
            "02:00:00:00:00:05=192.168.4.9"
                .parse::<StationOption>()
                .is_ok()
        );
        assert!("03:00:00:00:00:05".parse::<StationOption>().is_err());
    }
}
