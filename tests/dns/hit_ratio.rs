//! exp1 and exp6: hit ratios under Poisson queries, entry lifetimes, prefetch.

use mxsim::scenario::tree::RecordType::Mx;

use crate::bench::{Bench, cache_of, model, number, resolver, rows, watch, world, zone};

/// A resolver for each case, asked for one name at a rate; hits and upstream queries, each a query.
fn ratios(cases: &[(String, u32, f64)], queries: f64) -> Vec<(f64, f64)> {
    let (mut zones, mut resolvers, mut clients) = (String::new(), String::new(), String::new());
    for (index, (code, ttl_s, rate)) in cases.iter().enumerate() {
        zones += &zone(&format!("d{index}.lab"), *ttl_s);
        resolvers += &resolver(&format!("r{index}"), code);
        clients += &format!(
            "\"c{index}\": (resolver: \"r{index}\", asks: [(\"d{index}.lab\", MX)], arrivals: Poisson(rate: \"{rate}/s\")),"
        );
    }
    let least = cases.iter().map(|case| case.2).fold(f64::INFINITY, f64::min);
    let run = format!("measure: \"{}s\", seed: 3", (queries / least) as u64);
    let model = model(&world(&run, &zones, &resolvers, &format!("clients: {{ {clients} }}")));
    let watch = watch(&model, false);
    (0..cases.len())
        .map(|index| {
            let cache = cache_of(&model, &format!("r{index}"));
            let behind =
                if cases[index].0.starts_with('D') { cache_of(&model, &format!("r{index}-up")) } else { cache };
            let answers = watch.answers[&cache] as f64;
            (watch.hits[&cache] as f64 / answers, watch.queries.get(&behind).copied().unwrap_or(0) as f64 / answers)
        })
        .collect()
}

/// Cases of like rates together, so that none is asked for longer than it needs.
fn by_rate(cases: &[(String, u32, f64)], queries: f64) -> Vec<(f64, f64)> {
    let mut rates: Vec<f64> = cases.iter().map(|case| case.2).collect();
    rates.sort_unstable_by(f64::total_cmp);
    rates.dedup();
    let mut found = vec![(0.0, 0.0); cases.len()];
    for rate in rates {
        let of: Vec<usize> = (0..cases.len()).filter(|index| cases[*index].2 == rate).collect();
        let some: Vec<_> = of.iter().map(|index| cases[*index].clone()).collect();
        for (index, ratio) in of.into_iter().zip(ratios(&some, queries)) {
            found[index] = ratio;
        }
    }
    found
}

#[test]
fn exp1_hit_ratio_of_every_resolver_that_does_not_prefetch() {
    // Rows of resolvers set to prefetch are held by exp6; BIND prefetches by default where the TTL is 9 and more.
    let measured: Vec<_> = rows("exp1_hit_ratio.csv")
        .into_iter()
        .filter(|row| !row["resolver"].ends_with("pf") || row["resolver"] == "Bnopf")
        .filter(|row| row["resolver"] != "B" || number(row, "T") < 9.0)
        .collect();
    let cases: Vec<(String, u32, f64)> =
        measured.iter().map(|row| (row["resolver"].clone(), number(row, "T") as u32, number(row, "L"))).collect();
    assert!(cases.len() >= 26, "{}", cases.len());
    for (row, (hits, upstream)) in measured.iter().zip(by_rate(&cases, 30_000.0)) {
        // Of dnsmasq the servers saw what the Unbound behind it asked: hits of either.
        let simulated = 1.0 - upstream;
        let z = (simulated - number(row, "hit_ratio")) / number(row, "se_approx");
        assert!(z.abs() < 3.0, "{row:?}: simulated {simulated} (at the client {hits}), z {z}");
    }
}

#[test]
fn exp6_prefetch_and_serve_expired_within_a_hundredth_of_the_model() {
    let model = rows("exp6_prefetch.csv");
    let cases: Vec<(String, u32, f64)> =
        model.iter().map(|row| (row["resolver"].clone(), 20, number(row, "rate_qps"))).collect();
    assert_eq!(cases.len(), 40);
    for (row, (hits, upstream)) in model.iter().zip(by_rate(&cases, 40_000.0)) {
        let (hit, per_query) = (number(row, "model_client_hit"), number(row, "model_upstream_per_query"));
        assert!((hits - hit).abs() < 0.01, "{row:?}: client hit ratio {hits}");
        assert!((upstream - per_query).abs() < 0.01, "{row:?}: upstream a query {upstream}");
    }
}

#[test]
fn exp1_entries_live_as_long_and_say_the_same_ttls() {
    let ttls = rows("exp1_ttls.csv");
    for row in rows("exp1_lifetime.csv") {
        let (code, ttl_s) = (row["resolver"].as_str(), number(&row, "ttl") as u32);
        let model = model(&world(
            "measure: \"1h\"",
            &zone("life.lab", ttl_s),
            &resolver("r", code),
            "clients: { \"c\": (resolver: \"r\", asks: [(\"life.lab\", MX)], arrivals: Periodic(every: \"1h\")) }",
        ));
        let mut bench = Bench::new(&model);
        let behind = if code.starts_with('D') { "r-up" } else { "r" };
        let (mut fetched, mut seen) = (Vec::new(), Vec::new());
        for poll in 0..3000 {
            let now = 0.013 + 0.04 * f64::from(poll);
            let before = bench.queries(behind, "life.lab", Mx);
            seen.push(bench.ask(now, "r", "life.lab", Mx).0.ttl_s);
            if bench.queries(behind, "life.lab", Mx) > before {
                fetched.push(now);
            }
        }
        let mut intervals: Vec<f64> = fetched.windows(2).map(|pair| pair[1] - pair[0]).collect();
        intervals.sort_unstable_by(f64::total_cmp);
        let median = intervals[intervals.len() / 2];
        // One poll either way.
        assert!((median - number(&row, "median_s")).abs() < 0.081, "{row:?}: simulated every {median} s");
        let told = ttls.iter().find(|told| told["resolver"] == row["resolver"] && told["ttl"] == row["ttl"]);
        let Some(told) = told else { panic!("no TTLs of {row:?}") };
        let range = (seen.iter().min().copied(), seen.iter().max().copied());
        let measured = (Some(number(told, "least") as u32), Some(number(told, "greatest") as u32));
        assert_eq!(range, measured, "{told:?}");
    }
}
