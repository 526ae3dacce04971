//! ESP8266 firmware lines.

use super::esp32::{BASE, ESP32_2_2};
use super::{Evidence, Factory, Features, Limits, Profile, Quirks, Texts, Upgrade, partitions};

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
        limits.links, limits.line_bytes, limits.send_bytes, limits.escape_guard, limits.passthrough_interval: Documented, "manual of 2.2";
        limits.passthrough_packet: Documented, "manual of 2.2, AT+CIPSEND: a packet leaves at 1460 bytes on ESP8266";
        limits.send_buffer: Source, "ESP8266_RTOS_SDK, components/lwip/Kconfig: TCP_SND_BUF_DEFAULT is 2920, two segments";
        limits.uart_tx: Source, "esp-at v2.2.0.0, main/interface/uart/at_uart_task.c: the driver is installed with 2048 bytes on ESP8266";
        limits.rf_power: Documented, "manual, AT Command Set Comparison: 40 to 82 on ESP8266";
        texts.gmr: Transcript, "hosts' notes of the release as its vendors built it (Cytron: \"Bin version:2.2.0(Cytron_ESP-12F_WROOM-02)\"); the module is Espressif's WROOM-02 here";
        factory.wifi_mode: Inferred, "by analogy with the ESP32; nothing was found";
        factory.scan_fields: Transcript, "a scan on 2.2.0.0(s-b097cdf - ESP8266) without AT+CWLAPOPT has eleven (tinygo's ESP8266 example)";
        upgrade.firmware_bytes: Source, "esp-at, module_esp8266_default, partitions_at.csv: 0xE0000";
        upgrade.partitions: Source, "esp-at, module_esp8266_default, at_customize.csv";
        quirks.deep_sleep_of_zero_lasts: Source, "ESP8266_RTOS_SDK, esp_sleep.h, and ESP8266_NONOS_SDK, system_deep_sleep: 0 sets no wake-up timer; WiFiEspAT#12 uses it";
        features.SSL_PSK: Strings, "the manual of 2.2 lists it, and its format is in the core libraries from 2.0 on";
        features.SSL_SERVER: Documented, "manual of 2.2, AT+CIPSERVER: not on ESP8266; the answer in its core library has port and type alone";
        features.BLUETOOTH: Documented, "manual of 2.2, AT+RFPOWER: not on ESP8266, whose answer has one number (core library)";
        texts.free_heap, texts.free_heap_min: Decided, "the manual's example is an ESP32's; the chip has less RAM than that, and no log was found";
    },
    limits: Limits {
        ipd_bytes: 1460,
        receive_window: 5760,
        send_buffer: 2920,
        uart_tx: 2048,
        passthrough_packet: 1460,
        rf_power: 40..=82,
        baud: (80, 4_500_000),
        ssl_links: 1,
        ..BASE.limits
    },
    features: BASE
        .features
        .difference(Features::SSL_SERVER)
        .difference(Features::BLUETOOTH),
    quirks: Quirks {
        deep_sleep_of_zero_lasts: true,
        ..BASE.quirks
    },
    texts: Texts {
        gmr: &[
            "AT version:2.2.0.0(b097cdf - ESP8266 - Jun 17 2021 12:57:45)",
            "SDK version:v3.4-22-g967752e2",
            "compile time(6800286):Aug  4 2021 17:34:06",
            "Bin version:2.2.0(WROOM-02)",
        ],
        free_heap: 39_552,
        free_heap_min: 30_720,
        rom: super::rom::ESP8266,
        ..BASE.texts
    },
    upgrade: Upgrade {
        firmware_bytes: 0xe_0000,
        partitions: partitions::ESP8266,
        ..BASE.upgrade
    },
    ..BASE
};

