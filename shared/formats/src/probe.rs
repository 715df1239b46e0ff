//! What the first bytes of a file show: its encoding, its header, and the separator of its columns.

use super::header::{self, Found, HeaderError};
use super::source::Source;
use csv::ByteRecord;
use encoding_rs::Decoder;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// How far to look for the delimiter and the header.
pub(super) const HEAD_BYTES: usize = 64 * 1024;
/// In how many lines to look for the header.
const HEADER_LINES: usize = 50;
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 with a byte order mark.
    MarkedUtf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252, in which spreadsheets in western countries save text.
    Windows1252,
}

impl Encoding {
    /// The name for a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 | Self::MarkedUtf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        }
    }

    pub(super) fn decoder(self) -> Option<Decoder> {
        let encoding = match self {
            Self::Utf8 | Self::MarkedUtf8 => return None,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        };
        Some(encoding.new_decoder_without_bom_handling())
    }
}

/// Files that are not text, by their first bytes, with what to do about them.
const NO_TEXT: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "gzip; send it with the header Content-Encoding: gzip, or unpacked"),
    (b"PK\x03\x04", "a ZIP archive, such as an Excel workbook (.xlsx); save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls); save the sheet as CSV"),
    (b"%PDF", "a PDF; save the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "zstd; send it unpacked"),
    (b"BZh", "bzip2; send it unpacked"),
    (b"\xfd7zXZ", "xz; send it unpacked"),
    (b"7z\xbc\xaf", "a 7z archive; send the file in it"),
    (b"PAR1", "Parquet; save it as CSV"),
];

/// The findings in the first bytes.
pub(super) struct Probed {
    pub(super) encoding: Encoding,
    pub(super) delimiter: u8,
    /// The file's line with the header, from 1 on.
    pub(super) line: u64,
    /// The number of bytes of text before it.
    pub(super) offset: usize,
    pub(super) found: Found,
}

/// Examines the first bytes and removes a byte order mark. `encoding` is what an earlier reading has learned.
pub(super) fn probe(head: &mut Vec<u8>, encoding: Option<Encoding>) -> Result<Probed, HeaderError> {
    if let Some((_, what)) = NO_TEXT.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(HeaderError::NoText((*what).into()));
    }
    let (guess, mark) = encoding_of(head);
    head.drain(..mark);
    let mut encoding = encoding.unwrap_or(guess);
    let mut text = text_of(head, encoding)?;
    if encoding == Encoding::Utf8 && text.is_other_than_utf8 {
        encoding = Encoding::Windows1252;
        text = text_of(head, encoding)?;
    }
    if text.bytes.contains(&0) {
        return Err(HeaderError::NoText("binary; a CSV file is text".into()));
    }
    let (delimiter, line, offset, found) = find_header(&text)?;
    Ok(Probed { encoding, delimiter, line, offset, found })
}

/// The encoding, and the length of its mark in bytes.
fn encoding_of(head: &[u8]) -> (Encoding, usize) {
    for (mark, encoding) in [
        (b"\xef\xbb\xbf".as_slice(), Encoding::MarkedUtf8),
        (b"\xff\xfe", Encoding::Utf16Le),
        (b"\xfe\xff", Encoding::Utf16Be),
    ] {
        if head.starts_with(mark) {
            return (encoding, mark.len());
        }
    }
    // Nearly every other byte of western text in UTF-16 is zero.
    let pairs = &head[..head.len().min(4096) / 2 * 2];
    let zeros = |side: usize| pairs.iter().skip(side).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd, most) = (zeros(0), zeros(1), pairs.len() / 2);
    let is_most = |zeros: usize, others: usize| most > 1 && zeros * 10 >= most * 7 && others * 10 <= most;
    match (is_most(odd, even), is_most(even, odd)) {
        (true, _) => (Encoding::Utf16Le, 0),
        (_, true) => (Encoding::Utf16Be, 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// The first bytes as text with plain line ends.
struct Text {
    bytes: Vec<u8>,
    is_other_than_utf8: bool,
    /// Whether the file may continue after it.
    is_cut: bool,
}

fn text_of(head: &[u8], encoding: Encoding) -> Result<Text, HeaderError> {
    let is_cut = head.len() >= HEAD_BYTES - 3;
    // The last line of a head may end in the middle of a character.
    let whole_lines = memchr::memrchr(b'\n', head).filter(|_| is_cut && encoding.decoder().is_none());
    let head = whole_lines.map_or(head, |end| &head[..=end]);
    let mut source = Source::new(head.to_vec(), io::empty(), encoding, 0);
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(|error| HeaderError::Csv(error.to_string()))?;
    Ok(Text { bytes, is_other_than_utf8: source.is_other_than_utf8(), is_cut })
}

/// The delimiter, the line, the place and the columns of the header.
fn find_header(text: &Text) -> Result<(u8, u64, usize, Found), HeaderError> {
    let (Text { bytes: text, is_cut, .. }, mut offset) = (text, 0);
    let mut first: Option<HeaderError> = None;
    let mut told = None;
    for (number, line) in text.split(|&byte| byte == b'\n').take(HEADER_LINES).enumerate() {
        let start = offset;
        offset += line.len() + 1;
        if let Some(delimiter) = separator_line(line).filter(|_| number == 0) {
            told = Some(delimiter);
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if *is_cut && start == 0 && line.len() + 1 >= text.len() {
            return Err(HeaderError::TooLong);
        }
        match header_at(&text[start..], line, told) {
            Ok((delimiter, found)) => return Ok((delimiter, number as u64 + 1, start, found)),
            // A duplicate column is a better message than a line that is no header.
            Err(error @ HeaderError::Twice(_)) if !matches!(first, Some(HeaderError::Twice(_))) => first = Some(error),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or(HeaderError::Empty))
}

/// `sep=;`, as spreadsheets write and read it.
fn separator_line(line: &[u8]) -> Option<u8> {
    let line = line.trim_ascii_start();
    let line = line.strip_suffix(b" ").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() => {
            Some(*delimiter)
        }
        _ => None,
    }
}

/// The header that begins here, with the delimiter that its line uses most, or with another one.
fn header_at(text: &[u8], line: &[u8], told: Option<u8>) -> Result<(u8, Found), HeaderError> {
    let mut counts = DELIMITERS.iter().map(|&delimiter| (count(line, delimiter), delimiter)).collect::<Vec<_>>();
    counts.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
    let candidates = match told {
        Some(delimiter) => vec![delimiter],
        None => counts.into_iter().filter(|&(count, _)| count > 0).map(|(_, delimiter)| delimiter).collect(),
    };
    let mut first = None;
    for delimiter in if candidates.is_empty() { vec![b','] } else { candidates } {
        let names = names(text, delimiter)?;
        match header::detect(&names) {
            Ok(found) => return Ok((delimiter, found)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(HeaderError::Empty))
}

/// How often a line has a byte outside quotes.
fn count(line: &[u8], wanted: u8) -> usize {
    let mut is_quoted = false;
    line.iter()
        .filter(|&&byte| {
            is_quoted ^= byte == b'"';
            !is_quoted && byte == wanted
        })
        .count()
}

/// The names in the first row of a text.
fn names(text: &[u8], delimiter: u8) -> Result<Vec<String>, HeaderError> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
    let mut record = ByteRecord::new();
    csv.read_byte_record(&mut record).map_err(|error| HeaderError::Csv(error.to_string()))?;
    Ok(names_of(&record))
}

pub(super) fn names_of(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect()
}
