//! The models: what a curve looks like, what its parameters mean, and where a fit of it starts.
//!
//! To add one, write a file with a type that implements [`Model`], and add one line to [`ALL`].

mod bod_first;
mod decay_first;
mod decay_second;
mod decay_zero;
mod freundlich;
mod langmuir;
mod linear;
pub mod start;
mod temkin;

pub use bod_first::BodFirst;
pub use decay_first::DecayFirst;
pub use decay_second::DecaySecond;
pub use decay_zero::DecayZero;
pub use freundlich::Freundlich;
pub use langmuir::Langmuir;
pub use linear::Linear;
pub use temkin::Temkin;

use serde::Serialize;
use start::Points;

/// All models, in the order in which they are offered.
pub const ALL: &[&dyn Model] =
    &[&DecayZero, &DecayFirst, &DecaySecond, &BodFirst, &Langmuir, &Freundlich, &Linear, &Temkin];

/// The schema of their ids.
pub fn id_schema() -> utoipa::openapi::Schema {
    let ids = ALL.iter().map(|model| model.id());
    utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String).enum_values(Some(ids)).into()
}

/// The model with this id.
pub fn find(id: &str) -> Option<&'static dyn Model> {
    ALL.iter().copied().find(|model| model.id() == id)
}

/// A parameter of a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parameter {
    /// The name, as in the formula.
    pub name: &'static str,
    /// The name for people.
    pub label: &'static str,
    /// How its unit follows from those of x and y, such as `1/x` or `y`; `1` for a bare number.
    pub unit: &'static str,
    /// The least value that makes sense; minus infinity if there is none.
    pub lower: f64,
    /// The greatest value that makes sense; infinity if there is none.
    pub upper: f64,
}

impl Parameter {
    /// The unit, given those of x and y: `1/x` is `1/h` where x is in hours. Empty for a bare number.
    pub fn unit_for(&self, x: &str, y: &str) -> String {
        if self.unit == "1" {
            return String::new();
        }
        let is_alone = self.unit.len() == 1;
        let put = |unit: &str| {
            let is_compound = !is_alone && unit.contains(['/', '*', ' ', '·']);
            if is_compound { format!("({unit})") } else { unit.to_owned() }
        };
        let of = |c: char| match c {
            'x' => put(x),
            'y' => put(y),
            other => other.to_string(),
        };
        self.unit.chars().map(of).collect()
    }
}

/// A curve y = f(x) with parameters.
///
/// Slices of parameters are as long as [`Model::parameters`] and in its order. No function may panic; a value that does
/// not exist is NaN.
pub trait Model: Send + Sync {
    /// The id, in snake case.
    fn id(&self) -> &'static str;

    /// The name for people.
    fn label(&self) -> &'static str;

    /// The formula as text.
    fn formula(&self) -> &'static str;

    /// The parameters.
    fn parameters(&self) -> &'static [Parameter];

    /// The curve at `x`.
    fn value(&self, x: f64, parameters: &[f64]) -> f64;

    /// Writes the derivatives of the curve at `x` with respect to each parameter, and gives the curve's value there.
    fn gradient(&self, x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64;

    /// Starting values, found from the points alone. None if the points are of no use for that.
    fn start(&self, points: &Points) -> Option<Vec<f64>>;

    /// Whether the model is defined at this point. A point at which it is not is left out and counted.
    fn is_usable(&self, x: f64, y: f64) -> bool {
        let _ = (x, y);
        true
    }

    /// What [`Model::is_usable`] asks for, in words such as `x above 0`.
    fn needs(&self) -> &'static str {
        "finite numbers"
    }

    /// The curve and its derivatives at many points: `values` is as long as `x`, and `columns` has one column of that
    /// length for each parameter, one behind the other. As it stands it asks [`Model::gradient`] point by point; that
    /// call is one that the compiler can see through, which is what makes a million points quick.
    fn jacobian(&self, x: &[f64], parameters: &[f64], values: &mut [f64], columns: &mut [f64]) {
        let rows = x.len();
        let mut derivatives = vec![0.0; parameters.len()];
        for (row, (&x, value)) in x.iter().zip(values).enumerate() {
            *value = self.gradient(x, parameters, &mut derivatives);
            for (column, &derivative) in columns.chunks_exact_mut(rows.max(1)).zip(&derivatives) {
                column[row] = derivative;
            }
        }
    }
}

/// The start of a slice of parameters or derivatives as an array. Zeros stand in for what is missing, so that a slice
/// of the wrong length is a wrong answer and never a panic.
#[inline]
fn two(parameters: &[f64]) -> [f64; 2] {
    match parameters {
        [first, second, ..] => [*first, *second],
        _ => [0.0; 2],
    }
}

#[inline]
fn put<const N: usize>(derivatives: &mut [f64], values: [f64; N]) {
    for (derivative, value) in derivatives.iter_mut().zip(values) {
        *derivative = value;
    }
}

#[cfg(test)]
mod tests;
