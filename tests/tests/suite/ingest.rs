//! CSV files over HTTP: shapes, dialects, refusals, repetition.

use crate::support::{everything, numbers, refused, serve, served, stored, taken, texts, tidy};
use anyhow::Context;
use serde_json::{Value, json};
use std::process::Stdio;
use tests::{Api, Server};
use tokio::io::AsyncWriteExt;

/// A file compressed by `gzip`.
async fn gzipped(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut gzip = tokio::process::Command::new("gzip");
    let mut child = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or_else(|| anyhow::anyhow!("no standard input"))?;
    let bytes = bytes.to_vec();
    let feeding = tokio::spawn(async move { input.write_all(&bytes).await });
    let output = child.wait_with_output().await?;
    feeding.await??;
    Ok(output.stdout)
}

async fn post(api: &Api, headers: &[(&str, &str)], body: Vec<u8>) -> anyhow::Result<(u16, Value)> {
    let request = api.request(reqwest::Method::POST, "/api/ingest");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (status, body) = tests::client::read(request.body(body).send().await?).await?;
    Ok((status.as_u16(), body))
}

#[tokio::test]
async fn the_same_readings_in_every_dialect_are_stored_alike() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let plain = "time,species,concentration,unit,qualifier\n1,\"SO4\",251.2,mg/L,\n2.5,SO4,12.5,ug/L,<\n";
    let dialects = [
        ("comma", plain.to_owned()),
        ("semicolon", plain.replace(',', ";")),
        ("tab", plain.replace(',', "\t")),
        ("bom", format!("\u{feff}{plain}")),
        ("crlf", plain.replace('\n', "\r\n")),
        ("open", plain.trim_end().to_owned()),
        ("blank-lines", plain.replace('\n', "\n\n")),
        ("quoted", plain.replace("SO4", "\"SO4\"").replace("\"\"SO4\"\"", "\"SO4\"").replace("251.2", "\"251.2\"")),
        ("names", plain.replace("time,species,concentration", " Time_h ,PARAMETER,Value")),
        ("decimal-comma", plain.replace(',', ";").replace("251.2", "251,2").replace("12.5", "12,5")),
    ];
    for (site, file) in dialects {
        let answer = taken(&api, &format!("?site={site}"), file).await?;
        assert_eq!(
            (&answer["rows"], &answer["rows_taken"], &answer["shape"]),
            (&json!(2), &json!(2), &json!("tidy")),
            "{site}"
        );
        assert_eq!(stored(&api, site, "SO4").await?, ["1.0 251.2 mg/L =", "2.5 12.5 ug/L <"], "{site}");
    }
    Ok(())
}

#[tokio::test]
async fn quoted_fields_may_hold_delimiters_quotes_and_line_breaks() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = "time,species,concentration,comment\n1,\"BOD, \"\"5 day\"\"\",30,\"two\nlines\"\nx,BOD,1,\n";
    let answer = taken(&api, "", file).await?;
    assert_eq!(stored(&api, "default", "BOD, \"5 day\"").await?, ["1.0 30.0 mg/L ="]);
    assert_eq!(answer["ignored_columns"], json!(["comment"]));
    assert_eq!(answer["errors"][0]["line"], 4, "line breaks within quotes count as lines");
    Ok(())
}

#[tokio::test]
async fn an_empty_cell_of_a_wide_file_is_missing_and_not_zero() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for time in ["time", "time_h", "hours"] {
        let file = format!("{time},SO4_mgL,As_ugL,pH (SU)\n1,100,,7\n2,,5, \n3,,,\n4,0,<2,>8\n");
        let answer = taken(&api, &format!("?site={time}"), file).await?;
        assert_eq!((&answer["shape"], &answer["rows"], &answer["readings"]), (&json!("wide"), &json!(4), &json!(6)));
        assert_eq!((&answer["rows_taken"], &answer["rows_without_reading"]), (&json!(3), &json!(1)));
        assert_eq!(stored(&api, time, "SO4").await?, ["1.0 100.0 mg/L =", "4.0 0.0 mg/L ="]);
        assert_eq!(stored(&api, time, "As").await?, ["2.0 5.0 ug/L =", "4.0 2.0 ug/L <"]);
        assert_eq!(stored(&api, time, "pH").await?, ["1.0 7.0 SU =", "4.0 8.0 SU >"]);
    }
    Ok(())
}

