//! Runs the fuzz targets on what was kept of their corpus, and on the transcripts.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use espat_script::fuzz;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in
            std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(self::files(&path))
            } else {
                files.push(path)
            }
        }
        files.sort();
        files
    }

    fn replay(folder: &str, target: fn(&[u8])) {
        let files = files(&root().join(folder));
        assert!(!files.is_empty(), "{folder} is empty");
        for path in files {
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
        }
    }

    #[test]
    fn framer() {
        replay("fuzz/corpus/framer", fuzz::framer);
    }

    #[test]
    fn args() {
        replay("fuzz/corpus/args", fuzz::args);
    }

    #[test]
    fn module() {
        replay("fuzz/corpus/module", fuzz::module);
    }

    #[test]
    fn faults() {
        replay("fuzz/corpus/faults", fuzz::faults);
    }

    #[test]
    fn script() {
        replay("fuzz/corpus/script", fuzz::script);
        replay("tests/at", fuzz::script);
    }

    /// `UPDATE=1` writes the dictionary anew.
    #[test]
    fn the_dictionary_is_there() {
        let path = root().join("fuzz/at.dict");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, fuzz::dictionary()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.contains("\"+CIPSEND\"") && kept.lines().all(|l| l.starts_with(['"', '#'])));
    }
}
