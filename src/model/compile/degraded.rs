//! Partitions and brownouts: what holds at an instant is made by all entries that last then.

use std::collections::{BTreeMap, BTreeSet};

use super::Compiler;
use crate::model::faults::Brownout;
use crate::model::mail::MailModel;
use crate::model::network::Network;
use crate::model::timeline::ActionModel;
use crate::model::{HostId, RegionId, TargetId};
use crate::scenario::tree::FailureMode;

/// The slowest that a brownout can make anything.
const SLOW_MAX: f64 = 1e6;

/// The partitions and brownouts that last.
pub(super) struct Degraded {
    whole: Network,
    /// Links cut, by entry.
    cuts: BTreeMap<u32, Vec<usize>>,
    brownouts: BTreeMap<u32, (Vec<TargetId>, Brownout)>,
    /// Where hosts and those who connect to them are.
    hosts: Vec<RegionId>,
    nodes: BTreeSet<RegionId>,
}

impl Degraded {
    pub fn new(mail: &MailModel, network: &Network) -> Self {
        Self {
            whole: network.clone(),
            cuts: BTreeMap::new(),
            brownouts: BTreeMap::new(),
            hosts: mail.hosts.iter().map(|host| host.region).collect(),
            nodes: mail.nodes.iter().map(|node| node.region).collect(),
        }
    }

    /// An entry cuts links.
    pub fn partition(&mut self, entry: u32, links: Vec<usize>) -> Vec<ActionModel> {
        let before = self.network();
        self.cuts.insert(entry, links);
        let network = self.network();
        let is_cut_off =
            |to: RegionId| self.nodes.iter().any(|&from| before.is_way(from, to) && !network.is_way(from, to));
        let hosts = (0..).map(HostId).zip(&self.hosts);
        let cut_off = hosts.filter(|(_, region)| is_cut_off(**region)).map(|(host, _)| host).collect();
        vec![ActionModel::SetNetwork { network: Box::new(network), cut_off }]
    }

    /// An entry browns things out.
    pub fn brownout(&mut self, entry: u32, mut targets: Vec<TargetId>, brownout: Brownout) -> Vec<ActionModel> {
        targets.sort_unstable();
        targets.dedup();
        let each = targets.clone();
        self.brownouts.insert(entry, (targets, brownout));
        vec![self.state_of(each)]
    }

    /// An entry ends.
    pub fn end(&mut self, entry: u32) -> Vec<ActionModel> {
        if self.cuts.remove(&entry).is_some() {
            return vec![ActionModel::SetNetwork { network: Box::new(self.network()), cut_off: Vec::new() }];
        }
        self.brownouts.remove(&entry).map(|(targets, _)| self.state_of(targets)).into_iter().collect()
    }

    fn network(&self) -> Network {
        let cut: Vec<usize> = self.cuts.values().flatten().copied().collect();
        self.whole.without(&cut)
    }

    /// Brownouts of one thing multiply; connections fail as the latest entry says.
    fn state_of(&self, targets: Vec<TargetId>) -> ActionModel {
        let of = |target: TargetId| {
            let lasting = self.brownouts.values().filter(|(targets, _)| targets.contains(&target));
            lasting.map(|(_, brownout)| *brownout).reduce(|one, next| Brownout {
                slow: one.slow * next.slow,
                answers: one.answers * next.answers,
                mode: next.mode,
            })
        };
        ActionModel::SetBrownout { each: targets.into_iter().map(|target| (target, of(target))).collect() }
    }
}

impl Compiler<'_> {
    /// The links between the regions that two references mean.
    pub(super) fn cut(&mut self, entry: u32, between: &(String, String)) -> Vec<usize> {
        let index = entry.to_string();
        let path = |end: &'static str| ["timeline", index.as_str(), "do", "between", end];
        let one = self.find(&path("0"), "region", &between.0);
        let other = self.find(&path("1"), "region", &between.1);
        let tree = self.tree;
        let joins = |link: &(String, String)| {
            let ends = [&link.0, &link.1].map(|name| self.regions.get(name));
            let [Some(a), Some(b)] = ends else { return false };
            (one.contains(&a) && other.contains(&b)) || (one.contains(&b) && other.contains(&a))
        };
        let cut: Vec<usize> =
            tree.links.iter().enumerate().filter(|(_, link)| joins(&link.between)).map(|(index, _)| index).collect();
        if cut.is_empty() && !one.is_empty() && !other.is_empty() {
            let message = format!("no link joins `{}` and `{}`", between.0, between.1);
            self.error(&["timeline", &index, "do", "between"], message).help =
                Some("name regions that `links` joins; `*` means all: `between: (\"eu\", \"*\")`".into());
        }
        cut
    }

    pub(super) fn brownout(&mut self, entry: u32, slow: f64, answers: f64, mode: FailureMode) -> Brownout {
        let index = entry.to_string();
        let path = |field: &'static str| ["timeline", index.as_str(), "do", field];
        if !(1.0..=SLOW_MAX).contains(&slow) {
            self.error(&path("slow"), format!("{slow} times as long")).label = "expected 1 to 1e6".into();
        }
        let answers = self.share(&path("answers"), answers);
        if slow == 1.0 && answers == 1.0 {
            self.warning(&["timeline", &index, "do"], "a brownout that changes nothing").help =
                Some("say how `slow` things are, or which share `answers`".into());
        }
        let mode = self.failure_mode(&path("mode"), mode);
        if mode == FailureMode::Freeze {
            self.error(&path("mode"), "no connection freezes by itself").help =
                Some("`Silent` is a host that takes a connection and says nothing".into());
        }
        Brownout { slow: slow.clamp(1.0, SLOW_MAX), answers, mode }
    }
}
