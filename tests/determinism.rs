//! The same bytes whatever the threads, the build, the order of work or the company (debug or release: the fingerprints
//! beside the gallery are checked in both).

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Loaded, load};
use mxsim::report::Outcome;
use mxsim::report::files::{Extras, write_all};
use mxsim::report::folder::{Folder, sha256};
use mxsim::scenario::splice::Override;
use support::{loaded, run, run_loaded, values};

fn gallery() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|why| panic!("{why}"))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    files.sort();
    files
}

/// Scenarios whose charts are drawn, too: every kind of chart is among theirs.
const DRAWN: [&str; 2] = ["mx_migration", "primary_down"];

/// Two replications of all variants, shorter where the whole takes long.
fn short(path: &Path) -> Vec<Override> {
    let mut overrides = vec![Override::named("test", "run/replications", "2")];
    if path.ends_with("mail_retry.ron") {
        overrides.push(Override::named("test", "run/measure", "400s"));
    }
    if path.ends_with("retry_policies.ron") || path.ends_with("shared_risk.ron") {
        overrides.push(Override::named("test", "run/measure", "2d"));
    }
    overrides
}

fn fingerprints(results: &Results) -> Vec<String> {
    let of = |variant: &mxsim::experiment::VariantResults| {
        let prints: Vec<String> =
            variant.replications.iter().map(|r| format!("{}:{:016x}", r.events, r.fingerprint)).collect();
        format!("{} {}", variant.name.replace(' ', "_"), prints.join(" "))
    };
    results.variants.iter().map(of).collect()
}

/// A hash of all tables and charts that a run leaves, byte by byte: not of the manifest, which holds the clock, nor of the
/// resolved scenario, which each new field of the language changes.
fn hash_of_files(name: &str, loaded: &Loaded, results: &Results, charts: bool) -> String {
    let folder = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let outcome =
        Outcome { name, loaded, results, overrides: &[], threads: 1, started: std::time::SystemTime::UNIX_EPOCH };
    let open = Folder::open(folder.path().join(name)).unwrap_or_else(|why| panic!("{why}"));
    let mut files = write_all(open, &outcome, Extras { charts, records: false }).unwrap_or_else(|why| panic!("{why}"));
    files.retain(|path| !path.ends_with("manifest.json") && !path.ends_with("scenario.ron"));
    assert!(files.len() >= 4, "{files:?}");
    let bytes = files.iter().map(|path| sha256(&std::fs::read(path).unwrap_or_else(|why| panic!("{why}"))));
    sha256(bytes.collect::<String>().as_bytes())[..16].to_owned()
}

