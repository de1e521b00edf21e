//! The output of `postqueue -j`: Postfix's queues, a JSON object a line (postqueue(1), "JSON object format").

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::diagnostic::{Diagnostic, SourceText};
use super::nearest::list_names;

/// Errors that are shown of one file: a file of another kind has one in every line.
const ERRORS_MAX: usize = 10;

/// Most recipients of one message (Postfix's own `qmgr_message_recipient_limit` is 20000).
const RECIPIENTS_MAX: usize = u16::MAX as usize;

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its queue file's name, such as `4ZFBl30tDfz2s`.
    pub id: String,
    /// Whether it waits in the deferred queue; else it is new, or being delivered.
    pub is_deferred: bool,
    /// Whether it is on hold: in the queue until somebody releases it, and never delivered or given up (postsuper(1), -h).
    pub is_held: bool,
    /// Whether it is given up at its next attempt that fails (postsuper(1), -e).
    pub is_forced: bool,
    /// When it arrived, seconds since 1970-01-01 00:00:00 UTC, and where that stands.
    pub arrived_s: u64,
    /// Where that stands.
    pub arrived_span: Range<usize>,
    /// Bytes.
    pub size_bytes: u32,
    /// Whether its return path is null: `MAILER-DAEMON` in the list.
    pub is_null_sender: bool,
    /// Its recipients' domains, lower case, in order of appearance.
    pub parts: Vec<QueuedPart>,
}

/// The recipients of a message at one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedPart {
    /// Where they are.
    pub domain: String,
    /// How many.
    pub recipients: u16,
    /// The first of their addresses in the text.
    pub span: Range<usize>,
}

/// What stands in a file and is not modelled, by what it is: where it first stands, and how often.
#[derive(Default)]
struct Passed(BTreeMap<&'static str, (Range<usize>, u64, Vec<String>)>);

impl Passed {
    fn add(&mut self, what: &'static str, span: Range<usize>, id: &str) {
        let entry = self.0.entry(what).or_insert_with(|| (span, 0, Vec::new()));
        entry.1 += 1;
        entry.2.push(id.to_owned());
    }
}

const NO_DOMAIN: &str = "local delivery is not modelled: recipients without a domain are left out";
const LITERAL: &str = "address literals are not modelled: recipients at one are left out";
const SPLIT: &str = "recipients at several domains share no message: each domain has one of its own";
const IN_CORRUPT: &str = "queue files that are damaged are never delivered: they are left out";
const UNKNOWN: &str = "fields that this version does not know change nothing";

/// Where Postfix puts damaged files away (`qmgr_active.c`, `qmgr_active_corrupt`).
const CORRUPT: &str = "corrupt";

/// Reads the messages, in the order of the file.
///
/// # Errors
/// Lines that are no JSON object, fields that are missing or of another kind, each with its place, as errors among the
/// diagnostics. What is not modelled is warned of, once a kind, with its first place and the names of queue files.
pub fn read_postqueue(source: &Arc<SourceText>) -> (Vec<Queued>, Vec<Diagnostic>) {
    let (mut messages, mut found, mut passed) = (Vec::new(), Vec::new(), Passed::default());
    let mut at = 0;
    let mut broken = 0_usize;
    for line in source.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        // What `postqueue -p` would say of an empty queue is nothing here.
        if line.trim().is_empty() {
            continue;
        }
        match read_line(line.trim_end(), start, &mut passed) {
            Ok(message) => messages.extend(message),
            Err(wrong) => {
                broken += 1;
                if broken <= ERRORS_MAX {
                    found.push(Diagnostic::error(wrong.message).at(source, wrong.span).label(wrong.expected));
                }
            }
        }
    }
    if broken > ERRORS_MAX
        && let Some(last) = found.last_mut()
    {
        last.message.push_str(&format!(", and {} more lines that cannot be read", broken - ERRORS_MAX));
    }
    for (what, (span, count, ids)) in passed.0 {
        let noun = if count == 1 { "message" } else { "messages" };
        let warning = Diagnostic::warning(format!("{what} ({count} {noun})")).at(source, span);
        found.push(warning.help(format!("queue files {}", list_names(ids.iter().map(String::as_str), 5))));
    }
    found.sort_by_key(|problem| problem.place.as_ref().map(|place| place.span.start));
    (messages, found)
}

struct Wrong {
    message: String,
    expected: String,
    span: Range<usize>,
}

