//! Names of sites, outfalls and parameters.

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
    /// Nothing but white space.
    #[error("a name is expected, the field is empty")]
    Empty,
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("a name has at most {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// Control characters would break logs and terminals.
    #[error("a name has no control characters")]
    Control,
}

/// Trims `text` and checks that it can name something.
pub fn check(text: &str) -> Result<&str, NameError> {
    let text = text.trim();
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

/// The form in which names are compared: trimmed, without regard to case.
pub fn key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether two names mean the same thing.
pub fn same(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim()) || key(a) == key(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_compared_without_case() {
        assert_eq!(check("  SO4 "), Ok("SO4"));
        assert!(same(" so4", "SO4 "));
        assert!(same("ÄTHANOL", "äthanol"));
        assert!(!same("SO4", "SO3"));
    }

    #[test]
    fn length_is_limited_on_both_sides() {
        assert!(check(&"x".repeat(MAX_NAME_BYTES)).is_ok());
        assert_eq!(check(&"x".repeat(MAX_NAME_BYTES + 1)), Err(NameError::TooLong));
        assert_eq!(check(" \t"), Err(NameError::Empty));
        assert_eq!(check("a\u{7}b"), Err(NameError::Control));
    }
}
