//! The run's instants, calendar times, and the expressions that name instants.

use super::Compiler;
use crate::engine::time::{SimDuration, SimTime};
use crate::model::{Clock, Model, RegionId};
use crate::scenario::nearest::did_you_mean;
use crate::scenario::text::TextError;
use crate::scenario::units::parse_duration;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const WEEK_S: i64 = 7 * 86_400;

/// The longest run: ten years.
const RUN_MAX: SimDuration = SimDuration::from_secs(3_653 * 86_400);

impl Compiler<'_> {
    pub(super) fn clock(&mut self) -> Clock {
        let run = &self.tree.run;
        let mut starts = 0;
        match calendar(&run.starts) {
            Some(in_week) => starts = in_week,
            None => {
                self.error(&["run", "starts"], format!("`{}` is no time of the week", run.starts)).label =
                    "expected a weekday and a time such as `Mon 00:00`".into();
            }
        }
        self.check_offset(&["run", "utc_offset"], &run.utc_offset);
        if run.measure.0.is_zero() {
            self.error(&["run", "measure"], "nothing is measured").help = Some("give `measure` a duration".into());
        }
        let whole = run.warmup.0 + run.measure.0 + run.drain.0;
        if whole > RUN_MAX {
            self.error(&["run"], format!("the run takes {whole}, and at most {RUN_MAX} can be simulated"));
        }
        self.check_range("replications", u64::from(run.replications), 1, 1_000_000);
        self.check_range("cells", u64::from(run.cells), 1, 10_000);
        self.check_range("event_budget", run.event_budget, 1, u64::MAX);
        if !(run.confidence > 0.5 && run.confidence < 1.0) {
            self.error(&["run", "confidence"], format!("{} is no confidence level", run.confidence)).label =
                "expected a share above 0.5 and below 1, such as 0.95".into();
        }
        let window_start = SimTime::ZERO + run.warmup.0;
        let window_end = window_start + run.measure.0;
        let end = window_end + run.drain.0;
        let cells = run.cells.clamp(1, 10_000);
        Clock {
            starts_in_week_s: starts as u64,
            window_start,
            window_end,
            end,
            arrivals_end: if run.drain_arrivals { end } else { window_end },
            cell: SimDuration::from_nanos(end.as_nanos().div_ceil(u64::from(cells)).max(1)),
            cells,
        }
    }

    /// Seconds from Monday 00:00 to the start of the run by the clocks of a region.
    pub(super) fn local_start_s(&self, region: RegionId, clock: &Clock) -> u64 {
        let own = self.regions.members.get(region.index()).and_then(|member| self.tree.regions.get_index(member.key));
        // What is no offset is complained of where it is checked.
        let offset = own.and_then(|(_, region)| offset_s(region.utc_offset.as_ref()?));
        let ahead = offset.map_or(0, |offset| offset - offset_s(&self.tree.run.utc_offset).unwrap_or(0));
        (clock.starts_in_week_s as i64 + ahead).rem_euclid(WEEK_S) as u64
    }

    /// Says so if a text is no offset from UTC.
    pub(super) fn check_offset(&mut self, path: &[&str], text: &str) {
        if offset_s(text).is_none() {
            self.error(path, format!("`{text}` is no offset")).label =
                "expected hours and minutes such as `+01:00`".into();
        }
    }

    fn check_range(&mut self, field: &str, value: u64, low: u64, high: u64) {
        if !(low..=high).contains(&value) {
            self.error(&["run", field], format!("`{field}` of {value} is out of range")).label =
                format!("expected {low} to {high}");
        }
    }

    /// The instant that an expression means, with the named entries of the timeline.
    pub(super) fn instant(&mut self, path: &[&str], text: &str, clock: &Clock) -> Option<SimTime> {
        match instant(text, clock, &self.named) {
            Ok(at) => Some(at),
            Err(error) => {
                self.text_error(path, &error);
                None
            }
        }
    }

    /// The instants of the timeline's entries, each of which may name those before it.
    pub(super) fn instants(&mut self, clock: &Clock) -> Vec<Option<SimTime>> {
        let mut instants = Vec::new();
        let tree = self.tree;
        for (index, entry) in tree.timeline.iter().enumerate() {
            let index = index.to_string();
            let at = self.instant(&["timeline", &index, "at"], &entry.at, clock);
            instants.push(at);
            let name = entry.name.trim();
            if name.is_empty() {
                continue;
            }
            let path = ["timeline", &index, "name"];
            if self.named.iter().any(|(known, _)| known == name) {
                self.error(&path, format!("a second entry named `{name}`")).help =
                    Some("give each its own name".into());
            } else if terms(name).len() > 1 || instant(name, clock, &[]).is_ok() {
                self.error(&path, format!("`{name}` is a time, and no name for one")).help =
                    Some("the name could not stand in the `at` of a later entry".into());
            }
            // What has no instant of its own is known all the same: one error is enough.
            self.named.push((name.to_owned(), at.unwrap_or(SimTime::ZERO)));
        }
        instants
    }
}

