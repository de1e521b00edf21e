//! What each system's SMTP client does within an attempt: its tables, with the parameters that its policy names.

use crate::engine::time::SimDuration;
use crate::model::client::{Blame, ClientRules, Failing, KeptSessions, Then, Timeouts};
use crate::model::compile::smtp_clients;
use crate::model::speaks::{Clear, InClear, Speaks};
use crate::scenario::tree::{ClientSystem, Retry, Shuffle, Stage};
use crate::scenario::units::Duration;

/// Whose SMTP client goes with a retry policy.
fn client_of(retry: &Retry) -> ClientSystem {
    match retry {
        Retry::Postfix(_) => ClientSystem::Postfix,
        Retry::Exim(_) => ClientSystem::Exim,
        Retry::Sendmail(_) => ClientSystem::Sendmail,
        Retry::Qmail(_) => ClientSystem::Qmail,
        Retry::OpenSmtpd(_) => ClientSystem::OpenSmtpd,
        Retry::Haraka(_) => ClientSystem::Haraka,
        Retry::KumoMta(_) => ClientSystem::KumoMta,
        Retry::Stalwart(_) => ClientSystem::Stalwart,
        Retry::ZoneMta(_) => ClientSystem::ZoneMta,
        Retry::Mox(_) => ClientSystem::Mox,
        Retry::Maddy(_) => ClientSystem::Maddy,
        Retry::Chasquid(_) => ClientSystem::Chasquid,
        Retry::Exchange(_) => ClientSystem::Exchange,
        // Configurations and mixes are resolved before.
        Retry::Custom(_) | Retry::PostfixConfig(_) | Retry::EximConfig(_) | Retry::Mix(_) => ClientSystem::Ideal,
    }
}

