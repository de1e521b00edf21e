//! Numbers as text: exact for files, rounded for people.

/// A number for a file: the shortest text that reads back as the same number; `inf` and `-inf`; nothing at all for
/// what is not a number.
pub fn exact(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    // Adding zero turns -0 into 0: files do not tell the two apart.
    let value = value + 0.0;
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-7..1e16).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A number for JSON, which knows neither infinities nor what is not a number: `"inf"`, `"-inf"` and null.
pub fn json(value: f64) -> serde_json::Value {
    if value.is_infinite() {
        return serde_json::Value::from(exact(value));
    }
    // A whole number is written without a fraction, as in the tables.
    if value == libm::trunc(value) && value.abs() < 9e15 {
        return serde_json::Value::from(value as i64);
    }
    serde_json::Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// What a value is measured in, as far as its printing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share, 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Anything else.
    Plain,
}

impl Unit {
    /// The unit by the word in the `unit` column of the tables.
    pub fn named(unit: &str) -> Self {
        match unit {
            "s" | "seconds" => Self::Seconds,
            "share" => Self::Share,
            "B" | "bytes" => Self::Bytes,
            _ => Self::Plain,
        }
    }
}

/// Units of time for people: what a value must reach, how long the unit is in seconds, its name.
const TIMES: [(f64, f64, &str); 7] = [
    (172_800.0, 86_400.0, "d"),
    (7_200.0, 3_600.0, "h"),
    (120.0, 60.0, "min"),
    (1.0, 1.0, "s"),
    (1e-3, 1e-3, "ms"),
    (1e-6, 1e-6, "us"),
    (0.0, 1e-9, "ns"),
];

/// Digits of a value beside its interval that a reader takes in.
const DIGITS_MAX: i32 = 7;

const SIZES: [(f64, f64, &str); 4] = [(1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB"), (0.0, 1.0, "B")];

/// A value for people: `1.24 s`, `3.5 h`, `99.95 %`, `12 345`; with half of its interval's width, in the same unit,
/// where there is one: `1.24 ± 0.03 s`. Infinity is `never` for a time.
pub fn human(value: f64, half_width: Option<f64>, unit: Unit) -> String {
    if value.is_nan() {
        return "-".into();
    }
    if value.is_infinite() {
        return if unit == Unit::Seconds { "never".into() } else { "inf".into() };
    }
    let half_width = half_width.filter(|half| half.is_finite());
    let (scale, name) = scale_of(value, unit);
    let shown = value / scale;
    let text = match half_width.map(|half| half / scale) {
        // An interval of no width says that all replications agree; it is not printed as ± 0.
        Some(half) if half > 0.0 => {
            // Two digits of the uncertainty are as many as the value can bear, and seven of the value as many as a reader.
            let decimals = decimals(half, 2).min(decimals(shown, DIGITS_MAX)).min(9);
            let half = grouped(half, decimals);
            let is_seen = half.contains(|digit: char| digit.is_ascii_digit() && digit != '0');
            if is_seen { format!("{} ± {half}", grouped(shown, decimals)) } else { grouped(shown, decimals) }
        }
        _ => grouped(shown, if shown == libm::trunc(shown) { 0 } else { fine(shown, unit) }),
    };
    if name.is_empty() { text } else { format!("{text} {name}") }
}

/// Decimals of a value without an interval: three digits, and for a share enough to tell it from 100 %.
fn fine(shown: f64, unit: Unit) -> usize {
    let missing = 100.0 - shown;
    if unit == Unit::Share && shown > 90.0 && missing > 0.0 {
        return decimals(missing, 2).clamp(1, 9);
    }
    decimals(shown, 3).min(9)
}

fn scale_of(value: f64, unit: Unit) -> (f64, &'static str) {
    let pick = |table: &[(f64, f64, &'static str)], none: &'static str| {
        let found = table.iter().find(|(from, _, _)| value != 0.0 && value.abs() >= *from);
        found.map_or((1.0, none), |(_, scale, name)| (*scale, *name))
    };
    match unit {
        Unit::Seconds => pick(&TIMES, "s"),
        Unit::Bytes => pick(&SIZES, "B"),
        Unit::Share => (0.01, "%"),
        Unit::Plain => (1.0, ""),
    }
}

/// How many decimals show `digits` significant digits of `value`.
fn decimals(value: f64, digits: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let magnitude = libm::floor(libm::log10(value.abs())) as i32;
    (digits - 1 - magnitude).max(0) as usize
}

/// Fixed decimals, with thin groups of three in a whole part of five digits or more.
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.char_indices() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_files_read_back_as_themselves() {
        for value in [0.0, 1.0, 0.1, 1.0 / 3.0, 5e-324, f64::MAX, -2.5e-9, 1e15, 123_456_789.123, f64::INFINITY] {
            assert_eq!(exact(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value}");
        }
        assert_eq!([exact(f64::NAN), exact(f64::NEG_INFINITY), exact(-0.0), exact(12.0)], ["", "-inf", "0", "12"]);
    }

    #[test]
    fn json_has_words_for_what_it_has_no_numbers_for() {
        let text = serde_json::to_string(&[json(1.0), json(0.5), json(f64::INFINITY), json(f64::NAN)]).unwrap();
        assert_eq!(text, r#"[1,0.5,"inf",null]"#);
    }

    #[test]
    fn people_read_units_and_only_digits_that_mean_something() {
        for (value, half, unit, text) in [
            (0.0, None, Unit::Seconds, "0 s"),
            (0.045, None, Unit::Seconds, "45 ms"),
            (1.2345, Some(0.0312), Unit::Seconds, "1.234 ± 0.031 s"),
            (5400.0, None, Unit::Seconds, "90 min"),
            (86_400.0, Some(3600.0), Unit::Seconds, "24.0 ± 1.0 h"),
            (432_000.0, None, Unit::Seconds, "5 d"),
            (f64::INFINITY, None, Unit::Seconds, "never"),
            (0.999_95, None, Unit::Share, "99.9950 %"),
            (0.5, Some(0.0123), Unit::Share, "50.0 ± 1.2 %"),
            (1.0, Some(0.0), Unit::Share, "100 %"),
            (350.000_003, Some(0.000_001), Unit::Seconds, "5.833333 min"),
            (0.999_994_1, Some(0.000_000_36), Unit::Share, "99.99941 ± 0.00004 %"),
            (1_234_567.0, None, Unit::Plain, "1 234 567"),
            (1234.0, None, Unit::Plain, "1234"),
            (1.5, None, Unit::Plain, "1.50"),
            (2_500.0, None, Unit::Bytes, "2.50 kB"),
            (f64::NAN, None, Unit::Plain, "-"),
        ] {
            assert_eq!(human(value, half, unit), text);
        }
    }
}
