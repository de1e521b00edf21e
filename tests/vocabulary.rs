//! The names of measures, series and scopes, against what the tables have.

mod support;

use support::worlds::{FORWARDED, world};

/// Each measure that has rows is one that objectives may be about, and the other way round for what these worlds have.
#[test]
fn every_row_is_in_the_vocabulary() {
    use mxsim::model::vocabulary::{MEASURES, SCOPES, SERIES};
    let more = r#"timeline: [
        (name: "out", at: "10m", do: Outage(host: "mx.a.example"), for: "10m"),
        (name: "cut", at: "30m", do: SetMx(zone: "a.example", mx: [(10, "new.a.example")])),
    ],"#;
    let hosts = r#""mx.a.example": (sessions: 5, store: (replicas: 2, lag: "5s")), "new.a.example": ()"#;
    let gallery = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/real_queue.ron");
    let one = mxsim::scenario::splice::Override::named("test", "run/replications", "1");
    let queued = mxsim::model::compile::load(&gallery, &[one]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let told = world(r#"measure: "1h", drain: "1d""#, hosts, more)
        .replace("arrivals:", r#"return_path: "a.example", arrivals:"#);
    let worlds = [
        support::loaded(&world(r#"measure: "1h", drain: "1d", slo: ["5m"]"#, hosts, more)),
        support::loaded(&told),
        support::loaded(FORWARDED),
        support::loaded(&FORWARDED.replace("\"isp\": ()", "\"isp\": (software: Pushed())")),
        queued,
    ];
    let results = worlds.each_ref().map(|loaded| support::run_loaded(loaded, None));
    let rows = || results.iter().flat_map(|results| &results.variants[0].summary);
    for row in rows() {
        let known = MEASURES.iter().find(|known| known.name == row.measure);
        let known = known.unwrap_or_else(|| panic!("`{}` is not in the vocabulary", row.measure));
        let fits = known.statistics.contains(&row.statistic.as_ref()) || known.name == "slo_attainment";
        assert!(fits, "{}.{}", row.measure, row.statistic);
        assert_eq!(row.unit, known.unit(&row.statistic), "{}.{}", row.measure, row.statistic);
    }
    // An objective is accepted if, and only if, there is such a row.
    let mut refused = 0;
    for (loaded, results) in worlds.iter().zip(&results) {
        let (model, variant) = (&loaded.variants[0].model, &results.variants[0]);
        let scopes: std::collections::BTreeSet<&str> = variant.summary.iter().map(|row| row.scope.as_str()).collect();
        for known in MEASURES.iter().filter(|known| known.name != "slo_attainment") {
            for (statistic, scope) in known.statistics.iter().flat_map(|s| scopes.iter().map(move |scope| (s, scope))) {
                let listed = model.lists(known, statistic, scope);
                refused += u32::from(listed.is_err());
                let has_row = variant.row(known.name, scope, statistic).is_some();
                assert_eq!(listed.is_ok(), has_row, "{}.{statistic} of {scope}: {listed:?}", known.name);
            }
        }
    }
    assert!(refused > 100);
    for known in MEASURES {
        assert!(rows().any(|row| row.measure == known.name), "nothing has rows of `{}`", known.name);
    }
    let series = || results.iter().flat_map(|results| &results.variants[0].series);
    assert!(series().all(|one| SERIES.contains(&one.measure)));
    assert!(SERIES.iter().all(|name| series().any(|one| one.measure == *name)));
    let mut scopes = rows().map(|row| &row.scope).chain(series().map(|one| &one.scope));
    assert!(scopes.all(|scope| SCOPES.iter().any(|known| scope.starts_with(known))));
}
