//! A store at the side of a driver: one request at a time, on a thread that may wait for the disk. Without a store, what is to
//! be kept lives as long as the module.

use std::pin::Pin;
use std::task::{Context, Poll};

use espat_core::{PartitionStep, StoreError, StoreRequest, StoreTag, StoreValue};
use tokio::task::JoinHandle;

use super::Store;
use crate::net::holds_slots;

/// Where a driver's `Store` requests go.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: State,
    /// Requests that wait for the one under way.
    waiting: Vec<(StoreTag, Request)>,
    /// Partitions of certificates or keys that were written since they were taken.
    written: Vec<(&'static str, Vec<u8>)>,
}

#[derive(Debug)]
enum State {
    /// There is no store: the partition that is being written.
    Memory(Option<(&'static str, Vec<u8>)>),
    Idle(Box<Store>),
    Writing(StoreTag, JoinHandle<Written>),
    /// The store's thread has died.
    Dead,
}

impl Default for State {
    fn default() -> Self {
        Self::Memory(None)
    }
}

#[derive(Debug)]
enum Request {
    Set(Vec<(&'static str, StoreValue)>),
    Erase,
    Boot(String),
    Partition(&'static str, Step),
}

#[derive(Debug)]
enum Step {
    Begin,
    Chunk(Vec<u8>),
    Commit,
    Abort,
}

/// What a thread brings back.
#[derive(Debug)]
struct Written {
    store: Box<Store>,
    result: Result<(), StoreError>,
    partition: Option<(&'static str, Vec<u8>)>,
    is_answered: bool,
}

impl Keeper {
    pub(crate) fn new(store: Option<Store>) -> Self {
        Self {
            state: store.map_or_else(State::default, |store| State::Idle(Box::new(store))),
            ..Self::default()
        }
    }

    pub(crate) fn handle(&mut self, tag: StoreTag, request: StoreRequest<'_>) {
        self.waiting.push((tag, Request::of(request)));
    }

    /// The partitions of certificates or keys that were written.
    pub(crate) fn take_written(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        std::mem::take(&mut self.written)
    }

    /// The next request that ended.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(StoreTag, Result<(), StoreError>)> {
        loop {
            match std::mem::replace(&mut self.state, State::Dead) {
                State::Writing(tag, mut thread) => match Pin::new(&mut thread).poll(cx) {
                    Poll::Pending => {
                        self.state = State::Writing(tag, thread);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(written)) => {
                        self.state = State::Idle(written.store);
                        self.written.extend(written.partition);
                        if written.is_answered {
                            return Poll::Ready((tag, written.result));
                        }
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::error!("the thread that writes settings died: {error}");
                        return Poll::Ready((tag, Err(StoreError::Other)));
                    }
                },
                idle if self.waiting.is_empty() => {
                    self.state = idle;
                    return Poll::Pending;
                }
                State::Idle(store) => {
                    let (tag, request) = self.waiting.remove(0);
                    self.state = State::Writing(tag, write(store, request));
                }
                State::Memory(mut under_way) => {
                    let (tag, request) = self.waiting.remove(0);
                    let is_answered = request.is_answered();
                    let result = self.remember(&mut under_way, request);
                    self.state = State::Memory(under_way);
                    if is_answered {
                        return Poll::Ready((tag, result));
                    }
                }
                State::Dead => {
                    let (tag, request) = self.waiting.remove(0);
                    if request.is_answered() {
                        return Poll::Ready((tag, Err(StoreError::Denied)));
                    }
                }
            }
        }
    }

    /// Lets the write that is under way end, so that the folder is free for the next module.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waiting.clear();
        match &mut self.state {
            State::Writing(_, thread) => Pin::new(thread).poll(cx).map(|_| {
                self.state = State::Dead;
            }),
            State::Memory(_) | State::Idle(_) | State::Dead => Poll::Ready(()),
        }
    }

    fn remember(
        &mut self,
        under_way: &mut Option<(&'static str, Vec<u8>)>,
        request: Request,
    ) -> Result<(), StoreError> {
        let (name, step) = match request {
            Request::Set(_) | Request::Erase => {
                tracing::warn!("the module has no place to keep settings");
                return Err(StoreError::Denied);
            }
            // The module itself remembers which firmware it runs.
            Request::Boot(_) => return Ok(()),
            Request::Partition(name, step) => (name, step),
        };
        match step {
            Step::Begin => *under_way = Some((name, Vec::new())),
            // Of the others nobody reads a byte.
            Step::Chunk(bytes) => {
                if let Some((_, all)) = under_way.as_mut().filter(|_| holds_slots(name)) {
                    all.extend_from_slice(&bytes);
                }
            }
            Step::Commit => {
                let bytes = under_way.take().map(|(_, bytes)| bytes).unwrap_or_default();
                if holds_slots(name) {
                    self.written.push((name, bytes));
                }
            }
            Step::Abort => *under_way = None,
        }
        Ok(())
    }
}

impl Request {
    fn of(request: StoreRequest<'_>) -> Self {
        match request {
            StoreRequest::Set(values) => Self::Set(values.to_vec()),
            StoreRequest::Erase => Self::Erase,
            StoreRequest::Boot { version } => Self::Boot(version.to_owned()),
            StoreRequest::Partition { name, step } => Self::Partition(
                name,
                match step {
                    PartitionStep::Begin => Step::Begin,
                    PartitionStep::Chunk(bytes) => Step::Chunk(bytes.to_vec()),
                    PartitionStep::Commit => Step::Commit,
                    PartitionStep::Abort => Step::Abort,
                },
            ),
        }
    }

    fn borrowed(&self) -> StoreRequest<'_> {
        match self {
            Self::Set(values) => StoreRequest::Set(values),
            Self::Erase => StoreRequest::Erase,
            Self::Boot(version) => StoreRequest::Boot { version },
            Self::Partition(name, step) => StoreRequest::Partition {
                name,
                step: match step {
                    Step::Begin => PartitionStep::Begin,
                    Step::Chunk(bytes) => PartitionStep::Chunk(bytes),
                    Step::Commit => PartitionStep::Commit,
                    Step::Abort => PartitionStep::Abort,
                },
            },
        }
    }

    fn is_answered(&self) -> bool {
        !matches!(self, Self::Partition(_, Step::Abort))
    }
}

fn write(mut store: Box<Store>, request: Request) -> JoinHandle<Written> {
    tokio::task::spawn_blocking(move || {
        let result = store.handle(request.borrowed());
        let mut partition = None;
        if let (&Request::Partition(name, Step::Commit), Ok(())) = (&request, result)
            && holds_slots(name)
        {
            partition = store.partition(name).map(|bytes| (name, bytes));
        }
        let is_answered = request.is_answered();
        Written {
            store,
            result,
            partition,
            is_answered,
        }
    })
}
