//! What a test does where the machine lacks something.

use std::io::Write as _;

/// Says that something is not checked, on standard error, where the test harness does not hold it back.
///
/// # Panics
/// In CI, where nothing may go unchecked.
pub fn skip(unchecked: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: {unchecked}");
    // Unlike what `eprintln!` writes, this is shown of tests that pass. If it cannot be written, nobody reads it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {unchecked}");
}
