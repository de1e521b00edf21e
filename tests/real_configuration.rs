//! Policies that come from elsewhere, in whole scenarios: real configurations, tables of offsets, mixes.

#[path = "real_configuration/exim.rs"]
mod exim;
mod support;

use std::sync::Arc;

use mxsim::experiment::Results;
use mxsim::model::compile::{Loaded, Memory, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use support::{run_loaded, values};

/// Senders as given, one host that is dead for ten days, no round trips: every attempt is refused at once.
fn loaded(senders: &str, files: &[(&str, &str)]) -> Loaded {
    let text = format!(
        r#"(
        title: "real",
        run: (measure: "1h", drain: "9d", replications: 1, seed: 4),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (mx: [(10, "a.d.example")]), "e.example": (mx: [(10, "a.d.example")]),
        }},
        hosts: {{ "a.d.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ {senders} }},
        timeline: [(at: "0s", do: Outage(host: "a.d.example"))],
    )"#
    );
    let source = Arc::new(SourceText { name: "real.ron".into(), text });
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    load_source(&source, &[], &mut Memory(files)).unwrap_or_else(|problems| panic!("{}", render(&problems, false)))
}

fn sender(name: &str, domain: &str, retry: &str) -> String {
    format!(
        r#""{name}": (resolver: "r", arrivals: Burst(at: "1s", count: 1), to: Weights({{"{domain}": 1.0}}), retry: {retry}), "#
    )
}

fn attempts(results: &Results, scope: &str) -> f64 {
    values(results, "attempts_per_delivery", scope, "mean")[0]
}

/// Attempts of Postfix's law with scan and minimum of `period` seconds: age doubled, at least the minimum.
fn postfix_attempts(period: u64, max: u64, lifetime: u64) -> u32 {
    let (mut age, mut count) = (0_u64, 1);
    while age < lifetime {
        let due = age + age.clamp(period, max) - 1;
        age = (due + 1).div_ceil(period) * period;
        count += 1;
    }
    count
}

#[test]
fn postconf_and_master_cf_make_a_policy() {
    let main = "minimal_backoff_time = 60s\nqueue_run_delay = ${minimal_backoff_time}\nmaximal_backoff_time = 10m\n\
                maximal_queue_lifetime = 2h\nsmtp_data_done_timeout = 900s\nmyhostname = mail.example.org\n";
    let master = "smtp      unix  -       -       y       -       7       smtp\n";
    let files = [("postconf.txt", main), ("master.cf", master)];
    let retry = r#"PostfixConfig(file: "postconf.txt", master: "master.cf", scan_phase: "1s")"#;
    let loaded = loaded(&sender("s", "d.example", retry), &files);
    let model = &loaded.variants[0].model.mail.nodes[0];
    assert_eq!(model.retry.limits.deliveries, 7);
    assert_eq!(model.client.timeouts.end_of_data.whole_seconds(), 900);
    // What is not modelled is named.
    let said = render(&loaded.warnings, false);
    assert!(said.contains("myhostname"), "{said}");
    let results = run_loaded(&loaded, None);
    assert_eq!(values(&results, "expired", "all", "count"), [1.0]);
    assert_eq!(attempts(&results, "all"), f64::from(postfix_attempts(60, 600, 7200)));
}

