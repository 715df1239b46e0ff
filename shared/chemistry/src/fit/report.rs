//! Turns the end of the solver into a report.

use super::data::Data;
use super::statistics::student_t;
use super::triangle::Triangle;
use super::{Bound, Ended, Estimate, Fit, Form, LeftOut, Warning};
use crate::model::Model;

/// Above this condition number, of normalised columns, the parameters are practically dependent.
const WORST_CONDITION: f64 = 1e10;
/// Correlations above it are reported.
const CLOSE: f64 = 0.99;
/// Residuals below this share of y are rounding.
const ROUNDING: f64 = 1e-12;

/// Where a fit has ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(super) parameters: Vec<f64>,
    pub(super) at_bound: Vec<(usize, Bound)>,
    pub(super) free: Vec<usize>,
    pub(super) triangle: Triangle,
    pub(super) rss: f64,
    pub(super) iterations: usize,
    pub(super) ended: Ended,
}

/// The inputs of a report.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) parameters: Vec<f64>,
    pub(crate) at_bound: Vec<(usize, Bound)>,
    pub(crate) free: Vec<usize>,
    /// Of all parameters; `None` if undetermined.
    pub(crate) covariance: Option<Vec<Vec<f64>>>,
    pub(crate) rss: f64,
    pub(crate) iterations: usize,
    pub(crate) ended: Ended,
    pub(crate) form: Form,
    pub(crate) is_identifiable: bool,
}

/// The report of a nonlinear fit.
pub(crate) fn report(model: &dyn Model, data: &Data, outcome: Outcome) -> Fit {
    let sure: Vec<usize> = (0..outcome.free.len())
        .filter(|&index| outcome.at_bound.iter().all(|(bound, _)| *bound != outcome.free[index]))
        .collect();
    let inverse = inverse(&outcome.triangle.of_columns(&sure, outcome.triangle.right()));
    let freedom = data.len().saturating_sub(outcome.free.len());
    let covariance = inverse.as_ref().filter(|_| freedom > 0).map(|inverse| {
        let variance = outcome.rss / freedom as f64;
        let size = outcome.parameters.len();
        let mut covariance = vec![vec![0.0; size]; size];
        for (a, row) in sure.iter().zip(inverse) {
            for (b, row_b) in sure.iter().zip(inverse) {
                let sum: f64 = row.iter().zip(row_b).map(|(a, b)| a * b).sum();
                covariance[outcome.free[*a]][outcome.free[*b]] = variance * sum;
            }
        }
        covariance
    });
    let covariance = covariance.filter(|matrix| matrix.iter().flatten().all(|cell| cell.is_finite()));
    let ends = Ends {
        parameters: outcome.parameters,
        at_bound: outcome.at_bound,
        free: outcome.free,
        covariance,
        rss: outcome.rss,
        iterations: outcome.iterations,
        ended: outcome.ended,
        form: Form::Nonlinear,
        is_identifiable: inverse.is_some(),
    };
    assemble(model, data, ends)
}

/// The rows of the triangle's inverse. None if it is singular or nearly so.
fn inverse(triangle: &Triangle) -> Option<Vec<Vec<f64>>> {
    let size = triangle.size();
    let norms = triangle.norms();
    let mut rows = vec![vec![0.0; size]; size];
    for column in 0..size {
        let mut unit = vec![0.0; size];
        unit[column] = 1.0;
        for (row, value) in rows.iter_mut().zip(triangle.solve(&unit)?) {
            row[column] = value;
        }
    }
    let scaled = rows.iter().zip(&norms).map(|(row, norm)| row.iter().map(|cell| (cell * norm).powi(2)).sum::<f64>());
    let condition = (scaled.sum::<f64>() * size as f64).sqrt();
    (size == 0 || condition < WORST_CONDITION).then_some(rows)
}

/// The whole report of a fit.
pub(crate) fn assemble(model: &dyn Model, data: &Data, ends: Ends) -> Fit {
    let freedom = data.len().saturating_sub(ends.free.len());
    let numbers = Numbers::of(data, ends.rss, ends.free.len());
    let correlation = ends.covariance.as_deref().map(correlation);
    let t = student_t(0.95, freedom);
    let estimate = |(index, parameter): (usize, &crate::model::Parameter)| {
        let value = ends.parameters[index];
        let at_bound = ends.at_bound.iter().find(|(at, _)| *at == index).map(|(_, bound)| *bound);
        let fixed = !ends.free.contains(&index);
        let variance =
            ends.covariance.as_ref().filter(|_| !fixed && at_bound.is_none()).map(|matrix| matrix[index][index]);
        let standard_error = variance.map(f64::sqrt);
        let half = standard_error.zip(t).map(|(error, t)| error * t);
        Estimate {
            name: parameter.name,
            label: parameter.label,
            unit: parameter.unit,
            value,
            standard_error,
            lower_95: half.map(|half| value - half),
            upper_95: half.map(|half| value + half),
            at_bound,
            fixed,
        }
    };
    let mut fit = Fit {
        model: model.id(),
        formula: model.formula(),
        form: ends.form,
        parameters: model.parameters().iter().enumerate().map(estimate).collect(),
        correlation,
        residuals: residuals(model, data, &ends.parameters),
        r_squared: numbers.r_squared,
        adjusted_r_squared: numbers.adjusted_r_squared,
        rss: ends.rss,
        residual_sd: (freedom > 0).then(|| (ends.rss / freedom as f64).sqrt()),
        aic: numbers.aic,
        aicc: numbers.aicc,
        bic: numbers.bic,
        degrees_of_freedom: freedom,
        iterations: ends.iterations,
        points: data.len(),
        points_left_out: data.given - data.len(),
        left_out: data.left_out.clone(),
        ended: ends.ended,
        warnings: Vec::new(),
        covariance: ends.covariance,
    };
    fit.warnings = warnings(&fit, model.needs(), ends.is_identifiable, numbers.is_perfect);
    fit
}

