//! What ROM and boot loader say at a reset, before the firmware does. It comes on UART 0: the AT port of an ESP8266, and of an ESP32
//! only where a board puts it there.

use crate::output::ResetCause;

/// The texts of a chip's ROM and boot loader: lines, without their ends.
#[derive(Debug)]
pub struct Rom {
    /// The rate at which they come.
    pub baud: u32,
    /// The first lines, up to the one that names the cause.
    pub causes: Causes,
    /// What follows them.
    pub rest: &'static [&'static str],
}

/// The first lines, by the cause of the reset.
#[derive(Debug)]
pub struct Causes {
    /// Power came on.
    pub power_on: &'static [&'static str],
    /// The EN pin.
    pub pin: &'static [&'static str],
    /// The supply sagged.
    pub brown_out: &'static [&'static str],
    /// A watchdog.
    pub watchdog: &'static [&'static str],
    /// The firmware itself.
    pub software: &'static [&'static str],
    /// The end of a deep sleep.
    pub wake: &'static [&'static str],
}

impl Rom {
    /// What comes at a reset.
    pub(crate) fn texts(&self, cause: ResetCause) -> [&'static [&'static str]; 2] {
        let causes = &self.causes;
        let first = match cause {
            ResetCause::PowerOn => causes.power_on,
            ResetCause::Pin => causes.pin,
            ResetCause::BrownOut => causes.brown_out,
            ResetCause::Watchdog => causes.watchdog,
            ResetCause::Command
            | ResetCause::Download
            | ResetCause::Forced
            | ResetCause::Restore
            | ResetCause::Upgrade => causes.software,
            ResetCause::Wake => causes.wake,
        };
        [first, self.rest]
    }
}

/// ESP32: cause lines of ESP-IDF's logs (esp-idf#2051 for the watchdog and the lines after it, technyon/nuki_hub#454 for the brown-out,
/// arduino-esp32#1638 for power-on; a pin is power-on to this ROM).
pub const ESP32: Rom = Rom {
    baud: 115_200,
    causes: Causes {
        power_on: &[
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
        pin: &[
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
        brown_out: &[
            "",
            "Brownout detector was triggered",
            "",
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
        watchdog: &[
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0x8 (TG1WDT_SYS_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
        software: &[
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
        wake: &[
            "ets Jun  8 2016 00:22:57",
            "",
            "rst:0x5 (DEEPSLEEP_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        ],
    },
    rest: &[
        "configsip: 0, SPIWP:0xee",
        "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00",
        "mode:DIO, clock div:2",
        "load:0x3fff0018,len:4",
        "load:0x3fff001c,len:5656",
        "load:0x40078000,len:0",
        "ho 12 tail 0 room 4",
        "load:0x40078000,len:14868",
        "entry 0x40078628",
    ],
};

/// ESP8266: the lines of esp8266/Arduino#9122; causes 1 and 2 as its ROM counts power-on and the pin, and everything that a firmware
/// does itself leaves the cause as it was.
pub const ESP8266: Rom = Rom {
    baud: 74_880,
    causes: Causes {
        power_on: &["", " ets Jan  8 2013,rst cause:1, boot mode:(3,7)", ""],
        pin: &["", " ets Jan  8 2013,rst cause:2, boot mode:(3,7)", ""],
        brown_out: &["", " ets Jan  8 2013,rst cause:1, boot mode:(3,7)", ""],
        watchdog: &[
            "",
            " ets Jan  8 2013,rst cause:4, boot mode:(3,7)",
            "",
            "wdt reset",
        ],
        software: &["", " ets Jan  8 2013,rst cause:1, boot mode:(3,7)", ""],
        wake: &["", " ets Jan  8 2013,rst cause:2, boot mode:(3,7)", ""],
    },
    rest: &[
        "load 0x4010f000, len 3424, room 16 ",
        "tail 0",
        "chksum 0x2e",
        "load 0x3fff20b8, len 40, room 8 ",
        "tail 0",
        "chksum 0x2b",
        "csum 0x2b",
    ],
};

/// ESP8266 with the boot loader of NonOS: mbed-os#12234 for the pin, a log of 1.6.2 for AT+RESTORE and the lines after it.
pub const ESP8266_NONOS: Rom = Rom {
    baud: 74_880,
    causes: Causes {
        power_on: &["", " ets Jan  8 2013,rst cause:1, boot mode:(3,6)", ""],
        pin: &["", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)", ""],
        brown_out: &["", " ets Jan  8 2013,rst cause:1, boot mode:(3,6)", ""],
        watchdog: &[
            "",
            " ets Jan  8 2013,rst cause:4, boot mode:(3,6)",
            "",
            "wdt reset",
        ],
        software: &["", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)", ""],
        wake: &["", " ets Jan  8 2013,rst cause:2, boot mode:(3,6)", ""],
    },
    rest: &[
        "load 0x40100000, len 2408, room 16 ",
        "tail 8",
        "chksum 0xe5",
        "load 0x3ffe8000, len 776, room 0 ",
        "tail 8",
        "chksum 0x84",
        "load 0x3ffe8310, len 632, room 0 ",
        "tail 8",
        "chksum 0xd8",
        "csum 0xd8",
        "",
        "2nd boot version : 1.7(5d6f877)",
        "  SPI Speed      : 40MHz",
        "  SPI Mode       : QIO",
        "  SPI Flash Size & Map: 16Mbit(1024KB+1024KB)",
        "jump to run user1 @ 1000",
        "",
    ],
};

/// ESP32-C3: the lines of ivmarkov/rust-esp32-std-demo#42, the watchdog's cause of esp-idf#12110.
pub const ESP32C3: Rom = Rom {
    baud: 115_200,
    causes: Causes {
        power_on: &[
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        pin: &[
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        brown_out: &[
            "",
            "Brownout detector was triggered",
            "",
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0x3 (RTC_SW_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        watchdog: &[
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0x7 (TG0WDT_SYS_RST),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        software: &[
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0xc (RTC_SW_CPU_RST),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        wake: &[
            "ESP-ROM:esp32c3-api1-20210207",
            "Build:Feb  7 2021",
            "rst:0x5 (DSLEEP),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
    },
    rest: &[
        "SPIWP:0xee",
        "mode:DIO, clock div:1",
        "load:0x3fcd6100,len:0x172c",
        "load:0x403ce000,len:0x928",
        "load:0x403d0000,len:0x2ce0",
        "entry 0x403ce000",
    ],
};

/// ESP32-C6: the lines of esp-hosted#293; causes but power-on by analogy with the ESP32-C3.
pub const ESP32C6: Rom = Rom {
    baud: 115_200,
    causes: Causes {
        power_on: &[
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        pin: &[
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        brown_out: &[
            "",
            "Brownout detector was triggered",
            "",
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0xc (SW_CPU),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        watchdog: &[
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0x7 (TG0_WDT_HPSYS),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        software: &[
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0xc (SW_CPU),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
        wake: &[
            "ESP-ROM:esp32c6-20220919",
            "Build:Sep 19 2022",
            "rst:0x5 (DSLEEP),boot:0xc (SPI_FAST_FLASH_BOOT)",
        ],
    },
    rest: &[
        "SPIWP:0xee",
        "mode:DIO, clock div:2",
        "load:0x4086c410,len:0xd48",
        "load:0x4086e610,len:0x2d64",
        "load:0x40875720,len:0x17e8",
        "entry 0x4086c410",
    ],
};
