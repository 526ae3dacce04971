//! ESP32 firmware lines.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::esp32c3::{ESP32C3_3_3, V3_3};
use super::{
    Delays, Evidence, Factory, Features, Limits, Profile, Quirks, RfStep, SntpTimes, Texts,
    Upgrade, partitions,
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
    nearest: None,
    evidence: EVIDENCE_2_2,
    limits: Limits {
        links: 5,
        line_bytes: 256,
        send_bytes: 2048,
        read_bytes: 0x7fff_ffff,
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
        rf_power: 40..=84,
        rf_power_steps: RF_STEPS,
        softap_stations: 10,
        connect_timeout: Duration::from_secs(12),
        resolve_timeout: Duration::from_secs(14),
        ping_bytes: 64,
        ping_timeout: Duration::from_secs(3),
        sntp: SntpTimes {
            answer: Duration::from_secs(15),
            retry: Duration::from_secs(15),
            retry_max: Duration::from_secs(150),
            update: Duration::from_secs(3600),
        },
        name_server_timeout: Duration::from_secs(7),
        tls: TlsRules {
            version_min: TlsVersion::Tls1_0,
            version_max: TlsVersion::Tls1_2,
            security_level: 0,
            flight_timeout: Duration::from_secs(10),
        },
        ssl_links: 5,
        wifi_modes: 0..=3,
        wifi_protocols: &[1, 3, 7],
        sysmsg: 0..=7,
        sleep_modes: 0..=3,
        deep_sleep_ms: 0..=i32::MAX,
        time_zones: -12..=14,
        alpn: 1..=3,
    },
    features: Features::RTOS
        .union(Features::CWSTATE)
        .union(Features::IPV6)
        .union(Features::DOMAIN_FAMILY)
        .union(Features::SERVER_CLOSE_ALL)
        .union(Features::SSL)
        .union(Features::SSL_PSK)
        .union(Features::SSL_SERVER)
        .union(Features::FLASH)
        .union(Features::MDNS)
        .union(Features::BLUETOOTH),
    quirks: Quirks {
        server_again_ok: true,
        server_timeout_needs_server: true,
        send_restarts_server_timeout: false,
        saved_link_prompts: false,
        raw_with_multi: false,
        ssl_values_quoted: false,
        dates_count_in_1970: true,
        zone_before_sync: true,
        sntp_off_needs_zone: true,
        sntp_off_shows_zone: false,
        time_updated: false,
        receive_lengths_follow_mode: false,
        network_errors_numbered: false,
        background_upgrade_asks_nothing: true,
        upgrade_names_host: false,
        upgrade_reads_version_on: false,
        upgrade_checks_partitions: false,
        own_join_ignores_leased_servers: false,
        rom_is_heard: false,
        explains_to_host: false,
        looks_for_at: false,
        prompt_has_space: false,
        echo_repeats_cr: false,
        busy_a_line: false,
        pluses_cancel_send: true,
        join_fails_with_fail: false,
        addresses_unquoted: false,
        read_begins_a_line: false,
        no_link_holds_zero: false,
        only_tcp_is_passive: false,
        name_servers_a_line: false,
        dhcp_mode_first: false,
        ping_is_bare: false,
        info_in_capitals: false,
        status_is_the_stations: false,
        stations_are_bare: false,
        leaves_after_ok: false,
        time_waits_for_sync: false,
        time_has_day_with_zero: false,
        mux_checks_links_first: false,
        udp_connect_shows_link: false,
        server_keeps_links: false,
        versions_end_without_line: false,
        suffix_default_is_bare: false,
        ssl_conf_is_one: false,
        join_shows_little: false,
        sleep_needs_station_alone: false,
        deep_sleep_of_zero_lasts: false,
        ram_shows_least: true,
    },
    texts: Texts {
        gmr: &[
            "AT version:2.2.0.0(c6fa6bf - ESP32 - Jul  2 2021 06:44:05)",
            "SDK version:v4.2.2-76-gefa6eca",
            "compile time(3a696ba):Jul  2 2021 11:54:43",
            "Bin version:2.2.0(WROOM-32)",
        ],
        free_heap: 148_408,
        free_heap_min: 84_044,
        rom: super::rom::ESP32,
        mdns: &[
            ("vendor", "Espressif"),
            ("version", "1.0"),
            ("module", "AT"),
        ],
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
        sntp_start: Duration::from_secs(5),
        reset: Duration::from_millis(100),
        flash: Duration::from_millis(5),
    },
    factory: Factory {
        wifi_mode: 3,
        wifi_protocols: 7,
        name_server: Ipv4Addr::new(208, 67, 222, 222),
        host_name: "espressif",
        host_name_has_mac: false,
        reconnect: (0, 0),
        sntp_servers: ["cn.ntp.org.cn", "ntp.sjtu.edu.cn", "us.pool.ntp.org"],
        scan_fields: 0x7ff,
        sleep_mode: 1,
        rf_power: 78,
        uart: UartConfig {
            baud: 115_200,
            data_bits: 8,
            stop_bits: 1,
            parity: 0,
            flow: 0,
        },
        manufacturing: &[],
    },
    upgrade: Upgrade {
        host: "iot.espressif.cn",
        port: 80,
        https_port: 443,
        token: "0000000000000000000000000000000000000000",
        timeout: Duration::from_secs(180),
        request_bytes: 1023,
        read_bytes: 1024,
        name_bytes: 64,
        firmware_bytes: 0x18_0000,
        partitions: partitions::ESP32,
    },
};

