//! TLS as the module asks for it: parameters of a handshake, and the slots that hold certificates and keys.
//!
//! The handshake itself is the world's; the core never sees a certificate.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.0.
    Tls1_0,
    /// TLS 1.1.
    Tls1_1,
    /// TLS 1.2.
    Tls1_2,
    /// TLS 1.3.
    Tls1_3,
}

/// What a firmware line's TLS library accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TlsRules {
    /// The oldest version.
    pub version_min: TlsVersion,
    /// The newest version.
    pub version_max: TlsVersion,
    /// The strength of keys and digests, as OpenSSL counts it: 0 takes everything, 1 from 80 bits on, 2 from 112 bits on.
    pub security_level: u8,
    /// How long one flight of a handshake may take.
    pub flight_timeout: Duration,
}

/// How to shake hands as a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsClient {
    /// What the firmware accepts.
    pub rules: TlsRules,
    /// The server's name in the ClientHello.
    pub server_name: Option<Vec<u8>>,
    /// Protocols to offer, in the order of preference.
    pub alpn: Vec<Vec<u8>>,
    /// The cipher suites to offer, by IANA's numbers, in the order of preference; empty: those that the library has by itself.
    pub ciphers: Vec<u16>,
    /// The slot of client certificate and private key to present.
    pub certificate: Option<u8>,
    /// How to check the server; `None`: not at all.
    pub verify: Option<VerifyServer>,
    /// A key that both sides know.
    pub psk: Option<Psk>,
}

/// How to check a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyServer {
    /// The slot of the CA.
    pub ca: u8,
    /// The Common Name that the subject has to have.
    pub common_name: Option<Vec<u8>>,
    /// The time at which the certificate has to be valid, in seconds since 1970; `None`: dates do not count.
    pub unix_s: Option<i64>,
}

/// How to shake hands as a server. Certificate, key and CA are those of slot 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsServer {
    /// What the firmware accepts.
    pub rules: TlsRules,
    /// Clients have to show a certificate of the CA; `None`: they need none.
    pub verify: Option<VerifyClients>,
}

/// How to check the certificates of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyClients {
    /// The time now, in seconds since 1970, which goes on by itself; `None`: dates do not count.
    pub unix_s: Option<i64>,
}

/// A pre-shared key. Its `Debug` shows the identity only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Psk {
    /// The key, as bytes.
    pub key: Vec<u8>,
    /// Which key it is.
    pub identity: Vec<u8>,
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKind {
    /// The CAs that the module as a client trusts.
    ClientCa,
    /// The certificate that the module as a client shows.
    ClientCert,
    /// Its private key.
    ClientKey,
    /// The CAs whose clients the module as a server takes.
    ServerCa,
    /// The certificate that the module as a server shows.
    ServerCert,
    /// Its private key.
    ServerKey,
}

impl SlotKind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::ClientCa,
        Self::ClientCert,
        Self::ClientKey,
        Self::ServerCa,
        Self::ServerCert,
        Self::ServerKey,
    ];

    /// The firmware's name of its partition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCa => "client_ca",
            Self::ClientCert => "client_cert",
            Self::ClientKey => "client_key",
            Self::ServerCa => "server_ca",
            Self::ServerCert => "server_cert",
            Self::ServerKey => "server_key",
        }
    }
}

/// The slots that hold something usable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slots([u32; 6]);

impl Slots {
    /// Slots of a kind have the numbers 0 to `COUNT` - 1.
    pub const COUNT: u8 = 32;

    /// Adds a slot.
    ///
    /// # Panics
    /// Where the number is not below [`COUNT`](Self::COUNT).
    pub const fn insert(&mut self, kind: SlotKind, number: u8) {
        assert!(number < Self::COUNT, "a slot's number is below 32");
        self.0[kind as usize] |= 1 << number;
    }

    /// Whether that slot is usable.
    #[must_use]
    pub const fn has(&self, kind: SlotKind, number: u8) -> bool {
        number < Self::COUNT && self.0[kind as usize] & (1 << number) != 0
    }

    /// The usable slots, by kind and number.
    pub fn iter(&self) -> impl Iterator<Item = (SlotKind, u8)> + use<'_> {
        SlotKind::ALL.into_iter().flat_map(move |kind| {
            (0..Self::COUNT)
                .filter(move |&number| self.has(kind, number))
                .map(move |number| (kind, number))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_told_apart() {
        let mut slots = Slots::default();
        slots.insert(SlotKind::ServerKey, 31);
        slots.insert(SlotKind::ClientCa, 0);
        assert!(slots.has(SlotKind::ServerKey, 31) && !slots.has(SlotKind::ServerCert, 31));
        assert!(!slots.has(SlotKind::ClientCa, 255));
        assert!(
            slots
                .iter()
                .eq([(SlotKind::ClientCa, 0), (SlotKind::ServerKey, 31)])
        );
    }

    #[test]
    fn a_key_is_never_shown() {
        let psk = Psk {
            key: b"geheim".to_vec(),
            identity: b"id".to_vec(),
        };
        let shown = alloc::format!("{psk:?}");
        assert!(!shown.contains("103, 101"), "{shown}");
    }
}
