//! Formats numbers, times and names for the certificate, and limits the length of lists.

use domain::alert::Alert;
use domain::permit::Limit;
use domain::reading::{Direction, Qualifier};
use domain::statistic::Statistic;
use maud::{Markup, Render, html};

/// Digits of computed values. Laboratories report two to four.
const DIGITS: usize = 7;

/// Longer words may be broken anywhere; otherwise a column is as wide as its longest word.
const LONG_WORD: usize = 20;

/// A name from outside, isolated so that right-to-left letters do not affect the text around it.
pub(super) fn name(text: &str) -> Markup {
    let is_long = text.split_whitespace().any(|word| word.chars().count() > LONG_WORD);
    html! { bdi.long[is_long] { (text) } }
}

/// The text of a piece of the page without its elements, for programs.
pub(super) fn plain(markup: &Markup) -> String {
    let mut text = String::with_capacity(markup.0.len());
    let mut is_tag = false;
    for character in markup.0.chars() {
        match character {
            '<' => is_tag = true,
            // In text, `>` is escaped.
            '>' if is_tag => is_tag = false,
            _ if is_tag => {}
            _ => text.push(character),
        }
    }
    // What maud escapes; the ampersand last, since the other entities contain one.
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (escaped, character)| text.replace(escaped, character))
}

/// A name where no element can isolate it, such as a title: without the characters that change the writing direction.
pub(super) fn unmarked(text: &str) -> String {
    let turns = |character: &char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|character| !turns(character)).collect()
}

/// A count, in groups of three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A mean, with no more digits than its values can support.
pub(super) fn mean(number: f64) -> String {
    significant(number, 5)
}

/// A value, without digits that are artefacts of binary arithmetic.
pub(super) fn value(number: f64) -> String {
    significant(number, DIGITS)
}

/// A value beside the limit that it exceeds, with enough digits to tell them apart.
pub(super) fn value_against(number: f64, limit: f64) -> String {
    let short = value(number);
    if number != limit && short == value(limit) { significant(number, 15) } else { short }
}

/// Rounded to so many significant digits, without trailing zeros; with an exponent instead of many zeros.
pub(super) fn significant(number: f64, digits: usize) -> String {
    let rounded = format!("{number:.*e}", digits - 1).parse::<f64>().unwrap_or(number);
    let size = rounded.abs();
    if rounded != 0.0 && !(1e-6..1e12).contains(&size) { format!("{rounded:e}") } else { format!("{}", rounded + 0.0) }
}

/// A value with its qualifier.
pub(super) fn qualified(qualifier: Qualifier, value: String) -> String {
    if qualifier == Qualifier::Equal { value } else { format!("{} {value}", qualifier.as_str()) }
}

/// A percentage by which a value is beyond its limit.
pub(super) fn percent(alert: &Alert) -> String {
    match (alert.percent, alert.percent_at_least) {
        (Some(percent), _) => format!("{percent} %"),
        (None, Some(percent)) => format!("at least {percent} %"),
        (None, None) => "–".into(),
    }
}

/// A value as a percentage of its limit; a dash if the limit is zero.
pub(super) fn percent_of(value: f64, limit: f64) -> String {
    let percent = value / limit * 100.0;
    if limit != 0.0 && percent.is_finite() { format!("{} %", significant(percent, 4)) } else { "–".into() }
}

/// A limit: its value, or the formula that gives it.
pub(super) fn limit_value(limit: &Limit) -> Markup {
    html! {
        @match limit.formula() {
            Some(formula) => (formula.label()),
            None => { (value(limit.value)) " " (name(limit.unit.as_str())) }
        }
    }
}

/// `≤` or `≥`.
pub(super) fn sign(direction: Direction) -> &'static str {
    if direction == Direction::Max { "≤" } else { "≥" }
}

/// The direction of a limit, in a word.
pub(super) fn direction(direction: Direction) -> &'static str {
    if direction == Direction::Max { "maximum" } else { "minimum" }
}

