//! Runs that are interrupted, and the runs after them.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use mxsim::experiment::{Keep, Plan, RecordsFolder, resume};
use mxsim::model::Model;
use mxsim::model::compile::load;
use tempfile::TempDir;

/// Two variants of twelve replications, each long enough to be caught under way.
const LONG: &str = r#"(
    title: "long",
    run: (measure: "8h", drain: "1d", replications: 12, cells: 24, qshape: ["2h"]),
    zones: { "example.org": (ttl: "10m", mx: [(10, "mx1.example.org"), (20, "mx2.example.org")]) },
    hosts: { "mx1.example.org": (), "mx2.example.org": (sessions: 5, service: "exponential(1s)") },
    resolvers: { "isp": (farm: 2) },
    senders: { "campus": (resolver: "isp", arrivals: Poisson(rate: "20/min"), to: Weights({"example.org": 1.0})) },
    timeline: [
        (name: "outage", at: "1h", do: Outage(host: "mx1.example.org"), for: "2h"),
        (name: "cutover", at: "5h", do: SetMx(zone: "example.org", mx: [(10, "mx2.example.org")])),
    ],
    variants: { "exim": { "senders/campus/retry": "Exim()" } },
)"#;

/// The file that holds what is kept.
const KEPT: &str = "unfinished/replications.bin";

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("long.ron"), LONG).unwrap();
    home
}

fn mxsim(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mxsim"));
    command.current_dir(home.path()).args(args);
    command
}

fn ran(home: &TempDir, args: &[&str]) -> (i32, String) {
    let output = mxsim(home, args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Every file below a folder but the manifest, which holds times.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for path in fs::read_dir(inside).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("manifest.json") => {}
                false => drop(found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap())),
            }
        }
    }
    found
}

/// Starts a run and interrupts it as Ctrl-C does once something is kept in `folder`. Gives its exit code and messages.
fn interrupted(home: &TempDir, args: &[&str], folder: &str) -> (i32, String) {
    let child = mxsim(home, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (kept, started) = (home.path().join(folder).join(KEPT), Instant::now());
    while fs::metadata(&kept).map_or(0, |file| file.len()) < 10_000 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is kept");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_run_that_is_interrupted_is_resumed_and_its_files_are_those_of_one_that_was_not() {
    let home = home();
    let args = ["run", "long.ron", "--records", "csv", "--threads", "1"];
    let (code, said) = interrupted(&home, &args, "outputs/long");
    assert_eq!(code, 130, "{said}");
    assert!(said.contains("done and kept: the same command goes on from there"), "{said}");
    let first = files(&home.path().join("outputs/long"));
    assert!(first.contains_key(Path::new(KEPT)) && first.keys().all(|name| !name.to_string_lossy().contains(".tmp")));

    // What is asked for threads does not matter.
    let (code, said) = ran(&home, &["run", "long.ron", "--records", "csv"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("taken over from a run that was interrupted") && !said.contains("not used"), "{said}");
    let (code, said) = ran(&home, &["run", "long.ron", "--records", "csv", "--out", "whole"]);
    assert!(code == 0 && !said.contains("taken over"), "{said}");
    let (resumed, whole) = (files(&home.path().join("outputs/long")), files(&home.path().join("whole/long")));
    assert_eq!(resumed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(resumed[name] == *bytes, "{} differs", name.display());
    }
}

#[test]
fn what_was_kept_of_something_else_is_not_used_and_that_is_said() {
    let home = home();
    fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "long.ron", "--threads", "1", "--no-charts"], more].concat()
    }
    assert_eq!(interrupted(&home, &run(&[]), "outputs/long").0, 130);
    let (code, said) = ran(&home, &run(&["--seed", "2", "--replications", "1"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not used: of another scenario, seed or mxsim") && !said.contains("taken over"), "{said}");
    assert_eq!(ran(&home, &run(&["--seed", "2", "--replications", "1", "--out", "whole"])).0, 0);
    assert!(files(&home.path().join("outputs")) == files(&home.path().join("whole")));

    assert_eq!(interrupted(&home, &run(&["--out", "again"]), "again/long").0, 130);
    let (code, said) = ran(&home, &run(&["--out", "again", "--fresh", "--set", "run/replications=1"]));
    assert!(code == 0 && !said.contains("taken over") && !said.contains("not used"), "{said}");
}

#[test]
fn what_is_kept_is_not_simulated_again_and_what_is_torn_is() {
    let home = home();
    let loaded = load(&home.path().join("long.ron"), &[]).unwrap();
    let variants: Vec<(String, Arc<Model>)> =
        loaded.variants.iter().map(|variant| (variant.name.clone(), variant.model.clone())).collect();
    let plan = Plan { variants, only: None, records: Some(RecordsFolder(home.path().to_owned())) };
    let open = |anew| Keep::open(home.path(), &plan.variants, true, anew).unwrap();
    let run = |keep: &Keep, stopped: bool| resume(&plan, keep, &AtomicBool::new(stopped), &|_| {}).unwrap();

    let whole = run(&open(false), false);
    let keep = open(false);
    assert_eq!((keep.taken(), keep.ignored()), (24, 0));
    // A run that may simulate nothing has everything.
    let resumed = run(&keep, true);
    assert!(!resumed.interrupted);
    assert_eq!(format!("{resumed:?}"), format!("{whole:?}"));

    // The last entry was written in part, and of another the records are gone.
    let kept = home.path().join(KEPT);
    let bytes = fs::read(&kept).unwrap();
    fs::write(&kept, &bytes[..bytes.len() - 1]).unwrap();
    let mut records = fs::read_dir(home.path().join("unfinished")).unwrap().map(|entry| entry.unwrap().path());
    fs::write(records.find(|path| path.to_string_lossy().ends_with(".3.csv")).unwrap(), "").unwrap();
    let keep = open(false);
    assert!((22..=23).contains(&keep.taken()), "{}", keep.taken());
    assert!(run(&keep, true).interrupted);
    assert_eq!(format!("{:?}", run(&open(false), false)), format!("{whole:?}"));
    assert_eq!(open(true).taken(), 0);
    Keep::remove(home.path()).unwrap();
    assert!(!home.path().join("unfinished").exists());
}
