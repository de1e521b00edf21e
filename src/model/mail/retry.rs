//! Retry policies as the simulation runs them: when a system tries again, until when, and what it remembers of a
//! destination. `mail::retry` has the rules; here is their data.

use crate::engine::time::SimDuration;
use crate::model::NameId;
use crate::scenario::exim_retry::EximRule;
pub use crate::scenario::exim_section::{EximErrors, ReplyStage};
use crate::scenario::tree::{Feedback, Jitter};

/// How a system retries: data of one preset, or of a policy of one's own.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// When the next attempt is due.
    pub schedule: RetrySchedule,
    /// What takes up what is due.
    pub pickup: Pickup,
    /// Until when.
    pub expiry: Expiry,
    /// The same for what has a null return path, where it differs.
    pub bounce_expiry: Option<Expiry>,
    /// When the sender of a message is told that it is late.
    pub warning: DelayWarning,
    /// What is remembered of a destination over messages.
    pub memory: Memory,
    /// How much is done at once.
    pub limits: QueueLimits,
    /// A DNS cache of its own, in front of the resolver.
    pub dns_cache: Option<OwnCache>,
}

/// When the attempt after the n-th failed one is due.
#[derive(Debug, Clone, PartialEq)]
pub enum RetrySchedule {
    /// The age at the failure, clamped, on whole-second clocks and one second early. See `mail::retry::postfix`.
    Postfix { minimal: SimDuration, maximal: SimDuration },
    /// The first rule that fits the failure. See `mail::retry::exim`.
    Exim { rules: Vec<EximCase>, interval_max: SimDuration },
    /// Each queue run, unless the last attempt is too young. See `mail::retry::sendmail`.
    Sendmail { min_age: SimDuration, max_age: SimDuration },
    /// Squares, computed when the attempt begins. See `mail::retry::qmail`.
    Qmail { chanskip: u32 },
    /// `base step^2` after creation. See `mail::retry::opensmtpd`.
    OpenSmtpd { base: SimDuration },
    /// Doubling with a small jitter. See `mail::retry::kumomta`.
    KumoMta { interval: SimDuration, interval_max: Option<SimDuration> },
    /// Doubling, a jitter that doubles too. See `mail::retry::mox`.
    Mox { base: SimDuration },
    /// By age, with a jitter. See `mail::retry::chasquid`.
    Chasquid,
    /// Waits in turn, from the failure; `refused` is the wait after a temporary refusal of the message itself, where the
    /// system has one.
    Waits { waits: Vec<SimDuration>, then: Then, refused: Option<SimDuration> },
    /// Any other. See `mail::retry::custom`.
    Custom { schedule: ScheduleModel, cap: SimDuration, jitter: Jitter },
}

/// What comes after the last wait of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The last wait again and again.
    Repeat,
    /// No attempt: the next failure is the last.
    GiveUp,
}

/// The wait after the n-th failed attempt, n from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleModel {
    /// Always the same.
    Constant(SimDuration),
    /// `first + (n - 1) step`.
    Linear { first: SimDuration, step: SimDuration },
    /// `base * factor^(n - 1)`.
    Exponential { base: SimDuration, factor: f64 },
    /// `base * n^power`.
    Polynomial { base: SimDuration, power: f64 },
    /// The age at the failure, clamped.
    Age { min: SimDuration, max: SimDuration },
    /// Ages of attempts 2, 3, ...
    Table(Vec<SimDuration>),
}

/// One line of Exim's retry section.
#[derive(Debug, Clone, PartialEq)]
pub struct EximCase {
    /// Names of hosts and domains it is for, sorted; `None` for all.
    pub names: Option<Vec<NameId>>,
    /// Failures it is for.
    pub errors: EximErrors,
    /// Its steps; a rule without steps never retries.
    pub rule: EximRule,
}

/// What takes up what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pickup {
    /// A timer a message.
    AtOnce,
    /// A scan of the deferred queue: all that is due is taken up together.
    Scan(Clockwork),
    /// A queue runner: one delivery after the other, in `order`, with at most `runners` at a time.
    QueueRun { clock: Clockwork, runners: u32, order: RunOrder },
}

