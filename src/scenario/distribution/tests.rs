use super::*;

fn parse(text: &str) -> Result<DistSpec, TextError> {
    DistSpec::parse(text, Quantity::Duration)
}

#[test]
fn every_form_is_read_in_base_units() {
    for (text, spec) in [
        ("45ms", DistSpec::Constant(0.045)),
        (" uniform(1s, 2s) ", DistSpec::Uniform { low: 1.0, high: 2.0 }),
        ("uniform(high 2s, low 1s)", DistSpec::Uniform { low: 1.0, high: 2.0 }),
        ("exponential(5m)", DistSpec::Exponential { mean: 300.0 }),
        ("exponential(mean 1h 30m)", DistSpec::Exponential { mean: 5400.0 }),
        ("lognormal(median 45ms, sigma 0.3)", DistSpec::LogNormal { median: 0.045, sigma: 0.3 }),
        ("lognormal( sigma 0.3 ,median 45ms )", DistSpec::LogNormal { median: 0.045, sigma: 0.3 }),
        ("weibull(scale 3h, shape 0.75)", DistSpec::Weibull { scale: 10_800.0, shape: 0.75 }),
        ("pareto(min 1s, alpha 1.2)", DistSpec::Pareto { min: 1.0, alpha: 1.2 }),
        ("lomax(scale 1s, alpha 1.2)", DistSpec::Lomax { scale: 1.0, alpha: 1.2 }),
        ("hyperexponential(0.9 of 1m, 0.1 of 1h)", DistSpec::HyperExponential(vec![(0.9, 60.0), (0.1, 3600.0)])),
        ("empirical(data/outages, long.csv)", DistSpec::Empirical("data/outages, long.csv".to_owned())),
    ] {
        assert_eq!(parse(text), Ok(spec), "{text}");
    }
    assert_eq!(DistSpec::parse("12KiB", Quantity::Size), Ok(DistSpec::Constant(12_288.0)));
    assert_eq!(
        DistSpec::parse("uniform(-1, 1e3)", Quantity::Number),
        Ok(DistSpec::Uniform { low: -1.0, high: 1000.0 })
    );
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    for (text, at, message) in [
        ("", "", "an empty text"),
        ("5 hours", "hours", "no unit `hours`"),
        ("exponental(5m)", "exponental", "no distribution `exponental`"),
        ("exponential", "exponential", "`exponential` without its parameters"),
        ("exponential 5m", "exponential", "`exponential` without its parameters"),
        ("exponential(5m", "exponential(5m", "no closing `)` at the end"),
        ("exponential(5m) twice", "exponential(5m) twice", "no closing `)` at the end"),
        ("exponential()", "exponential()", "no `mean`"),
        ("exponential(0)", "0", "mean is not above zero"),
        ("exponential(5m, 6m)", "6m", "one parameter too many"),
        ("exponential(five)", "five", "`five` where a number is needed"),
        ("lognormal(45ms, 0.3)", "45ms", "a parameter without its name"),
        ("lognormal(mean 45ms, sigma 0.3)", "mean", "no parameter `mean`"),
        ("lognormal(median 45ms)", "lognormal(median 45ms)", "no `sigma`"),
        ("lognormal(median 45ms, sigma -1)", "-1", "a negative sigma"),
        ("lognormal(median 45ms, sigma inf)", "inf", "`inf` is not a number"),
        ("weibull(scale 3h, scale 4h)", "4h", "`scale` is given twice"),
        ("weibull(scale 3 h, shape 0)", "0", "shape is not above zero"),
        ("pareto(min 1parsec, alpha 2)", "parsec", "no unit `parsec`"),
        ("uniform(2s, 1s)", "2s, 1s", "the low end is above the high one"),
        ("hyperexponential(0.9 of 1m, 0.2 of 1h)", "0.9 of 1m, 0.2 of 1h", "the probabilities sum to 1.1"),
        ("hyperexponential(90 of 1m)", "90", "90 is not a probability"),
        ("hyperexponential(1m)", "1m", "no `P of MEAN`"),
        ("empirical( )", "empirical( )", "no file"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((&text[error.span.clone()], error.message.as_str()), (at, message), "{text}");
    }
    let error = parse("lognormal(medain 1s, sigma 1)").unwrap_err();
    assert_eq!(error.expected, "lognormal(median M, sigma S); did you mean `median`?");
    assert!(parse("wiebull(1)").is_err_and(|error| error.expected.ends_with("did you mean `weibull`?")));
}

#[test]
fn canonical_texts_read_back_as_the_same_distribution() {
    for text in [
        "45ms",
        "uniform(1s, 2s)",
        "exponential(5m)",
        "lognormal(median 45ms, sigma 0.3)",
        "weibull(scale 3h, shape 0.75)",
        "pareto(min 1s, alpha 1.2)",
        "lomax(scale 1s, alpha 1.2)",
        "hyperexponential(0.9 of 1m, 0.1 of 1h)",
        "empirical(outages.csv)",
        "36500d1ns",
        "104d5h59m59s254ms740us993ns",
    ] {
        let spec = parse(text).unwrap();
        assert_eq!(parse(&spec.to_text(Quantity::Duration)), Ok(spec), "{text}");
    }
    let size: SizeDist = "pareto(min 4KiB, alpha 1.2)".parse().unwrap();
    assert_eq!(size.to_string(), "pareto(min 4KiB, alpha 1.2)");
    assert_eq!(ron::from_str::<NumberDist>("3"), Ok(NumberDist(DistSpec::Constant(3.0))));
    assert_eq!(ron::from_str::<NumberDist>("\"3\""), ron::from_str::<NumberDist>("3.0"));
    assert!(ron::from_str::<NumberDist>("inf").is_err() && ron::from_str::<DurationDist>("3").is_err());
    assert_eq!(ron::to_string(&size).as_deref(), Ok("\"pareto(min 4KiB, alpha 1.2)\""));
}

#[test]
fn a_file_of_values_is_sorted_and_checked() {
    let spec = parse("empirical(outages.csv)").unwrap();
    let mut asked = Vec::new();
    let dist = spec.to_dist(&mut |path| {
        asked.push(path.to_owned());
        Ok(vec![3.0, 1.0, 2.0])
    });
    assert_eq!(dist, Ok(Dist::Empirical(Arc::from([1.0, 2.0, 3.0]))));
    assert_eq!(asked, ["outages.csv"]);
    assert!(spec.to_dist(&mut |_| Ok(Vec::new())).is_err());
    assert!(spec.to_dist(&mut |_| Ok(vec![f64::NAN])).is_err());
    let refused = TextError::new(0..0, "no file", "a file");
    assert_eq!(spec.to_dist(&mut |_| Err(refused.clone())), Err(refused.clone()));
}
