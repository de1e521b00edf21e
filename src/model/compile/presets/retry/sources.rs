//! Where each default of each system was read or measured.

use super::client_sources::{self, ClientSources};

/// One system.
pub(super) struct Sheet {
    pub name: &'static str,
    pub about: &'static str,
    pub rule: &'static str,
    pub parameters: &'static [(&'static str, &'static str)],
    pub client: &'static ClientSources,
}

const POSTCONF: &str = "postconf(5), Postfix 3.x";

pub(super) const POSTFIX: Sheet = Sheet {
    name: "Postfix",
    about: "Postfix 3.x (measured 3.7.11; sources of August 2026): the age doubles between two bounds, on the grid of queue scans",
    rule: "qmgr_active.c: qmgr_active_done_3_generic, qmgr_active_feed; measured, 3.7.11",
    parameters: &[
        ("minimal_backoff_time", POSTCONF),
        ("maximal_backoff_time", POSTCONF),
        ("queue_run_delay", POSTCONF),
        ("maximal_queue_lifetime", "postconf(5); looked at after an attempt (measured)"),
        ("bounce_queue_lifetime", POSTCONF),
        ("delay_warning_time", "postconf(5); looked at after an attempt, one second early"),
        ("qmgr_message_active_limit", POSTCONF),
        ("default_process_limit", POSTCONF),
        ("initial_destination_concurrency", POSTCONF),
        ("default_destination_concurrency_limit", POSTCONF),
        ("default_destination_concurrency_positive_feedback", POSTCONF),
        ("default_destination_concurrency_negative_feedback", POSTCONF),
        ("default_destination_concurrency_failed_cohort_limit", POSTCONF),
        (
            "default_destination_recipient_limit",
            "TUNING_README; smtp_destination_recipient_limit; a message with more is several",
        ),
        (
            "default_destination_rate_delay",
            "smtp_destination_rate_delay; qmgr_entry.c: qmgr_entry_done, qmgr_queue.c: qmgr_queue_suspend",
        ),
        ("smtp_connect_timeout", POSTCONF),
        ("smtp_helo_timeout", POSTCONF),
        ("smtp_starttls_timeout", POSTCONF),
        ("smtp_mail_timeout", POSTCONF),
        ("smtp_rcpt_timeout", POSTCONF),
        ("smtp_data_init_timeout", POSTCONF),
        ("smtp_data_xfer_timeout", POSTCONF),
        ("smtp_data_done_timeout", POSTCONF),
        ("smtp_connection_cache_on_demand", POSTCONF),
        ("smtp_connection_cache_time_limit", POSTCONF),
        ("smtp_connection_reuse_time_limit", POSTCONF),
        ("smtp_mx_address_limit", POSTCONF),
        ("smtp_mx_session_limit", POSTCONF),
        ("smtp_skip_5xx_greeting", "smtp(8); smtp_proto.c: smtp_helo"),
        ("smtp_randomize_addresses", "postconf(5); uniform per address (measured)"),
        ("scan_phase", "drawn once a replication: the time since qmgr was started"),
    ],
    client: &client_sources::POSTFIX,
};

const EXIM_SPEC: &str = "Exim specification, main or transport options";

const SMTP_C: &str = "transports/smtp.c: smtp_transport_entry, smtp_transport_option_defaults";

pub(super) const EXIM: Sheet = Sheet {
    name: "Exim",
    about: "Exim 4.9x (measured 4.96; sources of December 2025): a retry rule, acted on by queue runs",
    rule: "retry.c: retry_update; measured, 4.96",
    parameters: &[
        ("rule", "Exim's default configuration, retry section"),
        ("queue_run", "-q30m, as Debian starts it"),
        ("queue_run_max", EXIM_SPEC),
        ("queue_run_in_order", EXIM_SPEC),
        ("retry_interval_max", EXIM_SPEC),
        ("retry_data_expire", EXIM_SPEC),
        ("address_retry_include_sender", EXIM_SPEC),
        ("delay_warning", "Exim specification, main options; deliver.c: repeated at the last gap"),
        ("connection_max_messages", EXIM_SPEC),
        ("connect_timeout", EXIM_SPEC),
        ("command_timeout", EXIM_SPEC),
        ("data_timeout", EXIM_SPEC),
        ("final_timeout", EXIM_SPEC),
        ("hosts_max_try", EXIM_SPEC),
        ("hosts_max_try_hardlimit", EXIM_SPEC),
        ("delay_after_cutoff", SMTP_C),
        ("serialize_hosts", SMTP_C),
        ("max_rcpt", "Exim specification, smtp transport; a message with more is several, in parallel"),
        ("scan_phase", "drawn once a replication: the time since the daemon was started"),
    ],
    client: &client_sources::EXIM,
};

