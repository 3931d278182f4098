// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {vm} from "../script/Vm.sol";
import {IDistributor} from "../src/interfaces/IDistributor.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {OrderId} from "../src/types/Ids.sol";
import {Base} from "./Base.sol";

/// @title The contracts and the programs off the chain compute the same hashes
/// @notice The file of trees is the one the Rust crate `accounts` is tested with; the hash of the order is in the tests of
/// `bindings` too.
contract Golden is Base {
    string private _json;

    function setUp() public override {
        super.setUp();
        _json = vm.readFile("../accounts/tests/golden/merkle.json");
    }

    function test_the_books_leaves_are_the_distributors() external {
        for (uint256 i = 0; i < 2; ++i) {
            string memory leaf = string.concat(".leaves[", vm.toString(i), "]");
            vm.chainId(vm.parseJsonUint(_json, string.concat(leaf, ".chainId")));
            // The same code at the address of the file.
            address place = vm.parseJsonAddress(_json, string.concat(leaf, ".distributor"));
            vm.etch(place, address(distributor).code);
            bytes32 hash = IDistributor(place)
                .leafOf(
                    vm.parseJsonAddress(_json, string.concat(leaf, ".account")),
                    vm.parseJsonAddress(_json, string.concat(leaf, ".asset")),
                    uint128(vm.parseJsonUint(_json, string.concat(leaf, ".cumulative")))
                );
            same("leaf", hash, vm.parseJsonBytes32(_json, string.concat(leaf, ".hash")));
        }
    }

    function test_the_books_proofs_are_proofs() external view {
        uint256 trees = 0;
        for (; vm.keyExistsJson(_json, string.concat(".trees[", vm.toString(trees), "]")); ++trees) {
            string memory tree = string.concat(".trees[", vm.toString(trees), "]");
            bytes32 root = vm.parseJsonBytes32(_json, string.concat(tree, ".root"));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(_json, string.concat(tree, ".leaves"));
            bytes32[] memory proof = vm.parseJsonBytes32Array(_json, string.concat(tree, ".proof"));
            bool[] memory flags = vm.parseJsonBoolArray(_json, string.concat(tree, ".flags"));
            holds("proof of many", this.proves(proof, flags, root, leaves));
            if (vm.parseJsonUint(_json, string.concat(tree, ".indices[0]")) != 0) continue;
            bytes32[] memory first = vm.parseJsonBytes32Array(_json, string.concat(tree, ".proofOfFirst"));
            holds("proof of the first", MerkleProof.verify(first, root, leaves[0]));
        }
        holds("there are trees", trees >= 5);
    }

    function test_an_order_hashes_as_the_bindings_do() external {
        address place = address(0xc0);
        vm.etch(place, address(market).code);
        vm.chainId(31_337);
        IMarket.Order memory order = IMarket.Order({
            orderId: OrderId.wrap(0x0101010101010101010101010101010101010101010101010101010101010101),
            customer: 0x0202020202020202020202020202020202020202,
            asset: 0x0303030303030303030303030303030303030303,
            maxSpend: 4,
            maxFeeBps: 5,
            expiry: 6
        });
        bytes32 hash = IMarket(place).hashOrder(order);
        same("order", hash, 0xc16c2141026278a483569edd9b9c83b8f139c1294417386a8e6bc5c4124a3cba);
    }

    function proves(bytes32[] calldata proof, bool[] calldata flags, bytes32 root, bytes32[] memory leaves)
        external
        pure
        returns (bool)
    {
        return MerkleProof.multiProofVerifyCalldata(proof, flags, root, leaves);
    }
}
