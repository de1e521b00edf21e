//! Diagnostics as they are shown, and the ranges of what is checked.

use super::*;

fn rendered(text: &str) -> String {
    match try_load(text, &[], &[]) {
        Ok(loaded) => render(&loaded.warnings, false),
        Err(problems) => render(&problems, false),
    }
}

#[test]
fn all_errors_are_said_at_once_in_the_order_of_the_text_with_the_nearest_names() {
    let text = r#"(
    title: "wrong",
    run: (measure: "0", confidence: 0.2, starts: "Moon 7"),
    regions: { "eu": (loss: 1.5), "us": () },
    zones: { "example.org": (mx: [(10, "mx.odl.example")]) },
    hosts: { "mx.old.example": (region: "ue"), "mx..example": () },
    resolvers: { "isp": () },
    senders: {
        "campus": (resolver: "ips", arrivals: Poisson(rate: "0/s"), to: Weights({"example.rog": 1.0, "example.org": 0.0})),
    },
    objectives: [ (measure: "latency", below: "10m"), (measure: "delivery_latency.p99") ],
)"#;
    assert_eq!(
        rendered(text),
        r#"error: nothing is measured
 --> a.ron:3:20
  |
3 |     run: (measure: "0", confidence: 0.2, starts: "Moon 7"),
  |                    ^^^
  |
  = help: give `measure` a duration

error: 0.2 is no confidence level
 --> a.ron:3:37
  |
3 |     run: (measure: "0", confidence: 0.2, starts: "Moon 7"),
  |                                     ^^^ expected a share above 0.5 and below 1, such as 0.95

error: `Moon 7` is no time of the week
 --> a.ron:3:50
  |
3 |     run: (measure: "0", confidence: 0.2, starts: "Moon 7"),
  |                                                  ^^^^^^^^ expected a weekday and a time such as `Mon 00:00`

error: 1.5 is no share
 --> a.ron:4:29
  |
4 |     regions: { "eu": (loss: 1.5), "us": () },
  |                             ^^^ expected a number from 0 to 1

error: MX to a host that does not exist: `mx.odl.example`
 --> a.ron:5:40
  |
5 |     zones: { "example.org": (mx: [(10, "mx.odl.example")]) },
  |                                        ^^^^^^^^^^^^^^^^
  |
  = help: did you mean `mx.old.example`?

error: no region `ue`
 --> a.ron:6:41
  |
6 |     hosts: { "mx.old.example": (region: "ue"), "mx..example": () },
  |                                         ^^^^
  |
  = help: did you mean `eu`?

error: `mx..example` is no domain name: each label has 1 to 63 characters
 --> a.ron:6:48
  |
6 |     hosts: { "mx.old.example": (region: "ue"), "mx..example": () },
  |                                                ^^^^^^^^^^^^^
  |
  = help: labels of letters, digits, `-` and `_`, with dots

error: no resolver `ips`
 --> a.ron:9:30
  |
9 |         "campus": (resolver: "ips", arrivals: Poisson(rate: "0/s"), to: Weights({"example.rog": 1.0, "example.org": 0.0})),
  |                              ^^^^^
  |
  = help: did you mean `isp`?

error: 0 is out of range
 --> a.ron:9:61
  |
9 |         "campus": (resolver: "ips", arrivals: Poisson(rate: "0/s"), to: Weights({"example.rog": 1.0, "example.org": 0.0})),
  |                                                             ^^^^^ expected a rate above zero, and at most 1e9/s

error: no domain `example.rog` to send to
 --> a.ron:9:82
  |
9 |         "campus": (resolver: "ips", arrivals: Poisson(rate: "0/s"), to: Weights({"example.rog": 1.0, "example.org": 0.0})),
  |                                                                                  ^^^^^^^^^^^^^
  |
  = help: did you mean `example.org`?

error: an objective is about a statistic
  --> a.ron:11:29
   |
11 |     objectives: [ (measure: "latency", below: "10m"), (measure: "delivery_latency.p99") ],
   |                             ^^^^^^^^^ expected a measure and a statistic such as `delivery_latency.p99`

error: an objective without a bound
  --> a.ron:11:55
   |
11 |     objectives: [ (measure: "latency", below: "10m"), (measure: "delivery_latency.p99") ],
   |                                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: give it `below` or `above`
"#
    );
}

#[test]
fn what_is_wrong_with_a_population_is_said_three_times() {
    let found = complaints(&[("hosts/spare{i}.example", "(count: 100, risks: [\"dc{i}\"])")], &[]);
    assert_eq!(
        found,
        ["no risk `dc1` @ \"dc{i}\"", "no risk `dc2` @ \"dc{i}\"", "no risk `dc3`, and 97 more like it @ \"dc{i}\"",]
    );
}

#[test]
fn a_population_has_a_pattern_and_a_count() {
    let host = |key: &str, value: &str| {
        complaints(&[(&format!("hosts/{key}"), value)], &[])
            .first()
            .map(|said| said.split(" @ ").next().map(str::to_owned))
    };
    let said = |text: &str| Some(Some(text.to_owned()));
    assert_eq!(host("x{i}.example", "()"), said("`x{i}.example` is a pattern without a `count`"));
    assert_eq!(host("x.example", "(count: 3)"), said("`x.example` has a `count` and no `{i}`"));
    assert_eq!(host("x{i}.example", "(count: 0)"), said("`x{i}.example` has a count out of range"));
    assert_eq!(host("x{i}.example", "(count: 1000001)"), said("`x{i}.example` has a count out of range"));
    assert_eq!(host("x{i%2}.example", "(count: 3)"), said("`x1.example` is declared twice"));
    assert_eq!(host("MX.Example.ORG", "()"), said("`mx.example.org` is declared twice"));
}

