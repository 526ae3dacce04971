//! ESP32 firmware lines.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::{
    Delays, Factory, Features, Limits, Partition, Profile, Quirks, RfStep, SntpTimes, Texts,
    Upgrade,
};
use crate::output::UartConfig;
use crate::tls::{TlsRules, TlsVersion};

/// ESP32, release v2.2.0.0.
pub(super) static ESP32_2_2: Profile = BASE;

/// ESP32, release v2.4.0.0.
pub(super) static ESP32_2_4: Profile = V2_4;

/// ESP32, release v4.1.1.0.
pub(super) static ESP32_4_1: Profile = V4_1;

/// What other profiles are made from.
pub(super) const BASE: Profile = Profile {
    name: "esp32-2.2",
    chip: "ESP32",
    version: "2.2.0.0",
    source: "esp-at v2.2.0.0: manual, core library strings, transcripts in public issues",
    limits: Limits {
        links: 5,
        line_bytes: 256,
        send_bytes: 2048,
        ipd_bytes: 2920,
        datagram_bytes: 1472,
        receive_window: 5744,
        send_buffer: 5744,
        uart_tx: 8192,
        chunk_gap: Duration::from_millis(2),
        escape_guard: Duration::from_millis(20),
        passthrough_packet: 2048,
        passthrough_interval: Duration::from_millis(20),
        passthrough_buffer: 64 * 1024,
        passthrough_stall: Duration::from_secs(1),
        host_bytes: 64,
        baud: (80, 5_000_000),
        // Manual, "AT+RFPOWER"; its older editions end at 78.
        rf_power: 40..=84,
        rf_power_steps: &[
            RfStep {
                from: 40,
                gives: 34,
            },
            RfStep {
                from: 44,
                gives: 44,
            },
            RfStep {
                from: 52,
                gives: 52,
            },
            RfStep {
                from: 56,
                gives: 56,
            },
            RfStep {
                from: 60,
                gives: 60,
            },
            RfStep {
                from: 66,
                gives: 66,
            },
            RfStep {
                from: 72,
                gives: 72,
            },
            RfStep {
                from: 78,
                gives: 78,
            },
        ],
        softap_stations: 10,
        connect_timeout: Duration::from_secs(12),
        resolve_timeout: Duration::from_secs(14),
        // 64 is ESP-IDF 4.2's default (ESP_PING_DEFAULT_CONFIG). How long AT+PING waits is not visible: ESP-IDF's older ping made three
        // probes of 1 s, the newer one makes five, and a driver gives up after 5 s (atcontrol).
        ping_bytes: 64,
        ping_timeout: Duration::from_secs(3),
        // The release sets CONFIG_LWIP_DHCP_MAX_NTP_SERVERS=3; all else is lwIP's default.
        sntp: SntpTimes {
            answer: Duration::from_secs(15),
            retry: Duration::from_secs(15),
            retry_max: Duration::from_secs(150),
            update: Duration::from_secs(3600),
        },
        name_server_timeout: Duration::from_secs(7),
        tls: TlsRules {
            // ESP-IDF 4.2 builds Mbed TLS 2.16 with TLS 1.0 to 1.2 by default.
            version_min: TlsVersion::Tls1_0,
            version_max: TlsVersion::Tls1_2,
            // Mbed TLS 2.16 as ESP-IDF configures it takes SHA-1 in handshakes; its floor for keys was not measured.
            security_level: 0,
            // Manual, `AT+CIPSTART`: 10 s for each packet of a handshake.
            flight_timeout: Duration::from_secs(10),
        },
        ssl_links: 5,
        // Manual of 2.2: one to three.
        alpn: 1..=3,
    },
    features: Features::RTOS
        .union(Features::CWSTATE)
        .union(Features::IPV6)
        .union(Features::DOMAIN_FAMILY)
        .union(Features::SERVER_CLOSE_ALL)
        .union(Features::SSL)
        // The manual leaves ESP32 out, the core library of 2.2 for ESP32 has the handlers (behaviour.md 1.6).
        .union(Features::SSL_PSK)
        .union(Features::SSL_SERVER)
        .union(Features::FLASH)
        .union(Features::MDNS),
    quirks: Quirks {
        server_again_ok: true,
        server_timeout_needs_server: true,
        send_restarts_server_timeout: false,
        ssl_values_quoted: false,
        // Espressif builds ESP-AT for ESP32 with CONFIG_MBEDTLS_HAVE_TIME_DATE=y (esp-at, module_config/module_esp32_default,
        // sdkconfig.defaults, from 1.x to 4.1), and Mbed TLS takes the clock as it is. Seen: esp-at#432, and a log of June 2021
        // in which CIPSSLCCONF=2 fails without and connects with AT+CIPSNTPCFG (csdn.net, Marchtwentytwo, 117754632).
        dates_count_in_1970: true,
        zone_before_sync: true,
        sntp_off_needs_zone: true,
        sntp_off_shows_zone: false,
        background_upgrade_asks_nothing: true,
        // Seen on this very release, by one user; decided against for modules in networks without the Internet, whose names
        // this computer knows.
        own_join_ignores_leased_servers: false,
    },
    texts: Texts {
        // The release for WROOM-32 as a module printed it: github.com/twilio/programmable-asset-tracker, esp32/README.md,
        // log of 2022-01-09.
        gmr: &[
            "AT version:2.2.0.0(c6fa6bf - ESP32 - Jul  2 2021 06:44:05)",
            "SDK version:v4.2.2-76-gefa6eca",
            "compile time(3a696ba):Jul  2 2021 11:54:43",
            "Bin version:2.2.0(WROOM-32)",
        ],
        // The manual's example for `AT+SYSRAM?`; no log of this release was found.
        free_heap: 148_408,
        free_heap_min: 84_044,
    },
    delays: Delays {
        boot: Duration::from_millis(350),
        associate: Duration::from_millis(900),
        dhcp: Duration::from_millis(600),
        wrong_password: Duration::from_millis(3500),
        no_ap: Duration::from_millis(2400),
        scan: Duration::from_millis(2000),
        report_gap: Duration::from_millis(20),
        report_patience: Duration::from_millis(200),
        // lwIP's SNTP_STARTUP_DELAY_FUNC; that this release has it on was not seen (esp-at#315: "wait ~5 seconds").
        sntp_start: Duration::from_secs(5),
        reset: Duration::from_millis(100),
        flash: Duration::from_millis(5),
    },
    factory: Factory {
        wifi_mode: 3,
        name_server: Ipv4Addr::new(208, 67, 222, 222),
        // ESP-IDF's default of CONFIG_LWIP_LOCAL_HOSTNAME.
        host_name: "espressif",
        // Strings of the core library (behaviour.md 3.16).
        sntp_servers: ["cn.ntp.org.cn", "ntp.sjtu.edu.cn", "us.pool.ntp.org"],
        // Decided without a transcript: Bluetooth cannot start while sleep is off (manual, "AT+SLEEP"), and starts on a fresh module.
        sleep_mode: 1,
        // 19.5 dBm, the default that the release notes of 3.4 name.
        rf_power: 78,
        uart: UartConfig {
            baud: 115_200,
            data_bits: 8,
            stop_bits: 1,
            parity: 0,
            flow: 0,
        },
    },
    upgrade: Upgrade {
        host: "iot.espressif.cn",
        port: 80,
        https_port: 443,
        // As long as the vendor's (the length of a logged request, esp-at#103).
        token: "0000000000000000000000000000000000000000",
        timeout: Duration::from_secs(180),
        // A buffer of 1024 bytes with a NUL at its end.
        request_bytes: 1023,
        read_bytes: 1024,
        name_bytes: 64,
        // Decided without evidence: the table of the 4 MB module was not found.
        firmware_bytes: 0x18_0000,
        // at_customize.csv of the time, in the vendor's repository.
        partitions: PARTITIONS,
    },
};

