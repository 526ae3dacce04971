//! How TLS stands in `=>`, `<=` and `@` lines. Keys are not shown.

use std::fmt;

use espat_core::{SlotKind, Slots, TlsClient, TlsServer, TlsVersion};

use crate::error::At;
use crate::words::{Word, Words, bare_or_quoted, word_of};

/// A handshake that the core asks for as a client. `=> s0 connect tls 192.0.2.1:443 sni=example.org ca=0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsAsk {
    /// The newest version.
    version_max: TlsVersion,
    sni: Option<Vec<u8>>,
    alpn: Vec<Vec<u8>>,
    /// Cipher suites by number.
    ciphers: Vec<u16>,
    /// The slot of certificate and key to show.
    cert: Option<u8>,
    /// The slot of the CA that the server is checked with.
    ca: Option<u8>,
    common_name: Option<Vec<u8>>,
    /// Seconds since 1970 at which certificates have to be valid.
    at: Option<i64>,
    /// The identity of a pre-shared key.
    psk: Option<Vec<u8>>,
}

/// The handshakes that the core asks for as a server. `=> s0 listen 443 tls verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsListenAsk {
    version_max: TlsVersion,
    verify: bool,
    at: Option<i64>,
}

const VERSIONS: &[(&str, TlsVersion)] = &[
    ("1.0", TlsVersion::Tls1_0),
    ("1.1", TlsVersion::Tls1_1),
    ("1.2", TlsVersion::Tls1_2),
    ("1.3", TlsVersion::Tls1_3),
];

impl Default for TlsAsk {
    fn default() -> Self {
        Self {
            version_max: TlsVersion::Tls1_2,
            sni: None,
            alpn: Vec::new(),
            ciphers: Vec::new(),
            cert: None,
            ca: None,
            common_name: None,
            at: None,
            psk: None,
        }
    }
}

impl TlsAsk {
    pub(crate) fn of(tls: &TlsClient) -> Self {
        let verify = tls.verify.as_ref();
        Self {
            version_max: tls.rules.version_max,
            sni: tls.server_name.clone(),
            alpn: tls.alpn.clone(),
            ciphers: tls.ciphers.clone(),
            cert: tls.certificate,
            ca: verify.map(|verify| verify.ca),
            common_name: verify.and_then(|verify| verify.common_name.clone()),
            at: verify.and_then(|verify| verify.unix_s),
            psk: tls.psk.as_ref().map(|psk| psk.identity.clone()),
        }
    }

    /// Takes a word; false where it is none of TLS.
    pub(crate) fn take(&mut self, word: &Word<'_>) -> Result<bool, At> {
        let (key, Some(value)) = word.key_value() else {
            return Ok(false);
        };
        match key {
            "max" => self.version_max = value.one_of(VERSIONS)?,
            "sni" => self.sni = Some(value.plain_bytes()?),
            "alpn" => {
                let parts = value.text.split(',').map(|text| {
                    let column = value.column;
                    Word { text, column }.plain_bytes()
                });
                self.alpn = parts.collect::<Result<_, _>>()?;
            }
            "ciphers" => {
                let parts = value.text.split(',').map(|text| {
                    let digits = text.strip_prefix("0x").unwrap_or(text);
                    u16::from_str_radix(digits, 16)
                });
                let all = parts.collect::<Result<_, _>>();
                self.ciphers =
                    all.map_err(|_| value.unknown("cipher suites are numbers such as 0xC02B"))?;
            }
            "cert" => self.cert = Some(value.number("a slot's number")?),
            "ca" => self.ca = Some(value.number("a slot's number")?),
            "cn" => self.common_name = Some(value.plain_bytes()?),
            "at" => self.at = Some(value.number("seconds since 1970")?),
            "psk" => self.psk = Some(value.plain_bytes()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl fmt::Display for TlsAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_version(f, self.version_max)?;
        if let Some(sni) = &self.sni {
            write!(f, " sni={}", bare_or_quoted(sni))?;
        }
        if !self.alpn.is_empty() {
            let alpn: Vec<_> = self.alpn.iter().map(|p| bare_or_quoted(p)).collect();
            write!(f, " alpn={}", alpn.join(","))?;
        }
        if !self.ciphers.is_empty() {
            let ciphers: Vec<_> = self.ciphers.iter().map(|c| format!("0x{c:04X}")).collect();
            write!(f, " ciphers={}", ciphers.join(","))?;
        }
        if let Some(cert) = self.cert {
            write!(f, " cert={cert}")?;
        }
        if let Some(ca) = self.ca {
            write!(f, " ca={ca}")?;
        }
        if let Some(name) = &self.common_name {
            write!(f, " cn={}", bare_or_quoted(name))?;
        }
        if let Some(at) = self.at {
            write!(f, " at={at}")?;
        }
        self.psk
            .as_ref()
            .map_or(Ok(()), |psk| write!(f, " psk={}", bare_or_quoted(psk)))
    }
}

impl Default for TlsListenAsk {
    fn default() -> Self {
        Self {
            version_max: TlsVersion::Tls1_2,
            verify: false,
            at: None,
        }
    }
}

impl TlsListenAsk {
    pub(crate) fn of(tls: &TlsServer) -> Self {
        Self {
            version_max: tls.rules.version_max,
            verify: tls.verify.is_some(),
            at: tls.verify.and_then(|verify| verify.unix_s),
        }
    }

    /// Takes a word; false where it is none of TLS.
    pub(crate) fn take(&mut self, word: &Word<'_>) -> Result<bool, At> {
        match word.key_value() {
            ("verify", None) => self.verify = true,
            ("at", Some(value)) => self.at = Some(value.number("seconds since 1970")?),
            ("max", Some(value)) => self.version_max = value.one_of(VERSIONS)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl fmt::Display for TlsListenAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(" tls")?;
        print_version(f, self.version_max)?;
        f.write_str(if self.verify { " verify" } else { "" })?;
        self.at.map_or(Ok(()), |at| write!(f, " at={at}"))
    }
}

/// `client_ca.0 client_cert.1`, or nothing.
pub(crate) fn slots(words: &mut Words<'_>) -> Result<Slots, At> {
    let mut slots = Slots::default();
    while let Some(word) = words.next()? {
        let (kind, number) = word
            .text
            .rsplit_once('.')
            .and_then(|(kind, number)| {
                let kind = SlotKind::ALL.into_iter().find(|k| k.name() == kind)?;
                Some((kind, number.parse().ok().filter(|&n| n < Slots::COUNT)?))
            })
            .ok_or_else(|| word.unknown("a slot is client_ca.0, client_cert.0, client_key.0, server_ca.0, server_cert.0 or server_key.0, up to 31"))?;
        slots.insert(kind, number);
    }
    Ok(slots)
}

/// The newest version, where it is not 1.2.
fn print_version(f: &mut fmt::Formatter<'_>, version: TlsVersion) -> fmt::Result {
    if version == TlsVersion::Tls1_2 {
        return Ok(());
    }
    write!(f, " max={}", word_of(VERSIONS, &version))
}
