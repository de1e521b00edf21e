//! What the parameters of each system's policy must hold to.

use super::field;
use crate::engine::time::SimDuration;
use crate::model::compile::Compiler;
use crate::scenario::tree::Retry;
use crate::scenario::units::Duration;

/// qmail squares sums of it in seconds: past this a wait is longer than a run.
const CHANSKIP_MAX: u32 = 10_000;

/// Most entries of a table that is made, not written.
pub(super) const ATTEMPTS_MAX: u32 = 100_000;

/// Parameters by what holds for them, in the order of the system's own list.
#[derive(Default)]
struct Bounds<'r> {
    above_zero: Vec<(&'static str, Duration)>,
    at_least_one: Vec<(&'static str, u32)>,
    attempts: Vec<(&'static str, u32)>,
    waits: Vec<(&'static str, &'r [Duration])>,
    /// The phase of a scan, within its period.
    phase: Option<(Option<Duration>, Duration)>,
}

fn bounds(retry: &Retry) -> Bounds<'_> {
    let none = Bounds::default();
    match retry {
        Retry::Postfix(own) => Bounds {
            above_zero: vec![
                ("minimal_backoff_time", own.minimal_backoff_time),
                ("queue_run_delay", own.queue_run_delay),
                // smtp_params.c: at least a second. smtp_connect_timeout may be 0.
                ("smtp_helo_timeout", own.smtp_helo_timeout),
                ("smtp_starttls_timeout", own.smtp_starttls_timeout),
                ("smtp_mail_timeout", own.smtp_mail_timeout),
                ("smtp_rcpt_timeout", own.smtp_rcpt_timeout),
                ("smtp_data_init_timeout", own.smtp_data_init_timeout),
                ("smtp_data_xfer_timeout", own.smtp_data_xfer_timeout),
                ("smtp_data_done_timeout", own.smtp_data_done_timeout),
            ],
            at_least_one: vec![
                ("qmgr_message_active_limit", own.qmgr_message_active_limit),
                ("default_process_limit", own.default_process_limit),
                ("initial_destination_concurrency", own.initial_destination_concurrency),
            ],
            phase: Some((own.scan_phase, own.queue_run_delay)),
            ..none
        },
        Retry::Exim(own) => Bounds {
            above_zero: vec![
                ("queue_run", own.queue_run),
                ("retry_interval_max", own.retry_interval_max),
                // transports/smtp.c: "command, data, or final timeout value is zero". connect_timeout may be 0.
                ("command_timeout", own.command_timeout),
                ("data_timeout", own.data_timeout),
                ("final_timeout", own.final_timeout),
            ],
            at_least_one: vec![("queue_run_max", own.queue_run_max)],
            phase: Some((own.scan_phase, own.queue_run)),
            ..none
        },
        Retry::Sendmail(own) => Bounds {
            above_zero: vec![("queue_run", own.queue_run)],
            at_least_one: vec![("SMTP_MAILER_MAXRCPTS", own.SMTP_MAILER_MAXRCPTS)],
            phase: Some((own.scan_phase, own.queue_run)),
            ..none
        },
        Retry::Qmail(own) => Bounds {
            above_zero: vec![("timeoutconnect", own.timeoutconnect), ("timeoutremote", own.timeoutremote)],
            at_least_one: vec![("concurrencyremote", own.concurrencyremote)],
            ..none
        },
        Retry::OpenSmtpd(own) => Bounds {
            above_zero: vec![("timeout", own.timeout)],
            at_least_one: vec![
                ("max_conn_per_route", own.max_conn_per_route),
                ("max_conn_per_host", own.max_conn_per_host),
                ("max_conn_per_connector", own.max_conn_per_connector),
                ("max_conn_per_source", own.max_conn_per_source),
                ("max_conn_per_relay", own.max_conn_per_relay),
                ("max_conn_per_domain", own.max_conn_per_domain),
                ("session_mail_max", own.max_mail_per_session),
                ("task_hiwat", own.task_hiwat),
            ],
            ..none
        },
        Retry::Haraka(own) => Bounds {
            above_zero: vec![("connect_timeout", own.connect_timeout)],
            attempts: vec![("maxTempFailures", own.max_temp_failures)],
            at_least_one: vec![("concurrency_max", own.concurrency_max)],
            waits: vec![("temp_fail_intervals", &own.temp_fail_intervals)],
            ..none
        },
        Retry::KumoMta(own) => Bounds {
            above_zero: [
                ("retry_interval", Some(own.retry_interval)),
                ("max_retry_interval", own.max_retry_interval),
                ("connect_timeout", Some(own.connect_timeout)),
                ("banner_timeout", Some(own.banner_timeout)),
                ("ehlo_timeout", Some(own.ehlo_timeout)),
                ("starttls_timeout", Some(own.starttls_timeout)),
                ("mail_from_timeout", Some(own.mail_from_timeout)),
                ("rcpt_to_timeout", Some(own.rcpt_to_timeout)),
                ("data_timeout", Some(own.data_timeout)),
                ("data_dot_timeout", Some(own.data_dot_timeout)),
            ]
            .into_iter()
            .filter_map(|(name, span)| Some((name, span?)))
            .collect(),
            at_least_one: vec![
                ("connection_limit", own.connection_limit),
                ("max_deliveries_per_connection", own.max_deliveries_per_connection),
                ("max_recipients_per_batch", own.max_recipients_per_batch),
            ],
            ..none
        },
        Retry::Stalwart(own) => Bounds {
            above_zero: vec![
                ("connect", own.connect),
                ("greeting", own.greeting),
                ("tls", own.tls),
                ("ehlo", own.ehlo),
                ("mail_from", own.mail_from),
                ("rcpt_to", own.rcpt_to),
                ("data", own.data),
            ],
            waits: vec![("retry", &own.retry)],
            ..none
        },
        Retry::ZoneMta(own) => Bounds {
            above_zero: vec![
                ("connectionTimeout", own.connection_timeout),
                ("greetingTimeout", own.greeting_timeout),
                ("socketTimeout", own.socket_timeout),
            ],
            waits: vec![("defer_times", &own.defer_times)],
            at_least_one: vec![("connections", own.connections)],
            ..none
        },
        Retry::Mox(own) => Bounds {
            above_zero: vec![("dial_timeout", own.dial_timeout)],
            attempts: vec![("max_attempts", own.max_attempts)],
            at_least_one: vec![("max_concurrent_deliveries", own.max_concurrent_deliveries)],
            ..none
        },
        Retry::Maddy(own) => Bounds {
            above_zero: vec![
                ("initial_retry_time", own.initial_retry_time),
                ("connect_timeout", own.connect_timeout),
                ("command_timeout", own.command_timeout),
                ("submission_timeout", own.submission_timeout),
            ],
            attempts: vec![("max_tries", own.max_tries)],
            at_least_one: vec![("max_parallelism", own.max_parallelism)],
            ..none
        },
        Retry::Exchange(own) => Bounds {
            above_zero: vec![
                ("QueueGlitchRetryInterval", own.QueueGlitchRetryInterval),
                ("TransientFailureRetryInterval", own.TransientFailureRetryInterval),
                ("OutboundConnectionFailureRetryInterval", own.OutboundConnectionFailureRetryInterval),
                ("MessageRetryInterval", own.MessageRetryInterval),
                ("ConnectionInactivityTimeOut", own.ConnectionInactivityTimeOut),
            ],
            at_least_one: vec![
                ("MaxPerDomainOutboundConnections", own.MaxPerDomainOutboundConnections),
                ("MaxOutboundConnections", own.MaxOutboundConnections),
            ],
            ..none
        },
        Retry::Chasquid(own) => Bounds {
            above_zero: vec![("dial_timeout", own.dial_timeout), ("total_timeout", own.total_timeout)],
            ..none
        },
        Retry::Custom(_) => none,
        Retry::PostfixConfig(_) | Retry::EximConfig(_) | Retry::Mix(_) => none,
    }
}

impl Compiler<'_> {
    pub(in crate::model::compile) fn check_retry(&mut self, path: &[&str], retry: &Retry) {
        let Bounds { above_zero, at_least_one, attempts, waits, phase } = bounds(retry);
        self.check_own(path, retry);
        for (name, count) in at_least_one {
            self.at_least_one(&field(path, name), count);
        }
        for (name, count) in attempts {
            self.expect(path, name, (1..=ATTEMPTS_MAX).contains(&count), &format!("{count} attempts"), || {
                format!("expected 1 to {ATTEMPTS_MAX}")
            });
        }
        for (name, waits) in waits {
            for (index, wait) in waits.iter().enumerate() {
                let (path, index) = (field(path, name), index.to_string());
                self.above_zero(&path.iter().copied().chain([index.as_str()]).collect::<Vec<_>>(), wait.0);
            }
        }
        if let Some((phase, period)) = phase {
            let is_within = phase.is_none_or(|phase| phase < period);
            self.expect(path, "scan_phase", is_within, "a phase of a period or more", || {
                format!("expected less than {}", period.0)
            });
        }
        self.warn_not_modelled(path, retry);
        for (name, span) in above_zero {
            self.above_zero(&field(path, name), span.0);
        }
    }

    /// What only one system asks of its parameters.
    fn check_own(&mut self, path: &[&str], retry: &Retry) {
        match retry {
            Retry::Postfix(own) => {
                let (least, most) = (own.minimal_backoff_time, own.maximal_backoff_time);
                if least > most {
                    let [first, second] =
                        ["minimal_backoff_time", "maximal_backoff_time"].map(|name| field(path, name));
                    let at = if self.is_written(&first) { first } else { second };
                    let message = format!(
                        "`minimal_backoff_time` ({} s) is longer than `maximal_backoff_time` ({} s)",
                        least.0.as_secs_f64(),
                        most.0.as_secs_f64()
                    );
                    self.error(&at, message);
                }
                // qmgr_message.c, qmgr_message_resolve: such a destination is a recipient.
                if own.default_destination_recipient_limit == 1 {
                    let told =
                        "with a limit of one each recipient is a destination; here the concurrency stays the domain's";
                    self.warning(&field(path, "default_destination_recipient_limit"), told);
                }
                let cohorts = own.default_destination_concurrency_failed_cohort_limit;
                let name = "default_destination_concurrency_failed_cohort_limit";
                self.expect(path, name, (0.0..=1e6).contains(&cohorts), &format!("{cohorts} cohorts"), || {
                    "expected a number from 0 to 1000000".into()
                });
            }
            Retry::Qmail(own) => {
                let is_in = (1..=CHANSKIP_MAX).contains(&own.chanskip);
                self.expect(path, "chanskip", is_in, &format!("a `chanskip` of {}", own.chanskip), || {
                    format!("expected 1 to {CHANSKIP_MAX}")
                });
            }
            Retry::OpenSmtpd(own) => {
                let is_in = own.backoff.0 >= SimDuration::from_secs(1);
                self.expect(path, "backoff", is_in, "less than a second", || {
                    "expected whole seconds, at least 1s".into()
                });
            }
            Retry::Stalwart(own) if own.retry.is_empty() => {
                self.error(&field(path, "retry"), "no wait at all");
            }
            Retry::Mox(own) => {
                let is_in = own.backoff.0 >= SimDuration::from_secs(6);
                self.expect(path, "backoff", is_in, "no longer than its jitter, which takes up to 5 s off", || {
                    "expected at least 6s".into()
                });
            }
            Retry::Maddy(own) => {
                let scale = own.retry_time_scale;
                self.expect(
                    path,
                    "retry_time_scale",
                    (1.0..=1e3).contains(&scale),
                    &format!("a scale of {scale}"),
                    || "expected 1 to 1000".into(),
                );
            }
            Retry::Exchange(own) => {
                for (name, count) in [
                    ("QueueGlitchRetryCount", own.QueueGlitchRetryCount),
                    ("TransientFailureRetryCount", own.TransientFailureRetryCount),
                ] {
                    self.expect(path, name, count <= ATTEMPTS_MAX, &format!("{count} retries"), || {
                        format!("expected at most {ATTEMPTS_MAX}")
                    });
                }
            }
            _ => {}
        }
    }

    /// An error at a parameter that is not as it must be.
    pub(super) fn expect(
        &mut self,
        path: &[&str],
        name: &str,
        is_so: bool,
        message: &str,
        label: impl FnOnce() -> String,
    ) {
        if !is_so {
            self.error(&field(path, name), message).label = label();
        }
    }

    pub(in crate::model::compile) fn above_zero(&mut self, path: &[&str], span: SimDuration) {
        if span.is_zero() {
            self.error(path, "no time at all").label = "expected a duration above zero".into();
        }
    }

    pub(in crate::model::compile) fn at_least_one(&mut self, path: &[&str], count: u32) {
        if count == 0 {
            self.error(path, "none at all").label = "expected at least 1".into();
        }
    }
}
