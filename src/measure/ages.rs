//! The age table of queues, as Postfix's `qshape` prints it: messages by destination and by how long they have waited.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::engine::time::SimTime;
use crate::mail::Delivery;
use crate::model::{NameId, NodeId};

/// Upper bounds of the columns but the last, minutes (`qshape` with its defaults).
pub const AGES_MIN: [u64; 9] = [5, 10, 20, 40, 80, 160, 320, 640, 1280];

/// Counts by age: at most so many minutes for each of [`AGES_MIN`], and more than the last.
pub type Ages = [u64; AGES_MIN.len() + 1];

/// The queue of one node at one instant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AgeTable {
    /// When.
    pub at: SimTime,
    /// Whose.
    pub node: NodeId,
    /// By recipient domain, the most first, then by the order of names.
    pub rows: Vec<(NameId, Ages)>,
}

impl AgeTable {
    /// Over all domains.
    pub fn total(&self) -> Ages {
        let mut all = Ages::default();
        for (_, ages) in &self.rows {
            all.iter_mut().zip(ages).for_each(|(all, more)| *all += more);
        }
        all
    }
}

/// The tables of all nodes: deliveries in custody by the age since the node took them.
pub(super) fn tables<'a>(now: SimTime, nodes: usize, queued: impl Iterator<Item = Cow<'a, Delivery>>) -> Vec<AgeTable> {
    let mut found: BTreeMap<(NodeId, NameId), Ages> = BTreeMap::new();
    for delivery in queued {
        let waited = delivery.in_custody_for(now).as_nanos();
        let column = AGES_MIN.partition_point(|minutes| minutes * 60_000_000_000 < waited);
        found.entry((delivery.node, delivery.domain)).or_default()[column] += u64::from(delivery.recipients);
    }
    let mut tables: Vec<AgeTable> =
        (0..nodes as u32).map(|node| AgeTable { at: now, node: NodeId(node), rows: Vec::new() }).collect();
    for ((node, domain), ages) in found {
        tables[node.index()].rows.push((domain, ages));
    }
    for table in &mut tables {
        table.rows.sort_by_key(|(domain, ages)| (std::cmp::Reverse(ages.iter().sum::<u64>()), *domain));
    }
    tables
}
