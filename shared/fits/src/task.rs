//! A fit as it is stored until it is computed.

use chemistry::question::{Points, Question};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is to be fitted, and to which points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The request.
    pub question: Question,
    /// The points.
    pub from: PointsFrom,
}

/// Where the points are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointsFrom {
    /// Beside the task, in the table.
    Points {
        /// Whether each has a standard deviation.
        with_sigma: bool,
    },
    /// Among the readings.
    Series(SeriesRange),
}

/// Readings of a series, in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FitSeries)]
#[serde(deny_unknown_fields)]
pub struct SeriesRange {
    /// The site.
    #[schema(value_type = domain::name::Name)]
    pub site: String,
    /// The id of the series, from `GET /api/series`.
    pub series: String,
    /// The first time; the beginning if absent.
    #[schema(schema_with = time)]
    pub from: Option<String>,
    /// The last time, included; the end if absent.
    #[schema(schema_with = time)]
    pub to: Option<String>,
}

/// As in queries, whose schema is that of the API; as a text.
fn time() -> utoipa::openapi::Schema {
    use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
    let kinds = SchemaType::from_iter([Type::String, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).format(Some(SchemaFormat::Custom("query-time".to_owned()))).into()
}

/// Points as bytes: the numbers of one point after another.
pub(crate) fn packed(points: &Points) -> Vec<u8> {
    let mut bytes = Vec::new();
    for at in 0..points.x.len() {
        let sigma = points.sigma.as_ref().map(|sigma| sigma[at]);
        for number in [Some(points.x[at]), Some(points.y[at]), sigma].into_iter().flatten() {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    bytes
}

/// Points from bytes; `None` if they were not packed so.
pub(crate) fn unpacked(bytes: &[u8], with_sigma: bool) -> Option<Points> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let each = if with_sigma { 3 } else { 2 };
    if !rest.is_empty() || !numbers.len().is_multiple_of(each) {
        return None;
    }
    let column = |place: usize| numbers.iter().skip(place).step_by(each).map(|bytes| f64::from_le_bytes(*bytes));
    Some(Points { x: column(0).collect(), y: column(1).collect(), sigma: with_sigma.then(|| column(2).collect()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_back_as_they_were() {
        for sigma in [None, Some(vec![0.5, f64::MIN_POSITIVE])] {
            let points = Points { x: vec![1.0, -0.0], y: vec![2.0, 1e300], sigma };
            let bytes = packed(&points);
            assert_eq!(unpacked(&bytes, points.sigma.is_some()), Some(points));
            assert_eq!(unpacked(&bytes[1..], false), None);
        }
        assert_eq!(unpacked(&packed(&Points { x: vec![1.0], y: vec![2.0], sigma: None }), true), None);
    }
}
