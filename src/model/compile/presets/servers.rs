//! Presets of authoritative servers: one row a number, with where it was read or measured.

use ron::Options;
use ron::extensions::Extensions;

use super::Preset;
use crate::scenario::tree::ServerRules;

/// Field, value as a scenario writes it, source.
type Row = (&'static str, &'static str, &'static str);

struct Sheet {
    name: &'static str,
    about: &'static str,
    rows: &'static [Row],
}

const PLAIN: Sheet = Sheet {
    name: "Plain",
    about: "an authoritative server by the RFCs alone",
    rows: &[
        ("min_refresh", "\"0s\"", "RFC 1035 section 3.3.13: REFRESH counts"),
        ("min_retry", "\"1s\"", "RFC 1035 section 3.3.13: RETRY counts; no server asks without end within a second"),
        ("jitter_from", "1.0", "none"),
        ("notify_delay", "\"0s\"", "RFC 1996 section 3: at the change"),
        ("notify_retry", "\"60s\"", "RFC 1996 section 3.6, suggested"),
        ("notify_tries", "6", "RFC 1996 section 3.6: five retransmissions, suggested"),
        ("minimal_responses", "false", "RFC 1034 section 4.3.2"),
    ],
};

const NSD: Sheet = Sheet {
    name: "Nsd",
    about: "NSD 4.6 (4.6.1, as measured)",
    rows: &[
        ("min_refresh", "\"0s\"", "nsd.conf(5), min-refresh-time; measured: SOA refresh 20 gave lags of 6 to 18 s"),
        ("min_retry", "\"1s\"", "nsd.conf(5), min-retry-time"),
        ("jitter_from", "0.9", "xfrd.c, xfrd_set_timer: drawn from 90 to 100 % above 10 s"),
        ("notify_delay", "\"0s\"", "as secondary only, measured; assumption"),
        ("notify_retry", "\"3s\"", "xfrd-notify.c, XFRD_NOTIFY_RETRY_TIMOUT; from memory"),
        ("notify_tries", "5", "nsd.conf(5), notify-retry; from memory"),
        ("minimal_responses", "false", "nsd.conf(5), minimal-responses"),
    ],
};

const KNOT_DNS: Sheet = Sheet {
    name: "KnotDns",
    about: "Knot DNS 3.2 (3.2.6, as measured)",
    rows: &[
        ("min_refresh", "\"2s\"", "knot.conf(5), refresh-min-interval; measured: SOA refresh 20 gave lags of 2 to 5 s"),
        ("min_retry", "\"1s\"", "knot.conf(5), retry-min-interval"),
        ("jitter_from", "1.0", "assumption"),
        ("notify_delay", "\"0s\"", "assumption"),
        ("notify_retry", "\"60s\"", "RFC 1996 section 3.6; assumption"),
        ("notify_tries", "6", "RFC 1996 section 3.6; assumption"),
        ("minimal_responses", "false", "assumption"),
    ],
};

const BIND_SERVER: Sheet = Sheet {
    name: "BindServer",
    about: "BIND 9.18 as an authoritative server (9.18.49, as measured)",
    rows: &[
        ("min_refresh", "\"300s\"", "min-refresh-time; measured: SOA refresh 20 gave lags of 71 to 234 s"),
        ("min_retry", "\"500s\"", "min-retry-time; from memory"),
        ("jitter_from", "0.75", "lib/dns/zone.c, DNS_ZONE_JITTERADD: drawn from 75 to 100 %; from memory"),
        ("notify_delay", "\"5s\"", "notify-delay"),
        ("notify_retry", "\"5s\"", "lib/dns/zone.c, zone_notify: 15 s over three tries; from memory"),
        ("notify_tries", "3", "lib/dns/zone.c, zone_notify; from memory"),
        (
            "minimal_responses",
            "false",
            "minimal-responses no-auth-recursive: full to those who do not ask for recursion",
        ),
    ],
};

const SHEETS: [&Sheet; 4] = [&PLAIN, &NSD, &KNOT_DNS, &BIND_SERVER];

/// The rules of a preset, every field set.
pub(in super::super) fn server_rules(name: &str) -> ServerRules {
    let found = SHEETS.iter().find(|sheet| sheet.name == name);
    found.and_then(|sheet| sheet.read()).unwrap_or_default()
}

/// Presets of a name server's `software`.
pub(super) fn server_presets() -> impl Iterator<Item = Preset> {
    SHEETS.into_iter().map(|sheet| Preset {
        name: sheet.name,
        field: "servers/.../software",
        about: sheet.about,
        parameters: sheet.rows.iter().map(|(field, value, why)| (*field, value.replace('"', ""), *why)).collect(),
    })
}

impl Sheet {
    fn read(&self) -> Option<ServerRules> {
        let fields: Vec<String> = self.rows.iter().map(|(field, value, _)| format!("{field}: {value}")).collect();
        let options = Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        options.from_str(&format!("({})", fields.join(", "))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_says_everything_with_its_source() {
        for sheet in SHEETS {
            let fields: Vec<&str> = sheet.rows.iter().map(|row| row.0).collect();
            assert_eq!(fields, ServerRules::FIELDS, "{}", sheet.name);
            assert!(sheet.rows.iter().all(|row| row.2.len() > 3), "{}", sheet.name);
            let rules = sheet.read().unwrap_or_else(|| panic!("{} cannot be read", sheet.name));
            // Nothing is left to a default.
            let own = ServerRules { jitter_from: Some(0.5), ..ServerRules::default() };
            assert_eq!(rules.or(&own), rules, "{}", sheet.name);
        }
    }
}
