//! What the SMTP clients of real systems do within an attempt, as data. Where no measurement is named the rule was read in
//! the system's source at the version its preset names.

use super::spoken::speaks;
use super::status_codes::status_codes;
use crate::engine::time::SimDuration;
use crate::model::client::{
    Blame, ClientRules, DnsRules,
    Failing::{self, Lost, Permanent, Silence, Transient},
    FailureRule, FailureTable, KeptSessions, Literals, NoRoute, Then, Timeouts,
};
use crate::scenario::tree::{
    AddressLookups, AddressPreference, ClientSystem, OwnMx, Shuffle,
    Stage::{Connect, Data, Ehlo, EndOfData, Greeting, Mail, Rcpt, StartTls},
    SynRetry,
};

const ALL: &[Failing] = &[Silence, Lost, Transient, Permanent];
const SOFT: &[Failing] = &[Silence, Lost, Transient];
const BROKEN: &[Failing] = &[Silence, Lost];

/// A 5yz after the greeting refuses the message (RFC 5321 section 4.2.1): all systems.
const REFUSED: FailureRule = (Mail, EndOfData, &[Permanent], Then::Bounce, Blame::Message);

/// Postfix 3.7.11, measured at every stage (`smtp_trouble.c`): whatever is soft goes on to the next host. What breaks the
/// connection or comes before MAIL is a failure of the site. A 5yz greeting is passed over (`smtp_skip_5xx_greeting`).
const POSTFIX: &[FailureRule] = &[
    (Connect, Greeting, ALL, Then::NextHost, Blame::Host),
    (Ehlo, StartTls, ALL, Then::NextHost, Blame::Host),
    (Ehlo, Ehlo, &[Permanent], Then::Bounce, Blame::Host),
    (Mail, EndOfData, BROKEN, Then::NextHost, Blame::Host),
    (Mail, EndOfData, &[Transient], Then::NextHost, Blame::Message),
    REFUSED,
];

/// Exim 4.96, measured (specification, chapter "Retry configuration", "Retry keys"): an error before MAIL, or a broken
/// connection, is the host's; after the end of data, or a 4yz to MAIL or DATA, the message's at that host; a 4yz to RCPT
/// the recipient's.
const EXIM: &[FailureRule] = &[
    (Connect, StartTls, ALL, Then::NextHost, Blame::Host),
    (Mail, Data, BROKEN, Then::NextHost, Blame::Host),
    (Mail, Data, &[Transient], Then::NextHost, Blame::Message),
    (Rcpt, Rcpt, &[Transient], Then::NextHost, Blame::Address),
    (EndOfData, EndOfData, SOFT, Then::NextHost, Blame::Message),
    REFUSED,
];

/// sendmail 8.17, measured: every host of the list in one attempt.
const SENDMAIL: &[FailureRule] = &[
    (Connect, StartTls, ALL, Then::NextHost, Blame::Host),
    (Mail, EndOfData, BROKEN, Then::NextHost, Blame::Host),
    (Mail, EndOfData, &[Transient], Then::NextHost, Blame::Message),
    REFUSED,
];

/// OpenSMTPD 6.8.0p2, measured: what comes before MAIL is the route's; a 4yz later puts the envelope off, and no other
/// host is tried.
const OPEN_SMTPD: &[FailureRule] = &[(Connect, StartTls, ALL, Then::NextHost, Blame::Host), REFUSED];

/// notqmail, `qmail-remote.c`: on to the next host only while no connection stands; any greeting but 220 and any 4yz
/// later puts the message off.
const QMAIL: &[FailureRule] = &[
    (Connect, Connect, ALL, Then::NextHost, Blame::Host),
    (Greeting, StartTls, ALL, Then::Defer, Blame::Message),
    REFUSED,
];

/// Haraka, `outbound/hmail.js`, `try_deliver_host_on_socket`: what breaks the connection goes on to the next host at any
/// stage, silence among it; a 4yz puts the message off, a 5yz refuses it.
const HARAKA: &[FailureRule] = &[
    (Connect, EndOfData, BROKEN, Then::NextHost, Blame::Host),
    (Connect, Connect, ALL, Then::NextHost, Blame::Host),
    (Greeting, StartTls, &[Permanent], Then::Bounce, Blame::Message),
    REFUSED,
];