#[tokio::test]
async fn times_are_hours_or_rfc_3339_and_shown_as_they_were_written() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    taken(&api, "?site=hours", tidy(&["-1.5,Zn,1", "0,Zn,2", "1e2,Zn,3"])).await?;
    assert_eq!(stored(&api, "hours", "Zn").await?, ["-1.5 1.0 mg/L =", "0.0 2.0 mg/L =", "100.0 3.0 mg/L ="]);
    let clock =
        ["2026-03-01T06:00:00-06:00,Zn,1", "2026-03-01 18:00,Zn,2", "2026-03-03,Zn,3", "2026-03-02T00:00:00.5Z,Zn,4"];
    taken(&api, "?site=clock", tidy(&clock)).await?;
    let expected = [
        "2026-03-01T12:00:00Z 1.0 mg/L =",
        "2026-03-01T18:00:00Z 2.0 mg/L =",
        "2026-03-02T00:00:00.5Z 4.0 mg/L =",
        "2026-03-03 3.0 mg/L =",
    ];
    assert_eq!(stored(&api, "clock", "Zn").await?, expected);
    Ok(())
}

#[tokio::test]
async fn what_is_hardly_possible_is_taken_judged_and_listed() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let first = taken(&api, "", tidy(&["1,Zn,25", "2,Zn,-1", "3,pH,7"])).await?;
    assert_eq!((&first["warnings_total"], &first["warnings"][0]["line"]), (&json!(1), &json!(3)), "{first}");
    // The series had 25 mg/L at most.
    let file = "time,species,concentration,unit\n4,Zn,249.9,mg/L\n5,Zn,250,mg/L\n6,Zn,250000,ug/L\n7,Ni,9999,mg/L\n";
    let second = taken(&api, "", file.to_owned()).await?;
    assert_eq!((&second["rows_taken"], &second["warnings_total"]), (&json!(4), &json!(2)), "{second}");
    assert_eq!(numbers(second["warnings"].as_array().context("no list")?, "line"), [3.0, 4.0]);
    assert_eq!(second["warnings"][0]["reason"], "ten times what the series ever had, or more");
    assert_eq!(stored(&api, "default", "Zn").await?.len(), 5, "all are kept");
    Ok(())
}

#[tokio::test]
async fn bad_rows_are_named_with_line_column_text_and_reason() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let rows = [
        "1,Zn,abc",
        "2,Zn,NaN",
        "3,Zn,inf",
        "4,Zn,-Infinity",
        "5,Zn,1e999",
        "noon,Zn,1",
        "7,,1",
        "8,Zn",
        "2026-01-01,Zn,1",
        "10,Zn,1",
        "11,Zn,",
    ];
    let answer = taken(&api, "", tidy(&rows)).await?;
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    assert_eq!(numbers(&errors, "line"), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    let columns: Vec<_> = [vec!["concentration"; 5], vec!["time", "species", "time", "time"]].concat();
    assert_eq!(texts(&errors, "column"), columns);
    assert_eq!(texts(&errors, "text")[..6], ["abc", "NaN", "inf", "-Infinity", "1e999", "noon"]);
    for (index, word) in [
        (0, "number"),
        (1, "NaN"),
        (2, "infinit"),
        (4, "infinit"),
        (5, "a date or time"),
        (6, "empty"),
        (7, "2 fields"),
        (8, "hours"),
    ] {
        assert!(texts(&errors, "reason")[index].contains(word), "{}", errors[index]);
    }
    let counts = ["rows", "rows_taken", "rows_refused", "rows_without_reading", "readings", "errors_total"];
    assert_eq!(counts.map(|field| answer[field].as_u64()), [11, 1, 9, 1, 1, 9].map(Some));
    assert_eq!(stored(&api, "default", "Zn").await?, ["10.0 1.0 mg/L ="]);
    Ok(())
}

#[tokio::test]
async fn a_number_among_dates_is_a_row_error_too() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let answer = taken(&api, "", tidy(&["2026-01-01,Zn,1", "5,Zn,1"])).await?;
    assert_eq!((&answer["rows_refused"], &answer["errors"][0]["line"]), (&json!(1), &json!(3)));
    Ok(())
}

#[tokio::test]
async fn a_hundred_errors_are_listed_and_all_are_counted() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for (bad, listed) in [(100, 100), (101, 100)] {
        let file = tidy(&[vec!["1,Zn,x"; bad], vec!["1,Zn,1"]].concat());
        let answer = taken(&api, "", file).await?;
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(listed));
        assert_eq!((&answer["errors_total"], &answer["rows_refused"]), (&json!(bad), &json!(bad)));
    }
    Ok(())
}

