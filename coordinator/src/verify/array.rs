//! Whether two arrays of numbers are alike, within a tolerance. `.npy` files of versions 1 to 3, of float32 and float64.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. The files come from strangers: the shape
//! must be exactly what the file has bytes for, and nothing is ever made room for.

/// What every such file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";

/// numpy itself writes less than 128 bytes for these types, padding included.
const HEADER_BYTES_MAX: usize = 4_096;

/// numpy's own limit.
const DIMENSIONS_MAX: usize = 64;

/// Why a file is no array that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// No `.npy` file, or one of a version nobody knows.
    #[error("not an .npy file of version 1 to 3")]
    Format,
    /// The header cannot be read.
    #[error("the header of the array cannot be read")]
    Header,
    /// Of something else than floats.
    #[error("the array is not of float32 or float64")]
    Type,
    /// The shape is not what the file has bytes for.
    #[error("the array's shape is not what the file holds")]
    Shape,
}

/// The numbers of a file, where they lie.
struct Array<'a> {
    shape: Vec<u64>,
    fortran_order: bool,
    size: usize,
    big_endian: bool,
    numbers: &'a [u8],
}

/// Whether |a − b| ≤ abs + rel · max(|a|, |b|) holds for each pair of numbers. Arrays of different shapes, order or precision are never
/// alike. What is not a number is like nothing but the same, and infinity like nothing but itself.
///
/// # Errors
/// [`ArrayError`] if one of them cannot be read.
pub fn are_alike(one: &[u8], other: &[u8], rel: f64, abs: f64) -> Result<bool, ArrayError> {
    let (one, other) = (read(one)?, read(other)?);
    if (&one.shape, one.fortran_order, one.size) != (&other.shape, other.fortran_order, other.size) {
        return Ok(false);
    }
    let pairs = one.numbers.chunks_exact(one.size).zip(other.numbers.chunks_exact(other.size));
    Ok(pairs.into_iter().all(|(a, b)| is_close(number(a, one.big_endian), number(b, other.big_endian), rel, abs)))
}

fn is_close(a: f64, b: f64, rel: f64, abs: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a.is_infinite() || b.is_infinite() {
        return a.total_cmp(&b).is_eq();
    }
    (a - b).abs() <= abs + rel * a.abs().max(b.abs())
}

fn number(bytes: &[u8], big_endian: bool) -> f64 {
    let mut ordered = [0; 8];
    let ordered = &mut ordered[..bytes.len()];
    ordered.copy_from_slice(bytes);
    if big_endian {
        ordered.reverse();
    }
    match *ordered {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        // Of no other size is any array that was read.
        _ => f64::NAN,
    }
}

fn read(bytes: &[u8]) -> Result<Array<'_>, ArrayError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(ArrayError::Format)?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX), rest),
        _ => return Err(ArrayError::Format),
    };
    if length > HEADER_BYTES_MAX {
        return Err(ArrayError::Header);
    }
    let (header, numbers) = rest.split_at_checked(length).ok_or(ArrayError::Header)?;
    let header = std::str::from_utf8(header).map_err(|_| ArrayError::Header)?;
    let (size, big_endian) = match value(header, "descr")?.trim_matches(['\'', '"']) {
        "<f4" => (4, false),
        ">f4" => (4, true),
        "<f8" => (8, false),
        ">f8" => (8, true),
        _ => return Err(ArrayError::Type),
    };
    let fortran_order = match value(header, "fortran_order")? {
        "True" => true,
        "False" => false,
        _ => return Err(ArrayError::Header),
    };
    let shape = shape(header)?;
    let count = shape.iter().try_fold(1_u64, |product, side| product.checked_mul(*side));
    let fits = count.and_then(|count| count.checked_mul(size)) == Some(numbers.len() as u64);
    let size = usize::try_from(size).map_err(|_| ArrayError::Type)?;
    if fits { Ok(Array { shape, fortran_order, size, big_endian, numbers }) } else { Err(ArrayError::Shape) }
}

/// What follows a key of the header, up to the next comma.
fn value<'a>(header: &'a str, key: &str) -> Result<&'a str, ArrayError> {
    let after = after(header, key)?;
    Ok(after.split([',', '}']).next().unwrap_or_default().trim())
}

/// What follows a key of the header. A key that stands there twice is read by nobody.
fn after<'a>(header: &'a str, key: &str) -> Result<&'a str, ArrayError> {
    let quoted = format!("'{key}':");
    let mut parts = header.split(quoted.as_str());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(after), None) => Ok(after),
        _ => Err(ArrayError::Header),
    }
}

