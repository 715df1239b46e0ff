//! The period of a certificate.

use super::text::tidy;
use domain::calendar::Calendar;
use domain::range::{self, moment};
use domain::time::TimeKind;
use web::{ApiError, ApiResult};

/// A range of time; open on a side that the request left out.
#[derive(Debug, Clone)]
pub(super) struct Range {
    bounds: range::Range,
    /// The requested beginning, as it is shown.
    from: Option<String>,
    to: Option<String>,
}

impl Range {
    /// Reads `from` and `to` of the query.
    pub(super) fn read(from: Option<&str>, to: Option<&str>, calendar: &Calendar) -> ApiResult<Self> {
        let bounds = range::Range::read(from, to, calendar)?;
        if bounds.from > bounds.to {
            return Err(ApiError::bad_request("from is after to: the period has no time in it"));
        }
        let shown = |name: &str, text: &str| {
            let (micros, kind) = moment(name, text, calendar)?;
            let kind = if kind == TimeKind::Local { TimeKind::Clock } else { kind };
            Ok::<_, ApiError>(tidy(&calendar.shown(micros, kind).to_string()))
        };
        let from = from.map(|text| shown("from", text)).transpose()?;
        let to = to.map(|text| shown("to", text)).transpose()?;
        Ok(Self { bounds, from, to })
    }

    /// Both ends, included.
    pub(super) fn bounds(&self) -> (i64, i64) {
        (self.bounds.from, self.bounds.to)
    }

    /// The beginning as it is shown, if one was requested.
    pub(super) fn shown_from(&self) -> Option<String> {
        self.from.clone()
    }

    /// The end as it is shown.
    pub(super) fn shown_to(&self) -> Option<String> {
        self.to.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::DAY;

    fn read(from: Option<&str>, to: Option<&str>) -> ApiResult<Range> {
        Range::read(from, to, &Calendar::default())
    }

    #[test]
    fn ends_are_read_shown_and_compared() {
        let year = read(Some("2026-01-01"), Some("2026-12-31")).unwrap();
        assert_eq!((year.shown_from().unwrap(), year.shown_to().unwrap()), ("2026-01-01".into(), "2026-12-31".into()));
        assert_eq!((year.bounds().1 - year.bounds().0 + 1) / DAY, 365);
        let day = read(Some("2026-01-01"), Some("2026-01-01")).unwrap();
        assert_eq!(day.bounds().1 - day.bounds().0 + 1, DAY);
        let hours = read(Some("0"), Some("47.5")).unwrap();
        assert_eq!(hours.shown_to().unwrap(), "47.5 h");
        assert_eq!(read(None, None).unwrap().bounds(), (i64::MIN, i64::MAX));
        for (from, to) in [("2026-01-02", "2026-01-01"), ("2", "1"), ("x", "1"), ("1", "x")] {
            assert_eq!(read(Some(from), Some(to)).unwrap_err().status(), 400, "{from} {to}");
        }
    }
}
