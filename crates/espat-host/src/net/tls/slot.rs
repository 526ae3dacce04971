//! What a slot holds: read from a file, a partition or a value of manufacture, and refused where it cannot be used.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use espat_core::{SlotKind, Slots};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::partition;

/// What a flash holds where nothing was written.
const ERASED: u8 = 0xff;
/// A longer file is none of ours.
const FILE_MAX: u64 = 256 * 1024;
#[expect(
    clippy::cast_possible_wrap,
    reason = "the flags of open(2) fit into an int"
)]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: SlotKind,
    /// What the file holds, to tell a change.
    pub(super) digest: [u8; 32],
    /// `None` where it cannot be used.
    pub(super) content: Option<Content>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Certificates(Vec<X509>),
    Key(PKey<Private>),
}

pub(super) fn read_value(bytes: &[u8], kind: SlotKind, number: u8) -> Slot {
    // The firmware's own tools keep the NUL that Mbed TLS asks of PEM.
    let text = bytes.trim_ascii_end().strip_suffix(b"\0").unwrap_or(bytes);
    let content = read_pem(text, kind).or_else(|| read_der(bytes, kind));
    if content.is_none() {
        let name = kind.name();
        tracing::warn!("{name}.{number} of AT+SYSMFG cannot be used; its slot counts as empty");
    }
    Slot {
        kind,
        digest: openssl::sha::sha256(bytes),
        content,
    }
}

pub(super) fn read_files(folder: &Path, kind: SlotKind) -> Vec<(u8, Slot)> {
    let slot = |number| {
        let path = folder.join(format!("{}.{number}.pem", kind.name()));
        Some((number, read_slot(&path, kind)?))
    };
    (0..Slots::COUNT).filter_map(slot).collect()
}

pub(super) fn read_partition(partition: &[u8], kind: SlotKind) -> Vec<(u8, Slot)> {
    if partition.iter().all(|&byte| byte == ERASED) {
        return Vec::new();
    }
    let Some(items) = partition::items(partition) else {
        tracing::warn!(
            "partition {}: no list of certificates or keys as esp-at's AtPKI.py makes it; its slots count as empty",
            kind.name()
        );
        return Vec::new();
    };
    let slot = |(number, bytes): (u8, &[u8])| {
        let content = read_pem(bytes, kind).or_else(|| read_der(bytes, kind));
        if content.is_none() {
            let name = kind.name();
            tracing::warn!(
                "partition {name}: item {number} cannot be used; its slot counts as empty"
            );
        }
        let digest = openssl::sha::sha256(bytes);
        (
            number,
            Slot {
                kind,
                digest,
                content,
            },
        )
    };
    items.into_iter().map(slot).collect()
}

/// Says so where a private key is not its owner's alone.
pub(super) fn warn_of_others(path: &Path, mode: u32) {
    if mode & 0o077 != 0 {
        tracing::warn!(
            "{}: others can read or change this private key; `chmod 600` keeps it private",
            path.display()
        );
    }
}

/// `None` where there is no such file.
fn read_slot(path: &Path, kind: SlotKind) -> Option<Slot> {
    let (bytes, mode) = match read_file(path) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(
                "{}: cannot read the file: {error}; the slot counts as empty",
                path.display()
            );
            return None;
        }
    };
    let is_key = is_key(kind);
    if is_key {
        warn_of_others(path, mode);
    }
    let content = read_pem(&bytes, kind);
    if content.is_none() {
        let what = if is_key {
            "a private key in PEM form without a passphrase"
        } else {
            "certificates in PEM form"
        };
        tracing::warn!("{}: not {what}; the slot counts as empty", path.display());
    }
    Some(Slot {
        kind,
        digest: openssl::sha::sha256(&bytes),
        content,
    })
}

fn is_key(kind: SlotKind) -> bool {
    matches!(kind, SlotKind::ClientKey | SlotKind::ServerKey)
}

fn read_pem(bytes: &[u8], kind: SlotKind) -> Option<Content> {
    if is_key(kind) {
        read_key(bytes).map(Content::Key)
    } else {
        read_chain(bytes).map(Content::Certificates)
    }
}

/// The tool for partitions takes DER files too.
fn read_der(bytes: &[u8], kind: SlotKind) -> Option<Content> {
    if is_key(kind) {
        PKey::private_key_from_der(bytes).ok().map(Content::Key)
    } else {
        let certificate = X509::from_der(bytes).ok()?;
        Some(Content::Certificates(vec![certificate]))
    }
}

fn read_file(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    // Whoever opens a FIFO would wait for its writer.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    if metadata.len() > FILE_MAX {
        let shown = metadata.len() / 1024;
        let max = FILE_MAX / 1024;
        return Err(io::Error::other(format!(
            "it has {shown} KiB, and {max} KiB are enough for certificates"
        )));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut bytes)?;
    Ok((bytes, metadata.mode()))
}

fn read_key(pem: &[u8]) -> Option<PKey<Private>> {
    // With no callback OpenSSL would ask for a passphrase on the terminal.
    PKey::private_key_from_pem_callback(pem, |_| Err(ErrorStack::get())).ok()
}

fn read_chain(pem: &[u8]) -> Option<Vec<X509>> {
    X509::stack_from_pem(pem).ok().filter(|all| !all.is_empty())
}

/// A key that does not belong to the certificate of its number is no use.
pub(super) fn refuse_foreign_keys(
    slots: &mut BTreeMap<(u8, u8), Slot>,
    cert: SlotKind,
    key: SlotKind,
) {
    for number in 0..Slots::COUNT {
        let Some(Content::Certificates(chain)) = slots
            .get(&(cert as u8, number))
            .and_then(|slot| slot.content.clone())
        else {
            continue;
        };
        let Some(slot) = slots.get_mut(&(key as u8, number)) else {
            continue;
        };
        let belongs = match &slot.content {
            Some(Content::Key(key)) => chain
                .first()
                .and_then(|own| own.public_key().ok())
                .is_some_and(|public| public.public_eq(key)),
            Some(Content::Certificates(_)) | None => true,
        };
        if !belongs {
            tracing::warn!(
                "{}.{number}.pem is not the key of {}.{number}.pem; the slot counts as empty",
                key.name(),
                cert.name()
            );
            slot.content = None;
        }
    }
}
