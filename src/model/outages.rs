//! What an outage is about: hosts, and the domains that mail is sent to.

use super::dns::{Question, Rdata};
use super::mail::SourceModel;
use super::timeline::ActionModel;
use super::{DataId, HostId, Model, NameId, TargetId};
use crate::scenario::tree::RecordType;

/// Links of a chain of aliases that resolvers follow.
const ALIASES_MAX: usize = 8;

/// The hosts that an action takes down, browns out, or cuts off from some sender.
pub fn hosts_out(model: &Model, action: &ActionModel) -> Vec<HostId> {
    let hosts = |targets: &mut dyn Iterator<Item = TargetId>| -> Vec<HostId> {
        targets.filter(|target| target.index() < model.faults.hosts).map(|target| HostId(target.0)).collect()
    };
    match action {
        ActionModel::Down { targets, .. } => hosts(&mut targets.iter().flat_map(|&target| {
            std::iter::once(target).chain(model.faults.targets[target.index()].takes_down.iter().copied())
        })),
        ActionModel::SetBrownout { each } => hosts(&mut each.iter().map(|(target, _)| *target)),
        ActionModel::SetNetwork { cut_off, .. } => cut_off.clone(),
        _ => Vec::new(),
    }
}

/// Domains that mail is sent to, sorted: those that sources choose from, and those that the rows of their traces name.
pub fn destinations(model: &Model) -> Vec<NameId> {
    let sources = model.mail.nodes.iter().filter_map(|node| node.source.as_ref());
    let mut names: Vec<NameId> = sources.flat_map(SourceModel::all_domains).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Names of domains of which one of these hosts is, or will be, an exchange.
pub fn domains_of(model: &Model, hosts: &[HostId]) -> Vec<bool> {
    let mut sets: Vec<(Question, DataId)> = model.dns.rrsets.iter().map(|rrset| (rrset.question, rrset.data)).collect();
    sets.extend(model.timeline.iter().filter_map(|item| match item.action {
        ActionModel::SetData { question, data, .. } => Some((question, data)),
        _ => None,
    }));
    let mut names = vec![false; model.dns.names.len()];
    for (question, data) in &sets {
        if let Rdata::Address(list) = &model.dns.data[data.index()] {
            names[question.name().index()] |= list.iter().any(|host| hosts.contains(host));
        }
    }
    let mut domains = names.clone();
    for (question, data) in &sets {
        if question.kind() == RecordType::Mx
            && let Rdata::Mx(list) = &model.dns.data[data.index()]
        {
            domains[question.name().index()] |= list.iter().any(|(_, name)| names[name.index()]);
        }
    }
    // A domain that is an alias has the exchanges of its target; chains are short.
    for _ in 0..ALIASES_MAX {
        for (question, data) in &sets {
            if let Rdata::Cname(target) = &model.dns.data[data.index()] {
                domains[question.name().index()] |= domains[target.index()];
            }
        }
    }
    domains
}
