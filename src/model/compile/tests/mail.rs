//! Hosts, nodes and arrivals.

use super::*;
use crate::engine::time::SimTime;
use crate::model::compile::smtp_clients::client_rules;
use crate::model::dns::ArrivalsModel;
use crate::model::mail::{ClientRules, RetrySchedule};
use crate::scenario::tree::ClientSystem;

fn rules(overrides: &[(&str, &str)]) -> ClientRules {
    small(overrides).mail.nodes[0].client.clone()
}

#[test]
fn each_preset_has_its_client_and_zero_is_no_limit() {
    let postfix = client_rules(ClientSystem::Postfix);
    assert_eq!(rules(&[]), postfix);
    let own = "(address_limit: 0, session_limit: 0)";
    let unlimited = ClientRules { address_limit: u32::MAX, session_limit: u32::MAX, ..postfix };
    assert_eq!(rules(&[("senders/campus/client", own)]), unlimited);
    assert_eq!(rules(&[("senders/campus/retry", "Exim()")]), client_rules(ClientSystem::Exim));
    assert_eq!(rules(&[("senders/campus/client", "(rules: Qmail)")]), client_rules(ClientSystem::Qmail));
    assert_eq!(
        rules(&[("senders/campus/retry", "Custom(schedule: Constant(\"5m\"))")]),
        client_rules(ClientSystem::Ideal)
    );
}

