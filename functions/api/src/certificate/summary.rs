//! The certificate for programs: its status, and what stands in the way of a better one.

use super::facts::Facts;
use super::page::reason;
use super::status::Status;
use domain::alert::Severity;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The most reasons that are listed, as on the page.
const MAX_REASONS: usize = 100;

/// What a certificate says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CertificateSummary)]
pub(crate) struct Summary {
    site: String,
    /// The first time that was asked for; null if the whole record was.
    from: Option<String>,
    /// The last one, included.
    to: Option<String>,
    /// What the page says in large letters.
    status: Status,
    /// Whether the period is over; while it is not, more may come.
    is_final: bool,
    /// Readings of the period.
    readings: u64,
    exceedances: u64,
    exceedances_by_severity: BTreeMap<Severity, u64>,
    /// What could not be judged, in sentences; at most 100.
    reasons: Vec<String>,
    reasons_total: usize,
    /// The version of the permit now in force; 0 for the built-in one.
    permit_version: u64,
    generated_at: String,
}

impl From<&Facts> for Summary {
    fn from(facts: &Facts) -> Self {
        let gaps = &facts.verdict.gaps;
        Self {
            site: facts.site.clone(),
            from: facts.range.shown_from(),
            to: facts.range.shown_to(),
            status: facts.verdict.status,
            is_final: facts.is_over,
            readings: facts.present().map(|series| series.scan.readings).sum(),
            exceedances: facts.exceedances_total(),
            exceedances_by_severity: facts.by_severity.clone(),
            reasons: gaps.iter().take(MAX_REASONS).map(reason).collect(),
            reasons_total: gaps.len(),
            permit_version: facts.permit.version,
            generated_at: facts.generated_at.clone(),
        }
    }
}
