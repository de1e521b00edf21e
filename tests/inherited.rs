//! A sender that starts from a real queue: the output of `postqueue -j`.

mod support;

use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Loaded, Memory, load_source};
use mxsim::scenario::diagnostic::{Diagnostic, SourceText};
use support::{SYSTEMS, run_loaded, values};

/// 2023-11-14 22:13:20 UTC.
const PRINTED: u64 = 1_700_000_000;

fn queued(queue: &str, age_s: u64, sender: &str, address: &str) -> String {
    format!(
        "{{\"queue_name\": \"{queue}\", \"queue_id\": \"4Z{age_s}\", \"arrival_time\": {}, \"message_size\": 1000, \
         \"forced_expire\": false, \"sender\": \"{sender}\", \"recipients\": [{{\"address\": \"{address}\"}}]}}\n",
        PRINTED - age_s
    )
}

/// A sender that creates nothing itself, a host that refuses until `down`, no round trips.
fn scenario(sender: &str, down: &str) -> String {
    format!(
        r#"(
        title: "queue",
        run: (measure: "1d", drain: "10d", replications: 1, seed: 5),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (mx: [(10, "mx.d.example")]) }},
        hosts: {{ "mx.d.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", to: Weights({{"d.example": 1.0}}), arrivals: Burst(at: "20h", count: 3),
            queue: Postqueue(file: "q.json", printed: "2023-11-14 22:13:20Z"), {sender}
        ) }},
        timeline: [{}],
    )"#,
        if down.is_empty() {
            String::new()
        } else {
            format!(r#"(at: "0s", do: Outage(host: "mx.d.example"), for: "{down}")"#)
        }
    )
}

fn try_load(text: &str, queue: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let source = Arc::new(SourceText { name: "q.ron".into(), text: text.into() });
    load_source(&source, &[], &mut Memory([("q.json".to_owned(), queue.to_owned())].into()))
}

fn run_from(text: &str, queue: &str) -> Results {
    run_loaded(&try_load(text, queue).unwrap_or_else(|problems| panic!("{problems:?}")), None)
}

fn at_start(results: &Results, statistic: &str) -> f64 {
    values(results, "queue_at_start", "all", statistic)[0]
}

const POSTFIX: &str = r#"retry: Postfix(scan_phase: "60s")"#;

#[test]
fn inherited_messages_have_a_ledger_of_their_own() {
    let queue = queued("deferred", 4000, "a@b.example", "x@d.example")
        + &queued("active", 5, "a@b.example", "x@D.EXAMPLE")
        + &queued("incoming", 1, "a@b.example", "x@d.example");
    let results = run_from(&scenario(POSTFIX, "1s"), &queue);
    assert_eq!(["count", "delivered", "queued"].map(|what| at_start(&results, what)), [3.0, 3.0, 0.0]);
    // They were created in no window: the three of the burst are all that it knows of.
    assert_eq!(values(&results, "deliveries", "all", "count"), [3.0]);
    assert_eq!(values(&results, "delivered", "all", "count"), [3.0]);
    // But they are in the queue, with the age and the bytes that they have: 4000 s, and a scan later.
    assert_eq!(values(&results, "queue_depth", "all", "max"), [3.0]);
    assert!(values(&results, "spool_bytes", "all", "max")[0] >= 3000.0);
    let oldest = values(&results, "oldest_in_queue", "all", "max")[0];
    assert!((4000.0..4000.0 + 4300.0).contains(&oldest), "{oldest}");
}

#[test]
fn what_is_active_goes_at_once_and_what_is_deferred_at_its_scan() {
    let active = run_from(&scenario(POSTFIX, ""), &queued("active", 5, "a@b.example", "x@d.example"));
    assert!(at_start(&active, "drained") < 0.01, "{}", at_start(&active, "drained"));
    // Scans at 60 s, 360 s, ... of the run. A message of 100 s failed when it came, and is due 299 s later, at 199 s: the
    // scan at 360 s. One of 1000 s came at -1000: the scans after its attempts are at -540, and with age doubled (460,
    // due 459 s later: -81) at 60.
    for (age_s, expected) in [(100, 360.0), (1000, 60.0)] {
        let results = run_from(&scenario(POSTFIX, ""), &queued("deferred", age_s, "a@b.example", "x@d.example"));
        let drained = at_start(&results, "drained");
        assert!((drained - expected).abs() < 0.01, "{age_s}: {drained}, expected {expected}");
    }
}

