use super::*;
use proptest::prelude::*;

fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    Unit::parse(from).conversion_to(&Unit::parse(to)).map(|c| c.apply(value))
}

#[test]
fn spellings_of_files_and_agencies_are_one_unit() {
    let spellings: [(&str, &[&str]); 24] = [
        ("mg/L", &["mg/l", "MG/L", "mgL", "mg L-1", "mg.l-1", "mg l^-1", "mg L⁻¹", "mg per liter", "Milligrams/Litre"]),
        ("ug/L", &["µg/L", "μg/l", "UG/L", "mcg/L", "ugL", "ug l-1", "micrograms per liter"]),
        ("ppm", &["PPM", "parts per million"]),
        ("SU", &["S.U.", "su", "s.u", "std units", "Std. Units", "standard units", "phunits", "pH units", "pH"]),
        ("CFU/100mL", &["cfu/100ml", "CFU/100 ml", "cfu / 100 mL", "CFU per 100 mL", "CFU 100mL-1"]),
        ("MPN/100mL", &["mpn/100 mL", "MPN per 100 milliliters"]),
        ("#/100mL", &["#/100ml", "#/100 mL", "No./100 ml", "Number/100mL", "counts/100 mL"]),
        ("colonies/100mL", &["colonies/100 ml", "col/100mL", "Colonies per 100 mL"]),
        ("umho/cm", &["umhos/cm", "µmhos/cm", "micromhos/cm"]),
        ("uS/cm", &["us/cm", "µS/cm", "uS cm-1", "uS/cm @25C", "microsiemens per cm", "uS/cm @ 25 °C"]),
        ("deg C", &["°C", "C", "degC", "deg. C", "degrees Celsius", "º C", "℃"]),
        ("deg F", &["°F", "degrees F", "F"]),
        ("MGD", &["mgd", "Mgal/d", "M.G.D.", "million gallons per day", "Mgal/day", "MGal per day"]),
        ("gal/min", &["gpm", "GPM", "gallons per minute"]),
        ("gal/d", &["gpd", "gal/day"]),
        ("m3/d", &["m³/d", "m^3/day", "cubic meters per day", "m3 d-1", "cu m/d"]),
        ("cfs", &["ft3/s", "cu ft/sec", "cubic feet per second"]),
        ("L/s", &["l/s", "litres per second", "lps"]),
        ("lb/d", &["lbs/day", "LBS/DAY", "lb/day", "pounds per day", "lbs./day"]),
        ("kg/d", &["kg/day", "kgs/day", "KG/D"]),
        ("min", &["minutes", "mins", "Min."]),
        ("h", &["hr", "hrs", "hours"]),
        ("d", &["days", "day", "D"]),
        ("%", &["percent", "pct", "Percent", "pct."]),
    ];
    for (shown, of) in spellings {
        for text in of {
            assert_eq!(Unit::parse(text).as_str(), shown, "{text}");
        }
    }
}

/// All units of EPA's charts and bulk files of fiscal year 2026.
#[test]
fn units_of_epas_files_are_known_and_shown_as_they_are() {
    for text in [
        "#/100mL",
        "% sample comp",
        "% survival",
        "%",
        "CFU/100mL",
        "MGD",
        "MPN/100mL",
        "NTU",
        "Ratio",
        "SU",
        "cfs",
        "deg F",
        "ft",
        "gal/d",
        "gal/min",
        "kg/d",
        "lb/d",
        "lb/yr",
        "mg/L",
        "min",
        "d",
        "m",
        "pCi/L",
        "ton/yr",
        "ug/L",
        "umho/cm",
        "bbl/d",
    ] {
        assert!(Unit::parse(text).is_known(), "{text}");
        assert_eq!(Unit::parse(text).as_str(), text);
    }
    assert_eq!(Unit::parse("uW-sec/cm2").as_str(), "uW-s/cm2");
    assert_eq!(Unit::parse("mW-sec/cm2").as_str(), "mW-s/cm2");
}

#[test]
fn concentrations_convert_exactly() {
    assert_eq!(convert(10.0, "ug/L", "mg/L"), Some(0.01));
    assert_eq!(convert(1.1, "ppb", "mgL"), Some(0.0011));
    assert_eq!(convert(250.0, "mg/L", "µg/L"), Some(250_000.0));
    assert_eq!(convert(5.0, "ppm", "mg/l"), Some(5.0));
    assert_eq!(convert(3.0, "ng/L", "ug/L"), Some(0.003));
    assert_eq!(convert(1.005, "mg/L", "ug/L"), Some(1005.0));
}

