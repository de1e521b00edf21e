//! What an Exim configuration says outside of its retry section: options of the main section and of its smtp transports
//! (specification, chapters "The runtime configuration file" and "The smtp transport").

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::diagnostic::{Diagnostic, SourceText};
use super::exim_macros::macros;
use super::exim_section::joined;
use super::nearest::list_names;
use super::tree::EximRetry;

/// Parameters of the command line, of the retry section, and of simulations: no options of Exim's.
const NO_OPTIONS: [&str; 3] = ["rule", "queue_run", "scan_phase"];
/// Options of the main section; the others that an [`EximRetry`] has are those of the smtp transport.
const OF_MAIN: [&str; 5] =
    ["delay_warning", "queue_run_in_order", "queue_run_max", "retry_data_expire", "retry_interval_max"];

/// A line that sets something.
struct Setting<'a> {
    /// The transport it is of; empty in the main section.
    of: &'a str,
    name: &'a str,
    value: Option<&'a str>,
    span: Range<usize>,
    /// Whether it stands for sure: not within `.ifdef`, and without macros.
    is_sure: bool,
}

/// The lines of a configuration outside of its retry section.
#[derive(Default)]
struct Parts<'a> {
    settings: Vec<Setting<'a>>,
    /// Sections that are passed over.
    sections: Vec<&'a str>,
}

/// `own` with what the configuration says where nothing in `given` does.
///
/// # Errors
/// Among the diagnostics, as warnings: one that names the options that an [`EximRetry`] has and that are not read here, and one
/// that names all others, and the sections that are passed over.
pub fn read_exim_options(source: &Arc<SourceText>, own: &EximRetry, given: &[&str]) -> (EximRetry, Vec<Diagnostic>) {
    let joined = joined(source);
    let parts = parts(&joined.text);
    let Ok(Value::Object(mut fields)) = serde_json::to_value(own) else { return (own.clone(), Vec::new()) };
    let has = |name: &str| fields.contains_key(name) && !NO_OPTIONS.contains(&name);
    let transports: Vec<&str> = smtp_transports(&parts);
    let (mut wanted, mut others): (BTreeMap<&str, Vec<&Setting<'_>>>, Vec<&Setting<'_>>) = Default::default();
    for setting in parts.settings.iter().filter(|one| one.name != "driver") {
        let name = setting.name.strip_prefix("no_").or(setting.name.strip_prefix("not_")).unwrap_or(setting.name);
        let is_here = if OF_MAIN.contains(&name) { setting.of.is_empty() } else { transports.contains(&setting.of) };
        match has(name) && is_here {
            true => wanted.entry(name).or_default().push(setting),
            false => others.push(setting),
        }
    }
    let mut unread = Vec::new();
    for (name, settings) in wanted.into_iter().filter(|(name, _)| !given.contains(name)) {
        let many = if OF_MAIN.contains(&name) { 1 } else { transports.len() };
        match value_of(&fields, name, &settings, many) {
            Some(value) => drop(fields.insert(name.to_owned(), value)),
            None => unread.push((name, settings[0].span.clone())),
        }
    }
    let mut found = Vec::new();
    unread.sort_by_key(|(_, span)| span.start);
    if let Some((_, first)) = unread.first() {
        let message = format!("{} of the options outside the retry section are not taken over", unread.len());
        let names = list_names(unread.iter().map(|(name, _)| *name), unread.len());
        found.push(
            Diagnostic::warning(message)
                .at(source, first.clone())
                .help(format!("give in `with` what is to hold: {names}")),
        );
    }
    found.extend(passed_over(source, &others, &parts.sections));
    (serde_json::from_value(Value::Object(fields)).unwrap_or_else(|_| own.clone()), found)
}

/// The warning of what changes nothing, each name once.
fn passed_over(source: &Arc<SourceText>, others: &[&Setting<'_>], sections: &[&str]) -> Option<Diagnostic> {
    let mut names: Vec<&str> = Vec::new();
    for setting in others {
        if !names.contains(&setting.name) {
            names.push(setting.name);
        }
    }
    let options = format!("the options {}", list_names(names.iter().copied(), names.len()));
    let sections_are = format!("the sections {}", list_names(sections.iter().copied(), sections.len()));
    let what = match (names.is_empty(), sections.is_empty()) {
        (true, true) => return None,
        (false, true) => options,
        (true, false) => sections_are,
        (false, false) => format!("{options}, {sections_are}"),
    };
    let span = others.first().map_or(0..0, |first| first.span.clone());
    let warning = Diagnostic::warning("parts of this configuration are not modelled and change nothing");
    Some(warning.at(source, span).help(format!("they are {what}")))
}

/// The names of the transports that send by SMTP.
fn smtp_transports<'a>(parts: &Parts<'a>) -> Vec<&'a str> {
    let drivers = parts.settings.iter().filter(|one| one.name == "driver" && one.value == Some("smtp"));
    drivers.map(|one| one.of).collect()
}

