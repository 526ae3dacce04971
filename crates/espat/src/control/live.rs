//! The live transcript as server-sent events. A client that does not keep up is cut off; the module never waits for one.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use espat_host::Handle;
use hyper::body::{Body, Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;

use crate::watch::{self, Watched};

/// Bytes of the transcript that may wait for a client.
pub(super) const BYTES_MAX: usize = 256 * 1024;

/// The body of a stream of events.
pub(super) struct Live {
    pieces: watch::Live,
    handle: Handle<Watched>,
    has_ended: bool,
    /// A client's seat, free again when it goes.
    _seat: OwnedSemaphorePermit,
}

impl Live {
    pub(super) fn new(
        pieces: watch::Live,
        handle: Handle<Watched>,
        seat: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            pieces,
            handle,
            has_ended: false,
            _seat: seat,
        }
    }

    /// The last event: why nothing more comes.
    fn end(&self) -> &'static str {
        if self.handle.is_stopped() {
            "event: end\ndata: {\"reason\":\"stopped\",\"message\":\"the module has ended\"}\n\n"
        } else {
            "event: end\ndata: {\"reason\":\"slow\",\"message\":\"too much waited for this client; read faster, or ask again\"}\n\n"
        }
    }
}

impl Body for Live {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let event = match ready!(self.pieces.poll_recv(cx)) {
            Some(text) => event(&text),
            None => {
                self.has_ended = true;
                self.end().to_owned()
            }
        };
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

/// Lines of the transcript as one event.
fn event(text: &str) -> String {
    let mut event = String::with_capacity(text.len() + 32);
    event.push_str("event: transcript\n");
    for line in text.lines() {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn each_line_of_a_piece_is_a_line_of_its_event() {
        assert_eq!(
            event("-> AT\n<-\n<- OK\n"),
            "event: transcript\ndata: -> AT\ndata: <-\ndata: <- OK\n\n"
        );
    }
}
