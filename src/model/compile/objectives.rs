//! What must hold of the results, and what is asked of them.

use super::Compiler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::faults::FaultsModel;
use crate::model::scopes::scopes;
use crate::model::timeline::TimelineItem;
use crate::model::vocabulary::{MEASURES, Measure};
use crate::model::{Clock, Objective};
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::tree;
use crate::scenario::units::{parse_duration, parse_size};

/// Kinds of scope that name something declared.
const SCOPES: [(&str, &str); 5] =
    [("sender", "sender"), ("host", "host"), ("resolver", "resolver"), ("server", "server"), ("zone", "zone")];

impl Compiler<'_> {
    pub(super) fn objectives(&mut self, timeline: &[TimelineItem], faults: &FaultsModel) -> Vec<Objective> {
        let tree = self.tree;
        // What changes and outages are called in the tables.
        let named = scopes(timeline, &self.dns, faults);
        let all = tree.objectives.iter().enumerate();
        all.filter_map(|(index, objective)| self.objective(index, objective, &named)).collect()
    }

    /// The spans that attainment is told of: those asked for, and those that objectives are about.
    pub(super) fn slo(&mut self, objectives: &[Objective]) -> Vec<SimDuration> {
        let tree = self.tree;
        let mut spans: Vec<SimDuration> = tree.run.slo.iter().map(|span| span.0).collect();
        for (index, _) in spans.iter().enumerate().filter(|(_, span)| span.is_zero()) {
            self.error(&["run", "slo", &index.to_string()], "nothing is delivered in no time").label =
                "expected a duration above zero".into();
        }
        let about = objectives.iter().filter(|objective| objective.measure == "slo_attainment");
        spans.extend(about.filter_map(|objective| parse_duration(&objective.statistic).ok()));
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// The instants of the queues' age tables, in order.
    pub(super) fn qshape(&mut self, clock: &Clock) -> Vec<SimTime> {
        let tree = self.tree;
        let mut instants = Vec::new();
        for (index, text) in tree.run.qshape.iter().enumerate() {
            let index = index.to_string();
            let path = ["run", "qshape", index.as_str()];
            let Some(at) = self.instant(&path, text, clock) else { continue };
            if at > clock.end {
                self.error(&path, format!("after the end of the run, at {:?}", clock.end)).help =
                    Some("look earlier, or lengthen `run.measure` or `run.drain`".into());
            }
            instants.push(at);
        }
        instants.sort_unstable();
        instants.dedup();
        instants
    }

    fn objective(&mut self, index: usize, objective: &tree::Objective, named: &[String]) -> Option<Objective> {
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
        let known = self.known_measure(&path, measure)?;
        let statistic = self.known_statistic(&path, known, statistic)?;
        if objective.below.is_none() && objective.above.is_none() {
            self.error(&["objectives", &index], "an objective without a bound").help =
                Some("give it `below` or `above`".into());
        }
        self.check_scope(&index, &objective.scope, named);
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
        Some(Objective { measure: measure.into(), statistic, scope: objective.scope.clone(), below, above, text })
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

    fn known_measure(&mut self, path: &[&str], measure: &str) -> Option<&'static Measure> {
        let found = MEASURES.iter().find(|known| known.name == measure);
        if found.is_none() {
            let names = || MEASURES.iter().map(|known| known.name);
            let help =
                did_you_mean(measure, names()).unwrap_or_else(|| format!("there are {}", list_names(names(), 99)));
            self.error(path, format!("no measure `{measure}`")).help = Some(help);
        }
        found
    }

    /// The statistic as the tables have it: an attainment's is a span.
    fn known_statistic(&mut self, path: &[&str], measure: &Measure, statistic: &str) -> Option<String> {
        if measure.name == "slo_attainment" {
            let span = parse_duration(statistic).ok().filter(|span| !span.is_zero());
            if span.is_none() {
                self.error(path, format!("`{statistic}` is no span")).label =
                    "expected the span to deliver in, such as `slo_attainment.15m`".into();
            }
            return span.map(|span| span.to_string());
        }
        if !measure.statistics.contains(&statistic) {
            let names = || measure.statistics.iter().copied();
            let help =
                did_you_mean(statistic, names()).unwrap_or_else(|| format!("it has {}", list_names(names(), 20)));
            self.error(path, format!("`{}` has no `{statistic}`", measure.name)).help = Some(help);
            return None;
        }
        Some(statistic.to_owned())
    }

    /// `all`, or a kind and the name of one that is declared.
    fn check_scope(&mut self, index: &str, scope: &str, named: &[String]) {
        let path = ["objectives", index, "scope"];
        let Some((kind, name)) = scope.split_once(':') else {
            if scope != "all" {
                self.error(&path, format!("no scope `{scope}`")).label =
                    "expected `all`, or a kind and a name such as `sender:campus`".into();
            }
            return;
        };
        if kind == "change" || kind == "event" {
            // A zone of an outage stands after it.
            let name = name.split(" zone:").next().unwrap_or(name);
            let names = || named.iter().map(String::as_str).filter(|name| !name.is_empty());
            if !names().any(|known| known == name) {
                let help = did_you_mean(name, names()).unwrap_or_else(|| match names().next() {
                    Some(_) => format!("there are {}", list_names(names(), 9)),
                    None => "name an entry of the timeline".into(),
                });
                self.error(&path, format!("no entry `{name}` in the timeline")).help = Some(help);
            }
            return;
        }
        if kind == "pair" {
            match name.split_once('>') {
                Some((sender, zone)) => {
                    self.find_one(&path, "sender", sender);
                    self.find_one(&path, "zone", zone);
                }
                None => {
                    self.error(&path, format!("no pair `{name}`")).label =
                        "expected a sender and a domain such as `pair:campus>example.org`".into();
                }
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