/// ZoneMTA, `lib/sender.js`, `getConnection`: the same as maddy, and "retry to some other MX" after a time-out until the session
/// stands.
const ZONE_MTA: &[FailureRule] = &[
    (Connect, Connect, ALL, Then::NextHost, Blame::Host),
    (Greeting, StartTls, &[Silence], Then::NextHost, Blame::Host),
    (Greeting, Ehlo, &[Permanent], Then::Bounce, Blame::Message),
    REFUSED,
];

/// maddy, `remote.go`: on to the next host only while no connection stands; a 5yz at any stage refuses.
const CONNECT_ONLY: &[FailureRule] = &[
    (Connect, Connect, ALL, Then::NextHost, Blame::Host),
    (Greeting, Ehlo, &[Permanent], Then::Bounce, Blame::Message),
    REFUSED,
];

/// KumoMTA, connection plan of `EgressPathConfig`; Stalwart, `outbound/delivery.rs`; Exchange: on to the next host until
/// the session stands, no other host for a 4yz.
const UNTIL_SESSION: &[FailureRule] = &[(Connect, StartTls, ALL, Then::NextHost, Blame::Host), REFUSED];

/// mox, `queue/direct.go`; chasquid, `courier/smtp.go`: whatever is not permanent goes on to the next host.
const UNLESS_PERMANENT: &[FailureRule] = &[
    (Connect, EndOfData, SOFT, Then::NextHost, Blame::Host),
    (Connect, EndOfData, &[Permanent], Then::Bounce, Blame::Message),
];

const fn seconds(s: u64) -> SimDuration {
    SimDuration::from_secs(s)
}

/// The minima of RFC 5321 section 4.5.3.2, which names none for EHLO and STARTTLS: as for other commands.
const RFC_5321: Timeouts = Timeouts {
    ehlo: seconds(300),
    starttls: seconds(300),
    mail: seconds(300),
    rcpt: seconds(300),
    data: seconds(120),
    block: seconds(180),
    end_of_data: seconds(600),
};

