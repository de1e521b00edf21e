//! What each system's SMTP client does within an attempt.

use crate::engine::time::SimDuration;
use crate::model::mail::ClientRules;
use crate::scenario::tree::{AddressLookups, PostfixRetry, Retry, Shuffle, SynRetry};

/// Rules of the system whose policy `retry` is.
pub(in crate::model::compile) fn client_rules(retry: &Retry) -> ClientRules {
    let rules = |connect: SimDuration, greeting: SimDuration, shuffle, next_host_on_4xx| ClientRules {
        connect_timeout: connect,
        greeting_timeout: greeting,
        address_limit: u32::MAX,
        session_limit: u32::MAX,
        shuffle,
        lookups: AddressLookups::All,
        syn: SynRetry::Classic,
        next_host_on_4xx,
    };
    let seconds = SimDuration::from_secs;
    let limit = |count: u32| if count == 0 { u32::MAX } else { count };
    let postfix = |own: &PostfixRetry| ClientRules {
        address_limit: limit(own.smtp_mx_address_limit),
        session_limit: limit(own.smtp_mx_session_limit),
        ..rules(
            own.smtp_connect_timeout.0,
            own.smtp_helo_timeout.0,
            if own.smtp_randomize_addresses { Shuffle::Addresses } else { Shuffle::Off },
            true,
        )
    };
    match retry {
        Retry::Postfix(own) => postfix(own),
        Retry::Exim(own) => rules(own.connect_timeout.0, own.command_timeout.0, Shuffle::Names, true),
        Retry::Sendmail(own) => {
            // Without a limit of its own the kernel's SYNs decide.
            let connect = if own.connect.0.is_zero() { SimDuration::MAX } else { own.connect.0 };
            rules(connect, own.initial.0, Shuffle::Names, true)
        }
        Retry::Qmail(own) => rules(own.timeoutconnect.0, own.timeoutremote.0, Shuffle::Names, false),
        Retry::OpenSmtpd(own) => rules(own.timeout.0, own.timeout.0, Shuffle::Names, false),
        Retry::Haraka(own) => rules(own.connect_timeout.0, seconds(300), Shuffle::Names, false),
        Retry::KumoMta(own) => rules(own.connect_timeout.0, own.banner_timeout.0, Shuffle::Addresses, false),
        Retry::Stalwart(own) => {
            ClientRules { address_limit: limit(own.mx), ..rules(own.timeout.0, own.timeout.0, Shuffle::Names, false) }
        }
        Retry::ZoneMta(_) => rules(seconds(300), seconds(300), Shuffle::Names, false),
        Retry::Mox(own) => rules(own.dial_timeout.0, seconds(300), Shuffle::Names, true),
        Retry::Maddy(own) => rules(own.connect_timeout.0, own.command_timeout.0, Shuffle::Off, false),
        Retry::Chasquid(own) => ClientRules {
            address_limit: limit(own.max_mx),
            ..rules(own.dial_timeout.0, own.total_timeout.0, Shuffle::Names, true)
        },
        Retry::Exchange(_) => rules(seconds(600), seconds(600), Shuffle::Addresses, false),
        Retry::Custom(_) => ClientRules {
            lookups: AddressLookups::ByPreference,
            ..rules(seconds(30), seconds(300), Shuffle::Addresses, true)
        },
        // Resolved before.
        Retry::Mix(_) => postfix(&PostfixRetry::default()),
    }
}
