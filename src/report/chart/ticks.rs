//! Where axes are ticked and what the ticks say.

use crate::report::number::grouped;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// One tick: a value on the axis and its words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// Landmarks of delivery times, in seconds.
const LANDMARKS: [f64; 14] = [
    0.000_001,
    0.000_01,
    0.000_1,
    0.001,
    0.01,
    0.1,
    1.0,
    10.0,
    MINUTE,
    10.0 * MINUTE,
    HOUR,
    6.0 * HOUR,
    DAY,
    5.0 * DAY,
];

/// Landmarks for a range that holds too few of the coarse ones, in seconds.
const FINE: [f64; 29] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    20.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    5.0 * DAY,
];

/// Steps of a linear time axis, in seconds.
const STEPS: [f64; 33] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    5.0 * DAY,
    10.0 * DAY,
    30.0 * DAY,
    100.0 * DAY,
    365.0 * DAY,
];

/// Ticks of a linear time axis in seconds: a familiar step that gives at most `count_max` intervals.
pub(super) fn time_linear(from: f64, to: f64, count_max: usize) -> Vec<Tick> {
    let span = to - from;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let room = count_max.max(1) as f64;
    let step = STEPS.iter().copied().find(|s| span / s <= room).unwrap_or_else(|| nice_step(span / room).0);
    let values = multiples(from, to, step);
    let tick = |text: &dyn Fn(f64) -> String| -> Vec<Tick> {
        values.iter().map(|&value| Tick { value, label: text(value) }).collect()
    };
    let ticks = tick(&duration_text);
    // Two units do not tell half hours of a later day apart.
    let are_alike = ticks.windows(2).any(|pair| pair[0].label == pair[1].label);
    if are_alike && step >= 1.0 { tick(&|value| clock_text(value, step < MINUTE)) } else { ticks }
}

/// `8 d 22:30`, or with seconds `8 d 22:30:15`.
fn clock_text(seconds: f64, with_seconds: bool) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    let second = if with_seconds { format!(":{:02}", whole % 60) } else { String::new() };
    format!("{days} d {hours:02}:{minutes:02}{second}")
}

/// Ticks of a logarithmic time axis in seconds: 1 ms, 10 ms, … 1 min, 10 min, 1 h, 6 h, 1 d, 5 d where the range holds
/// at least four of them, else finer ones.
pub(super) fn time_log(from: f64, to: f64) -> Vec<Tick> {
    let within = |marks: &[f64]| -> Vec<Tick> {
        let inside = marks.iter().copied().filter(|m| *m >= from * 0.999 && *m <= to * 1.001);
        inside.map(|value| Tick { value, label: duration_text(value) }).collect()
    };
    let coarse = within(&LANDMARKS);
    if coarse.len() >= 4 {
        return coarse;
    }
    let fine = within(&FINE);
    if fine.len() >= 3 {
        return fine;
    }
    let linear = time_linear(from, to, 5);
    if linear.len() > fine.len() { linear } else { fine }
}

/// Ticks from 0 for counts, whole ones, with the top of the axis rounded up to a step.
pub(super) fn counts(top: f64, count_max: usize) -> (Vec<Tick>, f64) {
    linear_from_zero(top, count_max, 1.0, "", 1.0)
}

/// Ticks for counts from 1 up to `top` on a logarithmic axis, with its end.
pub(super) fn counts_log(top: f64) -> (Vec<Tick>, f64) {
    let top = if top.is_finite() && top > 2.0 { top } else { 2.0 };
    let decades = (0..16).map(|exponent| libm::pow(10.0, f64::from(exponent)));
    let steps = decades.flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * power));
    let values = steps.take_while(|value| *value <= top * 1.1);
    (values.map(|value| Tick { value, label: grouped(value, 0) }).collect(), top * 1.1)
}

/// Ticks from 0 for shares, written as percentages, with the top of the axis rounded up to a step, at most 100 %.
pub(super) fn shares(top: f64, count_max: usize) -> (Vec<Tick>, f64) {
    let (ticks, top) = linear_from_zero(top.min(1.0), count_max, 100.0, " %", 0.0);
    (ticks, top.min(1.0))
}

