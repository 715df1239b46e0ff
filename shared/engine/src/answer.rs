//! The answer to an ingest.

use domain::alert::{Alert, Severity};
use formats::Shape;
use formats::report::Report;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::accounts::Replacement;

/// The most alerts in an answer; all are counted, and `GET /api/alerts` has all of them.
pub const MAX_ANSWERED_ALERTS: usize = 100;

/// Whether a file was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = IngestStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The file was ingested.
    Stored,
    /// The same bytes were ingested before; nothing was changed.
    Known,
}

/// The outcome of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = IngestAnswer)]
pub struct Answer {
    /// The id of the ingest record.
    pub id: String,
    /// New or known.
    pub status: Status,
    /// A sentence for a person.
    pub message: String,
    /// SHA-256 of the decompressed bytes.
    pub digest: String,
    /// Decompressed size.
    pub bytes: u64,
    /// The shape of the file.
    pub shape: Shape,
    /// The sites that the readings belong to.
    pub sites: Vec<String>,
    /// How many series have readings in the file.
    pub series: u64,
    /// The account of rows and bad cells.
    #[serde(flatten)]
    pub report: Report,
    /// Readings that replaced others; only the first of them.
    #[serde(default)]
    pub replacements: Vec<Replacement>,
    /// The verdicts.
    #[serde(flatten)]
    pub verdict: VerdictSummary,
    /// Write units that the table charged.
    pub write_units: f64,
    /// Seconds from the whole body to the answer.
    pub seconds: f64,
    /// When the whole body had arrived, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(ignore)]
    pub(crate) started: i64,
    /// How many entries of which lists are omitted because the answer would be too long.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The most bytes of an answer's lists as JSON. Together with the sites of a file they stay below the 400 KB of an item
/// in the table, whatever names a file contains.
const LIST_BYTES: usize = 20 * 1024;
const ALERTS_BYTES: usize = 80 * 1024;
const ERRORS_BYTES: usize = 60 * 1024;

impl Answer {
    /// The outcome of the rows, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let report = &self.report;
        let mut text = format!("{} of {} rows taken", report.rows_taken, report.rows);
        if report.rows_refused > 0 {
            text += &format!(", {} refused", report.rows_refused);
        }
        if report.rows_repeated > 0 {
            text += &format!(", {} repeated", report.rows_repeated);
        }
        if report.rows_without_reading > 0 {
            text += &format!(", {} without a reading", report.rows_without_reading);
        }
        if report.readings_replaced > 0 {
            text += &format!("; {} readings replaced", report.readings_replaced);
        }
        if report.readings_quality_control > 0 {
            text += &format!("; {} of quality control kept", report.readings_quality_control);
        }
        text + &format!(
            "; {} readings judged, {} exceedances.",
            self.verdict.readings_judged, self.verdict.alerts.total
        )
    }

    /// Shortens lists that are too long, and records that.
    pub(crate) fn bound(&mut self) {
        let verdict = &mut self.verdict;
        let left_out = [
            ("parameters_without_limit", bound(&mut verdict.parameters_without_limit, LIST_BYTES)),
            ("limits_without_reading", bound(&mut verdict.limits_without_reading, LIST_BYTES)),
            ("incomparable_units", bound(&mut verdict.incomparable_units, LIST_BYTES)),
            ("alerts", bound(&mut verdict.alerts.items, ALERTS_BYTES)),
            ("replacements", bound(&mut self.replacements, LIST_BYTES)),
            ("warnings", bound(&mut self.report.warnings, LIST_BYTES)),
            ("errors", bound(&mut self.report.errors, ERRORS_BYTES)),
            ("ignored_columns", bound(&mut self.report.ignored_columns, LIST_BYTES)),
        ];
        let named = left_out.into_iter().filter(|(_, count)| *count > 0);
        self.left_out = named.map(|(list, count)| (list.to_owned(), count)).collect();
    }
}

/// Keeps as many entries as have room, counted from the first. Returns how many were dropped.
pub(crate) fn bound<T: Serialize>(list: &mut Vec<T>, bytes: usize) -> u64 {
    let mut room = bytes;
    let fitting = list.iter().take_while(|entry| {
        // Our own types always serialise.
        let size = serde_json::to_vec(entry).map_or(0, |json| json.len() + 1);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let kept = fitting.count();
    let gone = list.len() - kept;
    list.truncate(kept);
    gone as u64
}

/// The verdicts on a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VerdictSummary {
    /// Readings that were compared with at least one limit.
    pub readings_judged: u64,
    /// Parameters that no limit covers: their readings are stored, but not judged.
    pub parameters_without_limit: Vec<String>,
    /// Limits of the permits that no reading of the file met.
    pub limits_without_reading: Vec<LimitName>,
    /// Limits and readings whose units cannot be compared.
    pub incomparable_units: Vec<Incomparable>,
    /// Values that may or may not exceed a limit: their sign leaves it open.
    #[serde(default)]
    pub readings_inconclusive: u64,
    /// Periods with results whose limit depends on unknown properties of the water.
    #[serde(default)]
    pub periods_without_water: u64,
    /// The exceedances.
    pub alerts: Alerts,
}

/// The exceedances of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = IngestAlerts)]
pub struct Alerts {
    /// All exceedances in the periods that the file touches.
    pub total: u64,
    /// Those that were not known before.
    pub new: u64,
    /// Alerts that no longer hold because values were corrected.
    pub withdrawn: u64,
    /// `total` by severity.
    pub by_severity: BTreeMap<Severity, u64>,
    /// The gravest of them, at most 100.
    pub items: Vec<Alert>,
}

/// How a permit or a withdrawn file has changed the alerts.
#[derive(Debug, Clone, Copy, Default, Serialize, utoipa::ToSchema)]
pub struct AlertsChanged {
    /// Exceedances that did not exist before.
    pub new: u64,
    /// Alerts that no longer hold.
    pub withdrawn: u64,
}

/// A limit, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LimitName {
    /// The site of its permit.
    pub site: String,
    /// The limited parameter.
    pub parameter: String,
    /// The outfall; all if absent.
    pub outfall: Option<String>,
    /// The statistic.
    pub statistic: String,
}

/// Readings that a limit covers but whose unit cannot be compared with the limit's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Incomparable {
    /// The site.
    pub site: String,
    /// The outfall.
    pub outfall: String,
    /// The parameter.
    pub parameter: String,
    /// The unit of the readings.
    pub reading_unit: String,
    /// The unit of the limit.
    pub limit_unit: String,
    /// How many readings.
    pub readings: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_on_both_sides_of_their_room() {
        let mut list = vec!["abc".to_owned(); 3];
        // Two quotes and a comma each.
        assert_eq!((bound(&mut list, 18), list.len()), (0, 3));
        assert_eq!((bound(&mut list, 17), list.len()), (1, 2));
        assert_eq!((bound(&mut list, 0), list.len()), (2, 0));
    }
}
