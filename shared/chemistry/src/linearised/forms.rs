//! The forms.

use super::LinearForm;
use crate::model::{DecayFirst, DecaySecond, Freundlich, Langmuir, Model};

/// Langmuir as c/q on c (Hanes and Woolf): slope 1/Q, intercept 1/(Q K).
#[derive(Debug, Clone, Copy)]
pub struct LangmuirLinear;

impl LinearForm for LangmuirLinear {
    fn id(&self) -> &'static str {
        "langmuir_linear"
    }

    fn label(&self) -> &'static str {
        "Langmuir isotherm, c/q on c"
    }

    fn formula(&self) -> &'static str {
        "c/q = 1/(Q K) + c/Q"
    }

    fn model(&self) -> &'static dyn Model {
        &Langmuir
    }

    fn is_usable(&self, x: f64, y: f64) -> bool {
        x > 0.0 && y > 0.0
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x, x / y)
    }

    fn parameters(&self, intercept: f64, slope: f64) -> ([f64; 2], [[f64; 2]; 2]) {
        let of_affinity = [-slope / (intercept * intercept), 1.0 / intercept];
        ([1.0 / slope, slope / intercept], [[0.0, -1.0 / (slope * slope)], of_affinity])
    }
}

/// Freundlich as ln q on ln c: slope 1/n, intercept ln K.
#[derive(Debug, Clone, Copy)]
pub struct FreundlichLinear;

impl LinearForm for FreundlichLinear {
    fn id(&self) -> &'static str {
        "freundlich_linear"
    }

    fn label(&self) -> &'static str {
        "Freundlich isotherm, ln q on ln c"
    }

    fn formula(&self) -> &'static str {
        "ln q = ln K + ln(c)/n"
    }

    fn model(&self) -> &'static dyn Model {
        &Freundlich
    }

    fn is_usable(&self, x: f64, y: f64) -> bool {
        x > 0.0 && y > 0.0
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x.ln(), y.ln())
    }

    fn parameters(&self, intercept: f64, slope: f64) -> ([f64; 2], [[f64; 2]; 2]) {
        let constant = intercept.exp();
        ([constant, 1.0 / slope], [[constant, 0.0], [0.0, -1.0 / (slope * slope)]])
    }
}

/// First-order decay as ln C on t: slope -k, intercept ln C0.
#[derive(Debug, Clone, Copy)]
pub struct DecayFirstLinear;

impl LinearForm for DecayFirstLinear {
    fn id(&self) -> &'static str {
        "decay_first_linear"
    }

    fn label(&self) -> &'static str {
        "First-order decay, ln C on t"
    }

    fn formula(&self) -> &'static str {
        "ln C = ln C0 - k t"
    }

    fn model(&self) -> &'static dyn Model {
        &DecayFirst
    }

    fn is_usable(&self, _: f64, y: f64) -> bool {
        y > 0.0
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x, y.ln())
    }

    fn parameters(&self, intercept: f64, slope: f64) -> ([f64; 2], [[f64; 2]; 2]) {
        let initial = intercept.exp();
        ([initial, -slope], [[initial, 0.0], [0.0, -1.0]])
    }
}

/// Second-order decay as 1/C on t: slope k, intercept 1/C0.
#[derive(Debug, Clone, Copy)]
pub struct DecaySecondLinear;

impl LinearForm for DecaySecondLinear {
    fn id(&self) -> &'static str {
        "decay_second_linear"
    }

    fn label(&self) -> &'static str {
        "Second-order decay, 1/C on t"
    }

    fn formula(&self) -> &'static str {
        "1/C = 1/C0 + k t"
    }

    fn model(&self) -> &'static dyn Model {
        &DecaySecond
    }

    fn is_usable(&self, _: f64, y: f64) -> bool {
        y > 0.0
    }

    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (x, 1.0 / y)
    }

    fn parameters(&self, intercept: f64, slope: f64) -> ([f64; 2], [[f64; 2]; 2]) {
        ([1.0 / intercept, slope], [[-1.0 / (intercept * intercept), 0.0], [0.0, 1.0]])
    }
}