/// Ticks at powers of ten from 1 down to `floor`, written as percentages; with halves and fifths on short ranges.
pub(super) fn shares_log(floor: f64) -> Vec<Tick> {
    let mut ticks = Vec::new();
    let mut power = 1.0;
    for exponent in 0_usize..12 {
        let decimals = exponent.saturating_sub(2);
        let tick = |value: f64, decimals: usize| Tick { value, label: format!("{:.decimals$} %", value * 100.0) };
        if power >= floor * 0.999 {
            ticks.push(tick(power, decimals));
        }
        if floor > 0.009 {
            let finer = (exponent + 1).saturating_sub(2);
            ticks.extend([0.5, 0.2].iter().map(|m| tick(power * m, finer)).filter(|t| t.value >= floor * 0.999));
        }
        power /= 10.0;
    }
    ticks
}

/// `step_min` is the least step, 0 if any will do.
fn linear_from_zero(top: f64, count_max: usize, times: f64, suffix: &str, step_min: f64) -> (Vec<Tick>, f64) {
    let top = if top.is_finite() && top > 0.0 { top } else { 1.0 };
    let (step, exponent) = nice_step((top * times / count_max.max(1) as f64).max(step_min));
    let intervals = (top * times / step - 1e-9).ceil().max(1.0);
    let decimals = usize::try_from(-exponent).unwrap_or(0);
    let (scale, unit) = if intervals * step >= 1e9 {
        (1e9, " G")
    } else if intervals * step >= 1e6 {
        (1e6, " M")
    } else {
        (1.0, "")
    };
    let label = |v: f64| match v {
        0.0 => format!("0{suffix}"),
        v if scale > 1.0 => format!("{}{unit}{suffix}", v / scale),
        v => format!("{}{suffix}", grouped(v, decimals)),
    };
    let values = (0..=intervals as u32).map(|i| f64::from(i) * step);
    (values.map(|v| Tick { value: v / times, label: label(v) }).collect(), intervals * step / times)
}

/// The step of 1, 2 or 5 times a power of ten that is at least `least`, with that power.
fn nice_step(least: f64) -> (f64, i32) {
    let least = if least.is_finite() && least > 0.0 { least } else { 1.0 };
    let exponent = libm::floor(libm::log10(least) + 1e-12) as i32;
    for (factor, up) in [(1.0, 0), (2.0, 0), (5.0, 0), (1.0, 1)] {
        let step = factor * libm::pow(10.0, f64::from(exponent + up));
        if step >= least * (1.0 - 1e-9) {
            return (step, exponent + up);
        }
    }
    (least, exponent)
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((from / step - 1e-9).ceil(), (to / step + 1e-9).floor());
    // Far from zero a step can be below the spacing of floats; such an axis has no honest ticks.
    if !(first.is_finite() && last.is_finite()) || first.abs() > 1e15 || last - first > 1000.0 {
        return Vec::new();
    }
    (0..=(last - first).max(-1.0) as i64).map(|i| (first + i as f64) * step).collect()
}

