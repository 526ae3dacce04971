//! The engine that `run` and `console` drive: the module, and recorders that hear what goes in and what comes out.
//!
//! A watcher never holds the module up: its sink takes a piece at once, or the watcher ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use espat_core::fault::Faulty;
use espat_core::{Input, Instant, ModuleConfig, Output};
use espat_host::{Engine, Handle, HandleError};
use espat_script::Recorder;
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A module, or a layer around one, that can be watched.
pub(crate) struct Watched<E = Faulty> {
    engine: E,
    watchers: Vec<Watcher>,
}

/// Where a recorder's text and payload go. It never waits; `false` ends the watcher.
pub(crate) type Sink = Box<dyn FnMut(&str, &[u8]) -> bool + Send>;

struct Watcher {
    recorder: Recorder,
    sink: Sink,
}

impl<E> Watched<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self {
            engine,
            watchers: vec![],
        }
    }

    /// What is watched.
    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    /// What is watched, for what is no input: recorders do not hear of it, only of what comes out by it.
    pub(crate) fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// Lets a recorder hear everything from here on.
    pub(crate) fn attach(&mut self, recorder: Recorder, sink: Sink) {
        self.watchers.push(Watcher { recorder, sink });
    }
}

impl<E: Engine> Engine for Watched<E> {
    fn serial_room(&self) -> usize {
        self.engine.serial_room()
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        for watcher in &mut self.watchers {
            watcher.recorder.input(now, &input);
        }
        self.engine.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        if !self.watchers.is_empty()
            && let Some(waiting) = self.engine.outputs_waiting()
        {
            let recorders = self
                .watchers
                .iter_mut()
                .map(|watcher| &mut watcher.recorder);
            recorders.for_each(|recorder| recorder.waiting(waiting));
        }
        let output = self.engine.poll_output();
        if !self.watchers.is_empty() {
            self.watchers.retain_mut(|watcher| watcher.hear(&output));
        }
        output
    }

    fn other_baud(&self) -> Option<u32> {
        self.engine.other_baud()
    }

    fn set_host_baud(&mut self, baud: u32) {
        self.engine.set_host_baud(baud);
    }

    fn payload_missing(&self) -> Option<usize> {
        self.engine.payload_missing()
    }

    fn outputs_waiting(&self) -> Option<usize> {
        self.engine.outputs_waiting()
    }
}

impl<E> Drop for Watched<E> {
    fn drop(&mut self) {
        for watcher in self.watchers.drain(..) {
            watcher.end();
        }
    }
}

impl Watcher {
    /// Hears of an output; whether it goes on.
    fn hear(&mut self, output: &Output<'_>) -> bool {
        self.recorder.output(output);
        if !matches!(output, Output::Idle { .. }) {
            return true;
        }
        self.hand_over()
    }

    fn end(mut self) {
        self.recorder.end();
        self.hand_over();
    }

    /// Gives what is new to the sink.
    fn hand_over(&mut self) -> bool {
        let sink = &mut self.sink;
        self.recorder.hand_over(|text, payload| {
            (text.is_empty() && payload.is_empty()) || sink(text, payload)
        })
    }
}

/// The transcript of a running module from here on, in pieces of whole lines.
#[derive(Debug)]
pub(crate) struct Live {
    pieces: UnboundedReceiver<String>,
    /// Bytes that wait to be received.
    waiting: Arc<AtomicUsize>,
}

/// Follows a running module. It ends with the module, or where more than `bytes_max` wait to be received; it is over when it is
/// dropped.
///
/// # Errors
/// The module has stopped.
pub(crate) async fn live<E: Engine>(
    handle: &Handle<Watched<E>>,
    config: ModuleConfig,
    bytes_max: usize,
) -> Result<Live, HandleError> {
    let (sender, pieces) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let queued = Arc::clone(&waiting);
    handle
        .change(move |watched, now| {
            let sink = move |text: &str, _: &[u8]| {
                let before = queued.fetch_add(text.len(), Ordering::Relaxed);
                let fits = before == 0 || before + text.len() <= bytes_max;
                fits && sender.send(text.to_owned()).is_ok()
            };
            watched.attach(Recorder::joining(&config, now), Box::new(sink));
        })
        .await?;
    Ok(Live { pieces, waiting })
}

impl Live {
    /// The next piece; `None` after the last.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let piece = ready!(self.pieces.poll_recv(cx));
        if let Some(text) = &piece {
            self.waiting.fetch_sub(text.len(), Ordering::Relaxed);
        }
        Poll::Ready(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use espat_core::Timing;
    use espat_host::{Module, SerialStream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn watched() -> (SerialStream, Handle<Watched>, ModuleConfig) {
        let config = ModuleConfig {
            timing: Timing::Fast,
            ..ModuleConfig::new()
        };
        let module = Module::new(config.clone());
        let (serial, handle) = module.layered_in_process(Watched::new).unwrap();
        (serial, handle, config)
    }

    async fn next(live: &mut Live) -> Option<String> {
        std::future::poll_fn(|cx| live.poll_recv(cx)).await
    }

    async fn ok(serial: &mut SerialStream, line: &str) {
        serial.write_all(line.as_bytes()).await.unwrap();
        let mut said = String::new();
        while !said.ends_with("OK\r\n") {
            said.push(serial.read_u8().await.unwrap().into());
        }
    }

    #[tokio::test]
    async fn a_watcher_that_joins_hears_the_rest_and_one_that_is_full_ends() {
        let (mut serial, handle, config) = watched();
        ok(&mut serial, "ATE0\r\n").await;
        let mut all = live(&handle, config.clone(), 1 << 20).await.unwrap();
        let mut full = live(&handle, config, 1).await.unwrap();
        ok(&mut serial, "AT+CWMODE=1\r\n").await;
        ok(&mut serial, "AT+CWMODE?\r\n").await;
        handle.stop().await;
        let mut text = String::new();
        while let Some(piece) = next(&mut all).await {
            text += &piece;
        }
        let steps: Vec<_> = text.lines().filter(|l| !l.starts_with('~')).collect();
        let wanted = "-> AT+CWMODE=1|<-|<- OK|-> AT+CWMODE?|<- +CWMODE:1|<-|<- OK";
        assert_eq!(steps.join("|"), wanted, "{text}");
        assert!(next(&mut full).await.is_some());
        assert_eq!(next(&mut full).await, None, "more was kept than asked for");
    }
}
