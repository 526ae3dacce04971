//! ESP8266 firmware lines.

use super::esp32::BASE;
use super::{Features, Limits, Profile};

/// ESP8266 NonOS, AT 1.7.
pub(super) static ESP8266_NONOS_1_7: Profile = NONOS_1_7;

/// ESP8266, release v2.2.0.0_esp8266.
pub(super) static ESP8266_2_2: Profile = V2_2;

pub(super) const V2_2: Profile = Profile {
    name: "esp8266-2.2",
    chip: "ESP8266",
    source: "esp-at v2.2.0.0_esp8266: manual, core library strings; else esp32-2.2",
    limits: Limits {
        ipd_bytes: 1460,
        receive_window: 5760,
        baud: (80, 4_500_000),
        // Manual, `AT+CIPSTART`: one SSL link.
        ssl_links: 1,
        ..BASE.limits
    },
    features: BASE.features.difference(Features::SSL_SERVER),
    ..BASE
};

pub(super) const NONOS_1_7: Profile = Profile {
    name: "esp8266-nonos-1.7",
    version: "1.7.4.0",
    source: "ESP8266 NonOS AT 1.7: instruction set, transcripts in public issues; else esp8266-2.2",
    limits: Limits {
        line_bytes: 128,
        ..V2_2.limits
    },
    features: Features::SUFFIXES
        .union(Features::SSL)
        .union(Features::MDNS),
    ..V2_2
};
