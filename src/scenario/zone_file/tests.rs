use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::scenario::render::render;

mod oracle;

fn source(text: &str) -> Arc<SourceText> {
    Arc::new(SourceText { name: "example.org.zone".into(), text: text.into() })
}

fn read(text: &str) -> (Option<ZoneFile>, Vec<Diagnostic>) {
    read_zone_file(&source(text), "Example.org.")
}

/// `owner ttl TYPE data` of each record.
fn shown(zone: &ZoneFile) -> Vec<String> {
    zone.records.iter().map(|r| format!("{} {} {:?}", r.owner, r.ttl_s, r.data)).collect()
}

/// Severity, line:column, the text under the caret, and the message of each diagnostic.
fn said(text: &str) -> Vec<String> {
    let (zone, diagnostics) = read(text);
    assert_eq!(zone.is_none(), diagnostics.iter().any(Diagnostic::is_error), "{text}");
    let one = |d: &Diagnostic| {
        let span = d.place.as_ref().expect("every diagnostic has a place").span.clone();
        let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let (line, column) =
            (1 + text[..span.start].matches('\n').count(), 1 + text[line_start..span.start].chars().count());
        format!("{} {line}:{column} `{}` {}", if d.is_error() { "E" } else { "W" }, &text[span], d.message)
    };
    diagnostics.iter().map(one).collect()
}

const SOA: &str = "$TTL 1h\n@ SOA ns hostmaster 1 2h 15m 2w 5m\n";

#[test]
fn a_zone_as_operators_write_it() {
    let text = "\u{feff}$ORIGIN example.org.\r\n$TTL 1d ; one day\r\n\
        @\tIN SOA ns1 hostmaster.example.org. (\r\n\t2026030201 ; serial\r\n\t1h 15m\r\n\t1w2d 300 )\r\n\
        \tNS ns1\r\n\t3600 IN NS ns2.other.example.\r\n\
        MX 10 IN MX 10 Mail\r\n@ IN 1h30m MX 20 mail.backup.example.\r\n\
        mail A 192.0.2.1\r\n  AAAA 2001:db8::1\r\n\
        www CNAME @\r\n\
        @ TXT \"v=spf1 \\\"x\\\"; -all\" plain\\032word (\r\n \"more\" )\r\n\
        $ORIGIN sub\r\n*.a\\.b A 192.0.2.2";
    let (zone, diagnostics) = read(text);
    assert!(diagnostics.iter().all(|d| d.message.contains("different TTLs")), "{diagnostics:?}");
    let zone = zone.expect("no error");
    let soa = zone.soa.as_ref().expect("an SOA");
    assert_eq!(
        (soa.mname.as_str(), soa.rname.as_str(), soa.serial),
        ("ns1.example.org", "hostmaster.example.org", 2_026_030_201)
    );
    assert_eq!(
        (soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s, soa.ttl_s),
        (3_600, 900, 777_600, 300, 86_400)
    );
    assert!(text[soa.span.clone()].starts_with("@\tIN SOA") && text[soa.span.clone()].ends_with("300"));
    assert_eq!(zone.origin, "example.org");
    assert_eq!(
        shown(&zone),
        [
            "example.org 3600 Ns(\"ns1.example.org\")",
            "example.org 3600 Ns(\"ns2.other.example\")",
            "mx.example.org 10 Mx { preference: 10, exchange: \"mail.example.org\" }",
            "example.org 5400 Mx { preference: 20, exchange: \"mail.backup.example\" }",
            "mail.example.org 86400 A(192.0.2.1)",
            "mail.example.org 86400 Aaaa(2001:db8::1)",
            "www.example.org 86400 Cname(\"example.org\")",
            "example.org 86400 Txt([\"v=spf1 \\\"x\\\"; -all\", \"plain word\", \"more\"])",
            "*.a\\.b.sub.example.org 86400 A(192.0.2.2)",
        ]
    );
}

#[test]
fn where_a_ttl_comes_from() {
    let ttls = |text: &str| -> Vec<u32> {
        read(text)
            .0
            .map(|zone| zone.soa.map(|soa| soa.ttl_s).into_iter().chain(zone.records.iter().map(|r| r.ttl_s)).collect())
            .unwrap_or_default()
    };
    let soa = "SOA n h 1 2 3 4 77\n";
    assert_eq!(ttls(&format!("$TTL 5\n@ 9 {soa}a A 192.0.2.1\n$TTL 6\nb A 192.0.2.1\n")), [9, 5, 6]);
    assert_eq!(ttls(&format!("@ 9 {soa}a A 192.0.2.1\nb 8 A 192.0.2.1\nc A 192.0.2.1\n")), [9, 9, 8, 8]);
    assert_eq!(ttls(&format!("@ {soa}a A 192.0.2.1\nb 8 A 192.0.2.1\nc A 192.0.2.1\n")), [77, 77, 8, 77]);
    assert_eq!(
        said(&format!("@ {soa}")),
        ["W 1:3 `SOA` no TTL: the SOA minimum, 77 s, is taken for it and what follows"]
    );
    assert_eq!(said("a A 192.0.2.1\nb A 192.0.2.1\n"), ["E 1:3 `A` the record has no TTL"]);
    assert_eq!(
        said(&format!("{SOA}a 4294967295 A 192.0.2.1\n")),
        ["W 3:3 `4294967295` a TTL of 4294967295 seconds exceeds 2147483647 and is read as 0",]
    );
}