/// The client of a system, at its defaults.
pub fn client_rules(system: ClientSystem) -> ClientRules {
    // An exchange that is an address: Postfix, sendmail and OpenSMTPD connect to it, Exim does not (measured); Haraka
    // (`net.isIP`), KumoMTA (resolve_addresses), ZoneMTA (mx-connect) and qmail (dns.c, ip_scan) do. Stalwart asks for the
    // address of such a name (outbound/lookup.rs, resolve_host: not found is permanent). Go's resolver leaves such records
    // out, with an error beside what it has (net, isDomainName wants a letter): mox goes on with the rest, or waits
    // (smtpclient/gather.go, GatherDestinations); to maddy (remote/connect.go, lookupMX) and chasquid (courier/smtp.go,
    // lookupMXs) the error is a permanent one. Of Exchange nothing is documented.
    let bounce = DnsRules {
        null_mx: NoRoute::Bounce,
        null_among_others_bounces: false,
        no_address: NoRoute::Bounce,
        refused: NoRoute::Defer,
        literals: Literals::Taken,
        only_itself: NoRoute::Bounce,
        not_found_falls_back: false,
    };
    let ideal = ClientRules {
        connect_timeout: seconds(30),
        first_connect_timeout: None,
        greeting_timeout: seconds(300),
        timeouts: RFC_5321,
        address_limit: u32::MAX,
        exchange_limit: u32::MAX,
        exchange_address_limit: u32::MAX,
        spares_next_preference: None,
        leaves_exchange: false,
        session_limit: u32::MAX,
        recipients_max: u16::MAX,
        shuffle: Shuffle::Addresses,
        weights: Vec::new(),
        lookups: AddressLookups::All,
        // Of systems that are not named below: an assumption, as a host's own table of policies has it (RFC 6724 section 2.1).
        address_preference: AddressPreference::Ipv6First,
        balances_families: false,
        fast_fallback: None,
        own: OwnMx::DropEqualsAndWorse,
        syn: SynRetry::Classic,
        keeps: None,
        connections_apart: SimDuration::ZERO,
        failures: FailureTable::new(POSTFIX),
        speaks: speaks(system),
        dns: bounce,
        codes: status_codes(system),
        soft_552: None,
        hops_max: 100,
        processors: 1,
        processor_time: SimDuration::ZERO,
        processor_time_after: SimDuration::ZERO,
        smart_host: None,
        fallback: Vec::new(),
    };
    match system {
        // Every host in turn, nothing limited: what RFC 5321 section 5.1 asks for.
        ClientSystem::Ideal => ClientRules { lookups: AddressLookups::ByPreference, ..ideal },
        // mail_params.h: smtp_connect_timeout 30 s, smtp_helo_timeout 300 s, those after it as in RFC 5321 (smtp_mail_timeout
        // 300 s, smtp_rcpt_timeout 300 s, smtp_data_init_timeout 120 s, smtp_data_xfer_timeout 180 s,
        // smtp_data_done_timeout 600 s, smtp_starttls_timeout 300 s), smtp_mx_address_limit 5,
        // smtp_mx_session_limit 2, hopcount_limit 50; null MX beside others bounces (measured, 3.7.11). smtp_addr.c,
        // smtp_domain_addr: smtp_address_preference any, and smtp_balance_inet_protocols.
        ClientSystem::Postfix => ClientRules {
            address_preference: AddressPreference::Any,
            balances_families: true,
            address_limit: 5,
            session_limit: 2,
            // default_destination_recipient_limit (mail_params.h).
            recipients_max: 50,
            keeps: Some(KeptSessions {
                on_demand: true,
                reuse: seconds(300),
                shared: true,
                ..KeptSessions::idle_for(seconds(2))
            }),
            // smtp_connect.c: no bounce after a hard error before the fallback relays, nor for a relay ("configuration problem").
            dns: DnsRules { null_among_others_bounces: true, not_found_falls_back: true, ..bounce },
            hops_max: 50,
            ..ideal
        },
        // smtp transport: connect_timeout 5 min, command_timeout 5 min, data_timeout 5 min, final_timeout 10 min,
        // hosts_max_try 5, hosts_max_try_hardlimit 50; received_headers_max 30. host.c, host_find_bydns: within one preference IPv6 comes first.
        ClientSystem::Exim => ClientRules {
            connect_timeout: seconds(300),
            timeouts: Timeouts { end_of_data: seconds(600), ..Timeouts::all(seconds(300)) },
            address_limit: 5,
            spares_next_preference: Some(50),
            // smtp transport, max_rcpt.
            recipients_max: 100,
            shuffle: Shuffle::NamesAndAddresses,
            failures: FailureTable::new(EXIM),
            dns: DnsRules { literals: Literals::NoAddress, ..bounce },
            hops_max: 30,
            ..ideal
        },
        // Operations Guide: connect 0 (the kernel's), initial 5 min, helo 5 min, mail 10 min, rcpt 1 h, datainit 5 min,
        // datablock 1 h, datafinal 1 h, starttls 1 h; MaxHopCount 25. conf.c: a queue run keeps one connection, for 5 min
        // (MaxMciCache, MciCacheTimeout; mci.c).
        // daemon.c, makeconnection: of each host IPv6 first (InetMode, where the machine has it), then IPv4; the next address only
        // until one is connected to, then deliver.c goes on with the next name (tryhost).
        ClientSystem::Sendmail => ClientRules {
            address_preference: AddressPreference::Ipv6FirstOfEach,
            connect_timeout: SimDuration::MAX,
            timeouts: Timeouts {
                mail: seconds(600),
                data: seconds(300),
                ehlo: seconds(300),
                ..Timeouts::all(seconds(3600))
            },
            shuffle: Shuffle::Names,
            // readcf.c, makemailer: DEFAULT_MAX_RCPT (conf.h).
            recipients_max: 100,
            lookups: AddressLookups::ByPreference,
            leaves_exchange: true,
            failures: FailureTable::new(SENDMAIL),
            keeps: Some(KeptSessions { most: 1, shared: true, ..KeptSessions::idle_for(seconds(300)) }),
            hops_max: 25,
            ..ideal
        },
        // limit.c: a connection to a relay every 2 s (conndelay_relay), sessions kept 10 s; routes in the order of their
        // connections. mta_session.c: 300 s for the connection and each reply; DNS cases measured, 6.8.0p2.
        // openbsd-compat/libasr/asr.c, asr_ctx_create: AF_INET6 before AF_INET unless built otherwise.
        ClientSystem::OpenSmtpd => ClientRules {
            address_preference: AddressPreference::Ipv6FirstOfEach,
            connect_timeout: seconds(300),
            timeouts: Timeouts::all(seconds(300)),
            shuffle: Shuffle::Off,
            keeps: Some(KeptSessions::idle_for(seconds(10))),
            connections_apart: seconds(2),
            failures: FailureTable::new(OPEN_SMTPD),
            dns: DnsRules { null_mx: NoRoute::Defer, no_address: NoRoute::Defer, refused: NoRoute::Bounce, ..bounce },
            ..ideal
        },
        // qmail-remote.c: timeoutconnect 60, timeoutremote 1200; dns.c draws among equals by address, and asks for A alone.
        ClientSystem::Qmail => ClientRules {
            address_preference: AddressPreference::Ipv4Only,
            connect_timeout: seconds(60),
            greeting_timeout: seconds(1200),
            timeouts: Timeouts::all(seconds(1200)),
            shuffle: Shuffle::Addresses,
            // qmail-rspawn.c, spawn: a qmail-remote a recipient.
            recipients_max: 1,
            failures: FailureTable::new(QMAIL),
            ..ideal
        },
        // outbound/client_pool.js: the socket's time of inactivity is connect_timeout, 30 s, from the connection to the last
        // reply; hmail.js, sort_mx: one pass of adjacent swaps.
        // outbound/config.js: ipv6_enabled is off; with it each exchange's AAAA comes before its A (hmail.js, found_mx).
        ClientSystem::Haraka => ClientRules {
            address_preference: AddressPreference::Ipv4Only,
            greeting_timeout: seconds(30),
            timeouts: Timeouts::all(seconds(30)),
            shuffle: Shuffle::AdjacentSwaps,
            // hmail.js, try_deliver: a local host is passed over (local_mx_ok is off); with none left, "Tried all MXs" puts it off.
            own: OwnMx::DropItself,
            dns: DnsRules { only_itself: NoRoute::Defer, ..bounce },
            failures: FailureTable::new(HARAKA),
            ..ideal
        },
        // rfc5321 client_types.rs: connect 60 s, banner 60 s, STARTTLS 5 s, all others 300 s; mailexchanger: addresses shuffled, none: transient.
        // dns-resolver, resolve_addresses: all addresses of a preference are shuffled, of both families.
        ClientSystem::KumoMta => ClientRules {
            address_preference: AddressPreference::Any,
            connect_timeout: seconds(60),
            greeting_timeout: seconds(60),
            timeouts: Timeouts { starttls: seconds(5), ..Timeouts::all(seconds(300)) },
            // make_egress_path, max_recipients_per_batch.
            recipients_max: 100,
            own: OwnMx::Keep,
            keeps: Some(KeptSessions { shared: true, ..KeptSessions::idle_for(seconds(5)) }),
            failures: FailureTable::new(UNTIL_SESSION),
            dns: DnsRules { no_address: NoRoute::Defer, ..bounce },
            ..ideal
        },
        // smtp/queue.rs: connect, greeting, EHLO, MAIL, RCPT 5 min, DATA and its end 10 min, TLS 3 min; 5 MX of at most 2
        // addresses each.
        // queue, get_route_or_default: ip_lookup_strategy Ipv4thenIpv6 (outbound/lookup.rs, ip_lookup: of each host).
        ClientSystem::Stalwart => ClientRules {
            address_preference: AddressPreference::Ipv4FirstOfEach,
            connect_timeout: seconds(300),
            timeouts: Timeouts {
                starttls: seconds(180),
                data: seconds(600),
                block: seconds(600),
                end_of_data: seconds(600),
                ..Timeouts::all(seconds(300))
            },
            exchange_limit: 5,
            exchange_address_limit: 2,
            shuffle: Shuffle::Names,
            own: OwnMx::Keep,
            failures: FailureTable::new(UNTIL_SESSION),
            dns: DnsRules { literals: Literals::NoAddress, ..bounce },
            // session.data.limits.received-headers.
            hops_max: 50,
            ..ideal
        },
        // mx-connect, get-connection.js: 5 min to connect (MAX_CONNECT_TIME), at most 20 addresses, sorted by preference and
        // not shuffled; lib/sender.js: greetingTimeout 2 min; nodemailer, smtp-connection: 10 min of inactivity after it
        // (SOCKET_TIMEOUT). lib/sender.js, connectionCache: sessions are kept for 5 s, and for 100 messages (reuseCount).
        // mx-connect, buildMxHostList: A before AAAA of each exchange (preferIPv6 is off).
        ClientSystem::ZoneMta => ClientRules {
            address_preference: AddressPreference::Ipv4FirstOfEach,
            connect_timeout: seconds(300),
            greeting_timeout: seconds(120),
            timeouts: Timeouts::all(seconds(600)),
            address_limit: 20,
            shuffle: Shuffle::Off,
            // lib/sender.js, sendNext: a delivery is to one recipient.
            recipients_max: 1,
            own: OwnMx::Keep,
            failures: FailureTable::new(ZONE_MTA),
            keeps: Some(KeptSessions::idle_for(seconds(5))),
            ..ideal
        },
        // queue/direct.go: 30 s to connect; smtpclient/client.go: 30 s for each line read or written, 1 min for the
        // handshake of TLS; the resolver of Go shuffles names of equal preference.
        // smtpclient/gather.go, GatherIPs: as Go's resolver sorts them (RFC 6724: IPv6 first), one after the other; that later attempts
        // change the family is not modelled. smtpclient/dial.go, Dial: all of a name's addresses until one connects; queue/direct.go,
        // deliverHost, has but that connection, and then deliverDirect goes on with the next name.
        ClientSystem::Mox => ClientRules {
            address_preference: AddressPreference::Ipv6FirstOfEach,
            greeting_timeout: seconds(30),
            timeouts: Timeouts { starttls: seconds(60), ..Timeouts::all(seconds(30)) },
            leaves_exchange: true,
            shuffle: Shuffle::Names,
            own: OwnMx::Keep,
            failures: FailureTable::new(UNLESS_PERMANENT),
            dns: DnsRules { literals: Literals::LeftOut, ..bounce },
            // smtpclient/client.go, DeliverMultiple: no permanent error of a RCPT (of pipelined ones, that is nearly always).
            soft_552: Some((Rcpt, Rcpt)),
            ..ideal
        },
        // target/remote/remote.go: connect_timeout, command_timeout and submission_timeout 5 min each; sorted by preference and
        // not shuffled. smtpconn/pool: a domain's sessions are kept for 150 s from the first that was (conn_max_idle_time; what
        // comes later does not move that).
        // Go's net.Dialer: IPv6 first (RFC 6724), and IPv4 as well after FallbackDelay, 300 ms.
        ClientSystem::Maddy => ClientRules {
            address_preference: AddressPreference::Ipv6FirstOfEach,
            fast_fallback: Some(SimDuration::from_nanos(300_000_000)),
            connect_timeout: seconds(300),
            timeouts: Timeouts::all(seconds(300)),
            shuffle: Shuffle::Off,
            own: OwnMx::Keep,
            failures: FailureTable::new(CONNECT_ONLY),
            dns: DnsRules { literals: Literals::Refused, ..bounce },
            keeps: Some(KeptSessions { reuse: seconds(150), most: 10, ..KeptSessions::idle_for(seconds(150)) }),
            // smtpconn.go, wrapClientErr: whatever the command.
            soft_552: Some((Connect, EndOfData)),
            // endpoint/smtp/smtp.go, max_received.
            hops_max: 50,
            ..ideal
        },
        // courier/smtp.go: 1 min to connect, 10 min for a whole session (here for each reply), at most 5 MX.
        // courier/smtp.go, net.DialTimeout: all addresses of an exchange until one connects, IPv6 first, and IPv4 as well after 300 ms (net.Dialer, FallbackDelay).
        ClientSystem::Chasquid => ClientRules {
            address_preference: AddressPreference::Ipv6FirstOfEach,
            fast_fallback: Some(SimDuration::from_nanos(300_000_000)),
            connect_timeout: seconds(60),
            greeting_timeout: seconds(600),
            timeouts: Timeouts::all(seconds(600)),
            exchange_limit: 5,
            leaves_exchange: true,
            // queue/queue.go, sendOneRcpt.
            recipients_max: 1,
            shuffle: Shuffle::Names,
            own: OwnMx::Keep,
            failures: FailureTable::new(UNLESS_PERMANENT),
            dns: DnsRules { literals: Literals::Refused, ..bounce },
            // smtpsrv/conn.go, maxReceivedHeaders.
            hops_max: 50,
            ..ideal
        },
        // Set-ReceiveConnector: MaxHopCount 30. Set-SendConnector: ConnectionInactivityTimeOut, 10 min without a reply; not documented beyond "the next host".
        ClientSystem::Exchange => ClientRules {
            greeting_timeout: seconds(600),
            timeouts: Timeouts::all(seconds(600)),
            shuffle: Shuffle::Names,
            failures: FailureTable::new(UNTIL_SESSION),
            hops_max: 30,
            ..ideal
        },
    }
}

#[cfg(test)]
mod tests;