const OP: &str = "Sendmail Installation and Operation Guide 8.17";

pub(super) const SENDMAIL: Sheet = Sheet {
    name: "Sendmail",
    about: "sendmail 8.17 (measured 8.17.1.9): every queue run tries every job; MaxQueueAge makes the age double",
    rule: "queue.c: gatherq; Operation Guide, MinQueueAge, MaxQueueAge; measured, 8.17.1.9",
    parameters: &[
        ("queue_run", "-q10m, as Debian starts it"),
        ("MinQueueAge", OP),
        ("MaxQueueAge", OP),
        ("queuereturn", "Timeout.queuereturn; looked at after a try (measured)"),
        ("queuewarn", "Timeout.queuewarn, with the cf macros"),
        ("RetryFactor", "Operation Guide 8.17; each failed try adds it to the priority (measured)"),
        ("HostStatusDirectory", OP),
        ("hoststatus", OP),
        ("ConnectionCacheSize", "conf.c: MaxMciCache; mci.c: mci_scan, one process, one queue run"),
        ("ConnectionCacheTimeout", "conf.c: MciCacheTimeout"),
        ("connect", "Timeout.connect: zero is the kernel's own"),
        ("iconnect", "daemon.c: makeconnection, Timeout.iconnect; zero is as connect"),
        ("MaxQueueRunSize", "queue.c: gatherq, files in the order of the directory (here of arrival)"),
        (
            "SMTP_MAILER_MAXRCPTS",
            "r= of the mailer; readcf.c: makemailer, DEFAULT_MAX_RCPT; a message with more is several",
        ),
        ("initial", OP),
        ("helo", OP),
        ("starttls", OP),
        ("mail", OP),
        ("rcpt", OP),
        ("datainit", OP),
        ("datablock", OP),
        ("datafinal", OP),
        ("scan_phase", "drawn once a replication: the time since the daemon was started"),
    ],
    client: &client_sources::SENDMAIL,
};

pub(super) const QMAIL: Sheet = Sheet {
    name: "Qmail",
    about: "qmail 1.03, notqmail (sources of December 2024): squares of 20 seconds",
    rule: "qmail-send.c: nextretry",
    parameters: &[
        ("queuelifetime", "qmail-send(8); tried once more after it, as dying"),
        ("chanskip", "qmail-send.c, remote channel"),
        ("concurrencyremote", "qmail-send(8)"),
        ("timeoutconnect", "qmail-remote(8)"),
        ("timeoutremote", "qmail-remote(8)"),
    ],
    client: &client_sources::QMAIL,
};

pub(super) const OPENSMTPD: Sheet = Sheet {
    name: "OpenSmtpd",
    about: "OpenSMTPD (measured 6.8.0p2; sources of March 2026): 400 n^2 seconds after creation",
    rule: "scheduler_ramqueue.c: scheduler_backoff, scheduler_next; measured, 6.8.0p2",
    parameters: &[
        ("backoff", "scheduler_ramqueue.c: BACKOFF_TRANSFER; measured to the second"),
        ("ttl", "smtpd.conf(5), queue ttl; an exact timer (measured)"),
        ("warn_interval", "smtpd.conf(5), bounce warn-interval; scheduler.c, after a failure that waits past it"),
        ("max_conn_per_connector", "limit.c; mta.c: mta_connect"),
        ("max_conn_per_host", "limit.c; mta.c: mta_find_route"),
        ("max_conn_per_route", "limit.c; mta.c: mta_find_route"),
        ("max_conn_per_source", "limit.c; mta.c: mta_connect"),
        ("max_conn_per_relay", "limit.c; mta.c: mta_connect"),
        ("max_conn_per_domain", "limit.c; mta.c: mta_connect"),
        ("conn_delay_relay", "limit.c; measured: 2.0 to 2.6 s to the next host"),
        ("conn_delay_connector", "limit.c; mta.c: mta_connect"),
        ("conn_delay_domain", "limit.c; mta.c: mta_connect"),
        ("conn_delay_route", "limit.c; mta.c: mta_find_route"),
        ("conn_delay_host", "limit.c; mta.c: mta_find_route"),
        ("reconn_delay_route", "limit.c; mta.c: mta_find_route"),
        ("session_keepalive", "limit.c; mta_session.c: MTA_READY, hangon, once a second; measured"),
        ("session_mail_max", "limit.c"),
        ("max_deferred", "smtpd.conf(5), mta max-deferred; mta.c: mta_hoststat_cache; measured"),
        ("task_hiwat", "limit.c; mta.c: mta_handle_envelope; scheduler_ramqueue.c: scheduler_ram_release; measured"),
        ("timeout", "mta_session.c: io_set_timeout"),
    ],
    client: &client_sources::OPENSMTPD,
};

