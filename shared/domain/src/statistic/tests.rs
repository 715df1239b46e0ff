use super::*;

#[test]
fn names_are_read_as_they_are_written() {
    let argument = |definition: &dyn Definition| definition.argument().map(|argument| argument.least);
    for definition in ALL {
        let statistic = Statistic::named(definition.name(), argument(definition)).unwrap();
        assert_eq!(statistic.to_string().parse(), Ok(statistic));
        assert!(!statistic.label().contains("{}"), "{statistic}");
    }
    assert_eq!("rolling_mean(3)".parse(), Ok(Statistic::rolling_mean(3)));
    assert_eq!(Statistic::rolling_mean(3).label(), "Mean of 3 results");
}

#[test]
fn numbers_are_taken_within_their_bounds() {
    for (text, is_good) in [
        ("rolling_mean(1)", false),
        ("rolling_mean(2)", true),
        ("rolling_mean(10000)", true),
        ("rolling_mean(10001)", false),
        ("rolling_mean(2.5)", false),
        ("rolling_mean", false),
        ("rolling_mean(x)", false),
        ("percent_of_results(0)", true),
        ("percent_of_results(12.5)", true),
        ("percent_of_results(100.1)", false),
        ("instant(3)", false),
        ("mean", false),
    ] {
        assert_eq!(text.parse::<Statistic>().is_ok(), is_good, "{text}");
    }
}
