//! What a power cut leaves: a second module, made from nothing but the flash, answers as the first one does.

use espat_core::profile::Features;
use espat_core::{Duration, Instant, Module, ModuleConfig, Reports, Timing};

use super::Run;
use super::ledger::Watched;
use crate::sim::{Sim, Way};
use crate::target::Target;
use crate::time::TimeStep;

/// Questions about settings that are kept whatever `AT+SYSSTORE` says.
const ALWAYS: &[&str] = &["AT+UART_DEF?", "AT+CWAUTOCONN?"];
/// The others.
const KEPT: &[&str] = &[
    "AT+CWMODE?",
    "AT+SYSMSG?",
    "AT+CWSAP?",
    "AT+CWDHCP?",
    "AT+CWRECONNCFG?",
    "AT+CIPRECONNINTV?",
    OPTIONS,
    "AT+CIPSTAMAC?",
    "AT+CIPAP?",
    "AT+CWSTAPROTO?",
    "AT+CIPV6?",
];

/// Where it has a keep-alive, `AT+CIPSTART` changes that until the next boot.
const OPTIONS: &str = "AT+CIPTCPOPT?";

impl Run {
    /// Compares every setting that was acknowledged with what the flash holds.
    pub(super) fn cut_the_power(&mut self) -> Result<(), String> {
        if !self.config.durable {
            return Ok(());
        }
        self.come_to_rest()?;
        if self.world.is_writing() {
            return Ok(());
        }
        let mut twin = twin(&self.config, self.world.flash.clone().into_iter().collect())?;
        let others: &[&str] = if self.host.forgets { &[] } else { KEPT };
        let features = self.config.profile.features;
        let is_kept = |question: &&&str| {
            **question != OPTIONS || !features.contains(Features::TCP_KEEP_ALIVE)
        };
        for question in ALWAYS.iter().chain(others).filter(is_kept) {
            let here = self.ask(question)?;
            let there = ask(&mut twin, question)?;
            if here != there {
                return Err(format!(
                    "{question} is answered {}, after a power cut {}",
                    here.escape_ascii(),
                    there.escape_ascii()
                ));
            }
        }
        self.tally.cuts += 1;
        Ok(())
    }
}

fn twin(
    config: &ModuleConfig,
    nvs: Vec<(String, espat_core::StoreValue)>,
) -> Result<Sim<Watched>, String> {
    let config = ModuleConfig {
        nvs,
        timing: Timing::Fast,
        reports: Reports::Between,
        serial_credit: 1 << 20,
        ..config.clone()
    };
    let module = Module::power_on(config.clone(), Instant::ZERO)
        .map_err(|error| format!("what the flash holds is no module's: {error}"))?;
    let mut sim = Sim::with_engine(Watched::new(module), &config, Way::Lines);
    sim.time(TimeStep::For(Duration::from_secs(1)))?;
    Ok(sim)
}

fn ask(twin: &mut Sim<Watched>, question: &str) -> Result<Vec<u8>, String> {
    twin.engine_mut().ledger.answer.clear();
    twin.send(format!("{question}\r\n").as_bytes())?;
    twin.time(TimeStep::For(Duration::from_millis(10)))?;
    Ok(twin.engine().ledger.answer.clone())
}
