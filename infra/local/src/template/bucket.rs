//! `AWS::S3::Bucket`.

use super::error::TemplateError;
use super::names;
use super::node::Node;
use super::scope::Scope;

type Result<T> = std::result::Result<T, TemplateError>;

/// Properties that do not change how a bucket answers its owner.
const WITHOUT_MEANING: [&str; 16] = [
    "AbacStatus",
    "AccelerateConfiguration",
    "AccessControl",
    "AnalyticsConfigurations",
    "BucketEncryption",
    "BucketName",
    "IntelligentTieringConfigurations",
    "InventoryConfigurations",
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "MetadataConfiguration",
    "MetricsConfigurations",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "ReplicationConfiguration",
    "Tags",
];

/// Properties that must be refused: without them, protected objects could be overwritten.
const REFUSED: [&str; 2] = ["ObjectLockConfiguration", "ObjectLockEnabled"];

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// Whether overwritten and deleted objects are kept as earlier versions.
    pub versioned: bool,
    /// Whether EventBridge receives events about objects.
    pub events: bool,
}

pub(super) fn read(
    scope: &Scope<'_>,
    id: &str,
    line: usize,
    resource: &Node,
    warnings: &mut Vec<String>,
) -> Result<Bucket> {
    let name = names::bucket(scope, Some(resource), id)?;
    if !s3s::path::check_bucket_name(&name) {
        let message = format!(
            "{name} is not a valid name for a bucket: use 3 to 63 lower-case letters, digits, dots and hyphens"
        );
        return Err(TemplateError::new(line, message));
    }
    let mut bucket = Bucket { name, versioned: false, events: false };
    for (property, at, value) in resource.properties() {
        if WITHOUT_MEANING.contains(&property.as_str()) {
            continue;
        }
        let Some(value) = scope.resolve(value)? else { continue };
        match property.as_str() {
            name if REFUSED.contains(&name) && value.as_text() != Some("false") => {
                return Err(TemplateError::new(*at, format!("{name} of a bucket is not supported here")));
            }
            "ObjectLockEnabled" => {}
            "VersioningConfiguration" => {
                bucket.versioned = value.get("Status").and_then(Node::as_text) == Some("Enabled");
            }
            "NotificationConfiguration" => bucket.events = events(&value)?,
            name @ ("CorsConfiguration" | "WebsiteConfiguration") => {
                warnings.push(format!("{name} of {id} (line {at}) is left out"))
            }
            name => return Err(TemplateError::unknown(*at, name, id)),
        }
    }
    Ok(bucket)
}

fn events(configuration: &Node) -> Result<bool> {
    let mut enabled = false;
    for (name, line, value) in configuration.expect_map("NotificationConfiguration")? {
        match name.as_str() {
            "EventBridgeConfiguration" => {
                let switch = value.get("EventBridgeEnabled");
                enabled = switch.map_or(Ok(true), |switch| switch.expect_bool("EventBridgeEnabled"))?;
            }
            other => {
                let message = format!("{other} of a bucket is not supported here; EventBridgeConfiguration is");
                return Err(TemplateError::new(*line, message));
            }
        }
    }
    Ok(enabled)
}
