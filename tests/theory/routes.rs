//! Choice among MX hosts: multinomial splits, sequential failover.

use crate::support::{assert_estimate, assert_measure, run, values};

fn mx(list: &str, hosts: &str, rate: &str, replications: u32) -> String {
    format!(
        r#"(
        title: "routes",
        run: (measure: "10000s", drain: "100000s", replications: {replications}, seed: 41),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "3650d", a: "3650d", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [{list}]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ {hosts} }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (
            resolver: "r", arrivals: {rate}, to: Weights({{"d.example": 1.0}}),
            retry: Custom(schedule: Constant("1d")), client: (connect_timeout: "30s"),
        ) }},
        timeline: [ (at: "0s", do: Outage(host: "dead*", mode: BlackHole)) ],
    )"#
    )
}

fn equal(live: u32, dead: u32) -> (String, String) {
    let names: Vec<String> = (1..=live)
        .map(|i| format!("live{i}.d.example"))
        .chain((1..=dead).map(|i| format!("dead{i}.d.example")))
        .collect();
    let list: Vec<String> = names.iter().map(|name| format!("(10, \"{name}\")")).collect();
    let hosts: Vec<String> = names.iter().map(|name| format!("\"{name}\": (service: \"300ms\")")).collect();
    (list.join(", "), hosts.join(", "))
}

#[test]
fn mx_split() {
    // Counts are multinomial: mean n / k, chi-square over hosts has mean k - 1 over replications. Case o124: n 3000, k 5.
    let (list, hosts) = equal(5, 0);
    let text = mx(&list, &hosts, "Burst(at: \"0s\", count: 3000, over: \"3000s\")", 200)
        .replace("timeline: [ (at: \"0s\", do: Outage(host: \"dead*\", mode: BlackHole)) ],", "");
    let results = run(&text);
    let counts: Vec<Vec<f64>> =
        (1..=5).map(|i| values(&results, "accepted", &format!("host:live{i}.d.example"), "count")).collect();
    for of_host in &counts {
        assert_estimate("messages of a host", of_host, 600.0, 0.01);
    }
    let chi: Vec<f64> =
        (0..200).map(|replication| counts.iter().map(|of| (of[replication] - 600.0).powi(2) / 600.0).sum()).collect();
    // The mean of a chi-square with 4 degrees of freedom has a standard error of sqrt(8 / 200) = 5 %.
    assert_estimate("chi-square", &chi, 4.0, 0.06);
    let largest: Vec<f64> =
        (0..200).map(|replication| counts.iter().map(|of| of[replication]).fold(0.0, f64::max)).collect();
    assert_estimate("largest count", &largest, 628.618_104_8, 0.01);
}

#[test]
fn mx_failover() {
    // E[connects] = (n + 1) / (n - d + 1), E[latency] = tau d / (n - d + 1) + c. Cases o125, o126: tau 30 s, c 0.3 s.
    for (n, d, connects, latency) in [(4, 1, 1.25, 7.8), (5, 3, 2.0, 30.3)] {
        let (list, hosts) = equal(n - d, d);
        let results = run(&mx(&list, &hosts, "Poisson(rate: \"1/s\")", 20));
        assert_measure(&results, "delivery_latency", "all", "mean", latency, 0.01);
        // Connections start in the window, a few of them after it: the ratio of counts is held through what was wasted.
        assert_measure(&results, "connections_wasted", "all", "share", 1.0 - 1.0 / connects, 0.01);
    }
}

