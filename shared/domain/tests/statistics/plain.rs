//! Statistics, written down as the rules of judging say them: all results are collected, put under the local dates of
//! their moments, and summed up. Slow, and nothing of it is the product's.

use domain::permit::{NonDetect, Of};
use domain::reading::{Direction, Qualifier};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// A result in the limit's unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Microseconds.
    pub moment: i64,
    pub value: f64,
    pub sign: Qualifier,
}

/// What a limit says.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub statistic: &'static str,
    pub argument: f64,
    pub zone: TimeZone,
    pub week_starts: Weekday,
    pub limit: f64,
    pub low: Option<f64>,
    pub direction: Direction,
    pub non_detect: NonDetect,
    pub of: Option<Of>,
    pub by_rule: bool,
    pub per_100ml: bool,
    pub totals: bool,
    /// 1 to 12; none at all for the whole year.
    pub months: Vec<u8>,
}

/// A value of a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Said {
    pub time: i64,
    pub value: f64,
    pub sign: Qualifier,
    /// Between which two numbers the truth is.
    pub low: f64,
    pub high: f64,
    pub limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Within,
    Beyond,
    Open,
}

type Groups = BTreeMap<Date, Vec<Sample>>;

impl Terms {
    fn day(&self, sample: &Sample) -> Date {
        Timestamp::from_microsecond(sample.moment).unwrap().to_zoned_datetime(self.zone.clone()).date()
    }

    pub(crate) fn midnight(&self, day: Date) -> i64 {
        day.to_zoned_datetime(self.zone.clone()).unwrap().timestamp().as_microsecond()
    }

    fn week(&self, day: Date) -> Date {
        let mut first = day;
        while first.weekday() != self.week_starts {
            first = first.yesterday().unwrap();
        }
        first
    }

    fn grouped(&self, samples: &[Sample], first_day: impl Fn(Date) -> Date) -> Groups {
        let mut groups = Groups::new();
        for sample in samples {
            groups.entry(first_day(self.day(sample))).or_default().push(*sample);
        }
        groups
    }

    /// What a result enters a mean with.
    fn number(&self, sample: &Sample) -> f64 {
        match (sample.sign, self.non_detect) {
            (Qualifier::Less, NonDetect::Zero) => 0.0,
            (Qualifier::Less, NonDetect::Half) => sample.value * 0.5,
            _ => sample.value,
        }
    }

    fn mean_of_results(&self, samples: &[Sample]) -> f64 {
        samples.iter().map(|sample| self.number(sample)).sum::<f64>() / samples.len() as f64
    }

    /// The daily discharges: the days' means, or their sums where results are totals.
    fn discharges(&self, samples: &[Sample]) -> Vec<f64> {
        let days = self.grouped(samples, |day| day);
        let many = |day: &[Sample]| if self.totals { day.len() as f64 } else { 1.0 };
        days.values().map(|day| self.mean_of_results(day) * many(day)).collect()
    }

    fn mean(&self, samples: &[Sample]) -> f64 {
        if self.of == Some(Of::Results) {
            return self.mean_of_results(samples);
        }
        let discharges = self.discharges(samples);
        discharges.iter().sum::<f64>() / discharges.len() as f64
    }

    /// As the n-th root of a product; in logarithms, since products of many results have no room.
    fn root_of_product(&self, samples: &[Sample]) -> f64 {
        let factor = |sample: &Sample| match (self.per_100ml, sample.sign) {
            (true, Qualifier::Less) => 1.0,
            (true, _) if sample.value == 0.0 => 1.0,
            _ => self.number(sample),
        };
        let factors: Vec<f64> = samples.iter().map(factor).collect();
        if factors.contains(&0.0) {
            return 0.0;
        }
        (factors.iter().map(|factor| factor.log2()).sum::<f64>() / factors.len() as f64).exp2()
    }

    fn geometric(&self, samples: &[Sample]) -> f64 {
        if self.of != Some(Of::Days) {
            return self.root_of_product(samples);
        }
        let days = self.grouped(samples, |day| day);
        let means: Vec<f64> = days.values().map(|day| self.root_of_product(day)).collect();
        if means.contains(&0.0) {
            return 0.0;
        }
        (means.iter().map(|mean| mean.log2()).sum::<f64>() / means.len() as f64).exp2()
    }

    /// The largest number of results.
    fn largest(&self, samples: &[Sample]) -> f64 {
        samples.iter().map(|sample| sample.value).fold(f64::MIN, f64::max)
    }

    /// What daily discharges are at most, where there are non-detects alone.
    fn largest_discharges(&self, samples: &[Sample]) -> Vec<f64> {
        let days = self.grouped(samples, |day| day);
        let most =
            |day: &Vec<Sample>| if self.totals { day.iter().map(|one| one.value).sum() } else { self.largest(day) };
        days.values().map(most).collect()
    }

    /// A mean of daily discharges, or of results, with its sign.
    fn discharge_said(&self, time: i64, samples: &[Sample], mean: f64) -> Said {
        let most = match self.of {
            Some(Of::Results) => self.largest(samples),
            _ => self.largest_discharges(samples).into_iter().fold(f64::MIN, f64::max),
        };
        self.signed(time, samples, mean, most)
    }

