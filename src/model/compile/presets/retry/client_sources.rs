//! Where each system's SMTP client was read or measured, a text a group of rows. What was not looked at in the system's own
//! source says that it is assumed.

/// Sources of what a client does within an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientSources {
    /// Of its time-outs.
    pub timeouts: &'static str,
    /// Of what limits the addresses, exchanges and sessions of an attempt.
    pub limits: &'static str,
    /// Of the recipients in a transaction.
    pub recipients: &'static str,
    /// Of the order among equals.
    pub order: &'static str,
    /// Of which of IPv4 and IPv6 comes first.
    pub families: &'static str,
    /// Of what it says of a host's extensions.
    pub session: &'static str,
    /// Of what each DNS outcome leads to.
    pub dns: &'static str,
    /// Of how it reports what it found out by itself.
    pub codes: &'static str,
    /// Of what becomes of its own name in an MX list.
    pub own: &'static str,
    /// Of when a message is held to loop.
    pub hops: &'static str,
    /// Of what a 552 is to it.
    pub soft_552: &'static str,
    /// Of what a failure at each stage leads to.
    pub stages: &'static str,
}

const ASSUMED: &str = "assumed";
const NO_LIMIT: &str = "its source has none";
const NOT_SOFT: &str = "the code's first digit";
const RFC_3463: &str = "assumed: RFC 3463";

/// A client that a scenario describes.
pub(super) const AS_GIVEN: ClientSources = ClientSources {
    timeouts: "as given",
    limits: "as given",
    recipients: "as given",
    order: "as given",
    families: "as given",
    session: "as given",
    dns: "as given",
    codes: "as given",
    own: "as given",
    hops: "as given",
    soft_552: "as given",
    stages: "as given",
};

pub(super) const POSTFIX: ClientSources = ClientSources {
    timeouts: "postconf(5); mail_params.h",
    limits: "postconf(5); smtp_connect.c: smtp_connect_inet (a failed handshake is no session); measured, 3.7.11",
    recipients: "mail_params.h: default_destination_recipient_limit",
    order: "smtp_addr.c: smtp_domain_addr; uniform per address (measured, 3.7.11)",
    families: "smtp_addr.c: smtp_address_preference any, smtp_balance_inet_protocols",
    session: "mail_params.h: DEF_SMTP_TLS_LEVEL; smtp_proto.c: smtp_helo, smtp_xfer; smtp.h: PLAINTEXT_FALLBACK_OK_AFTER_STARTTLS_FAILURE; `client.tls`",
    dns: "smtp_addr.c, smtp_connect.c; measured, 3.7.11",
    codes: "measured, 3.7.11; bounce_notify_util.c: bounce_recipient_dsn; RFC 3463 where it says none",
    own: "smtp_addr.c: smtp_find_self, smtp_truncate_self",
    hops: "mail_params.h: hopcount_limit",
    soft_552: NOT_SOFT,
    stages: "smtp_trouble.c; measured, 3.7.11",
};

pub(super) const EXIM: ClientSources = ClientSources {
    timeouts: "Exim specification, smtp transport: connect_timeout, command_timeout, data_timeout, final_timeout",
    limits: "Exim specification, smtp transport: hosts_max_try, hosts_max_try_hardlimit; all eight failing MX tried (measured, 4.96)",
    recipients: "Exim specification, smtp transport: max_rcpt",
    order: "host.c: host_find_bydns; uniform per name (measured, 4.96)",
    families: "host.c, host_find_bydns: within one preference IPv6 comes first",
    session: "transports/smtp.c: tls_tempfail_tryclear; specification: hosts_avoid_pipelining, hosts_try_chunking; `client.tls`",
    dns: "measured, 4.96",
    codes: "deliver.c: deliver_message, 5.0.0 and 4.0.0 whatever happened",
    own: "host.c: host_find_bydns",
    hops: "Exim specification, main options: received_headers_max",
    soft_552: NOT_SOFT,
    stages: "Exim specification, retry keys; measured, 4.96",
};

pub(super) const SENDMAIL: ClientSources = ClientSources {
    timeouts: "Operation Guide 8.17: Timeout options",
    limits: "deliver.c: tryhost; measured, 8.17.1.9",
    recipients: "readcf.c: makemailer, DEFAULT_MAX_RCPT",
    order: "deliver.c: parse_hostsignature; uniform per name, a name's first address first (measured, 8.17.1.9)",
    families: "daemon.c, makeconnection: of each host IPv6 first, then IPv4",
    session: "deliver.c: deliver (RCPTs alone are pipelined), starttls (after a refusal it goes on; that the ruleset tls_server does not object is assumed); `client.tls`",
    dns: "domain.c: getmxrr; measured, 8.17.1.9",
    codes: "measured, 8.17.1.9; envelope.c: dropenvelope",
    own: "domain.c: getmxrr",
    hops: "Operation Guide 8.17: MaxHopCount",
    soft_552: NOT_SOFT,
    stages: "deliver.c: tryhost; measured, 8.17.1.9",
};

