//! One form for all spellings of a unit.
//!
//! Case, spaces and points do not count; `per`, a slash and a negative power all put the next word into the
//! denominator; words have one form (`litres` is `l`). So `mg/L`, `mg.l-1`, `mg L⁻¹` and `Milligrams per liter` are all
//! `mg/l`.

use super::table::{self, SPECIES};

/// A part of a unit's text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    text: String,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Above,
    /// The first word of a denominator.
    Below,
    /// A further word of the same denominator.
    After,
}

/// The one form of a unit's text.
pub(super) fn key(text: &str) -> String {
    joined(&words(text))
}

/// Words of the numerator, then those of the denominator.
fn joined(words: &[Word]) -> String {
    let mut out: String = words.iter().filter(|word| word.place == Place::Above).map(|word| &*word.text).collect();
    for word in words.iter().filter(|word| word.place != Place::Above) {
        if word.place == Place::Below {
            out.push('/');
        }
        out.push_str(&word.text);
    }
    out
}

/// Takes the species out of `mg N/L`, `mg/L CaCO3`, `mg/l asNO3`; of several words the last one counts (`NO3-N`).
/// Returns the form of the rest, and the species.
pub(super) fn without_species(text: &str) -> Option<(String, &'static str)> {
    let mut last = None;
    let mut rest = Vec::new();
    for (index, word) in words(text).into_iter().enumerate() {
        // The first word of a numerator or denominator is the unit itself: the g of `g/L`, the s of `L/s`.
        // And `as` is more often a word than arsenic.
        let is_unit = index == 0 || word.place == Place::Below || word.text == "as";
        let said = || species(&word.text).or_else(|| species(word.text.strip_prefix("as")?));
        match if is_unit { None } else { said() } {
            Some(species) => last = Some(species),
            None => rest.push(word),
        }
    }
    Some((joined(&rest), last?))
}

/// The usual spelling of a known species.
pub(super) fn species(text: &str) -> Option<&'static str> {
    let listed = |text: &str| SPECIES.iter().copied().find(|known| known.eq_ignore_ascii_case(text));
    listed(text).or_else(|| {
        let (ion, element) = text.split_once('-')?;
        listed(ion).and_then(|_| listed(element))
    })
}

fn words(text: &str) -> Vec<Word> {
    let chars = folded(text);
    let (mut words, mut number) = (Vec::new(), String::new());
    let (mut line, mut below) = (false, false);
    let mut at = 0;
    while at < chars.len() {
        let first = chars[at];
        let length =
            if first.is_alphanumeric() { chars[at..].iter().take_while(|c| c.is_alphanumeric()).count() } else { 1 };
        let word: String = chars[at..at + length].iter().collect();
        at += length;
        if first == '/' || word == "per" {
            (line, below) = (true, true);
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            // `100 mL` is one word.
            number.push_str(&word);
        } else if !matches!(first, ' ' | '-' | '^') {
            let mut text = std::mem::take(&mut number) + &short(&word);
            let power = power(&chars[at..]);
            let is_below = line || power.is_some_and(|power| power.is_negative);
            if let Some(power) = power {
                at += power.length;
                text.extend(Some(power.digit).filter(|digit| *digit != '1'));
            }
            words.push(Word { text, place: place(is_below, below) });
            line = false;
        }
    }
    if !number.is_empty() {
        words.push(Word { text: number, place: place(line, below) });
    }
    words
}

fn place(begins_below: bool, below: bool) -> Place {
    match (begins_below, below) {
        (true, _) => Place::Below,
        (false, true) => Place::After,
        (false, false) => Place::Above,
    }
}

/// Lower case and plain signs; separators become spaces.
fn folded(text: &str) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'µ' | 'μ' => out.push('u'),
            '°' | 'º' | '˚' => out.extend(" deg ".chars()),
            '℃' => out.extend(" deg c".chars()),
            '℉' => out.extend(" deg f".chars()),
            '¹' => out.push('1'),
            '²' => out.push('2'),
            '³' => out.push('3'),
            '⁻' | '−' | '–' | '‐' | '‑' => out.push('-'),
            '⁄' | '∕' => out.push('/'),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            '/' | '-' | '^' | '#' | '%' | '@' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            _ => out.push(' '),
        }
    }
    out
}