pub(super) const V2_4: Profile = Profile {
    name: "esp32-2.4",
    version: "2.4.0.0",
    source: "esp-at v2.4.0.0: manual, core library strings; else esp32-2.2",
    limits: Limits {
        send_bytes: 8192,
        passthrough_packet: 2920,
        ..BASE.limits
    },
    features: BASE
        .features
        .union(Features::CIPSTATE)
        .union(Features::SENDL)
        .union(Features::SNTP_INTERVAL)
        .union(Features::TCP_KEEP_ALIVE),
    quirks: Quirks {
        send_restarts_server_timeout: true,
        ..BASE.quirks
    },
    ..BASE
};

pub(super) const V4_1: Profile = Profile {
    name: "esp32-4.1",
    chip: "ESP32",
    version: "4.1.1.0",
    source: "esp-at v4.1.1.0: manual, core library strings; else esp32c3-3.3",
    features: super::esp32c3::V3_3
        .features
        .union(Features::SSL_CIPHER)
        .union(Features::CWCONFIG)
        .union(Features::CONNECT_TIMEOUT)
        .union(Features::DOMAIN_TIMEOUT)
        .union(Features::SERVER_NETIF),
    ..super::esp32c3::V3_3
};

const PARTITIONS: &[Partition] = &[
    partition("ble_data", 12 * 1024),
    partition("server_cert", 8 * 1024),
    partition("server_key", 8 * 1024),
    partition("server_ca", 8 * 1024),
    partition("client_cert", 8 * 1024),
    partition("client_key", 8 * 1024),
    partition("client_ca", 8 * 1024),
    partition("factory_param", 4 * 1024),
    partition("wpa2_cert", 8 * 1024),
    partition("wpa2_key", 8 * 1024),
    partition("wpa2_ca", 8 * 1024),
    partition("mqtt_cert", 8 * 1024),
    partition("mqtt_key", 8 * 1024),
    partition("mqtt_ca", 8 * 1024),
    partition("fatfs", 576 * 1024),
];

const fn partition(name: &'static str, bytes: usize) -> Partition {
    Partition { name, bytes }
}
