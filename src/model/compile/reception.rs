//! What hosts ask of those who connect, with the limits of receiving software.

use super::Compiler;
use super::presets::Preset;
use crate::model::mail::{ChanceModel, ClientRates, DiskModel, GreylistRules, Reception, StoreModel};
use crate::scenario::tree::{
    ClientLimits, EximReceiver, Greylist, Host, PostfixReceiver, Postgrey, Receiver, SizeLimit, WhenFull,
};
use crate::scenario::units::{Size, seconds};

/// Most entries of `chances`: each has a place of its own among the draws of a try.
const CHANCES_MAX: usize = 64;

/// Most replicas of a store.
const REPLICAS_MAX: u32 = 1000;

/// What receiving software says of a host, before the host's own fields.
pub(super) struct Limits {
    pub sessions: Option<u32>,
    pub when_full: WhenFull,
    pub backlog: Option<u32>,
    clients: Option<ClientLimits>,
    size_limit: Option<SizeLimit>,
}

/// The limits of receiving software.
pub(super) fn limits(software: &Receiver) -> Limits {
    let some = |n: u32| Some(n).filter(|&n| n > 0);
    let size = |bytes: Size| Some(SizeLimit { bytes, announced: true }).filter(|limit| limit.bytes.0 > 0);
    match software {
        Receiver::Ideal(_) => {
            Limits { sessions: None, when_full: WhenFull::Backlog, backlog: None, clients: None, size_limit: None }
        }
        Receiver::Postfix(own) => Limits {
            sessions: some(own.default_process_limit),
            when_full: WhenFull::Backlog,
            backlog: some(own.default_process_limit),
            clients: Some(ClientLimits {
                sessions: own.smtpd_client_connection_count_limit,
                connections: own.smtpd_client_connection_rate_limit,
                messages: own.smtpd_client_message_rate_limit,
                per: own.anvil_rate_time_unit,
                ..ClientLimits::default()
            }),
            size_limit: size(own.message_size_limit),
        },
        Receiver::Exim(own) => Limits {
            sessions: some(own.smtp_accept_max),
            when_full: WhenFull::Busy,
            backlog: some(own.smtp_connect_backlog),
            clients: Some(ClientLimits { sessions: own.smtp_accept_max_per_host, ..ClientLimits::default() }),
            size_limit: size(own.message_size_limit),
        },
    }
}

impl Compiler<'_> {
    /// A host's rules, if it has any.
    pub(super) fn reception(&mut self, key: &str, host: &Host) -> Option<Box<Reception>> {
        let preset = limits(&host.software);
        let path = |field: &'static str| ["hosts", key, field];
        let chances = self.chances(key, host);
        let greylist = host.greylist.as_ref().map(|greylist| {
            let Greylist::Postgrey(own) = greylist;
            self.reply_code(&["hosts", key, "greylist", "code"], own.code);
            if own.retry_window <= own.delay {
                self.error(&["hosts", key, "greylist", "retry_window"], "nobody can pass").help =
                    Some("a retry counts between `delay` and `retry_window`".into());
            }
            greylist_rules(own)
        });
        let clients = self.client_rates(key, host, preset.clients);
        let size_limit = host.size_limit.clone().or(preset.size_limit).map(|limit| (limit.bytes.0, limit.announced));
        let tarpit = host.tarpit.as_ref().map(|tarpit| {
            (
                self.dist(&["hosts", key, "tarpit", "greeting"], &tarpit.greeting.0),
                self.dist(&["hosts", key, "tarpit", "reply"], &tarpit.reply.0),
            )
        });
        let disk = host.disk.as_ref().map(|disk| {
            if host.relays_for.is_empty() && disk.drains.is_none() {
                self.error(&path("disk"), "a disk of a final host that nothing ever leaves").help =
                    Some("say how fast mail is taken off it: `drains: \"10MB/s\"`".into());
            }
            DiskModel { capacity: disk.capacity.0, drains: disk.drains.map(|rate| rate.0) }
        });
        let rules = Reception {
            chances,
            greylist,
            clients,
            unknown_users: self.share(&path("unknown_users"), host.unknown_users),
            tarpit,
            size_limit,
            disk,
            discards: self.share(&path("discards"), host.discards),
        };
        rules.is_any().then(|| Box::new(rules))
    }

    fn chances(&mut self, key: &str, host: &Host) -> Vec<ChanceModel> {
        if host.chances.len() > CHANCES_MAX {
            self.error(&["hosts", key, "chances"], format!("{} chances", host.chances.len())).label =
                format!("expected at most {CHANCES_MAX}");
        }
        let mut chances = Vec::new();
        for (index, chance) in host.chances.iter().enumerate().take(CHANCES_MAX) {
            let index = index.to_string();
            let share = self.share(&["hosts", key, "chances", &index, "share"], chance.share);
            let fails = self.failure_mode(&["hosts", key, "chances", &index, "fails"], chance.fails);
            if fails == crate::scenario::tree::FailureMode::Freeze {
                self.error(&["hosts", key, "chances", &index, "fails"], "a host freezes as a whole").help =
                    Some("use an outage of the timeline, or `fails: Freeze` with `up` and `down`".into());
            }
            chances.push(ChanceModel { share, fails, per: chance.per });
        }
        chances
    }

    fn client_rates(&mut self, key: &str, host: &Host, preset: Option<ClientLimits>) -> Option<ClientRates> {
        let limits = host.client_limits.clone().or(preset)?;
        if host.client_limits.is_some() {
            self.reply_code(&["hosts", key, "client_limits", "connection_code"], limits.connection_code);
            self.reply_code(&["hosts", key, "client_limits", "message_code"], limits.message_code);
        }
        if limits.per == seconds(0) {
            let field = if host.client_limits.is_some() { "client_limits" } else { "software" };
            self.error(&["hosts", key, field], "rates counted in no time at all");
        }
        let limit = |n: u32| if n == 0 { u32::MAX } else { n };
        Some(ClientRates {
            sessions: limit(limits.sessions),
            connections: limit(limits.connections),
            messages: limit(limits.messages),
            per: limits.per.0,
            connection_code: limits.connection_code,
            message_code: limits.message_code,
        })
        .filter(ClientRates::is_any)
    }

    fn reply_code(&mut self, path: &[&str], code: u16) {
        if !(400..600).contains(&code) {
            self.error(path, format!("{code} is no reply that refuses")).label =
                "expected a code from 400 to 599".into();
        }
    }

    pub(super) fn store(&mut self, key: &str, host: &Host) -> Option<StoreModel> {
        let store = host.store.as_ref()?;
        if !(1..=REPLICAS_MAX).contains(&store.replicas) {
            self.error(&["hosts", key, "store", "replicas"], format!("{} replicas", store.replicas)).label =
                format!("expected 1 to {REPLICAS_MAX}");
        }
        let lag = self.dist(&["hosts", key, "store", "lag"], &store.lag.0);
        Some(StoreModel { replicas: store.replicas.max(1), lag })
    }
}

