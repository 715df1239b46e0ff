//! How a file is read: options of its sender and the site, and what an earlier reading has learned.

use super::clock::Folds;
use super::numbers::Separators;
use super::probe::Encoding;
use super::times::DateOrder;
use domain::highest::Highest;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How to read a file. Stored as JSON, it reads the same file the same way again, whatever has become of zones and
/// series since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Options {
    /// The site of rows that name none, and of an effluent chart.
    pub site: Option<String>,
    /// The present, in microseconds: results more than a day later are refused.
    pub now: i64,
    /// The time zones of sites, by [`key`](domain::name::key); sites without one keep UTC.
    #[serde(with = "zones")]
    pub zones: HashMap<String, TimeZone>,
    /// The only units for some series, by id: they are full.
    pub units: HashMap<String, Vec<String>>,
    /// The highest values of series so far, by id: ten times as much is listed as a surprise.
    pub highest: HashMap<String, Highest>,
    /// The order of numbers in dates, if the sender says it; `Open` leaves it to the file.
    pub date_order: DateOrder,
    /// What an earlier reading has learned.
    pub conventions: Conventions,
}

impl Default for Options {
    /// No site, no zones, everything open, and no end of time.
    fn default() -> Self {
        Self {
            site: None,
            now: i64::MAX,
            zones: HashMap::new(),
            units: HashMap::new(),
            highest: HashMap::new(),
            date_order: DateOrder::Open,
            conventions: Conventions::default(),
        }
    }
}

/// What only the whole file shows about its cells.
///
/// Read a file with what is known, and again while [`learned`](super::reader::Rows::learned) differs: the second
/// reading knows what single cells decide, the third the units that rows leave blank. Files that need none of this are
/// done after one reading.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conventions {
    /// The encoding, if the first bytes do not decide it.
    pub encoding: Option<Encoding>,
    /// How numbers are written, by column; `Open` beyond the end.
    pub numbers: Vec<Separators>,
    /// The order of numbers in dates.
    pub dates: DateOrder,
    /// By series id, the unit of all rows that have one, if others leave it blank.
    pub units: HashMap<String, String>,
    /// The unit of stored series, for rows that leave it blank and series whose other rows do not tell it; none where
    /// there is none or where it is not one. The caller looks up [`wanted_units`](super::reader::Rows::wanted_units).
    pub stored_units: HashMap<String, Option<String>>,
    /// Hours that a clock shows twice.
    #[serde(with = "folds")]
    pub folds: Folds,
}

impl Conventions {
    /// The unit of rows that leave it blank.
    pub(super) fn blank_unit(&self, id: &str) -> Option<&str> {
        self.units.get(id).or_else(|| self.stored_units.get(id).and_then(Option::as_ref)).map(String::as_str)
    }
}

/// Zones by their names. One without a name cannot be kept.
mod zones {
    use jiff::tz::TimeZone;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
    use std::collections::{BTreeMap, HashMap};

    pub(super) fn serialize<S: Serializer>(zones: &HashMap<String, TimeZone>, to: S) -> Result<S::Ok, S::Error> {
        let name = |zone: &TimeZone| {
            let name = if *zone == TimeZone::UTC { Some("UTC") } else { zone.iana_name() };
            name.map(str::to_owned).ok_or_else(|| ser::Error::custom("a time zone without a name"))
        };
        let named = zones.iter().map(|(site, zone)| Ok((site, name(zone)?)));
        named.collect::<Result<BTreeMap<_, _>, _>>()?.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<HashMap<String, TimeZone>, D::Error> {
        let named = BTreeMap::<String, String>::deserialize(from)?;
        let zone = |name: &str| if name == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(name) };
        named.into_iter().map(|(site, name)| Ok((site, zone(&name).map_err(de::Error::custom)?))).collect()
    }
}

/// Folds as a list: their keys are no texts.
mod folds {
    use super::super::clock::{Fold, Folds};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(folds: &Folds, to: S) -> Result<S::Ok, S::Error> {
        folds.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Folds, D::Error> {
        Ok(Vec::<((String, i64), Fold)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Fold;
    use super::*;

    #[test]
    fn what_a_file_is_read_by_is_kept() {
        let name = "America/St_Johns".to_owned();
        let options = Options {
            site: Some("north".into()),
            now: 7,
            zones: [("north", TimeZone::get(&name).unwrap()), ("south", TimeZone::UTC)]
                .map(|(site, zone)| (site.to_owned(), zone))
                .into(),
            units: [("a".to_owned(), vec!["mg/L".to_owned()])].into(),
            highest: [("a".to_owned(), Highest { value: 0.1, unit: "mg/L".into() })].into(),
            date_order: DateOrder::DayFirst,
            conventions: Conventions {
                encoding: Some(Encoding::Windows1252),
                numbers: vec![Separators::Comma, Separators::Open],
                dates: DateOrder::MonthFirst,
                stored_units: [("a".to_owned(), None)].into(),
                folds: [(("a".to_owned(), -5), Fold::Backwards), (("b".to_owned(), 5), Fold::First)].into(),
                ..Conventions::default()
            },
        };
        let kept: Options = serde_json::from_str(&serde_json::to_string(&options).unwrap()).unwrap();
        assert_eq!((&kept.site, kept.now, kept.date_order), (&options.site, 7, DateOrder::DayFirst));
        assert_eq!((&kept.zones, &kept.units), (&options.zones, &options.units));
        assert_eq!((&kept.highest, &kept.conventions), (&options.highest, &options.conventions));
    }

    #[test]
    fn a_zone_without_a_name_is_not_kept() {
        let zone = TimeZone::fixed(jiff::tz::offset(-5));
        let options = Options { zones: [("north".to_owned(), zone)].into(), ..Options::default() };
        assert!(serde_json::to_string(&options).is_err());
    }
}