#[tokio::test]
async fn strict_refuses_the_whole_file_and_stores_nothing() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,SO4,900", "2,SO4,x"]);
    let before = everything(&api, "default").await?;
    let (code, error) = refused(&api, "?strict=true", file.clone(), 422).await?;
    assert_eq!((code.as_str(), &error["details"]["rows_refused"]), ("rows_refused", &json!(1)));
    assert_eq!(
        (&error["details"]["errors"][0]["line"], &error["details"]["errors"][0]["text"]),
        (&json!(3), &json!("x"))
    );
    assert_eq!(everything(&api, "default").await?, before);
    assert_eq!(api.json("/api/status").await?["sites"], json!([]));
    // The refusal does not make the file known.
    assert_eq!(taken(&api, "?strict=false", file).await?["status"], "stored");
    assert_eq!(taken(&api, "?strict=true", tidy(&["1,SO4,900"])).await?["rows_taken"], 1);
    Ok(())
}

#[tokio::test]
async fn a_file_without_one_good_row_is_refused() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let (code, error) = refused(&api, "", tidy(&["1,SO4,x", "2,SO4,y"]), 422).await?;
    assert_eq!((code.as_str(), &error["details"]["errors_total"]), ("rows_refused", &json!(2)));
    assert_eq!(api.json("/api/status").await?["sites"], json!([]));
    Ok(())
}

#[tokio::test]
async fn empty_files_and_unusable_headers_say_what_is_wrong() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for empty in ["", "\n\n", "\u{feff}"] {
        assert_eq!(refused(&api, "", empty, 400).await?.0, "empty_file", "{empty:?}");
    }
    for header_only in ["time,species,concentration", "time,species,concentration\n", "time,SO4_mgL\n\n"] {
        assert_eq!(refused(&api, "", header_only, 422).await?.0, "no_rows", "{header_only:?}");
    }
    let (code, error) = refused(&api, "", "tyme,SO4,Arsenic\n1,2,3\n", 422).await?;
    assert_eq!(code, "unknown_columns");
    let message = error["message"].as_str().unwrap_or_default();
    for part in ["tyme, SO4, Arsenic", "tidy", "time,species,concentration", "wide", "SO4_mgL", "ECHO", "npdes_id"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert_eq!(refused(&api, "", "time,species,value,concentration\n1,Zn,1,1\n", 422).await?.0, "unknown_columns");
    assert_eq!(refused(&api, "", b"\xff\xfet\0i\0m\0e\0".to_vec(), 422).await?.0, "unknown_columns");
    Ok(())
}

#[tokio::test]
async fn parameters_of_the_query_are_checked() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    for query in [
        "?sight=a",
        "?strict=perhaps",
        "?site=",
        "?site=%20",
        "?site=a%07b",
        "?source=a%0Ab",
        "?strict=true&strict=true",
    ] {
        assert_eq!(refused(&api, query, tidy(&["1,Zn,1"]), 400).await?.0, "bad_request", "{query}");
    }
    for path in [
        "/api/readings",
        "/api/series?sight=a",
        "/api/alerts?severity=loud",
        "/api/alerts?from=noon",
        "/api/streams?limit=0",
        "/api/streams?limit=101",
        "/api/status?limit=1",
        "/api/series?limit=0",
        "/api/series?limit=1001",
        "/api/alerts?limit=-1",
        "/api/series?cursor=***",
        "/api/alerts?cursor=YWJj",
    ] {
        assert_eq!(api.get(path).await?.status(), 400, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn other_content_types_are_refused_with_415() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,Zn,1"]).into_bytes();
    let bad: [&[(&str, &str)]; 7] = [
        &[],
        &[("content-type", "application/json")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "text/csv; charset=utf-16")],
        &[("content-type", "text/csv"), ("content-encoding", "br")],
        &[("content-type", "text/csv"), ("content-encoding", "gzip, gzip")],
        &[("content-type", "application/gzip"), ("content-encoding", "gzip")],
    ];
    for headers in bad {
        let (status, body) = post(&api, headers, file.clone()).await?;
        assert_eq!((status, &body["error"]["code"]), (415, &json!("unsupported_media_type")), "{headers:?}");
    }
    for good in ["text/csv", "Text/CSV; charset=UTF-8; header=present", "text/tab-separated-values"] {
        assert_eq!(post(&api, &[("content-type", good)], file.clone()).await?.0, 200, "{good}");
    }
    Ok(())
}

