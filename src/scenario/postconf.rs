//! The output of `postconf -n`, or a `main.cf`, and a `master.cf`: Postfix's own configuration (postconf(5), master(5)).

mod expand;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, Place, SourceText};
use super::nearest::list_names;
use super::tree::{AddressPreference, ClientTls, Feedback, PostfixRetry};
use super::units::{Duration, FromText, seconds};
use expand::{Names, Unread};

/// Parameters of one transport, which stand before those of all (`smtp_destination_concurrency_limit`).
const OF_TRANSPORT: [(&str, &str); 7] = [
    ("smtp_initial_destination_concurrency", "initial_destination_concurrency"),
    ("smtp_destination_concurrency_limit", "default_destination_concurrency_limit"),
    ("smtp_destination_recipient_limit", "default_destination_recipient_limit"),
    ("smtp_destination_rate_delay", "default_destination_rate_delay"),
    ("smtp_destination_concurrency_positive_feedback", "default_destination_concurrency_positive_feedback"),
    ("smtp_destination_concurrency_negative_feedback", "default_destination_concurrency_negative_feedback"),
    ("smtp_destination_concurrency_failed_cohort_limit", "default_destination_concurrency_failed_cohort_limit"),
];

/// Times whose bare number does not count seconds (postconf(5): "The default time unit is ...").
const OTHER_UNITS: [(&str, u64); 3] =
    [("maximal_queue_lifetime", 86_400), ("bounce_queue_lifetime", 86_400), ("delay_warning_time", 3600)];

/// Lists of next hops, each with its older name (`mail_params.h`: `smtp_fallback_relay` is `$fallback_relay` by default).
const NEXT_HOPS: [(&str, &str); 3] = [
    ("relayhost", "relayhost"),
    ("fallback_relay", "smtp_fallback_relay"),
    ("smtp_fallback_relay", "smtp_fallback_relay"),
];

/// What says which addresses come first, the stronger before.
const FAMILIES: [&str; 2] = ["inet_protocols", "smtp_address_preference"];

/// How much TLS its client wants.
const TLS_LEVEL: &str = "smtp_tls_security_level";

/// What Postfix's configuration says.
#[derive(Debug, Clone, Default)]
pub struct Postconf {
    /// The parameters of its queue and its client.
    pub retry: PostfixRetry,
    /// `relayhost` and `smtp_fallback_relay`, where they are set: as written, and where.
    pub next_hops: BTreeMap<&'static str, (String, Place)>,
    /// Which addresses come first, where `smtp_address_preference` or `inet_protocols` says so.
    pub address_preference: Option<AddressPreference>,
    /// Whether sessions are encrypted where the host offers it, where `smtp_tls_security_level` is `none` or `may`.
    pub tls: Option<ClientTls>,
    /// Where each parameter of `retry` that is set was read, in words.
    pub given: BTreeMap<String, &'static str>,
    /// And the place of its value.
    pub places: BTreeMap<String, Place>,
}

impl Postconf {
    /// Of what stands in the `file` of a `PostfixConfig`, and in its `master`.
    pub const FROM_FILE: &str = "from `file`";
    const FROM_MASTER: &str = "from `master`";

    /// Takes the process limit of a `master.cf` over, where it has one.
    ///
    /// # Errors
    /// Those of [`read_master`], among the diagnostics.
    pub fn add_master(&mut self, source: &Arc<SourceText>) -> Vec<Diagnostic> {
        let (limit, problems) = read_master(source);
        if let Some(limit) = limit {
            self.retry.default_process_limit = limit;
            self.given.insert("default_process_limit".into(), Self::FROM_MASTER);
        }
        problems
    }
}

struct Setting<'a> {
    name: &'a str,
    value: String,
    name_span: Range<usize>,
    value_span: Range<usize>,
}

