//! Runs every transcript of `tests/at` in four ways on its own firmware line, and on every other line that has its commands: there it
//! holds, or says with `@not-on` that it does not.
//!
//! `AT=cipsend cargo test -p espat-script --test transcripts` runs those whose path has that in it;
//! `UPDATE=1` rewrites their `<-` and `=>` lines to what the module does.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{LazyLock, Mutex};
    use std::time::Instant;

    use espat_core::profile::PROFILES;
    use espat_core::{Form, Profile, commands_of};
    use espat_script::{Givens, Plan, Script, Step, Way, run, update};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/at")
            .canonicalize()
            .unwrap()
    }

    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|e| e == "at") {
                files.push(path);
            }
        }
    }

    /// All transcripts whose path under `tests/at` has `filter` in it, the given ones first.
    fn transcripts(filter: &str) -> Vec<PathBuf> {
        let root = root();
        let mut files = Vec::new();
        collect(&root, &mut files);
        files.retain(|path| {
            path.strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .contains(filter)
        });
        files.sort();
        files
    }

    fn check(path: &Path, givens: &Givens) -> Result<(), String> {
        let root = root();
        let name = Path::new("tests/at").join(path.strip_prefix(&root).unwrap());
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let parse = |text: &str| {
            let script = Script::parse(text, &name.display().to_string());
            let folder = path.parent().unwrap_or(&root);
            script
                .map(|script| script.in_folder(folder))
                .map_err(|e| e.to_string())
        };
        let script = parse(&text)?;
        let plan = Plan::new(&script, givens).map_err(|e| e.to_string())?;
        if std::env::var_os("UPDATE").is_some() {
            let updated = update(&script, &plan).map_err(|e| e.to_string())?;
            if updated != text {
                std::fs::write(path, &updated).map_err(|e| format!("{}: {e}", path.display()))?;
            }
            let script = parse(&updated)?;
            let plan = Plan::new(&script, givens).map_err(|e| e.to_string())?;
            run(&plan, &Way::ALL).map_err(|e| e.to_string())?;
            return on_others(&script, &plan, givens);
        }
        run(&plan, &Way::ALL).map_err(|e| e.to_string())?;
        on_others(&script, &plan, givens)
    }

    /// How transcripts went on a line that is not their own.
    #[derive(Default)]
    struct Count {
        held: AtomicUsize,
        /// They say that they do not hold there, and they do not.
        differed: AtomicUsize,
        /// The line lacks one of their commands, or has one that their own line lacks.
        other_commands: AtomicUsize,
    }

    static COUNTS: LazyLock<Vec<Count>> =
        LazyLock::new(|| PROFILES.iter().map(|_| Count::default()).collect());

    /// Runs a transcript on the other lines. Which ways of cutting input there are is not tried again.
    fn on_others(script: &Script, plan: &Plan, givens: &Givens) -> Result<(), String> {
        let own = plan.config.profile;
        // A given one has a file of its own for a line on which it does not hold.
        let is_given = script.name.contains("/_given/");
        if is_given || Profile::find(own.name).is_none() {
            return Ok(());
        }
        let mut failures = Vec::new();
        for (profile, count) in PROFILES.iter().zip(COUNTS.iter()) {
            if profile.name == own.name {
                continue;
            }
            let other = Plan::on(profile, script, givens).map_err(|e| e.to_string())?;
            if has_other_commands(plan, &other) {
                count.other_commands.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let outcome = run(&other, &[Way::Lines]);
            let (name, line) = (&script.name, profile.name);
            match (outcome, plan.is_not_on(profile)) {
                (Ok(()), false) => _ = count.held.fetch_add(1, Ordering::Relaxed),
                (Err(_), true) => _ = count.differed.fetch_add(1, Ordering::Relaxed),
                (Ok(()), true) => {
                    failures.push(format!(
                        "{name}: it holds on {line}, which its @not-on names"
                    ));
                }
                (Err(failure), false) => failures.push(format!(
                    "{failure}\n(on {line}, for which it has no @not-on)"
                )),
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("\n"))
        }
    }

    /// Whether one line has a command or form of a transcript and the other one lacks it.
    fn has_other_commands(own: &Plan, other: &Plan) -> bool {
        let has = |plan: &Plan, name: &str, form| {
            commands_of(plan.config.profile).any(|c| c.name == name && c.forms.contains(&form))
        };
        let commands = own.steps().flat_map(commands_in);
        let mut commands =
            commands.map(|(name, form)| (has(own, &name, form), has(other, &name, form)));
        commands.any(|(own, other)| own != other)
    }

    /// The commands of a `->` line with their forms, the names in upper case.
    fn commands_in(step: &Step) -> Vec<(String, Form)> {
        let Step::Send(line) = step else {
            return Vec::new();
        };
        let text = line.text.to_string().to_ascii_uppercase();
        let commands = text.split("\\X0D\\X0A").filter_map(|command| {
            let command = command.strip_prefix("AT")?;
            Some(match command.split_once(['=', '?']) {
                Some((name, "?")) => (name, Form::Test),
                Some((name, "")) if command.ends_with('?') => (name, Form::Query),
                Some((name, _)) => (name, Form::Set),
                None => (command, Form::Execute),
            })
        });
        commands
            .map(|(name, form)| (name.to_owned(), form))
            .collect()
    }

    #[test]
    fn every_transcript_holds_in_every_way() {
        let filter = std::env::var("AT").unwrap_or_default();
        let files = transcripts(&filter);
        assert!(
            filter.is_empty() || !files.is_empty(),
            "no transcript's path has `{filter}` in it"
        );
        let started = Instant::now();
        let failures = Mutex::new(Vec::new());
        let is_given = |path: &&PathBuf| path.parent().is_some_and(|p| p.ends_with("_given"));
        for path in files.iter().filter(is_given) {
            let givens = Givens::read(&root().join("_given")).unwrap_or_else(|e| panic!("{e}"));
            check(path, &givens).unwrap_or_else(|failure| failures.lock().unwrap().push(failure));
        }
        let givens = Givens::read(&root().join("_given")).unwrap_or_else(|e| panic!("{e}"));
        let rest: Vec<&PathBuf> = files.iter().filter(|path| !is_given(path)).collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(path) = rest.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(failure) = check(path, &givens) {
                            failures.lock().unwrap().push(failure);
                        }
                    }
                });
            }
        });
        let mut failures = failures.into_inner().unwrap();
        failures.sort();
        println!(
            "{} transcripts in {} ways, {} failed; {} ms; where a line is not their own:",
            files.len(),
            Way::ALL.len(),
            failures.len(),
            started.elapsed().as_millis()
        );
        for (profile, count) in PROFILES.iter().zip(COUNTS.iter()) {
            println!(
                "  {}: {} held, {} differed as they say, {} have other commands",
                profile.name,
                count.held.load(Ordering::Relaxed),
                count.differed.load(Ordering::Relaxed),
                count.other_commands.load(Ordering::Relaxed)
            );
        }
        assert!(
            failures.is_empty(),
            "{} transcripts failed:\n\n{}",
            failures.len(),
            failures.join("\n\n")
        );
    }

    /// On each line: of a transcript that is its own, or that holds there.
    #[test]
    fn every_form_of_every_command_has_a_transcript() {
        let givens = Givens::read(&root().join("_given")).unwrap_or_else(|e| panic!("{e}"));
        let mut used = vec![BTreeSet::new(); PROFILES.len()];
        for path in transcripts("") {
            let text = std::fs::read_to_string(&path).unwrap();
            let script =
                Script::parse(&text, &path.display().to_string()).unwrap_or_else(|e| panic!("{e}"));
            let plan = Plan::new(&script, &givens).unwrap_or_else(|e| panic!("{e}"));
            let own = plan.config.profile.name;
            for (profile, used) in PROFILES.iter().zip(&mut used) {
                let other = Plan::on(profile, &script, &givens).unwrap_or_else(|e| panic!("{e}"));
                let holds = !plan.is_not_on(profile) && !has_other_commands(&plan, &other);
                if own == profile.name || holds {
                    used.extend(other.steps().flat_map(commands_in));
                }
            }
        }
        let mut missing = Vec::new();
        for (profile, used) in PROFILES.iter().zip(&used) {
            for command in commands_of(profile) {
                for &form in command.forms {
                    if !used.contains(&(command.name.to_owned(), form)) {
                        missing.push(format!("{}: AT{} ({form:?})", profile.name, command.name));
                    }
                }
            }
        }
        assert!(
            missing.is_empty(),
            "no transcript in tests/at has:\n{}",
            missing.join("\n")
        );
    }
}
