//! A system's parameters, by its own names, made the data of its rules.

use std::sync::Arc;

use super::checks::ATTEMPTS_MAX;
use crate::engine::time::SimDuration;
use crate::model::mail::{
    Clockwork, DelayWarning, DestinationRules, EximCase, EximErrors, Expiry, Memory, OwnCache, Pickup, QueueLimits,
    RetryPolicy, RetrySchedule, RouteLimits, RunOrder, Then,
};
use crate::scenario::diagnostic::SourceText;
use crate::scenario::exim_retry::{EximRule, read_exim_rule};
use crate::scenario::tree::{
    ChasquidRetry, ExchangeRetry, EximRetry, HarakaRetry, KumoMtaRetry, MaddyRetry, MoxRetry, OpenSmtpdRetry,
    PostfixRetry, QmailRetry, Retry, SendmailRetry, StalwartRetry, ZoneMtaRetry,
};
use crate::scenario::units::Duration;

/// How long a sender's own cache waits for its resolver where no source says: longer than any resolver tries.
const PATIENCE: SimDuration = SimDuration::from_secs(60);

/// The policy of a preset whose parameters need no file and no place in a text: what `mxsim presets` shows. Exim's is of
/// its default rule.
pub fn preset_policy(retry: &Retry) -> RetryPolicy {
    match retry {
        Retry::Postfix(own) => postfix(own),
        Retry::Exim(own) => {
            let source = Arc::new(SourceText { name: "retry rule".into(), text: own.rule.clone() });
            let rule = read_exim_rule(&source, 0..own.rule.len()).0.unwrap_or(EximRule { steps: Vec::new() });
            exim(own, vec![EximCase { names: None, errors: EximErrors::Any, rule }])
        }
        Retry::Sendmail(own) => sendmail(own),
        Retry::Qmail(own) => qmail(own),
        Retry::OpenSmtpd(own) => opensmtpd(own),
        Retry::Haraka(own) => haraka(own),
        Retry::KumoMta(own) => kumomta(own),
        Retry::Stalwart(own) => stalwart(own),
        Retry::ZoneMta(own) => zonemta(own),
        Retry::Mox(own) => mox(own),
        Retry::Maddy(own) => maddy(own),
        Retry::Chasquid(own) => chasquid(own),
        Retry::Exchange(own) => exchange(own),
        // Resolved before, or no preset.
        Retry::PostfixConfig(_) | Retry::EximConfig(_) | Retry::Custom(_) | Retry::Mix(_) => {
            postfix(&PostfixRetry::default())
        }
    }
}

pub(super) fn spans(written: &[Duration]) -> Vec<SimDuration> {
    written.iter().map(|span| span.0).collect()
}

/// Nothing but a schedule and an end.
pub(super) fn plain(schedule: RetrySchedule, expiry: Expiry) -> RetryPolicy {
    RetryPolicy {
        schedule,
        pickup: Pickup::AtOnce,
        expiry,
        bounce_expiry: None,
        warning: DelayWarning::Never,
        memory: Memory::Message,
        limits: QueueLimits::NONE,
        dns_cache: None,
    }
}

/// Waits in turn, whatever failed.
fn table(waits: Vec<SimDuration>, then: Then) -> RetrySchedule {
    RetrySchedule::Waits { waits, then, refused: None }
}

pub(super) fn warn_after(ages: Vec<SimDuration>) -> DelayWarning {
    let ages: Vec<SimDuration> = ages.into_iter().filter(|age| !age.is_zero()).collect();
    match ages.is_empty() {
        true => DelayWarning::Never,
        false => DelayWarning::AfterAttempt { ages, early: SimDuration::ZERO },
    }
}

fn clock(period: Duration, phase: Option<Duration>) -> Clockwork {
    Clockwork { period: period.0, phase: phase.map(|phase| phase.0), sleeps_whole_seconds: false }
}

