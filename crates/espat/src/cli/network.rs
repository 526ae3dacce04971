//! Options that say how the module meets the real network.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use clap::Args;
use espat_host::{Cidr, MapRule, Publish};

use super::longer;
use crate::value::{self, OtaToken, OtaUrl};

/// How the module meets the real network.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NetworkOptions {
    /// The station's IPv4 address [default: 127.0.0.1]
    ///
    /// The address that the module gets from its access point and shows in AT+CIFSR. It must be an address of this
    /// computer: the module's servers and UDP ports bind to it.
    ///
    /// Example: --ip 192.168.1.20
    #[arg(long, value_name = "ADDR", help_heading = "Network", value_parser = value::ipv4)]
    pub(crate) ip: Option<Ipv4Addr>,

    /// The station's IPv6 address [default: ::1]
    ///
    /// Example: --ip6 fd00::20
    #[arg(long, value_name = "ADDR", help_heading = "Network", value_parser = value::ipv6)]
    pub(crate) ip6: Option<Ipv6Addr>,

    /// Lead what the module sends to HOST to ADDR instead, repeatable
    ///
    /// Links and datagrams to HOST:PORT, a name or an address, go to ADDR:PORT; so do questions to time servers and
    /// to the module's own name servers, whose ports are 123 and 53. A mapped name needs no DNS. Without ports the name is mapped for every port, and for AT+PING.
    ///
    /// Example: --map api.example.com:443=127.0.0.1:8443 --map broker.local=192.168.1.5
    #[arg(long, value_name = "HOST[:PORT]=ADDR[:PORT]", help_heading = "Network")]
    pub(crate) map: Vec<MapRule>,

    /// Reach the module's server on PORT at ADDR:PORT, repeatable
    ///
    /// A server that the module opens on PORT is bound to ADDR:PORT of this computer. Without it: the station's address
    /// and the same port, and where that cannot be bound (privileged, in use) a free port, which the log names. AT+MDNS
    /// announces the service there, on the interface that has that address; by --allow it needs 224.0.0.251 too.
    ///
    /// Example: --publish 80=127.0.0.1:8080
    #[arg(long, value_name = "PORT=ADDR:PORT", help_heading = "Network")]
    pub(crate) publish: Vec<Publish>,

    /// The module reaches loopback addresses only
    ///
    /// Example: espat --offline
    #[arg(long, help_heading = "Network", conflicts_with = "allow")]
    pub(crate) offline: bool,

    /// The module may reach these addresses and no others, repeatable
    ///
    /// Checked on the resolved address, for every link, datagram and question to a server. Without it and without --offline the module reaches
    /// everything but 169.254.0.0/16, where clouds keep their credentials.
    ///
    /// Example: --allow 127.0.0.0/8 --allow 192.168.1.0/24
    #[arg(long, value_name = "CIDR", help_heading = "Network")]
    pub(crate) allow: Vec<Cidr>,

    /// The module may not reach these addresses, repeatable; wins over --allow
    ///
    /// Example: --deny 192.168.1.1/32
    #[arg(long, value_name = "CIDR", help_heading = "Network")]
    pub(crate) deny: Vec<Cidr>,

    /// Where AT+CIUPDATE and AT+CIPFWVER go instead of the vendor's server
    ///
    /// `http://HOST:PORT` or `https://HOST:PORT`, HOST a name or an IPv4 address; without a port, 80 or 443. Whether it is HTTPS is
    /// said here, whichever of the two AT+CIUPDATE asks for. `espat ota-server` is such a server. Without this option the module goes to
    /// iot.espressif.cn, which --map can lead elsewhere.
    ///
    /// Example: --ota-server http://127.0.0.1:8070
    #[arg(long, value_name = "URL", help_heading = "Network")]
    pub(crate) ota_server: Option<OtaUrl>,

    /// What AT+CIUPDATE and AT+CIPFWVER show of themselves there, as `Authorization: token TOKEN` [default: 40 zeros]
    ///
    /// Other users can read a command line: put a real token into a file, see --config.
    ///
    /// Example: --ota-token 0123456789abcdef0123456789abcdef01234567
    #[arg(
        long,
        value_name = "TOKEN",
        help_heading = "Network",
        allow_hyphen_values = true
    )]
    pub(crate) ota_token: Option<OtaToken>,

    /// Append the secrets of SSL links to FILE, so that Wireshark can decrypt a capture
    ///
    /// Whoever reads FILE can read the links: it is made for you alone.
    ///
    /// Example: --tls-keylog keys.log
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) tls_keylog: Option<PathBuf>,
}

impl NetworkOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        // `--offline` and `--allow` exclude each other, so either of them replaces both.
        let (offline, allow) = if self.offline || !self.allow.is_empty() {
            (self.offline, self.allow)
        } else {
            (lower.offline, lower.allow)
        };
        Self {
            ip: self.ip.or(lower.ip),
            ip6: self.ip6.or(lower.ip6),
            map: longer(self.map, lower.map),
            publish: longer(self.publish, lower.publish),
            offline,
            allow,
            deny: longer(self.deny, lower.deny),
            ota_server: self.ota_server.or(lower.ota_server),
            ota_token: self.ota_token.or(lower.ota_token),
            tls_keylog: self.tls_keylog.or(lower.tls_keylog),
        }
    }
}
