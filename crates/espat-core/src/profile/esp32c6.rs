//! ESP32-C6 firmware lines.

use super::esp32::{ESP32_4_1, V4_1};
use super::esp32c3::RF_STEPS;
use super::{Factory, Features, Limits, Profile, Quirks, Texts, Upgrade, partitions};

/// ESP32-C6, release v5.0.0.0.
pub(super) static ESP32C6_5_0: Profile = V5_0;

pub(super) const V5_0: Profile = Profile {
    name: "esp32c6-5.0",
    chip: "ESP32-C6",
    version: "5.0.0.0",
    source: "esp-at v5.0.0.0: manual, core library strings",
    nearest: Some(&ESP32_4_1),
    evidence: evidence! {
        texts.rom: Inferred, "esp-hosted#293 for power-on and the lines after the cause; other causes by analogy with the ESP32-C3";
        limits.wifi_protocols: Documented, "manual of 4.0, AT+CWSTAPROTO: bits for LR and ax; the sets are those of ESP-IDF's guide, Wi-Fi Protocol Mode";
        factory.wifi_protocols: Documented, "manual of 4.0, AT+CWSTAPROTO: bgnax by default";
        limits.deep_sleep_ms: Documented, "manual of 4.0, AT+GSLP: at least 5 ms; that less is an ERROR is decided";
        limits.rf_power_steps: Documented, "manual of 4.0, AT+RFPOWER, its table for ESP32-C6: as it was set up to 80";
        limits.ipd_bytes: Documented, "manual of 5.0: at most 2920 bytes in a message";
        limits.datagram_bytes: Documented, "manual of 5.0: datagrams are not put together again by default";
        limits.links, limits.line_bytes, limits.send_bytes, limits.escape_guard, limits.passthrough_packet, limits.host_bytes, limits.tls.flight_timeout: Documented, "manual of 5.0";
        limits.alpn: Documented, "manual of 5.0, AT+CIPSSLCALPN: none to five";
        texts.gmr: Inferred, "the manual's example of 5.0.0.0 for an ESP32-C61 (f6b0e89), with this chip's name and module; none of 5.0 for ESP32-C6 was found";
        upgrade.firmware_bytes: Documented, "the manual's startup log of an ESP32-C6 (4.0): ota_0 and ota_1 of 0x1d0000";
        factory.manufacturing: Source, "esp-at, factory_param_data.csv: ESP32C6-4MB; types and namespaces from the examples of AT+SYSMFG in the newest manual; the vendor's certificates are left out";
        upgrade.partitions: Source, "esp-at, module_esp32c5_default, at_customize.csv";
        features.CONN_PERSIST: Documented, "manual of 5.0";
        quirks.network_errors_numbered: Strings, "core library of 5.0; manual of 5.0, index: what the number is";
    },
    features: V4_1.features.union(Features::CONN_PERSIST),
    limits: Limits {
        rf_power_steps: RF_STEPS,
        wifi_protocols: &[1, 3, 7, 8, 15, 23, 31],
        deep_sleep_ms: 5..=i32::MAX,
        ..V4_1.limits
    },
    quirks: Quirks {
        network_errors_numbered: true,
        ..V4_1.quirks
    },
    texts: Texts {
        gmr: &[
            "AT version:5.0.0.0(f6b0e89 - ESP32C6 - Oct 17 2025 08:55:06)",
            "SDK version:v5.5.1-255-g07e9bf4970",
            "compile time(65202f43):Oct 17 2025 19:46:13",
            "Bin version:v5.0.0.0(ESP32C6-4MB)",
        ],
        rom: super::rom::ESP32C6,
        ..V4_1.texts
    },
    factory: Factory {
        wifi_protocols: 23,
        manufacturing: partitions::ESP32C6_MANUFACTURED,
        ..V4_1.factory
    },
    upgrade: Upgrade {
        firmware_bytes: 0x1d_0000,
        partitions: partitions::ESP32C6_NVS,
        ..V4_1.upgrade
    },
    ..V4_1
};
