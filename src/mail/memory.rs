//! What a node remembers of hosts' addresses over messages, and whether it holds a delivery back for it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Address;
use super::hints::Hints;
use super::hoststat::Deferred;
use super::mta_relay::{Route, find_route};
use super::retry::{Cause, Keys, Record, Retried, find_rule, update};
use super::tcpto::Tcpto;
use super::unreachable::Unreachable;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::mail::{Memory, RetryPolicy, RetrySchedule, RouteLimits};
use crate::scenario::exim_retry::EximRule;

/// What is remembered of hosts, as the node's system does it.
#[derive(Debug)]
pub(super) enum Remembered {
    /// Exim's hints database: records of hosts, and those of domains and recipients.
    Records { hosts: FxHashMap<Address, Record>, forget_s: u64, hints: Hints, delay_after_cutoff: bool },
    /// sendmail's host status: until when a host is passed over, by all processes; or by those of one queue run.
    Status { persistent: Option<SimDuration>, until: FxHashMap<Address, SimTime> },
    /// qmail's table of addresses that time out.
    Timeouts(Tcpto),
    /// ZoneMTA's domains of which no host could be connected to.
    Domains(Unreachable),
    /// OpenSMTPD's routes.
    Routes {
        unit: SimDuration,
        max: SimDuration,
        limits: RouteLimits,
        hosts: FxHashMap<Address, Route>,
        deferred: Deferred,
    },
}

/// Whether a host may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// It may.
    No,
    /// It rests.
    Rests,
    /// It rests, and has failed for longer than its last cutoff; when it was last tried, whole seconds.
    RestsExpired { last_try_s: u64 },
}

impl Remembered {
    pub fn new(memory: &Memory) -> Option<Self> {
        match *memory {
            Memory::RetryRecords { forget, delay_after_cutoff, .. } => {
                let forget_s = forget.whole_seconds();
                let hints = Hints::new(forget_s);
                Some(Self::Records { hosts: FxHashMap::default(), forget_s, hints, delay_after_cutoff })
            }
            Memory::HostStatus { persistent } => Some(Self::Status { persistent, until: FxHashMap::default() }),
            Memory::TimeoutTable { timeouts, apart, unit, entries } => {
                Some(Self::Timeouts(Tcpto::new(timeouts, apart, unit, entries)))
            }
            Memory::UnreachableDomains { rest } => Some(Self::Domains(Unreachable::new(rest))),
            Memory::Routes { unit, max, max_deferred, task_hiwat, limits } => {
                let deferred = Deferred::new(max_deferred, task_hiwat);
                Some(Self::Routes { unit, max, limits, hosts: FxHashMap::default(), deferred })
            }
            _ => None,
        }
    }

    /// Whether the host rests, for a message of this age, with the last cutoff for a failure. `bits` stand for what a system
    /// draws.
    pub fn holds(
        &self,
        now: SimTime,
        host: Address,
        age_s: u64,
        cutoff_s: impl FnOnce(Cause) -> Option<u64>,
        bits: u64,
    ) -> Held {
        let rests = |rests: bool| if rests { Held::Rests } else { Held::No };
        match self {
            Self::Records { hosts, forget_s, .. } => {
                let second = now.whole_seconds();
                let record = hosts.get(&host).filter(|record| record.is_fresh(second, *forget_s));
                match record.filter(|record| second < record.next_try) {
                    None => Held::No,
                    Some(record) if record.expired => Held::RestsExpired { last_try_s: record.last_try },
                    // retry_ultimate_address_timeout: a message older than the last cutoff is tried, to be given up.
                    Some(record) => rests(cutoff_s(record.cause).is_some_and(|cutoff| age_s <= cutoff)),
                }
            }
            Self::Status { until, .. } => rests(until.get(&host).is_some_and(|until| now < *until)),
            Self::Timeouts(table) => rests(table.holds(now, host, bits)),
            Self::Domains(_) => Held::No,
            Self::Routes { hosts, .. } => rests(hosts.get(&host).is_some_and(|route| now < route.until)),
        }
    }

