//! What can be down: hosts, name servers, risks.

use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use super::names::Member;
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::TargetId;
use crate::model::dns::canonical;
use crate::model::faults::{FaultsModel, TargetModel};
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::distribution::DurationDist;
use crate::scenario::nearest::did_you_mean;
use crate::scenario::read::read;
use crate::scenario::trace::{OutageRow, read_outages};
use crate::scenario::tree::FailureMode;

type Outage = (SimTime, SimTime, FailureMode);

impl Compiler<'_> {
    pub(super) fn faults(&mut self) -> FaultsModel {
        let tree = self.tree;
        let mut targets = Vec::new();
        let mut shared: Vec<(TargetId, u32)> = Vec::new();
        for member in self.hosts.members.clone() {
            let Some((key, host)) = tree.hosts.get_index(member.key) else { continue };
            self.number = member.number;
            self.shares(&["hosts", key, "risks"], &host.risks, targets.len(), &mut shared);
            let renewal = self.renewal("hosts", key, &host.up, &host.down);
            let outages = self.outages("hosts", key, &host.outages, &member, host.fails);
            targets.push(target("host", member.name, host.fails, renewal, outages));
        }
        let hosts = targets.len();
        for member in self.servers.members.clone() {
            let Some((key, server)) = tree.servers.get_index(member.key) else { continue };
            self.number = member.number;
            self.shares(&["servers", key, "risks"], &server.risks, targets.len(), &mut shared);
            let renewal = self.renewal("servers", key, &server.up, &server.down);
            let outages = self.outages("servers", key, &server.outages, &member, FailureMode::BlackHole);
            targets.push(target("server", member.name, FailureMode::BlackHole, renewal, outages));
        }
        // Servers that nobody declared never fail on their own.
        for server in self.dns.servers.iter().skip(self.servers.len()) {
            let name = self.dns.names.text(server.name).to_owned();
            targets.push(target("server", name, FailureMode::BlackHole, None, Vec::new()));
        }
        let servers = targets.len() - hosts;
        let first_risk = targets.len();
        for member in self.risks.members.clone() {
            let Some((key, risk)) = tree.risks.get_index(member.key) else { continue };
            self.number = member.number;
            let fails = self.failure_mode(&["risks", key, "fails"], risk.fails);
            let renewal = self.renewal("risks", key, &risk.up, &risk.down);
            let outages = self.outages("risks", key, &risk.outages, &member, fails);
            targets.push(target("risk", member.name, fails, renewal, outages));
        }
        self.number = 0;
        self.warn_unread();
        // A risk takes a thing down once, however often it is named.
        shared.sort_unstable();
        shared.dedup();
        for (sharer, risk) in shared {
            targets[first_risk + risk as usize].takes_down.push(sharer);
        }
        FaultsModel { targets, hosts, servers }
    }

    fn shares(&mut self, path: &[&str], risks: &[String], target: usize, shared: &mut Vec<(TargetId, u32)>) {
        for (index, risk) in risks.iter().enumerate() {
            let index = index.to_string();
            let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            let found = self.find(&path, "risk", risk);
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
                    Some(format!("say how long it is {missing}, too: `{missing}: \"4h\"`"));
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
        let path = [section, key, "outages"];
        let Some(source) = self.file(&path, file) else { return Vec::new() };
        if !self.outage_files.contains_key(&source.name) {
            let (rows, problems) = read_outages(&source, None);
            self.say_all(problems);
            let rows = rows.unwrap_or_default().into_iter().map(|row| self.outage_row(&source, row)).collect();
            self.outage_files.insert(source.name.clone(), OutageFile { source: Arc::clone(&source), rows });
        }
        let mut outages = Vec::new();
        for row in self.outage_files.get_mut(&source.name).map_or(&mut [][..], |file| &mut file.rows) {
            let is_about = row.host.as_ref().is_none_or(|(host, _)| *host == member.name);
            if is_about && row.end > row.start {
                outages.push((row.start, row.end, row.mode.unwrap_or(fails)));
            }
            row.is_read |= is_about;
        }
        outages.sort_by_key(|(start, ..)| *start);
        if let Some(pair) = outages.windows(2).find(|pair| pair[1].0 < pair[0].1) {
            let message = format!("outages of `{}` overlap at {:?}", member.name, pair[1].0);
            self.error(&path, message).help = Some("join rows that overlap".into());
        }
        outages
    }
}

/// A trace of outages, read once for all that name it.
pub(super) struct OutageFile {
    source: Arc<SourceText>,
    rows: Vec<Row>,
}

struct Row {
    host: Option<(String, Range<usize>)>,
    start: SimTime,
    end: SimTime,
    mode: Option<FailureMode>,
    is_read: bool,
}

impl Compiler<'_> {
    fn outage_row(&mut self, source: &Arc<SourceText>, row: OutageRow) -> Row {
        let mode = row.mode.and_then(|(text, span)| {
            let mode = mode_of(&text);
            if mode.is_none() {
                let problem = Diagnostic::error(format!("no failure mode `{text}`"))
                    .at(source, span)
                    .label("expected Refuse, BlackHole, Silent or Reply(stage: Rcpt, code: 451)");
                self.say(problem);
            }
            mode
        });
        let host = row.host.map(|(host, span)| (canonical(&host), span));
        Row { host, start: row.start, end: row.end, mode, is_read: false }
    }

    /// Rows that are about nothing which reads their file.
    fn warn_unread(&mut self) {
        let mut warnings = Vec::new();
        for file in self.outage_files.values() {
            for row in file.rows.iter().filter(|row| !row.is_read) {
                let Some((host, span)) = &row.host else { continue };
                let warning = Diagnostic::warning(format!("nothing that reads this file is named `{host}`"));
                let mut warning = warning.at(&file.source, span.clone());
                warning.help = did_you_mean(host, self.hosts.known().chain(self.servers.known()));
                warnings.push(warning);
            }
        }
        self.say_all(warnings);
    }
}

/// How something fails, in either case: `Refuse`, `black hole`, `Reply(stage: Rcpt, code: 451)`.
fn mode_of(text: &str) -> Option<FailureMode> {
    let word: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    match word.to_ascii_lowercase().as_str() {
        "refuse" => Some(FailureMode::Refuse),
        "blackhole" => Some(FailureMode::BlackHole),
        "silent" => Some(FailureMode::Silent),
        "stalls" => Some(FailureMode::Stalls),
        _ => {
            let source = Arc::new(SourceText { name: String::new(), text: text.to_owned() });
            let mode = read::<FailureMode>(&source).ok()?;
            let is_failure = !matches!(mode, FailureMode::Reply { code, .. } if !(400..600).contains(&code));
            is_failure.then_some(mode)
        }
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
