//! The slots: PEM files of one folder, named after the firmware's partitions (`client_ca.0.pem`); partitions that were written,
//! each of which takes the place of all files of its kind; and values of manufacture, each of which takes the place of the
//! file of its slot.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use espat_core::{SlotKind, Slots};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use super::TlsError;
use super::context::Contexts;
use super::identity::{self, Identity};
use super::slot::{Content, Slot, read_files, read_partition, read_value, refuse_foreign_keys};

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
