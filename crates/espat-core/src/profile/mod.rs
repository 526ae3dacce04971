//! Firmware lines: everything that differs between chips and versions is data here, and only here.
//!
//! A profile is `Limits` (numbers), `Features` (which commands and forms exist), `Quirks` (deviations in behaviour),
//! `Texts` (what it says of itself), `Delays` (what takes how long in realistic timing) and `Factory` (first values).

mod esp32;
mod esp32c3;
mod esp32c6;
mod esp8266;
mod quirks;
pub mod testing;

pub use quirks::Quirks;

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::tls::TlsRules;

/// One firmware line on one chip.
#[derive(Debug)]
pub struct Profile {
    /// Its name on the command line.
    pub name: &'static str,
    /// The chip.
    pub chip: &'static str,
    /// The firmware release.
    pub version: &'static str,
    /// What the values rest on.
    pub source: &'static str,
    /// Numbers.
    pub limits: Limits,
    /// Which commands and forms exist.
    pub features: Features,
    /// Deviations in behaviour.
    pub quirks: Quirks,
    /// What it says of itself.
    pub texts: Texts,
    /// What takes how long in realistic timing.
    pub delays: Delays,
    /// First values.
    pub factory: Factory,
    /// `AT+CIUPDATE`.
    pub upgrade: Upgrade,
}

/// All profiles, the default first.
pub const PROFILES: &[&Profile] = &[
    &esp32::ESP32_2_2,
    &esp8266::ESP8266_NONOS_1_7,
    &esp8266::ESP8266_2_2,
    &esp32::ESP32_2_4,
    &esp32c3::ESP32C3_3_3,
    &esp32::ESP32_4_1,
    &esp32c6::ESP32C6_5_0,
];

impl Profile {
    /// The profile of that name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        PROFILES.iter().copied().find(|p| p.name == name)
    }
}

/// Numbers of a firmware line.
#[derive(Debug)]
pub struct Limits {
    /// Links (ids 0 to `links` - 1). Manual: `<link ID>` 0 to 4.
    pub links: u8,
    /// Bytes of a command line, its terminator included. Manual: 256.
    pub line_bytes: usize,
    /// Payload bytes of one `AT+CIPSEND`. Manual: 2048 up to 2.2.
    pub send_bytes: usize,
    /// Payload bytes of one active `+IPD`. decisions.md U7.
    pub ipd_bytes: usize,
    /// Payload bytes of a datagram that arrives whole; reassembly is off. decisions.md U7.
    pub datagram_bytes: usize,
    /// Bytes that a link may hold in passive mode. Manual, `AT+CIPRECVMODE`: 5744 on ESP32.
    pub receive_window: usize,
    /// Bytes that a TCP socket holds for sending. ESP-IDF's Kconfig, `LWIP_TCP_SND_BUF_DEFAULT`: 5744, four segments; the
    /// reference's configuration leaves it alone.
    pub send_buffer: usize,
    /// Bytes that the UART driver holds for sending. Sources of the reference: 8192 on ESP32.
    pub uart_tx: usize,
    /// Serial bytes further apart than this belong to different chunks.
    pub chunk_gap: Duration,
    /// Silence on both sides of `+++`. Manual: 20 ms.
    pub escape_guard: Duration,
    /// Bytes that make a packet in passthrough. Manual, `AT+CIPSEND`: 2048.
    pub passthrough_packet: usize,
    /// How long passthrough waits for a packet to fill. Manual, `AT+CIPSEND`: 20 ms.
    pub passthrough_interval: Duration,
    /// Bytes that passthrough holds for a link that takes nothing. Decided without evidence.
    pub passthrough_buffer: usize,
    /// How long a full buffer holds the host MCU back. Decided without evidence.
    pub passthrough_stall: Duration,
    /// Bytes of a remote host's name. Documented from 2.4 on as 64.
    pub host_bytes: usize,
    /// Baud rates of `AT+UART_CUR`.
    pub baud: (u32, u32),
    /// What `AT+RFPOWER` takes, in quarters of a dBm.
    pub rf_power: RangeInclusive<i32>,
    /// The steps that the radio has, lowest first.
    pub rf_power_steps: &'static [RfStep],
    /// Stations that the softAP can serve. Manual, `AT+CWSAP`: 1 to 10.
    pub softap_stations: u8,
    /// How long a TCP connect waits: 4 SYNs, about 12 s.
    pub connect_timeout: Duration,
    /// How long a name resolution by the host's resolver waits: as long as with two name servers.
    pub resolve_timeout: Duration,
    /// Payload bytes of `AT+PING`'s echo request.
    pub ping_bytes: usize,
    /// How long `AT+PING` waits for the answer.
    pub ping_timeout: Duration,
    /// When time servers are asked.
    pub sntp: SntpTimes,
    /// How long one name server is asked: lwIP asks it four times, and waits 1, 1, 2 and 3 s (its `dns.c`: `DNS_MAX_RETRIES`,
    /// `DNS_TMR_INTERVAL`; the first three questions so in esp-at#574, a log of this release).
    pub name_server_timeout: Duration,
    /// What the TLS library accepts.
    pub tls: TlsRules,
    /// SSL links at a time, clients of the server included. Manual, `AT+CIPSTART`: one on ESP8266.
    pub ssl_links: u8,
    /// How many protocols `AT+CIPSSLCALPN` takes; 0 takes them away.
    pub alpn: RangeInclusive<i32>,
}

