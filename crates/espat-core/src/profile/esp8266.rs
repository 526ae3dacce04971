//! ESP8266 firmware lines.

use super::esp32::{BASE, ESP32_2_2};
use super::{Features, Limits, Profile, Texts};

/// ESP8266 NonOS, AT 1.7.
pub(super) static ESP8266_NONOS_1_7: Profile = NONOS_1_7;

/// ESP8266, release v2.2.0.0_esp8266.
pub(super) static ESP8266_2_2: Profile = V2_2;

pub(super) const V2_2: Profile = Profile {
    name: "esp8266-2.2",
    chip: "ESP8266",
    source: "esp-at v2.2.0.0_esp8266: manual, core library strings",
    nearest: Some(&ESP32_2_2),
    evidence: evidence! {
        texts.rom: Transcript, "esp8266/Arduino#9122 (watchdog); causes of power-on and pin as the ROM counts them";
        limits.ipd_bytes: Inferred, "one segment; the manual of 2.2 has 1460 for passthrough on ESP8266";
        limits.receive_window: Documented, "manual of 2.2, AT+CIPRECVMODE: 5760 on ESP8266";
        limits.baud: Documented, "manual of 2.2, AT+UART_CUR: 80 to 4500000 on ESP8266";
        limits.ssl_links: Documented, "manual of 2.2, AT+CIPSTART: one on ESP8266";
        features.SSL_SERVER: Documented, "manual of 2.2, AT+CIPSERVER: not on ESP8266";
    },
    limits: Limits {
        ipd_bytes: 1460,
        receive_window: 5760,
        baud: (80, 4_500_000),
        ssl_links: 1,
        ..BASE.limits
    },
    features: BASE.features.difference(Features::SSL_SERVER),
    texts: Texts {
        rom: super::rom::ESP8266,
        ..BASE.texts
    },
    ..BASE
};

pub(super) const NONOS_1_7: Profile = Profile {
    name: "esp8266-nonos-1.7",
    version: "1.7.4.0",
    source: "ESP8266 AT Instruction Set for NonOS AT 1.7, transcripts in public issues, host drivers",
    nearest: Some(&ESP8266_2_2),
    evidence: evidence! {
        limits.line_bytes: Transcript, "ESP8266_NONOS_SDK#7: 128 bytes";
        features.RTOS: Documented, "instruction set: none of them is there";
        features.SUFFIXES: Documented, "instruction set: AT+CWMODE_CUR, AT+CWMODE_DEF and so on";
        features.CWSTATE, features.IPV6, features.SSL_PSK, features.FLASH: Documented, "not in the instruction set";
        features.DOMAIN_FAMILY: Documented, "instruction set, AT+CIPDOMAIN: one parameter";
        features.SERVER_CLOSE_ALL: Documented, "instruction set, AT+CIPSERVER: <mode> and <port>";
    },
    limits: Limits {
        line_bytes: 128,
        ..V2_2.limits
    },
    features: Features::SUFFIXES
        .union(Features::SSL)
        .union(Features::MDNS),
    ..V2_2
};