/// `0` is no limit, as Postfix has it.
fn limit(count: u32) -> u32 {
    if count == 0 { u32::MAX } else { count }
}

fn postfix(own: &PostfixRetry) -> RetryPolicy {
    let warning = match own.delay_warning_time.0 {
        zero if zero.is_zero() => DelayWarning::Never,
        age => DelayWarning::AfterAttempt { ages: vec![age], early: SimDuration::from_secs(1) },
    };
    // qmgr_entry.c, qmgr_entry_done: a service with a rate limit has a window of one.
    let limit = match own.default_destination_rate_delay.0.is_zero() {
        true => limit(own.default_destination_concurrency_limit),
        false => 1,
    };
    RetryPolicy {
        pickup: Pickup::Scan(Clockwork { sleeps_whole_seconds: true, ..clock(own.queue_run_delay, own.scan_phase) }),
        bounce_expiry: (own.bounce_queue_lifetime != own.maximal_queue_lifetime)
            .then_some(Expiry::AfterAttempt(own.bounce_queue_lifetime.0)),
        warning,
        memory: Memory::Destination(DestinationRules {
            initial: own.initial_destination_concurrency,
            limit,
            positive: own.default_destination_concurrency_positive_feedback,
            negative: own.default_destination_concurrency_negative_feedback,
            failed_cohort_limit: own.default_destination_concurrency_failed_cohort_limit,
            rest: own.minimal_backoff_time.0,
            rate_delay: own.default_destination_rate_delay.0,
            remembers: false,
            probes: false,
        }),
        limits: QueueLimits {
            active: own.qmgr_message_active_limit,
            deliveries: own.default_process_limit,
            ..QueueLimits::NONE
        },
        ..plain(
            RetrySchedule::Postfix { minimal: own.minimal_backoff_time.0, maximal: own.maximal_backoff_time.0 },
            Expiry::AfterAttempt(own.maximal_queue_lifetime.0),
        )
    }
}

pub(super) fn exim(own: &EximRetry, rules: Vec<EximCase>) -> RetryPolicy {
    let order = if own.queue_run_in_order { RunOrder::Arrival } else { RunOrder::Random };
    RetryPolicy {
        pickup: Pickup::QueueRun { clock: clock(own.queue_run, own.scan_phase), runners: own.queue_run_max, order },
        warning: match warn_after(spans(&own.delay_warning)) {
            DelayWarning::AfterAttempt { ages, .. } => DelayWarning::Repeating(ages),
            never => never,
        },
        memory: Memory::RetryRecords {
            forget: own.retry_data_expire.0,
            delay_after_cutoff: own.delay_after_cutoff,
            serialized: Vec::new(),
        },
        limits: QueueLimits { per_session: limit(own.connection_max_messages), ..QueueLimits::NONE },
        ..plain(RetrySchedule::Exim { rules, interval_max: own.retry_interval_max.0 }, Expiry::Schedule)
    }
}

fn sendmail(own: &SendmailRetry) -> RetryPolicy {
    let order = RunOrder::Priority { retry_factor: own.RetryFactor, most: limit(own.MaxQueueRunSize) };
    RetryPolicy {
        pickup: Pickup::QueueRun { clock: clock(own.queue_run, own.scan_phase), runners: u32::MAX, order },
        warning: warn_after(vec![own.queuewarn.0]),
        memory: Memory::HostStatus { persistent: own.HostStatusDirectory.then_some(own.hoststatus.0) },
        ..plain(
            RetrySchedule::Sendmail { min_age: own.MinQueueAge.0, max_age: own.MaxQueueAge.0 },
            Expiry::AfterAttempt(own.queuereturn.0),
        )
    }
}

