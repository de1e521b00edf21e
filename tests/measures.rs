//! Measures, each against what its definition says of a small world.

mod support;

use mxsim::experiment::Results;
use support::worlds::{FORWARDED, world};
use support::{run, values};

fn one(results: &Results, measure: &str, scope: &str, statistic: &str) -> f64 {
    values(results, measure, scope, statistic)[0]
}

/// Every row has a key of its own: the summary would repeat the first.
fn assert_unique(results: &Results) {
    for variant in &results.variants {
        let mut keys: Vec<_> = variant.summary.iter().map(|row| (row.measure, &row.scope, &row.statistic)).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{:?}", variant.summary);
        for replication in &variant.replications {
            assert_eq!(replication.rows.len(), count);
        }
    }
}

#[test]
fn changes_and_outages_of_one_name_have_rows_of_their_own() {
    let text = r#"(
        title: "names",
        run: (measure: "4h", drain: "1d", replications: 2),
        zones: { "d{i}.example": (count: 2, ttl: "10m", mx: [(10, "mx.example.net")]) },
        hosts: { "mx.example.net": (), "new.example.net": () },
        resolvers: { "isp": () },
        senders: { "campus": (resolver: "isp", arrivals: Poisson(rate: "1/min"), to: Uniform(zones: "d*.example")) },
        timeline: [
            (name: "move", at: "1h", do: SetMx(zone: "d{i}.example", mx: [(10, "new.example.net")])),
            (at: "2h", do: Outage(host: "new.example.net"), for: "10m"),
            (at: "3h", do: Outage(host: "new.example.net"), for: "20m"),
        ],
    )"#;
    let results = run(text);
    assert_unique(&results);
    for zone in ["d1", "d2"] {
        let scope = format!("change:move ({zone}.example MX)");
        assert!(values(&results, "time_to_convergence", &scope, "max").iter().all(|s| *s <= 600.0));
    }
    let gap = |scope: &str| values(&results, "failover_gap", scope, "max")[0];
    let second = "event:outage of new.example.net #2";
    assert!(gap("event:outage of new.example.net") < gap(second), "ten and twenty minutes");
    // Each zone has a gap of its own, the longest is the event's.
    let zones = ["d1", "d2"].map(|zone| gap(&format!("{second} zone:{zone}.example")));
    assert_eq!(zones.into_iter().fold(0.0, f64::max), gap(second));
}

