//! The control interface of a running module: HTTP/1.1 with JSON, on loopback or a socket of the user's own.
//!
//! It looks at the module and changes it only through its handle, between two inputs; nothing here can hold it up. Without
//! `--control` nothing of it runs.

mod faults;
mod guard;
mod listen;
mod live;
mod patience;
mod refusal;
mod routes;
mod shown;
mod token;

pub(crate) use listen::ControlAddr;
pub(crate) use token::ControlToken;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use espat_core::ModuleConfig;
use espat_host::Handle;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::watch::Watched;
use guard::Guard;
use listen::{Listener, Stream};
use live::Live;
use patience::Patient;
use refusal::{Problem, Refusal};
use routes::Answer;

/// Clients that are served at a time; others wait in the backlog.
const CLIENTS_MAX: usize = 32;
/// Clients of these that may follow the transcript.
const LIVE_MAX: usize = 8;
/// How long a client may take for a head, or for a body.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest body.
const BODY_BYTES: usize = 64 * 1024;
/// The longest head.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
/// How long to wait when the system refuses a client.
const PAUSE: Duration = Duration::from_millis(100);
/// How long clients that follow the transcript have to hear of the module's end.
const FAREWELL: Duration = Duration::from_millis(200);

/// A control interface that listens.
#[derive(Debug)]
pub(crate) struct Control {
    listener: Listener,
    guard: Guard,
}

/// A control interface at work; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    /// The one that accepts clients.
    tasks: JoinSet<()>,
    live_seats: Arc<Semaphore>,
}

/// What every request has at hand.
struct Panel {
    guard: Guard,
    handle: Handle<Watched>,
    config: ModuleConfig,
    live_seats: Arc<Semaphore>,
}

impl Control {
    /// Listens at a place.
    ///
    /// # Errors
    /// The option that is wrong, and the way out.
    pub(crate) fn listen(at: &ControlAddr, token: Option<&ControlToken>) -> Result<Self, String> {
        if let Some(token) = token {
            token
                .checked()
                .map_err(|e| format!("--control-token: {e}"))?;
        } else if at.is_remote() {
            return Err(format!(
                "--control {at}: other computers can reach this address, so --control-token TOKEN is needed; or listen on 127.0.0.1"
            ));
        }
        let listener = Listener::bind(at);
        Ok(Self {
            listener: listener.map_err(|e| format!("--control {at}: {e}"))?,
            guard: Guard {
                is_local: !at.is_remote(),
                token: token.cloned(),
            },
        })
    }

    /// What the program says of it at start.
    pub(crate) fn line(&self) -> String {
        format!("control {}", self.listener.place())
    }

    /// Serves clients for a module of `config`.
    pub(crate) fn serve(self, handle: Handle<Watched>, config: ModuleConfig) -> Running {
        let live_seats = Arc::new(Semaphore::new(LIVE_MAX));
        let panel = Panel {
            guard: self.guard,
            handle,
            config,
            live_seats: Arc::clone(&live_seats),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(self.listener, Arc::new(panel)));
        Running { tasks, live_seats }
    }
}

impl Running {
    /// The module has ended: those who follow its transcript hear of it, if they listen.
    pub(crate) async fn end(mut self) {
        let seats = u32::try_from(LIVE_MAX).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(FAREWELL, self.live_seats.acquire_many(seats)).await;
        self.tasks.shutdown().await;
    }
}

async fn accept(listener: Listener, panel: Arc<Panel>) {
    let seats = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    let mut has_failed = false;
    loop {
        let seat = Arc::clone(&seats).acquire_owned().await;
        let seat = seat.expect("the semaphore is never closed");
        while clients.try_join_next().is_some() {}
        match listener.accept().await {
            Ok(stream) => {
                has_failed = false;
                let panel = Arc::clone(&panel);
                clients.spawn(async move {
                    serve(stream, panel).await;
                    drop(seat);
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(
                        "a client of the control interface cannot be accepted: {error}; it is tried again"
                    );
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(stream: Stream, panel: Arc<Panel>) {
    let service = service_fn(move |request| {
        let panel = Arc::clone(&panel);
        async move { Ok::<_, Infallible>(respond(&panel, request).await) }
    });
    let done = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    if let Err(error) = done.await {
        tracing::debug!("a client of the control interface: {error}");
    }
}

async fn respond(panel: &Panel, request: Request<Incoming>) -> Response<Content> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = ask(panel, request).await;
    let status = match &answer {
        Ok(Answer::Json(status, _)) => *status,
        Ok(Answer::Text(_) | Answer::Live(_)) => StatusCode::OK,
        Err(refusal) => refusal.status,
    };
    tracing::debug!(
        "control: {method} {} {}",
        path.escape_debug(),
        status.as_u16()
    );
    match answer {
        Ok(Answer::Json(status, text)) => content(status, "application/json", text.into()),
        Ok(Answer::Text(text)) => content(status, "application/json", Bytes::from(text)),
        Ok(Answer::Live(live)) => with_body(status, "text/event-stream", Content::Live(live)),
        Err(refusal) => refuse(refusal),
    }
}

async fn ask(panel: &Panel, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    panel.guard.check(&head.method, &head.headers)?;
    let route = routes::find(&head.method, head.uri.path())?;
    let body = if head.method == Method::POST {
        read(body).await?
    } else {
        Bytes::new()
    };
    routes::answer(panel, route, &body).await
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let collected = Limited::new(body, BODY_BYTES).collect();
    let Ok(collected) = tokio::time::timeout(PATIENCE, collected).await else {
        return Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "body",
            format!("it did not come in {PATIENCE:?}"),
            "send it at once",
        ));
    };
    let collected = collected.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let kib = BODY_BYTES / 1024;
            let message = format!("it is longer than {kib} KiB");
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body",
                message,
                "send less at a time",
            )
        } else {
            Refusal::bad(
                "body",
                "it broke off",
                "send all that Content-Length promises",
            )
        }
    })?;
    Ok(collected.to_bytes())
}

fn refuse(refusal: Refusal) -> Response<Content> {
    #[derive(Serialize)]
    struct Refused {
        error: Problem,
    }
    let Refusal {
        status,
        error,
        allow,
    } = refusal;
    let text = serde_json::to_string(&Refused { error }).unwrap_or_default();
    let mut response = content(status, "application/json", text.into());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = allow.and_then(|allow| allow.parse().ok()) {
        headers.insert(ALLOW, allow);
    }
    response
}

fn content(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Content> {
    with_body(status, kind, Content::Whole(Some(bytes)))
}

fn with_body(status: StatusCode, kind: &'static str, body: Content) -> Response<Content> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of an answer.
enum Content {
    Whole(Option<Bytes>),
    Live(Live),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Live(live) => Pin::new(live).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Live(_) => hyper::body::SizeHint::default(),
        }
    }
}
