//! Rows of single deliveries, attempts and look-ups, for those who want to compute for themselves.

use std::io::{self, Write};

use crate::dns::{Asker, LookupRecord, Outcome, Source};
use crate::engine::time::SimTime;
use crate::mail::{AttemptRecord, Delivery, End, NoHost, TryResult};
use crate::model::Model;
use crate::scenario::tree::RecordType;

/// What a file of records holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// One row a delivery that ended or is queued, whether of the measured window or not: the last column says.
    Deliveries,
    /// One row a delivery and try of an address, or attempt whose look-ups found none.
    Attempts,
    /// One row an answer.
    Lookups,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deliveries, Self::Attempts, Self::Lookups];

    /// The file's name, without extension.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Attempts => "attempts",
            Self::Lookups => "lookups",
        }
    }

    /// Its columns.
    pub const fn columns(self) -> &'static str {
        match self {
            Self::Deliveries => {
                "variant,replication,delivery,sender,domain,size_bytes,created_s,ended_s,outcome,attempts,host,measured"
            }
            Self::Attempts => {
                "variant,replication,delivery,attempt,start_s,end_s,route_from_stale_data,host,address,stage,reply,outcome"
            }
            Self::Lookups => {
                "variant,replication,resolver,cache,client,time_s,name,type,source,rcode,ttl_s,data_version,took_s,stale"
            }
        }
    }
}

/// Writes the records of one replication, as they come.
pub struct Records<'m> {
    model: &'m Model,
    /// `variant,replication`, the first two columns.
    prefix: String,
    files: [Box<dyn Write + Send>; 3],
    error: Option<io::Error>,
}

impl<'m> Records<'m> {
    /// Records go to `files`, in the order of [`RecordKind::ALL`]; headings are the caller's.
    pub fn new(model: &'m Model, variant: &str, replication: u32, files: [Box<dyn Write + Send>; 3]) -> Self {
        Self { model, prefix: format!("{},{replication}", quoted(variant)), files, error: None }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.files.iter_mut().try_for_each(|file| file.flush())
    }

    fn write(&mut self, kind: RecordKind, row: std::fmt::Arguments<'_>) {
        if self.error.is_none() {
            let file = &mut self.files[kind as usize];
            self.error = writeln!(file, "{},{row}", self.prefix).err();
        }
    }

    pub(super) fn delivery(&mut self, now: SimTime, delivery: &Delivery, outcome: &str) {
        let model = self.model;
        let sender = quoted(&model.mail.nodes[delivery.sender.index()].name);
        let host = delivery.host.map_or("", |host| model.dns.names.text(model.mail.hosts[host.index()].name));
        for number in delivery.numbers() {
            self.write(
                RecordKind::Deliveries,
                format_args!(
                    "{},{sender},{},{},{},{},{outcome},{},{host},{}",
                    quoted(&Delivery::label(&model.mail.nodes[delivery.sender.index()].name, number)),
                    model.dns.names.text(delivery.domain),
                    delivery.size_bytes,
                    delivery.created.as_secs_f64() - f64::from(delivery.before_start_s),
                    if outcome == "queued" { String::new() } else { now.as_secs_f64().to_string() },
                    delivery.attempts,
                    delivery.measured,
                ),
            );
        }
    }

