//! Numbers as text: shortest form that reads back for files, units that people use for the terminal.

/// A number in a file: the shortest text that reads back; `inf`, and nothing for what was not observed.
pub fn plain_number(value: f64) -> String {
    if value.is_nan() {
        String::new()
    } else if value.is_infinite() {
        if value > 0.0 { "inf".into() } else { "-inf".into() }
    } else {
        value.to_string()
    }
}

/// A number with its unit, three digits: `172 ms`, `6.2 h`, `99.4 %`, `1,204`.
pub fn with_unit(value: f64, unit: &str) -> String {
    if value.is_nan() {
        return "-".into();
    }
    match unit {
        "s" if value.is_infinite() => "never".into(),
        _ if value.is_infinite() => "inf".into(),
        "s" => seconds(value),
        "share" => format!("{} %", digits(value * 100.0)),
        _ => digits(value),
    }
}

fn seconds(value: f64) -> String {
    const UNITS: [(f64, f64, &str); 6] = [
        (2.0 * 86_400.0, 86_400.0, "d"),
        (2.0 * 3600.0, 3600.0, "h"),
        (2.0 * 60.0, 60.0, "min"),
        (1.0, 1.0, "s"),
        (1e-3, 1e-3, "ms"),
        (1e-6, 1e-6, "us"),
    ];
    if value == 0.0 {
        return "0 s".into();
    }
    let (_, scale, unit) = UNITS.into_iter().find(|(from, ..)| value.abs() >= *from).unwrap_or((0.0, 1e-9, "ns"));
    format!("{} {unit}", digits(value / scale))
}

/// Three significant digits, thousands parted.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 1000.0 || (magnitude >= 1.0 && value == libm::round(value)) {
        return thousands(libm::round(value));
    }
    let places = match magnitude {
        m if m >= 100.0 => 0,
        m if m >= 10.0 => 1,
        m if m >= 1.0 => 2,
        m if m >= 0.1 => 3,
        m if m >= 0.001 => 4,
        0.0 => 0,
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn thousands(value: f64) -> String {
    if value.abs() >= 1e15 {
        return format!("{value:.3e}");
    }
    let text = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (index, digit) in text.chars().enumerate() {
        if index > 0 && (text.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_three_digits_and_a_unit() {
        for (value, unit, text) in [
            (0.1721, "s", "172 ms"),
            (90.0, "s", "90 s"),
            (300.0, "s", "5 min"),
            (22_320.0, "s", "6.2 h"),
            (0.9942, "share", "99.4 %"),
            (1204.4, "1", "1,204"),
            (f64::INFINITY, "s", "never"),
            (f64::NAN, "s", "-"),
            (0.0, "s", "0 s"),
            (1.0, "share", "100 %"),
        ] {
            assert_eq!(with_unit(value, unit), text);
        }
    }

    #[test]
    fn files_hold_what_reads_back() {
        assert_eq!(plain_number(0.1), "0.1");
        assert_eq!(plain_number(f64::INFINITY), "inf");
        assert_eq!(plain_number(f64::NAN), "");
    }
}
