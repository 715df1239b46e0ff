//! The bytes of a segment: columns packed with `pco`, a codec for numerical columns.
//!
//! Layout, integers little-endian: version `u8`, count `u32`, times, values, flags, limits, samples, units. Each column
//! is a tag `u8`, a length `u32` and that many bytes. Version 1 had flags of 16 bits and no samples. Values that are
//! all decimals with few places, as laboratories write them, are packed as integers: that is smaller and three times as
//! fast as packing the floating point numbers.

use domain::columns::Columns;
use domain::number::rounded;
use domain::reading::Flags;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

const VERSION: u8 = 2;
const VERSION_OF_16_BITS: u8 = 1;
/// The most readings of a segment, several times what is ever written at once. The claimed count decides how much
/// memory is allocated, and a few damaged bytes can claim four thousand million.
const MAX_READINGS: usize = 1 << 17;
/// The most decimal places tried. Laboratory values rarely have more; others are packed as floating point numbers.
const MAX_PLACES: u8 = 6;
/// Integers beyond this are not exact in floating point.
const EXACT: f64 = 9_007_199_254_740_992.0;

const TAG_NUMBERS: u8 = 0;
const TAG_CONSTANT: u8 = 1;
const TAG_ABSENT: u8 = 2;
/// `TAG_PLACES + n`: integers, to be divided by 10^n.
const TAG_PLACES: u8 = 16;

/// The bytes are not a segment, or have a version that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the segment cannot be decoded: {0}")]
pub struct SegmentError(String);

impl SegmentError {
    fn new(reason: impl ToString) -> Self {
        Self(reason.to_string())
    }
}

/// Packs columns.
pub fn encode(columns: &Columns) -> Result<Vec<u8>, SegmentError> {
    if columns.len() > MAX_READINGS {
        return Err(SegmentError(format!("{} readings, of at most {MAX_READINGS}", columns.len())));
    }
    let mut out = vec![VERSION];
    out.extend((columns.len() as u32).to_le_bytes());
    let steps = config(DeltaSpec::TryConsecutive(1));
    put(&mut out, TAG_NUMBERS, &simple_compress(&columns.times, &steps).map_err(SegmentError::new)?);
    put_values(&mut out, &columns.values)?;
    put_flags(&mut out, &columns.flags)?;
    if columns.limits.is_empty() {
        put(&mut out, TAG_ABSENT, &[]);
    } else {
        put_values(&mut out, &columns.limits)?;
    }
    if columns.samples.is_empty() {
        put(&mut out, TAG_ABSENT, &[]);
    } else {
        let packed = simple_compress(&columns.samples, &config(DeltaSpec::NoOp)).map_err(SegmentError::new)?;
        put(&mut out, TAG_NUMBERS, &packed);
    }
    out.extend((columns.units.len() as u16).to_le_bytes());
    for unit in &columns.units {
        out.extend((unit.len() as u16).to_le_bytes());
        out.extend(unit.as_bytes());
    }
    Ok(out)
}

/// Unpacks columns.
pub fn decode(bytes: &[u8]) -> Result<Columns, SegmentError> {
    let mut input = Input(bytes);
    let version = input.take(1)?[0];
    let is_old = version == VERSION_OF_16_BITS;
    if version != VERSION && !is_old {
        return Err(SegmentError(format!("version {version}")));
    }
    let count = input.u32()? as usize;
    if count > MAX_READINGS {
        return Err(SegmentError(format!("{count} readings, of at most {MAX_READINGS}")));
    }
    let (_, times) = input.column()?;
    Ok(Columns {
        times: numbers(times, count)?,
        values: values(input.column()?, count)?,
        flags: if is_old { flags_of_16_bits(input.column()?, count)? } else { flags(input.column()?, count)? },
        limits: if_present(input.column()?, |column| values(column, count))?,
        samples: if is_old { Vec::new() } else { if_present(input.column()?, |column| samples(column, count))? },
        units: input.units()?,
    })
}

fn config(delta: DeltaSpec) -> ChunkConfig {
    // On such columns, level 4 packs as tightly as the default level 8 and takes less time (docs/architecture.md).
    ChunkConfig::default().with_compression_level(4).with_mode_spec(ModeSpec::Classic).with_delta_spec(delta)
}

fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

fn put_values(out: &mut Vec<u8>, values: &[f64]) -> Result<(), SegmentError> {
    let plain = config(DeltaSpec::NoOp);
    match as_integers(values) {
        Some((places, integers)) => {
            put(out, TAG_PLACES + places, &simple_compress(&integers, &plain).map_err(SegmentError::new)?);
        }
        None => {
            // Mainly means: `pco` finds the common factor of 1/30 in thirds of decimals with one place.
            let factored = plain.with_mode_spec(ModeSpec::Auto);
            put(out, TAG_NUMBERS, &simple_compress(values, &factored).map_err(SegmentError::new)?);
        }
    }
    Ok(())
}

