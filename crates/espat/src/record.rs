//! `--record`: the transcript of a module in a file, and the payload that is kept beside it.
//!
//! A thread of its own writes, at most every tenth of a second, so that a slow disk holds up nobody. A record that cannot be written
//! any more ends, and the module goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use espat_core::{Instant, ModuleConfig};
use espat_script::{Directive, Recorder};

use crate::failure::Usage;
use crate::watch::{Piece, Sink, Watched};

/// How long what happened may wait to be written: what a process that is killed takes with it.
const PAUSE: Duration = Duration::from_millis(100);

/// What may wait where the disk is slower than the module. More, and the record ends.
const WAITING_MAX: usize = 64 << 20;

/// A record that is being written. When it is dropped, everything is in the file.
#[derive(Debug)]
pub(crate) struct Recording {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    keep_payload: bool,
    /// What the module's configuration does not know of.
    directives: Vec<Directive>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    piece: Piece,
    /// Nothing more comes.
    is_ended: bool,
    /// Nothing more can be written.
    has_failed: bool,
}

/// A file that only whole lines are left in.
#[derive(Debug)]
struct Output {
    /// `None`: standard output, which may hold more than the record.
    path: Option<PathBuf>,
    file: File,
    written: u64,
}

impl Recording {
    /// Makes the file, and the one beside it for payload where that is kept. Whatever is there already is left alone.
    ///
    /// # Errors
    /// The option, the file and why it cannot be made.
    pub(crate) fn create(path: &Path, keep_payload: bool) -> Result<Self, Usage> {
        let text = Output::create(path)?;
        let payload = keep_payload
            .then(|| Output::create(&payload_path(path)))
            .transpose()
            .inspect_err(|_| text.remove())?;
        Self::start(text, payload)
    }

    /// Records onto standard output.
    ///
    /// # Errors
    /// Standard output cannot be written by another thread.
    pub(crate) fn to_standard_output() -> Result<Self, Usage> {
        let wrong = |e| Usage::new(format!("the record cannot go to standard output: {e}"));
        let file = io::stdout().as_fd().try_clone_to_owned().map_err(wrong)?;
        let text = Output {
            path: None,
            file: file.into(),
            written: 0,
        };
        Self::start(text, None)
    }

    fn start(text: Output, payload: Option<Output>) -> Result<Self, Usage> {
        let keep_payload = payload.is_some();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let writer = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || theirs.write_all(text, payload))
            .map_err(|e| Usage::new(format!("--record: no thread can be started: {e}")))?;
        Ok(Self {
            shared,
            writer: Some(writer),
            keep_payload,
            directives: vec![],
        })
    }

    /// Has a record begin with these directives too.
    pub(crate) fn with(mut self, directives: Vec<Directive>) -> Self {
        self.directives = directives;
        self
    }

    /// The engine with the recorder that was asked for.
    pub(crate) fn watched<E>(engine: E, config: &ModuleConfig, asked: Option<&Self>) -> Watched<E> {
        let mut watched = Watched::new(engine);
        if let Some(recording) = asked {
            recording.attach(&mut watched, config);
        }
        watched
    }

    /// Records a module from its first power-on.
    fn attach<E>(&self, watched: &mut Watched<E>, config: &ModuleConfig) {
        let mut recorder = Recorder::new(config, Instant::ZERO, self.keep_payload);
        recorder.direct(&self.directives);
        watched.attach(recorder, self.sink());
    }

    /// Where a recorder's pieces go.
    pub(crate) fn sink(&self) -> Sink {
        let shared = Arc::clone(&self.shared);
        Box::new(move |piece| shared.take(piece))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.changed.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::warn!("--record: the writer of the record died");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a piece over; whether more is wanted.
    fn take(&self, piece: Piece) -> bool {
        let mut waiting = self.lock();
        if waiting.has_failed {
            return false;
        }
        if waiting.piece.len() + piece.len() > WAITING_MAX {
            waiting.has_failed = true;
            tracing::warn!("--record: the disk is slower than the module; the record ends here");
            return false;
        }
        let was_empty = waiting.piece.is_empty();
        waiting.piece.append(piece);
        if was_empty {
            self.changed.notify_one();
        }
        true
    }

    /// Writes until the end; what comes is gathered between two writes.
    fn write_all(&self, mut text: Output, mut payload: Option<Output>) {
        loop {
            let piece = {
                let idle = |waiting: &mut Waiting| waiting.piece.is_empty() && !waiting.is_ended;
                let waiting = self.changed.wait_while(self.lock(), idle);
                let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
                let going = |waiting: &mut Waiting| !waiting.is_ended;
                let waited = self.changed.wait_timeout_while(waiting, PAUSE, going);
                let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
                if waiting.piece.is_empty() {
                    break;
                }
                std::mem::take(&mut waiting.piece)
            };
            // Payload first: a line never speaks of bytes that are not there.
            let written = payload
                .as_mut()
                .map_or(Ok(()), |payload| payload.append(&piece.payload))
                .and_then(|()| text.append(piece.text.as_bytes()));
            if let Err(error) = written {
                tracing::warn!("{error}; the record ends here, the module goes on");
                self.lock().has_failed = true;
                break;
            }
        }
        if text.written == 0 {
            text.remove();
            payload.iter().for_each(Output::remove);
        }
    }
}

impl Output {
    fn create(path: &Path) -> Result<Self, Usage> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let shown = path.display();
        let file = file.map_err(|e| {
            Usage::new(if e.kind() == io::ErrorKind::AlreadyExists {
                format!("--record {shown}: the file is there already, and a record is not written over: choose another name, or remove it")
            } else {
                format!("--record {shown}: the file cannot be made: {e}; name a place that this user can write to")
            })
        })?;
        Ok(Self {
            path: Some(path.to_owned()),
            file,
            written: 0,
        })
    }

    /// Adds all of it; where that fails, the lines that there was room for.
    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut taken = 0;
        let failure = loop {
            if taken == bytes.len() {
                self.written += taken as u64;
                return Ok(());
            }
            match self.file.write(&bytes[taken..]) {
                Ok(0) => break io::ErrorKind::WriteZero.into(),
                Ok(n) => taken += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error,
            }
        };
        let lines = bytes[..taken].iter().rposition(|&byte| byte == b'\n');
        self.written += lines.map_or(0, |end| end as u64 + 1);
        let Some(path) = &self.path else {
            return Err(format!("standard output cannot be written: {failure}"));
        };
        // Where even that fails, the last line is cut, and whoever runs the record is told of it.
        let _ = self.file.set_len(self.written);
        let shown = path.display();
        Err(format!("--record: {shown} cannot be written: {failure}"))
    }

    /// A file with nothing in it would only stand in the way of the next record.
    fn remove(&self) {
        let Some(path) = &self.path else { return };
        if let Err(error) = std::fs::remove_file(path) {
            let shown = path.display();
            tracing::debug!("--record: {shown} is empty and stays: {error}");
        }
    }
}

/// Where the payload of a record is kept.
pub(crate) fn payload_path(record: &Path) -> PathBuf {
    let mut path = record.as_os_str().to_owned();
    path.push(".payload");
    path.into()
}
