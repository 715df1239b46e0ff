//! Levenberg-Marquardt with a trust region (Moré 1978) and bounds.

use super::FitError;
use super::options::{Bound, Control, Progress};
use super::problem::{Local, Problem};
use super::result::Ended;
use super::step::{Room, Step, best};
use super::triangle::dot;

/// The fit has converged when a step could still remove this share of the residuals.
const RIGHT_ANGLE: f64 = 1e-9;
/// From here on a step changes the sum of squares by less than its rounding, so only the angle can judge it.
const NEAR_RIGHT_ANGLE: f64 = 3e-7;
/// What a step could still remove is rounding if it is this share of y.
const ROUNDING: f64 = 1e-11;
/// The most steps that the angle judges: those that improve it, and those that do not.
const POLISHINGS: usize = 50;
const VAIN_POLISHINGS: usize = 5;
/// The first radius, against the length of the scaled parameters.
const FIRST_RADIUS: f64 = 1.0;

/// Where a fit has ended.
#[derive(Debug)]
pub(super) struct Solved {
    pub(super) free: Vec<f64>,
    pub(super) local: Local,
    pub(super) at_bound: Vec<Option<Bound>>,
    pub(super) iterations: usize,
    pub(super) ended: Ended,
}

/// The state between two steps.
struct State {
    free: Vec<f64>,
    local: Local,
    scales: Vec<f64>,
    radius: f64,
    damping: f64,
    polished: usize,
    vain: usize,
    /// The radius where the angle judges.
    near_radius: f64,
}

/// Fits.
pub(super) fn solve(problem: &mut Problem, max_iterations: usize, control: &mut Control) -> Result<Solved, FitError> {
    let free = problem.free();
    let local = problem.at(&free).ok_or(FitError::NotFiniteAtStart)?;
    let size = problem.size();
    let bounds = problem.bounds();
    let mut state = State {
        free,
        local,
        scales: vec![0.0; bounds.len()],
        radius: 0.0,
        damping: 0.0,
        polished: 0,
        vain: 0,
        near_radius: f64::MAX,
    };
    state.rescale();
    let length = state.length();
    state.radius = FIRST_RADIUS * if length > 0.0 { length } else { 1.0 };
    let mut iterations = 0;
    let ended = loop {
        let progress = Progress {
            iteration: iterations,
            max_iterations,
            rss: state.local.rss,
            parameters: problem.all(&state.free),
        };
        if control(&progress).is_break() {
            return Err(FitError::Cancelled);
        }
        if state.offset(&bounds) <= RIGHT_ANGLE {
            break Ended::Converged;
        }
        if iterations >= max_iterations {
            break Ended::MaxIterations;
        }
        iterations += 1;
        match state.advance(problem, &bounds) {
            None => {}
            Some(Ended::NoProgress) if state.along(&bounds) <= ROUNDING * size => break Ended::Converged,
            Some(ended) => break ended,
        }
    };
    let at = |(&value, &(lower, upper)): (&f64, &(f64, f64))| match value {
        value if value == lower => Some(Bound::Lower),
        value if value == upper => Some(Bound::Upper),
        _ => None,
    };
    let at_bound = state.free.iter().zip(&bounds).map(at).collect();
    Ok(Solved { free: state.free, local: state.local, at_bound, iterations, ended })
}

impl State {
    /// Tries one step. Some if the fit ends with it.
    fn advance(&mut self, problem: &mut Problem, bounds: &[(f64, f64)]) -> Option<Ended> {
        let is_near = self.offset(bounds) <= NEAR_RIGHT_ANGLE;
        let Some(step) = self.step(bounds, if is_near { self.near_radius } else { self.radius }) else {
            return self.shrink(0.1);
        };
        let moved = self.free.iter().zip(&step.step).zip(bounds);
        let there: Vec<f64> = moved.map(|((value, by), (lower, upper))| (value + by).clamp(*lower, *upper)).collect();
        if there == self.free {
            return Some(if is_near { Ended::Converged } else { Ended::NoProgress });
        }
        self.damping = step.damping;
        match problem.at(&there) {
            Some(local) if is_near => self.polish(there, local, bounds, &step),
            Some(local) => self.judge(there, local, &step),
            None if is_near => Some(Ended::Converged),
            None => self.shrink(0.1),
        }
    }

