//! Answers of a module for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::table;

/// `GET /v1/state`.
pub(super) fn state(state: &Value) -> String {
    let mut rows = vec![
        ("profile", text(&state["profile"])),
        ("phase", text(&state["phase"])),
    ];
    let module = &state["module"];
    if !module.is_null() {
        rows.push(("busy", busy(module)));
        rows.push(("uart", uart(&module["uart"])));
        rows.push(("modes", modes(module)));
        rows.push(("station", station(module)));
        rows.push(("softAP", softap(&module["softap"])));
        rows.push(("server", server(&module["server"])));
        rows.push(("links", text(&module["links"])));
        rows.push(("faults", faults_running(&module["faults"])));
        rows.push(("held", format!("{} bytes", text(&module["bytes_held"]))));
    }
    let counters = &state["counters"];
    let way = |way: &str| {
        let (read, written) = (
            &counters[format!("{way}_in")],
            &counters[format!("{way}_out")],
        );
        format!("{} bytes in, {} out", text(read), text(written))
    };
    rows.push(("serial", way("serial")));
    rows.push(("network", way("net")));
    let dropped = [
        ("bytes", "bytes_dropped"),
        ("datagrams", "datagrams_dropped"),
        ("hosts", "hosts_refused"),
    ];
    let dropped = dropped.map(|(of, key)| format!("{} {of}", text(&counters[key])));
    rows.push(("dropped", dropped.join(", ")));
    let mut shown = String::new();
    for (name, value) in rows {
        // Writing to a string never fails.
        let _ = writeln!(shown, "{name:8} {value}");
    }
    shown
}

/// `GET /v1/links`.
pub(super) fn links(links: &Value) -> String {
    let links = list(&links["links"]);
    if links.is_empty() {
        return "no links\n".to_owned();
    }
    let rows: Vec<_> = links
        .iter()
        .map(|link| {
            let role = if link["accepted"] == true {
                "server"
            } else {
                "client"
            };
            [
                text(&link["id"]),
                text(&link["protocol"]),
                text(&link["state"]),
                role.to_owned(),
                text(&link["local_port"]),
                text(&link["remote"]),
                text(&link["unread"]),
            ]
        })
        .collect();
    table(
        ["ID", "PROTOCOL", "STATE", "AS", "PORT", "REMOTE", "UNREAD"],
        &rows,
    )
}

/// `GET /v1/scenarios`.
pub(super) fn scenarios(scenarios: &Value) -> String {
    let rows: Vec<_> = list(&scenarios["scenarios"])
        .iter()
        .map(|scenario| {
            let row = &scenario["row"];
            let row = if row.is_null() {
                String::new()
            } else {
                text(row)
            };
            [text(&scenario["name"]), row, text(&scenario["summary"])]
        })
        .collect();
    table(["SCENARIO", "ROW", "WHAT GOES WRONG"], &rows)
}

/// `GET /v1/faults`.
pub(super) fn faults(faults: &Value) -> String {
    let faults = list(&faults["faults"]);
    if faults.is_empty() {
        return "no faults\n".to_owned();
    }
    let rows: Vec<_> = faults
        .iter()
        .map(|fault| {
            let acted = list(&fault["rules"])
                .iter()
                .map(|rule| text(&rule["acted"]));
            let acted: Vec<_> = acted.collect();
            [
                text(&fault["id"]),
                text(&fault["name"]),
                text(&fault["seed"]),
                acted.join(", "),
            ]
        })
        .collect();
    table(["ID", "NAME", "SEED", "ACTED"], &rows)
}

/// `POST /v1/faults`.
pub(super) fn started(started: &Value) -> String {
    let [id, name, seed] = ["id", "name", "seed"].map(|key| text(&started[key]));
    format!("{id} {name}, seed {seed}\n")
}

/// `DELETE /v1/faults/{which}`.
pub(super) fn stopped(stopped: &Value) -> String {
    let stopped: Vec<_> = list(&stopped["stopped"]).iter().map(text).collect();
    format!("{} stopped\n", stopped.join(", "))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.escape_debug().to_string(),
        None => value.to_string(),
    }
}

fn faults_running(faults: &Value) -> String {
    let names: Vec<_> = list(faults).iter().map(text).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

fn busy(module: &Value) -> String {
    match (&module["busy"], module["payload_missing"].as_u64()) {
        (Value::Bool(true), Some(missing)) => {
            format!("yes, {missing} bytes of payload are missing")
        }
        (Value::Bool(true), None) => "yes".to_owned(),
        _ if module["passthrough"] == true => "no, in passthrough".to_owned(),
        _ => "no".to_owned(),
    }
}

fn uart(uart: &Value) -> String {
    let parity = uart["parity"].as_str().unwrap_or_default();
    let parity = parity.chars().next().unwrap_or('?').to_ascii_uppercase();
    let stop = uart["stop_bits"].as_f64().unwrap_or_default();
    let flow = match uart["flow_control"].as_str() {
        None | Some("none") => String::new(),
        Some(flow) => format!(", {flow}"),
    };
    let (baud, data) = (text(&uart["baud"]), text(&uart["data_bits"]));
    format!("{baud} {data}{parity}{stop}{flow}")
}

fn modes(module: &Value) -> String {
    let either = |key: &str, yes: &'static str, no: &'static str| {
        if module[key] == true { yes } else { no }
    };
    [
        either("echo", "echo", "no echo"),
        either("multiple_links", "several links", "one link"),
        either("raw_data", "raw data", "framed data"),
        either("passive_receive", "passive receive", "active receive"),
    ]
    .join(", ")
}

fn station(module: &Value) -> String {
    let station = &module["station"];
    let mut shown = text(&station["state"]);
    if station["ssid"]
        .as_str()
        .is_some_and(|ssid| !ssid.is_empty())
    {
        shown += &format!(" `{}`", text(&station["ssid"]));
    }
    if !station["ip"].is_null() {
        shown += &format!(" {}", text(&station["ip"]));
    }
    if module["air"] == "down" {
        shown += ", the access points are gone";
    }
    shown
}

fn softap(softap: &Value) -> String {
    if softap.is_null() {
        return "off".to_owned();
    }
    let [ssid, ip, stations] = ["ssid", "ip", "stations"].map(|key| text(&softap[key]));
    format!("on `{ssid}` {ip}, {stations} stations")
}

fn server(server: &Value) -> String {
    if server.is_null() {
        return "off".to_owned();
    }
    let [protocol, port, clients] =
        ["protocol", "port", "clients_max"].map(|key| text(&server[key]));
    format!("{protocol} on port {port}, up to {clients} clients")
}
