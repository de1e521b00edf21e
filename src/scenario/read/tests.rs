use super::*;
use crate::scenario::render::render;
use crate::scenario::units::{Duration, Share};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Scenario {
    run: Run,
    #[serde(default)]
    hosts: BTreeMap<String, Host>,
    #[serde(default)]
    links: Vec<(String, u8)>,
    #[serde(default)]
    loss: Option<Share>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Run {
    measure: Duration,
    seed: u64,
    #[serde(default)]
    warmup: Option<Duration>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Host {
    region: String,
    #[serde(default)]
    retry: Option<Retry>,
    #[serde(default)]
    mode: Option<Mode>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Retry {
    Postfix(Postfix),
    Table { steps: Vec<Duration> },
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct Postfix {
    minimal_backoff_time: Option<Duration>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Mode {
    Refuse,
    BlackHole,
}

fn errors(text: &str) -> Vec<(&str, String)> {
    read_text::<Scenario>(text).unwrap_err().into_iter().map(|finding| (&text[finding.span], finding.message)).collect()
}

fn one(text: &str) -> (&str, String) {
    let mut all = errors(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

const GOOD: &str = r##"// a comment
(
    run: (measure: "3d", seed: 7, warmup: Some("1d"),), /* another */
    hosts: {
        "mx.example": (region: r#"eu"#, retry: Postfix(), mode: Refuse),
        "b.example": (region: "us", retry: Table(steps: ["5m", "1h"])),
        "c.example": (region: "us", retry: Postfix(minimal_backoff_time: "5m")),
    },
    links: [("eu", 3)],
    loss: .5,
)"##;

#[test]
fn a_good_scenario_is_read_with_every_piece_of_syntax() {
    let scenario: Scenario = read_text(GOOD).unwrap();
    assert_eq!(scenario.hosts.len(), 3);
    assert_eq!(scenario.loss, Some(Share(0.5)));
    assert_eq!(scenario.hosts["mx.example"].retry, Some(Retry::Postfix(Postfix::default())));
}

#[test]
fn all_errors_are_found_at_once_and_each_under_its_own_place() {
    let text = r#"(
    run: (measure: "3x", sede: 7, warmup: 5),
    hosts: {
        "a": (regoin: "eu", retry: Postfx()),
        "b": (region: 5, retry: Table, mode: Refuse()),
        "c": (retry: Table(steps: ["5m", "5q", 3])),
    },
    links: [("eu", 300), ("us"), ("eu", 1, 2), ("x", -1)],
    loss: 1.5,
)"#;
    let expected: Vec<(&str, String)> = [
        ("x", "no unit `x`"),
        ("sede", "no field `sede` in `Run`"),
        ("5", "`5` does not fit here"),
        ("regoin", "no field `regoin` in `Host`"),
        ("Postfx", "no variant `Postfx`"),
        ("5", "`5` does not fit here"),
        ("Table", "`Table` without its parentheses"),
        ("Refuse", "`Refuse` takes no parentheses"),
        ("\"c\"", "missing field `region` in `Host`"),
        ("q", "no unit `q`"),
        ("3", "`3` does not fit here"),
        ("300", "`300` is out of range"),
        ("(", "1 element in `(\"us\")`"),
        ("2", "one element too many: `2`"),
        ("-1", "`-1` is out of range"),
        ("1.5", "1.5 is not a share"),
    ]
    .map(|(place, message)| (place, message.to_owned()))
    .to_vec();
    assert_eq!(errors(text), expected);
}

#[test]
fn what_follows_from_a_cut_is_not_reported() {
    assert_eq!(one("(run: (measure: 5, seed: 7))"), ("5", "`5` does not fit here".to_owned()));
    assert_eq!(one("(run: (measure: \"5d\", sedd: 7))").0, "sedd");
    assert_eq!(one("(run: (measure: \"5d\"))"), ("run", "missing field `seed` in `Run`".to_owned()));
    assert_eq!(one("()"), ("()", "missing field `run` in `Scenario`".to_owned()));
}

#[test]
fn keys_written_twice_are_errors_that_name_both_lines() {
    let text =
        "(run: (measure: \"5d\",\n seed: 7,\n seed: 8),\n hosts: {\"a\": (region: \"x\"),\n \"a\": (region: \"y\")})";
    assert_eq!(
        errors(text),
        [
            ("seed", "`seed` is written twice, first on line 2".to_owned()),
            ("\"a\"", "`a` is written twice, first on line 4".to_owned()),
        ]
    );
}

#[test]
fn a_text_that_is_no_ron_has_one_error() {
    assert_eq!(one("(run: (measure: \"5d\" seed: 7))"), ("", "expected comma in struct".to_owned()));
    assert_eq!(one("").1, "unexpected end of RON");
    assert_eq!(errors("(run: (measure: \"5d\", seed: 7)").len(), 1);
    assert_eq!(errors("(run: \"5d").len(), 1);
    assert_eq!(errors("(run: /* (measure").len(), 1);
    assert_eq!(one("(run: (measure: \"5d\", seed: @))"), ("@", "unexpected char '@'".to_owned()));
}

#[test]
fn places_hold_with_escapes_other_scripts_and_comments() {
    assert_eq!(one("(run: (measure: \"5\\u{64}x\", seed: 7))").0, "\"5\\u{64}x\"");
    assert_eq!(one("(run: /* überall */ (measure: \"5日\", seed: 7))").0, "日");
    assert_eq!(one("(run: (measure: \"5d\", seed: 7),\n hosts: {\"ü\": (region: \"ü\", mode: Balck)}\n)").0, "Balck");
    let retry = "(run: (measure: \"5d\", seed: 7), hosts: {\"a\": (region: \"x\", retry: Table // none\n )})";
    assert_eq!(one(retry), ("Table", "`Table` without its parentheses".to_owned()));
    assert_eq!(one("(run: (measure: \"5d\", seed: 7), hosts: [])").0, "[");
    assert_eq!(one("(run: (measure: Wait(5), seed: 7))"), ("Wait", "`Wait(5)` does not fit here".to_owned()));
    assert_eq!(one("(run: (measure: (5), seed: 7))").1, "`(5)` does not fit here");
    assert_eq!(one("(run: (measure: \"5d\", seed: 7.5))"), ("7.5", "`7.5` does not fit here".to_owned()));
}

#[test]
fn errors_render_with_their_places() {
    let source = Arc::new(SourceText {
        name: "lesson.ron".to_owned(),
        text: "(\n    run: (measure: \"3 days\", sede: 7),\n)\n".to_owned(),
    });
    let rendered = render(&read::<Scenario>(&source).unwrap_err(), false);
    assert_eq!(
        rendered,
        "\
error: no unit `days`
 --> lesson.ron:2:23
  |
2 |     run: (measure: \"3 days\", sede: 7),
  |                       ^^^^ expected one of `w`, `d`, `h`, `min`, `m`, `s`, `ms`, `us` and `ns`

error: no field `sede` in `Run`
 --> lesson.ron:2:30
  |
2 |     run: (measure: \"3 days\", sede: 7),
  |                              ^^^^ expected one of `measure`, `seed` and `warmup`
  |
  = help: did you mean `seed`?
"
    );
}

#[test]
fn odd_texts_are_refused_in_one_piece() {
    for text in
        ["[".repeat(100_000), "(run:".repeat(5_000), "\u{feff}()".to_owned(), "{".repeat(200) + &"}".repeat(200)]
    {
        assert_eq!(read_text::<Scenario>(&text).unwrap_err().len(), 1);
    }
    assert_eq!(one("(\r\n\trun: (\r\n\t\tmeasure: \"5x\",\r\n\t\tseed: 7)\r\n)").0, "x");
    let retry =
        |value: &str| format!("(run: (measure: \"5d\", seed: 7), hosts: {{\"a\": (region: \"x\", retry: {value})}})");
    assert_eq!(one(&retry("\"Postfix\"")), ("\"Postfix\"", "`\"Postfix\"` does not fit here".to_owned()));
    assert_eq!(one(&retry("5")), ("5", "`5` does not fit here".to_owned()));
    assert_eq!(one(&retry("Postfix(minimal: \"5m\")")), ("minimal", "no field `minimal` in `Postfix`".to_owned()));
    assert_eq!(one(&retry("Postfix(minimal_backoff_time: 5)")).0, "5");
    assert_eq!(one(&retry("Table()")), ("retry", "missing field `steps` in `Table`".to_owned()));
    assert_eq!(one(&retry("Table(steps: {})")).0, "{");
}
