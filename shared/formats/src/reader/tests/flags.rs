//! Flags, signs and words, in their own columns and beside values.

use super::*;

#[test]
fn letters_of_laboratories() {
    reads_to(
        "time,species,concentration,unit,qualifier\n2026-01-05,Pb,0.9,mg/L,J\n2026-01-12,Pb,0.7,mg/L,M B\n\
         2026-01-19,Pb,2.0,mg/L,U\n2026-01-26,Pb,2.0,mg/L,ND\n2026-02-02,Pb,0.6,mg/L,DNQ\n2026-02-09,Pb,0.1,mg/L,\n\
         2026-02-10,Pb,0.1,mg/L,R\n2026-02-11,Pb,,mg/L,NS\n2026-02-12,Pb,0.1,mg/L,ZZ\n2026-02-13,Pb,<0.1,mg/L,>\n\
         2026-02-14,Pb,,mg/L,\n",
        &[
            "default/001/Pb 2026-01-05 =0.9 mg/L J",
            "default/001/Pb 2026-01-12 =0.7 mg/L B M",
            "default/001/Pb 2026-01-19 <2 mg/L",
            "default/001/Pb 2026-01-26 <2 mg/L",
            "default/001/Pb 2026-02-02 =0.6 mg/L DNQ",
            "default/001/Pb 2026-02-09 =0.1 mg/L",
        ],
        &["10 qualifier ZZ", "11 qualifier >"],
    );
}

#[test]
fn flags_and_rows_without_a_result_are_counted() {
    let file = "time,species,concentration,flag,lab_qualifier\n1,A,1,J,\n2,A,1,J,H\n3,A,2 J,U,\n4,A,1,R,\n5,A,,NS,\n6,A,,,\n\
                7,A,x,J,\n";
    let (readings, report) = read_all(file.as_bytes()).unwrap();
    assert_eq!(readings[2], "default/001/A 3 h <2 mg/L J");
    let counts = |of: &std::collections::BTreeMap<String, u64>| {
        of.iter().map(|(text, count)| format!("{text} {count}")).collect::<Vec<_>>()
    };
    assert_eq!(counts(&report.flags), ["H 1", "J 3", "U 1"]);
    assert_eq!(counts(&report.without_reading), ["NS 1", "R 1", "empty value 1"]);
    assert_eq!((report.rows_taken, report.rows_refused), (3, 1));
}

#[test]
fn non_detects_stand_at_a_limit_of_their_row() {
    reads_to(
        "time,species,concentration,unit,qualifier,mdl,rl\n1,Se,,ug/L,ND,0.1,0.5\n2,Se,,ug/L,BQL,0.1,0.5\n\
         3,Se,,ug/L,U,,\"0,5\"\n4,Se,2.6,ug/L,,0.1,0.5\n5,Se,,ug/L,ND,,\n6,Se,ND,ug/L,,n/a,<0.5\n7,Se,TNTC,ug/L,,0.1,0.5\n",
        &[
            "default/001/Se 1 h <0.1 ug/L",
            "default/001/Se 2 h <0.5 ug/L",
            "default/001/Se 3 h <0.5 ug/L",
            "default/001/Se 4 h =2.6 ug/L",
            "default/001/Se 6 h <0.5 ug/L",
        ],
        &["6 qualifier ND", "8 concentration TNTC"],
    );
}

#[test]
fn words_in_place_of_a_number() {
    let file = "time,species,concentration\n1,A,0.4\n2,A,<0.2\n3,A,>2419.6\n4,A,ND\n5,A,BDL\n6,A,TNTC\n7,A,Not Detected\n\
                8,A,<0.005 U\n9,A,1.2 J\n10,A,--\n11,A,R\n";
    reads_to(
        file,
        &[
            "default/001/A 1 h =0.4 mg/L",
            "default/001/A 2 h <0.2 mg/L",
            "default/001/A 3 h >2419.6 mg/L",
            "default/001/A 8 h <0.005 mg/L",
            "default/001/A 9 h =1.2 mg/L J",
        ],
        &[
            "5 concentration ND",
            "6 concentration BDL",
            "7 concentration TNTC",
            "8 concentration Not Detected",
            "11 concentration --",
        ],
    );
    let told = reasons(file);
    assert!(told[0].starts_with("`ND` without a number, and its row has no detection or reporting limit"));
    assert_eq!((told[2].as_str(), told[4].as_str()), ("`TNTC` without a number", "a number is expected"));
}

#[test]
fn wide_files_have_flags_in_their_cells_and_beside_them() {
    reads_to(
        "time,SO4_mgL,SO4_flag,As_ugL\n1,100,J,<0.5 U\n2,5,U,7 J\n3,R,,7\n4,,NS,\n5,x,,7\n6,1,?,7\n",
        &[
            "default/001/SO4 1 h =100 mg/L J",
            "default/001/As 1 h <0.5 ug/L",
            "default/001/SO4 2 h <5 mg/L",
            "default/001/As 2 h =7 ug/L J",
            "default/001/As 3 h =7 ug/L",
        ],
        &["6 SO4_mgL x", "7 SO4_flag ?"],
    );
}

#[test]
fn a_limit_is_in_its_own_unit_where_it_has_one() {
    reads_to(
        "time,species,concentration,unit,flag,mdl,mdl_units\n1,Se,2,mg/L,,5,ug/L\n2,Se,,mg/L,U,5,ug/L\n3,Se,,mg/L,U,5,\n\
         4,Se,0,mg/L,U,5,ug/L\n5,Se,3,mg/L,U,5,ug/L\n",
        &[
            "default/001/Se 1 h =2 mg/L",
            "default/001/Se 2 h <5 ug/L",
            "default/001/Se 3 h <5 mg/L",
            "default/001/Se 4 h <5 ug/L",
            "default/001/Se 5 h <3 mg/L",
        ],
        &[],
    );
}

#[test]
fn an_export_of_the_water_quality_portal_is_read() {
    reads_to(
        "ActivityIdentifier,ActivityTypeCode,ActivityStartDate,ActivityStartTime/Time,ActivityStartTime/TimeZoneCode,\
         MonitoringLocationIdentifier,CharacteristicName,ResultDetectionConditionText,ResultMeasureValue,\
         ResultMeasure/MeasureUnitCode,MeasureQualifierCode,DetectionQuantitationLimitMeasure/MeasureValue,\
         DetectionQuantitationLimitMeasure/MeasureUnitCode\n\
         A1,Sample-Routine,2026-04-07,09:30:00,EST,USGS-1,Copper,,0.34,mg/l,,0.002,mg/l\n\
         A2,Sample-Routine,2026-04-14,09:30:00,,USGS-1,Copper,Not Detected,,,,2,ug/l\n\
         A3,Quality Control Sample-Field Blank,2026-04-14,,EST,USGS-1,Copper,,0.1,mg/l,B,0.002,mg/l\n\
         A4,Sample-Routine,2026-04-15,09:30:00,XYZ,USGS-1,Copper,,0.34,mg/l,,0.002,mg/l\n",
        &[
            "default/USGS-1/Copper 2026-04-07T14:30:00Z =0.34 mg/L",
            "default/USGS-1/Copper 2026-04-14T09:30:00Z <2 ug/L",
            "default/USGS-1/Copper 2026-04-14 =0.1 mg/L control B",
        ],
        &["5 ActivityStartTime/TimeZoneCode XYZ"],
    );
}