/// Seconds in words of at most two units: `250 ms`, `90 s` as `1 min 30 s`, `30 h` as `1 d 6 h`.
pub(super) fn duration_text(seconds: f64) -> String {
    if !seconds.is_finite() {
        return String::from("never");
    }
    if seconds < 0.0 {
        return format!("-{}", duration_text(-seconds));
    }
    let short = |value: f64, unit: &str| {
        let text = format!("{value:.3}");
        format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match seconds {
        0.0 => String::from("0"),
        s if s < 0.000_999_5 => short(s * 1e6, "µs"),
        s if s < 0.999_5 => short(s * 1e3, "ms"),
        s if s < MINUTE - 0.000_5 => short(s, "s"),
        s => two_units(s),
    }
}

fn two_units(seconds: f64) -> String {
    let units = [(DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1.0, "s")];
    for (large, large_name, small, small_name) in units {
        // Rounded in the small unit first, so that 59.9 min reads 1 h and not 60 min.
        let smalls = (seconds / small).round();
        let per_large = large / small;
        if smalls >= per_large {
            let larges = (smalls / per_large).floor();
            let rest = smalls - larges * per_large;
            let head = format!("{} {large_name}", grouped(larges, 0));
            return if rest > 0.0 { format!("{head} {rest:.0} {small_name}") } else { head };
        }
    }
    format!("{seconds:.0} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn a_delivery_axis_shows_natural_times() {
        let ticks = time_log(0.05, 5.0 * DAY);
        assert_eq!(labels(&ticks), ["100 ms", "1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 d", "5 d"]);
        assert_eq!(labels(&time_log(0.02, 0.4)), ["20 ms", "50 ms", "100 ms", "200 ms"]);
        assert!(time_log(3.0, 3.4).len() >= 3, "{:?}", time_log(3.0, 3.4));
    }

    #[test]
    fn a_time_axis_picks_a_familiar_step() {
        assert_eq!(labels(&time_linear(0.0, 3.0 * DAY, 8)), ["0", "12 h", "1 d", "1 d 12 h", "2 d", "2 d 12 h", "3 d"]);
        assert_eq!(labels(&time_linear(0.0, 30.0, 8)), ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
        assert_eq!(labels(&time_linear(HOUR, 3.0 * HOUR, 4)), ["1 h", "1 h 30 min", "2 h", "2 h 30 min", "3 h"]);
        let late = 8.0 * DAY + 22.0 * HOUR;
        assert_eq!(
            labels(&time_linear(late, late + HOUR, 4)),
            ["8 d 22:00", "8 d 22:15", "8 d 22:30", "8 d 22:45", "8 d 23:00"]
        );
        for span in [0.004, 7.0, 100.0, 5000.0, 1e5, 1e6, 1e8, 1e12] {
            let n = time_linear(0.0, span, 9).len();
            assert!((3..=10).contains(&n), "{span}: {n}");
        }
    }

    #[test]
    fn count_axes_start_at_zero_and_cover_the_top() {
        let (ticks, top) = counts(1234.0, 6);
        assert_eq!(labels(&ticks), ["0", "500", "1000", "1500"]);
        assert_eq!(top, 1500.0);
        assert_eq!(labels(&counts(0.3, 6).0), ["0", "1"]);
        assert_eq!(labels(&counts(1.7, 6).0), ["0", "1", "2"]);
        assert_eq!(labels(&counts(4.0e6, 4).0), ["0", "1 M", "2 M", "3 M", "4 M"]);
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(counts(odd, 6).1, 1.0);
        }
    }

    #[test]
    fn logarithmic_counts_go_from_one_beyond_the_top() {
        let (ticks, top) = counts_log(107.0);
        assert_eq!(labels(&ticks), ["1", "2", "5", "10", "20", "50", "100"]);
        assert!((top - 117.7).abs() < 1e-9);
        assert_eq!(labels(&counts_log(f64::NAN).0), ["1", "2"]);
    }

    #[test]
    fn share_axes_are_percentages() {
        assert_eq!(labels(&shares(1.0, 5).0), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(labels(&shares(0.03, 3).0), ["0 %", "1 %", "2 %", "3 %"]);
        assert_eq!(labels(&shares_log(0.0001)), ["100 %", "10 %", "1 %", "0.1 %", "0.01 %"]);
        assert_eq!(labels(&shares_log(0.1)), ["100 %", "50 %", "20 %", "10 %"]);
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0.000_25, "250 µs"),
            (0.25, "250 ms"),
            (1.5, "1.5 s"),
            (90.0, "1 min 30 s"),
            (3599.9, "1 h"),
            (5400.0, "1 h 30 min"),
            (108_000.0, "1 d 6 h"),
            (-60.0, "-1 min"),
            (f64::INFINITY, "never"),
        ] {
            assert_eq!(duration_text(seconds), text);
        }
    }

    #[test]
    fn impossible_ranges_have_no_ticks() {
        assert!(time_linear(1.0, 1.0, 5).is_empty());
        assert!(time_linear(f64::NAN, 1.0, 5).is_empty());
        assert!(time_linear(0.0, f64::INFINITY, 5).is_empty());
        assert!(time_linear(1e18, 1e18 + 1000.0, 5).is_empty());
    }
}
