//! Whether two pictures are alike: peak signal-to-noise ratio over all samples, in decibels.
//!
//! The files come from strangers. How large a picture claims to be is looked at before anything is made room for, so that a file
//! of a kilobyte cannot become a hall of pixels.

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageFormat, ImageReader, Limits};

/// The widest and the highest: beyond the frames of any studio.
const SIDE_MAX: u32 = 32_768;

/// What one picture may take in memory: an 8K frame of sixteen bits and three colours takes 200 MB.
const BYTES_MAX: u64 = 256 << 20;

/// Why a file is no picture that can be compared.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Not PNG, PPM, PGM or PBM.
    #[error("not a PNG or PPM file")]
    Format,
    /// Broken, or too large.
    #[error("could not read the picture")]
    Decode(#[source] image::ImageError),
    /// Samples of no known range.
    #[error("a picture of {0:?} samples cannot be compared")]
    Samples(ColorType),
}

/// Whether the peak signal-to-noise ratio of two pictures is at least `min_db` decibels. Of different sizes or kinds of samples they
/// are never alike.
///
/// # Errors
/// [`PictureError`] if one of them cannot be read.
pub fn are_alike(one: &[u8], other: &[u8], min_db: u8) -> Result<bool, PictureError> {
    let (one, other) = (read(one)?, read(other)?);
    let shape = |picture: &DynamicImage| (picture.width(), picture.height(), picture.color());
    if shape(&one) != shape(&other) {
        return Ok(false);
    }
    let (mean_square, peak) = match one.color() {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
            (mean_square(one.as_bytes(), other.as_bytes(), |&sample| f64::from(sample)), 255.0)
        }
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            let (one, _) = one.as_bytes().as_chunks::<2>();
            let (other, _) = other.as_bytes().as_chunks::<2>();
            (mean_square(one, other, |&sample| f64::from(u16::from_ne_bytes(sample))), 65_535.0)
        }
        strange => return Err(PictureError::Samples(strange)),
    };
    // 10 log₁₀(peak² / mean square) ≥ min_db, without a division by nothing.
    Ok(mean_square * 10_f64.powf(f64::from(min_db) / 10.0) <= peak * peak)
}

fn read(bytes: &[u8]) -> Result<DynamicImage, PictureError> {
    let format = image::guess_format(bytes).map_err(|_| PictureError::Format)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Pnm) {
        return Err(PictureError::Format);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    reader.decode().map_err(PictureError::Decode)
}

/// Nothing for a picture without samples: two of them are the same.
fn mean_square<T>(one: &[T], other: &[T], value: impl Fn(&T) -> f64) -> f64 {
    let sum: f64 = one.iter().zip(other).map(|(one, other)| (value(one) - value(other)).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "at most 2^28 samples, exact far beyond")]
    let count = one.len().max(1) as f64;
    sum / count
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Luma, Rgb};

    use super::*;

    fn png(change: impl Fn(u32, u32) -> u8) -> Vec<u8> {
        let picture = ImageBuffer::from_fn(64, 48, |x, y| Rgb([change(x, y), 100, 200]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture).write_to(&mut bytes, ImageFormat::Png).expect("a picture");
        bytes.into_inner()
    }

    #[test]
    fn one_unit_everywhere_is_forty_eight_decibels() {
        let grey = |by: u8| {
            let picture = ImageBuffer::from_pixel(16, 16, Luma([100 + by]));
            let mut bytes = Cursor::new(Vec::new());
            DynamicImage::ImageLuma8(picture).write_to(&mut bytes, ImageFormat::Png).expect("a picture");
            bytes.into_inner()
        };
        assert!(are_alike(&grey(0), &grey(1), 48).expect("pictures"));
        assert!(!are_alike(&grey(0), &grey(1), 49).expect("pictures"));
        assert!(are_alike(&grey(0), &grey(0), 99).expect("pictures"), "the same picture is alike at any threshold");
    }

    #[test]
    fn another_picture_of_the_same_size_is_not_alike() {
        let (one, noisy, other) = (png(|x, _| x as u8), png(|x, y| x as u8 + (y % 2) as u8), png(|_, y| y as u8));
        assert!(are_alike(&one, &noisy, 40).expect("pictures"));
        assert!(!are_alike(&one, &other, 40).expect("pictures"));
    }

    #[test]
    fn text_and_binary_portable_pixmaps_are_read_with_eight_and_sixteen_bits() {
        let deep = |sample: u16| [&b"P6 1 1 65535\n"[..], &sample.to_be_bytes(), &[0; 4]].concat();
        assert!(are_alike(&deep(1_000), &deep(1_010), 70).expect("pictures"));
        assert!(!are_alike(&deep(1_000), &deep(41_000), 40).expect("pictures"));
        assert!(are_alike(b"P3 1 1 255\n1 2 3\n", b"P6 1 1 255\n\x01\x02\x03", 99).expect("pictures"));
        assert!(!are_alike(&deep(1_000), b"P6 1 1 255\n\x01\x02\x03", 20).expect("pictures"), "of different depth");
    }

    #[test]
    fn a_small_file_cannot_ask_for_a_large_room() {
        let mut bomb = png(|_, _| 0);
        // Width and height of the header, with the sum of the chunk made right: the claim is what is refused.
        bomb[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]);
        let crc = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        let wide = b"P6 4000000000 1 255\n".to_vec();
        let square = b"P6 32000 32000 255\n".to_vec();
        for file in [bomb, wide, square] {
            assert!(matches!(are_alike(&file, &file, 40), Err(PictureError::Decode(_))));
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let whole = png(|x, _| x as u8);
        for file in [&b""[..], b"GIF89a", b"BM", b"P6 9 9 255\n\x01", &whole[..whole.len() / 2]] {
            assert!(are_alike(file, &whole, 40).is_err(), "{file:?}");
        }
    }

    /// CRC-32 as PNG has it.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }
}
