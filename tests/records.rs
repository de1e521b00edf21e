//! Records of single deliveries, attempts and look-ups, against the tables made from the same run.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::experiment::{ExperimentError, Plan, RecordsFolder, Results, execute};

const TEXT: &str = r#"(
    title: "records",
    run: (warmup: "1h", measure: "1h", drain: "1d", replications: 2),
    zones: { "a.example": (mx: [(10, "mx.a.example")]) },
    hosts: { "mx.a.example": () },
    resolvers: { "isp": () },
    senders: { "campus": (
        resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({"a.example": 1.0}), recipients: "3",
        retry: Custom(schedule: Constant("5m")),
    ) },
    timeline: [(name: "out", at: "90m", do: Outage(host: "mx.a.example"), for: "10m")],
)"#;

fn execute_into(folder: &Path, text: &str) -> Result<Results, ExperimentError> {
    let loaded = support::loaded(text);
    let variants = loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect();
    let plan = Plan { variants, only: None, records: Some(RecordsFolder(folder.to_owned())) };
    execute(&plan, &AtomicBool::new(false), &|_| {})
}

/// The rows of a file, by column name.
fn rows(folder: &Path, file: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|why| panic!("{why}"));
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().unwrap_or_default();
    lines.map(|cells| columns.iter().cloned().zip(cells).collect()).collect()
}

#[test]
fn every_delivery_has_its_row_and_every_one_of_its_attempts() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let results = execute_into(home.path(), TEXT).unwrap_or_else(|why| panic!("{why}"));
    let count = |measure: &str| support::values(&results, measure, "all", "count").iter().sum::<f64>() as usize;
    let deliveries = rows(home.path(), "deliveries.csv");
    // Two replications of two hours of sixty messages for three; those of the second hour are measured.
    assert_eq!(deliveries.len(), 2 * 2 * 60 * 3);
    let measured: Vec<_> = deliveries.iter().filter(|row| row["measured"] == "true").collect();
    assert_eq!(measured.len(), count("deliveries"));
    assert_eq!(measured.iter().filter(|row| row["outcome"] == "delivered").count(), count("delivered"));
    let attempts = rows(home.path(), "attempts.csv");
    for delivery in &deliveries {
        let own = attempts
            .iter()
            .filter(|row| row["delivery"] == delivery["delivery"] && row["replication"] == delivery["replication"]);
        assert_eq!(own.count().to_string(), delivery["attempts"], "{delivery:?}");
    }
    let per_delivery = attempts
        .iter()
        .filter(|row| {
            measured.iter().any(|d| d["delivery"] == row["delivery"] && d["replication"] == row["replication"])
        })
        .count() as f64
        / measured.len() as f64;
    let mean = support::values(&results, "attempts_per_delivery", "all", "mean").iter().sum::<f64>() / 2.0;
    assert!((per_delivery - mean).abs() < 1e-12, "{per_delivery} {mean}");
}

/// A sender may keep its routes between look-ups only while nobody records each of those: everything that can end a route
/// early happens here, and the numbers are the same.
#[test]
fn recording_changes_no_number_whatever_happens_to_the_routes_that_senders_know() {
    is_unchanged_by_recording(ROUTES);
    // Somebody follows every step for other reasons, or sessions do not end as they were going to.
    for more in [
        r#"(at: "5h30m", do: Outage(host: "mx1.a.example"), for: "5m"),"#,
        r#"(at: "5h30m", do: Outage(host: "mx1.a.example", mode: Freeze), for: "5m"),"#,
        r#"(at: "5h30m", do: CloseSessions(host: "mx1.a.example")),"#,
    ] {
        is_unchanged_by_recording(&ROUTES.replace("timeline: [", &format!("timeline: [ {more}")));
    }
}

const ROUTES: &str = r#"(
        title: "routes",
        run: (measure: "6h", replications: 2, slo: ["1s", "5m"]),
        regions: { "here": (rtt: "0s") },
        zones: { "a.example": (
            ttls: (mx: "20m", a: "1h"),
            mx: [(10, "mx1.a.example"), (10, "mx2.a.example"), (20, "mx3.a.example")],
        ) },
        hosts: { "mx{i}.a.example":
            (count: 4, up: "exponential(20m)", down: "exponential(5m)", service: "exponential(1s)") },
        resolvers: { "isp": (software: Ideal()), "push": (software: Ideal(push: After("1s"))) },
        senders: {
            "campus": (resolver: "isp", arrivals: Poisson(rate: "20/m"), to: Weights({"a.example": 1.0}),
                retry: Custom(schedule: Constant("1m"))),
            "told": (resolver: "push", arrivals: Poisson(rate: "20/m"), to: Weights({"a.example": 1.0}),
                retry: Custom(schedule: Constant("1m"))),
        },
        timeline: [
            (at: "1h", do: FlushCache(resolver: "isp")),
            (at: "2h5m", do: SetMx(zone: "a.example", mx: [(10, "mx3.a.example"), (20, "mx4.a.example")])),
            (at: "3h5m", do: SetMx(zone: "a.example", mx: [(10, "mx1.a.example"), (10, "mx2.a.example")])),
            (at: "4h1m", do: SetAddress(name: "mx1.a.example", hosts: ["mx4.a.example"])),
            (at: "5h", do: FlushCache(resolver: "isp", name: "mx2.a.example")),
        ],
    )"#;

fn is_unchanged_by_recording(text: &str) {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let recorded = execute_into(home.path(), text).unwrap_or_else(|why| panic!("{why}"));
    let plain = support::run(text);
    for (recorded, plain) in recorded.variants[0].replications.iter().zip(&plain.variants[0].replications) {
        assert_eq!(recorded.fingerprint, plain.fingerprint);
        assert_eq!(format!("{:?}", recorded.rows), format!("{:?}", plain.rows));
    }
    assert!(support::values(&plain, "stale_deliveries", "all", "count").iter().all(|&count| count > 0.0));
}

#[test]
fn a_run_that_fails_leaves_no_parts_of_records() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    // The check of the budget knows the arrivals and not how often each is tried again.
    let text = TEXT
        .replace("replications: 2", "replications: 2, event_budget: 20000")
        .replace("Constant(\"5m\")", "Constant(\"1s\")")
        .replace("for: \"10m\"", "for: \"1h\"");
    let failed = execute_into(home.path(), &text);
    assert!(matches!(failed, Err(ExperimentError::Run { .. })), "{failed:?}");
    let left: Vec<_> = fs::read_dir(home.path()).map(|entries| entries.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}
