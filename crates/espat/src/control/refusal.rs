//! What the control interface refuses, and how it says so: the name, the value and the way out. Never a secret.

use hyper::StatusCode;
use serde::Serialize;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: Problem,
    /// The methods that a route has, where the method is wrong.
    pub(super) allow: Option<String>,
}

/// The body of such an answer, within `error`.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// What is wrong: a header, `path`, `method`, `body`, or a key of the body.
    name: &'static str,
    /// What it is; none where it is missing or a secret.
    value: Option<String>,
    message: String,
    way_out: String,
}

/// The longest value that is shown.
const VALUE_CHARS: usize = 80;

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        name: &'static str,
        message: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self {
            status,
            error: Problem {
                name,
                value: None,
                message: message.into(),
                way_out: way_out.into(),
            },
            allow: None,
        }
    }

    /// Wrong in what was sent.
    pub(super) fn bad(
        name: &'static str,
        message: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, message, way_out)
    }

    /// Right, but not as the module stands.
    pub(super) fn conflict(
        name: &'static str,
        message: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, name, message, way_out)
    }

    pub(super) fn value(mut self, value: impl AsRef<str>) -> Self {
        self.error.value = Some(value.as_ref().chars().take(VALUE_CHARS).collect());
        self
    }
}
