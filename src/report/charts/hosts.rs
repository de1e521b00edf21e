//! What hosts did: a failover in time, and who took how much of the mail.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Outcome;
use super::super::chart::{
    Attempt, AttemptOutcome, FailoverChart, HOSTS_MAX, Heading, HostLane, HostState, Share, ShareRow, SharesChart,
};
use super::shown_replication;
use crate::engine::time::SimTime;
use crate::experiment::VariantResults;
use crate::mail::TryResult;
use crate::measure::{Failover, surroundings};
use crate::model::dns::Rdata;
use crate::model::timeline::ActionModel;
use crate::model::{HostId, Model};
use crate::scenario::tree::RecordType;

/// Whether some domain has more than one host, at once or one after the other. If none has, who takes how much says only how
/// much was sent to whom.
fn has_choice(model: &Model) -> bool {
    let has_several = model.dns.data.iter().any(|data| match data {
        Rdata::Mx(list) => list.len() > 1,
        Rdata::Address(hosts) => hosts.len() > 1,
        _ => false,
    });
    has_several
        || model.timeline.iter().any(|item| match item.action {
            ActionModel::SetData { question, .. } => matches!(question.kind(), RecordType::Mx | RecordType::A),
            _ => false,
        })
}

/// The share that each host accepted of what senders handed over, where domains have several; the greatest first where they have no room.
pub(super) fn shares(outcome: &Outcome<'_>, heading: &Heading) -> Option<SharesChart> {
    let variants = &outcome.results.variants;
    let mut scopes: Vec<&str> = Vec::new();
    for row in variants.iter().flat_map(|variant| &variant.summary) {
        let is_one = row.measure == "accepted" && row.statistic == "share" && row.scope.starts_with("host:");
        if is_one && row.value > 0.0 && !scopes.contains(&row.scope.as_str()) {
            scopes.push(&row.scope);
        }
    }
    let is_chosen = outcome.loaded.variants.iter().any(|variant| has_choice(&variant.model));
    if scopes.len() < 2 || !is_chosen {
        return None;
    }
    let of = |variant: &VariantResults, scope: &str| {
        let row = variant.row("accepted", scope, "share")?;
        let each = variant.replications.iter().filter_map(|one| one.value("accepted", scope, "share")).collect();
        Some(Share { mean: row.value, interval: row.interval, each })
    };
    let mut rows: Vec<ShareRow> = scopes
        .iter()
        .map(|scope| ShareRow {
            label: scope.strip_prefix("host:").unwrap_or(scope).to_owned(),
            shares: variants.iter().map(|variant| of(variant, scope)).collect(),
        })
        .collect();
    if rows.len() > HOSTS_MAX {
        let first = |row: &ShareRow| row.shares.first().and_then(Option::as_ref).map_or(0.0, |share| share.mean);
        rows.sort_by(|a, b| first(b).total_cmp(&first(a)));
    }
    Some(SharesChart {
        heading: heading.clone(),
        x_title: "share of what senders handed over in the measured window".into(),
        variants: variants.iter().map(|variant| variant.name.clone()).collect(),
        rows,
    })
}

/// The first time that something is the matter with a host, and what became of the tries about it.
pub(super) fn failover(
    baseline: &VariantResults,
    model: &Model,
    name: &str,
    heading: &Heading,
) -> Option<FailoverChart> {
    let trace = &baseline.failover;
    let troubles = troubles(trace);
    let (start, ..) = *troubles.iter().find(|(.., state)| *state != HostState::Up)?;
    let (from, mut to) = around(&troubles, start, model.clock.end);
    // What is down for good is of interest as long as somebody tries.
    if let Some(last) = trace.tries.last().filter(|last| last.at > start) {
        to = to.min(last.at + surroundings(last.at.since(start)));
    }
    // Whole bins, so that the count of all tries is of just what is shown.
    let (start, end) = trace.bins(from, to);
    let lanes = lanes(trace, &troubles, model, start, end);
    let lane = |host: HostId| HostLane {
        label: model.dns.names.text(model.mail.hosts[host.index()].name).to_owned(),
        changes: troubles.iter().filter(|(_, id, _)| *id == host).map(|(at, _, s)| (at.as_secs_f64(), *s)).collect(),
    };
    let seen = trace.tries.iter().filter(|tried| tried.at >= start && tried.at < end);
    let attempts: Vec<Attempt> = seen
        .map(|tried| Attempt {
            delivery: (tried.sender.0, tried.number),
            host: lanes.iter().position(|host| *host == tried.host).unwrap_or(usize::MAX),
            at_s: tried.at.as_secs_f64(),
            outcome: match tried.result {
                TryResult::Accepted => AttemptOutcome::Accepted,
                TryResult::Reply(..500) => AttemptOutcome::Deferred,
                _ => AttemptOutcome::Failed,
            },
        })
        .collect();
    if attempts.is_empty() {
        return None;
    }
    Some(FailoverChart {
        heading: heading.clone(),
        from_s: start.as_secs_f64(),
        to_s: end.as_secs_f64(),
        hosts: lanes.iter().map(|host| lane(*host)).collect(),
        attempts_total: trace.total(from, to),
        attempts,
        replication: shown_replication(baseline),
        variant: name.to_owned(),
    })
}

