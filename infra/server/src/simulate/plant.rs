//! An invented plant's effluent: what sensors and laboratories of a treatment works report, by day and night, in storms
//! and upsets, with probes that drift and fall silent and with values below detection.
//!
//! The numbers have realistic magnitudes, but model no particular plant. The same seed gives the same readings on every
//! machine.

use domain::time::{DAY, HOUR};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use std::f64::consts::TAU;

/// A reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    /// Microseconds since 1970.
    pub(super) time: i64,
    pub(super) parameter: &'static str,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    /// The value is a detection limit that was not reached.
    pub(super) is_below: bool,
    digits: usize,
}

impl Reading {
    /// The value with the instrument's number of digits.
    pub(super) fn text(&self) -> String {
        format!("{:.*}", self.digits, self.value)
    }
}

/// How a quantity behaves. Shares are of the usual value.
struct Quantity {
    parameter: &'static str,
    unit: &'static str,
    usual: f64,
    /// Its daily swing, as a share, and the hour of the day (UTC) of its peak.
    swing: (f64, f64),
    /// The spread of its noise, as a share.
    noise: f64,
    /// What a storm and an upset add at their peaks, as a share.
    storm: f64,
    upset: f64,
    /// How far its probe drifts per day until it is calibrated, as a share.
    drift: f64,
    /// The detection limit.
    detection: f64,
    digits: usize,
}

/// The quantities.
#[rustfmt::skip]
const QUANTITIES: [Quantity; 8] = [
    Quantity { parameter: "Flow", unit: "MGD", usual: 1.2, swing: (0.25, 11.0), noise: 0.04, storm: 1.6, upset: 0.0, drift: 0.0, detection: 0.0, digits: 3 },
    Quantity { parameter: "pH", unit: "SU", usual: 7.4, swing: (0.02, 15.0), noise: 0.008, storm: -0.03, upset: 0.12, drift: 0.004, detection: 0.0, digits: 2 },
    Quantity { parameter: "Temperature", unit: "deg C", usual: 21.0, swing: (0.06, 16.0), noise: 0.005, storm: -0.12, upset: 0.0, drift: 0.0, detection: 0.0, digits: 1 },
    Quantity { parameter: "TSS", unit: "mg/L", usual: 12.0, swing: (0.15, 12.0), noise: 0.12, storm: 0.7, upset: 3.0, drift: 0.01, detection: 2.0, digits: 1 },
    Quantity { parameter: "BOD5", unit: "mg/L", usual: 9.0, swing: (0.2, 13.0), noise: 0.1, storm: -0.2, upset: 2.5, drift: 0.0, detection: 2.0, digits: 1 },
    Quantity { parameter: "NH3-N", unit: "mg/L", usual: 0.6, swing: (0.4, 10.0), noise: 0.2, storm: -0.1, upset: 5.0, drift: 0.01, detection: 0.2, digits: 2 },
    Quantity { parameter: "SO4", unit: "mg/L", usual: 180.0, swing: (0.1, 14.0), noise: 0.05, storm: -0.35, upset: 0.5, drift: 0.0, detection: 1.0, digits: 0 },
    Quantity { parameter: "Cu", unit: "ug/L", usual: 3.0, swing: (0.1, 12.0), noise: 0.35, storm: 0.4, upset: 2.0, drift: 0.0, detection: 2.0, digits: 1 },
];

/// The average number of storms, upsets and silent probes per day; the hours in which the first two fade, and the
/// longest silence of a probe.
const STORMS: (f64, f64) = (1.0 / 9.0, 9.0);
const UPSETS: (f64, f64) = (1.0 / 12.0, 12.0);
const SILENCES: (f64, f64) = (1.0 / 20.0, 6.0);
/// Days between calibrations.
const CALIBRATED: i64 = 14;
/// The correlation time of noise, in hours.
const MEMORY: f64 = 4.0;

/// A plant at a moment.
pub(super) struct Plant {
    random: ChaCha8Rng,
    time: i64,
    step: i64,
    begin: i64,
    end: i64,
    is_calm: bool,
    storm: f64,
    upset: f64,
    /// For each quantity: its noise, and until when its probe is silent.
    probes: [(f64, i64); QUANTITIES.len()],
    next: usize,
}

