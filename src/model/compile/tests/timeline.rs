//! What an operator does, and what undoes it.

use super::*;
use crate::engine::dist::Dist;
use crate::model::timeline::ActionModel;

/// The items of a timeline as text, one a line: seconds, name, what is done.
fn items(timeline: &str, others: &[(&str, &str)]) -> Vec<String> {
    let changes: Vec<(&str, &str)> = others.iter().copied().chain([("timeline", timeline)]).collect();
    let model = small(&changes);
    model
        .timeline
        .iter()
        .map(|item| format!("{} {}: {}", item.at.whole_seconds(), item.name, act(&model, &item.action)))
        .collect()
}

fn act(model: &Model, action: &ActionModel) -> String {
    let question =
        |question: &Question| format!("{} {}", model.dns.names.text(question.name()), question.kind().text());
    let hosts = |hosts: &[crate::model::HostId]| {
        hosts.iter().map(|host| model.dns.names.text(model.mail.hosts[host.index()].name)).collect::<Vec<_>>().join(" ")
    };
    match action {
        ActionModel::SetData { question: set, data, ttl_s } => {
            format!("{} = {} ({ttl_s} s)", question(set), data_text(model, &model.dns.data[data.index()]))
        }
        ActionModel::SetTtl { questions } => {
            let set = questions.iter().map(|(set, ttl_s)| format!("{} {ttl_s}", question(set)));
            set.collect::<Vec<_>>().join(", ")
        }
        ActionModel::SetNs { zone, ns, ttl_s, at, old, is_new_key } => {
            let ns = data_text(model, &model.dns.data[ns.index()]);
            format!("{zone:?} ns {ns} {ttl_s:?} {at:?} {old:?} {is_new_key}")
        }
        ActionModel::RemoveDs { zones } => format!("no ds {zones:?}"),
        ActionModel::SetSerial { zones, serial } => format!("serial {zones:?} {serial}"),
        ActionModel::Down { targets, mode } => format!("down {targets:?} {mode:?}"),
        ActionModel::Up { targets } => format!("up {targets:?}"),
        ActionModel::SetSts { domains, policy, is_announced } => format!("sts {domains:?} {policy:?} {is_announced}"),
        ActionModel::SetDown { caches, is_down } => format!("down {is_down} {caches:?}"),
        ActionModel::SetNetwork { network, cut_off } => {
            format!("{} links, {} cut off", network.graph.edge_count(), hosts(cut_off))
        }
        ActionModel::SetBrownout { each } => format!("{each:?}"),
        ActionModel::SetSessions { hosts: set, sessions } => format!("{} sessions {sessions:?}", hosts(set)),
        ActionModel::CloseSessions { hosts: set } => format!("{} closes", hosts(set)),
        ActionModel::SetIpv6 { hosts: set, ipv6 } => format!("{} ipv6 {ipv6:?}", hosts(set)),
        ActionModel::SetService { hosts: set, service } => {
            let Dist::Constant(seconds) = service else { panic!("{service:?}") };
            format!("{} service {seconds}", hosts(set))
        }
        ActionModel::FlushCache { caches, name } => {
            format!("flush {caches:?} {}", name.map_or("all", |name| model.dns.names.text(name)))
        }
        ActionModel::SetServeStale { resolvers, serve } => format!("serve-stale {resolvers:?} {serve:?}"),
        ActionModel::FlushQueue { nodes } => format!("flush {nodes:?}"),
        ActionModel::RunQueue { nodes } => format!("queue run {nodes:?}"),
    }
}

