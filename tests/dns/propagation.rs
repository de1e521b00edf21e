//! exp2: when each of many caches first tells of a change.

use std::collections::HashMap;

use mxsim::engine::time::SimTime;

use crate::bench::{Watch, model, number, rows, software, watch, world, zone};
use crate::tests_of_fit::kolmogorov_smirnov;

/// Caches in one row of the simulation: as many times those of a recording.
const CACHES: u32 = 1536;

/// Seconds from a change to the first new answer, and to the last old one of each cache, over many that are not in step.
fn simulated(rules: &str, rate: f64, censored_s: f64) -> (Vec<f64>, Vec<f64>) {
    // Twenty TTLs of warm-up with a random beginning bring the caches out of step.
    let change_s = 600.0;
    let text = world(
        "measure: \"720s\", seed: 8",
        &zone("d.lab", 30),
        &format!("\"r{{i}}\": (count: {CACHES}, software: {rules}),"),
        &format!(
            r#"clients: {{ "c{{i}}": (count: {CACHES}, resolver: "r{{i}}", asks: [("d.lab", MX)], begins: "uniform(0s, 30s)",
                arrivals: Poisson(rate: "{rate}/s")) }},
            timeline: [(at: "{change_s}s", do: SetMx(zone: "d.lab", mx: [(10, "new.lab")]))],"#
        ),
    );
    let Watch { lookups, .. } = watch(&model(&text), true);
    let change = SimTime::from_secs(change_s as u64);
    let (mut first_new, mut last_old) = (HashMap::new(), vec![0.0f64; CACHES as usize]);
    for record in lookups.iter().filter(|record| record.asked >= change) {
        let after = record.asked.since(change).as_secs_f64();
        match record.answer.data_version {
            0 => last_old[record.cache.index()] = after,
            _ => {
                first_new.entry(record.cache).or_insert(after);
            }
        }
    }
    (first_new.into_values().filter(|after| *after <= censored_s).collect(), last_old)
}

#[test]
fn exp2_time_to_the_first_new_answer_is_distributed_alike() {
    let mut measured: HashMap<(String, String), Vec<f64>> = HashMap::new();
    for row in rows("exp2_first_new.csv") {
        let key = (row["software"].clone(), row["rate_qps"].clone());
        measured.entry(key).or_default().push(number(&row, "first_new_answer_s_after_change"));
    }
    let mut keys: Vec<_> = measured.keys().cloned().collect();
    keys.sort();
    // The stationary recordings have twelve rows (four programs, three rates), of which at most one may miss.
    assert_eq!(keys.len(), 12);
    let (mut missed, mut greatest) = (Vec::new(), HashMap::new());
    for (name, rate) in keys {
        let sample = &measured[&(name.clone(), rate.clone())];
        // What had not been seen when the next change came is not in the recordings; nor is it here.
        let censored_s = sample.iter().copied().fold(0.0, f64::max);
        let code = match name.as_str() {
            "bind" => "B",
            "kresd" => "K",
            "pdns" => "P",
            _ => "U",
        };
        let (simulated, last_old) = simulated(software(code), rate.parse().unwrap_or(f64::NAN), censored_s);
        let Some((distance, p)) = kolmogorov_smirnov(sample, &simulated) else { panic!("no samples of {name}") };
        if p <= 0.01 {
            missed.push(format!("{name} {rate}: D {distance}, p {p}"));
        }
        // Half as many caches were recorded at the highest rate; four times as many of unbound.
        let recorded = if name == "unbound" { 768 } else { 128 } / if rate == "0.5" { 2 } else { 1 };
        let groups: Vec<f64> =
            last_old.chunks_exact(recorded).map(|group| group.iter().copied().fold(0.0, f64::max)).collect();
        let last = greatest.entry(name).or_insert_with(|| vec![0.0f64; groups.len()]);
        last.truncate(groups.len());
        last.iter_mut().zip(groups).for_each(|(last, group)| *last = last.max(group));
    }
    assert!(missed.len() <= 1, "{missed:?}");
    for row in rows("exp2_greatest.csv") {
        // The greatest of so many caches is itself a matter of chance, of a second or two: within one second of those of as
        // many groups of as many caches.
        let groups = &greatest[&row["software"]];
        let least = groups.iter().copied().fold(f64::INFINITY, f64::min);
        let most = groups.iter().copied().fold(0.0, f64::max);
        let measured = number(&row, "greatest");
        assert!(least - 1.0 <= measured && measured <= most + 1.0, "{row:?}: simulated {groups:?}");
    }
}
