//! Prints a fit for people.

use crate::outcome::Outcome;
use crate::terminal::{coloured, say};
use chemistry::Fit;
use chemistry::fit::{CurvePoint, Form};
use chemistry::model;
use std::fmt::Write;

/// Prints parameters with their errors, the quality of the fit, and warnings.
pub(super) fn print(fit: &Fit, [x, y]: [&str; 2]) {
    let line = match &fit.form {
        Form::Nonlinear => String::new(),
        Form::Linearised(line) => format!(", as the straight line of {}", line.formula),
    };
    say(format_args!("{}: {}{line}", fit.model, fit.formula));
    let units = model::find(fit.model).map_or(&[][..], |model| model.parameters());
    for estimate in &fit.parameters {
        let unit =
            units.iter().find(|parameter| parameter.name == estimate.name).map(|parameter| parameter.unit_for(x, y));
        let unit = unit.filter(|unit| !unit.is_empty()).map_or_else(String::new, |unit| format!(" {unit}"));
        let error = match (estimate.standard_error, estimate.lower_95, estimate.upper_95) {
            _ if estimate.fixed => "held".into(),
            (Some(error), Some(lower), Some(upper)) => {
                format!("± {} (95 %: {} to {})", number(error), number(lower), number(upper))
            }
            (Some(error), ..) => format!("± {}", number(error)),
            _ => "no standard error".into(),
        };
        say(format_args!("  {:4} = {}{unit} {error}  {}", estimate.name, number(estimate.value), estimate.label));
    }
    let some = |value: Option<f64>| value.map_or_else(|| "none".into(), number);
    say(format_args!(
        "  {} points, R2 {}, residual standard deviation {}, sum of squares {}, AICc {}",
        fit.points,
        some(fit.r_squared),
        some(fit.residual_sd),
        number(fit.rss),
        some(fit.aicc),
    ));
    for warning in &fit.warnings {
        say(format_args!("  {} {warning}", coloured(Outcome::Insufficient, "warning:")));
    }
}

/// The curve as CSV.
pub(super) fn curve(points: &[CurvePoint]) -> String {
    let mut text = String::from("x,y,lower_95,upper_95\n");
    let some = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for point in points {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{},{},{},{}", point.x, point.y, some(point.lower_95), some(point.upper_95));
    }
    text
}

/// Seven digits: more than any measurement has.
fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return format!("{value:.6e}");
    }
    let digits = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let text = format!("{value:.*}", (6 - digits).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_digits() {
        let of = |value: f64| number(value);
        assert_eq!(
            (of(0.54723748542), of(213.80940889), of(0.0), of(100.0)),
            ("0.5472375".into(), "213.8094".into(), "0".into(), "100".into())
        );
        assert_eq!((of(5.5015643181e-5), of(-2e8)), ("5.501564e-5".into(), "-2.000000e8".into()));
    }
}
