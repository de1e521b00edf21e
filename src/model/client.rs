//! What an SMTP client does within one attempt, as tables: which failure moves on to the next host, which puts the message
//! off, which refuses it.

use super::NameId;
use super::speaks::Speaks;
use super::status::StatusCodes;
use crate::engine::time::SimDuration;
use crate::scenario::tree::{AddressLookups, AddressPreference, OwnMx, Shuffle, Stage, SynRetry};

/// What an SMTP client does within one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRules {
    /// How long a SYN may go unanswered; [`SimDuration::MAX`] leaves it to the kernel.
    pub connect_timeout: SimDuration,
    /// The same at a node's first attempt of a message, where it differs.
    pub first_connect_timeout: Option<SimDuration>,
    /// How long a greeting may take.
    pub greeting_timeout: SimDuration,
    /// How long what follows it may take.
    pub timeouts: Timeouts,
    /// Most addresses tried in an attempt.
    pub address_limit: u32,
    /// Most exchanges whose addresses are tried in an attempt, and most addresses of one of them.
    pub exchange_limit: u32,
    pub exchange_address_limit: u32,
    /// At the limit one address of each next preference is still tried, up to so many in all (Exim's `hosts_max_try` and
    /// `hosts_max_try_hardlimit`).
    pub spares_next_preference: Option<u32>,
    /// Whether another address of an exchange is tried only if none of it could be connected to.
    pub leaves_exchange: bool,
    /// Most sessions in an attempt whose handshake (greeting, EHLO, STARTTLS) has not failed.
    pub session_limit: u32,
    /// Most recipients of a message in one transaction.
    pub recipients_max: u16,
    /// What is shuffled.
    pub shuffle: Shuffle,
    /// Weights of exchanges where those decide, in the order of names; 1 for any other.
    pub weights: Vec<(NameId, f64)>,
    /// When addresses are asked for.
    pub lookups: AddressLookups,
    /// Which of IPv4 and IPv6 comes first.
    pub address_preference: AddressPreference,
    /// Whether some addresses of each family are tried where there are more than the limit (`smtp_balance_inet_protocols`).
    pub balances_families: bool,
    /// How long an exchange's first family is waited for before the other is connected to as well (RFC 8305), if it is.
    pub fast_fallback: Option<SimDuration>,
    /// What becomes of its own name in an MX list.
    pub own: OwnMx,
    /// When lost SYNs are sent again.
    pub syn: SynRetry,
    /// How sessions are kept open for messages that follow.
    pub keeps: Option<KeptSessions>,
    /// Time from one connection to the next to the same destination.
    pub connections_apart: SimDuration,
    /// What each failure leads to.
    pub failures: FailureTable,
    /// What it makes use of, of what a host offers.
    pub speaks: Speaks,
    /// What each DNS outcome leads to.
    pub dns: DnsRules,
    /// How it reports what it found out by itself.
    pub codes: StatusCodes,
    /// Stages, from the first to the last, at which a 552 counts as 452 (RFC 5321 section 4.5.3.1.10).
    pub soft_552: Option<(Stage, Stage)>,
    /// Hosts that may have had custody before the message is held to loop.
    pub hops_max: u8,
    /// Processors of its machine, if a delivery takes time of one.
    pub processors: u32,
    /// How much: a delivery waits for its turn, first come, first served.
    pub processor_time: SimDuration,
    /// How much more of it, once its session may begin.
    pub processor_time_after: SimDuration,
    /// Where everything goes instead of its domain's MX.
    pub smart_host: Option<RelayTo>,
    /// Where what failed at every MX host goes, one after the other.
    pub fallback: Vec<RelayTo>,
}

/// How long each reply after the greeting may take (RFC 5321 section 4.5.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The reply to EHLO.
    pub ehlo: SimDuration,
    /// The reply to STARTTLS, and the handshake.
    pub starttls: SimDuration,
    /// The reply to MAIL.
    pub mail: SimDuration,
    /// The reply to a RCPT.
    pub rcpt: SimDuration,
    /// The reply to DATA.
    pub data: SimDuration,
    /// Until the host takes the next part of the body.
    pub block: SimDuration,
    /// The reply to the end of data.
    pub end_of_data: SimDuration,
}

impl Timeouts {
    /// Each as long.
    pub const fn all(span: SimDuration) -> Self {
        Self { ehlo: span, starttls: span, mail: span, rcpt: span, data: span, block: span, end_of_data: span }
    }

