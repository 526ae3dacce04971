//! Settings: what is valid now, and what the flash holds.

mod keys;

pub(crate) use keys::{
    Credentials, DhcpPool, Setting, Settings, SoftAp, SslConf, StaticIp, TcpOptions,
};

/// The settings, live and stored.
#[derive(Debug)]
pub(crate) struct Nvs {
    /// What is valid now.
    pub(crate) live: Settings,
    /// What the next boot finds.
    stored: Settings,
    /// `AT+SYSSTORE`: settings that depend on it are kept.
    pub(crate) keep: bool,
}

impl Nvs {
    pub(crate) fn new(stored: Settings) -> Self {
        Self {
            live: stored.clone(),
            stored,
            keep: true,
        }
    }

    /// Makes a setting valid, and keeps it where it is to be kept.
    pub(crate) fn apply(&mut self, setting: &Setting) {
        setting.apply(&mut self.live);
        if self.keep || setting.is_always_kept() {
            setting.apply(&mut self.stored);
        }
    }

    /// A reset: what was not kept is forgotten.
    pub(crate) fn reload(&mut self) {
        self.live = self.stored.clone();
        self.keep = true;
    }

    /// `AT+RESTORE`.
    pub(crate) fn erase(&mut self, factory: Settings) {
        self.stored = factory;
    }
}
