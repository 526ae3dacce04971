//! A store at the side of a driver: one request at a time, on a thread that may wait for the disk.

use std::pin::Pin;
use std::task::{Context, Poll};

use espat_core::{StoreError, StoreRequest, StoreTag, StoreValue};
use tokio::task::JoinHandle;

use super::Store;

/// Where a driver's `Store` requests go.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: State,
    /// Requests that wait for the one under way.
    waiting: Vec<(StoreTag, Request)>,
}

#[derive(Debug, Default)]
enum State {
    /// There is no store, or its thread has died.
    #[default]
    Missing,
    Idle(Box<Store>),
    Writing(StoreTag, JoinHandle<(Box<Store>, Result<(), StoreError>)>),
}

#[derive(Debug)]
enum Request {
    Set(Vec<(&'static str, StoreValue)>),
    Erase,
}

impl Keeper {
    pub(crate) fn new(store: Option<Store>) -> Self {
        Self {
            state: store.map_or(State::Missing, |store| State::Idle(Box::new(store))),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn handle(&mut self, tag: StoreTag, request: StoreRequest<'_>) {
        let request = match request {
            StoreRequest::Set(values) => Request::Set(values.to_vec()),
            StoreRequest::Erase => Request::Erase,
        };
        self.waiting.push((tag, request));
    }

    /// The next request that ended.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(StoreTag, Result<(), StoreError>)> {
        loop {
            match std::mem::take(&mut self.state) {
                State::Writing(tag, mut thread) => match Pin::new(&mut thread).poll(cx) {
                    Poll::Pending => {
                        self.state = State::Writing(tag, thread);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((store, result))) => {
                        self.state = State::Idle(store);
                        return Poll::Ready((tag, result));
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::error!("the thread that writes settings died: {error}");
                        return Poll::Ready((tag, Err(StoreError::Other)));
                    }
                },
                State::Idle(store) if self.waiting.is_empty() => {
                    self.state = State::Idle(store);
                    return Poll::Pending;
                }
                State::Idle(store) => {
                    let (tag, request) = self.waiting.remove(0);
                    self.state = State::Writing(tag, write(store, request));
                }
                State::Missing => {
                    let Some((tag, _)) = self.waiting.pop() else {
                        return Poll::Pending;
                    };
                    tracing::warn!("the module has no place to keep settings");
                    return Poll::Ready((tag, Err(StoreError::Denied)));
                }
            }
        }
    }

    /// Lets the write that is under way end, so that the folder is free for the next module.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waiting.clear();
        match &mut self.state {
            State::Writing(_, thread) => Pin::new(thread).poll(cx).map(|_| {
                self.state = State::Missing;
            }),
            State::Missing | State::Idle(_) => Poll::Ready(()),
        }
    }
}

fn write(
    mut store: Box<Store>,
    request: Request,
) -> JoinHandle<(Box<Store>, Result<(), StoreError>)> {
    tokio::task::spawn_blocking(move || {
        let result = store.handle(match &request {
            Request::Set(values) => StoreRequest::Set(values),
            Request::Erase => StoreRequest::Erase,
        });
        (store, result)
    })
}
