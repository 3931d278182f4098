//! The Merkle tree by which a prover says what he has before he knows what he will be asked.
//!
//! BLAKE3 everywhere: it is made of 32-bit additions, exclusive-ors and rotations, hashes a row's kibibytes side by side, and so
//! takes a card or a processor's vector unit less time than reading the row. Keys keep rows, reads and inner nodes apart: what is
//! one cannot be shown as another.

/// The key under which a packed row becomes a leaf.
pub const ROW_KEY: &[u8; 32] = b"headframe pog/1 row of a product";

/// The key under which two nodes become one.
pub const NODE_KEY: &[u8; 32] = b"headframe pog/1 two of a tree   ";

/// A digest inside a tree.
pub type Node = [u8; 32];

/// Bytes of a node, and of each step of a path.
pub const NODE_BYTES: usize = 32;

/// What stands where there is no leaf, up to the next power of two. Nothing is known that hashes to it.
pub const NO_LEAF: Node = [0; NODE_BYTES];

/// A whole tree, as a prover keeps it.
#[derive(Debug, Clone)]
pub struct Tree {
    /// From the leaves, filled up, to the root alone.
    levels: Vec<Vec<Node>>,
}

impl Tree {
    /// The tree over these leaves; at least one.
    #[must_use]
    pub fn over(mut leaves: Vec<Node>) -> Self {
        leaves.resize(leaves.len().next_power_of_two(), NO_LEAF);
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.as_chunks::<2>().0.iter().map(|[left, right]| joined(left, right)).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// What all of it hashes to.
    #[must_use]
    pub fn root(&self) -> Node {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(NO_LEAF)
    }

    /// Appends what a leaf's root can be found with: the neighbour at each level, from the leaf upwards. Nothing for a leaf that
    /// is not there.
    pub fn path(&self, leaf: usize, path: &mut Vec<u8>) {
        if leaf >= self.levels.first().map_or(0, Vec::len) {
            return;
        }
        for (height, level) in self.levels.iter().enumerate() {
            if let Some(neighbour) = level.get((leaf >> height) ^ 1) {
                path.extend_from_slice(neighbour);
            }
        }
    }
}

/// The leaf of a packed row.
#[must_use]
pub fn row_leaf(packed: &[u8]) -> Node {
    *blake3::keyed_hash(ROW_KEY, packed).as_bytes()
}

/// How many steps the path of each leaf has.
#[must_use]
pub const fn depth(leaves: usize) -> usize {
    leaves.next_power_of_two().trailing_zeros() as usize
}

/// Bytes of the path of each leaf.
#[must_use]
pub const fn path_bytes(leaves: usize) -> usize {
    depth(leaves) * NODE_BYTES
}

/// The root that a leaf and its path lead to.
#[must_use]
pub fn climbed(leaf: Node, index: usize, path: &[u8]) -> Node {
    path.as_chunks::<NODE_BYTES>().0.iter().enumerate().fold(leaf, |node, (height, neighbour)| {
        if (index >> height).is_multiple_of(2) { joined(&node, neighbour) } else { joined(neighbour, &node) }
    })
}

fn joined(left: &Node, right: &Node) -> Node {
    let mut both = [0; 2 * NODE_BYTES];
    both[..NODE_BYTES].copy_from_slice(left);
    both[NODE_BYTES..].copy_from_slice(right);
    *blake3::keyed_hash(NODE_KEY, &both).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_climbs_to_the_root_and_only_from_its_own_place() {
        for count in [1_usize, 2, 3, 5, 64, 96] {
            let leaves: Vec<Node> = (0..count).map(|leaf| row_leaf(&[leaf as u8])).collect();
            let tree = Tree::over(leaves.clone());
            for (index, leaf) in leaves.iter().enumerate() {
                let mut path = Vec::new();
                tree.path(index, &mut path);
                assert_eq!(path.len(), path_bytes(count));
                assert_eq!(climbed(*leaf, index, &path), tree.root());
                if count > 1 {
                    assert_ne!(climbed(*leaf, index ^ 1, &path), tree.root());
                    assert_ne!(climbed(row_leaf(b"other"), index, &path), tree.root());
                }
            }
        }
    }

    #[test]
    fn an_inner_node_is_no_row() {
        let (left, right) = (row_leaf(b"a"), row_leaf(b"b"));
        assert_ne!(row_leaf(&[left, right].concat()), Tree::over(vec![left, right]).root());
    }
}