#[test]
fn the_lifetime_counts_from_the_arrival_and_not_from_the_start() {
    let postfix = r#"retry: Postfix(scan_phase: "60s", maximal_queue_lifetime: "2h", bounce_queue_lifetime: "6h")"#;
    let line = |sender| queued("deferred", 6000, sender, "x@d.example");
    // 2 h are over 1200 s after the start; it is given up at the next attempt, at most an age (of 6000 s) away.
    let results = run_from(&scenario(postfix, "12h"), &line("a@b.example"));
    assert_eq!(["expired", "delivered"].map(|what| at_start(&results, what)), [1.0, 0.0]);
    let drained = at_start(&results, "drained");
    assert!((1200.0..4300.0).contains(&drained), "{drained}");
    // What has a null return path is a bounce: it has a lifetime of its own, and nobody is told of its end.
    let bounce = run_from(&scenario(postfix, "12h"), &line("MAILER-DAEMON"));
    assert_eq!(["expired", "discarded"].map(|what| at_start(&bounce, what)), [0.0, 1.0]);
    assert!(at_start(&bounce, "drained") >= 6.0 * 3600.0 - 6000.0, "{}", at_start(&bounce, "drained"));
}

#[test]
fn every_policy_can_start_from_a_queue() {
    let queue: String = (0..40)
        .map(|n| queued("deferred", 10 + n * n * 250, "a@b.example", "x@d.example"))
        .chain([queued("active", 3, "a@b.example", "x@d.example")])
        .collect();
    let custom = [
        r#"Custom(schedule: Constant("1m"), lifetime: "5d")"#,
        r#"Custom(schedule: Table(["5m", "1h"]), lifetime: "1h")"#,
    ];
    for retry in SYSTEMS.map(|system| format!("{system}()")).into_iter().chain(custom.map(str::to_owned)) {
        let results = run_from(&scenario(&format!("retry: {retry}"), "10m"), &queue);
        let ended: f64 =
            ["delivered", "bounced", "expired", "discarded"].iter().map(|what| at_start(&results, what)).sum();
        assert_eq!((at_start(&results, "count"), ended), (41.0, 41.0), "{retry}");
        assert!(at_start(&results, "delivered") > 0.0, "{retry}");
    }
}

#[test]
fn a_queue_moves_nothing_that_the_sender_creates() {
    // A policy with jitter and without a memory of destinations: each message's draws are its own.
    let with = |queue: &str| run_from(&scenario("retry: KumoMta()", "21h"), queue);
    let (empty, full) = (with(""), with(&queued("deferred", 500, "a@b.example", "x@d.example")));
    let latency = |results: &Results| values(results, "delivery_latency", "all", "mean")[0];
    // But that it has filled the resolver's cache; a jitter is of up to 30 s.
    assert!((latency(&empty) - latency(&full)).abs() < 0.1, "{} {}", latency(&empty), latency(&full));
}