#[test]
fn an_rrset_has_one_ttl_the_lowest() {
    let text = format!("{SOA}@ 300 MX 1 a\n@ 60 MX 2 b\n@ 90 TXT x\n@ MX 2 B\n");
    assert_eq!(
        shown(&read(&text).0.expect("warnings only")),
        [
            "example.org 60 Mx { preference: 1, exchange: \"a.example.org\" }",
            "example.org 60 Mx { preference: 2, exchange: \"b.example.org\" }",
            "example.org 90 Txt([\"x\"])",
        ]
    );
    assert_eq!(
        said(&text),
        [
            "W 4:1 `@ 60 MX 2 b` the MX records of `example.org` have different TTLs: the lowest, 60 s, is used",
            "W 6:1 `@ MX 2 B` the same record as on line 4, left out",
        ]
    );
}

#[test]
fn all_errors_of_a_file_are_reported() {
    let text = format!(
        "{SOA}$INCLUDE other.zone\n$GENERATE 1-9 a$ A 192.0.2.$\n$FOO\n $TTL 1h\na..b A 192.0.2.1\n  A 192.0.2.2\n\
         c A 192.0.2.256\nd AAAA 1::2::3\ne MX mail\nf MX 65536 m\ng CH A 192.0.2.1\nh IN\ni A 192.0.2.1 192.0.2.2\n\
         j A \"192.0.2.1\"\nk 1h30 A 192.0.2.1\nl TXT \"open\nm ) A 192.0.2.1\nn MX 1 a\\300\n$TTL x\no TXT\np (\n"
    );
    assert_eq!(
        said(&text),
        [
            "E 3:1 `$INCLUDE` `$INCLUDE` is not read: a zone is one file",
            "E 4:1 `$GENERATE` `$GENERATE` is not read",
            "E 5:1 `$FOO` no directive `$FOO`",
            "E 6:2 `$TTL` `$TTL` is indented",
            "E 7:3 `.` `a..b` has an empty label",
            "E 9:5 `192.0.2.256` `192.0.2.256` is not an IPv4 address",
            "E 10:8 `1::2::3` `1::2::3` is not an IPv6 address",
            "E 11:6 `mail` `mail` is not a preference",
            "E 12:6 `65536` `65536` is not a preference",
            "E 13:3 `CH` class CH is not read",
            "E 14:3 `IN` the record ends too early",
            "E 15:15 `192.0.2.2` the record has more fields than its type",
            "E 16:6 `192.0.2.1` a quoted string stands here",
            "E 17:3 `1h30` `1h30` ends in a number without a unit",
            "E 18:7 `\"` a quoted string is not closed on its line",
            "E 19:3 `)` a closing parenthesis without an opening one",
            "E 20:9 `\\300` an escape exceeds one octet",
            "E 21:6 `x` `x` is not a TTL",
            "E 22:3 `TXT` the record ends too early",
            "E 23:3 `(` a parenthesis is never closed",
        ]
    );
    assert!(read(&text).1.iter().all(|d| !d.label.is_empty()));
}

#[test]
fn what_is_left_out_is_said() {
    let text = format!(
        "{SOA}_x._tcp SRV 0 0 25 a\n@ CAA 0 issue \"x\"\n_y._tcp SRV 0 0 25 a\n@ TYPE65534 \\# 2 abcd\n@ MXX 1 a\n\
         @ A \\# 4 c0000201\nother.example. A 192.0.2.1\nx.notexample.org. A 192.0.2.1\n@ MX 5 192.0.2.1\n@ TYPE15 6 m\n"
    );
    assert_eq!(
        said(&text),
        [
            "W 3:9 `SRV` 2 records of type SRV are left out",
            "W 4:3 `CAA` a record of type CAA is left out",
            "W 6:3 `TYPE65534` a record of type TYPE65534 is left out",
            "W 7:3 `MXX` no record type `MXX`: the record is left out",
            "W 8:1 `@ A \\# 4 c0000201` this A record is left out: its data is in hexadecimal (RFC 3597)",
            "W 9:1 `other.example.` `other.example` is outside the zone `example.org` and is left out",
            "W 10:1 `x.notexample.org.` `x.notexample.org` is outside the zone `example.org` and is left out",
            "W 11:8 `192.0.2.1` `192.0.2.1` is an address where a name belongs",
        ]
    );
    assert_eq!(
        shown(&read(&text).0.expect("warnings only")),
        [
            "example.org 3600 Mx { preference: 5, exchange: \"192.0.2.1.example.org\" }",
            "example.org 3600 Mx { preference: 6, exchange: \"m.example.org\" }",
        ]
    );
}

