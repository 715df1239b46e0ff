//! What a test does if the machine lacks something.

use std::io::Write as _;

/// Reports an unchecked property on standard error, where the test harness does not capture it.
///
/// # Panics
/// In CI, where nothing may go unchecked.
pub fn skip(unchecked: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: {unchecked}");
    // Unlike the output of `eprintln!`, this is shown for passing tests. If it cannot be written, nobody reads it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {unchecked}");
}
