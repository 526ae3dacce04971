//! Layers of options, one over the other, and mistakes in each.

use std::io::Write;

use super::*;
use crate::cli::TimingOption;

fn options(arguments: &[&str]) -> RunOptions {
    let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
    parse("test", &arguments).unwrap()
}

fn resolve(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, Usage> {
    let environment = environment
        .iter()
        .map(|(k, v)| (OsString::from(k), OsString::from(v)));
    Settings::resolve(options(arguments), environment)
}

struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("espat-config-{}-{name}.toml", std::process::id()));
        std::fs::File::create(&path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        Self(path)
    }

    fn resolve(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Settings, String> {
        let config = format!("--config={}", self.0.display());
        let mut all = vec![config.as_str()];
        all.extend_from_slice(arguments);
        resolve(&all, environment).map_err(|e| e.to_string())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_command_line_wins_over_the_environment_which_wins_over_the_file() {
    let file = File::new(
        "layers",
        "seed = 1\ntiming = \"fast\"\nip = \"10.0.0.1\"\nap = [\"file\"]\n",
    );
    let environment = [
        ("ESPAT_SEED", "2"),
        ("ESPAT_IP", "10.0.0.2"),
        ("ESPAT_AP", "one\ntwo=password"),
    ];
    let settings = file.resolve(&["--seed=3"], &environment).unwrap();
    let module = &settings.options.module;
    assert_eq!(module.firmware.seed, Some(3));
    assert_eq!(module.network.ip, Some([10, 0, 0, 2].into()));
    assert_eq!(module.firmware.timing, Some(TimingOption::Fast));
    assert_eq!(module.air.ap.len(), 2);
}

#[test]
fn a_port_replaces_the_port_of_a_lower_layer() {
    let file = File::new("port", "stdio = true\n");
    assert!(file.resolve(&[], &[]).unwrap().options.port.stdio);
    let settings = file
        .resolve(&["--tcp=127.0.0.1:0"], &[("ESPAT_PTY", "true")])
        .unwrap();
    let port = settings.options.port;
    assert!(port.tcp.is_some() && port.pty.is_none() && !port.stdio);
    let settings = file.resolve(&[], &[("ESPAT_PTY", "true")]).unwrap();
    assert_eq!(settings.options.port.pty, Some(None));
}

#[test]
fn offline_and_allow_replace_each_other() {
    let file = File::new("reach", "offline = true\n");
    let settings = file.resolve(&["--allow=10.0.0.0/8"], &[]).unwrap();
    assert!(!settings.options.module.network.offline);
    assert_eq!(settings.options.module.network.allow.len(), 1);
    let both = File::new("both", "offline = true\nallow = \"10.0.0.0/8\"\n");
    assert!(both.resolve(&[], &[]).unwrap_err().contains("--offline"));
}

#[test]
fn access_point_tables_have_everything() {
    let text = "[[access-point]]\nssid = \"home\"\npassword = \"secret12\"\nbssid = \"02:00:00:00:00:01\"\n\
                channel = 6\nrssi = -61\nanswers = \"no-dhcp\"\n[[access-point]]\nssid = \"cafe\"\n";
    let file = File::new("tables", text);
    let settings = file.resolve(&[], &[]).unwrap();
    let [home, cafe] = settings.access_points.as_slice() else {
        panic!("two access points")
    };
    assert_eq!(
        (home.channel, home.rssi, home.answers),
        (6, -61, Answers::NoDhcp)
    );
    assert!(cafe.password.is_empty());
    assert!(
        file.resolve(&["--ap=other"], &[])
            .unwrap()
            .access_points
            .is_empty()
    );
}

#[test]
fn mistakes_in_the_file_name_the_place_and_no_secret() {
    for (text, place, reason) in [
        (
            "seed = 1\ntimng = \"fast\"\n",
            ":2:1",
            "`timng` is no option",
        ),
        (
            "timing = \"warp\"\n",
            ":1:1",
            "possible values: realistic, fast",
        ),
        ("seed = 1.5\n", ":1:1", "whole number"),
        ("seed = [1]\n", ":1:1", "one value"),
        ("config = \"x\"\n", ":1:1", "no option"),
        ("pty = \"a\"\nstdio = true\n", "", "cannot be used with"),
        ("ap = [\"home=hushhush\"\n", ":", ""),
        (
            "[[access-point]]\npassword = \"hushhush\"\n",
            ":1:1",
            "ssid",
        ),
        (
            "[[access-point]]\nssid = \"a\"\npassword = \"hushhush\"\nchanel = 3\n",
            ":4:1",
            "chanel",
        ),
        (
            "[[access-point]]\nssid = \"a\"\npassword = \"hushhush\"\nchannel = 15\n",
            "",
            "1 to 14",
        ),
    ] {
        let file = File::new("mistake", text);
        let message = file.resolve(&[], &[]).unwrap_err();
        assert!(
            message.contains(&format!(".toml{place}")) && message.contains(reason),
            "{text}: {message}"
        );
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let message = resolve(&[], &[("ESPAT_TIMING", "warp")])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("ESPAT_TIMING") && message.contains("'warp'"),
        "{message}"
    );
    let message = resolve(&[], &[("ESPAT_OFFLINE", "maybe")])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("ESPAT_OFFLINE") && message.contains("`maybe`"),
        "{message}"
    );
    assert_eq!(
        resolve(&[], &[("ESPAT_TIMNG", "fast")])
            .unwrap()
            .unknown_variables,
        ["ESPAT_TIMNG"]
    );
}
