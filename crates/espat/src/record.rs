//! `--record`: the transcript of a module in a file, and the payload that is kept beside it.
//!
//! A thread of its own writes, at most every tenth of a second, so that a slow disk holds up nobody. A record that cannot be written
//! any more ends, and the module goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use espat_core::{Instant, ModuleConfig};
use espat_host::{Batch, Spool};
use espat_script::{Directive, Recorder};

use crate::failure::Usage;
use crate::watch::{Sink, Watched};

/// A record that is being written. When it is dropped, everything is in the file.
#[derive(Debug)]
pub(crate) struct Recording {
    spool: Spool<Piece>,
    keep_payload: bool,
    /// What the module's configuration does not know of.
    directives: Vec<Directive>,
}

/// Text of a transcript, and the payload that goes into the file beside it.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    payload: Vec<u8>,
}

/// The record's files.
#[derive(Debug)]
struct Files {
    text: Output,
    payload: Option<Output>,
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
        let spool = Spool::start("record", Files { text, payload });
        let spool =
            spool.map_err(|e| Usage::new(format!("--record: no thread can be started: {e}")))?;
        Ok(Self {
            spool,
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
        let spooler = self.spool.spooler();
        Box::new(move |text, payload| {
            spooler.add(|piece| {
                piece.text.push_str(text);
                piece.payload.extend_from_slice(payload);
            })
        })
    }
}

impl Batch for Piece {
    fn len(&self) -> usize {
        self.text.len() + self.payload.len()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.payload.clear();
    }
}

impl espat_host::Sink<Piece> for Files {
    fn write(&mut self, piece: &Piece) -> bool {
        // Payload first: a line never speaks of bytes that are not there.
        let payload = self.payload.as_mut();
        let written = payload
            .map_or(Ok(()), |payload| payload.append(&piece.payload))
            .and_then(|()| self.text.append(piece.text.as_bytes()));
        written
            .inspect_err(|error| {
                tracing::warn!("{error}; the record ends here, the module goes on");
            })
            .is_ok()
    }

    fn overflow(&mut self) {
        tracing::warn!("--record: the disk is slower than the module; the record ends here");
    }

    fn end(&mut self) {
        if self.text.written == 0 {
            self.text.remove();
            self.payload.iter().for_each(Output::remove);
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