/// One object and where its text stands.
struct Object<'a> {
    line: &'a str,
    start: usize,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Object<'a> {
    /// The object in `line`, which stands at `start`.
    fn read(line: &'a str, start: usize) -> Result<Self, Wrong> {
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(line) {
            Ok(fields) => Ok(Self { line, start, fields }),
            Err(why) => {
                // Columns count bytes from 1; at the end of the text there is nothing to point at but its last byte.
                let column = why.column().saturating_sub(1).min(line.len().saturating_sub(1));
                let column = (0..=column).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
                let length = line[column..].chars().next().map_or(0, char::len_utf8);
                Err(Wrong {
                    message: "no line of `postqueue -j`".into(),
                    expected: format!("expected a JSON object: {}", plain(&why)),
                    span: start + column..start + column + length,
                })
            }
        }
    }

    /// Where a part of the line stands in the file.
    fn place(&self, part: &str) -> Range<usize> {
        let at = (part.as_ptr() as usize).saturating_sub(self.line.as_ptr() as usize).min(self.line.len());
        self.start + at..self.start + at + part.len()
    }

    fn raw(&self, name: &str, expected: &str) -> Result<&'a RawValue, Wrong> {
        self.fields.get(name).copied().ok_or_else(|| Wrong {
            message: format!("no `{name}` in this object"),
            expected: format!("expected {expected}"),
            span: self.start..self.start + self.line.len().min(1),
        })
    }

    fn list(&self, name: &str) -> Result<Vec<&'a RawValue>, Wrong> {
        let raw = self.raw(name, "a list of recipients")?;
        serde_json::from_str(raw.get()).map_err(|_| Wrong {
            message: format!("this is no `{name}`"),
            expected: "expected a list of recipients".into(),
            span: self.place(raw.get()),
        })
    }

    fn field<T: DeserializeOwned>(&self, name: &str, expected: &str) -> Result<(T, Range<usize>), Wrong> {
        let raw = self.raw(name, expected)?;
        let span = self.place(raw.get());
        match serde_json::from_str(raw.get()) {
            Ok(value) => Ok((value, span)),
            Err(_) => {
                let (message, expected) = (format!("this is no `{name}`"), format!("expected {expected}"));
                Err(Wrong { message, expected, span })
            }
        }
    }
}