#[test]
fn what_ends_is_put_back_as_it_was_when_it_began() {
    let timeline = r#"[
        (at: "10s", do: SetMx(zone: "example.org", mx: [])),
        (name: "null", at: "20s", do: SetMx(zone: "example.org", mx: [(0, ".")]), for: "5s"),
        (name: "back", at: "null + 10s", do: SetMx(zone: "example.org", mx: [(10, "mx.example.org")])),
        (at: "1m", do: SetTtl(zone: "example.org", ttl: "5m", only: MX), for: "1m"),
        (at: "90s", do: SetAddress(name: "new.example.org", hosts: ["mx.example.org"]), for: "1s"),
    ]"#;
    assert_eq!(
        items(timeline, &[]),
        [
            "10 MX of example.org: example.org MX = absent (3600 s)",
            "20 null: example.org MX = 0 . (3600 s)",
            "25 null ends: example.org MX = absent (3600 s)",
            "30 back: example.org MX = 10 mx.example.org (3600 s)",
            "60 TTL of example.org 5m: example.org MX 300",
            "90 address of new.example.org: new.example.org A = mx.example.org (3600 s)",
            "91 address of new.example.org ends: new.example.org A = absent (3600 s)",
            "120 TTL of example.org 5m ends: example.org MX 3600",
        ]
    );
}

#[test]
fn a_record_that_comes_after_a_change_of_ttl_has_it() {
    let timeline = r#"[
        (at: "10s", do: SetTtl(zone: "example.org", ttl: "5m")),
        (at: "20s", do: SetAddress(name: "new.example.org", hosts: ["mx.example.org"])),
    ]"#;
    assert_eq!(items(timeline, &[])[1], "20 address of new.example.org: new.example.org A = mx.example.org (300 s)");
}

#[test]
fn hosts_get_back_each_its_own() {
    let hosts =
        r#"{"mx.example.org": (), "a.example.org": (sessions: 3, service: "2s"), "b.example.org": (sessions: 3)}"#;
    let timeline = r#"[
        (name: "n", at: "10s", do: SetSessions(host: "*", sessions: 1), for: "1m"),
        (name: "s", at: "20s", do: SetService(host: "*.example.org", service: "9s"), for: "1s"),
    ]"#;
    assert_eq!(
        items(timeline, &[("hosts", hosts)]),
        [
            "10 n: mx.example.org a.example.org b.example.org sessions Some(1)",
            "20 s: mx.example.org a.example.org b.example.org service 9",
            "21 s ends: mx.example.org b.example.org service 0",
            "21 s ends: a.example.org service 2",
            "70 n ends: mx.example.org sessions None",
            "70 n ends: a.example.org b.example.org sessions Some(3)",
        ]
    );
}