#[test]
fn a_population_and_a_queue_of_the_future_are_errors() {
    let young = queued("active", 0, "a@b.example", "x@d.example").replace("1700000000", "1700000001");
    let problems = try_load(&scenario(POSTFIX, "1s"), &young).expect_err("it came after it was printed");
    let place = problems[0].place.as_ref().expect("a place");
    assert_eq!(&place.source.text[place.span.clone()], "1700000001");
    let text = scenario(POSTFIX, "1s").replace(r#""s": ("#, r#""s-{i}": (count: 2, "#);
    assert!(try_load(&text, "").is_err_and(|problems| problems[0].message.contains("population")));
    let text = scenario(POSTFIX, "1s").replace("22:13:20Z", "25:13:20Z");
    assert!(try_load(&text, "").is_err());
}

#[test]
fn a_flush_makes_everything_due_and_forgets_the_dead() {
    // Twelve messages find the host dead at once or at the scan at 60 s, some of them without an attempt of their own; it
    // comes back ten seconds later.
    let kind = |n| if n % 2 == 0 { "active" } else { "deferred" };
    let queue: String = (0..12).map(|n| queued(kind(n), 1000 + n, "a@b.example", "x@d.example")).collect();
    for (retry, otherwise) in [
        (POSTFIX, 360.0),
        (r#"retry: Exim(rule: "* * F,1d,30m", queue_run: "5m", scan_phase: "60s")"#, 360.0),
        (r#"retry: Sendmail(queue_run: "5m", scan_phase: "60s", HostStatusDirectory: true)"#, 360.0),
    ] {
        let drained = |more: &str| {
            let text = scenario(retry, "70s").replace("timeline: [", &format!("timeline: [{more}"));
            at_start(&run_from(&text, &queue), "drained")
        };
        let flushed = drained(r#"(at: "80s", do: FlushQueue(sender: "s")), "#);
        assert!((80.0..80.1).contains(&flushed), "{retry}: {flushed}");
        let left_alone = drained("");
        assert!(left_alone >= otherwise, "{retry}: {left_alone}");
    }
}

#[test]
fn what_is_on_hold_stays_and_what_is_to_expire_does_at_its_next_failure() {
    let forced =
        |queue: &str| queued(queue, 700, "a@b.example", "x@d.example").replace("expire\": false", "expire\": true");
    let queue = queued("hold", 4000, "a@b.example", "x@d.example")
        + &forced("deferred")
        + &queued("deferred", 800, "a@b.example", "x@d.example");
    // Nothing is wrong with the host: what is forced is delivered at its next attempt like any other, and the hold stays.
    let results = run_from(&scenario(POSTFIX, ""), &queue);
    assert_eq!(["count", "delivered", "expired", "queued"].map(|what| at_start(&results, what)), [3.0, 2.0, 0.0, 1.0]);
    // It is known to be there to the end of the grid, though nothing happens any more and the run is over long before.
    let series = &results.variants[0].replications[0].series;
    let of = |measure: &str| &series.iter().find(|series| series.measure == measure).expect("a series").values;
    for measure in ["queue_depth", "queue_deferred", "queue_deferred_max"] {
        assert!(of(measure)[20..].iter().all(|count| *count == 1.0), "{measure}: {:?}", of(measure));
    }
    assert!(of("queue_active")[20..].iter().all(|count| *count == 0.0), "{:?}", of("queue_active"));
    let ages = of("oldest_in_queue");
    assert_eq!(ages.last().copied(), Some(4000.0 + 11.0 * 86_400.0));
    assert!(ages.windows(2).all(|pair| pair[0] < pair[1]), "{ages:?}");
    // A host that is down for two hours: the one goes back to its sender, the other waits.
    let results = run_from(&scenario(POSTFIX, "2h"), &queue);
    assert_eq!(["count", "delivered", "expired", "queued"].map(|what| at_start(&results, what)), [3.0, 1.0, 1.0, 1.0]);
    // A flush of the queue leaves alone what is on hold.
    let flushed =
        scenario(POSTFIX, "").replace("timeline: [", r#"timeline: [(at: "1h", do: FlushQueue(sender: "s")), "#);
    assert_eq!(at_start(&run_from(&flushed, &queue), "queued"), 1.0);
}

/// `qshape` at time 0, and the grid's first instant, see what was there at the start.
#[test]
fn the_first_instant_has_the_queue_of_the_start() {
    let queue = queued("deferred", 4000, "a@b.example", "x@d.example")
        + &queued("active", 5, "a@b.example", "x@d.example")
        + &queued("hold", 700, "a@b.example", "x@d.example");
    let text = scenario(POSTFIX, "2h").replace("replications: 1", r#"replications: 1, qshape: ["0s"]"#);
    let results = run_from(&text, &queue);
    let replication = &results.variants[0].replications[0];
    let ages = &replication.ages[0];
    // Up to 5 minutes: one; up to 20: one; up to 80: one (4000 s are 67 minutes).
    assert_eq!((ages.at.as_nanos(), ages.total()), (0, [1, 0, 1, 0, 1, 0, 0, 0, 0, 0]));
    let oldest = replication.series.iter().find(|series| series.measure == "oldest_in_queue").expect("a series");
    assert_eq!(oldest.values[0], 4000.0);
}
