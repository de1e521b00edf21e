//! What the changes and outages of a timeline are called in the tables: each a name that no other has.

use std::collections::HashMap;

use super::dns::DnsModel;
use super::faults::FaultsModel;
use super::timeline::{ActionModel, TimelineItem};
use super::{Model, TargetId};

/// For each item of a timeline what its rows are called after `change:` or `event:`; empty for what has no rows.
///
/// That is the entry's name. Where one name does several things, such as setting the MX of several zones, each also
/// says what it is about; where that is still the same, as of two outages of one host that nobody named, the later
/// ones are numbered.
pub fn scopes(timeline: &[TimelineItem], dns: &DnsModel, faults: &FaultsModel) -> Vec<String> {
    let kinds: Vec<Option<(&str, String)>> = timeline.iter().map(|item| about(item, dns, faults)).collect();
    let mut details: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for (item, kind) in timeline.iter().zip(&kinds) {
        if let Some((kind, detail)) = kind {
            details.entry((kind, &item.name)).or_default().push(detail);
        }
    }
    let mut taken: HashMap<(&str, String), u32> = HashMap::new();
    let scopes = timeline.iter().zip(&kinds).map(|(item, kind)| {
        let Some((kind, detail)) = kind else { return String::new() };
        let all = details.get(&(*kind, item.name.as_str())).map_or(&[][..], Vec::as_slice);
        let differ = all.windows(2).any(|pair| pair[0] != pair[1]);
        let name = if differ { format!("{} ({detail})", item.name) } else { item.name.clone() };
        let count = taken.entry((kind, name.clone())).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name} #{count}") }
    });
    scopes.collect()
}

impl Model {
    /// [`scopes`] of its timeline.
    pub fn scopes(&self) -> Vec<String> {
        scopes(&self.timeline, &self.dns, &self.faults)
    }
}

/// Kind of scope and what the item is about.
fn about(item: &TimelineItem, dns: &DnsModel, faults: &FaultsModel) -> Option<(&'static str, String)> {
    match &item.action {
        ActionModel::SetData { question, .. } => {
            Some(("change", format!("{} {}", dns.names.text(question.name()), question.kind().text())))
        }
        ActionModel::SetNetwork { .. } if !item.undoes => Some(("event", String::new())),
        ActionModel::Down { .. } | ActionModel::SetBrownout { .. } if !item.undoes => {
            let targets: Vec<TargetId> = match &item.action {
                ActionModel::Down { targets, .. } => targets.clone(),
                ActionModel::SetBrownout { each } => each.iter().map(|(target, _)| *target).collect(),
                _ => Vec::new(),
            };
            let mut names = targets.iter().filter_map(|target| faults.targets.get(target.index()));
            let first = names.next().map_or("", |target| &target.name);
            let more = names.count();
            Some(("event", if more == 0 { first.to_owned() } else { format!("{first} and {more} more") }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::time::SimTime;
    use crate::model::DataId;
    use crate::model::dns::Question;
    use crate::scenario::tree::RecordType;

    #[test]
    fn a_name_that_does_several_things_says_which() {
        let mut dns = DnsModel::default();
        let names = ["a.example", "b.example"].map(|name| dns.names.intern(name));
        let set = |name: &str, zone: usize, at: u64| TimelineItem {
            name: name.into(),
            at: SimTime::from_secs(at),
            entry: at as u32,
            undoes: false,
            action: ActionModel::SetData {
                question: Question::new(names[zone], RecordType::Mx),
                data: DataId(1),
                ttl_s: 1,
            },
        };
        let items = [set("move", 0, 1), set("move", 1, 1), set("back", 0, 2), set("back", 0, 3), set("move", 1, 4)];
        let found = scopes(&items, &dns, &FaultsModel::default());
        assert_eq!(found, ["move (a.example MX)", "move (b.example MX)", "back", "back #2", "move (b.example MX) #2"]);
    }
}