pub(super) const V2_4: Profile = Profile {
    name: "esp32-2.4",
    version: "2.4.0.0",
    source: "esp-at v2.4.0.0: manual, core library strings",
    nearest: Some(&ESP32_2_2),
    evidence: evidence! {
        limits.send_bytes: Documented, "manual of 2.4, AT+CIPSEND: at most 8192 bytes";
        limits.passthrough_packet: Documented, "manual of 2.4, AT+CIPSEND: a packet leaves at 2920 bytes";
        features.CIPSTATE, features.SENDL, features.SNTP_INTERVAL: Documented, "manual of 2.4";
        features.TCP_KEEP_ALIVE: Documented, "manual of 2.4, AT+CIPTCPOPT";
        limits.links, limits.line_bytes, limits.escape_guard, limits.passthrough_interval, limits.tls.flight_timeout: Documented, "manual of 2.4";
        limits.ipd_bytes: Inferred, "manual of 5.0: at most 2920 bytes in a message";
        limits.host_bytes: Documented, "manual of 2.4, AT+CIPSTART: at most 64 bytes";
        texts.gmr: Transcript, "github.com/golioth/golioth-firmware-sdk, logs of its samples on a WROVER-32, which Zephyr's driver cuts into lines; the third line as on an ESP32-C3 of the same release (a log of 2022-07-07, Squirrel)";
        quirks.send_restarts_server_timeout: Documented, "changelog of the core: repaired for 2.4";
        quirks.raw_with_multi: Strings, "texts of the core library from 2.4 on; a maintainer shows it on 2.3 for ESP32-C3, with a server for one client (esp-at#631)";
        quirks.saved_link_prompts: Strings, "the core library of 2.4 prints a prompt where it opens the saved link; its place beside CONNECT is a guess";
    },
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
        saved_link_prompts: true,
        raw_with_multi: true,
        ..BASE.quirks
    },
    texts: Texts {
        gmr: &[
            "AT version:2.4.0.0(s-4c6eb5e - ESP32 - May 20 2022 03:12:58)",
            "SDK version:qa-test-v4.3.3-20220423",
            "compile time(5641e0a):May 20 2022 11:13:44",
            "Bin version:2.4.0(WROVER-32)",
        ],
        ..BASE.texts
    },
    ..BASE
};

