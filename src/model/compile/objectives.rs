//! What must hold of the results.

use super::Compiler;
use crate::model::Objective;
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::tree;
use crate::scenario::units::{parse_duration, parse_size};

/// Kinds of scope that name something declared.
const SCOPES: [(&str, &str); 4] = [("sender", "sender"), ("host", "host"), ("resolver", "resolver"), ("zone", "zone")];

impl Compiler<'_> {
    pub(super) fn objectives(&mut self) -> Vec<Objective> {
        let tree = self.tree;
        tree.objectives.iter().enumerate().filter_map(|(index, objective)| self.objective(index, objective)).collect()
    }

    fn objective(&mut self, index: usize, objective: &tree::Objective) -> Option<Objective> {
        let index = index.to_string();
        let path = ["objectives", index.as_str(), "measure"];
        let parts = objective.measure.rsplit_once('.');
        let Some((measure, statistic)) =
            parts.filter(|(measure, statistic)| !measure.is_empty() && !statistic.is_empty())
        else {
            self.error(&path, "an objective is about a statistic").label =
                "expected a measure and a statistic such as `delivery_latency.p99`".into();
            return None;
        };
        if objective.below.is_none() && objective.above.is_none() {
            self.error(&["objectives", &index], "an objective without a bound").help =
                Some("give it `below` or `above`".into());
        }
        self.check_scope(&index, &objective.scope);
        let below = self.bound(&index, "below", objective.below.as_deref());
        let above = self.bound(&index, "above", objective.above.as_deref());
        if let (Some(below), Some(above)) = (below, above)
            && above >= below
        {
            self.error(&["objectives", &index, "above"], "nothing is above this and below the other bound");
        }
        let words: Vec<String> = [("<", &objective.below), (">", &objective.above)]
            .into_iter()
            .filter_map(|(sign, text)| text.as_ref().map(|text| format!("{sign} {text}")))
            .collect();
        let text = format!("{} of {} {}", objective.measure, objective.scope, words.join(" and "));
        Some(Objective {
            measure: measure.into(),
            statistic: statistic.into(),
            scope: objective.scope.clone(),
            below,
            above,
            text,
        })
    }

    fn bound(&mut self, index: &str, field: &str, text: Option<&str>) -> Option<f64> {
        let text = text?;
        let value = number_with_unit(text);
        if value.is_none() {
            self.error(&["objectives", index, field], format!("`{text}` is no bound")).label =
                "expected a number, a share such as `99.5%`, a duration such as `10m` or a size such as `2MB`".into();
        }
        value
    }

    /// `all`, or a kind and the name of one that is declared.
    fn check_scope(&mut self, index: &str, scope: &str) {
        let path = ["objectives", index, "scope"];
        let Some((kind, name)) = scope.split_once(':') else {
            if scope != "all" {
                self.error(&path, format!("no scope `{scope}`")).label =
                    "expected `all`, or a kind and a name such as `sender:campus`".into();
            }
            return;
        };
        if kind == "change" || kind == "event" {
            let tree = self.tree;
            let names = || tree.timeline.iter().map(|entry| entry.name.as_str()).filter(|name| !name.is_empty());
            if !names().any(|known| known == name) {
                let help = did_you_mean(name, names()).unwrap_or_else(|| "name an entry of the timeline".into());
                self.error(&path, format!("no entry `{name}` in the timeline")).help = Some(help);
            }
            return;
        }
        let Some(&(_, kind)) = SCOPES.iter().find(|(known, _)| *known == kind) else {
            let known = SCOPES.iter().map(|(known, _)| *known);
            let help =
                did_you_mean(kind, known.clone()).unwrap_or_else(|| format!("there are {}", list_names(known, 9)));
            self.error(&path, format!("no kind of scope `{kind}`")).help = Some(help);
            return;
        };
        // `isp#3` is a cache of a farm; a host that relays has a queue as a sender has.
        let name = if kind == "resolver" { name.split('#').next().unwrap_or(name) } else { name };
        let is_relay = kind == "sender" && self.hosts.get(name).is_some();
        if !is_relay {
            self.find_one(&path, kind, name);
        }
    }
}

/// A bound: `0.99`, `99 %`, `10m` (in seconds), `2MB` (in bytes).
fn number_with_unit(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim().parse::<f64>().ok().map(|value| value / 100.0).filter(|value| value.is_finite());
    }
    let plain = text.parse::<f64>().ok().filter(|value| value.is_finite());
    plain
        .or_else(|| parse_duration(text).ok().map(|span| span.as_secs_f64()))
        .or_else(|| parse_size(text).ok().map(|bytes| bytes as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_number_a_share_a_duration_or_a_size() {
        for (text, value) in
            [("0.99", 0.99), ("99.5%", 0.995), ("5 %", 0.05), ("10m", 600.0), ("2MB", 2e6), ("1KiB", 1024.0)]
        {
            assert_eq!(number_with_unit(text), Some(value), "{text}");
        }
        for text in ["", "ten", "inf", "nan", "5x", "%"] {
            assert_eq!(number_with_unit(text), None, "{text}");
        }
    }
}