/// Events and their hash stand beside each scenario, and that of all bytes of the files (charts are drawn of two scenarios):
/// a change of behaviour is a change of that file, to be reviewed.
/// To renew them: `UPDATE_FINGERPRINTS=1 cargo test --test determinism`.
#[test]
fn every_gallery_scenario_has_the_events_that_stand_beside_it() {
    let (mut wrong, mut drawn) = (Vec::new(), 0);
    for path in gallery() {
        let loaded = load(&path, &short(&path)).unwrap_or_else(|problems| panic!("{path:?}: {problems:?}"));
        let results = run_loaded(&loaded, None);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let charts = DRAWN.contains(&&*name);
        let files = hash_of_files(&name, &loaded, &results, charts);
        let found = format!("{}\nfiles {files}\n", fingerprints(&results).join("\n"));
        drawn += u32::from(charts);
        let beside = path.with_extension("fingerprint");
        if std::env::var_os("UPDATE_FINGERPRINTS").is_some() {
            std::fs::write(&beside, &found).unwrap_or_else(|why| panic!("{why}"));
        }
        let written = std::fs::read_to_string(&beside).unwrap_or_default();
        if written != found {
            wrong.push(format!("{}:\n{found}stands beside it:\n{written}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(drawn, DRAWN.len() as u32, "a scenario that is drawn has another name");
}

#[test]
fn threads_do_not_matter() {
    for name in ["mx_migration.ron", "primary_down.ron"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
        let loaded = load(&path, &short(&path)).unwrap_or_else(|problems| panic!("{problems:?}"));
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let results = pool.unwrap_or_else(|why| panic!("{why}")).install(|| run_loaded(&loaded, None));
            format!("{:?}", results.variants)
        };
        assert_eq!(with(1), with(2), "{name}");
    }
}

#[test]
fn a_replication_alone_is_the_same_as_among_others() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/negative_caching.ron");
    let loaded = load(&path, &short(&path)).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (whole, alone) = (run_loaded(&loaded, None), run_loaded(&loaded, Some(1)));
    for (whole, alone) in whole.variants.iter().zip(&alone.variants) {
        assert_eq!(alone.replications.len(), 1);
        assert_eq!(format!("{:?}", whole.replications[1]), format!("{:?}", alone.replications[0]));
    }
}

const ONE: &str = r#"(
    title: "one",
    run: (warmup: "1h", measure: "6h", drain: "1d", replications: 2, seed: 8),
    zones: { "a.example": (mx: [(10, "mx.a.example"), (10, "mx2.a.example")]) MORE_ZONES },
    hosts: {
        "mx.a.example": (up: "exponential(1h)", down: "exponential(10m)", sessions: 2, service: "exponential(1s)"),
        "mx2.a.example": (up: "exponential(1h)", down: "exponential(10m)") MORE_HOSTS
    },
    resolvers: { "isp": () MORE_RESOLVERS },
    senders: {
        MORE_SENDERS
        "campus": (resolver: "isp", arrivals: Poisson(rate: "10/min"), to: Weights({"a.example": 1.0}), retry: Postfix()),
    },
)"#;

/// The text with a sender, its resolver, its domain and its host, or without.
fn with_another(is_there: bool) -> String {
    let more = [
        ("MORE_ZONES", r#", "b.example": (mx: [(10, "mx.b.example")])"#),
        ("MORE_HOSTS", r#", "mx.b.example": (up: "exponential(1h)", down: "exponential(10m)")"#),
        ("MORE_RESOLVERS", r#", "other": ()"#),
        (
            "MORE_SENDERS",
            r#""other": (resolver: "other", arrivals: Poisson(rate: "1/s"), to: Weights({"b.example": 1.0}), retry: Exim()),"#,
        ),
    ];
    more.iter().fold(ONE.to_owned(), |text, (mark, more)| text.replace(mark, if is_there { more } else { "" }))
}

#[test]
fn an_unrelated_sender_moves_no_number_of_the_others() {
    is_unmoved(str::to_owned);
    // Queue runs in random order and a flush go through whatever is held, of all senders.
    is_unmoved(|text| {
        let flush = r#"timeline: [(at: "6h", do: FlushQueue(sender: "campus"))], senders:"#;
        text.replace("retry: Postfix()", "retry: Exim()").replace("(10m)", "(1h)").replace("senders:", flush)
    });
}

fn is_unmoved(changed: impl Fn(&str) -> String) {
    let (alone, together) = (run(&changed(&with_another(false))), run(&changed(&with_another(true))));
    for (measure, statistic) in [
        ("deliveries", "count"),
        ("delivery_latency", "mean"),
        ("delivery_latency", "p99"),
        ("delivery_latency", "max"),
        ("attempts_per_delivery", "mean"),
        ("failover_time", "mean"),
    ] {
        let alone = values(&alone, measure, "all", statistic);
        let together = values(&together, measure, "sender:campus", statistic);
        assert_eq!(alone, together, "{measure} {statistic}");
    }
    for (measure, host) in [("accepted", "host:mx.a.example"), ("refused", "host:mx2.a.example")] {
        assert_eq!(values(&alone, measure, host, "count"), values(&together, measure, host, "count"));
    }
}

#[test]
fn variants_meet_the_same_world() {
    let text = with_another(false)
        .replace("resolvers:", r#"variants: { "exim": { "senders/campus/retry": "Exim()" } }, resolvers:"#);
    let results = run(&text);
    let count = |variant: usize| results.variants[variant].row("deliveries", "all", "count").map(|row| row.value);
    assert_eq!(count(0), count(1));
    let first = |variant: usize| results.variants[variant].row("connections", "all", "count").map(|row| row.value);
    assert_ne!(first(0), first(1), "the policies differ");
    assert_eq!(Arc::strong_count(&loaded(&text).variants[0].model), 1);
}

/// Two resolvers at a distance that varies, each asked by a probe; `first` stands before the probe `p`.
fn probed(first: &str) -> String {
    format!(
        r#"(
        title: "probes",
        run: (measure: "2h", drain: "0s", replications: 2, seed: 5),
        regions: {{ "here": (rtt: "exponential(20ms)") }},
        zones: {{ "a.example": (ttl: "1m", mx: [(10, "mx.a.example")]) }},
        hosts: {{ "mx.a.example": () }},
        resolvers: {{ "r": (), "other": () }},
        probes: {{ {first} "p": (resolver: "r", asks: ("a.example", MX), every: "30s", how: Ask) }},
    )"#
    )
}

#[test]
fn an_unrelated_probe_moves_no_answer_of_the_others() {
    let another = r#""o": (resolver: "other", asks: ("a.example", MX), every: "30s", how: Ask),"#;
    let (alone, together) = (run(&probed("")), run(&probed(another)));
    let times = |results, resolver: &str| values(results, "lookup_time", &format!("resolver:{resolver}"), "mean");
    assert_eq!(times(&alone, "r"), times(&together, "r"));
    assert_ne!(times(&together, "r"), times(&together, "other"));
}

/// A relay that always defers its bounces' first attempts, and a sender; both draw their jitter on their own behalf.
#[test]
fn a_sender_and_a_relay_of_one_name_draw_apart() {
    let scan_phase = |sender: &str| {
        let text = format!(
            r#"(
            title: "one name",
            run: (measure: "1h", drain: "1d", replications: 4, seed: 5),
            zones: {{
                "a.example": (mx: [(10, "mx.a.example"), (20, "mx.b.example")]),
                "b.example": (mx: [(10, "mx.c.example")]),
            }},
            hosts: {{
                "mx.a.example": (), "mx.c.example": (),
                "mx.b.example": (relays_for: ["a.example"], resolver: "r", retry: Sendmail()),
            }},
            resolvers: {{ "r": () }},
            senders: {{
                "{sender}": (
                    resolver: "r", arrivals: Burst(at: "1m", count: 1), retry: Sendmail(),
                    to: Weights({{"b.example": 1.0}}),
                ),
                "other": (
                    resolver: "r", arrivals: Burst(at: "1m", count: 1), retry: Sendmail(),
                    to: Weights({{"a.example": 1.0}}),
                ),
            }},
            timeline: [
                (at: "0s", do: Outage(host: "mx.a.example"), for: "10m"),
                (at: "0s", do: Outage(host: "mx.c.example"), for: "10m"),
            ],
        )"#
        );
        let results = run(&text);
        let latency = |zone: &str| values(&results, "delivery_latency", &format!("zone:{zone}"), "mean");
        (latency("a.example"), latency("b.example"))
    };
    let (relayed, sent) = scan_phase("mx.b.example");
    assert_eq!(relayed, scan_phase("s").0, "what a sender is called moves no other");
    let apart = relayed.iter().zip(&sent).filter(|(a, b)| (**a - **b).abs() > 1.0).count();
    assert!(apart >= 3, "{relayed:?} {sent:?}");
}