    /// A host failed. `timed_out`: its SYN was not answered. For Exim, whether the message has timed out there: without a
    /// rule nothing is written, and it has.
    pub fn failed(&mut self, what: &Retried, host: Address, timed_out: bool, rule: Option<Rule<'_>>) -> Option<bool> {
        match self {
            Self::Records { hosts, forget_s, .. } => {
                let Some(Rule(rule, interval_max)) = rule else { return Some(true) };
                let second = what.now.whole_seconds();
                let before = hosts.get(&host).copied().filter(|record| record.is_fresh(second, *forget_s));
                let (record, has_timed_out) = update(before, rule, interval_max, what);
                hosts.insert(host, record);
                return Some(has_timed_out);
            }
            Self::Status { persistent, until } => {
                if let Some(span) = persistent {
                    until.insert(host, what.now + *span);
                }
            }
            Self::Timeouts(table) if timed_out => table.timed_out(what.now, host),
            Self::Timeouts(_) | Self::Domains(_) => {}
            Self::Routes { unit, max, hosts, .. } => {
                let route = hosts.entry(host).or_default();
                // A penalty goes down by one when the route is enabled again (mta_route_enable).
                let before = if what.now >= route.until { route.penalty.saturating_sub(1) } else { route.penalty };
                route.penalty = before.saturating_add(1);
                let square = u64::from(route.penalty) * u64::from(route.penalty);
                route.until = what.now + unit.saturating_mul(square).min(*max);
                route.is_valid = false;
            }
        }
        None
    }

    /// Whether a connection to one of these hosts may be made now, where routes have limits; else when to look again.
    pub fn find_route(&self, now: SimTime, known: &[(u16, Address)]) -> Option<Result<(), SimTime>> {
        let Self::Routes { hosts, limits, .. } = self else { return None };
        Some(find_route(now, known, limits, |host| hosts.get(&host).copied().unwrap_or_default()))
    }

    /// Until when a host is passed over, where that is one instant for all.
    pub fn rests_until(&self, host: Address) -> Option<SimTime> {
        match self {
            Self::Status { until, .. } => until.get(&host).copied(),
            _ => None,
        }
    }

    /// The queue is flushed: no host rests any longer (`exim -qff`, `purgestat`, `qmail-tcpok`, `smtpctl resume route`).
    pub fn flush(&mut self) {
        match self {
            Self::Records { hosts, hints, .. } => {
                hosts.values_mut().for_each(|record| record.next_try = 0);
                hints.flush();
            }
            Self::Status { until, .. } => until.clear(),
            Self::Timeouts(table) => table.clear(),
            Self::Domains(domains) => domains.flush(),
            Self::Routes { hosts, .. } => hosts.values_mut().for_each(|route| {
                (route.until, route.penalty) = (SimTime::ZERO, 0);
            }),
        }
    }

    /// A host took a message, or was at least reached.
    pub fn worked(&mut self, host: Address) {
        match self {
            Self::Records { hosts, .. } => drop(hosts.remove(&host)),
            Self::Status { until, .. } => drop(until.remove(&host)),
            Self::Timeouts(table) => table.worked(host),
            // It goes on to count what its connections were; and what is of domains is told by `notes_reach`.
            Self::Routes { .. } | Self::Domains(_) => {}
        }
    }
}

/// A retry rule with the longest wait there may be.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a>(pub &'a EximRule, pub SimDuration);

/// The last cutoff of Exim's rule for the failure in a record (`retry_ultimate_address_timeout`), seconds; `None` without such
/// a rule: then nothing holds a message back.
pub(super) fn last_cutoff_s(policy: &RetryPolicy, keys: Keys, cause: Cause) -> Option<u64> {
    let RetrySchedule::Exim { rules, .. } = &policy.schedule else { return None };
    find_rule(rules, keys, cause)?.last_cutoff_s()
}

/// Hosts that failed within one queue run (sendmail's connection information, `mci.c`).
pub(super) type FailedInRun = FxHashSet<Address>;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Retried {
        let now = SimTime::from_secs(second);
        Retried { now, received_s: second, age_s: 0, of_host: true, cause: Cause::Refused, bits: 0 }
    }

    #[test]
    fn opensmtpd_disables_a_route_for_the_square_of_its_penalty() {
        // mta.c, mta_route_disable: 15 penalty^2 s; one less when it is enabled again.
        let memory = Memory::Routes {
            unit: SimDuration::from_secs(15),
            max: SimDuration::from_secs(3600),
            max_deferred: 100,
            task_hiwat: 50,
            limits: RouteLimits {
                maxconn_per_host: 10,
                maxconn_per_route: 5,
                maxconn_per_source: 100,
                conndelay_route: SimDuration::from_secs(5),
                discdelay_route: SimDuration::from_secs(3),
            },
        };
        let mut routes = Remembered::new(&memory).expect("a memory");
        let host = Address::only(0);
        let holds = |routes: &Remembered, second| routes.holds(SimTime::from_secs(second), host, 0, |_| None, 0);
        routes.failed(&at(0), host, false, None);
        assert_eq!((holds(&routes, 14), holds(&routes, 15)), (Held::Rests, Held::No));
        routes.failed(&at(10), host, false, None);
        assert_eq!((holds(&routes, 69), holds(&routes, 70)), (Held::Rests, Held::No));
    }
}
