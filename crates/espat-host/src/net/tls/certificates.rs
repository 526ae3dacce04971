//! The slots: PEM files of one folder, named after the firmware's partitions (`client_ca.0.pem`); partitions that were written,
//! each of which takes the place of all files of its kind; and values of manufacture, each of which takes the place of the
//! file of its slot.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use espat_core::{SlotKind, Slots};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::TlsError;
use super::context::Contexts;
use super::identity::{self, Identity};
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

/// Certificates and private keys for modules. Clones share them, and what OpenSSL has made of them, until one module's
/// partitions take the place of some.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// Those of the folder.
    shared: Arc<Inner>,
    /// What a module has instead of them, once a partition was written.
    own: Arc<Mutex<Option<Arc<Inner>>>>,
}

#[derive(Debug, Default)]
struct Inner {
    folder: Option<PathBuf>,
    /// Where a server's certificate that we made is kept.
    state: Option<PathBuf>,
    /// The partitions that were written.
    partitions: BTreeMap<u8, Vec<u8>>,
    /// What `AT+SYSMFG` wrote, by slot.
    manufactured: Vec<(SlotKind, u8, Vec<u8>)>,
    loaded: Mutex<Loaded>,
    made: Mutex<Option<Identity>>,
    contexts: Arc<Contexts>,
}

#[derive(Debug, Default)]
struct Loaded {
    slots: BTreeMap<(u8, u8), Slot>,
    /// Grows with every change.
    edition: u64,
}

#[derive(Debug)]
struct Slot {
    kind: SlotKind,
    /// What the file holds, to tell a change.
    digest: [u8; 32],
    /// `None` where it cannot be used.
    content: Option<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Certificates(Vec<X509>),
    Key(PKey<Private>),
}

/// Why a folder cannot hold certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It cannot be read.
    #[error("{}: cannot read the folder: {source}", path.display())]
    ReadFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Default for Certificates {
    /// Without any. They share the server's certificate that is made at first use.
    fn default() -> Self {
        static NONE: LazyLock<Arc<Inner>> = LazyLock::new(Arc::default);
        Self::of(Arc::clone(&NONE))
    }
}

impl Certificates {
    /// Those of `folder`. With `state`, a server's certificate that has to be made is kept there.
    ///
    /// A file that cannot be used is named in the log, and its slot counts as empty.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn open(folder: Option<&Path>, state: Option<&Path>) -> Result<Self, CertificateError> {
        if let Some(path) = folder {
            std::fs::read_dir(path).map_err(|source| CertificateError::ReadFolder {
                path: path.to_owned(),
                source,
            })?;
        }
        let certificates = Self::of(Arc::new(Inner {
            folder: folder.map(Path::to_owned),
            state: state.map(Path::to_owned),
            ..Inner::default()
        }));
        certificates.reload();
        Ok(certificates)
    }

    fn of(shared: Arc<Inner>) -> Self {
        let own = Arc::default();
        Self { shared, own }
    }

    /// The same for one module, whose partitions are no other's.
    #[must_use]
    pub(crate) fn for_one_module(&self) -> Self {
        let own = lock(&self.own).clone();
        Self {
            shared: Arc::clone(&self.shared),
            own: Arc::new(Mutex::new(own)),
        }
    }

    /// A partition was written: it takes the place of the files of its kind, or of the slots in it.
    pub(crate) fn set_partition(&self, name: &str, bytes: Vec<u8>) {
        let before = self.inner();
        let mut partitions = before.partitions.clone();
        let mut manufactured = before.manufactured.clone();
        if name == MANUFACTURING {
            manufactured = espat_core::manufactured_slots(&bytes);
        } else if let Some(kind) = kind_of(name) {
            partitions.insert(kind as u8, bytes);
        }
        let edition = lock(&before.loaded).edition;
        let inner = Inner {
            folder: before.folder.clone(),
            state: before.state.clone(),
            partitions,
            manufactured,
            loaded: Mutex::new(Loaded {
                slots: BTreeMap::new(),
                edition: edition + 1,
            }),
            made: Mutex::new(lock(&before.made).clone()),
            contexts: Arc::default(),
        };
        inner.reload();
        *lock(&self.own) = Some(Arc::new(inner));
    }

    /// The slots that are usable.
    #[must_use]
    pub fn slots(&self) -> Slots {
        let mut slots = Slots::default();
        let inner = self.inner();
        let loaded = inner.loaded();
        for ((_, number), slot) in &loaded.slots {
            if slot.content.is_some() {
                slots.insert(slot.kind, *number);
            }
        }
        slots
    }

    pub(in crate::net) fn folder(&self) -> Option<&Path> {
        self.shared.folder.as_deref()
    }

    pub(in crate::net) fn edition(&self) -> u64 {
        self.inner().loaded().edition
    }

    /// Reads the folder again.
    pub(in crate::net) fn reload(&self) {
        self.inner().reload();
    }

    pub(super) fn contexts(&self) -> Arc<Contexts> {
        Arc::clone(&self.inner().contexts)
    }

    pub(super) fn chain(&self, kind: SlotKind, number: u8) -> Result<Vec<X509>, TlsError> {
        match self.content(kind, number) {
            Some(Content::Certificates(all)) => Ok(all),
            Some(Content::Key(_)) | None => Err(TlsError::Empty { kind, number }),
        }
    }

    pub(super) fn key(&self, kind: SlotKind, number: u8) -> Result<PKey<Private>, TlsError> {
        match self.content(kind, number) {
            Some(Content::Key(key)) => Ok(key),
            Some(Content::Certificates(_)) | None => Err(TlsError::Empty { kind, number }),
        }
    }

    /// The server's certificate and key: those of slot 0, else one that was made here.
    pub(super) fn server_identity(&self) -> Result<(Vec<X509>, PKey<Private>), TlsError> {
        let own = (
            self.content(SlotKind::ServerCert, 0),
            self.content(SlotKind::ServerKey, 0),
        );
        if let (Some(Content::Certificates(chain)), Some(Content::Key(key))) = own {
            return Ok((chain, key));
        }
        let inner = self.inner();
        let mut made = lock(&inner.made);
        let identity = match &*made {
            Some(identity) => identity,
            None => made.insert(identity::kept_or_made(inner.state.as_deref())?),
        };
        Ok((vec![identity.certificate.clone()], identity.key.clone()))
    }

    fn content(&self, kind: SlotKind, number: u8) -> Option<Content> {
        let inner = self.inner();
        let loaded = inner.loaded();
        loaded.slots.get(&(kind as u8, number))?.content.clone()
    }

    fn inner(&self) -> Arc<Inner> {
        let own = lock(&self.own).clone();
        own.unwrap_or_else(|| Arc::clone(&self.shared))
    }
}

