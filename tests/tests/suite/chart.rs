//! Synthetic effluent charts, and EPA's rule applied to charts in integer arithmetic, as an oracle.

use std::collections::{BTreeMap, BTreeSet};
use tests::ECHO;

/// Stands for no percentage.
pub(crate) const NO_PERCENT: i64 = -1;

pub(crate) type Row = BTreeMap<String, String>;
/// What identifies an exceedance, and its percentage.
pub(crate) type Exceedance = (String, String, String, String, String, i64);

pub(crate) fn rows(file: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

pub(crate) fn exceedance(row: &Row, site: &str, percent: i64) -> Exceedance {
    let date: Vec<_> = row["monitoring_period_end_date"].split('/').collect();
    (
        site.to_owned(),
        row["perm_feature_nmbr"].clone(),
        row["parameter_desc"].clone(),
        row["statistical_base_short_desc"].clone(),
        format!("{}-{}-{}", date[2], date[0], date[1]),
        percent,
    )
}

/// A decimal number times 10^12.
fn fixed(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction:0<12}");
    digits.parse().expect("the cases have at most twelve decimals")
}

/// Value and limit in one unit: the standard one, or else the reported ones if they convert.
fn compared(row: &Row) -> Option<(i128, i128)> {
    let cell = |name: &str| Some(row[name].as_str()).filter(|text| !text.is_empty());
    if let (Some(value), Some(limit)) = (cell("dmr_value_standard_units"), cell("limit_value_standard_units")) {
        return Some((fixed(value), fixed(limit)));
    }
    let thousandths = |unit: &str| match unit {
        "mg/L" | "ppm" => Some(1_000_000),
        "ug/L" | "ppb" => Some(1000),
        "ng/L" => Some(1),
        _ => None,
    };
    let (unit, limit_unit) = (row["dmr_unit_desc"].as_str(), row["limit_unit_desc"].as_str());
    let (value, limit) = (fixed(cell("dmr_value_nmbr")?), fixed(cell("limit_value_nmbr")?));
    if unit == limit_unit {
        return Some((value, limit));
    }
    Some((value * thousandths(unit)?, limit * thousandths(limit_unit)?))
}

/// EPA's percentage, if the row is a numeric violation.
pub(crate) fn judged(row: &Row) -> Option<i64> {
    let (value, limit) = compared(row)?;
    let minimum = row["limit_value_qualifier_code"].starts_with('>');
    let beyond = if minimum { limit - value } else { value - limit };
    // A sign does not excuse the reported value.
    if beyond <= 0 {
        return None;
    }
    // There is none for zero, for pH and turbidity, and if the sign leaves the excess open.
    let is_open = row["dmr_value_qualifier_code"].starts_with(if minimum { "<" } else { ">" });
    let unit = if row["standard_unit_desc"].is_empty() { &row["dmr_unit_desc"] } else { &row["standard_unit_desc"] };
    if limit == 0 || is_open || ["SU", "NTU"].contains(&unit.as_str()) {
        return Some(NO_PERCENT);
    }
    // Rounded half up: floor(100 * beyond / limit + 1/2).
    Some(i64::try_from((200 * beyond + limit) / (2 * limit)).unwrap_or(i64::MAX))
}

pub(crate) fn expected(rows: &[Row]) -> BTreeSet<Exceedance> {
    rows.iter().filter_map(|row| judged(row).map(|percent| exceedance(row, &row["npdes_id"], percent))).collect()
}

/// Rows of a synthetic chart with the 65 columns of the real one.
#[derive(Default)]
pub(crate) struct Chart {
    lines: Vec<String>,
}

impl Chart {
    /// A row: a value against a limit, both in mg/L unless changed. Each gets its own month.
    pub(crate) fn row(&mut self, changes: &[(&str, &str)]) -> &mut Self {
        let number = self.lines.len();
        let date = format!("{:02}/28/{}", number % 12 + 1, 2000 + number / 12);
        let defaults = [
            ("npdes_id", "XX0000001"),
            ("perm_feature_nmbr", "001"),
            ("parameter_code", "00530"),
            ("parameter_desc", "Solids"),
            ("monitoring_location_code", "1"),
            ("limit_value_nmbr", "10"),
            ("limit_unit_desc", "mg/L"),
            ("limit_value_standard_units", "10"),
            ("standard_unit_desc", "mg/L"),
            ("statistical_base_short_desc", "DAILY AV"),
            ("statistical_base_type_code", "AVG"),
            ("limit_value_qualifier_code", "<="),
            ("monitoring_period_end_date", date.as_str()),
            ("value_type_code", "C2"),
            ("dmr_value_nmbr", "9"),
            ("dmr_unit_desc", "mg/L"),
            ("dmr_value_standard_units", "9"),
            ("dmr_value_qualifier_code", "="),
        ];
        let cell = |name: &str| {
            let of = |list: &[(&str, &str)]| list.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            of(changes).or_else(|| of(&defaults)).unwrap_or_default()
        };
        let header = ECHO.lines().next().unwrap_or_default();
        let cells: Vec<_> = header.split(',').map(|name| format!("\"{}\"", cell(name).replace('"', "\"\""))).collect();
        self.lines.push(cells.join(","));
        self
    }

    /// A row whose value and limit are the same in reported and standard units.
    pub(crate) fn value(&mut self, qualifier: &str, value: &str, sign: &str, limit: &str) -> &mut Self {
        self.row(&[
            ("dmr_value_qualifier_code", qualifier),
            ("dmr_value_nmbr", value),
            ("dmr_value_standard_units", value),
            ("limit_value_qualifier_code", sign),
            ("limit_value_nmbr", limit),
            ("limit_value_standard_units", limit),
        ])
    }

    pub(crate) fn file(&self) -> String {
        format!("{}\n{}\n", ECHO.lines().next().unwrap_or_default(), self.lines.join("\n"))
    }
}
