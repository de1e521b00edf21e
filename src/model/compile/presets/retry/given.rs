//! A policy that a user gives, by itself: as presets that can be shown.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::super::retry::{IDLE, preset_policy};
use super::super::super::{Files, Folder, Loaded, load_source};
use super::{RetryPreset, client_sources, system_of};
use crate::model::client::ClientRules;
use crate::model::mail::RetryPolicy;
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::exim_options::read_exim_options;
use crate::scenario::exim_section::{EximErrors, EximLine, Pattern, read_exim_section};
use crate::scenario::locator::Locator;
use crate::scenario::postconf::{Postconf, read_postconf};
use crate::scenario::read::options;
use crate::scenario::splice::Override;
use crate::scenario::tree::{EximConfig, EximRetry, PostfixConfig, Retry};

/// The scenario whose sender has a policy that is given by itself.
const AROUND: &str = r#"(
    title: "a policy by itself",
    zones: { "example.org": (mx: [(10, "mx.example.org")]) },
    hosts: { "mx.example.org": () },
    resolvers: { "r": () },
    senders: { "s{i}": (count: 1, resolver: "r", arrivals: Poisson(rate: "1/h"), to: Weights({"example.org": 1.0}), retry: Postfix()) },
)"#;

/// A schedule of a policy.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which one it is, of a policy with several: the share of a `Mix`, what a rule of Exim's is for; empty if it is the only one.
    pub of: String,
    /// The policy; `None` if there is no second attempt (a rule of Exim's without steps).
    pub preset: Option<RetryPreset>,
}

/// A policy as a scenario writes it, with each of its schedules: a preset with parameters, a `Custom` schedule, a configuration of
/// Postfix's or Exim's (a file, from the working directory on), a `Mix`; and what its user may not have meant.
///
/// # Errors
/// What a scenario with it would be refused for.
pub fn written(text: &str) -> Result<(Vec<Part>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let source = Arc::new(SourceText { name: "a policy by itself".into(), text: AROUND.into() });
    let given = Override::named("the preset as given", "senders/s{i}/retry", text);
    let Loaded { variants, mut warnings, .. } = load_source(&source, &[given], &mut Folder(PathBuf::new()))?;
    // Whom a rule is for is not known here.
    warnings.retain(|warning| !warning.message.ends_with(IDLE));
    let parts = variants.into_iter().next().and_then(|mut variant| {
        let retry = variant.scenario.senders.swap_remove("s{i}")?.retry;
        match &retry {
            Retry::Mix(members) => Some(of_mix(members)),
            Retry::EximConfig(config) => {
                let given = Locator::of(&Arc::new(SourceText { name: String::new(), text: text.into() }));
                of_exim(config, &given.keys(&["with"]))
            }
            _ => {
                let node = variant.model.mail.nodes.first()?;
                let preset = preset(retry, node.retry.clone(), node.client.clone())?;
                Some(vec![Part { of: String::new(), preset: Some(preset) }])
            }
        }
    });
    let no_schedule = || vec![Diagnostic::error("a policy with no schedule of its own")];
    parts.filter(|parts| !parts.is_empty()).map(|parts| (parts, warnings)).ok_or_else(no_schedule)
}

fn preset(retry: Retry, policy: RetryPolicy, rules: ClientRules) -> Option<RetryPreset> {
    Some(match &retry {
        Retry::Custom(_) => RetryPreset {
            name: "Custom",
            about: "a policy as given",
            rule: "as given",
            retry,
            policy,
            rules,
            config: None,
            sources: &[],
            client: &client_sources::AS_GIVEN,
        },
        Retry::PostfixConfig(config) => {
            let own = read_config(config)?;
            let retry = Retry::Postfix(own.retry.clone());
            let system = system_of(&retry)?;
            let about = "Postfix as its own configuration has it";
            RetryPreset { name: "PostfixConfig", about, retry, policy, rules, config: Some(own), ..system }
        }
        _ => RetryPreset { policy, rules, ..system_of(&retry)? }.of(retry),
    })
}

/// The schedules of each member, with its share.
fn of_mix(members: &[(f64, Retry)]) -> Vec<Part> {
    let total: f64 = members.iter().map(|(weight, _)| weight).sum();
    let of_member = |(weight, retry): &(f64, Retry)| {
        let parts = options().to_string(retry).ok().and_then(|text| written(&text).ok()).map(|(parts, _)| parts);
        let share = format!("{} %", (1000.0 * weight / total).round() / 10.0);
        parts.unwrap_or_default().into_iter().map(move |part| Part { of: joined(&share, &part.of), ..part })
    };
    members.iter().flat_map(of_member).collect()
}

fn joined(one: &str, other: &str) -> String {
    if other.is_empty() { one.to_owned() } else { format!("{one}, {other}") }
}

/// The schedules of each rule that can apply; `given`: the parameters of `with` that are written.
fn of_exim(config: &EximConfig, given: &[&str]) -> Option<Vec<Part>> {
    let source = Folder(PathBuf::new()).read(&config.file).ok()?;
    let (lines, _) = read_exim_section(&source);
    let (own, _) = read_exim_options(&source, &config.with, given);
    let applies = |line: &EximLine| line.pattern != Pattern::Never && line.errors != EximErrors::Never;
    let of_line = |line: EximLine| {
        let retry = Retry::Exim(EximRetry { rule: format!("* * {}", line.rule), ..own.clone() });
        let preset = (!line.rule.steps.is_empty()).then(|| {
            let system = system_of(&retry)?;
            Some(RetryPreset { policy: preset_policy(&retry), ..system }.of(retry))
        });
        Part { of: line.of, preset: preset.flatten() }
    };
    Some(lines.into_iter().filter(applies).map(of_line).collect())
}

/// What the files of a configuration say, which a scenario was loaded with.
fn read_config(config: &PostfixConfig) -> Option<Postconf> {
    let mut files = Folder(PathBuf::new());
    let (mut own, _) = read_postconf(&files.read(&config.file).ok()?);
    if let Some(master) = &config.master {
        own.add_master(&files.read(master).ok()?);
    }
    own.retry.scan_phase = config.scan_phase;
    Some(own)
}
