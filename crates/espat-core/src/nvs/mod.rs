//! Settings: what is valid now, and what the flash holds.

mod keys;
mod sense;
mod settings;

use alloc::vec::Vec;

use crate::config::ModuleConfig;
use crate::input::StoreError;
use crate::output::{StoreTag, StoreValue};

pub use keys::setting_keys;
pub(crate) use settings::{
    Country, Credentials, DhcpPool, NameServers, Setting, Settings, SoftAp, SslConf, StaticIp,
};

/// Whether what a command sets outlives a reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    /// As `AT+SYSSTORE` says. NonOS has no such command: there it does.
    #[default]
    Sysstore,
    /// It does not: `_CUR`.
    Current,
    /// It does: `_DEF`.
    Default,
}

/// The settings, live and stored.
#[derive(Debug)]
pub(crate) struct Nvs {
    /// What is valid now.
    pub(crate) live: Settings,
    /// What the next boot finds.
    stored: Settings,
    /// `AT+SYSSTORE`: settings that depend on it are kept.
    pub(crate) keep: bool,
    /// The write that is under way, and what the flash holds after it. There is one at most: a boot waits for it.
    writing: Option<(StoreTag, Settings)>,
    writes: u32,
}

impl Nvs {
    pub(crate) fn new(stored: Settings) -> Self {
        Self {
            live: stored.clone(),
            stored,
            keep: true,
            writing: None,
            writes: 0,
        }
    }

    /// Whether a setting is to be kept.
    pub(crate) fn keeps(&self, setting: &Setting, scope: Scope) -> bool {
        match scope {
            Scope::Sysstore => self.keep || setting.is_always_kept(),
            Scope::Current => false,
            Scope::Default => true,
        }
    }

    /// What the query form of a command shows: `_DEF?` what is kept, all others what is valid.
    pub(crate) fn shown(&self, scope: Scope) -> &Settings {
        match scope {
            Scope::Sysstore | Scope::Current => &self.live,
            Scope::Default => &self.stored,
        }
    }

    /// Makes a setting valid, and keeps it where it is to be kept.
    pub(crate) fn apply(&mut self, setting: &Setting, scope: Scope) {
        setting.apply(&mut self.live);
        if self.keeps(setting, scope) {
            setting.apply(&mut self.stored);
        }
    }

    /// The keys and values of those settings that are to be kept.
    pub(crate) fn begin_write(
        &mut self,
        settings: &[Setting],
        scope: Scope,
    ) -> (StoreTag, Vec<(&'static str, StoreValue)>) {
        let mut after = self.stored.clone();
        let mut values = Vec::new();
        for setting in settings.iter().filter(|setting| self.keeps(setting, scope)) {
            setting.apply(&mut after);
            setting.encode(&after, &mut values);
        }
        (self.begin(after), values)
    }

    pub(crate) fn begin_erase(&mut self, config: &ModuleConfig) -> StoreTag {
        self.begin(Settings::factory(config))
    }

    /// `AT+RESTORE`: the next boot finds the first values.
    pub(crate) fn erase(&mut self, config: &ModuleConfig) {
        self.stored = Settings::factory(config);
    }

    /// A write ended: the flash holds what was written, or what it held before.
    pub(crate) fn on_stored(&mut self, tag: StoreTag, result: Result<(), StoreError>) {
        if let Some((_, after)) = self.writing.take_if(|(writing, _)| *writing == tag)
            && result.is_ok()
        {
            self.stored = after;
        }
    }

    /// The tag of a request to the flash.
    pub(crate) fn next_tag(&mut self) -> StoreTag {
        self.writes += 1;
        StoreTag(self.writes - 1)
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// A boot: what was not kept is forgotten.
    pub(crate) fn reload(&mut self) {
        self.live = self.stored.clone();
        self.keep = true;
    }

    fn begin(&mut self, after: Settings) -> StoreTag {
        debug_assert!(self.writing.is_none(), "one write at a time");
        let tag = self.next_tag();
        self.writing = Some((tag, after));
        tag
    }
}
