use super::*;

fn said(error: TextError) -> (Range<usize>, String) {
    (error.span, error.message)
}

#[test]
fn durations_are_read_exactly() {
    for (text, nanos) in [
        ("0", 0),
        ("90s", 90_000_000_000),
        ("1h30m", 5_400_000_000_000),
        (" 1 h 30 m ", 5_400_000_000_000),
        ("5d", 432_000_000_000_000),
        ("1.5ms", 1_500_000),
        ("0.1s", 100_000_000),
        ("2w", 1_209_600_000_000_000),
        ("250us", 250_000),
        ("3min", 180_000_000_000),
        ("18446744073709551615ns", u64::MAX),
    ] {
        assert_eq!(parse_duration(text).map(SimDuration::as_nanos), Ok(nanos), "{text}");
    }
}

#[test]
fn durations_that_cannot_be_read_say_where_and_why() {
    for (text, span, message) in [
        ("", 0..0, "an empty text"),
        ("  ", 2..2, "an empty text"),
        ("-5s", 0..3, "a negative amount"),
        ("90", 0..2, "a number without its unit"),
        ("5 hours", 2..7, "no unit `hours`"),
        ("1h 30", 3..5, "a number without its unit"),
        ("30m1h", 4..5, "units out of order"),
        ("1.5.2s", 0..5, "`1.5.2` is not a number"),
        ("soon", 0..4, "`soon` where a number is needed"),
        ("0.5ns", 0..5, "finer than a nanosecond"),
        ("700000d", 0..7, "too long a duration"),
        ("213503d23h34m33.709551616s", 0..26, "too long a duration"),
        ("99999999999999999999999999999999999999999s", 0..41, "too many digits"),
        ("5ſ", 1..3, "no unit `ſ`"),
    ] {
        assert_eq!(parse_duration(text).map_err(said), Err((span, message.to_owned())), "{text}");
    }
}

#[test]
fn sizes_are_bytes() {
    for (text, bytes) in
        [("12KiB", 12_288), ("4.5kB", 4_500), ("1MiB", 1_048_576), ("300B", 300), ("0", 0), ("1 TB", 1_000_000_000_000)]
    {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
    for (text, span, message) in [
        ("12", 0..2, "a number without its unit"),
        ("12KB", 2..4, "no unit `KB`"),
        ("1.5B", 0..4, "not a whole number of bytes"),
        ("1MiB 2KiB", 5..9, "more than one amount"),
        ("99999999TiB", 0..11, "too large"),
    ] {
        assert_eq!(parse_size(text).map_err(said), Err((span, message.to_owned())), "{text}");
    }
    let expected = parse_size("12Kib").map_err(|error| error.expected);
    assert!(expected.is_err_and(|text| text.ends_with("did you mean `KiB`?")));
}

#[test]
fn rates_are_per_second_and_bandwidths_bytes_per_second() {
    for (text, rate) in
        [("50/s", 50.0), ("12/h", 12.0 / 3600.0), ("3/min", 0.05), ("1/d", 1.0 / 86_400.0), ("0.5 / ms", 500.0)]
    {
        assert_eq!(parse_rate(text), Ok(rate), "{text}");
    }
    assert_eq!(parse_rate("50").map_err(said), Err((2..2, "no `/` and unit of time".to_owned())));
    assert_eq!(parse_rate("50/sec").map_err(said), Err((3..6, "no unit `sec`".to_owned())));
    assert_eq!(parse_bandwidth("100Mbit/s"), Ok(12_500_000.0));
    assert_eq!(parse_bandwidth("10MB/s"), Ok(10_000_000.0));
    assert_eq!(parse_bandwidth("0MB/s").map_err(said), Err((0..3, "a bandwidth of nothing".to_owned())));
    assert_eq!(parse_bandwidth("10MB").map_err(said), Err((4..4, "no `/` and unit of time".to_owned())));
    assert_eq!(parse_bandwidth("10Mbit/h").map_err(said), Err((7..8, "no unit `h`".to_owned())));
}

#[test]
fn shares_are_from_zero_to_one() {
    assert_eq!(check_share(1.0), Ok(1.0));
    assert!(check_share(1.001).is_err() && check_share(-0.0).is_ok() && check_share(f64::NAN).is_err());
}

#[test]
fn canonical_texts_read_back_as_the_same_value() {
    for (text, canonical) in [("90s", "1m30s"), ("2w", "14d"), ("0", "0s"), ("1.5ms", "1ms500us")] {
        let duration: Duration = text.parse().unwrap();
        assert_eq!(duration.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(duration));
    }
    for (text, canonical) in [("12KiB", "12KiB"), ("4.5kB", "4500B"), ("1000000B", "1MB"), ("0", "0B")] {
        let size: Size = text.parse().unwrap();
        assert_eq!(size.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(size));
    }
    for (text, canonical) in
        [("50/s", "50/s"), ("12/h", "12/h"), ("120/min", "2/s"), ("0.5/s", "30/min"), ("0/h", "0/s")]
    {
        let rate: Rate = text.parse().unwrap();
        assert_eq!(rate.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(rate));
    }
    for (text, canonical) in [("100Mbit/s", "100Mbit/s"), ("10MB/s", "80Mbit/s"), ("0.3B/s", "0.3B/s")] {
        let bandwidth: Bandwidth = text.parse().unwrap();
        assert_eq!(bandwidth.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(bandwidth));
    }
}

#[test]
fn a_number_in_place_of_a_text_is_answered_with_an_example() {
    assert_eq!(ron::from_str::<Size>("\"12KiB\""), Ok(Size(12_288)));
    let said = ron::from_str::<Size>("12").unwrap_err().code.to_string();
    assert!(said.contains(SIZE_EXPECTED), "{said}");
    assert_eq!(ron::to_string(&Size(12_288)).as_deref(), Ok("\"12KiB\""));
    assert_eq!(ron::from_str::<Share>("1"), Ok(Share(1.0)));
    assert!(ron::from_str::<Share>("1.5").is_err());
}
