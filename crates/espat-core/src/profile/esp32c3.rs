//! ESP32-C3 firmware lines.

use super::esp32::{ESP32_2_4, V2_4};
use super::{Features, Profile, Quirks, Texts};

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
        features.FIRMWARE_VERSIONS: Documented, "manual of 3.3; first in that of 3.0";
        features.CWINIT, features.MANUFACTURING, features.TRANS_INTERVAL, features.MESSAGE_FILTER: Documented, "manual of 3.3; first in that of 3.1";
        features.RECVTYPE, features.SSL_PSK_HEX: Documented, "manual of 3.3";
        quirks.server_again_ok: Documented, "changelog of the core of 2023-04-07 (ESPAT-1410): repaired for 3.1; notes of a host on 3.3 can be read otherwise, which was not checked there";
        quirks.sntp_off_needs_zone: Documented, "manual of 3.3, AT+CIPSNTPCFG: optional";
        quirks.sntp_off_shows_zone: Strings, "the core library's format for it is first in 3.2";
        quirks.time_updated: Documented, "manual of 3.3, index of messages: only after power-on or AT+CIPSNTPCFG; first in 3.1";
        quirks.background_upgrade_asks_nothing: Source, "esp-at of 2026, components/at/src/at_ota_cmd.c: repaired; when is not known";
    },
    features: V2_4
        .features
        .union(Features::FIRMWARE_VERSIONS)
        .union(Features::CWINIT)
        .union(Features::MANUFACTURING)
        .union(Features::TRANS_INTERVAL)
        .union(Features::MESSAGE_FILTER)
        .union(Features::RECVTYPE)
        .union(Features::SSL_PSK_HEX),
    texts: Texts {
        rom: super::rom::ESP32C3,
        ..V2_4.texts
    },
    quirks: Quirks {
        server_again_ok: false,
        sntp_off_needs_zone: false,
        sntp_off_shows_zone: true,
        time_updated: true,
        background_upgrade_asks_nothing: false,
        ..V2_4.quirks
    },
    ..V2_4
};