/// Changes of hosts in time: what is down is so whether it browns out or not.
fn troubles(trace: &Failover) -> Vec<(SimTime, HostId, HostState)> {
    let downs = trace.states.iter().map(|(at, host, mode)| (*at, *host, mode.is_some(), true));
    let browns = trace.brownouts.iter().map(|(at, host, begins)| (*at, *host, *begins, false));
    let mut changes: Vec<(SimTime, HostId, bool, bool)> = downs.chain(browns).collect();
    changes.sort_by_key(|(at, ..)| *at);
    let mut now: BTreeMap<HostId, (bool, bool)> = BTreeMap::new();
    let state = |(at, host, begins, is_outage): (SimTime, HostId, bool, bool)| {
        let (down, brown) = now.entry(host).or_default();
        *(if is_outage { &mut *down } else { &mut *brown }) = begins;
        (
            at,
            host,
            if *down {
                HostState::Down
            } else if *brown {
                HostState::Brownout
            } else {
                HostState::Up
            },
        )
    };
    changes.into_iter().map(state).collect()
}

/// Hosts in the order of their lanes: as declared, those that nothing happens to left out. Where not all may be shown, those
/// that are down and tried in vain come first, then the others that are down, then those that are tried.
fn lanes(
    trace: &Failover,
    troubles: &[(SimTime, HostId, HostState)],
    model: &Model,
    start: SimTime,
    end: SimTime,
) -> Vec<HostId> {
    let before_end = troubles.iter().filter(|(at, _, state)| *state != HostState::Up && *at < end);
    let troubled: BTreeSet<HostId> = before_end.map(|(_, host, _)| *host).collect();
    let seen = trace.tries.iter().filter(|tried| tried.at >= start && tried.at < end);
    let tried: BTreeSet<HostId> = seen.map(|tried| tried.host).collect();
    let mut hosts: Vec<HostId> = (0..model.mail.hosts.len() as u32).map(HostId).collect();
    if hosts.len() <= HOSTS_MAX {
        hosts.retain(|host| troubled.contains(host) || tried.contains(host));
    } else {
        let in_vain = trace.tries.iter().filter(|tried| tried.result != TryResult::Accepted && tried.at >= start);
        let in_vain: BTreeSet<HostId> = in_vain.map(|tried| tried.host).collect();
        let fails = |host: &HostId| troubled.contains(host) && in_vain.contains(host);
        hosts.sort_by_key(|host| (!fails(host), !troubled.contains(host), !tried.contains(host)));
    }
    hosts
}

/// The first time that something is the matter with a host, with its surroundings.
fn around(troubles: &[(SimTime, HostId, HostState)], start: SimTime, end: SimTime) -> (SimTime, SimTime) {
    let is_first = |(at, _, state): &&(SimTime, HostId, HostState)| *at == start && *state != HostState::Up;
    let host = troubles.iter().find(is_first).map(|(_, host, _)| *host);
    let up = troubles.iter().find(|(at, id, state)| *at > start && Some(*id) == host && *state == HostState::Up);
    let up = up.map_or(end, |(at, ..)| *at);
    let margin = surroundings(up.since(start));
    (start - margin, (up + margin).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tree::FailureMode;

    #[test]
    fn what_is_down_is_so_whether_it_browns_out_or_not() {
        let (at, host) = (SimTime::from_secs, HostId(0));
        let trace = Failover {
            states: vec![(at(20), host, Some(FailureMode::Refuse)), (at(30), host, None)],
            brownouts: vec![(at(10), host, true), (at(40), host, false)],
            ..Failover::default()
        };
        let states: Vec<HostState> = troubles(&trace).into_iter().map(|(.., state)| state).collect();
        assert_eq!(states, [HostState::Brownout, HostState::Down, HostState::Brownout, HostState::Up]);
    }

    #[test]
    fn a_host_that_is_down_has_a_lane_though_nobody_tries_it() {
        use crate::measure::Try;
        use crate::model::compile::{Memory, load_source};
        use crate::scenario::diagnostic::SourceText;
        let text = r#"(
            title: "lanes",
            zones: { "d{i}.example": (count: 30, mx: [(10, "mx.d{i}.example")]) },
            hosts: { "mx.d{i}.example": (count: 30) },
        )"#;
        let source = std::sync::Arc::new(SourceText { name: "lanes.ron".into(), text: text.into() });
        let loaded = load_source(&source, &[], &mut Memory::default()).unwrap_or_else(|said| panic!("{said:?}"));
        let at = SimTime::from_secs;
        let tried =
            |host, result| Try { at: at(20), sender: crate::model::NodeId(0), number: 0, host: HostId(host), result };
        let trace = Failover {
            tries: vec![tried(3, TryResult::Accepted), tried(27, TryResult::TimedOut)],
            ..Failover::default()
        };
        let down = HostState::Down;
        let troubles = [(at(10), HostId(25), down), (at(12), HostId(27), down), (at(90), HostId(5), down)];
        let lanes = lanes(&trace, &troubles, &loaded.variants[0].model, at(0), at(60));
        assert_eq!(lanes[..4], [HostId(27), HostId(25), HostId(3), HostId(0)]);
    }

    #[test]
    fn the_first_failure_is_shown_with_its_surroundings() {
        let (down, at) = (HostState::Down, SimTime::from_secs);
        let states = [
            (at(5), HostId(1), HostState::Up),
            (at(1000), HostId(0), down),
            (at(1500), HostId(1), down),
            (at(1600), HostId(0), HostState::Up),
        ];
        assert_eq!(around(&states, at(1000), at(10_000)), (at(400), at(2200)));
        assert_eq!(around(&states[..3], at(1000), at(10_000)), (at(0), at(10_000)));
    }
}
