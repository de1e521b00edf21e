//! The program from outside: exit codes, streams, files.

#[path = "cli/presets.rs"]
mod presets;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use assert_cmd::Command;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Two hours of mail to a host that is away for some minutes, and a change of MX records.
const SMALL: &str = r#"(
    title: "small",
    look_for: "that it works",
    run: (measure: "2h", drain: "1d", replications: 2, cells: 24),
    zones: { "example.org": (ttl: "10m", mx: [(10, "mx1.example.org")]) },
    hosts: { "mx1.example.org": (), "mx2.example.org": (sessions: 5) },
    resolvers: { "isp": (farm: 2) },
    senders: { "campus": (resolver: "isp", arrivals: Poisson(rate: "2/min"), to: Weights({"example.org": 1.0})) },
    timeline: [
        (name: "outage", at: "30m", do: Outage(host: "mx1.example.org"), for: "20m"),
        (name: "cutover", at: "1h", do: SetMx(zone: "example.org", mx: [(10, "mx2.example.org")])),
    ],
    variants: { "exim": { "senders/campus/retry": "Exim()" } },
    objectives: [(measure: "delivered.share", above: "99%"), (measure: "delivery_latency.p50", below: "1h")],
)"#;

fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("small.ron"), SMALL).unwrap();
    home
}

fn mxsim(home: &TempDir) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("mxsim"));
    command.current_dir(home.path()).env_remove("NO_COLOR");
    command
}