/// Rules of `system`, or if that is not given of the system whose policy `retry` is, with the policy's parameters.
pub(in crate::model::compile) fn with_parameters(retry: &Retry, system: Option<ClientSystem>) -> ClientRules {
    if let Some(system) = system {
        return smtp_clients::client_rules(system);
    }
    let rules = smtp_clients::client_rules(client_of(retry));
    let limit = |count: u32| if count == 0 { u32::MAX } else { count };
    let recipients = |count: u32| u16::try_from(limit(count)).unwrap_or(u16::MAX);
    let timeouts = |connect: SimDuration, greeting: SimDuration| ClientRules {
        connect_timeout: connect,
        greeting_timeout: greeting,
        ..rules.clone()
    };
    // Without a limit of its own it waits for the kernel's, or for ever.
    let limited = |span: Duration| if span.0.is_zero() { SimDuration::MAX } else { span.0 };
    match retry {
        Retry::Postfix(own) => ClientRules {
            address_limit: limit(own.smtp_mx_address_limit),
            session_limit: limit(own.smtp_mx_session_limit),
            recipients_max: recipients(own.default_destination_recipient_limit),
            // smtp_proto.c, smtp_helo: the reply counts as a 4yz, or as it is.
            failures: match own.smtp_skip_5xx_greeting {
                true => rules.failures,
                false => {
                    let refused =
                        (Stage::Greeting, Stage::Greeting, &[Failing::Permanent][..], Then::Bounce, Blame::Host);
                    rules.failures.with(refused)
                }
            },
            shuffle: if own.smtp_randomize_addresses { Shuffle::Addresses } else { Shuffle::Off },
            keeps: own.smtp_connection_cache_on_demand.then_some(KeptSessions {
                on_demand: true,
                reuse: own.smtp_connection_reuse_time_limit.0,
                shared: true,
                ..KeptSessions::idle_for(own.smtp_connection_cache_time_limit.0)
            }),
            timeouts: Timeouts {
                ehlo: own.smtp_helo_timeout.0,
                starttls: own.smtp_starttls_timeout.0,
                mail: own.smtp_mail_timeout.0,
                rcpt: own.smtp_rcpt_timeout.0,
                data: own.smtp_data_init_timeout.0,
                block: own.smtp_data_xfer_timeout.0,
                end_of_data: own.smtp_data_done_timeout.0,
            },
            speaks: Speaks {
                in_clear: InClear { broken: Clear::OnceOld(own.minimal_backoff_time.0), ..rules.speaks.in_clear },
                ..rules.speaks
            },
            // smtp_connect.c, smtp_connect_sock: with 0 the socket blocks until the kernel gives up.
            ..timeouts(limited(own.smtp_connect_timeout), own.smtp_helo_timeout.0)
        },
        Retry::Exim(own) => ClientRules {
            timeouts: Timeouts {
                block: own.data_timeout.0,
                end_of_data: own.final_timeout.0,
                ..Timeouts::all(own.command_timeout.0)
            },
            address_limit: limit(own.hosts_max_try),
            spares_next_preference: Some(limit(own.hosts_max_try_hardlimit)),
            recipients_max: recipients(own.max_rcpt),
            // ip.c, ip_connect: 0 sets no alarm.
            ..timeouts(limited(own.connect_timeout), own.command_timeout.0)
        },
        // util.c, sfgets: 0 is no limit.
        Retry::Sendmail(own) => ClientRules {
            timeouts: Timeouts {
                ehlo: limited(own.helo),
                starttls: limited(own.starttls),
                mail: limited(own.mail),
                rcpt: limited(own.rcpt),
                data: limited(own.datainit),
                block: limited(own.datablock),
                end_of_data: limited(own.datafinal),
            },
            first_connect_timeout: (!own.iconnect.0.is_zero()).then_some(own.iconnect.0),
            recipients_max: recipients(own.SMTP_MAILER_MAXRCPTS),
            keeps: Some(KeptSessions {
                most: own.ConnectionCacheSize,
                shared: true,
                ..KeptSessions::idle_for(own.ConnectionCacheTimeout.0)
            }),
            ..timeouts(limited(own.connect), limited(own.initial))
        },
        Retry::Qmail(own) => ClientRules {
            timeouts: Timeouts::all(own.timeoutremote.0),
            ..timeouts(own.timeoutconnect.0, own.timeoutremote.0)
        },
        Retry::OpenSmtpd(own) => ClientRules {
            timeouts: Timeouts::all(own.timeout.0),
            connections_apart: own.conn_delay_relay.0.max(own.conn_delay_connector.0).max(own.conn_delay_domain.0),
            keeps: Some(KeptSessions::idle_for(own.session_keepalive.0)),
            ..timeouts(own.timeout.0, own.timeout.0)
        },
        Retry::Haraka(own) => ClientRules {
            timeouts: Timeouts::all(own.connect_timeout.0),
            ..timeouts(own.connect_timeout.0, own.connect_timeout.0)
        },
        Retry::KumoMta(own) => ClientRules {
            timeouts: Timeouts {
                ehlo: own.ehlo_timeout.0,
                starttls: own.starttls_timeout.0,
                mail: own.mail_from_timeout.0,
                rcpt: own.rcpt_to_timeout.0,
                data: own.data_timeout.0,
                block: own.data_timeout.0,
                end_of_data: own.data_dot_timeout.0,
            },
            recipients_max: recipients(own.max_recipients_per_batch),
            failures: match own.try_next_host_on_transport_error {
                true => {
                    let broken = &[Failing::Silence, Failing::Lost][..];
                    rules.failures.with((Stage::Mail, Stage::EndOfData, broken, Then::NextHost, Blame::Host))
                }
                false => rules.failures,
            },
            ..timeouts(own.connect_timeout.0, own.banner_timeout.0)
        },
        Retry::Stalwart(own) => ClientRules {
            exchange_limit: limit(own.mx),
            exchange_address_limit: limit(own.multihomed),
            timeouts: Timeouts {
                ehlo: own.ehlo.0,
                starttls: own.tls.0,
                mail: own.mail_from.0,
                rcpt: own.rcpt_to.0,
                data: own.data.0,
                block: own.data.0,
                end_of_data: own.data.0,
            },
            ..timeouts(own.connect.0, own.greeting.0)
        },
        Retry::Mox(own) => timeouts(own.dial_timeout.0, rules.greeting_timeout),
        Retry::Maddy(own) => ClientRules {
            timeouts: Timeouts { end_of_data: own.submission_timeout.0, ..Timeouts::all(own.command_timeout.0) },
            keeps: Some(KeptSessions {
                reuse: own.conn_max_idle_time.0,
                most: own.conn_max_idle_count,
                ..KeptSessions::idle_for(own.conn_max_idle_time.0)
            }),
            ..timeouts(own.connect_timeout.0, own.command_timeout.0)
        },
        Retry::Chasquid(own) => ClientRules {
            exchange_limit: limit(own.max_mx),
            timeouts: Timeouts::all(own.total_timeout.0),
            ..timeouts(own.dial_timeout.0, own.total_timeout.0)
        },
        Retry::ZoneMta(own) => ClientRules {
            keeps: Some(KeptSessions::idle_for(own.connection_cache_ttl.0)),
            timeouts: Timeouts::all(own.socket_timeout.0),
            ..timeouts(own.connection_timeout.0, own.greeting_timeout.0)
        },
        Retry::Exchange(own) => ClientRules {
            timeouts: Timeouts::all(own.ConnectionInactivityTimeOut.0),
            ..timeouts(rules.connect_timeout, own.ConnectionInactivityTimeOut.0)
        },
        Retry::Custom(_) | Retry::PostfixConfig(_) | Retry::EximConfig(_) | Retry::Mix(_) => rules,
    }
}
