//! Which OpenSSL xtask lets cargo use: a `cargo` that only repeats its arguments, on machines with other tools each time.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// A machine that has only these tools.
    struct Machine(PathBuf);

    impl Machine {
        fn with(name: &str, tools: &[&str]) -> Self {
            let folder = format!("espat-xtask-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(folder);
            std::fs::create_dir(&folder).unwrap();
            let machine = Self(folder);
            for tool in tools {
                machine.has(tool, "exit 0");
            }
            machine.has("cargo", "echo \"cargo $*\" >&2; exit 1");
            machine
        }

        fn has(&self, tool: &str, script: &str) {
            let path = self.0.join(tool);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }

        /// What `cargo xtask run` says there.
        fn run(&self, variables: &[(&str, &Path)]) -> String {
            let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
                .arg("run")
                .env_clear()
                .env("PATH", &self.0)
                .env("CARGO", self.0.join("cargo"))
                .envs(variables.iter().copied())
                .output()
                .unwrap();
            assert!(!output.status.success());
            String::from_utf8(output.stderr).unwrap()
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    const SYSTEMS: &str = "cargo build --release";
    const OWN: &str = "cargo build --features espat-host/vendored-openssl --release";

    // One after the other: who starts a program while another thread writes one may keep it from being run.
    #[test]
    fn an_openssl_is_found_or_built_or_asked_for() {
        the_systems_is_used_where_it_is_found();
        otherwise_one_is_built();
        what_is_missing_is_said_in_one_line();
    }

    fn the_systems_is_used_where_it_is_found() {
        let machine = Machine::with("found", &["cc", "pkg-config"]);
        assert!(machine.run(&[]).contains(SYSTEMS));
        // A pkg-config of another name, and libraries that are named.
        let other = machine.0.join("other");
        machine.has("other", "exit 0");
        machine.has("pkg-config", "exit 1");
        assert!(machine.run(&[("PKG_CONFIG", &other)]).contains(SYSTEMS));
        for name in ["OPENSSL_DIR", "OPENSSL_LIB_DIR"] {
            assert!(machine.run(&[(name, &machine.0)]).contains(SYSTEMS));
        }
    }

    fn otherwise_one_is_built() {
        let machine = Machine::with("built", &["cc", "perl", "make"]);
        assert!(machine.run(&[]).contains(OWN), "no pkg-config");
        machine.has("pkg-config", "exit 1");
        assert!(machine.run(&[]).contains(OWN), "no OpenSSL 3");
        machine.has("pkg-config", "exit 0");
        let other = Path::new("/nonexistent/pkg-config");
        assert!(machine.run(&[("PKG_CONFIG", other)]).contains(OWN));
    }

    fn what_is_missing_is_said_in_one_line() {
        for (tools, said) in [
            (&["cc"][..], "pkg-config finds no OpenSSL 3 here"),
            (&["cc", "perl"], "apt install libssl-dev pkg-config"),
            (&["cc", "make"], "dnf install openssl-devel pkgconf"),
            (&["perl", "make", "pkg-config"], "no C compiler (`cc`) here"),
        ] {
            let machine = Machine::with("missing", tools);
            let all = machine.run(&[]);
            assert!(all.contains(said) && all.lines().count() == 1, "{all}");
            assert!(!all.contains("cargo build"), "{all}");
        }
    }
}
