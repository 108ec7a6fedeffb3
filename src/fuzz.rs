//! Every fuzz target by its name. `testenv/fuzz` runs them with generated inputs; the tests here run
//! them with what is in `fuzz/seeds/TARGET/`, where past crashers are kept, and with small changes of
//! that, without any tool.

use crate::profile::Profile;
use crate::schema::mapping::Mapping;

pub use crate::copytext::fuzz::{array, comparison, padding, rewrite, timestamp};
pub use crate::lane::fuzz::rejects;
pub use crate::ledger::fuzz::ledger;
pub use crate::wire::fuzz::{
    authentication, connection_string, frames, passfile, server_error, session,
};

/// Takes any bytes, and panics where something does not hold that must.
pub type Target = fn(&[u8]);

/// All of them.
pub const TARGETS: &[(&str, Target)] = &[
    ("array", array),
    ("authentication", authentication),
    ("comparison", comparison),
    ("connection_string", connection_string),
    ("frames", frames),
    ("ledger", ledger),
    ("mapping", mapping),
    ("padding", padding),
    ("passfile", passfile),
    ("profile", profile),
    ("rejects", rejects),
    ("rewrite", rewrite),
    ("server_error", server_error),
    ("session", session),
    ("timestamp", timestamp),
];

/// Any bytes as a `--profile` file: what is read, is printed so that it is read again.
pub fn profile(data: &[u8]) {
    let Some(profile) = text(data).and_then(|text| Profile::from_toml(text).ok()) else {
        return;
    };
    let printed = profile.to_toml();
    let again = Profile::from_toml(&printed).map_err(|e| format!("{e}: {printed}"));
    assert_eq!(again.expect("it is read"), profile, "{printed}");
}

/// Any bytes as a `--map` file.
pub fn mapping(data: &[u8]) {
    if let Some(Err(error)) = text(data).map(Mapping::from_toml) {
        assert!(!error.to_string().is_empty());
    }
}

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    /// Changed inputs that are tried of each seed.
    const CHANGES: u64 = 40;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
    }

    /// The seeds of a target, by path.
    fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = folder().join("seeds").join(target);
        let listed = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut paths: Vec<PathBuf> = listed
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        let read = |path: PathBuf| (path.clone(), fs::read(path).expect("a seed"));
        paths.into_iter().map(read).collect()
    }

    #[test]
    fn every_seed_and_past_crasher_passes() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            assert!(seeds.len() >= 3, "{name} has too few seeds");
            for (path, seed) in seeds {
                let passed = std::panic::catch_unwind(|| target(&seed));
                assert!(passed.is_ok(), "{name}: {}", path.display());
            }
        }
    }

    #[test]
    fn seeds_that_are_cut_off_or_changed_a_little_pass() {
        for (name, target) in TARGETS {
            for (path, seed) in seeds(name) {
                for changed in changed(&seed) {
                    let passed = std::panic::catch_unwind(|| target(&changed));
                    let (path, text) = (path.display(), changed.escape_ascii());
                    assert!(passed.is_ok(), "{name}: {path} changed to {text}");
                }
            }
        }
    }

    /// The same inputs at each run.
    fn changed(seed: &[u8]) -> Vec<Vec<u8>> {
        let mut inputs = Vec::new();
        for number in 0..CHANGES {
            let mut random = StdRng::seed_from_u64(number);
            let mut input = seed.to_vec();
            for _ in 0..=random.random_range(0..3) {
                change(&mut input, &mut random);
            }
            inputs.push(input);
        }
        inputs
    }

    fn change(input: &mut Vec<u8>, random: &mut StdRng) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..4) {
            0 => input.truncate(at),
            1 => input.insert(at, random.random()),
            2 if at < input.len() => drop(input.remove(at)),
            _ if at < input.len() => input[at] = random.random(),
            _ => {}
        }
    }

    #[test]
    fn every_target_is_built_for_fuzzing() {
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest");
        for (name, _) in TARGETS {
            let line = format!("name = \"{name}\"");
            assert!(manifest.contains(&line), "fuzz/Cargo.toml has no {line}");
            let file = folder().join("targets").join(format!("{name}.rs"));
            let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(source.contains(&format!("wire9::fuzz::{name}(")), "{name}");
        }
    }
}