impl Plant {
    /// A plant from `begin` until before `end`, sampled every `step`, in microseconds.
    pub(super) fn new(seed: u64, (begin, end): (i64, i64), step: i64, is_calm: bool) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let probes = [(0.0, i64::MIN); QUANTITIES.len()];
        // The first sample comes with the first reading.
        Self {
            random,
            time: begin - step,
            step,
            begin,
            end,
            is_calm,
            storm: 0.0,
            upset: 0.0,
            probes,
            next: QUANTITIES.len(),
        }
    }

    /// How many readings there are at most: silent probes give none.
    pub(super) fn most(&self) -> u64 {
        ((self.end - self.begin + self.step - 1) / self.step) as u64 * QUANTITIES.len() as u64
    }

    /// Advances to the next sample.
    fn advance(&mut self) {
        self.time += self.step;
        self.next = 0;
        let hours = self.step as f64 / HOUR as f64;
        self.storm = self.weather(self.storm, STORMS, hours);
        self.upset = self.weather(self.upset, UPSETS, hours);
        let kept = (-hours / MEMORY).exp();
        for probe in 0..QUANTITIES.len() {
            let fresh: f64 = self.random.sample(StandardNormal);
            self.probes[probe].0 = self.probes[probe].0 * kept + fresh * (1.0 - kept * kept).sqrt();
            if self.comes(SILENCES.0, hours) {
                let silent = self.random.random_range(0.0..SILENCES.1);
                self.probes[probe].1 = self.time + (silent * HOUR as f64) as i64;
            }
        }
    }

    /// Whether an event with this daily frequency happens within so many hours.
    fn comes(&mut self, a_day: f64, hours: f64) -> bool {
        let chance = self.random.random::<f64>();
        !self.is_calm && chance < a_day * hours / 24.0
    }

    /// The decayed height of an event, plus a new one if it happens.
    fn weather(&mut self, height: f64, (a_day, fades): (f64, f64), hours: f64) -> f64 {
        let left = height * (-hours / fades).exp();
        if self.comes(a_day, hours) { left + self.random.random_range(0.4..1.2) } else { left }
    }

    fn value(&self, quantity: &Quantity, noise: f64) -> f64 {
        let hour = (self.time.rem_euclid(DAY)) as f64 / HOUR as f64;
        let daily = quantity.swing.0 * ((hour - quantity.swing.1) / 24.0 * TAU).cos();
        let days = (self.time - self.begin).rem_euclid(CALIBRATED * DAY) as f64 / DAY as f64;
        let drift = if self.is_calm { 0.0 } else { quantity.drift * days };
        let share = daily + quantity.noise * noise + quantity.storm * self.storm + quantity.upset * self.upset + drift;
        // No concentration is negative, however heavy the rain.
        quantity.usual * (1.0 + share).max(0.02)
    }
}

impl Iterator for Plant {
    type Item = Reading;

    fn next(&mut self) -> Option<Reading> {
        loop {
            if self.next == QUANTITIES.len() {
                if self.time + self.step >= self.end {
                    return None;
                }
                self.advance();
            }
            let quantity = &QUANTITIES[self.next];
            let (noise, silent) = self.probes[self.next];
            self.next += 1;
            if self.time < silent {
                continue;
            }
            let value = self.value(quantity, noise);
            let is_below = value < quantity.detection;
            return Some(Reading {
                time: self.time,
                parameter: quantity.parameter,
                unit: quantity.unit,
                value: if is_below { quantity.detection } else { value },
                is_below,
                digits: quantity.digits,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year(seed: u64, is_calm: bool) -> Vec<Reading> {
        Plant::new(seed, (0, 365 * DAY), HOUR, is_calm).collect()
    }

    #[test]
    fn a_seed_is_a_plant() {
        assert_eq!(year(7, false), year(7, false));
        assert_ne!(year(7, false), year(8, false));
        // The first readings of seed 1 are a promise: other machines and later versions give the same.
        let first: Vec<String> = Plant::new(1, (0, HOUR), HOUR, false).map(|reading| reading.text()).collect();
        assert_eq!(first, ["0.920", "7.28", "20.4", "12.0", "7.2", "0.25", "164", "3.3"]);
    }

    #[test]
    fn a_year_has_all_that_happens_at_a_plant() {
        let (readings, calm) = (year(1, false), year(1, true));
        let of = |readings: &[Reading], parameter| {
            readings
                .iter()
                .filter(|reading| reading.parameter == parameter)
                .map(|reading| reading.value)
                .collect::<Vec<_>>()
        };
        let highest = |values: Vec<f64>| values.into_iter().fold(f64::MIN, f64::max);
        assert_eq!(calm.len(), 365 * 24 * QUANTITIES.len(), "a calm plant has no silent probes");
        let silent = calm.len() - readings.len();
        assert!(silent > 100 && silent < calm.len() / 10, "{silent} readings are missing");
        assert!(readings.iter().filter(|reading| reading.is_below).count() > 100, "some are below detection");
        assert!(highest(of(&readings, "TSS")) > 30.0 && highest(of(&calm, "TSS")) < 30.0, "an upset is seen");
        assert!(highest(of(&readings, "Flow")) > 2.4 && highest(of(&calm, "Flow")) < 2.0, "a storm is seen");
        assert!(readings.iter().all(|reading| reading.value > 0.0 && reading.value.is_finite()));
        let noon = |hour: i64| {
            let at: Vec<f64> = (calm.iter())
                .filter(|reading| reading.parameter == "Flow" && reading.time.rem_euclid(DAY) == hour * HOUR)
                .map(|reading| reading.value)
                .collect();
            at.iter().sum::<f64>() / at.len() as f64
        };
        assert!(noon(11) > 1.5 * noon(23), "there is more by day than by night");
    }

    #[test]
    fn it_ends_before_its_end() {
        let times = |end| Plant::new(1, (0, end), HOUR, true).map(|reading| reading.time).max();
        assert_eq!((times(HOUR), times(HOUR + 1), times(0)), (Some(0), Some(HOUR), None));
        assert_eq!(Plant::new(1, (0, HOUR + 1), HOUR, true).most(), 16);
    }
}
