//! What can be down.

use super::*;
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::scenario::tree::{FailureMode, Stage};

#[test]
fn targets_are_hosts_then_servers_then_risks_and_a_risk_takes_each_down_once() {
    let model = small(&[
        ("hosts", r#"{"mx.example.org": (up: "exponential(30d)", down: "4h", risks: ["pow*", "power"])}"#),
        ("servers", r#"{"ns1.example.org": (risks: ["power"])}"#),
        ("zones/example.org/ns", r#"["ns1.example.org"]"#),
        ("risks", r#"{"power": (up: "365d", down: "1d", fails: BlackHole)}"#),
    ]);
    let faults = &model.faults;
    // The root's and the top-level zone's servers are made.
    assert_eq!((faults.hosts, faults.servers, faults.targets.len()), (1, 3, 5));
    let risk = &faults.targets[4];
    assert_eq!((risk.kind, risk.name.as_str(), risk.fails), ("risk", "power", FailureMode::BlackHole));
    assert_eq!(risk.takes_down.iter().map(|target| target.0).collect::<Vec<_>>(), [0, 1]);
    let four_hours = Dist::Constant(14_400.0);
    assert_eq!(faults.targets[0].renewal.as_ref().map(|(_, down)| down), Some(&four_hours));
}

#[test]
fn a_renewal_process_needs_both_its_times_and_their_means() {
    assert_eq!(complaints(&[("hosts/mx.example.org", "(up: \"1d\")")], &[]), ["`up` without `down` @ \"1d\""]);
    assert_eq!(
        complaints(&[("hosts/mx.example.org", "(up: \"pareto(min 1s, alpha 1)\", down: \"1s\")")], &[]),
        ["a time without a mean above zero @ \"pareto(min 1s, alpha 1)\""]
    );
}

#[test]
fn an_unknown_risk_has_a_nearest_name() {
    let changes = [("risks", r#"{"power": ()}"#), ("hosts/mx.example.org", "(risks: [\"pwoer\"])")];
    let problems = try_load(SMALL, &changes, &[]).expect_err("an unknown risk");
    assert_eq!(
        render(&problems, false),
        r#"error: no risk `pwoer`
 --> --set hosts/mx.example.org:1:10
  |
1 | (risks: ["pwoer"])
  |          ^^^^^^^
  |
  = help: did you mean `power`?
"#
    );
}

#[test]
fn rows_of_a_trace_belong_to_whom_they_name_or_to_all() {
    let csv = "host,start,end,mode\nmx.example.org,10,20,black hole\n,30,40,\nmx.exmaple.org,5,6,\n\
               mx.example.org,50,60,\"Reply(stage: Rcpt, code: 451)\"\n";
    let (model, warnings) =
        model_of(SMALL, &[("hosts/mx.example.org", "(outages: \"o.csv\", fails: Silent)")], &[("o.csv", csv)]);
    let seconds = SimTime::from_secs;
    let reply = FailureMode::Reply { stage: Stage::Rcpt, code: 451 };
    assert_eq!(
        model.faults.targets[0].outages[..],
        [
            (seconds(10), seconds(20), FailureMode::BlackHole),
            (seconds(30), seconds(40), FailureMode::Silent),
            (seconds(50), seconds(60), reply),
        ]
    );
    assert_eq!(
        warnings,
        r#"warning: nothing that reads this file is named `mx.exmaple.org`
 --> o.csv:4:1
  |
4 | mx.exmaple.org,5,6,
  | ^^^^^^^^^^^^^^
  |
  = help: did you mean `mx.example.org`?
"#
    );
}

#[test]
fn outages_of_one_thing_do_not_overlap() {
    let csv = "host,start,end\nmx.example.org,10,20\n,15,40\n";
    assert_eq!(
        complaints(&[("hosts/mx.example.org", "(outages: \"o.csv\")")], &[("o.csv", csv)]),
        ["outages of `mx.example.org` overlap at t+15s @ \"o.csv\""]
    );
    let csv = "start,end,mode\n10,20,sideways\n";
    assert_eq!(
        complaints(&[("hosts/mx.example.org", "(outages: \"o.csv\")")], &[("o.csv", csv)]),
        ["no failure mode `sideways` @ sideways"]
    );
}

#[test]
fn partitions_and_brownouts_of_nothing_are_errors() {
    let links = "[(between: (\"eu\", \"us\"), rtt: \"80ms\")]";
    let said = |action: &str| {
        let text = format!("[(at: \"1h\", do: {action})]");
        complaints(
            &[("regions", "{ \"eu\": (), \"us\": (), \"asia\": () }"), ("links", links), ("timeline", &text)],
            &[],
        )
    };
    assert_eq!(said("Partition(between: (\"eu\", \"us\"))"), Vec::<String>::new());
    let none = said("Partition(between: (\"eu\", \"asia\"))");
    assert_eq!(none, ["no link joins `eu` and `asia` @ (\"eu\", \"asia\")"]);
    assert!(said("Partition(between: (\"eu\", \"su\"))")[0].starts_with("no region `su`"));
    let brown = |what: &str| said(&format!("Brownout({what})"));
    assert_eq!(brown("host: \"mx.*\", slow: 2, answers: 0.5, mode: Refuse"), Vec::<String>::new());
    assert_eq!(brown("host: \"mx.*\", slow: 0.5"), ["0.5 times as long @ 0.5"]);
    assert!(brown("slow: 2")[0].starts_with("a brownout of nothing"));
    assert!(brown("host: \"mx.*\"")[0].starts_with("a brownout that changes nothing"));
    assert!(brown("host: \"mx.*\", answers: 1.5")[0].contains("1.5"));
    assert!(brown("host: \"mx.*\", answers: 0.5, mode: Freeze")[0].starts_with("no connection freezes"));
}