/// A statistic in words.
pub(super) fn statistic(statistic: Statistic) -> String {
    statistic.label().to_lowercase()
}

/// The statistic of a series: a reported one has the name of its base.
pub(super) fn statistic_of(kind: Statistic, base: &str) -> Markup {
    html! { @if base.is_empty() { (statistic(kind)) } @else { (name(base)) } }
}

/// RFC 3339 as people write it: a date alone for midnight, no `T`, no `Z`. The page says that times are UTC.
pub(super) fn tidy(time: &str) -> String {
    match time.strip_suffix('Z').and_then(|rest| rest.split_once('T')) {
        Some((day, "00:00:00")) => day.to_owned(),
        Some((day, clock)) => format!("{day} {clock}"),
        None => time.to_owned(),
    }
}

/// The rows of a list for which the page has room.
pub(super) struct Listed {
    /// Those shown.
    pub(super) rows: Vec<Markup>,
    /// How many are not.
    pub(super) left_out: u64,
}

/// Shows entries until there are `most`, or they take `bytes`. A Lambda function's answer may have 6 MB as JSON, where
/// quotes and backslashes take two bytes.
pub(super) fn listed<T>(
    entries: impl IntoIterator<Item = T>,
    most: usize,
    bytes: usize,
    mut show: impl FnMut(T) -> Markup,
) -> Listed {
    let mut room = bytes;
    let mut out = Listed { rows: Vec::new(), left_out: 0 };
    for entry in entries {
        if out.left_out > 0 || out.rows.len() == most {
            out.left_out += 1;
            continue;
        }
        let row = show(entry);
        let size = row.0.len() + row.0.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        match room.checked_sub(size) {
            Some(rest) => {
                room = rest;
                out.rows.push(row);
            }
            None => out.left_out += 1,
        }
    }
    out
}

impl Render for Listed {
    fn render(&self) -> Markup {
        html! { @for row in &self.rows { (row) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_what_was_put_in() {
        let hostile = "</bdi><b>&lt; \"a\" & 'b' > c";
        assert_eq!(
            plain(&html! { "The file " (name(hostile)) " of " code { "&amp;" } "." }),
            format!("The file {hostile} of &amp;.")
        );
    }

    #[test]
    fn numbers_as_people_write_them() {
        for (number, text) in [
            (0.1 + 0.2, "0.3"),
            (1240.0 / 3.0, "413.3333"),
            (0.0, "0"),
            (-0.0, "0"),
            (250.0, "250"),
            (0.000_033, "0.000033"),
            (1e300, "1e300"),
            (1.5e-9, "1.5e-9"),
            (123_456.7, "123456.7"),
        ] {
            assert_eq!(value(number), text);
        }
        assert_eq!(value_against(10.000_000_01, 10.0), "10.00000001");
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((percent_of(3.12, 3.0), percent_of(1.0, 0.0)), ("104 %".into(), "–".into()));
    }

    #[test]
    fn marks_of_direction_are_left_out_of_titles() {
        assert_eq!(unmarked("a\u{202e}b\u{2069}c\u{200f} é 日"), "abc é 日");
    }

    #[test]
    fn times_as_people_write_them() {
        assert_eq!(tidy("2026-03-01T00:00:00Z"), "2026-03-01");
        assert_eq!(tidy("2026-03-01T06:30:00.5Z"), "2026-03-01 06:30:00.5");
        assert_eq!((tidy("12.5 h"), tidy("2026-03")), ("12.5 h".into(), "2026-03".into()));
    }

    #[test]
    fn lists_end_at_their_number_or_their_bytes() {
        let show = |entry: &str| html! { (entry) };
        let by_number = listed(["a", "b", "c"], 2, 100, show);
        assert_eq!((by_number.rows.len(), by_number.left_out), (2, 1));
        let by_bytes = listed(["aaaa", "\\\\\\", "c"], 9, 9, show);
        assert_eq!((by_bytes.rows.len(), by_bytes.left_out), (1, 2), "backslashes take two bytes");
    }
}
