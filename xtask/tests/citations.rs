//! What sources, transcripts and documents cite has to be there: documents by name, docs/behaviour.md by section and key.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use espat_core::profile::PROFILES;

    /// Where people write; the corpora of `fuzz` are data.
    const PLACES: &[&str] = &[
        "bench",
        "crates",
        "docs",
        "fuzz/targets",
        "tests",
        "xtask/src",
    ];
    const KINDS: &[&str] = &["at", "json", "md", "py", "rs", "toml"];
    /// What builds leave behind.
    const NOT_OURS: &[&str] = &["target", "node_modules"];

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn is_text(path: &Path) -> bool {
        let kind = path.extension().and_then(|kind| kind.to_str());
        kind.is_some_and(|kind| KINDS.contains(&kind))
    }

    /// What goes away meanwhile, as other tests' own files may, is none of it.
    fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            if path.is_dir() && !NOT_OURS.contains(&name) && !name.starts_with('.') {
                gather(&path, found);
            } else if path.is_file() && is_text(&path) {
                found.push(path);
            }
        }
    }

    /// All texts, a comment over several lines as one line.
    fn texts() -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        for place in PLACES {
            gather(&root().join(place), &mut files);
        }
        let top = fs::read_dir(root()).unwrap().flatten().map(|e| e.path());
        files.extend(top.filter(|path| path.is_file() && is_text(path)));
        let read = |path: PathBuf| {
            let text = fs::read(&path).ok()?;
            let joined = joined(&String::from_utf8_lossy(&text));
            Some((path, joined))
        };
        files.into_iter().filter_map(read).collect()
    }

    fn joined(text: &str) -> String {
        let without_mark = |line: &str| {
            let line = line.trim_start();
            let marks = ["//!", "///", "//", "# "];
            let mark = marks.iter().find_map(|mark| line.strip_prefix(mark));
            mark.unwrap_or(line).trim().to_owned()
        };
        let lines: Vec<String> = text.lines().map(without_mark).collect();
        lines.join(" ")
    }

    /// The documents that are named, each with what stands behind its name.
    fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
        text.match_indices(".md").filter_map(|(at, dot)| {
            let (before, behind) = (&text[..at], &text[at + dot.len()..]);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let name = &before[before.trim_end_matches(is_name).len()..];
            let goes_on = behind.starts_with(is_name) || behind.starts_with('(');
            (!goes_on && !name.is_empty()).then_some((name, behind))
        })
    }

    /// The sections and keys of a citation: `3.5`, ` 3.5, 3.7, U3`, ` (d)`.
    fn keys(mut behind: &str) -> Vec<&str> {
        let mut keys = Vec::new();
        while let Some(rest) = behind.strip_prefix(' ') {
            let end = rest.find([',', ';', ':', ' ']).unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches('.');
            let key = if word.starts_with('(') {
                word
            } else {
                word.trim_end_matches(')')
            };
            let key = key.trim_end_matches(['"', '`', '.']);
            let digits = key.trim_start_matches('U');
            let is_section = digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.ends_with(|c: char| c.is_ascii_digit())
                && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
            let letter = key.strip_prefix('(').and_then(|k| k.split_once(')'));
            let key = match letter {
                Some((letter, _)) if letter.len() == 1 => &key[..3],
                _ if is_section => key,
                _ => break,
            };
            keys.push(key);
            behind = match rest.strip_prefix(word) {
                Some(rest) if word == key && rest.starts_with(", ") => &rest[1..],
                _ => break,
            };
        }
        keys
    }

    /// The sections and keys that docs/behaviour.md has.
    fn sections(behaviour: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for line in behaviour.lines() {
            if let Some(heading) = heading(line) {
                let number = heading.split(' ').next().unwrap_or_default();
                found.insert(number.trim_end_matches('.').to_owned());
            }
            if let Some((_, key)) = line.split_once("</a>") {
                let key = key.split(' ').next().unwrap_or_default();
                found.insert(key.to_owned());
            }
        }
        found
    }

    fn heading(line: &str) -> Option<&str> {
        let part = line.strip_prefix("## ");
        part.or_else(|| line.strip_prefix("### "))
    }

    fn behaviour() -> String {
        fs::read_to_string(root().join("docs/behaviour.md")).unwrap()
    }

    #[test]
    fn documents_that_are_named_are_there() {
        let texts = texts();
        let names: BTreeSet<&str> = texts
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "md"))
            .filter_map(|(path, _)| path.file_stem()?.to_str())
            .collect();
        for (path, text) in &texts {
            for (name, behind) in named(text) {
                let path = path.display();
                assert!(names.contains(name), "{path}: there is no {name}.md");
                let is_whole = name == "behaviour" || keys(behind).is_empty();
                assert!(is_whole, "{path}: {name}.md has no numbered sections");
            }
        }
    }

    #[test]
    fn sections_of_behaviour_that_are_cited_are_there() {
        let sections = sections(&behaviour());
        let mut cited = 0;
        for (path, text) in texts() {
            for (_, behind) in named(&text).filter(|(name, _)| *name == "behaviour") {
                for key in keys(behind) {
                    cited += 1;
                    assert!(
                        sections.contains(key),
                        "{}: docs/behaviour.md has no {key}",
                        path.display()
                    );
                }
            }
        }
        assert!(cited > 300, "{cited} citations found");
    }

    #[test]
    fn links_within_behaviour_lead_somewhere() {
        let text = behaviour();
        let mut places = BTreeSet::new();
        for line in text.lines() {
            if let Some(heading) = heading(line) {
                places.insert(anchor(heading));
            }
            if let Some((_, id)) = line.split_once("<a id=\"") {
                places.insert(id.split('"').next().unwrap_or_default().to_owned());
            }
        }
        for (at, open) in text.match_indices("](#") {
            let link = &text[at + open.len()..];
            let link = link.split(')').next().unwrap_or_default();
            assert!(places.contains(link), "nothing is at #{link}");
        }
    }

    /// As GitHub makes them.
    fn anchor(heading: &str) -> String {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let kept: String = heading.to_lowercase().chars().filter(kept).collect();
        kept.replace(' ', "-")
    }

    #[test]
    fn values_and_transcripts_that_behaviour_names_are_there() {
        let values: BTreeSet<String> = PROFILES[0].values().into_iter().map(|v| v.name).collect();
        let text = behaviour();
        for word in text.split('`').skip(1).step_by(2) {
            let part = word.split('.').next().unwrap_or_default();
            let is_value = [
                "limits", "features", "quirks", "texts", "delays", "factory", "upgrade",
            ]
            .contains(&part);
            let is_group = values.iter().any(|v| v.starts_with(&format!("{word}.")));
            assert!(
                !is_value || is_group || values.contains(word),
                "no profile has a value {word}"
            );
            let is_path = word.starts_with("tests/") || word.starts_with("crates/");
            assert!(
                !is_path || root().join(word).exists(),
                "{word} is not there"
            );
        }
    }

    #[test]
    fn citations_are_read_as_people_write_them() {
        assert_eq!(keys(" 3.5, 3.7, U3)."), ["3.5", "3.7", "U3"]);
        assert_eq!(keys(" U13)."), ["U13"]);
        assert_eq!(keys(" (d); manual"), ["(d)"]);
        assert_eq!(keys(" (j))."), ["(j)"]);
        assert_eq!(keys(" 3.22, T #323)"), ["3.22"]);
        assert_eq!(keys(" 2.4: from 5.0 on"), ["2.4"]);
        assert_eq!(keys(" 5."), ["5"]);
        assert!(keys(" says").is_empty());
        let found: Vec<_> = named("cx.net.mdns, a.md 1, `b.md`").collect();
        assert_eq!(found, [("a", " 1, `b.md`"), ("b", "`")]);
    }
}
