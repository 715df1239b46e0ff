//! First responses to an exceedance, for permits that name none.
//!
//! Parameters are recognised by the words of their names: a laboratory's `NH3-N` and EPA's `Nitrogen, ammonia total [as
//! N]` are the same. Words are compared whole: a basin is no arsenic.

mod texts;

use super::reading::Direction;
use texts::{ANY, TEXTS};

/// A parameter, and what to do about it.
struct Remedy {
    /// Sequences of words, any of which identifies the parameter.
    words: &'static [&'static str],
    /// Names too short to search for among other words: `As` is also the first word of `as N`.
    symbols: &'static [&'static str],
    /// The side of the limit on which it helps; if absent, any that has no entry of its own.
    side: Option<Direction>,
    text: &'static str,
}

/// Words that say how something was measured, not what.
const MANNERS: [&str; 10] =
    ["total", "tot", "dissolved", "diss", "recoverable", "trec", "residual", "effluent", "min", "max"];

/// The first response to an exceedance of this parameter on this side of its limit.
pub fn remedy(parameter: &str, direction: Option<Direction>) -> &'static str {
    let words = words(parameter);
    let name: Vec<_> = words.iter().map(String::as_str).filter(|word| !MANNERS.contains(word)).collect();
    let is_meant = |remedy: &&Remedy| {
        let runs = || remedy.words.iter().map(|run| run.split(' ').collect::<Vec<_>>());
        remedy.symbols.iter().any(|symbol| symbol.split(' ').eq(name.iter().copied()))
            || runs().any(|run| words.windows(run.len()).any(|window| window == run))
    };
    // The first entry that names the parameter decides, even if it has nothing for this side of the limit.
    let Some(first) = TEXTS.iter().find(is_meant) else { return ANY };
    let of_side = |side| TEXTS.iter().find(|remedy| remedy.words == first.words && remedy.side == side);
    let found = of_side(direction).or(of_side(None)).or(direction.is_none().then_some(first));
    found.map_or(ANY, |remedy| remedy.text)
}

/// The words of a name in lower case, without brackets: `[as N]` says how a result is expressed.
fn words(name: &str) -> Vec<String> {
    let mut depth = 0usize;
    let outside = name.chars().map(|character| {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => return character,
            _ => {}
        }
        ' '
    });
    let text = outside.collect::<String>().to_lowercase();
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Max, Min};

    fn text(parameter: &str) -> &'static str {
        remedy(parameter, Some(Max))
    }

    #[test]
    fn laboratories_and_epa_mean_the_same() {
        for names in [
            &["SO4", "Sulfate, total [as SO4]", "sulphate", "Total Sulfate"][..],
            &["As", "AS", "Total As", "Arsenic, total [as As]", "arsenic"],
            &["Ni", "Nickel, total [as Ni]", "Ni (dissolved)", "Nickel, total recoverable"],
            &["Cu", "Copper, total [as Cu]"],
            &["Cr", "Chromium, hexavalent [as Cr]"],
            &["NH3-N", "NH3", "Nitrogen, ammonia total [as N]", "Ammonia as N"],
            &["TSS", "Solids, total suspended", "Suspended solids"],
            &["O&G", "Oil & Grease", "Oil and grease [soxhlet extr.] tot."],
            &["BOD5", "BOD, carbonaceous [5 day, 20 C]", "CBOD", "BOD, 5-day, 20 deg. C"],
            &["COD", "Oxygen demand, chem. [high level] [COD]", "Chemical oxygen demand"],
            &["E. coli", "E. coli, MTEC-MF", "Enterococci", "Coliform, fecal general"],
            &["TRC", "Chlorine, total residual"],
            &["TP", "Phosphorus, total [as P]", "P"],
            &["TN", "Nitrogen, total [as N]", "Nitrite plus nitrate total 1 det. [as N]"],
            &["CN", "Cyanide, total [as CN]"],
            &["Flow", "Flow, in conduit or thru treatment plant"],
            &["Temp", "Temperature, water deg. fahrenheit"],
            &["pH", "PH, maximum"],
        ] {
            let first = text(names[0]);
            assert_ne!(first, ANY, "{}", names[0]);
            names.iter().for_each(|name| assert_eq!(text(name), first, "{name}"));
        }
    }

    #[test]
    fn different_parameters_have_different_texts() {
        let names = [
            "SO4", "As", "Ni", "Cu", "Zn", "Pb", "Cd", "Cr", "Hg", "Ag", "Se", "Fe", "Al", "Mn", "CN", "NH3", "TN",
            "TP", "TSS", "TDS", "O&G", "BOD", "COD", "TRC", "E. coli", "Flow", "Temp", "pH",
        ];
        let texts: std::collections::BTreeSet<_> = names.map(text).into_iter().collect();
        assert_eq!(texts.len(), names.len());
    }

    #[test]
    fn words_are_compared_whole() {
        for name in
            ["Basin", "Nitro", "Class", "as", "Zn/Pb ratio", "Copperhead", "Chloride", "Photons", "Dose", "日本", ""]
        {
            let expected = if name == "as" { text("Arsenic") } else { ANY };
            assert_eq!(text(name), expected, "{name}");
        }
    }

    #[test]
    fn oxygen_is_a_demand_or_a_minimum() {
        let low = remedy("Oxygen, dissolved [DO]", Some(Min));
        assert_ne!(low, ANY);
        for name in ["DO", "Dissolved oxygen", "dissolved Oxygen (field)"] {
            assert_eq!(remedy(name, Some(Min)), low, "{name}");
        }
        assert_eq!(remedy("DO", Some(Max)), ANY, "too much oxygen asks for something else");
        assert_ne!(text("BOD, 5-day, 20 deg. C"), low);
    }

    #[test]
    fn sides_of_a_limit_have_their_own_texts() {
        let [high, low, unknown] = [Some(Max), Some(Min), None].map(|side| remedy("pH", side));
        assert!(high != low && low != unknown && high != unknown);
        assert_eq!(remedy("Nickel", Some(Min)), ANY, "too little nickel is no exceedance that one treats");
        assert_eq!(remedy("Nickel", None), text("Ni"));
        assert_ne!(remedy("Chlorine, total residual", Some(Min)), text("TRC"));
    }

    #[test]
    fn every_text_is_a_sentence_or_two() {
        for text in TEXTS.iter().map(|remedy| remedy.text).chain([ANY]) {
            assert!(text.ends_with('.') && (40..=330).contains(&text.len()), "{text}");
        }
    }
}
