//! The file of an upgrade on its way into its partition: what the firmware makes of each read.

use super::http;
use crate::exec::cx::Cx;
use crate::input::CloseCause;
use crate::output::StoreTag;

/// The partition of the firmware.
pub(super) const FIRMWARE: &str = "ota";
/// The first byte of a firmware's image.
const IMAGE_MAGIC: u8 = 0xe9;
/// What partitions begin with, and after how many bytes, where the firmware looks: `at_ota_cmd.c` of later releases. A partition that is not
/// here is refused.
const MAGIC: &[(&str, usize, &[u8])] = &[
    (FIRMWARE, 0, &[IMAGE_MAGIC]),
    ("mqtt_ca", 0, CERTIFICATE),
    ("mqtt_cert", 0, CERTIFICATE),
    ("mqtt_key", 0, CERTIFICATE),
    ("ble_data", 2, &[0x27, 0x95]),
    ("client_ca", 0, CERTIFICATE),
    ("client_cert", 0, CERTIFICATE),
    ("client_key", 0, CERTIFICATE),
    ("server_ca", 0, CERTIFICATE),
    ("server_cert", 0, CERTIFICATE),
    ("server_key", 0, CERTIFICATE),
    ("wpa2_ca", 0, CERTIFICATE),
    ("wpa2_cert", 0, CERTIFICATE),
    ("wpa2_key", 0, CERTIFICATE),
    ("factory_param", 0, &[0xfc, 0xfc]),
];
const CERTIFICATE: &[u8] = &[0xf1, 0xf1];

/// The file on its way into its partition.
#[derive(Debug)]
pub(super) struct File {
    pub(super) partition: &'static str,
    bytes_max: usize,
    /// Where the head of the answer has been read.
    body_begun: bool,
    length: i32,
    pub(super) received: usize,
    /// The flash works on what was read last.
    pub(super) writing: Option<StoreTag>,
    /// The server closed, as `read` would say it when the firmware reads again.
    pub(super) closed: Option<CloseCause>,
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// It is on its way into the flash.
    Writes,
    /// There was nothing of the file in it.
    Nothing,
    Refused,
    /// Nothing more is read.
    End,
}

impl File {
    pub(super) fn new(partition: &'static str, bytes_max: usize) -> Self {
        Self {
            partition,
            bytes_max,
            body_begun: false,
            length: 0,
            received: 0,
            writing: None,
            closed: None,
        }
    }

    /// Takes one read of the answer.
    pub(super) fn take(&mut self, cx: &mut Cx<'_>, read: &[u8]) -> Took {
        if self.body_begun {
            return self.write(cx, read);
        }
        let Some(head) = http::find_head(read) else {
            // The firmware leaves its loop here, and goes on as if it had everything.
            return Took::End;
        };
        self.length = head.length;
        cx.env.log(format_args!("total_len={}!", head.length));
        let Some(body) = head.body else {
            return Took::Nothing;
        };
        self.body_begun = true;
        let body = &read[body..];
        if cx.env.profile().quirks.upgrade_checks_partitions {
            if !self.has_magic(body) {
                let name = self.partition;
                cx.env
                    .log(format_args!("{name} partition has an invalid magic byte"));
                return Took::Refused;
            }
        } else if self.partition == FIRMWARE {
            // A read that ends with the head shows the zero behind it (esp-at#103).
            let first = body.first().copied().unwrap_or(0);
            if first != IMAGE_MAGIC {
                cx.env.log(format_args!(
                    "OTA Write Header format Check Failed! first byte is {first:02x}"
                ));
                return Took::Refused;
            }
        }
        self.write(cx, body)
    }

    /// Whether a file begins as its partition has to. The firmware looks beyond what it has read where the bytes lie behind others.
    fn has_magic(&self, body: &[u8]) -> bool {
        let known = MAGIC.iter().find(|(name, ..)| *name == self.partition);
        known.is_some_and(|(_, offset, magic)| {
            body.get(*offset..)
                .is_some_and(|rest| rest.starts_with(magic))
        })
    }

    fn write(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> Took {
        if bytes.is_empty() {
            return Took::Nothing;
        }
        if self.received + bytes.len() > self.bytes_max {
            return Took::Refused;
        }
        self.received += bytes.len();
        let tag = cx.nvs.next_tag();
        cx.env.out.store_chunk(tag, self.partition, bytes);
        cx.ota.add(bytes);
        self.writing = Some(tag);
        Took::Writes
    }

    /// As many bytes as promised, which are none where nothing was promised.
    pub(super) fn is_complete(&self) -> bool {
        usize::try_from(self.length) == Ok(self.received)
    }
}
