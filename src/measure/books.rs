//! The ledgers of deliveries by sender and recipient domain, and the sums over them.

use super::ledger::Ledger;
use crate::mail::Delivery;
use crate::model::listing::is_listed;
use crate::model::outages::destinations;
use crate::model::{Model, NameId, NodeId};

/// Most ledgers of pairs; with more, senders and domains have ledgers of their own.
const PAIRS_MAX: usize = 20_000;

/// A ledger a pair of sender and domain where there are few enough; each scope is a sum over some of them.
#[derive(Debug)]
pub(super) struct Books {
    /// Domains with numbers of their own, sorted; none if there are too many.
    pub domains: Vec<NameId>,
    /// By name the index among `domains`, one more than the last for all others; empty if there are no domains.
    column_of: Vec<u32>,
    columns: usize,
    /// By sender, then domain.
    pairs: Vec<Ledger>,
    /// By domain, where `pairs` are by sender only.
    apart: Vec<Ledger>,
}

impl Books {
    pub fn new(model: &Model) -> Self {
        let senders = model.mail.senders;
        let mut domains = destinations(model);
        if !is_listed(domains.len()) {
            domains.clear();
        }
        let others = domains.len();
        let mut column_of = vec![others as u32; if others == 0 { 0 } else { model.dns.names.len() }];
        domains.iter().zip(0..).for_each(|(name, column)| column_of[name.index()] = column);
        let are_few = senders.saturating_mul(others + 1) <= PAIRS_MAX;
        let columns = if are_few { others + 1 } else { 1 };
        let apart = if are_few { Vec::new() } else { vec![Ledger::default(); others + 1] };
        Self { domains, column_of, columns, pairs: vec![Ledger::default(); senders * columns], apart }
    }

    /// Writes to the ledgers of a delivery.
    #[inline]
    pub fn write(&mut self, delivery: &Delivery, entry: impl FnMut(&mut Ledger)) {
        self.write_of(delivery.sender, delivery.domain, entry);
    }

    /// Writes to the ledgers of what goes from a sender to a domain.
    #[inline]
    pub fn write_of(&mut self, sender: NodeId, domain: NameId, mut entry: impl FnMut(&mut Ledger)) {
        let column = self.column_of.get(domain.index()).copied().unwrap_or(0) as usize;
        let sender = sender.index();
        if self.apart.is_empty() {
            // Without domains there is one column.
            entry(&mut self.pairs[sender * self.columns + column]);
        } else {
            entry(&mut self.pairs[sender]);
            entry(&mut self.apart[column]);
        }
    }

    pub fn all(&self) -> Ledger {
        sum(self.pairs.iter())
    }

    pub fn sender(&self, sender: usize) -> Ledger {
        sum(self.pairs.iter().skip(sender * self.columns).take(self.columns))
    }

    pub fn domain(&self, column: usize) -> Ledger {
        match self.apart.get(column) {
            Some(ledger) => ledger.clone(),
            None => sum(self.pairs.iter().skip(column).step_by(self.columns)),
        }
    }

    /// The ledger of a pair, if pairs are kept.
    pub fn pair(&self, sender: usize, column: usize) -> Option<&Ledger> {
        self.pairs.get(sender * self.columns + column).filter(|_| self.apart.is_empty())
    }

    pub fn are_balanced(&self) -> bool {
        self.pairs.iter().chain(&self.apart).all(Ledger::is_balanced)
    }
}

fn sum<'a>(ledgers: impl Iterator<Item = &'a Ledger>) -> Ledger {
    let mut all = Ledger::default();
    ledgers.for_each(|ledger| all.add(ledger));
    all
}
