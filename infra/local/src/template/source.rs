//! `DynamoDB` events: a table's stream that feeds a function.

use super::error::TemplateError;
use super::node::Node;
use super::scope::Scope;
use super::target::{Receiver, between};
use crate::pattern::Pattern;
use std::time::Duration;

type Result<T> = std::result::Result<T, TemplateError>;

/// A stream that feeds a function.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The stream, as `GetAtt` names it.
    pub stream_arn: String,
    /// The most records per invocation.
    pub batch_size: usize,
    /// How long a batch may wait to fill.
    pub window: Duration,
    /// Whether a first start begins with the oldest record, rather than with new ones.
    pub from_oldest: bool,
    /// How often a batch is retried; `None` for as long as its records exist.
    pub retries: Option<u32>,
    /// The maximum age of a record; `None` for as long as the stream keeps it.
    pub max_age: Option<Duration>,
    /// Whether a failed batch is halved.
    pub bisect: bool,
    /// How many batches of different keys are delivered at once.
    pub parallel: usize,
    /// Whether the function reports which record failed.
    pub reports_failures: bool,
    /// The receiver of messages about records that are given up.
    pub on_failure: Option<Receiver>,
    /// A record is delivered if one of them matches, or if there are none.
    pub filters: Vec<Pattern>,
    /// The line it is on.
    pub line: usize,
}

/// Reads an event's properties; `None` if it is disabled.
pub(super) fn read(scope: &Scope<'_>, line: usize, properties: &Node) -> Result<Option<StreamSource>> {
    let properties = scope.resolve(properties)?.unwrap_or_else(|| Node::empty(line));
    let mut source = StreamSource {
        stream_arn: String::new(),
        batch_size: 100,
        window: Duration::ZERO,
        from_oldest: false,
        retries: None,
        max_age: None,
        bisect: false,
        parallel: 1,
        reports_failures: false,
        on_failure: None,
        filters: Vec::new(),
        line,
    };
    let mut enabled = true;
    for (name, line, value) in properties.expect_map("Properties")? {
        match name.as_str() {
            "Enabled" => enabled = value.expect_bool(name)?,
            "MetricsConfig" | "Tags" => {}
            "DestinationConfig" => {
                let arn = value.get("OnFailure").and_then(|failure| failure.get("Destination"));
                let arn = arn.map(|arn| arn.expect_text("Destination")).transpose()?;
                source.on_failure = arn.map(|arn| Receiver::Elsewhere(arn.to_owned()));
            }
            _ => source.set(name, *line, value)?,
        }
    }
    if source.stream_arn.is_empty() {
        return Err(TemplateError::new(line, "the event has no Stream"));
    }
    Ok(enabled.then_some(source))
}

impl StreamSource {
    fn set(&mut self, name: &str, line: usize, value: &Node) -> Result<()> {
        match name {
            "Stream" => value.expect_text(name)?.clone_into(&mut self.stream_arn),
            "BatchSize" => self.batch_size = between(value, name, 1, 10_000)? as usize,
            "MaximumBatchingWindowInSeconds" => self.window = Duration::from_secs(between(value, name, 0, 300)?),
            "ParallelizationFactor" => self.parallel = between(value, name, 1, 10)? as usize,
            "BisectBatchOnFunctionError" => self.bisect = value.expect_bool(name)?,
            "MaximumRetryAttempts" => {
                let number = value.expect_number(name)?;
                self.retries = (number >= 0).then(|| u32::try_from(number).unwrap_or(u32::MAX));
            }
            "MaximumRecordAgeInSeconds" => {
                let number = value.expect_number(name)?;
                self.max_age = u64::try_from(number).ok().map(Duration::from_secs);
            }
            "StartingPosition" => match value.expect_text(name)? {
                "TRIM_HORIZON" => self.from_oldest = true,
                "LATEST" => self.from_oldest = false,
                other => {
                    let message = format!("the position {other} is not supported here; TRIM_HORIZON and LATEST are");
                    return Err(TemplateError::new(line, message));
                }
            },
            "FunctionResponseTypes" => {
                let types = value.expect_list(name)?;
                self.reports_failures = types.iter().any(|kind| kind.as_text() == Some("ReportBatchItemFailures"));
            }
            "FilterCriteria" => self.filters = filters(value)?,
            other => {
                let message = format!("{other} of a DynamoDB event is not supported here");
                return Err(TemplateError::new(line, message));
            }
        }
        Ok(())
    }
}

fn filters(criteria: &Node) -> Result<Vec<Pattern>> {
    let Some(filters) = criteria.get("Filters") else { return Ok(Vec::new()) };
    let filters = filters.expect_list("Filters")?.iter();
    filters
        .map(|filter| {
            let pattern =
                filter.get("Pattern").ok_or_else(|| TemplateError::new(filter.line, "a filter has no Pattern"))?;
            let text = pattern.expect_text("Pattern")?;
            Pattern::parse(text).map_err(|message| TemplateError::new(pattern.line, format!("the pattern: {message}")))
        })
        .collect()
}
