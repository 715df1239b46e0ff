//! When a schedule is due: `rate(...)`, `cron(...)` and `at(...)`.

use super::error::TemplateError;
use super::node::Node;
use crate::cron::Cron;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

type Result<T> = std::result::Result<T, TemplateError>;

/// When a schedule is due: as written, and parsed.
#[derive(Debug, Clone)]
pub struct Timing {
    /// As written, such as `rate(5 minutes)`.
    pub expression: String,
    /// Its meaning.
    pub when: When,
    /// The zone of `cron` and `at`.
    pub zone: TimeZone,
}

/// When a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Every so many minutes.
    Every(u32),
    /// At the times of a pattern.
    Cron(Cron),
    /// Once.
    Once(DateTime),
}

/// Reads an expression. Only EventBridge Scheduler knows `at(...)`.
pub(super) fn read(value: &Node, zone: TimeZone, knows_at: bool) -> Result<Timing> {
    let expression = value.expect_text("the schedule")?;
    let wrong = |message: String| TemplateError::new(value.line, message);
    let inside = |name: &str| expression.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let when = if let Some(inside) = inside("rate") {
        When::Every(rate(expression, inside).map_err(wrong)?)
    } else if let Some(inside) = inside("cron") {
        When::Cron(Cron::parse(inside).map_err(|message| wrong(format!("AWS refuses {expression}: {message}")))?)
    } else if let Some(inside) = inside("at").filter(|_| knows_at) {
        let time = inside
            .parse()
            .map_err(|_| wrong(format!("{expression} is not a time; write it as at(2026-12-31T23:59:59)")))?;
        When::Once(time)
    } else {
        let known = if knows_at { "rate(...), cron(...) and at(...) are" } else { "rate(...) and cron(...) are" };
        return Err(wrong(format!("the schedule {expression} is not supported here; {known}")));
    };
    Ok(Timing { expression: expression.to_owned(), when, zone })
}

/// The zone, by its name in the IANA database.
pub(super) fn zone(value: &Node) -> Result<TimeZone> {
    let name = value.expect_text("ScheduleExpressionTimezone")?;
    TimeZone::get(name).map_err(|_| TemplateError::new(value.line, format!("there is no time zone {name}")))
}

/// AWS accepts the singular for one and the plural for more, and nothing else.
fn rate(expression: &str, inner: &str) -> std::result::Result<u32, String> {
    let malformed = || format!("{expression} is not a rate; write it as rate(1 minute) or rate(5 minutes)");
    let (number, unit) = inner.split_once(' ').ok_or_else(malformed)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(malformed)?;
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let minutes: u32 = match singular {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        _ => return Err(malformed()),
    };
    let right = if number == 1 { singular.to_owned() } else { format!("{singular}s") };
    if unit != right {
        return Err(format!("AWS refuses {expression}; it must be rate({number} {right})"));
    }
    number.checked_mul(minutes).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_aws_takes() {
        let read = |text: &str| {
            let timing = read(&Node::text(7, text), TimeZone::UTC, false);
            timing.map(|timing| timing.when).map_err(|error| error.to_string())
        };
        for (text, minutes) in
            [("rate(1 minute)", 1), ("rate(5 minutes)", 5), ("rate(1 hour)", 60), ("rate(2 days)", 2880)]
        {
            assert_eq!(read(text), Ok(When::Every(minutes)), "{text}");
        }
        for (text, message) in [
            ("rate(5 minute)", "7: AWS refuses rate(5 minute); it must be rate(5 minutes)"),
            ("rate(1 hours)", "7: AWS refuses rate(1 hours); it must be rate(1 hour)"),
            ("rate(0 minutes)", "7: rate(0 minutes) is not a rate"),
            ("rate(-1 minutes)", "7: rate(-1 minutes) is not a rate"),
            ("rate(1.5 hours)", "7: rate(1.5 hours) is not a rate"),
            ("rate(5 seconds)", "7: rate(5 seconds) is not a rate"),
            ("rate(5  minutes)", "7: rate(5  minutes) is not a rate"),
            ("rate(4294967295 days)", "7: rate(4294967295 days) is not a rate"),
            ("rate(minute)", "7: rate(minute) is not a rate"),
            ("5 minutes", "7: the schedule 5 minutes is not supported here; rate(...) and cron(...) are"),
            ("cron(0 12 * * *)", "7: AWS refuses cron(0 12 * * *): it has 5 fields in place of six"),
            ("at(2026-11-26T12:00:00)", "7: the schedule at(2026-11-26T12:00:00) is not supported here"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn a_schedule_may_be_due_once() {
        let read = |text: &str| read(&Node::text(7, text), TimeZone::UTC, true).map_err(|error| error.to_string());
        let once = read("at(2026-11-26T12:00:00)").map(|timing| timing.when);
        assert_eq!(once, Ok(When::Once(jiff::civil::date(2026, 11, 26).at(12, 0, 0, 0))));
        assert!(read("at(noon)").unwrap_err().starts_with("7: at(noon) is not a time"));
        assert!(zone(&Node::text(7, "Mars/Olympus")).is_err() && zone(&Node::text(7, "Europe/Berlin")).is_ok());
    }
}
