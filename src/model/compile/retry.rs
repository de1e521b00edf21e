//! Retry policies: what a system's parameters, by its own names, must hold to.

mod config;
mod custom;
mod mix;
mod not_modelled;
mod policies;

use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use crate::engine::time::SimDuration;
use crate::model::mail::{EximCase, EximErrors, RetryPolicy};
use crate::scenario::diagnostic::SourceText;
use crate::scenario::exim_retry::{EximRule, read_exim_rule};
use crate::scenario::tree::Retry;
use crate::scenario::units::Duration;

pub(super) use config::Configs;
pub use policies::preset_policy;

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
                policies::exim(exim, vec![EximCase { domains: None, errors: EximErrors::Any, rule }])
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
                self.at_least_one(&field(path, "max_conn_per_host"), smtpd.max_conn_per_host);
                self.at_least_one(&field(path, "max_conn_per_connector"), smtpd.max_conn_per_connector);
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
        if rule.is_empty() && place.source.text.get(place.span.clone()) == Some("\"\"") {
            return (place.source, place.span.start + 1..place.span.start + 1);
        }
        if place.source.text.get(place.span.clone()) == Some(rule) {
            return (place.source, place.span);
        }
        (Arc::new(SourceText { name: "a retry rule".into(), text: rule.into() }), 0..rule.len())
    }
}

/// A path with one more step.
pub(super) fn field<'a>(path: &[&'a str], name: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([name]).collect()
}
