//! Recipients of one message that end in different ways: one transaction, a fate each.

use smallvec::SmallVec;

use super::world::World;
use super::{BounceCause, Delivery, End, HostAvailability, Mail, MailContext, MailObserver, TryResult, Verdict};
use crate::dns::{DnsObserver, ServerState};
use crate::model::HostId;
use crate::scenario::tree::Stage;

/// What a host says to one RCPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Refused,
    Deferred,
}

/// Whom a delivery stands for where that is no unbroken run of numbers: offsets from its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members(Vec<u16>);

impl Members {
    /// The first of these numbers, and whom it stands for if that is no run.
    fn of(numbers: &[u64]) -> (u64, Option<Box<Self>>) {
        let first = numbers.first().copied().unwrap_or(0);
        let is_run = numbers.iter().zip(first..).all(|(&number, expected)| number == expected);
        let offsets = || Box::new(Self(numbers.iter().map(|number| (number - first) as u16).collect()));
        (first, (!is_run).then(offsets))
    }
}

fn numbers(first: u64, count: u16, members: Option<&Members>) -> impl Iterator<Item = u64> {
    (0..count).map(move |nth| first + u64::from(members.map_or(nth, |members| members.0[usize::from(nth)])))
}

impl Delivery {
    /// The numbers of the deliveries it stands for, rising.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        numbers(self.number, self.recipients, self.members.as_deref())
    }

    /// It stands for these from now on.
    fn set_numbers(&mut self, numbers: &[u64]) {
        (self.number, self.members) = Members::of(numbers);
        self.recipients = numbers.len() as u16;
    }
}

impl<'m> Mail<'m> {
    /// Takes those of a fate out of a delivery that others stay in; `None` if there are none.
    fn take(&mut self, slot: u32, fates: &mut SmallVec<[Fate; 8]>, fate: Fate) -> Option<Delivery> {
        let delivery = &mut self.slots[slot as usize];
        let numbers: SmallVec<[u64; 8]> = delivery.numbers().collect();
        let of = |is: bool| -> SmallVec<[u64; 8]> {
            let with = numbers.iter().zip(fates.iter());
            with.filter(|(_, other)| (**other == fate) == is).map(|(number, _)| *number).collect()
        };
        let (taken, left) = (of(true), of(false));
        if taken.is_empty() || left.is_empty() {
            return None;
        }
        let mut part = delivery.clone();
        part.set_numbers(&taken);
        part.shares_file = true;
        // The place in the queue, and its runner, stay with those that stay.
        (part.work.place, part.work.runner, part.work.is_listed) = (Default::default(), 0, false);
        part.work.connected = Default::default();
        delivery.set_numbers(&left);
        // Lists know a delivery by its number.
        delivery.work.is_listed = false;
        fates.retain(|other| *other != fate);
        Some(part)
    }

    /// Makes of a delivery to more recipients than its node puts in one transaction several, which go their own ways from here
    /// on (Postfix: `qmgr_message_assign`). The others of them.
    pub(super) fn in_transactions(&mut self, slot: u32) -> Vec<u32> {
        let delivery = &self.slots[slot as usize];
        let most = usize::from(self.model.mail.nodes[delivery.node.index()].client.recipients_max.max(1));
        let numbers: Vec<u64> = delivery.numbers().collect();
        let mut transactions = numbers.chunks(most);
        let Some(first) = transactions.next().filter(|first| first.len() < numbers.len()) else { return Vec::new() };
        let whole = delivery.clone();
        self.slots[slot as usize].set_numbers(first);
        let apart = |numbers: &[u64]| {
            let mut part = whole.clone();
            part.set_numbers(numbers);
            part.shares_file = true;
            self.insert(part)
        };
        transactions.map(apart).collect()
    }

    /// Takes up a message of more recipients than one transaction has.
    pub(super) fn take_up_apart<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let others = self.in_transactions(slot);
        self.take_up(cx, slot);
        others.into_iter().for_each(|other| self.take_up(cx, other));
    }

    /// Ends those of a message that are refused or delivered, and gives the verdict on those that stay.
    pub(super) fn settle<E: World, O: MailObserver + DnsObserver, F: HostAvailability + ServerState>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        host: HostId,
        mut fates: SmallVec<[Fate; 8]>,
        verdict: Verdict,
    ) -> Verdict {
        if let Some(refused) = self.take(slot, &mut fates, Fate::Refused) {
            self.end_part(cx, &refused, End::Bounced(BounceCause::Rejected));
        }
        if let Some(mut accepted) = self.take(slot, &mut fates, Fate::Accepted) {
            let now = cx.scheduler.now();
            accepted.handed_off = accepted.handed_off.min(now);
            accepted.host = Some(host);
            let model = &self.model.mail.hosts[host.index()];
            match model.relay.filter(|_| model.relays_for.binary_search(&accepted.domain).is_ok()) {
                None => {
                    let end = self.keep(cx, host, &accepted);
                    self.end_part(cx, &accepted, end);
                }
                Some(relay) => {
                    let part = self.insert(accepted);
                    self.hand_over(cx, part, relay);
                }
            }
        }
        match fates.first() {
            Some(Fate::Accepted) | None => Verdict::accepted(verdict.served),
            Some(Fate::Deferred | Fate::Refused) => {
                let guard = self.model.mail.hosts[host.index()].reception.as_ref();
                let code = guard.and_then(|rules| rules.greylist).map_or(450, |rules| rules.code);
                Verdict::failed(TryResult::Reply(code), Stage::Rcpt)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_its_numbers() {
        for list in [&[11, 12, 14][..], &[12], &[10, 11, 12], &[7, 9]] {
            let (first, members) = Members::of(list);
            assert_eq!(first, list[0]);
            assert_eq!(members.is_none(), list.last() == Some(&(first + list.len() as u64 - 1)));
            assert_eq!(numbers(first, list.len() as u16, members.as_deref()).collect::<Vec<_>>(), list);
        }
    }
}
