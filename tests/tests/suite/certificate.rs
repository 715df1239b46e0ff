//! The certificate of compliance: status, figures, and that nothing in it can be misread or abused.

use crate::support::{alerts, permitted, served, taken, tidy};
use serde_json::{Value, json};
use tests::{Api, ECHO, Socket};

/// The page of a certificate, which must succeed.
async fn certificate(api: &Api, query: &str) -> anyhow::Result<String> {
    let response = api.get(&format!("/api/certificate?{query}")).await?;
    let (status, page) = (response.status(), response.text().await?);
    anyhow::ensure!(status == 200, "{query}: {status} {page:.300}");
    Ok(page)
}

/// The text between two others.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let from = page.find(start).map_or(page.len(), |at| at + start.len());
    page[from..].split(end).next().unwrap_or_default()
}

/// The status on the page.
fn status(page: &str) -> &str {
    between(page, r#"<p class="status">"#, "<")
}

/// Text without tags, with a space for each.
fn plain(markup: &str) -> String {
    let mut out = String::new();
    for piece in markup.split('<').enumerate().map(|(index, piece)| match index {
        0 => piece,
        _ => piece.split_once('>').map_or("", |(_, text)| text),
    }) {
        out += piece;
        out.push(' ');
    }
    let text = out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the table with this name, as the texts of their cells.
fn table(page: &str, name: &str) -> Vec<Vec<String>> {
    let table = between(page, &format!("aria-label=\"{name}\""), "</table>");
    let body = between(table, "<tbody>", "</tbody>");
    let cells = |row: &str| row.split("<td").skip(1).map(|cell| plain(&format!("<td{cell}"))).collect();
    body.split("<tr").skip(1).map(cells).collect()
}

/// A row of a table, by its first cells.
fn row(page: &str, name: &str, cells: &[&str]) -> Vec<String> {
    let rows = table(page, name);
    let found = rows.iter().find(|row| std::iter::zip(*row, cells).all(|(cell, wanted)| cell == wanted));
    found.cloned().unwrap_or_else(|| panic!("no row {cells:?} in {rows:#?}"))
}

/// Limits in mg/L.
fn limits(list: &[(&str, &str, f64)]) -> Value {
    let limit = |(parameter, statistic, value): &(&str, &str, f64)| json!({"parameter": parameter, "statistic": statistic, "value": value});
    json!({ "limits": list.iter().map(limit).collect::<Vec<_>>() })
}

#[tokio::test]
async fn the_real_file_gives_epas_eight_exceedances_and_their_percentages() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let answer = taken(&api, "?source=chart.csv", ECHO).await?;
    let page = certificate(&api, "site=tx0119407").await?;
    assert_eq!(status(&page), "NON-COMPLIANT");
    let rows = table(&page, "Exceedances");
    let found: Vec<_> = rows.iter().map(|row| [0, 2, 3, 4, 6].map(|cell| row[cell].as_str())).collect();
    let bod = "BOD, carbonaceous [5 day, 20 C]";
    assert_eq!(
        found,
        [
            ["2021-08-31", bod, "DAILY AV", "16.2 mg/L", "62 %"],
            ["2021-09-30", bod, "DAILY AV", "15.5 mg/L", "55 %"],
            ["2021-10-31", bod, "DAILY AV", "16 mg/L", "60 %"],
            ["2021-11-30", bod, "DAILY AV", "14.4 mg/L", "44 %"],
            ["2021-12-31", bod, "DAILY AV", "10.75 mg/L", "8 %"],
            ["2022-01-31", bod, "DAILY AV", "11 mg/L", "10 %"],
            ["2022-02-28", bod, "DAILY AV", "12.75 mg/L", "28 %"],
            ["2022-03-31", "Nitrogen, ammonia total [as N]", "DAILY AV", "3.12 mg/L", "4 %"],
        ]
    );
    let site = alerts(&api, "TX0119407").await?;
    let percents: Vec<_> = site.iter().map(|alert| format!("{} %", alert["percent"])).collect();
    assert_eq!(percents, rows.iter().map(|row| row[6].clone()).collect::<Vec<_>>(), "as the API says");
    // The statistics are computed from the readings, not from the alerts, and find the same exceedances.
    let statistics = table(&page, "Statistics");
    let counted: u64 = statistics.iter().map(|row| row[8].parse::<u64>().unwrap_or(99)).sum();
    assert_eq!((statistics.len(), counted), (17, 8));
    assert_eq!(row(&page, "Statistics", &["001", bod, "DAILY AV", "≤ 10 mg/L"])[6..], ["16.2 mg/L", "162 %", "7"]);
    assert_eq!(row(&page, "Statistics", &["001", "Oxygen, dissolved [DO]"])[6..], ["4.6 mg/L", "115 %", "0"]);
    let total = table(&page, "Readings in the period").pop().unwrap_or_default();
    assert_eq!(total[..3], ["All 18 series", "720", "80"]);
    assert_eq!(
        row(&page, "Limits that came with the readings", &["pH", "001", "MINIMUM"])[3..],
        ["minimum", "6 SU", "40"]
    );
    // Each exceedance has its action, each file its digest.
    let actions = plain(between(&page, r#"<ol class="actions">"#, "</ol>"));
    assert!(actions.contains("aeration basin") && actions.contains("nitrification"), "{actions}");
    let file = table(&page, "Files").pop().unwrap_or_default();
    assert!(
        file[0].contains(answer["id"].as_str().unwrap_or("?"))
            && file[0].contains(answer["digest"].as_str().unwrap_or("?"))
    );
    assert!(file[1].contains("chart.csv") && file[1].contains("127.0.0.1"), "{file:?}");
    assert_eq!(file[4..], ["720 / 0", "720"]);
    assert_eq!(page.matches("<figure>").count(), 18);
    for needed in ["built-in default permit", "40 CFR 122.22(d)(1)", "Signature", env!("CARGO_PKG_VERSION")] {
        assert!(page.contains(needed), "{needed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_period_with_and_without_exceedances() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", ECHO).await?;
    let part = certificate(&api, "site=TX0119407&from=2021-08-31&to=2021-10-31").await?;
    assert_eq!((status(&part), table(&part, "Exceedances").len()), ("NON-COMPLIANT", 3), "both ends included");
    assert_eq!(table(&part, "Readings in the period").pop().unwrap_or_default()[1], "54");
    let clean = certificate(&api, "site=TX0119407&from=2022-04-01&to=2022-12-31").await?;
    assert_eq!(status(&clean), "COMPLIANT");
    assert!(clean.contains("None was found in the period."));
    let other = certificate(&api, "site=TX0119407&from=1999-01-01&to=1999-12-31").await?;
    assert_eq!(status(&other), "INSUFFICIENT DATA");
    assert!(other.contains("There is no reading in the period."));
    Ok(())
}

#[tokio::test]
async fn fault_23_no_data_is_not_compliant_and_a_clean_file_is() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    permitted(&api, "empty", &limits(&[("SO4", "instant", 250.0)])).await?;
    assert_eq!(status(&certificate(&api, "site=empty").await?), "INSUFFICIENT DATA");
    taken(&api, "?site=clean", tidy(&["0,SO4,100", "1,SO4,250", "2,SO4,200"])).await?;
    let clean = certificate(&api, "site=clean").await?;
    assert_eq!(status(&clean), "INSUFFICIENT DATA", "the built-in permit was not written for the site");
    permitted(&api, "clean", &limits(&[("SO4", "instant", 250.0)])).await?;
    assert_eq!(status(&certificate(&api, "site=clean").await?), "COMPLIANT", "a value at the limit does not exceed it");
    taken(&api, "?site=strange", tidy(&["0,Xyz,100"])).await?;
    let strange = certificate(&api, "site=strange").await?;
    assert_eq!(status(&strange), "INSUFFICIENT DATA");
    assert!(strange.contains("was compared with any limit"));
    Ok(())
}

#[tokio::test]
async fn what_a_permit_of_ones_own_limits_has_to_be_measured() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let jan = |value: f64| format!("time,species,concentration\n2026-01-10,SO4,{value}\n2026-01-20,SO4,{value}\n");
    taken(&api, "?site=a", jan(100.0)).await?;
    let why = async |permit: &Value, query: &str| -> anyhow::Result<(String, String)> {
        permitted(&api, "a", permit).await?;
        let page = certificate(&api, query).await?;
        Ok((status(&page).to_owned(), plain(between(&page, r#"<section class="gaps""#, "</section>"))))
    };
    let both = limits(&[("SO4", "instant", 250.0), ("Ni", "daily_max", 0.1)]);
    let (state, gaps) = why(&both, "site=a").await?;
    assert_eq!(state, "INSUFFICIENT DATA");
    assert!(gaps.contains("Ni , daily maximum ≤ 0.1 mg/L : no reading of it in the period."), "{gaps}");
    // Out of season it need not be met, but in season it must.
    let mut seasonal = both.clone();
    seasonal["limits"][1]["months"] = json!([6, 7]);
    assert_eq!(why(&seasonal, "site=a").await?.0, "COMPLIANT");
    assert_eq!(why(&seasonal, "site=a&from=2026-01-01&to=2026-06-01").await?.0, "INSUFFICIENT DATA");
    let (state, gaps) = why(&limits(&[("SO4", "rolling_mean(3)", 250.0)]), "site=a").await?;
    assert!(state == "INSUFFICIENT DATA" && gaps.contains("fewer than the 3 consecutive readings"), "{gaps}");
    let monthly = limits(&[("SO4", "monthly_avg", 250.0)]);
    for cut in ["site=a&from=2026-01-05&to=2026-01-31", "site=a&from=2026-01-01&to=2026-01-15"] {
        assert_eq!(why(&monthly, cut).await?.0, "COMPLIANT", "a month that is cut is judged as a whole");
    }
    let (state, gaps) = why(&monthly, "site=a&from=2026-01-05&to=2026-03-31").await?;
    assert!(state == "INSUFFICIENT DATA" && gaps.contains("no value for 2026-02, 2026-03"), "{gaps}");
    assert_eq!(why(&json!({"limits": []}), "site=a").await?.0, "INSUFFICIENT DATA");
    Ok(())
}

#[tokio::test]
async fn units_that_do_not_compare_are_named() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = "time,species,concentration,unit\n0,SO4,100,mg/L\n1,SO4,9,kg/d\n2,SO4,90000,ug/L\n";
    taken(&api, "", rows).await?;
    let page = certificate(&api, "site=default").await?;
    assert_eq!(status(&page), "INSUFFICIENT DATA");
    let gaps = plain(between(&page, r#"<section class="gaps""#, "</section>"));
    assert!(
        gaps.contains("SO4 at outfall 001 : 1 reading in kg/d cannot be compared with a limit in mg/L ."),
        "{gaps}"
    );
    Ok(())
}

#[tokio::test]
async fn statistics_are_those_computed_by_hand() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let mut permit = limits(&[
        ("X", "instant", 50.0),
        ("X", "daily_avg", 20.0),
        ("X", "daily_max", 25.0),
        ("X", "rolling_mean(2)", 16.0),
    ]);
    permit["limits"][1]["non_detect"] = json!("half");
    permit["limits"][2]["action"] = json!("Call the shift lead");
    permitted(&api, "default", &permit).await?;
    let rows = "time,species,concentration,qualifier\n\
        2026-01-01T06:00Z,X,10,\n2026-01-01T12:00Z,X,8,<\n2026-01-01T18:00Z,X,31,\n2026-01-02T06:00Z,X,4,\n";
    taken(&api, "", rows).await?;
    let page = certificate(&api, "site=default").await?;
    assert_eq!(status(&page), "NON-COMPLIANT");
    let statistic = |name: &str| row(&page, "Statistics", &["001", "X", name])[4..].to_vec();
    // The mean is that of 10, 31 and 4.
    assert_eq!(statistic("each result"), ["4", "15", "31 mg/L", "62 %", "0"]);
    // (10 + 8/2 + 31) / 3 = 15 and 4.
    assert_eq!(statistic("daily average"), ["2", "9.5", "15 mg/L", "75 %", "0"]);
    assert_eq!(statistic("daily maximum"), ["2", "17.5", "31 mg/L", "124 %", "1"]);
    // (10 + 0) / 2 = 5, (0 + 31) / 2 = 15.5, (31 + 4) / 2 = 17.5.
    assert_eq!(statistic("mean of 2 results"), ["3", "12.667", "17.5 mg/L", "109.4 %", "1"]);
    let found: Vec<_> =
        table(&page, "Exceedances").iter().map(|row| [0, 3, 4, 6].map(|cell| row[cell].clone())).collect();
    assert_eq!(
        found,
        [
            ["2026-01-01", "daily maximum", "31 mg/L", "24 %"],
            ["2026-01-02 06:00:00", "mean of 2 results", "17.5 mg/L", "9 %"]
        ]
    );
    let actions = plain(between(&page, r#"<ol class="actions">"#, "</ol>"));
    assert!(
        actions.contains("Call the shift lead (the permit's action)") && actions.contains("confirmation sample"),
        "{actions}"
    );
    assert_eq!(row(&page, "Limits of the permit", &["X", "every", "daily average"])[6], "half the detection limit");
    assert!(page.contains("version 1, adopted "));
    Ok(())
}

#[tokio::test]
async fn every_statistic_agrees_with_the_alerts_wherever_a_period_is_cut() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let statistics = [
        "instant",
        "daily_max",
        "daily_min",
        "daily_avg",
        "weekly_avg",
        "monthly_avg",
        "geomean_30d",
        "rolling_mean(5)",
    ];
    let all: Vec<_> = statistics.iter().map(|statistic| ("X", *statistic, 50.0)).collect();
    let mut permit = limits(&all);
    permit["limits"][2]["direction"] = json!("min");
    permitted(&api, "default", &permit).await?;
    let value = |index: u64| (index * 7919) % 97 + index / 40;
    let day = |index: u64| (index / 4 / 28 + 1, index / 4 % 28 + 1, index % 4 * 6);
    let row = |index: u64| {
        let (month, day, hour) = day(index);
        let qualifier = if index.is_multiple_of(9) { "<" } else { "" };
        format!("2026-{month:02}-{day:02}T{hour:02}:00Z,X,{},{qualifier}", value(index))
    };
    let rows: Vec<_> = (0..4 * 28 * 4).map(row).collect();
    taken(&api, "", format!("time,species,concentration,qualifier\n{}\n", rows.join("\n"))).await?;
    let all = api.list("/api/alerts?site=default&limit=1000", "alerts").await?;
    let mut total = 0;
    for (from, to) in [
        ("2026-01-01", "2026-04-30"),
        ("2026-01-17T07:00Z", "2026-03-12T13:00Z"),
        ("2026-02-02T06:00Z", "2026-02-02T06:00Z"),
        ("2026-02-03", "2026-02-03"),
        ("2026-02-27", "2026-03-01T00:00Z"),
        ("2025-01-01", "2026-01-10T12:00Z"),
        ("2026-04-20T01:00Z", "2027-01-01"),
    ] {
        let query =
            format!("from={from}&to={}", if to.len() == 10 { format!("{to}T23:59:59.999999Z") } else { to.to_owned() });
        let found = api.list(&format!("/api/alerts?site=default&limit=1000&{query}"), "alerts").await?;
        let page = certificate(&api, &format!("site=default&from={from}&to={to}")).await?;
        assert!(!page.contains("were being judged"), "{from} {to}: readings and alerts disagree");
        let listed: u64 = table(&page, "Statistics").iter().map(|row| row[8].parse::<u64>().unwrap_or_default()).sum();
        // Periods cut by the range are judged as a whole, including those that begin before it.
        let is_cut = |alert: &&Value| {
            let period = alert["period"].as_str().unwrap_or_default();
            let day = &from[..10];
            match period.split_once('/') {
                Some((first, last)) => (first..=last).contains(&day),
                None => [7, 10].contains(&period.len()) && day.starts_with(period),
            }
        };
        let cut = all.iter().filter(is_cut).filter(|alert| !found.contains(alert)).count();
        assert_eq!(listed as usize, table(&page, "Exceedances").len(), "{from} {to}");
        assert_eq!(listed as usize, found.len() + cut, "{from} {to}");
        total += found.len();
    }
    assert!(total > 500, "{total}");
    Ok(())
}

#[tokio::test]
async fn days_of_a_load_that_lack_one_of_the_two_are_counted() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let limit = json!({"parameter": "BOD", "value": 1000, "unit": "lb/d", "statistic": "daily_avg", "flow": "Flow"});
    permitted(&api, "default", &json!({"limits": [limit]})).await?;
    let rows = ["01,BOD,30,mg/L", "01,Flow,2,MGD", "02,BOD,30,mg/L", "03,Flow,2,MGD", "04,Flow,2,MGD"];
    let rows: Vec<_> = rows.iter().map(|row| format!("2026-03-{row}")).collect();
    taken(&api, "", format!("date,parameter,value,unit\n{}\n", rows.join("\n"))).await?;
    let page = certificate(&api, "site=default&from=2026-03-01&to=2026-03-31").await?;
    let load = row(&page, "Statistics", &["001", "BOD", "daily average"]);
    // 2 MGD of 30 mg/L are 500.4 lb a day.
    assert_eq!(load[4..7], ["1 3 periods with one of the two alone", "500.4", "500.4 lb/d"]);
    Ok(())
}

#[tokio::test]
async fn every_reading_has_its_origin() -> anyhow::Result<()> {
    let (server, api) = served().await?;
    let file = |name: &str| format!("?site=a&source={name}");
    taken(&api, "?site=elsewhere&source=other", tidy(&["1,SO4,1"])).await?;
    taken(&api, &file("first"), tidy(&["1,SO4,100", "2,SO4,101", "30,SO4,102"])).await?;
    taken(&api, &file("correction"), tidy(&["2,SO4,99", "bad,SO4,1"])).await?;
    taken(&api, &file("later"), tidy(&["40,SO4,99"])).await?;
    let url = server.ws_url("/ws/effluent?site=a");
    let (mut publisher, mut watcher) = (Socket::ready(&url).await?, Socket::ready(&url).await?);
    for time in [5.0, 6.0, 50.0] {
        publisher.send(&json!({"time": time, "species": "SO4", "concentration": 90})).await?;
    }
    for _ in 0..3 {
        watcher.next_of("reading").await?;
    }
    permitted(&api, "a", &limits(&[("SO4", "instant", 250.0)])).await?;
    let page = certificate(&api, "site=a&from=0&to=24").await?;
    assert_eq!(status(&page), "INSUFFICIENT DATA", "a row was refused");
    let id = between(&page, "(ingest <code>", "<").to_owned();
    let (answer, _) = api.post(&format!("/api/ingests/{id}/resolution"), &json!({"reason": "a test row"})).await?;
    assert_eq!(answer, 200);
    let page = certificate(&api, "site=a&from=0&to=24").await?;
    assert_eq!(status(&page), "COMPLIANT");
    let files: Vec<_> = table(&page, "Files").iter().map(|row| [1, 4, 5].map(|cell| row[cell].clone())).collect();
    // The first file has two readings in the period, one of which the second file corrects.
    assert_eq!(
        files,
        [["first from 127.0.0.1", "3 / 0", "2"], ["correction from 127.0.0.1", "1 / 1 (dealt with)", "1"]]
    );
    assert!(plain(&page).contains("2 readings of the period came live, one by one"));
    assert_eq!(table(&page, "Readings in the period").pop().unwrap_or_default()[1], "4");
    assert_eq!(row(&page, "Statistics", &["001", "SO4", "each result"])[4..6], ["4", "94.75"]);
    Ok(())
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let evil = "<script>alert(1)</script>\" onload='x' \u{202e}gnp.exe &amp;";
    let quoted = evil.replace('"', "\"\"");
    let csv =
        format!("time,species,concentration,unit,outfall\n0,\"{quoted}\",9,mg/L,\"{quoted}\"\n1,As,9,\"<b>\",001\n");
    // In a path, API Gateway decodes an encoded slash.
    let query: String = evil.replace('/', "").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let permit =
        json!({"limits": [{"parameter": evil, "value": 1, "statistic": "instant", "action": evil, "outfall": evil}]});
    permitted(&api, &query, &permit).await?;
    taken(&api, &format!("?site={query}&source={query}"), csv).await?;
    let page = certificate(&api, &format!("site={query}")).await?;
    assert_eq!(status(&page), "NON-COMPLIANT");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload='x'"));
    for forbidden in ["<script", "<b>", "\" onload", "style=", "javascript:", "http://", "https://", " src="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // Every name is isolated, so that right-to-left text affects nothing else.
    let marks: Vec<_> = page.match_indices('\u{202e}').map(|(at, _)| &page[..at]).collect();
    assert!(marks.len() > 10, "{}", marks.len());
    for before in marks {
        let (open, closed) = (before.rfind("<bdi"), before.rfind("</bdi>"));
        assert!(open > closed, "{:?}", before.rsplit('<').next());
    }
    Ok(())
}

#[tokio::test]
async fn the_page_has_its_own_policy_and_is_kept_nowhere() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "?site=P%201", tidy(&["0,SO4,100"])).await?;
    let response = api.get("/api/certificate?site=p%201&from=0&to=47.5").await?;
    let header = |name: &str| response.headers()[name].to_str().map(str::to_owned);
    let policy = header("content-security-policy")?;
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for part in ["img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(header("cache-control")?, "no-store");
    assert_eq!(header("content-disposition")?, "inline; filename=\"certificate-P-1-0-h-47-5-h.html\"");
    assert!(header("content-type")?.starts_with("text/html"));
    let id = header("x-request-id")?;
    let page = response.text().await?;
    assert!(page.contains(&id) && page.contains("0 h to 47.5 h"));
    assert_eq!((page.matches("<style").count(), page.matches("<main class=\"certificate\"").count()), (1, 1));
    Ok(())
}

#[tokio::test]
async fn questions_that_have_no_answer_are_refused() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "", tidy(&["0,SO4,100"])).await?;
    for (query, status, word) in [
        ("", 400, "site"),
        ("site=%20", 400, "site"),
        ("site=nowhere", 404, "no such site"),
        ("site=default&from=2026-02-01&to=2026-01-31", 400, "from is after to"),
        ("site=default&from=soon", 400, "from"),
        ("site=default&to=2026-02-30", 400, "to"),
        ("site=default&until=1", 400, "until"),
    ] {
        let response = api.get(&format!("/api/certificate?{query}")).await?;
        let (got, body) = (response.status().as_u16(), response.text().await?);
        assert!(got == status && body.contains(word), "{query}: {got} {body}");
    }
    assert_eq!(status(&certificate(&api, "site=default&from=2026-01-01&to=2026-01-01").await?), "INSUFFICIENT DATA");
    Ok(())
}

#[tokio::test]
async fn a_long_record_is_listed_in_part_and_counted_in_full() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows: Vec<_> = (0..3000).map(|hour| format!("{hour},SO4,{}", 300 + hour % 7)).collect();
    taken(&api, "", tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>())).await?;
    let page = certificate(&api, "site=default").await?;
    // 3,000 readings and 2,998 means of three.
    assert!(
        page.contains("5,998 exceedances in the period: 5,998 minor"),
        "{}",
        between(&page, "class=\"why\"", "</p>")
    );
    assert_eq!(table(&page, "Exceedances").len(), 1000);
    assert!(plain(&page).contains("Not listed here: 4,998 more."));
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert_eq!(
        row(&page, "Statistics", &["001", "SO4", "each result"])[4..],
        ["3,000", "303", "306 mg/L", "122.4 %", "3,000"]
    );
    Ok(())
}