#[test]
fn a_population_is_meant_as_a_whole_by_its_key_or_by_a_glob() {
    for zones in ["d{i}.example", "d*.example"] {
        let model = small(&[
            ("zones", r#"{"d{i}.example": (count: 12, mx: [(10, "mx{i%3}.host")])}"#),
            ("hosts", r#"{"mx{i}.host": (count: 3)}"#),
            ("senders/campus/to", &format!("Zipf(exponent: 1.0, zones: \"{zones}\")")),
        ]);
        let source = model.mail.nodes[0].source.as_ref().expect("a sender originates");
        let names: Vec<&str> = source.domains.iter().map(|&id| model.dns.names.text(id)).collect();
        assert_eq!((names.len(), names[0], names[11]), (12, "d1.example", "d12.example"));
        assert!((source.choice.share(0) - 12.0 * source.choice.share(11)).abs() < 1e-12);
        assert_eq!(rdata(&model, "d7.example", RecordType::Mx), "10 mx1.host (3600 s)");
        // Equal data, equal id: three lists of exchanges, three hosts, nothing, and name servers' addresses.
        let data = model.dns.data.iter().filter(|data| !matches!(data, Rdata::Ns(_) | Rdata::Soa));
        assert_eq!(data.count(), 3 + 3 + 1 + 1);
    }
}

#[test]
fn mail_may_go_to_a_host_that_is_no_zone() {
    let model = small(&[("senders/campus/to", r#"Weights({"mx.example.org": 1.0, "EXAMPLE.org.": 2.0})"#)]);
    let source = model.mail.nodes[0].source.as_ref().expect("a sender originates");
    let names: Vec<&str> = source.domains.iter().map(|&id| model.dns.names.text(id)).collect();
    assert_eq!(names, ["mx.example.org", "example.org"]);
}

#[test]
fn a_trace_counts_from_its_start_and_may_name_domains() {
    let csv = "time,domain,size\n10,example.org,1kB\n5,EXAMPLE.org,\n";
    let arrivals = "Trace(file: \"mail.csv\", at: \"1h\")";
    let changes = [("senders/campus/arrivals", arrivals), ("senders/campus/to", "Trace")];
    let (model, warnings) = model_of(SMALL, &changes, &[("mail.csv", csv)]);
    assert!(warnings.starts_with("warning: the arrivals are not in order of time"), "{warnings}");
    let source = model.mail.nodes[0].source.as_ref().expect("a sender originates");
    let ArrivalsModel::Trace(rows) = &source.arrivals else { panic!("{:?}", source.arrivals) };
    assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [3605, 3610].map(SimTime::from_secs));
    assert_eq!(rows[1].size_bytes, Some(1000));
    assert_eq!(rows[0].domain, model.dns.names.get("example.org"));
}

#[test]
fn a_week_of_a_diurnal_profile_has_its_weekend_share() {
    let model = small(&[("senders/campus/arrivals", "Diurnal(per_day: 1000, peak_factor: 2.0, weekend_share: 0.1)")]);
    let source = model.mail.nodes[0].source.as_ref().expect("a sender originates");
    let ArrivalsModel::Diurnal(diurnal) = &source.arrivals else { panic!("{:?}", source.arrivals) };
    assert_eq!(diurnal.per_day, [1260.0, 1260.0, 1260.0, 1260.0, 1260.0, 350.0, 350.0]);
    assert!((diurnal.exponent - 1.0).abs() < 1e-9);
}

#[test]
fn a_burst_may_wait_for_an_entry_of_the_timeline() {
    let model = small(&[
        ("senders/campus/arrivals", "Burst(at: \"flush - 5m\", count: 7)"),
        ("timeline", "[(name: \"flush\", at: \"2h\", do: FlushQueue(sender: \"campus\"))]"),
    ]);
    let source = model.mail.nodes[0].source.as_ref().expect("a sender originates");
    assert!(matches!(source.arrivals, ArrivalsModel::Burst { at, count: 7, .. } if at == SimTime::from_secs(6900)));
}

#[test]
fn retry_parameters_have_their_ranges() {
    let retry = |value: &str| complaints(&[("senders/campus/retry", value)], &[]);
    assert_eq!(retry("Postfix(queue_run_delay: \"0\")"), ["no time at all @ \"0\""]);
    assert_eq!(
        retry("Postfix(minimal_backoff_time: \"2h\")"),
        ["`minimal_backoff_time` (7200 s) is longer than `maximal_backoff_time` (4000 s) @ \"2h\""]
    );
    assert_eq!(retry("Qmail(chanskip: 0)"), ["a `chanskip` of 0 @ 0"]);
    assert_eq!(
        retry("Custom(schedule: Table([\"1h\", \"30m\"]))"),
        ["a schedule that does not move on @ Table([\"1h\", \"30m\"])"]
    );
    let exim = retry("Exim(rule: \"* * F,2x,15m\")");
    assert!(exim.len() == 1 && exim[0].contains("@ ") && exim[0].ends_with('x'), "{exim:?}");
    let model = small(&[("senders/campus/retry", "Exim(rule: \"F,1h,10m\")")]);
    let schedule = &model.mail.nodes[0].retry.schedule;
    assert!(matches!(schedule, RetrySchedule::Exim { rules, .. } if rules[0].rule.to_string() == "F,1h,10m"));
}

#[test]
fn a_senders_own_cache_stands_between_it_and_its_resolver() {
    // KumoMTA: failures and names that do not exist for 5 min; ZoneMTA: every answer for 10 min, nothing else; the DNS client
    // of Windows: at most a day, and 15 min.
    for (retry, min_s, max_s, negative, failure_s, capacity) in [
        ("KumoMta()", 0, i32::MAX as u32, (300, 300), 300, Some(8192)),
        ("KumoMta(cache_size: 2, mx_negative_cache_ttl: \"30s\")", 0, i32::MAX as u32, (30, 30), 30, Some(2)),
        ("ZoneMta()", 600, 600, (0, 0), 0, None),
        ("ZoneMta(cacheTTL: \"1h\")", 3600, 3600, (0, 0), 0, None),
        ("Exchange()", 0, 86_400, (0, 900), 0, None),
        ("Exchange(MaxCacheTtl: \"1h\", MaxNegativeCacheTtl: \"1s\")", 0, 3600, (0, 1), 0, None),
    ] {
        let model = small(&[("senders/campus/retry", retry)]);
        let declared = small(&[]).dns.resolvers.len();
        let node = &model.mail.nodes[0];
        let own = &model.dns.resolvers[node.resolver.index()];
        assert_eq!((node.resolver.index(), own.upstream.len(), own.is_inside), (declared, 1, true), "{retry}");
        let rules = &own.rules;
        assert_eq!((rules.ttl.min_s, rules.ttl.max_s), (min_s, max_s), "{retry}");
        assert_eq!((rules.negatives.min_s, rules.negatives.max_s), negative, "{retry}");
        assert_eq!((rules.servfail_ttl.whole_seconds(), rules.capacity), (failure_s, capacity), "{retry}");
    }
    let without = small(&[("senders/campus/retry", "ZoneMta(caching: false)")]);
    assert_eq!(without.dns.resolvers.len(), small(&[]).dns.resolvers.len());
}

#[test]
fn weights_of_exchanges_need_a_choice_by_weight_and_exchanges() {
    let told = |client: &str| complaints(&[("senders/campus/client", client)], &[]);
    assert_eq!(told(r#"(shuffle: Weighted, weights: {"mx.example.org": 2.0})"#), Vec::<String>::new());
    let problems = told(r#"(weights: {"mx.example.org": 2.0})"#);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("weights of exchanges that decide nothing"), "{problems:?}");
    let problems = told(r#"(shuffle: Weighted, weights: {"my.example.org": -1.0})"#);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("-1 is no weight"), "{problems:?}");
    assert!(problems[1].starts_with("no exchange `my.example.org`"), "{problems:?}");
}
