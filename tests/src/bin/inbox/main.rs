//! The inbox of a running server: how fast a large file is ingested, with how much memory and disk, compared with a
//! posted file in the same run; and how fast many small ones are.

mod long;
mod many;

use clap::{Parser, ValueEnum};

/// Measures the inbox.
#[derive(Parser)]
struct Options {
    /// The length of the large file, in millions of rows of 17 bytes
    #[arg(long, default_value_t = 60)]
    millions: usize,
    /// What to measure
    #[arg(value_enum, default_values_t = [Part::Long, Part::Bucket, Part::Many])]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// A large file in a folder
    Long,
    /// The same in a bucket of the local gateway
    Bucket,
    /// Two thousand files of a hundred rows, dropped at once
    Many,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut out = std::io::stdout();
    for part in options.parts {
        match part {
            Part::Long => long::folder(&mut out, options.millions * 1_000_000).await?,
            Part::Bucket => long::bucket(&mut out, options.millions * 1_000_000).await?,
            Part::Many => many::files(&mut out).await?,
        }
    }
    Ok(())
}
