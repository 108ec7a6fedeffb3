//! The scripts of this folder, as somebody runs them who has just cloned the repository.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs a script where there is a shell and no cargo, and nothing that could install one.
fn without_cargo(script: &str) -> Output {
    let folder = TempDir::new().expect("a temporary folder");
    for program in ["bash", "dirname", "env"] {
        let there = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(program));
        let there = there.iter().find(|path| path.exists());
        let there = there.unwrap_or_else(|| panic!("{program} is there"));
        symlink(there, folder.path().join(program)).expect("it is linked");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    Command::new(script)
        .env_clear()
        .env("PATH", folder.path())
        .env("HOME", folder.path())
        .output()
        .expect("the script starts")
}

#[test]
fn without_cargo_each_script_says_the_one_command_that_installs_it() {
    for script in ["demo", "test", "../.ci/run"] {
        let output = without_cargo(script);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = stderr.lines().collect();
        let [missing, command] = lines[..] else {
            panic!("{script}: two lines, not\n{stderr}");
        };
        assert!(missing.contains("cargo is missing"), "{script}: {missing}");
        let command = command.trim();
        assert!(
            command.starts_with("curl ") && command.contains("rustup.rs"),
            "{command}"
        );
        assert_eq!(output.status.code(), Some(1), "{script}");
        assert!(output.stdout.is_empty(), "{script}");
    }
}
