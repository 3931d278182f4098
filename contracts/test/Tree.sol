// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A Merkle tree as the operator builds it
/// @notice A complete binary tree in one array: node i has the children 2i + 1 and 2i + 2, the leaves stand at the end, the first leaf
/// last. Pairs are hashed in order of size. Proofs of many leaves are in the form OpenZeppelin's MerkleProof reads.
library Tree {
    function build(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
        uint256 size = 2 * leaves.length - 1;
        nodes = new bytes32[](size);
        for (uint256 i = 0; i < leaves.length; ++i) {
            nodes[size - 1 - i] = leaves[i];
        }
        for (uint256 i = size - leaves.length; i > 0; --i) {
            nodes[i - 1] = hashPair(nodes[2 * i - 1], nodes[2 * i]);
        }
    }

    function proofOf(bytes32[] memory nodes, uint256 leaf) internal pure returns (bytes32[] memory proof) {
        uint256 place = nodes.length - 1 - leaf;
        uint256 depth = 0;
        for (uint256 i = place; i > 0; i = (i - 1) / 2) {
            ++depth;
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = nodes[place % 2 == 1 ? place + 1 : place - 1];
            place = (place - 1) / 2;
        }
    }

    /// The proof of the leaves `first` to `first + count - 1`.
    function proofOfMany(bytes32[] memory nodes, uint256 first, uint256 count)
        internal
        pure
        returns (bytes32[] memory proof, bool[] memory flags)
    {
        // A queue of nodes to climb from, deepest first: the leaves in rising order stand at falling places.
        uint256[] memory queue = new uint256[](2 * nodes.length);
        for (uint256 i = 0; i < count; ++i) {
            queue[i] = nodes.length - 1 - first - i;
        }
        uint256 head = 0;
        uint256 tail = count;
        proof = new bytes32[](nodes.length);
        flags = new bool[](2 * nodes.length);
        uint256 siblings = 0;
        uint256 steps = 0;
        while (queue[head] != 0) {
            uint256 place = queue[head++];
            uint256 sibling = place % 2 == 1 ? place + 1 : place - 1;
            if (head < tail && queue[head] == sibling) {
                ++head;
                flags[steps++] = true;
            } else {
                proof[siblings++] = nodes[sibling];
                flags[steps++] = false;
            }
            queue[tail++] = (place - 1) / 2;
        }
        assembly ("memory-safe") {
            mstore(proof, siblings)
            mstore(flags, steps)
        }
    }

    function hashPair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(bytes.concat(a, b)) : keccak256(bytes.concat(b, a));
    }
}
