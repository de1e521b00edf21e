//! Variants, overrides, files.

use super::*;
use crate::model::compile::load;

#[test]
fn what_is_set_on_the_command_line_comes_after_a_variant() {
    let text = SMALL.replace(
        ",\n)",
        ",\n    variants: { \"slow\": { \"zones/example.org/ttl\": \"2h\", \"run/seed\": \"9\" } },\n)",
    );
    let loaded = try_load(&text, &[("run/seed", "5")], &[]).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let seeds: Vec<u64> = loaded.variants.iter().map(|variant| variant.model.seed).collect();
    assert_eq!(seeds, [5, 5]);
    assert_eq!(rdata(&loaded.variants[1].model, "example.org", RecordType::Mx), "10 mx.example.org (7200 s)");
}

#[test]
fn an_error_in_a_variant_is_said_once_at_its_value() {
    let text = SMALL.replace(
        ",\n)",
        ",\n    variants: { \"x\": { \"zones/example.org/mx/0/1\": \"mx.exmaple.org\" }, \"baseline\": {} },\n)",
    );
    let problems = try_load(&text, &[], &[]).expect_err("two errors");
    assert_eq!(
        render(&problems, false),
        r#"error: in variant `x`: MX to a host that does not exist: `mx.exmaple.org`
 --> a.ron:7:52
  |
7 |     variants: { "x": { "zones/example.org/mx/0/1": "mx.exmaple.org" }, "baseline": {} },
  |                                                    ^^^^^^^^^^^^^^^^
  |
  = help: did you mean `mx.example.org`?

error: a variant named `baseline`
 --> a.ron:7:72
  |
7 |     variants: { "x": { "zones/example.org/mx/0/1": "mx.exmaple.org" }, "baseline": {} },
  |                                                                        ^^^^^^^^^^
  |
  = help: `baseline` is the scenario as written: give the variant another name
"#
    );
}

#[test]
fn a_file_is_read_with_its_neighbours_and_without_a_byte_order_mark() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.ron");
    let text = SMALL.replace("\"mx.example.org\": ()", "\"mx.example.org\": (service: \"empirical(times.csv)\")");
    std::fs::write(&path, format!("\u{feff}{text}")).expect("written");
    std::fs::write(folder.path().join("times.csv"), "2s\n1s\n").expect("written");
    let loaded = load(&path, &[]).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let service = &loaded.variants[0].model.mail.hosts[0].service;
    assert_eq!(*service, crate::engine::dist::Dist::Empirical([1.0, 2.0].into()));
    std::fs::write(&path, b"(title: \"\xff\")").expect("written");
    let said = |found: Result<Loaded, Vec<Diagnostic>>| found.err().map(|problems| problems[0].message.clone());
    assert!(said(load(&path, &[])).is_some_and(|text| text.ends_with("is not UTF-8 text (byte 9)")));
    assert!(said(load(&folder.path().join("b.ron"), &[])).is_some_and(|text| text.starts_with("cannot read `")));
}

#[test]
fn a_file_that_is_missing_is_an_error_where_it_is_named() {
    assert_eq!(
        complaints(&[("hosts/mx.example.org/service", "empirical(times.csv)")], &[]),
        ["cannot read `times.csv`: no such file @ empirical(times.csv)"]
    );
    // An error inside a file has its place there.
    assert_eq!(
        complaints(&[("hosts/mx.example.org/service", "empirical(times.csv)")], &[("times.csv", "1s\n-2s\n")]).len(),
        1
    );
}

#[test]
fn an_entry_that_is_like_another_takes_its_fields() {
    let text = r#"(title: "t",
        zones: { "example.org": (mx: [(10, "a.example.org"), (20, "b.example.org")]) },
        hosts: { "a.example.org": (sessions: 3, addresses: 2), "b.example.org": (like: "a.example.org", sessions: 5) },
        resolvers: { "isp": () },
        senders: {
            "one": (resolver: "isp", arrivals: Poisson(rate: "1/s"), to: Weights({"example.org": 1.0})),
            "two": (like: "one", size: "1kB"),
        },
    )"#;
    let loaded = try_load(text, &[], &[]).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let model = &loaded.variants[0].model;
    assert_eq!(model.mail.hosts[1].sessions, Some(5));
    assert_eq!(loaded.variants[0].scenario.hosts["b.example.org"].addresses, 2);
    assert_eq!(model.mail.senders, 2);
}

#[test]
fn what_is_set_in_an_entry_is_taken_by_those_that_are_like_it() {
    let text = r#"(title: "t",
        zones: { "example.org": (mx: [(10, "a.org"), (20, "b.org"), (30, "c.org"), (40, "d.org")]) },
        hosts: {
            "a.org": (sessions: 3, service: "1s"), "b.org": (like: "a.org"), "c.org": (like: "b.org", sessions: 5),
            "d.org": (like: "c.org"),
        },
        resolvers: { "isp": () },
        senders: {
            "one": (resolver: "isp", arrivals: Poisson(rate: "1/s"), to: Weights({"example.org": 1.0})),
            "two": (like: "one"), "three": (like: "one"),
        },
        variants: {
            "more": { "hosts/a.org/sessions": "9", "hosts/a.org/addresses": "2" },
            "own": { "hosts/a.org/sessions": "9", "hosts/b.org/sessions": "8", "hosts/b.org/addresses": "2" },
            "deep": { "senders/three/arrivals/rate": "7/s", "senders/one/arrivals/rate": "2/s" },
        },
    )"#;
    let sessions = |text: &str, overrides: &[(&str, &str)]| -> Vec<(Vec<Option<u32>>, Vec<u32>, String)> {
        let loaded = try_load(text, overrides, &[]).unwrap_or_else(|found| panic!("{}", render(&found, false)));
        loaded
            .variants
            .iter()
            .map(|variant| {
                let arrivals = variant.scenario.senders.values().map(|sender| format!("{:?}", sender.arrivals));
                let addresses = variant.scenario.hosts.values().map(|host| host.addresses);
                let hosts = variant.model.mail.hosts.iter().map(|host| host.sessions);
                (hosts.collect(), addresses.collect(), arrivals.collect::<Vec<_>>().join(" "))
            })
            .collect()
    };
    let found = sessions(text, &[]);
    let of = |index: usize| found[index].0.iter().map(|sessions| sessions.unwrap_or(0)).collect::<Vec<_>>();
    assert_eq!((of(0), of(1), of(2)), (vec![3, 3, 5, 5], vec![9, 9, 5, 5], vec![9, 8, 5, 5]));
    assert_eq!((&found[1].1[..], &found[2].1[..]), (&[2, 2, 2, 2][..], &[1, 2, 2, 2][..]));
    let poisson = |rate: &str| format!("Poisson {{ rate: Rate({rate}) }}");
    assert_eq!(found[3].2, [poisson("2.0"), poisson("2.0"), poisson("7.0")].join(" "));
    assert_eq!(sessions(text, &[("hosts/a.org/sessions", "7")])[0].0, [Some(7), Some(7), Some(5), Some(5)]);

    // As resolved it is the same scenario.
    let loaded = try_load(text, &[], &[]).unwrap_or_else(|found| panic!("{}", render(&found, false)));
    let resolved = crate::report::resolved::to_ron(&loaded.variants[0].scenario).unwrap();
    assert_eq!(sessions(&resolved, &[]), found);
}
