//! The prover that runs on a processor: slow, plain, and what every other one must agree with.

use headframe_protocol::challenge::{Digest, ROUNDS, ReadAt, RowAt};

use crate::{
    Parameters, Prover,
    expand::{Matrix, Seed, requantised},
    parameters::BLOCK_BYTES,
    residency::{Block, State, kept},
    row::{self, TooLarge},
    tree::{Tree, row_leaf},
};

/// Rows of B that are used before the next ones are fetched: they stay in the second cache.
const STRIP: usize = 64;

/// Products on a processor, with what is committed to.
#[derive(Debug, Clone)]
pub struct Reference {
    parameters: Parameters,
    /// Row after row, product after product.
    products: Vec<Vec<i32>>,
    trees: Vec<Tree>,
    reads: u32,
    rounds: Vec<(State, Tree)>,
}

/// Why the reference prover cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No product has such an entry.
    #[error("a product does not fit its encoding")]
    Entry(#[source] TooLarge),
    /// There is no such row, or no such read.
    #[error("there is nothing to show at this place")]
    Place,
}

impl Reference {
    /// The prover of a challenge that follows the rules.
    ///
    /// # Errors
    /// A product does not fit its encoding, which happens to no honest one.
    pub fn of(seed: &Digest, parameters: Parameters) -> Result<Self, ReferenceError> {
        Self::holding(parameters, chain(seed, parameters))
    }

    /// One that commits to whatever it is given, right or wrong.
    ///
    /// # Errors
    /// A product does not fit its encoding.
    pub fn holding(parameters: Parameters, products: Vec<Vec<i32>>) -> Result<Self, ReferenceError> {
        let trees = products.iter().map(|product| tree(product, parameters)).collect::<Result<_, _>>();
        Ok(Self { parameters, trees: trees.map_err(ReferenceError::Entry)?, products, reads: 0, rounds: Vec::new() })
    }

    /// The root over the rows of each product.
    #[must_use]
    pub fn roots(&self) -> Vec<Digest> {
        self.trees.iter().map(|tree| Digest::from_bytes(tree.root())).collect()
    }

    /// The bytes of a block, as a card keeps them.
    #[must_use]
    pub fn block(&self, block: Block) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        let entries = &self.products[block.product(self.parameters) as usize][block.entries(self.parameters)];
        for (two, entry) in bytes.as_chunks_mut().0.iter_mut().zip(entries) {
            *two = kept(*entry);
        }
        bytes
    }
}

impl Prover for Reference {
    type Error = ReferenceError;

    fn compute(&mut self, seed: &Digest, parameters: Parameters) -> Result<Vec<Digest>, ReferenceError> {
        *self = Self::of(seed, parameters)?;
        Ok(self.roots())
    }

    fn show_row(&mut self, at: RowAt, bytes: &mut Vec<u8>) -> Result<(), ReferenceError> {
        let (product, row, size) = (at.product as usize, at.row as usize, self.parameters.rows());
        let entries = self.products.get(product).and_then(|product| product.chunks_exact(size).nth(row));
        row::pack(entries.ok_or(ReferenceError::Place)?, bytes).map_err(ReferenceError::Entry)?;
        self.trees[product].path(row, bytes);
        Ok(())
    }

    fn remember(&mut self, nonce: &Digest, reads: u32) -> Result<Vec<Digest>, ReferenceError> {
        self.reads = reads;
        self.rounds.clear();
        let mut state = State::first(nonce);
        let mut roots = Vec::new();
        for _ in 0..ROUNDS {
            let leaves = (0..reads).map(|read| state.leaf(&self.block(state.block(read, self.parameters)))).collect();
            let tree = Tree::over(leaves);
            let root = Digest::from_bytes(tree.root());
            let next = state.next(&root);
            self.rounds.push((std::mem::replace(&mut state, next), tree));
            roots.push(root);
        }
        Ok(roots)
    }

    fn show_read(&mut self, at: ReadAt) -> Result<(Block, Vec<u8>), ReferenceError> {
        let round = self.rounds.get(at.round as usize).filter(|_| at.read < self.reads);
        let (state, tree) = round.ok_or(ReferenceError::Place)?;
        let mut path = Vec::new();
        tree.path(at.read as usize, &mut path);
        Ok((state.block(at.read, self.parameters), path))
    }

    fn parameters(&self) -> Parameters {
        self.parameters
    }
}

/// Every product of a challenge: `C_k = A_k·B`, `A_{k+1}` the requantised `C_k`.
#[must_use]
pub fn chain(seed: &Digest, parameters: Parameters) -> Vec<Vec<i32>> {
    let seed = Seed::new(seed);
    let right: Vec<i32> = seed.matrix(Matrix::Right, parameters).into_iter().map(i32::from).collect();
    let mut left = seed.matrix(Matrix::First, parameters);
    let mut products = Vec::new();
    for _ in 0..parameters.products() {
        let product = multiplied(&left, &right, parameters.rows());
        left = product.iter().copied().map(requantised).collect();
        products.push(product);
    }
    products
}

/// `left·right`, both of `size` rows.
fn multiplied(left: &[i8], right: &[i32], size: usize) -> Vec<i32> {
    let mut product = vec![0_i32; size * size];
    for (strip, lines) in right.chunks(STRIP * size).enumerate() {
        for (row, sums) in left.chunks_exact(size).zip(product.chunks_exact_mut(size)) {
            for (entry, line) in row[strip * STRIP..].iter().zip(lines.chunks_exact(size)) {
                let entry = i32::from(*entry);
                // Bounded by 16,384 * 31 * 31: wrapping only spares the check that would keep this from being done eight at a time.
                sums.iter_mut().zip(line).for_each(|(sum, other)| *sum = sum.wrapping_add(entry.wrapping_mul(*other)));
            }
        }
    }
    product
}

fn tree(product: &[i32], parameters: Parameters) -> Result<Tree, TooLarge> {
    let mut packed = Vec::with_capacity(parameters.row_bytes());
    let leaves = product.chunks_exact(parameters.rows()).map(|entries| {
        packed.clear();
        row::pack(entries, &mut packed)?;
        Ok(row_leaf(&packed))
    });
    Ok(Tree::over(leaves.collect::<Result<_, _>>()?))
}