fn warnings(fit: &Fit, needs: &'static str, is_identifiable: bool, is_perfect: bool) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if matches!(fit.ended, Ended::MaxIterations | Ended::NoProgress) {
        warnings.push(Warning::DidNotConverge { ended: fit.ended, iterations: fit.iterations });
    }
    if !is_identifiable {
        warnings.push(Warning::NotIdentifiable);
    }
    let fitted = fit.parameters.iter().filter(|parameter| !parameter.fixed).count();
    if fit.points <= fitted {
        warnings.push(Warning::TooFewPoints { points: fit.points, parameters: fitted });
    }
    if is_perfect {
        warnings.push(Warning::PerfectFit);
    }
    for (parameter, bound) in fit.parameters.iter().filter_map(|p| p.at_bound.map(|bound| (p.name, bound))) {
        warnings.push(Warning::AtBound { parameter, bound });
    }
    for (row, cells) in fit.correlation.iter().flatten().enumerate() {
        for (column, &correlation) in cells.iter().enumerate().skip(row + 1).filter(|(_, cell)| cell.abs() > CLOSE) {
            let (first, second) = (fit.parameters[row].name, fit.parameters[column].name);
            warnings.push(Warning::Correlated { first, second, correlation });
        }
    }
    warnings.extend(fit.left_out.iter().map(|&LeftOut { reason, count }| Warning::LeftOut { count, reason, needs }));
    warnings
}

/// y less the curve for all points given, NaN for those left out.
fn residuals(model: &dyn Model, data: &Data, parameters: &[f64]) -> Vec<f64> {
    let residual = |(&x, &y): (&f64, &f64)| y - model.value(x, parameters);
    let used = data.x.iter().zip(&*data.y).map(residual);
    let Some(indices) = &data.used else { return used.collect() };
    let mut all = vec![f64::NAN; data.given];
    for (&index, residual) in indices.iter().zip(used) {
        all[index] = residual;
    }
    all
}

/// Correlations from covariances; zero if a parameter has no error.
fn correlation(covariance: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let deviation = |index: usize| covariance[index][index].sqrt();
    let cell = |row: usize, column: usize| {
        let correlation = covariance[row][column] / deviation(row) / deviation(column);
        if correlation.is_finite() { correlation.clamp(-1.0, 1.0) } else { 0.0 }
    };
    (0..covariance.len()).map(|row| (0..covariance.len()).map(|column| cell(row, column)).collect()).collect()
}

/// How well the curve fits as a whole.
struct Numbers {
    r_squared: Option<f64>,
    adjusted_r_squared: Option<f64>,
    aic: Option<f64>,
    aicc: Option<f64>,
    bic: Option<f64>,
    is_perfect: bool,
}

impl Numbers {
    fn of(data: &Data, rss: f64, fitted: usize) -> Self {
        let weighted = || data.y.iter().enumerate().map(|(index, &y)| (y, data.root(index).powi(2)));
        let total: f64 = weighted().map(|(_, weight)| weight).sum();
        let mean: f64 = weighted().map(|(y, weight)| y * (weight / total)).sum();
        let (scatter, size) = weighted().fold((0.0, 0.0), |(scatter, size), (y, weight)| {
            (scatter + weight * (y - mean).powi(2), size + weight * y * y)
        });
        let finite = |value: f64| value.is_finite().then_some(value);
        let (n, k) = (data.len() as f64, (fitted + 1) as f64);
        let r_squared = finite(1.0 - rss / scatter);
        let logs: f64 = data.roots.iter().map(|root| 2.0 * root.ln()).sum();
        let minus_two_log = n * ((2.0 * std::f64::consts::PI).ln() + 1.0 + (rss / n).ln()) - logs;
        let small = 2.0 * k * (k + 1.0) / (n - k - 1.0);
        Self {
            r_squared,
            adjusted_r_squared: r_squared.and_then(|r| finite(1.0 - (1.0 - r) * (n - 1.0) / (n - fitted as f64))),
            aic: finite(minus_two_log + 2.0 * k),
            aicc: if n > k + 1.0 { finite(minus_two_log + 2.0 * k + small) } else { None },
            bic: finite(minus_two_log + k * n.ln()),
            is_perfect: rss <= ROUNDING * ROUNDING * size,
        }
    }
}
