//! `owsc criteria`: water quality criteria that depend on hardness, or on pH and temperature.

use crate::outcome::Outcome;
use crate::terminal::{self, say};
use anyhow::{Context, ensure};
use chemistry::criteria::{self, Criterion, Gives, Note, Water};
use clap::Args;
use serde_json::{Value, json};

/// Options of `owsc criteria`.
#[derive(Debug, Clone, Args)]
pub struct Criteria {
    /// Their ids, such as `cu_acute_hardness`; all if absent
    criteria: Vec<String>,
    /// Hardness, mg/L as CaCO3
    #[arg(long, allow_negative_numbers = true)]
    hardness: Option<f64>,
    /// pH
    #[arg(long, allow_negative_numbers = true)]
    ph: Option<f64>,
    /// Temperature, degrees Celsius
    #[arg(long, allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Computes criteria.
pub(crate) fn run(options: &Criteria) -> anyhow::Result<Outcome> {
    let water = Water { hardness: options.hardness, ph: options.ph, temperature: options.temperature };
    let is_dry = options.hardness.is_none() && options.ph.is_none() && options.temperature.is_none();
    let mut documents = Vec::new();
    let mut is_answered = false;
    for criterion in asked(options)? {
        let answer = match criterion.value(&water) {
            Ok(answer) => Some(answer),
            // If all are requested, skip those for which the water is not known.
            Err(criteria::CriterionError::Missing(_)) if options.criteria.is_empty() => None,
            Err(error) => return Err(error).with_context(|| criterion.id),
        };
        if answer.is_none() && !is_dry {
            continue;
        }
        is_answered = true;
        if options.json {
            let (value, note) = (answer.map(|answer| answer.value), answer.and_then(|answer| answer.note));
            let mut document = json!(criterion);
            document["value"] = json!(value);
            document["note"] = note.map_or(Value::Null, |note| json!(note));
            documents.push(document);
            continue;
        }
        match answer {
            Some(answer) => say(format_args!(
                "{}: {} {}{}",
                criterion.id,
                digits(answer.value),
                unit(criterion.gives),
                answer.note.map_or("", told),
            )),
            None => say(format_args!("{}: {}. {}", criterion.id, criterion.label, criterion.formula)),
        }
    }
    ensure!(is_answered, "pH and temperature are needed together");
    if options.json {
        terminal::print_json(&json!({ "criteria": documents }))?;
    }
    Ok(Outcome::Compliant)
}

fn asked(options: &Criteria) -> anyhow::Result<Vec<Criterion>> {
    if options.criteria.is_empty() {
        return Ok(criteria::all().collect());
    }
    let find = |id: &String| {
        criteria::find(id).with_context(|| format!("there is no criterion {id:?}; `owsc criteria` lists them"))
    };
    options.criteria.iter().map(find).collect()
}

fn unit(gives: Gives) -> &'static str {
    match gives {
        Gives::DissolvedMicrogramsPerLitre => "ug/L dissolved",
        Gives::TotalMicrogramsPerLitre => "ug/L total recoverable",
        Gives::Fraction => "of the total",
    }
}

fn told(note: Note) -> &'static str {
    match note {
        Note::HardnessCapped => " (at a hardness of 400, the highest that the formula is for)",
        Note::HardnessBelowRange => " (below the hardness of 25 that the formula is for)",
        Note::OutsideMeasured => " (outside what was measured)",
    }
}

/// Four digits: EPA rounds to two.
fn digits(value: f64) -> String {
    let before = if value > 0.0 { value.log10().floor() as i32 } else { 0 };
    format!("{value:.*}", (3 - before).max(0) as usize)
}
