//! A message as its sender creates it, and the delivery that it is until something is done for it.

use super::{Delivery, Kind, Phase, Step, TryResult, Verdict, Work};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{DataId, NameId, NodeId};
use crate::scenario::tree::Stage;

/// What a source makes.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// When.
    pub created: SimTime,
    /// The first of its deliveries' numbers, counted per sender from 1.
    pub number: u64,
    /// By whom.
    pub sender: NodeId,
    /// Whom it is for.
    pub domain: NameId,
    /// The domain's place in its sender's list; `MAX` for none.
    pub(crate) place_in_list: u32,
    /// Bytes.
    pub size_bytes: u32,
    /// How many deliveries it stands for.
    pub recipients: u16,
    /// Whether it was created in the measured window.
    pub measured: bool,
    /// Whether its return path is null.
    pub null_sender: bool,
}

/// When a delivery came to the node that has it, who created it, and its number.
pub(super) type ArrivalOrder = (u64, u32, u64);

impl Delivery {
    /// Sorts deliveries as they came to a node, also before the start; by nothing that other senders change.
    pub(super) fn arrival_order(&self) -> ArrivalOrder {
        let since = (1_u64 << 63).saturating_sub(self.held_before().as_nanos()) + self.in_custody_since.as_nanos();
        (since, self.sender.0, self.number)
    }

    /// A message that has done nothing yet.
    pub(super) fn new(message: &Message) -> Self {
        let Message { created, number, sender, domain, place_in_list, size_bytes, recipients, .. } = *message;
        Delivery {
            created,
            number,
            sender,
            node: sender,
            in_custody_since: created,
            domain,
            place_in_list,
            size_bytes,
            before_start_s: 0,
            recipients,
            kind: Kind::Mail,
            null_sender: message.null_sender,
            warned: 0,
            warned_before: 0,
            shares_file: false,
            members: None,
            attempts: 0,
            node_attempts: 0,
            suspensions: 0,
            measured: message.measured,
            attempt_started: created,
            first_syn: SimTime::NEVER,
            first_failed: false,
            stale_route: false,
            handed_off: SimTime::NEVER,
            host: None,
            phase: Phase::Active,
            work: Work {
                step: Step::Waiting,
                mx: DataId::ABSENT,
                owner: domain,
                after: None,
                upto: u16::MAX,
                soft_failure: None,
                sessions: 0,
                tried: 0,
                fell_back: 0,
                reused: false,
                place: Default::default(),
                site: None,
                runner: 0,
                is_listed: false,
                tally: Default::default(),
                connected: Default::default(),
                candidates: Default::default(),
                try_started: created,
                round_trip: SimDuration::ZERO,
                verdict: Verdict::failed(TryResult::Refused, Stage::Connect),
                holds_session: false,
                is_counted: false,
                standstill_seen: SimDuration::MAX,
                previous: None,
                cleared: 0,
                handoffs: 0,
                generation: 0,
            },
        }
    }
}
