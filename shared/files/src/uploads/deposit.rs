//! Files that this program puts into the inbox as they arrive, without knowing their length.

use super::{Depot, PART, UploadError};
use bytes::{Bytes, BytesMut};
use std::io;
use table::uploads::Upload;

/// A file on its way into the inbox. It is not visible there before it is complete.
pub(crate) struct Deposit<'a> {
    depot: &'a Depot,
    upload: Upload,
    /// Bytes that are not written yet.
    rest: BytesMut,
    parts: u64,
}

impl Depot {
    /// Begins a file of a site.
    pub(crate) async fn deposit(&self, site: Option<&str>, name: &str) -> Result<Deposit<'_>, UploadError> {
        let upload = self.begin(site, name, 0, PART).await?;
        Ok(Deposit { depot: self, upload, rest: BytesMut::new(), parts: 0 })
    }

    /// The inbox, as a source of files.
    pub(crate) fn inbox(&self) -> String {
        self.source()
    }
}

impl Deposit<'_> {
    /// The next bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.rest.extend_from_slice(bytes);
        while self.rest.len() as u64 >= PART {
            let part = self.rest.split_to(PART as usize).freeze();
            self.put(part).await?;
        }
        Ok(())
    }

    /// Puts the file into the inbox, and returns its place there.
    pub(crate) async fn finish(mut self) -> io::Result<String> {
        let rest = std::mem::take(&mut self.rest).freeze();
        self.put(rest).await?;
        self.depot.complete(&self.upload).await?;
        Ok(self.upload.place)
    }

    /// Abandons the file.
    pub(crate) async fn give_up(self) -> io::Result<()> {
        self.depot.give_up(&self.upload).await
    }

    async fn put(&mut self, bytes: Bytes) -> io::Result<()> {
        let (from, part) = (self.upload.bytes, self.parts + 1);
        self.upload.bytes += bytes.len() as u64;
        self.parts = part;
        match self.depot {
            Depot::Folder(folder) => folder.put(&self.upload.id, part, from, bytes).await,
            Depot::Bucket(bucket) => bucket.put(&self.upload, part, bytes).await,
        }
    }
}
