//! The points of a fit: which are used, and with what weight.

use super::{FitError, Weights};
use serde::Serialize;
use std::borrow::Cow;

/// Points from which a model finds its starting values, at most.
const SAMPLE: usize = 1000;

/// Points that a fit leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FitLeftOut)]
pub struct LeftOut {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub count: usize,
}

/// Why a point is left out. The first reason of a point counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FitLeftOutReason)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// x or y is missing or infinite.
    NotFinite,
    /// The model is not defined there.
    OutsideModel,
    /// Its weight is not a finite number above zero.
    Weight,
}

/// The points that are used.
#[derive(Debug)]
pub(crate) struct Data<'a> {
    pub(crate) x: Cow<'a, [f64]>,
    pub(crate) y: Cow<'a, [f64]>,
    /// The roots of the weights, which residuals are multiplied by. Empty if all are 1.
    pub(crate) roots: Vec<f64>,
    /// Which of the given points these are. None if all.
    pub(crate) used: Option<Vec<usize>>,
    /// How many were given.
    pub(crate) given: usize,
    pub(crate) left_out: Vec<LeftOut>,
}

impl<'a> Data<'a> {
    pub(crate) fn new(
        x: &'a [f64],
        y: &'a [f64],
        weights: &Weights,
        is_usable: impl Fn(f64, f64) -> bool,
    ) -> Result<Self, FitError> {
        if x.len() != y.len() {
            return Err(FitError::UnlikeLengths { x: x.len(), y: y.len() });
        }
        if let Weights::Sigma(given) | Weights::Points(given) = weights
            && given.len() != x.len()
        {
            return Err(FitError::UnlikeWeights { weights: given.len(), points: x.len() });
        }
        let fault = |index: usize| fault(x[index], y[index], root(weights, index, y[index]), &is_usable);
        let mut counts = [0; 3];
        (0..x.len()).filter_map(fault).for_each(|reason| counts[reason as usize] += 1);
        let count = x.len() - counts.iter().sum::<usize>();
        if count == 0 {
            return Err(FitError::NoPoints { points: x.len() });
        }
        // Usually none is left out, and a million indices would be useless.
        let used: Option<Vec<usize>> =
            (count < x.len()).then(|| (0..x.len()).filter(|&index| fault(index).is_none()).collect());
        let reasons = [Reason::NotFinite, Reason::OutsideModel, Reason::Weight];
        let left_out = reasons.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let left_out = left_out.map(|(reason, count)| LeftOut { reason, count }).collect();
        let roots = match weights {
            Weights::None => Vec::new(),
            _ => (0..x.len())
                .filter(|&index| fault(index).is_none())
                .map(|index| root(weights, index, y[index]))
                .collect(),
        };
        let pick = |column: &'a [f64]| match &used {
            None => Cow::Borrowed(column),
            Some(used) => used.iter().map(|&index| column[index]).collect(),
        };
        Ok(Self { x: pick(x), y: pick(y), roots, used, given: x.len(), left_out })
    }

    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    /// The root of a used point's weight.
    pub(crate) fn root(&self, index: usize) -> f64 {
        self.roots.get(index).copied().unwrap_or(1.0)
    }

    /// Points spread evenly over the series, with their weights.
    pub(super) fn sample(&self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let stride = self.len().div_ceil(SAMPLE).max(1);
        let indices = (0..self.len()).step_by(stride);
        let point = |index: usize| (self.x[index], self.y[index], self.root(index).powi(2));
        let mut sample = (Vec::new(), Vec::new(), Vec::new());
        for (x, y, weight) in indices.map(point) {
            sample.0.push(x);
            sample.1.push(y);
            sample.2.push(weight);
        }
        sample
    }
}

fn fault(x: f64, y: f64, root: f64, is_usable: impl Fn(f64, f64) -> bool) -> Option<Reason> {
    if !x.is_finite() || !y.is_finite() {
        Some(Reason::NotFinite)
    } else if !is_usable(x, y) {
        Some(Reason::OutsideModel)
    } else if !(root.is_finite() && root > 0.0) {
        Some(Reason::Weight)
    } else {
        None
    }
}

/// The root of the weight of the given point `index`.
fn root(weights: &Weights, index: usize, y: f64) -> f64 {
    match weights {
        Weights::None => 1.0,
        Weights::Sigma(sigma) => 1.0 / sigma[index],
        Weights::InverseY => 1.0 / y.abs().sqrt(),
        Weights::InverseYSquared => 1.0 / y.abs(),
        Weights::Points(weights) => weights[index].sqrt(),
    }
}
