//! The routes: which there are, and what each does. `docs/control.openapi.json` describes the same ones.

use std::net::Ipv4Addr;

use espat_core::{AirEvent, Input, PowerEvent};
use espat_host::HandleError;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Panel;
use super::faults;
use super::live::{BYTES_MAX, Live};
use super::refusal::Refusal;
use super::shown::{self, Link, Module, State};
use crate::watch;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Description,
    State,
    Links,
    Live,
    Reset,
    Power,
    Wifi,
    Send,
    Emit,
    Scenarios,
    Faults,
    StartFault,
    StopFault,
}

/// A method and a path.
pub(super) const ROUTES: &[(Method, &str, Action)] = &[
    (Method::GET, "/v1/openapi.json", Action::Description),
    (Method::GET, "/v1/state", Action::State),
    (Method::GET, "/v1/links", Action::Links),
    (Method::GET, "/v1/live", Action::Live),
    (Method::POST, "/v1/reset", Action::Reset),
    (Method::POST, "/v1/power", Action::Power),
    (Method::POST, "/v1/wifi", Action::Wifi),
    (Method::POST, "/v1/serial/send", Action::Send),
    (Method::POST, "/v1/serial/emit", Action::Emit),
    (Method::GET, "/v1/scenarios", Action::Scenarios),
    (Method::GET, "/v1/faults", Action::Faults),
    (Method::POST, "/v1/faults", Action::StartFault),
    (Method::DELETE, "/v1/faults/{which}", Action::StopFault),
];

/// What is answered.
pub(super) enum Answer {
    Json(StatusCode, String),
    /// A file as it is.
    Text(&'static str),
    Live(Live),
}

/// What stands in a path where its route has a `{name}`; an empty text where the route has none.
fn matches<'p>(route: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, _)) = route.split_once('{') else {
        return (route == path).then_some("");
    };
    let part = path.strip_prefix(before)?;
    (!part.is_empty() && !part.contains('/')).then_some(part)
}

/// Finds the route of a request, and what stands in its path.
///
/// # Errors
/// 404 where no route has the path, 405 where none of them has the method.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Result<(Action, &'p str), Refusal> {
    let of_path = || {
        let routes = ROUTES.iter();
        routes.filter_map(|(own, route, action)| Some((own, *action, matches(route, path)?)))
    };
    if let Some((_, action, part)) = of_path().find(|(own, _, _)| *own == method) {
        return Ok((action, part));
    }
    let methods: Vec<_> = of_path().map(|(method, _, _)| method.as_str()).collect();
    if methods.is_empty() {
        let refusal = Refusal::new(
            StatusCode::NOT_FOUND,
            "path",
            "there is nothing",
            "GET /v1/openapi.json says what there is",
        );
        return Err(refusal.value(path));
    }
    let methods = methods.join(", ");
    let mut refusal = Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method",
        format!("{path} does not have it"),
        format!("use {methods}"),
    );
    refusal.allow = Some(methods);
    Err(refusal.value(method.as_str()))
}

/// Does what a request is for.
///
/// # Errors
/// What is wrong with the request, or with the module for it.
pub(super) async fn answer(
    panel: &Panel,
    (action, part): (Action, &str),
    body: &Bytes,
) -> Result<Answer, Refusal> {
    match action {
        Action::Description => Ok(Answer::Text(DESCRIPTION)),
        Action::State => state(panel).await,
        Action::Links => links(panel).await,
        Action::Live => live(panel).await,
        Action::Reset => {
            let Nothing {} = read(body)?;
            power(panel, PowerEvent::Reset, true).await
        }
        Action::Power => {
            let Power { supply } = read(body)?;
            match supply {
                Supply::On => power(panel, PowerEvent::On, false).await,
                Supply::Off => power(panel, PowerEvent::Off, true).await,
                Supply::BrownOut => power(panel, PowerEvent::BrownOut, true).await,
            }
        }
        Action::Wifi => wifi(panel, read(body)?).await,
        Action::Send => {
            let bytes = Payload::bytes(read(body)?)?;
            let count = bytes.len();
            taken(panel.handle.send(bytes).await, count)
        }
        Action::Emit => {
            let bytes = Payload::bytes(read(body)?)?;
            let count = bytes.len();
            taken(panel.handle.emit(bytes).await, count)
        }
        Action::Scenarios => faults::known(),
        Action::Faults => faults::running(panel).await,
        Action::StartFault => faults::start(panel, read(body)?).await,
        Action::StopFault => faults::stop(panel, part).await,
    }
}

