//! Retry policies: what a system's parameters, by its own names, must hold to.

mod checks;
mod config;
mod custom;
mod mix;
mod not_modelled;
mod policies;

use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use super::names::is_match;
use crate::model::NameId;
use crate::model::dns::canonical;
use crate::model::mail::{EximCase, EximErrors, Memory, RetryPolicy};
use crate::scenario::diagnostic::SourceText;
use crate::scenario::exim_retry::{EximRule, read_exim_rule};
use crate::scenario::tree::{EximRetry, Retry};

pub use config::IDLE;
pub(super) use config::{Configs, NodePreset};
pub use policies::preset_policy;

impl Compiler<'_> {
    /// The policy of one node; a `Mix` is resolved before.
    pub(super) fn retry(&mut self, path: &[&str], retry: &Retry) -> RetryPolicy {
        self.check_retry(path, retry);
        match retry {
            Retry::Exim(exim) => {
                let (source, span) = self.rule_text(&field(path, "rule"), &exim.rule);
                let (rule, problems) = read_exim_rule(&source, span);
                self.say_all(problems);
                let rule = rule.unwrap_or(EximRule { steps: Vec::new() });
                let policy = policies::exim(exim, vec![EximCase { names: None, errors: EximErrors::Any, rule }]);
                self.with_serialized(path, exim, policy)
            }
            Retry::Custom(custom) => self.custom_retry(path, custom),
            _ => preset_policy(retry),
        }
    }

    /// The policy with the hosts that `serialize_hosts` means.
    fn with_serialized(&mut self, path: &[&str], exim: &EximRetry, mut policy: RetryPolicy) -> RetryPolicy {
        let Memory::RetryRecords { serialized, .. } = &mut policy.memory else { return policy };
        for (index, pattern) in exim.serialize_hosts.iter().enumerate() {
            let names = (0..self.dns.names.len() as u32).map(NameId);
            let before = serialized.len();
            serialized.extend(names.filter(|name| is_match(&canonical(pattern), self.dns.names.text(*name))));
            if serialized.len() == before {
                let (path, index) = (field(path, "serialize_hosts"), index.to_string());
                let path: Vec<&str> = path.iter().copied().chain([index.as_str()]).collect();
                self.warning(&path, format!("no exchange is called `{pattern}`"));
            }
        }
        serialized.sort_unstable();
        serialized.dedup();
        policy
    }

    /// The rule as written, without its quotes, or where it is not written like that a text of its own.
    fn rule_text(&self, path: &[&str], rule: &str) -> (Arc<SourceText>, Range<usize>) {
        let place = self.at.part_place(path, &(0..rule.len()));
        if rule.is_empty() && place.source.text.get(place.span.clone()) == Some("\"\"") {
            return (place.source, place.span.start + 1..place.span.start + 1);
        }
        if place.source.text.get(place.span.clone()) == Some(rule) {
            return (place.source, place.span);
        }
        (Arc::new(SourceText { name: "a retry rule".into(), text: rule.into() }), 0..rule.len())
    }
}

/// A path with one more step.
pub(super) fn field<'a>(path: &[&'a str], name: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([name]).collect()
}