    /// A mean with the sign that its results give it.
    fn mean_said(&self, time: i64, samples: &[Sample], mean: f64) -> Said {
        self.signed(time, samples, mean, self.largest(samples))
    }

    fn signed(&self, time: i64, samples: &[Sample], mean: f64, most: f64) -> Said {
        let all_less = samples.iter().all(|sample| sample.sign == Qualifier::Less);
        if all_less && !self.by_rule {
            return self.said(time, most, Qualifier::Less);
        }
        let any_greater = samples.iter().any(|sample| sample.sign == Qualifier::Greater);
        self.said(time, mean, if any_greater { Qualifier::Greater } else { Qualifier::Equal })
    }

    fn said(&self, time: i64, value: f64, sign: Qualifier) -> Said {
        let (low, high) = interval(value, sign);
        Said { time, value, sign, low, high, limit: self.limit }
    }

    /// One value for each group, at the start of its first day.
    fn each(&self, groups: &Groups, mean: impl Fn(&[Sample]) -> f64) -> Vec<Said> {
        groups.iter().map(|(first, group)| self.mean_said(self.midnight(*first), group, mean(group))).collect()
    }

    /// The means of daily discharges, one for each group.
    fn means(&self, groups: &Groups) -> Vec<Said> {
        groups
            .iter()
            .map(|(first, group)| self.discharge_said(self.midnight(*first), group, self.mean(group)))
            .collect()
    }

    /// The sums of daily discharges, one for each group.
    fn totals(&self, groups: &Groups) -> Vec<Said> {
        let total = |(first, group): (&Date, &Vec<Sample>)| {
            let total = self.discharges(group).iter().sum();
            let most = self.largest_discharges(group).iter().sum();
            self.signed(self.midnight(*first), group, total, most)
        };
        groups.iter().map(total).collect()
    }

    /// All values of the statistic, in order.
    pub(crate) fn values(&self, samples: &[Sample]) -> Vec<Said> {
        let month = |day: Date| date(day.year(), day.month(), 1);
        let days = || self.grouped(samples, |day| day);
        let weeks = || self.grouped(samples, |day| self.week(day));
        let months = || self.grouped(samples, month);
        let years = || self.grouped(samples, |day| date(day.year(), 1, 1));
        match self.statistic {
            "instant" => samples.iter().map(|sample| self.said(sample.moment, sample.value, sample.sign)).collect(),
            "as_reported" => {
                // What is reported is compared as its number, whatever its sign.
                let as_number = |sample: &Sample| {
                    let said = self.said(sample.moment, sample.value, Qualifier::Equal);
                    Said { sign: sample.sign, ..said }
                };
                samples.iter().map(as_number).collect()
            }
            "daily_max" => self.extremes(&days(), 1.0),
            "daily_min" => self.extremes(&days(), -1.0),
            "daily_avg" => self.each(&days(), |day| self.mean_of_results(day)),
            "weekly_avg" => self.means(&weeks()),
            "monthly_avg" => self.means(&months()),
            "quarterly_avg" => {
                let first_month = |month| match month {
                    1..=3 => 1,
                    4..=6 => 4,
                    7..=9 => 7,
                    _ => 10,
                };
                let quarters = self.grouped(samples, |day| date(day.year(), first_month(day.month()), 1));
                self.means(&quarters)
            }
            "annual_avg" => self.means(&years()),
            "monthly_total" => self.totals(&months()),
            "annual_total" => self.totals(&years()),
            "weekly_geomean" => self.each(&weeks(), |week| self.geometric(week)),
            "monthly_geomean" => self.each(&months(), |month| self.geometric(month)),
            "geomean_30d" => self.thirty_days(&days()),
            "rolling_12m_avg" => self.twelve_months(&months()),
            "weekly_avg_max" => self.highest_weeks(&weeks()),
            "rolling_mean" => self.rolling(samples),
            "percent_of_results" => self.shares(&months()),
            "as_excursion" => super::excursions::values(self, samples),
            // A monthly value is there already, so the mean is of one.
            "percent_removal" => self.each(&months(), |month| self.mean_of_results(month)),
            other => panic!("{other} has no plain form"),
        }
    }

    /// The highest results of each day, or the lowest ones: `side` is 1 or -1. Shown is the furthest one that says how
    /// far it is, and of several the one with a sign.
    fn extremes(&self, days: &Groups, side: f64) -> Vec<Said> {
        let value = |(first, day): (&Date, &Vec<Sample>)| {
            let said: Vec<Said> = day.iter().map(|one| self.said(self.midnight(*first), one.value, one.sign)).collect();
            furthest(&said, side)
        };
        days.iter().map(value).collect()
    }

    fn thirty_days(&self, days: &Groups) -> Vec<Said> {
        let value = |last: &Date| {
            let mut first = *last;
            (0..29).for_each(|_| first = first.yesterday().unwrap());
            let results: Vec<Sample> = days.range(first..=*last).flat_map(|(_, day)| day.clone()).collect();
            self.mean_said(self.midnight(*last), &results, self.root_of_product(&results))
        };
        days.keys().map(value).collect()
    }

