//! ESP32-C3 firmware lines.

use super::esp32::V2_4;
use super::{Features, Profile, Quirks};

/// ESP32-C3, release v3.3.0.0.
pub(super) static ESP32C3_3_3: Profile = V3_3;

pub(super) const V3_3: Profile = Profile {
    name: "esp32c3-3.3",
    chip: "ESP32-C3",
    version: "3.3.0.0",
    source: "esp-at v3.3.0.0: manual, core library strings; else esp32-2.4",
    features: V2_4
        .features
        .union(Features::FIRMWARE_VERSIONS)
        .union(Features::CWINIT)
        .union(Features::MANUFACTURING)
        .union(Features::TRANS_INTERVAL)
        .union(Features::MESSAGE_FILTER)
        .union(Features::RECVTYPE)
        .union(Features::SSL_PSK_HEX),
    quirks: Quirks {
        server_again_ok: false,
        sntp_off_needs_zone: false,
        sntp_off_shows_zone: true,
        background_upgrade_asks_nothing: false,
        ..V2_4.quirks
    },
    ..V2_4
};
