//! The same files read by the crate `domain`.

use domain::base::Name;
use domain::base::iana::Class;
use domain::dep::octseq::OctetsInto;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use proptest::prelude::*;

use super::super::{RecordData, name};
use super::read;

/// A name as `domain` displays it, in our form.
fn ours(shown: impl ToString) -> String {
    name::read_name(&shown.to_string(), ".").expect("a name")
}

/// `owner ttl data` of each record that we keep, by `domain`; sorted.
fn by_domain(text: &str) -> Vec<String> {
    let mut file = Zonefile::from(text);
    file.set_origin(Name::vec_from_str("example.org.").expect("a name").octets_into());
    file.set_default_class(Class::IN);
    let mut found = Vec::new();
    while let Some(entry) = file.next_entry().expect("domain reads the file") {
        let Entry::Record(record) = entry else { continue };
        let data = match record.data() {
            ZoneRecordData::A(a) => format!("{:?}", RecordData::A(a.addr())),
            ZoneRecordData::Aaaa(aaaa) => format!("{:?}", RecordData::Aaaa(aaaa.addr())),
            ZoneRecordData::Ns(ns) => format!("{:?}", RecordData::Ns(ours(ns.nsdname()))),
            ZoneRecordData::Cname(cname) => format!("{:?}", RecordData::Cname(ours(cname.cname()))),
            ZoneRecordData::Mx(mx) => {
                format!("{:?}", RecordData::Mx { preference: mx.preference(), exchange: ours(mx.exchange()) })
            }
            ZoneRecordData::Txt(txt) => {
                let strings = txt.iter().map(|octets| String::from_utf8_lossy(octets).into_owned()).collect();
                format!("{:?}", RecordData::Txt(strings))
            }
            ZoneRecordData::Soa(soa) => format!(
                "SOA {} {} {} {} {} {} {}",
                ours(soa.mname()),
                ours(soa.rname()),
                soa.serial(),
                soa.refresh().as_secs(),
                soa.retry().as_secs(),
                soa.expire().as_secs(),
                soa.minimum().as_secs()
            ),
            _ => continue,
        };
        found.push(format!("{} {} {data}", ours(record.owner()), record.ttl().as_secs()));
    }
    found.sort();
    found
}

/// The same by our reader.
fn by_us(text: &str) -> Vec<String> {
    let (zone, diagnostics) = read(text);
    let zone = zone.unwrap_or_else(|| panic!("{text}\n{diagnostics:#?}"));
    let mut found = super::shown(&zone);
    if let Some(s) = &zone.soa {
        let timers = format!("{} {} {} {} {}", s.serial, s.refresh_s, s.retry_s, s.expire_s, s.minimum_s);
        found.push(format!("{} {} SOA {} {} {timers}", zone.origin, s.ttl_s, s.mname, s.rname));
    }
    found.sort();
    found
}

#[test]
fn files_read_alike() {
    for text in [
        "$TTL 300\n@ IN SOA ns1 host\\.master ( 1 2 3\n 4 5 ) ; end\n\tIN NS ns1\n\t\tMX 10 mail\nmail 60 IN A 192.0.2.1\n IN 61 AAAA ::1\n",
        "@ 5 IN SOA . . 4294967295 0 0 0 0\nA 7 IN A 192.0.2.1\nb A 192.0.2.2\n",
        "$TTL 1\n$ORIGIN sub.example.org.\na TXT \"x;y\" z \"\" \"\\\"q\\\"\" \\100\\;e ( \"f\"\n\"g\" )\n$ORIGIN sub2\n@ CNAME \\A\\.b\n",
        "$TTL 1\r\na\\032b TXT \"(\" ; )\r\n\r\n   ; nothing\r\n*.c MX 0 .\r\n",
    ] {
        assert_eq!(by_us(text), by_domain(text), "{text}");
    }
}

fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,6}|\\*|[a-z]\\\\\\.[a-z]|\\\\[01][0-9][0-9]x|a\\\\;b"
}

fn target() -> impl Strategy<Value = String> {
    (proptest::collection::vec(label(), 1..3), any::<bool>())
        .prop_map(|(labels, full)| labels.join(".") + if full { "." } else { "" })
}

fn data() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|a| format!("A {a}")),
        any::<std::net::Ipv6Addr>().prop_map(|a| format!("AAAA {a}")),
        target().prop_map(|name| format!("NS {name}")),
        (any::<u16>(), target()).prop_map(|(preference, name)| format!("MX {preference} {name}")),
        proptest::collection::vec("\"([a-z ;()]|\\\\\"|\\\\0[0-9]{2}){0,9}\"|[a-z0-9=]{1,5}", 1..4)
            .prop_map(|strings| format!("TXT {}", strings.join(" "))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn records_in_any_layout_read_alike(
        records in proptest::collection::vec((label(), data(), any::<u32>(), 0..6, any::<bool>()), 1..12),
        ttl in 0u32..100_000,
        final_line_end in any::<bool>(),
    ) {
        let mut text = format!("$TTL {ttl}\n@ SOA ns host 1 2 3 4 5\n");
        for (index, (label, data, own, layout, parentheses)) in records.iter().enumerate() {
            // Distinct owners: in one RRset we level TTLs and drop duplicates, which is not the scanner's work.
            let data = if *parentheses { data.replacen(' ', " (\n\t", 1) + " ; note )\n )" } else { data.clone() };
            let own = own >> 1;
            let fields = match layout {
                0 => data,
                1 => format!("IN {data}"),
                2 => format!("{own} {data}"),
                3 => format!("{own} IN {data}"),
                4 => format!("IN\t{own}  {data}"),
                _ => format!("in {data} ; comment \" ("),
            };
            text.push_str(&format!("{label}.r{index} {fields}\n"));
        }
        let expected = by_domain(&text);
        // `domain` decodes in place and has no room for a text that ends with the file: only we read this.
        if !final_line_end {
            text.pop();
        }
        prop_assert_eq!(by_us(&text), expected, "{}", text);
    }
}
