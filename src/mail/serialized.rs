//! Hosts with which one connection at a time is begun (Exim's `serialize_hosts`; `transports/smtp.c`, smtp_transport_entry).

use super::Mail;
use crate::model::NameId;
use crate::model::mail::Memory;

/// Those of one node.
#[derive(Debug)]
pub(super) struct Serialized {
    /// Names of exchanges, sorted.
    names: Vec<NameId>,
    /// Whom a delivery is connected to. What goes on over a connection that it leaves behind is not in the way of others.
    busy: Vec<(NameId, u32)>,
}

impl Serialized {
    /// `None` where no host is one.
    pub fn new(memory: &Memory) -> Option<Self> {
        match memory {
            Memory::RetryRecords { serialized, .. } if !serialized.is_empty() => {
                Some(Self { names: serialized.clone(), busy: Vec::new() })
            }
            _ => None,
        }
    }

    /// Whether another delivery is connected to that host.
    pub fn is_busy(&self, name: NameId) -> bool {
        self.busy.iter().any(|&(known, _)| known == name)
    }

    /// A delivery connects to it.
    pub fn begins(&mut self, name: NameId, slot: u32) {
        if self.names.binary_search(&name).is_ok() {
            self.busy.push((name, slot));
        }
    }

    /// A delivery is through with its host.
    fn ends(&mut self, slot: u32) {
        self.busy.retain(|&(_, of)| of != slot);
    }
}

impl Mail<'_> {
    /// A try ended.
    pub(super) fn ends_serialized(&mut self, slot: u32) {
        let node = self.slots[slot as usize].node;
        if let Some(queue) = &mut self.nodes[node.index()].queue
            && let Some(serialized) = &mut queue.serialized
        {
            serialized.ends(slot);
        }
    }
}