#[test]
fn the_run_has_its_ranges() {
    let run = |field: &str, value: &str| complaints(&[(&format!("run/{field}"), value)], &[]);
    assert_eq!(run("replications", "0"), ["`replications` of 0 is out of range @ 0"]);
    assert_eq!(run("replications", "1000001"), ["`replications` of 1000001 is out of range @ 1000001"]);
    assert_eq!(run("cells", "0"), ["`cells` of 0 is out of range @ 0"]);
    assert_eq!(run("confidence", "1.0"), ["1 is no confidence level @ 1.0"]);
    assert_eq!(run("utc_offset", "one"), ["`one` is no offset @ one"]);
    let region = complaints(&[("regions", "{ \"eu\": (utc_offset: \"25:00\") }")], &[]);
    assert_eq!(region, ["`25:00` is no offset @ \"25:00\""]);
    let long = run("drain", "600w");
    assert!(long.len() == 1 && long[0].starts_with("the run takes 4201d, and at most "), "{long:?}");
}

#[test]
fn a_run_that_would_not_end_is_refused_with_the_way_to_have_it() {
    let changes = [("senders/campus/arrivals/rate", "10000/s"), ("run/event_budget", "1000000000")];
    let problems = try_load(SMALL, &changes, &[]).expect_err("too many events");
    assert_eq!(
        render(&problems, false),
        r#"error: would need about 3.5e9 events a replication, more than run.event_budget (1e9)
 --> --set run/event_budget:1:1
  |
1 | 1000000000
  | ^^^^^^^^^^
  |
  = help: simulate less time or fewer arrivals, or raise the budget: `--set run/event_budget=6912000000`
"#
    );
}

#[test]
fn regions_with_something_in_them_are_joined() {
    let regions = r#"{"eu": (), "us": (), "empty": ()}"#;
    let host = [("regions", regions), ("hosts/mx.example.org/region", "us")];
    let found = complaints(&host, &[]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("no way from `eu`, where there is a name server, to `us`, where there is a host @ "),
        "{found:?}"
    );
    let link = |rtt: &str| {
        format!("[(between: (\"eu\", \"us\"), rtt: \"{rtt}\"), (between: (\"us\", \"eu\"), rtt: \"20ms\")]")
    };
    let joined = |rtt: &str| {
        let link = link(rtt);
        small(&[host[0], host[1], ("links", &link)]).network.paths.clone()
    };
    // The faster of two links; a region's inside comes after the links.
    assert_eq!(joined("30ms")[..3], [vec![2], vec![1], vec![]]);
    assert_eq!(joined("10ms")[..3], [vec![2], vec![0], vec![]]);
    assert_eq!(joined("0s")[..3], [vec![2], vec![0], vec![]]);
    let link = link("pareto(min 1ms, alpha 1)");
    assert_eq!(
        complaints(&[host[0], host[1], ("links", &link)], &[]),
        ["a round-trip time without a mean @ \"pareto(min 1ms, alpha 1)\""]
    );
}

#[test]
fn objectives_name_what_there_is() {
    let said = |objective: &str| complaints(&[("objectives", &format!("[{objective}]"))], &[]);
    assert_eq!(said("(measure: \"latency\", below: \"1s\")"), ["an objective is about a statistic @ \"latency\""]);
    let measure = "measure: \"delivery_latency.p99\"";
    assert_eq!(said(&format!("({measure})")), [format!("an objective without a bound @ ({measure})")]);
    assert_eq!(said(&format!("({measure}, below: \"1 parsec\")")), ["`1 parsec` is no bound of this @ \"1 parsec\""]);
    assert_eq!(
        said(&format!("({measure}, below: \"1s\", scope: \"sender:capmus\")")),
        ["no sender `capmus` @ \"sender:capmus\""]
    );
    assert_eq!(
        said(&format!("({measure}, below: \"1s\", scope: \"sneder:campus\")")),
        ["no kind of scope `sneder` @ \"sneder:campus\""]
    );
}

#[test]
fn objectives_are_about_measures_that_exist() {
    let said = |measure: &str| complaints(&[("objectives", &format!("[(measure: \"{measure}\", below: \"1\")]"))], &[]);
    assert_eq!(said("delivery_latancy.p99"), ["no measure `delivery_latancy` @ \"delivery_latancy.p99\""]);
    assert_eq!(said("delivery_latency.p98"), ["`delivery_latency` has no `p98` @ \"delivery_latency.p98\""]);
    assert_eq!(said("slo_attainment.p99"), ["`p99` is no span @ \"slo_attainment.p99\""]);
    assert!(said("slo_attainment.15m").is_empty());
    let changes = [("objectives", "[(measure: \"delivery_latancy.p99\", below: \"1\")]")];
    let shown = render(&try_load(SMALL, &changes, &[]).expect_err("no such measure"), false);
    assert!(shown.contains("did you mean `delivery_latency`?"), "{shown}");
    let spans = [("objectives", "[(measure: \"slo_attainment.900s\", above: \"99%\")]"), ("run/slo", "[\"1h\"]")];
    let model = small(&spans);
    assert_eq!(model.slo.iter().map(ToString::to_string).collect::<Vec<_>>(), ["15m", "1h"]);
    assert_eq!(model.objectives[0].statistic, "15m");
}

#[test]
fn a_scenario_in_which_nothing_happens_is_a_warning() {
    let (model, warnings) = model_of("(title: \"nothing\")", &[], &[]);
    assert_eq!(model.network.regions, ["everywhere"]);
    assert!(warnings.starts_with("warning: no senders and no clients: nothing happens\n"), "{warnings}");
}