impl Inner {
    fn reload(&self) {
        let is_empty = self.partitions.is_empty() && self.manufactured.is_empty();
        // What was there before may have been erased.
        if self.folder.is_none() && is_empty && self.loaded().slots.is_empty() {
            return;
        }
        let mut slots = BTreeMap::new();
        for kind in SlotKind::ALL {
            let of_kind = match (self.partitions.get(&(kind as u8)), &self.folder) {
                (Some(partition), _) => read_partition(partition, kind),
                (None, Some(folder)) => read_files(folder, kind),
                (None, None) => Vec::new(),
            };
            let of_kind = of_kind.into_iter();
            slots.extend(of_kind.map(|(number, slot)| ((kind as u8, number), slot)));
        }
        for (kind, number, bytes) in &self.manufactured {
            let slot = read_value(bytes, *kind, *number);
            slots.insert((*kind as u8, *number), slot);
        }
        for (cert, key) in [
            (SlotKind::ClientCert, SlotKind::ClientKey),
            (SlotKind::ServerCert, SlotKind::ServerKey),
        ] {
            refuse_foreign_keys(&mut slots, cert, key);
        }
        let mut loaded = self.loaded();
        let digests = |slots: &BTreeMap<_, Slot>| {
            let all = slots.iter().map(|(at, slot)| (*at, slot.digest));
            all.collect::<Vec<((u8, u8), [u8; 32])>>()
        };
        if digests(&slots) != digests(&loaded.slots) {
            loaded.slots = slots;
            loaded.edition += 1;
            self.contexts.clear();
        }
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        lock(&self.loaded)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether certificates or keys are in a partition of that name.
pub(crate) fn holds_slots(name: &str) -> bool {
    name == MANUFACTURING || kind_of(name).is_some()
}

/// The partition of `AT+SYSMFG`.
const MANUFACTURING: &str = "mfg_nvs";

fn kind_of(name: &str) -> Option<SlotKind> {
    SlotKind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn read_value(bytes: &[u8], kind: SlotKind, number: u8) -> Slot {
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

fn read_files(folder: &Path, kind: SlotKind) -> Vec<(u8, Slot)> {
    let slot = |number| {
        let path = folder.join(format!("{}.{number}.pem", kind.name()));
        Some((number, read_slot(&path, kind)?))
    };
    (0..Slots::COUNT).filter_map(slot).collect()
}

fn read_partition(partition: &[u8], kind: SlotKind) -> Vec<(u8, Slot)> {
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
fn refuse_foreign_keys(slots: &mut BTreeMap<(u8, u8), Slot>, cert: SlotKind, key: SlotKind) {
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
