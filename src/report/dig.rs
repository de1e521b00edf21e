//! What a user at a terminal sees of an answer: the text that `dig` prints, and JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::dns::dig::{Said, TraceStep};
use crate::dns::{LookupRecord, Outcome, Source};
use crate::engine::time::SimTime;
use crate::model::dns::{Question, Rdata};
use crate::model::{CacheId, DataId, HostId, Model, NameId, ServerId};
use crate::sim::dig::Dug;

/// Answers with what is needed to read them.
pub struct Answers<'a> {
    /// The model asked.
    pub model: &'a Model,
    /// When.
    pub at: SimTime,
    /// What.
    pub question: Question,
    /// Whom, in the order of the answers.
    pub caches: &'a [CacheId],
    /// What they said.
    pub dug: &'a Dug,
}

/// A name with its final dot.
fn dotted(model: &Model, name: NameId) -> String {
    let text = model.dns.names.text(name);
    if text == "." { text.to_owned() } else { format!("{text}.") }
}

/// An address that stands for a host: of the block kept for benchmarks (RFC 2544), by the host's number.
fn address_of(host: HostId) -> String {
    format!("198.{}.{}.{}", 18 + (host.0 >> 16 & 1), host.0 >> 8 & 0xff, host.0 & 0xff)
}

/// The lines of an RRset.
fn lines(model: &Model, question: Question, data: DataId, ttl_s: u32) -> Vec<String> {
    let head = |kind: &str| format!("{:<31} {ttl_s:<7} IN {kind:<5}", dotted(model, question.name()));
    match &model.dns.data[data.index()] {
        Rdata::Absent => Vec::new(),
        Rdata::Mx(list) => {
            let line =
                |&(preference, name): &(u16, NameId)| format!("{} {preference} {}", head("MX"), dotted(model, name));
            list.iter().map(line).collect()
        }
        Rdata::Address(hosts) if hosts.is_empty() => vec![format!("{} ; the address of a name server", head("A"))],
        Rdata::Address(hosts) => {
            let kind = question.kind().text();
            let name = |host: HostId| model.dns.names.text(model.mail.hosts[host.index()].name);
            let line = |&host: &HostId| format!("{} {} ; host {}", head(kind), address_of(host), name(host));
            hosts.iter().map(line).collect()
        }
        Rdata::Cname(target) => vec![format!("{} {}", head("CNAME"), dotted(model, *target))],
        Rdata::Txt(texts) => texts.iter().map(|text| format!("{} {text:?}", head("TXT"))).collect(),
        Rdata::Ns(servers) => {
            servers.iter().map(|&server| format!("{} {}", head("NS"), server_name(model, server))).collect()
        }
        Rdata::Soa => {
            let zone = &model.dns.zones[model.dns.names.zone_of[question.name().index()].index()];
            let primary = zone.servers.first().map_or_else(|| ".".into(), |&server| server_name(model, server));
            vec![format!(
                "{} {primary} hostmaster.{} ; minimum {} s",
                head("SOA"),
                dotted(model, zone.apex),
                zone.soa.minimum_s
            )]
        }
    }
}

fn server_name(model: &Model, server: ServerId) -> String {
    dotted(model, model.dns.servers[server.index()].name)
}

fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Data(_) | Outcome::NoData => "NOERROR",
        Outcome::NxDomain => "NXDOMAIN",
        Outcome::ServFail => "SERVFAIL",
        Outcome::Refused => "REFUSED",
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Miss => "fetched",
        Source::Coalesced => "fetched for another asker",
        Source::Negative => "cached: there is none",
        Source::Failure => "cached failure",
        Source::Hit | Source::Expired => "cached",
    }
}