#[tokio::test]
async fn gzip_as_encoding_or_as_type_is_the_same_file_as_the_plain_one() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = tidy(&["1,SO4,900", "2,SO4,1"]).into_bytes();
    let packed = gzipped(&file).await?;
    let (status, first) =
        post(&api, &[("content-type", "text/csv"), ("content-encoding", "gzip")], packed.clone()).await?;
    assert_eq!((status, &first["status"], &first["bytes"]), (200, &json!("stored"), &json!(file.len())));
    for kind in ["application/gzip", "application/x-gzip"] {
        let (_, again) = post(&api, &[("content-type", kind)], packed.clone()).await?;
        assert_eq!((&again["status"], &again["digest"]), (&json!("known"), &first["digest"]));
    }
    assert_eq!(taken(&api, "", file).await?["status"], "known");
    let cut = packed[..packed.len() - 6].to_vec();
    let (status, body) = post(&api, &[("content-type", "application/gzip")], cut).await?;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("bad_gzip")));
    let (status, body) = post(&api, &[("content-type", "application/gzip")], b"time,species".to_vec()).await?;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("bad_gzip")));
    Ok(())
}

#[tokio::test]
async fn bytes_and_rows_are_limited_on_both_sides_and_after_decompression() -> anyhow::Result<()> {
    let options = Server::options().env("OW_SC_MAX_CSV_BYTES", "2000").env("OW_SC_MAX_CSV_ROWS", "50");
    let (_server, api) = serve(options).await?;
    let row = "1,Zn,1";
    let rows = |count: usize| tidy(&vec![row; count]);
    assert_eq!(taken(&api, "", rows(50)).await?["rows"], 50);
    let (code, error) = refused(&api, "", rows(51), 413).await?;
    assert_eq!((code.as_str(), &error["details"]), ("too_many_rows", &json!({"max_rows": 50})));
    let padded = |bytes: usize| {
        let file = rows(1);
        format!("{}{}", file.trim_end(), " ".repeat(bytes - file.trim_end().len()))
    };
    assert_eq!(taken(&api, "", padded(2000)).await?["bytes"], 2000);
    let (code, error) = refused(&api, "", padded(2001), 413).await?;
    assert_eq!((code.as_str(), &error["details"]), ("too_large", &json!({"max_bytes": 2000})));
    let gzip = [("content-type", "text/csv"), ("content-encoding", "gzip")];
    assert_eq!(post(&api, &gzip, gzipped(padded(2000).as_bytes()).await?).await?.0, 200);
    for bytes in [2001, 20_000_000] {
        let bomb = gzipped(padded(bytes).as_bytes()).await?;
        let (status, body) = post(&api, &gzip, bomb).await?;
        assert_eq!((status, &body["error"]["code"]), (413, &json!("too_large")), "{bytes}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_of_long_names_is_taken_and_its_answer_says_what_it_leaves_out() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    // The record of a file could not hold 2,000 names of 250 bytes.
    let rows: Vec<_> = (0..300).map(|number| format!("1,{number:0>250},1")).collect();
    let answer = taken(&api, "", tidy(&rows.iter().map(String::as_str).collect::<Vec<_>>())).await?;
    assert_eq!((&answer["rows_taken"], &answer["series"]), (&json!(300), &json!(300)));
    let listed = answer["parameters_without_limit"].as_array().map_or(0, Vec::len) as u64;
    assert!(listed > 50, "{listed}");
    assert_eq!(answer["left_out"]["parameters_without_limit"], 300 - listed);
    let record = api.json(&format!("/api/ingests/{}", answer["id"].as_str().unwrap_or_default())).await?;
    assert_eq!(record["state"], "done");
    Ok(())
}

#[tokio::test]
async fn one_file_has_readings_of_three_hundred_sites_at_most() -> anyhow::Result<()> {
    let (_server, api) = served().await?;
    let file = |sites: u32| -> String {
        let rows = (0..sites).map(|site| format!("1,Zn,1,site {site}\n"));
        format!("time,species,concentration,site\n{}", rows.collect::<String>())
    };
    assert_eq!(taken(&api, "", file(300)).await?["rows_taken"], 300);
    let answer = taken(&api, "", file(301)).await?;
    assert_eq!((&answer["rows_taken"], &answer["rows_refused"]), (&json!(300), &json!(1)));
    let error = &answer["errors"][0];
    assert_eq!((&error["column"], &error["text"]), (&json!("site"), &json!("site 300")), "{error}");
    Ok(())
}
