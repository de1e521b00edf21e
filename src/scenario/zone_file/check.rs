//! What a zone must hold as a whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::reader::Contents;
use super::record_type::RecordType;
use super::{Record, RecordData};
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::lines::Lines;

/// Checks the contents of the zone `origin`, removes duplicates and gives each RRset one TTL.
pub(super) fn check(source: &Arc<SourceText>, origin: &str, contents: &mut Contents) {
    let lines = &Lines::new(source);
    let mut found = Vec::new();
    check_soa(lines, origin, contents, &mut found);
    check_aliases(lines, origin, contents, &mut found);
    remove_duplicates(lines, &mut contents.records, &mut found);
    level_ttls(lines, &mut contents.records, &mut found);
    check_exchanges(lines, &contents.records, &mut found);
    contents.diagnostics.append(&mut found);
}

fn check_soa(lines: &Lines<'_>, origin: &str, contents: &Contents, found: &mut Vec<Diagnostic>) {
    let mut soas = contents.soas.iter();
    let Some(first) = soas.next() else {
        // An SOA with an error is there, and an SOA of another owner has been reported as an error too.
        if !contents.soa_failed && !contents.diagnostics.iter().any(Diagnostic::is_error) {
            let message = format!("the zone `{origin}` has no SOA record: defaults are used");
            let help = "negative answers take their TTL from it (RFC 2308 section 3)";
            found
                .push(Diagnostic::warning(message).at(lines.source(), 0..0).label("expected an SOA record").help(help));
        }
        return;
    };
    for second in soas {
        let message = format!("a second SOA record; the first is on line {}", lines.number(first.span.start));
        found.push(
            Diagnostic::error(message)
                .at(lines.source(), second.span.clone())
                .label("a zone has one (RFC 1035 section 5.2)"),
        );
    }
}

/// A CNAME stands alone at its owner (RFC 1034 section 3.6.2), DNSSEC's types apart.
fn check_aliases(lines: &Lines<'_>, origin: &str, contents: &Contents, found: &mut Vec<Diagnostic>) {
    let mut others: BTreeMap<&str, (&str, Range<usize>)> = BTreeMap::new();
    let mut aliases: BTreeMap<&str, &Record> = BTreeMap::new();
    for soa in &contents.soas {
        others.entry(origin).or_insert(("SOA", soa.span.clone()));
    }
    let plain = contents.records.iter().filter(|record| !matches!(record.data, RecordData::Cname(_)));
    let kept = plain.map(|record| (record.owner.as_str(), record.data.type_name(), &record.span));
    let left_out = contents.left_out.iter().map(|(owner, mnemonic, span)| (owner.as_str(), mnemonic.as_str(), span));
    for (owner, mnemonic, span) in kept.chain(left_out) {
        if !RecordType::may_stand_beside_cname(mnemonic) {
            others.entry(owner).or_insert((mnemonic, span.clone()));
        }
    }
    for record in contents.records.iter().filter(|record| matches!(record.data, RecordData::Cname(_))) {
        let owner = record.owner.as_str();
        if let Some(first) = aliases.get(owner).filter(|first| first.data != record.data) {
            let message =
                format!("`{owner}` has two CNAME records; the first is on line {}", lines.number(first.span.start));
            found.push(
                Diagnostic::error(message)
                    .at(lines.source(), record.span.clone())
                    .label("a name stands for one other name"),
            );
        } else if !aliases.contains_key(owner) {
            aliases.insert(owner, record);
            if let Some((mnemonic, span)) = others.get(owner) {
                let message = format!(
                    "`{owner}` has a CNAME beside other data: its {mnemonic} record is on line {}",
                    lines.number(span.start)
                );
                let error = Diagnostic::error(message)
                    .at(lines.source(), record.span.clone())
                    .label("a CNAME stands alone at its owner (RFC 1034 section 3.6.2)")
                    .help("remove the CNAME, or move the other records to the name it stands for");
                found.push(error);
            }
        }
    }
}

