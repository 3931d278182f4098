//! A row of a product as bytes: three to an entry, little-endian, two's complement. This is what is hashed and what is opened.
//!
//! 24 bits hold every entry of a product of up to 8,728 rows. Above that the bound lies outside, but entries do not: at 16,384 rows
//! the deviation of an honest entry is 42,300, and the edge 198 of them away.

use crate::parameters::PACKED_BYTES;

/// The largest magnitude that is packed. The 24-bit number without an opposite has no place.
pub const PACKED_MAX: i32 = (1 << 23) - 1;

/// An entry that does not fit: no honest product has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} does not fit into 24 bits")]
pub struct TooLarge(pub i32);

/// Appends a row's bytes to `packed`.
///
/// # Errors
/// An entry does not fit.
pub fn pack(row: &[i32], packed: &mut Vec<u8>) -> Result<(), TooLarge> {
    packed.reserve(row.len() * PACKED_BYTES);
    for entry in row {
        if !(-PACKED_MAX..=PACKED_MAX).contains(entry) {
            return Err(TooLarge(*entry));
        }
        packed.extend_from_slice(&entry.to_le_bytes()[..PACKED_BYTES]);
    }
    Ok(())
}

/// The entries of a packed row.
pub fn entries(packed: &[u8]) -> impl ExactSizeIterator<Item = i32> + Clone + '_ {
    packed.chunks_exact(PACKED_BYTES).map(|bytes| i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) >> 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(row in prop::collection::vec(-PACKED_MAX..=PACKED_MAX, 0..100)) {
            let mut packed = Vec::new();
            pack(&row, &mut packed).expect("within bounds");
            prop_assert_eq!(packed.len(), row.len() * 3);
            prop_assert_eq!(entries(&packed).collect::<Vec<_>>(), row);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_cut() {
        for entry in [PACKED_MAX + 1, -PACKED_MAX - 1, i32::MIN, i32::MAX] {
            assert_eq!(pack(&[0, entry], &mut Vec::new()), Err(TooLarge(entry)));
        }
    }
}