/// Reads Postfix's parameters; what the file does not set is Postfix's default.
///
/// # Errors
/// Lines that are no setting, and values that do not fit, each with its place, as errors among the diagnostics. A warning
/// names all parameters that are not modelled.
pub fn read_postconf(source: &Arc<SourceText>) -> (Postconf, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let settings = settings(source, &mut found);
    let defaults = match serde_json::to_value(PostfixRetry::default()) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    // The last of a name counts.
    let by_name: BTreeMap<&str, &Setting<'_>> = settings.iter().map(|setting| (setting.name, setting)).collect();
    let names = Names { set: &by_name, defaults: &defaults };
    let mut fields = defaults.clone();
    let mut unknown: Vec<&Setting<'_>> = Vec::new();
    let mut next_hops = BTreeMap::new();
    let mut families: Vec<&Setting<'_>> = Vec::new();
    let mut tls = None;
    let (mut given, mut places) = (BTreeMap::new(), BTreeMap::new());
    // A transport's own parameters stand before those of all.
    let order = by_name.values().filter(|one| !is_of_transport(one.name));
    for setting in order.chain(by_name.values().filter(|one| is_of_transport(one.name))) {
        let name = OF_TRANSPORT.iter().find(|(own, _)| *own == setting.name).map_or(setting.name, |(_, all)| all);
        let Some(default) = defaults.get(name).filter(|_| name != "scan_phase") else {
            // A client without IPv4 is not modelled.
            if FAMILIES.contains(&setting.name) && (setting.name, setting.value.as_str()) != ("inet_protocols", "ipv6")
            {
                families.push(setting);
                continue;
            }
            if setting.name == TLS_LEVEL {
                match names.expand(&setting.value) {
                    Ok(level) => match client_tls(&level) {
                        Some(known) => tls = known,
                        None => unknown.push(setting),
                    },
                    Err(why) => found.push(unread(why, source, setting)),
                }
                continue;
            }
            let Some((_, parameter)) = NEXT_HOPS.iter().find(|(known, _)| *known == setting.name) else {
                unknown.push(setting);
                continue;
            };
            let place = Place { source: Arc::clone(source), span: setting.value_span.clone() };
            match names.expand(&setting.value) {
                Ok(text) => drop(next_hops.insert(*parameter, (text, place))),
                Err(Unread::Wrong((message, _)) | Unread::Unknown(message)) => found.push(Diagnostic {
                    place: Some(place),
                    ..Diagnostic::warning(format!("{message}: `{}` is not read", setting.name))
                }),
            }
            continue;
        };
        match names.expand(&setting.value).and_then(|text| Ok(value_of(name, default, &text)?)) {
            Ok(value) => {
                fields.insert(name.into(), value);
                given.insert(name.into(), Postconf::FROM_FILE);
                places.insert(name.into(), Place { source: Arc::clone(source), span: setting.value_span.clone() });
            }
            Err(why) => found.push(unread(why, source, setting)),
        }
    }
    let mut address_preference = None;
    // What is off stands before what comes first: `inet_protocols` before `smtp_address_preference`.
    for setting in families {
        match names.expand(&setting.value).and_then(|text| Ok(preference(setting.name, &text)?)) {
            Ok(said) => address_preference = address_preference.or(said),
            Err(why) => found.push(unread(why, source, setting)),
        }
    }
    unknown.sort_by_key(|setting| setting.name_span.start);
    if let Some(first) = unknown.first() {
        let names = || unknown.iter().map(|setting| setting.name);
        let message = format!("{} of the parameters are not modelled and change nothing", unknown.len());
        let warning = Diagnostic::warning(message).at(source, first.name_span.clone());
        found.push(warning.help(format!("they are {}", list_names(names(), unknown.len()))));
    }
    found.sort_by_key(|problem| problem.place.as_ref().map(|place| place.span.start));
    let retry = serde_json::from_value(Value::Object(fields)).unwrap_or_default();
    (Postconf { retry, next_hops, address_preference, tls, given, places }, found)
}

/// What is said of a value that is not known.
fn unread(why: Unread, source: &Arc<SourceText>, setting: &Setting<'_>) -> Diagnostic {
    match why {
        Unread::Wrong((message, expected)) => {
            Diagnostic::error(message).at(source, setting.value_span.clone()).label(expected)
        }
        Unread::Unknown(message) => {
            Diagnostic::warning(format!("{message}: `{}` is left at its default", setting.name))
                .at(source, setting.value_span.clone())
                .label("not read")
        }
    }
}

/// What a level makes of the client (postconf(5), `smtp_tls_security_level`): empty, older parameters decide, which are not read;
/// `None` for those that do not go on without TLS, or look for certificates, which is not modelled.
fn client_tls(level: &str) -> Option<Option<ClientTls>> {
    match level.trim() {
        "" => Some(None),
        "none" => Some(Some(ClientTls::Off)),
        "may" => Some(Some(ClientTls::May)),
        _ => None,
    }
}

