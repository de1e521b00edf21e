//! A schedule of one's own.

use super::super::Compiler;
use super::field;
use super::policies::{plain, spans, warn_after};
use crate::engine::time::SimDuration;
use crate::model::mail::{
    Clockwork, DestinationRules, Expiry, Memory, Pickup, RetryPolicy, RetrySchedule, ScheduleModel,
};
use crate::scenario::trace::read_column;
use crate::scenario::tree::{CustomRetry, Feedback, Jitter, KeyedOn, Schedule};

/// Most deliveries to one destination at once: at a failure its window goes down one by one.
const CONCURRENCY_MAX: u32 = u16::MAX as u32;

impl Compiler<'_> {
    pub(super) fn custom_retry(&mut self, path: &[&str], custom: &CustomRetry) -> RetryPolicy {
        if let Jitter::Share(share) = custom.jitter {
            self.share(&field(path, "jitter"), share);
        }
        for (name, span) in [("cap", custom.cap), ("scan", custom.scan)] {
            if let Some(span) = span {
                self.above_zero(&field(path, name), span.0);
            }
        }
        let schedule = self.schedule(&field(path, "schedule"), &custom.schedule);
        let cap = custom.cap.map_or(SimDuration::MAX, |cap| cap.0);
        let pickup = custom.scan.map_or(Pickup::AtOnce, |scan| {
            Pickup::Scan(Clockwork { period: scan.0, phase: None, sleeps_whole_seconds: false })
        });
        RetryPolicy {
            pickup,
            memory: self.keyed_on(&field(path, "keyed_on"), custom.keyed_on),
            warning: warn_after(spans(&custom.delay_warning)),
            ..plain(
                RetrySchedule::Custom { schedule, cap, jitter: custom.jitter },
                Expiry::AfterAttemptBegun { lifetime: custom.lifetime.0, whole: false },
            )
        }
    }

    fn keyed_on(&mut self, path: &[&str], keyed_on: KeyedOn) -> Memory {
        match keyed_on {
            KeyedOn::Message => Memory::Message,
            KeyedOn::Host { rest } => {
                self.above_zero(&field(path, "rest"), rest.0);
                Memory::HostStatus { persistent: Some(rest.0) }
            }
            KeyedOn::Destination { rest, failures, concurrency } => {
                self.above_zero(&field(path, "rest"), rest.0);
                self.at_least_one(&field(path, "failures"), failures);
                self.expect(
                    path,
                    "concurrency",
                    (1..=CONCURRENCY_MAX).contains(&concurrency),
                    &format!("a concurrency of {concurrency}"),
                    || format!("expected 1 to {CONCURRENCY_MAX}"),
                );
                Memory::Destination(DestinationRules {
                    initial: 1,
                    limit: concurrency.max(1),
                    positive: Feedback::Constant(1.0),
                    // Down to one at each failure, so that each counts as a whole cohort.
                    negative: Feedback::Constant(f64::from(concurrency.min(CONCURRENCY_MAX))),
                    failed_cohort_limit: f64::from(failures),
                    rest: rest.0,
                    rate_delay: SimDuration::ZERO,
                    remembers: true,
                    probes: false,
                })
            }
        }
    }

    fn schedule(&mut self, path: &[&str], schedule: &Schedule) -> ScheduleModel {
        let model = match schedule {
            Schedule::Constant(wait) => ScheduleModel::Constant(wait.0),
            Schedule::Linear { first, step } => ScheduleModel::Linear { first: first.0, step: step.0 },
            Schedule::Exponential { base, factor } => ScheduleModel::Exponential { base: base.0, factor: *factor },
            Schedule::Polynomial { base, power } => ScheduleModel::Polynomial { base: base.0, power: *power },
            Schedule::Age { min, max } => ScheduleModel::Age { min: min.0, max: max.0 },
            Schedule::Table(ages) => ScheduleModel::Table(spans(ages)),
            Schedule::Csv(file) => ScheduleModel::Table(self.offsets(path, file)),
        };
        let moves_on = match &model {
            ScheduleModel::Constant(wait) => !wait.is_zero(),
            ScheduleModel::Linear { first, .. } => !first.is_zero(),
            ScheduleModel::Exponential { base, factor } => !base.is_zero() && factor.is_finite() && *factor >= 1.0,
            ScheduleModel::Polynomial { base, power } => !base.is_zero() && (0.0..=100.0).contains(power),
            ScheduleModel::Age { min, .. } => !min.is_zero(),
            ScheduleModel::Table(ages) => {
                !ages.is_empty() && !ages[0].is_zero() && ages.windows(2).all(|pair| pair[0] < pair[1])
            }
        };
        if !moves_on {
            self.error(path, "a schedule that does not move on").label =
                "expected waits above zero, a factor of at least 1, a power of at least 0, ages that rise".into();
        }
        model
    }

    /// Ages of attempts from a file; a leading 0, the first attempt, may stand there too.
    fn offsets(&mut self, path: &[&str], file: &str) -> Vec<SimDuration> {
        let Some(source) = self.file(path, file) else { return vec![SimDuration::from_secs(1)] };
        let (values, found) = read_column(&source);
        let failed = values.is_none();
        self.say_all(found);
        let values = values.unwrap_or_default();
        let ages = values.iter().enumerate().filter(|(index, age)| *index > 0 || **age > 0.0);
        let ages: Vec<SimDuration> = ages.map(|(_, age)| SimDuration::from_secs_f64(*age)).collect();
        // What is wrong with the file has been said.
        if failed { vec![SimDuration::from_secs(1)] } else { ages }
    }
}
