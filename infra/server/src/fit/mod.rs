//! `owsc fit`: fits decay kinetics and sorption isotherms to a file or to a server's series.

mod plot;
mod points;
mod shown;

use crate::outcome::Outcome;
use crate::remote::{Address, Remote};
use crate::terminal;
use anyhow::Context;
use chemistry::fit::Setting;
use chemistry::question::{Points, Question, Weighting};
use clap::{Args, ValueEnum};
use points::{Columns, Wanted};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Options of `owsc fit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = MODELS)]
pub struct FitCommand {
    /// The file: CSV with a header; - is standard input
    #[arg(required_unless_present = "parameter")]
    file: Option<PathBuf>,
    /// The model, by its name
    #[arg(long)]
    model: String,
    /// Fit the straight line of textbooks instead of the curve
    #[arg(long)]
    linear: bool,
    /// The column of x, by name or number; otherwise the column x, or the first
    #[arg(long, value_name = "COLUMN")]
    x: Option<String>,
    /// The column of y; otherwise the column y, or the second
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// The column with the standard deviation of each point
    #[arg(long, value_name = "COLUMN", conflicts_with = "weights")]
    sigma: Option<String>,
    /// How points are weighted
    #[arg(long, value_enum, default_value = "none")]
    weights: WeightsOption,
    /// A starting value instead of the model's own: k=0.1
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    start: Vec<(String, f64)>,
    /// A parameter that is held constant: C0=10
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    fix: Vec<(String, f64)>,
    /// The range of a parameter: k=0:10
    #[arg(long, value_name = "NAME=LOWER:UPPER", value_parser = between)]
    bounds: Vec<(String, f64, f64)>,
    /// The unit of x, from which those of the parameters follow
    #[arg(long, default_value = "x")]
    x_unit: String,
    /// The unit of y
    #[arg(long, default_value = "y")]
    y_unit: String,
    /// Instead of a file, a server's series: the parameter that was measured. x is hours since its first reading
    #[arg(long, conflicts_with_all = ["file", "x", "y", "sigma"])]
    parameter: Option<String>,
    /// The outfall of the series
    #[arg(long, default_value = "001", requires = "parameter")]
    outfall: String,
    /// The site of the series
    #[arg(long, default_value = "default", requires = "parameter")]
    site: String,
    /// The first time of the series to use
    #[arg(long, requires = "parameter")]
    from: Option<String>,
    /// The last time of the series to use
    #[arg(long, requires = "parameter")]
    to: Option<String>,
    #[command(flatten)]
    address: Address,
    /// Draw points, curve, 95 % band and residuals into a file, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write the curve with its band into a file, as CSV
    #[arg(long, value_name = "FILE")]
    curve: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

const MODELS: &str = "Models:
  decay_zero    C = C0 - k t            langmuir    q = Q K c / (1 + K c)
  decay_first   C = C0 exp(-k t)        freundlich  q = K c^(1/n)
  decay_second  C = C0 / (1 + k C0 t)   linear      q = Kd c
  bod_first     y = L0 (1 - exp(-k t))  temkin      q = B ln(A c)

Ends with 0 if there is a fit, which may have warnings, and with 3 if there is none.";

/// How points are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WeightsOption {
    /// All the same
    None,
    /// Errors grow with the root of y
    InverseY,
    /// Errors are a share of y
    InverseYSquared,
}

/// Fits a file or a series, and shows the result.
pub(crate) async fn run(options: &FitCommand) -> anyhow::Result<Outcome> {
    let question = question(options);
    question.check()?;
    let (points, names) = points(options).await?;
    let fit = question.answer(&points, &mut |_| ControlFlow::Continue(()))?;
    let curve = fit.curve_over(&points.x);
    if let Some(path) = &options.curve {
        std::fs::write(path, shown::curve(&curve)).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Some(path) = &options.plot {
        plot::draw(path, &fit, (&points, &names), &curve)?;
    }
    if options.json {
        terminal::print_json(&json!(fit))?;
    } else {
        shown::print(&fit, [&options.x_unit, &options.y_unit]);
    }
    Ok(Outcome::Compliant)
}

async fn points(options: &FitCommand) -> anyhow::Result<(Points, [String; 2])> {
    if let Some(file) = &options.file {
        let columns = Columns { x: options.x.as_deref(), y: options.y.as_deref(), sigma: options.sigma.as_deref() };
        return points::of_file(file, &columns);
    }
    let parameter = options.parameter.as_deref().unwrap_or_default();
    let wanted = Wanted {
        site: &options.site,
        outfall: &options.outfall,
        parameter,
        from: options.from.as_deref(),
        to: options.to.as_deref(),
    };
    points::of_series(&Remote::new(&options.address)?, &wanted).await
}

/// The request, from the options.
fn question(options: &FitCommand) -> Question {
    let mut parameters = BTreeMap::<String, Setting>::new();
    let mut set = |name: &String, change: &dyn Fn(&mut Setting)| change(parameters.entry(name.clone()).or_default());
    options.start.iter().for_each(|(name, value)| set(name, &|setting| setting.start = Some(*value)));
    options.fix.iter().for_each(|(name, value)| set(name, &|setting| setting.fixed = Some(*value)));
    options.bounds.iter().for_each(|(name, lower, upper)| {
        set(name, &|setting| (setting.lower, setting.upper) = (Some(*lower), Some(*upper)));
    });
    let weights = match options.weights {
        WeightsOption::None => Weighting::None,
        WeightsOption::InverseY => Weighting::InverseY,
        WeightsOption::InverseYSquared => Weighting::InverseYSquared,
    };
    Question { model: options.model.clone(), linear: options.linear, weights, parameters }
}

fn named(text: &str) -> Result<(String, f64), String> {
    let expected = || "NAME=VALUE is expected, such as k=0.1".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(expected)?;
    Ok((name.trim().to_owned(), value.trim().parse().map_err(|_| expected())?))
}

fn between(text: &str) -> Result<(String, f64, f64), String> {
    let expected = || "NAME=LOWER:UPPER is expected, such as k=0:10".to_owned();
    let (name, bounds) = text.split_once('=').ok_or_else(expected)?;
    let (lower, upper) = bounds.split_once(':').ok_or_else(expected)?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| expected());
    Ok((name.trim().to_owned(), number(lower)?, number(upper)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_model() {
        assert!(chemistry::model::ALL.iter().all(|model| MODELS.contains(model.id())));
    }

    #[test]
    fn what_is_asked_of_parameters_is_read() {
        assert_eq!(named("k=0.1"), Ok(("k".into(), 0.1)));
        assert_eq!(between(" k = 0 : 1e3"), Ok(("k".into(), 0.0, 1000.0)));
        assert!(named("k").is_err() && named("k=x").is_err() && between("k=1").is_err() && between("k=1:x").is_err());
    }
}