/// The order of addresses that a parameter asks for (postconf(5); `smtp_addr.c` sorts within one preference of MX); `None` where
/// it leaves that open.
fn preference(name: &str, text: &str) -> Result<Option<AddressPreference>, Wrong> {
    let words: Vec<&str> = text.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    match (name, words.as_slice()) {
        ("smtp_address_preference", ["any"]) => Ok(Some(AddressPreference::Any)),
        ("smtp_address_preference", ["ipv4"]) => Ok(Some(AddressPreference::Ipv4First)),
        ("smtp_address_preference", ["ipv6"]) => Ok(Some(AddressPreference::Ipv6First)),
        ("smtp_address_preference", _) => {
            Err((format!("`{text}` is no preference of Postfix's"), "expected `any`, `ipv4` or `ipv6`".into()))
        }
        (_, ["ipv4"]) => Ok(Some(AddressPreference::Ipv4Only)),
        (_, ["all"] | ["ipv4", "ipv6"] | ["ipv6", "ipv4"]) => Ok(None),
        _ => Err((format!("`{text}` are no protocols of Postfix's"), "expected `all`, `ipv4` or `ipv4, ipv6`".into())),
    }
}

fn is_of_transport(name: &str) -> bool {
    OF_TRANSPORT.iter().any(|(own, _)| *own == name)
}

/// `name = value`, a line beginning with a space going on with the one before; `#` begins a comment.
fn settings<'a>(source: &'a Arc<SourceText>, found: &mut Vec<Diagnostic>) -> Vec<Setting<'a>> {
    let mut settings: Vec<Setting<'a>> = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let (at, text) = (start, line.trim_end());
        start += line.len();
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        if text.starts_with(char::is_whitespace) {
            match settings.last_mut() {
                Some(before) => before.value = format!("{} {}", before.value, text.trim()).trim().to_owned(),
                None => found.push(
                    Diagnostic::error("a line that goes on with nothing")
                        .at(source, at..at + text.len())
                        .label("expected `name = value` before it"),
                ),
            }
            continue;
        }
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() && !name.trim().contains(char::is_whitespace) => {
                let after = at + name.len() + 1;
                let value_start = after + (value.len() - value.trim_start().len());
                settings.push(Setting {
                    name: name.trim(),
                    value: value.trim().to_owned(),
                    name_span: at..at + name.trim_end().len(),
                    value_span: value_start..value_start + value.trim().len(),
                });
            }
            _ => found.push(
                Diagnostic::error("no setting of Postfix's")
                    .at(source, at..at + text.len())
                    .label("expected `name = value`, as `postconf -n` prints it"),
            ),
        }
    }
    settings
}

type Wrong = (String, String);

/// A parameter's value as the tree has it, of the kind that its default is.
fn value_of(name: &str, default: &Value, text: &str) -> Result<Value, Wrong> {
    if name.ends_with("_feedback") {
        let feedback = Feedback::from_text(&text.replace(' ', "")).map_err(|error| (error.message, error.expected))?;
        return Ok(Value::String(feedback.to_string()));
    }
    match default {
        Value::Bool(_) => match text {
            "yes" => Ok(Value::Bool(true)),
            "no" => Ok(Value::Bool(false)),
            _ => Err((format!("`{text}` is neither yes nor no"), "expected `yes` or `no`".into())),
        },
        Value::Number(number) if number.is_u64() => {
            let count = text.parse::<u32>().map_err(|_| {
                (format!("`{text}` is no count"), "expected a whole number, as Postfix takes it".to_owned())
            })?;
            Ok(count.into())
        }
        Value::Number(_) => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            let wrong = || (format!("`{text}` is no number"), "expected a number such as `1`".to_owned());
            Ok(number.ok_or_else(wrong)?.into())
        }
        _ => time(name, text).map(|span| Value::String(span.0.to_string())),
    }
}

/// Postfix's times: a whole number and one unit of s, m, h, d, w.
fn time(name: &str, text: &str) -> Result<Duration, Wrong> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..) {
        Some("s") => Some(1),
        Some("m") => Some(60),
        Some("h") => Some(3600),
        Some("d") => Some(86_400),
        Some("w") => Some(604_800),
        Some("") => Some(OTHER_UNITS.iter().find(|(known, _)| *known == name).map_or(1, |(_, unit)| *unit)),
        _ => None,
    };
    let number = digits.parse::<u32>().ok();
    match (number, unit) {
        (Some(number), Some(unit)) => Ok(seconds(u64::from(number) * unit)),
        _ => Err((
            format!("`{text}` is no time of Postfix's"),
            "expected a whole number with one of s, m, h, d, w, such as `300s`".into(),
        )),
    }
}

