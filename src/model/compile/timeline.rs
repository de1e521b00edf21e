//! The timeline: entries become items in time order, an entry with `for` two of them.

use std::collections::HashMap;

use super::Compiler;
use super::zones::{TTL_S, ancestors};
use crate::engine::dist::Dist;
use crate::engine::time::SimTime;
use crate::model::dns::{Question, Rdata, canonical};
use crate::model::timeline::{ActionModel, TimelineItem};
use crate::model::{CacheId, Clock, DataId, HostId, NodeId, ResolverId, TargetId};
use crate::scenario::tree::{Action, RecordType, TimelineEntry};

/// What will be done, before it is known what undoing it takes.
struct Planned<'a> {
    at: SimTime,
    entry: u32,
    undoes: bool,
    tree: &'a TimelineEntry,
}

impl Compiler<'_> {
    pub(super) fn timeline(&mut self, clock: &Clock) -> Vec<TimelineItem> {
        let tree = self.tree;
        let mut named: Vec<(String, SimTime)> = Vec::new();
        let mut planned = Vec::new();
        for (index, entry) in tree.timeline.iter().enumerate() {
            let text = index.to_string();
            let Some(at) = self.instant(&["timeline", &text, "at"], &entry.at, clock, &named) else { continue };
            if at > clock.end {
                self.warning(&["timeline", &text, "at"], format!("after the end of the run, at {:?}", clock.end))
                    .help = Some("lengthen `run.measure` or `run.drain`, or do it earlier".into());
            }
            if !entry.name.is_empty() {
                if named.iter().any(|(name, _)| *name == entry.name) {
                    self.error(&["timeline", &text, "name"], format!("a second entry named `{}`", entry.name));
                }
                named.push((entry.name.clone(), at));
            }
            planned.push(Planned { at, entry: index as u32, undoes: false, tree: entry });
            if let Some(lasts) = entry.lasts {
                planned.push(Planned { at: at + lasts.0, entry: index as u32, undoes: true, tree: entry });
            }
        }
        // Items at one instant: in the order written, an undoing before what begins then.
        planned.sort_by_key(|planned| (planned.at, !planned.undoes, planned.entry));
        let mut undo: HashMap<u32, Vec<ActionModel>> = HashMap::new();
        let mut state = self.rrsets.clone();
        let mut items = Vec::new();
        for planned in planned {
            let actions = if planned.undoes {
                undo.remove(&planned.entry).unwrap_or_default()
            } else {
                let (actions, back) = self.actions(&planned, &state);
                undo.insert(planned.entry, back);
                actions
            };
            for action in actions {
                apply(&mut state, &action);
                let name = match (planned.tree.name.as_str(), planned.undoes) {
                    ("", undoes) => describe(&planned.tree.action, undoes),
                    (name, false) => name.to_owned(),
                    (name, true) => format!("{name} ends"),
                };
                items.push(TimelineItem { name, at: planned.at, entry: planned.entry, undoes: planned.undoes, action });
            }
        }
        items
    }

    /// What an entry does, and what undoes it.
    fn actions(
        &mut self,
        planned: &Planned<'_>,
        state: &HashMap<Question, (DataId, u32)>,
    ) -> (Vec<ActionModel>, Vec<ActionModel>) {
        let index = planned.entry.to_string();
        let path = |field: &'static str| ["timeline", &index, "do", field];
        let held = |question: &Question| state.get(question).copied().unwrap_or((DataId::ABSENT, TTL_S));
        let set = |question: Question, data: DataId, ttl_s: u32| {
            let (before, before_ttl_s) = held(&question);
            let back = ActionModel::SetData { question, data: before, ttl_s: before_ttl_s };
            (vec![ActionModel::SetData { question, data, ttl_s }], vec![back])
        };
        match &planned.tree.action {
            Action::SetMx { zone, mx } => {
                let (mut actions, mut back) = (Vec::new(), Vec::new());
                for zone in self.find(&path("zone"), "zone", zone) {
                    let member = self.zones.members[zone as usize].clone();
                    let data = self.mx(&path("mx"), mx, member.number);
                    let ttl_s = self.ttl_at(&member.name, RecordType::Mx);
                    let question = Question::new(self.dns.names.intern(&member.name), RecordType::Mx);
                    let (action, undo) = set(question, data, ttl_s);
                    actions.extend(action);
                    back.extend(undo);
                }
                (actions, back)
            }
            Action::SetAddress { name, hosts } => {
                let name = self.domain(&path("name"), name);
                let data = self.addresses(&path("hosts"), hosts, 0);
                let ttl_s = self.ttl_at(&name, RecordType::A);
                set(Question::new(self.dns.names.intern(&name), RecordType::A), data, ttl_s)
            }
            Action::SetCname { name, to } => {
                let name = self.domain(&path("name"), name);
                let ttl_s = self.ttl_at(&name, RecordType::Cname);
                let data = match to {
                    Some(to) => {
                        let to = self.domain(&path("to"), to);
                        let target = self.dns.names.intern(&to);
                        self.data(Rdata::Cname(target))
                    }
                    None => DataId::ABSENT,
                };
                set(Question::new(self.dns.names.intern(&name), RecordType::Cname), data, ttl_s)
            }
            Action::SetTtl { zone, ttl, only } => {
                let ttl_s = self.ttl_s(&path("ttl"), *ttl);
                let zones = self.find(&path("zone"), "zone", zone);
                let zones: Vec<String> = zones.into_iter().map(|zone| self.zones.name(zone).to_owned()).collect();
                let mut questions: Vec<Question> = state.keys().copied().collect();
                questions.sort_unstable();
                questions.retain(|question| {
                    let name = self.dns.names.text(question.name());
                    let holder = ancestors(name).find(|up| self.zones.get(up).is_some());
                    holder.is_some_and(|holder| zones.iter().any(|zone| zone == holder))
                        && only.is_none_or(|kind| kind == question.kind())
                });
                let back = questions.iter().map(|question| (*question, held(question).1)).collect();
                let to = questions.into_iter().map(|question| (question, ttl_s)).collect();
                (vec![ActionModel::SetTtl { questions: to }], vec![ActionModel::SetTtl { questions: back }])
            }
            Action::Outage { host, server, risk, mode } => {
                let mut targets: Vec<TargetId> = Vec::new();
                let (hosts, servers) = (self.hosts.len() as u32, self.dns.servers.len() as u32);
                for (kind, reference, first) in
                    [("host", host, 0), ("server", server, hosts), ("risk", risk, hosts + servers)]
                {
                    if let Some(reference) = reference {
                        let found = self.find(&path(kind), kind, reference);
                        targets.extend(found.into_iter().map(|id| TargetId(first + id)));
                    }
                }
                if host.is_none() && server.is_none() && risk.is_none() {
                    self.error(&["timeline", &index, "do"], "an outage of nothing").help =
                        Some("name a `host`, a `server` or a `risk`".into());
                }
                (vec![ActionModel::Down { targets: targets.clone(), mode: *mode }], vec![ActionModel::Up { targets }])
            }
            Action::SetSessions { host, sessions } => {
                let hosts = self.hosts_of(&path("host"), host);
                let back = hosts.iter().map(|&host| ActionModel::SetSessions {
                    hosts: vec![host],
                    sessions: self.tree_host(host).and_then(|host| host.sessions),
                });
                let back = back.collect();
                (vec![ActionModel::SetSessions { hosts, sessions: *sessions }], back)
            }
            Action::SetService { host, service } => {
                let hosts = self.hosts_of(&path("host"), host);
                let service = self.dist(&path("service"), &service.0);
                let mut back = Vec::new();
                for &host in &hosts {
                    let own = self.tree_host(host).map(|host| host.service.0.clone());
                    let own = own.map_or(Dist::Constant(0.0), |own| self.dist(&path("service"), &own));
                    back.push(ActionModel::SetService { hosts: vec![host], service: own });
                }
                (vec![ActionModel::SetService { hosts, service }], back)
            }
            Action::FlushCache { resolver, name } => {
                let resolvers = self.find(&path("resolver"), "resolver", resolver);
                let caches = (0..self.dns.caches.len() as u32).map(CacheId);
                let caches = caches.filter(|cache| {
                    let ResolverId(resolver) = self.dns.caches[cache.index()].resolver;
                    resolvers.contains(&resolver)
                });
                let caches = caches.collect();
                let name = name.as_ref().map(|name| self.domain(&path("name"), name));
                let name = name.map(|name| self.dns.names.intern(&name));
                (vec![ActionModel::FlushCache { caches, name }], Vec::new())
            }
            Action::FlushQueue { sender } => {
                let nodes = self.find(&path("sender"), "sender", sender).into_iter().map(NodeId).collect();
                (vec![ActionModel::FlushQueue { nodes }], Vec::new())
            }
        }
    }

    fn hosts_of(&mut self, path: &[&str], reference: &str) -> Vec<HostId> {
        self.find(path, "host", reference).into_iter().map(HostId).collect()
    }

    fn tree_host(&self, host: HostId) -> Option<&crate::scenario::tree::Host> {
        let key = self.hosts.members[host.index()].key;
        self.tree.hosts.get_index(key).map(|(_, host)| host)
    }

    fn domain(&mut self, path: &[&str], name: &str) -> String {
        let name = canonical(name);
        if let Some(why) = super::names::invalid_domain(&name) {
            self.error(path, format!("`{name}` is no domain name: {why}"));
        }
        name
    }
}

