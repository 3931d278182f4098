// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {vm} from "../script/Vm.sol";
import {Distributor} from "../src/Distributor.sol";
import {IDistributor} from "../src/interfaces/IDistributor.sol";
import {ITimedPause} from "../src/interfaces/ITimedPause.sol";
import {Base} from "./Base.sol";
import {Tree} from "./Tree.sol";
import {BlockingToken, HookToken, Wallet} from "./tokens/Tokens.sol";

/// @title Roots and what is paid under them
contract DistributorTest is Base {
    uint256 private constant CROWD = 13;
    uint256 private constant DEADLINE = NOW + 60 days;

    // ----------------------------------------------------------------------------------------------------------- roots

    function test_a_root_waits_for_its_watchers_and_becomes_active() external {
        IDistributor.Total[] memory totals = totalsOf(address(usd), 100e6);
        usd.mint(address(distributor), 100e6);
        uint64 readyAt = uint64(block.timestamp) + CHALLENGE;
        expectEvent(address(distributor));
        emit IDistributor.RootProposed(1, "root", "file", totals, readyAt);
        vm.prank(proposer);
        distributor.proposeRoot(1, "root", "file", totals);
        IDistributor.Root memory root = distributor.pending();
        same("root", root.root, "root");
        same("file", root.dataHash, "file");
        same("epoch", root.epoch, 1);
        same("ready", root.readyAt, readyAt);
        same("totals", distributor.pendingTotals()[0].cumulative, 100e6);
        vm.warp(readyAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.Early.selector, readyAt));
        distributor.activate();
        vm.warp(readyAt);
        expectEvent(address(distributor));
        emit IDistributor.RootActivated(1, "root");
        vm.prank(stranger);
        distributor.activate();
        same("active", distributor.active().root, "root");
        same("active file", distributor.active().dataHash, "file");
        same("active epoch", distributor.active().epoch, 1);
        same("nothing pending", distributor.pending().readyAt, 0);
        same("no epoch pending", distributor.pending().epoch, 0);
        same("no totals pending", distributor.pendingTotals().length, 0);
        (uint128 announced, uint128 claimed) = distributor.totalOf(address(usd));
        same("announced", announced, 100e6);
        same("claimed", claimed, 0);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NoPending.selector));
        distributor.activate();
    }

    function test_only_the_proposer_proposes_and_only_a_watcher_vetoes() external {
        IDistributor.Total[] memory totals = totalsOf(address(usd), 0);
        expectNoRole(watcher);
        distributor.proposeRoot(1, "root", "file", totals);
        vm.prank(proposer);
        distributor.proposeRoot(1, "root", "file", totals);
        expectNoRole(proposer);
        distributor.veto("");
        expectNoRole(guardian);
        distributor.veto("");
    }

    function test_a_watcher_throws_a_root_out_and_the_epoch_is_proposed_again() external {
        IDistributor.Total[] memory totals = totalsOf(address(usd), 0);
        vm.prank(watcher);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NoPending.selector));
        distributor.veto("too soon");
        vm.prank(proposer);
        distributor.proposeRoot(1, "wrong", "file", totals);
        vm.warp(block.timestamp + 2 * CHALLENGE);
        expectEvent(address(distributor));
        emit IDistributor.RootVetoed(1, "wrong", watcher, "the file says otherwise");
        vm.prank(watcher);
        distributor.veto("the file says otherwise");
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NoPending.selector));
        distributor.activate();
        publish("right", totals);
        same("active", distributor.active().root, "right");
        vm.prank(watcher);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NoPending.selector));
        distributor.veto("too late");
    }

    function test_one_root_at_a_time() external {
        IDistributor.Total[] memory totals = totalsOf(address(usd), 0);
        vm.startPrank(proposer);
        distributor.proposeRoot(1, "root", "file", totals);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.AlreadyPending.selector, 1));
        distributor.proposeRoot(1, "other", "file", totals);
        vm.stopPrank();
    }

    function test_epochs_follow_each_other_by_one() external {
        IDistributor.Total[] memory totals = totalsOf(address(usd), 0);
        vm.startPrank(proposer);
        uint64[2] memory wrong = [uint64(0), 2];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDistributor.BadEpoch.selector, wrong[i], 1));
            distributor.proposeRoot(wrong[i], "root", "file", totals);
        }
        vm.stopPrank();
        publish("first", totals);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadEpoch.selector, 1, 2));
        vm.prank(proposer);
        distributor.proposeRoot(1, "root", "file", totals);
    }

    function test_totals_are_sorted_and_bounded() external {
        (address low, address high) =
            address(usd) < address(plain) ? (address(usd), address(plain)) : (address(plain), address(usd));
        IDistributor.Total[] memory totals = new IDistributor.Total[](2);
        (totals[0].asset, totals[1].asset) = (high, low);
        vm.startPrank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadTotals.selector));
        distributor.proposeRoot(1, "root", "file", totals);
        (totals[0].asset, totals[1].asset) = (low, low);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadTotals.selector));
        distributor.proposeRoot(1, "root", "file", totals);
        totals = new IDistributor.Total[](33);
        for (uint160 i = 0; i < 33; ++i) {
            totals[i].asset = address(i + 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadTotals.selector));
        distributor.proposeRoot(1, "root", "file", totals);
        vm.stopPrank();
    }

    function test_totals_never_decrease() external {
        usd.mint(address(distributor), 100e6);
        publish("first", totalsOf(address(usd), 100e6));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.TotalsDecrease.selector, address(usd), 100e6 - 1, 100e6));
        vm.prank(proposer);
        distributor.proposeRoot(2, "second", "file", totalsOf(address(usd), 100e6 - 1));
        // An asset that is not mentioned keeps its total.
        publish("second", totalsOf(address(plain), 0));
        (uint128 announced,) = distributor.totalOf(address(usd));
        same("announced", announced, 100e6);
        publish("third", totalsOf(address(usd), 100e6));
    }

    function test_lists_of_totals_grow_and_shrink() external {
        IDistributor.Total[] memory two = new IDistributor.Total[](2);
        (two[0].asset, two[1].asset) =
            address(usd) < address(plain) ? (address(usd), address(plain)) : (address(plain), address(usd));
        publish("one", totalsOf(address(usd), 0));
        publish("two", two);
        publish("none", new IDistributor.Total[](0));
        vm.prank(proposer);
        distributor.proposeRoot(4, "two again", "file", two);
        same("length", distributor.pendingTotals().length, 2);
        same("second", distributor.pendingTotals()[1].asset, two[1].asset);
    }

    function test_a_root_without_the_money_for_it_stays_outside() external {
        usd.mint(address(distributor), 100e6 - 1);
        vm.prank(proposer);
        distributor.proposeRoot(1, "root", "file", totalsOf(address(usd), 100e6));
        vm.warp(block.timestamp + CHALLENGE);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.Unfunded.selector, address(usd), 100e6, 100e6 - 1));
        distributor.activate();
        usd.mint(address(distributor), 1);
        distributor.activate();
    }

    function test_what_was_claimed_needs_no_money_twice() external {
        bytes32[] memory nodes = crowd(address(usd), 1);
        usd.mint(address(distributor), sumOf(1));
        publish(nodes[0], totalsOf(address(usd), uint96(sumOf(1))));
        claimAll(address(usd), 1, nodes);
        same("empty", usd.balanceOf(address(distributor)), 0);
        uint256 more = sumOf(2) - sumOf(1);
        usd.mint(address(distributor), more - 1);
        bytes32 root = crowd(address(usd), 2)[0];
        vm.prank(proposer);
        distributor.proposeRoot(2, root, "file", totalsOf(address(usd), uint96(sumOf(2))));
        vm.warp(block.timestamp + CHALLENGE);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.Unfunded.selector, address(usd), more, more - 1));
        distributor.activate();
        usd.mint(address(distributor), 1);
        distributor.activate();
    }

    function test_a_distributor_needs_a_window_people_can_use() external {
        vm.expectRevert(abi.encodeWithSelector(IDistributor.WindowOutOfRange.selector, 0, 1, 14 days));
        this.make(0);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.WindowOutOfRange.selector, 14 days + 1, 1, 14 days));
        this.make(14 days + 1);
        same("window", distributor.challengeSeconds(), CHALLENGE);
    }

    /// A call, so that a refusal can be awaited.
    function make(uint64 window) external returns (Distributor) {
        return new Distributor(address(manager), window);
    }

    // ---------------------------------------------------------------------------------------------------------- claims

    function test_anybody_claims_for_anybody_and_the_account_is_paid() external {
        bytes32[] memory nodes = published(1);
        expectEvent(address(distributor));
        emit IDistributor.Claimed(person(3), address(usd), earned(3, 1), person(3));
        vm.prank(stranger);
        distributor.claim(person(3), address(usd), earned(3, 1), Tree.proofOf(nodes, 3));
        same("account", usd.balanceOf(person(3)), earned(3, 1));
        same("caller", usd.balanceOf(stranger), 0);
        same("claimed", distributor.claimedOf(person(3), address(usd)), earned(3, 1));
        (, uint128 claimed) = distributor.totalOf(address(usd));
        same("total", claimed, earned(3, 1));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.NothingToClaim.selector, person(3), address(usd)));
        distributor.claim(person(3), address(usd), earned(3, 1), Tree.proofOf(nodes, 3));
    }

    function test_later_roots_pay_the_difference() external {
        bytes32[] memory nodes = published(1);
        distributor.claim(person(3), address(usd), earned(3, 1), Tree.proofOf(nodes, 3));
        bytes32[] memory later = published(2);
        bytes32[] memory proof = Tree.proofOf(nodes, 3);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claim(person(3), address(usd), earned(3, 1), proof);
        distributor.claim(person(3), address(usd), earned(3, 2), Tree.proofOf(later, 3));
        same("account", usd.balanceOf(person(3)), earned(3, 2));
    }

    function test_a_leaf_is_what_was_published_and_nothing_else() external {
        bytes32[] memory nodes = published(1);
        bytes32[] memory proof = Tree.proofOf(nodes, 3);
        bytes memory bad = abi.encodeWithSelector(IDistributor.BadProof.selector);
        vm.expectRevert(bad);
        distributor.claim(person(3), address(usd), earned(3, 1) + 1, proof);
        vm.expectRevert(bad);
        distributor.claim(person(4), address(usd), earned(3, 1), proof);
        vm.expectRevert(bad);
        distributor.claim(person(3), address(plain), earned(3, 1), proof);
        proof[0] = "forged";
        vm.expectRevert(bad);
        distributor.claim(person(3), address(usd), earned(3, 1), proof);
    }

    function test_before_the_first_root_nothing_is_claimed() external {
        usd.mint(address(distributor), 1e6);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claim(alice, address(usd), 1e6, new bytes32[](0));
    }

    function test_an_account_says_where_its_money_goes() external {
        bytes32[] memory nodes = published(1);
        same("at first", distributor.payoutOf(alice), alice);
        address who = person(0);
        expectEvent(address(distributor));
        emit IDistributor.PayoutSet(who, bob);
        vm.prank(who);
        distributor.setPayout(bob);
        same("payout", distributor.payoutOf(who), bob);
        uint256 before = usd.balanceOf(bob);
        distributor.claim(who, address(usd), earned(0, 1), Tree.proofOf(nodes, 0));
        same("bob", usd.balanceOf(bob), before + earned(0, 1));
        expectEvent(address(distributor));
        emit IDistributor.PayoutSet(who, who);
        vm.prank(who);
        distributor.setPayout(address(0));
        same("to itself again", distributor.payoutOf(who), who);
    }

    function test_a_lie_pays_no_more_than_it_announced() external {
        usd.mint(address(distributor), 1_000e6);
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = distributor.leafOf(alice, address(usd), 60e6);
        leaves[1] = distributor.leafOf(bob, address(usd), 60e6);
        bytes32[] memory nodes = Tree.build(leaves);
        publish(nodes[0], totalsOf(address(usd), 100e6));
        bytes memory over = abi.encodeWithSelector(IDistributor.OverTotals.selector, address(usd), 60e6, 40e6);
        distributor.claim(alice, address(usd), 60e6, Tree.proofOf(nodes, 0));
        bytes32[] memory proof = Tree.proofOf(nodes, 1);
        vm.expectRevert(over);
        distributor.claim(bob, address(usd), 60e6, proof);
        IDistributor.Claim[] memory claims = new IDistributor.Claim[](1);
        claims[0] = IDistributor.Claim(bob, address(usd), 60e6, proof);
        vm.expectRevert(over);
        distributor.claimMany(claims);
        (address[] memory accounts, uint128[] memory cumulatives) = (list(bob), new uint128[](1));
        cumulatives[0] = 60e6;
        vm.expectRevert(over);
        distributor.claimBatch(address(usd), accounts, cumulatives, proof, new bool[](1));
    }

    function test_many_leaves_are_claimed_and_those_already_paid_passed_over() external {
        bytes32[] memory nodes = published(1);
        distributor.claim(person(2), address(usd), earned(2, 1), Tree.proofOf(nodes, 2));
        IDistributor.Claim[] memory claims = new IDistributor.Claim[](4);
        for (uint256 i = 0; i < 4; ++i) {
            claims[i] = IDistributor.Claim(person(i + 1), address(usd), earned(i + 1, 1), Tree.proofOf(nodes, i + 1));
        }
        distributor.claimMany(claims);
        for (uint256 i = 1; i <= 4; ++i) {
            same("paid once", usd.balanceOf(person(i)), earned(i, 1));
        }
        claims[3].cumulative += 1;
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claimMany(claims);
    }

    function test_neighbours_are_claimed_with_one_proof() external {
        bytes32[] memory nodes = published(1);
        distributor.claim(person(5), address(usd), earned(5, 1), Tree.proofOf(nodes, 5));
        claimRange(address(usd), 1, nodes, 3, 6);
        for (uint256 i = 0; i < CROWD; ++i) {
            same("paid once", usd.balanceOf(person(i)), i >= 3 && i < 9 ? earned(i, 1) : 0);
        }
        claimRange(address(usd), 1, nodes, 0, CROWD);
        same("all", usd.balanceOf(address(distributor)), 0);
        (uint128 announced, uint128 claimed) = distributor.totalOf(address(usd));
        same("claimed", claimed, announced);
    }

    function test_a_batch_pays_an_account_named_twice_once() external {
        usd.mint(address(distributor), 10e6);
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = distributor.leafOf(alice, address(usd), 5e6);
        leaves[1] = leaves[0];
        bytes32[] memory nodes = Tree.build(leaves);
        publish(nodes[0], totalsOf(address(usd), 10e6));
        uint256 before = usd.balanceOf(alice);
        address[] memory accounts = new address[](2);
        uint128[] memory cumulatives = new uint128[](2);
        (accounts[0], accounts[1]) = (alice, alice);
        (cumulatives[0], cumulatives[1]) = (5e6, 5e6);
        (bytes32[] memory proof, bool[] memory flags) = Tree.proofOfMany(nodes, 0, 2);
        distributor.claimBatch(address(usd), accounts, cumulatives, proof, flags);
        same("paid once", usd.balanceOf(alice), before + 5e6);
    }

    function test_a_batch_that_is_not_what_was_published_pays_nobody() external {
        bytes32[] memory nodes = published(1);
        (bytes32[] memory proof, bool[] memory flags) = Tree.proofOfMany(nodes, 0, 2);
        address[] memory accounts = new address[](2);
        uint128[] memory cumulatives = new uint128[](2);
        (accounts[0], accounts[1]) = (person(0), person(1));
        (cumulatives[0], cumulatives[1]) = (earned(0, 1), earned(1, 1) + 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claimBatch(address(usd), accounts, cumulatives, proof, flags);
        cumulatives = new uint128[](1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.LengthMismatch.selector, 2, 1));
        distributor.claimBatch(address(usd), accounts, cumulatives, proof, flags);
    }

    function test_an_empty_batch_moves_nothing() external {
        bytes32[] memory nodes = published(1);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = nodes[0];
        uint256 before = usd.balanceOf(address(distributor));
        distributor.claimBatch(address(usd), new address[](0), new uint128[](0), proof, new bool[](0));
        same("nothing moved", usd.balanceOf(address(distributor)), before);
    }

    function test_one_blocked_account_does_not_keep_the_others_from_their_money() external {
        BlockingToken blocking = new BlockingToken();
        bytes32[] memory nodes = crowd(address(blocking), 1);
        blocking.mint(address(distributor), sumOf(1));
        publish(nodes[0], totalsOf(address(blocking), uint96(sumOf(1))));
        blocking.setBlocked(person(1), true);
        expectEvent(address(distributor));
        emit IDistributor.ClaimRefused(person(1), address(blocking), earned(1, 1), person(1));
        claimRange(address(blocking), 1, nodes, 0, 3);
        same("neighbour", blocking.balanceOf(person(2)), earned(2, 1));
        same("still owed", distributor.claimedOf(person(1), address(blocking)), 0);
        IDistributor.Claim[] memory claims = new IDistributor.Claim[](2);
        claims[0] = IDistributor.Claim(person(1), address(blocking), earned(1, 1), Tree.proofOf(nodes, 1));
        claims[1] = IDistributor.Claim(person(7), address(blocking), earned(7, 1), Tree.proofOf(nodes, 7));
        distributor.claimMany(claims);
        same("another", blocking.balanceOf(person(7)), earned(7, 1));
        same("still owed", distributor.claimedOf(person(1), address(blocking)), 0);
        (, uint128 claimed) = distributor.totalOf(address(blocking));
        same("claimed", claimed, earned(0, 1) + earned(2, 1) + earned(7, 1));
        blocking.setBlocked(person(1), false);
        distributor.claimMany(claims);
        same("paid in the end", blocking.balanceOf(person(1)), earned(1, 1));
    }

    function test_nobody_gets_in_while_a_token_moves() external {
        HookToken hook = new HookToken();
        bytes32[] memory nodes = crowd(address(hook), 1);
        hook.mint(address(distributor), sumOf(1));
        publish(nodes[0], totalsOf(address(hook), uint96(sumOf(1))));
        bytes32[] memory proof = Tree.proofOf(nodes, 6);
        IDistributor.Claim memory what = IDistributor.Claim(person(6), address(hook), earned(6, 1), proof);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(IDistributor.claim, (person(6), address(hook), earned(6, 1), proof));
        calls[1] = abi.encodeCall(IDistributor.claimMany, (new IDistributor.Claim[](0)));
        calls[2] = abi.encodeCall(
            IDistributor.claimBatch, (address(hook), new address[](0), new uint128[](0), list32(nodes[0]), new bool[](0))
        );
        calls[3] = abi.encodeCall(IDistributor.claimTo, (what, bob, 0, 0, block.timestamp, ""));
        bytes memory locked = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        for (uint256 i = 0; i < calls.length; ++i) {
            hook.arm(address(distributor), calls[i]);
            distributor.claim(person(i), address(hook), earned(i, 1), Tree.proofOf(nodes, i));
            holds("call went through", hook.hookFailed());
            same("reason", keccak256(hook.hookReason()), keccak256(locked));
        }
    }

    // -------------------------------------------------------------------------------------------------------- claim to

    function test_an_account_sends_its_claim_elsewhere_by_signature() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(bob, 50_000, DEADLINE);
        uint256 before = usd.balanceOf(bob);
        expectEvent(address(distributor));
        emit IDistributor.Claimed(alice, address(usd), 2e6, bob);
        vm.prank(stranger);
        distributor.claimTo(what, bob, 50_000, 40_000, DEADLINE, signature);
        same("bob", usd.balanceOf(bob), before + 2e6 - 40_000);
        same("carrier", usd.balanceOf(stranger), 40_000);
        same("nonce", distributor.nonces(alice), 1);
    }

    function test_a_signature_is_good_once() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(bob, 0, DEADLINE);
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadSignature.selector, alice));
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
    }

    function test_a_signature_covers_every_word() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(bob, 50_000, DEADLINE);
        bytes memory bad = abi.encodeWithSelector(IDistributor.BadSignature.selector, alice);
        vm.expectRevert(bad);
        distributor.claimTo(what, stranger, 50_000, 0, DEADLINE, signature);
        vm.expectRevert(bad);
        distributor.claimTo(what, bob, 60_000, 0, DEADLINE, signature);
        vm.expectRevert(bad);
        distributor.claimTo(what, bob, 50_000, 0, DEADLINE + 1, signature);
        what.cumulative += 1;
        vm.expectRevert(bad);
        distributor.claimTo(what, bob, 50_000, 0, DEADLINE, signature);
        what.cumulative -= 1;
        what.asset = address(plain);
        vm.expectRevert(bad);
        distributor.claimTo(what, bob, 50_000, 0, DEADLINE, signature);
        what.asset = address(usd);
        what.account = stranger;
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadSignature.selector, stranger));
        distributor.claimTo(what, bob, 50_000, 0, DEADLINE, signature);
        what.account = alice;
        distributor.claimTo(what, bob, 50_000, 0, DEADLINE, signature);
    }

    function test_a_signature_expires() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(bob, 0, DEADLINE);
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.Expired.selector, DEADLINE));
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
        vm.warp(DEADLINE);
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
    }

    function test_the_carriers_fee_has_two_limits() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(bob, 150_000, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.FeeTooHigh.selector, 150_001, 150_000));
        distributor.claimTo(what, bob, 150_000, 150_001, DEADLINE, signature);
        // 2 dollars: a twentieth is 100,000.
        vm.expectRevert(abi.encodeWithSelector(IDistributor.FeeTooHigh.selector, 100_001, 100_000));
        distributor.claimTo(what, bob, 150_000, 100_001, DEADLINE, signature);
        distributor.claimTo(what, bob, 150_000, 100_000, DEADLINE, signature);
    }

    function test_nobody_is_no_destination() external {
        (IDistributor.Claim memory what, bytes memory signature) = signedClaim(address(0), 0, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IDistributor.ZeroAddress.selector));
        distributor.claimTo(what, address(0), 0, 0, DEADLINE, signature);
    }

    function test_a_signed_claim_needs_its_leaf() external {
        (IDistributor.Claim memory what,) = signedClaim(bob, 0, DEADLINE);
        what.cumulative += 1;
        bytes memory signature = signedHash(ALICE_KEY, distributor.hashClaimTo(what, bob, 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IDistributor.BadProof.selector));
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
    }

    function test_a_contract_account_signs_as_it_likes() external {
        Wallet wallet = new Wallet(alice);
        usd.mint(address(distributor), 2e6);
        publish(distributor.leafOf(address(wallet), address(usd), 2e6), totalsOf(address(usd), 2e6));
        IDistributor.Claim memory what = IDistributor.Claim(address(wallet), address(usd), 2e6, new bytes32[](0));
        bytes memory signature = signedHash(ALICE_KEY, distributor.hashClaimTo(what, bob, 0, DEADLINE));
        uint256 before = usd.balanceOf(bob);
        distributor.claimTo(what, bob, 0, 0, DEADLINE, signature);
        same("bob", usd.balanceOf(bob), before + 2e6);
    }

    // ----------------------------------------------------------------------------------------------------------- pause

    function test_a_pause_stops_every_claim_and_lets_roots_pass() external {
        bytes32[] memory nodes = published(1);
        bytes32[] memory proof = Tree.proofOf(nodes, 3);
        vm.prank(guardian);
        distributor.pause();
        bytes memory paused = abi.encodeWithSelector(ITimedPause.IsPaused.selector, distributor.pausedUntil());
        vm.expectRevert(paused);
        distributor.claim(person(3), address(usd), earned(3, 1), proof);
        vm.expectRevert(paused);
        distributor.claimMany(new IDistributor.Claim[](0));
        vm.expectRevert(paused);
        distributor.claimBatch(address(usd), new address[](0), new uint128[](0), proof, new bool[](0));
        IDistributor.Claim memory what = IDistributor.Claim(alice, address(usd), 1, proof);
        vm.expectRevert(paused);
        distributor.claimTo(what, bob, 0, 0, block.timestamp, "");
        publish("better root", totalsOf(address(usd), uint96(sumOf(1))));
        same("active", distributor.active().root, "better root");
    }

    // ------------------------------------------------------------------------------------------------------------ fuzz

    function testFuzz_the_leaf_is_the_one_in_the_manual(address account, address asset, uint128 cumulative) external view {
        bytes32 once = keccak256(abi.encode(block.chainid, address(distributor), account, asset, cumulative));
        same("leaf", distributor.leafOf(account, asset, cumulative), keccak256(bytes.concat(once)));
    }

    function testFuzz_any_run_of_neighbours_has_a_proof(uint8 size, uint8 first, uint8 count) external {
        uint256 people = 1 + size % 40;
        uint256 from = first % people;
        uint256 many = 1 + count % (people - from);
        bytes32[] memory leaves = new bytes32[](people);
        for (uint256 i = 0; i < people; ++i) {
            leaves[i] = distributor.leafOf(person(i), address(usd), earned(i, 1));
        }
        bytes32[] memory nodes = Tree.build(leaves);
        usd.mint(address(distributor), 1_000e6);
        publish(nodes[0], totalsOf(address(usd), 1_000e6));
        claimRange(address(usd), 1, nodes, from, many);
        for (uint256 i = 0; i < people; ++i) {
            same("paid", usd.balanceOf(person(i)), i >= from && i < from + many ? earned(i, 1) : 0);
        }
    }

    function testFuzz_a_lie_is_bounded(uint96 announced, uint128[4] memory cumulatives) external {
        plain.mint(address(distributor), announced);
        bytes32[] memory leaves = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            leaves[i] = distributor.leafOf(person(i), address(plain), cumulatives[i]);
        }
        bytes32[] memory nodes = Tree.build(leaves);
        publish(nodes[0], totalsOf(address(plain), announced));
        uint256 paid = 0;
        for (uint256 i = 0; i < 4; ++i) {
            bytes32[] memory proof = Tree.proofOf(nodes, i);
            bool fits = cumulatives[i] != 0 && paid + cumulatives[i] <= announced;
            if (!fits) vm.expectRevert();
            distributor.claim(person(i), address(plain), cumulatives[i], proof);
            if (fits) paid += cumulatives[i];
        }
        same("left", plain.balanceOf(address(distributor)), announced - paid);
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function person(uint256 i) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("person", i)))));
    }

    function earned(uint256 i, uint256 epoch) private pure returns (uint128) {
        return uint128((i + 1) * 1e6 * epoch);
    }

    function sumOf(uint256 epoch) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < CROWD; ++i) {
            sum += earned(i, epoch);
        }
    }

    function crowd(address asset, uint256 epoch) private view returns (bytes32[] memory nodes) {
        bytes32[] memory leaves = new bytes32[](CROWD);
        for (uint256 i = 0; i < CROWD; ++i) {
            leaves[i] = distributor.leafOf(person(i), asset, earned(i, epoch));
        }
        return Tree.build(leaves);
    }

    function published(uint256 epoch) private returns (bytes32[] memory nodes) {
        nodes = crowd(address(usd), epoch);
        (uint128 before,) = distributor.totalOf(address(usd));
        usd.mint(address(distributor), sumOf(epoch) - before);
        publish(nodes[0], totalsOf(address(usd), uint96(sumOf(epoch))));
    }

    function claimAll(address asset, uint256 epoch, bytes32[] memory nodes) private {
        claimRange(asset, epoch, nodes, 0, CROWD);
    }

    function claimRange(address asset, uint256 epoch, bytes32[] memory nodes, uint256 first, uint256 count) private {
        address[] memory accounts = new address[](count);
        uint128[] memory cumulatives = new uint128[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = person(first + i);
            cumulatives[i] = earned(first + i, epoch);
        }
        (bytes32[] memory proof, bool[] memory flags) = Tree.proofOfMany(nodes, first, count);
        distributor.claimBatch(asset, accounts, cumulatives, proof, flags);
    }

    function signedClaim(address to, uint128 maxFee, uint256 deadline)
        private
        returns (IDistributor.Claim memory what, bytes memory signature)
    {
        usd.mint(address(distributor), 2e6);
        publish(distributor.leafOf(alice, address(usd), 2e6), totalsOf(address(usd), 2e6));
        what = IDistributor.Claim(alice, address(usd), 2e6, new bytes32[](0));
        signature = signedHash(ALICE_KEY, distributor.hashClaimTo(what, to, maxFee, deadline));
    }

    function list32(bytes32 one) private pure returns (bytes32[] memory all) {
        all = new bytes32[](1);
        all[0] = one;
    }
}