fn qmail(own: &QmailRetry) -> RetryPolicy {
    RetryPolicy {
        memory: Memory::TimeoutTable {
            timeouts: 2,
            apart: SimDuration::from_secs(120),
            unit: SimDuration::from_secs(64),
            entries: 64,
        },
        limits: QueueLimits { deliveries: own.concurrencyremote, per_session: 1, ..QueueLimits::NONE },
        ..plain(
            RetrySchedule::Qmail { chanskip: own.chanskip },
            Expiry::AfterAttemptBegun { lifetime: own.queuelifetime.0, whole: true },
        )
    }
}

fn opensmtpd(own: &OpenSmtpdRetry) -> RetryPolicy {
    RetryPolicy {
        warning: DelayWarning::BeforeNext(spans(&own.warn_interval)),
        memory: Memory::Routes {
            unit: SimDuration::from_secs(15),
            max: SimDuration::from_secs(3600),
            max_deferred: own.max_deferred,
            task_hiwat: own.task_hiwat,
            limits: RouteLimits {
                maxconn_per_host: own.max_conn_per_host,
                maxconn_per_route: own.max_conn_per_route,
                maxconn_per_source: own.max_conn_per_source,
                conndelay_route: own.conn_delay_route.0.max(own.conn_delay_host.0),
                discdelay_route: own.disc_delay_route.0,
            },
        },
        limits: QueueLimits {
            // With one source address a domain is one relay, and that one connector.
            per_destination: own.max_conn_per_connector.min(own.max_conn_per_relay).min(own.max_conn_per_domain),
            per_session: own.max_mail_per_session,
            ..QueueLimits::NONE
        },
        ..plain(RetrySchedule::OpenSmtpd { base: own.backoff.0 }, Expiry::Timer(own.ttl.0))
    }
}

fn haraka(own: &HarakaRetry) -> RetryPolicy {
    let waits = match own.temp_fail_intervals.is_empty() {
        // 2^(n + 5) seconds; past n = 58 a wait is longer than simulated time can say.
        true => (1..own.max_temp_failures.min(58)).map(|n| SimDuration::from_secs(1u64 << (n + 5))).collect(),
        false => spans(&own.temp_fail_intervals),
    };
    RetryPolicy {
        limits: QueueLimits { deliveries: own.concurrency_max, per_session: 1, ..QueueLimits::NONE },
        ..plain(table(waits, Then::GiveUp), Expiry::Schedule)
    }
}

fn kumomta(own: &KumoMtaRetry) -> RetryPolicy {
    RetryPolicy {
        memory: Memory::ReadyQueue { failures: own.consecutive_connection_failures_before_delay, most: own.max_ready },
        limits: QueueLimits {
            per_destination: own.connection_limit,
            per_session: own.max_deliveries_per_connection,
            ..QueueLimits::NONE
        },
        dns_cache: Some(OwnCache {
            entries: own.cache_size,
            min_ttl: SimDuration::ZERO,
            max_ttl: SimDuration::MAX,
            negative_min: own.mx_negative_cache_ttl.0,
            negative_max: own.mx_negative_cache_ttl.0,
            failure: own.mx_negative_cache_ttl.0,
            patience: own.mx_timeout.0,
        }),
        ..plain(
            RetrySchedule::KumoMta {
                interval: own.retry_interval.0,
                interval_max: own.max_retry_interval.map(|most| most.0),
            },
            Expiry::NextTooLate(own.max_age.0),
        )
    }
}

fn stalwart(own: &StalwartRetry) -> RetryPolicy {
    RetryPolicy {
        warning: DelayWarning::Timer(spans(&own.notify)),
        ..plain(table(spans(&own.retry), Then::Repeat), Expiry::Timer(own.expire.0))
    }
}

