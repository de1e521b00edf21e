//! Presets of `retry`: each parameter by the system's own name, with where its default was read or measured.
//!
//! Values are those that a scenario takes where it says nothing: they are read off the tree's defaults, never written
//! down a second time.

use std::mem::discriminant;

use super::super::retry::preset_policy;
use super::{Preset, with_parameters};
use crate::engine::time::SimDuration;
use crate::model::client::ClientRules;
use crate::model::mail::{Expiry, Memory, Pickup, RetryPolicy};
use crate::scenario::postconf::Postconf;
use crate::scenario::tree::{
    ChasquidRetry, ExchangeRetry, EximRetry, HarakaRetry, KumoMtaRetry, MaddyRetry, MoxRetry, OpenSmtpdRetry,
    PostfixRetry, QmailRetry, Retry, SendmailRetry, Shuffle, Stage, StalwartRetry, ZoneMtaRetry,
};

mod client_sources;
mod given;
mod sources;

pub use given::{Part, written};

/// A retry preset: its name in a scenario, its version, its rule and its parameters.
#[derive(Debug, Clone)]
pub struct RetryPreset {
    /// As a scenario writes it.
    pub name: &'static str,
    /// What it stands for, with the version read or measured.
    pub about: &'static str,
    /// Where its schedule was read.
    pub rule: &'static str,
    /// With its defaults, or what was given instead.
    pub retry: Retry,
    /// What the simulation runs.
    policy: RetryPolicy,
    rules: ClientRules,
    /// The configuration that it was read from.
    config: Option<Postconf>,
    /// Sources of its parameters, in the order shown.
    sources: &'static [(&'static str, &'static str)],
    /// Sources of what its client does.
    client: &'static client_sources::ClientSources,
}

/// All of them.
pub fn systems() -> Vec<RetryPreset> {
    let own = |retry: Retry, sheet: &sources::Sheet| RetryPreset {
        name: sheet.name,
        about: sheet.about,
        rule: sheet.rule,
        policy: preset_policy(&retry),
        rules: with_parameters(&retry, None),
        config: None,
        retry,
        sources: sheet.parameters,
        client: sheet.client,
    };
    vec![
        own(Retry::Postfix(PostfixRetry::default()), &sources::POSTFIX),
        own(Retry::Exim(EximRetry::default()), &sources::EXIM),
        own(Retry::Sendmail(SendmailRetry::default()), &sources::SENDMAIL),
        own(Retry::Qmail(QmailRetry::default()), &sources::QMAIL),
        own(Retry::OpenSmtpd(OpenSmtpdRetry::default()), &sources::OPENSMTPD),
        own(Retry::Haraka(HarakaRetry::default()), &sources::HARAKA),
        own(Retry::KumoMta(KumoMtaRetry::default()), &sources::KUMOMTA),
        own(Retry::Stalwart(StalwartRetry::default()), &sources::STALWART),
        own(Retry::ZoneMta(ZoneMtaRetry::default()), &sources::ZONEMTA),
        own(Retry::Mox(MoxRetry::default()), &sources::MOX),
        own(Retry::Maddy(MaddyRetry::default()), &sources::MADDY),
        own(Retry::Chasquid(ChasquidRetry::default()), &sources::CHASQUID),
        own(Retry::Exchange(ExchangeRetry::default()), &sources::EXCHANGE),
    ]
}

/// Presets of `retry`, each with what its SMTP client does within an attempt.
pub fn retry_presets() -> Vec<Preset> {
    systems().iter().map(RetryPreset::shown).collect()
}

/// The preset with other parameters than its own.
fn system_of(retry: &Retry) -> Option<RetryPreset> {
    systems().into_iter().find(|system| discriminant(&system.retry) == discriminant(retry))
}

