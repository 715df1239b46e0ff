//! NIST's models that are not ours, with crude starting values found from the points.

use chemistry::model::start::Points;
use chemistry::model::{Model, Parameter};

const fn free(name: &'static str) -> Parameter {
    Parameter { name, label: name, unit: "1", lower: f64::NEG_INFINITY, upper: f64::INFINITY }
}

/// Coefficients of the columns that come closest to the last one, by normal equations: crude, and good enough to start.
fn least_squares<const N: usize>(rows: impl Iterator<Item = ([f64; N], f64)>) -> [f64; N] {
    let mut matrix = vec![[0.0; N]; N];
    let mut right = [0.0; N];
    for (row, value) in rows {
        for i in 0..N {
            right[i] += row[i] * value;
            (0..N).for_each(|j| matrix[i][j] += row[i] * row[j]);
        }
    }
    for pivot in 0..N {
        let largest = (pivot..N).max_by(|&a, &b| matrix[a][pivot].abs().total_cmp(&matrix[b][pivot].abs())).unwrap();
        matrix.swap(pivot, largest);
        right.swap(pivot, largest);
        for i in (0..N).filter(|&i| i != pivot) {
            let factor = matrix[i][pivot] / matrix[pivot][pivot];
            let from = matrix[pivot];
            (0..N).for_each(|j| matrix[i][j] -= factor * from[j]);
            right[i] -= factor * right[pivot];
        }
    }
    std::array::from_fn(|i| right[i] / matrix[i][i])
}

/// Of some starts the one whose curve is closest.
fn closest(model: &dyn Model, points: &Points, starts: impl Iterator<Item = Vec<f64>>) -> Option<Vec<f64>> {
    let rss = |start: &Vec<f64>| points.iter().map(|(x, y, _)| (y - model.value(x, start)).powi(2)).sum::<f64>();
    starts
        .map(|start| (rss(&start), start))
        .filter(|(rss, _)| rss.is_finite())
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, start)| start)
}

macro_rules! named {
    ($id:literal, $formula:literal, $($name:literal),*) => {
        fn id(&self) -> &'static str {
            $id
        }
        fn label(&self) -> &'static str {
            $id
        }
        fn formula(&self) -> &'static str {
            $formula
        }
        fn parameters(&self) -> &'static [Parameter] {
            const { &[$(free($name)),*] }
        }
        fn value(&self, x: f64, parameters: &[f64]) -> f64 {
            self.gradient(x, parameters, &mut vec![0.0; parameters.len()])
        }
    };
}

/// Chwirut1 and 2.
pub(crate) struct Chwirut;

impl Model for Chwirut {
    named!("chwirut", "y = exp(-b1 x)/(b2 + b3 x)", "b1", "b2", "b3");

    fn gradient(&self, x: f64, b: &[f64], derivatives: &mut [f64]) -> f64 {
        let below = b[1] + b[2] * x;
        let value = (-b[0] * x).exp() / below;
        derivatives.copy_from_slice(&[-x * value, -value / below, -x * value / below]);
        value
    }

    /// exp(-b1 x)/y is a straight line.
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let tried = (0..20).map(|step| 0.02 * f64::from(step)).map(|b1| {
            let rows = points.iter().map(|(x, y, _)| ([y, x * y], (-b1 * x).exp()));
            let [b2, b3] = least_squares(rows);
            vec![b1, b2, b3]
        });
        closest(self, points, tried)
    }
}

/// Thurber.
pub(crate) struct Thurber;

impl Model for Thurber {
    named!(
        "thurber",
        "y = (b1 + b2 x + b3 x^2 + b4 x^3)/(1 + b5 x + b6 x^2 + b7 x^3)",
        "b1",
        "b2",
        "b3",
        "b4",
        "b5",
        "b6",
        "b7"
    );