/// postconf(5): `smtp_address_preference` is the family that is tried first, `inet_protocols = ipv4` leaves AAAA records
/// unasked, whatever is preferred; a scenario's own `client` stands before both.
#[test]
fn postconf_says_which_addresses_come_first() {
    use mxsim::scenario::tree::AddressPreference;
    let preference = |main: &str, client: &str| {
        let retry = format!(r#"PostfixConfig(file: "postconf.txt"){client}"#);
        let loaded = loaded(&sender("s", "d.example", &retry), &[("postconf.txt", main)]);
        assert!(loaded.warnings.is_empty(), "{}", render(&loaded.warnings, false));
        loaded.variants[0].model.mail.nodes[0].client.address_preference
    };
    assert_eq!(preference("", ""), AddressPreference::Any);
    assert_eq!(preference("smtp_address_preference = ipv4\n", ""), AddressPreference::Ipv4First);
    assert_eq!(preference("smtp_address_preference = ipv6\ninet_protocols = all\n", ""), AddressPreference::Ipv6First);
    assert_eq!(preference("inet_protocols = ipv4\nsmtp_address_preference = ipv6\n", ""), AddressPreference::Ipv4Only);
    let own = r#", client: (address_preference: Ipv6First)"#;
    assert_eq!(preference("inet_protocols = ipv4\n", own), AddressPreference::Ipv6First);
}

/// postconf(5), `smtp_tls_security_level`: `none` and `may` are the client's `tls`; the others go on in no clear text, or look for
/// certificates, which is not modelled.
#[test]
fn postconf_says_whether_sessions_are_encrypted() {
    let says = |level: &str, client: &str| {
        let retry = format!(r#"PostfixConfig(file: "postconf.txt"){client}"#);
        let main = format!("smtp_tls_security_level = {level}\n");
        let loaded = loaded(&sender("s", "d.example", &retry), &[("postconf.txt", &main)]);
        (loaded.variants[0].model.mail.nodes[0].client.speaks.starttls, render(&loaded.warnings, false))
    };
    for (level, client, starttls) in [
        ("", "", false),
        ("none", "", false),
        ("may", "", true),
        ("${smtp_mx_address_limit?{may}:{none}}", "", true),
        ("may", ", client: (tls: Off)", false),
        ("none", ", client: (tls: May)", true),
    ] {
        assert_eq!(says(level, client), (starttls, String::new()), "{level}, {client}");
    }
    for level in ["encrypt", "dane", "verify"] {
        let (starttls, said) = says(level, "");
        assert!(!starttls && said.contains("`smtp_tls_security_level`"), "{level}: {said}");
    }
}

/// A host that takes nothing, and relays; a `main.cf` of one sender beside it.
fn relayed(main: &str, client: &str) -> Loaded {
    let text = format!(
        r#"(
        title: "relayhost",
        run: (measure: "1h", drain: "9d", replications: 1, seed: 4),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.example": (mx: [(10, "mx.d.example")]), "example": () }},
        hosts: {{
            "mx.d.example": (),
            "r1.example": (relays_for: ["d.example"], resolver: "r"), "r2.example": (relays_for: ["d.example"], resolver: "r"),
        }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ {} }},
        timeline: [(at: "0s", do: Outage(host: "r1.example"))],
    )"#,
        sender("s", "d.example", r#"PostfixConfig(file: "main.cf")"#)
            .replace("(resolver", &format!("({client} resolver")),
    );
    let source = Arc::new(SourceText { name: "relayhost.ron".into(), text });
    let mut files = Memory([("main.cf".to_owned(), main.to_owned())].into());
    load_source(&source, &[], &mut files).unwrap_or_else(|problems| panic!("{}", render(&problems, false)))
}

#[test]
fn relayhost_and_fallback_relay_are_gone_to_in_turn() {
    let taken = |loaded: &Loaded, host: &str| {
        values(&run_loaded(loaded, None), "accepted", &format!("host:{host}.example"), "count")[0]
    };
    // The first of the list is down: the second is tried in the same attempt (`smtp_connect.c`, one list of sites).
    for main in [
        "relayhost = [r1.example]:smtp, [r2.example]\n",
        "relayhost = [r1.example]\nsmtp_fallback_relay = [r2.example]\n",
        "relayhost = [r1.example]\nfallback_relay = [r1.example] [r2.example]\n",
    ] {
        let loaded = relayed(main, "");
        assert!(loaded.warnings.is_empty(), "{main}: {}", render(&loaded.warnings, false));
        assert_eq!((taken(&loaded, "r2"), taken(&loaded, "mx.d")), (1.0, 1.0), "{main}");
        assert_eq!(attempts(&run_loaded(&loaded, None), "all"), 2.0, "{main}: the sender's and the relay's");
    }
    // None, as Debian has it.
    let loaded = relayed("relayhost =\n", "");
    assert!(loaded.warnings.is_empty() && taken(&loaded, "r2") == 0.0 && taken(&loaded, "mx.d") == 1.0);
    // What is not there is named, and so is a port; the rest is used.
    let loaded = relayed("relayhost = [r3.example], [r2.example]:587\n", "");
    let said = render(&loaded.warnings, false);
    assert!(said.contains("no host or domain `r3.example` to relay to: left out of `relayhost`"), "{said}");
    assert!(said.contains("port 587 of `r2.example` is not modelled"), "{said}");
    assert_eq!(taken(&loaded, "r2"), 1.0);
    // What the scenario says is instead of it; it may be a list, too.
    let loaded = relayed("relayhost = [r1.example]\n", r#"client: (smart_host: "[r1.example], [r2.example]"),"#);
    assert_eq!(taken(&loaded, "r2"), 1.0);
}

#[test]
fn an_exim_section_gives_each_domain_its_rule() {
    let section = "begin retry\nd.example  *  F,1h,10m\n*  refused  F,2h,30m\n* * F,4d,6h\n";
    let retry = r#"EximConfig(file: "exim.conf", with: (queue_run: "1m", scan_phase: "30s"))"#;
    let senders = sender("one", "d.example", retry) + &sender("two", "e.example", retry);
    let loaded = loaded(&senders, &[("exim.conf", section)]);
    // Each has records of its own; what is over its last cutoff is given up at its next failure.
    let results = run_loaded(&loaded, None);
    assert_eq!(values(&results, "expired", "all", "count"), [2.0]);
    let (one, two) = (attempts(&results, "sender:one"), attempts(&results, "sender:two"));
    // 0, 10, .. 60 min and one after the cutoff; 0, 30, .. 120 and one after.
    assert!((7.0..=8.0).contains(&one), "{one}");
    assert!((5.0..=6.0).contains(&two), "{two}");
}

#[test]
fn a_csv_of_offsets_is_a_schedule() {
    let csv = "offset\n0\n90\n5m\n1h\n";
    let retry = r#"Custom(schedule: Csv("offsets.csv"), lifetime: "9d")"#;
    let loaded =
        loaded(&sender("s", "d.example", retry), &[("offsets.csv", &csv.replace("5m", "300").replace("1h", "3600"))]);
    let results = run_loaded(&loaded, None);
    // Four attempts, and no further one.
    assert_eq!(attempts(&results, "all"), 4.0);
    assert_eq!(values(&results, "expired", "all", "count"), [1.0]);
}

#[test]
fn a_mix_shares_a_population_among_policies() {
    // Ten members, by weight 7 to 3: a constant minute for an hour, a single retry.
    let mix =
        r#"Mix([(0.7, Custom(schedule: Constant("1m"), lifetime: "1h")), (0.3, Custom(schedule: Table(["30m"])))])"#;
    let senders = sender("m-{i}", "d.example", mix).replace("(resolver", "(count: 10, resolver");
    let loaded = loaded(&senders, &[]);
    let results = run_loaded(&loaded, None);
    let each: Vec<f64> = (1..=10).map(|i| attempts(&results, &format!("sender:m-{i}"))).collect();
    assert_eq!(each.iter().filter(|&&n| n == 61.0).count(), 7, "{each:?}");
    assert_eq!(each.iter().filter(|&&n| n == 2.0).count(), 3, "{each:?}");
    // Who follows which is the same in every run.
    assert_eq!(each, {
        let again = run_loaded(&self::loaded(&senders, &[]), None);
        (1..=10).map(|i| attempts(&again, &format!("sender:m-{i}"))).collect::<Vec<_>>()
    });
}

#[test]
fn exim_sends_what_waits_for_a_host_down_the_connection_that_succeeded() {
    // Five messages find the host dead; the run after the repair probes with one, and the four others follow on its
    // connection, as `connection_max_messages` lets them.
    for (most, connections) in [(500, 1.0), (2, 3.0), (1, 5.0)] {
        let retry = format!(
            r#"Exim(rule: "* * F,1d,10m", queue_run: "1m", scan_phase: "30s", connection_max_messages: {most})"#
        );
        let text = loaded_text(&retry);
        let source = Arc::new(SourceText { name: "exim.ron".into(), text });
        let loaded = load_source(&source, &[], &mut Memory::default())
            .unwrap_or_else(|problems| panic!("{}", render(&problems, false)));
        let results = run_loaded(&loaded, None);
        assert_eq!(values(&results, "delivered", "all", "count"), [5.0]);
        let made = values(&results, "connections", "host:a.d.example", "count")[0];
        let refused = values(&results, "refused", "host:a.d.example", "count")[0];
        assert_eq!(made - refused, connections, "at most {most} messages a connection");
    }
}

fn loaded_text(retry: &str) -> String {
    format!(
        r#"(
        title: "one connection",
        run: (measure: "2h", drain: "1d", replications: 1, seed: 4),
        regions: {{ "here": (rtt: "2ms") }},
        zones: {{ "d.example": (mx: [(10, "a.d.example")]) }},
        hosts: {{ "a.d.example": () }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: Burst(at: "10m", count: 5, over: "5m"), to: Weights({{"d.example": 1.0}}), retry: {retry},
        ) }},
        timeline: [(at: "0s", do: Outage(host: "a.d.example"), for: "20m")],
    )"#
    )
}

