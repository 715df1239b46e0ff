//! A bucket of S3, or of a store with its API, as a source of files.
//!
//! In the bucket, or below a prefix: `inbox/SITE/NAME` waits, or `inbox/NAME` for rows that name their site themselves.
//! `done/` has accepted objects and `refused/` refused ones, each with its account beside it. An object is read in
//! ranges, each on the condition that it is still the same, and never held whole.

mod away;
mod ranges;

use crate::source::{Listing, Of, Shelf, Source, Waiting};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::types;
use engine::original::{Original, OriginalError};
use engine::record::Room;
use ranges::{Object, Ranges};
use serde_json::Value;
use std::fmt;
use std::io;

/// Where objects wait.
const INBOX: &str = "inbox/";

/// A bucket, or what is below a prefix of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bucket's name.
    pub bucket: String,
    /// Empty, or a prefix with a slash at its end.
    pub base: String,
}

impl Place {
    /// Reads `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    pub fn parse(url: &str) -> Option<Self> {
        let (bucket, base) = url.strip_prefix("s3://")?.split_once('/').unwrap_or((&url["s3://".len()..], ""));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        // Bucket names: docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_name) || format!("/{base}").contains("//") {
            return None;
        }
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("{base}/") };
        Some(Self { bucket: bucket.to_owned(), base })
    }

    /// The site of an object in the inbox, by its key; `None` for keys elsewhere.
    pub fn site_of<'a>(&self, key: &'a str) -> Option<Option<&'a str>> {
        let place = key.strip_prefix(&self.base)?.strip_prefix(INBOX)?;
        Some(site_of(place))
    }

    pub(crate) fn inbox(&self) -> String {
        format!("{}{INBOX}", self.base)
    }

    /// Its name as a source.
    pub fn source(&self) -> String {
        format!("inbox {self}/{}", INBOX.trim_end_matches('/'))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.base.is_empty() { Ok(()) } else { write!(f, "/{}", self.base.trim_end_matches('/')) }
    }
}

/// A bucket whose objects are taken in.
pub struct Bucket {
    client: Client,
    place: Place,
    name: String,
}

/// A client of S3, or of a store at an endpoint of its own.
pub fn client(config: aws_sdk_s3::config::Builder, has_own_endpoint: bool) -> Client {
    // Other stores address buckets by path, not by host name, and some do not support request checksums.
    let needed = (RequestChecksumCalculation::WhenRequired, ResponseChecksumValidation::WhenRequired);
    let config = config.force_path_style(has_own_endpoint);
    Client::from_conf(config.request_checksum_calculation(needed.0).response_checksum_validation(needed.1).build())
}

impl Bucket {
    /// Does not access the bucket yet.
    pub fn new(client: Client, place: Place) -> Self {
        let name = place.source();
        Self { client, place, name }
    }

    fn key(&self, file: &Waiting) -> String {
        format!("{}{}", self.place.inbox(), file.place)
    }

    /// The named version of an object, or the current one.
    async fn version(&self, file: &Waiting) -> io::Result<Version> {
        let version = Version::parse(&file.version);
        if version.id.is_some() {
            return Ok(version);
        }
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the object is gone");
        let there = self.head(&self.key(file)).await?.ok_or_else(gone)?;
        if there.e_tag() != Some(&version.etag) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "the object was overwritten"));
        }
        // The version id in buckets without versions.
        let id = there.version_id().filter(|id| *id != "null").map(str::to_owned);
        Ok(Version { id, ..version })
    }

    /// The waiting file of an object, unless it is a folder marker or hidden.
    fn waiting(&self, object: &types::Object) -> Option<Waiting> {
        let place = object.key()?.strip_prefix(&self.place.inbox())?;
        let name = place.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name.starts_with('.') {
            return None;
        }
        let version = object.e_tag()?.to_owned();
        Some(Waiting { site: site_of(place).map(str::to_owned), place: place.to_owned(), version })
    }
}

/// A version of an object: its ETag, and its id if the bucket has versions.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    etag: String,
    id: Option<String>,
}

