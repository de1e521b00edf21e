//! What must hold of the results, and what is asked of them.

use super::Compiler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::faults::FaultsModel;
use crate::model::scopes::scopes;
use crate::model::timeline::TimelineItem;
use crate::model::vocabulary::{MEASURES, Measure};
use crate::model::{Clock, Model, Objective};
use crate::scenario::nearest::{did_you_mean, list_names};
use crate::scenario::tree;
use crate::scenario::units::{parse_duration, parse_size};

/// Kinds of scope that name something declared.
const SCOPES: [(&str, &str); 5] =
    [("sender", "sender"), ("host", "host"), ("resolver", "resolver"), ("server", "server"), ("zone", "zone")];

impl Compiler<'_> {
    /// Each with its place in the scenario's list.
    pub(super) fn objectives(&mut self, timeline: &[TimelineItem], faults: &FaultsModel) -> Vec<(usize, Objective)> {
        let tree = self.tree;
        // What changes and outages are called in the tables.
        let named = scopes(timeline, &self.dns, faults);
        let all = tree.objectives.iter().enumerate();
        all.filter_map(|(index, objective)| Some((index, self.objective(index, objective, &named)?))).collect()
    }

    /// An objective is about a number that the tables have.
    pub(super) fn check_objectives(&mut self, places: &[usize], model: &Model) {
        for (&index, objective) in places.iter().zip(&model.objectives) {
            let Some(measure) = MEASURES.iter().find(|known| known.name == objective.measure) else { continue };
            if let Err(why) = model.lists(measure, &objective.statistic, &objective.scope) {
                let message = format!("no number `{}` of `{}`", self.tree.objectives[index].measure, objective.scope);
                let field = if objective.scope == "all" { "measure" } else { "scope" };
                self.error(&["objectives", &index.to_string(), field], message).help = Some(why);
            }
        }
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
        let is_known = self.check_scope(&index, &objective.scope, named);
        let unit = known.unit(&statistic);
        let below = self.bound(&index, "below", objective.below.as_deref(), unit);
        let above = self.bound(&index, "above", objective.above.as_deref(), unit);
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
        is_known.then(|| Objective {
            measure: measure.into(),
            statistic,
            scope: objective.scope.clone(),
            below,
            above,
            text,
        })
    }

    fn bound(&mut self, index: &str, field: &str, text: Option<&str>, unit: &str) -> Option<f64> {
        let text = text?;
        let value = bound_in(text, unit);
        if value.is_none() {
            self.error(&["objectives", index, field], format!("`{text}` is no bound of this")).label = match unit {
                "s" => "expected a duration such as `10m`",
                "B" => "expected a size such as `2MB`",
                "share" => "expected a share such as `99.5%` or `0.995`",
                _ => "expected a number such as `100`",
            }
            .into();
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
    fn check_scope(&mut self, index: &str, scope: &str, named: &[String]) -> bool {
        let path = ["objectives", index, "scope"];
        let Some((kind, name)) = scope.split_once(':') else {
            if scope != "all" {
                self.error(&path, format!("no scope `{scope}`")).label =
                    "expected `all`, or a kind and a name such as `sender:campus`".into();
            }
            return scope == "all";
        };
        if kind == "change" || kind == "event" {
            // A zone of an outage stands after it.
            let name = name.split(" zone:").next().unwrap_or(name);
            let names = || named.iter().map(String::as_str).filter(|name| !name.is_empty());
            let is_known = names().any(|known| known == name);
            if !is_known {
                let help = did_you_mean(name, names()).unwrap_or_else(|| match names().next() {
                    Some(_) => format!("there are {}", list_names(names(), 9)),
                    None => "name an entry of the timeline".into(),
                });
                self.error(&path, format!("no entry `{name}` in the timeline")).help = Some(help);
            }
            return is_known;
        }
        if kind == "pair" {
            return match name.split_once('>') {
                Some((sender, zone)) => {
                    let sender = self.find_one(&path, "sender", sender);
                    self.find_one(&path, "zone", zone).is_some() && sender.is_some()
                }
                None => {
                    self.error(&path, format!("no pair `{name}`")).label =
                        "expected a sender and a domain such as `pair:campus>example.org`".into();
                    false
                }
            };
        }
        let Some(&(_, kind)) = SCOPES.iter().find(|(known, _)| *known == kind) else {
            let known = SCOPES.iter().map(|(known, _)| *known);
            let help =
                did_you_mean(kind, known.clone()).unwrap_or_else(|| format!("there are {}", list_names(known, 9)));
            self.error(&path, format!("no kind of scope `{kind}`")).help = Some(help);
            return false;
        };
        self.find_one(&path, kind, name).is_some()
    }
}

/// A bound in a measure's unit: seconds, bytes, a share of 1, or a number. Without a unit of its own it is in that.
fn bound_in(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.parse::<f64>().ok();
    let value = match unit {
        "s" => plain.or_else(|| parse_duration(text).ok().map(|span| span.as_secs_f64())),
        "B" => plain.or_else(|| parse_size(text).ok().map(|bytes| bytes as f64)),
        "share" => plain.or_else(|| text.strip_suffix('%')?.trim().parse::<f64>().ok().map(|percent| percent / 100.0)),
        _ => plain,
    };
    value.filter(|value| value.is_finite() && (unit != "share" || (0.0..=1.0).contains(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_the_unit_of_its_measure() {
        for (text, unit, value) in [
            ("0.99", "share", 0.99),
            ("99.5%", "share", 0.995),
            ("5 %", "share", 0.05),
            ("10m", "s", 600.0),
            ("0.5", "s", 0.5),
            ("2MB", "B", 2e6),
            ("1KiB", "B", 1024.0),
            ("12", "1", 12.0),
        ] {
            assert_eq!(bound_in(text, unit), Some(value), "{text}");
        }
        let wrong = [("5%", "s"), ("1d", "B"), ("1s", "1"), ("150%", "share"), ("2", "share"), ("10m", "share")];
        for (text, unit) in wrong.into_iter().chain(["", "ten", "inf", "nan", "5x", "%"].map(|text| (text, "s"))) {
            assert_eq!(bound_in(text, unit), None, "{text}");
        }
    }
}
