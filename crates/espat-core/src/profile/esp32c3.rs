//! ESP32-C3 firmware lines.

use super::esp32::{ESP32_2_4, V2_4, step};
use super::{Factory, Features, Limits, Profile, Quirks, RfStep, Texts, Upgrade, partitions};
use crate::tls::{TlsRules, TlsVersion};

/// ESP32-C3, release v3.3.0.0.
pub(super) static ESP32C3_3_3: Profile = V3_3;

pub(super) const V3_3: Profile = Profile {
    name: "esp32c3-3.3",
    chip: "ESP32-C3",
    version: "3.3.0.0",
    source: "esp-at v3.3.0.0: manual, core library strings",
    nearest: Some(&ESP32_2_4),
    evidence: evidence! {
        texts.rom: Transcript, "ivmarkov/rust-esp32-std-demo#42, esp-idf#12110 (watchdog)";
        limits.links, limits.line_bytes, limits.send_bytes, limits.escape_guard, limits.passthrough_packet, limits.host_bytes, limits.tls.flight_timeout: Documented, "manual of 3.3";
        limits.tls.version_min: Source, "ESP-IDF 5.0 builds Mbed TLS 3, which has nothing older";
        limits.tls.version_max: Source, "ESP-IDF 5.0 builds Mbed TLS 3; TLS 1.3 is off by default";
        limits.tls.security_level: Inferred, "Mbed TLS 3 takes no SHA-1 in handshakes; its floor for keys was not measured";
        limits.wifi_protocols: Documented, "manual of 4.0, AT+CWSTAPROTO: a bit for LR; the sets are those of ESP-IDF's guide, Wi-Fi Protocol Mode";
        quirks.sleep_needs_station_alone: Documented, "manual of 4.0, AT+SLEEP: the modes can only be set in station mode; what the others answer is decided";
        features.DOWNLOAD_MODE: Documented, "manual of 4.0, AT+RST: ESP32-C2 and -C3; the manual of 3.0 has it";
        limits.rf_power_steps: Documented, "manual of 4.0, AT+RFPOWER, its table for ESP32-C3: as it was set up to 80";
        limits.alpn: Inferred, "manual of 5.0, AT+CIPSSLCALPN: none to five; when that came was not found";
        texts.gmr: Documented, "the manual's example for a MINI-1, 3b13d04; the first line also in hosts' logs";
        factory.wifi_mode: Inferred, "esp-at#826: access point and station are up on a fresh ESP32-C3";
        upgrade.firmware_bytes: Documented, "the manual's startup log of a MINI-1: ota_0 and ota_1 of 0x1d0000";
        factory.manufacturing: Source, "esp-at, factory_param_data.csv: MINI-1; types and namespaces from the examples of AT+SYSMFG in the newest manual; the vendor's certificates are left out";
        upgrade.partitions: Source, "esp-at, module_config of ESP32-C2 and -C3 from 3.1 on, at_customize.csv: certificates are in mfg_nvs";
        features.FIRMWARE_VERSIONS: Documented, "manual of 3.3; first in that of 3.0";
        features.CWINIT, features.MANUFACTURING, features.TRANS_INTERVAL, features.MESSAGE_FILTER: Documented, "manual of 3.3; first in that of 3.1";
        features.RECVTYPE, features.SSL_PSK_HEX: Documented, "manual of 3.3";
        quirks.server_again_ok: Documented, "changelog of the core of 2023-04-07 (ESPAT-1410): repaired for 3.1; notes of a host on 3.3 can be read otherwise, which was not checked there";
        quirks.sntp_off_needs_zone: Documented, "manual of 3.3, AT+CIPSNTPCFG: optional";
        quirks.sntp_off_shows_zone: Strings, "the core library's format for it is first in 3.2";
        quirks.time_updated: Documented, "manual of 3.3, index of messages: only after power-on or AT+CIPSNTPCFG; first in 3.1";
        quirks.upgrade_names_host, quirks.upgrade_reads_version_on, quirks.upgrade_checks_partitions: Source, "esp-at, components/at/src/at_ota_cmd.c, headed 2024; when that came is not known";
        quirks.background_upgrade_asks_nothing: Source, "esp-at of 2026, components/at/src/at_ota_cmd.c: repaired; when is not known";
    },
    limits: Limits {
        tls: TlsRules {
            version_min: TlsVersion::Tls1_2,
            security_level: 1,
            ..V2_4.limits.tls
        },
        rf_power_steps: RF_STEPS,
        wifi_protocols: &[1, 3, 7, 8, 15],
        alpn: 0..=5,
        ..V2_4.limits
    },
    features: V2_4
        .features
        .union(Features::FIRMWARE_VERSIONS)
        .union(Features::CWINIT)
        .union(Features::MANUFACTURING)
        .union(Features::TRANS_INTERVAL)
        .union(Features::MESSAGE_FILTER)
        .union(Features::RECVTYPE)
        .union(Features::DOWNLOAD_MODE)
        .union(Features::SSL_PSK_HEX),
    texts: Texts {
        gmr: &[
            "AT version:3.3.0.0(3b13d04 - ESP32C3 - May  8 2024 08:21:54)",
            "SDK version:v5.0.6-dirty",
            "compile time(be332568):May  8 2024 08:51:33",
            "Bin version:v3.3.0.0(MINI-1)",
        ],
        rom: super::rom::ESP32C3,
        ..V2_4.texts
    },
    quirks: Quirks {
        server_again_ok: false,
        sleep_needs_station_alone: true,
        sntp_off_needs_zone: false,
        sntp_off_shows_zone: true,
        time_updated: true,
        background_upgrade_asks_nothing: false,
        upgrade_names_host: true,
        upgrade_reads_version_on: true,
        upgrade_checks_partitions: true,
        ..V2_4.quirks
    },
    factory: Factory {
        manufacturing: partitions::ESP32C3_MANUFACTURED,
        ..V2_4.factory
    },
    upgrade: Upgrade {
        firmware_bytes: 0x1d_0000,
        partitions: partitions::ESP32C3_NVS,
        ..V2_4.upgrade
    },
    ..V2_4
};

pub(super) const RF_STEPS: &[RfStep] = &[step(81, 80)];
