//! The upgrade over HTTP: what runs, what the next boot runs, and the upgrade that is under way.

mod file;
mod http;
mod server;
mod upgrade;
mod versions;

use alloc::string::String;
use alloc::vec::Vec;

use crate::exec::cx::Env;
use crate::flash;
use crate::input::StoreError;
use crate::nvs::Nvs;
use crate::outbox::{Keep, Step};
use crate::output::StoreTag;

pub(crate) use upgrade::{Order, Turn, Upgrade};
pub(crate) use versions::{Asked, Versions};

/// `AT+CIUPDATE` and what it changes.
#[derive(Debug)]
pub(crate) struct Ota {
    /// `AT+CIUPDATE?`: how far the last upgrade came.
    pub(crate) state: i8,
    /// An upgrade goes on beside commands.
    pub(crate) in_background: bool,
    /// The partition that is being written.
    writing: Option<&'static str>,
    /// What came for it so far, where the host MCU can read it; with the tag of its last step.
    written: Option<(&'static str, Vec<u8>, Option<StoreTag>)>,
    /// What an upgrade installed and this boot runs; `None`: the profile's own firmware.
    running: Option<String>,
    /// The same for the next boot.
    next: Option<String>,
    /// What lies in the other partition, if anything does: the same again.
    other: Option<Option<String>>,
    /// A change of what the next boot runs, under way.
    switching: Option<(StoreTag, Option<String>)>,
}

/// `AT+CIUPDATE?` after a failure.
pub(crate) const FAILED: i8 = -1;

impl Ota {
    pub(crate) fn new(installed: Option<String>) -> Self {
        Self {
            state: 0,
            in_background: false,
            writing: None,
            written: None,
            running: None,
            other: installed.is_some().then_some(None),
            next: installed,
            switching: None,
        }
    }

    /// The version of the firmware that runs, where an upgrade installed it.
    pub(crate) fn version(&self) -> Option<&str> {
        self.running.as_deref()
    }

    /// A reset: what is half written is forgotten.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>, nvs: &mut Nvs) {
        self.abort(env, nvs);
        self.state = 0;
        self.in_background = false;
    }

    /// A boot.
    pub(crate) fn start(&mut self) {
        self.running.clone_from(&self.next);
    }

    /// A request to the flash ended. Gives a partition that holds something else from here on.
    pub(crate) fn on_stored(
        &mut self,
        tag: StoreTag,
        result: Result<(), StoreError>,
    ) -> Option<(&'static str, Vec<u8>)> {
        if let Some((_, version)) = self.switching.take_if(|(switching, _)| *switching == tag)
            && result.is_ok()
        {
            self.other = Some(core::mem::replace(&mut self.next, version));
        }
        let (name, bytes, _) = self.written.take_if(|(.., last)| *last == Some(tag))?;
        result.is_ok().then_some((name, bytes))
    }

    /// A partition is being written.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some() || self.written.is_some()
    }

    /// What the next boot runs is being changed.
    pub(crate) fn is_switching(&self) -> bool {
        self.switching.is_some()
    }

    fn begin(&mut self, env: &mut Env<'_>, nvs: &mut Nvs, name: &'static str) -> StoreTag {
        self.writing = Some(name);
        let mut partitions = env.profile().upgrade.partitions.iter();
        let is_readable =
            partitions.any(|partition| partition.name == name && flash::is_open(partition));
        self.written = is_readable.then(|| (name, Vec::new(), None));
        step(env, nvs, name, Step::Begin)
    }

    fn commit(&mut self, env: &mut Env<'_>, nvs: &mut Nvs, name: &'static str) -> StoreTag {
        self.writing = None;
        let tag = step(env, nvs, name, Step::Commit);
        if let Some((.., last)) = &mut self.written {
            *last = Some(tag);
        }
        tag
    }

    fn abort(&mut self, env: &mut Env<'_>, nvs: &mut Nvs) {
        if let Some(name) = self.writing.take() {
            self.written = None;
            step(env, nvs, name, Step::Abort);
        }
    }

    /// More of the partition came.
    fn add(&mut self, bytes: &[u8]) {
        if let Some((_, all, _)) = &mut self.written {
            all.extend_from_slice(bytes);
        }
    }

    /// The next boot runs what was written. What has no name goes on under the old one.
    fn switch(&mut self, env: &mut Env<'_>, nvs: &mut Nvs, mut version: String) -> StoreTag {
        if version.is_empty() {
            version = self.next.clone().unwrap_or_default();
        }
        let tag = nvs.next_tag();
        env.out.store(tag, Keep::Boot(version.clone()));
        self.switching = Some((tag, Some(version)));
        tag
    }

    /// The next boot runs what lies in the other partition, if anything does. An empty name is the profile's own firmware.
    pub(crate) fn roll_back(&mut self, env: &mut Env<'_>, nvs: &mut Nvs) -> Option<StoreTag> {
        let version = self.other.clone()?;
        let tag = nvs.next_tag();
        let name = version.clone().unwrap_or_default();
        env.out.store(tag, Keep::Boot(name));
        self.switching = Some((tag, version));
        Some(tag)
    }
}

fn step(env: &mut Env<'_>, nvs: &mut Nvs, name: &'static str, step: Step) -> StoreTag {
    let tag = nvs.next_tag();
    env.out.store(tag, Keep::Partition { name, step });
    tag
}
