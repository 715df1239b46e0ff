//! `GET /api/statistics`: what can be compared with a limit, by name and with labels for people.

use axum::Json;
use domain::calendar::PeriodKind;
use domain::statistic::{Definition, Statistic};
use serde::Serialize;
use utoipa::ToSchema;

/// All statistics.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statistics {
    statistics: Vec<StatisticView>,
}

/// A statistic.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatisticView {
    /// Its name in permits.
    name: &'static str,
    /// Its name for people; `{}` stands for its number.
    label: &'static str,
    /// The period that names a value: `instant`, `day`, `week`, `month`, `quarter` or `year`.
    period: &'static str,
    /// The number that it takes, if it takes one.
    argument: Option<ArgumentView>,
    /// Whether non-detects enter it by the limit's rule.
    is_average: bool,
    /// The unit of its values, if it is not the limit's.
    unit: Option<&'static str>,
}

/// The number that a statistic takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArgumentView {
    /// Its key in a limit.
    key: &'static str,
    /// What it is.
    label: &'static str,
    least: f64,
    most: f64,
    /// Whether it is a whole number.
    is_whole: bool,
}

impl StatisticView {
    fn new(of: &dyn Definition) -> Self {
        let argument = of.argument().map(|argument| ArgumentView {
            key: argument.key,
            label: argument.label,
            least: argument.least,
            most: argument.most,
            is_whole: argument.is_whole,
        });
        Self {
            name: of.name(),
            label: of.label(),
            period: period(of.period()),
            argument,
            is_average: of.is_average(),
            unit: of.unit(),
        }
    }
}

fn period(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Instant => "instant",
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
        PeriodKind::Quarter => "quarter",
        PeriodKind::Year => "year",
    }
}

/// The statistics that a limit can be about, in the order in which people are offered them.
#[utoipa::path(get, path = "/api/statistics", tag = "permits", responses((status = 200, body = Statistics)))]
pub(crate) async fn get_statistics() -> Json<Statistics> {
    Json(Statistics { statistics: Statistic::all().iter().map(|of| StatisticView::new(*of)).collect() })
}