/// The value that all of `many` places have, of the kind that the default is; `None` where they differ, where one is not sure,
/// and where it is not known as written.
fn value_of(fields: &Map<String, Value>, name: &str, settings: &[&Setting<'_>], many: usize) -> Option<Value> {
    let values: Option<Vec<Value>> = settings.iter().map(|one| read_value(fields.get(name)?, name, one)).collect();
    let values = values?;
    let first = values.first().filter(|first| values.len() == many && values.iter().all(|value| value == *first))?;
    // Whether it is a value that the tree takes.
    let mut fields = fields.clone();
    fields.insert(name.to_owned(), first.clone());
    serde_json::from_value::<EximRetry>(Value::Object(fields)).ok()?;
    Some(first.clone())
}

fn read_value(default: &Value, name: &str, setting: &Setting<'_>) -> Option<Value> {
    let text = setting.value.map(|value| value.trim_matches('"').trim());
    if !setting.is_sure || text.is_some_and(|text| text.contains('$')) {
        return None;
    }
    let is_time = |text: &str| {
        let (digits, units) = ("0123456789", "wdhms");
        text.starts_with(|c| digits.contains(c))
            && text.ends_with(|c| units.contains(c))
            && text.chars().all(|c| digits.contains(c) || units.contains(c))
    };
    match (default, text) {
        (Value::Bool(_), text) => match (text, setting.name == name) {
            (None, is_on) => Some(is_on.into()),
            (Some("true" | "yes"), true) => Some(true.into()),
            (Some("false" | "no"), true) => Some(false.into()),
            _ => None,
        },
        (_, Some(text)) if setting.name == name => match default {
            Value::Number(_) => text.parse::<u32>().ok().map(Value::from),
            // A list of times; other lists are of names, with patterns of many kinds.
            Value::Array(_) if name == "delay_warning" => {
                let ages: Vec<&str> = text.split(':').map(str::trim).collect();
                ages.iter().all(|age| is_time(age)).then(|| ages.into())
            }
            Value::String(_) => is_time(text).then(|| text.into()),
            _ => None,
        },
        _ => None,
    }
}

/// Goes through a configuration line by line.
fn parts(text: &str) -> Parts<'_> {
    let mut parts = Parts::default();
    let (mut section, mut of, mut depth, mut at) = ("", "", 0_u32, 0);
    let macros = macros(text);
    for line in text.split_inclusive('\n') {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("begin ").map(str::trim) {
            (section, of) = (name, "");
            if !matches!(section, "retry" | "transports") {
                parts.sections.push(section);
            }
            continue;
        }
        match line.split_whitespace().next() {
            Some(".ifdef" | ".ifndef") => depth += 1,
            Some(".endif") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !matches!(section, "" | "transports") {
            continue;
        }
        let rest = line.strip_prefix("hide ").unwrap_or(line).trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        if section == "transports" && rest.trim() == ":" {
            of = name;
            continue;
        }
        let value = rest.trim_start().strip_prefix('=').map(str::trim);
        if name.is_empty() || matches!(name, ".ifdef" | ".ifndef" | ".else" | ".elifdef" | ".elifndef" | ".endif") {
            continue;
        }
        // A definition says nothing by itself.
        if macros.contains(&name) {
            continue;
        }
        let is_sure = depth == 0 && !macros.iter().any(|known| line.contains(known));
        parts.settings.push(Setting { of, name, value, span: start..start + line.len(), is_sure });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::units::seconds;

    fn read(text: &str, given: &[&str]) -> (EximRetry, Vec<String>) {
        let source = Arc::new(SourceText { name: "exim.conf".into(), text: text.into() });
        let (own, found) = read_exim_options(&source, &EximRetry::default(), given);
        assert!(found.iter().all(|problem| !problem.is_error()));
        let said =
            found.iter().map(|problem| format!("{}: {}", problem.message, problem.help.as_deref().unwrap_or_default()));
        (own, said.collect())
    }

    const WHOLE: &str = "\
# Main
primary_hostname = mail.example
domainlist local_domains = @
hide mysql_servers = a/b/c/d
delay_warning = 4h:8h:24h
retry_interval_max = 12h
no_queue_run_in_order
queue_run_max = 7
begin acl
acl_check_rcpt:
  accept
begin transports
local_delivery:
  driver = appendfile
  connect_timeout = 1s
remote_smtp:
  driver = smtp
  connect_timeout = 30s
  hosts_max_try = 3
  delay_after_cutoff = no
  max_rcpt = 50
  multi_domain = false
begin retry
* * F,1h,5m
";

    #[test]
    fn options_are_taken_over_where_nothing_else_is_given() {
        let (own, said) = read(WHOLE, &["max_rcpt"]);
        let expected = EximRetry {
            delay_warning: vec![seconds(4 * 3600), seconds(8 * 3600), seconds(24 * 3600)],
            retry_interval_max: seconds(12 * 3600),
            queue_run_max: 7,
            connect_timeout: seconds(30),
            hosts_max_try: 3,
            delay_after_cutoff: false,
            ..EximRetry::default()
        };
        assert_eq!(own, expected);
        let others = "they are the options `primary_hostname`, `domainlist`, `mysql_servers`, `connect_timeout` and \
                      `multi_domain`, the sections `acl`";
        assert_eq!(said, [format!("parts of this configuration are not modelled and change nothing: {others}")]);
        assert_eq!(read("begin retry\n* * F,1h,5m\n", &[]), (EximRetry::default(), Vec::new()));
    }

    #[test]
    fn what_is_not_sure_is_named() {
        // Two transports that differ, a macro, a conditional, an expansion, a list of hosts; no value of the option's.
        let text = "\
QUICK = 5s
.ifdef QUICK
retry_data_expire = 1d
.endif
retry_interval_max = QUICK
delay_warning = soon
begin transports
a:
  driver = smtp
  connect_timeout = 30s
  command_timeout = 20s
  hosts_max_try = ${if eq{a}{b}{1}{2}}
  serialize_hosts = *.example
b:
  driver = smtp
  connect_timeout = 40s
  command_timeout = 20s
";
        let (own, said) = read(text, &[]);
        assert_eq!(own, EximRetry { command_timeout: seconds(20), ..EximRetry::default() });
        let names = "`retry_data_expire`, `retry_interval_max`, `delay_warning`, `connect_timeout`, `hosts_max_try` and \
                     `serialize_hosts`";
        let more = "of the options outside the retry section are not taken over: give in `with` what is to hold";
        assert_eq!(said, [format!("6 {more}: {names}")]);
    }
}
