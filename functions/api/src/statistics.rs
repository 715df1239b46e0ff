//! `GET /api/statistics`: the statistics that limits can be about, with labels for people.

use axum::Json;
use domain::calendar::PeriodKind;
use domain::formula::Formula;
use domain::statistic::{Definition, Statistic};
use serde::Serialize;
use utoipa::ToSchema;

/// All statistics.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statistics {
    statistics: Vec<StatisticView>,
    /// Formulas that compute the limit, or the part of the value that counts.
    formulas: Vec<FormulaView>,
}

/// A formula over properties of the water.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Formula)]
pub(crate) struct FormulaView {
    /// Its name in permits.
    id: &'static str,
    /// Its name for people.
    label: &'static str,
    /// The formula, as text.
    formula: &'static str,
    /// Whether it computes the limit; otherwise it computes the part of the value that counts, and the limit has a
    /// value.
    gives_limit: bool,
    /// The unit of the limit, unless it names another one.
    unit: String,
    /// The properties it needs.
    needs: Vec<NeedView>,
}

/// A property of the water that a formula needs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FormulaNeed)]
pub(crate) struct NeedView {
    /// Its key in a limit; the value is the parameter of the series.
    key: &'static str,
    /// The parameter, unless the limit names another one.
    parameter: &'static str,
}

impl FormulaView {
    fn new(of: Formula) -> Self {
        Self {
            id: of.id(),
            label: of.label(),
            formula: of.text(),
            gives_limit: of.gives_limit(),
            unit: of.usual_unit().to_string(),
            needs: of.needs().iter().map(|need| NeedView { key: need.key, parameter: need.parameter }).collect(),
        }
    }
}

/// A statistic.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Statistic)]
pub(crate) struct StatisticView {
    /// Its name in permits.
    name: &'static str,
    /// Its name for people; `{}` stands for its number.
    label: &'static str,
    /// The period of a value: `instant`, `day`, `week`, `month`, `quarter` or `year`.
    period: &'static str,
    /// The number it takes, if any.
    argument: Option<ArgumentView>,
    /// Whether non-detects enter it by the limit's rule.
    is_average: bool,
    /// The unit of its values, if it is not the limit's.
    unit: Option<&'static str>,
}

/// The number that a statistic takes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatisticArgument)]
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

/// The statistics that a limit can be about, in the order in which people are offered them, and the formulas.
#[utoipa::path(get, path = "/api/statistics", tag = "permits", responses((status = 200, body = Statistics)))]
pub(crate) async fn get_statistics() -> Json<Statistics> {
    Json(Statistics {
        statistics: Statistic::all().iter().map(|of| StatisticView::new(*of)).collect(),
        formulas: Formula::all().map(FormulaView::new).collect(),
    })
}