const DESCRIPTION: &str = include_str!("../../../../docs/control.openapi.json");

/// A body without anything in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    supply: Supply,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Supply {
    On,
    Off,
    BrownOut,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wifi {
    air: Option<Air>,
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Air {
    Up,
    Down,
}

/// Bytes for the line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    text: Option<String>,
    hex: Option<String>,
}

impl Payload {
    fn bytes(self) -> Result<Vec<u8>, Refusal> {
        match (self.text, self.hex) {
            (Some(text), None) => Ok(text.into_bytes()),
            (None, Some(hex)) => from_hex(&hex).ok_or_else(|| {
                let way_out = "write two digits a byte, as 41540d0a";
                Refusal::bad("hex", "these are no bytes", way_out).value(&hex)
            }),
            _ => Err(Refusal::bad(
                "body",
                "it says not in one way what the bytes are",
                "give either text or hex",
            )),
        }
    }
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// Reads a body; none is an empty object.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body).map_err(|error| {
        let way_out = "docs/control.md and GET /v1/openapi.json show what it may hold";
        Refusal::bad("body", error.to_string(), way_out)
    })
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Result<Answer, Refusal> {
    let text = serde_json::to_string(value).map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Refusal::new(status, "body", error.to_string(), "report this as a bug")
    })?;
    Ok(Answer::Json(status, text))
}

/// The module cannot do it now.
pub(super) fn refused(error: HandleError) -> Refusal {
    match error {
        HandleError::NeverPowered => Refusal::conflict(
            "module",
            "it was never powered on",
            "open its serial port, or switch its supply on: POST /v1/power, `espat ctl power on`",
        ),
        HandleError::Full => Refusal::conflict(
            "module",
            "the line has not taken what it was given before",
            "wait until it has, and send less at a time",
        ),
        HandleError::Stopped | _ => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "module",
            "it has ended",
            "start espat again",
        ),
    }
}

async fn state(panel: &Panel) -> Result<Answer, Refusal> {
    let looked = panel.handle.inspect(|watched| {
        let module = watched.engine().inspect();
        let faults = watched
            .engine()
            .running()
            .map(|(_, plan)| plan.name.clone());
        let faults = faults.collect();
        (shown::phase(module.phase()), Module::new(&module, faults))
    });
    let (phase, module) = match looked.await {
        Ok((phase, module)) => (phase, Some(module)),
        Err(HandleError::NeverPowered) => ("unpowered", None),
        Err(error) => return Err(refused(error)),
    };
    let state = State {
        espat: env!("CARGO_PKG_VERSION"),
        profile: panel.config.profile.name,
        phase,
        module,
        counters: panel.handle.counts().into(),
    };
    json(StatusCode::OK, &state)
}

async fn links(panel: &Panel) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Links {
        links: Vec<Link>,
    }
    let looked = panel.handle.inspect(|watched| {
        let module = watched.engine().inspect();
        module.link_details().map(Link::from).collect()
    });
    let links = looked.await.map_err(refused)?;
    json(StatusCode::OK, &Links { links })
}

