//! Retry policies: a system's parameters by its own names, made the data of its rules.

mod config;
mod custom;
mod mix;
mod not_modelled;

use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use crate::engine::time::SimDuration;
use crate::model::mail::{
    Clockwork, DelayWarning, DestinationRules, EximCase, EximErrors, Expiry, Memory, OwnCache, Pickup, QueueLimits,
    RetryPolicy, RetrySchedule, RunOrder, Then,
};
use crate::scenario::diagnostic::SourceText;
use crate::scenario::exim_retry::{EximRule, read_exim_rule};
use crate::scenario::tree::{
    ChasquidRetry, ExchangeRetry, EximRetry, HarakaRetry, KumoMtaRetry, MaddyRetry, MoxRetry, OpenSmtpdRetry,
    PostfixRetry, QmailRetry, Retry, SendmailRetry, StalwartRetry, ZoneMtaRetry,
};
use crate::scenario::units::Duration;

/// qmail squares sums of it in seconds: past this a wait is longer than a run.
const CHANSKIP_MAX: u32 = 10_000;

/// Most entries of a table that is made, not written.
const ATTEMPTS_MAX: u32 = 100_000;

impl Compiler<'_> {
    /// The policy of one node; a `Mix` is resolved before.
    pub(super) fn retry(&mut self, path: &[&str], retry: &Retry) -> RetryPolicy {
        self.check_retry(path, retry);
        match retry {
            Retry::Exim(exim) => {
                let (source, span) = self.rule_text(&field(path, "rule"), &exim.rule);
                let (rule, problems) = read_exim_rule(&source, span);
                self.say_all(problems);
                let rule = rule.unwrap_or(EximRule { steps: Vec::new() });
                self::exim(exim, vec![EximCase { domains: None, errors: EximErrors::Any, rule }])
            }
            Retry::Custom(custom) => self.custom_retry(path, custom),
            _ => preset_policy(retry),
        }
    }

    pub(super) fn check_retry(&mut self, path: &[&str], retry: &Retry) {
        let mut positive: Vec<(&'static str, Duration)> = Vec::new();
        match retry {
            Retry::Postfix(postfix) => {
                if postfix.minimal_backoff_time > postfix.maximal_backoff_time {
                    self.error(&field(path, "minimal_backoff_time"), "longer than `maximal_backoff_time`");
                }
                positive.push(("minimal_backoff_time", postfix.minimal_backoff_time));
                positive.push(("queue_run_delay", postfix.queue_run_delay));
                for (name, count) in [
                    ("qmgr_message_active_limit", postfix.qmgr_message_active_limit),
                    ("default_process_limit", postfix.default_process_limit),
                    ("initial_destination_concurrency", postfix.initial_destination_concurrency),
                ] {
                    self.at_least_one(&field(path, name), count);
                }
                let cohorts = postfix.default_destination_concurrency_failed_cohort_limit;
                if !(0.0..=1e6).contains(&cohorts) {
                    let name = "default_destination_concurrency_failed_cohort_limit";
                    self.error(&field(path, name), format!("{cohorts} cohorts")).label =
                        "expected a number from 0 to 1000000".into();
                }
                self.phase(path, postfix.scan_phase, postfix.queue_run_delay);
            }
            Retry::Exim(exim) => {
                positive.push(("queue_run", exim.queue_run));
                positive.push(("retry_interval_max", exim.retry_interval_max));
                self.at_least_one(&field(path, "queue_run_max"), exim.queue_run_max);
                self.phase(path, exim.scan_phase, exim.queue_run);
            }
            Retry::Sendmail(sendmail) => {
                positive.push(("queue_run", sendmail.queue_run));
                self.phase(path, sendmail.scan_phase, sendmail.queue_run);
            }
            Retry::Qmail(qmail) => {
                if !(1..=CHANSKIP_MAX).contains(&qmail.chanskip) {
                    self.error(&field(path, "chanskip"), format!("a `chanskip` of {}", qmail.chanskip)).label =
                        format!("expected 1 to {CHANSKIP_MAX}");
                }
                self.at_least_one(&field(path, "concurrencyremote"), qmail.concurrencyremote);
            }
            Retry::OpenSmtpd(smtpd) => {
                if smtpd.backoff.0 < SimDuration::from_secs(1) {
                    self.error(&field(path, "backoff"), "less than a second").label =
                        "expected whole seconds, at least 1s".into();
                }
                self.at_least_one(&field(path, "max_conn_per_route"), smtpd.max_conn_per_route);
                self.at_least_one(&field(path, "max_mail_per_session"), smtpd.max_mail_per_session);
                self.at_least_one(&field(path, "task_hiwat"), smtpd.task_hiwat);
            }
            Retry::Haraka(haraka) => {
                self.attempts(&field(path, "maxTempFailures"), haraka.max_temp_failures);
                self.at_least_one(&field(path, "concurrency_max"), haraka.concurrency_max);
                self.waits(&field(path, "temp_fail_intervals"), &haraka.temp_fail_intervals);
            }
            Retry::KumoMta(kumo) => {
                positive.push(("retry_interval", kumo.retry_interval));
                if let Some(most) = kumo.max_retry_interval {
                    positive.push(("max_retry_interval", most));
                }
                self.at_least_one(&field(path, "connection_limit"), kumo.connection_limit);
                self.at_least_one(&field(path, "max_deliveries_per_connection"), kumo.max_deliveries_per_connection);
            }
            Retry::Stalwart(stalwart) => {
                if stalwart.retry.is_empty() {
                    self.error(&field(path, "retry"), "no wait at all");
                }
                self.waits(&field(path, "retry"), &stalwart.retry);
            }
            Retry::ZoneMta(zone) => {
                self.waits(&field(path, "defer_times"), &zone.defer_times);
                self.at_least_one(&field(path, "connections"), zone.connections);
            }
            Retry::Mox(mox) => {
                if mox.backoff.0 < SimDuration::from_secs(6) {
                    self.error(&field(path, "backoff"), "no longer than its jitter, which takes up to 5 s off").label =
                        "expected at least 6s".into();
                }
                self.attempts(&field(path, "max_attempts"), mox.max_attempts);
                self.at_least_one(&field(path, "max_concurrent_deliveries"), mox.max_concurrent_deliveries);
            }
            Retry::Maddy(maddy) => {
                positive.push(("initial_retry_time", maddy.initial_retry_time));
                self.attempts(&field(path, "max_tries"), maddy.max_tries);
                self.at_least_one(&field(path, "max_parallelism"), maddy.max_parallelism);
                let scale = maddy.retry_time_scale;
                if !(1.0..=1e3).contains(&scale) {
                    self.error(&field(path, "retry_time_scale"), format!("a scale of {scale}")).label =
                        "expected 1 to 1000".into();
                }
            }
            Retry::Exchange(exchange) => {
                positive.push(("QueueGlitchRetryInterval", exchange.QueueGlitchRetryInterval));
                positive.push(("TransientFailureRetryInterval", exchange.TransientFailureRetryInterval));
                positive
                    .push(("OutboundConnectionFailureRetryInterval", exchange.OutboundConnectionFailureRetryInterval));
                for (name, count) in [
                    ("QueueGlitchRetryCount", exchange.QueueGlitchRetryCount),
                    ("TransientFailureRetryCount", exchange.TransientFailureRetryCount),
                ] {
                    if count > ATTEMPTS_MAX {
                        self.error(&field(path, name), format!("{count} retries")).label =
                            format!("expected at most {ATTEMPTS_MAX}");
                    }
                }
                self.at_least_one(
                    &field(path, "MaxPerDomainOutboundConnections"),
                    exchange.MaxPerDomainOutboundConnections,
                );
                self.at_least_one(&field(path, "MaxOutboundConnections"), exchange.MaxOutboundConnections);
            }
            Retry::Chasquid(_) | Retry::Custom(_) => {}
            Retry::PostfixConfig(_) | Retry::EximConfig(_) | Retry::Mix(_) => {}
        }
        self.warn_not_modelled(path, retry);
        for (name, span) in positive {
            self.above_zero(&field(path, name), span.0);
        }
    }

    fn phase(&mut self, path: &[&str], phase: Option<Duration>, period: Duration) {
        if phase.is_some_and(|phase| phase >= period) {
            self.error(&field(path, "scan_phase"), "a phase of a period or more").label =
                format!("expected less than {}", period.0);
        }
    }

    pub(super) fn above_zero(&mut self, path: &[&str], span: SimDuration) {
        if span.is_zero() {
            self.error(path, "no time at all").label = "expected a duration above zero".into();
        }
    }

    pub(super) fn at_least_one(&mut self, path: &[&str], count: u32) {
        if count == 0 {
            self.error(path, "none at all").label = "expected at least 1".into();
        }
    }

    fn attempts(&mut self, path: &[&str], count: u32) {
        if !(1..=ATTEMPTS_MAX).contains(&count) {
            self.error(path, format!("{count} attempts")).label = format!("expected 1 to {ATTEMPTS_MAX}");
        }
    }

    fn waits(&mut self, path: &[&str], waits: &[Duration]) {
        for (index, wait) in waits.iter().enumerate() {
            let index = index.to_string();
            let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
            self.above_zero(&path, wait.0);
        }
    }

    /// The rule as written, without its quotes, or where it is not written like that a text of its own.
    fn rule_text(&self, path: &[&str], rule: &str) -> (Arc<SourceText>, Range<usize>) {
        let place = self.at.part_place(path, &(0..rule.len()));
        if place.source.text.get(place.span.clone()) == Some(rule) {
            return (place.source, place.span);
        }
        (Arc::new(SourceText { name: "retry rule".into(), text: rule.into() }), 0..rule.len())
    }
}

