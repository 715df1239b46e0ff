//! EPA ECHO effluent charts: our verdicts against EPA's, row by row.
//!
//! The oracle in [`crate::chart`] reads the file and applies EPA's rule independently, in integer arithmetic.

use crate::chart::{Chart, Exceedance, NO_PERCENT, exceedance, expected, judged, rows};
use crate::support::{alerts, everything, permitted, served, taken};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Api, ECHO};

fn shown(alert: &Value) -> Exceedance {
    let text = |field: &str| alert[field].as_str().unwrap_or_default().to_owned();
    let percent = alert["percent"].as_i64().unwrap_or(NO_PERCENT);
    (text("site"), text("outfall"), text("parameter"), text("base"), text("period"), percent)
}

async fn found(api: &Api, sites: &[&str]) -> anyhow::Result<BTreeSet<Exceedance>> {
    let mut all = BTreeSet::new();
    for site in sites {
        all.extend(alerts(api, site).await?.iter().map(shown));
    }
    Ok(all)
}

#[test]
fn the_oracle_itself_agrees_with_epa_on_the_real_file() -> anyhow::Result<()> {
    for row in rows(ECHO)? {
        let epa = (row["violation_code"] == "E90").then(|| row["exceedence_pct"].parse::<i64>()).transpose()?;
        assert_eq!(judged(&row), epa, "{row:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_real_file_gives_exactly_epas_eight_exceedances_and_their_percentages() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let answer = taken(&api, "", ECHO).await?;
    let count = |field: &str| answer[field].as_u64();
    assert_eq!((count("rows"), count("rows_taken"), count("readings")), (Some(720), Some(720), Some(720)));
    assert_eq!((count("rows_refused"), count("rows_without_reading")), (Some(0), Some(0)));
    let all = rows(ECHO)?;
    let limited = all.iter().filter(|row| !row["limit_value_nmbr"].is_empty()).count();
    assert_eq!(count("readings_judged"), Some(limited as u64));
    assert_eq!((&answer["shape"], &answer["sites"]), (&json!("echo"), &json!(["TX0119407"])));
    let epa: BTreeSet<_> = all
        .iter()
        .filter(|row| row["violation_code"] == "E90")
        .map(|row| Ok(exceedance(row, "TX0119407", row["exceedence_pct"].parse()?)))
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(epa.len(), 8);
    assert_eq!(found(&api, &["TX0119407"]).await?, epa);
    assert_eq!((&answer["alerts"]["total"], &answer["alerts"]["new"]), (&json!(8), &json!(8)));
    Ok(())
}

#[tokio::test]
async fn the_real_file_posted_again_is_known_and_changes_nothing() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let first = taken(&api, "", ECHO).await?;
    let before = everything(&api, "TX0119407").await?;
    let second = taken(&api, "", ECHO).await?;
    assert_eq!((&first["status"], &second["status"]), (&json!("stored"), &json!("known")));
    assert_eq!(first["id"], second["id"]);
    assert_eq!((&second["rows"], &second["alerts"]["total"]), (&json!(720), &json!(8)));
    assert_eq!(second["write_units"], 0.0);
    assert_eq!(everything(&api, "TX0119407").await?, before);
    Ok(())
}

/// Posts the chart and compares all alerts with the oracle's, which must be `count`, so that a broken oracle cannot
/// agree with a broken product. Returns the answer.
async fn agrees(chart: &Chart, count: usize) -> anyhow::Result<Value> {
    let (_server, api) = served().await?;
    let file = chart.file();
    let answer = taken(&api, "", file.clone()).await?;
    let rows = rows(&file)?;
    let expected = expected(&rows);
    assert_eq!(expected.len(), count, "{expected:#?}");
    let sites: BTreeSet<_> = rows.iter().map(|row| row["npdes_id"].as_str()).collect();
    let sites: Vec<_> = sites.into_iter().collect();
    assert_eq!(found(&api, &sites).await?, expected);
    assert_eq!(answer["alerts"]["total"], count);
    Ok(answer)
}

#[tokio::test]
async fn maxima_with_every_qualifier_on_both_sides_of_the_limit() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    for qualifier in ["", "=", "<", ">", "E"] {
        for value in ["0", "9.99", "10", "10.01", "100"] {
            chart.value(qualifier, value, "<=", "10");
        }
    }
    agrees(&chart, 10).await?;
    Ok(())
}

