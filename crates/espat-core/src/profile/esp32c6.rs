//! ESP32-C6 firmware lines.

use super::esp32::{ESP32_4_1, V4_1};
use super::{Features, Profile, Texts};

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
        features.CONN_PERSIST: Documented, "manual of 5.0";
    },
    features: V4_1.features.union(Features::CONN_PERSIST),
    texts: Texts {
        rom: super::rom::ESP32C6,
        ..V4_1.texts
    },
    ..V4_1
};
