//! Durations on the command line.

use std::time::Duration;

/// A duration: a number and s, m or h.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected = || "a number with s, m or h is expected, such as 90s".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(expected()),
    };
    let number: u32 = number.parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let of = |text| parse(text).ok().map(|length| length.as_secs());
        assert_eq!((of("90s"), of("10m"), of("8h")), (Some(90), Some(600), Some(28_800)));
        assert_eq!(
            (of(""), of("s"), of("1d"), of("-1s"), of("é"), of("99999999999s")),
            (None, None, None, None, None, None)
        );
    }
}
