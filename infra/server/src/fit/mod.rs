//! `owsc fit`: decay kinetics and sorption isotherms, of a file or of a series of a server.

mod plot;
mod points;
mod shown;

use crate::outcome::Outcome;
use crate::remote::{Address, Remote};
use crate::terminal;
use anyhow::{Context, bail, ensure};
use chemistry::fit::{CurvePoint, Setting, Weights};
use chemistry::{Fit, Options, linearised, model};
use clap::{Args, ValueEnum};
use points::{Columns, Points, Wanted};
use serde_json::json;
use std::path::PathBuf;

/// Places of the curve that are drawn and written.
const PLACES: usize = 200;

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
    /// Fit the straight line of textbooks in place of the curve
    #[arg(long)]
    linear: bool,
    /// The column of x, by name or number; else x, or the first
    #[arg(long, value_name = "COLUMN")]
    x: Option<String>,
    /// The column of y; else y, or the second
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// The column with the standard deviation of each point
    #[arg(long, value_name = "COLUMN", conflicts_with = "weights")]
    sigma: Option<String>,
    /// How points are weighted
    #[arg(long, value_enum, default_value = "none")]
    weights: Weighting,
    /// A starting value in place of the model's own: k=0.1
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    start: Vec<(String, f64)>,
    /// A parameter that is held: C0=10
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    fix: Vec<(String, f64)>,
    /// Between which values a parameter may be: k=0:10
    #[arg(long, value_name = "NAME=LOWER:UPPER", value_parser = between)]
    bounds: Vec<(String, f64, f64)>,
    /// The unit of x, for those of the parameters
    #[arg(long, default_value = "x")]
    x_unit: String,
    /// The unit of y
    #[arg(long, default_value = "y")]
    y_unit: String,
    /// In place of a file, the series of a server: what was measured. x is hours since its first reading
    #[arg(long, conflicts_with_all = ["file", "x", "y", "sigma"])]
    parameter: Option<String>,
    /// Where it was measured
    #[arg(long, default_value = "001", requires = "parameter")]
    outfall: String,
    /// The site of the series
    #[arg(long, default_value = "default", requires = "parameter")]
    site: String,
    /// The first time of the series that counts
    #[arg(long, requires = "parameter")]
    from: Option<String>,
    /// The last
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
enum Weighting {
    /// All alike
    None,
    /// Errors grow with the root of y
    InverseY,
    /// Errors are a share of y
    InverseYSquared,
}

/// Fits.
pub(crate) async fn run(options: &FitCommand) -> anyhow::Result<Outcome> {
    let points = points(options).await?;
    let fit = fitted(options, &points)?;
    let curve = curve(&fit, &points);
    if let Some(path) = &options.curve {
        std::fs::write(path, shown::curve(&curve)).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if let Some(path) = &options.plot {
        plot::draw(path, &fit, &points, &curve)?;
    }
    if options.json {
        terminal::print_json(&json!(fit))?;
    } else {
        shown::print(&fit, [&options.x_unit, &options.y_unit]);
    }
    Ok(Outcome::Compliant)
}

async fn points(options: &FitCommand) -> anyhow::Result<Points> {
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

fn fitted(options: &FitCommand, points: &Points) -> anyhow::Result<Fit> {
    let known = model::ALL.iter().map(|model| model.id()).collect::<Vec<_>>().join(", ");
    let model = model::find(&options.model)
        .with_context(|| format!("there is no model {:?}; there are {known}", options.model))?;
    if options.linear {
        let form = linearised::ALL.iter().find(|form| form.model().id() == model.id());
        let Some(form) = form else { bail!("{} is not drawn as a straight line", model.label()) };
        let plain =
            options.start.is_empty() && options.fix.is_empty() && options.bounds.is_empty() && options.sigma.is_none();
        ensure!(
            plain && options.weights == Weighting::None,
            "a straight line takes no weights, starting values or bounds"
        );
        return Ok(linearised::fit_linearised(*form, &points.x, &points.y)?);
    }
    Ok(chemistry::fit(model, &points.x, &points.y, &asked(options, points))?)
}

fn asked(options: &FitCommand, points: &Points) -> Options {
    let weights = match (&points.sigma, options.weights) {
        (Some(sigma), _) => Weights::Sigma(sigma.clone()),
        (None, Weighting::None) => Weights::None,
        (None, Weighting::InverseY) => Weights::InverseY,
        (None, Weighting::InverseYSquared) => Weights::InverseYSquared,
    };
    let mut asked = Options::default().weights(weights);
    let mut set =
        |name: &String, change: &dyn Fn(&mut Setting)| change(asked.parameters.entry(name.clone()).or_default());
    options.start.iter().for_each(|(name, value)| set(name, &|setting| setting.start = Some(*value)));
    options.fix.iter().for_each(|(name, value)| set(name, &|setting| setting.fixed = Some(*value)));
    options.bounds.iter().for_each(|(name, lower, upper)| {
        set(name, &|setting| (setting.lower, setting.upper) = (Some(*lower), Some(*upper)));
    });
    asked
}

/// The curve with its band, over the range of the points.
fn curve(fit: &Fit, points: &Points) -> Vec<CurvePoint> {
    // Where points were left out, the model may have no values.
    let used = std::iter::zip(&points.x, &fit.residuals).filter(|(_, residual)| residual.is_finite()).map(|(x, _)| *x);
    let (first, last) = used.fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), x| (first.min(x), last.max(x)));
    let places: Vec<f64> = (0..=PLACES).map(|place| first + (last - first) * place as f64 / PLACES as f64).collect();
    model::find(fit.model).map_or_else(Vec::new, |model| fit.curve(model, &places))
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
        assert!(model::ALL.iter().all(|model| MODELS.contains(model.id())));
    }

    #[test]
    fn what_is_asked_of_parameters_is_read() {
        assert_eq!(named("k=0.1"), Ok(("k".into(), 0.1)));
        assert_eq!(between(" k = 0 : 1e3"), Ok(("k".into(), 0.0, 1000.0)));
        assert!(named("k").is_err() && named("k=x").is_err() && between("k=1").is_err() && between("k=1:x").is_err());
    }
}
