//! Parameters that real systems have and that nothing here follows: whoever writes one is told so, not that it does not exist.

/// Of which preset, whose they are, and their names as the tree would write them.
const REAL: [(&str, &str, &[&str]); 12] = [
    // The output of `postconf -d`: of its smtp client and its queue manager.
    (
        "Postfix",
        "Postfix",
        &[
            "default_delivery_slot_cost",
            "default_delivery_slot_discount",
            "default_delivery_slot_loan",
            "default_extra_recipient_limit",
            "default_minimum_delivery_slots",
            "default_recipient_limit",
            "fallback_relay",
            "helpful_warnings",
            "hopcount_limit",
            "ignore_mx_lookup_error",
            "inet_protocols",
            "qmgr_clog_warn_time",
            "qmgr_fudge_factor",
            "qmgr_message_recipient_limit",
            "qmgr_message_recipient_minimum",
            "relayhost",
            "smtp_address_preference",
            "smtp_always_send_ehlo",
            "smtp_bind_address",
            "smtp_connection_cache_destinations",
            "smtp_defer_if_no_mx_address_found",
            "smtp_fallback_relay",
            "smtp_helo_name",
            "smtp_host_lookup",
            "smtp_line_length_limit",
            "smtp_never_send_ehlo",
            "smtp_quit_timeout",
            "smtp_rset_timeout",
            "smtp_skip_4xx_greeting",
            "smtp_skip_quit_response",
            "smtp_tls_security_level",
            "smtp_xforward_timeout",
            "transport_retry_time",
        ],
    ),
    // transports/smtp.c: smtp_transport_options; the specification's main options.
    (
        "Exim",
        "Exim",
        &[
            "allow_localhost",
            "dns_qualify_single",
            "dns_search_parents",
            "fallback_hosts",
            "gethostbyname",
            "hosts",
            "hosts_avoid_esmtp",
            "hosts_avoid_pipelining",
            "hosts_avoid_tls",
            "hosts_nopass_tls",
            "hosts_override",
            "hosts_pipe_connect",
            "hosts_randomize",
            "hosts_require_tls",
            "hosts_try_chunking",
            "hosts_try_fastopen",
            "interface",
            "keepalive",
            "max_parallel",
            "message_linelength_limit",
            "multi_domain",
            "remote_max_parallel",
            "retry_include_ip_address",
            "size_addition",
            "smtp_accept_max",
            "tls_tempfail_tryclear",
        ],
    ),
    // readcf.c: OptionTab, settimeout.
    (
        "Sendmail",
        "sendmail",
        &[
            "aconnect",
            "ClassFactor",
            "command",
            "ConnectionRateThrottle",
            "ConnectOnlyTo",
            "DelayLA",
            "DialDelay",
            "FallbackMXhost",
            "FallbackSmartHost",
            "FastSplit",
            "ForkEachJob",
            "HoldExpensive",
            "MaxDaemonChildren",
            "MaxHopCount",
            "MaxMessageSize",
            "MaxQueueChildren",
            "MaxRecipientsPerMessage",
            "MaxRunnersPerQueue",
            "QueueFactor",
            "QueueLA",
            "QueueSortOrder",
            "RecipientFactor",
            "RefuseLA",
            "SingleThreadDelivery",
            "TryNullMXList",
            "fileopen",
            "ident",
            "misc",
            "quit",
            "rset",
        ],
    ),
    // limit.c: limit_mta_set.
    (
        "OpenSmtpd",
        "OpenSMTPD",
        &["conn_delay_source", "max_failures_per_session", "session_transaction_delay", "task_lowat", "task_release"],
    ),
    // docs.kumomta.com: make_egress_path.
    (
        "KumoMta",
        "KumoMTA",
        &[
            "additional_connection_limits",
            "additional_message_rate_throttles",
            "dispatcher_wakeup_strategy",
            "enable_dane",
            "enable_mta_sts",
            "enable_pipelining",
            "enable_rset",
            "enable_tls",
            "idle_timeout",
            "ip_lookup_strategy",
            "low_memory_reduction_policy",
            "maintainer_wakeup_strategy",
            "max_connection_rate",
            "max_message_rate",
            "max_mx_addresses_per_host",
            "max_mx_plan_size",
            "no_memory_reduction_policy",
            "opportunistic_tls_reconnect_on_failed_handshake",
            "prohibited_hosts",
            "reconnect_strategy",
            "refresh_interval",
            "refresh_strategy",
            "remember_broken_tls",
            "rset_timeout",
            "skip_hosts",
            "smtp_port",
            "source_selection_rate",
            "suspended",
            "system_shutdown_timeout",
            "tls_handshake_timeout",
        ],
    ),
    // qmail-control(5): of qmail-send and qmail-remote.
    (
        "Qmail",
        "qmail",
        &[
            "bouncefrom",
            "bouncehost",
            "concurrencylocal",
            "doublebouncehost",
            "doublebounceto",
            "envnoathost",
            "helohost",
            "locals",
            "me",
            "percenthack",
            "smtproutes",
            "virtualdomains",
        ],
    ),
    // outbound/config.js and docs/Outbound.md: outbound.ini.
    (
        "Haraka",
        "Haraka",
        &["always_split", "disabled", "enable_tls", "inet_prefer", "ipv6_enabled", "local_mx_ok", "received_header"],
    ),
    // common/src/config/smtp/queue.rs: queue.outbound, with `_` for `-`.
    (
        "Stalwart",
        "Stalwart",
        &[
            "allow_invalid_certs",
            "dane",
            "hostname",
            "ip_strategy",
            "mta_sts",
            "next_hop",
            "quota",
            "source_ip",
            "starttls",
            "throttle",
        ],
    ),
    // lib/sender.js: of a sending zone, its DNS, and the queue.
    (
        "ZoneMta",
        "ZoneMTA",
        &[
            "auth",
            "authMethod",
            "blockLocalAddresses",
            "host",
            "ignoreIPv6",
            "ignoreTLS",
            "maxQueueTime",
            "port",
            "preferIPv6",
            "secure",
        ],
    ),
    // config/config.go: Transports, TransportDirect.
    ("Mox", "mox", &["DisableIPv4", "DisableIPv6", "Routes", "Transports"]),
    // target/remote/remote.go, target/queue/queue.go.
    (
        "Maddy",
        "maddy",
        &[
            "autogenerated_msg_domain",
            "bounce",
            "debug",
            "hostname",
            "limits",
            "local_ip",
            "location",
            "mx_auth",
            "relaxed_requiretls",
            "requiretls_override",
            "target",
            "tls_client",
        ],
    ),
    // learn.microsoft.com: Set-SendConnector.
    (
        "Exchange",
        "Exchange",
        &[
            "AddressSpaces",
            "DNSRoutingEnabled",
            "DomainSecureEnabled",
            "ErrorPolicies",
            "ForceHELO",
            "Fqdn",
            "IgnoreSTARTTLS",
            "MaxMessageSize",
            "Port",
            "RequireTLS",
            "SmartHosts",
            "SmtpMaxMessagesPerConnection",
            "SourceIPAddress",
            "SourceTransportServers",
            "TlsAuthLevel",
            "TlsDomain",
        ],
    ),
];