fn zonemta(own: &ZoneMtaRetry) -> RetryPolicy {
    RetryPolicy {
        // `sender.js`: two minutes. Fifteen, for an error that carries a `lastErr` ETIMEDOUT, never come: mx-connect hands over
        // its first error as it is.
        memory: Memory::UnreachableDomains { rest: SimDuration::from_secs(120) },
        limits: QueueLimits {
            deliveries: own.connections,
            per_session: own.connection_cache_reuse_count,
            ..QueueLimits::NONE
        },
        dns_cache: own.caching.then_some(OwnCache {
            entries: u32::MAX,
            min_ttl: own.cache_ttl.0,
            max_ttl: own.cache_ttl.0,
            negative_min: SimDuration::ZERO,
            negative_max: SimDuration::ZERO,
            failure: SimDuration::ZERO,
            patience: PATIENCE,
        }),
        ..plain(table(spans(&own.defer_times), Then::GiveUp), Expiry::Schedule)
    }
}

fn mox(own: &MoxRetry) -> RetryPolicy {
    RetryPolicy {
        warning: DelayWarning::AtFailure(own.delayed_dsn_attempt),
        memory: Memory::OneADomain,
        limits: QueueLimits { deliveries: own.max_concurrent_deliveries, per_destination: 1, ..QueueLimits::NONE },
        ..plain(RetrySchedule::Mox { base: own.backoff.0 }, Expiry::Failures(own.max_attempts))
    }
}

/// The factor is made a whole number before it multiplies: 1, 1, 1, 1, 2, 3, 3, 4, 5, 7, ...
fn maddy(own: &MaddyRetry) -> RetryPolicy {
    let wait = |n: u32| {
        let factor = libm::floor(libm::pow(own.retry_time_scale, f64::from(n)));
        own.initial_retry_time.0.saturating_mul(factor as u64)
    };
    let waits = (0..own.max_tries.clamp(1, ATTEMPTS_MAX) - 1).map(wait).collect();
    RetryPolicy {
        // conn_reuse_limit: a session is used again while it has been used for no more than so many messages.
        limits: QueueLimits {
            deliveries: own.max_parallelism,
            per_session: own.conn_reuse_limit.saturating_add(1),
            ..QueueLimits::NONE
        },
        ..plain(table(waits, Then::GiveUp), Expiry::Failures(own.max_tries))
    }
}

fn chasquid(own: &ChasquidRetry) -> RetryPolicy {
    RetryPolicy {
        // Each message is on its way by itself (`go item.SendLoop`); `max_queue_items` is a limit to what is taken in.
        limits: QueueLimits { per_session: 1, ..QueueLimits::NONE },
        ..plain(RetrySchedule::Chasquid, Expiry::AtWaking(own.give_up_send_after.0))
    }
}

fn exchange(own: &ExchangeRetry) -> RetryPolicy {
    let times = |count: u32, wait: Duration| std::iter::repeat_n(wait.0, count.min(ATTEMPTS_MAX) as usize);
    let mut waits: Vec<SimDuration> = times(own.QueueGlitchRetryCount, own.QueueGlitchRetryInterval)
        .chain(times(own.TransientFailureRetryCount, own.TransientFailureRetryInterval))
        .collect();
    waits.push(own.OutboundConnectionFailureRetryInterval.0);
    RetryPolicy {
        memory: Memory::NextHopQueue,
        warning: warn_after(vec![own.DelayNotificationTimeout.0]),
        limits: QueueLimits {
            deliveries: own.MaxOutboundConnections,
            per_destination: own.MaxPerDomainOutboundConnections,
            ..QueueLimits::NONE
        },
        dns_cache: Some(OwnCache {
            entries: u32::MAX,
            min_ttl: SimDuration::ZERO,
            max_ttl: own.MaxCacheTtl.0,
            negative_min: SimDuration::ZERO,
            negative_max: own.MaxNegativeCacheTtl.0,
            failure: SimDuration::ZERO,
            patience: PATIENCE,
        }),
        ..plain(
            RetrySchedule::Waits { waits, then: Then::Repeat, refused: Some(own.MessageRetryInterval.0) },
            Expiry::Timer(own.MessageExpirationTimeout.0),
        )
    }
}
