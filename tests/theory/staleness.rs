//! Staleness after a change (residual life of a renewal cycle; order statistics), with the resolver `Ideal`.

use crate::support::{assert_measure, run, values};

/// `n` caches, each asked at `rate` from a stationary state on; the data changes at the start of the window.
fn caches(n: u32, rate: &str, ttl: &str, warmup: &str, measure: &str, cells: u32, replications: u32) -> String {
    format!(
        r#"(
        title: "stale",
        run: (warmup: "{warmup}", measure: "{measure}", drain: "0s", replications: {replications}, seed: 5, cells: {cells}),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "d.example": (ttls: (mx: "{ttl}", ns: "3650d", glue: "3650d"), ns: ["ns.d.example"], mx: [(10, "old.example")]),
            "example": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.example"]),
        }},
        servers: {{ "ns.example": (latency: "0s"), "ns.d.example": (latency: "0s") }},
        hosts: {{ "old.example": (), "new.example": () }},
        resolvers: {{ "r{{i}}": (count: {n}, software: Ideal()) }},
        clients: {{ "c{{i}}": (count: {n}, resolver: "r{{i}}", asks: [("d.example", MX)], arrivals: Poisson(rate: "{rate}")) }},
        timeline: [ (name: "change", at: "warmup", do: SetMx(zone: "d.example", mx: [(10, "new.example")])) ],
    )"#
    )
}

#[test]
fn stale_poisson() {
    // P(stale at age t) = p (1 - t/T)+, p = lam T / (1 + lam T). Case o037: lam 0.001, T 300: p = 0.230769, ages 0, 60, 150.
    // Grid instants every 60 s: warm-up 9000 s is instant 150; the change is carried out before what is seen at its
    // instant is counted, so the value one cell later is the first that tells.
    let results = run(&caches(1000, "0.001/s", "300s", "9000s", "600s", 160, 600));
    let series = |index: usize| -> Vec<f64> {
        let of = |replication: &mxsim::experiment::ReplicationResult| {
            let found = replication.series.iter().find(|series| series.measure == "stale_resolvers");
            found.map_or(f64::NAN, |series| series.values[index])
        };
        results.variants[0].replications.iter().map(of).collect()
    };
    for (index, expected) in [(151, 0.184_615_384_6), (152, 0.138_461_538_5), (153, 0.092_307_692_31)] {
        crate::support::assert_estimate("share of stale caches", &series(index), expected, 0.01);
    }
    assert!(series(156).iter().all(|share| *share == 0.0), "none is stale after one TTL");
    // E[stale answers] = lam^2 T^2 / (2 (1 + lam T)) a cache; of lam * 600 answers a cache in the window: 0.0576923.
    assert_measure(&results, "stale_answers", "all", "share", 0.057_692_307_69, 0.01);
}

#[test]
fn stale_farm() {
    // E[time of the last stale cache] = T - (T/p) (1 - (1-p)^(n+1)) / (n + 1), case o039: lam 0.01, T 3600, n 100: 3563.366.
    // Caches start empty: 100 TTLs of warm-up bring them out of step.
    let results = run(&caches(100, "0.01/s", "3600s", "360000s", "7200s", 100, 100));
    assert_measure(&results, "time_to_convergence", "change:change", "max", 3_563.366_337, 0.01);
    let last = values(&results, "time_to_convergence", "change:change", "max");
    assert!(last.iter().all(|end| *end <= 3600.0));
}

/// The curve that is drawn beside the propagation lesson's is that of the simulation, in each of its four acts: TTL untouched,
/// lowered in time, too late, and one resolver of 61 with a minimum TTL. Caches are independent and alike, so the error is
/// that of a share of 610 of them; they count whole seconds, which takes half a second of 300 s at the most.
#[test]
fn the_curves_drawn_beside_the_four_acts_hold() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/propagation_four_acts.ron");
    let text = std::fs::read_to_string(file).unwrap_or_else(|why| panic!("{file}: {why}"));
    let loaded = crate::support::loaded(&text.replace("replications: 10", "replications: 10, cells: 5160"));
    let results = crate::support::run_loaded(&loaded, None);
    for (variant, results) in loaded.variants.iter().zip(&results.variants) {
        let model = &variant.model;
        let name = model.dns.names.get("example.org").unwrap_or_else(|| panic!("no example.org"));
        let question = mxsim::model::dns::Question::new(name, mxsim::scenario::tree::RecordType::Mx);
        let form = mxsim::report::closed_form::ClosedForm::of(model, question);
        let form = form.unwrap_or_else(|| panic!("{}: no closed form", variant.name));
        assert_eq!(form.coverage(), (61, 61));
        let series = results.series.iter().find(|series| series.measure == "stale_resolvers");
        let Some(series) = series else { panic!("{}: no curve", variant.name) };
        let cell_s = model.clock.cell.as_secs_f64();
        let mut worst: f64 = 0.0;
        let mut stale = 0;
        for (index, share) in
            series.mean.iter().enumerate().filter(|(index, _)| *index as f64 * cell_s > 60.0 * 3600.0 + 1.0)
        {
            let expected = form.share(index as f64 * cell_s);
            stale += u32::from(expected > 0.05);
            let error = (expected * (1.0 - expected) / 610.0).sqrt();
            worst = worst.max(((share - expected).abs() - 0.002) / error.max(1e-3));
        }
        println!("{}: {stale} instants above 5 %, at most {worst:.2} standard errors", variant.name);
        // Thousands of instants are looked at, each with its neighbours.
        assert!(worst < 4.5 && stale > 3, "{}: {worst}", variant.name);
    }
}