/// The process limit of the smtp client in a `master.cf`: the seventh column of its `smtp unix` line; `None` where it is
/// `-`, the default.
///
/// # Errors
/// A line with too few columns, a limit that is no number, and no such line at all, among the diagnostics; warnings name
/// the options of the line, and other services that send by SMTP, which are not modelled.
pub fn read_master(source: &Arc<SourceText>) -> (Option<u32>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut limit = None;
    let mut seen = false;
    let mut start = 0;
    let mut ours = false;
    let mut others: Vec<(&str, Range<usize>)> = Vec::new();
    for line in source.text.split_inclusive('\n') {
        let (at, text) = (start, line.trim_end());
        start += line.len();
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = text.split_whitespace().collect();
        let goes_on = text.starts_with(char::is_whitespace);
        ours = if goes_on { ours } else { columns.starts_with(&["smtp", "unix"]) };
        if !ours {
            if let (false, [name, ..], Some(&"smtp")) = (goes_on, columns.as_slice(), columns.get(7)) {
                others.push((name, at..at + name.len()));
            }
            continue;
        }
        let span = at + (text.len() - text.trim_start().len())..at + text.len();
        if goes_on || columns.len() > 8 {
            found.push(
                Diagnostic::warning("options of a service are not modelled").at(source, span.clone()).label("not read"),
            );
        }
        if goes_on {
            continue;
        }
        seen = true;
        match columns.get(6).map(|column| (*column, column.parse::<u32>())) {
            Some(("-", _)) => {}
            Some((_, Ok(0))) => limit = Some(u32::MAX),
            Some((_, Ok(count))) => limit = Some(count),
            Some((column, Err(_))) => found.push(
                Diagnostic::error(format!("`{column}` is no process limit"))
                    .at(source, span)
                    .label("expected a number or `-` in the seventh column"),
            ),
            None => found.push(
                Diagnostic::error("a service with too few columns")
                    .at(source, span)
                    .label("expected service, type, private, unpriv, chroot, wakeup, maxproc, command"),
            ),
        }
    }
    if let Some((_, first)) = others.first() {
        let message = format!("services that send besides `smtp` are not modelled: {} change nothing", others.len());
        let names = list_names(others.iter().map(|(name, _)| *name), others.len());
        found.push(Diagnostic::warning(message).at(source, first.clone()).help(format!("they are {names}")));
    }
    if !seen {
        let error = Diagnostic::error("no `smtp unix` service, the client that sends").at(source, 0..0);
        found.push(error.help("is this a `master.cf`?"));
    }
    (limit, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn source(text: &str) -> Arc<SourceText> {
        Arc::new(SourceText { name: "postconf.txt".into(), text: text.into() })
    }

    /// The configuration of a measured server, shortened.
    const MEASURED: &str = "\
biff = no
bounce_queue_lifetime = $maximal_queue_lifetime
delay_warning_time = 60s
maximal_backoff_time = 48s
maximal_queue_lifetime = 300s
minimal_backoff_time = 6s
queue_run_delay = 3s
smtp_connect_timeout = 2s
default_destination_rate_delay = 9s
smtp_destination_concurrency_limit = 7
smtp_destination_rate_delay = 1m
smtp_destination_recipient_limit = 20
smtp_randomize_addresses = no
smtp_skip_5xx_greeting = no
default_destination_concurrency_positive_feedback = 1 / sqrt_concurrency
smtpd_recipient_restrictions = permit_mynetworks,
    reject
";

    #[test]
    fn what_postconf_prints_is_read() {
        let (own, found) = read_postconf(&source(MEASURED));
        let expected = PostfixRetry {
            minimal_backoff_time: seconds(6),
            maximal_backoff_time: seconds(48),
            queue_run_delay: seconds(3),
            maximal_queue_lifetime: seconds(300),
            bounce_queue_lifetime: seconds(300),
            delay_warning_time: seconds(60),
            smtp_connect_timeout: seconds(2),
            default_destination_concurrency_limit: 7,
            default_destination_rate_delay: seconds(60),
            default_destination_recipient_limit: 20,
            smtp_skip_5xx_greeting: false,
            default_destination_concurrency_positive_feedback: Feedback::InverseRoot(1.0),
            smtp_randomize_addresses: false,
            ..PostfixRetry::default()
        };
        assert_eq!(own.retry, expected);
        assert!(own.next_hops.is_empty());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!found[0].is_error());
        let help = found[0].help.clone().unwrap_or_default();
        assert!(help.contains("`biff`") && help.contains("`smtpd_recipient_restrictions`"), "{help}");
    }

    #[test]
    fn bare_numbers_have_the_unit_that_postfix_gives_them() {
        let (own, found) =
            read_postconf(&source("maximal_queue_lifetime = 2\ndelay_warning_time = 4\nqueue_run_delay = 60\n"));
        assert!(found.is_empty());
        assert_eq!(own.retry.maximal_queue_lifetime, seconds(2 * 86_400));
        assert_eq!(own.retry.delay_warning_time, seconds(4 * 3600));
        assert_eq!(own.retry.queue_run_delay, seconds(60));
    }

    #[test]
    fn next_hops_are_kept_with_their_place() {
        let text = "mydomain = example.org\nrelayhost = [gate.$mydomain]:587\nfallback_relay = old.example\n\
                    smtp_fallback_relay = [a.example], b.example\n";
        let (own, found) = read_postconf(&source(text));
        let kept =
            |name| own.next_hops.get(name).map(|(text, place)| (text.as_str(), &place.source.text[place.span.clone()]));
        assert_eq!(kept("relayhost"), Some(("[gate.example.org]:587", "[gate.$mydomain]:587")));
        assert_eq!(kept("smtp_fallback_relay").map(|(text, _)| text), Some("[a.example], b.example"));
        assert!(found.len() == 1 && !found[0].is_error(), "only `mydomain` is not modelled: {found:?}");
        let (own, _) = read_postconf(&source("fallback_relay = old.example\nrelayhost =\n"));
        assert_eq!(own.next_hops["smtp_fallback_relay"].0, "old.example");
        assert_eq!(own.next_hops["relayhost"].0, "", "as Debian's file has it: none");
        // Without what it refers to it is no name, and no error: mail then goes by MX, which is said.
        let (own, found) = read_postconf(&source("relayhost = gate.$mydomain\n"));
        assert!(own.next_hops.is_empty() && found.len() == 1 && !found[0].is_error());
        assert!(found[0].message.contains("`relayhost` is not read"), "{}", found[0].message);
    }

    #[test]
    fn every_error_has_its_place() {
        let text = "queue_run_delay = 5x\nnonsense\nsmtp_mx_address_limit = many\nsmtp_randomize_addresses = maybe\n\
                    minimal_backoff_time = $nowhere\nmaximal_backoff_time = $maximal_backoff_time\n";
        let (_, found) = read_postconf(&source(text));
        let places: Vec<&str> =
            found.iter().map(|problem| &text[problem.place.as_ref().expect("a place").span.clone()]).collect();
        assert_eq!(places, ["5x", "nonsense", "many", "maybe", "$nowhere", "$maximal_backoff_time"]);
        assert!(found.iter().all(Diagnostic::is_error));
    }

    #[test]
    fn the_process_limit_is_that_of_the_client() {
        let master = |smtp: &str| format!("smtp inet n - n - 50 smtpd\n{smtp}\nqmgr unix n - n 300 1 qmgr\n");
        assert_eq!(read_master(&source(&master("smtp unix - - n - 12 smtp"))), (Some(12), Vec::new()));
        assert_eq!(read_master(&source(&master("smtp unix - - n - - smtp"))), (None, Vec::new()));
        assert_eq!(read_master(&source(&master("smtp unix - - n - 0 smtp"))).0, Some(u32::MAX));
        let (_, found) = read_master(&source(&master("smtp unix - - n - x smtp")));
        assert!(found.len() == 1 && found[0].is_error());
        let (limit, found) = read_master(&source(&master("smtp unix - - n - 9 smtp\n  -o smtp_helo_timeout=5s")));
        assert!(limit == Some(9) && found.len() == 1 && !found[0].is_error());
        assert!(read_master(&source("")).1[0].is_error());
        // Others that send, which transport_maps may lead to, are named.
        let text = "smtp unix - - n - 9 smtp\nslow unix - - n - 1 smtp\n  -o smtp_helo_timeout=5s\nrelay unix - - n - 3 smtp\n";
        let (limit, found) = read_master(&source(text));
        assert!(limit == Some(9) && found.len() == 1 && !found[0].is_error(), "{found:?}");
        assert_eq!(found[0].help.as_deref(), Some("they are `slow` and `relay`"));
    }
}
