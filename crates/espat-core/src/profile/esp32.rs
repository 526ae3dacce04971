//! ESP32 firmware lines.

use core::time::Duration;

use super::{Delays, Factory, Features, Limits, Profile, Quirks, Texts};
use crate::output::UartConfig;

/// ESP32, release v2.2.0.0.
pub static ESP32_2_2: Profile = Profile {
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
        uart_tx: 8192,
        chunk_gap: Duration::from_millis(2),
        escape_guard: Duration::from_millis(20),
        passthrough_packet: 2048,
        passthrough_interval: Duration::from_millis(20),
        passthrough_buffer: 64 * 1024,
        passthrough_stall: Duration::from_secs(1),
        host_bytes: 64,
        baud: (80, 5_000_000),
        softap_stations: 10,
        connect_timeout: Duration::from_secs(12),
        resolve_timeout: Duration::from_secs(14),
    },
    features: Features::all(),
    quirks: Quirks {
        server_again_ok: true,
        server_timeout_needs_server: true,
        send_restarts_server_timeout: false,
    },
    texts: Texts {
        gmr: &[
            "AT version:2.2.0.0(c6fa6bf - ESP32 - Jul  2 2021 06:44:05)",
            "SDK version:v4.2.2-76-gefa6eca",
            "compile time(3a696ba):Jul  2 2021 11:54:43",
            "Bin version:2.2.0(WROOM-32)",
        ],
        free_heap: 146_000,
    },
    delays: Delays {
        boot: Duration::from_millis(350),
        associate: Duration::from_millis(900),
        dhcp: Duration::from_millis(600),
        wrong_password: Duration::from_millis(3500),
        no_ap: Duration::from_millis(2400),
        scan: Duration::from_millis(2000),
        report_gap: Duration::from_millis(20),
        reset: Duration::from_millis(100),
        flash: Duration::from_millis(5),
    },
    factory: Factory {
        wifi_mode: 3,
        // ESP-IDF's default of CONFIG_LWIP_LOCAL_HOSTNAME.
        host_name: "espressif",
        uart: UartConfig {
            baud: 115_200,
            data_bits: 8,
            stop_bits: 1,
            parity: 0,
            flow: 0,
        },
    },
};