    fn gradient(&self, x: f64, b: &[f64], derivatives: &mut [f64]) -> f64 {
        let powers = [1.0, x, x * x, x * x * x];
        let above: f64 = powers.iter().zip(&b[..4]).map(|(power, b)| power * b).sum();
        let below = 1.0 + powers[1..].iter().zip(&b[4..]).map(|(power, b)| power * b).sum::<f64>();
        let value = above / below;
        for (derivative, power) in derivatives.iter_mut().zip(powers) {
            *derivative = power / below;
        }
        for (derivative, power) in derivatives[4..].iter_mut().zip(&powers[1..]) {
            *derivative = -power * value / below;
        }
        value
    }

    /// Multiplied by what is below, it is linear in all parameters.
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let row = |x: f64, y: f64| [1.0, x, x * x, x * x * x, -x * y, -x * x * y, -x * x * x * y];
        Some(least_squares(points.iter().map(|(x, y, _)| (row(x, y), y))).to_vec())
    }
}

/// MGH09.
pub(crate) struct Mgh09;

impl Model for Mgh09 {
    named!("mgh09", "y = b1 (x^2 + b2 x)/(x^2 + b3 x + b4)", "b1", "b2", "b3", "b4");

    fn gradient(&self, x: f64, b: &[f64], derivatives: &mut [f64]) -> f64 {
        let (above, below) = (x * x + b[1] * x, x * x + b[2] * x + b[3]);
        let value = b[0] * above / below;
        derivatives.copy_from_slice(&[above / below, b[0] * x / below, -value * x / below, -value / below]);
        value
    }

    /// As Thurber's.
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let rows = points.iter().map(|(x, y, _)| ([x * x, x, -x * y, -y], x * x * y));
        let [b1, b12, b3, b4] = least_squares(rows);
        Some(vec![b1, b12 / b1, b3, b4])
    }
}

/// MGH10.
pub(crate) struct Mgh10;

impl Model for Mgh10 {
    named!("mgh10", "y = b1 exp(b2/(x + b3))", "b1", "b2", "b3");

    fn gradient(&self, x: f64, b: &[f64], derivatives: &mut [f64]) -> f64 {
        let below = x + b[2];
        let power = (b[1] / below).exp();
        let value = b[0] * power;
        derivatives.copy_from_slice(&[power, value / below, -value * b[1] / (below * below)]);
        value
    }

    /// ln y is a straight line on 1/(x + b3).
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let tried = (0..12).map(|step| 10.0 * 2f64.powi(step)).filter_map(|b3| {
            let (intercept, slope) = points.straight(|x, y| (1.0 / (x + b3), y.ln()))?;
            Some(vec![intercept.exp(), slope, b3])
        });
        closest(self, points, tried)
    }
}

/// Rat43.
pub(crate) struct Rat43;

impl Model for Rat43 {
    named!("rat43", "y = b1/(1 + exp(b2 - b3 x))^(1/b4)", "b1", "b2", "b3", "b4");

    fn gradient(&self, x: f64, b: &[f64], derivatives: &mut [f64]) -> f64 {
        let power = (b[1] - b[2] * x).exp();
        let below = 1.0 + power;
        let share = below.powf(-1.0 / b[3]);
        let value = b[0] * share;
        let inner = -value * power / (below * b[3]);
        derivatives.copy_from_slice(&[share, inner, -x * inner, value * below.ln() / (b[3] * b[3])]);
        value
    }

    /// ln((b1/y)^b4 - 1) is a straight line.
    fn start(&self, points: &Points) -> Option<Vec<f64>> {
        let most = points.y.iter().fold(0.0, |a: f64, &b| a.max(b));
        let tried = [0.5, 1.0, 2.0].into_iter().filter_map(|b4| {
            let b1 = 1.02 * most;
            let (intercept, slope) = points.straight(|x, y| (x, ((b1 / y).powf(b4) - 1.0).ln()))?;
            Some(vec![b1, intercept, -slope, b4])
        });
        closest(self, points, tried)
    }
}
