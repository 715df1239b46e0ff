//! A cell with a number, flags, or both.

use super::flags::FlagSet;
use super::numbers::{NumberColumn, NumberError, plain};

/// The content of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cell {
    pub(super) number: Option<f64>,
    pub(super) flags: FlagSet,
}

/// Reads `251.2`, `<0.5`, `1.2 J`, `<0.005 U`, `ND`, `ND (0.5)`; text without white space around it.
#[inline]
pub(super) fn read(column: &mut NumberColumn, text: &[u8]) -> Result<Cell, String> {
    let (rest, flags) = match text {
        [b'<', b'=', rest @ ..] | [b'<', rest @ ..] => (rest.trim_ascii_start(), FlagSet::LESS),
        [b'>', b'=', rest @ ..] | [b'>', rest @ ..] => (rest.trim_ascii_start(), FlagSet::GREATER),
        rest => (rest, FlagSet::default()),
    };
    match column.number(rest) {
        Ok(number) => Ok(Cell { number: Some(number), flags }),
        Err(NumberError::NoNumber) => mixed(column, text),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a cell with something beside the number, or in its place.
#[cold]
fn mixed(column: &mut NumberColumn, text: &[u8]) -> Result<Cell, String> {
    let text = std::str::from_utf8(text).map_err(|_| "UTF-8 text is expected")?.trim();
    let Some((start, end)) = number_in(text) else {
        let flags = FlagSet::parse(text).map_err(|_| "a number is expected")?;
        return Ok(Cell { number: None, flags });
    };
    let number = column.number(&text.as_bytes()[start..end]).map_err(|error| error.to_string())?;
    let mut flags = FlagSet::default();
    for part in [&text[..start], &text[end..]] {
        flags = flags.and(FlagSet::parse(part).map_err(|unknown| format!("the flag `{unknown}` is not known"))?);
    }
    Ok(Cell { number: Some(number), flags })
}

/// The start and end of the first number in a text.
fn number_in(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let begins = |at: usize| is_digit(at) || (matches!(bytes[at], b'.' | b',') && is_digit(at + 1));
    let is_free = |at: usize| text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || "<>=≤≥([".contains(c));
    let starts = text.char_indices().map(|(at, _)| at).filter(|&at| is_free(at));
    let start = starts.into_iter().find(|&at| {
        let sign = if matches!(bytes[at], b'+' | b'-') { 1 } else { 0 };
        bytes.len() > at + sign && begins(at + sign)
    })?;
    let mut end = start + 1;
    while let Some(&byte) = bytes.get(end) {
        let is_sign = |at: usize| matches!(bytes.get(at), Some(b'+' | b'-'));
        match byte {
            b'0'..=b'9' | b'.' | b',' => end += 1,
            b'e' | b'E' if is_digit(end + 1) || (is_sign(end + 1) && is_digit(end + 2)) => end += 2,
            // Thousands after a space or an apostrophe.
            b' ' | b'\'' if (1..=3).all(|more| is_digit(end + more)) && !is_digit(end + 4) => end += 4,
            _ => break,
        }
    }
    while end > start + 1 && bytes[end - 1] == b',' {
        end -= 1;
    }
    Some((start, end))
}

/// A limit of detection or reporting; a sign before it adds nothing. `None` if the cell has none.
#[inline]
pub(super) fn limit(column: &mut NumberColumn, text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    if let Some((value, 0)) = plain(text) {
        return Some(value);
    }
    read(column, text).ok()?.number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Result<(Option<f64>, Vec<&'static str>), String> {
        let mut column = NumberColumn::default();
        let cell = read(&mut column, text.as_bytes())?;
        let sign = [(FlagSet::LESS, "<"), (FlagSet::GREATER, ">")];
        let has = |flag: FlagSet| cell.flags.and(flag) == cell.flags;
        let signs = sign.into_iter().filter(|(flag, _)| has(*flag)).map(|(_, text)| text);
        Ok((cell.number, signs.chain(cell.flags.letters()).collect()))
    }

    #[test]
    fn numbers_with_flags_around_them() {
        for (text, number, flags) in [
            ("251.2", 251.2, vec![]),
            ("<0.5", 0.5, vec!["<"]),
            ("> 2419.6", 2419.6, vec![">"]),
            ("<=3", 3.0, vec!["<"]),
            ("1.2 J", 1.2, vec!["J"]),
            ("1.2J", 1.2, vec!["J"]),
            ("5E", 5.0, vec!["E"]),
            ("5e3", 5000.0, vec![]),
            ("2.0E-3 J,B", 0.002, vec!["J", "B"]),
            ("<0.005 U", 0.005, vec!["<", "U"]),
            ("<0,05 U", 0.05, vec!["<", "U"]),
            ("5, J", 5.0, vec!["J"]),
            ("ND (0.5)", 0.5, vec!["ND"]),
            ("ND<0.5", 0.5, vec!["<", "ND"]),
            ("U 0.5", 0.5, vec!["U"]),
            ("1 200,5 J", 1200.5, vec!["J"]),
            ("-0.3 J", -0.3, vec!["J"]),
        ] {
            assert_eq!(cell(text), Ok((Some(number), flags)), "{text}");
        }
        for (text, flags) in [("ND", "ND"), ("Not Detected", "ND"), ("TNTC", "TNTC"), ("<MDL", "BDL"), ("<", "<")] {
            assert_eq!(cell(text), Ok((None, vec![flags])), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        assert_eq!(cell("1.2 X"), Err("the flag `X` is not known".into()));
        assert_eq!(cell("100%"), Err("the flag `%` is not known".into()));
        for text in ["abc", "--", "J1", "-"] {
            assert_eq!(cell(text), Err("a number is expected".into()), "{text}");
        }
        assert_eq!(cell("<nan"), Err("NaN and infinities are not values".into()));
        assert!(cell("> 10,000").unwrap_err().starts_with("doubtful: 10,000 may be 10000 or 10"));
    }
}