/// When time servers are asked (lwIP, `sntp.c` and `sntp_opts.h`).
#[derive(Debug)]
pub struct SntpTimes {
    /// How long a server may take to answer.
    pub answer: Duration,
    /// The first wait where no other server is left to ask; it doubles with each further one.
    pub retry: Duration,
    /// It doubles up to that.
    pub retry_max: Duration,
    /// From an answer to the next question.
    pub update: Duration,
}

/// One step of the transmit power.
#[derive(Debug)]
pub struct RfStep {
    /// The lowest value that leads to it.
    pub from: u8,
    /// What it is, and what is read back.
    pub gives: u8,
}

bitflags::bitflags! {
    /// Commands and forms that some firmware line lacks.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Features: u64 {
        /// What ESP8266 NonOS lacks of the commands that all later lines have: `AT+SYSSTORE`, `AT+SYSLOG` and so on.
        const RTOS = 1;
        /// The forms of ESP8266 NonOS with `_CUR` and `_DEF`, and what only it has: `AT+CIPSSLSIZE`, `AT+CIPCLOSEMODE`.
        const SUFFIXES = 1 << 1;
        /// `AT+CWSTATE`.
        const CWSTATE = 1 << 2;
        /// `AT+CIPV6` and the v6 types.
        const IPV6 = 1 << 3;
        /// `AT+CIPDOMAIN`'s second parameter.
        const DOMAIN_FAMILY = 1 << 4;
        /// `AT+CIPDOMAIN`'s third parameter.
        const DOMAIN_TIMEOUT = 1 << 5;
        /// `AT+CIPSTART`'s last parameter.
        const CONNECT_TIMEOUT = 1 << 6;
        /// `AT+CIPSTATE`.
        const CIPSTATE = 1 << 7;
        /// `AT+CIPSENDL` and `AT+CIPSENDLCFG`.
        const SENDL = 1 << 8;
        /// `AT+CIPRECVTYPE`.
        const RECVTYPE = 1 << 9;
        /// `AT+CIPCONNPERSIST`.
        const CONN_PERSIST = 1 << 10;
        /// `AT+CIPTCPOPT`'s fifth value.
        const TCP_KEEP_ALIVE = 1 << 11;
        /// `AT+CIPSERVER=0,<close all>`.
        const SERVER_CLOSE_ALL = 1 << 12;
        /// `AT+CIPSERVER`'s `<netif>`.
        const SERVER_NETIF = 1 << 13;
        /// The types SSL and SSLv6.
        const SSL = 1 << 14;
        /// `AT+CIPSSLCPSK`.
        const SSL_PSK = 1 << 15;
        /// `AT+CIPSSLCPSKHEX`.
        const SSL_PSK_HEX = 1 << 16;
        /// `AT+CIPSSLCCIPHER`.
        const SSL_CIPHER = 1 << 17;
        /// `AT+CIPSERVER=1,<port>,"SSL"`.
        const SSL_SERVER = 1 << 18;
        /// `AT+CIPSNTPINTV`.
        const SNTP_INTERVAL = 1 << 19;
        /// `AT+CIPFWVER`.
        const FIRMWARE_VERSIONS = 1 << 20;
        /// `AT+TRANSINTVL`.
        const TRANS_INTERVAL = 1 << 21;
        /// `AT+SYSMSGFILTER` and `AT+SYSMSGFILTERCFG`.
        const MESSAGE_FILTER = 1 << 22;
        /// `AT+SYSMFG`.
        const MANUFACTURING = 1 << 23;
        /// `AT+SYSFLASH`.
        const FLASH = 1 << 24;
        /// `AT+CWINIT`.
        const CWINIT = 1 << 25;
        /// `AT+CWCONFIG`.
        const CWCONFIG = 1 << 26;
        /// `AT+MDNS`.
        const MDNS = 1 << 27;
    }
}