const EXPECTED: &str = "a time such as `36h`, `warmup + 12h`, `Tue 07:00`, or the name of an earlier entry `+ 30m`";

/// The instant that an expression means in a model, the names of its timeline's entries included.
///
/// # Errors
/// What is no time, with its place in the text.
pub fn instant_of(model: &Model, text: &str) -> Result<SimTime, TextError> {
    let named: Vec<_> = model.timeline.iter().filter(|i| !i.undoes).map(|i| (i.name.clone(), i.at)).collect();
    instant(text, &model.clock, &named)
}

/// Reads an instant: names of instants, calendar times and durations, added and subtracted.
pub(super) fn instant(text: &str, clock: &Clock, named: &[(String, SimTime)]) -> Result<SimTime, TextError> {
    let mut sum: i128 = 0;
    for (span, sign) in terms(text) {
        let term = text[span.clone()].trim();
        let start = span.start + text[span.clone()].find(term).unwrap_or(0);
        let span = start..start + term.len();
        let nanos = match term {
            "warmup" => clock.window_start.as_nanos(),
            "measure" => clock.window_end.since(clock.window_start).as_nanos(),
            "end" => clock.end.as_nanos(),
            _ => match named.iter().find(|(name, _)| name == term) {
                Some((_, at)) => at.as_nanos(),
                None => match calendar(term) {
                    Some(in_week) => {
                        let wait = (in_week - clock.starts_in_week_s as i64).rem_euclid(WEEK_S);
                        SimDuration::from_secs(wait as u64).as_nanos()
                    }
                    None => parse_duration(term).map_err(|why| not_a_term(term, &span, named, &why))?.as_nanos(),
                },
            },
        };
        sum += i128::from(nanos) * sign;
    }
    u64::try_from(sum)
        .map(SimTime::from_nanos)
        .map_err(|_| TextError::new(0..text.len(), "before the start of the run", "a time at or after 0"))
}

fn not_a_term(term: &str, span: &std::ops::Range<usize>, named: &[(String, SimTime)], why: &TextError) -> TextError {
    if term.starts_with(|c: char| c.is_ascii_digit()) {
        return why.clone().shifted(span.start);
    }
    let known = ["warmup", "measure", "end"].into_iter().chain(named.iter().map(|(name, _)| name.as_str()));
    let hint = did_you_mean(term, known).map(|hint| format!("{EXPECTED} ({hint})"));
    TextError::new(span.clone(), format!("no time `{term}`"), hint.unwrap_or_else(|| EXPECTED.to_owned()))
}

/// The terms of a sum with their signs.
fn terms(text: &str) -> Vec<(std::ops::Range<usize>, i128)> {
    let (mut out, mut start, mut sign) = (Vec::new(), 0, 1);
    for (at, c) in text.char_indices() {
        let is_minus = c == '-' && text[..at].ends_with(' ') && text[at + 1..].starts_with(' ');
        if c == '+' || is_minus {
            out.push((start..at, sign));
            (start, sign) = (at + 1, if is_minus { -1 } else { 1 });
        }
    }
    out.push((start..text.len(), sign));
    out
}

/// `Mon 07:00` as seconds since Monday 00:00.
pub(super) fn calendar(text: &str) -> Option<i64> {
    let (day, time) = text.trim().split_once(' ')?;
    let day = day.to_ascii_lowercase();
    let day = DAYS.iter().position(|name| {
        day.starts_with(name) && "monday tuesday wednesday thursday friday saturday sunday".contains(&day)
    })?;
    let (hours, minutes) = time.trim().split_once(':')?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then(|| day as i64 * 86_400 + hours * 3600 + minutes * 60)
}

/// `+01:00` as seconds.
fn offset_s(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then(|| sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        Clock {
            starts_in_week_s: 86_400,
            window_start: SimTime::from_secs(3600),
            window_end: SimTime::from_secs(10_800),
            end: SimTime::from_secs(20_000),
            arrivals_end: SimTime::from_secs(10_800),
            cell: SimDuration::from_secs(100),
            cells: 200,
        }
    }

    #[test]
    fn instants_are_sums_of_names_calendar_times_and_durations() {
        let named = [("cut-over day".to_owned(), SimTime::from_secs(50))];
        let at = |text: &str| instant(text, &clock(), &named).map(SimTime::whole_seconds).map_err(|e| e.message);
        assert_eq!(at("36h"), Ok(129_600));
        assert_eq!(at("warmup + 12h - 30m"), Ok(3600 + 43_200 - 1800));
        assert_eq!(at("cut-over day + 10s"), Ok(60));
        // The run starts on Tuesday 00:00: Wednesday is a day away, Monday six.
        assert_eq!(at("Wed 01:00"), Ok(86_400 + 3600));
        assert_eq!(at("Monday 00:00"), Ok(6 * 86_400));
        assert_eq!(at("warmup - 2h"), Err("before the start of the run".into()));
        assert_eq!(at("warmpu"), Err("no time `warmpu`".into()));
    }
}
