//! Power cuts after each step, on a disk that keeps nothing which was not made durable.

use std::collections::BTreeMap;
use std::io;

use super::{Disk, replace};

/// A disk with a cache. Contents and names become durable apart from each other.
#[derive(Clone, Default)]
struct Cached {
    /// What programs see: names, and the contents behind them.
    names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
    /// What is on the platter.
    durable_names: BTreeMap<String, usize>,
    durable_contents: Vec<Vec<u8>>,
    /// Steps until this one fails; then all later ones succeed again.
    fails_at: Option<usize>,
    steps: usize,
    /// The state after each step.
    history: Vec<Cut>,
}

/// What a power cut can leave.
#[derive(Clone)]
struct Cut {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
    durable_contents: Vec<Vec<u8>>,
}

impl Cut {
    /// The content of a file after the cut. A disk may have written names and contents that nobody asked it to write, in
    /// any combination.
    fn outcomes(&self, name: &str) -> Vec<Option<Vec<u8>>> {
        let mut all = Vec::new();
        for names in [&self.names, &self.durable_names] {
            for contents in [&self.contents, &self.durable_contents] {
                all.push(names.get(name).map(|&at| contents[at].clone()));
            }
        }
        all
    }
}

impl Cached {
    fn with(name: &str, bytes: &[u8]) -> Self {
        let mut disk = Self::default();
        disk.names.insert(name.to_owned(), 0);
        disk.durable_names = disk.names.clone();
        disk.contents.push(bytes.to_vec());
        disk.durable_contents = disk.contents.clone();
        disk
    }

    fn step(&mut self, act: impl FnOnce(&mut Self)) -> io::Result<()> {
        let at = self.steps;
        self.steps += 1;
        if self.fails_at == Some(at) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        act(self);
        self.history.push(Cut {
            names: self.names.clone(),
            durable_names: self.durable_names.clone(),
            contents: self.contents.clone(),
            durable_contents: self.durable_contents.clone(),
        });
        Ok(())
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        self.names.get(name).map(|&at| self.contents[at].clone())
    }
}

impl Disk for Cached {
    type File = usize;

    fn create(&mut self, name: &str) -> io::Result<usize> {
        let at = self.contents.len();
        self.step(|disk| {
            disk.contents.push(Vec::new());
            disk.durable_contents.push(Vec::new());
            disk.names.insert(name.to_owned(), at);
        })?;
        Ok(at)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        for half in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            self.step(|disk| disk.contents[*file].extend_from_slice(half))?;
        }
        Ok(())
    }

    fn sync(&mut self, file: &mut usize) -> io::Result<()> {
        self.step(|disk| disk.durable_contents[*file] = disk.contents[*file].clone())
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.step(|disk| {
            let at = disk.names.remove(from).expect("the file is there");
            disk.names.insert(to.to_owned(), at);
        })
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.step(|disk| disk.durable_names = disk.names.clone())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.step(|disk| {
            disk.names.remove(name);
        })
    }
}

const NAME: &str = "module.toml";
const TEMPORARY: &str = "module.toml.new";
const OLD: &[u8] = b"old settings";
const NEW: &[u8] = b"new settings, longer";

fn write(disk: &mut Cached) -> bool {
    replace(disk, NAME, TEMPORARY, NEW, Some(OLD)).is_ok()
}

#[test]
fn a_power_cut_leaves_the_old_file_or_the_new_one_whole() {
    let mut disk = Cached::with(NAME, OLD);
    assert!(write(&mut disk));
    assert_eq!(disk.history.len(), 6);
    for (step, cut) in disk.history.iter().enumerate() {
        for found in cut.outcomes(NAME) {
            let found = found.expect("the file is there");
            assert!(
                found == OLD || found == NEW,
                "torn after step {step}: {found:?}"
            );
        }
    }
}

#[test]
fn what_was_acknowledged_survives_every_power_cut_after_it() {
    let mut disk = Cached::with(NAME, OLD);
    assert!(write(&mut disk));
    let last = disk.history.last().expect("steps were taken");
    assert!(
        last.outcomes(NAME)
            .iter()
            .all(|found| found.as_deref() == Some(NEW))
    );
}

#[test]
fn a_failed_step_leaves_the_old_settings_and_no_temporary_file() {
    for fails_at in 0..6 {
        let mut disk = Cached::with(NAME, OLD);
        disk.fails_at = Some(fails_at);
        assert!(!write(&mut disk), "step {fails_at}");
        assert_eq!(disk.content(NAME).as_deref(), Some(OLD), "step {fails_at}");
        assert_eq!(disk.content(TEMPORARY), None, "step {fails_at}");
        disk.fails_at = None;
        assert!(write(&mut disk));
        assert_eq!(disk.content(NAME).as_deref(), Some(NEW));
    }
}

#[test]
fn the_first_file_that_cannot_be_made_durable_is_taken_away() {
    let mut disk = Cached {
        fails_at: Some(5),
        ..Cached::default()
    };
    assert!(replace(&mut disk, NAME, TEMPORARY, NEW, None).is_err());
    assert_eq!(disk.content(NAME), None);
}