#[test]
fn an_outage_ends_for_the_targets_it_began_for() {
    let timeline = r#"[
        (at: "10s", do: Outage(host: "mx.*", server: "ns1.example.org", risk: "power", mode: BlackHole), for: "5s"),
        (at: "20s", do: FlushCache(resolver: "isp", name: "Example.ORG.")),
    ]"#;
    let others = [
        ("risks", r#"{"power": ()}"#),
        ("servers", r#"{"ns1.example.org": ()}"#),
        ("zones/example.org/ns", r#"["ns1.example.org"]"#),
        ("resolvers/isp/farm", "2"),
    ];
    assert_eq!(
        items(timeline, &others),
        [
            "10 outage of mx.*, ns1.example.org, power: down [TargetId(0), TargetId(1), TargetId(4)] BlackHole",
            "15 outage of mx.*, ns1.example.org, power ends: up [TargetId(0), TargetId(1), TargetId(4)]",
            "20 flush of isp: flush [CacheId(0), CacheId(1)] example.org",
        ]
    );
}

#[test]
fn a_queue_is_a_senders_or_a_relays() {
    let hosts = r#"{"mx.example.org": (), "b.example.org": (relays_for: ["example.org"])}"#;
    let flush = |sender: &str| {
        let timeline = format!("[(at: \"10s\", do: FlushQueue(sender: \"{sender}\"))]");
        items(&timeline, &[("hosts", hosts)])
    };
    assert_eq!(flush("campus"), ["10 flush of campus: flush [NodeId(0)]"]);
    assert_eq!(flush("b.example.org"), ["10 flush of b.example.org: flush [NodeId(1)]"]);
    assert_eq!(flush("*"), ["10 flush of *: flush [NodeId(0), NodeId(1)]"]);
}

#[test]
fn a_queue_run_is_of_what_has_queue_runs() {
    let timeline = ("timeline", r#"[(at: "10s", do: RunQueue(sender: "campus"))]"#);
    assert_eq!(
        items(timeline.1, &[("senders/campus/retry", "Exim()")]),
        ["10 queue run of campus: queue run [NodeId(0)]"]
    );
    assert_eq!(
        complaints(&[timeline, ("senders/campus/retry", "Qmail()")], &[]),
        ["`campus` has no queue runs @ \"campus\""]
    );
    let lasts = ("timeline", r#"[(at: "10s", do: RunQueue(sender: "campus"), for: "1h")]"#);
    assert_eq!(
        complaints(&[lasts, ("senders/campus/retry", "Exim()")], &[]),
        ["a queue run cannot be put back @ \"1h\""]
    );
}

#[test]
fn an_entry_that_cannot_be_done_is_an_error_at_its_place() {
    let said = |entry: &str| complaints(&[("timeline", &format!("[{entry}]"))], &[]);
    assert_eq!(
        said(r#"(at: "1h", do: SetMx(zone: "example.org", mx: [(10, "mx.exmaple.org")]))"#),
        ["MX to a host that does not exist: `mx.exmaple.org` @ \"mx.exmaple.org\""]
    );
    assert_eq!(
        said(r#"(at: "1h", do: SetCname(name: "mx.example.org", to: "x.org"))"#),
        ["`mx.example.org` has other records at that time (RFC 1034 section 3.6.2) @ \"mx.example.org\""]
    );
    assert_eq!(said(r#"(at: "1h", do: Outage())"#), ["an outage of nothing @ Outage()"]);
    assert_eq!(
        said(r#"(at: "1h", do: FlushCache(resolver: "isp"), for: "1h")"#),
        ["a flush cannot be put back @ \"1h\""]
    );
    assert_eq!(said(r#"(at: "warmpu + 1h", do: FlushCache(resolver: "isp"))"#), ["no time `warmpu` @ warmpu"]);
    assert_eq!(said(r#"(at: "1h - 2h", do: FlushCache(resolver: "isp"))"#), ["before the start of the run @ 1h - 2h"]);
    assert_eq!(
        said(r#"(name: "Mon 07:00", at: "1h", do: FlushCache(resolver: "isp"))"#),
        ["`Mon 07:00` is a time, and no name for one @ \"Mon 07:00\""]
    );
    assert_eq!(
        said(r#"(at: "1h", do: Outage(host: "mx.example.org", mode: Reply(stage: Rcpt, code: 250)))"#),
        ["250 is no reply of something that fails @ Reply(stage: Rcpt, code: 250)"]
    );
}

#[test]
fn what_comes_after_the_end_is_a_warning_and_is_left_out() {
    let timeline = r#"[(at: "60d", do: FlushCache(resolver: "isp"))]"#;
    let (model, warnings) = model_of(SMALL, &[("timeline", timeline)], &[]);
    assert!(model.timeline.is_empty());
    assert!(warnings.starts_with("warning: after the end of the run, at t+6d\n"), "{warnings}");
}

#[test]
fn an_end_that_puts_back_what_another_changed_is_a_warning() {
    let timeline = r#"[
        (at: "10s", do: SetMx(zone: "example.org", mx: []), for: "1m"),
        (at: "20s", do: SetMx(zone: "example.org", mx: [(0, ".")])),
    ]"#;
    let found = complaints(&[("timeline", timeline)], &[]);
    assert_eq!(
        found,
        [
            "what this entry set is changed by another before it ends: the end puts back what was there before both @ \"1m\""
        ]
    );
}