/// What a firmware line says of itself.
#[derive(Debug)]
pub struct Texts {
    /// The lines of `AT+GMR`, without line ends.
    pub gmr: &'static [&'static str],
    /// First value of `AT+SYSRAM?`: free heap.
    pub free_heap: u32,
    /// Second value of `AT+SYSRAM?`: the least there has been.
    pub free_heap_min: u32,
}

/// `AT+CIUPDATE`: where it goes and what it may write.
#[derive(Debug)]
pub struct Upgrade {
    /// The vendor's server.
    pub host: &'static str,
    /// Its port for HTTP.
    pub port: u16,
    /// Its port for HTTPS.
    pub https_port: u16,
    /// What the module shows of itself. The vendor's tokens are not in here.
    pub token: &'static str,
    /// When the firmware gives up.
    pub timeout: Duration,
    /// Bytes of a request; the rest is cut off.
    pub request_bytes: usize,
    /// Bytes of one read.
    pub read_bytes: usize,
    /// Bytes of a version, and of a partition's name.
    pub name_bytes: usize,
    /// Bytes of the partition that a new firmware goes to.
    pub firmware_bytes: usize,
    /// The other partitions.
    pub partitions: &'static [Partition],
}

/// A partition of the flash.
#[derive(Debug)]
pub struct Partition {
    /// Its name.
    pub name: &'static str,
    /// Its size.
    pub bytes: usize,
}

/// What takes how long in realistic timing.
#[derive(Debug)]
pub struct Delays {
    /// From reset to `ready`.
    pub boot: Duration,
    /// From the join's start to association.
    pub associate: Duration,
    /// From association to the address.
    pub dhcp: Duration,
    /// Until a wrong password is noticed.
    pub wrong_password: Duration,
    /// Until a missing access point is noticed: a scan of all channels.
    pub no_ap: Duration,
    /// One scan.
    pub scan: Duration,
    /// From a result's last byte to the next report.
    pub report_gap: Duration,
    /// How long a host MCU whose pauses are shorter than that can keep a report waiting; then its next line waits.
    pub report_patience: Duration,
    /// Time servers are asked first after a random time up to that.
    pub sntp_start: Duration,
    /// From `AT+RST`'s OK to the reset.
    pub reset: Duration,
    /// One write of the settings.
    pub flash: Duration,
}

/// First values.
#[derive(Debug)]
pub struct Factory {
    /// `AT+CWMODE`. decisions.md U11.
    pub wifi_mode: u8,
    /// The name server that is asked while there is no other (manual, `AT+CIPDNS`, with its bytes in order; esp-at#523).
    pub name_server: core::net::Ipv4Addr,
    /// `AT+CWHOSTNAME`.
    pub host_name: &'static str,
    /// The servers of `AT+CIPSNTPCFG` without servers.
    pub sntp_servers: [&'static str; 3],
    /// `AT+SLEEP`.
    pub sleep_mode: u8,
    /// `AT+RFPOWER`.
    pub rf_power: u8,
    /// The UART.
    pub uart: crate::output::UartConfig,
}
