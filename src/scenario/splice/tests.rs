use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::scenario::distribution::DurationDist;
use crate::scenario::locator::Locator;
use crate::scenario::render::render;
use crate::scenario::units::{Duration, Share};

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(default)]
    title: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    senders: BTreeMap<String, Sender>,
    #[serde(default)]
    pairs: Vec<(String, u8)>,
    #[serde(default)]
    run: Option<Run>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Run {
    seed: u64,
    label: String,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Sender {
    retry: Retry,
    wait: Option<DurationDist>,
    loss: Option<Share>,
    region: String,
    ttls: BTreeMap<String, Duration>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
enum Retry {
    #[default]
    Never,
    Exim(Exim),
    Custom {
        first: Duration,
        #[serde(default)]
        cap: Option<Duration>,
    },
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Exim {
    rule: Option<String>,
}

const BASE: &str = r#"(
    title: "a lesson", // kept
    seed: 7,
    senders: {
        "campus.example": (retry: Never, wait: "exponential(5m)", region: "eu"),
        "a/b": (),
        "~c": (retry: Exim(), ttls: {},),
    },
    pairs: [("x", 1), ("y", 2)],
)
"#;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "lesson.ron".to_owned(), text: text.to_owned() })
}

fn set(path: &str, value: &str) -> Override {
    Override::named(format!("--set {path}"), path, value)
}

fn text_with(changes: &[(&str, &str)]) -> String {
    let changes: Vec<Override> = changes.iter().map(|(path, value)| set(path, value)).collect();
    let (_, text, _) =
        read_with::<Scenario>(&source(BASE), &changes).unwrap_or_else(|errors| panic!("{}", render(&errors, false)));
    text.text.clone()
}

/// The line of the result that differs from the base.
fn line_with(path: &str, value: &str) -> String {
    let text = text_with(&[(path, value)]);
    let changed: Vec<&str> =
        text.lines().zip(BASE.lines()).filter(|(new, old)| new != old).map(|(new, _)| new).collect();
    assert_eq!(changed.len(), 1, "{text}");
    changed[0].trim().to_owned()
}

fn refused(path: &str, value: &str) -> String {
    render(&read_with::<Scenario>(&source(BASE), &[set(path, value)]).unwrap_err(), false)
}

#[test]
fn a_value_replaces_the_one_at_its_path_and_nothing_else() {
    for (path, value, line) in [
        ("seed", "8", "seed: 8,"),
        ("seed", " 8 // eight", "seed: 8,"),
        ("title", "b lesson", "title: \"b lesson\", // kept"),
        ("title", "isp", "title: \"isp\", // kept"),
        ("title", "5", "title: \"5\", // kept"),
        ("title", "say \"x\"", "title: \"say \\\"x\\\"\", // kept"),
        ("title", "\"quoted\"", "title: \"quoted\", // kept"),
        (
            "senders/campus.example/retry",
            "Exim()",
            r#""campus.example": (retry: Exim(), wait: "exponential(5m)", region: "eu"),"#,
        ),
        ("senders/campus.example/wait", "5m", r#""campus.example": (retry: Never, wait: "5m", region: "eu"),"#),
        (
            "senders/campus.example/wait",
            "uniform(1s, 2s)",
            r#""campus.example": (retry: Never, wait: "uniform(1s, 2s)", region: "eu"),"#,
        ),
        ("pairs/1/0", "z", r#"pairs: [("x", 1), ("z", 2)],"#),
    ] {
        assert_eq!(line_with(path, value), line, "{path} = {value}");
    }
}

#[test]
fn an_absent_last_name_is_inserted() {
    for (path, value, line) in [
        (
            "senders/campus.example/loss",
            "0.5",
            r#""campus.example": (retry: Never, wait: "exponential(5m)", region: "eu", loss: 0.5),"#,
        ),
        ("senders/a~1b/region", "us", r#""a/b": (region: "us"),"#),
        ("senders/~0c/retry/rule", "F,2h,15m", r#""~c": (retry: Exim(rule: "F,2h,15m"), ttls: {},),"#),
        ("senders/~0c/ttls/a\"b", "5m", r#""~c": (retry: Exim(), ttls: {"a\"b": "5m"},),"#),
        ("senders/~0c/region", "us", r#""~c": (retry: Exim(), ttls: {}, region: "us",),"#),
    ] {
        assert_eq!(line_with(path, value), line, "{path} = {value}");
    }
}

#[test]
fn a_field_in_a_struct_that_is_absent_brings_the_struct_with_it() {
    let text = text_with(&[("run/seed", "8"), ("run/label", "5")]);
    assert!(text.contains("pairs: [(\"x\", 1), (\"y\", 2)], run: (seed: 8, label: \"5\"),\n"), "{text}");
    assert!(refused("rnu/seed", "8").contains("no `rnu` in the scenario"));
    assert!(refused("run/sede", "8").contains("no field `sede` in `Run`\n --> --set run/sede:1:1"));
    assert!(refused("senders/nobody/region", "eu").contains("no `nobody` in `senders`"));
}

#[test]
fn overrides_apply_in_order_and_into_each_other() {
    let text = text_with(&[
        ("senders/campus.example/retry", "Custom(first: \"1m\")"),
        ("senders/campus.example/retry/cap", "1h"),
        ("senders/campus.example/retry/first", "2m"),
    ]);
    assert!(text.contains(r#"(retry: Custom(first: "2m", cap: "1h"), wait:"#), "{text}");
}

#[test]
fn a_path_that_leads_nowhere_is_an_error_with_the_nearest_name() {
    assert_eq!(
        refused("senders/campus.exmaple/retry", "Exim()"),
        "\
error: no `campus.exmaple` in `senders`
 --> --set senders/campus.exmaple/retry:1:1
  |
1 | Exim()
  | ^^^^^^ for `senders/campus.exmaple/retry`
  |
  = help: did you mean `campus.example`?
"
    );
    assert!(refused("sendres/x", "1").contains("no `sendres` in the scenario"));
    assert!(refused("pairs/2", "(\"z\", 3)").contains("it has 2 elements, with indices from 0 to 1"));
    assert!(refused("title/x", "1").contains("`title` holds no fields"));
    assert!(refused("", "1").contains("an empty name"));
    assert!(refused("a~2", "1").contains("write `~1`"));
}

#[test]
fn an_unknown_name_that_was_inserted_is_reported_at_the_override() {
    assert_eq!(
        refused("senders/campus.example/retyr", "Exim()"),
        "\
error: no field `retyr` in `Sender`
 --> --set senders/campus.example/retyr:1:1
  |
1 | Exim()
  | ^^^^^^ expected one of `retry`, `wait`, `loss`, `region` and `ttls`
  |
  = help: did you mean `retry`?
"
    );
}

#[test]
fn an_error_inside_a_value_has_its_place_in_the_override() {
    assert_eq!(
        refused("senders/campus.example/wait", "exponential(5 hours)"),
        "\
error: no unit `hours`
 --> --set senders/campus.example/wait:1:15
  |
1 | exponential(5 hours)
  |               ^^^^^ expected one of `w`, `d`, `h`, `min`, `m`, `s`, `ms`, `us` and `ns`
"
    );
    let missing = refused("senders/campus.example/retry", "Custom()");
    assert!(
        missing.contains("missing field `first` in `Custom`\n --> --set senders/campus.example/retry:1:1"),
        "{missing}"
    );
    assert!(refused("seed", "5x").contains("--set seed:1:1"));
    assert!(refused("senders/campus.example/retry", "Exmi()").contains("did you mean `Exim`?"));
}

#[test]
fn a_value_that_stands_in_the_file_keeps_its_place_there() {
    let file = source("(seed: 7, title: \"5 x\")");
    let change = Override {
        path: "seed".to_owned(),
        value: "5 x".to_owned(),
        origin: Place { source: Arc::clone(&file), span: 17..22 },
    };
    let errors = read_with::<Scenario>(&file, &[change]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].place.as_ref().map(|place| place.span.clone()), Some(17..22));
    let text = "(senders: {\"a\": (retry: Exim())}, title: \"Custom()\")";
    let file = source(text);
    let change = Override {
        path: "senders/a/retry".to_owned(),
        value: "Custom()".to_owned(),
        origin: Place { source: Arc::clone(&file), span: 42..52 },
    };
    let errors = read_with::<Scenario>(&file, &[change]).unwrap_err();
    assert_eq!(errors[0].message, "missing field `first` in `Custom`");
    assert_eq!(errors[0].place.as_ref().map(|place| &text[place.span.clone()]), Some("Custom"));
}

#[test]
fn errors_outside_the_overrides_keep_their_place_in_the_file() {
    let text = "(title: \"x\", seed: 7, pairs: [(\"y\", 300)])";
    let errors =
        read_with::<Scenario>(&source(text), &[set("title", "a much longer title"), set("seed", "9")]).unwrap_err();
    let place = errors[0].place.as_ref().unwrap();
    assert_eq!((errors.len(), &place.source.text[place.span.clone()]), (1, "300"));
}

#[test]
fn a_locator_leads_through_the_overrides() {
    let (_, text, map) = read_with::<Scenario>(&source(BASE), &[set("senders/campus.example/region", "us")]).unwrap();
    let locator = Locator::new(text, map);
    let place = locator.value_place(&["senders", "campus.example", "region"]);
    assert_eq!((place.source.name.as_str(), place.span), ("--set senders/campus.example/region", 0..2));
    let place = locator.value_place(&["pairs", "1", "0"]);
    assert_eq!((place.source.name.as_str(), &place.source.text[place.span.clone()]), ("lesson.ron", "\"y\""));
}

#[test]
fn splicing_without_reading_takes_ron_as_ron_and_the_rest_as_text() {
    let spliced = apply(&source("(a: 1)"), &[set("a", "5m"), set("b", "[1]")]).unwrap();
    assert_eq!(spliced.text.text, "(a: \"5m\", b: [1])");
    assert_eq!(apply(&source("(a: 1)"), &[set("b/c", "1"), set("d/e", "1")]).unwrap_err().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_and_no_override_makes_reading_panic(
        edits in prop::collection::vec((0..BASE.len(), prop_oneof![any::<u8>(), prop::sample::select(b"()[]{}\"'\\/*,:#r.-0x~b".to_vec())], 0..3_u8), 0..6),
        path in "(senders|pairs|seed|title|/|~1|[a-c]|0|1|campus.example){0,5}",
        value in "[()\\[\\]{}\"'\\\\/*,:#r.0-9xa-cb -]{0,8}",
    ) {
        let mut bytes = BASE.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at.min(bytes.len().saturating_sub(1));
            match kind {
                0 => { bytes[at] = byte; }
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, byte),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let file = source(&text);
        for changes in [vec![], vec![set(&path, &value)], vec![set("title", &value), set("senders/a~1b/region", &value)]] {
            match read_with::<Scenario>(&file, &changes) {
                Ok((_, spliced, map)) => {
                    let locator = Locator::new(spliced, map);
                    locator.value_place(&["senders", "campus.example", "retry"]);
                }
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    render(&errors, true);
                }
            }
        }
    }
}