impl Version {
    /// Parses what `Display` writes, or an ETag. Neither has spaces.
    fn parse(text: &str) -> Self {
        let (etag, id) = text.split_once(' ').map_or((text, None), |(etag, id)| (etag, Some(id.to_owned())));
        Self { etag: etag.to_owned(), id }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.etag)?;
        self.id.as_ref().map_or(Ok(()), |id| write!(f, " {id}"))
    }
}

/// The site that a place in the inbox names.
fn site_of(place: &str) -> Option<&str> {
    place.split_once('/').map(|(site, _)| site)
}

impl Source for Bucket {
    fn name(&self) -> &str {
        &self.name
    }

    async fn list(&self, of: Of<'_>) -> io::Result<Listing> {
        let prefix = match of {
            Of::Site(Some(site)) => format!("{}{site}/", self.place.inbox()),
            Of::Site(None) | Of::All => self.place.inbox(),
        };
        let request = self.client.list_objects_v2().bucket(&self.place.bucket).prefix(prefix);
        // Below the inbox there are sites, which are not listed when only the objects beside them are asked for.
        let request = if of == Of::Site(None) { request.delimiter("/") } else { request };
        let mut pages = request.into_paginator().send();
        let mut listing = Listing::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed)?;
            listing.whole.extend(page.contents().iter().filter_map(|object| self.waiting(object)));
        }
        listing.whole.sort();
        Ok(listing)
    }

    /// The object itself, without a copy. In a bucket with versions it is read to its end even if it is overwritten.
    async fn open(&self, file: &Waiting, room: Room<'_>) -> Result<(Original, String), OriginalError> {
        let version = self.version(file).await?;
        let object = Object::new(self.client.clone(), &self.place.bucket, self.key(file), version.clone());
        let ranges = Ranges::of(object);
        let (limit, until) = (room.bytes, room.until);
        let reading = tokio::task::spawn_blocking(move || Original::in_place(Box::new(ranges), limit, until));
        Ok((reading.await.map_err(io::Error::other)??, version.to_string()))
    }

    async fn put_away(&self, file: &Waiting, shelf: Shelf, account: &Value) -> io::Result<()> {
        self.move_to(file, shelf, account).await
    }
}

/// The store's answer in one line.
pub(crate) fn failed<E, R>(error: aws_sdk_s3::error::SdkError<E, R>) -> io::Error
where
    E: std::error::Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    io::Error::other(DisplayErrorContext(&error).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_perhaps_a_prefix() {
        let place =
            |url: &str| Place::parse(url).map(|place| (place.bucket.clone(), place.base.clone(), place.to_string()));
        let of = |bucket: &str, base: &str, shown: &str| Some((bucket.into(), base.into(), shown.into()));
        assert_eq!(place("s3://plant"), of("plant", "", "s3://plant"));
        assert_eq!(place("s3://plant/"), of("plant", "", "s3://plant"));
        assert_eq!(place("s3://plant/a/b/"), of("plant", "a/b/", "s3://plant/a/b"));
        for wrong in ["", "plant", "s3://", "s3://ab", "s3:///a", "s3://pl ant", "s3://plant//a", "https://plant"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_version_is_kept_as_text() {
        for version in ["\"5d41402abc4b2a76b9719d911017c592-3\"", "\"5d41\" IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"] {
            assert_eq!(Version::parse(version).to_string(), version);
        }
        assert_eq!(Version::parse("\"a\" b").id.as_deref(), Some("b"));
    }

    #[test]
    fn the_site_of_a_key_is_the_folder_in_the_inbox() {
        let place = Place::parse("s3://plant/a").unwrap();
        assert_eq!(place.site_of("a/inbox/north/r.csv"), Some(Some("north")));
        assert_eq!(place.site_of("a/inbox/north/2026/r.csv"), Some(Some("north")));
        assert_eq!(place.site_of("a/inbox/r.csv"), Some(None));
        assert_eq!(place.site_of("a/done/north/r.csv"), None);
        assert_eq!(place.site_of("inbox/north/r.csv"), None);
    }
}
