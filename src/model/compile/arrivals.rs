//! When messages and questions come.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::Compiler;
use crate::engine::dist::Dist;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{ArrivalsModel, DiurnalModel, TraceRow};
use crate::model::{Clock, RegionId};
use crate::scenario::distribution::DistSpec;
use crate::scenario::trace::{Arrival, read_arrivals};
use crate::scenario::tree::Arrivals;

/// The greatest rate, per second, and the shortest period or mean gap: one a nanosecond.
const RATE_MAX: f64 = 1e9;

impl Compiler<'_> {
    /// `region` is where they come from: a day's profile follows its clocks.
    pub(super) fn arrivals(
        &mut self,
        path: &[&str],
        arrivals: &Arrivals,
        region: RegionId,
        clock: &Clock,
    ) -> ArrivalsModel {
        let field = |name: &'static str| -> Vec<&str> { path.iter().copied().chain([name]).collect() };
        let model = match arrivals {
            Arrivals::Poisson { rate } => {
                self.positive(&field("rate"), rate.0, "a rate above zero, and at most 1e9/s");
                ArrivalsModel::Poisson { rate: rate.0.max(1e-300) }
            }
            Arrivals::Periodic { every, offset } => {
                self.positive(&field("every"), every.0.as_secs_f64(), "a duration above zero");
                ArrivalsModel::Periodic { every: every.0.max(SimDuration::TICK), offset: offset.map(|o| o.0) }
            }
            Arrivals::Burst { at, count, over } => {
                let at = self.instant(&field("at"), at, clock).unwrap_or(SimTime::ZERO);
                if *count == 0 {
                    self.error(&field("count"), "a burst of nothing");
                }
                ArrivalsModel::Burst { at, count: *count, over: over.0 }
            }
            Arrivals::Renewal { gap } => {
                let gap = self.dist(&field("gap"), &gap.0);
                if gap.mean() < 1.0 / RATE_MAX {
                    self.error(&field("gap"), "gaps of no time").label = "expected a mean above zero".into();
                }
                ArrivalsModel::Renewal { gap }
            }
            Arrivals::Diurnal { per_day, peak_hour, peak_factor, weekend_share } => {
                self.positive(&field("per_day"), *per_day, "a number above zero, and at most 1e9");
                self.share(&field("weekend_share"), *weekend_share);
                if !(*peak_factor >= 1.0 && *peak_factor <= 20.0) {
                    self.error(&field("peak_factor"), format!("a peak of {peak_factor} times the average")).label =
                        "expected 1 to 20".into();
                }
                if !(0.0..24.0).contains(peak_hour) {
                    self.error(&field("peak_hour"), format!("{peak_hour} is no hour of the day"));
                }
                let (weekday, weekend) =
                    (per_day * 7.0 * (1.0 - weekend_share) / 5.0, per_day * 7.0 * weekend_share / 2.0);
                ArrivalsModel::Diurnal(DiurnalModel {
                    per_day: [weekday, weekday, weekday, weekday, weekday, weekend, weekend],
                    peak_hour: *peak_hour,
                    peak_factor: peak_factor.clamp(1.0, 20.0),
                    exponent: peak_exponent(peak_factor.clamp(1.0, 20.0)),
                    starts_in_week_s: self.local_start_s(region, clock),
                })
            }
            Arrivals::Trace { file, at } => {
                let start = at.as_ref().and_then(|at| self.instant(&field("at"), at, clock));
                self.trace(&field("file"), file, start.unwrap_or(SimTime::ZERO))
            }
        };
        let (first, what) = match &model {
            ArrivalsModel::Burst { at, .. } => (*at, "at"),
            ArrivalsModel::Trace(rows) => (rows.first().map_or(SimTime::ZERO, |row| row.at), "file"),
            ArrivalsModel::Periodic { offset, .. } => (SimTime::ZERO + offset.unwrap_or_default(), "offset"),
            _ => (SimTime::ZERO, ""),
        };
        self.warn_late(&field(what), first, clock);
        model
    }

    /// When a source begins; bursts and traces have their own times.
    pub(super) fn begins(
        &mut self,
        path: &[&str],
        written: &DistSpec,
        arrivals: &ArrivalsModel,
        clock: &Clock,
    ) -> Dist {
        let path: Vec<&str> = path.iter().copied().chain(["begins"]).collect();
        let begins = self.dist(&path, written);
        if !matches!(arrivals, ArrivalsModel::Burst { .. } | ArrivalsModel::Trace(_)) {
            self.warn_late(&path, SimTime::ZERO + SimDuration::from_secs_f64(begins.quantile(0.0)), clock);
        }
        begins
    }

    /// What begins only when arrivals have ended was probably not meant so.
    fn warn_late(&mut self, path: &[&str], first: SimTime, clock: &Clock) {
        if first > SimTime::ZERO && first >= clock.arrivals_end {
            let end = clock.arrivals_end.since(SimTime::ZERO);
            self.warning(path, format!("nothing of it comes: arrivals end {end} after the start of the run"));
        }
    }

    fn positive(&mut self, path: &[&str], value: f64, expected: &str) {
        if !(value > 0.0 && value <= RATE_MAX) {
            self.error(path, format!("{value} is out of range")).label = format!("expected {expected}");
        }
    }

    fn trace(&mut self, path: &[&str], file: &str, start: SimTime) -> ArrivalsModel {
        let Some(source) = self.file(path, file) else { return ArrivalsModel::Trace(Arc::new([])) };
        let (rows, problems) = read_arrivals(&source, None);
        self.say_all(problems);
        let (mut model, rows) = (Vec::new(), rows.unwrap_or_default());
        if path.first() == Some(&"senders") {
            self.warn_unknown(&source, self.unknown_domains(&rows), "its mail bounces");
        }
        for row in rows {
            let domain = row.domain.as_ref().map(|domain| self.dns.names.intern(domain));
            let at = start + row.at.since(SimTime::ZERO);
            model.push(TraceRow { at, domain, size_bytes: row.size_bytes, recipients: row.recipients });
        }
        ArrivalsModel::Trace(model.into())
    }

    /// Domains that rows name and mail cannot be for: where first, and how many rows.
    fn unknown_domains<'r>(&self, rows: &'r [Arrival]) -> BTreeMap<&'r str, (Range<usize>, u64)> {
        let mut found: BTreeMap<&str, (Range<usize>, u64)> = BTreeMap::new();
        for (row, domain) in rows.iter().filter_map(|row| Some((row, row.domain.as_deref()?))) {
            match found.get_mut(domain) {
                Some((_, count)) => *count += 1,
                None if self.known_destination(domain).is_none() => drop(found.insert(domain, (row.span.clone(), 1))),
                None => {}
            }
        }
        found
    }
}

/// The k for which ((1 + cos x) / 2)^k has a peak of `factor` times its mean: the mean is
/// Gamma(k + 1/2) / (sqrt(pi) Gamma(k + 1)), which falls as k grows.
fn peak_exponent(factor: f64) -> f64 {
    let mean = |k: f64| libm::exp(libm::lgamma(k + 0.5) - libm::lgamma(k + 1.0)) / std::f64::consts::PI.sqrt();
    let (mut low, mut high) = (0.0, 1000.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if mean(middle) * factor > 1.0 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_gives_the_peak() {
        // k = 1: mean of (1 + cos) / 2 is 1/2; k = 2: 3/8; k = 0: flat.
        assert!((peak_exponent(2.0) - 1.0).abs() < 1e-9);
        assert!((peak_exponent(8.0 / 3.0) - 2.0).abs() < 1e-9);
        assert!(peak_exponent(1.0).abs() < 1e-9);
    }
}