/// Runs with these arguments; gives exit code, stdout and stderr.
fn ran(home: &TempDir, args: &[&str]) -> (i32, String, String) {
    let output = mxsim(home).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Every file below a folder, by its path within.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn add(base: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(base, &path, files);
            } else {
                let name = path.strip_prefix(base).unwrap().iter().map(|part| part.to_str().unwrap());
                files.insert(name.collect::<Vec<_>>().join("/"), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(folder, folder, &mut found);
    found
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_run_writes_every_file_and_the_manifest_describes_them() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["run", "small.ron"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("small: small\nthat it works\n"), "{stdout}");
    for words in ["baseline", "exim", "delivered", "latency, p99", "±", "Student's t", "delivered.share of all > 99%"]
    {
        assert!(stdout.contains(words), "no `{words}` in {stdout}");
    }
    assert!(stderr.contains("Files in outputs/small/") && stderr.contains("charts/latency.svg"), "{stderr}");

    let mut files = files(&home.path().join("outputs/small"));
    let manifest: Value = serde_json::from_slice(&files.remove("manifest.json").unwrap()).unwrap();
    for name in ["scenario.ron", "summary.csv", "summary.json", "replications.csv", "series.csv"] {
        assert!(files.contains_key(name), "no {name}");
    }
    for chart in ["latency", "queue_depth", "staleness", "heatmap"] {
        assert!(
            files.contains_key(&format!("charts/{chart}.svg")) && files.contains_key(&format!("charts/{chart}.png"))
        );
    }
    let listed = manifest["files"].as_object().unwrap();
    assert_eq!(listed.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    for (name, bytes) in &files {
        assert_eq!(listed[name]["sha256"], sha256(bytes), "{name}");
    }
    assert_eq!((&manifest["status"], &manifest["seed"]), (&Value::from("complete"), &Value::from(1)));
    assert_eq!(manifest["scenario"]["sha256"], sha256(SMALL.as_bytes()));
    assert_eq!(manifest["scenario"]["text"], SMALL);
    assert_eq!(manifest["runs"].as_array().unwrap().len(), 4);
}

#[test]
fn tables_have_the_columns_that_were_promised() {
    let home = home();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts", "--quiet"]), (0, String::new(), String::new()));
    let files = files(&home.path().join("outputs/small"));
    assert!(!files.keys().any(|name| name.starts_with("charts/")));
    for (name, columns) in [
        ("summary.csv", "scenario,variant,measure,scope,statistic,unit,value,ci_low,ci_high,replications"),
        ("replications.csv", "scenario,variant,replication,seed,measure,scope,statistic,unit,value"),
        ("series.csv", "scenario,variant,replication,measure,scope,time_s,unit,value"),
    ] {
        let text = String::from_utf8(files[name].clone()).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(columns));
        assert!(lines.all(|line| line.starts_with("small,baseline,") || line.starts_with("small,exim,")), "{name}");
    }
}

#[test]
fn a_resolved_scenario_runs_as_the_one_it_came_from() {
    let home = home();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts"]).0, 0);
    fs::create_dir(home.path().join("again")).unwrap();
    fs::copy(home.path().join("outputs/small/scenario.ron"), home.path().join("again/small.ron")).unwrap();
    let (code, _, stderr) = ran(&home, &["run", "again/small.ron", "--no-charts", "--out", "second"]);
    assert_eq!(code, 0, "{stderr}");
    let (mut first, mut second) = (files(&home.path().join("outputs")), files(&home.path().join("second")));
    first.remove("small/manifest.json");
    second.remove("small/manifest.json");
    assert!(first == second);
}

#[test]
fn a_resolved_scenario_that_names_files_runs_from_where_it_lies() {
    let home = home();
    fs::create_dir(home.path().join("data")).unwrap();
    let text = SMALL
        .replace("arrivals: Poisson(rate: \"2/min\")", "arrivals: Trace(file: \"data/mail.csv\")")
        .replace("\"mx2.example.org\": (sessions: 5)", "\"mx2.example.org\": (service: \"empirical(times.csv)\")");
    let trace: String = (0..60).map(|minute| format!("{}\n", minute * 60)).collect();
    fs::write(home.path().join("data/mail.csv"), format!("\u{feff}time\n{trace}")).unwrap();
    fs::write(home.path().join("times.csv"), "seconds\n1\n2\n").unwrap();
    fs::write(home.path().join("small.ron"), text).unwrap();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts"]).0, 0);
    let first = files(&home.path().join("outputs/small"));
    assert!(first["data/mail.csv"].starts_with(b"\xef\xbb\xbftime"));
    // The original goes; its copy and its hash stay.
    fs::remove_dir_all(home.path().join("data")).unwrap();
    fs::remove_file(home.path().join("times.csv")).unwrap();
    let (code, _, stderr) = ran(&home, &["check", "outputs/small/scenario.ron"]);
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = ran(&home, &["run", "outputs/small/scenario.ron", "--no-charts", "--out", "second"]);
    assert_eq!(code, 0, "{stderr}");
    let second = files(&home.path().join("second/scenario"));
    assert!(first["scenario.ron"] == second["scenario.ron"] && first["data/mail.csv"] == second["data/mail.csv"]);
    let named = |text: &[u8]| String::from_utf8_lossy(text).replace("scenario,", "small,");
    assert_eq!(named(&first["series.csv"]), named(&second["series.csv"]));
    let manifest: Value = serde_json::from_slice(&first["manifest.json"]).unwrap();
    let inputs: BTreeMap<&str, &str> = manifest["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| (input["file"].as_str().unwrap(), input["sha256"].as_str().unwrap()))
        .collect();
    let hash = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(inputs["data/mail.csv"], hash(&format!("time\n{trace}")));
    assert_eq!(inputs["times.csv"], hash("seconds\n1\n2\n"));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let home = home();
    for threads in ["1", "2"] {
        let (code, _, stderr) =
            ran(&home, &["run", "small.ron", "--threads", threads, "--out", threads, "--records", "csv"]);
        assert_eq!(code, 0, "{stderr}");
    }
    let (mut one, mut two) = (files(&home.path().join("1")), files(&home.path().join("2")));
    assert!(one.remove("small/manifest.json").is_some() && two.remove("small/manifest.json").is_some());
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    assert!(one.contains_key("small/deliveries.csv"));
    for (name, bytes) in &one {
        assert!(two[name] == *bytes, "{name} differs");
    }
}

#[test]
fn one_replication_again_gives_its_numbers_and_leaves_the_tables_of_all() {
    let home = home();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts"]).0, 0);
    let all = fs::read_to_string(home.path().join("outputs/small/replications.csv")).unwrap();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts", "--replication", "1"]).0, 0);
    let one = fs::read_to_string(home.path().join("outputs/small/replication-1/replications.csv")).unwrap();
    let of_one = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.split(',').nth(2) == Some("1")).map(str::to_owned).collect()
    };
    assert!(!of_one(&one).is_empty());
    assert_eq!(of_one(&one), of_one(&all));
    assert_eq!(fs::read_to_string(home.path().join("outputs/small/replications.csv")).unwrap(), all);
    let (code, _, stderr) = ran(&home, &["run", "small.ron", "--replication", "2"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("counted from 0 to 1"), "{stderr}");
}

#[test]
fn objectives_fail_a_run_only_where_that_is_asked_for() {
    let home = home();
    let run = |args: &[&str]| {
        let always = ["run", "small.ron", "--no-charts", "--set", "objectives/1/below=1us"];
        ran(&home, &[&always, args].concat())
    };
    let (code, stdout, _) = run(&[]);
    assert_eq!(code, 0);
    assert!(stdout.contains("MISSED") && stdout.contains("met"), "{stdout}");
    assert_eq!(run(&["--fail-on", "objectives"]).0, 3);
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts", "--fail-on", "objectives"]).0, 0);
}

#[test]
fn json_is_one_object_a_line_and_all_that_stdout_holds() {
    let home = home();
    let (code, stdout, _) =
        ran(&home, &["run", "small.ron", "--no-charts", "--json", "--seed", "5", "--replications", "3"]);
    assert_eq!(code, 0);
    assert_eq!(stdout.lines().count(), 1);
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["seed"], 5);
    assert_eq!(summary["variants"][1]["replications"], 3);
    assert_eq!(summary["objectives_met"], true);
    let written = fs::read(home.path().join("outputs/small/summary.json")).unwrap();
    assert_eq!(summary, serde_json::from_slice::<Value>(&written).unwrap());
}

#[test]
fn a_folder_is_its_scenarios_in_order() {
    let home = home();
    fs::create_dir(home.path().join("scenarios")).unwrap();
    for name in ["b.ron", "a.ron"] {
        fs::write(home.path().join("scenarios").join(name), SMALL).unwrap();
    }
    fs::write(home.path().join("scenarios/notes.txt"), "no scenario").unwrap();
    let (code, stdout, stderr) = ran(&home, &["run", "scenarios", "--no-charts"]);
    assert_eq!(code, 0, "{stderr}");
    let (a, b) = (stdout.find("a: small").unwrap(), stdout.find("b: small").unwrap());
    assert!(a < b, "{stdout}");
    let (code, _, stderr) = ran(&home, &["run", "small.ron", "scenarios", "outputs"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no `*.ron` file in `outputs`"), "{stderr}");
}

#[test]
fn two_scenarios_of_one_name_are_refused() {
    let home = home();
    fs::create_dir(home.path().join("other")).unwrap();
    fs::write(home.path().join("other/small.ron"), SMALL).unwrap();
    let (code, _, stderr) = ran(&home, &["run", "small.ron", "other/small.ron"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("would both write to the folder `small`"), "{stderr}");
    assert!(!home.path().join("outputs").exists());
}

#[test]
fn all_errors_of_all_files_are_shown_and_nothing_runs() {
    let home = home();
    fs::write(home.path().join("bad.ron"), SMALL.replace("mx1.example.org\")]", "mx1.exmaple.org\")]")).unwrap();
    fs::write(home.path().join("worse.ron"), SMALL.replace("title:", "titel:").replace("farm: 2", "farm: two"))
        .unwrap();
    for command in ["run", "check"] {
        let (code, _, stderr) = ran(&home, &[command, "bad.ron", "small.ron", "worse.ron", "absent.ron"]);
        assert_eq!(code, 2);
        for words in ["bad.ron:5:", "worse.ron:2:", "did you mean `title`?", "worse.ron:7:", "absent.ron"] {
            assert!(stderr.contains(words), "no `{words}` in {stderr}");
        }
    }
    assert!(!home.path().join("outputs").exists());
}

#[test]
fn an_unknown_path_is_an_error_with_a_suggestion() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["run", "small.ron", "--set", "senders/campsu/retry=Exim()"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--set senders/campsu/retry") && stderr.contains("did you mean `campus`?"), "{stderr}");
    assert_eq!(ran(&home, &["run", "small.ron", "--set", "nonsense"]).0, 2);
    assert_eq!(ran(&home, &["run", "small.ron", "--threads", "0"]).0, 2);
}

#[test]
fn check_says_what_is_fine_on_stdout_and_the_rest_on_stderr() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["check", "small.ron"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("small.ron: fine"), "{stdout}");
    fs::write(home.path().join("bad.ron"), "(titel: \"x\")").unwrap();
    let (code, stdout, _) = ran(&home, &["check", "--json", "bad.ron"]);
    let told: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &told["valid"], &told["problems"][0]["line"]), (2, &Value::from(false), &Value::from(1)));
}

#[test]
fn usage_errors_exit_with_2_and_suggest() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["chek", "small.ron"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("'check'"), "{stderr}");
    assert_eq!(ran(&home, &["run"]).0, 2);
    for (args, tip) in [
        (&["rnu", "small.ron"][..], "'run'"),
        (&["small.ron"], "mxsim run small.ron"),
        (&["run", "samll.ron"], "did you mean `small.ron`?"),
        (&["run", "small.ron", "--thread", "1"], "'--threads'"),
        (&["run", "small.ron", "--records", "cvs"], "csv"),
        (&["run", "small.ron", "--threads", "0"], "1..=1024"),
        (&["run", "small.ron", "--threads", "1025"], "1..=1024"),
    ] {
        let (code, stdout, stderr) = ran(&home, args);
        assert_eq!((code, stdout.as_str()), (2, ""));
        assert!(stderr.contains(tip), "{args:?}: {stderr}");
    }
    let (code, stdout, _) = ran(&home, &["--help"]);
    assert_eq!(code, 0);
    let head: Vec<&str> = stdout.lines().take(12).collect();
    assert_eq!(head[0], "Examples:");
    for command in ["init", "check", "run", "presets", "graph"] {
        assert!(head.iter().any(|line| line.starts_with(&format!("  mxsim {command} "))), "{stdout}");
    }
    assert!(stdout.contains("Exit codes:"));
}