fn greylist_rules(own: &Postgrey) -> GreylistRules {
    GreylistRules {
        delay: own.delay.0,
        retry_window: own.retry_window.0,
        max_age: own.max_age.0,
        by_network: own.lookup_by_subnet,
        whitelist_after: own.auto_whitelist_clients,
        code: own.code,
    }
}

/// Presets of a host's `software` and `greylist`.
pub(super) fn receiver_presets() -> Vec<Preset> {
    let count = |n: u32| if n == 0 { "none".to_owned() } else { n.to_string() };
    let ideal = Preset {
        name: "Ideal",
        field: "hosts/software",
        about: "a receiver without limits",
        parameters: vec![("sessions", count(0), "theory: service times alone")],
    };
    let own = PostfixReceiver::default();
    let postfix = Preset {
        name: "Postfix",
        field: "hosts/software",
        about: "Postfix 3.x smtpd: a process a session, the rest waits in the kernel's queue",
        parameters: vec![
            (
                "default_process_limit",
                own.default_process_limit.to_string(),
                "postconf(5); also the length of the listen queue (master_listen.c)",
            ),
            (
                "smtpd_client_connection_count_limit",
                count(own.smtpd_client_connection_count_limit),
                "postconf(5): half the process limit; 421 4.7.0",
            ),
            (
                "smtpd_client_connection_rate_limit",
                count(own.smtpd_client_connection_rate_limit),
                "postconf(5); 421 4.7.0",
            ),
            ("smtpd_client_message_rate_limit", count(own.smtpd_client_message_rate_limit), "postconf(5); 450 4.7.1"),
            ("anvil_rate_time_unit", own.anvil_rate_time_unit.0.to_string(), "postconf(5), anvil(8)"),
            ("message_size_limit", own.message_size_limit.to_string(), "postconf(5); 552 5.3.4 at MAIL"),
        ],
    };
    let own = EximReceiver::default();
    let exim = Preset {
        name: "Exim",
        field: "hosts/software",
        about: "Exim 4.9x's daemon: a process a session, 421 to the rest",
        parameters: vec![
            ("smtp_accept_max", count(own.smtp_accept_max), "Exim specification, main configuration; 421"),
            ("smtp_accept_max_per_host", count(own.smtp_accept_max_per_host), "the same: unset; 421"),
            ("smtp_connect_backlog", own.smtp_connect_backlog.to_string(), "the same"),
            ("message_size_limit", own.message_size_limit.to_string(), "the same: 50M; 552 at MAIL"),
        ],
    };
    let own = Postgrey::default();
    let postgrey = Preset {
        name: "Postgrey",
        field: "hosts/greylist",
        about: "Postgrey 1.3x: triplets of client network, envelope sender and recipient",
        parameters: vec![
            ("delay", own.delay.0.to_string(), "postgrey --delay"),
            ("retry_window", own.retry_window.0.to_string(), "postgrey --retry-window: 2 days"),
            ("max_age", own.max_age.0.to_string(), "postgrey --max-age: 35 days since last seen"),
            ("lookup_by_subnet", own.lookup_by_subnet.to_string(), "postgrey --lookup-by-subnet: the /24"),
            (
                "auto_whitelist_clients",
                own.auto_whitelist_clients.to_string(),
                "postgrey --auto-whitelist-clients: of an address, counted at most once an hour",
            ),
            ("code", own.code.to_string(), "DEFER_IF_PERMIT is access_map_defer_code 450, with 4.2.0"),
        ],
    };
    vec![ideal, postfix, exim, postgrey]
}
