use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::scenario::render::render;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "t.csv".into(), text: text.into() })
}

/// Severity, line:column, the text under the caret, and the message of each diagnostic.
fn said(text: &str, diagnostics: &[Diagnostic]) -> Vec<String> {
    let one = |d: &Diagnostic| {
        let span = d.place.as_ref().expect("every diagnostic has a place").span.clone();
        let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let (line, column) =
            (1 + text[..span.start].matches('\n').count(), 1 + text[line_start..span.start].chars().count());
        format!("{} {line}:{column} `{}` {}", if d.is_error() { "E" } else { "W" }, &text[span], d.message)
    };
    diagnostics.iter().map(one).collect()
}

fn seconds(at: SimTime) -> f64 {
    at.as_secs_f64()
}

#[test]
fn arrivals_of_every_kind_of_time() {
    let text = "\u{feff}# made by hand\r\nTime, size ,domain,recipients\r\n0,1500,Example.ORG.,\r\n\r\n1.5,\"12KiB\",\"a.example\",3\r\n1h30m,,,\r\n";
    let (arrivals, diagnostics) = read_arrivals(&source(text), None);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let rows: Vec<_> = arrivals
        .expect("no error")
        .into_iter()
        .map(|a| (seconds(a.at), a.domain, a.size_bytes, a.recipients))
        .collect();
    assert_eq!(
        rows,
        [
            (0.0, Some("example.org".into()), Some(1_500), None),
            (1.5, Some("a.example".into()), Some(12_288), Some(3)),
            (5_400.0, None, None, None),
        ]
    );
}

#[test]
fn timestamps_count_from_the_first_or_from_the_start_given() {
    let text = "time\n2026-03-02 07:00:00\n2026-03-02T08:00:30+01:00\n";
    let at = |start| -> Vec<f64> {
        read_arrivals(&source(text), start).0.expect("no error").iter().map(|arrival| seconds(arrival.at)).collect()
    };
    assert_eq!(at(None), [0.0, 30.0]);
    assert_eq!(at(Timestamp::parse("2026-03-02T06:59:00Z").ok()), [60.0, 90.0]);
    let (none, diagnostics) = read_arrivals(&source(text), Timestamp::parse("2026-03-02T07:00:10Z").ok());
    assert!(none.is_none());
    assert_eq!(
        said(text, &diagnostics),
        [
            "E 2:1 `2026-03-02 07:00:00` `2026-03-02 07:00:00` is before the start of the trace, or too late to be simulated",
        ]
    );
}

#[test]
fn seconds_are_exact_to_the_nanosecond() {
    for (text, nanos) in [
        ("0.000000001", 1),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("0.0000000015", 2),
        (".5", 500_000_000),
        ("1e3", 1_000_000_000_000),
        ("+2.", 2_000_000_000),
    ] {
        assert_eq!(cell::parse_elapsed(text).map(|span| span.as_nanos()), Ok(nanos), "{text}");
    }
    for text in ["-1", "1e99", "99999999999999999999", "inf", "nan", "1.2.3", "", "-"] {
        assert!(cell::parse_elapsed(text).is_err(), "{text}");
    }
}

#[test]
fn unsorted_arrivals_are_sorted_and_said_once() {
    let text = "time,domain\n5,a\n3,b\n5,c\n1,d\n";
    let (arrivals, diagnostics) = read_arrivals(&source(text), None);
    let order: String = arrivals.expect("a warning only").iter().filter_map(|a| a.domain.clone()).collect();
    assert_eq!(order, "dbac");
    assert_eq!(
        said(text, &diagnostics),
        ["W 3:1 `3,b` the arrivals are not in order of time (2 rows are earlier than the row before)",]
    );
}

#[test]
fn every_broken_cell_is_shown() {
    let text = "time,domian,size,recipients,domain\n-1,,12 KB,0,x\n1x,,,,\"y z\"\n,,,,\n,a,1,1,b\n2026-01-01 00:00,,,1.5,me@example.org\n3,,-5,2,,7\n";
    let (arrivals, diagnostics) = read_arrivals(&source(text), None);
    assert!(arrivals.is_none());
    let found = said(text, &diagnostics);
    let places: Vec<&str> = found
        .iter()
        .map(|line| line.split_inclusive('`').take(2).map(str::len).sum())
        .zip(&found)
        .map(|(end, line): (usize, _)| &line[..end])
        .collect();
    assert_eq!(
        places,
        [
            "W 1:6 `domian`",
            "E 2:1 `-1`",
            "E 2:8 `KB`",
            "E 2:11 `0`",
            "E 3:2 `x`",
            "E 3:7 `\"y z\"`",
            "E 5:1 `,a,1,1,b`",
            "E 6:20 `1.5`",
            "E 6:24 `me@example.org`",
            "E 7:1 `3`",
            "E 7:4 `-5`",
            "E 7:10 `7`",
        ],
        "{found:#?}"
    );
    assert_eq!(diagnostics[0].help.as_deref(), Some("did you mean `domain`?"));
    assert!(diagnostics.iter().any(|d| d.help.as_deref() == Some("write the domain alone: `example.org`")));
}

#[test]
fn what_is_too_large_is_said_and_not_cut() {
    let rows = |row: &str| read_arrivals(&source(&format!("time,size,recipients\n{row}\n")), None);
    let (arrivals, found) = rows("1,4294967295,65535");
    assert!(arrivals.is_some() && found.is_empty(), "{found:?}");
    for row in ["1,4294967296,1", "1,5GB,1", "1,1,65536"] {
        let (arrivals, found) = rows(row);
        assert!(arrivals.is_none() && found.len() == 1, "{row}: {found:?}");
    }
}

