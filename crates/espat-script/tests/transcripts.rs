//! Runs every transcript of `tests/at` in four ways.
//!
//! `AT=cipsend cargo test -p espat-script --test transcripts` runs those whose path has that in it;
//! `UPDATE=1` rewrites their `<-` and `=>` lines to what the module does.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use espat_core::profile::PROFILES;
    use espat_core::{Form, commands_of};
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
        let script =
            Script::parse(&text, &name.display().to_string()).map_err(|e| e.to_string())?;
        let plan = Plan::new(&script, givens).map_err(|e| e.to_string())?;
        if std::env::var_os("UPDATE").is_some() {
            let updated = update(&script, &plan).map_err(|e| e.to_string())?;
            if updated != text {
                std::fs::write(path, &updated).map_err(|e| format!("{}: {e}", path.display()))?;
            }
            let script =
                Script::parse(&updated, &name.display().to_string()).map_err(|e| e.to_string())?;
            let plan = Plan::new(&script, givens).map_err(|e| e.to_string())?;
            return run(&plan, &Way::ALL).map_err(|e| e.to_string());
        }
        run(&plan, &Way::ALL).map_err(|e| e.to_string())
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
            "{} transcripts in {} ways, {} failed, {} ms",
            files.len(),
            Way::ALL.len(),
            failures.len(),
            started.elapsed().as_millis()
        );
        assert!(
            failures.is_empty(),
            "{} transcripts failed:\n\n{}",
            failures.len(),
            failures.join("\n\n")
        );
    }

    /// The command and form of every `->` line, the name in upper case.
    fn forms_used() -> BTreeSet<(String, &'static str)> {
        let mut used = BTreeSet::new();
        for path in transcripts("") {
            let script = Script::parse(&std::fs::read_to_string(&path).unwrap(), "")
                .unwrap_or_else(|e| panic!("{e}"));
            for (_, step) in script.steps() {
                let Step::Send(line) = step else { continue };
                let text = line.text.to_string().to_ascii_uppercase();
                for command in text.split("\\X0D\\X0A") {
                    let Some(command) = command.strip_prefix("AT") else {
                        continue;
                    };
                    let (name, form) = match command.split_once(['=', '?']) {
                        Some((name, "?")) => (name, "test"),
                        Some((name, "")) if command.ends_with('?') => (name, "query"),
                        Some((name, _)) => (name, "set"),
                        None => (command, "execute"),
                    };
                    used.insert((name.to_owned(), form));
                }
            }
        }
        used
    }

    #[test]
    fn every_form_of_every_command_has_a_transcript() {
        let used = forms_used();
        let mut missing = BTreeSet::new();
        for command in PROFILES.iter().flat_map(|profile| commands_of(profile)) {
            for form in command.forms {
                let form = match form {
                    Form::Test => "test",
                    Form::Query => "query",
                    Form::Set => "set",
                    Form::Execute => "execute",
                };
                if !used.contains(&(command.name.to_owned(), form)) {
                    missing.insert(format!("AT{} ({form})", command.name));
                }
            }
        }
        assert!(
            missing.is_empty(),
            "no transcript in tests/at has: {missing:?}"
        );
    }
}
