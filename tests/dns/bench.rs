//! A small private tree of zones, resolvers asked by hand or by clients, and the rows of a measurement.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;

use mxsim::dns::{Answer, Ask, Asker, Dns, DnsEvent, DnsObserver, LookupRecord, ServerState, Source, Waiter};
use mxsim::engine::random::EntityKey;
use mxsim::engine::scheduler::Scheduler;
use mxsim::engine::time::SimTime;
use mxsim::faults::FaultObserver;
use mxsim::mail::MailObserver;
use mxsim::model::dns::{Question, Rdata};
use mxsim::model::{CacheId, ClientId, DataId, Model, ResolverId, ServerId};
use mxsim::scenario::tree::RecordType;
use mxsim::sim::{Observer, run};

/// The resolvers of the recordings, by their short names.
pub fn software(code: &str) -> &'static str {
    match code {
        "U" | "U0" => "UnboundPre125()",
        // The parent's server is the zone's here, and the recording counts what the zone was asked.
        "Upf" => "UnboundPre125(prefetch: Near(share: 0.1), refresh_asks_parent: false)",
        "Ucl" => "UnboundPre125(min_ttl: \"15s\", max_ttl: \"120s\", max_negative_ttl: \"7s\")",
        "Ust1" => "UnboundPre125(refresh_asks_parent: false, serve_stale: AtOnce)",
        "Ust2" => {
            "UnboundPre125(refresh_asks_parent: false, serve_stale: After(\"1800ms\"), max_stale: \"40s\", stale_ttl: \"3s\")"
        }
        "Ust3" => "UnboundPre125(refresh_asks_parent: false, serve_stale: AtOnce, max_stale: \"40s\")",
        "B" | "B0" => "Bind()",
        "Bnopf" => "Bind(prefetch: Off)",
        "Bcl" => "Bind(min_ttl: \"15s\", max_ttl: \"120s\", max_negative_ttl: \"7s\")",
        "Bst1" => "Bind(serve_stale: AfterFailure, max_stale: \"60s\", stale_ttl: \"3s\")",
        "Bst2" => "Bind(serve_stale: After(\"1800ms\"), max_stale: \"3600s\")",
        "K" => "KnotResolver()",
        "Kst" => "KnotResolver(serve_stale: After(\"3s\"), max_stale: \"1d\", stale_ttl: \"1s\")",
        "Kpf" => "KnotResolver(prefetch: Near(left: \"5s\", share: 0.01))",
        "Kcl" => "KnotResolver(min_ttl: \"15s\", max_ttl: \"120s\")",
        "P" => "PowerDnsRecursor()",
        "Ppf" => "PowerDnsRecursor(prefetch: Near(share: 0.1))",
        "Pcl" => "PowerDnsRecursor(min_ttl: \"15s\", max_ttl: \"120s\", max_negative_ttl: \"7s\")",
        "Pst" => "PowerDnsRecursor(serve_stale: AfterFailure, stale_extensions: 2)",
        "Drr" => "Dnsmasq(cached_types: [MX, A, AAAA, CNAME])",
        "Dcl" => "Dnsmasq(cached_types: [MX, A, AAAA, CNAME], min_ttl: \"15s\", max_ttl: \"120s\")",
        "Dmx" => "Dnsmasq(max_answer_ttl: \"20s\")",
        "D" => "Dnsmasq()",
        _ => panic!("no software {code}"),
    }
}

/// A resolver as a scenario writes it, without IPv6 as in the recordings; dnsmasq has an Unbound of its own behind it.
pub fn resolver(name: &str, code: &str) -> String {
    let rules = software(code);
    match code.starts_with('D') {
        true => format!(
            "\"{name}\": (software: {rules}, upstream: [\"{name}-up\"]), \"{name}-up\": (software: UnboundPre125(), ipv6: false),"
        ),
        false => format!("\"{name}\": (software: {rules}, ipv6: false),"),
    }
}

/// A world without delays: one server for everything under `lab`.
pub fn world(run: &str, zones: &str, resolvers: &str, more: &str) -> String {
    format!(
        r#"(
        title: "lab",
        run: (drain: "0s", {run}),
        regions: {{ "here": (rtt: "0s") }},
        zones: {{
            "lab": (ttls: (ns: "3650d", glue: "3650d"), ns: ["ns.lab"]),
            {zones}
        }},
        servers: {{ "ns.lab": (latency: "0s") }},
        hosts: {{ "old.lab": (), "new.lab": (), "newer.lab": () }},
        resolvers: {{ {resolvers} }},
        {more}
    )"#
    )
}