async fn live(panel: &Panel) -> Result<Answer, Refusal> {
    let seat = std::sync::Arc::clone(&panel.live_seats).try_acquire_owned();
    let seat = seat.map_err(|_| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "path",
            "too many follow the transcript already",
            "end one of them first",
        )
    })?;
    let pieces = watch::live(&panel.handle, panel.config.clone(), BYTES_MAX).await;
    let pieces = pieces.map_err(refused)?;
    Ok(Answer::Live(Live::new(pieces, panel.handle.clone(), seat)))
}

/// Moves supply or EN. Where that `needs` a module, one that was never powered on is told so.
async fn power(panel: &Panel, event: PowerEvent, needs: bool) -> Result<Answer, Refusal> {
    if needs {
        panel.handle.inspect(|_| ()).await.map_err(refused)?;
    }
    panel.handle.power(event).map_err(refused)?;
    phase(panel).await
}

async fn wifi(panel: &Panel, wifi: Wifi) -> Result<Answer, Refusal> {
    let address = wifi.address.as_deref().map(|address| {
        let is_fit =
            |ip: &Ipv4Addr| !(ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast());
        let ip = address.parse().ok().filter(is_fit);
        ip.map(AirEvent::Address).ok_or_else(|| {
            let message = "no IPv4 address of a station";
            Refusal::bad("address", message, "write one, as 127.0.0.2").value(address)
        })
    });
    let address = address.transpose()?;
    let air = wifi.air.map(|air| match air {
        Air::Up => AirEvent::Back,
        Air::Down => AirEvent::Lost,
    });
    let events: Vec<_> = [address, air].into_iter().flatten().collect();
    if events.is_empty() {
        let way_out = "give air, address or both";
        return Err(Refusal::bad("body", "it asks for nothing", way_out));
    }
    panel.handle.inspect(|_| ()).await.map_err(refused)?;
    for event in events {
        let fed = panel.handle.change(move |watched, now| {
            espat_host::Engine::handle_input(watched, now, Input::Air(event));
        });
        fed.await.map_err(refused)?;
    }
    phase(panel).await
}

fn taken(done: Result<(), HandleError>, bytes: usize) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Taken {
        bytes: usize,
    }
    done.map_err(refused)?;
    json(StatusCode::OK, &Taken { bytes })
}

/// Where the module stands after what was done.
async fn phase(panel: &Panel) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Phase {
        phase: &'static str,
    }
    let looked = panel
        .handle
        .inspect(|watched| shown::phase(watched.engine().inspect().phase()));
    let phase = looked.await.map_err(refused)?;
    json(StatusCode::OK, &Phase { phase })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_hex() {
        assert_eq!(from_hex("41540d0A").unwrap(), b"AT\r\n");
        assert_eq!(from_hex("").unwrap(), b"");
        for wrong in ["4", "4g", "+4", "4\u{e9}"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_description_has_these_routes_and_no_others() {
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut described = vec![];
        for (path, methods) in description["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let routes = ROUTES
            .iter()
            .map(|(method, path, _)| format!("{method} {path}"));
        let mut routes: Vec<_> = routes.collect();
        described.sort_unstable();
        routes.sort_unstable();
        assert_eq!(described, routes);
    }

    #[test]
    fn a_route_is_found_by_its_path_and_method() {
        for (method, path, action) in ROUTES {
            assert_eq!(find(method, path).unwrap().0, *action);
        }
        let other = find(&Method::DELETE, "/v1/state").unwrap_err();
        assert_eq!(other.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(other.allow.as_deref(), Some("GET"));
        let found = find(&Method::DELETE, "/v1/faults/7").unwrap();
        assert_eq!(found, (Action::StopFault, "7"));
        for none in ["/v1/faults/", "/v1/faults/7/"] {
            let refusal = find(&Method::DELETE, none).unwrap_err();
            assert_eq!(refusal.status, StatusCode::NOT_FOUND);
        }
        assert_eq!(
            find(&Method::GET, "/").unwrap_err().status,
            StatusCode::NOT_FOUND
        );
    }
}
