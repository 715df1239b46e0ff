use super::*;

fn at(id: &str, hardness: f64) -> Answer {
    find(id).unwrap().value(&Water { hardness: Some(hardness), ..Water::default() }).unwrap()
}

/// To two digits, as EPA writes them.
fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap()
}

/// EPA's table of criteria has these values, for a hardness of 100 mg/L.
#[test]
fn metals_are_as_in_the_table_of_epa() {
    for (id, right) in [
        ("cd_acute_hardness", 1.8),
        ("cd_chronic_hardness", 0.72),
        ("cr3_acute_hardness", 570.0),
        ("cr3_chronic_hardness", 74.0),
        ("cu_acute_hardness", 13.0),
        ("cu_chronic_hardness", 9.0),
        ("pb_acute_hardness", 65.0),
        ("pb_chronic_hardness", 2.5),
        ("ni_acute_hardness", 470.0),
        ("ni_chronic_hardness", 52.0),
        ("ag_acute_hardness", 3.2),
        ("zn_acute_hardness", 120.0),
        ("zn_chronic_hardness", 120.0),
    ] {
        assert_eq!(two_digits(at(id, 100.0).value), right, "{id}");
        assert_eq!(at(id, 100.0).note, None);
        let total = at(&format!("{id}_total"), 100.0).value;
        assert!(total > at(id, 100.0).value);
    }
}

#[test]
fn hardness_outside_the_range() {
    let lead = |hardness| at("pb_acute_hardness", hardness);
    assert_eq!(lead(400.0).note, None);
    assert_eq!(lead(900.0), Answer { value: lead(400.0).value, note: Some(Note::HardnessCapped) });
    assert_eq!(lead(10.0).note, Some(Note::HardnessBelowRange));
    // No more of a metal is dissolved than there is.
    assert_eq!(lead(10.0).value, at("pb_acute_hardness_total", 10.0).value);
    assert!(lead(10.0).value < lead(25.0).value);
    let water = |hardness| Water { hardness, ..Water::default() };
    let lead = find("pb_acute_hardness").unwrap();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(lead.value(&water(Some(bad))), Err(CriterionError::Hardness(_))));
    }
    assert_eq!(lead.value(&water(None)).unwrap_err().to_string(), "this criterion needs the hardness");
}

#[test]
fn unionised_ammonia_is_that_of_emerson() {
    let ammonia = find("unionised_ammonia_fraction").unwrap();
    for (ph, temperature, right) in [(8.0, 20.0, 0.03807), (8.5, 25.0, 0.15205), (9.0, 15.0, 0.21434)] {
        let water = Water { ph: Some(ph), temperature: Some(temperature), hardness: None };
        let answer = ammonia.value(&water).unwrap();
        assert!((answer.value - right).abs() < 5e-6, "{ph} {temperature}: {}", answer.value);
        assert_eq!(answer.note, None);
        let epa = find("unionised_ammonia_fraction_epa").unwrap().value(&water).unwrap();
        assert!((epa.value / answer.value - 1.0035).abs() < 1e-3);
    }
    assert!(unionised_ammonia_fraction(15.0, 20.0).is_err());
    assert!(unionised_ammonia_fraction(8.0, f64::NAN).is_err());
    assert_eq!(unionised_ammonia_fraction(3.0, 20.0).unwrap().note, Some(Note::OutsideMeasured));
}

#[test]
fn ids_are_unlike_and_formulas_have_the_coefficients() {
    let ids: std::collections::BTreeSet<_> = all().map(|criterion| criterion.id).collect();
    assert_eq!(ids.len(), all().count());
    for metal in METALS {
        for criterion in Metal::criteria(metal) {
            assert!(criterion.formula.contains(&format!("exp({} ln(hardness)", metal.m)), "{}", criterion.formula);
            assert!(criterion.formula.contains(&metal.b.abs().to_string()), "{}", criterion.formula);
        }
    }
}
