//! A real queue that a sender starts from.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use crate::model::NameId;
use crate::model::dns::canonical;
use crate::model::mail::InheritedMessage;
use crate::scenario::diagnostic::{Diagnostic, Place, SourceText};
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::postqueue::{Queued, read_postqueue};
use crate::scenario::trace::Timestamp;
use crate::scenario::tree::{QueueFile, Sender};

/// Unknown domains that are named one by one.
const UNKNOWN_MAX: usize = 10;

impl Compiler<'_> {
    /// What is in a sender's queue at the start.
    pub(super) fn queue_at_start(&mut self, key: &str, sender: &Sender) -> Vec<InheritedMessage> {
        let Some(QueueFile::Postqueue { file, printed }) = &sender.queue else { return Vec::new() };
        if sender.count.is_some() {
            self.error(&["senders", key, "queue"], "one queue for a whole population").help =
                Some("give a sender of its own the queue, and `like` for the rest".into());
            return Vec::new();
        }
        let Some(source) = self.file(&["senders", key, "queue", "file"], file) else { return Vec::new() };
        let (messages, problems) = read_postqueue(&source);
        let is_broken = problems.iter().any(Diagnostic::is_error);
        self.say_all(problems);
        if is_broken {
            return Vec::new();
        }
        let latest = messages.iter().map(|message| message.arrived_s).max().unwrap_or(0);
        let start_s = match printed {
            None => latest,
            Some(text) => match self.printed(key, text) {
                Some(start_s) => start_s,
                None => return Vec::new(),
            },
        };
        let domains = self.queued_domains(&source, &messages);
        let mut queue = Vec::new();
        for message in &messages {
            let age_s = start_s.checked_sub(message.arrived_s).and_then(|age_s| u32::try_from(age_s).ok());
            let Some(age_s) = age_s else {
                let error = Diagnostic::error(format!("`{}` cannot be so old, or so young", message.id));
                let label = format!("{start_s} is when the queue was printed");
                self.say(error.at(&source, message.arrived_span.clone()).label(label));
                continue;
            };
            for part in &message.parts {
                let Some(&domain) = domains.get(part.domain.as_str()) else { continue };
                queue.push(InheritedMessage {
                    domain,
                    age_s,
                    size_bytes: message.size_bytes,
                    recipients: part.recipients,
                    null_sender: message.is_null_sender,
                    is_deferred: message.is_deferred,
                    is_held: message.is_held,
                    is_forced: message.is_forced,
                });
            }
        }
        queue
    }

    fn printed(&mut self, key: &str, text: &str) -> Option<u64> {
        let path = ["senders", key, "queue", "printed"];
        match Timestamp::parse(text) {
            Ok(at) => {
                if at.unix_seconds().is_none() {
                    self.error(&path, "before 1970");
                }
                at.unix_seconds()
            }
            Err(error) => {
                self.text_error(&path, &error);
                None
            }
        }
    }

    /// The domains of queued messages that the scenario knows; a warning about each other.
    fn queued_domains<'q>(&mut self, source: &Arc<SourceText>, messages: &'q [Queued]) -> BTreeMap<&'q str, NameId> {
        let mut known = BTreeMap::new();
        // By domain: the place of the first recipient, and how many there are.
        let mut unknown: BTreeMap<&str, (Range<usize>, u64)> = BTreeMap::new();
        for part in messages.iter().flat_map(|message| &message.parts) {
            let domain = part.domain.as_str();
            if known.contains_key(domain) {
                continue;
            }
            match self.known_destination(&canonical(domain)) {
                Some(id) => drop(known.insert(domain, id)),
                None => {
                    let entry = unknown.entry(domain).or_insert_with(|| (part.span.clone(), 0));
                    entry.1 += u64::from(part.recipients);
                }
            }
        }
        self.warn_unknown(source, unknown, "recipients queued for it are left out");
        known
    }

    /// A warning about each of the first domains of a file that the scenario does not know: where it is first named, and
    /// what is so of how many.
    pub(super) fn warn_unknown(
        &mut self,
        source: &Arc<SourceText>,
        unknown: BTreeMap<&str, (Range<usize>, u64)>,
        what: &str,
    ) {
        let mut unknown: Vec<_> = unknown.into_iter().collect();
        unknown.sort_by_key(|(_, (span, _))| span.start);
        for (domain, (span, count)) in unknown.iter().take(UNKNOWN_MAX) {
            let nearest = did_you_mean(&canonical(domain), self.zones.known().chain(self.hosts.known()));
            let help = nearest.unwrap_or_else(|| format!("declare it: `zones: {{ \"{domain}\": (mx: [..]) }}`"));
            self.say(Diagnostic {
                place: Some(Place { source: source.clone(), span: span.clone() }),
                ..Diagnostic::warning(format!("no domain `{domain}`: {what} ({count})")).help(help)
            });
        }
        if let Some((_, (span, _))) = unknown.get(UNKNOWN_MAX) {
            let rest = &unknown[UNKNOWN_MAX..];
            let count: u64 = rest.iter().map(|(_, (_, count))| count).sum();
            let message = format!("{} more unknown domains: {what} ({count})", rest.len());
            let names = list_names(rest.iter().map(|(domain, _)| *domain), 20);
            self.say(Diagnostic::warning(message).at(source, span.clone()).help(format!("they are {names}")));
        }
    }
}