#[tokio::test]
async fn minima_with_every_qualifier_on_both_sides_of_the_limit() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    for qualifier in ["", "=", "<", ">"] {
        for value in ["0", "5.99", "6", "6.01", "9"] {
            chart.value(qualifier, value, ">=", "6");
        }
    }
    agrees(&chart, 8).await?;
    Ok(())
}

#[tokio::test]
async fn percentages_are_rounded_half_up_in_decimal() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    for (value, limit) in [
        ("0.0215", "0.02"),
        ("1.005", "1"),
        ("1.015", "1"),
        ("2.675", "1"),
        ("10.049", "10"),
        ("10.05", "10"),
        ("0.000033", "0.00001"),
        ("8.475", "6.5"),
        ("1.145", "1"),
        ("12345.678", "0.1"),
    ] {
        chart.value("=", value, "<=", limit);
    }
    for (value, limit) in [("3.98", "4"), ("3.99", "4"), ("5.995", "6"), ("0.995", "1"), ("0", "5")] {
        chart.value("=", value, ">=", limit);
    }
    agrees(&chart, 15).await?;
    Ok(())
}

#[tokio::test]
async fn other_units_are_compared_in_standard_units() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    let mut unit = |value: &str, unit: &str, standard: &str, limit: &str, limit_unit: &str, limit_standard: &str| {
        chart.row(&[
            ("dmr_value_nmbr", value),
            ("dmr_unit_desc", unit),
            ("dmr_value_standard_units", standard),
            ("limit_value_nmbr", limit),
            ("limit_unit_desc", limit_unit),
            ("limit_value_standard_units", limit_standard),
            ("standard_unit_desc", if unit == "lb/d" { "kg/d" } else { "mg/L" }),
        ]);
    };
    unit("11", "ug/L", ".011", ".01", "mg/L", ".01");
    unit("9", "ug/L", ".009", ".01", "mg/L", ".01");
    unit(".011", "mg/L", ".011", "10", "ug/L", ".01");
    unit(".01", "mg/L", ".01", "10", "ug/L", ".01");
    unit("3000", "ng/L", ".003", "2", "ug/L", ".002");
    // A load: the comparison in pounds has a different result than it would have across units.
    unit("10", "lb/d", "4.5359237", "4", "kg/d", "4");
    unit("8", "lb/d", "3.62873896", "4", "kg/d", "4");
    unit("10", "lb/d", "4.5359237", "9", "lb/d", "4.08233133");
    agrees(&chart, 5).await?;
    Ok(())
}

#[tokio::test]
async fn without_standard_units_the_reported_ones_are_compared_or_the_row_is_refused() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    let mut bare = |value: &str, unit: &str, limit: &str, limit_unit: &str| {
        chart.row(&[
            ("dmr_value_nmbr", value),
            ("dmr_unit_desc", unit),
            ("dmr_value_standard_units", ""),
            ("limit_value_nmbr", limit),
            ("limit_unit_desc", limit_unit),
            ("limit_value_standard_units", ""),
            ("standard_unit_desc", ""),
        ]);
    };
    bare("11", "mg/L", "10", "mg/L");
    bare("10", "mg/L", "10", "mg/L");
    bare("11", "ug/L", ".01", "mg/L");
    bare("1000", "ng/L", ".9", "ppb");
    bare("120", "SU", "100", "SU");
    bare("120", "lb/d", "1", "mg/L");
    let answer = agrees(&chart, 4).await?;
    assert_eq!((&answer["rows_taken"], &answer["rows_refused"]), (&json!(5), &json!(1)));
    let error = &answer["errors"][0];
    assert_eq!(
        (&error["line"], &error["column"], &error["text"]),
        (&json!(7), &json!("limit_unit_desc"), &json!("mg/L"))
    );
    Ok(())
}

