//! Real configurations: what Postfix and Exim themselves read.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Compiler;
use super::field;
use crate::model::NameId;
use crate::model::mail::{EximCase, RetryPolicy};
use crate::scenario::diagnostic::{Diagnostic, SourceText};
use crate::scenario::exim_options::read_exim_options;
use crate::scenario::exim_section::{EximLine, Pattern, read_exim_section};
use crate::scenario::postconf::{Postconf, read_postconf};
use crate::scenario::tree::{EximConfig, EximRetry, PostfixConfig, Retry};

/// What is said of a pattern that is no name's.
pub const IDLE: &str = "fits no name of a domain or a host: its rule never applies";

/// What configurations say, by place in the scenario: a population reads one once.
#[derive(Debug, Default)]
pub(in crate::model::compile) struct Configs {
    postfix: HashMap<String, Arc<Postconf>>,
    exim: HashMap<String, (EximRetry, Vec<EximLine>)>,
}

/// What a policy comes from.
#[derive(Debug)]
pub(in crate::model::compile) struct NodePreset {
    /// The preset, with all its parameters.
    pub preset: Retry,
    /// The configuration that has them.
    pub config: Option<Arc<Postconf>>,
}

impl From<Retry> for NodePreset {
    fn from(preset: Retry) -> Self {
        Self { preset, config: None }
    }
}

impl Compiler<'_> {
    /// The policy, and what it comes from.
    pub(super) fn configured(&mut self, path: &[&str], retry: &Retry) -> (RetryPolicy, NodePreset) {
        match retry {
            Retry::PostfixConfig(config) => {
                let read = self.postfix_config(path, config);
                let preset = Retry::Postfix(read.retry.clone());
                self.checked = Some(Arc::clone(&read));
                let policy = self.retry(path, &preset);
                self.checked = None;
                (policy, NodePreset { preset, config: Some(read) })
            }
            Retry::EximConfig(config) => {
                let (own, cases) = self.exim_config(path, config);
                let policy = super::policies::exim(&own, cases);
                let policy = self.with_serialized(&field(path, "with"), &own, policy);
                let own = Retry::Exim(own);
                self.check_retry(&field(path, "with"), &own);
                (policy, own.into())
            }
            _ => (self.retry(path, retry), retry.clone().into()),
        }
    }

    fn postfix_config(&mut self, path: &[&str], config: &PostfixConfig) -> Arc<Postconf> {
        let place = path.join("/");
        if let Some(own) = self.configs.postfix.get(&place) {
            return own.clone();
        }
        let mut own = Postconf::default();
        if let Some(source) = self.file(&field(path, "file"), &config.file) {
            let (read, problems) = read_postconf(&source);
            own = read;
            self.say_all(problems);
        }
        if let Some(master) = &config.master
            && let Some(source) = self.file(&field(path, "master"), master)
        {
            self.say_all(own.add_master(&source));
        }
        own.retry.scan_phase = config.scan_phase;
        let own = Arc::new(own);
        self.configs.postfix.insert(place, Arc::clone(&own));
        own
    }

    /// Its parameters, where `with` does not say otherwise, and its rules.
    fn exim_config(&mut self, path: &[&str], config: &EximConfig) -> (EximRetry, Vec<EximCase>) {
        let place = path.join("/");
        if !self.configs.exim.contains_key(&place) {
            let (mut own, mut lines) = (config.with.clone(), Vec::new());
            if let Some(source) = self.file(&field(path, "file"), &config.file) {
                let (read, problems) = read_exim_section(&source);
                lines = read;
                self.say_all(problems);
                self.warn_of_idle(&source, &lines);
                let (read, problems) = read_exim_options(&source, &own, &self.at.keys(&field(path, "with")));
                own = read;
                self.say_all(problems);
            }
            self.configs.exim.insert(place.clone(), (own, lines));
        }
        let (own, lines) = self.configs.exim.get(&place).cloned().unwrap_or_default();
        let case = |line: EximLine| EximCase { names: self.meant(&line.pattern), errors: line.errors, rule: line.rule };
        (own, lines.into_iter().map(case).collect())
    }

    /// Warns of patterns that are no name's: their rules never apply.
    fn warn_of_idle(&mut self, source: &Arc<SourceText>, lines: &[EximLine]) {
        for line in lines {
            if line.pattern != Pattern::Never && self.meant(&line.pattern).is_some_and(|names| names.is_empty()) {
                let pattern = source.text.get(line.span.clone()).unwrap_or_default();
                let message = format!("`{pattern}` {IDLE}");
                self.say_all(vec![Diagnostic::warning(message).at(source, line.span.clone())]);
            }
        }
    }

    /// The names that a pattern fits, sorted; `None` for all.
    fn meant(&self, pattern: &Pattern) -> Option<Vec<NameId>> {
        if *pattern == Pattern::All {
            return None;
        }
        let names = (0..self.dns.names.len() as u32).map(NameId);
        Some(names.filter(|name| pattern.fits(self.dns.names.text(*name))).collect())
    }
}
