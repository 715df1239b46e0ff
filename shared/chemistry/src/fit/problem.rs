//! A model and points as the solver sees them: free parameters, a triangle, a sum of squares.

use super::data::Data;
use super::options::Plan;
use super::report::Outcome;
use super::solver::Solved;
use super::triangle::{BLOCK, Triangle, dot};
use crate::model::Model;

/// A model, points, and which parameters are free.
pub(super) struct Problem<'a> {
    model: &'a dyn Model,
    data: &'a Data<'a>,
    bounds: &'a [(f64, f64)],
    /// Which of the model's parameters are free.
    free: Vec<usize>,
    /// All parameters, as they were last evaluated.
    parameters: Vec<f64>,
    values: Vec<f64>,
    columns: Vec<f64>,
}

/// The problem at some parameters: the derivatives as a triangle, and the weighted residual sum of squares.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) triangle: Triangle,
    pub(super) rss: f64,
}

impl<'a> Problem<'a> {
    pub(super) fn new(model: &'a dyn Model, data: &'a Data<'a>, plan: &'a Plan, start: Vec<f64>) -> Self {
        let free = (0..start.len()).filter(|&index| plan.fixed[index].is_none()).collect();
        let columns = vec![0.0; BLOCK * (start.len() + 1)];
        Self { model, data, bounds: &plan.bounds, free, parameters: start, values: vec![0.0; BLOCK], columns }
    }

    /// The free parameters.
    pub(super) fn free(&self) -> Vec<f64> {
        self.free.iter().map(|&index| self.parameters[index]).collect()
    }

    /// All parameters, the free ones with these values.
    pub(super) fn all(&mut self, free: &[f64]) -> &[f64] {
        for (&index, &value) in self.free.iter().zip(free) {
            self.parameters[index] = value;
        }
        &self.parameters
    }

    /// The weighted norm of y: the root of the sum of squares.
    pub(super) fn size(&self) -> f64 {
        self.data.y.iter().enumerate().map(|(index, y)| (y * self.data.root(index)).powi(2)).sum::<f64>().sqrt()
    }

    /// The bounds of each free parameter.
    pub(super) fn bounds(&self) -> Vec<(f64, f64)> {
        self.free.iter().map(|&index| self.bounds[index]).collect()
    }

    /// Evaluates all points. None if a value is not finite.
    pub(super) fn at(&mut self, free: &[f64]) -> Option<Local> {
        self.all(free);
        let mut local = Local { triangle: Triangle::new(self.free.len()), rss: 0.0 };
        for from in (0..self.data.len()).step_by(BLOCK) {
            let rows = BLOCK.min(self.data.len() - from);
            self.evaluate(from, rows);
            let block = &mut self.columns[..rows * (self.free.len() + 1)];
            let residuals = &block[rows * self.free.len()..];
            local.rss += dot(residuals, residuals);
            local.triangle.fold(block, rows);
        }
        (local.rss.is_finite() && local.triangle.is_finite()).then_some(local)
    }

    /// Fills the columns: weighted derivatives by the free parameters, then residuals.
    fn evaluate(&mut self, from: usize, rows: usize) {
        let (x, y) = (&self.data.x[from..from + rows], &self.data.y[from..from + rows]);
        let values = &mut self.values[..rows];
        let count = self.parameters.len();
        self.model.jacobian(x, &self.parameters, values, &mut self.columns[..rows * count]);
        for (to, &index) in self.free.iter().enumerate() {
            if to != index {
                self.columns.copy_within(index * rows..(index + 1) * rows, to * rows);
            }
        }
        let behind = rows * self.free.len();
        let residuals = &mut self.columns[behind..behind + rows];
        for (residual, (y, value)) in residuals.iter_mut().zip(y.iter().zip(values)) {
            *residual = y - *value;
        }
        if !self.data.roots.is_empty() {
            let roots = &self.data.roots[from..from + rows];
            for column in self.columns[..behind + rows].chunks_exact_mut(rows) {
                column.iter_mut().zip(roots).for_each(|(cell, root)| *cell *= root);
            }
        }
    }

    /// The report of the fit.
    pub(super) fn into_outcome(mut self, solved: Solved) -> Outcome {
        self.all(&solved.free);
        let Self { parameters, free, .. } = self;
        let at_bound =
            free.iter().copied().zip(solved.at_bound).filter_map(|(index, at)| at.map(|bound| (index, bound)));
        Outcome {
            parameters,
            at_bound: at_bound.collect(),
            free,
            triangle: solved.local.triangle,
            rss: solved.local.rss,
            iterations: solved.iterations,
            ended: solved.ended,
        }
    }
}