/// A zone with one MX.
pub fn zone(name: &str, ttl_s: u32) -> String {
    format!(
        "\"{name}\": (ttls: (mx: \"{ttl_s}s\", ns: \"3650d\", glue: \"3650d\"), ns: [\"ns.lab\"], mx: [(10, \"old.lab\")]),"
    )
}

/// The model of a text with one variant.
pub fn model(text: &str) -> Model {
    let mut loaded = crate::support::loaded(text);
    std::sync::Arc::unwrap_or_clone(loaded.variants.remove(0).model)
}

/// Rows of a fixture, each by its column names.
pub fn rows(file: &str) -> Vec<HashMap<String, String>> {
    let path = format!("{}/tests/fixtures/dns/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"));
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().into_iter().flat_map(|line| line.split(',')).collect();
    lines
        .map(|line| names.iter().map(|name| name.to_string()).zip(line.split(',').map(str::to_owned)).collect())
        .collect()
}

/// A number of a row.
pub fn number(row: &HashMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

/// What every cache did in a run.
#[derive(Default)]
pub struct Watch {
    pub lookups: Vec<LookupRecord>,
    /// MX queries to servers, by cache.
    pub queries: HashMap<CacheId, u64>,
    pub keeps_lookups: bool,
    pub answers: HashMap<CacheId, u64>,
    pub hits: HashMap<CacheId, u64>,
}

impl DnsObserver for Watch {
    fn on_lookup(&mut self, record: &LookupRecord) {
        if !matches!(record.asker, Asker::Client(_)) {
            return;
        }
        *self.answers.entry(record.cache).or_default() += 1;
        let is_hit = matches!(record.answer.source, Source::Hit | Source::Expired);
        *self.hits.entry(record.cache).or_default() += u64::from(is_hit);
        if self.keeps_lookups {
            self.lookups.push(*record);
        }
    }
    fn on_query(&mut self, _now: SimTime, _server: ServerId, cache: CacheId, question: Question) {
        *self.queries.entry(cache).or_default() += u64::from(question.kind() == RecordType::Mx);
    }
}
impl MailObserver for Watch {}
impl FaultObserver for Watch {}
impl Observer for Watch {}

/// Runs one replication.
pub fn watch(model: &Model, keeps_lookups: bool) -> Watch {
    let mut watch = Watch { keeps_lookups, ..Watch::default() };
    run(model, 0, &mut watch, &AtomicBool::new(false)).unwrap_or_else(|why| panic!("{why}"));
    watch
}

/// The only cache of a resolver.
pub fn cache_of(model: &Model, resolver: &str) -> CacheId {
    let found = model.dns.resolvers.iter().find(|known| known.name == resolver);
    found.map_or_else(|| panic!("no resolver {resolver}"), |found| found.first_cache)
}

/// Servers that are down, and whether their hosts say so.
#[derive(Default)]
pub struct Down(pub HashSet<ServerId>, pub bool);

impl ServerState for Down {
    fn server_is_up(&self, server: ServerId) -> bool {
        !self.0.contains(&server)
    }
    fn server_refuses(&self, server: ServerId) -> bool {
        self.1 && self.0.contains(&server)
    }
}

/// What a bench has seen.
#[derive(Default)]
pub struct Seen {
    pub queries: Vec<(CacheId, Question)>,
    pub pushes: u32,
    pub flushed: Vec<Question>,
}

impl DnsObserver for Seen {
    fn on_query(&mut self, _now: SimTime, _server: ServerId, cache: CacheId, question: Question) {
        self.queries.push((cache, question));
    }
    fn on_push(&mut self, _now: SimTime, _cache: CacheId, _question: Question) {
        self.pushes += 1;
    }
    fn on_flush(&mut self, _now: SimTime, _cache: CacheId, question: Question) {
        self.flushed.push(question);
    }
}

/// Resolvers asked by hand.
pub struct Bench<'m> {
    pub model: &'m Model,
    pub dns: Dns<'m>,
    pub down: Down,
    pub seen: Seen,
    /// Answers that nobody has taken yet, and the seconds that they took.
    pub answered: HashMap<u32, (Answer, f64)>,
    scheduler: Scheduler<DnsEvent>,
    asked: u32,
}