fn shape(header: &str) -> Result<Vec<u64>, ArrayError> {
    let inside = after(header, "shape")?.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (sides, _) = inside.ok_or(ArrayError::Header)?;
    let sides: Vec<&str> = sides.split(',').map(str::trim).filter(|side| !side.is_empty()).collect();
    if sides.len() > DIMENSIONS_MAX {
        return Err(ArrayError::Header);
    }
    sides.into_iter().map(|side| side.parse().map_err(|_| ArrayError::Header)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(descr: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(header.len()).expect("a short header");
        [MAGIC, &[1, 0], &length.to_le_bytes(), header.as_bytes(), numbers].concat()
    }

    fn doubles(numbers: &[f64]) -> Vec<u8> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        file("<f8", &format!("({},)", numbers.len()), &bytes)
    }

    fn close(one: &[f64], other: &[f64]) -> bool {
        are_alike(&doubles(one), &doubles(other), 1e-6, 1e-9).expect("arrays")
    }

    #[test]
    fn small_differences_of_large_numbers_do_not_matter() {
        assert!(close(&[1e9, 0.0], &[1e9 + 900.0, 1e-10]));
        assert!(!close(&[1e9, 0.0], &[1e9 + 1_100.0, 0.0]));
        assert!(!close(&[0.0], &[1e-8]), "near zero only the absolute tolerance counts");
    }

    #[test]
    fn what_is_no_number_passes_for_nothing_else() {
        assert!(close(&[f64::NAN, f64::INFINITY], &[f64::NAN, f64::INFINITY]));
        assert!(!close(&[f64::NAN], &[1.0]));
        assert!(!close(&[1.0], &[f64::NAN]));
        assert!(!close(&[f64::INFINITY], &[f64::MAX]));
        assert!(!close(&[f64::INFINITY], &[f64::NEG_INFINITY]));
    }

    #[test]
    fn the_order_of_bytes_does_not_matter_and_the_precision_does() {
        let (little, big) = (file("<f4", "()", &1.5_f32.to_le_bytes()), file(">f4", "()", &1.5_f32.to_be_bytes()));
        assert_eq!(are_alike(&little, &big, 0.0, 0.0), Ok(true));
        assert_eq!(are_alike(&little, &file("<f8", "()", &1.5_f64.to_le_bytes()), 0.1, 0.1), Ok(false));
    }

    #[test]
    fn a_shape_must_be_what_the_file_holds() {
        for (shape, bytes, expected) in [
            ("(2,)", 4, ArrayError::Shape),
            ("(1,)", 8, ArrayError::Shape),
            ("(4294967296, 4294967296)", 4, ArrayError::Shape),
            ("(18446744073709551615, 0)", 4, ArrayError::Shape),
            ("(-1,)", 4, ArrayError::Header),
            ("(1", 4, ArrayError::Header),
            ("(1,), 'shape': (1,)", 4, ArrayError::Header),
        ] {
            let lie = file("<f4", shape, &vec![0; bytes]);
            assert_eq!(are_alike(&lie, &lie, 0.1, 0.1), Err(expected), "{shape}");
        }
        let texts = file("|O", "(1,)", &[0; 8]);
        assert_eq!(are_alike(&texts, &texts, 0.1, 0.1), Err(ArrayError::Type), "objects are never unpickled");
        let long = [MAGIC, &[2, 0], &u32::MAX.to_le_bytes()].concat();
        assert_eq!(are_alike(&long, &long, 0.1, 0.1), Err(ArrayError::Header));
    }

    proptest! {
        #[test]
        fn no_file_makes_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), header in "[ -~]{0,120}") {
            let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
            for file in [[MAGIC, &bytes].concat(), [MAGIC, &[1, 0], &length, header.as_bytes(), &bytes].concat()] {
                are_alike(&file, &file, 0.1, 0.1).ok();
            }
        }

        #[test]
        fn every_array_is_like_itself_and_likeness_has_no_direction(
            pairs in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40), rel in 0.0..0.5_f64, abs in 0.0..1e3_f64,
        ) {
            let (one, other): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (one, other) = (doubles(&one), doubles(&other));
            prop_assert_eq!(are_alike(&one, &one, 0.0, 0.0), Ok(true));
            prop_assert_eq!(are_alike(&one, &other, rel, abs), are_alike(&other, &one, rel, abs));
        }
    }
}