#[test]
fn normal_again_ten_minutes_before_the_end_is_censored_and_a_run_that_ends_early_is_not() {
    let outage =
        |at: &str| format!(r#"timeline: [(name: "out", at: "{at}", do: Outage(host: "mx.a.example"), for: "10m")],"#);
    let host = r#""mx.a.example": ()"#;
    // All mail is delivered within five minutes of the end; the run could go on for a day and stops: nothing comes.
    let early = run(&world(r#"measure: "2h", drain: "1d""#, host, &outage("1h49m")));
    assert!(one(&early, "time_to_normal", "event:out", "max") <= 300.0);
    assert_eq!(one(&early, "time_to_normal", "event:out", "censored"), 0.0);
    // Here the run is over five minutes after the outage.
    let cut = run(&world(r#"measure: "2h", drain: "4m""#, host, &outage("1h49m")));
    assert_eq!(one(&cut, "time_to_normal", "event:out", "max"), f64::INFINITY);
    assert_eq!(one(&cut, "time_to_normal", "event:out", "censored"), 1.0);
}

#[test]
fn sources_that_go_on_during_the_drain_keep_the_run_going() {
    let run_of = |arrivals: bool| {
        let clock = format!(r#"measure: "1h", drain: "1h", cells: 8, drain_arrivals: {arrivals}"#);
        run(&world(&clock, r#""mx.a.example": (service: "30s")"#, ""))
    };
    let depth = |results: &Results| {
        let series = results.variants[0].series.iter().find(|s| s.measure == "queue_depth" && s.scope == "all");
        series.map(|series| series.mean.clone()).unwrap_or_default()
    };
    assert!(depth(&run_of(true)).iter().all(|mean| *mean > 0.4), "half a minute a minute");
    assert_eq!(depth(&run_of(false))[5..], [0.0; 3]);
}

#[test]
fn load_follows_a_limit_that_the_timeline_sets() {
    let more = r#"timeline: [
        (at: "20m", do: SetSessions(host: "mx.a.example", sessions: 4)),
        (at: "40m", do: SetSessions(host: "mx.a.example", sessions: 2)),
    ],"#;
    let results = run(&world(r#"measure: "1h", drain: "1h""#, r#""mx.a.example": (service: "30s")"#, more));
    // One session half of the time: an eighth of four for a third of the hour, a quarter of two for another.
    let mean = one(&results, "host_load", "host:mx.a.example", "mean");
    assert!((mean - (0.125 + 0.25) / 3.0).abs() < 0.01, "{mean}");
    assert_eq!(one(&results, "host_load", "host:mx.a.example", "max"), 0.5);
    let lifted = more.replace("sessions: 2", "sessions: None");
    let results =
        run(&world(r#"measure: "1h", drain: "1h""#, r#""mx.a.example": (service: "30s", sessions: 8)"#, &lifted));
    let mean = one(&results, "host_load", "host:mx.a.example", "mean");
    assert!((mean - (0.0625 + 0.125) / 3.0).abs() < 0.01, "{mean}: nothing of no limit");
}

#[test]
fn connections_that_a_full_host_turns_away_are_counted_by_how() {
    for (when_full, measure) in [("Refuse", "full_refused"), ("Busy", "full_421"), ("Backlog", "backlog_left")] {
        let host = format!(r#""mx.a.example": (service: "150s", sessions: 1, when_full: {when_full})"#);
        let results = run(&world(r#"measure: "1h", drain: "2d""#, &host, "")
            .replace("retry: Custom", r#"client: (greeting_timeout: "20s"), retry: Custom"#));
        for other in ["full_refused", "full_421", "backlog_left"] {
            let count = one(&results, other, "host:mx.a.example", "count");
            assert_eq!(count > 0.0, other == measure, "{when_full}: {other} {count}");
        }
    }
}

#[test]
fn what_is_forwarded_is_counted_where_it_is_received_and_once_in_all() {
    let results = run(FORWARDED);
    let count = |measure: &str, scope: &str| one(&results, measure, scope, "count");
    // Every question misses: 120 of the user, 120 of the forwarder.
    assert_eq!(count("lookups", "all"), 120.0);
    assert_eq!(count("lookups", "resolver:home"), 120.0);
    assert_eq!(count("lookups", "resolver:isp"), 120.0);
    assert_eq!(count("dns_queries", "resolver:home"), 120.0);
    assert_eq!(one(&results, "dns_queries", "resolver:home", "MX"), 120.0);
    assert_eq!(one(&results, "dns_queries", "resolver:home", "A"), 0.0);
    assert_eq!(count("upstream_queries", "resolver:home"), 120.0);
    assert_eq!(one(&results, "hit_ratio_upstream", "resolver:home", "share"), 0.0);
    // The walk to a.example, and the address of its server, which is for no client.
    let sent = count("upstream_queries", "resolver:isp");
    let for_clients = (1.0 - one(&results, "hit_ratio_upstream", "resolver:isp", "share")) * 120.0;
    assert!(for_clients >= 120.0 && for_clients < sent, "{for_clients} of {sent}");
    assert_eq!(one(&results, "hit_ratio_upstream", "all", "share"), 1.0 - for_clients / 120.0);
}

#[test]
fn convergence_beyond_the_run_is_censored_and_told_for_each_share() {
    let text = |measure: &str| {
        format!(
            r#"(
        title: "convergence",
        run: (measure: "{measure}", drain: "0s", replications: 1),
        zones: {{ "a.example": (ttl: "1h", mx: [(10, "mx.a.example")]) }},
        hosts: {{ "mx.a.example": (), "new.a.example": () }},
        resolvers: {{ "r{{i}}": (count: 10) }},
        clients: {{ "c{{i}}": (count: 10, resolver: "r{{i}}", asks: [("a.example", MX)], arrivals: Burst(at: "0s", count: 1), begins: "0s") }},
        timeline: [(name: "cut", at: "10m", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")]))],
    )"#
        )
    };
    let all = ["p50", "p90", "p99", "max", "mean"];
    let results = run(&text("2h"));
    // All ten asked at 0 and let go at an hour.
    let found = all.map(|statistic| one(&results, "time_to_convergence", "change:cut", statistic));
    assert!(found.iter().all(|seconds| (*seconds - 3000.0).abs() < 1.0), "{found:?}");
    let results = run(&text("30m"));
    let found = all.map(|statistic| one(&results, "time_to_convergence", "change:cut", statistic));
    assert_eq!(found, [f64::INFINITY; 5]);
    assert_eq!(one(&results, "time_to_convergence", "change:cut", "censored"), 10.0);
}

#[test]
fn staleness_is_known_just_before_and_at_each_change_wherever_the_grid_lies() {
    let text = r#"(
        title: "between the instants of the grid",
        run: (measure: "2h", drain: "0s", cells: 120, replications: 2),
        zones: { "a.example": (ttl: "20s", mx: [(10, "mx.a.example")]) },
        hosts: { "mx.a.example": (), "new.a.example": () },
        resolvers: { "r{i}": (count: 10) },
        clients: {
            "c{i}": (count: 6, resolver: "r{i}", asks: [("a.example", MX)], arrivals: Burst(at: "10m5s", count: 1)),
            "d{i}": (count: 3, resolver: "r{i}", asks: [("a.example", MX)], arrivals: Burst(at: "20m5s", count: 1)),
        },
        timeline: [
            (name: "cut", at: "10m10s", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")])),
            (name: "back", at: "10m15s", do: SetMx(zone: "a.example", mx: [(10, "mx.a.example")])),
            (name: "again", at: "20m10s", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")])),
        ],
    )"#;
    let results = run(text);
    let series = results.variants[0].series.iter().find(|series| series.measure == "stale_resolvers").unwrap();
    // Six, then three, of ten hold it for 20 s, within a cell of the grid whose ends see nothing of it.
    assert!(series.mean.iter().all(|share| *share == 0.0), "{:?}", series.mean);
    let sure = |share: f64| (share, share, share);
    let jumps: Vec<_> = series.jumps.iter().map(|jump| (jump.at.as_secs_f64(), jump.before, jump.after)).collect();
    assert_eq!(jumps, [(610.0, sure(0.0), sure(0.6)), (615.0, sure(0.6), sure(0.0)), (1210.0, sure(0.0), sure(0.3))]);
}

#[test]
fn what_is_queued_at_the_end_is_told_apart_from_what_ended_with_its_greatest_age() {
    let outage = r#"timeline: [(name: "out", at: "5m", do: Outage(host: "mx.a.example"))],"#;
    let latency = |more: &str| {
        let results = run(&world(r#"measure: "10m", drain: "5m""#, r#""mx.a.example": ()"#, more));
        results.variants[0].latency.clone()
    };
    // Of one a minute, the last five are never taken; the oldest of them came one second after the outage began.
    let cut = latency(outage);
    assert_eq!((cut.undelivered, cut.queued, cut.queued_until_s), (0.0, 0.5, 599.0));
    let whole = latency("");
    assert_eq!((whole.undelivered, whole.queued, whole.queued_until_s), (0.0, 0.0, 0.0));
}

#[test]
fn custody_that_passes_to_a_backup_drains_the_queue() {
    let text = r#"(
        title: "backup",
        run: (measure: "2h", drain: "1d", replications: 1),
        zones: { "a.example": (mx: [(10, "mx.a.example"), (20, "backup.example.net")]) },
        hosts: {
            "mx.a.example": (),
            "backup.example.net": (relays_for: ["a.example"], resolver: "isp", retry: Custom(schedule: Constant("3h"))),
        },
        resolvers: { "isp": () },
        senders: { "campus": (
            resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({"a.example": 1.0}),
            retry: Custom(schedule: Constant("5m")),
        ) },
        timeline: [
            (name: "backup", at: "30m", do: Outage(host: "backup.example.net"), for: "20m"),
            (name: "primary", at: "30m", do: Outage(host: "mx.a.example"), for: "2h"),
        ],
    )"#;
    let results = run(text);
    // What waited at the sender is at the backup five minutes after it is back, and there for hours.
    let drained = one(&results, "time_to_drain", "event:backup", "max");
    assert!(drained <= 300.0, "{drained}");
}

/// What a backup hands on to the final host was taken by it, and is not taken twice.
#[test]
fn a_hosts_share_is_of_what_senders_handed_over() {
    let text = r#"(
        title: "two custodians",
        run: (measure: "2h", drain: "6h", replications: 1),
        zones: { "a.example": (mx: [(10, "mx.a.example"), (20, "backup.b.example")]) },
        hosts: { "mx.a.example": (), "backup.b.example": (relays_for: ["a.example"], retry: Custom(schedule: Constant("5m"))) },
        resolvers: { "r": () },
        senders: { "s": (
            resolver: "r", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({"a.example": 1.0}), retry: Postfix(),
        ) },
        timeline: [(at: "30m", do: Outage(host: "mx.a.example"), for: "30m")],
    )"#;
    let results = run(text);
    let of = |host: &str, statistic: &str| one(&results, "accepted", &format!("host:{host}"), statistic);
    assert_eq!((of("mx.a.example", "share"), of("backup.b.example", "share")), (0.75, 0.25));
    // Their load is another matter: whatever was accepted counts there.
    assert_eq!((of("mx.a.example", "count"), of("backup.b.example", "count")), (120.0, 30.0));
}

#[test]
fn an_outage_without_an_end_has_rows() {
    let more = r#"timeline: [(name: "gone", at: "30m", do: Outage(host: "mx.a.example"))],"#;
    let results = run(&world(r#"measure: "1h", drain: "1h""#, r#""mx.a.example": ()"#, more));
    assert_eq!(one(&results, "failover_gap", "event:gone", "max"), 5400.0);
    assert_eq!(one(&results, "failover_gap", "event:gone", "censored"), 1.0);
    assert_eq!(one(&results, "time_to_drain", "event:gone", "max"), f64::INFINITY);
    assert!(one(&results, "retries_at_recovery", "event:gone", "count").is_nan());
}

#[test]
fn a_run_that_ends_early_has_no_point_too_many() {
    let more = r#"timeline: [(name: "cut", at: "10m", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")]))],"#;
    let hosts = r#""mx.a.example": (), "new.a.example": ()"#;
    let results = run(&world(r#"measure: "25m", drain: "1d", cells: 100"#, hosts, more));
    for series in &results.variants[0].replications[0].series {
        let is_of_cells = series.measure.starts_with("queue_") || series.measure == "spool_bytes";
        let expected = if is_of_cells { 100 } else { 101 };
        assert_eq!(series.values.len(), expected, "{}", series.measure);
    }
    let stale = results.variants[0].replications[0].series.iter().find(|s| s.measure == "stale_resolvers");
    // What the one cache holds is known to the end, though nobody looks any more.
    assert!(stale.is_some_and(|series| series.values.iter().all(|share| *share == 0.0 || *share == 1.0)));
}

#[test]
fn a_domain_that_only_a_trace_names_has_a_scope() {
    let home = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
    let file = home.path().join("a.ron");
    let text = r#"(
        title: "trace",
        run: (measure: "1h", replications: 1),
        zones: { "a.example": (mx: [(10, "mx.example.net")]), "b.example": (mx: [(10, "mx.example.net")]) },
        hosts: { "mx.example.net": () },
        resolvers: { "isp": () },
        senders: { "campus": (resolver: "isp", arrivals: Trace(file: "mail.csv"), to: Trace) },
    )"#;
    std::fs::write(&file, text).unwrap_or_else(|why| panic!("{why}"));
    let rows = "time,domain\n10,a.example\n20,b.example\n30,b.example\n";
    std::fs::write(home.path().join("mail.csv"), rows).unwrap_or_else(|why| panic!("{why}"));
    let loaded = mxsim::model::compile::load(&file, &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let results = support::run_loaded(&loaded, None);
    assert_eq!(one(&results, "deliveries", "zone:b.example", "count"), 2.0);
}

#[test]
fn stale_deliveries_are_told_by_whether_the_host_is_still_one_of_the_domains() {
    let text = |mx: &str| {
        format!(
            r#"(
        title: "stale",
        run: (measure: "2h", drain: "1h", replications: 1),
        zones: {{ "a.example": (ttl: "1d", mx: [(10, "mx.a.example")]) }},
        hosts: {{ "mx.a.example": (), "new.a.example": () }},
        resolvers: {{ "isp": () }},
        senders: {{ "campus": (resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({{"a.example": 1.0}})) }},
        timeline: [(name: "cut", at: "1h", do: SetMx(zone: "a.example", mx: {mx}))],
    )"#
        )
    };
    for (mx, current) in
        [(r#"[(10, "new.a.example")]"#, 0.0), (r#"[(5, "new.a.example"), (10, "mx.a.example")]"#, 60.0)]
    {
        let results = run(&text(mx));
        assert_eq!(one(&results, "stale_deliveries", "all", "count"), 60.0);
        assert_eq!(one(&results, "stale_deliveries", "all", "current_host"), current);
        assert_eq!(one(&results, "stale_deliveries", "all", "former_host"), 60.0 - current);
    }
}

#[test]
fn a_connection_is_wasted_if_nothing_was_accepted_over_it_however_much_goes_over_others() {
    // Sixty messages at once, two hosts of equal preference one of which refuses: each connection to it is wasted, and no
    // message that a kept session carries makes up for that.
    let results = run(r#"(
        title: "wasted",
        run: (measure: "1h", drain: "1d", replications: 1),
        zones: { "a.example": (mx: [(10, "mx.a.example"), (10, "no.a.example")]) },
        hosts: { "mx.a.example": (service: "100ms"), "no.a.example": () },
        resolvers: { "isp": () },
        senders: { "campus": (resolver: "isp", arrivals: Burst(at: "10m", count: 60), to: Weights({"a.example": 1.0}), retry: Postfix()) },
        timeline: [(at: "0s", do: Outage(host: "no.a.example"))],
    )"#);
    let (made, refused) =
        (one(&results, "connections", "all", "count"), one(&results, "refused", "host:no.a.example", "count"));
    assert!(refused > 0.0 && made < 60.0 + refused, "{made} connections, {refused} refused: some sessions were kept");
    assert_eq!(one(&results, "connections_wasted", "all", "share"), refused / made);
    assert_eq!(one(&results, "connections_wasted", "host:mx.a.example", "share"), 0.0);
}

#[test]
fn the_age_table_is_that_of_the_instant_and_of_the_node() {
    let more = r#"timeline: [(name: "gone", at: "0s", do: Outage(host: "mx.a.example"), for: "3h")],"#;
    let clock = r#"measure: "1h", drain: "1d", qshape: ["1h", "30m", "20h"]"#;
    let results = run(&world(clock, r#""mx.a.example": ()"#, more));
    let tables = &results.variants[0].replications[0].ages;
    assert_eq!(tables.iter().map(|table| table.at.whole_seconds()).collect::<Vec<_>>(), [1800, 3600, 72_000]);
    // A message a minute, a second after each: of half an hour five of the last five minutes, five of the five before.
    assert_eq!(tables[0].total(), [5, 5, 10, 10, 0, 0, 0, 0, 0, 0]);
    assert_eq!(tables[1].total(), [5, 5, 10, 20, 20, 0, 0, 0, 0, 0]);
    assert_eq!((tables[1].rows.len(), tables[2].rows.len()), (1, 0));
    // The run is over when all is delivered, but not before it was looked at.
    assert_eq!(one(&results, "delivered", "all", "count"), 60.0);
}

#[test]
fn variants_are_paired_by_the_number_of_the_replication() {
    let text = world(r#"measure: "1h", drain: "1d""#, r#""mx.a.example": (service: "exponential(5s)")"#, "")
        .replace("replications: 1", "replications: 5")
        .replace(
            "resolvers:",
            r#"variants: { "slow": { "hosts/mx.a.example/service": "exponential(10s)" } }, resolvers:"#,
        );
    let results = run(&text);
    let mean = |results: &Results| {
        let difference = results.variants[1].difference(&results.variants[0], "delivery_latency", "all", "mean", 0.95);
        difference.map(|interval| (interval.mean, interval.n))
    };
    let (whole, _) = mean(&results).unwrap_or_default();
    // As an interrupted run may leave them: as many of each, and not the same.
    let mut part = results.clone();
    part.variants[0].replications.retain(|replication| replication.replication != 0);
    part.variants[1].replications.retain(|replication| replication.replication != 4);
    let (found, count) = mean(&part).unwrap_or_default();
    let of = |variant: usize| {
        let all = values_of(&results, variant);
        all[1..4].iter().sum::<f64>() / 3.0
    };
    assert_eq!(count, 3);
    assert!((found - (of(1) - of(0))).abs() < 1e-12 && whole > 0.0, "{found}");
}

fn values_of(results: &Results, variant: usize) -> Vec<f64> {
    let value = |r: &mxsim::experiment::ReplicationResult| r.value("delivery_latency", "all", "mean");
    results.variants[variant].replications.iter().filter_map(value).collect()
}

#[test]
fn the_sample_of_a_busy_outage_is_spread_over_it_and_knows_the_total() {
    use mxsim::engine::time::SimTime;
    let more = r#"timeline: [(name: "out", at: "10m", do: Outage(host: "mx.a.example"), for: "40m")],"#;
    let text = world(r#"measure: "1h", drain: "1h""#, r#""mx.a.example": ()"#, more)
        .replace(r#"Periodic(every: "1m", offset: "1s")"#, r#"Poisson(rate: "10/s")"#);
    let results = run(&text);
    let trace = &results.variants[0].failover;
    let (tries, total) = (&trace.tries, trace.total(SimTime::ZERO, SimTime::from_secs(3599)));
    let connections = one(&results, "connections", "all", "count");
    assert!((total as f64 - connections).abs() < 0.01 * connections, "{total} of {connections}");
    assert!((1000..=4000).contains(&tries.len()) && total > 50_000, "{} of {total}", tries.len());
    // Every ten minutes of the outage have their part of it.
    for from in [600, 1200, 1800, 2400] {
        let count = tries.iter().filter(|t| (from..from + 600).contains(&t.at.whole_seconds())).count();
        assert!(count > 40, "{count} from {from} s on");
    }
    // Whole deliveries: what was tried at half an hour was tried five minutes before and after.
    let seen = |number: u64, from: u64| {
        tries.iter().any(|t| t.number == number && (from..from + 300).contains(&t.at.whole_seconds()))
    };
    let middle = tries.iter().filter(|t| (1800..2100).contains(&t.at.whole_seconds()) && seen(t.number, 1200));
    assert!(middle.clone().count() > 20 && middle.clone().all(|t| seen(t.number, 1500) && seen(t.number, 2100)));
}

#[test]
fn every_relay_has_a_series_of_its_queue() {
    let hosts = r#""mx.a.example": (),
        "relay-{i}.example.net": (count: 10, relays_for: ["a.example"], resolver: "isp")"#;
    let text = world(r#"measure: "1h", drain: "1d""#, hosts, "")
        .replace(r#"mx: [(10, "mx.a.example")]"#, r#"mx: [(10, "mx.a.example"), (20, "relay-10.example.net")]"#);
    let results = run(&text);
    let series = &results.variants[0].series;
    for relay in 1..=10 {
        let scope = format!("host:relay-{relay}.example.net");
        assert!(series.iter().any(|series| series.measure == "queue_depth" && series.scope == scope), "{scope}");
    }
}

/// `time_to_normal` compares with the depth of the hour before, which it began with hours earlier.
#[test]
fn what_the_hour_before_an_outage_begins_with_is_normal_however_coarse_the_grid() {
    // Twenty messages of the first hour wait for a host that is out; nothing comes in the hour before the other outage.
    let normal = |cells: u32| {
        let results = run(&format!(
            r#"(
            title: "normal",
            run: (measure: "12h", replications: 1, cells: {cells}),
            zones: {{ "a.example": (mx: [(10, "mx.a.example")]), "b.example": (mx: [(10, "mx.b.example")]) }},
            hosts: {{ "mx.a.example": (), "mx.b.example": () }},
            resolvers: {{ "isp": () }},
            senders: {{
                "early": (resolver: "isp", arrivals: Burst(at: "10m", count: 20), to: Weights({{"a.example": 1.0}}), retry: Custom(schedule: Constant("3h"))),
                "late": (resolver: "isp", arrivals: Burst(at: "5h10m", count: 5), to: Weights({{"b.example": 1.0}}), retry: Custom(schedule: Constant("1h"))),
            }},
            timeline: [
                (name: "a", at: "0s", do: Outage(host: "mx.a.example")),
                (name: "b", at: "5h", do: Outage(host: "mx.b.example"), for: "1h"),
            ],
        )"#
        ));
        one(&results, "time_to_normal", "event:b", "max")
    };
    // Above normal from 5 h 10 min on, and back at the retries at 6 h 10 min: ten minutes after the end.
    let fine = normal(720);
    assert!((600.0..610.0).contains(&fine), "{fine}");
    assert_eq!(normal(2), fine);
}
