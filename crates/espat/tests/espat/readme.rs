//! What README.md shows first: a driver that passes on the bench, and its bug on demand.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::harness::Espat;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Runs the driver against a module started with `more`: whether it passed, and what it said.
fn driver(more: &[&str]) -> Option<(bool, String)> {
    let mut arguments = vec!["--tcp", "127.0.0.1:0", "--power", "each-open"];
    arguments.extend(more);
    let espat = Espat::start(&arguments);
    let line = espat.line();
    let at: SocketAddr = line.strip_prefix("tcp ").unwrap().parse().unwrap();
    let driver = Command::new("python3")
        .arg(root().join("docs/examples/naive_driver.py"))
        .arg(at.to_string())
        .output();
    let Ok(driver) = driver else {
        println!("skipped: there is no python3 here");
        return None;
    };
    let said = [driver.stdout, driver.stderr].concat();
    Some((driver.status.success(), String::from_utf8(said).unwrap()))
}

#[test]
fn the_driver_passes_without_a_fault() {
    if let Some((passed, said)) = driver(&[]) {
        assert!(passed, "{said}");
        assert_eq!(said, "received: welcomegoodbye\n");
    }
}

#[test]
fn the_first_screen_shows_what_the_driver_does_with_a_fault() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let fault = "--fault ipd-inside-send --seed 7";
    assert!(readme.contains(fault));
    let fault: Vec<_> = fault.split(' ').collect();
    if let Some((passed, said)) = driver(&fault) {
        assert!(!passed, "{said}");
        for line in said.lines() {
            assert!(
                readme.contains(&format!("    {line}\n")),
                "README.md lacks `{line}`"
            );
        }
        assert!(said.starts_with("received: goodbye\n"), "{said}");
    }
}