fn put_flags(out: &mut Vec<u8>, flags: &[Flags]) -> Result<(), SegmentError> {
    match flags {
        [first, rest @ ..] if rest.iter().all(|flags| flags == first) => put(out, TAG_CONSTANT, &first.0.to_le_bytes()),
        _ => {
            let numbers: Vec<u32> = flags.iter().map(|flags| flags.0).collect();
            let packed = simple_compress(&numbers, &config(DeltaSpec::NoOp)).map_err(SegmentError::new)?;
            put(out, TAG_NUMBERS, &packed);
        }
    }
    Ok(())
}

/// The values as integers with a common number of decimal places, if dividing restores the very same bits.
fn as_integers(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut integers = Vec::with_capacity(values.len());
    'places: for places in 0..=MAX_PLACES {
        let scale = 10f64.powi(places.into());
        integers.clear();
        for &value in values {
            let scaled = value * scale;
            if scaled.abs() > EXACT {
                return None;
            }
            let integer = rounded(scaled);
            if (integer as f64 / scale).to_bits() != value.to_bits() {
                continue 'places;
            }
            integers.push(integer);
        }
        return Some((places, integers));
    }
    None
}

/// Unpacks as many numbers as there are readings: a column with fewer or more is damaged.
fn numbers<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, SegmentError> {
    let mut numbers = vec![T::default(); count];
    let progress = simple_decompress_into(bytes, &mut numbers).map_err(SegmentError::new)?;
    match progress.finished && progress.n_processed == count {
        true => Ok(numbers),
        false => Err(SegmentError(format!("a column does not have {count} numbers"))),
    }
}

fn if_present<T>(
    (tag, bytes): (u8, &[u8]),
    unpack: impl FnOnce((u8, &[u8])) -> Result<Vec<T>, SegmentError>,
) -> Result<Vec<T>, SegmentError> {
    if tag == TAG_ABSENT { Ok(Vec::new()) } else { unpack((tag, bytes)) }
}

fn values((tag, bytes): (u8, &[u8]), count: usize) -> Result<Vec<f64>, SegmentError> {
    match tag {
        TAG_NUMBERS => numbers(bytes, count),
        tag if (TAG_PLACES..=TAG_PLACES + MAX_PLACES).contains(&tag) => {
            let scale = 10f64.powi((tag - TAG_PLACES).into());
            let integers: Vec<i64> = numbers(bytes, count)?;
            Ok(integers.into_iter().map(|integer| integer as f64 / scale).collect())
        }
        tag => Err(SegmentError(format!("tag {tag}"))),
    }
}

fn flags((tag, bytes): (u8, &[u8]), count: usize) -> Result<Vec<Flags>, SegmentError> {
    match (tag, bytes) {
        (TAG_CONSTANT, [a, b, c, d]) => Ok(vec![Flags(u32::from_le_bytes([*a, *b, *c, *d])); count]),
        (TAG_NUMBERS, bytes) => Ok(numbers(bytes, count)?.into_iter().map(Flags).collect()),
        (tag, _) => Err(SegmentError(format!("tag {tag}"))),
    }
}

fn flags_of_16_bits((tag, bytes): (u8, &[u8]), count: usize) -> Result<Vec<Flags>, SegmentError> {
    match (tag, bytes) {
        (TAG_CONSTANT, [low, high]) => Ok(vec![Flags::of_16_bits(u16::from_le_bytes([*low, *high])); count]),
        (TAG_NUMBERS, bytes) => Ok(numbers(bytes, count)?.into_iter().map(Flags::of_16_bits).collect()),
        (tag, _) => Err(SegmentError(format!("tag {tag}"))),
    }
}

