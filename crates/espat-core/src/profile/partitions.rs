//! The user partitions of the flash, and what manufacture writes into them (esp-at: `at_customize.csv` of the modules,
//! `factory_param_data.csv`).

use super::{FactoryValue, Manufactured, Partition};

/// The type of partitions of esp-at's own.
const USER: u8 = 0x40;
/// ESP-IDF's types and subtypes.
const DATA: u8 = 1;
const NVS: u8 = 2;
const FAT: u8 = 129;
const UNDEFINED: u8 = 255;
const K: usize = 1024;

pub(super) const ESP32: &[Partition] = &[
    Partition::new("ble_data", USER, 1, 0x2_1000, 12 * K),
    Partition::new("server_cert", USER, 2, 0x2_4000, 8 * K),
    Partition::new("server_key", USER, 3, 0x2_6000, 8 * K),
    Partition::new("server_ca", USER, 4, 0x2_8000, 8 * K),
    Partition::new("client_cert", USER, 5, 0x2_a000, 8 * K),
    Partition::new("client_key", USER, 6, 0x2_c000, 8 * K),
    Partition::new("client_ca", USER, 7, 0x2_e000, 8 * K),
    Partition::new("factory_param", USER, 8, 0x3_0000, 4 * K),
    Partition::new("wpa2_cert", USER, 9, 0x3_1000, 8 * K),
    Partition::new("wpa2_key", USER, 10, 0x3_3000, 8 * K),
    Partition::new("wpa2_ca", USER, 11, 0x3_5000, 8 * K),
    Partition::new("mqtt_cert", USER, 12, 0x3_7000, 8 * K),
    Partition::new("mqtt_key", USER, 13, 0x3_9000, 8 * K),
    Partition::new("mqtt_ca", USER, 14, 0x3_b000, 8 * K),
    Partition::new("fatfs", DATA, FAT, 0x7_0000, 576 * K),
];

pub(super) const ESP8266: &[Partition] = &[
    Partition::new("factory_param", USER, 8, 0xf_1000, 4 * K),
    Partition::new("server_cert", USER, 2, 0xf_2000, 8 * K),
    Partition::new("server_key", USER, 3, 0xf_4000, 8 * K),
    Partition::new("server_ca", USER, 4, 0xf_6000, 8 * K),
    Partition::new("client_cert", USER, 5, 0xf_8000, 8 * K),
    Partition::new("client_key", USER, 6, 0xf_a000, 8 * K),
    Partition::new("client_ca", USER, 7, 0xf_c000, 8 * K),
    Partition::new("wpa2_cert", USER, 8, 0xf_e000, 8 * K),
    Partition::new("wpa2_key", USER, 9, 0x10_0000, 8 * K),
    Partition::new("wpa2_ca", USER, 10, 0x10_2000, 8 * K),
    Partition::new("mqtt_cert", USER, 11, 0x10_4000, 8 * K),
    Partition::new("mqtt_key", USER, 12, 0x10_6000, 8 * K),
    Partition::new("mqtt_ca", USER, 13, 0x10_8000, 8 * K),
];

/// From 3.1 on one partition holds what had partitions of its own.
pub(super) const ESP32_NVS: &[Partition] = &[
    Partition::new("mfg_nvs", DATA, NVS, 0x2_1000, 124 * K),
    Partition::new("fatfs", DATA, FAT, 0x7_0000, 576 * K),
];

pub(super) const ESP32C3_NVS: &[Partition] = &[
    Partition::new("mfg_nvs", DATA, NVS, 0x1_f000, 124 * K),
    Partition::new("fatfs", DATA, FAT, 0x4_7000, 100 * K),
];

pub(super) const ESP32C6_NVS: &[Partition] = &[
    Partition::new("mfg_nvs", DATA, NVS, 0x1_f000, 124 * K),
    Partition::new("fs_storage", DATA, UNDEFINED, 0x4_7000, 100 * K),
];

/// The namespaces of a module: its parameters; certificates, keys and services begin empty.
macro_rules! manufactured {
    ($module:literal, $tx:literal, $rx:literal, $cts:literal, $rts:literal) => {
        &[
            Manufactured {
                namespace: "factory_param",
                keys: &[
                    ("version", FactoryValue::I8(4)),
                    ("module_name", FactoryValue::Text($module)),
                    ("max_tx_power", FactoryValue::I8(78)),
                    ("country_code", FactoryValue::Text("CN")),
                    ("start_channel", FactoryValue::U8(1)),
                    ("channel_num", FactoryValue::U8(13)),
                    ("uart_port", FactoryValue::I8(1)),
                    ("uart_baudrate", FactoryValue::I32(115_200)),
                    ("uart_tx_pin", FactoryValue::I32($tx)),
                    ("uart_rx_pin", FactoryValue::I32($rx)),
                    ("uart_cts_pin", FactoryValue::I32($cts)),
                    ("uart_rts_pin", FactoryValue::I32($rts)),
                ],
            },
            empty("client_cert"),
            empty("client_key"),
            empty("client_ca"),
            empty("server_cert"),
            empty("server_key"),
            empty("server_ca"),
            empty("wpa2_cert"),
            empty("wpa2_key"),
            empty("wpa2_ca"),
            empty("mqtt_cert"),
            empty("mqtt_key"),
            empty("mqtt_ca"),
        ]
    };
}

const fn empty(namespace: &'static str) -> Manufactured {
    Manufactured {
        namespace,
        keys: &[],
    }
}

pub(super) const ESP32_MANUFACTURED: &[Manufactured] = manufactured!("WROOM-32", 17, 16, 15, 14);
pub(super) const ESP32C3_MANUFACTURED: &[Manufactured] = manufactured!("MINI-1", 7, 6, 5, 4);
pub(super) const ESP32C6_MANUFACTURED: &[Manufactured] = manufactured!("ESP32C6-4MB", 7, 6, 5, 4);
