//! The outcome of a command, which is its exit status for scripts.

use serde_json::Value;
use std::process::ExitCode;

/// The outcome, the gravest last: the gravest of several counts. As on a certificate, an exceedance counts even if
/// other rows could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Every row was accepted, and nothing exceeds its limit.
    Compliant,
    /// No exceedance is known, but not everything could be judged.
    Insufficient,
    /// Something exceeds its limit.
    Exceedances,
    /// The input cannot be used, or the server cannot be reached.
    Bad,
}

/// The exit statuses, as `--help` lists them.
pub(crate) const STATUSES: &str = "Exit status:
  0  compliant: everything was taken and judged, and nothing is beyond its limit
  1  exceedances: something is beyond its limit
  2  insufficient: no exceedance is known, but not everything could be judged
  3  bad input: a file cannot be read or was refused, or the server does not answer";

impl Outcome {
    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Compliant => 0,
            Self::Exceedances => 1,
            Self::Insufficient => 2,
            Self::Bad => 3,
        }
    }

    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Exceedances => "exceedances",
            Self::Insufficient => "insufficient",
            Self::Bad => "bad input",
        }
    }

    /// The outcome in the answer to a file.
    pub(crate) fn of(answer: &Value) -> Self {
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        if number("/alerts/total") > 0 { Self::Exceedances } else { Self::besides(answer) }
    }

    /// The outcome in the answer to a file, ignoring exceedances: whether all of it could be judged.
    pub(crate) fn besides(answer: &Value) -> Self {
        let number = |name: &str| answer[name].as_u64().unwrap_or_default();
        // What was compared with no limit is not known to comply. `ingest --check` judges nothing, and its answers lack
        // the number.
        let is_open = answer["readings_judged"] == 0;
        if is_open || number("rows_refused") + number("readings_inconclusive") + number("periods_without_water") > 0 {
            Self::Insufficient
        } else {
            Self::Compliant
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_violation_is_one_whatever_else_is_missing() {
        let of = |alerts: u64, refused: u64, inconclusive: u64| {
            let answer =
                json!({"alerts": {"total": alerts}, "rows_refused": refused, "readings_inconclusive": inconclusive});
            Outcome::of(&answer)
        };
        assert_eq!(of(0, 0, 0), Outcome::Compliant);
        assert_eq!((of(1, 0, 0), of(1, 1, 1)), (Outcome::Exceedances, Outcome::Exceedances));
        assert_eq!((of(0, 1, 0), of(0, 0, 1)), (Outcome::Insufficient, Outcome::Insufficient));
        let without_water = json!({"alerts": {"total": 0}, "readings_judged": 3, "periods_without_water": 1});
        assert_eq!(Outcome::of(&without_water), Outcome::Insufficient);
        let all = [Outcome::Bad, Outcome::Exceedances, Outcome::Insufficient, Outcome::Compliant];
        assert!(all.is_sorted_by(|a, b| a > b), "the worst first");
        assert_eq!(all.map(Outcome::status), [3, 1, 2, 0]);
        // The help lists them all.
        assert!(all.iter().all(|one| STATUSES.contains(&format!("  {}  {}", one.status(), one.word()))));
    }
}