#[tokio::test]
async fn a_limit_given_in_one_form_only_still_judges_a_value_given_in_the_other() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut chart = Chart::default();
    let standard_value = [("dmr_value_nmbr", ""), ("dmr_unit_desc", ""), ("dmr_value_standard_units", "20")];
    let reported_limit = [("limit_value_standard_units", "")];
    let reported_value = [("dmr_value_nmbr", "20"), ("dmr_value_standard_units", "")];
    let standard_limit = [("limit_value_nmbr", ""), ("limit_unit_desc", "")];
    chart.row(&standard_value);
    chart.row(&[&standard_value[..], &reported_limit].concat());
    chart.row(&[&reported_value[..], &standard_limit].concat());
    let answer = taken(&api, "", chart.file()).await?;
    assert_eq!((&answer["readings_judged"], &answer["alerts"]["total"]), (&json!(3), &json!(3)));
    assert!(alerts(&api, "XX0000001").await?.iter().all(|alert| alert["percent"] == 100));
    Ok(())
}

#[tokio::test]
async fn rows_with_no_data_codes_are_counted_by_code_and_are_no_errors() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    for code in ["C", "C", "9", "B", ""] {
        chart.row(&[("dmr_value_nmbr", ""), ("dmr_value_standard_units", ""), ("nodi_code", code)]);
    }
    chart.value("=", "11", "<=", "10");
    let answer = agrees(&chart, 1).await?;
    assert_eq!((&answer["rows"], &answer["rows_taken"], &answer["rows_refused"]), (&json!(6), &json!(1), &json!(0)));
    assert_eq!(answer["rows_without_reading"], 5);
    assert_eq!(
        answer["without_reading"],
        json!({"NODI 9: not due": 1, "NODI B: not detected": 1, "NODI C: not due": 2, "no value": 1})
    );
    Ok(())
}

#[tokio::test]
async fn pass_or_fail_and_limits_of_zero() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    for value in ["0", "1"] {
        chart.row(&[
            ("parameter_desc", "Toxicity [pass/fail]"),
            ("dmr_value_nmbr", value),
            ("dmr_value_standard_units", value),
            ("dmr_unit_desc", "pass=0;fail=1"),
            ("limit_value_nmbr", "0"),
            ("limit_value_standard_units", "0"),
            ("limit_unit_desc", "pass=0;fail=1"),
            ("standard_unit_desc", "pass=0;fail=1"),
        ]);
    }
    chart.value("=", "0.1", "<=", "0").value("<", "0.1", "<=", "0").value(">", "0.1", "<=", "0");
    let answer = agrees(&chart, 4).await?;
    assert_eq!(answer["alerts"]["by_severity"], json!({"critical": 4}));
    Ok(())
}

#[tokio::test]
async fn rows_without_a_limit_are_kept_reported_and_not_judged() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    let free = [("limit_value_nmbr", ""), ("limit_value_standard_units", ""), ("limit_value_qualifier_code", "")];
    chart.row(&[&free[..], &[("parameter_desc", "Flow"), ("dmr_value_nmbr", "1000000")]].concat());
    chart.value("=", "11", "<=", "10");
    let answer = agrees(&chart, 1).await?;
    assert_eq!((&answer["readings"], &answer["readings_judged"]), (&json!(2), &json!(1)));
    assert_eq!(answer["parameters_without_limit"], json!(["Flow"]));
    Ok(())
}

