//! What STYLE.md asks of files that can be counted, and that ARCHITECTURE.md names each folder of the sources.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Where sources are.
    const PLACES: &[&str] = &["bench/src", "crates", "fuzz/targets", "tests", "xtask"];
    /// What builds leave behind.
    const NOT_OURS: &[&str] = &["target", "node_modules"];
    const LINES_MAX: usize = 700;
    const NOTHING_SAYING: &[&str] = &["common", "helper", "manager", "misc", "util"];

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// The sources below a folder, and the folders that have some.
    fn gather(folder: &Path, sources: &mut Vec<PathBuf>, folders: &mut Vec<PathBuf>) {
        let before = sources.len();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            if path.is_dir() && !NOT_OURS.contains(&name) && !name.starts_with('.') {
                gather(&path, sources, folders);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                sources.push(path);
            }
        }
        if sources.len() > before {
            folders.push(folder.to_owned());
        }
    }

    fn sources_and_folders() -> (Vec<PathBuf>, Vec<PathBuf>) {
        let (mut sources, mut folders) = (Vec::new(), Vec::new());
        for place in PLACES {
            gather(&root().join(place), &mut sources, &mut folders);
        }
        assert!(sources.len() > 300, "{} sources found", sources.len());
        (sources, folders)
    }

    /// A source's lines; `None` where it has just gone.
    fn text(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn no_file_is_longer_than_its_reader_can_bear() {
        for path in sources_and_folders().0 {
            let lines = text(&path).map_or(0, |text| text.lines().count());
            assert!(
                lines <= LINES_MAX,
                "{}: {lines} lines; at most {LINES_MAX}, and better under 400: find its parts (STYLE.md)",
                path.display()
            );
        }
    }

    #[test]
    fn each_file_begins_with_what_it_owns() {
        for path in sources_and_folders().0 {
            let Some(text) = text(&path) else { continue };
            let first = text.lines().find(|line| !line.starts_with("#!["));
            assert!(
                first.is_some_and(|line| line.starts_with("//! ")),
                "{}: a file begins with `//!` and what it owns (STYLE.md)",
                path.display()
            );
        }
    }

    #[test]
    fn names_say_something() {
        let (sources, folders) = sources_and_folders();
        for path in sources.iter().chain(&folders) {
            let name = path.file_stem().unwrap().to_string_lossy();
            let is_empty = |word: &str| NOTHING_SAYING.contains(&word.trim_end_matches('s'));
            assert!(
                !name.split(['_', '-']).any(is_empty),
                "{}: a name that says what is inside (STYLE.md)",
                path.display()
            );
        }
    }

    #[test]
    fn the_map_names_each_folder() {
        let map = text(&root().join("ARCHITECTURE.md")).unwrap();
        for path in sources_and_folders().1 {
            let path = path.strip_prefix(root()).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            let is_product = path.starts_with("crates") && path.iter().any(|part| part == "src");
            // A folder beside a file of its name has that file's parts.
            let has_file = root().join(path).with_extension("rs").exists();
            assert!(
                !is_product || name == "src" || has_file || map.contains(&format!("{name}/`")),
                "ARCHITECTURE.md does not say what {} is for",
                path.display()
            );
        }
    }
}
