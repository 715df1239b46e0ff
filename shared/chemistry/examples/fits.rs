//! Fits data sets from standard input, one JSON object a line, and writes one result a line.
//!
//! A line has `model`, `x`, `y`, and `options` if need be; `"form": "linearised"` fits the straight line of that id in
//! place of a model. With `"brief": true` the result has parameters, standard errors, and the seconds of the fastest of
//! five fits alone, reading and writing not counted. `tests/against_scipy.py` uses it.

use chemistry::linearised::{self, fit_linearised};
use chemistry::{Fit, Options, fit, model};
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use std::time::Instant;

#[derive(serde::Deserialize)]
struct Set {
    model: String,
    #[serde(default)]
    form: Option<String>,
    x: Vec<f64>,
    y: Vec<f64>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    brief: bool,
}

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str::<Set>(&line?) {
            Ok(set) => answer(&set).unwrap_or_else(|error| json!({ "error": error })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        serde_json::to_writer(&mut out, &answer)?;
        writeln!(out)?;
    }
    out.flush()
}

fn answer(set: &Set) -> Result<Value, String> {
    if !set.brief {
        return serde_json::to_value(fitted(set)?).map_err(|error| error.to_string());
    }
    let mut best = f64::INFINITY;
    let mut last = None;
    for _ in 0..5 {
        let begin = Instant::now();
        last = Some(fitted(set)?);
        best = best.min(begin.elapsed().as_secs_f64());
    }
    let last = last.ok_or("not fitted")?;
    let errors: Vec<_> = last.parameters.iter().map(|parameter| parameter.standard_error).collect();
    Ok(json!({ "values": last.values(), "errors": errors, "iterations": last.iterations, "seconds": best }))
}

fn fitted(set: &Set) -> Result<Fit, String> {
    if set.form.as_deref() == Some("linearised") {
        let form = linearised::find(&set.model).ok_or("no such form")?;
        return fit_linearised(form, &set.x, &set.y).map_err(|error| error.to_string());
    }
    let model = model::find(&set.model).ok_or("no such model")?;
    fit(model, &set.x, &set.y, &set.options).map_err(|error| error.to_string())
}
