//! The named scenarios: each reads, has a transcript, and names who reported what it shows.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use espat_script::scenarios;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// The names of the files of a folder, without their extension.
    fn names(folder: &Path, extension: &str) -> BTreeSet<String> {
        let files =
            std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        files
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn each_scenario_has_a_transcript_that_uses_it() {
        let listed: BTreeSet<_> = scenarios().iter().map(|s| s.name.to_owned()).collect();
        assert_eq!(
            listed,
            names(&root().join("scenarios"), "toml"),
            "files and list differ"
        );
        let folder = root().join("../../tests/at/faults/scenarios");
        assert_eq!(
            listed,
            names(&folder, "at"),
            "each scenario has a transcript of its name"
        );
        for name in listed {
            let text = std::fs::read_to_string(folder.join(format!("{name}.at"))).unwrap();
            let uses = text.lines().any(|line| line == format!("@fault {name}"));
            assert!(uses, "{name}.at does not play `{name}`");
            assert!(
                !text.contains("@fault-seed"),
                "{name}.at plays another seed than its own"
            );
        }
    }

    #[test]
    fn every_row_of_the_list_of_failures_has_a_scenario() {
        let rows: BTreeSet<_> = scenarios().iter().filter_map(|s| s.plan().row).collect();
        let missing: Vec<_> = (1..=19).filter(|row| !rows.contains(row)).collect();
        assert!(missing.is_empty(), "rows without a scenario: {missing:?}");
    }

    #[test]
    fn scenarios_say_what_they_do_and_who_reported_it() {
        for scenario in scenarios() {
            let plan = scenario.plan();
            assert_eq!(plan.plan.name, scenario.name);
            let texts = [&plan.summary, &plan.story, &plan.driver];
            for text in texts {
                assert!(
                    !text.trim().is_empty(),
                    "{}: a text is missing",
                    scenario.name
                );
            }
            assert!(
                plan.summary.len() <= 90,
                "{}: a summary is a line",
                scenario.name
            );
            assert!(
                !plan.threads.is_empty(),
                "{}: nobody reported it",
                scenario.name
            );
            for thread in &plan.threads {
                let parts = thread.split_once('#').and_then(|(repository, number)| {
                    Some((repository.split_once('/')?, number.parse::<u32>().ok()?))
                });
                assert!(
                    parts.is_some(),
                    "{}: `{thread}` is no owner/repository#number",
                    scenario.name
                );
            }
        }
    }
}
