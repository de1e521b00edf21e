//! The bounds that `mxsim presets NAME` prints against simulated messages.

use mxsim::model::compile::presets::retry::{RetryPreset, systems};
use mxsim::model::mail::RetryPolicy;

use crate::stories::{Story, model, stories};

/// One message to a host that refuses it for ever.
fn refused(retry: &str, at: &str, replication: u32) -> Story {
    failing(retry, "Refuse", at, replication)
}

/// One message to a host that fails for ever.
fn failing(retry: &str, mode: &str, at: &str, replication: u32) -> Story {
    let text = format!(
        r#"(
        title: "one message",
        run: (measure: "1h", drain: "10d", seed: 3),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{ "d.test": (mx: [(10, "mx.d.test")]) }},
        hosts: {{ "mx.d.test": (refusal: "0s") }},
        resolvers: {{ "r": (software: Ideal()) }},
        senders: {{ "s": (resolver: "r", arrivals: Trace(file: "arrivals.csv"), to: Trace, retry: {retry}) }},
        timeline: [ (at: "0s", do: Outage(host: "mx.d.test", mode: {mode})) ],
    )"#
    );
    let model = model(&text, &[("arrivals.csv", &format!("time,domain\n{at},d.test\n"))]);
    let mut all = stories(&model, replication);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// A message's attempts and its end against the printed ages, which are whole seconds.
fn is_within(name: &str, policy: &RetryPolicy, story: &Story) {
    let (early, late) = policy.bounds();
    let ages: Vec<f64> = story.began.iter().map(|at| at - story.arrived).collect();
    assert!((early.attempts.len().min(2)..=late.attempts.len()).contains(&ages.len()), "{name}: {ages:?}");
    for (n, age) in ages.iter().enumerate() {
        let (from, to) = (early.attempts[n].as_secs_f64(), late.attempts[n].as_secs_f64());
        // Arrivals within a second are arrivals at its beginning to systems that keep whole seconds.
        assert!((from - 1.0..=to + 1.0).contains(age), "{name}: attempt {} at {age}, printed {from} to {to}", n + 1);
    }
    let end = story.age_at_end().expect("an end");
    let (from, to) = (early.expires.expect("an end"), late.expires.expect("an end"));
    let printed = from.as_secs_f64() - 1.0..=to.as_secs_f64() + 1.0;
    assert!(printed.contains(&end), "{name}: ended at {end}, printed {from} to {to}");
}

#[test]
fn every_presets_bounds_are_in_order_and_hold_what_is_simulated() {
    for RetryPreset { name, retry, .. } in systems() {
        let policy = mxsim::model::compile::retry::preset_policy(&retry);
        let (early, late) = policy.bounds();
        assert_eq!(early.attempts.len(), late.attempts.len(), "{name}");
        assert!(early.attempts.iter().zip(&late.attempts).all(|(from, to)| from <= to), "{name}: {early:?} {late:?}");
        assert!(early.warnings.iter().zip(&late.warnings).all(|(from, to)| from <= to), "{name}");
        assert!(early.attempts.is_sorted() && late.attempts.is_sorted() && early.expires <= late.expires, "{name}");
        // A phase is drawn, and so is jitter.
        for replication in 0..4 {
            is_within(name, &policy, &refused(&format!("{name}()"), "600.4s", replication));
        }
    }
}

