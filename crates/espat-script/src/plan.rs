//! A transcript made ready to run: its `@given` transcripts in front of it, and the module's configuration.

use std::collections::BTreeMap;
use std::path::Path;

use espat_core::fault::FaultPlan;
use espat_core::{ModuleConfig, Profile, Timing};

use crate::directive::{Directive, means};
use crate::error::ScriptError;
use crate::peer::PeerKind;
use crate::script::{LineKind, Script, Step};

/// The transcripts that `@given` can name.
#[derive(Clone, Debug, Default)]
pub struct Givens {
    scripts: BTreeMap<String, Script>,
}

/// A transcript ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) scripts: Vec<Script>,
    pub(crate) steps: Vec<PlanStep>,
    /// The module that it wants.
    pub config: ModuleConfig,
    /// The peers that it wants.
    pub peers: Vec<(u8, PeerKind)>,
    /// The fault plans that it wants, from power-on.
    pub faults: Vec<FaultPlan>,
    /// Payload that was recorded beside it.
    pub payload: Vec<u8>,
    /// Values of redacted secrets, by their names.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Whether it reads the boot text itself.
    pub boot_explicit: bool,
}

/// A step and where it stands; its script is one of the plan's.
#[derive(Clone, Debug)]
pub(crate) struct PlanStep {
    pub(crate) script: usize,
    pub(crate) line: usize,
    pub(crate) step: Step,
}

/// Why a folder of given transcripts cannot be read.
#[derive(Debug)]
pub enum GivenError {
    /// A file or the folder cannot be read.
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no transcript.
    Script(ScriptError),
}

impl std::fmt::Display for GivenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {path}: {source}"),
            Self::Script(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GivenError {}

impl Givens {
    /// Reads all `.at` files of a folder; a folder that does not exist has none.
    ///
    /// # Errors
    /// A file that cannot be read or is no transcript.
    pub fn read(folder: &Path) -> Result<Self, GivenError> {
        let mut givens = Self::default();
        let failed = |path: &Path, source| GivenError::Read {
            path: path.display().to_string(),
            source,
        };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(givens),
            entries => entries.map_err(|e| failed(folder, e))?,
        };
        for entry in entries {
            let path = entry.map_err(|e| failed(folder, e))?.path();
            if path.extension().is_some_and(|e| e == "at") {
                let text = std::fs::read_to_string(&path).map_err(|e| failed(&path, e))?;
                let script = Script::parse(&text, &path.display().to_string())
                    .map_err(GivenError::Script)?;
                let name = path
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                givens.insert(&name, script);
            }
        }
        Ok(givens)
    }

    /// The transcript of that name, as a firmware line has it.
    fn get(&self, name: &str, profile: &Profile) -> Option<&Script> {
        let of_line = self.scripts.get(&format!("{name}.{}", profile.name));
        of_line.or_else(|| self.scripts.get(name))
    }

    /// Adds a transcript.
    pub fn insert(&mut self, name: &str, script: Script) {
        self.scripts.insert(name.to_owned(), script);
    }
}

impl Plan {
    /// Puts a transcript's givens in front of it, each once, and collects the configuration.
    ///
    /// # Errors
    /// A given that does not exist or needs itself, or a peer that no `@peer` declares.
    pub fn new(script: &Script, givens: &Givens) -> Result<Self, ScriptError> {
        let mut config = ModuleConfig::new();
        for directive in script.directives() {
            if let Directive::Profile(_) = directive {
                directive.apply(&mut config);
            }
        }
        Self::on(config.profile, script, givens)
    }

    /// The same on another firmware line than the transcript's own. `@given NAME` is `_given/NAME.PROFILE.at` where that is there.
    ///
    /// # Errors
    /// As those of [`Plan::new`].
    pub fn on(
        profile: &'static Profile,
        script: &Script,
        givens: &Givens,
    ) -> Result<Self, ScriptError> {
        let mut config = ModuleConfig::new();
        config.timing = Timing::Fast;
        config.profile = profile;
        let mut plan = Self {
            scripts: Vec::new(),
            steps: Vec::new(),
            config,
            peers: Vec::new(),
            faults: Vec::new(),
            payload: Vec::new(),
            secrets: BTreeMap::new(),
            boot_explicit: false,
        };
        plan.add(script, givens, &mut Vec::new())?;
        plan.seed_faults();
        plan.check_peers()?;
        Ok(plan)
    }