    /// As text, for whoever looks at a preset.
    pub fn describe(&self) -> String {
        let Self { ehlo, starttls, mail, rcpt, data, block, end_of_data } = self;
        let [ehlo, starttls, mail, rcpt, data, block, end_of_data] =
            [ehlo, starttls, mail, rcpt, data, block, end_of_data].map(|&span| match span {
                SimDuration::MAX => "none".to_owned(),
                span => span.to_string(),
            });
        format!(
            "EHLO {ehlo}, STARTTLS {starttls}, MAIL {mail}, RCPT {rcpt}, DATA {data}, block {block}, end of data {end_of_data}"
        )
    }
}

impl ClientRules {
    /// How long a SYN may go unanswered at the n-th attempt of a node: then the client, or its kernel, gives up.
    #[inline]
    pub fn connect_patience(&self, attempt: u32) -> SimDuration {
        let own = self.first_connect_timeout.filter(|_| attempt <= 1).unwrap_or(self.connect_timeout);
        own.min(self.syn.gives_up())
    }

    /// What becomes of its own name in an MX list, as text, for whoever looks at a preset.
    pub fn describe_own(&self) -> String {
        let left = match self.own {
            OwnMx::DropEqualsAndWorse => "left out, with its equals and all less preferred",
            OwnMx::DropItself => "left out, nothing else",
            OwnMx::Keep => return "not looked for".into(),
        };
        let alone = if self.dns.only_itself == NoRoute::Bounce { "refused" } else { "waits" };
        format!("{left}; {alone} if nobody is left")
    }

    /// What a 552 is to it, likewise.
    pub fn describe_552(&self) -> String {
        match self.soft_552 {
            None => "a 5yz".into(),
            Some((first, last)) if first == last => format!("as 452 at {first:?}"),
            Some((first, last)) => format!("as 452, {first:?} to {last:?}"),
        }
    }

    /// Whether it takes a 552 at a stage for a 452.
    pub fn softens_552(&self, stage: Stage) -> bool {
        self.soft_552.is_some_and(|(first, last)| (first..=last).contains(&stage))
    }

    /// How long a client waits for the reply of a stage.
    pub fn patience(&self, stage: Stage) -> SimDuration {
        match stage {
            Stage::Connect => self.connect_patience(u32::MAX),
            Stage::Greeting => self.greeting_timeout,
            Stage::Ehlo => self.timeouts.ehlo,
            Stage::StartTls => self.timeouts.starttls,
            Stage::Mail => self.timeouts.mail,
            Stage::Rcpt => self.timeouts.rcpt,
            Stage::Data => self.timeouts.data,
            Stage::EndOfData => self.timeouts.end_of_data,
        }
    }
}

impl ClientRules {
    /// The weight of an exchange among its equals.
    pub fn weight(&self, exchange: NameId) -> f64 {
        self.weights.binary_search_by_key(&exchange, |known| known.0).map_or(1.0, |place| self.weights[place].1)
    }
}

/// How sessions are kept open for messages that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSessions {
    /// Only while deliveries to the destination follow one another.
    pub on_demand: bool,
    /// An idle session is closed after this.
    pub idle: SimDuration,
    /// A session older than this is not used again.
    pub reuse: SimDuration,
    /// Most idle sessions of a destination.
    pub most: u32,
    /// Whether another destination at the same host may use one.
    pub shared: bool,
}

impl KeptSessions {
    /// Kept whatever follows, for the destination alone, as long as they are not idle for this long.
    pub const fn idle_for(idle: SimDuration) -> Self {
        Self { on_demand: false, idle, reuse: SimDuration::MAX, most: u32::MAX, shared: false }
    }
}

/// A relay that is named by configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayTo {
    /// A domain, or with `is_host` a host.
    pub name: NameId,
    /// Whether its addresses are looked up without looking for MX (`[name]`).
    pub is_host: bool,
}

/// How a try can fail at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// Nothing came before the time-out.
    Silence,
    /// The connection was refused, reset or closed.
    Lost,
    /// 4yz.
    Transient,
    /// 5yz.
    Permanent,
}

/// What a failed try leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next host, in the same attempt.
    NextHost,
    /// No other host: the attempt is over, the message waits.
    Defer,
    /// The message is refused.
    Bounce,
}

/// Whom a failure is remembered against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The host: all mail for it.
    Host,
    /// This message at this host.
    Message,
    /// This recipient.
    Address,
}

