//! Exim's retry section as `retry.c` looks it up: by host and domain, for the failure that happened; and its records.

use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Loaded, Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;

use crate::support::{run_loaded, values};

const ONE: &str = r#"Burst(at: "1s", count: 1)"#;
const REFUSES: &str = r#"(at: "0s", do: Outage(host: "mx.d.example"))"#;
const UNROUTABLE: &str = r#"(at: "0s", do: Outage(server: "ns.d.example"))"#;

/// One host of a domain, what happens to it, and a sender with a queue run each minute.
fn loaded(section: &str, with: &str, arrivals: &str, timeline: &str) -> Loaded {
    let text = format!(
        r#"(
        title: "retry section",
        run: (measure: "10d", drain: "10d", replications: 1, seed: 4),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (mx: [(10, "mx.d.example")], ns: ["ns.d.example"]), "example": (ns: ["ns.example"]) }},
        servers: {{ "ns.d.example": (latency: "0s"), "ns.example": (latency: "0s") }},
        hosts: {{ "mx.d.example": () }},
        resolvers: {{ "r": (software: Ideal(timeouts: ["1s"])) }},
        senders: {{ "s": (
            resolver: "r", arrivals: {arrivals}, to: Weights({{"d.example": 1.0}}),
            retry: EximConfig(file: "exim.conf", with: (queue_run: "1m", scan_phase: "30s", {with})),
        ) }},
        timeline: [{timeline}],
    )"#
    );
    let source = Arc::new(SourceText { name: "exim.ron".into(), text });
    let files = [
        (
            "exim.conf".to_owned(),
            if section.contains("begin retry") { section.into() } else { format!("begin retry\n{section}") },
        ),
        ("arrivals.csv".to_owned(), "time,domain\n1,d.example\n691200,d.example\n".to_owned()),
    ];
    load_source(&source, &[], &mut Memory(files.into()))
        .unwrap_or_else(|problems| panic!("{}", render(&problems, false)))
}

fn ran(section: &str, with: &str, timeline: &str) -> Results {
    run_loaded(&loaded(section, with, ONE, timeline), None)
}

fn one(results: &Results, measure: &str, statistic: &str) -> f64 {
    values(results, measure, "all", statistic)[0]
}