#[tokio::test]
async fn outfalls_and_permits_are_kept_apart() -> anyhow::Result<()> {
    let mut chart = Chart::default();
    // All in one month: only outfall, permit, statistic and location distinguish them.
    for permit in ["XX0000001", "XX0000002"] {
        for outfall in ["001", "002", "SUM"] {
            for (base, value) in [("DAILY AV", "11"), ("DAILY MX", "9")] {
                chart.row(&[
                    ("npdes_id", permit),
                    ("perm_feature_nmbr", outfall),
                    ("statistical_base_short_desc", base),
                    ("monitoring_period_end_date", "01/31/2024"),
                    ("dmr_value_nmbr", value),
                    ("dmr_value_standard_units", value),
                ]);
            }
        }
    }
    let answer = agrees(&chart, 6).await?;
    assert_eq!((&answer["sites"], &answer["series"]), (&json!(["XX0000001", "XX0000002"]), &json!(12)));
    Ok(())
}

/// Charts of other years lack columns, or have additional ones.
#[tokio::test]
async fn a_value_is_the_same_one_whatever_else_a_chart_says_of_its_limit() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", ECHO).await?;
    let chart = |change: &dyn Fn(&mut Vec<String>, bool)| {
        let (mut reader, mut writer) =
            (csv::Reader::from_reader(ECHO.as_bytes()), csv::Writer::from_writer(Vec::new()));
        let header = reader.headers().cloned()?;
        let rows = std::iter::once(Ok(header)).chain(reader.into_records());
        for (number, row) in rows.enumerate() {
            let mut cells: Vec<String> = row?.iter().map(str::to_owned).collect();
            change(&mut cells, number == 0);
            writer.write_record(&cells)?;
        }
        anyhow::Ok(writer.into_inner()?)
    };
    let season = chart(&|cells, is_header| cells.push(if is_header { "limit_season_id" } else { "0" }.to_owned()))?;
    let answer = taken(&api, "", season).await?;
    assert_eq!((&answer["readings_replaced"], &answer["alerts"]["new"]), (&json!(0), &json!(0)), "{answer}");
    assert_eq!(alerts(&api, "TX0119407").await?.len(), 8);
    // EPA turns limits into benchmarks, and takes the violations back.
    let header = csv::Reader::from_reader(ECHO.as_bytes()).headers()?.clone();
    let kind = header.iter().position(|name| name == "limit_type_code");
    let kind = kind.ok_or_else(|| anyhow::anyhow!("the chart has no types of limits"))?;
    let benchmarks = chart(&|cells, is_header| {
        if !is_header && !cells[kind].is_empty() {
            cells[kind] = "ALR".to_owned();
        }
    })?;
    taken(&api, "", benchmarks).await?;
    let kinds: BTreeSet<String> =
        alerts(&api, "TX0119407").await?.iter().map(|alert| alert["kind"].to_string()).collect();
    assert_eq!(kinds, BTreeSet::from(["\"benchmark\"".to_owned()]));
    Ok(())
}

#[tokio::test]
async fn rows_of_another_permit_are_refused_where_the_query_names_the_site() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut chart = Chart::default();
    chart.value("=", "11", "<=", "10").row(&[("npdes_id", "XX0000002")]);
    let answer = taken(&api, "?site=plant", chart.file()).await?;
    assert_eq!(
        (&answer["sites"], &answer["rows_taken"], &answer["rows_refused"]),
        (&json!(["plant"]), &json!(1), &json!(1))
    );
    assert_eq!((&answer["errors"][0]["line"], &answer["errors"][0]["column"]), (&json!(3), &json!("npdes_id")));
    assert_eq!(alerts(&api, "plant").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_permit_of_the_site_judges_reported_values_besides_their_own_limits() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut chart = Chart::default();
    chart.value("=", "9", "<=", "10").value("=", "7", "<=", "10");
    let permit = json!({"limits": [{"parameter": "solids", "value": 8, "unit": "mg/L", "statistic": "as_reported"}]});
    permitted(&api, "XX0000001", &permit).await?;
    let answer = taken(&api, "", chart.file()).await?;
    let found = alerts(&api, "XX0000001").await?;
    assert_eq!((&answer["alerts"]["total"], found.len()), (&json!(1), 1));
    assert_eq!(
        (&found[0]["limit"], &found[0]["percent"], &found[0]["statistic"]),
        (&json!(8.0), &json!(13), &json!("as_reported"))
    );
    Ok(())
}
