//! Data flows one way: which part of the core may use which, and what only one file may know (ARCHITECTURE.md).
#![allow(
    clippy::tests_outside_test_module,
    reason = "an integration test is a test module"
)]

use std::fs;
use std::path::{Path, PathBuf};

use espat_core::profile::PROFILES;

/// A part, and the parts that it may use beside itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("timers", &["time"]),
    ("rng", &[]),
    (
        "fault",
        &[
            "config",
            "heard",
            "input",
            "module",
            "outbox",
            "output",
            "rng",
            "serial::rate",
            "time",
        ],
    ),
    ("filter", &[]),
    ("tls", &[]),
    ("output", &["time", "timers", "tls"]),
    ("input", &["output", "time", "tls"]),
    ("heard", &["input", "output", "time", "tls"]),
    ("profile", &["output", "tls"]),
    ("config", &["output", "profile", "tls"]),
    ("serial", &["config", "profile", "time"]),
    ("syntax", &["config", "reply::error"]),
    (
        "reply",
        &["config", "input", "net::LinkId", "outbox", "output"],
    ),
    (
        "outbox",
        &[
            "config",
            "filter",
            "output",
            "profile",
            "reply::urc",
            "time",
        ],
    ),
    ("sys", &["output", "profile", "time"]),
    (
        "nvs",
        &[
            "config",
            "input",
            "net::",
            "output",
            "profile",
            "syntax::args",
            "wifi",
        ],
    ),
    (
        "net",
        &[
            "exec::cx",
            "exec::operation",
            "fault::ListedLinks",
            "input",
            "nvs",
            "outbox",
            "output",
            "profile",
            "reply",
            "syntax::args",
            "time",
            "timers",
            "tls",
        ],
    ),
    (
        "ota",
        &[
            "exec::cx",
            "exec::operation",
            "flash",
            "input",
            "net::host",
            "nvs",
            "outbox",
            "output",
            "reply::urc",
            "time",
            "timers",
            "tls",
        ],
    ),
    (
        "flash",
        &[
            "exec::cx",
            "exec::operation",
            "input",
            "outbox",
            "output",
            "profile",
            "time",
            "timers",
            "tls",
        ],
    ),
    (
        "wifi",
        &[
            "config", "exec::cx", "nvs", "output", "profile", "reply", "rng", "time", "timers",
        ],
    ),
];