#[test]
fn what_a_zone_must_hold() {
    assert_eq!(
        said("$TTL 1\na A 192.0.2.1\n"),
        ["W 1:1 `` the zone `example.org` has no SOA record: defaults are used"]
    );
    let second = format!("{SOA}@ SOA ns hostmaster 1 2h 15m 2w 5m\n");
    assert_eq!(
        said(&second),
        ["E 3:1 `@ SOA ns hostmaster 1 2h 15m 2w 5m` a second SOA record; the first is on line 2"]
    );
    let elsewhere = "$ORIGIN sub\n$TTL 1\n@ SOA n h 1 2 3 4 5\n";
    assert_eq!(
        said(elsewhere),
        ["E 3:1 `@` the SOA record belongs to `sub.example.org`, and the zone is `example.org`"]
    );
    let aliases = format!(
        "{SOA}@ CNAME a\nb CNAME c\nb CNAME c.example.org.\nd CNAME e\nd CNAME f\ng SRV 0 0 1 a\ng CNAME a\nh CNAME a\nh RRSIG x\n"
    );
    assert_eq!(
        said(&aliases),
        [
            "E 3:1 `@ CNAME a` `example.org` has a CNAME beside other data: its SOA record is on line 2",
            "W 5:1 `b CNAME c.example.org.` the same record as on line 4, left out",
            "E 7:1 `d CNAME f` `d.example.org` has two CNAME records; the first is on line 6",
            "W 8:3 `SRV` a record of type SRV is left out",
            "E 9:1 `g CNAME a` `g.example.org` has a CNAME beside other data: its SRV record is on line 8",
            "W 11:3 `RRSIG` a record of type RRSIG is left out",
        ]
    );
    let exchanges = format!("{SOA}@ MX 0 .\n@ MX 5 w\nw CNAME v\nv MX 0 .\n");
    assert_eq!(
        said(&exchanges),
        [
            "W 3:1 `@ MX 0 .` `example.org` has a null MX beside other MX records",
            "W 4:1 `@ MX 5 w` the mail exchanger `w.example.org` is an alias, by the CNAME on line 5",
        ]
    );
}

#[test]
fn the_root_is_a_zone_and_nonsense_is_not() {
    let (zone, _) = read_zone_file(&source("$TTL 1\n. SOA a b 1 2 3 4 5\norg NS ns.org\n@ MX 0 .\n"), ".");
    assert_eq!(shown(&zone.expect("no error")), ["org 1 Ns(\"ns.org\")", ". 1 Mx { preference: 0, exchange: \".\" }"]);
    let (zone, diagnostics) = read_zone_file(&source(""), "a..b");
    assert!(zone.is_none() && diagnostics[0].message.contains("is not a domain name"));
}

#[test]
fn an_error_shows_as_users_see_it() {
    let (_, diagnostics) = read("$TTL 1h\n@ SOA ns host (\n  1 2h 15 min 2w 5m )\n");
    let shown = render(&diagnostics, false);
    let expected = "\
error: `min` has a unit without a number
 --> example.org.zone:3:11
  |
3 |   1 2h 15 min 2w 5m )
  |           ^^^ expected seconds or numbers with w, d, h, m or s, such as `300` or `1h30m`
";
    assert_eq!(shown, expected);
}

#[test]
fn texts_have_a_length() {
    let long = format!("{SOA}a TXT {}\n", "x".repeat(255));
    assert!(read(&long).0.is_some());
    let longer = format!("{SOA}a TXT \"{}\"\n", "x".repeat(256));
    assert!(said(&longer)[0].contains("a string of 256 octets is longer than 255"));
    let octets = format!("{SOA}a TXT \"\\255\" \"\u{e9}\"\n");
    assert_eq!(said(&octets), ["W 3:8 `\\255` a text holds octets that are not UTF-8"]);
}

#[test]
fn many_open_parentheses_take_linear_time() {
    let text = "a (\n".repeat(100_000);
    assert_eq!(read(&text).1.len(), 100_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_text_panics(
        text in "(\\$TTL |\\$ORIGIN |@ |IN |SOA |MX |TXT |A |CNAME |[0-9]{1,3} |a|\\.|\\\\|\\\\[0-9]{1,3}|\"|\\(|\\)|;|\n|\r|\t| |\u{e9}|\\PC){0,40}"
    ) {
        for diagnostic in read(&text).1 {
            let place = diagnostic.place.expect("every diagnostic has a place");
            prop_assert!(text.get(place.span).is_some());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&String::from_utf8_lossy(&bytes));
    }
}
