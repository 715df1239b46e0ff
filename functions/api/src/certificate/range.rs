//! The period that a certificate is about.

use super::text::tidy;
use domain::time::{self, DAY, TimeKind};
use web::{ApiError, ApiResult};

/// A range of time; open where nothing was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    from: Option<(i64, TimeKind)>,
    to: Option<(i64, TimeKind)>,
}

impl Range {
    /// Reads `from` and `to` of the query.
    pub(super) fn read(from: Option<&str>, to: Option<&str>) -> ApiResult<Self> {
        let wrong = |name: &str, text: &str, error| ApiError::bad_request(format!("{name}={text:?}: {error}"));
        let from = from.map(|text| time::from_text(text).map_err(|error| wrong("from", text, error))).transpose()?;
        let to = to.map(|text| time::end_from_text(text).map_err(|error| wrong("to", text, error))).transpose()?;
        let range = Self { from, to };
        let (first, last) = range.bounds();
        if first > last {
            return Err(ApiError::bad_request("from is after to: the period has no time in it"));
        }
        Ok(range)
    }

    /// Both ends, included.
    pub(super) fn bounds(self) -> (i64, i64) {
        (self.from.map_or(i64::MIN, |(time, _)| time), self.to.map_or(i64::MAX, |(time, _)| time))
    }

    /// The beginning as it is shown, if one was asked for.
    pub(super) fn shown_from(self) -> Option<String> {
        self.from.map(|(time, kind)| tidy(&time::shown(time, kind).to_string()))
    }

    /// The end as it is shown. The last microsecond of a day is shown as the day.
    pub(super) fn shown_to(self) -> Option<String> {
        self.to.map(|(time, kind)| {
            let ends_day = kind == TimeKind::Clock && (time + 1).rem_euclid(DAY) == 0;
            tidy(&time::shown(if ends_day { time + 1 - DAY } else { time }, kind).to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_shown_and_compared() {
        let year = Range::read(Some("2026-01-01"), Some("2026-12-31")).unwrap();
        assert_eq!((year.shown_from().unwrap(), year.shown_to().unwrap()), ("2026-01-01".into(), "2026-12-31".into()));
        assert_eq!((year.bounds().1 - year.bounds().0 + 1) / DAY, 365);
        let day = Range::read(Some("2026-01-01"), Some("2026-01-01")).unwrap();
        assert_eq!(day.bounds().1 - day.bounds().0 + 1, DAY);
        let hours = Range::read(Some("0"), Some("47.5")).unwrap();
        assert_eq!(hours.shown_to().unwrap(), "47.5 h");
        assert_eq!(Range::read(None, None).unwrap().bounds(), (i64::MIN, i64::MAX));
        for (from, to) in [("2026-01-02", "2026-01-01"), ("2", "1"), ("x", "1"), ("1", "x")] {
            assert_eq!(Range::read(Some(from), Some(to)).unwrap_err().status(), 400, "{from} {to}");
        }
    }
}