/// What serde_json says, without the place that it counts in its own way.
fn plain(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

const KNOWN: [&str; 7] =
    ["queue_name", "queue_id", "arrival_time", "message_size", "sender", "recipients", "forced_expire"];

/// One message; `None` if it is in no queue that anything is delivered from.
fn read_line(line: &str, start: usize, passed: &mut Passed) -> Result<Option<Queued>, Wrong> {
    let object = Object::read(line, start)?;
    let (id, id_span) = object.field::<String>("queue_id", "the name of a queue file")?;
    let (queue, queue_span) = object.field::<String>("queue_name", "`active`, `incoming`, `deferred`, ..")?;
    if queue == CORRUPT {
        passed.add(IN_CORRUPT, queue_span, &id);
        return Ok(None);
    }
    let (arrived_s, arrived_span) = object.field::<u64>("arrival_time", "whole seconds since 1970")?;
    let (size, size_span) = object.field::<u64>("message_size", "a number of bytes")?;
    let recipients = object.list("recipients")?;
    let sender = match object.fields.contains_key("sender") {
        true => object.field::<String>("sender", "an address")?.0,
        false => String::new(),
    };
    let is_forced =
        object.fields.contains_key("forced_expire") && object.field::<bool>("forced_expire", "`true` or `false`")?.0;
    if object.fields.keys().any(|name| !KNOWN.contains(&name.as_str())) {
        passed.add(UNKNOWN, start..start + 1, &id);
    }
    let mut parts: Vec<QueuedPart> = Vec::new();
    if recipients.len() > RECIPIENTS_MAX {
        return Err(Wrong {
            message: format!("{} recipients of one message", recipients.len()),
            expected: format!("expected at most {RECIPIENTS_MAX}"),
            span: id_span,
        });
    }
    for raw in recipients {
        let inner = Object::read(raw.get(), object.place(raw.get()).start)?;
        let (address, span) = inner.field::<String>("address", "a recipient's address")?;
        match address.rsplit_once('@') {
            None => passed.add(NO_DOMAIN, span, &id),
            Some((_, domain)) if domain.starts_with('[') || domain.is_empty() => passed.add(LITERAL, span, &id),
            Some((_, domain)) => {
                let domain = domain.to_ascii_lowercase();
                match parts.iter_mut().find(|part| part.domain == domain) {
                    Some(part) => part.recipients += 1,
                    None => parts.push(QueuedPart { domain, recipients: 1, span }),
                }
            }
        }
    }
    let (is_deferred, is_held) = match queue.as_str() {
        "deferred" => (true, false),
        "active" | "incoming" | "maildrop" => (false, false),
        "hold" => (false, true),
        _ => {
            return Err(Wrong {
                message: format!("`{queue}` is no queue of Postfix's"),
                expected: "expected `active`, `incoming`, `maildrop`, `deferred` or `hold`".into(),
                span: queue_span,
            });
        }
    };
    if parts.len() > 1 {
        passed.add(SPLIT, id_span, &id);
    }
    let size_bytes = u32::try_from(size).map_err(|_| Wrong {
        message: format!("a message of {size} bytes"),
        expected: format!("expected at most {} bytes", u32::MAX),
        span: size_span,
    })?;
    let is_null_sender = sender.is_empty() || sender == "MAILER-DAEMON";
    Ok(Some(Queued { id, is_deferred, is_held, is_forced, arrived_s, arrived_span, size_bytes, is_null_sender, parts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Queued>, Vec<Diagnostic>) {
        read_postqueue(&Arc::new(SourceText { name: "queue.json".into(), text: text.into() }))
    }

    fn line(queue: &str, more: &str, recipients: &[&str]) -> String {
        let list: Vec<String> = recipients.iter().map(|one| format!("{{\"address\": \"{one}\"}}")).collect();
        format!(
            "{{\"queue_name\": \"{queue}\", \"queue_id\": \"4ZF{}\", \"arrival_time\": 1700000000, \
             \"message_size\": 2100, \"forced_expire\": false, \"sender\": \"a@b.example\"{more}, \
             \"recipients\": [{}]}}\n",
            queue.len(),
            list.join(", ")
        )
    }

    /// The texts that problems point at.
    fn places<'a>(text: &'a str, found: &[Diagnostic]) -> Vec<&'a str> {
        let span = |problem: &Diagnostic| problem.place.clone().expect("a place").span;
        found.iter().map(|problem| &text[span(problem)]).collect()
    }

    #[test]
    fn a_queue_is_read_message_by_message() {
        let text =
            line("deferred", "", &["x@one.example", "y@ONE.example"]) + "\n" + &line("active", "", &["z@two.example"]);
        let (messages, found) = read(&text);
        assert!(found.is_empty(), "{found:?}");
        let said: Vec<_> = messages.iter().map(|one| (one.is_deferred, one.arrived_s, one.size_bytes)).collect();
        assert_eq!(said, [(true, 1_700_000_000, 2100), (false, 1_700_000_000, 2100)]);
        assert_eq!(messages[0].parts.len(), 1);
        assert_eq!((messages[0].parts[0].domain.as_str(), messages[0].parts[0].recipients), ("one.example", 2));
        assert_eq!(&text[messages[0].arrived_span.clone()], "1700000000");
        assert!(!messages[0].is_null_sender);
        let bounce = line("deferred", "", &["x@one.example"]).replace("a@b.example", "MAILER-DAEMON");
        assert!(read(&bounce).0[0].is_null_sender);
    }

    #[test]
    fn what_is_not_modelled_is_named_with_its_place() {
        let text = line("deferred", "", &["root"])
            + &line("deferred", ", \"new\": 1", &["x@[192.0.2.1]", "x@one.example", "y@two.example"]);
        let (messages, found) = read(&text);
        assert!(found.iter().all(|problem| !problem.is_error()));
        assert_eq!(places(&text, &found), ["\"root\"", "{", "\"4ZF8\"", "\"x@[192.0.2.1]\""]);
        assert!(found[0].help.as_deref().is_some_and(|help| help.contains("`4ZF8`")), "{:?}", found[0].help);
        assert_eq!(messages.iter().map(|one| one.parts.len()).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn holds_and_forced_expiry_are_read() {
        let forced = line("deferred", "", &["x@one.example"]).replace("expire\": false", "expire\": true");
        let (messages, found) = read(&(line("hold", "", &["x@one.example"]) + &forced));
        assert!(found.is_empty(), "{found:?}");
        let said: Vec<_> = messages.iter().map(|one| (one.is_deferred, one.is_held, one.is_forced)).collect();
        assert_eq!(said, [(false, true, false), (true, false, true)]);
    }

    #[test]
    fn damaged_queue_files_are_left_out_and_named() {
        let text = line("corrupt", "", &["x@one.example"]) + &line("active", "", &["x@one.example"]);
        let (messages, found) = read(&text);
        assert_eq!(messages.len(), 1);
        assert!(found.len() == 1 && !found[0].is_error(), "{found:?}");
        assert_eq!(places(&text, &found), ["\"corrupt\""]);
    }

    #[test]
    fn a_message_of_4_gib_is_an_error_as_in_a_trace() {
        let text = line("active", "", &["x@one.example"]).replace("2100", "4294967296");
        let (messages, found) = read(&text);
        assert!(messages.is_empty() && found.len() == 1 && found[0].is_error());
        assert_eq!(places(&text, &found), ["4294967296"]);
        let most = line("active", "", &["x@one.example"]).replace("2100", "4294967295");
        assert_eq!(read(&most).0[0].size_bytes, u32::MAX);
    }

    #[test]
    fn every_error_has_its_place() {
        let good = line("active", "", &["x@one.example"]);
        let text = good.replace("1700000000", "\"soon\"")
            + "Mail queue is empty\n"
            + &good.replace("\"active\"", "\"outbox\"")
            + &good.replace("\"queue_id\"", "\"id\"")
            + &good.replace("{\"address\": \"x@one.example\"}", "\"x@one.example\"")
            + &good.replace("2100", "-1")
            + "{\"queue_name\": \"active\"";
        let (messages, found) = read(&text);
        assert!(messages.is_empty() && found.iter().all(Diagnostic::is_error));
        assert_eq!(places(&text, &found), ["\"soon\"", "M", "\"outbox\"", "{", "\"", "-1", "\""]);
    }

    #[test]
    fn a_file_of_another_kind_is_told_once() {
        let (_, found) = read(&"no json\n".repeat(500));
        assert_eq!(found.len(), ERRORS_MAX);
        assert!(found.last().is_some_and(|last| last.message.contains("490 more")));
    }
}