#[test]
fn templates_are_fine_and_never_overwrite_by_accident() {
    let home = home();
    for template in ["minimal", "outage", "migration"] {
        let file = format!("{template}.ron");
        assert_eq!(ran(&home, &["init", "--template", template]).0, 0);
        assert_eq!(ran(&home, &["check", &file]), (0, ran(&home, &["check", &file]).1, String::new()));
    }
    fs::write(home.path().join("minimal.ron"), "mine").unwrap();
    let (code, _, stderr) = ran(&home, &["init", "minimal.ron"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("exists already") && stderr.contains("--force"), "{stderr}");
    assert_eq!(fs::read_to_string(home.path().join("minimal.ron")).unwrap(), "mine");
    assert_eq!(ran(&home, &["init", "minimal.ron", "--force"]).0, 0);
    let written = fs::read_to_string(home.path().join("minimal.ron")).unwrap();
    assert_eq!(ran(&home, &["init", "-"]), (0, written, String::new()));
}

#[test]
fn graphs_come_in_both_languages() {
    let home = home();
    let (code, dot, _) = ran(&home, &["graph", "small.ron"]);
    assert_eq!(code, 0);
    assert!(dot.starts_with("digraph mxsim {") && dot.contains("cutover: MX 10"), "{dot}");
    let (code, mermaid, _) = ran(&home, &["graph", "small.ron", "--format", "mermaid"]);
    assert_eq!(code, 0);
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_insist() {
    let home = home();
    let bad = |args: &[&str], no_color: Option<&str>| {
        let mut command = mxsim(&home);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let output = command.args(["run", "absent.ron"]).args(args).output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!bad(&[], None));
    assert!(!bad(&["--color", "never"], None));
    assert!(bad(&["--color", "always"], None));
    assert!(bad(&["--color=always"], Some("1")), "an explicit flag is stronger than the environment");
    assert!(!bad(&[], Some("1")));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let home = home();
    for args in [&["presets"][..], &["--help"], &["graph", "small.ron"], &["run", "small.ron", "--no-charts"]] {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("mxsim"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.current_dir(home.path()).args(args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{args:?}");
    }
}

#[test]
fn an_unwritable_folder_fails_the_run() {
    let home = home();
    fs::write(home.path().join("file"), "").unwrap();
    let (code, stdout, stderr) = ran(&home, &["run", "small.ron", "--out", "file"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("cannot write"), "{stderr}");
}

#[test]
fn what_is_interrupted_leaves_nothing_half_written() {
    use mxsim::experiment::{Plan, RecordsFolder, execute};
    use mxsim::report::files::{Extras, write_all};
    use mxsim::report::{Outcome, folder::Folder};

    let home = home();
    let loaded = mxsim::model::compile::load(&home.path().join("small.ron"), &[]).unwrap();
    let path = home.path().join("outputs/small");
    let folder = Folder::open(&path).unwrap();
    let plan = Plan {
        variants: loaded.variants.iter().map(|variant| (variant.name.clone(), variant.model.clone())).collect(),
        only: None,
        records: Some(RecordsFolder(path.clone())),
    };
    let results = execute(&plan, &AtomicBool::new(true), &|_| {}).unwrap();
    assert!(results.interrupted);
    let outcome = Outcome {
        name: "small",
        loaded: &loaded,
        results: &results,
        overrides: &[],
        threads: 1,
        started: std::time::SystemTime::now(),
    };
    write_all(folder, &outcome, Extras { charts: true, records: true }).unwrap();
    let files = files(&path);
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(manifest["status"], "interrupted");
    assert_eq!(manifest["runs"].as_array().unwrap().len(), 0);
    assert_eq!(manifest["files"].as_object().unwrap().len() + 1, files.len(), "{:?}", files.keys());
    assert!(files.keys().all(|name| !name.contains(".tmp")), "{:?}", files.keys());
    assert!(mxsim::report::summary_table::render(&outcome).contains("interrupted"));
}

#[test]
fn the_age_table_is_a_file_where_it_is_asked_for() {
    let home = home();
    assert_eq!(ran(&home, &["run", "small.ron", "--no-charts"]).0, 0);
    assert!(!home.path().join("outputs/small/qshape.csv").exists());
    let set = ["run", "small.ron", "--no-charts", "--set", "run/qshape=[\"45m\", \"1h\"]"];
    let (code, _, stderr) = ran(&home, &set);
    assert_eq!(code, 0, "{stderr}");
    let table = fs::read_to_string(home.path().join("outputs/small/qshape.csv")).unwrap();
    let mut lines = table.lines();
    let head = "scenario,variant,replication,time_s,node,domain,total,5,10,20,40,80,160,320,640,1280,1280+";
    assert_eq!(lines.next(), Some(head));
    // At three quarters of an hour a quarter's mail waits for its host, and all of it for one domain.
    let first: Vec<&str> = lines.next().map(|line| line.split(',').collect()).unwrap_or_default();
    assert_eq!(first[..6], ["small", "baseline", "0", "2700", "sender:campus", "TOTAL"]);
    let total: u64 = first[6].parse().unwrap();
    let of_ages: u64 = first[7..].iter().map(|cell| cell.parse::<u64>().unwrap()).sum();
    assert!((15..=50).contains(&total) && of_ages == total, "{first:?}");
    assert!(lines.next().is_some_and(|line| line.contains(",example.org,")), "{table}");
    let (code, _, stderr) = ran(&home, &["run", "small.ron", "--set", "run/qshape=[\"9w\"]"]);
    assert!(code == 2 && stderr.contains("after the end of the run"), "{stderr}");
}

#[test]
fn an_objective_about_a_measure_that_does_not_exist_is_an_error_of_check() {
    let home = home();
    let objective = "objectives=[(measure: \"delivery_latancy.p99\", below: \"1h\")]";
    let (code, _, stderr) = ran(&home, &["check", "small.ron", "--set", objective]);
    assert_eq!(code, 2);
    assert!(stderr.contains("no measure `delivery_latancy`"), "{stderr}");
    assert!(stderr.contains("did you mean `delivery_latency`?"), "{stderr}");
}