fn replies(stage: &str) -> String {
    format!(r#"(at: "0s", do: Outage(host: "mx.d.example", mode: Reply(stage: {stage}, code: 451)))"#)
}

/// retry.c, retry_update: "If no retry information is found, we can't generate a retry time [..] This retry item is timed
/// out": the address fails at its first attempt.
#[test]
fn a_failure_that_no_rule_is_for_is_the_last() {
    for section in ["other.example * F,1h,5m\n", "d.example timeout F,2h,5m\n", "* data_4xx F,1h,5m\n"] {
        for down in [REFUSES, &replies("Mail"), &replies("Rcpt"), UNROUTABLE] {
            let results = ran(section, "", down);
            let got = (one(&results, "attempts_per_delivery", "mean"), one(&results, "expired", "count"));
            assert_eq!(got, (1.0, 1.0), "{section}{down}");
        }
    }
}

/// retry.c, retry_find_config: the key of a record of a host, or of a host and a message, is the host's name, with the domain
/// as the alternative; the first rule whose pattern fits either applies. Routing and recipients (keys `R:`) go by domain.
#[test]
fn a_pattern_fits_the_name_of_the_host_or_the_domain() {
    let attempts = |section: &str, down: &str| one(&ran(section, "", down), "attempts_per_delivery", "mean");
    let (host, domain) = ("mx.d.example * F,1h,1m\n", "d.example * F,2d,30m\n");
    // A minute apart for an hour; half an hour apart for two days.
    for (section, expected) in [
        (format!("{host}{domain}"), 60.0..=62.0),
        (format!("*.d.example * F,1h,1m\n{domain}"), 60.0..=62.0),
        (format!("{domain}{host}"), 96.0..=98.0),
    ] {
        for down in [REFUSES, &replies("Mail")] {
            let got = attempts(&section, down);
            assert!(expected.contains(&got), "{section}{down}: {got}");
        }
    }
    for down in [&replies("Rcpt"), UNROUTABLE] {
        // Look-ups that fail take their time, so that the run after half an hour may just miss: half an hour to 31 minutes.
        let got = attempts(&format!("{host}{domain}"), down);
        assert!((93.0..=98.0).contains(&got), "{down}: {got}");
    }
}

#[test]
fn a_pattern_that_fits_nothing_is_said_to() {
    let said = |section: &str| render(&loaded(section, "", ONE, REFUSES).warnings, false);
    let both = said("nowhere.example * F,1h,1m\n*.org * F,1h,1m\n* * F,4d,6h\n");
    assert!(both.contains("`nowhere.example` fits no name") && both.contains("`*.org` fits no name"), "{both}");
    assert_eq!(said("mx.d.example * F,1h,1m\nd.example * F,1h,1m\n*.example * F,4d,6h\n"), "");
}

/// retry.c, retry_ultimate_address_timeout: a message that is older than the last cutoff of the rule for the error in the
/// host's record is tried before the host's next time, and fails.
#[test]
fn the_last_cutoff_is_that_of_the_rule_for_the_failure() {
    // Tried at 0 and 2 h, the next at 4 h; but after 3 h it is too old for the rule.
    let results = ran("* refused F,3h,2h\n* * F,4d,6h\n", "", REFUSES);
    assert_eq!(one(&results, "attempts_per_delivery", "mean"), 3.0);
    let end = one(&results, "bounce_latency", "mean");
    assert!((10_800.0..=10_860.0).contains(&end), "{end}");
    // The same for a recipient's record.
    let section = "* rcpt_4xx F,3h,2h\n* * F,4d,6h\n";
    let loaded = loaded(section, "", r#"Burst(at: "1s", count: 1), correspondents: 1"#, &replies("Rcpt"));
    let end = one(&run_loaded(&loaded, None), "bounce_latency", "mean");
    assert!((10_800.0..=10_860.0).contains(&end), "{end}");
}

/// retry.c, retry_update: "Ignore an old one if it is too old since it was last updated" (retry_data_expire, 7 days).
#[test]
fn a_host_whose_record_is_too_old_fails_as_if_for_the_first_time() {
    // The second message comes after eight days: it has its hour, too, as far as the record goes.
    let loaded = loaded("* * F,1h,10m\n", "", r#"Trace(file: "arrivals.csv")"#, REFUSES);
    let results = run_loaded(&loaded, None);
    let got = one(&results, "attempts_per_delivery", "mean");
    assert!((7.0..=8.0).contains(&got), "{got}");
    assert_eq!(one(&results, "expired", "count"), 2.0);
}

/// deliver.c, deliver_message: a sender is warned if an address has an error above ERRNO_WARN_BASE, which "not time for any
/// remote host" (ERRNO_HRETRY) is not, but "not time for routing" (ERRNO_RRETRY) is.
#[test]
fn a_message_that_was_only_put_off_for_its_host_warns_nobody() {
    let warnings = |down: &str, arrivals: &str| {
        let loaded = loaded("* * F,4h,50m\n", r#"delay_warning: ["1h"]"#, arrivals, down);
        let results = run_loaded(&loaded, None);
        assert_eq!(one(&results, "delivered", "count"), 1.0, "{down}");
        one(&results, "delay_warnings", "count")
    };
    let for_80_minutes = |down: &str| format!(r#"{}, for: "80m")"#, down.strip_suffix(')').unwrap_or(down));
    // Tried at 0, 50, 100 minutes, when it is delivered: between, at an hour, its host rests.
    assert_eq!(warnings(&for_80_minutes(REFUSES), ONE), 0.0);
    assert_eq!(warnings(&for_80_minutes(&replies("Mail")), ONE), 0.0);
    // A domain that cannot be routed, and a recipient.
    assert_eq!(warnings(&for_80_minutes(UNROUTABLE), ONE), 1.0);
    for arrivals in [ONE, r#"Burst(at: "1s", count: 1), correspondents: 1"#] {
        assert_eq!(warnings(&for_80_minutes(&replies("Rcpt")), arrivals), 1.0, "{arrivals}");
    }
    // One that is tried, and fails, after the time.
    let later = r#"(at: "0s", do: Outage(host: "mx.d.example"), for: "110m")"#;
    assert_eq!(warnings(later, ONE), 1.0);
}

/// A configuration as it stands in /etc: options of its main section and of its smtp transport hold, but where `with` says otherwise;
/// what is not read is named.
#[test]
fn a_whole_configuration_is_taken_over_or_named() {
    let whole = "primary_hostname = mail.example\nqueue_run_max = 3\ndelay_warning = 4h:8h\nbegin acl\nacl_check_rcpt:\n  accept\n\
                 begin transports\nremote_smtp:\n  driver = smtp\n  connect_timeout = 30s\n  final_timeout = 5m\n\
                 begin retry\n* * F,1h,5m\n";
    let loaded = loaded(whole, r#"final_timeout: "10m""#, ONE, REFUSES);
    let node = &loaded.variants[0].model.mail.nodes[0];
    let spans = [node.client.connect_timeout, node.client.timeouts.end_of_data];
    assert_eq!(spans.map(|span| span.whole_seconds()), [30, 600]);
    let policy = format!("{:?} {:?}", node.retry.pickup, node.retry.warning);
    assert!(policy.contains("runners: 3") && policy.contains("[4h, 8h]"), "{policy}");
    let said = render(&loaded.warnings, false);
    assert!(
        said.contains("`primary_hostname`") && said.contains("`acl`") && !said.contains("connect_timeout"),
        "{said}"
    );
}
