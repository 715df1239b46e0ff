//! The clocks of sites: hours that they show twice, and times in the future.

use domain::time::{self, DAY, HOUR, TimeKind};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The most that a clock differs from UTC.
const MOST_OFFSET: i64 = 26 * HOUR;
/// The most doubled hours to follow; any more, in a nonsensical file, count as the first hour.
const MAX_FOLDS: usize = 10_000;
/// The most sites and hours to list in notes.
const MAX_TOLD: usize = 20;

/// How to distinguish the two passes through an hour that a clock shows twice, if not in the usual way: forwards, the
/// second pass begins where the time goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    /// The rows run backwards in time: the first pass in the file is the second hour.
    Backwards,
    /// The order of the rows does not decide; all times are in the first hour.
    First,
}

/// A series, by its id, and the beginning of an hour that its site's clock shows twice.
pub type Folds = HashMap<(String, i64), Fold>;

/// The clocks of a file's sites.
#[derive(Debug)]
pub(super) struct Clock {
    now: i64,
    sites: Vec<Site>,
    passes: HashMap<(u32, i64), Passes>,
    folds: Folds,
}

#[derive(Debug)]
struct Site {
    name: String,
    zone: Option<TimeZone>,
    has_local: bool,
    /// Local times between these are shown once.
    once: (i64, i64),
    /// The last local time of each series within a day of a doubled hour.
    before: HashMap<u32, i64>,
}

/// The rows of a series in one doubled hour, in the order of the file.
#[derive(Debug, Clone, Copy, Default)]
struct Passes {
    site: u16,
    until: i64,
    times: u64,
    last: i64,
    /// How often the time did not advance, read forwards and backwards.
    breaks: (u32, u32),
    /// Steps around the hour, forwards and backwards.
    steps: (u32, u32),
    plan: Option<Fold>,
}

impl Passes {
    fn is_backwards(&self) -> bool {
        self.steps.1 > self.steps.0
    }

    fn breaks(&self) -> u32 {
        if self.is_backwards() { self.breaks.1 } else { self.breaks.0 }
    }

    fn learned(&self) -> Option<Fold> {
        match (self.breaks(), self.is_backwards()) {
            (1, true) => Some(Fold::Backwards),
            (1, false) => None,
            // Without a break the usual way finds the first hour, too.
            (0, _) if self.breaks.0 == 0 => None,
            _ => Some(Fold::First),
        }
    }
}

/// The position of a time on its site's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// In the second of two hours, or not.
    Good { is_second: bool },
    /// More than a day in the future.
    Future,
}

impl Clock {
    pub(super) fn new(now: i64, folds: Folds) -> Self {
        Self { now, sites: Vec::new(), passes: HashMap::new(), folds }
    }

    /// Adds a site and gives its index.
    pub(super) fn add(&mut self, name: &str, zone: Option<TimeZone>) -> u16 {
        let zone = zone.filter(|zone| *zone != TimeZone::UTC);
        let once = if zone.is_some() { (0, 0) } else { (i64::MIN, i64::MAX) };
        self.sites.push(Site { name: name.into(), zone, has_local: false, once, before: HashMap::new() });
        (self.sites.len() - 1) as u16
    }

    /// The sites with times without an offset.
    pub(super) fn local_sites(&self) -> Vec<String> {
        self.sites.iter().filter(|site| site.has_local).map(|site| site.name.clone()).collect()
    }

    /// Checks the time of a result. `id` gives the id of its series.
    #[inline]
    pub(super) fn look(&mut self, site: u16, series: u32, time: i64, kind: TimeKind, id: impl Fn() -> String) -> Shown {
        if kind == TimeKind::Hours {
            return Shown::Good { is_second: false };
        }
        if time > self.now.saturating_add(DAY - MOST_OFFSET) && self.is_future(site, time, kind) {
            return Shown::Future;
        }
        if kind != TimeKind::Local {
            return Shown::Good { is_second: false };
        }
        let site_clock = &mut self.sites[usize::from(site)];
        site_clock.has_local = true;
        if site_clock.once.0 < time && time < site_clock.once.1 {
            return Shown::Good { is_second: false };
        }
        Shown::Good { is_second: self.is_second(site, series, time, id) }
    }

    #[cold]
    fn is_future(&mut self, site: u16, time: i64, kind: TimeKind) -> bool {
        let site = &mut self.sites[usize::from(site)];
        let moment = if kind.is_local() {
            // The site's zone decides.
            site.has_local = true;
            site.zone.as_ref().and_then(|zone| moment(zone, time)).unwrap_or(time)
        } else {
            time
        };
        moment > self.now.saturating_add(DAY)
    }

