//! Plans that are refused: for their size, for what never begins, for bytes that are no text; and how that is shown.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use espat_script::{PlanFile, find_plan};

    fn complaint(text: &str) -> String {
        let error = PlanFile::parse(text, "p.toml").expect_err(text);
        error.to_string()
    }

    #[test]
    fn values_that_look_right_are_refused_where_they_stand() {
        for (text, said) in [
            (
                "[[fault]]\nwhen = { probability = 1e-9 }\ndo = \"drop\"\n",
                "p.toml:2:24: `probability` is a number from 0.000001 to 1",
            ),
            (
                "[[fault]]\ndo = { action = \"insert\", bytes = '\\x+f' }\n",
                "p.toml:2:35: `bytes` is a text of 1 to 4096 bytes",
            ),
            (
                "[[fault]]\ndo = { action = \"reset\", cause = \"dog\" }\n",
                "p.toml:2:34: there is no `cause = \"dog\"`; there is brown-out, watchdog, pin",
            ),
        ] {
            let complaint = complaint(text);
            assert!(complaint.starts_with(said), "{said}: {complaint}");
        }
    }

    #[test]
    fn faults_that_wait_for_each_other_are_refused() {
        let ring = |names: &[&str]| {
            let mut text = String::new();
            for (index, name) in names.iter().enumerate() {
                let before = names[(index + names.len() - 1) % names.len()];
                let _ = write!(
                    text,
                    "[[fault]]\nname = \"{name}\"\nwhen = {{ event = \"fault {before}\" }}\ndo = \"hang\"\n"
                );
            }
            complaint(&text)
        };
        assert!(ring(&["a"]).contains("`a` waits for itself"));
        assert!(
            ring(&["a", "b"]).contains("3:18: the fault `b` waits for `a`, which waits for it")
        );
        assert!(ring(&["a", "b", "c"]).contains("neither begins"));
    }

    #[test]
    fn a_plan_has_a_size() {
        let text = "[[fault]]\ndo = \"lose-prompt\"\n";
        assert!(PlanFile::parse(&text.repeat(1000), "p").is_ok());
        assert!(complaint(&text.repeat(1001)).contains("at most 1000"));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let said = complaint(&format!("summary = \"{}\x1b[2J\"", "a".repeat(100_000)));
        assert!(said.len() < 1000, "{} bytes", said.len());
        assert!(!said.contains('\x1b'));
        let lines: Vec<&str> = said.lines().collect();
        let caret = lines[2].find('^').unwrap() - lines[2].find('|').unwrap();
        assert!(lines[1].len() > caret, "{said}");
    }

    #[test]
    fn a_file_that_is_no_text_is_refused_with_its_place() {
        let path = std::env::temp_dir().join(format!("espat-plan-{}.toml", std::process::id()));
        let said = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            find_plan(path.to_str().unwrap(), None)
                .unwrap_err()
                .to_string()
        };
        let latin = said(b"[[fault]]\ndo = \"h\xe4ng\"\n");
        let large = said(&[b'#'; 1024 * 1024 + 1]);
        std::fs::remove_file(&path).unwrap();
        assert!(latin.contains(".toml:2:8: this is no UTF-8"), "{latin}");
        assert!(large.contains("at most 1024 KiB"), "{large}");
    }
}
