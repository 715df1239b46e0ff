//! Medians, ratios and bars.

use std::fmt;

/// A number that a measure produces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) better: Better,
    pub(crate) places: usize,
    pub(crate) bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Better {
    More,
    Less,
}

/// The bar for a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// Relative to the old program.
    Ratio,
    /// Absolute, whatever the old program does.
    AtMost(f64),
    /// None: it explains other numbers.
    Nothing,
}

/// The result of a figure.
#[derive(Debug)]
pub(crate) struct Line {
    measure: &'static str,
    figure: &'static str,
    places: usize,
    pub(crate) bound: Bound,
    before: f64,
    after: f64,
    /// Above 1 if the new program is better; NaN if neither has answered.
    pub(crate) ratio: f64,
    /// The lowest and highest of all rounds, which the median hides.
    spread: (f64, f64),
}

pub(crate) const HEAD: &str =
    "| measure | | before | after | ratio | of single rounds | bar |\n|---|---|---|---|---|---|---|";

impl Line {
    pub(crate) fn new(measure: &'static str, figure: &Figure, rounds: &[(f64, f64)]) -> Self {
        let (before, after) = rounds.iter().copied().unzip();
        let (before, after) = (median(before), median(after));
        let ratios = rounds.iter().map(|(before, after)| ratio(figure.better, *before, *after));
        let spread = ratios.fold((f64::NAN, f64::NAN), |(low, high), one| (one.min(low), one.max(high)));
        let Figure { name, better, places, bound } = *figure;
        Self { measure, figure: name, places, bound, before, after, ratio: ratio(better, before, after), spread }
    }

    pub(crate) fn title(&self) -> String {
        format!("{}, {}", self.measure, self.figure)
    }

    /// Whether the new program is worse than allowed. NaN misses every bar.
    pub(crate) fn misses(&self, at_least: Option<f64>) -> bool {
        match self.bound {
            Bound::Ratio => at_least.is_some_and(|bound| self.ratio < bound),
            Bound::AtMost(bar) => self.after.is_nan() || self.after > bar,
            Bound::Nothing => false,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: f64| {
            if value.is_finite() { format!("{value:.*}", self.places) } else { "no answer".to_owned() }
        };
        let ratio = |value: f64| if value.is_finite() { format!("{value:.3}") } else { "-".to_owned() };
        let (before, after) = (number(self.before), number(self.after));
        let (low, high) = (ratio(self.spread.0), ratio(self.spread.1));
        write!(
            f,
            "| {} | {} | {before} | {after} | {} | {low} to {high} |",
            self.measure,
            self.figure,
            ratio(self.ratio)
        )?;
        match self.bound {
            Bound::AtMost(bar) => {
                write!(f, " at most {bar}: {} |", if self.misses(None) { "missed" } else { "met" })
            }
            Bound::Ratio => write!(f, " ratio |"),
            Bound::Nothing => write!(f, " |"),
        }
    }
}

/// Among those whose ratio counts.
pub(crate) fn lowest(lines: &[Line]) -> Option<&Line> {
    let counting = lines.iter().filter(|line| line.bound == Bound::Ratio);
    counting.min_by(|one, other| one.ratio.total_cmp(&other.ratio))
}

fn ratio(better: Better, before: f64, after: f64) -> f64 {
    match better {
        Better::More => after / before,
        Better::Less => before / after,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(better: Better, bound: Bound, rounds: &[(f64, f64)]) -> Line {
        Line::new("measure", &Figure { name: "figure", better, places: 1, bound }, rounds)
    }

    #[test]
    fn a_ratio_is_above_one_where_the_program_after_is_better() {
        let rounds = [(10.0, 20.0), (11.0, 20.0), (100.0, 20.0)];
        assert_eq!(line(Better::More, Bound::Ratio, &rounds).ratio, 20.0 / 11.0);
        assert_eq!(line(Better::Less, Bound::Ratio, &rounds).ratio, 11.0 / 20.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn ratios_are_held_to_the_bound_and_bars_to_themselves() {
        let (slow, fast) =
            (line(Better::Less, Bound::Ratio, &[(9.0, 10.0)]), line(Better::Less, Bound::Ratio, &[(1.0, 1.0)]));
        assert!(slow.misses(Some(0.95)) && !slow.misses(Some(0.9)) && !slow.misses(None) && !fast.misses(Some(0.95)));
        let bar = |after| line(Better::Less, Bound::AtMost(64.0), &[(1.0, after)]).misses(None);
        assert!(!bar(64.0) && bar(64.1) && bar(f64::INFINITY) && bar(f64::NAN));
        let without = line(Better::Less, Bound::Nothing, &[(1.0, 9.0)]);
        assert_eq!(lowest(&[without, fast, slow]).map(|line| line.ratio), Some(0.9));
    }

    #[test]
    fn no_answer_is_told() {
        let never = line(Better::Less, Bound::AtMost(10.0), &[(f64::INFINITY, 2.0), (f64::INFINITY, 3.0)]);
        assert_eq!(never.to_string(), "| measure | figure | no answer | 2.5 | - | - to - | at most 10: met |");
        let neither = line(Better::Less, Bound::Nothing, &[(f64::INFINITY, f64::INFINITY)]);
        assert_eq!(neither.to_string(), "| measure | figure | no answer | no answer | - | - to - | |");
    }
}
