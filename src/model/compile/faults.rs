//! What can be down: hosts, name servers, risks.

use std::sync::Arc;

use super::Compiler;
use super::names::{Member, stamp};
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::TargetId;
use crate::model::faults::{FaultsModel, TargetModel};
use crate::scenario::distribution::DurationDist;
use crate::scenario::read::read;
use crate::scenario::trace::read_outages;
use crate::scenario::tree::FailureMode;

type Outage = (SimTime, SimTime, FailureMode);

impl Compiler<'_> {
    pub(super) fn faults(&mut self) -> FaultsModel {
        let tree = self.tree;
        let mut targets = Vec::new();
        let mut shared: Vec<(TargetId, u32)> = Vec::new();
        for member in self.hosts.members.clone() {
            let Some((key, host)) = tree.hosts.get_index(member.key) else { continue };
            self.shares(&["hosts", key, "risks"], &host.risks, member.number, targets.len(), &mut shared);
            let renewal = self.renewal("hosts", key, &host.up, &host.down);
            let outages = self.outages("hosts", key, &host.outages, &member, host.fails);
            targets.push(target("host", member.name, host.fails, renewal, outages));
        }
        let hosts = targets.len();
        for member in self.servers.members.clone() {
            let Some((key, server)) = tree.servers.get_index(member.key) else { continue };
            self.shares(&["servers", key, "risks"], &server.risks, member.number, targets.len(), &mut shared);
            let renewal = self.renewal("servers", key, &server.up, &server.down);
            let outages = self.outages("servers", key, &server.outages, &member, FailureMode::BlackHole);
            targets.push(target("server", member.name, FailureMode::BlackHole, renewal, outages));
        }
        // Servers that nobody declared never fail on their own, and can be taken down by nobody.
        for server in self.dns.servers.iter().skip(self.servers.len()) {
            let name = self.dns.names.text(server.name).to_owned();
            targets.push(target("server", name, FailureMode::BlackHole, None, Vec::new()));
        }
        let servers = targets.len() - hosts;
        let first_risk = targets.len();
        for member in self.risks.members.clone() {
            let Some((key, risk)) = tree.risks.get_index(member.key) else { continue };
            let renewal = self.renewal("risks", key, &risk.up, &risk.down);
            let outages = self.outages("risks", key, &risk.outages, &member, risk.fails);
            targets.push(target("risk", member.name, risk.fails, renewal, outages));
        }
        for (sharer, risk) in shared {
            targets[first_risk + risk as usize].takes_down.push(sharer);
        }
        FaultsModel { targets, hosts, servers }
    }

    fn shares(
        &mut self,
        path: &[&str],
        risks: &[String],
        number: u32,
        target: usize,
        shared: &mut Vec<(TargetId, u32)>,
    ) {
        for (index, risk) in risks.iter().enumerate() {
            let index = index.to_string();
            let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            let found = self.find(&path, "risk", &stamp(risk, number));
            shared.extend(found.into_iter().map(|risk| (TargetId(target as u32), risk)));
        }
    }

    fn renewal(
        &mut self,
        section: &str,
        key: &str,
        up: &Option<DurationDist>,
        down: &Option<DurationDist>,
    ) -> Option<(Dist, Dist)> {
        let (up, down) = match (up, down) {
            (None, None) => return None,
            (Some(up), Some(down)) => (up, down),
            (Some(_), None) | (None, Some(_)) => {
                let (given, missing) = if up.is_some() { ("up", "down") } else { ("down", "up") };
                self.error(&[section, key, given], format!("`{given}` without `{missing}`")).help =
                    Some(format!("say how long it is {missing}, too"));
                return None;
            }
        };
        let mut one = |field: &str, spec: &DurationDist| {
            let dist = self.dist(&[section, key, field], &spec.0);
            if !dist.mean().is_finite() || dist.is_zero() {
                self.error(&[section, key, field], "a time without a mean above zero").help =
                    Some("availability is its mean up time over the sum of both means".into());
                return Dist::Constant(1.0);
            }
            dist
        };
        Some((one("up", up), one("down", down)))
    }

    /// The rows of an outage trace that are about this thing: those that name it, and those without a name.
    fn outages(
        &mut self,
        section: &str,
        key: &str,
        file: &Option<String>,
        member: &Member,
        fails: FailureMode,
    ) -> Vec<Outage> {
        let Some(file) = file else { return Vec::new() };
        let file = stamp(file, member.number);
        let Some(source) = self.file(&[section, key, "outages"], &file) else { return Vec::new() };
        let (rows, problems) = read_outages(&source, None);
        let is_said = problems.iter().all(|problem| self.problems.contains(problem));
        if !is_said {
            self.problems.extend(problems);
        }
        let mut outages = Vec::new();
        for row in rows.unwrap_or_default() {
            if row.host.as_ref().is_some_and(|(host, _)| crate::model::dns::canonical(host) != member.name) {
                continue;
            }
            let mode = match row.mode {
                None => fails,
                Some((text, span)) => {
                    let word =
                        Arc::new(crate::scenario::diagnostic::SourceText { name: file.clone(), text: text.clone() });
                    read::<FailureMode>(&word).unwrap_or_else(|_| {
                        let message = format!("no failure mode `{text}`");
                        let problem = crate::scenario::diagnostic::Diagnostic::error(message)
                            .at(&source, span)
                            .label("expected Refuse, BlackHole, Silent or Reply(stage: Rcpt, code: 451)");
                        self.problems.push(problem);
                        fails
                    })
                }
            };
            outages.push((row.start, row.end, mode));
        }
        outages.sort_by_key(|(start, ..)| *start);
        if let Some(pair) = outages.windows(2).find(|pair| pair[1].0 < pair[0].1) {
            let message = format!("outages of `{}` overlap at {:?}", member.name, pair[1].0);
            self.error(&[section, key, "outages"], message).help = Some("join rows that overlap".into());
        }
        outages
    }
}

fn target(
    kind: &'static str,
    name: String,
    fails: FailureMode,
    renewal: Option<(Dist, Dist)>,
    outages: Vec<Outage>,
) -> TargetModel {
    TargetModel { kind, name, fails, renewal, outages: outages.into(), takes_down: Vec::new() }
}