/// A path with one more step.
pub(super) fn field<'a>(path: &[&'a str], name: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([name]).collect()
}

/// The policy of a preset whose parameters need no file and no place in a text: what `mxsim presets` shows. Exim's is of
/// its default rule.
pub fn preset_policy(retry: &Retry) -> RetryPolicy {
    match retry {
        Retry::Postfix(own) => postfix(own),
        Retry::Exim(own) => {
            let source = Arc::new(SourceText { name: "retry rule".into(), text: own.rule.clone() });
            let rule = read_exim_rule(&source, 0..own.rule.len()).0.unwrap_or(EximRule { steps: Vec::new() });
            exim(own, vec![EximCase { domains: None, errors: EximErrors::Any, rule }])
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

fn spans(written: &[Duration]) -> Vec<SimDuration> {
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

fn warn_after(ages: Vec<SimDuration>) -> DelayWarning {
    let ages: Vec<SimDuration> = ages.into_iter().filter(|age| !age.is_zero()).collect();
    match ages.is_empty() {
        true => DelayWarning::Never,
        false => DelayWarning::AfterAttempt { ages, early: SimDuration::ZERO },
    }
}

fn clock(period: Duration, phase: Option<Duration>) -> Clockwork {
    Clockwork { period: period.0, phase: phase.map(|phase| phase.0) }
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
    let limit = limit(own.default_destination_concurrency_limit);
    RetryPolicy {
        pickup: Pickup::Scan(clock(own.queue_run_delay, own.scan_phase)),
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
            remembers: false,
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

pub(super) use config::Configs;

pub(super) fn exim(own: &EximRetry, rules: Vec<EximCase>) -> RetryPolicy {
    let order = if own.queue_run_in_order { RunOrder::Arrival } else { RunOrder::Random };
    RetryPolicy {
        pickup: Pickup::QueueRun { clock: clock(own.queue_run, own.scan_phase), runners: own.queue_run_max, order },
        warning: warn_after(spans(&own.delay_warning)),
        memory: Memory::RetryRecords {
            forget: own.retry_data_expire.0,
            include_sender: own.address_retry_include_sender,
        },
        limits: QueueLimits { per_session: limit(own.connection_max_messages), ..QueueLimits::NONE },
        ..plain(RetrySchedule::Exim { rules, interval_max: own.retry_interval_max.0 }, Expiry::Schedule)
    }
}

fn sendmail(own: &SendmailRetry) -> RetryPolicy {
    let order = RunOrder::Priority { retry_factor: own.RetryFactor };
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
        },
        limits: QueueLimits {
            per_destination: own.max_conn_per_route,
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
        ..plain(RetrySchedule::Waits { waits, then: Then::GiveUp }, Expiry::Schedule)
    }
}

fn kumomta(own: &KumoMtaRetry) -> RetryPolicy {
    RetryPolicy {
        memory: Memory::ReadyQueue { failures: own.consecutive_connection_failures_before_delay },
        limits: QueueLimits {
            per_destination: own.connection_limit,
            per_session: own.max_deliveries_per_connection,
            ..QueueLimits::NONE
        },
        dns_cache: Some(OwnCache {
            entries: own.cache_size,
            min_ttl: SimDuration::ZERO,
            max_ttl: SimDuration::MAX,
            negative_ttl: own.mx_negative_cache_ttl.0,
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
        ..plain(RetrySchedule::Waits { waits: spans(&own.retry), then: Then::Repeat }, Expiry::Timer(own.expire.0))
    }
}

fn zonemta(own: &ZoneMtaRetry) -> RetryPolicy {
    RetryPolicy {
        limits: QueueLimits { deliveries: own.connections, per_session: 100, ..QueueLimits::NONE },
        dns_cache: own.caching.then_some(OwnCache {
            entries: u32::MAX,
            min_ttl: own.cache_ttl.0,
            max_ttl: own.cache_ttl.0,
            negative_ttl: SimDuration::ZERO,
        }),
        ..plain(RetrySchedule::Waits { waits: spans(&own.defer_times), then: Then::GiveUp }, Expiry::Schedule)
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
        limits: QueueLimits { deliveries: own.max_parallelism, ..QueueLimits::NONE },
        ..plain(RetrySchedule::Waits { waits, then: Then::GiveUp }, Expiry::Failures(own.max_tries))
    }
}

fn chasquid(own: &ChasquidRetry) -> RetryPolicy {
    RetryPolicy {
        limits: QueueLimits { active: own.max_queue_size, per_session: 1, ..QueueLimits::NONE },
        ..plain(RetrySchedule::Chasquid, Expiry::AtWaking(own.give_up_after.0))
    }
}

fn exchange(own: &ExchangeRetry) -> RetryPolicy {
    let times = |count: u32, wait: Duration| std::iter::repeat_n(wait.0, count.min(ATTEMPTS_MAX) as usize);
    let mut waits: Vec<SimDuration> = times(own.QueueGlitchRetryCount, own.QueueGlitchRetryInterval)
        .chain(times(own.TransientFailureRetryCount, own.TransientFailureRetryInterval))
        .collect();
    waits.push(own.OutboundConnectionFailureRetryInterval.0);
    RetryPolicy {
        warning: warn_after(vec![own.DelayNotificationTimeout.0]),
        limits: QueueLimits {
            deliveries: own.MaxOutboundConnections,
            per_destination: own.MaxPerDomainOutboundConnections,
            ..QueueLimits::NONE
        },
        dns_cache: Some(OwnCache {
            entries: u32::MAX,
            min_ttl: SimDuration::ZERO,
            max_ttl: SimDuration::MAX,
            negative_ttl: SimDuration::ZERO,
        }),
        ..plain(RetrySchedule::Waits { waits, then: Then::Repeat }, Expiry::Timer(own.MessageExpirationTimeout.0))
    }
}
