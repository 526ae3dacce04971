//! Commands and forms that some firmware line lacks.

/// Declares the flags with what each of them is.
macro_rules! features {
    ($($(#[doc = $about:literal])+ const $flag:ident = $bit:expr;)*) => {
        bitflags::bitflags! {
            /// Commands and forms that some firmware line lacks.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct Features: u64 {
                $($(#[doc = $about])+ const $flag = $bit;)*
            }
        }

        impl Features {
            /// The flags with their names and what they are.
            pub(super) const ABOUT: &[(&'static str, Self, &'static str)] =
                &[$((stringify!($flag), Self::$flag, concat!($($about),+)),)*];
        }
    };
}

features! {
    /// What ESP8266 NonOS lacks of the commands that all later lines have: `AT+SYSSTORE`, `AT+SYSLOG` and so on.
    const RTOS = 1;
    /// The forms of ESP8266 NonOS with `_CUR` and `_DEF`, and what only it has: `AT+CIPSSLSIZE`, `AT+CIPCLOSEMODE`, `AT+CIPSENDBUF`.
    const SUFFIXES = 1 << 1;
    /// `AT+CWSTATE`.
    const CWSTATE = 1 << 2;
    /// `AT+CIPV6` and the v6 types.
    const IPV6 = 1 << 3;
    /// `AT+CIPDOMAIN`'s second parameter.
    const DOMAIN_FAMILY = 1 << 4;
    /// `AT+CIPDOMAIN`'s third parameter.
    const DOMAIN_TIMEOUT = 1 << 5;
    /// `AT+CIPSTART`'s last parameter.
    const CONNECT_TIMEOUT = 1 << 6;
    /// `AT+CIPSTATE`.
    const CIPSTATE = 1 << 7;
    /// `AT+CIPSENDL` and `AT+CIPSENDLCFG`.
    const SENDL = 1 << 8;
    /// `AT+CIPRECVTYPE`.
    const RECVTYPE = 1 << 9;
    /// `AT+CIPCONNPERSIST`.
    const CONN_PERSIST = 1 << 10;
    /// `AT+CIPTCPOPT`'s fifth value.
    const TCP_KEEP_ALIVE = 1 << 11;
    /// `AT+CIPSERVER=0,<close all>`.
    const SERVER_CLOSE_ALL = 1 << 12;
    /// `AT+CIPSERVER`'s `<netif>`.
    const SERVER_NETIF = 1 << 13;
    /// The types SSL and SSLv6.
    const SSL = 1 << 14;
    /// `AT+CIPSSLCPSK`.
    const SSL_PSK = 1 << 15;
    /// `AT+CIPSSLCPSKHEX`.
    const SSL_PSK_HEX = 1 << 16;
    /// `AT+CIPSSLCCIPHER`.
    const SSL_CIPHER = 1 << 17;
    /// `AT+CIPSERVER=1,<port>,"SSL"`, and whether clients are checked in `AT+CIPSERVER?`.
    const SSL_SERVER = 1 << 18;
    /// `AT+CIPSNTPINTV`.
    const SNTP_INTERVAL = 1 << 19;
    /// `AT+CIPFWVER`.
    const FIRMWARE_VERSIONS = 1 << 20;
    /// `AT+TRANSINTVL`.
    const TRANS_INTERVAL = 1 << 21;
    /// `AT+SYSMSGFILTER` and `AT+SYSMSGFILTERCFG`.
    const MESSAGE_FILTER = 1 << 22;
    /// `AT+SYSMFG`.
    const MANUFACTURING = 1 << 23;
    /// `AT+SYSFLASH`.
    const FLASH = 1 << 24;
    /// `AT+CWINIT`.
    const CWINIT = 1 << 25;
    /// `AT+CWCONFIG`.
    const CWCONFIG = 1 << 26;
    /// `AT+MDNS`.
    const MDNS = 1 << 27;
    /// `AT+RFPOWER`'s values for Bluetooth.
    const BLUETOOTH = 1 << 28;
    /// `AT+MDNS`'s parameters for instance, protocol and keys.
    const MDNS_DETAILS = 1 << 29;
    /// `AT+RST=<mode>`, whose 1 is the ROM's download mode.
    const DOWNLOAD_MODE = 1 << 30;
}