/// An instant in seconds, to the microsecond.
pub fn at(seconds: f64) -> SimTime {
    SimTime::from_nanos((seconds * 1e6).round() as u64 * 1000)
}

impl<'m> Bench<'m> {
    pub fn new(model: &'m Model) -> Self {
        let scheduler = Scheduler::new(model.entities().count as usize);
        Self {
            model,
            dns: Dns::new(model, 0),
            down: Down::default(),
            seen: Seen::default(),
            answered: HashMap::new(),
            scheduler,
            asked: 0,
        }
    }

    pub fn question(&self, name: &str, kind: RecordType) -> Question {
        Question::new(self.model.dns.names.get(name).unwrap_or_else(|| panic!("no name {name}")), kind)
    }

    /// Asks at an instant, and goes on until the answer is there: it, and the seconds it took.
    pub fn ask(&mut self, seconds: f64, resolver: &str, name: &str, kind: RecordType) -> (Answer, f64) {
        let asked = self.begin(seconds, resolver, name, kind);
        loop {
            if let Some(answered) = self.answered.remove(&asked) {
                return answered;
            }
            let event = self.scheduler.next_before(SimTime::NEVER).expect("an answer comes some day");
            self.handle(event);
        }
    }

    /// Asks at an instant, and does not wait: the number under which [`Bench::answered`] has the answer one day.
    pub fn begin(&mut self, seconds: f64, resolver: &str, name: &str, kind: RecordType) -> u32 {
        self.wait(seconds);
        self.asked += 1;
        let id = self.model.dns.resolvers.iter().position(|known| known.name == resolver);
        let id = id.unwrap_or_else(|| panic!("no resolver {resolver}"));
        let ask = Ask {
            resolver: ResolverId(id as u32),
            question: self.question(name, kind),
            region: self.model.dns.resolvers[id].region,
            key: EntityKey::new(1, 0, "test", "asker", "asks"),
            a: u64::from(self.asked),
            b: 0,
            asker: Asker::Client(ClientId(0)),
            waiter: Waiter(self.asked),
        };
        match self.dns.ask(&mut self.scheduler, &mut self.seen, &self.down, ask) {
            Some(answer) => drop(self.answered.insert(self.asked, (answer, 0.0))),
            None => self.collect(),
        }
        self.asked
    }

    fn handle(&mut self, event: DnsEvent) {
        self.dns.handle(&mut self.scheduler, &mut self.seen, &self.down, event);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(done) = self.dns.take_completed() {
            let took = self.scheduler.now().since(done.asked).as_secs_f64();
            self.answered.insert(done.waiter.0, (done.answer, took));
        }
    }

    /// Makes a resolver know the way to a zone, by another type's question a moment before.
    pub fn lead(&mut self, seconds: f64, resolver: &str, name: &str) {
        self.ask(seconds, resolver, name, RecordType::Txt);
    }

    /// Lets time go on until an instant.
    pub fn wait(&mut self, seconds: f64) {
        while let Some(event) = self.scheduler.next_before(at(seconds)) {
            self.handle(event);
        }
        self.scheduler.advance(at(seconds));
    }

    pub fn now(&self) -> SimTime {
        self.scheduler.now()
    }

    /// Changes data at its primary now.
    pub fn set(&mut self, name: &str, kind: RecordType, data: DataId, ttl_s: u32) {
        let question = self.question(name, kind);
        self.dns.set_data(&mut self.scheduler, &mut self.seen, question, data, ttl_s);
    }

    /// MX data that is one exchange, as the scenario has it somewhere.
    pub fn mx(&self, exchange: &str) -> DataId {
        let name = self.model.dns.names.get(exchange).unwrap_or_else(|| panic!("no name {exchange}"));
        let is_meant = |data: &Rdata| matches!(data, Rdata::Mx(list) if list.len() == 1 && list[0].1 == name);
        DataId(self.model.dns.data.iter().position(is_meant).unwrap_or_else(|| panic!("no MX {exchange}")) as u32)
    }

    /// Queries for a name and type that servers got from a resolver so far.
    pub fn queries(&self, resolver: &str, name: &str, kind: RecordType) -> usize {
        let (cache, question) = (cache_of(self.model, resolver), self.question(name, kind));
        self.seen.queries.iter().filter(|seen| **seen == (cache, question)).count()
    }
}