/// Who may never be used from where: commands do not see the framer or the module, nothing calls the module.
const NEVER: &[(&str, &[&str])] = &[
    (
        "commands",
        &[
            "module",
            "serial::framer",
            "serial::chunk",
            "serial::escape",
            "timers::Timers",
        ],
    ),
    ("exec", &["module"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the sources are there") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A file's code without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source can be read");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    code.lines()
        .filter(|line| !is_comment(line))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// The part a file belongs to, and its code.
fn parts() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let part = |path: &Path| {
        let first = path
            .strip_prefix(&root)
            .ok()?
            .iter()
            .next()?
            .to_str()?
            .to_owned();
        Some(first.trim_end_matches(".rs").to_owned())
    };
    files
        .iter()
        .filter_map(|path| Some((part(path)?, path.clone(), code(path))))
        .collect()
}

#[test]
fn parts_use_only_what_they_may() {
    for (part, path, text) in parts() {
        let uses = text.split("crate::").skip(1);
        let allowed = ARROWS
            .iter()
            .find(|(name, _)| *name == part)
            .map(|(_, allowed)| *allowed);
        let banned = NEVER
            .iter()
            .find(|(name, _)| *name == part)
            .map_or(&[][..], |(_, banned)| *banned);
        for used in uses {
            let is_own =
                used.starts_with(&format!("{part}::")) || used.starts_with(&format!("{part};"));
            let ok =
                allowed.is_none_or(|allowed| is_own || allowed.iter().any(|a| used.starts_with(a)));
            let line = used.lines().next().unwrap_or_default();
            assert!(
                ok,
                "{}: `{part}` may not use `crate::{line}`",
                path.display()
            );
            assert!(
                !banned.iter().any(|b| used.starts_with(b)),
                "{}: not from here: `crate::{line}`",
                path.display()
            );
        }
    }
}

#[test]
fn one_file_writes_line_ends() {
    for (part, path, text) in parts() {
        // The lines of `ota/http.rs` go to a server, not to the host MCU.
        let is_apart = part == "serial" || path.ends_with("ota/http.rs");
        let writes_lines =
            text.contains("\\r\\n") && !path.ends_with("reply/render.rs") && !is_apart;
        assert!(
            !writes_lines,
            "{}: only reply/render.rs writes CR LF",
            path.display()
        );
    }
}

/// What a file calls a firmware line: `profile`, what it takes as one, and what it makes from one.
fn names_of_lines(text: &str) -> Vec<&str> {
    let mut names = vec!["profile", "profile()"];
    for typed in [
        ": &Profile",
        ": &'static Profile",
        ": &crate::profile::Profile",
    ] {
        for (at, _) in text.match_indices(typed) {
            names.push(last_word(&text[..at]));
        }
    }
    for statement in text.split(';') {
        let made = statement.rsplit_once("let ").and_then(|(_, rest)| {
            let (name, value) = rest.split_once(" = ")?;
            let value = value.trim_end();
            (value.ends_with("profile()") || value.ends_with(".profile")).then_some(name)
        });
        names.extend(made);
    }
    names
}

fn last_word(text: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = text.trim_end_matches(is_word).len();
    &text[start..]
}

/// What tells a firmware line from another by its name, and the files that need it: to choose a line, or to show it.
const TELL_LINES_APART: &[(&str, &[&str])] = &[
    ("PROFILES", &["config.rs"]),
    ("Profile::find", &[]),
    (".is_from(", &[]),
    (".chip", &[]),
    (".nearest", &[]),
    (".evidence", &[]),
    (".basis(", &[]),
    (".mark(", &[]),
    (".values()", &[]),
    (".texts.gmr", &["gmr.rs"]),
    ("Profile {\n", &["cx.rs"]),
    ("Profile { ", &[]),
    ("let Profile", &[]),
];

#[test]
fn one_folder_knows_names_chips_and_versions() {
    for (part, path, text) in parts() {
        if part == "profile" {
            continue;
        }
        for (what, files) in TELL_LINES_APART {
            let may = files.iter().any(|file| path.ends_with(file));
            assert!(
                may || !text.contains(what),
                "{}: `{what}`: ask for behaviour, not for a line",
                path.display()
            );
        }
        for line in names_of_lines(&text) {
            for field in [".name", ".version", ".source"] {
                assert!(
                    !text.contains(&format!("{line}{field}")),
                    "{}: `{line}{field}`: ask for behaviour, not for a line",
                    path.display()
                );
            }
        }
    }
}

/// The other crates choose a line and show it, and nothing else; which releases a transcript means is for its runner.
#[test]
fn no_crate_asks_for_a_version() {
    const MAY: &[(&str, &str)] = &[
        (".chip", "espat/src/cmd/profiles.rs"),
        ("profile.version", "espat/src/cmd/profiles.rs"),
        ("profile.name ==", "espat/src/cmd/profiles.rs"),
        (".texts.gmr", "espat-core/src/commands/basic/gmr.rs"),
        (".is_from(", "espat-script/src/directive.rs"),
    ];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["espat", "espat-host", "espat-script"] {
        let mut files = Vec::new();
        sources(&crates.join(name).join("src"), &mut files);
        for path in files {
            let text = fs::read_to_string(&path).expect("a source can be read");
            for (what, file) in MAY {
                assert!(
                    path.ends_with(file) || !text.contains(what),
                    "{}: `{what}`: ask for behaviour, not for a line",
                    path.display()
                );
            }
        }
    }
}

/// Whoever tells lines apart has to write down what tells them apart: a chip, a line's name, a release.
#[test]
fn no_other_file_writes_down_a_chip_or_a_release() {
    let releases: Vec<_> = PROFILES
        .iter()
        .filter_map(|profile| {
            let mut numbers = profile.version.split('.');
            Some(format!("\"{}.{}", numbers.next()?, numbers.next()?))
        })
        .collect();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for name in ["espat", "espat-core", "espat-host", "espat-script"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    for path in files {
        let is_profile = path.iter().any(|folder| folder == "profile");
        // What the firmware calls itself in an upgrade, on every chip.
        if is_profile || path.ends_with("espat-core/src/ota/http.rs") {
            continue;
        }
        let text = code(&path).to_ascii_lowercase();
        let words = ["esp8266", "esp32", "nonos"].map(String::from);
        for word in words.iter().chain(&releases) {
            assert!(
                !text.contains(word.as_str()),
                "{}: `{word}`: ask for behaviour, not for a line",
                path.display()
            );
        }
    }
}