#[test]
fn other_dimensions_convert_exactly() {
    assert_eq!(convert(95.0, "deg F", "deg C"), Some(35.0));
    assert_eq!(convert(-40.0, "°C", "°F"), Some(-40.0));
    assert_eq!(convert(20.5, "deg C", "K"), Some(293.65));
    assert_eq!(convert(1.0, "lb/d", "kg/d"), Some(0.45359237));
    assert_eq!(convert(0.45359237, "kg/d", "lbs/day"), Some(1.0));
    assert_eq!(convert(1.0, "MGD", "m3/d"), Some(3785.411784));
    assert_eq!(convert(864.0, "m3/d", "L/s"), Some(10.0));
    assert_eq!(convert(25_000.0, "gal/d", "MGD"), Some(0.025));
    assert_eq!(convert(24_305.0, "gal/min", "MGD"), Some(34.9992));
    assert_eq!(convert(500.0, "bbl/d", "MGD"), Some(0.021));
    assert_eq!(convert(1.0, "cfs", "ft3/s"), Some(1.0));
    assert_eq!(convert(231.0, "cfs", "gal/d"), Some(231.0 * 86_400.0 * 1728.0 / 231.0));
    assert_eq!(convert(90.0, "min", "h"), Some(1.5));
    assert_eq!(convert(1.5, "mS/cm", "umhos/cm"), Some(1500.0));
}

#[test]
fn equal_sizes_are_the_cheap_case() {
    for (from, to) in [
        ("MPN/100mL", "CFU/100 ml"),
        ("No./100 ml", "MPN/100mL"),
        ("colonies/100mL", "#/100mL"),
        ("umho/cm", "uS/cm"),
        ("g/m3", "mg/L as N"),
        ("ppm", "mg/L"),
        ("S.U.", "pH units"),
        ("% survival", "%"),
        ("Bananas per day", "BANANAS PERDAY"),
        ("", " "),
    ] {
        assert_eq!(Unit::parse(from).conversion_to(&Unit::parse(to)), Some(Conversion::Same), "{from} {to}");
    }
}

#[test]
fn everything_else_compares_only_with_its_like() {
    for (from, to) in [
        ("SU", "mg/L"),
        ("", "mg/L"),
        ("mg/kg", "mg/L"),
        ("ppt", "ng/L"),
        ("NTU", "FNU"),
        ("lb/d", "MGD"),
        ("lb/yr", "lb/d"),
        ("Ratio", "%"),
        ("bananas", "banana"),
        ("bananas", "mg/L"),
        ("bananas.", "bananas"),
        ("mg/d", "MGD"),
    ] {
        assert_eq!(convert(5.0, from, to), None, "{from} {to}");
        assert_eq!(convert(5.0, to, from), None, "{to} {from}");
    }
}

#[test]
fn what_follows_a_unit_belongs_to_the_parameter() {
    for (text, shown) in [
        ("mg/l as N", "mg/L as N"),
        ("mg/l asNO3", "mg/L as NO3"),
        ("mg/L (as N)", "mg/L as N"),
        ("MG/L AS CACO3", "mg/L as CaCO3"),
        ("mg/L CaCO3", "mg/L as CaCO3"),
        ("mg N/L", "mg/L as N"),
        ("mg/L NO3-N", "mg/L as N"),
        ("mg/L as NO3-N", "mg/L as N"),
        ("ug/L as PCB-1254", "ug/L as PCB-1254"),
        ("lbs/day as P", "lb/d as P"),
        ("ug/L Hg", "ug/L as Hg"),
        ("ug/L as As", "ug/L as As"),
    ] {
        assert_eq!(Unit::parse(text).as_str(), shown);
    }
    assert_eq!(convert(4.1, "mg/l as N", "mg/L as N"), Some(4.1));
    assert_eq!(convert(44.3, "mg/l asNO3", "mg/L as N"), None);
    assert_eq!(convert(44.3, "mg/l as NO3", "mg/L"), Some(44.3));
    assert_eq!(convert(44.3, "ug/l", "mg/L as N"), Some(0.0443));
    assert_eq!(convert(1.0, "ug/l as pcb", "ug/L as PCB"), Some(1.0));
    assert_eq!(convert(1.0, "MGD as N", "mg/L as N"), None);
    for unknown in ["bananas as N", "mg/L as", "mg/L total", "mg/L/s", "mg/L dry"] {
        assert!(!Unit::parse(unknown).is_known(), "{unknown}");
    }
}

