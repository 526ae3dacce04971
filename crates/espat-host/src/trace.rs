//! What the module observes, as log lines. Never payload, never a password: events carry neither.

use espat_core::Event;

pub(crate) fn event(event: Event) {
    match event {
        Event::Boot(cause) => tracing::info!("boot, {cause:?}"),
        Event::Ready => tracing::info!("ready"),
        Event::StationUp => tracing::info!("the station has its address"),
        Event::StationDown => tracing::info!("the station lost its access point"),
        Event::Dropped { what, bytes } => tracing::warn!("{bytes} bytes dropped, {what:?}"),
        Event::Sleeping => tracing::info!("deep sleep"),
    }
}