/// What to say of some of them.
const WHY: [(&str, &str); 24] = [
    ("transport_retry_time", "no delivery agent is ever out of order here"),
    ("smtp_quit_timeout", "QUIT takes no time here"),
    ("smtp_skip_quit_response", "QUIT takes no time here"),
    ("quit", "QUIT takes no time here"),
    ("smtp_rset_timeout", "RSET takes no time here"),
    ("rset_timeout", "RSET takes no time here"),
    ("relayhost", "write it as `client: (smart_host: ..)`"),
    ("smtp_fallback_relay", "write it as `client: (fallback_relay: ..)`"),
    ("FallbackMXhost", "write it as `client: (fallback_relay: ..)`"),
    ("FallbackSmartHost", "write it as `client: (fallback_relay: ..)`"),
    ("fallback_hosts", "write it as `client: (fallback_relay: ..)`"),
    ("smtp_address_preference", "write it as `client: (address_preference: ..)`"),
    ("smtp_tls_security_level", "write it as `client: (tls: ..)`"),
    ("smtproutes", "write it as `client: (smart_host: ..)`"),
    ("next_hop", "write it as `client: (smart_host: ..)`"),
    ("SmartHosts", "write it as `client: (smart_host: ..)`"),
    ("ip_strategy", "write it as `client: (address_preference: ..)`"),
    ("preferIPv6", "write it as `client: (address_preference: ..)`"),
    ("local_mx_ok", "write it as `client: (own_mx: ..)`"),
    ("ignoreTLS", "write it as `client: (tls: ..)`"),
    ("IgnoreSTARTTLS", "write it as `client: (tls: ..)`"),
    ("remote_max_parallel", "a message goes to one domain here"),
    ("reconnect_strategy", "each message begins with the first host of its domain here, as after `TerminateSession`"),
    ("MaxRecipientsPerMessage", "it is of those who receive mail"),
];

/// Whose parameter `name` is, if a system has it that `of` stands for, and what else there is to say of it.
pub fn real(of: &str, name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let (_, system, _) = REAL.iter().find(|(known, _, names)| *known == of && names.contains(&name))?;
    Some((system, WHY.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::tree::*;

    #[test]
    fn what_is_a_parameter_here_is_not_among_them() {
        let fields = |value: serde_json::Value| match value {
            serde_json::Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let of = |name: &str| match name {
            "Postfix" => fields(serde_json::to_value(PostfixRetry::default()).unwrap_or_default()),
            "Exim" => fields(serde_json::to_value(EximRetry::default()).unwrap_or_default()),
            "Sendmail" => fields(serde_json::to_value(SendmailRetry::default()).unwrap_or_default()),
            "OpenSmtpd" => fields(serde_json::to_value(OpenSmtpdRetry::default()).unwrap_or_default()),
            "KumoMta" => fields(serde_json::to_value(KumoMtaRetry::default()).unwrap_or_default()),
            "Qmail" => fields(serde_json::to_value(QmailRetry::default()).unwrap_or_default()),
            "Haraka" => fields(serde_json::to_value(HarakaRetry::default()).unwrap_or_default()),
            "Stalwart" => fields(serde_json::to_value(StalwartRetry::default()).unwrap_or_default()),
            "ZoneMta" => fields(serde_json::to_value(ZoneMtaRetry::default()).unwrap_or_default()),
            "Mox" => fields(serde_json::to_value(MoxRetry::default()).unwrap_or_default()),
            "Maddy" => fields(serde_json::to_value(MaddyRetry::default()).unwrap_or_default()),
            "Exchange" => fields(serde_json::to_value(ExchangeRetry::default()).unwrap_or_default()),
            other => panic!("no preset {other}"),
        };
        for (preset, _, names) in REAL {
            let own = of(preset);
            assert!(own.len() > 3, "{preset}");
            for name in names {
                assert!(!own.iter().any(|field| field == name), "{preset}: {name}");
            }
        }
        for (name, _) in WHY {
            assert!(REAL.iter().any(|(.., names)| names.contains(&name)), "{name}");
        }
    }
}
