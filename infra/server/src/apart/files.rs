//! Files that a command judges without a server.

use super::Apart;
use crate::remote::{Failure, escaped};
use crate::send::check;
use crate::terminal::Bar;
use anyhow::Context;
use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What files are judged by.
#[derive(Debug, Clone, Args)]
pub(crate) struct Terms {
    /// The permit, as JSON; without it the built-in limits, and limits that a file brings
    #[arg(long)]
    pub(crate) permit: Option<PathBuf>,
    /// The site of rows that name none, and of an effluent chart
    #[arg(long, default_value = "default")]
    pub(crate) site: String,
}

/// A file to read, and its name.
struct Input {
    name: String,
    path: PathBuf,
    /// The copy of standard input, deleted when dropped.
    _kept: Option<NamedTempFile>,
}

/// The outcome of a file.
pub(crate) struct Judged {
    pub(crate) name: String,
    pub(crate) result: Result<Value, Failure>,
}

impl Judged {
    /// As JSON: its answer, or its error.
    pub(crate) fn document(self) -> Value {
        match self.result {
            Ok(answer) => json!({"file": self.name, "answer": answer}),
            Err(failure) => json!({"file": self.name, "error": failure.envelope()}),
        }
    }
}

impl Apart {
    /// Ingests files, one after the other, and judges them.
    pub(crate) async fn judge(&self, files: &[PathBuf], terms: &Terms) -> anyhow::Result<Vec<Judged>> {
        let permit = terms.permit.as_deref().map(read_permit).transpose()?;
        let mut inputs = Vec::new();
        for file in files {
            inputs.push(self.input(file).await?);
        }
        if let Some(permit) = &permit {
            self.adopt(permit, &terms.site, &inputs).await?;
        }
        let mut judged = Vec::new();
        for Input { name, path, .. } in inputs {
            let bar = Bar::new(&name);
            bar.begin("judging", 0);
            let result = self.take(&path, &name, Some(&terms.site)).await;
            bar.end();
            judged.push(Judged { name, result });
        }
        Ok(judged)
    }

    async fn input(&self, file: &Path) -> anyhow::Result<Input> {
        if file == Path::new("-") {
            let kept = self.kept(tokio::io::stdin()).await?;
            return Ok(Input { name: "standard input".into(), path: kept.path().to_owned(), _kept: Some(kept) });
        }
        let name = file.display().to_string();
        // A pipe, such as one made by a shell's process substitution, can be read only once.
        if std::fs::metadata(file).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            let kept = self.kept(tokio::fs::File::open(file).await?).await?;
            return Ok(Input { name, path: kept.path().to_owned(), _kept: Some(kept) });
        }
        Ok(Input { name, path: file.to_owned(), _kept: None })
    }

    /// Puts a permit in force at every site that files name, before they are judged, so that they are judged only once.
    async fn adopt(&self, permit: &Value, site: &str, inputs: &[Input]) -> anyhow::Result<()> {
        let mut sites = BTreeSet::from([site.to_owned()]);
        for input in inputs {
            // A file that cannot be read is reported when it is ingested.
            sites.extend(check::sites(&input.path, site).unwrap_or_default());
        }
        for site in sites {
            let path = format!("/api/permits/{}", escaped(&site));
            self.json(Method::PUT, &path, Some(permit)).await.context("the permit cannot be used")?;
        }
        Ok(())
    }
}

fn read_permit(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("{}: the permit cannot be read", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{}: the permit is not JSON", path.display()))
}