#[test]
fn mx_order() {
    // Hosts in order, each down with u at the instant: shares 1 - u1, u1 (1 - u2); E[connects] = 1 + u1.
    // u1 = 1/11, u2 = 1/6 (means 10 h and 1 h, 5 h and 1 h); a refusal costs 30 s, a session 0.3 s.
    let hosts = r#""a.d.example": (service: "300ms", refusal: "30s", up: "exponential(10h)", down: "exponential(1h)"),
        "b.d.example": (service: "300ms", refusal: "30s", up: "exponential(5h)", down: "exponential(1h)")"#;
    let text = mx(r#"(10, "a.d.example"), (20, "b.d.example")"#, hosts, "Poisson(rate: \"0.002/s\")", 20)
        .replace("measure: \"10000s\"", "measure: \"2000d\"")
        .replace("Constant(\"1d\")", "Constant(\"3000d\"), lifetime: \"6000d\"")
        .replace("timeline: [ (at: \"0s\", do: Outage(host: \"dead*\", mode: BlackHole)) ],", "");
    let results = run(&text);
    let (u1, u2) = (1.0 / 11.0, 1.0 / 6.0);
    let deliveries = values(&results, "deliveries", "all", "count");
    let share = |host: &str| -> Vec<f64> {
        let accepted = values(&results, "accepted", &format!("host:{host}.d.example"), "count");
        accepted.iter().zip(&deliveries).map(|(accepted, all)| accepted / all).collect()
    };
    assert_estimate("share of the first", &share("a"), 1.0 - u1, 0.002);
    // Within 1.2 %: the second's turn comes with the first's outages, and it is their number that the mean is over.
    assert_estimate("share of the second", &share("b"), u1 * (1.0 - u2), 0.012);
    let connections = values(&results, "connections", "all", "count");
    let per_message: Vec<f64> = connections.iter().zip(&deliveries).map(|(c, all)| c / all).collect();
    assert_estimate("connections a message", &per_message, 1.0 + u1, 0.002);
    let failed = u1 * (1.0 - u2) / (1.0 - u1 * u2);
    // The same: a hundred times a session is a refusal, of messages that met the first's outages.
    assert_measure(&results, "delivery_latency", "all", "mean", 0.3 + 30.0 * failed, 0.012);
}

#[test]
fn weighted_order() {
    // P(first = i) = w_i / W; with host j down its load goes to i with w_i / (W - w_j) more, so that what the others gain over
    // all j is P(second = i). Case o129: weights 60, 20, 10, 10.
    let weights = [60, 20, 10, 10];
    let (list, hosts) = equal(4, 0);
    let named: Vec<String> = (1..).zip(weights).map(|(i, w)| format!("\"live{i}.d.example\": {w}.0")).collect();
    let client = format!("connect_timeout: \"30s\", shuffle: Weighted, weights: {{ {} }}", named.join(", "));
    let text = mx(&list, &hosts, "Poisson(rate: \"10/s\")", 20).replace("connect_timeout: \"30s\"", &client);
    let shares = |down: Option<usize>| -> Vec<Vec<f64>> {
        let outage =
            down.map_or_else(String::new, |host| format!("(at: \"0s\", do: Outage(host: \"live{host}.d.example\")),"));
        let results = run(&text.replace("(at: \"0s\", do: Outage(host: \"dead*\", mode: BlackHole))", &outage));
        let deliveries = values(&results, "deliveries", "all", "count");
        let of = |host: usize| values(&results, "accepted", &format!("host:live{host}.d.example"), "count");
        (1..=4).map(|host| of(host).iter().zip(&deliveries).map(|(accepted, all)| accepted / all).collect()).collect()
    };
    let first = shares(None);
    for (host, expected) in first.iter().zip([0.6, 0.2, 0.1, 0.1]) {
        assert_estimate("first choice", host, expected, 0.005);
    }
    let without: Vec<Vec<Vec<f64>>> = (1..=4).map(|down| shares(Some(down))).collect();
    for (host, expected) in [0.283_333_333_3, 0.344_444_444_4, 0.186_111_111_1, 0.186_111_111_1].into_iter().enumerate()
    {
        let gained = |replication: usize| {
            let others = (0..4).filter(|down| *down != host);
            others.map(|down| without[down][host][replication] - first[host][replication]).sum()
        };
        let second: Vec<f64> = (0..20).map(gained).collect();
        assert_estimate("second choice", &second, expected, 0.01);
    }
}
