//! From what the user wrote to what the simulation runs: every check that needs more than one field is made here.

mod budget;
mod clock;
mod faults;
mod files;
mod load;
mod mail;
mod names;
mod network;
pub mod presets;
mod resolvers;
mod timeline;
mod zone_records;
mod zones;

use std::collections::HashMap;
use std::sync::Arc;

pub use files::{Files, Folder, Memory};
pub use load::{Loaded, Variant, load, load_source};
use names::Registry;

use super::dns::{DnsModel, Question, Rdata};
use super::{DataId, Model, Objective, RegionId};
use crate::engine::dist::Dist;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::distribution::DistSpec;
use crate::scenario::locator::Locator;
use crate::scenario::nearest::did_you_mean;
use crate::scenario::text::TextError;
use crate::scenario::trace::read_column;
use crate::scenario::tree::{self, Scenario};
use crate::scenario::units::parse_duration;

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
    let problems = std::mem::take(&mut compiler.problems);
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
    dns: DnsModel,
    interned: HashMap<Rdata, DataId>,
    /// RRsets at time 0 by question: data and TTL.
    rrsets: HashMap<Question, (DataId, u32)>,
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
        Self {
            tree,
            at,
            files,
            problems,
            dns: DnsModel { data: vec![Rdata::Absent], ..DnsModel::default() },
            interned: HashMap::from([(Rdata::Absent, DataId::ABSENT)]),
            rrsets: HashMap::new(),
            regions,
            zones,
            servers,
            hosts,
            resolvers,
            senders,
            risks,
        }
    }

    fn model(&mut self) -> Option<Model> {
        let clock = self.clock();
        let network = self.network();
        self.zones_and_servers();
        let mut hosts = self.mail_hosts();
        self.records(&hosts);
        self.resolvers();
        let clients = self.clients(&clock);
        let probes = self.probes();
        self.dns.clients = clients;
        self.dns.probes = probes;
        let mail = self.mail_nodes(&mut hosts, &clock);
        let faults = self.faults();
        let timeline = self.timeline(&clock);
        self.dns.names.settle(&self.dns.zones);
        self.dns.rrsets = self.sorted_rrsets();
        let objectives = self.objectives();
        self.check_reach(&network, &mail);
        self.warn_unasked(&mail);
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
            objectives,
        };
        self.check_budget(&model);
        Some(model)
    }

    /// An error at the value of a path.
    fn error(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::error(message);
        diagnostic.place = Some(self.at.value_place(path));
        self.say(diagnostic)
    }

    fn warning(&mut self, path: &[&str], message: impl Into<String>) -> &mut Diagnostic {
        let mut diagnostic = Diagnostic::warning(message);
        diagnostic.place = Some(self.at.value_place(path));
        self.say(diagnostic)
    }

    fn say(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.problems.push(diagnostic);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// A text inside the scenario that could not be read.
    fn text_error(&mut self, path: &[&str], error: &TextError) {
        let place = self.at.part_place(path, &error.span);
        let mut diagnostic = Diagnostic::error(error.message.clone()).label(format!("expected {}", error.expected));
        diagnostic.place = Some(place);
        self.problems.push(diagnostic);
    }

    /// What `reference` means among `kind`'s names: a name, a population's key or a glob.
    fn find(&mut self, path: &[&str], kind: &'static str, reference: &str) -> Vec<u32> {
        let registry = match kind {
            "zone" => &self.zones,
            "server" => &self.servers,
            "host" => &self.hosts,
            "resolver" => &self.resolvers,
            "sender" => &self.senders,
            "risk" => &self.risks,
            _ => &self.regions,
        };
        let found = registry.find(reference);
        if found.is_empty() {
            let help = did_you_mean(reference, registry.known()).unwrap_or_else(|| match registry.is_empty() {
                true => format!("this scenario declares no {kind}s"),
                false => format!("`{kind}s` declares {}", crate::scenario::nearest::list_names(registry.known(), 8)),
            });
            self.error(path, format!("no {kind} `{reference}`")).help = Some(help);
        }
        found
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
        let mut problems = Vec::new();
        let files = &mut *self.files;
        let mut load = |name: &str| -> Result<Vec<f64>, TextError> {
            let source = files.read(name).map_err(|why| TextError::new(0..0, why, "a file that can be read"))?;
            let (values, found) = read_column(&source);
            problems.extend(found);
            Ok(values.unwrap_or_else(|| vec![0.0]))
        };
        let dist = spec.to_dist(&mut load);
        self.problems.extend(problems);
        match dist {
            Ok(dist) => {
                if let Err(invalid) = dist.check() {
                    self.error(path, invalid.to_string());
                }
                dist
            }
            Err(error) => {
                self.text_error(path, &error);
                Dist::Constant(0.0)
            }
        }
    }

    fn file(&mut self, path: &[&str], name: &str) -> Option<Arc<SourceText>> {
        match self.files.read(name) {
            Ok(source) => Some(source),
            Err(why) => {
                self.error(path, why).help = Some("paths are relative to the scenario's folder".into());
                None
            }
        }
    }

    fn share(&mut self, path: &[&str], share: f64) -> f64 {
        if !(0.0..=1.0).contains(&share) {
            self.error(path, format!("{share} is no share")).label = "expected 0 to 1".into();
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

    fn objectives(&mut self) -> Vec<Objective> {
        let tree = self.tree;
        tree.objectives.iter().enumerate().filter_map(|(index, objective)| self.objective(index, objective)).collect()
    }

    fn objective(&mut self, index: usize, objective: &tree::Objective) -> Option<Objective> {
        let index = index.to_string();
        let path = ["objectives", index.as_str(), "measure"];
        let Some((measure, statistic)) = objective.measure.rsplit_once('.') else {
            self.error(&path, "an objective is about a statistic").label =
                "expected a measure and a statistic such as `delivery_latency.p99`".into();
            return None;
        };
        if objective.below.is_none() && objective.above.is_none() {
            self.error(&["objectives", &index], "an objective without a bound").help =
                Some("give it `below` or `above`".into());
        }
        let mut bound = |field: &str, text: &Option<String>| {
            let text = text.as_ref()?;
            let value = number_with_unit(text);
            if value.is_none() {
                self.error(&["objectives", &index, field], format!("`{text}` is no bound")).label =
                    "expected a number, a share such as `99.5%`, or a duration such as `10m`".into();
            }
            value
        };
        let (below, above) = (bound("below", &objective.below), bound("above", &objective.above));
        let words: Vec<String> = [("<", &objective.below), (">", &objective.above)]
            .into_iter()
            .filter_map(|(sign, text)| text.as_ref().map(|text| format!("{sign} {text}")))
            .collect();
        let text = format!("{} of {} {}", objective.measure, objective.scope, words.join(" and "));
        Some(Objective {
            measure: measure.into(),
            statistic: statistic.into(),
            scope: objective.scope.clone(),
            below,
            above,
            text,
        })
    }
}

/// A bound: `0.99`, `99 %`, `10m` (in seconds).
fn number_with_unit(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim().parse::<f64>().ok().map(|value| value / 100.0).filter(|value| value.is_finite());
    }
    let plain = text.parse::<f64>().ok().filter(|value| value.is_finite());
    plain.or_else(|| parse_duration(text).ok().map(|span| span.as_secs_f64()))
}