#[test]
fn an_error_shows_as_users_see_it() {
    let (_, diagnostics) = read_arrivals(&source("time,recipients\n1h30m,2\n1h31m,two\n"), None);
    let expected = "\
error: `two` is not a number of recipients
 --> t.csv:3:7
  |
3 | 1h31m,two
  |       ^^^ expected a whole number from 1 to 65535
";
    assert_eq!(render(&diagnostics, false), expected);
}

#[test]
fn kinds_of_time_do_not_mix() {
    let text = "time\n1s\n2026-01-01 00:00\n";
    let (_, diagnostics) = read_arrivals(&source(text), None);
    assert_eq!(
        said(text, &diagnostics),
        ["E 3:1 `2026-01-01 00:00` `2026-01-01 00:00` is another kind of time than before"]
    );
    assert_eq!(diagnostics[0].label, "expected seconds or a duration, as on line 2");
}

#[test]
fn headers_that_are_none() {
    for (text, message) in [
        ("", "E 1:1 `` the file has no row"),
        ("1,2\n3,4\n", "E 1:1 `1,2` no column `time`"),
        ("time,\"a\n1,2\n", "E 1:6 `\"` a quoted cell is never closed"),
        ("time,Time\n", "E 1:6 `Time` the column `time` stands here twice"),
        ("time\n", "W 1:1 `time` the trace has no arrivals"),
    ] {
        let (_, diagnostics) = read_arrivals(&source(text), None);
        assert!(said(text, &diagnostics).contains(&message.to_string()), "{text}: {diagnostics:?}");
    }
}

#[test]
fn outages_with_end_or_duration() {
    let text = "host,start,end,duration,mode\nMX2.example,10,20,,Refuse\nmx1.example,0s,,1m,\nmx2.example,20,,5,\n";
    let (outages, diagnostics) = read_outages(&source(text), None);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let rows: Vec<_> = outages
        .expect("no error")
        .into_iter()
        .map(|o| (o.host.map(|h| h.0), seconds(o.start), seconds(o.end), o.mode.map(|m| m.0)))
        .collect();
    assert_eq!(
        rows,
        [
            (Some("mx1.example".into()), 0.0, 60.0, None),
            (Some("mx2.example".into()), 10.0, 20.0, Some("Refuse".into())),
            (Some("mx2.example".into()), 20.0, 25.0, None),
        ]
    );
    let dated = "start,end\n2026-01-02 00:00,2026-01-02 01:00\n2026-01-01 00:00,2026-01-01 01:00\n";
    let starts: Vec<f64> =
        read_outages(&source(dated), None).0.expect("no error").iter().map(|outage| seconds(outage.start)).collect();
    assert_eq!(starts, [0.0, 86_400.0]);
}

#[test]
fn outages_that_cannot_be() {
    let text = "start,end,duration,host\n10,30,,a\n5,4,,b\n1,2,1,b\n29,,9,a\n30,40,,c\n7,,,c\n35,,1,a\n";
    let (outages, diagnostics) = read_outages(&source(text), None);
    assert!(outages.is_none());
    assert_eq!(
        said(text, &diagnostics),
        [
            "E 3:3 `4` the outage ends before it starts, at `5`",
            "E 4:5 `1` the row has an end and a duration",
            "E 5:1 `29,,9,a` two outages of `a` overlap: lines 2 and 5",
            "E 7:1 `7,,,c` the row has no end",
            "E 8:1 `35,,1,a` two outages of `a` overlap: lines 5 and 8",
        ]
    );
    let headless = "start,host\n1,a\n";
    let (_, diagnostics) = read_outages(&source(headless), None);
    assert_eq!(said(headless, &diagnostics), ["E 1:1 `start,host` no column `end` and no column `duration`"]);
}

#[test]
fn columns_of_values() {
    for (text, values) in [
        ("1\n2.5\n", vec![1.0, 2.5]),
        ("seconds\n1h\n\n90s\n3", vec![3_600.0, 90.0, 3.0]),
        ("\"size\"\n1KiB\n100", vec![1_024.0, 100.0]),
        ("# x\n1e-3\n", vec![0.001]),
    ] {
        assert_eq!(read_column(&source(text)), (Some(values), vec![]), "{text}");
    }
    let text = "1s\n2kB\n-3\nx\n4,5\ninf\n";
    let (values, diagnostics) = read_column(&source(text));
    assert!(values.is_none());
    let places: Vec<String> = said(text, &diagnostics).iter().map(|line| line[..5].to_string()).collect();
    assert_eq!(places, ["E 2:1", "E 3:1", "E 4:1", "E 5:3", "E 6:1"]);
    assert!(read_column(&source("header\n")).0.is_none());
}

proptest! {
    #[test]
    fn no_text_panics(text in "(time|start|end|duration|host|size|,|\n|\r|\"|-|[0-9]{1,4}|:|T|Z|s|#| |\u{e9}|\\PC){0,40}") {
        let source = source(&text);
        for diagnostics in [read_arrivals(&source, None).1, read_outages(&source, None).1, read_column(&source).1] {
            for diagnostic in diagnostics {
                let place = diagnostic.place.expect("every diagnostic has a place");
                prop_assert!(text.get(place.span).is_some());
            }
        }
    }
}
