//! When a source's next message or question comes: one pending event a source, whatever its rate.

mod diurnal;

use diurnal::{DAY_S, Squeeze};

use crate::engine::dist::Dist;
use crate::engine::random::{Stream, unit_open};
use crate::engine::time::{SimDuration, SimTime};
use crate::model::dns::{ArrivalsModel, DiurnalModel, TraceRow};

/// The arrival process of one source in one replication.
#[derive(Debug)]
pub struct ArrivalClock<'m> {
    model: &'m ArrivalsModel,
    stream: Stream,
    /// Arrivals handed out so far.
    count: u64,
    last: SimTime,
    phase: SimDuration,
    squeeze: Squeeze,
}

/// One arrival, with what a trace says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// When.
    pub at: SimTime,
    /// Its row, if it comes from a trace.
    pub row: Option<TraceRow>,
}

impl<'m> ArrivalClock<'m> {
    /// The process of `model`, drawn from `stream` in order: no decision of a policy moves an arrival.
    /// It begins at a time drawn from `begins`; bursts and traces have their own times.
    pub fn new(model: &'m ArrivalsModel, begins: &Dist, mut stream: Stream) -> Self {
        let begins = if begins.is_zero() { SimDuration::ZERO } else { begins.sample_span(stream.next_u64()) };
        let phase = match model {
            ArrivalsModel::Periodic { offset: Some(offset), .. } => *offset,
            ArrivalsModel::Periodic { every, offset: None } => {
                SimDuration::from_secs_f64(every.as_secs_f64() * unit_open(stream.next_u64()))
            }
            _ => SimDuration::ZERO,
        };
        Self {
            model,
            stream,
            count: 0,
            last: SimTime::ZERO + begins,
            phase: phase + begins,
            squeeze: Squeeze::default(),
        }
    }

    /// The next arrival, none after the last.
    #[inline]
    fn advance(&mut self) -> Option<Arrival> {
        let index = self.count;
        let at = match self.model {
            ArrivalsModel::Poisson { rate } => self.last + self.exponential(1.0 / rate),
            ArrivalsModel::Periodic { every, .. } => SimTime::ZERO + self.phase + every.saturating_mul(index),
            ArrivalsModel::Burst { at, count, over } => {
                if index >= *count {
                    return None;
                }
                // u128: the product of a long span and a large count exceeds 64 bits.
                let nanos = over.as_nanos() as u128 * index as u128 / *count as u128;
                *at + SimDuration::from_nanos(nanos as u64)
            }
            ArrivalsModel::Renewal { gap } => self.last + gap.sample_span(self.stream.next_u64()),
            ArrivalsModel::Diurnal(diurnal) => self.thinned(diurnal)?,
            ArrivalsModel::Trace(rows) => {
                let row = *rows.get(usize::try_from(index).ok()?)?;
                self.count += 1;
                return Some(Arrival { at: row.at, row: Some(row) });
            }
        };
        self.count += 1;
        self.last = at;
        (at < SimTime::NEVER).then_some(Arrival { at, row: None })
    }

    #[inline]
    fn exponential(&mut self, mean: f64) -> SimDuration {
        Dist::Exponential { mean }.sample_span(self.stream.next_u64())
    }

    /// Thinning (Lewis and Shedler, Naval Research Logistics Quarterly 26, 1979): candidates at the highest rate, each
    /// kept with the probability that the rate then is of it.
    fn thinned(&mut self, diurnal: &DiurnalModel) -> Option<SimTime> {
        let busiest = diurnal.per_day.iter().copied().fold(0.0, f64::max);
        let highest = busiest / DAY_S * diurnal.peak_factor;
        let mut at = self.last;
        loop {
            at += self.exponential(1.0 / highest);
            if at == SimTime::NEVER {
                return None;
            }
            let ordinate = unit_open(self.stream.next_u64()) * highest;
            if self.squeeze.is_below_rate(ordinate, diurnal, at) {
                return Some(at);
            }
        }
    }
}

impl Iterator for ArrivalClock<'_> {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        self.advance()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Stream {
        Stream::new(1, 0, "sender", "test", "arrivals")
    }

    #[test]
    fn a_burst_is_spread_evenly_and_ends() {
        let model = ArrivalsModel::Burst { at: SimTime::from_secs(10), count: 4, over: SimDuration::from_secs(8) };
        let mut clock = ArrivalClock::new(&model, &Dist::Constant(0.0), stream());
        let times: Vec<u64> = clock.by_ref().map(|a| a.at.whole_seconds()).collect();
        assert_eq!(times, [10, 12, 14, 16]);
    }

    #[test]
    fn a_period_starts_at_its_offset_or_at_a_phase_within_it() {
        let every = SimDuration::from_secs(60);
        let model = ArrivalsModel::Periodic { every, offset: Some(SimDuration::from_secs(5)) };
        let mut clock = ArrivalClock::new(&model, &Dist::Constant(0.0), stream());
        assert_eq!(clock.next().map(|a| a.at), Some(SimTime::from_secs(5)));
        assert_eq!(clock.next().map(|a| a.at), Some(SimTime::from_secs(65)));
        let model = ArrivalsModel::Periodic { every, offset: None };
        assert!(
            ArrivalClock::new(&model, &Dist::Constant(0.0), stream())
                .next()
                .is_some_and(|a| a.at < SimTime::ZERO + every)
        );
    }

    #[test]
    fn a_diurnal_profile_has_its_total_its_peak_and_its_weekend() {
        // k = 1 gives a peak of twice the average.
        let weekday = 20_000.0;
        let model = ArrivalsModel::Diurnal(DiurnalModel {
            per_day: [weekday, weekday, weekday, weekday, weekday, 0.35 * weekday, 0.35 * weekday],
            peak_hour: 11.0,
            peak_factor: 2.0,
            exponent: 1.0,
            starts_in_week_s: 0,
        });
        let clock = ArrivalClock::new(&model, &Dist::Constant(0.0), stream());
        let (mut by_day, mut at_peak) = ([0u32; 7], 0u32);
        for arrival in clock {
            let seconds = arrival.at.whole_seconds();
            if seconds >= 7 * 86_400 {
                break;
            }
            by_day[(seconds / 86_400) as usize] += 1;
            at_peak += u32::from(seconds < 86_400 && (10..12).contains(&(seconds % 86_400 / 3600)));
        }
        // Four standard deviations of a Poisson count: 4 sqrt(20000) = 566, 4 sqrt(7000) = 335.
        assert!(by_day[..5].iter().all(|&n| n.abs_diff(20_000) < 566), "{by_day:?}");
        assert!(by_day[5..].iter().all(|&n| n.abs_diff(7_000) < 335), "{by_day:?}");
        // The two hours around the peak: the integral of 1 + cos over +-1 h is 1.98862 of 2 hours' average.
        let expected =
            20_000.0 / 24.0 * 2.0 * (1.0 + libm::sin(std::f64::consts::PI / 12.0) * 12.0 / std::f64::consts::PI);
        assert!((f64::from(at_peak) - expected).abs() < 4.0 * expected.sqrt(), "{at_peak} {expected}");
    }
}
