// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../script/Vm.sol";
import {IDistributor} from "../src/interfaces/IDistributor.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {SessionId} from "../src/types/Ids.sol";
import {Base} from "./Base.sol";
import {Tree} from "./Tree.sol";

/// @title What is signed or proven for one chain is worth nothing on another
/// @notice The worst case is tested: the other chain's contracts have the same addresses, because the same deployer came with the
/// same nonce. Only the chain's number differs.
contract TwoChains is Base {
    uint256 private constant HOME = 31_337;
    uint256 private constant ISLAND = 31_338;

    function test_an_order_opens_no_session_on_another_chain() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        vm.chainId(ISLAND);
        vm.expectRevert(abi.encodeWithSelector(IMarket.BadSignature.selector, alice));
        vm.prank(matcher);
        market.reserve(order, signature, SessionId.wrap("s"), 1e6, soon());
        vm.chainId(HOME);
        vm.prank(matcher);
        market.reserve(order, signature, SessionId.wrap("s"), 1e6, soon());
    }

    function test_a_leaf_pays_nothing_on_another_chain() external {
        usd.mint(address(distributor), 100e6);
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = distributor.leafOf(alice, address(usd), 5e6);
        leaves[1] = distributor.leafOf(bob, address(usd), 5e6);
        bytes32[] memory nodes = Tree.build(leaves);
        // A careless operator even publishes one chain's root on the other.
        vm.chainId(ISLAND);
        publish(nodes[0], totalsOf(address(usd), 10e6));
        bytes32[] memory proof = Tree.proofOf(nodes, 0);
        IDistributor.Claim[] memory claims = new IDistributor.Claim[](1);
        claims[0] = IDistributor.Claim(alice, address(usd), 5e6, proof);
        bytes memory bad = abi.encodeWithSelector(IDistributor.BadProof.selector);
        vm.expectRevert(bad);
        distributor.claim(alice, address(usd), 5e6, proof);
        vm.expectRevert(bad);
        distributor.claimMany(claims);
        uint128[] memory cumulatives = new uint128[](1);
        cumulatives[0] = 5e6;
        vm.expectRevert(bad);
        distributor.claimBatch(address(usd), list(alice), cumulatives, proof, new bool[](1));
        bytes memory signature = signedHash(ALICE_KEY, distributor.hashClaimTo(claims[0], bob, 0, block.timestamp));
        vm.expectRevert(bad);
        distributor.claimTo(claims[0], bob, 0, 0, block.timestamp, signature);
        vm.chainId(HOME);
        distributor.claim(alice, address(usd), 5e6, proof);
    }

    function test_a_signed_claim_moves_nothing_on_another_chain() external {
        usd.mint(address(distributor), 100e6);
        IDistributor.Claim memory what = IDistributor.Claim(alice, address(usd), 5e6, new bytes32[](0));
        bytes memory signature = signedHash(ALICE_KEY, distributor.hashClaimTo(what, bob, 0, NOW + 60 days));
        vm.chainId(ISLAND);
        publish(distributor.leafOf(alice, address(usd), 5e6), totalsOf(address(usd), 5e6));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadSignature.selector, alice));
        distributor.claimTo(what, bob, 0, 0, NOW + 60 days, signature);
    }

    /// The same between two deployments on one chain.
    function test_nothing_passes_from_one_deployment_to_another() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        bytes32 leaf = distributor.leafOf(alice, address(usd), 5e6);
        IDistributor.Claim memory what = IDistributor.Claim(alice, address(usd), 5e6, new bytes32[](0));
        bytes memory signedClaim = signedHash(ALICE_KEY, distributor.hashClaimTo(what, bob, 0, NOW + 60 days));
        _adopt(_deploy(standard(), address(this)));
        vm.expectRevert(abi.encodeWithSelector(IMarket.BadSignature.selector, alice));
        vm.prank(matcher);
        market.reserve(order, signature, SessionId.wrap("s"), 1e6, soon());
        usd.mint(address(distributor), 100e6);
        publish(leaf, totalsOf(address(usd), 5e6));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claim(alice, address(usd), 5e6, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadSignature.selector, alice));
        distributor.claimTo(what, bob, 0, 0, NOW + 60 days, signedClaim);
    }
}