pub(super) const NONOS_1_7: Profile = Profile {
    name: "esp8266-nonos-1.7",
    version: "1.7.4.0",
    source: "ESP8266 AT Instruction Set for NonOS AT 1.7, transcripts in public issues, host drivers",
    nearest: Some(&ESP8266_2_2),
    evidence: EVIDENCE_NONOS_1_7,
    limits: Limits {
        line_bytes: 128,
        read_bytes: 2048,
        receive_window: 2920,
        passthrough_packet: 2048,
        baud: (110, 4_608_000),
        ping_bytes: 32,
        rf_power: 0..=82,
        rf_power_steps: &[],
        softap_stations: 8,
        wifi_modes: 1..=3,
        sysmsg: 0..=3,
        sleep_modes: 0..=2,
        time_zones: -11..=13,
        ..V2_2.limits
    },
    features: Features::SUFFIXES
        .union(Features::SSL)
        .union(Features::MDNS),
    quirks: Quirks {
        sntp_off_needs_zone: false,
        rom_is_heard: true,
        explains_to_host: true,
        looks_for_at: true,
        prompt_has_space: true,
        echo_repeats_cr: true,
        busy_a_line: true,
        pluses_cancel_send: false,
        join_fails_with_fail: true,
        addresses_unquoted: true,
        read_begins_a_line: true,
        no_link_holds_zero: true,
        only_tcp_is_passive: true,
        name_servers_a_line: true,
        dhcp_mode_first: true,
        ping_is_bare: true,
        info_in_capitals: true,
        status_is_the_stations: true,
        stations_are_bare: true,
        leaves_after_ok: true,
        time_waits_for_sync: true,
        time_has_day_with_zero: true,
        mux_checks_links_first: true,
        udp_connect_shows_link: true,
        server_keeps_links: true,
        versions_end_without_line: true,
        suffix_default_is_bare: true,
        ssl_conf_is_one: true,
        join_shows_little: true,
        sleep_needs_station_alone: true,
        ram_shows_least: false,
        ..V2_2.quirks
    },
    texts: Texts {
        gmr: &[
            "AT version:1.7.4.0(May 11 2020 19:13:04)",
            "SDK version:3.0.4(9532ceb)",
            "compile time:May 27 2020 10:12:17",
            "Bin version(Wroom 02):1.7.4",
        ],
        free_heap: 39_552,
        rom: super::rom::ESP8266_NONOS,
        ..V2_2.texts
    },
    factory: Factory {
        wifi_mode: 2,
        sleep_mode: 2,
        rf_power: 82,
        host_name: "ESP_",
        host_name_has_mac: true,
        reconnect: (1, 0),
        ..V2_2.factory
    },
    ..V2_2
};