fn samples((tag, bytes): (u8, &[u8]), count: usize) -> Result<Vec<u64>, SegmentError> {
    match tag {
        TAG_NUMBERS => numbers(bytes, count),
        tag => Err(SegmentError(format!("tag {tag}"))),
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SegmentError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or_else(|| SegmentError::new("it ends early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn u16(&mut self) -> Result<u16, SegmentError> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Result<u32, SegmentError> {
        self.take(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn column(&mut self) -> Result<(u8, &'a [u8]), SegmentError> {
        let tag = self.take(1)?[0];
        let length = self.u32()? as usize;
        Ok((tag, self.take(length)?))
    }

    fn units(&mut self) -> Result<Vec<std::sync::Arc<str>>, SegmentError> {
        let count = self.u16()?;
        let mut units = Vec::new();
        for _ in 0..count {
            let length = self.u16()?.into();
            units.push(std::str::from_utf8(self.take(length)?).map_err(SegmentError::new)?.into());
        }
        Ok(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::columns::Row;
    use domain::reading::Qualifier;
    use domain::time::TimeKind;
    use proptest::prelude::*;

    fn columns(rows: &[(i64, f64, u32, f64)], limits: bool) -> Columns {
        let mut columns = Columns { units: vec!["mg/L".into(), "µg/L".into()], ..Columns::default() };
        for &(time, value, flags, limit) in rows {
            let flags = Flags(if limits { flags | 0x10 } else { flags & !0x30 });
            let sample = if flags.0 & 0x80 == 0 { 0 } else { time.unsigned_abs() };
            columns.push(Row { time, value, flags, limit: if limits { limit } else { 0.0 }, sample });
        }
        columns
    }

    /// As bits, which distinguish -0.0 from 0.0.
    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn decimals_are_packed_small() {
        let rows: Vec<_> = (0..10_000).map(|i| (i * 3_600_000_000, ((i * 37) % 2500) as f64 / 10.0, 4, 0.0)).collect();
        let bytes = encode(&columns(&rows, false)).unwrap();
        assert!(bytes.len() < 10_000 * 17 / 10, "{} bytes", bytes.len());
    }

    #[test]
    fn the_segment_of_nothing() {
        assert_eq!(decode(&encode(&Columns::default()).unwrap()).unwrap(), Columns::default());
    }

    /// Readings of 1.5 mg/L at hours 1 and 2, and of at most 0.5 mg/L at hour 3, as version 1 wrote them.
    #[test]
    fn segments_of_earlier_versions_are_understood() {
        let mut bytes = vec![VERSION_OF_16_BITS];
        bytes.extend(3u32.to_le_bytes());
        let plain = config(DeltaSpec::NoOp);
        put(&mut bytes, TAG_NUMBERS, &simple_compress(&[1i64, 2, 3], &plain).unwrap());
        put(&mut bytes, TAG_PLACES + 1, &simple_compress(&[15i64, 15, 5], &plain).unwrap());
        put(&mut bytes, TAG_NUMBERS, &simple_compress(&[4u16, 4, 5], &plain).unwrap());
        put(&mut bytes, TAG_ABSENT, &[]);
        bytes.extend(1u16.to_le_bytes());
        bytes.extend(4u16.to_le_bytes());
        bytes.extend(b"mg/L");
        let rows = [(1, 1.5, Qualifier::Equal), (2, 1.5, Qualifier::Equal), (3, 0.5, Qualifier::Less)];
        let mut expected = Columns { units: vec!["mg/L".into()], ..Columns::default() };
        for (time, value, qualifier) in rows {
            let flags = Flags::new(qualifier, TimeKind::Hours, None, 0);
            expected.push(Row { time, value, flags, limit: 0.0, sample: 0 });
        }
        assert_eq!(decode(&bytes).unwrap(), expected);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = encode(&columns(&[(1, 2.5, 0, 0.0), (2, 3.5, 1, 0.0)], false)).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(decode(&[9]).unwrap_err(), SegmentError("version 9".into()));
    }

    #[test]
    fn readings_are_limited_on_both_sides() {
        let most = columns(&vec![(1, 2.5, 0, 0.0); MAX_READINGS], false);
        let mut bytes = encode(&most).unwrap();
        assert_eq!(decode(&bytes).unwrap(), most);
        // A count that the columns contradict, and one that would take gigabytes.
        for (claimed, reason) in
            [(0, "does not have 0"), (MAX_READINGS - 1, "does not have"), (u32::MAX as usize, "at most")]
        {
            bytes[1..5].copy_from_slice(&(claimed as u32).to_le_bytes());
            let error = decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{claimed}: {error}");
        }
        assert!(encode(&columns(&vec![(1, 2.5, 0, 0.0); MAX_READINGS + 1], false)).is_err());
    }

    /// A packed column of equal numbers has the same few bytes, however many they are.
    #[test]
    fn a_column_with_more_numbers_than_readings_is_damaged() {
        let plain = config(DeltaSpec::NoOp);
        let mut bytes = vec![VERSION];
        bytes.extend(2u32.to_le_bytes());
        put(&mut bytes, TAG_NUMBERS, &simple_compress(&[1i64, 2], &plain).unwrap());
        put(&mut bytes, TAG_PLACES, &simple_compress(&vec![7i64; 1 << 20], &plain).unwrap());
        put(&mut bytes, TAG_CONSTANT, &[0; 4]);
        put(&mut bytes, TAG_ABSENT, &[]);
        put(&mut bytes, TAG_ABSENT, &[]);
        bytes.extend(0u16.to_le_bytes());
        assert!(bytes.len() < 300, "{} bytes", bytes.len());
        assert_eq!(decode(&bytes).unwrap_err(), SegmentError("a column does not have 2 numbers".into()));
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-1_000_000i64..1_000_000, 0i32..8).prop_map(|(n, places)| n as f64 / 10f64.powi(places)),
            any::<f64>().prop_filter("finite", |v| v.is_finite()),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_bit_for_bit(
            rows in prop::collection::vec((any::<i64>(), value(), 0u32..1 << 20, value()), 0..300),
            limits in any::<bool>(),
        ) {
            let columns = columns(&rows, limits);
            let decoded = decode(&encode(&columns).unwrap()).unwrap();
            prop_assert_eq!(&decoded, &columns);
            prop_assert_eq!(bits(&decoded.values), bits(&columns.values));
            prop_assert_eq!(bits(&decoded.limits), bits(&columns.limits));
        }
    }
}
