//! What a user at a terminal sees of an answer: the text that `dig` prints, and JSON.

use std::fmt::Write;
use std::net::Ipv6Addr;

use serde_json::{Value, json};

use crate::dns::dig::{Said, SoaTold, TraceStep};
use crate::dns::{Answer, LookupRecord, Outcome, Source};
use crate::engine::time::SimTime;
use crate::model::dns::{KeyId, Question, Rdata};
use crate::model::{CacheId, DataId, HostId, Model, NameId, ServerId};
use crate::scenario::tree::{NegativeSoa, RecordType};
use crate::sim::dig::{Dug, Outdated};

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

/// Likewise, of the prefix kept for documentation (RFC 3849).
fn ipv6_address_of(host: HostId) -> String {
    let [_, _, high, low] = host.0.to_be_bytes().map(u16::from);
    let high_half = u16::try_from(host.0 >> 16).unwrap_or_default();
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high_half, high << 8 | low).to_string()
}

/// A line of an answer, in the columns that `dig` prints: its tab stops are 8 columns wide, and the TTL begins at the 24th.
fn line(owner: &str, ttl_s: u32, kind: &str, rdata: &str) -> String {
    let tabs = 3usize.saturating_sub(owner.len() / 8).max(1);
    format!("{owner}{}{ttl_s}\tIN\t{kind}\t{rdata}", "\t".repeat(tabs))
}

/// The lines of an RRset; of an SOA, with what may change in it.
fn lines(model: &Model, question: Question, data: DataId, ttl_s: u32, soa: SoaTold) -> Vec<String> {
    lines_of(model, question, data, (ttl_s, ttl_s), soa)
}

/// The lines of an RRset whose first record may have another TTL than the rest.
fn lines_of(
    model: &Model,
    question: Question,
    data: DataId,
    (ttl_s, others_s): (u32, u32),
    soa: SoaTold,
) -> Vec<String> {
    let owner = dotted(model, question.name());
    let kind = question.kind().text();
    let first = std::cell::Cell::new(true);
    let of = |rdata: String| line(&owner, if first.replace(false) { ttl_s } else { others_s }, kind, &rdata);
    match &model.dns.data[data.index()] {
        Rdata::Absent => Vec::new(),
        Rdata::Mx(list) => {
            list.iter().map(|&(preference, name)| of(format!("{preference} {}", dotted(model, name)))).collect()
        }
        Rdata::Address(hosts) if hosts.is_empty() => vec![of("; the address of a name server".into())],
        Rdata::Address(hosts) => {
            let name = |host: HostId| model.dns.names.text(model.mail.hosts[host.index()].name);
            let is_v6 = question.kind() == RecordType::Aaaa;
            let address = |host: HostId| if is_v6 { ipv6_address_of(host) } else { address_of(host) };
            hosts.iter().map(|&host| of(format!("{} ; host {}", address(host), name(host)))).collect()
        }
        Rdata::Cname(target) => vec![of(dotted(model, *target))],
        Rdata::Txt(texts) => texts.iter().map(|text| of(format!("{text:?}"))).collect(),
        Rdata::Ns(servers) => servers.iter().map(|&server| of(server_name(model, server))).collect(),
        Rdata::Soa => vec![soa_line(model, question.name(), ttl_s, soa)],
    }
}

/// The SOA of the zone that holds a name.
fn soa_line(model: &Model, name: NameId, ttl_s: u32, soa: SoaTold) -> String {
    let zone = &model.dns.zones[model.dns.names.zone_of[name.index()].index()];
    let apex = dotted(model, zone.apex);
    let SoaTold { serial, primary } = soa;
    let primary = primary.map_or_else(|| ".".into(), |server| server_name(model, server));
    let contact = if apex == "." { "hostmaster.".to_owned() } else { format!("hostmaster.{apex}") };
    let [refresh_s, retry_s, expire_s] = zone.soa.timers_s;
    let minimum_s = zone.soa.minimum_s;
    let rdata = format!("{primary} {contact} {serial} {refresh_s} {retry_s} {expire_s} {minimum_s}");
    line(&apex, ttl_s, RecordType::Soa.text(), &rdata)
}

fn server_name(model: &Model, server: ServerId) -> String {
    dotted(model, model.dns.servers[server.index()].name)
}

