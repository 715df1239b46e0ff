//! Names of sites, outfalls and parameters.

mod asked;

pub use asked::{Name, SiteName};

use unicode_normalization::UnicodeNormalization;

/// The longest name accepted, in bytes. EPA's longest parameter description has 100 characters
/// (`PARAMETER_DESC VarChar2(100)` in ICIS-NPDES); the rest is room for other alphabets.
pub const MAX_NAME_BYTES: usize = 256;

/// The outfall of readings that name none.
pub const DEFAULT_OUTFALL: &str = "001";

/// The site of readings that name none.
pub const DEFAULT_SITE: &str = "default";

/// Why a text cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space and invisible characters.
    #[error("a name is expected, the field is empty")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("a name has at most {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// Control characters would break logs and terminals.
    #[error("a name has no control characters")]
    Control,
    /// A site that could not be a part of a path: `/` separates parts, and `.` and `..` are resolved on the way.
    #[error("a site's name has no slash, and is neither . nor ..")]
    Path,
}

/// Trims `text` and checks that it can name something.
pub fn check(text: &str) -> Result<&str, NameError> {
    let text = text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character));
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > MAX_NAME_BYTES {
        Err(NameError::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(NameError::Control)
    } else {
        Ok(text)
    }
}

/// The same for a site, which is a part of paths (`/api/permits/{site}`): API Gateway hands paths on decoded, so that a
/// slash in a name cannot be told from one between two parts.
pub fn check_site(text: &str) -> Result<&str, NameError> {
    match check(text)? {
        "." | ".." => Err(NameError::Path),
        name if name.contains('/') => Err(NameError::Path),
        name => Ok(name),
    }
}

/// The form for comparison: trimmed, lower case, composed (NFC), without invisible characters, and with one kind of
/// space.
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_lowercase();
    }
    let visible = text.chars().filter(|&character| !is_invisible(character));
    let spaced = visible.map(|character| if character.is_whitespace() { ' ' } else { character });
    // Lower case can split into a letter and a mark, so it is composed again.
    let lower = spaced.nfc().collect::<String>().to_lowercase();
    lower.nfc().collect::<String>().trim().to_owned()
}

/// Whether two names mean the same thing.
pub fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim()) || key(a) == key(b)
}

/// A form for names that people would confuse: equal for names that differ only as in [`key`], or in the width of
/// characters, ligatures and the number of spaces.
pub fn fold(text: &str) -> String {
    let wide: String = key(text).nfkc().collect();
    // A character may split into capitals.
    key(&wide).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Invisible characters: two names that differ only in them look the same.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_trimmed_and_compared_without_case() {
        assert_eq!(check("  SO4 "), Ok("SO4"));
        assert!(same(" so4", "SO4 "));
        assert!(same("ÄTHANOL", "äthanol"));
        assert!(!same("SO4", "SO3"));
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (a, b) in [
            ("Caf\u{e9}", "Cafe\u{301}"),
            ("Plant\u{200b} A", "plant a"),
            ("\u{feff}SO4", "SO4"),
            ("Plant\u{a0}A", "Plant A"),
            ("So\u{ad}4", "so4"),
            ("\u{130}zmir", "I\u{307}zmir"),
        ] {
            assert!(same(a, b) && key(a) == key(b), "{a:?} {b:?}");
        }
        assert!(!same("Café", "Cafe"));
        assert_eq!(check("\u{feff} Plant\u{200b}"), Ok("Plant"));
    }

    #[test]
    fn names_that_look_alike_have_one_fold() {
        for (a, b) in
            [("Plant  A", "plant a"), ("\u{ff30}lant A", "Plant A"), ("e\u{fb03}uent", "effiuent"), ("№ 1", "no 1")]
        {
            assert!(!same(a, b), "{a:?} {b:?}");
            assert_eq!(fold(a), fold(b), "{a:?} {b:?}");
        }
        for (a, b) in [("Plant A", "PlantA"), ("Plant 1", "Plant 2"), ("Café", "Cafe")] {
            assert_ne!(fold(a), fold(b));
        }
    }

    #[test]
    fn length_is_limited_on_both_sides() {
        assert!(check(&"x".repeat(MAX_NAME_BYTES)).is_ok());
        assert_eq!(check(&"x".repeat(MAX_NAME_BYTES + 1)), Err(NameError::TooLong));
        assert_eq!(check(" \t"), Err(NameError::Empty));
        assert_eq!(check("\u{200b}\u{feff}"), Err(NameError::Empty));
        assert_eq!(check("a\u{7}b"), Err(NameError::Control));
    }

    #[test]
    fn sites_can_be_parts_of_paths() {
        for fine in ["default", " Plant 2 ", "50% ?#&+", "a.b", "...", "Süd\\Nord"] {
            assert_eq!(check_site(fine), Ok(fine.trim()), "{fine}");
        }
        for bad in ["a/b", "/", ".", " .. "] {
            assert_eq!(check_site(bad), Err(NameError::Path), "{bad}");
        }
        assert_eq!(check_site(""), Err(NameError::Empty));
    }

    proptest! {
        /// What a key names is named by the key, too; and plain names are as they always were.
        #[test]
        fn a_key_is_its_own_key(text in "\\PC{0,12}|[ -~]{0,12}") {
            prop_assert_eq!(key(&key(&text)), key(&text));
            if text.is_ascii() {
                prop_assert_eq!(key(&text), text.trim().to_lowercase());
            }
        }
    }
}