/// An RRset holds each record once (RFC 2181 section 5).
fn remove_duplicates(lines: &Lines<'_>, records: &mut Vec<Record>, found: &mut Vec<Diagnostic>) {
    // Of two equal records the lower TTL is kept: the same rule as for the RRset.
    let mut kept: BTreeMap<(String, RecordData), usize> = BTreeMap::new();
    let mut unique: Vec<Record> = Vec::with_capacity(records.len());
    for record in records.drain(..) {
        match kept.get(&(record.owner.clone(), record.data.clone())).and_then(|&at| unique.get_mut(at)) {
            None => {
                kept.insert((record.owner.clone(), record.data.clone()), unique.len());
                unique.push(record);
            }
            Some(first) => {
                first.ttl_s = first.ttl_s.min(record.ttl_s);
                let message = format!("the same record as on line {}, left out", lines.number(first.span.start));
                found.push(
                    Diagnostic::warning(message)
                        .at(lines.source(), record.span)
                        .label("an RRset holds each record once"),
                );
            }
        }
    }
    *records = unique;
}

/// All records of one RRset get the lowest of their TTLs (RFC 2181 section 5.2).
fn level_ttls(lines: &Lines<'_>, records: &mut [Record], found: &mut Vec<Diagnostic>) {
    let mut sets: BTreeMap<(String, &'static str), (u32, Range<usize>, bool)> = BTreeMap::new();
    for record in records.iter() {
        let key = (record.owner.clone(), record.data.type_name());
        let set = sets.entry(key).or_insert_with(|| (record.ttl_s, record.span.clone(), false));
        if set.0 != record.ttl_s && !set.2 {
            *set = (set.0, record.span.clone(), true);
        }
        set.0 = set.0.min(record.ttl_s);
    }
    for ((owner, mnemonic), (lowest, span, differ)) in &sets {
        if *differ {
            let message =
                format!("the {mnemonic} records of `{owner}` have different TTLs: the lowest, {lowest} s, is used");
            let warning = Diagnostic::warning(message)
                .at(lines.source(), span.clone())
                .label("differs from the record before it (RFC 2181 section 5.2)")
                .help("BIND takes the first of the file; give them one TTL");
            found.push(warning);
        }
    }
    for record in records {
        if let Some((lowest, ..)) = sets.get(&(record.owner.clone(), record.data.type_name())) {
            record.ttl_s = *lowest;
        }
    }
}

/// A null MX stands alone (RFC 7505 section 3), and an exchange is not an alias (RFC 2181 section 10.3).
fn check_exchanges(lines: &Lines<'_>, records: &[Record], found: &mut Vec<Diagnostic>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut aliases: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in records {
        match record.data {
            RecordData::Mx { .. } => *counts.entry(&record.owner).or_insert(0) += 1,
            RecordData::Cname(_) => _ = aliases.insert(&record.owner, record),
            _ => {}
        }
    }
    for record in records {
        let RecordData::Mx { exchange, .. } = &record.data else { continue };
        if exchange == "." && counts.get(record.owner.as_str()).is_some_and(|&count| count > 1) {
            let warning = Diagnostic::warning(format!("`{}` has a null MX beside other MX records", record.owner))
                .at(lines.source(), record.span.clone())
                .label("a null MX stands alone (RFC 7505 section 3)")
                .help("remove it if the domain takes mail, or the others if it takes none");
            found.push(warning);
        }
        if let Some(alias) = aliases.get(exchange.as_str()) {
            let message = format!(
                "the mail exchanger `{exchange}` is an alias, by the CNAME on line {}",
                lines.number(alias.span.start)
            );
            let warning = Diagnostic::warning(message)
                .at(lines.source(), record.span.clone())
                .label("an exchange must not be an alias (RFC 2181 section 10.3)");
            found.push(warning);
        }
    }
}
