//! The certificate for programs: its status, and why it is no better.

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
    /// The requested beginning; null for the whole record.
    from: Option<String>,
    /// The requested end, included.
    to: Option<String>,
    /// The status, as on the page.
    status: Status,
    /// Whether the period is over; until then, more readings may arrive.
    is_final: bool,
    /// Readings of the period.
    readings: u64,
    exceedances: u64,
    exceedances_by_severity: BTreeMap<Severity, u64>,
    /// What could not be judged, in sentences; at most 100.
    reasons: Vec<String>,
    reasons_total: usize,
    /// The version of the permit in force now; 0 for the built-in one.
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