impl Answers<'_> {
    /// What `dig` would print, an answer after the other.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (index, &cache) in self.caches.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            self.answer(&mut out, index, cache);
        }
        out
    }

    fn answer(&self, out: &mut String, index: usize, cache: CacheId) {
        let (name, kind) = (dotted(self.model, self.question.name()), self.question.kind().text());
        let who = self.model.dns.cache_name(cache);
        let Some(record) = &self.dug.answers[index] else {
            let _ = writeln!(
                out,
                ";; {name} {kind} at {who}, {}: no answer within ten minutes",
                self.at.since(SimTime::ZERO)
            );
            return;
        };
        let answer = &record.answer;
        let _ = writeln!(out, ";; {name} {kind} at {who}, {}", self.at.since(SimTime::ZERO));
        let _ = writeln!(
            out,
            ";; status: {}, {}, query time: {}",
            status(answer.outcome),
            source(answer.source),
            record.took
        );
        let (_, current) = self.dug.current;
        if let Outcome::Data(data) = answer.outcome {
            for &(alias, data, ttl_s) in &self.dug.aliases[index] {
                lines(self.model, alias, data, ttl_s).into_iter().for_each(|line| _ = writeln!(out, "{line}"));
            }
            let of = Question::new(answer.owner, self.question.kind());
            lines(self.model, of, data, answer.ttl_s).into_iter().for_each(|line| _ = writeln!(out, "{line}"));
        } else if !matches!(answer.outcome, Outcome::ServFail | Outcome::Refused) {
            let _ = writeln!(out, ";; no data; kept for {} s more", answer.ttl_s);
        }
        if answer.stale {
            let _ = writeln!(
                out,
                ";; STALE: version {} of the data; the primary holds version {current}",
                answer.data_version
            );
        }
        for &(at, server, by, question) in self.dug.queries.iter().filter(|(_, _, by, _)| *by == cache) {
            let (name, kind) = (dotted(self.model, question.name()), question.kind().text());
            let after = at.since(record.asked);
            let _ = writeln!(
                out,
                ";; {} asked {} for {name} {kind}, {after} later",
                self.model.dns.cache_name(by),
                server_name(self.model, server)
            );
        }
    }

    /// The walk along the delegation, as `dig +trace` prints it.
    pub fn trace(&self) -> String {
        let mut out = format!(";; the delegation at {}\n", self.at.since(SimTime::ZERO));
        for step in &self.dug.trace {
            self.step(&mut out, step);
        }
        out
    }

    fn step(&self, out: &mut String, step: &TraceStep) {
        let model = self.model;
        let found = match step.said {
            Said::Referral(child, delegation) => {
                let apex = Question::new(model.dns.zones[child.index()].apex, crate::scenario::tree::RecordType::Ns);
                lines(model, apex, delegation.ns, delegation.ns_ttl_s)
            }
            Said::Data(data, ttl_s) => lines(model, step.question, data, ttl_s),
            Said::Alias(data, ttl_s) => {
                let alias = Question::new(step.question.name(), crate::scenario::tree::RecordType::Cname);
                lines(model, alias, data, ttl_s)
            }
            Said::NoData(ttl_s) => vec![format!(";; no data of that type{}", kept(ttl_s))],
            Said::NxDomain(ttl_s) => vec![format!(";; NXDOMAIN{}", kept(ttl_s))],
            Said::Failed(why) => vec![format!(";; {why}")],
        };
        found.into_iter().for_each(|line| _ = writeln!(out, "{line}"));
        let zone = dotted(model, model.dns.zones[step.zone.index()].apex);
        let _ = writeln!(out, ";; from {} (zone {zone})\n", server_name(model, step.server));
    }

    /// One object an answer.
    pub fn json(&self) -> Value {
        let answers = self.caches.iter().enumerate().map(|(index, &cache)| self.answer_json(index, cache));
        json!({
            "at_s": self.at.since(SimTime::ZERO).as_secs_f64(),
            "name": self.model.dns.names.text(self.question.name()),
            "type": self.question.kind().text(),
            "primary_version": self.dug.current.1,
            "answers": answers.collect::<Vec<_>>(),
        })
    }

    fn answer_json(&self, index: usize, cache: CacheId) -> Value {
        let who = self.model.dns.cache_name(cache);
        let answered = |record: &LookupRecord| {
            let answer = &record.answer;
            let of = Question::new(answer.owner, self.question.kind());
            let rrset = match answer.outcome {
                Outcome::Data(data) => lines(self.model, of, data, answer.ttl_s),
                _ => Vec::new(),
            };
            json!({
                "cache": who, "status": status(answer.outcome), "source": source(answer.source), "ttl_s": answer.ttl_s,
                "stale": answer.stale, "data_version": answer.data_version, "took_s": record.took.as_secs_f64(),
                "records": rrset.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>(),
            })
        };
        self.dug.answers[index].as_ref().map_or_else(|| json!({ "cache": who, "status": "timeout" }), answered)
    }
}

fn kept(ttl_s: Option<u32>) -> String {
    ttl_s.map_or_else(|| ", without an SOA".into(), |ttl_s| format!(", to be kept for {ttl_s} s"))
}