/// A power after a word: `^3`, `-1`, `^-1`.
#[derive(Debug, Clone, Copy)]
struct Power {
    is_negative: bool,
    digit: char,
    length: usize,
}

fn power(rest: &[char]) -> Option<Power> {
    let spaces = |from: usize| from + rest[from..].iter().take_while(|c| **c == ' ').count();
    let mut at = spaces(0);
    let is_raised = rest.get(at) == Some(&'^');
    if is_raised {
        at = spaces(at + 1);
    }
    let is_negative = rest.get(at) == Some(&'-');
    at += usize::from(is_negative);
    let digit = rest.get(at).copied().filter(|digit| matches!(digit, '1'..='3'))?;
    let ends = rest.get(at + 1).is_none_or(|next| !next.is_alphanumeric());
    ((is_raised || is_negative) && ends).then_some(Power { is_negative, digit, length: at + 1 })
}

/// The one form of a word, after its digits if it begins with some.
fn short(word: &str) -> String {
    let letters = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &word[..word.len() - letters.len()];
    format!("{digits}{}", table::short(letters))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_come_to_one_form() {
        for (text, expected) in [
            ("mg/L", "mg/l"),
            ("mg/100", "mg/100"),
            ("mg / l", "mg/l"),
            ("mg L-1", "mg/l"),
            ("mg.l-1", "mg/l"),
            ("mg l^-1", "mg/l"),
            ("mg l^(-1)", "mg/l"),
            ("mg·L⁻¹", "mg/l"),
            ("mg l −1", "mg/l"),
            ("L-1 mg", "mg/l"),
            ("milligrams per litre", "mg/l"),
            ("μg/l", "ug/l"),
            ("m³/d", "m3/d"),
            ("m^3 / day", "m3/d"),
            ("m3 d-1", "m3/d"),
            ("mg m-3", "mg/m3"),
            ("No. / 100 mL", "#/100ml"),
            ("# per 100 milliliters", "#/100ml"),
            ("MPN 100 mL-1", "mpn/100ml"),
            ("uW-sec/cm2", "uws/cm2"),
            ("kg ha-1 d-1", "kg/ha/d"),
            ("S.U.", "su"),
            ("° F", "degf"),
            ("/", ""),
            ("100", "100"),
            ("per", ""),
        ] {
            assert_eq!(key(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_behind_a_hyphen_are_powers_only_where_they_can_be() {
        assert_eq!(key("x-1"), "/x");
        assert_eq!(key("x-3"), "/x3");
        assert_eq!(key("x-4"), "x4");
        assert_eq!(key("x-12"), "x12");
        assert_eq!(key("x-1a"), "x1a");
    }

    #[test]
    fn species_are_taken_out_where_no_unit_stands() {
        let of = without_species;
        assert_eq!(of("mg N/L"), Some(("mg/l".into(), "N")));
        assert_eq!(of("mg/l CaCO3"), Some(("mg/l".into(), "CaCO3")));
        assert_eq!(of("mg/l asNO3"), Some(("mg/l".into(), "NO3")));
        assert_eq!(of("mg NO3-N L-1"), Some(("mg/l".into(), "N")));
        assert_eq!(of("ug/L Hg"), Some(("ug/l".into(), "Hg")));
        assert_eq!(of("S/m"), None);
        assert_eq!(of("mg/L/s"), None);
        assert_eq!(of("mg/L"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_a_form_and_the_form_stays(text in "[a-zA-Z0-9µ°³⁻¹/.^ ()#%@-]{0,12}|.{0,12}") {
            let form = key(&text);
            prop_assert!(!form.contains(' '), "{form:?}");
            let _ = without_species(&text);
        }
    }
}
