//! Former names of commands, which scripts may still use.

use crate::terminal;
use std::ffi::OsString;

/// The former names of commands, and their names today.
const NAMES: [(&str, &str); 5] = [
    ("process-chemistry", "fit"),
    ("monitor-batch", "monitor"),
    ("simulate-stream", "simulate"),
    ("cert", "certificate"),
    ("dashboard", "serve"),
];

/// The command line, with a former name replaced by today's, and a hint. Options are today's.
pub(crate) fn renamed(mut typed: Vec<OsString>) -> Vec<OsString> {
    let Some((place, former, now)) = found(&typed) else { return typed };
    terminal::hint(&format!(
        "{former} is now called {now}, and its options have changed: owsc {now} --help lists them"
    ));
    typed[place] = now.into();
    typed
}

/// The position of a former name, and both names; `None` if the command has a current name.
fn found(typed: &[OsString]) -> Option<(usize, &'static str, &'static str)> {
    // Only this option can precede the command, with its value in the next word or in the same one.
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