fn apply(state: &mut HashMap<Question, (DataId, u32)>, action: &ActionModel) {
    match action {
        ActionModel::SetData { question, data, ttl_s } => {
            let held = state.entry(*question).or_insert((*data, *ttl_s));
            if held.0 == DataId::ABSENT {
                held.1 = *ttl_s;
            }
            held.0 = *data;
        }
        ActionModel::SetTtl { questions } => {
            for (question, ttl_s) in questions {
                if let Some(held) = state.get_mut(question) {
                    held.1 = *ttl_s;
                }
            }
        }
        _ => {}
    }
}

/// What an entry without a name is called.
fn describe(action: &Action, undoes: bool) -> String {
    let text = match action {
        Action::SetMx { zone, .. } => format!("MX of {zone}"),
        Action::SetAddress { name, .. } => format!("address of {name}"),
        Action::SetCname { name, .. } => format!("alias {name}"),
        Action::SetTtl { zone, ttl, .. } => format!("TTL of {zone} {}", ttl.0),
        Action::Outage { host, server, risk, .. } => {
            let names: Vec<&str> = [host, server, risk].into_iter().flatten().map(String::as_str).collect();
            format!("outage of {}", names.join(", "))
        }
        Action::SetSessions { host, .. } => format!("sessions of {host}"),
        Action::SetService { host, .. } => format!("service of {host}"),
        Action::FlushCache { resolver, .. } => format!("flush of {resolver}"),
        Action::FlushQueue { sender } => format!("flush of {sender}"),
    };
    if undoes { format!("{text} ends") } else { text }
}
