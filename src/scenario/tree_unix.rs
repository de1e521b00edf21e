//! Retry parameters of sendmail, qmail and OpenSMTPD, each by its own names.

use serde::{Deserialize, Serialize};

use super::units::{Duration, seconds};

/// sendmail's options (op.txt), with the queue run's interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(non_snake_case, reason = "the options' own names")]
pub struct SendmailRetry {
    /// Time between queue runs (`-q10m`).
    pub queue_run: Duration,
    /// A job tried less than this ago is skipped, where `MaxQueueAge` is zero.
    pub MinQueueAge: Duration,
    /// Above zero: a job waits as long as it was old at its last try, at most this, so that its age doubles.
    pub MaxQueueAge: Duration,
    /// `Timeout.queuereturn`: given up after the try at which it is older.
    pub queuereturn: Duration,
    /// `Timeout.queuewarn`; `"0s"` is never.
    pub queuewarn: Duration,
    /// What a failed try adds to a job's priority: it sinks.
    pub RetryFactor: u32,
    /// Whether the status of hosts is kept over processes (`HostStatusDirectory`).
    pub HostStatusDirectory: bool,
    /// `Timeout.hoststatus`.
    pub hoststatus: Duration,
    /// Connections that a queue run keeps open for the messages that follow.
    pub ConnectionCacheSize: u32,
    /// How long.
    pub ConnectionCacheTimeout: Duration,
    /// `Timeout.connect`; `"0s"` is the kernel's own.
    pub connect: Duration,
    /// `Timeout.iconnect`: the same at a message's first attempt; `"0s"` is `connect`.
    pub iconnect: Duration,
    /// Most jobs in a queue run, those that came first; `0` is no limit.
    pub MaxQueueRunSize: u32,
    /// Most recipients in a transaction: a message with more is several.
    pub SMTP_MAILER_MAXRCPTS: u32,
    /// `Timeout.initial`: how long the greeting may take; `"0s"` is no limit, here and below.
    pub initial: Duration,
    /// `Timeout.helo`: and the replies to EHLO,
    pub helo: Duration,
    /// `Timeout.starttls`: to STARTTLS, with the handshake,
    pub starttls: Duration,
    /// `Timeout.mail`: to MAIL,
    pub mail: Duration,
    /// `Timeout.rcpt`: to a RCPT,
    pub rcpt: Duration,
    /// `Timeout.datainit`: to DATA;
    pub datainit: Duration,
    /// `Timeout.datablock`: how long the host may take no more of the body,
    pub datablock: Duration,
    /// `Timeout.datafinal`: and how long the reply to the end of data may take.
    pub datafinal: Duration,
    /// When the queue runs fall, as a time less than `queue_run`; drawn once a replication if absent.
    pub scan_phase: Option<Duration>,
}

impl Default for SendmailRetry {
    fn default() -> Self {
        Self {
            queue_run: seconds(600),
            MinQueueAge: seconds(0),
            MaxQueueAge: seconds(0),
            queuereturn: seconds(5 * 86_400),
            queuewarn: seconds(4 * 3600),
            RetryFactor: 90_000,
            HostStatusDirectory: false,
            hoststatus: seconds(30 * 60),
            ConnectionCacheSize: 1,
            ConnectionCacheTimeout: seconds(300),
            connect: seconds(0),
            iconnect: seconds(0),
            MaxQueueRunSize: 0,
            SMTP_MAILER_MAXRCPTS: 100,
            initial: seconds(300),
            helo: seconds(300),
            starttls: seconds(3600),
            mail: seconds(600),
            rcpt: seconds(3600),
            datainit: seconds(300),
            datablock: seconds(3600),
            datafinal: seconds(3600),
            scan_phase: None,
        }
    }
}

/// qmail's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QmailRetry {
    /// `queuelifetime`: tried once more after this age, then given up.
    pub queuelifetime: Duration,
    /// `chanskip` of the remote channel.
    pub chanskip: u32,
    /// Deliveries at once.
    pub concurrencyremote: u32,
    /// How long a SYN may go unanswered.
    pub timeoutconnect: Duration,
    /// How long a reply may take.
    pub timeoutremote: Duration,
}

impl Default for QmailRetry {
    fn default() -> Self {
        Self {
            queuelifetime: seconds(604_800),
            chanskip: 20,
            concurrencyremote: 20,
            timeoutconnect: seconds(60),
            timeoutremote: seconds(1200),
        }
    }
}

/// OpenSMTPD's parameters (smtpd.conf(5); the rest are constants of its source).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenSmtpdRetry {
    /// `BACKOFF_TRANSFER`: attempts at this times n^2 after creation.
    pub backoff: Duration,
    /// `queue ttl`: given up by a timer at this age.
    pub ttl: Duration,
    /// `bounce warn-interval`.
    pub warn_interval: Vec<Duration>,
    /// `limit mta max-conn-per-connector`: connections to a domain.
    pub max_conn_per_connector: u32,
    /// `limit mta max-conn-per-host`.
    pub max_conn_per_host: u32,
    /// `limit mta max-conn-per-route`.
    pub max_conn_per_route: u32,
    /// `limit mta max-conn-per-source`: connections in all, there being one source address.
    pub max_conn_per_source: u32,
    /// `limit mta max-conn-per-relay`, `-domain`: connections to a domain, as with `max_conn_per_connector`.
    pub max_conn_per_relay: u32,
    pub max_conn_per_domain: u32,
    /// `limit mta conn-delay-relay`, `-connector`, `-domain`: from one connection to a domain to the next; the longest counts.
    pub conn_delay_relay: Duration,
    pub conn_delay_connector: Duration,
    pub conn_delay_domain: Duration,
    /// `limit mta conn-delay-route`, `-host`: from one connection to a host to the next; the longer counts.
    pub conn_delay_route: Duration,
    pub conn_delay_host: Duration,
    /// `limit mta reconn-delay-route`: from the end of a connection to a host to the next.
    #[serde(rename = "reconn_delay_route", alias = "disc_delay_route")]
    pub disc_delay_route: Duration,
    /// `limit mta session-keepalive`: how long the last session to a domain stays without a message.
    pub session_keepalive: Duration,
    /// `limit mta session-mail-max`: messages in a session.
    #[serde(rename = "session_mail_max", alias = "max_mail_per_session")]
    pub max_mail_per_session: u32,
    /// `mta max-deferred`: how many messages a domain, put off since no route was left, are tried at its next success.
    pub max_deferred: u32,
    /// `limit mta task-hiwat`: how many of these are taken up at once; the others wait for their own time.
    pub task_hiwat: u32,
    /// Time-out of a connection and of each reply.
    pub timeout: Duration,
}

impl Default for OpenSmtpdRetry {
    fn default() -> Self {
        Self {
            backoff: seconds(400),
            ttl: seconds(4 * 86_400),
            warn_interval: vec![seconds(4 * 3600)],
            max_conn_per_connector: 20,
            max_conn_per_host: 10,
            max_conn_per_route: 5,
            max_conn_per_source: 100,
            max_conn_per_relay: 100,
            max_conn_per_domain: 100,
            conn_delay_relay: seconds(2),
            conn_delay_connector: seconds(0),
            conn_delay_domain: seconds(0),
            conn_delay_route: seconds(5),
            conn_delay_host: seconds(0),
            disc_delay_route: seconds(3),
            session_keepalive: seconds(10),
            max_mail_per_session: 100,
            max_deferred: 100,
            task_hiwat: 50,
            timeout: seconds(300),
        }
    }
}
