//! Commands by the names that they had in the program which this one replaces: scripts still type them.

use crate::terminal;
use std::ffi::OsString;

/// What a command was called, and what it is called now.
const NAMES: [(&str, &str); 5] = [
    ("process-chemistry", "fit"),
    ("monitor-batch", "monitor"),
    ("simulate-stream", "simulate"),
    ("cert", "certificate"),
    ("dashboard", "serve"),
];

/// What was typed, with today's name in the place of a former one, which is said. Options are those of today.
pub(crate) fn renamed(mut typed: Vec<OsString>) -> Vec<OsString> {
    let Some((place, former, now)) = found(&typed) else { return typed };
    terminal::hint(&format!(
        "{former} is called {now} by now, and its options are others: owsc {now} --help lists them"
    ));
    typed[place] = now.into();
    typed
}

/// Where a former name is, and the names; nothing if the command has a name of today.
fn found(typed: &[OsString]) -> Option<(usize, &'static str, &'static str)> {
    // Before the command there is nothing but this option, with its value behind it or in it.
    let mut place = 1;
    while typed.get(place)?.to_string_lossy().starts_with('-') {
        place += if typed[place] == "--log-format" { 2 } else { 1 };
    }
    NAMES.iter().find(|(former, _)| typed[place] == *former).map(|(former, now)| (place, *former, *now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_name_is_found_where_a_command_is_and_nowhere_else() {
        let place = |typed: &[&str]| {
            let typed: Vec<_> = typed.iter().map(OsString::from).collect();
            found(&typed).map(|(place, _, now)| (place, now))
        };
        assert_eq!(place(&["owsc", "cert", "--site", "a"]), Some((1, "certificate")));
        assert_eq!(place(&["owsc", "--log-format", "json", "dashboard"]), Some((3, "serve")));
        assert_eq!(place(&["owsc", "--log-format=json", "monitor-batch"]), Some((2, "monitor")));
        for typed in [&["owsc", "monitor", "cert"][..], &["owsc"], &["owsc", "--help"], &["owsc", "--log-format"]] {
            assert_eq!(place(typed), None, "{typed:?}");
        }
    }
}
