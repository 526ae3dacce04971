//! Notices that certificates were put into their folder, or taken out of it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::task::{Context, Poll, ready};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::io::Interest;

use espat_core::Slots;

use super::Certificates;
use crate::port::descriptor::register;
use tokio::io::unix::AsyncFd;

/// What a module knows of the slots, and how it hears of changes.
#[derive(Debug)]
pub(in crate::net) struct SlotWatch {
    watch: Option<Watch>,
    edition: u64,
}

impl SlotWatch {
    pub(in crate::net) fn start(certificates: &Certificates) -> Self {
        let watch = certificates.folder().and_then(|folder| {
            let started = Watch::start(folder).inspect_err(|error| {
                let shown = folder.display();
                tracing::warn!("{shown}: changes of certificates will not be noticed: {error}");
            });
            started.ok()
        });
        let edition = certificates.edition();
        Self { watch, edition }
    }

    /// The module is being told of the slots as they are.
    pub(in crate::net) fn tell(&mut self, certificates: &Certificates) {
        self.edition = certificates.edition();
    }

    /// Ready when the slots are no longer what the module knows.
    pub(in crate::net) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        certificates: &Certificates,
    ) -> Poll<Slots> {
        let Some(watch) = &self.watch else {
            return Poll::Pending;
        };
        while watch.poll(cx).is_ready() {
            certificates.reload();
        }
        let edition = certificates.edition();
        if edition == std::mem::replace(&mut self.edition, edition) {
            return Poll::Pending;
        }
        tracing::info!("certificates have changed");
        Poll::Ready(certificates.slots())
    }
}

#[derive(Debug)]
struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    fn start(folder: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let changes = WatchFlags::CLOSE_WRITE | WatchFlags::MOVE | WatchFlags::DELETE;
        inotify::add_watch(&watch, folder, changes)?;
        Ok(Self(register(watch, Interest::READABLE)?))
    }

    /// Ready when something has changed since the last time.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Ok(mut guard) = ready!(self.0.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(self.0.get_ref(), &mut buffer);
            let mut has_changed = false;
            while reader.next().is_ok() {
                has_changed = true;
            }
            guard.clear_ready();
            if has_changed {
                return Poll::Ready(());
            }
        }
    }
}