pub(super) const V4_1: Profile = Profile {
    name: "esp32-4.1",
    chip: "ESP32",
    version: "4.1.1.0",
    source: "esp-at v4.1.1.0: manual, core library strings",
    nearest: Some(&ESP32C3_3_3),
    evidence: evidence! {
        features.SSL_CIPHER: Documented, "manual of 4.1";
        features.CWCONFIG: Documented, "manual of 4.1, its list of commands; a summary of a later one has the parameters, ranges and defaults are ESP-IDF's";
        features.CONNECT_TIMEOUT: Documented, "manual of 4.1, AT+CIPSTART";
        features.DOMAIN_TIMEOUT: Documented, "manual of 4.1, AT+CIPDOMAIN";
        features.SERVER_NETIF: Documented, "manual of 4.1, AT+CIPSERVER";
        features.MDNS_DETAILS: Inferred, "the newest manual has them, that of 2.2 has not; a driver (CircuitPython, esp32at_wifi) of the time of 3.x leaves them out as not released";
        limits.links, limits.line_bytes, limits.send_bytes, limits.escape_guard, limits.passthrough_packet, limits.host_bytes, limits.tls.flight_timeout: Documented, "manual of 4.1";
        limits.receive_window, limits.send_buffer: Source, "ESP-IDF 5.4, components/lwip/Kconfig: LWIP_TCP_WND_DEFAULT and LWIP_TCP_SND_BUF_DEFAULT are 5760, four segments; a user's notes in module_esp32c3_default, sdkconfig.defaults, of 4.1.0.0-dev say the same";
        limits.tls.version_min, limits.tls.version_max: Source, "ESP-IDF 5.4: Mbed TLS 3.6, TLS 1.2; TLS 1.3 is off by default";
        limits.rf_power_steps: Documented, "manual of 4.0, AT+RFPOWER, its table for ESP32";
        features.DOWNLOAD_MODE: Documented, "manual of 4.0, AT+RST: ESP32-C2 and -C3 alone";
        texts.gmr: Transcript, "a host's notes of 2025 show the first and last line on a PICO-D4 (rustnet, meadow-f7), others of an ESP32-C6 with the same core the lines between, compiled by the user; the module is WROOM-32 here";
        texts.rom: Transcript, "as on esp32-2.2: the ROM is the chip's";
        quirks.receive_lengths_follow_mode: Documented, "changelog of the core of 2025-06-06: the real count; one value in the manual's example";
        factory.scan_fields: Transcript, "a scan on 4.1.0.0-dev for ESP32 (Zephyr shield apard32690's guide) has eleven";
        delays.sntp_start: Source, "module_esp32c3_default, sdkconfig.defaults, of 4.1.0.0-dev: LWIP_SNTP_STARTUP_DELAY=n";
        upgrade.firmware_bytes: Documented, "the manual's startup log of a WROOM-32: ota_0 and ota_1 of 0x180000";
        factory.manufacturing: Source, "esp-at, factory_param_data.csv: WROOM-32; types and namespaces from the examples of AT+SYSMFG in the newest manual; the vendor's certificates are left out";
        upgrade.partitions: Inferred, "as on ESP32-C3, at the places of the manual of 3.1, How to Customize Partitions";
    },
    limits: Limits {
        receive_window: 5760,
        send_buffer: 5760,
        rf_power_steps: BASE.limits.rf_power_steps,
        ..V3_3.limits
    },
    features: V3_3
        .features
        .union(Features::SSL_CIPHER)
        .union(Features::CWCONFIG)
        .union(Features::CONNECT_TIMEOUT)
        .union(Features::DOMAIN_TIMEOUT)
        .union(Features::SERVER_NETIF)
        .union(Features::MDNS_DETAILS)
        .difference(Features::DOWNLOAD_MODE),
    quirks: Quirks {
        receive_lengths_follow_mode: true,
        ..V3_3.quirks
    },
    texts: Texts {
        gmr: &[
            "AT version:4.1.1.0(ba4dd0e - ESP32 - Jul 31 2025 08:37:48)",
            "SDK version:v5.4.1-643-g8ad0d3d8f2f-dirty",
            "compile time(7c092f9):Aug 26 2026 05:59:24",
            "Bin version:v4.1.1.0(WROOM-32)",
        ],
        rom: super::rom::ESP32,
        ..V3_3.texts
    },
    delays: Delays {
        sntp_start: Duration::ZERO,
        ..V3_3.delays
    },
    factory: Factory {
        manufacturing: partitions::ESP32_MANUFACTURED,
        ..V3_3.factory
    },
    upgrade: Upgrade {
        firmware_bytes: BASE.upgrade.firmware_bytes,
        partitions: partitions::ESP32_NVS,
        ..V3_3.upgrade
    },
};

const RF_STEPS: &[RfStep] = &[
    step(40, 34),
    step(44, 44),
    step(52, 52),
    step(56, 56),
    step(60, 60),
    step(66, 66),
    step(72, 72),
    step(78, 78),
];

pub(super) const fn step(from: u8, gives: u8) -> RfStep {
    RfStep { from, gives }
}

