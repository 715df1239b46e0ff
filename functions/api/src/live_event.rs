//! The events of a feed, for the API's documentation. The answers themselves pass on stored JSON.

#![expect(dead_code, reason = "schemas of what the engine has written")]

use domain::alert::Alert;
use domain::reading::Qualifier;
use domain::time::Shown;
use formats::Shape;
use utoipa::ToSchema;

/// An event, as subscribers receive it.
#[derive(Debug, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum LiveEvent {
    /// A reading was published.
    Reading(ReadingEvent),
    /// A file brought readings.
    Readings(ReadingsEvent),
    /// Exceedances are new or gone.
    Alerts(AlertsEvent),
    /// A file is judged.
    Ingest(IngestEvent),
    /// The site was removed, and its earlier events with it.
    Removed(RemovedEvent),
}

/// The site was removed.
#[derive(Debug, ToSchema)]
pub(crate) struct RemovedEvent {
    site: String,
    seq: u64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

/// A reading as it was published; it may have more fields.
#[derive(Debug, ToSchema)]
pub(crate) struct ReadingEvent {
    site: String,
    seq: u64,
    time: Shown,
    /// The parameter, unless the field `parameter` has it.
    species: Option<String>,
    parameter: Option<String>,
    /// The value, unless the field `value` has it.
    concentration: Option<f64>,
    value: Option<f64>,
    unit: Option<String>,
    qualifier: Option<Qualifier>,
    outfall: Option<String>,
}

/// Readings that a file has brought.
#[derive(Debug, ToSchema)]
pub(crate) struct ReadingsEvent {
    site: String,
    seq: u64,
    /// The id of the ingest.
    ingest: String,
    series: Vec<ReadingsOfSeries>,
}

/// Readings of one series that a file has brought.
#[derive(Debug, ToSchema)]
pub(crate) struct ReadingsOfSeries {
    /// The series' id.
    series: String,
    outfall: String,
    parameter: String,
    base: String,
    /// How many.
    readings: u64,
    from: Shown,
    to: Shown,
    latest: f64,
    unit: String,
}

/// Exceedances that are new or gone.
#[derive(Debug, ToSchema)]
pub(crate) struct AlertsEvent {
    site: String,
    seq: u64,
    /// New ones.
    alerts: Vec<Alert>,
    /// The ids of those that no longer hold.
    withdrawn: Vec<String>,
    /// How many new ones are not listed.
    #[schema(nullable = false)]
    omitted: Option<u64>,
    /// How many withdrawn ones are not listed.
    #[schema(nullable = false)]
    withdrawn_omitted: Option<u64>,
    /// Where to find all of them, if some are omitted.
    #[schema(nullable = false)]
    all: Option<String>,
    /// The ingest that they come from.
    #[schema(nullable = false)]
    ingest: Option<String>,
}

/// The outcome of a file at a site.
#[derive(Debug, ToSchema)]
pub(crate) struct IngestEvent {
    site: String,
    seq: u64,
    /// The id of the ingest.
    ingest: String,
    shape: Shape,
    source: String,
    rows: u64,
    rows_taken: u64,
    rows_refused: u64,
    rows_without_reading: u64,
    /// How many series.
    series: u64,
    readings_judged: u64,
    alerts: u64,
    alerts_new: u64,
    alerts_withdrawn: u64,
    alerts_omitted: u64,
    withdrawn_omitted: u64,
}