    fn add(
        &mut self,
        script: &Script,
        givens: &Givens,
        open: &mut Vec<String>,
    ) -> Result<(), ScriptError> {
        for (i, line) in script.lines.iter().enumerate() {
            let LineKind::Directive(Directive::Given(names)) = &line.kind else {
                continue;
            };
            for name in names {
                let complain = |message: String| Err(script.error(i + 1, 1, message));
                if open.contains(name) {
                    return complain(format!(
                        "`{name}` needs itself: {} -> {name}",
                        open.join(" -> ")
                    ));
                }
                let Some(given) = givens.get(name, self.config.profile) else {
                    return complain(format!("there is no transcript _given/{name}.at"));
                };
                if self.scripts.iter().any(|s| s.name == given.name) {
                    continue;
                }
                open.push(name.clone());
                self.add(given, givens, open)?;
                open.pop();
            }
        }
        for (i, line) in script.lines.iter().enumerate() {
            if let LineKind::Directive(Directive::Fault(name)) = &line.kind {
                let found = crate::fault::find(name, script.folder());
                let file = found.map_err(|problem| problem.in_script(script, i + 1))?;
                self.faults.push(file.plan);
            }
        }
        for directive in script.directives() {
            if !matches!(directive, Directive::Profile(_)) {
                directive.apply(&mut self.config);
            }
            if let Directive::Peer(n, kind) = directive {
                self.peers.push((*n, *kind));
            }
            self.boot_explicit |= *directive == Directive::BootExplicit;
        }
        let index = self.scripts.len();
        self.steps
            .extend(script.steps().map(|(line, step)| PlanStep {
                script: index,
                line,
                step: step.clone(),
            }));
        self.scripts.push(script.clone());
        Ok(())
    }

    /// Whether the transcript says that it does not hold on a firmware line.
    #[must_use]
    pub fn is_not_on(&self, profile: &Profile) -> bool {
        let main = &self.scripts[self.main()];
        main.directives().any(|directive| {
            let Directive::NotOn(names, _) = directive else {
                return false;
            };
            names.iter().any(|name| means(name, profile))
        })
    }

    /// The last `@fault-seed` counts for all plans.
    fn seed_faults(&mut self) {
        let directives = self.scripts.iter().flat_map(Script::directives);
        let seeds = directives.filter_map(|directive| {
            if let Directive::FaultSeed(seed) = directive {
                Some(*seed)
            } else {
                None
            }
        });
        if let Some(seed) = seeds.last() {
            for plan in &mut self.faults {
                plan.seed = seed;
            }
        }
    }

    fn check_peers(&self) -> Result<(), ScriptError> {
        for step in &self.steps {
            let script = &self.scripts[step.script];
            let source = &script.lines[step.line - 1].source;
            for (at, _) in source.match_indices("$p") {
                if let Some((_, piece)) = crate::peer::parse_name(&source[at..])
                    && let crate::text::Piece::PeerIp(n) | crate::text::Piece::PeerPort(n) = piece
                    && !self.peers.iter().any(|(known, _)| *known == n)
                {
                    let column = source[..at].chars().count() + 1;
                    return Err(script.error(
                        step.line,
                        column,
                        format!("`p{n}` is not declared: write `@peer p{n} tcp`"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// All steps in order, those of the givens first.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().map(|step| &step.step)
    }

    /// Changes steps, or leaves them out.
    pub fn rewrite(&mut self, mut change: impl FnMut(&Step) -> Option<Step>) {
        self.steps
            .retain_mut(|planned| match change(&planned.step) {
                Some(step) => {
                    planned.step = step;
                    true
                }
                None => false,
            });
    }

    /// Leaves the boot text out that the transcript reads itself: a module behind a port has been started already, and what
    /// stands before `ready` differs from board to board.
    pub fn leave_boot_out(&mut self) {
        const READY: &str = "ready";
        self.boot_explicit = false;
        let acts = |step: &PlanStep| matches!(step.step, Step::Send(_));
        let first = self.steps.iter().position(acts);
        let before = &self.steps[..first.unwrap_or(self.steps.len())];
        let is_ready = |planned: &PlanStep| match &planned.step {
            Step::Expect(line) => line.crlf && line.text.to_string() == READY,
            Step::Send(_) | Step::Ask(_) | Step::World(_) | Step::Time(_) => false,
        };
        if let Some(at) = before.iter().position(is_ready) {
            self.steps.drain(..=at);
        }
    }

    /// The script that was planned, its givens left out.
    pub(crate) fn main(&self) -> usize {
        self.scripts.len() - 1
    }

    pub(crate) fn error(
        &self,
        step: &PlanStep,
        column: usize,
        message: impl Into<String>,
    ) -> ScriptError {
        self.scripts[step.script].error(step.line, column, message)
    }
}