#[test]
fn a_species_is_limited_on_both_sides() {
    let with = |bytes: usize| Unit::parse(&format!("colonies/100mL as {}", "x".repeat(bytes)));
    assert!(with(MAX_SPECIES_BYTES).is_known() && with(MAX_SPECIES_BYTES).as_str().len() <= MAX_UNIT_BYTES);
    assert!(!with(MAX_SPECIES_BYTES + 1).is_known());
}

#[test]
fn unknown_units_are_kept_as_written() {
    let unit = Unit::parse("  Bananas per Day ");
    assert_eq!((unit.as_str(), unit.is_known(), unit.dimension()), ("Bananas per Day", false, Dimension::Other));
    assert!(!Unit::parse("").is_known());
}

#[test]
fn properties_of_units() {
    let of = |text: &str| {
        let unit = Unit::parse(text);
        (unit.has_percent(), unit.is_per_100ml(), unit.is_logarithmic(), unit.is_percent())
    };
    assert_eq!(of("mg/L"), (true, false, false, false));
    assert_eq!(of("S.U."), (false, false, true, false));
    assert_eq!(of("NTU"), (false, false, false, false));
    assert_eq!(of("No./100 ml"), (true, true, false, false));
    assert_eq!(of("CFU/mL"), (true, false, false, false));
    assert_eq!(of("oocysts per 100 mL"), (true, true, false, false));
    assert_eq!(of("pct"), (true, false, false, true));
    assert_eq!(of("bananas"), (true, false, false, false));
    assert_eq!(Unit::parse("mg/L as N").species(), Some("N"));
}

#[test]
fn column_suffixes_name_units() {
    for (suffix, shown) in [
        ("mgL", "mg/L"),
        ("ugl", "ug/L"),
        ("SU", "SU"),
        ("MGD", "MGD"),
        ("degF", "deg F"),
        ("pct", "%"),
        ("lbd", "lb/d"),
        ("lb/d", "lb/d"),
        ("kgd", "kg/d"),
        ("cfu100ml", "CFU/100mL"),
        ("mpn/100ml", "MPN/100mL"),
        ("NTU", "NTU"),
        ("uscm", "uS/cm"),
        ("us/cm", "uS/cm"),
        ("gpm", "gal/min"),
    ] {
        assert_eq!(Unit::from_suffix(suffix).map(|unit| unit.text), Some(shown.to_owned()), "{suffix}");
    }
    for other in ["operator", "min", "d", "h", "C", "pH", "count", "no", "m", "L", "g", "ppt", ""] {
        assert_eq!(Unit::from_suffix(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same_unit(
        text in "(mg|lb|#|MPN|%|°C|S\\.U\\.|x)( ?/ ?| per | )(l|L-1|100 ?mL|day|)( as ?| | \\(as )?(N|NO3-N|Xyz|\\)|)|.{0,70}"
    ) {
        let unit = Unit::parse(&text);
        prop_assert_eq!(&Unit::parse(unit.as_str()), &unit);
        prop_assert_eq!(unit.conversion_to(&unit), Some(Conversion::Same));
        prop_assert!(!unit.is_known() || unit.as_str().len() <= MAX_UNIT_BYTES);
    }

    #[test]
    fn case_spaces_and_points_do_not_matter_to_known_units(
        shown in prop::sample::select(vec!["mg/L", "CFU/100mL", "gal/min", "deg C", "SU", "mg/L as N", "kg/d as CaCO3"]),
        upper in any::<bool>(),
        spaces in "[ \u{a0}]{0,2}",
    ) {
        let text = if upper { shown.to_uppercase() } else { shown.to_lowercase() };
        let text = format!("{spaces}{}{spaces}", text.replace('/', &format!("{spaces}/{spaces}")));
        let parsed = Unit::parse(&text);
        prop_assert_eq!(parsed.as_str(), shown);
    }
}