/// A fixed period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clockwork {
    /// Time from tick to tick; above zero.
    pub period: SimDuration,
    /// Time of the first tick, less than a period; drawn once a node and replication if absent.
    pub phase: Option<SimDuration>,
    /// Whether who keeps it sleeps whole seconds: a tick falls in its second at the fraction of it at which he last had
    /// something to do, or as soon as he has something to do in it (Postfix's `events.c: event_loop`).
    pub sleeps_whole_seconds: bool,
}

/// In which order a queue runner visits what is in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOrder {
    /// Exim with `queue_run_in_order = false`.
    Random,
    /// By arrival.
    Arrival,
    /// sendmail: by priority, which each failed attempt worsens by `retry_factor`; of those that are due the `most` that came first.
    Priority { retry_factor: u32, most: u32 },
}

/// When a system gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At the first failure at which the age, in whole seconds by the clock at its end, has reached this (Postfix).
    AfterAttempt(SimDuration),
    /// At the first failure of an attempt that *began* at an age past this (qmail: a dying message), with `whole` on
    /// whole-second clocks and strictly past, else exactly and at or past.
    AfterAttemptBegun { lifetime: SimDuration, whole: bool },
    /// By a timer at this age, between attempts too (OpenSMTPD).
    Timer(SimDuration),
    /// At once, when the next attempt would be due past this age (KumoMTA).
    NextTooLate(SimDuration),
    /// When it wakes for the next attempt at this age or more, which is then not made (chasquid).
    AtWaking(SimDuration),
    /// With the n-th failure.
    Failures(u32),
    /// When the schedule says so: a table that ends, Exim's last cutoff.
    Schedule,
}

/// When a sender is told that a message is late, once for each entry; once for several that have come since the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DelayWarning {
    /// Never.
    Never,
    /// After a failed attempt at which the age, by whole-second clocks, has reached `age - early` (Postfix looks one
    /// second early).
    AfterAttempt { ages: Vec<SimDuration>, early: SimDuration },
    /// After a failed attempt at which the age, by whole-second clocks, has reached one of these, or the last of them and
    /// its distance from the one before (from zero, if it is alone) once more, twice more, ... (Exim).
    Repeating(Vec<SimDuration>),
    /// After a failed attempt whose next one is due at `age` or later (OpenSMTPD).
    BeforeNext(Vec<SimDuration>),
    /// By a timer (Stalwart).
    Timer(Vec<SimDuration>),
    /// With the n-th failure (mox).
    AtFailure(u32),
}

/// What a system remembers of a destination over messages.
#[derive(Debug, Clone, PartialEq)]
pub enum Memory {
    /// Nothing: each message has its own timer.
    Message,
    /// Postfix's queue manager, per transport and next hop, in memory while it has messages there.
    Destination(DestinationRules),
    /// Exim's hints database: failures of host, host and message, address, domain, shared by all messages.
    RetryRecords {
        /// `retry_data_expire`: an older record is ignored.
        forget: SimDuration,
        /// `delay_after_cutoff`.
        delay_after_cutoff: bool,
        /// `serialize_hosts`: names of exchanges, sorted.
        serialized: Vec<NameId>,
    },
    /// sendmail: a failed host is skipped for the rest of the queue run; with `persistent`, by all processes for so long.
    HostStatus { persistent: Option<SimDuration> },
    /// qmail's `tcpto`: an address with `timeouts` connect time-outs, `apart` or more, is skipped for a
    /// whole number of `unit` drawn from 60 to 91 (`tcpto.c`: `(60 + (getpid() & 31)) << 6` seconds, `unit` 64 s).
    TimeoutTable { timeouts: u32, apart: SimDuration, unit: SimDuration, entries: u32 },
    /// OpenSMTPD's routes: a first connection that fails disables its route for `unit * penalty^2`, at most `max`.
    /// Of what it put off for that, `max_deferred` a domain are made due by the next success there, and `task_hiwat`
    /// at once of these taken up (`mta_hoststat_cache`, `mta_hoststat_reschedule`, `mta_handle_envelope`).
    Routes { unit: SimDuration, max: SimDuration, max_deferred: u32, task_hiwat: u32, limits: RouteLimits },
    /// KumoMTA: after more than so many connections in a row that found no host, the whole ready queue is delayed; what
    /// finds `most` messages in it is turned away for up to a minute.
    ReadyQueue { failures: u32, most: u32 },
    /// ZoneMTA: a domain of which no host could be connected to is not tried for so long.
    UnreachableDomains { rest: SimDuration },
    /// One delivery at a time to a domain (mox).
    OneADomain,
    /// Exchange: a queue a next hop. With the first that reaches no host the whole queue is in retry, until one delivery of
    /// it goes ahead after the wait that the schedule has for so many failures of the queue in a row.
    NextHopQueue,
}

