//! Rows of single deliveries, attempts and look-ups, for those who want to compute for themselves.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::dns::{Asker, LookupRecord, Outcome, Source};
use crate::engine::time::SimTime;
use crate::mail::{AttemptRecord, BounceCause, Delivery, End, NoHost, Status, TryResult};
use crate::model::client::ClientRules;
use crate::model::{Model, NodeId};
use crate::scenario::tree::{RecordType, Stage};

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
                "variant,replication,delivery,sender,domain,size_bytes,created_s,ended_s,outcome,attempts,host,measured,status"
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
    /// The last failure of each delivery under way that has failed, by sender and number, and whether a host replied so.
    failed: FxHashMap<(NodeId, u64), (Status, bool)>,
    error: Option<io::Error>,
}

impl<'m> Records<'m> {
    /// Records go to `files`, in the order of [`RecordKind::ALL`]; headings are the caller's.
    pub fn new(model: &'m Model, variant: &str, replication: u32, files: [Box<dyn Write + Send>; 3]) -> Self {
        Self {
            model,
            prefix: format!("{},{replication}", quoted(variant)),
            files,
            failed: FxHashMap::default(),
            error: None,
        }
    }

    fn client(&self, delivery: &Delivery) -> &'m ClientRules {
        &self.model.mail.nodes[delivery.node.index()].client
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

    /// A delivery that is queued at the end.
    pub(super) fn queued(&mut self, delivery: &Delivery) {
        for number in delivery.numbers() {
            let last = self.failed.get(&(delivery.sender, number)).map(|(status, _)| *status);
            self.delivery(None, delivery, number, "queued", last);
        }
    }

    pub(super) fn end(&mut self, now: SimTime, delivery: &Delivery, end: End) {
        let outcome = match end {
            End::Delivered => "delivered",
            End::Bounced(_) => "bounced",
            End::Expired => "expired",
            End::Discarded => "discarded",
        };
        let client = self.client(delivery);
        let codes = &client.codes;
        for number in delivery.numbers() {
            let last = self.failed.remove(&(delivery.sender, number));
            let status = match (end, last) {
                (End::Delivered, _) => Some(Status::of(TryResult::Accepted, Stage::EndOfData)),
                (End::Expired, Some((last, was_reply))) => Some(codes.of_expired(last, was_reply)),
                // Never tried: it was given up with what its hosts' records say.
                (End::Expired, None) => Some(codes.of_expired(codes.no_connection, false)),
                // It has been through too many hosts: no try of this node's failed.
                (End::Bounced(BounceCause::Loop), _) => Some(codes.looping),
                (End::Bounced(_), Some((last, _))) if last.class == 5 => Some(codes.refused.unwrap_or(last)),
                // One recipient of several: the transaction went on for the others.
                (End::Bounced(_), _) => {
                    let reply = Status::of(TryResult::Reply(550), Stage::Rcpt);
                    Some(codes.refused.unwrap_or(reply))
                }
                (End::Discarded, last) => last.map(|(last, _)| last),
            };
            self.delivery(Some(now), delivery, number, outcome, status);
        }
    }

    fn delivery(
        &mut self,
        ended: Option<SimTime>,
        delivery: &Delivery,
        number: u64,
        outcome: &str,
        status: Option<Status>,
    ) {
        let model = self.model;
        let sender = &model.mail.nodes[delivery.sender.index()].name;
        self.write(
            RecordKind::Deliveries,
            format_args!(
                "{},{},{},{},{},{},{outcome},{},{},{},{}",
                quoted(&Delivery::label(sender, number)),
                quoted(sender),
                model.dns.names.text(delivery.domain),
                delivery.size_bytes,
                delivery.created.as_secs_f64() - f64::from(delivery.before_start_s),
                ended.map_or(String::new(), |at| at.as_secs_f64().to_string()),
                delivery.attempts,
                delivery.host.map_or("", |host| model.dns.names.text(model.mail.hosts[host.index()].name)),
                delivery.measured,
                status.map_or(String::new(), |status| status.to_string()),
            ),
        );
    }

    pub(super) fn attempt(&mut self, record: &AttemptRecord, delivery: &Delivery) {
        let model = self.model;
        let sender = &model.mail.nodes[delivery.sender.index()].name;
        let (code, outcome) = match record.result {
            TryResult::Accepted => (Some(250), "accepted"),
            TryResult::Refused => (None, "refused"),
            TryResult::TimedOut => (None, "timed out"),
            TryResult::Lost => (None, "lost"),
            TryResult::Reply(code) => (Some(code), if code < 500 { "deferred" } else { "rejected" }),
        };
        let client = self.client(delivery);
        let status = match record.result.finding(record.stage) {
            Some(found) => client.codes.of(found, &client.dns),
            None => record.status,
        };
        let reply = code.map_or(status.to_string(), |code| format!("{code} {status}"));
        if record.result != TryResult::Accepted {
            self.note_failed(delivery, status, code.is_some());
        }
        // Recipients share a transaction; each delivery has the attempts that were made for it.
        for number in delivery.numbers() {
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

    fn note_failed(&mut self, delivery: &Delivery, status: Status, was_reply: bool) {
        for number in delivery.numbers() {
            self.failed.insert((delivery.sender, number), (status, was_reply));
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
        let client = self.client(delivery);
        let status = client.codes.of(why.finding(), &client.dns);
        self.note_failed(delivery, status, false);
        for number in delivery.numbers() {
            self.write(
                RecordKind::Attempts,
                format_args!(
                    "{},{},{},{},{},,,Lookup,{status},{outcome}",
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