    fn step(&self, bounds: &[(f64, f64)], radius: f64) -> Option<Step> {
        let held = self.held(bounds);
        let reach = |(value, (lower, upper)): (&f64, &(f64, f64))| (lower - value, upper - value);
        let reach: Vec<(f64, f64)> = self.free.iter().zip(bounds).map(reach).collect();
        let room = Room { scales: &self.scales, radius, reach: &reach, held: &held, damping: self.damping };
        best(&self.local.triangle, &room)
    }

    /// Takes a step if the sum of squares falls, and adapts the radius to the quality of the prediction.
    fn judge(&mut self, there: Vec<f64>, local: Local, step: &Step) -> Option<Ended> {
        let promised = step.promised / self.local.rss;
        let gained = 1.0 - local.rss / self.local.rss;
        let ratio = gained / promised;
        // Without a prediction there is nothing to compare with.
        let ratio = if ratio.is_nan() { 0.0 } else { ratio };
        let length = self.length_of(&step.step);
        let is_poor = ratio <= 0.25;
        let factor = if gained >= 0.0 { 0.5 } else { (0.5 * promised / (promised - gained)).clamp(0.1, 0.5) };
        if is_poor {
            self.radius = self.radius.min(length * 10.0);
        }
        if ratio <= 1e-4 {
            return self.shrink(factor);
        }
        if is_poor {
            self.radius *= factor;
            self.damping /= factor;
        } else if self.damping == 0.0 {
            self.radius = 2.0 * length;
        } else if ratio >= 0.75 {
            self.radius = self.radius.max(2.0 * length);
            self.damping *= 0.5;
        }
        (self.free, self.local) = (there, local);
        self.rescale();
        None
    }

    /// Takes a step that the sum of squares cannot judge, if it brings the residuals closer to the right angle.
    /// Otherwise the next step is shorter: a curve that bends much makes a full one overshoot.
    fn polish(&mut self, there: Vec<f64>, local: Local, bounds: &[(f64, f64)], step: &Step) -> Option<Ended> {
        let before = self.offset(bounds);
        let old = (std::mem::replace(&mut self.free, there), std::mem::replace(&mut self.local, local));
        let after = self.offset(bounds);
        if after >= before || after.is_nan() {
            (self.free, self.local) = old;
            self.near_radius = 0.3 * self.length_of(&step.step);
            self.vain += 1;
            return (self.vain >= VAIN_POLISHINGS).then_some(Ended::Converged);
        }
        self.polished += 1;
        self.rescale();
        (self.polished >= POLISHINGS).then_some(Ended::Converged)
    }

    /// Shrinks the radius. `Some` if it is exhausted.
    fn shrink(&mut self, factor: f64) -> Option<Ended> {
        self.radius *= factor;
        self.damping /= factor;
        let is_left = self.radius > f64::EPSILON * self.length() && self.radius > f64::MIN_POSITIVE;
        (!is_left).then_some(Ended::NoProgress)
    }

    /// Parameters at a bound that would cross it downhill.
    fn held(&self, bounds: &[(f64, f64)]) -> Vec<bool> {
        let downhill = self.local.triangle.transposed_times(self.local.triangle.right());
        let blocked = |((value, (lower, upper)), downhill): ((&f64, &(f64, f64)), &f64)| {
            (value <= lower && *downhill <= 0.0) || (value >= upper && *downhill >= 0.0)
        };
        self.free.iter().zip(bounds).zip(&downhill).map(blocked).collect()
    }

    /// The share of the residuals that lies along the tangents: the sine of the angle that is missing to a right one.
    /// It knows no units (Bates and Watts 1988).
    fn offset(&self, bounds: &[(f64, f64)]) -> f64 {
        if self.local.rss == 0.0 { 0.0 } else { self.along(bounds) / self.local.rss.sqrt() }
    }

    /// How much of the residuals lies along the tangents.
    fn along(&self, bounds: &[(f64, f64)]) -> f64 {
        let triangle = &self.local.triangle;
        let held = self.held(bounds);
        let open: Vec<usize> = (0..held.len()).filter(|&index| !held[index]).collect();
        let along = triangle.of_columns(&open, triangle.right());
        dot(along.right(), along.right()).sqrt()
    }

    fn rescale(&mut self) {
        for (scale, norm) in self.scales.iter_mut().zip(self.local.triangle.norms()) {
            *scale = scale.max(norm);
            if *scale == 0.0 {
                *scale = 1.0;
            }
        }
    }

    fn length(&self) -> f64 {
        self.length_of(&self.free)
    }

    fn length_of(&self, step: &[f64]) -> f64 {
        step.iter().zip(&self.scales).map(|(value, scale)| (value * scale).powi(2)).sum::<f64>().sqrt()
    }
}
