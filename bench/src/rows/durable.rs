//! A setting that survives the process, beside the bare writes that it takes.

use std::fs::{self, File};
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use rustix::fs::inotify;
use rustix::io::Errno;

use crate::child::Child;
use crate::options::Options;
use crate::rounds::{Compared, median};
use crate::station;
use crate::table::{Table, Target};

const SETTINGS: usize = 20;

pub(super) fn measure(options: &Options, table: &mut Table) -> Result<()> {
    let folder = Folder::create()?;
    let state = folder.0.join("state");
    let module = station::with_state(options, &state)?;
    settings(&module)?;
    let bytes = kept(&state)?;
    let compared = Compared::measure(
        options.rounds,
        || settings(&module),
        || writes(&folder.0, &bytes),
    )?;
    let what = "durable setting, PTY, to bare writes";
    table.ratio(what, &compared, "us", Target::AtMost(1.5));
    let watch = Watch::on(&state)?;
    let compared = Compared::measure(
        options.rounds,
        || settings_of_four(&module),
        || settings(&module),
    )?;
    let what = "durable setting of four values, PTY, to one of one value";
    table.ratio(what, &compared, "us", Target::AtMost(1.5));
    watch.writes()?;
    settings(&module)?;
    table.figure(
        "writes a durable setting of one value",
        per_setting(watch.writes()?),
        "renames",
        Target::AtMost(1.0),
    );
    settings_of_four(&module)?;
    table.figure(
        "writes a durable setting of four values",
        per_setting(watch.writes()?),
        "renames",
        Target::AtMost(1.0),
    );
    Ok(())
}

/// The median time of a setting that is kept, in us.
fn settings(child: &Child) -> Result<f64> {
    kept_lines(child, ["AT+CWMODE=1", "AT+CWMODE=3"])
}

/// The same where address, gateway, netmask and the state of DHCP are kept together.
fn settings_of_four(child: &Child) -> Result<f64> {
    let lines = [
        "AT+CIPSTA=\"192.168.1.2\",\"192.168.1.1\",\"255.255.255.0\"",
        "AT+CIPSTA=\"10.0.0.2\",\"10.0.0.1\",\"255.0.0.0\"",
    ];
    kept_lines(child, lines)
}

fn kept_lines(child: &Child, lines: [&str; 2]) -> Result<f64> {
    let mut times = Vec::with_capacity(SETTINGS);
    for count in 0..SETTINGS {
        let line = lines[count % 2];
        let start = Instant::now();
        child.serial.command(line)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

/// The median time of write, fsync, rename, fsync of the folder, in us.
fn writes(folder: &Path, bytes: &[u8]) -> Result<f64> {
    let (new, kept) = (folder.join("new"), folder.join("kept"));
    let mut times = Vec::with_capacity(SETTINGS);
    for _ in 0..SETTINGS {
        let start = Instant::now();
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &kept)?;
        File::open(folder)?.sync_all()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

/// What the module keeps: the largest file.
fn kept(state: &Path) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(fs::read(entry.path())?);
        }
    }
    let largest = files.into_iter().max_by_key(Vec::len);
    largest.context("the module keeps no file")
}

/// How often a file takes its place in a folder.
struct Watch(OwnedFd);

impl Watch {
    fn on(folder: &Path) -> Result<Self> {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK)?;
        // Both ends of a rename: the kernel makes one of two events in a row that look the same.
        inotify::add_watch(&watch, folder, inotify::WatchFlags::MOVE)?;
        Ok(Self(watch))
    }

    /// Since the last look.
    fn writes(&self) -> Result<usize> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut count = 0;
        loop {
            match events.next() {
                Ok(event) if event.events().contains(inotify::ReadFlags::MOVED_TO) => count += 1,
                Ok(_) => {}
                Err(Errno::WOULDBLOCK) => return Ok(count),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn per_setting(writes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let writes = writes as f64;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let settings = SETTINGS as f64;
    writes / settings
}

/// A folder beside this program, which is on a disk where the temporary folder may be none.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Result<Self> {
        let name = format!("espat-bench-{}", std::process::id());
        let path = std::env::current_exe()?.with_file_name(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} cannot be removed: {error}", self.0.display());
        }
    }
}