/// Phases all over the period: the least and the greatest of what is simulated come near the printed bounds, too, which
/// are no wider than what happens.
#[test]
fn bounds_over_the_phases_of_scans_are_reached_and_not_passed() {
    for (name, period_s) in [("Postfix", 300), ("Exim", 1800), ("Sendmail", 600)] {
        let system = systems().into_iter().find(|system| system.name == name).expect("a preset");
        let (early, late) = system.policy().bounds();
        let mut seen: Vec<(f64, f64)> = Vec::new();
        for phase in (0..20).map(|n| n * period_s / 20).chain([1, period_s - 1]) {
            let story = refused(&format!(r#"{name}(scan_phase: "{phase}s")"#), "600s", 0);
            is_within(name, system.policy(), &story);
            for (n, age) in story.ages().into_iter().enumerate() {
                match seen.get_mut(n) {
                    Some((least, most)) => (*least, *most) = (least.min(age), most.max(age)),
                    None => seen.push((age, age)),
                }
            }
        }
        // The grid of phases is a twentieth of a period fine.
        let grid = period_s as f64 / 20.0 + 1.0;
        for (n, (least, most)) in seen.iter().enumerate().take(10) {
            let (from, to) = (early.attempts[n].as_secs_f64(), late.attempts[n].as_secs_f64());
            assert!(
                least - from <= grid && to - most <= grid,
                "{name} {}: {least} to {most}, printed {from} to {to}",
                n + 1
            );
        }
    }
}

/// retry.c with the default rule and -q30m: the second attempt at the first run of the queue 15 minutes or more after the
/// first, so between 15 and 45 minutes (the rule's F,2h,15m; a phase of 0.01 and one of 0.99 of the period give 30 min 18 s
/// and 29 min 42 s, neither of them an end).
#[test]
fn exims_second_attempt_comes_between_15_and_45_minutes() {
    let exim = systems().into_iter().find(|system| system.name == "Exim").expect("a preset");
    let (early, late) = exim.policy().bounds();
    assert_eq!(early.attempts[1].whole_seconds(), 900);
    assert!((late.attempts[1].as_secs_f64() - 2700.0).abs() < 0.01, "{:?}", late.attempts[1]);
    // Simulated, with runs at 1199 s after an arrival at 600 s and at 1501 s: 1799 s later, and 901 s.
    let second = |phase: &str| refused(&format!(r#"Exim(scan_phase: "{phase}")"#), "600s", 0).ages()[1];
    assert!((second("1499s") - (1499.0 + 1800.0 - 600.0)).abs() < 1.0, "{}", second("1499s"));
    assert!((second("1501s") - 901.0).abs() < 1.0, "{}", second("1501s"));
}

/// learn.microsoft.com, message retry intervals: a message that its host refuses for now is tried again after
/// `MessageRetryInterval`, 15 minutes; the table that begins with four retries a minute apart (`QueueGlitchRetryCount`) is of
/// connections.
#[test]
fn exchange_has_an_interval_for_messages_and_a_table_for_connections() {
    let ages = |retry: &str, mode: &str| -> Vec<u64> {
        let ages = failing(retry, mode, "600s", 0).ages();
        ages.into_iter().take(6).map(|age| age.round() as u64).collect()
    };
    for mode in ["Reply(stage: Mail, code: 451)", "Reply(stage: Rcpt, code: 450)", "Reply(stage: EndOfData, code: 452)"]
    {
        assert_eq!(ages("Exchange()", mode), [0, 900, 1800, 2700, 3600, 4500], "{mode}");
    }
    // 421 ends the session (RFC 5321 section 3.8), at whatever stage.
    for mode in ["Refuse", "Reply(stage: Greeting, code: 421)", "Reply(stage: Rcpt, code: 421)"] {
        assert_eq!(ages("Exchange()", mode), [0, 60, 120, 180, 240, 540], "{mode}");
    }
    let own = r#"Exchange(MessageRetryInterval: "5m")"#;
    assert_eq!(ages(own, "Reply(stage: Rcpt, code: 451)"), [0, 300, 600, 900, 1200, 1500]);
}

/// queue.go: SendLoop is a goroutine of each item, so that nothing waits for another; `max_queue_items` is looked at by Put alone,
/// and whoever sets it is told that it changes nothing.
#[test]
fn chasquids_queue_size_holds_nothing_back_and_says_so() {
    use mxsim::model::compile::{Memory, load_source};
    use mxsim::scenario::diagnostic::SourceText;
    let text = r#"(
        title: "a small queue",
        run: (measure: "1h", drain: "1h"),
        zones: { "d.test": (mx: [(10, "mx.d.test")]) },
        hosts: { "mx.d.test": (sessions: 1000, service: "10s") },
        resolvers: { "r": (software: Ideal()) },
        senders: { "s": (resolver: "r", arrivals: Burst(at: "10m", count: 300, over: "0s"), to: Weights({"d.test": 1.0}),
            retry: Chasquid(max_queue_items: 10)) },
    )"#;
    let source = std::sync::Arc::new(SourceText { name: "test.ron".into(), text: text.into() });
    let loaded = load_source(&source, &[], &mut Memory::default()).expect("a scenario");
    let said: Vec<&str> = loaded.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(said.len() == 1 && said[0].starts_with("`max_queue_items` changes nothing"), "{said:?}");
    let all = stories(&loaded.variants[0].model, 0);
    let latest = all.iter().filter_map(Story::age_at_end).fold(0.0, f64::max);
    assert!(all.len() == 300 && latest < 15.0, "{} messages, the last after {latest} s", all.len());
}