    /// Whether a local time near a change of the clock is in the second of two hours.
    #[cold]
    fn is_second(&mut self, site_index: u16, series: u32, time: i64, id: impl Fn() -> String) -> bool {
        let site = &mut self.sites[usize::from(site_index)];
        let Some(zone) = &site.zone else { return false };
        let Some((start, end)) = doubled_near(zone, time, &mut site.once) else {
            return false;
        };
        let before = site.before.insert(series, time);
        let is_inside = start <= time && time < end;
        let key = (series, start);
        if !self.passes.contains_key(&key) {
            if self.passes.len() >= MAX_FOLDS {
                return false;
            }
            let plan = if self.folds.is_empty() { None } else { self.folds.get(&(id(), start)).copied() };
            self.passes.insert(key, Passes { site: site_index, until: end, plan, ..Passes::default() });
        }
        let Some(passes) = self.passes.get_mut(&key) else { return false };
        if let Some(before) = before {
            passes.steps.0 += u32::from(time > before);
            passes.steps.1 += u32::from(time < before);
        }
        if !is_inside {
            return false;
        }
        passes.times += 1;
        if passes.times > 1 {
            passes.breaks.0 += u32::from(time <= passes.last);
            passes.breaks.1 += u32::from(time >= passes.last);
        }
        passes.last = time;
        match passes.plan {
            None => passes.breaks.0 > 0,
            Some(Fold::Backwards) => passes.breaks.1 == 0,
            Some(Fold::First) => false,
        }
    }

    /// What the whole file shows about doubled hours; `id` gives the ids of series.
    pub(super) fn learned(&self, id: impl Fn(u32) -> String) -> Folds {
        let learned = self.passes.iter().filter(|(_, passes)| passes.times > 0);
        learned
            .filter_map(|((series, start), passes)| passes.learned().map(|fold| ((id(*series), *start), fold)))
            .collect()
    }

    /// Notes about doubled hours that could not be distinguished.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut hours: BTreeMap<(&str, i64, i64), u64> = BTreeMap::new();
        for ((_, start), passes) in self.passes.iter().filter(|(_, passes)| passes.times > 0 && passes.breaks() != 1) {
            let site = &self.sites[usize::from(passes.site)].name;
            *hours.entry((site, *start, passes.until)).or_default() += passes.times;
        }
        let told = hours.iter().take(MAX_TOLD).map(|((site, start, end), times)| {
            let [start, end] = [*start, *end].map(|time| time::rfc3339(time).replace('T', " ").replace('Z', ""));
            format!(
                "the clock of {site} shows {start} to {end} twice, and the order of the rows does not tell the two \
                 apart: {times} results are taken for the first"
            )
        });
        told.collect()
    }
}

/// The moment of a local time; the first one if there are two.
fn moment(zone: &TimeZone, local: i64) -> Option<i64> {
    let civil = TimeZone::UTC.to_datetime(jiff::Timestamp::from_microsecond(local).ok()?);
    zone.to_ambiguous_timestamp(civil).compatible().ok().map(jiff::Timestamp::as_microsecond)
}

/// The local times that a clock shows twice, if `local` is within a day of them. Otherwise `once` becomes a range
/// around it without any.
fn doubled_near(zone: &TimeZone, local: i64, once: &mut (i64, i64)) -> Option<(i64, i64)> {
    // Local times and moments differ by less than the days that are kept clear on both sides.
    const CLEAR: i64 = 3 * DAY;
    let from = jiff::Timestamp::from_microsecond(local - CLEAR).ok()?;
    let mut changes =
        zone.following(from).map(|change| (change.timestamp().as_microsecond(), change.offset().seconds()));
    let mut next = changes.next();
    while let Some((micros, after)) = next.filter(|(micros, _)| *micros < local + CLEAR) {
        let before = zone.to_offset(jiff::Timestamp::from_microsecond(micros - 1).ok()?).seconds();
        let [start, end] = [after, before].map(|offset| micros + i64::from(offset) * 1_000_000);
        if start < end && start - DAY <= local && local < end + DAY {
            return Some((start, end));
        }
        next = changes.next();
        if next.is_none_or(|(micros, _)| micros >= local + CLEAR) {
            return None;
        }
    }
    let last = zone.preceding(from).next().map_or(i64::MIN, |change| change.timestamp().as_microsecond() + CLEAR);
    *once = (last.min(local - 1), next.map_or(i64::MAX, |(micros, _)| micros - CLEAR).max(local + 1));
    None
}

#[cfg(test)]
mod tests;