/// The instruction set is the vendor's manual for NonOS, editions 2.1 to 3.0.
const EVIDENCE_NONOS_1_7: &[Evidence] = evidence! {
    limits.line_bytes: Transcript, "ESP8266_NONOS_SDK#7: 128 bytes";
    limits.read_bytes: Source, "ESP_ATMod refuses more than 2048 as too long";
    limits.links, limits.send_bytes: Documented, "instruction set, AT+CIPSEND";
    limits.passthrough_packet, limits.passthrough_interval: Documented, "instruction set, AT+CIPSEND: every 20 ms, at most 2048 bytes";
    limits.baud: Documented, "instruction set, AT+UART_CUR: 110 to 115200*40";
    limits.ping_bytes: Source, "lwIP, contrib/apps/ping/ping.c: PING_DATA_SIZE is 32";
    limits.receive_window: Documented, "instruction set, AT+CIPRECVMODE: 2920 bytes by default";
    limits.rf_power: Documented, "manual of 2.2, AT Command Set Comparison: 0 to 82 on NonOS";
    limits.rf_power_steps: Decided, "nothing says that the value is rounded";
    limits.softap_stations: Documented, "instruction set, AT+CWSAP_CUR: 1 to 8";
    limits.wifi_modes: Transcript, "zephyr#31737: no mode 0";
    limits.sysmsg: Documented, "instruction set, AT+SYSMSG_CUR: two bits";
    limits.sleep_modes: Documented, "instruction set, AT+SLEEP: none, light sleep, modem sleep";
    limits.time_zones: Documented, "instruction set, AT+CIPSNTPCFG: -11 to 13";
    features.RTOS: Documented, "instruction set: none of them is there";
    features.SUFFIXES: Documented, "instruction set: AT+CWMODE_CUR, AT+CWMODE_DEF and so on";
    features.CWSTATE, features.IPV6, features.SSL_PSK, features.FLASH: Documented, "not in the instruction set";
    features.DOMAIN_FAMILY: Documented, "instruction set, AT+CIPDOMAIN: one parameter";
    features.SERVER_CLOSE_ALL: Documented, "instruction set, AT+CIPSERVER: <mode> and <port>";
    quirks.sntp_off_needs_zone: Documented, "instruction set, AT+CIPSNTPCFG: <timezone> where SNTP is enabled";
    quirks.rom_is_heard: Transcript, "mbed-os#12234; the AT port is UART 0";
    texts.rom: Transcript, "mbed-os#12234 and a log of 1.6.2: what the boot loader of NonOS says";
    quirks.explains_to_host: Transcript, "ESP8266_NONOS_SDK#35, RaceCapture#867, ESP8266_AT_Commands_parser#50; words and their order also from ESP_ATMod";
    quirks.looks_for_at: Source, "ESP8266_AT, at_port.c (AT 0.20), and ESP_ATMod; what a LF alone does to a command is decided: AT 0.20 runs those with =";
    quirks.prompt_has_space: Driver, "drogue-esp8266 and esp8266-wifi-serial wait for it; ESP8266_NONOS_SDK#59; source of AT 0.20, which has it on a line of its own in passthrough";
    quirks.echo_repeats_cr: Transcript, "room-15/blog#17: bytes; source of AT 0.20; a project with 1.7.4 counts CR LF";
    quirks.busy_a_line: Source, "ESP8266_AT, at_port.c (AT 0.20); drivers of 1.7 know both texts";
    quirks.pluses_cancel_send: Documented, "instruction set: +++ in data mode only for AT+CIPSENDBUF";
    quirks.join_fails_with_fail: Documented, "instruction set, AT+CWJAP_CUR: +CWJAP:<error code> and FAIL";
    quirks.addresses_unquoted: Transcript, "ESP8266_NONOS_SDK#59; drogue-esp8266 and Zephyr read it so";
    quirks.read_begins_a_line: Driver, "WiFiEspAT, Zephyr (zephyr#91677), mbed-os, ESP_ATMod; the instruction set has `:<n>,`";
    quirks.no_link_holds_zero: Driver, "esp-at#223: WiFiEspAT on 1.7";
    quirks.only_tcp_is_passive: Documented, "instruction set, AT+CIPRECVMODE: not for SSL and UDP";
    quirks.name_servers_a_line: Documented, "instruction set, AT+CIPDNS_CUR; drogue-esp8266 reads it so";
    quirks.dhcp_mode_first: Documented, "instruction set, AT+CWDHCP_CUR";
    quirks.ping_is_bare: Transcript, "Adafruit_CircuitPython_ESP_ATcontrol#21: bytes; +timeout: instruction set";
    quirks.info_in_capitals: Transcript, "a log of AT 1.1.0; the empty line: ESP_ATMod and ARM's driver";
    quirks.status_is_the_stations: Transcript, "a log of AT 1.1.0: STATUS:5 on a softAP; ESP_ATMod#33";
    quirks.stations_are_bare: Documented, "instruction set, AT+CWLIF";
    quirks.leaves_after_ok: Inferred, "drivers that are in use wait for the report after OK";
    quirks.time_waits_for_sync: Transcript, "WiFiEspAT#8";
    quirks.time_has_day_with_zero: Transcript, "WiFiEspAT#8";
    quirks.mux_checks_links_first: Source, "ESP_ATMod; source of AT 0.20";
    quirks.udp_connect_shows_link: Transcript, "stackoverflow.com, 79081416; source of AT 0.20";
    quirks.server_keeps_links: Documented, "instruction set, AT+CIPCLOSE: ID 5 has no effect in server mode; AT 0.20 says \"we must restart\" there and no OK (at_ipCmd.c), and that 1.7 answers ERROR is decided";
    quirks.versions_end_without_line: Transcript, "mbed-os#12234 (1.7.0), ARMmbed/esp8266-driver#111 (1.6.2)";
    quirks.suffix_default_is_bare: Transcript, "a log of AT 1.1.0";
    quirks.ssl_conf_is_one: Source, "ESP8266_NONOS_SDK, release notes of AT 1.7: AT+CIPSSLCCONF=<ssl_mode>";
    quirks.join_shows_little: Transcript, "ESP8266_NONOS_SDK#359 (AT 1.7.6), and bytes in a host's comment; the instruction set leaves <pci_en> out";
    quirks.sleep_needs_station_alone: Documented, "instruction set, AT+SLEEP (WiFiEspAT#12 quotes it): only in station mode; what the others answer is decided";
    quirks.ram_shows_least: Documented, "manual of 2.2, AT Command Set Comparison: NonOS lacks it";
    texts.gmr: Transcript, "khoih-prog/ESP8266_AT_WebServer, README: AT Firmware v1.7.4.0";
    texts.free_heap: Decided, "no log of 1.7 was found";
    factory.wifi_mode: Transcript, "a log of AT 1.1.0: +CWMODE_DEF:2";
    factory.sleep_mode: Transcript, "a log of AT 1.1.0: +SLEEP:2";
    factory.rf_power: Inferred, "the largest value";
    factory.host_name, factory.host_name_has_mac: Inferred, "the SDK's name of a station is that of its softAP: ESP_ and the end of the MAC address";
    factory.scan_fields: Transcript, "logs of 1.6.2 (ARMmbed/esp8266-driver#111) and 1.7.5 have eleven; mbed's driver reads nothing else of 1.6 and later, which was mended for 1.7.0; a report on SDK 3.0.5 has seven (ESP8266_NONOS_SDK#366)";
    factory.reconnect: Source, "ESP8266_NONOS_SDK, user_interface.h: wifi_station_set_reconnect_policy is on; how soon was not seen";
};