pub(super) const HARAKA: Sheet = Sheet {
    name: "Haraka",
    about: "Haraka 3.x (sources of May 2026): doubling from 64 s, the thirteenth failure is the last",
    rule: "outbound/hmail.js: temp_fail; outbound/config.js",
    parameters: &[
        ("maxTempFailures", "outbound/config.js"),
        ("temp_fail_intervals", "outbound/config.js: 2^(n + 5) s where none are given"),
        ("concurrency_max", "outbound/config.js"),
        ("connect_timeout", "outbound/config.js"),
    ],
    client: &client_sources::HARAKA,
};

pub(super) const KUMOMTA: Sheet = Sheet {
    name: "KumoMta",
    about: "KumoMTA (sources of August 2026): doubling from 20 minutes without a cap, half a minute of jitter either way",
    rule: "kumod queue/config.rs: delay_for_attempt; queue.rs: increment_attempts_and_update_delay; resolver of its own: docs.kumomta.com, kumo.dns",
    parameters: &[
        ("retry_interval", "make_queue_config"),
        ("max_retry_interval", "make_queue_config"),
        ("max_age", "make_queue_config"),
        ("connection_limit", "make_egress_path; ready_queue.rs: ideal_connection_count"),
        ("max_deliveries_per_connection", "make_egress_path"),
        (
            "consecutive_connection_failures_before_delay",
            "make_egress_path; ready_queue.rs: Dispatcher::run, delay_ready_queue",
        ),
        ("max_ready", "make_egress_path; queue.rs: force_into_delayed, message.rs: delay_with_jitter(60)"),
        ("max_recipients_per_batch", "make_egress_path; a message with more is several"),
        ("try_next_host_on_transport_error", "make_egress_path (2025.10.06)"),
        ("connect_timeout", "rfc5321 client_types.rs"),
        ("banner_timeout", "rfc5321 client_types.rs"),
        ("ehlo_timeout", "rfc5321 client_types.rs"),
        ("starttls_timeout", "rfc5321 client_types.rs"),
        ("mail_from_timeout", "rfc5321 client_types.rs"),
        ("rcpt_to_timeout", "rfc5321 client_types.rs"),
        ("data_timeout", "rfc5321 client_types.rs"),
        ("data_dot_timeout", "rfc5321 client_types.rs"),
        ("cache_size", "docs.kumomta.com, kumo.dns resolver options"),
        (
            "mx_negative_cache_ttl",
            "crates/dns-resolver/src/lib.rs: MX_NEGATIVE_TTL (kumo.dns.set_mx_negative_cache_ttl)",
        ),
        ("mx_timeout", "crates/dns-resolver/src/lib.rs: MX_TIMEOUT_MS (kumo.dns.set_mx_timeout)"),
    ],
    client: &client_sources::KUMOMTA,
};

const STALWART_TIMEOUTS: &str = "common/src/config/smtp/queue.rs: queue.outbound.timeouts";

pub(super) const STALWART: Sheet = Sheet {
    name: "Stalwart",
    about: "Stalwart 0.12 (sources of June 2025): a table whose last entry repeats",
    rule: "smtp config/queue.rs; outbound/delivery.rs; the queue's next event is the earliest of retry, notify and expire",
    parameters: &[
        ("retry", "common/src/config/smtp/queue.rs"),
        ("notify", "common/src/config/smtp/queue.rs"),
        ("expire", "common/src/config/smtp/queue.rs"),
        ("mx", "common/src/config/smtp/queue.rs"),
        ("multihomed", "common/src/config/smtp/queue.rs"),
        ("connect", STALWART_TIMEOUTS),
        ("greeting", STALWART_TIMEOUTS),
        ("tls", STALWART_TIMEOUTS),
        ("ehlo", STALWART_TIMEOUTS),
        ("mail_from", STALWART_TIMEOUTS),
        ("rcpt_to", STALWART_TIMEOUTS),
        ("data", STALWART_TIMEOUTS),
    ],
    client: &client_sources::STALWART,
};

pub(super) const ZONEMTA: Sheet = Sheet {
    name: "ZoneMta",
    about: "ZoneMTA 3.x (sources of July 2026): a table of seventeen waits, 48 h in all",
    rule: "lib/sender.js: DEFAULT_DEFER_TIMES; config/default.js (dns)",
    parameters: &[
        ("defer_times", "lib/sender.js: DEFAULT_DEFER_TIMES"),
        ("connections", "config/default.js, zones"),
        ("connectionCacheTtl", "lib/sender.js: zone.connectionCache.ttl"),
        ("connectionCacheReuseCount", "lib/sender.js: zone.connectionCache.reuseCount"),
        (
            "connectionTimeout",
            "lib/sender.js: getConnection; of the TCP connection mx-connect, MAX_CONNECT_TIME, as long",
        ),
        ("greetingTimeout", "lib/sender.js: getConnection"),
        ("socketTimeout", "nodemailer smtp-connection: SOCKET_TIMEOUT, a reply's"),
        ("caching", "config/default.js, dns"),
        (
            "cacheTTL",
            "config/default.js, dns; lib/ip-tools.js: every answer for as long, whatever its TTL; no negative ones",
        ),
    ],
    client: &client_sources::ZONEMTA,
};

