//! Counts of a series, taken in one pass over its readings, piece by piece.

use crate::downsample::Downsample;
use domain::columns::{Columns, Row};
use domain::reading::{Direction, Qualifier};
use table::StoreError;
use table::segments::Merged;

/// Points of a chart: as many as its width can show.
pub(super) const CHART_POINTS: usize = 240;
/// The most limits of readings that are told apart in one series.
const MAX_OWN_LIMITS: usize = 20;

/// What the pass counted.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) readings: u64,
    pub(super) non_detects: u64,
    pub(super) first: Option<Row>,
    pub(super) last: Option<Row>,
    /// The limits that came with the readings, in order of appearance.
    pub(super) own_limits: Vec<OwnLimit>,
    /// How many readings had a limit beyond those.
    pub(super) other_limits: u64,
    /// Points for the chart, with their units; thinned without losing peaks.
    pub(super) points: Vec<(Row, String)>,
}

/// A limit that came with readings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnLimit {
    pub(super) value: f64,
    pub(super) unit: String,
    pub(super) direction: Direction,
    pub(super) readings: u64,
    /// The times of the first and the last reading with it.
    pub(super) times: (i64, i64),
}

/// Reads all pieces. `range` is where the readings lie, `unit` the series'; without `charted`, no points are kept.
pub(super) async fn scan(
    mut readings: Merged,
    range: (i64, i64),
    unit: &str,
    charted: bool,
) -> Result<Scan, StoreError> {
    let mut scan = Scan::default();
    let mut points = Downsample::new(CHART_POINTS, range, unit);
    while let Some(piece) = readings.next_piece()? {
        scan.feed(&piece);
        if charted {
            points.feed(&piece);
        }
        tokio::task::yield_now().await;
    }
    scan.points = points.finish().0;
    Ok(scan)
}

impl Scan {
    fn feed(&mut self, piece: &Columns) {
        if piece.is_empty() {
            return;
        }
        self.readings += piece.len() as u64;
        let non_detects = piece.flags.iter().filter(|flags| flags.qualifier() == Qualifier::Less);
        self.non_detects += non_detects.count() as u64;
        self.first.get_or_insert(piece.row(0));
        self.last = Some(piece.row(piece.len() - 1));
        if !piece.limits.is_empty() {
            (0..piece.len()).for_each(|index| self.note_limit(piece.row(index), piece.unit_of(index)));
        }
    }

    fn note_limit(&mut self, row: Row, unit: &str) {
        let Some(direction) = row.flags.limit() else { return };
        let same = |own: &&mut OwnLimit| own.value == row.limit && own.direction == direction && own.unit == unit;
        if let Some(own) = self.own_limits.iter_mut().find(same) {
            own.readings += 1;
            own.times.1 = row.time;
        } else if self.own_limits.len() < MAX_OWN_LIMITS {
            self.own_limits.push(OwnLimit {
                value: row.limit,
                unit: unit.to_owned(),
                direction,
                readings: 1,
                times: (row.time, row.time),
            });
        } else {
            self.other_limits += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::reading::Flags;
    use domain::time::TimeKind;

    #[test]
    fn readings_non_detects_and_their_limits_are_counted() {
        let mut piece = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        let rows = [(0, Qualifier::Equal, Some(10.0)), (1, Qualifier::Less, Some(10.0)), (2, Qualifier::Less, None)];
        for (time, qualifier, limit) in rows {
            let flags = Flags::new(qualifier, TimeKind::Hours, limit.map(|_| Direction::Max), 0);
            piece.push(Row { time, value: 1.0, flags, limit: limit.unwrap_or_default(), sample: 0 });
        }
        let mut scan = Scan::default();
        scan.feed(&piece);
        assert_eq!((scan.readings, scan.non_detects), (3, 2));
        assert_eq!((scan.first.unwrap().time, scan.last.unwrap().time), (0, 2));
        let own = OwnLimit { value: 10.0, unit: "mg/L".into(), direction: Direction::Max, readings: 2, times: (0, 1) };
        assert_eq!(scan.own_limits, [own]);
    }

    #[test]
    fn different_limits_are_bounded() {
        let mut piece = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for time in 0..MAX_OWN_LIMITS as i64 + 5 {
            let flags = Flags::new(Qualifier::Equal, TimeKind::Hours, Some(Direction::Max), 0);
            piece.push(Row { time, value: 1.0, flags, limit: time as f64, sample: 0 });
        }
        let mut scan = Scan::default();
        scan.feed(&piece);
        assert_eq!((scan.own_limits.len(), scan.other_limits), (MAX_OWN_LIMITS, 5));
    }
}
