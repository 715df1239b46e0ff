//! The available measures.

use super::report::Figure;
use super::{company, files, live, memory};
use clap::ValueEnum;
use std::path::Path;
use tests::generate::Exceeding;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Measure {
    /// A million tidy rows, from HTTP to disk
    Ingest,
    /// The same if every row exceeds
    Exceeding,
    /// Deliveries to 100 subscribers of a publisher that never waits
    Fanout100,
    /// The same to 1,000 subscribers
    Fanout1000,
    /// From publishing to delivery, to 100 subscribers at 20 readings a second
    Latency,
    /// Growth of memory over ten million rows, one in nine of which exceeds
    Memory,
    /// A file into a series that three publishers send to, and its effect on them
    Company,
}

impl Measure {
    pub(crate) const ALL: &[Self] =
        &[Self::Ingest, Self::Exceeding, Self::Fanout100, Self::Fanout1000, Self::Latency, Self::Memory, Self::Company];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Exceeding => "exceeding",
            Self::Fanout100 => "fanout100",
            Self::Fanout1000 => "fanout1000",
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Company => "company",
        }
    }

    /// The numbers that it produces.
    pub(crate) fn figures(self) -> &'static [Figure] {
        match self {
            Self::Ingest | Self::Exceeding => &files::FIGURES,
            Self::Fanout100 | Self::Fanout1000 => &live::FLOOD,
            Self::Latency => &live::LATENCY,
            Self::Memory => &memory::FIGURES,
            Self::Company => &company::FIGURES,
        }
    }

    /// Measures a program; the numbers are in the order of its figures.
    pub(crate) async fn take(self, program: &Path) -> anyhow::Result<Vec<f64>> {
        Ok(match self {
            Self::Ingest => files::million(program, Exceeding::Some).await?.into(),
            Self::Exceeding => files::million(program, Exceeding::All).await?.into(),
            Self::Fanout100 => live::flood(program, 100).await?.into(),
            Self::Fanout1000 => live::flood(program, 1000).await?.into(),
            Self::Latency => live::latency(program).await?.into(),
            Self::Memory => memory::growth(program).await?.into(),
            Self::Company => company::with_publishers(program).await?.into(),
        })
    }
}