/// One rule: from one stage to another, these failures, lead to this and are remembered so.
pub type FailureRule = (Stage, Stage, &'static [Failing], Then, Blame);

/// What each failure at each stage leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureTable {
    cells: [[(Then, Blame); 4]; STAGES],
}

const STAGES: usize = 8;

const fn row(stage: Stage) -> usize {
    stage as usize
}

impl FailureTable {
    /// The table of a list of rules; a later rule overrides an earlier one, what no rule names puts the message off.
    pub fn new(rules: &[FailureRule]) -> Self {
        let mut table = Self { cells: [[(Then::Defer, Blame::Message); 4]; STAGES] };
        rules.iter().for_each(|&rule| table.apply(rule));
        table
    }

    /// The same but for this rule.
    pub fn with(mut self, rule: FailureRule) -> Self {
        self.apply(rule);
        self
    }

    fn apply(&mut self, (first, last, failings, then, blame): FailureRule) {
        for cells in &mut self.cells[row(first)..=row(last)] {
            failings.iter().for_each(|&failing| cells[failing as usize] = (then, blame));
        }
    }

    /// One stage as text, for whoever looks at a preset: failures that lead to the same stand together.
    pub fn describe(&self, stage: Stage) -> String {
        const NAMES: [&str; 4] = ["silence", "lost", "4yz", "5yz"];
        let cells = &self.cells[row(stage)];
        let mut groups: Vec<((Then, Blame), Vec<&str>)> = Vec::new();
        for (cell, name) in cells.iter().zip(NAMES) {
            match groups.iter_mut().find(|(known, _)| known == cell) {
                Some((_, names)) => names.push(name),
                None => groups.push((*cell, vec![name])),
            }
        }
        let texts = groups.iter().map(|((then, blame), names)| {
            let then = match then {
                Then::NextHost => "next host",
                Then::Defer => "waits",
                Then::Bounce => "refused",
            };
            let blame = match blame {
                _ if then == "refused" => "",
                Blame::Host => " (the host's)",
                Blame::Message => " (the message's)",
                Blame::Address => " (the recipient's)",
            };
            format!("{}: {then}{blame}", names.join(", "))
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    /// What this failure at this stage leads to, and whom it is remembered against.
    pub fn at(&self, stage: Stage, failing: Failing) -> (Then, Blame) {
        self.cells[row(stage)][failing as usize]
    }
}

/// What becomes of a message whose route cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoute {
    /// It is refused.
    Bounce,
    /// It waits.
    Defer,
}

/// What each DNS outcome leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsRules {
    /// A null MX alone (RFC 7505).
    pub null_mx: NoRoute,
    /// Whether a null MX beside others refuses the message too.
    pub null_among_others_bounces: bool,
    /// The domain, or each of its exchanges, has no address.
    pub no_address: NoRoute,
    /// The resolver does not answer for the domain.
    pub refused: NoRoute,
    /// An exchange that is an address; RFC 5321 section 5.1 wants a name there.
    pub literals: Literals,
    /// A relay that its rules leave nobody but itself (RFC 5321 section 5.1).
    pub only_itself: NoRoute,
    /// Whether what is not found, or has a null MX, goes to a fallback relay too, and waits where it is a relay that is not
    /// found. What could not be looked up goes there always.
    pub not_found_falls_back: bool,
}

/// What a client makes of an exchange that is an address and no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Literals {
    /// It connects to it.
    Taken,
    /// It is a name that has no address.
    NoAddress,
    /// It is left out; with nothing beside it the message waits.
    LeftOut,
    /// It refuses the message, whatever stands beside it.
    Refused,
}

impl DnsRules {
    /// As text, for whoever looks at a preset.
    pub fn describe(&self) -> String {
        let then = |then: NoRoute| if then == NoRoute::Bounce { "refused" } else { "waits" };
        let among = if self.null_among_others_bounces { "refused" } else { "the others" };
        let literals = match self.literals {
            Literals::Taken => "taken",
            Literals::NoAddress => "as a name without address",
            Literals::LeftOut => "left out, waits if alone",
            Literals::Refused => "refused, also among others",
        };
        format!(
            "null MX {}, among others {among}; no address {}; REFUSED {}; NXDOMAIN refused; SERVFAIL waits; an address as exchange {literals}",
            then(self.null_mx),
            then(self.no_address),
            then(self.refused)
        )
    }
}
