//! From what the user wrote to what the simulation runs: every check that needs more than one field is made here.

mod actions;
mod arrivals;
mod budget;
mod clients;
mod clock;
mod degraded;
mod faults;
mod files;
mod load;
mod mail;
mod name_servers;
mod names;
mod network;
mod next_hops;
mod objectives;
mod own_caches;
pub mod presets;
mod problems;
mod queue_file;
mod reception;
mod records;
mod resolver_rules;
mod resolvers;
pub mod retry;
pub mod smtp_clients;
mod spoken;
mod status_codes;
mod sts;
#[cfg(test)]
mod tests;
mod timeline;
mod zone_records;
mod zones;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub use clock::instant_of;
use faults::OutageFile;
pub use files::{Files, Folder, Memory};
pub use load::{Input, Loaded, Variant, load, load_source};
use names::{Registry, stamp};
pub use names::{invalid_domain, is_match};
use problems::{PlaceKey, Said};
pub use zones::{DELEGATION_TTL_S, NEGATIVE_TTL_S, TTL_S};

use super::dns::{DnsModel, Question, Rdata};
use super::{DataId, Model, NameId, RegionId, ServerId, ZoneId};
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::scenario::diagnostic::{Diagnostic, Place, SourceText};
use crate::scenario::distribution::DistSpec;
use crate::scenario::locator::Locator;
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::postconf::Postconf;
use crate::scenario::text::TextError;
use crate::scenario::trace::read_column;
use crate::scenario::tree::{FailureMode, Scenario};

/// A model, and what its user may not have meant.
#[derive(Debug)]
pub struct Compiled {
    /// Ready to run.
    pub model: Model,
    /// Warnings only.
    pub warnings: Vec<Diagnostic>,
}

/// Compiles a scenario.
///
/// # Errors
/// Everything that is wrong with it, all at once, each with its place (and warnings among them).
pub fn compile(scenario: &Scenario, text: &Locator, files: &mut dyn Files) -> Result<Compiled, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(scenario, text, files);
    let model = compiler.model();
    let problems = compiler.all_said();
    match model {
        Some(model) if !problems.iter().any(Diagnostic::is_error) => Ok(Compiled { model, warnings: problems }),
        _ => Err(problems),
    }
}

/// A compilation in progress.
struct Compiler<'a> {
    tree: &'a Scenario,
    at: &'a Locator,
    files: &'a mut dyn Files,
    problems: Vec<Diagnostic>,
    said: BTreeMap<PlaceKey, Said>,
    /// The last that was not said.
    unsaid: Diagnostic,
    /// What real configurations say, each read once.
    configs: retry::Configs,
    /// The one whose parameters are checked: what is wrong with them has its place there.
    checked: Option<Arc<Postconf>>,
    /// Which policy of a `Mix` each member of a population follows, by section and key.
    mixes: HashMap<String, Vec<usize>>,
    /// MTA-STS policies found so far.
    sts_policies: Vec<super::mail::StsPolicy>,
    /// What `{i}` stands for in the texts that are read now: the number in the population, 0 outside.
    number: u32,
    /// How many things there are to choose from, over all that choose.
    choices: usize,
    /// Named entries of the timeline with their instants.
    named: Vec<(String, SimTime)>,
    /// Files by name, each read once.
    texts: HashMap<String, Result<Arc<SourceText>, String>>,
    /// Distributions of files by name.
    columns: HashMap<String, Dist>,
    dns: DnsModel,
    interned: HashMap<Rdata, DataId>,
    /// RRsets at time 0 by question: data and TTL.
    rrsets: HashMap<Question, (DataId, u32)>,
    /// Exchanges of master files with their places.
    file_exchanges: Vec<(Place, String)>,
    /// Traces of outages by file.
    outage_files: BTreeMap<String, OutageFile>,
    /// Name servers that nobody declared.
    made_servers: HashMap<NameId, ServerId>,
    /// Apexes of all zones, made ones too.
    apexes: BTreeSet<NameId>,
    /// Zones by apex.
    zone_ids: HashMap<NameId, ZoneId>,
    regions: Registry,
    zones: Registry,
    servers: Registry,
    hosts: Registry,
    resolvers: Registry,
    senders: Registry,
    risks: Registry,
}