/// Lines with one space between words.
fn words(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
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
        let _ = writeln!(out, "; <<>> mxsim dig <<>> @{who} {name} {kind}");
        let Some(record) = self.dug.answers[index].as_ref() else {
            let _ = writeln!(out, ";; communications error to {who}: timed out\n;; no servers could be reached");
            return;
        };
        let answer = &record.answer;
        let (answers, authority) = self.sections(index, cache, answer);
        let _ = writeln!(out, ";; ->>HEADER<<- opcode: QUERY, status: {}, id: {}", status(answer.outcome), index + 1);
        let _ = writeln!(
            out,
            ";; flags: qr rd ra; QUERY: 1, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: 0",
            answers.len(),
            authority.len()
        );
        let _ = writeln!(out, "\n;; QUESTION SECTION:\n;{name}\t\t\tIN\t{kind}");
        for (title, records) in [("ANSWER", answers), ("AUTHORITY", authority)] {
            if !records.is_empty() {
                let _ = writeln!(out, "\n;; {title} SECTION:\n{}", records.join("\n"));
            }
        }
        let _ = writeln!(out, "\n;; Query time: {} msec\n;; SERVER: {who}", record.took.as_nanos() / 1_000_000);
        let _ = writeln!(out, ";; WHEN: {}", self.when());
        let _ = writeln!(out, ";; {}", source(answer.source));
        for &Outdated { question, version, current } in &self.dug.outdated[index] {
            // Which one is plain where there is but one.
            let of = if question == self.question { String::new() } else { format!(" of {}", self.asked(question)) };
            let _ = writeln!(out, ";; STALE: version {version} of the data{of}; the primary holds version {current}");
        }
        for &(at, server, _, question) in self.dug.queries.iter().filter(|(_, _, by, _)| *by == cache) {
            let (server, asked) = (server_name(self.model, server), self.asked(question));
            let _ = writeln!(out, ";; {who} asked {server} for {asked}, {} later", at.since(record.asked));
        }
    }

    /// A question in words.
    fn asked(&self, question: Question) -> String {
        format!("{} {}", dotted(self.model, question.name()), question.kind().text())
    }

    /// What stands in the answer and the authority section: records along aliases; the SOA that a negative answer lives by
    /// (RFC 2308 section 2).
    fn sections(&self, index: usize, cache: CacheId, answer: &Answer) -> (Vec<String>, Vec<String>) {
        let (aliases, soa) = (self.dug.aliases[index].iter(), self.dug.soas[index]);
        let mut answers: Vec<String> = aliases
            .flat_map(|link| lines(self.model, link.question, link.data, link.ttl_s, SoaTold::default()))
            .collect();
        match answer.outcome {
            Outcome::Data(data) => {
                let of = Question::new(answer.owner, self.question.kind());
                answers.extend(lines_of(self.model, of, data, self.ttls_s(index, cache), soa));
                (answers, Vec::new())
            }
            Outcome::NoData | Outcome::NxDomain => {
                let zone = &self.model.dns.zones[self.model.dns.names.zone_of[answer.owner.index()].index()];
                let has_soa = zone.soa.sent != NegativeSoa::Absent;
                let ttl_s = self.dug.ttls_s[index];
                (answers, has_soa.then(|| soa_line(self.model, answer.owner, ttl_s, soa)).into_iter().collect())
            }
            Outcome::ServFail | Outcome::Refused => (Vec::new(), Vec::new()),
        }
    }

    /// The TTL of the first record, and of the others.
    fn ttls_s(&self, index: usize, cache: CacheId) -> (u32, u32) {
        let (resolver, ttl_s) = (self.model.dns.caches[cache.index()].resolver, self.dug.ttls_s[index]);
        let told = |ttls| self.model.dns.resolvers[resolver.index()].rules.told_ttls_s(ttls, ttl_s);
        self.dug.unequal[index].map_or((ttl_s, ttl_s), told)
    }

    /// The instant by the calendar of the run and since its start: `Tue 13:00:00, 37h after the start`.
    fn when(&self) -> String {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let since = self.at.since(SimTime::ZERO);
        let in_week_s = (self.model.clock.starts_in_week_s + since.whole_seconds()) % (7 * 86_400);
        let (day, in_day_s) = (DAYS[(in_week_s / 86_400) as usize], in_week_s % 86_400);
        let (hour, minute, second) = (in_day_s / 3600, in_day_s / 60 % 60, in_day_s % 60);
        format!("{day} {hour:02}:{minute:02}:{second:02} ({since} after the start of the run)")
    }

    /// The walk along the delegation, as `dig +trace` prints it.
    pub fn trace(&self) -> String {
        let name = dotted(self.model, self.question.name());
        let mut out = format!("; <<>> mxsim dig <<>> +trace {name} {}\n", self.question.kind().text());
        let _ = writeln!(out, ";; WHEN: {}", self.when());
        let root = &self.model.dns.zones[0];
        let hints = root.delegation;
        lines(self.model, Question::new(root.apex, RecordType::Ns), hints.ns, hints.ns_ttl_s, SoaTold::default())
            .into_iter()
            .for_each(|line| _ = writeln!(out, "{line}"));
        let _ = writeln!(out, ";; Received from root hints\n");
        for step in &self.dug.trace {
            self.step(&mut out, step);
        }
        out
    }

    fn step(&self, out: &mut String, step: &TraceStep) {
        let (server, zone) = (server_name(self.model, step.server), self.zone(step));
        if let Said::Failed(why) = step.said {
            let _ = writeln!(out, ";; {server} (zone {zone}): {why}\n");
            return;
        }
        self.said(step).into_iter().for_each(|line| _ = writeln!(out, "{line}"));
        let _ = writeln!(out, ";; Received from {server} (zone {zone})\n");
    }

    fn zone(&self, step: &TraceStep) -> String {
        dotted(self.model, self.model.dns.zones[step.zone.index()].apex)
    }

    /// What a server said, in lines.
    fn said(&self, step: &TraceStep) -> Vec<String> {
        let model = self.model;
        match step.said {
            Said::Referral(child, delegation) => {
                let apex = model.dns.zones[child.index()].apex;
                let ns = Question::new(apex, RecordType::Ns);
                let mut lines = lines(model, ns, delegation.ns, delegation.ns_ttl_s, SoaTold::default());
                if delegation.ds != KeyId::default() {
                    let rdata = format!("{} 13 2 ; the key that the parent vouches for", delegation.ds.0);
                    lines.push(line(&dotted(model, apex), delegation.ns_ttl_s, "DS", &rdata));
                }
                lines
            }
            Said::Data(data, ttl_s) => lines(model, step.question, data, ttl_s, step.soa),
            Said::Alias(data, ttl_s) => {
                let alias = Question::new(step.question.name(), RecordType::Cname);
                lines(model, alias, data, ttl_s, SoaTold::default())
            }
            Said::NoData(ttl_s) | Said::NxDomain(ttl_s) => {
                let verdict = if matches!(step.said, Said::NoData(_)) { "no data of that type" } else { "NXDOMAIN" };
                let soa = ttl_s.map(|ttl_s| soa_line(model, step.question.name(), ttl_s, step.soa));
                soa.into_iter().chain([format!(";; {verdict}")]).collect()
            }
            Said::Failed(_) => Vec::new(),
        }
    }

    /// The walk along the delegation, one object a server asked.
    pub fn trace_json(&self) -> Value {
        let step = |step: &TraceStep| {
            let failure = if let Said::Failed(why) = step.said { Some(why) } else { None };
            json!({
                "zone": self.zone(step), "server": server_name(self.model, step.server),
                "name": self.model.dns.names.text(step.question.name()), "type": step.question.kind().text(),
                "records": words(&self.said(step)), "failure": failure,
            })
        };
        json!({
            "at_s": self.at.since(SimTime::ZERO).as_secs_f64(),
            "trace": self.dug.trace.iter().map(step).collect::<Vec<_>>(),
        })
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
            let outdated = self.dug.outdated[index].iter().map(|outdated| {
                let Outdated { question, version, current } = *outdated;
                json!({ "name": self.model.dns.names.text(question.name()), "type": question.kind().text(),
                    "version": version, "primary_version": current })
            });
            json!({
                "cache": who, "status": status(answer.outcome), "source": source(answer.source), "ttl_s": answer.ttl_s,
                "stale": answer.stale, "data_version": answer.data_version, "took_s": record.took.as_secs_f64(),
                "outdated": outdated.collect::<Vec<_>>(), "records": words(&self.sections(index, cache, answer).0),
            })
        };
        self.dug.answers[index].as_ref().map_or_else(|| json!({ "cache": who, "status": "timeout" }), answered)
    }
}