pub(super) const QMAIL: ClientSources = ClientSources {
    timeouts: "qmail-remote(8): timeoutconnect, timeoutremote",
    limits: NO_LIMIT,
    recipients: "qmail-rspawn.c: spawn",
    order: "dns.c: dns_mxip",
    families: "dns.c, dns_ipplus: A records alone",
    session: "qmail-remote.c: smtp; HELO, one command after the other",
    dns: "qmail-remote.c, dns.c",
    codes: "qmail-remote.c: perm_dns, perm_nomx, temp_dns, temp_noconn, dropped; qmail-send.c",
    own: "qmail-remote.c: prefme",
    hops: "qmail-smtpd.c: MAXHOPS",
    soft_552: NOT_SOFT,
    stages: "qmail-remote.c",
};

pub(super) const OPENSMTPD: ClientSources = ClientSources {
    timeouts: "mta_session.c: mta_connect, io_set_timeout",
    limits: "mta.c: mta_find_route",
    recipients: NO_LIMIT,
    order: "mta.c: mta_find_route; measured, 6.8.0p2",
    families: "libasr, asr.c: AF_INET6 before AF_INET",
    session: "mta_session.c: mta_enter_state, mta_response (MTA_STARTTLS), mta_io (MTA_DOWNGRADE_PLAIN); one command a reply; `client.tls`",
    dns: "measured, 6.8.0p2",
    codes: "queue.c: IMSG_SCHED_ENVELOPE_EXPIRE; RFC 3463 where it says none",
    own: "mta.c: mta_query_preference, where the action says it is a backup",
    hops: "smtpd-defines.h: MAX_HOPS_COUNT",
    soft_552: "mta_session.c: mta_response, the first digit",
    stages: "mta_session.c; measured, 6.8.0p2",
};

pub(super) const HARAKA: ClientSources = ClientSources {
    timeouts: "outbound/client_pool.js",
    limits: NO_LIMIT,
    recipients: NO_LIMIT,
    order: "outbound/hmail.js: sort_mx, one pass of adjacent swaps",
    families: "outbound/config.js: ipv6_enabled is off",
    session: "outbound/hmail.js: try_deliver_host_on_socket; one command a reply, STARTTLS where it is offered; `client.tls`",
    dns: "outbound/hmail.js: get_mx_error, found_mx",
    codes: RFC_3463,
    own: "outbound/hmail.js: try_deliver (local_mx_ok is off); \"Tried all MXs\"",
    hops: "connection.js: max_received_count",
    soft_552: "outbound/hmail.js: the first digit",
    stages: "outbound/hmail.js: try_deliver, try_deliver_host_on_socket",
};

pub(super) const KUMOMTA: ClientSources = ClientSources {
    timeouts: "rfc5321 client_types.rs",
    limits: NO_LIMIT,
    recipients: "make_egress_path: max_recipients_per_batch",
    order: "mailexchanger/src/lib.rs",
    families: "dns-resolver, resolve_addresses: both families are shuffled together",
    session: "rfc5321 client.rs: pipeline_commands, starttls; smtp_dispatcher.rs: attempt_connection_impl, the next address after either failure; `client.tls`",
    dns: "mailexchanger/src/lib.rs",
    codes: "mailexchanger/src/lib.rs; queue.rs: 551 5.4.7; RFC 3463 where it says none",
    own: "mailexchanger/src/lib.rs: it does not look for itself",
    hops: ASSUMED,
    soft_552: "smtp_dispatcher.rs: deliver_message, the first digit",
    stages: "smtp_dispatcher.rs; make_egress_path",
};

pub(super) const STALWART: ClientSources = ClientSources {
    timeouts: "common/src/config/smtp/queue.rs: queue.outbound.timeouts",
    limits: "common/src/config/smtp/queue.rs: queue.outbound.limits",
    recipients: NO_LIMIT,
    order: "outbound/lookup.rs: to_remote_hosts",
    families: "get_route_or_default: Ipv4thenIpv6",
    session: "outbound/session.rs: deliver, one command a reply, BDAT where it is offered; outbound/delivery.rs: StartTlsResult; `client.tls`",
    dns: "outbound/lookup.rs",
    codes: "queue/dsn.rs: write_dsn_status",
    own: "outbound/lookup.rs: it does not look for itself",
    hops: "common/src/config/smtp/session.rs: session.data.limits.received-headers",
    soft_552: "outbound/session.rs: Severity, the first digit",
    stages: "outbound/delivery.rs, session.rs",
};