    fn twelve_months(&self, months: &Groups) -> Vec<Said> {
        let number = |month: &Date| i32::from(month.year()) * 12 + i32::from(month.month());
        let value = |last: &Date| {
            let is_in = |month: &Date| (number(last) - 11..=number(last)).contains(&number(month));
            let twelve: Vec<&Vec<Sample>> = months.iter().filter(|(month, _)| is_in(month)).map(|(_, of)| of).collect();
            let mean = twelve.iter().map(|month| self.mean(month)).sum::<f64>() / twelve.len() as f64;
            let results: Vec<Sample> = twelve.into_iter().flatten().copied().collect();
            self.discharge_said(self.midnight(*last), &results, mean)
        };
        months.keys().map(value).collect()
    }

    /// Weeks are reported in the month of their last day.
    fn highest_weeks(&self, weeks: &Groups) -> Vec<Said> {
        let mut months: BTreeMap<Date, Vec<Said>> = BTreeMap::new();
        for (first, week) in weeks {
            let mut last = *first;
            (0..6).for_each(|_| last = last.tomorrow().unwrap());
            let month = date(last.year(), last.month(), 1);
            let said = self.discharge_said(self.midnight(month), week, self.mean(week));
            months.entry(month).or_default().push(said);
        }
        months.values().map(|weeks| furthest(weeks, 1.0)).collect()
    }

    fn rolling(&self, samples: &[Sample]) -> Vec<Said> {
        let value =
            |window: &[Sample]| self.mean_said(window[window.len() - 1].moment, window, self.mean_of_results(window));
        samples.windows(self.argument as usize).map(value).collect()
    }

    fn shares(&self, months: &Groups) -> Vec<Said> {
        let value = |(first, month): (&Date, &Vec<Sample>)| {
            let count = |wanted: &[Standing]| {
                let stands = |one: &&Sample| {
                    let said = self.said(0, one.value, one.sign);
                    wanted.contains(&standing(&said, self.direction))
                };
                month.iter().filter(stands).count() as f64 / month.len() as f64 * 100.0
            };
            let (low, high) = (count(&[Standing::Beyond]), count(&[Standing::Beyond, Standing::Open]));
            let time = self.midnight(*first);
            Said { time, value: low, sign: Qualifier::Equal, low, high, limit: self.argument }
        };
        months.iter().map(value).collect()
    }

    /// Which side is forbidden for values: of percentages and minutes outside too many are, whatever the limit.
    pub(crate) fn forbidden(&self) -> Direction {
        match self.statistic {
            "percent_of_results" | "as_excursion" => Direction::Max,
            _ => self.direction,
        }
    }

    /// Whether the limit holds for a value: the month in which its period begins decides.
    pub(crate) fn holds(&self, time: i64) -> bool {
        let local = Timestamp::from_microsecond(time).unwrap().to_zoned_datetime(self.zone.clone());
        self.months.is_empty() || self.months.contains(&(local.month() as u8))
    }
}

fn interval(value: f64, sign: Qualifier) -> (f64, f64) {
    match sign {
        Qualifier::Equal => (value, value),
        Qualifier::Less => (f64::NEG_INFINITY, value),
        Qualifier::Greater => (value, f64::INFINITY),
    }
}

/// The highest of some values, or the lowest: between which numbers it is, and which of them is shown.
fn furthest(said: &[Said], side: f64) -> Said {
    let most = |numbers: Vec<f64>| numbers.into_iter().map(|n| n * side).fold(f64::NEG_INFINITY, f64::max) * side;
    let vague = if side > 0.0 { Qualifier::Less } else { Qualifier::Greater };
    let plain: Vec<Said> = said.iter().filter(|one| one.sign != vague).copied().collect();
    let among = if plain.is_empty() { said.to_vec() } else { plain };
    let value = most(among.iter().map(|one| one.value).collect());
    let at_it = || among.iter().filter(|one| one.value == value);
    let sign = at_it().map(|one| one.sign).find(|sign| *sign != Qualifier::Equal).unwrap_or_default();
    let (low, high) = (most(said.iter().map(|one| one.low).collect()), most(said.iter().map(|one| one.high).collect()));
    Said { value, sign, low, high, ..said[0] }
}

/// Strictly beyond, in order, or neither is certain. What is above a number is above it strictly.
pub(crate) fn standing(said: &Said, forbidden: Direction) -> Standing {
    // Means of decimal numbers are not exact in binary.
    let near = said.limit.abs() * 1e-11;
    let (best, worst, opens) = match forbidden {
        Direction::Max => (said.high - said.limit, said.low - said.limit, Qualifier::Greater),
        Direction::Min => (said.limit - said.low, said.limit - said.high, Qualifier::Less),
    };
    let is_strictly_beyond = said.sign == opens && best.is_infinite() && worst.abs() <= near;
    if best <= near {
        Standing::Within
    } else if worst > near || is_strictly_beyond {
        Standing::Beyond
    } else {
        Standing::Open
    }
}
