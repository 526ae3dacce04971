//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng): written in this computer's byte order, as the format allows.
//!
//! Four kinds of blocks without state: less than what a library would have to be told.

use std::time::{SystemTime, UNIX_EPOCH};

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 0x0a;
/// Packets begin with their IP header.
const LINKTYPE_RAW: u16 = 101;
const SNAP: u32 = 0x4_0000;
/// `TLSK`: a key log as `SSLKEYLOGFILE` has it.
const TLS_KEY_LOG: u32 = 0x544c_534b;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const INTERFACE_RESOLUTION: u16 = 9;

/// Time stamps are in microseconds: ten to the minus six.
const MICROSECONDS: u8 = 6;

/// What a file begins with.
pub(super) fn head() -> Vec<u8> {
    let mut out = Vec::new();
    block(&mut out, SECTION, |body| {
        body.extend(BYTE_ORDER.to_ne_bytes());
        body.extend(1_u16.to_ne_bytes());
        body.extend(0_u16.to_ne_bytes());
        // The section's length is not known.
        body.extend((-1_i64).to_ne_bytes());
        let name = concat!("espat ", env!("CARGO_PKG_VERSION"));
        option(body, SECTION_APPLICATION, name.as_bytes());
        option(body, OPTION_END, b"");
    });
    block(&mut out, INTERFACE, |body| {
        body.extend(LINKTYPE_RAW.to_ne_bytes());
        body.extend(0_u16.to_ne_bytes());
        body.extend(SNAP.to_ne_bytes());
        option(body, INTERFACE_NAME, b"espat");
        let what = "the module's sockets: addresses and payload are real, TCP's handshakes, numbers and ends made up";
        option(body, INTERFACE_DESCRIPTION, what.as_bytes());
        option(body, INTERFACE_RESOLUTION, &[MICROSECONDS]);
        option(body, OPTION_END, b"");
    });
    out
}

/// Adds a packet that begins with its IP header.
pub(super) fn packet(out: &mut Vec<u8>, time: SystemTime, packet: &[u8], comment: Option<&str>) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    let [a, b, c, d, e, f, g, h] = micros.to_be_bytes();
    let len = u32::try_from(packet.len()).unwrap_or(SNAP);
    block(out, PACKET, |body| {
        body.extend(0_u32.to_ne_bytes());
        body.extend(u32::from_be_bytes([a, b, c, d]).to_ne_bytes());
        body.extend(u32::from_be_bytes([e, f, g, h]).to_ne_bytes());
        body.extend(len.to_ne_bytes());
        body.extend(len.to_ne_bytes());
        body.extend(packet);
        pad(body);
        if let Some(comment) = comment {
            option(body, OPTION_COMMENT, comment.as_bytes());
            option(body, OPTION_END, b"");
        }
    });
}

/// Adds lines of a TLS key log.
pub(super) fn secrets(out: &mut Vec<u8>, lines: &[u8]) {
    let len = u32::try_from(lines.len()).unwrap_or_default();
    block(out, SECRETS, |body| {
        body.extend(TLS_KEY_LOG.to_ne_bytes());
        body.extend(len.to_ne_bytes());
        body.extend(lines);
    });
}

/// A block: its type, its length, its body, its length again.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    body(out);
    // Blocks begin at multiples of four, and so their bodies are filled up alike.
    pad(out);
    let len = u32::try_from(out.len() + 4 - start).unwrap_or_default();
    out[start + 4..start + 8].copy_from_slice(&len.to_ne_bytes());
    out.extend(len.to_ne_bytes());
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or_default();
    body.extend(code.to_ne_bytes());
    body.extend(len.to_ne_bytes());
    body.extend(&value[..usize::from(len)]);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}
