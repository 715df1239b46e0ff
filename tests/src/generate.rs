//! Generates files of any length, always the same.

use std::fmt::Write as _;

/// A species, the limit that the built-in permit has for it, and the decimal places that a laboratory would report.
type Species = (&'static str, f64, usize);

/// The species of generated files.
const SPECIES: [Species; 3] = [("SO4", 250.0, 1), ("As", 0.01, 4), ("Ni", 0.1, 3)];

/// How many readings exceed their limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeding {
    /// About two in a thousand, as at a well-run plant.
    Some,
    /// About one in nine, as at a plant in trouble.
    Many,
    /// Every one.
    All,
}

impl Exceeding {
    fn share(self) -> f64 {
        match self {
            Self::Some => 0.002,
            Self::Many => 1.0 / 9.0,
            Self::All => 1.0,
        }
    }
}

/// Rows of a piece of a file.
const PIECE: usize = 4096;

/// A tidy file: `rows` readings of three species in turn, one every quarter of an hour. 17.8 bytes a row at a million
/// rows.
pub fn tidy(rows: usize, exceeding: Exceeding) -> String {
    let mut out = String::with_capacity(rows * 20 + 64);
    out.extend(tidy_pieces(rows, exceeding));
    out
}

/// The same in pieces, for files that are too long for memory.
pub fn tidy_pieces(rows: usize, exceeding: Exceeding) -> impl Iterator<Item = String> {
    pieces(&SPECIES, rows, exceeding)
}

/// A tidy file of a single series, of sulfate.
pub fn sulfate(rows: usize, exceeding: Exceeding) -> String {
    pieces(&SPECIES[..1], rows, exceeding).collect()
}

fn pieces(species: &'static [Species], rows: usize, exceeding: Exceeding) -> impl Iterator<Item = String> {
    let mut random = Random::new();
    let pieces = (0..rows).step_by(PIECE).map(move |first| {
        let mut out = String::with_capacity(PIECE * 24);
        for row in first..rows.min(first + PIECE) {
            let (name, limit, places) = species[row % species.len()];
            let time = (row / species.len()) as f64 / 4.0;
            let value = random.value(limit, exceeding);
            let _ = writeln!(out, "{time},{name},{value:.places$}");
        }
        out
    });
    std::iter::once("time,species,concentration\n".to_owned()).chain(pieces)
}

/// A wide file: `rows` rows with a reading of each of three species.
pub fn wide(rows: usize, exceeding: Exceeding) -> String {
    let mut random = Random::new();
    let mut out = String::with_capacity(rows * 28 + 64);
    out.push_str("time_h,SO4_mgL,As_mgL,Ni_mgL\n");
    for row in 0..rows {
        let _ = write!(out, "{}", row as f64 / 4.0);
        for (_, limit, places) in SPECIES {
            let value = random.value(limit, exceeding);
            let _ = write!(out, ",{value:.places$}");
        }
        out.push('\n');
    }
    out
}

/// Repeats the rows of `text`, without the header, so many times.
pub fn repeated(text: &str, times: usize) -> String {
    let (header, rows) = text.split_once('\n').unwrap_or((text, ""));
    format!("{header}\n{}", rows.repeat(times))
}

/// xorshift64: enough to keep a codec from finding patterns, and the same on every machine.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A number from 0 up to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn value(&mut self, limit: f64, exceeding: Exceeding) -> f64 {
        let (usual, beyond) = (limit * (0.2 + 0.78 * self.next()), limit * (1.2 + 2.0 * self.next()));
        if exceeding == Exceeding::All || self.next() < exceeding.share() { beyond } else { usual }
    }
}