pub(super) const MOX: Sheet = Sheet {
    name: "Mox",
    about: "mox (sources of August 2026): doubling from 7.5 minutes, eight attempts",
    rule: "queue/queue.go: deliver; queue/dsn.go",
    parameters: &[
        ("backoff", "queue/queue.go: deliver"),
        ("max_attempts", "queue/queue.go: deliver (its comment lists one more)"),
        ("delayed_dsn_attempt", "queue/queue.go: deliver"),
        ("max_concurrent_deliveries", "queue/queue.go"),
        ("dial_timeout", "smtpclient/dial.go"),
    ],
    client: &client_sources::MOX,
};

pub(super) const MADDY: Sheet = Sheet {
    name: "Maddy",
    about: "maddy 0.8 (sources of May 2026): 15 minutes times a power of 1.25 truncated to a whole number, twenty tries",
    rule: "internal/target/queue/queue.go: the factor is converted to a whole number before it multiplies",
    parameters: &[
        ("initial_retry_time", "target/queue/queue.go"),
        ("retry_time_scale", "target/queue/queue.go"),
        ("max_tries", "target/queue/queue.go"),
        ("max_parallelism", "target/queue/queue.go"),
        ("conn_reuse_limit", "target/remote/remote.go; connect.go: mxConn.Usable"),
        ("conn_max_idle_count", "target/remote/remote.go"),
        ("conn_max_idle_time", "target/remote/remote.go; smtpconn/pool: P.Get, P.Return"),
        ("connect_timeout", "target/remote"),
        ("command_timeout", "target/remote"),
        ("submission_timeout", "target/remote; of the reply to the end of data"),
    ],
    client: &client_sources::MADDY,
};

pub(super) const CHASQUID: Sheet = Sheet {
    name: "Chasquid",
    about: "chasquid 1.x (sources of June 2026): 1, 5, 10, then 20 minutes by age, and up to a minute at random",
    rule: "internal/queue/queue.go: nextDelay, SendLoop",
    parameters: &[
        ("give_up_send_after", "internal/config/config.go: GiveUpSendAfter; looked at on waking"),
        (
            "max_queue_items",
            "internal/config/config.go: MaxQueueItems; Put refuses more; not modelled, the queue here has no bound",
        ),
        ("max_mx", "internal/courier/smtp.go"),
        ("dial_timeout", "internal/courier/smtp.go"),
        ("total_timeout", "internal/courier/smtp.go"),
    ],
    client: &client_sources::CHASQUID,
};

const EXCHANGE_DOC: &str = "learn.microsoft.com, Exchange message retry, resubmit and expiration intervals";

const WINDOWS_DNS: &str = "registry, Dnscache\\Parameters of Windows Server 2003 and later (second-hand: itprotoday.com on Exchange's look-ups)";

pub(super) const EXCHANGE: Sheet = Sheet {
    name: "Exchange",
    about: "Exchange Server 2016 to 2019, mailbox server (documentation only): 4 x 1 min, 6 x 5 min, then every 10 min; 15 min after a 4yz to the message",
    rule: EXCHANGE_DOC,
    parameters: &[
        ("QueueGlitchRetryCount", EXCHANGE_DOC),
        ("QueueGlitchRetryInterval", EXCHANGE_DOC),
        ("TransientFailureRetryCount", EXCHANGE_DOC),
        ("TransientFailureRetryInterval", EXCHANGE_DOC),
        ("OutboundConnectionFailureRetryInterval", EXCHANGE_DOC),
        (
            "MessageRetryInterval",
            "learn.microsoft.com, TransportServer.MessageRetryInterval (Exchange 2013 and later; 1 min before)",
        ),
        ("MaxIdleTimeBeforeResubmit", "EdgeTransport.exe.config; not modelled: routes are looked up at each attempt"),
        ("MessageExpirationTimeout", EXCHANGE_DOC),
        ("DelayNotificationTimeout", EXCHANGE_DOC),
        ("MaxPerDomainOutboundConnections", EXCHANGE_DOC),
        ("MaxOutboundConnections", EXCHANGE_DOC),
        ("ConnectionInactivityTimeOut", "learn.microsoft.com, Set-SendConnector"),
        ("MaxCacheTtl", WINDOWS_DNS),
        ("MaxNegativeCacheTtl", WINDOWS_DNS),
    ],
    client: &client_sources::EXCHANGE,
};
