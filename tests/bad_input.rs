//! What is said of broken scenarios: each folder entry is a scenario, and beside it what `mxsim check` prints.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mxsim::experiment::{Plan, execute};
use mxsim::model::compile::{Memory, load, load_source};
use mxsim::scenario::diagnostic::SourceText;
use mxsim::scenario::render::render;
use mxsim::scenario::splice::Override;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// To renew: `UPDATE_BROKEN=1 cargo test --test bad_input`.
#[test]
fn broken_scenarios_are_told_what_is_wrong_and_where() {
    let folder = Path::new("tests/broken");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|why| panic!("{why}"))
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    files.sort();
    assert!(files.len() >= 10);
    for path in files {
        let said = match load(&path, &[]) {
            Ok(loaded) => render(&loaded.warnings, false),
            Err(problems) => render(&problems, false),
        };
        let beside = path.with_extension("expected");
        if std::env::var_os("UPDATE_BROKEN").is_some() {
            std::fs::write(&beside, &said).unwrap_or_else(|why| panic!("{why}"));
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        assert_eq!(said, expected, "{}", path.display());
        assert!(!said.is_empty(), "{} is not broken", path.display());
    }
}

const WHOLE: &str = include_str!("../src/cli/templates/outage.ron");
const MIGRATION: &str = include_str!("../src/cli/templates/migration.ron");

/// What is accepted is run for a slice: no panic, no hang (the event budget ends it). Whether it was accepted.
fn check_and_run(text: &str) -> bool {
    let source = Arc::new(SourceText { name: "mutated.ron".into(), text: text.into() });
    let slice = [
        Override::named("test", "run/replications", "1"),
        Override::named("test", "run/event_budget", "200000"),
        Override::named("test", "run/cells", "10"),
    ];
    let Ok(loaded) = load_source(&source, &slice, &mut Memory::default()) else { return false };
    let variants = loaded.variants.iter().map(|v| (v.name.clone(), Arc::clone(&v.model))).collect();
    let plan = Plan { variants, only: Some(0), records: None };
    // A run that needs too many events says so, and that is an answer, too.
    let _ = execute(&plan, &AtomicBool::new(false), &|_| {});
    true
}

/// Throws cases at it; at least such a share of them is accepted, so that runs are tried as well as refusals.
fn throw<S: Strategy>(strategy: &S, accepted: f64, text_of: impl Fn(S::Value) -> String) {
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let (cases, ran) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = TestRunner::new(config).run(strategy, |value| {
        cases.set(cases.get() + 1);
        ran.set(ran.get() + u32::from(check_and_run(&text_of(value))));
        Ok(())
    });
    outcome.unwrap_or_else(|why| panic!("{why}"));
    let share = f64::from(ran.get()) / f64::from(cases.get());
    assert!(share >= accepted, "{} of {} were accepted", ran.get(), cases.get());
}

#[test]
fn mutated_scenarios_do_no_harm() {
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[ -~]{0,6}"), 1..4);
    // Comments and titles may be anything; most else may not.
    throw(&(any::<bool>(), cuts), 0.02, |(which, cuts)| {
        let mut text = if which { WHOLE } else { MIGRATION }.to_owned();
        for (at, length, insert) in cuts {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            if text.is_char_boundary(start) && text.is_char_boundary(end) {
                text.replace_range(start..end, &insert);
            }
        }
        text
    });
}

#[test]
fn changed_numbers_do_no_harm() {
    // As many digits as a number may have: a short one often fits, a long one seldom does.
    let numbers = (0u32..20).prop_flat_map(|digits| 0..=10u64.saturating_pow(digits));
    throw(&(any::<bool>(), any::<prop::sample::Index>(), numbers), 0.2, |(which, at, number)| {
        let text = if which { WHOLE } else { MIGRATION };
        let digits: Vec<usize> = text.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let start = digits[at.index(digits.len())];
        let mut text = text.to_owned();
        text.replace_range(start..=start, &number.to_string());
        text
    });
}
