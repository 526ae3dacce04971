//! `+ERRNO`: why the network refused, in the numbers of the firmware's libraries (behaviour.md 1.8).
//!
//! What the host's network says is less than what a module knows: one number stands for each of its reasons.

use crate::input::NetError;

/// ESP-IDF's `errno` is newlib's, not Linux's.
const EADDRINUSE: u32 = 112;
/// lwIP's `ERR_ABRT`: no answer to the last SYN.
const ECONNABORTED: u32 = 113;
/// lwIP's `ERR_RST`: a reset answers the SYN.
const ECONNRESET: u32 = 104;
/// lwIP's `ERR_RTE`.
const EHOSTUNREACH: u32 = 118;
/// lwIP's `ERR_MEM` and all else.
const ENOMEM: u32 = 12;
/// ESP-IDF, `esp_tls_errors.h`: the handshake failed. What Mbed TLS itself says of it is not known here.
const ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED: u32 = 0x801a;
/// The command failed, and nothing below it says why: the number of `ERR CODE`.
const AT_EXEC_FAIL: u32 = 0x010a_0000;

/// The number of a reason.
pub(crate) const fn number(error: NetError) -> u32 {
    match error {
        NetError::Refused => ECONNRESET,
        NetError::TimedOut => ECONNABORTED,
        NetError::Unreachable | NetError::Denied => EHOSTUNREACH,
        NetError::AddressInUse => EADDRINUSE,
        NetError::NotFound => AT_EXEC_FAIL,
        NetError::Tls => ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED,
        NetError::Other => ENOMEM,
    }
}