impl<'a> Compiler<'a> {
    fn new(tree: &'a Scenario, at: &'a Locator, files: &'a mut dyn Files) -> Self {
        let mut problems = Vec::new();
        let mut registry = |section: &'static str, entries: Vec<(&String, Option<u32>)>, is_domain: bool| {
            Registry::stamped(section, entries, is_domain, at, &mut problems)
        };
        let everywhere = "everywhere".to_owned();
        let mut regions: Vec<_> = tree.regions.iter().map(|(key, region)| (key, region.count)).collect();
        if regions.is_empty() {
            regions.push((&everywhere, None));
        }
        let regions = registry("regions", regions, false);
        let zones = registry("zones", tree.zones.iter().map(|(key, v)| (key, v.count)).collect(), true);
        let servers = registry("servers", tree.servers.iter().map(|(key, v)| (key, v.count)).collect(), true);
        let hosts = registry("hosts", tree.hosts.iter().map(|(key, v)| (key, v.count)).collect(), true);
        let resolvers = registry("resolvers", tree.resolvers.iter().map(|(key, v)| (key, v.count)).collect(), false);
        let senders = registry("senders", tree.senders.iter().map(|(key, v)| (key, v.count)).collect(), false);
        let risks = registry("risks", tree.risks.iter().map(|(key, v)| (key, v.count)).collect(), false);
        let mut compiler = Self {
            tree,
            at,
            files,
            problems: Vec::new(),
            said: BTreeMap::new(),
            unsaid: Diagnostic::warning(""),
            configs: retry::Configs::default(),
            checked: None,
            mixes: HashMap::new(),
            sts_policies: Vec::new(),
            number: 0,
            choices: 0,
            named: Vec::new(),
            texts: HashMap::new(),
            columns: HashMap::new(),
            dns: DnsModel { data: vec![Rdata::Absent], ..DnsModel::default() },
            interned: HashMap::from([(Rdata::Absent, DataId::ABSENT)]),
            rrsets: HashMap::new(),
            file_exchanges: Vec::new(),
            outage_files: BTreeMap::new(),
            made_servers: HashMap::new(),
            apexes: BTreeSet::new(),
            zone_ids: HashMap::new(),
            regions,
            zones,
            servers,
            hosts,
            resolvers,
            senders,
            risks,
        };
        compiler.say_all(problems);
        compiler
    }

    fn model(&mut self) -> Option<Model> {
        self.check_texts();
        let clock = self.clock();
        let instants = self.instants(&clock);
        let network = self.network();
        self.zones_and_servers();
        let mut hosts = self.mail_hosts();
        self.records(&hosts);
        self.secondaries();
        self.resolvers(&network);
        let clients = self.clients(&clock);
        let probes = self.probes();
        self.dns.clients = clients;
        self.dns.probes = probes;
        let mut mail = self.mail_nodes(&mut hosts, &clock);
        mail.has_ipv6 = self.has_ipv6(&mail);
        mail.sts = self.sts();
        let faults = self.faults();
        let timeline = self.timeline(&instants, &clock, &mail, &network);
        mail.sts_policies = std::mem::take(&mut self.sts_policies);
        self.dns.names.settle(&self.dns.zones);
        self.dns.rrsets = self.sorted_rrsets();
        let (places, objectives): (Vec<_>, Vec<_>) = self.objectives(&timeline, &faults).into_iter().unzip();
        let slo = self.slo(&objectives);
        let qshape = self.qshape(&clock);
        self.check_reach(&network, &mail);
        self.warn_unused(&mail);
        let run = &self.tree.run;
        let model = Model {
            title: self.tree.title.clone(),
            look_for: self.tree.look_for.clone(),
            clock,
            seed: run.seed,
            replications: run.replications,
            confidence: run.confidence,
            event_budget: run.event_budget,
            network,
            dns: std::mem::take(&mut self.dns),
            mail,
            faults,
            timeline,
            slo,
            qshape,
            objectives,
        };
        self.check_objectives(&places, &model);
        self.check_budget(&model);
        Some(model)
    }

    /// What `reference` means among `kind`'s names: a name, a population's key or a glob.
    fn find(&mut self, path: &[&str], kind: &'static str, reference: &str) -> Vec<u32> {
        let reference = stamp(reference, self.number);
        let registry = self.registry(kind);
        let found = registry.find(&reference);
        if found.is_empty() && !self.is_enough_said(&self.at.value_place(path)) {
            let help = did_you_mean(&reference, registry.known()).unwrap_or_else(|| match registry.is_empty() {
                true => format!("this scenario declares no {kind}s"),
                false => format!("`{kind}s` declares {}", list_names(registry.keys(), 8)),
            });
            self.error(path, format!("no {kind} `{reference}`")).help = Some(help);
        } else if found.is_empty() {
            self.error(path, format!("no {kind} `{reference}`"));
        }
        found
    }

    fn registry(&self, kind: &str) -> &Registry {
        match kind {
            "zone" => &self.zones,
            "server" => &self.servers,
            "host" => &self.hosts,
            "resolver" => &self.resolvers,
            "sender" => &self.senders,
            "risk" => &self.risks,
            _ => &self.regions,
        }
    }

    /// The one thing that `reference` means.
    fn find_one(&mut self, path: &[&str], kind: &'static str, reference: &str) -> Option<u32> {
        let found = self.find(path, kind, reference);
        if found.len() > 1 {
            let message = format!("`{reference}` means {} {kind}s, and one is wanted here", found.len());
            self.error(path, message).help = Some("name one of them".into());
        }
        found.first().copied()
    }

    fn region(&mut self, path: &[&str], reference: Option<&String>) -> RegionId {
        let found = reference.and_then(|reference| self.find_one(path, "region", reference));
        RegionId(found.unwrap_or(0))
    }

    /// A distribution with its file read and its range checked.
    fn dist(&mut self, path: &[&str], spec: &DistSpec) -> Dist {
        let dist = match spec {
            DistSpec::Empirical(file) => self.empirical(path, &stamp(file, self.number)),
            _ => spec.to_dist(&mut |_| Ok(Vec::new())),
        };
        match dist {
            Ok(dist) => {
                if let Err(invalid) = dist.check() {
                    self.error(path, invalid.to_string());
                }
                dist
            }
            Err(error) => {
                self.text_error(path, &error);
                Dist::Constant(1.0)
            }
        }
    }

    /// The values of a file, shared by all that name it.
    fn empirical(&mut self, path: &[&str], file: &str) -> Result<Dist, TextError> {
        if let Some(dist) = self.columns.get(file) {
            return Ok(dist.clone());
        }
        let Some(source) = self.file(path, file) else { return Ok(Dist::Constant(1.0)) };
        let (values, found) = read_column(&source);
        self.say_all(found);
        let values = values.unwrap_or_else(|| vec![1.0]);
        let dist = DistSpec::Empirical(file.to_owned()).to_dist(&mut |_| Ok(values.clone()))?;
        self.columns.insert(file.to_owned(), dist.clone());
        Ok(dist)
    }

    /// The text of a file that the scenario names.
    fn file(&mut self, path: &[&str], name: &str) -> Option<Arc<SourceText>> {
        let name = stamp(name, self.number);
        let files = &mut *self.files;
        match self.texts.entry(name).or_insert_with_key(|name| files.read(name)).clone() {
            Ok(source) => Some(source),
            Err(why) => {
                self.error(path, why).help = Some("paths are relative to the scenario's folder".into());
                None
            }
        }
    }

    /// A reply while something is down is one that defers or refuses (RFC 5321 section 4.2.1).
    fn failure_mode(&mut self, path: &[&str], mode: FailureMode) -> FailureMode {
        if let FailureMode::Reply { code, .. } = mode
            && !(400..600).contains(&code)
        {
            self.error(path, format!("{code} is no reply of something that fails")).label =
                "expected a code from 400 to 599".into();
        }
        mode
    }

    fn share(&mut self, path: &[&str], share: f64) -> f64 {
        if !(0.0..=1.0).contains(&share) {
            self.error(path, format!("{share} is no share")).label = "expected a number from 0 to 1".into();
            return 0.0;
        }
        share
    }

    fn data(&mut self, rdata: Rdata) -> DataId {
        if let Some(&id) = self.interned.get(&rdata) {
            return id;
        }
        let id = DataId(self.dns.data.len() as u32);
        self.dns.data.push(rdata.clone());
        self.interned.insert(rdata, id);
        id
    }
}