    pub(super) fn end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        let outcome = match end {
            End::Delivered => "delivered",
            End::Bounced(_) => "bounced",
            End::Expired => "expired",
            End::Discarded => "discarded",
        };
        self.delivery(now, delivery, outcome);
    }

    pub(super) fn attempt(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        let model = self.model;
        let sender = &model.mail.nodes[delivery.sender.index()].name;
        let (reply, outcome) = match record.result {
            TryResult::Accepted => (format!("250 {}", record.status), "accepted"),
            TryResult::Refused => (String::new(), "refused"),
            TryResult::TimedOut => (String::new(), "timed out"),
            TryResult::Lost => (String::new(), "lost"),
            TryResult::Reply(code) => {
                (format!("{code} {}", record.status), if code < 500 { "deferred" } else { "rejected" })
            }
        };
        // Recipients share a transaction; each delivery has the attempts that were made for it.
        for number in delivery.number..delivery.number + u64::from(delivery.recipients) {
            self.write(
                RecordKind::Attempts,
                format_args!(
                    "{},{},{},{},{},{},{},{:?},{reply},{outcome}",
                    quoted(&Delivery::label(sender, number)),
                    delivery.attempts,
                    record.start.as_secs_f64(),
                    record.end.as_secs_f64(),
                    delivery.stale_route,
                    model.dns.names.text(model.mail.hosts[record.host.index()].name),
                    address(model, record),
                    record.stage,
                ),
            );
        }
    }

    /// An attempt that ended with its look-ups.
    pub(super) fn no_host(&mut self, now: SimTime, delivery: &Delivery, why: NoHost) {
        let sender = &self.model.mail.nodes[delivery.sender.index()].name;
        let outcome = match why {
            NoHost::ServFail => "SERVFAIL",
            NoHost::Refused => "REFUSED",
            NoHost::NxDomain => "NXDOMAIN",
            NoHost::NoAddress => "no address",
            NoHost::NullMx => "null MX",
            NoHost::Loop => "loop",
            NoHost::Policy => "MTA-STS",
        };
        for number in delivery.number..delivery.number + u64::from(delivery.recipients) {
            self.write(
                RecordKind::Attempts,
                format_args!(
                    "{},{},{},{},{},,,Lookup,,{outcome}",
                    quoted(&Delivery::label(sender, number)),
                    delivery.attempts,
                    delivery.attempt_started.as_secs_f64(),
                    now.as_secs_f64(),
                    delivery.stale_route,
                ),
            );
        }
    }

    pub(super) fn lookup(&mut self, record: &LookupRecord) {
        let model = self.model;
        let cache = model.dns.caches[record.cache.index()];
        let client = match record.asker {
            Asker::Node(node) => format!("node:{}", model.mail.nodes[node.index()].name),
            Asker::Client(client) => format!("client:{}", model.dns.client_name(client)),
            Asker::Probe(probe) => format!("probe:{}", probe.0 + 1),
            Asker::Dig(number) => format!("dig:{}", number + 1),
            Asker::Cache(cache) => format!("resolver:{}", model.dns.cache_name(cache)),
        };
        let answer = &record.answer;
        let source = match answer.source {
            Source::Miss | Source::Coalesced => "miss",
            Source::Expired => "stale",
            Source::Hit => "hit",
            Source::Negative => "negative",
            Source::Failure => "failure",
        };
        let rcode = match answer.outcome {
            Outcome::Data(_) | Outcome::NoData => "NOERROR",
            Outcome::NxDomain => "NXDOMAIN",
            Outcome::ServFail => "SERVFAIL",
            Outcome::Refused => "REFUSED",
        };
        self.write(
            RecordKind::Lookups,
            format_args!(
                "{},{},{},{},{},{},{source},{rcode},{},{},{},{}",
                quoted(&model.dns.resolvers[cache.resolver.index()].name),
                cache.member + 1,
                quoted(&client),
                record.asked.as_secs_f64(),
                model.dns.names.text(record.question.name()),
                record.question.kind().text(),
                answer.ttl_s,
                answer.data_version,
                record.took.as_secs_f64(),
                answer.stale,
            ),
        );
    }
}

/// An address: its host, the type of its record, and which of the host's of that type it is, from 1.
fn address(model: &Model, record: &AttemptRecord) -> String {
    let (nth, is_v6) = record.address;
    let kind = if is_v6 { RecordType::Aaaa } else { RecordType::A };
    let host = model.dns.names.text(model.mail.hosts[record.host.index()].name);
    format!("{host}#{}{}", kind.text(), u16::from(nth) + 1)
}

/// A CSV cell (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