const EVIDENCE_2_2: &[Evidence] = evidence! {
    limits.links: Documented, "manual of 2.2, AT+CIPSTART: <link ID> is 0 to 4";
    limits.line_bytes: Documented, "manual of 2.2, AT Command Set: at most 256 bytes";
    limits.send_bytes: Documented, "manual of 2.2, AT+CIPSEND: at most 2048 bytes";
    limits.read_bytes: Documented, "manual of 2.2, AT+CIPRECVDATA: at most 0x7fffffff";
    limits.ipd_bytes: Inferred, "manual of 5.0: at most 2920 bytes in a message; 2872 seen in esp-at#270; manuals of the time are silent";
    limits.datagram_bytes: Inferred, "manual of 5.0: datagrams are not put together again by default; an Ethernet frame holds 1472 bytes";
    limits.receive_window: Documented, "manual of 2.2, AT+CIPRECVMODE: 5744 by default";
    limits.send_buffer: Source, "ESP-IDF 4.2, components/lwip/Kconfig: LWIP_TCP_SND_BUF_DEFAULT is 5744, four segments; esp-at leaves it alone";
    limits.uart_tx: Source, "esp-at v2.2.0.0, main/interface/uart/at_uart_task.c: the driver is installed with 8192 bytes";
    limits.chunk_gap: Decided, "bytes further apart than a few byte times at 115200 come from different writes of the host MCU";
    limits.escape_guard: Documented, "manual of 2.2, +++: more than 20 ms of silence before and after";
    limits.passthrough_packet: Documented, "manual of 2.2, AT+CIPSEND: a packet leaves at 2048 bytes";
    limits.passthrough_interval: Documented, "manual of 2.2, AT+CIPSEND: a packet leaves every 20 ms";
    limits.passthrough_buffer: Decided, "a peer that takes nothing must hold the host MCU back at last";
    limits.passthrough_stall: Decided, "as limits.passthrough_buffer";
    limits.host_bytes: Inferred, "manual of 2.4, AT+CIPSTART: at most 64 bytes; manuals of the time are silent";
    limits.baud: Documented, "manual of 2.2, AT+UART_CUR: 80 to 5000000 on ESP32";
    limits.rf_power: Documented, "manual of 2.2, AT+RFPOWER: 40 to 84; older editions end at 78";
    limits.rf_power_steps: Documented, "manual of 2.2, AT+RFPOWER: the table of ranges and what they give";
    limits.softap_stations: Documented, "manual of 2.2, AT+CWSAP: 1 to 10";
    limits.connect_timeout: Inferred, "ESP-IDF's LWIP_TCP_SYNMAXRTX=3 in esp-at's sdkconfig.defaults: four SYNs; about 10 s in esp-at#139";
    limits.resolve_timeout: Inferred, "as long as two name servers of limits.name_server_timeout";
    limits.ping_bytes: Source, "ESP-IDF 4.2, ping_sock.h: ESP_PING_DEFAULT_CONFIG sends 64";
    limits.ping_timeout: Inferred, "ESP-IDF's older ping makes three probes of 1 s, the newer one five; Adafruit's ESP_ATcontrol gives up after 5 s";
    limits.sntp.answer: Source, "lwIP, sntp_opts.h: SNTP_RECV_TIMEOUT is 15 s";
    limits.sntp.retry: Source, "lwIP, sntp_opts.h: SNTP_RETRY_TIMEOUT is that of an answer";
    limits.sntp.retry_max: Source, "lwIP, sntp_opts.h: SNTP_RETRY_TIMEOUT_MAX is ten times the first wait";
    limits.sntp.update: Source, "lwIP, sntp_opts.h: SNTP_UPDATE_DELAY is an hour; esp-at sets LWIP_DHCP_MAX_NTP_SERVERS=3 and nothing else";
    limits.name_server_timeout: Source, "lwIP, dns.c: four questions, 1, 1, 2 and 3 s apart (DNS_MAX_RETRIES, DNS_TMR_INTERVAL); three of them in the log of esp-at#574";
    limits.tls.version_min: Source, "ESP-IDF 4.2 builds Mbed TLS 2.16 with TLS 1.0 to 1.2 by default";
    limits.tls.version_max: Source, "ESP-IDF 4.2 builds Mbed TLS 2.16 with TLS 1.0 to 1.2 by default";
    limits.tls.security_level: Inferred, "Mbed TLS 2.16 as ESP-IDF configures it takes SHA-1 in handshakes; its floor for keys was not measured";
    limits.tls.flight_timeout: Documented, "manual of 2.2, AT+CIPSTART: 10 s for each packet of a handshake";
    limits.ssl_links: Documented, "manual of 2.2, AT+CIPSTART: only ESP8266 is limited to one";
    limits.alpn: Documented, "manual of 2.2, AT+CIPSSLCALPN: one to three";

    features.RTOS: Documented, "manual of 2.2, Basic AT Commands";
    features.SUFFIXES: Documented, "manual of 2.2: AT+SYSSTORE takes their place";
    features.CWSTATE: Documented, "manual of 2.2, AT+CWSTATE: first in 2.2";
    features.IPV6: Documented, "manual of 2.2, AT+CIPV6: first in 2.2";
    features.DOMAIN_FAMILY: Documented, "manual of 2.2, AT+CIPDOMAIN";
    features.DOMAIN_TIMEOUT: Documented, "first in the manual of 4.1";
    features.CONNECT_TIMEOUT: Documented, "first in the manual of 4.1";
    features.CIPSTATE: Documented, "first in the manuals of 2.3 (ESP32-C3, ESP8266) and 2.4 (ESP32)";
    features.SENDL: Documented, "first in the manuals of 2.3 (ESP32-C3) and 2.4 (ESP32)";
    features.RECVTYPE: Documented, "first in the manual of 3.3";
    features.CONN_PERSIST: Documented, "first in the manual of 5.0";
    features.TCP_KEEP_ALIVE: Documented, "first in the manual of 2.4";
    features.SERVER_CLOSE_ALL: Documented, "manual of 2.2, AT+CIPSERVER";
    features.SERVER_NETIF: Documented, "first in the manual of 4.1";
    features.DOWNLOAD_MODE: Documented, "first in the manual of 3.0, and on ESP32-C2 and -C3 alone";
    features.SSL: Documented, "manual of 2.2, AT+CIPSTART";
    features.SSL_PSK: Strings, "the manual leaves ESP32 out; the core library of v2.2.0.0 for ESP32 has the handlers of AT+CIPSSLCPSK";
    features.SSL_PSK_HEX: Documented, "first in the manual of 3.3";
    features.SSL_CIPHER: Documented, "first in the manual of 4.1";
    features.SSL_SERVER: Documented, "manual of 2.2, AT+CIPSERVER: ESP32 only";
    features.SNTP_INTERVAL: Documented, "first in the manuals of 2.3 (ESP32-C3) and 2.4 (ESP32)";
    features.FIRMWARE_VERSIONS: Documented, "first in the manual of 3.0";
    features.TRANS_INTERVAL: Documented, "first in the manual of 3.1";
    features.MESSAGE_FILTER: Documented, "first in the manual of 3.1";
    features.MANUFACTURING: Documented, "first in the manual of 3.1";
    features.FLASH: Documented, "manual of 2.2, AT+SYSFLASH";
    features.CWINIT: Documented, "first in the manual of 3.1";
    features.CWCONFIG: Documented, "first in the manual of 4.1";
    features.BLUETOOTH: Documented, "manual of 2.2, AT+RFPOWER: not on ESP8266";
    features.MDNS: Documented, "manual of 2.2, AT+MDNS";
    features.MDNS_DETAILS: Documented, "not in the manual of 2.2";

    quirks.server_again_ok: Documented, "changelog of the core of 2023-04-07 (ESPAT-1410): repaired for 3.1";
    quirks.server_timeout_needs_server: Inferred, "seen on AT 0.51, and so in the open source of AT 0.20 (ESP8266_AT, at_ipCmd.c); RTOS by lineage";
    quirks.send_restarts_server_timeout: Documented, "changelog of the core: that sending does not restart it was repaired for 2.4";
    quirks.ssl_values_quoted: Strings, "the formats of the core library have no quotes, from 2.0 to 5.0; the manuals have them";
    quirks.dates_count_in_1970: Transcript, "esp-at#432; esp-at's sdkconfig.defaults of ESP32 set MBEDTLS_HAVE_TIME_DATE from 1.x to 4.1; a log of June 2021 (csdn.net, Marchtwentytwo, 117754632) connects with CIPSSLCCONF=2 only after AT+CIPSNTPCFG";
    quirks.zone_before_sync: Inferred, "a project's notes show it about 2024; esp-at#315 shows that 2.1-dev does not: the border is a guess";
    quirks.sntp_off_needs_zone: Documented, "manuals up to 2.2, AT+CIPSNTPCFG; optional in later ones";
    quirks.sntp_off_shows_zone: Strings, "the core library's format for it is first in 3.2";
    quirks.upgrade_names_host, quirks.upgrade_reads_version_on, quirks.upgrade_checks_partitions: Source, "esp-at, components/at/src/at_ota_cmd.c of February 2021";
    quirks.network_errors_numbered: Strings, "no such text in the core library before 5.0";
    quirks.raw_with_multi: Documented, "manual of 2.2, AT+CIPMODE: needs AT+CIPMUX=0; the core library says \"CIPMUX must be 0\"";
    quirks.saved_link_prompts: Strings, "the prompt is in the function that enters passthrough from 2.3 for ESP32-C3 and 2.4 on";
    quirks.time_updated: Documented, "first in 3.1";
    quirks.receive_lengths_follow_mode: Documented, "changelog of the core: from 4.1 on";
    quirks.background_upgrade_asks_nothing: Source, "esp-at, components/at/src/at_ota_cmd.c of February 2021; repaired later, where this release stands is not known";
    quirks.own_join_ignores_leased_servers: Decided, "the log of esp-at#574 shows it on this very release; decided against for modules in networks without the Internet, whose names this computer knows";

    texts.gmr: Transcript, "github.com/twilio/programmable-asset-tracker, esp32/README.md, log of 2022-01-09, WROOM-32";
    texts.rom: Transcript, "esp-idf#2051 (watchdog, and the lines after the cause), technyon/nuki_hub#454 (brown-out), arduino-esp32#1638 (power-on)";
    texts.mdns: Strings, "the core library has these words, in this order; which of them belong together is inferred";
    texts.free_heap, texts.free_heap_min: Documented, "manual of 2.2, AT+SYSRAM: the example; no log of this release was found";

    delays.boot, delays.associate, delays.dhcp, delays.wrong_password, delays.no_ap, delays.scan: Decided, "orders of magnitude of modules in use";
    delays.report_gap, delays.report_patience, delays.reset, delays.flash: Decided, "so that a host MCU meets the order that it meets on modules";
    delays.sntp_start: Inferred, "lwIP, sntp_opts.h: SNTP_STARTUP_DELAY_FUNC; that this release has it on was not seen (esp-at#315: \"wait ~5 seconds\")";

    factory.wifi_mode: Inferred, "an open softAP is up on a fresh module (boot log of 2.2.0.0-dev in esp-at#471); two hosts say mode 3; no AT+CWMODE? of a fresh module was found";
    factory.name_server: Transcript, "esp-at#523; the manual, AT+CIPDNS, has its bytes in reverse order";
    factory.host_name: Source, "ESP-IDF 4.2, components/lwip/Kconfig: LWIP_LOCAL_HOSTNAME";
    factory.sntp_servers: Strings, "core library of v2.2.0.0";
    factory.scan_fields: Transcript, "a scan without AT+CWLAPOPT on 2.2.0.0 for WROOM-32 (4bfff91, a user's notes of 2024-01-08: \"Duration: 2546 ms\") has eleven; so has one of 2.2.0.0 for ESP8266 (tinygo); the manual says 0x1F";
    factory.sleep_mode: Inferred, "manual of 2.2, AT+SLEEP: Bluetooth cannot start while sleep is off, and it starts on a fresh module";
    factory.rf_power: Documented, "the manual's startup logs: max tx power=78; 19.5 dBm in the release notes of 3.4";
    factory.uart: Documented, "manual of 2.2, AT+UART_DEF: 115200, 8, 1, none; shipped without flow control";

    upgrade.host, upgrade.port: Source, "esp-at, main/Kconfig: AT_OTA_SERVER_IP, AT_OTA_SERVER_PORT";
    upgrade.https_port: Source, "esp-at, main/Kconfig: AT_OTA_SSL_SERVER_PORT";
    upgrade.token: Decided, "as long as the vendor's (the length of the request in esp-at#103), which is not here";
    upgrade.timeout: Source, "esp-at, at_ota_cmd.c: three minutes";
    upgrade.request_bytes: Source, "esp-at, at_ota_cmd.c: a buffer of 1024 bytes with a NUL at its end";
    upgrade.read_bytes, upgrade.name_bytes: Source, "esp-at, at_ota_cmd.c";
    upgrade.firmware_bytes: Documented, "the manual's startup log of a WROOM-32: ota_0 and ota_1 of 0x180000";
    factory.manufacturing: Documented, "AT+SYSMFG is first in the manual of 3.1";
    upgrade.partitions: Source, "esp-at v2.2.0.0, module_config, at_customize.csv; so in the manual of 2.4, How to Generate PKI Files";
    quirks.rom_is_heard: Documented, "manual of 2.2, Hardware Connection: UART 0 is the log, the AT port is another";
    quirks.explains_to_host: Strings, "core libraries 1.0 to 5.0: these texts end in CR alone, and the silent builds lack them";
    quirks.looks_for_at: Transcript, "esp-at#101, esp-at#159, esp-at#295: a lone CR or LF and a lost letter spoil the line";
    quirks.prompt_has_space: Strings, "core library 2.2";
    quirks.echo_repeats_cr: Transcript, "esp-at#101, FactbirdHQ/atat#231: bytes";
    quirks.busy_a_line: Transcript, "esp-at#105, esp-at#388; core library 2.2 has no `busy s...`";
    quirks.pluses_cancel_send: Strings, "core library 2.2; manual of 2.2: message table";
    quirks.join_fails_with_fail: Transcript, "esp-at#388: ERROR";
    quirks.addresses_unquoted: Strings, "core library 2.2";
    quirks.read_begins_a_line: Transcript, "esp-at#294, esp-at#589; with the sender in esp-at#328";
    quirks.no_link_holds_zero: Transcript, "esp-at#223, esp-at#280";
    quirks.only_tcp_is_passive: Transcript, "esp-at#323, esp-at#589";
    quirks.name_servers_a_line: Transcript, "esp-at#523";
    quirks.dhcp_mode_first: Documented, "manual of 2.2, AT+CWDHCP";
    quirks.ping_is_bare: Transcript, "esp-at#322";
    quirks.info_in_capitals: Strings, "core library 2.2";
    quirks.status_is_the_stations: Transcript, "WiFiEspAT#105: STATUS:0 before a join";
    quirks.stations_are_bare: Strings, "core library 2.2";
    quirks.leaves_after_ok: Transcript, "WiFiEspAT#105";
    quirks.time_waits_for_sync: Transcript, "esp-at#315: it counts";
    quirks.time_has_day_with_zero: Transcript, "esp-at#315";
    quirks.mux_checks_links_first: Documented, "core changelog 2020-07: AT+CIPMUX=1 returns OK when there is a connection";
    quirks.udp_connect_shows_link: Transcript, "esp-at#450";
    quirks.server_keeps_links: Documented, "manual of 2.2, AT+CIPCLOSE";
    quirks.versions_end_without_line: Transcript, "esp-at#479";
    quirks.suffix_default_is_bare: Documented, "manual of 2.2: no such forms";
    quirks.ssl_conf_is_one: Documented, "manual of 2.2, AT+CIPSSLCCONF";
    quirks.join_shows_little: Strings, "core library 2.2";
    quirks.ram_shows_least: Documented, "manual of 2.2, AT+SYSRAM";
    limits.wifi_modes: Documented, "manual of 2.2, AT+CWMODE: 0 to 3";
    limits.sysmsg: Documented, "manual of 2.2, AT+SYSMSG: three bits";
    limits.wifi_protocols: Documented, "manual of 2.1, AT+CWSTAPROTO: b, bg and bgn (ESP-IDF, esp_wifi_set_protocol)";
    factory.wifi_protocols: Documented, "manual of 4.0, AT+CWSTAPROTO: bgn by default, but for ESP32-C6; ESP-IDF, esp_wifi_set_protocol";
    limits.deep_sleep_ms: Documented, "manual of 2.1, AT+GSLP: up to 2147483647";
    quirks.sleep_needs_station_alone: Documented, "the manual of 2.1 has no such note";
    quirks.deep_sleep_of_zero_lasts: Documented, "manual of 4.0, AT+GSLP: 0 restarts at once on ESP32 and ESP32-C3";
    limits.sleep_modes: Documented, "manual of 2.2, AT+SLEEP: none, modem sleep, light sleep, modem sleep by the listen interval";
    limits.time_zones: Documented, "manual of 2.2, AT+CIPSNTPCFG: -12 to 14";
    factory.host_name_has_mac: Source, "ESP-IDF 4.2, components/lwip/Kconfig: LWIP_LOCAL_HOSTNAME is a name";
    factory.reconnect: Documented, "manual of 2.2, AT+CWRECONNCFG";
};