pub(super) const ZONEMTA: ClientSources = ClientSources {
    timeouts: "lib/sender.js: getConnection; mx-connect get-connection.js: MAX_CONNECT_TIME; nodemailer smtp-connection: SOCKET_TIMEOUT",
    limits: "mx-connect get-connection.js: 20 addresses in turn at the connection only",
    recipients: "lib/sender.js: sendNext",
    order: "mx-connect get-connection.js",
    families: "mx-connect, get-connection.js: A before AAAA of each exchange",
    session: "nodemailer smtp-connection: _actionMAIL, _actionSTARTTLS (opportunisticTLS); lib/tls-retry.js: shouldRetryWithoutTls; `client.tls`",
    dns: "mx-connect",
    codes: RFC_3463,
    own: "mx-connect: it does not look for itself",
    hops: ASSUMED,
    soft_552: NOT_SOFT,
    stages: "lib/sender.js: getConnection, handleResponseError",
};

pub(super) const MOX: ClientSources = ClientSources {
    timeouts: "smtpclient/dial.go; smtpclient/client.go",
    limits: NO_LIMIT,
    recipients: NO_LIMIT,
    order: "smtpclient/gather.go: GatherDestinations; the resolver of Go shuffles equals",
    families: "smtpclient/gather.go: as Go's resolver sorts them (RFC 6724)",
    session: "smtpclient/client.go: hello, DeliverMultiple; queue/direct.go: anew without TLS after ErrTLS; `client.tls`",
    dns: "smtpclient/gather.go: GatherDestinations",
    codes: "queue/dsn.go: deliverDSN; RFC 3463 where it says none",
    own: "queue/direct.go: it does not look for itself",
    hops: "smtpserver/server.go: \"more than 100 Received headers\"",
    soft_552: "smtpclient/client.go: DeliverMultiple, C552MailboxFull of a pipelined RCPT",
    stages: "queue/direct.go: deliverDirect",
};

pub(super) const MADDY: ClientSources = ClientSources {
    timeouts: "internal/target/remote/remote.go",
    limits: NO_LIMIT,
    recipients: NO_LIMIT,
    order: "internal/target/remote: sorted by preference, not shuffled",
    families: "Go's net.Dialer: RFC 6724, and RFC 6555 after FallbackDelay, 300 ms",
    session: "internal/smtpconn/smtpconn.go: attemptConnect, Mail, Rcpt, Data, one command a reply; remote/connect.go: \"falling back to plaintext\"; `client.tls`",
    dns: "internal/target/remote/connect.go: lookupMX",
    codes: RFC_3463,
    own: "internal/target/remote: it does not look for itself",
    hops: "internal/endpoint/smtp/smtp.go: max_received",
    soft_552: "internal/smtpconn/smtpconn.go: wrapClientErr",
    stages: "internal/target/remote/connect.go, remote.go",
};

pub(super) const CHASQUID: ClientSources = ClientSources {
    timeouts: "internal/courier/smtp.go: smtpDialTimeout, smtpTotalTimeout",
    limits: "internal/courier/smtp.go: lookupMXs",
    recipients: "internal/queue/queue.go: sendOneRcpt",
    order: "internal/courier/smtp.go: lookupMXs; the resolver of Go shuffles equals",
    families: "Go's net.Dialer: RFC 6724, and RFC 6555 after FallbackDelay, 300 ms",
    session: "internal/smtp/smtp.go: MailAndRcpt; courier/smtp.go: deliver, a failure at STARTTLS leads to the next MX; `client.tls`",
    dns: "internal/courier/smtp.go: lookupMXs",
    codes: RFC_3463,
    own: "internal/courier/smtp.go: it does not look for itself",
    hops: "internal/smtpsrv/conn.go: maxReceivedHeaders",
    soft_552: "internal/smtp/smtp.go: IsPermanent, the first digit",
    stages: "internal/courier/smtp.go: Deliver",
};

pub(super) const EXCHANGE: ClientSources = ClientSources {
    timeouts: "learn.microsoft.com, Set-SendConnector: ConnectionInactivityTimeOut; the connection's assumed",
    limits: ASSUMED,
    recipients: ASSUMED,
    order: ASSUMED,
    families: "assumed (RFC 6724 section 2.1: IPv6 before IPv4)",
    session: "assumed; `client.tls`",
    dns: ASSUMED,
    codes: RFC_3463,
    own: "assumed (RFC 5321 section 5.1)",
    hops: "learn.microsoft.com, Set-ReceiveConnector: MaxHopCount (60 in that of 2013)",
    soft_552: ASSUMED,
    stages: ASSUMED,
};
