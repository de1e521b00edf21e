//! What a sender is told: that a message is late (RFC 5321 section 4.5.4.1), that it could not be delivered (section 6.1,
//! RFC 3464). A notice is a message of its own from the node that has custody, with a null return path: about it nobody
//! is told but, with some systems, the postmaster.

use super::message::Message;
use super::world::World;
use super::{Delivery, End, Kind, Mail, MailContext, MailEvent, MailObserver};
use crate::engine::time::{SimDuration, SimTime};

/// Postfix returns no more of a message than its `bounce_size_limit` (postconf(5)).
const RETURNED_BYTES_MAX: u32 = 50_000;

/// Bits that tell the draws of a notice from those of the message it is about.
const BOUNCE: u64 = 1 << 62;
const WARNING: u64 = 1 << 61;
/// Warnings about one delivery at most: between those bits and the numbers of messages is no room for more.
pub(super) const WARNINGS_MAX: u32 = (1 << 12) - 1;

/// Something that a sender or a postmaster is told, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A message is late.
    Warning,
    /// A message could not be delivered.
    Bounce,
    /// A notice has reached the sender: at once where its return path leads to no domain that is simulated.
    Told(Kind),
    /// A bounce could not be delivered.
    DoubleBounce,
    /// And the postmaster was told.
    Postmaster,
}

impl Delivery {
    /// Delay warnings that the node which has it now has sent.
    fn warned_here(&self) -> u32 {
        u32::from(self.warned - self.warned_before)
    }
}

impl<'m> Mail<'m> {
    /// Sends the warnings that are due by now: `due` from the node that has the message, with those it sent before.
    pub(super) fn warn<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
        due: u32,
    ) {
        let delivery = &mut self.slots[slot as usize];
        let due = due.saturating_add(u32::from(delivery.warned_before)).min(WARNINGS_MAX);
        if due <= u32::from(delivery.warned) || delivery.kind != Kind::Mail {
            return;
        }
        delivery.warned = due as u16;
        if !delivery.null_sender {
            cx.observer.on_notice(cx.scheduler.now(), delivery, Notice::Warning);
            let about = delivery.clone();
            self.send_notice(cx, &about, Kind::Warning);
        }
    }

    /// A timer for a warning ran out while a message waits; the next one is set.
    pub(super) fn on_warning_due<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        slot: u32,
    ) {
        let due = self.slots[slot as usize].warned_here() + 1;
        self.warn(cx, slot, due);
        self.set_warning_timer(cx, slot);
    }

    /// For a system that warns by a timer: the next warning, if it falls before the next attempt.
    pub(super) fn set_warning_timer<E: World, O, F>(&mut self, cx: &mut MailContext<'_, 'm, E, O, F>, slot: u32) {
        let delivery = &self.slots[slot as usize];
        let warning = &self.model.mail.nodes[delivery.node.index()].retry.warning;
        let Some(at) = warning.timer(delivery.in_custody_since, delivery.warned_here()) else { return };
        let at = SimTime::ZERO + at.since(SimTime::ZERO + delivery.held_before());
        let until = delivery.work.previous.map_or(at, |(_, due)| due);
        if at <= until && delivery.kind == Kind::Mail {
            let at = at.max(cx.scheduler.now() + SimDuration::TICK);
            self.schedule(cx, slot, at, MailEvent::WarningDue(slot, delivery.work.generation));
        }
    }

    /// Tells whoever has to know that this could not be delivered, and gives the end that it comes to: what has a null
    /// return path is thrown away.
    #[cold]
    pub(super) fn tell_failed<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        delivery: &Delivery,
        end: End,
    ) -> End {
        let now = cx.scheduler.now();
        match delivery.kind {
            Kind::Mail if delivery.null_sender => End::Discarded,
            Kind::Mail => {
                cx.observer.on_notice(now, delivery, Notice::Bounce);
                self.send_notice(cx, delivery, Kind::Bounce);
                end
            }
            Kind::Bounce => {
                cx.observer.on_notice(now, delivery, Notice::DoubleBounce);
                if self.model.mail.nodes[delivery.node.index()].tells_postmaster {
                    cx.observer.on_notice(now, delivery, Notice::Postmaster);
                }
                End::Discarded
            }
            Kind::Warning => End::Discarded,
        }
    }

    fn send_notice<E: World, O: MailObserver, F>(
        &mut self,
        cx: &mut MailContext<'_, 'm, E, O, F>,
        about: &Delivery,
        kind: Kind,
    ) {
        let source = self.model.mail.nodes[about.sender.index()].source.as_ref();
        let Some(domain) = source.and_then(|source| source.return_path) else {
            return cx.observer.on_notice(cx.scheduler.now(), about, Notice::Told(kind));
        };
        let bit = if kind == Kind::Bounce { BOUNCE } else { WARNING | u64::from(about.warned) << 48 };
        let size_bytes = about.size_bytes.min(RETURNED_BYTES_MAX);
        let now = cx.scheduler.now();
        let mut notice = Delivery::new(&Message {
            created: now,
            number: about.number | bit,
            sender: about.sender,
            domain,
            place_in_list: u32::MAX,
            size_bytes,
            recipients: 1,
            measured: about.measured,
            null_sender: false,
        });
        notice.created = about.created;
        notice.before_start_s = about.before_start_s;
        notice.node = about.node;
        notice.kind = kind;
        self.measured_live += u64::from(notice.is_awaited());
        let node = &mut self.nodes[about.node.index()];
        node.depth += 1;
        node.bytes += u64::from(size_bytes);
        let slot = self.insert(notice);
        let due = MailEvent::Due(slot, self.slots[slot as usize].work.generation);
        self.schedule(cx, slot, now + SimDuration::TICK, due);
    }
}
