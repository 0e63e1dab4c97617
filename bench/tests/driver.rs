//! The driver as a program: what it starts, what it leaves behind, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of a test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // Where cargo builds, which is on a disk; the system's temporary folder may be memory.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn bench(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["run", "--no-pin", "--rounds", "1", "--seconds", "0.1", "--data"])
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_run_leaves_its_figures_and_nothing_else() {
    let folder = Folder::new("figures");
    let json = folder.0.join("figures.json");
    let data = folder.0.join("data");
    let output = bench(&data, &["--contenders", "floor", "--scenarios", "echo-one", "--json", json.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n  floor ") && text.contains("1.00x"), "{text}");
    let json: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert!(json["runs"][0]["report"]["per_s"].as_f64() > Some(0.0), "{json}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}

#[test]
fn a_contender_that_does_not_start_is_reported() {
    let folder = Folder::new("broken");
    let broken = ["--custom-storage", "broken=ls --no-such-option", "--contenders", "broken"];
    let output = bench(&folder.0, &[&broken[..], &["--scenarios", "write-1,boot-empty,cold"]].concat());
    assert!(!output.status.success());
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("it ended with") && talk.contains("no-such-option"), "{talk}");
    assert!(talk.contains("3 of 3 runs failed"), "{talk}");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn durability_is_not_measured_in_memory() {
    let data = Path::new("/dev/shm").join(format!("dormouse-bench-{}", std::process::id()));
    let output = bench(&data, &["--custom-storage", "own=true", "--contenders", "own", "--scenarios", "write-1"]);
    fs::remove_dir_all(&data).unwrap();
    assert!(!output.status.success());
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(talk.contains("is in memory") && talk.contains("--data"), "{talk}");
}