#[test]
fn a_parameter_that_changes_nothing_is_said_to() {
    let said =
        render(&loaded(&sender("s", "d.example", "Exim(address_retry_include_sender: false)"), &[]).warnings, false);
    assert!(said.contains("`address_retry_include_sender` changes nothing"), "{said}");
    assert!(loaded(&sender("s", "d.example", "KumoMta()"), &[]).warnings.is_empty());
}

/// What a parameter is called by a transport of its own (postconf(5), `transport_destination_...`), and by versions before.
#[test]
fn a_parameter_is_read_by_each_of_its_names() {
    let policy =
        |retry: &str| format!("{:?}", loaded(&sender("s", "d.example", retry), &[]).variants[0].model.mail.nodes[0]);
    for (one, other, value) in [
        ("smtp_initial_destination_concurrency", "initial_destination_concurrency", "3"),
        ("smtp_destination_concurrency_limit", "default_destination_concurrency_limit", "7"),
        ("smtp_destination_recipient_limit", "default_destination_recipient_limit", "7"),
        ("smtp_destination_rate_delay", "default_destination_rate_delay", "\"7s\""),
        (
            "smtp_destination_concurrency_positive_feedback",
            "default_destination_concurrency_positive_feedback",
            "\"1/concurrency\"",
        ),
        (
            "smtp_destination_concurrency_negative_feedback",
            "default_destination_concurrency_negative_feedback",
            "\"1/concurrency\"",
        ),
        (
            "smtp_destination_concurrency_failed_cohort_limit",
            "default_destination_concurrency_failed_cohort_limit",
            "7",
        ),
    ] {
        let with = policy(&format!("Postfix({one}: {value})"));
        assert!(with == policy(&format!("Postfix({other}: {value})")) && with != policy("Postfix()"), "{one}");
    }
    // chasquid, internal/config/config.go: GiveUpSendAfter and MaxQueueItems are its configuration's.
    let with = policy(r#"Chasquid(give_up_send_after: "2h")"#);
    assert!(with == policy(r#"Chasquid(give_up_after: "2h")"#) && with != policy("Chasquid()"));
    for name in ["max_queue_items", "max_queue_size"] {
        let said = render(&loaded(&sender("s", "d.example", &format!("Chasquid({name}: 10)")), &[]).warnings, false);
        assert!(said.contains("`max_queue_items` changes nothing"), "{name}: {said}");
    }
}
