//! Presets of resolvers: one row a number, with where it was read or measured.
//!
//! Versions measured: Unbound 1.17.1, BIND 9.18.49, Knot Resolver 5.6.0, PowerDNS Recursor 4.8.8, dnsmasq 2.90. Sources read:
//! Unbound 1.26.1-dev (7fb79b06), BIND 9.21.26-dev (bf74540d), Knot Resolver 6.x (4f4788cf), PowerDNS (20096dc7).

mod bind;
mod knot;
mod plain;
mod powerdns;
mod unbound;

use std::sync::LazyLock;

use ron::Options;
use ron::extensions::Extensions;

use super::Preset;
use crate::scenario::tree::ResolverRules;

/// Field, value as a scenario writes it (durations without quotes), source.
pub(super) type Row = (&'static str, &'static str, &'static str);

/// A preset as it is written down: what it stands for, the preset it differs from, and its own rows.
pub(super) struct Sheet {
    pub name: &'static str,
    pub about: &'static str,
    pub base: Option<&'static Sheet>,
    pub rows: &'static [Row],
}

const SHEETS: [&Sheet; 10] = [
    &plain::IDEAL,
    &plain::WHOLE_SECOND,
    &unbound::UNBOUND,
    &unbound::UNBOUND_PRE_125,
    &bind::BIND,
    &bind::BIND_PARENT_CENTRIC,
    &knot::KNOT_RESOLVER,
    &powerdns::POWERDNS_RECURSOR,
    &plain::DNSMASQ,
    &plain::PUSHED,
];

static ALL: LazyLock<Vec<(&'static str, ResolverRules)>> = LazyLock::new(|| {
    let read = |sheet: &&Sheet| sheet.read().map(|rules| (sheet.name, rules));
    SHEETS.iter().filter_map(read).collect()
});

/// The rules of a preset, every field set.
pub fn resolver_rules(name: &str) -> ResolverRules {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.map_or_else(ResolverRules::default, |(_, rules)| rules.clone())
}

/// Presets of `software`.
pub fn resolver_presets() -> Vec<Preset> {
    SHEETS
        .iter()
        .map(|sheet| Preset {
            name: sheet.name,
            field: "software",
            about: sheet.about,
            parameters: sheet.rows().into_iter().map(|(field, value, why)| (field, value.to_owned(), why)).collect(),
        })
        .collect()
}

impl Sheet {
    /// The row of each field, in their order.
    fn rows(&self) -> Vec<Row> {
        ResolverRules::FIELDS.iter().filter_map(|field| self.row(field)).collect()
    }

    fn row(&self, field: &str) -> Option<Row> {
        let own = self.rows.iter().find(|row| row.0 == field).copied();
        own.or_else(|| self.base.and_then(|base| base.row(field)))
    }

    fn read(&self) -> Option<ResolverRules> {
        let fields: Vec<String> =
            self.rows().iter().map(|(field, value, _)| format!("{field}: {}", quoted(value))).collect();
        let options =
            Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
        options.from_str(&format!("({})", fields.join(", "))).ok()
    }
}

/// Durations have a digit first and a unit last, and are text in a scenario.
fn quoted(value: &str) -> String {
    let is_duration = value.starts_with(|c: char| c.is_ascii_digit()) && value.ends_with(|c: char| c.is_alphabetic());
    if is_duration { format!("\"{value}\"") } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_says_everything_with_its_source() {
        for sheet in SHEETS {
            let fields: Vec<&str> = sheet.rows().iter().map(|row| row.0).collect();
            assert_eq!(fields, ResolverRules::FIELDS, "{}", sheet.name);
            assert!(sheet.rows().iter().all(|row| row.2.len() > 2), "{}", sheet.name);
            let rules = sheet.read().unwrap_or_else(|| panic!("{} cannot be read", sheet.name));
            // Nothing is left to a default.
            assert_eq!(rules.or(&ResolverRules::default()), rules);
            let unknown = sheet.rows.iter().find(|row| !ResolverRules::FIELDS.contains(&row.0));
            assert_eq!(unknown, None, "{}", sheet.name);
        }
        assert_eq!(ALL.len(), SHEETS.len());
    }
}