/// OpenSMTPD's limits on the connections to one host, and on all (`limit.c`; one source address, so that a host has one route).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteLimits {
    /// `max-conn-per-host`.
    pub maxconn_per_host: u32,
    /// `max-conn-per-route`.
    pub maxconn_per_route: u32,
    /// `max-conn-per-source`.
    pub maxconn_per_source: u32,
    /// `conn-delay-route` and `-host`: from one connection to the next.
    pub conndelay_route: SimDuration,
    /// `reconn-delay-route`: from the end of one to the next.
    pub discdelay_route: SimDuration,
}

/// Postfix's `qmgr_queue.c` and `qmgr_feedback.c`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DestinationRules {
    /// `initial_destination_concurrency`.
    pub initial: u32,
    /// `default_destination_concurrency_limit`; `u32::MAX` for none.
    pub limit: u32,
    /// `default_destination_concurrency_positive_feedback`.
    pub positive: Feedback,
    /// `default_destination_concurrency_negative_feedback`.
    pub negative: Feedback,
    /// `default_destination_concurrency_failed_cohort_limit`; zero never declares a destination dead.
    pub failed_cohort_limit: f64,
    /// How long a dead destination rests: `minimal_backoff_time`.
    pub rest: SimDuration,
    /// How long a destination is left alone after each delivery: `default_destination_rate_delay`.
    pub rate_delay: SimDuration,
    /// Whether failures in a row count over times in which nothing is there for it (Postfix forgets them).
    pub remembers: bool,
    /// Whether after a rest one delivery goes ahead, and only its success lets the others follow (Exchange's queue in retry).
    pub probes: bool,
}

/// How much a system does at once; `u32::MAX` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages in the active queue (Postfix `qmgr_message_active_limit`).
    pub active: u32,
    /// Deliveries at once, whatever their destination (process limit, `concurrencyremote`).
    pub deliveries: u32,
    /// Deliveries at once to one destination, where no feedback moves it.
    pub per_destination: u32,
    /// Messages in one session.
    pub per_session: u32,
}

impl QueueLimits {
    /// No limit at all.
    pub const NONE: Self =
        Self { active: u32::MAX, deliveries: u32::MAX, per_destination: u32::MAX, per_session: u32::MAX };
}

/// A DNS cache in the sending system itself, between it and its resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCache {
    /// Most entries, the least recently used goes first; `u32::MAX` is no limit.
    pub entries: u32,
    /// An answer is kept for its TTL, but no shorter than this.
    pub min_ttl: SimDuration,
    /// And no longer than this.
    pub max_ttl: SimDuration,
    /// That there is no such name, or no such data, is kept for its TTL, but no shorter than this.
    pub negative_min: SimDuration,
    /// And no longer than this.
    pub negative_max: SimDuration,
    /// How long it is kept that a look-up failed.
    pub failure: SimDuration,
    /// How long it waits for the resolver.
    pub patience: SimDuration,
}

impl OwnCache {
    /// As text, for whoever looks at a preset.
    pub fn describe(&self) -> String {
        let Self { entries, min_ttl, max_ttl, negative_min, negative_max, failure, patience } = self;
        let entries = if *entries == u32::MAX { "unbounded".into() } else { format!("{entries} answers") };
        let bounds = |min: &SimDuration, max: &SimDuration| match (min.is_zero(), *max) {
            _ if max.is_zero() => "not at all".to_owned(),
            _ if min == max => max.to_string(),
            (true, SimDuration::MAX) => "their TTL".to_owned(),
            (true, max) => format!("their TTL, at most {max}"),
            (false, max) => format!("their TTL, {min} to {max}"),
        };
        format!(
            "{entries}; kept for {}, negative answers {}, failures {}; waits {patience}",
            bounds(min_ttl, max_ttl),
            bounds(negative_min, negative_max),
            bounds(failure, failure)
        )
    }
}