impl RetryPreset {
    /// What the simulation runs.
    pub fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// The same, as what it was made from.
    fn of(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// As it is shown; `None` of a policy that has no parameters with defaults.
    pub fn as_preset(&self) -> Option<Preset> {
        (!self.sources.is_empty()).then(|| self.shown())
    }

    fn shown(&self) -> Preset {
        let values = parameters(&self.retry);
        let defaults = system_of(&self.retry).map(|system| parameters(&system.retry)).unwrap_or_default();
        let given = |name: &str| self.config.as_ref().and_then(|config| config.given.get(name)).copied();
        let value = |name: &str| values.iter().find(|(known, _)| known == name);
        let mut rows: Vec<_> = self
            .sources
            .iter()
            .map(|&(name, source)| {
                let own = value(name);
                let is_default = own.is_none_or(|own| defaults.contains(own));
                (
                    name,
                    own.map(|(_, value)| value.clone()).unwrap_or_default(),
                    given(name).unwrap_or(if is_default { source } else { "as given" }),
                )
            })
            .collect();
        let policy = self.policy();
        rows.push(("(gives up)", gives_up(&policy.expiry), self.rule));
        rows.push(("(backoff kept by)", remembers(policy), self.rule));
        if let Some(cache) = &policy.dns_cache {
            rows.push(("(DNS cache of its own)", cache.describe(), self.rule));
        }
        let (rules, from) = (&self.rules, self.client);
        let limit = |n: u32| if n == u32::MAX { "none".to_owned() } else { n.to_string() };
        let shuffle = match rules.shuffle {
            Shuffle::Addresses => "addresses",
            Shuffle::Names => "names",
            Shuffle::NamesAndAddresses => "names, and the addresses of each",
            Shuffle::Weighted => "names, by weight",
            Shuffle::AdjacentSwaps => "neighbours, once",
            Shuffle::Off => "off",
        };
        let connect = match rules.connect_timeout {
            SimDuration::MAX => "the kernel's".to_owned(),
            span => span.to_string(),
        };
        rows.extend([
            ("client.connect_timeout", connect, from.timeouts),
            ("client.greeting_timeout", rules.greeting_timeout.to_string(), from.timeouts),
            ("client.timeouts", rules.timeouts.describe(), from.timeouts),
            ("client.address_limit", limit(rules.address_limit), from.limits),
            ("client.exchange_limit", limit(rules.exchange_limit), from.limits),
            ("client.exchange_address_limit", limit(rules.exchange_address_limit), from.limits),
            ("client.session_limit", limit(rules.session_limit), from.limits),
            (
                "(recipients in a transaction)",
                limit(if rules.recipients_max == u16::MAX { u32::MAX } else { rules.recipients_max.into() }),
                from.recipients,
            ),
            ("client.shuffle", shuffle.to_owned(), from.order),
            ("client.address_preference", format!("{:?}", rules.address_preference), self.families()),
            ("client.fast_fallback", rules.fast_fallback.unwrap_or_default().to_string(), self.families()),
            ("(session)", rules.speaks.describe(), self.session()),
            ("(DNS)", rules.dns.describe(), from.dns),
            ("(own name in the MX)", rules.describe_own(), from.own),
            ("(hops at most)", rules.hops_max.to_string(), from.hops),
            ("(552)", rules.describe_552(), from.soft_552),
            ("(status codes)", rules.codes.describe(&rules.dns), from.codes),
        ]);
        rows.extend(STAGES.map(|(name, stage)| (name, rules.failures.describe(stage), from.stages)));
        let next_hops = self.config.iter().flat_map(|config| &config.next_hops);
        rows.extend(next_hops.map(|(name, (text, _))| {
            (*name, if text.is_empty() { "none".to_owned() } else { text.clone() }, Postconf::FROM_FILE)
        }));
        Preset { name: self.name, field: "retry", about: self.about, parameters: rows }
    }
}

impl RetryPreset {
    /// Where it is from what is said of TLS.
    fn session(&self) -> &'static str {
        match self.config.as_ref().and_then(|config| config.tls) {
            Some(_) => "smtp_tls_security_level from `file`; else as Postfix()",
            None => self.client.session,
        }
    }

    /// Where it is from which of IPv4 and IPv6 comes first.
    fn families(&self) -> &'static str {
        match self.name {
            "PostfixConfig" if self.config.as_ref().is_some_and(|config| config.address_preference.is_some()) => {
                Postconf::FROM_FILE
            }
            _ => self.client.families,
        }
    }
}

/// Where a try can fail, as a preset's table names it.
const STAGES: [(&str, Stage); 8] = [
    ("(at connect)", Stage::Connect),
    ("(at greeting)", Stage::Greeting),
    ("(at EHLO)", Stage::Ehlo),
    ("(at STARTTLS)", Stage::StartTls),
    ("(at MAIL)", Stage::Mail),
    ("(at RCPT)", Stage::Rcpt),
    ("(at DATA)", Stage::Data),
    ("(at end of data)", Stage::EndOfData),
];

/// Names and values of a variant's parameters, as a scenario writes them.
pub fn parameters(retry: &Retry) -> Vec<(String, String)> {
    // Externally tagged: one entry, the variant, with a map of its fields.
    let Ok(serde_json::Value::Object(tagged)) = serde_json::to_value(retry) else { return Vec::new() };
    let Some(serde_json::Value::Object(fields)) = tagged.into_iter().next().map(|(_, fields)| fields) else {
        return Vec::new();
    };
    fields.into_iter().map(|(name, value)| (name, as_text(&value))).collect()
}

fn as_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) if items.is_empty() => "none".into(),
        serde_json::Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(", "),
        serde_json::Value::Null => "none".into(),
        // As `master.cf` has it with 0.
        serde_json::Value::Number(number) if number.as_u64() == Some(u32::MAX.into()) => "no limit".into(),
        other => other.to_string(),
    }
}

fn gives_up(expiry: &Expiry) -> String {
    match expiry {
        Expiry::AfterAttempt(age) => format!("after the first attempt at an age of {age} or more"),
        Expiry::AfterAttemptBegun { lifetime, .. } => format!("after the first attempt begun past {lifetime}"),
        Expiry::Timer(age) => format!("by a timer at {age}, between attempts too"),
        Expiry::NextTooLate(age) => format!("at once, when the next attempt would come after {age}"),
        Expiry::AtWaking(age) => format!("when it would try again at {age} or later"),
        Expiry::Failures(n) => format!("with failure {n}"),
        Expiry::Schedule => "when the schedule ends".into(),
    }
}

fn remembers(policy: &RetryPolicy) -> String {
    let memory = match &policy.memory {
        Memory::Message => "message",
        Memory::Destination(_) => "message, and destination in memory",
        Memory::RetryRecords { .. } => "host, host and message, address, domain",
        Memory::HostStatus { .. } => "message, and host within a queue run",
        Memory::TimeoutTable { .. } => "message, and addresses that timed out",
        Memory::Routes { .. } => "message, and route",
        Memory::ReadyQueue { .. } => "message, and ready queue after failures in a row",
        Memory::UnreachableDomains { .. } => "message, and domain for 2 minutes without a connection",
        Memory::NextHopQueue => "next-hop queue; message, where it was refused by itself",
        Memory::OneADomain => "message, one delivery at a time to a domain",
    };
    let pickup = match policy.pickup {
        Pickup::AtOnce => "a timer each",
        Pickup::Scan(_) => "taken up by queue scans",
        Pickup::QueueRun { .. } => "taken up by queue runs",
    };
    format!("{memory}; {pickup}")
}

#[cfg(test)]
mod tests;
