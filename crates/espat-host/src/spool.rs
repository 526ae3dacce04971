//! What a thread of its own writes, ten times a second, so that a slow disk holds up nobody.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long something may wait to be written: what a process that is killed takes with it.
const PAUSE: Duration = Duration::from_millis(100);

/// What may wait where the disk is slow. More, and nothing more is written.
const WAITING_MAX: usize = 64 << 20;

/// What is written at once.
pub trait Batch: Default + Send + 'static {
    /// How many bytes it has.
    fn len(&self) -> usize;
    /// Empties it, and keeps its room.
    fn clear(&mut self);
    /// Whether there is nothing to write.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where batches are written.
pub trait Sink<B>: Send + 'static {
    /// Writes all of it; `false`: nothing more can be written, which has been said.
    fn write(&mut self, batch: &B) -> bool;
    /// More waits than is kept.
    fn overflow(&mut self);
    /// Nothing more comes.
    fn end(&mut self);
}

/// A sink and the thread that writes to it. When it is dropped, everything has been written.
#[derive(Debug)]
pub struct Spool<B> {
    shared: Arc<Shared<B>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared<B> {
    waiting: Mutex<Waiting<B>>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting<B> {
    batch: B,
    /// Nothing more comes.
    is_ended: bool,
    /// Nothing more can be written, or too much waits.
    has_failed: bool,
}

/// Adds to a spool that somebody else owns.
#[derive(Debug)]
pub struct Spooler<B>(Arc<Shared<B>>);

impl<B: Batch> Spool<B> {
    /// Starts a thread of that name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn start(name: &str, mut sink: impl Sink<B>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || theirs.write_all(&mut sink))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Adds to what waits; whether more is wanted.
    pub fn add(&self, add: impl FnOnce(&mut B)) -> bool {
        self.shared.add(add)
    }

    /// Another place to add from.
    #[must_use]
    pub fn spooler(&self) -> Spooler<B> {
        Spooler(Arc::clone(&self.shared))
    }
}

impl<B> Drop for Spool<B> {
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::warn!("the writer of the {name} died");
            }
        }
    }
}

impl<B: Batch> Spooler<B> {
    /// Adds to what waits; whether more is wanted.
    pub fn add(&self, add: impl FnOnce(&mut B)) -> bool {
        self.0.add(add)
    }
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, Waiting<B>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Batch> Shared<B> {
    fn add(&self, add: impl FnOnce(&mut B)) -> bool {
        let mut waiting = self.lock();
        if waiting.has_failed {
            return false;
        }
        let before = waiting.batch.len();
        add(&mut waiting.batch);
        waiting.has_failed = waiting.batch.len() > WAITING_MAX;
        if before == 0 || waiting.has_failed {
            self.changed.notify_one();
        }
        !waiting.has_failed
    }

    /// Writes until the end; what comes is gathered between two writes.
    fn write_all(&self, sink: &mut impl Sink<B>) {
        let mut batch = B::default();
        loop {
            let is_over = {
                let idle = |waiting: &mut Waiting<B>| waiting.batch.is_empty() && !waiting.is_ended;
                let waiting = self.changed.wait_while(self.lock(), idle);
                let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
                let going = |waiting: &mut Waiting<B>| !waiting.is_ended && !waiting.has_failed;
                let waited = self.changed.wait_timeout_while(waiting, PAUSE, going);
                let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
                std::mem::swap(&mut batch, &mut waiting.batch);
                waiting.has_failed
            };
            if batch.is_empty() {
                break;
            }
            if !sink.write(&batch) {
                self.lock().has_failed = true;
                break;
            }
            if is_over {
                sink.overflow();
                break;
            }
            batch.clear();
        }
        sink.end();
    }
}
