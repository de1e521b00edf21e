//! The timeline: entries become items in time order, an entry with `for` two of them.

use std::collections::BTreeMap;

use super::Compiler;
use super::actions::{Done, State};
use crate::engine::time::SimTime;
use crate::model::Clock;
use crate::model::mail::MailModel;
use crate::model::network::Network;
use crate::model::timeline::TimelineItem;
use crate::scenario::tree::{Action, TimelineEntry};

/// What will be done, before it is known what undoing it takes.
struct Planned<'a> {
    at: SimTime,
    entry: u32,
    undoes: bool,
    tree: &'a TimelineEntry,
}

impl Compiler<'_> {
    /// Follows the entries in the order of their instants: what an undoing puts back is what was there when its entry
    /// began.
    pub(super) fn timeline(
        &mut self,
        instants: &[Option<SimTime>],
        clock: &Clock,
        mail: &MailModel,
        network: &Network,
    ) -> Vec<TimelineItem> {
        let tree = self.tree;
        let planned = self.planned(&tree.timeline, instants, clock);
        if planned.is_empty() {
            return Vec::new();
        }
        let mut done: BTreeMap<u32, Done> = BTreeMap::new();
        let mut state = State::new(self.rrsets.clone(), mail, network);
        let mut items = Vec::new();
        for planned in planned {
            let actions = if planned.undoes {
                let Some(before) = done.remove(&planned.entry) else { continue };
                if state.is_changed_since(&before) {
                    let index = planned.entry.to_string();
                    let message = "what this entry set is changed by another before it ends: the end puts back what \
                                   was there before both";
                    self.warning(&["timeline", &index, "for"], message);
                }
                state.undo(before)
            } else {
                let began = self.act(planned.entry, &planned.tree.action, &mut state);
                let actions = began.actions.clone();
                if planned.tree.lasts.is_some() {
                    done.insert(planned.entry, began);
                }
                actions
            };
            if planned.at > clock.end {
                continue;
            }
            let name = item_name(planned.tree, planned.undoes);
            items.extend(actions.into_iter().map(|action| TimelineItem {
                name: name.clone(),
                at: planned.at,
                entry: planned.entry,
                undoes: planned.undoes,
                action,
            }));
        }
        items
    }

    /// Everything in time order; at one instant in the order written, and an undoing before what begins then.
    fn planned<'t>(
        &mut self,
        timeline: &'t [TimelineEntry],
        instants: &[Option<SimTime>],
        clock: &Clock,
    ) -> Vec<Planned<'t>> {
        let mut planned = Vec::new();
        for ((index, tree), at) in (0..).zip(timeline).zip(instants) {
            let Some(at) = *at else { continue };
            let text = u32::to_string(&index);
            if at > clock.end {
                let message = format!("after the end of the run, at {:?}", clock.end);
                self.warning(&["timeline", &text, "at"], message).help =
                    Some("lengthen `run.measure` or `run.drain`, or do it earlier".into());
            }
            planned.push(Planned { at, entry: index, undoes: false, tree });
            let Some(lasts) = tree.lasts else { continue };
            if matches!(tree.action, Action::RunQueue { .. }) {
                self.error(&["timeline", &text, "for"], "a queue run cannot be put back").help =
                    Some("remove `for`".into());
            } else if matches!(tree.action, Action::FlushCache { .. } | Action::FlushQueue { .. }) {
                self.error(&["timeline", &text, "for"], "a flush cannot be put back").help =
                    Some("remove `for`".into());
            } else if matches!(tree.action, Action::SetNs { .. } | Action::RemoveDs { .. } | Action::SetSerial { .. }) {
                self.error(&["timeline", &text, "for"], "what name servers do afterwards cannot be put back").help =
                    Some("remove `for`, and write what is done later as an entry of its own".into());
            } else if lasts.0.is_zero() {
                self.error(&["timeline", &text, "for"], "it ends when it begins").label =
                    "expected a duration above zero".into();
            } else {
                planned.push(Planned { at: at + lasts.0, entry: index, undoes: true, tree });
            }
        }
        planned.sort_by_key(|planned| (planned.at, !planned.undoes, planned.entry));
        planned
    }
}

/// The entry's name, or what it does.
fn item_name(entry: &TimelineEntry, undoes: bool) -> String {
    let named = entry.name.trim();
    let text = if named.is_empty() { describe(&entry.action) } else { named.to_owned() };
    if undoes { format!("{text} ends") } else { text }
}

fn describe(action: &Action) -> String {
    match action {
        Action::SetMx { zone, .. } => format!("MX of {zone}"),
        Action::SetAddress { name, .. } => format!("address of {name}"),
        Action::SetCname { name, .. } => format!("alias {name}"),
        Action::SetTxt { name, .. } => format!("text of {name}"),
        Action::SetNs { zone, .. } => format!("name servers of {zone}"),
        Action::RemoveDs { zone } => format!("DS of {zone} removed"),
        Action::SetSerial { zone, serial } => format!("serial of {zone} {serial}"),
        Action::SetTtl { zone, ttl, .. } => format!("TTL of {zone} {}", ttl.0),
        Action::Outage { host, server, resolver, risk, region, .. } => {
            let names: Vec<&str> =
                [host, server, resolver, risk, region].into_iter().flatten().map(String::as_str).collect();
            format!("outage of {}", names.join(", "))
        }
        Action::Partition { between: (one, other) } => format!("partition of {one} and {other}"),
        Action::Brownout { host, server, region, .. } => {
            let names: Vec<&str> = [host, server, region].into_iter().flatten().map(String::as_str).collect();
            format!("brownout of {}", names.join(", "))
        }
        Action::SetSessions { host, .. } => format!("sessions of {host}"),
        Action::SetSts { zone, .. } => format!("MTA-STS policy of {zone}"),
        Action::CloseSessions { host } => format!("end of sessions of {host}"),
        Action::SetIpv6 { host, ipv6 } => format!("IPv6 of {host} {ipv6:?}"),
        Action::SetService { host, .. } => format!("service of {host}"),
        Action::FlushCache { resolver, .. } => format!("flush of {resolver}"),
        Action::SetServeStale { resolver, .. } => format!("serve-stale of {resolver}"),
        Action::FlushQueue { sender } => format!("flush of {sender}"),
        Action::RunQueue { sender } => format!("queue run of {sender}"),
    }
}
