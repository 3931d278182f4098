//! How large a challenge is: what its matrices take to compute and to keep.

use headframe_protocol::challenge::{PRODUCTS_MAX, PRODUCTS_MIN, Prove, SIZE_MAX, SIZE_MIN, SIZE_STEP, is_size};

/// The largest magnitude of an entry of a factor.
pub const FACTOR_MAX: i32 = 31;

/// Bytes of a block, the unit in which a card's memory is read.
pub const BLOCK_BYTES: usize = 4_096;

/// Bytes of an entry as it is kept in the card's memory: its lowest 16 bits.
pub const KEPT_BYTES: usize = 2;

/// Entries of a block.
pub const BLOCK_ENTRIES: usize = BLOCK_BYTES / KEPT_BYTES;

/// Bytes of an entry as it is hashed and opened.
pub const PACKED_BYTES: usize = 3;

/// So many products at least are to fill a card: with fewer the last one that does not fit leaves too much empty.
pub const RESIDENT_LEAST: u32 = 10;

/// Memory that is left to the driver, the factors and the trees when products are to fill a card: a tenth.
const FREE_PERCENT: u64 = 10;

/// The size of a challenge, within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parameters {
    size: u32,
    products: u32,
    resident: u32,
}

/// Why there is no such challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Not a multiple of 64 within bounds.
    #[error("matrices have 64 to 16,384 rows, a multiple of 64; {0} is not")]
    Size(u32),
    /// Too short to measure or too long to commit to.
    #[error("a chain has 20 to 100 products, not {0}")]
    Products(u32),
    /// None, or more than there are.
    #[error("at least one and at most all of the products stay in memory, not {0}")]
    Resident(u32),
}

impl Parameters {
    /// Matrices of `size` rows and columns, `products` of them in a chain, of which all stay in the card's memory.
    ///
    /// # Errors
    /// A number is out of bounds.
    pub const fn new(size: u32, products: u32) -> Result<Self, ParametersError> {
        if !is_size(size) {
            return Err(ParametersError::Size(size));
        }
        if products < PRODUCTS_MIN || products > PRODUCTS_MAX {
            return Err(ParametersError::Products(products));
        }
        Ok(Self { size, products, resident: products })
    }

    /// The same, of which only the last `resident` products stay in memory. A row of one that is gone can still be opened: rows of
    /// a chain follow from their own row before, and so a single one is soon computed anew.
    ///
    /// # Errors
    /// None, or more than there are.
    pub const fn keeping(self, resident: u32) -> Result<Self, ParametersError> {
        if resident == 0 || resident > self.products {
            return Err(ParametersError::Resident(resident));
        }
        Ok(Self { resident, ..self })
    }

    /// The challenge that takes longest and fills most of a card's memory: the longest chain of the largest matrices of which
    /// [`RESIDENT_LEAST`] fit. Larger ones are dearer to recompute, and a long chain makes the line's delay matter less. None for
    /// less memory than any card has.
    #[must_use]
    pub fn filling(vram_bytes: u64) -> Option<Self> {
        let usable = vram_bytes / 100 * (100 - FREE_PERCENT);
        (SIZE_MIN / SIZE_STEP..=SIZE_MAX / SIZE_STEP).rev().map(|steps| steps * SIZE_STEP).find_map(|size| {
            let one = Self { size, products: PRODUCTS_MAX, resident: 1 };
            let resident = u32::try_from(usable / one.kept_bytes()).unwrap_or(PRODUCTS_MAX).min(PRODUCTS_MAX);
            if resident < RESIDENT_LEAST { None } else { one.keeping(resident).ok() }
        })
    }

    /// Rows and columns of every matrix.
    #[must_use]
    pub const fn size(self) -> u32 {
        self.size
    }

    /// How many products the chain has.
    #[must_use]
    pub const fn products(self) -> u32 {
        self.products
    }

    /// How many products, the last ones, stay in memory.
    #[must_use]
    pub const fn resident(self) -> u32 {
        self.resident
    }

    /// Rows and columns of every matrix, to count with.
    #[must_use]
    pub const fn rows(self) -> usize {
        self.size as usize
    }

    /// The largest magnitude an entry of a product can have.
    #[must_use]
    pub const fn entry_max(self) -> i32 {
        let by_sum = self.size as i32 * FACTOR_MAX * FACTOR_MAX;
        if by_sum < crate::row::PACKED_MAX { by_sum } else { crate::row::PACKED_MAX }
    }

    /// Bytes of one row as it is hashed and opened.
    #[must_use]
    pub const fn row_bytes(self) -> usize {
        self.rows() * PACKED_BYTES
    }

    /// Multiplications and additions of the whole chain.
    #[must_use]
    pub const fn work_ops(self) -> u64 {
        2 * (self.size as u64).pow(3) * self.products as u64
    }

    /// Bytes that the products in the card's memory take.
    #[must_use]
    pub const fn kept_bytes(self) -> u64 {
        (self.size as u64).pow(2) * KEPT_BYTES as u64 * self.resident as u64
    }

    /// Blocks of each product. A whole number, since sizes are multiples of 64.
    #[must_use]
    pub const fn blocks_per_product(self) -> u32 {
        self.size * self.size / BLOCK_ENTRIES as u32
    }

    /// Blocks of the products in the card's memory.
    #[must_use]
    pub const fn blocks(self) -> u32 {
        self.blocks_per_product() * self.resident
    }
}

impl TryFrom<&Prove> for Parameters {
    type Error = ParametersError;

    fn try_from(prove: &Prove) -> Result<Self, ParametersError> {
        Self::new(prove.size, prove.products)?.keeping(prove.resident)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lengths_have_bounds() {
        assert!(Parameters::new(64, 20).is_ok() && Parameters::new(16_384, 100).is_ok());
        for size in [0, 63, 65, 16_448, u32::MAX] {
            assert_eq!(Parameters::new(size, 20), Err(ParametersError::Size(size)));
        }
        for products in [0, 19, 101, u32::MAX] {
            assert_eq!(Parameters::new(64, products), Err(ParametersError::Products(products)));
        }
        for resident in [0, 21] {
            assert_eq!(Parameters::new(64, 20).and_then(|all| all.keeping(resident)), Err(ParametersError::Resident(resident)));
        }
    }

    #[test]
    fn the_golden_challenge_fills_a_card_of_24_gib() {
        use headframe_protocol::challenge::Ask;
        let golden = include_str!("../../protocol/tests/wire/ask-prove.json");
        let Ask::Prove(prove) = serde_json::from_str(golden).expect("a golden file") else { panic!("it begins a challenge") };
        assert_eq!(Parameters::try_from(&prove).ok(), Parameters::filling(24 << 30));
        let none = Prove { resident: 0, ..prove };
        assert_eq!(Parameters::try_from(&none), Err(ParametersError::Resident(0)));
    }

    #[test]
    fn a_challenge_fills_the_card_it_is_for() {
        for gib in [1_u64, 4, 8, 12, 16, 24, 32, 48] {
            let filling = Parameters::filling(gib << 30).expect("it fits");
            let share = filling.kept_bytes() as f64 / (gib << 30) as f64;
            assert!((0.82..=0.9).contains(&share), "{gib} GiB: {filling:?} fills {share:.2}");
            assert_eq!(filling.products(), 100);
        }
        assert_eq!(Parameters::filling(24 << 30), Parameters::new(16_384, 100).and_then(|all| all.keeping(43)).ok());
        // More than 100 products of the largest kind there are not.
        assert_eq!(Parameters::filling(80 << 30), Parameters::new(16_384, 100).ok());
        assert_eq!(Parameters::filling(50_000), None);
    }
}
