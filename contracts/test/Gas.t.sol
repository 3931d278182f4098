// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../script/Vm.sol";
import {IDistributor} from "../src/interfaces/IDistributor.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {OrderId, SessionId} from "../src/types/Ids.sol";
import {Base} from "./Base.sol";
import {Tree} from "./Tree.sol";

/// @title What the calls cost
/// @notice Only worth something with `--isolate`: then every call below is a transaction of its own, the 21,000 and the data included.
/// `bin/gas` compares them with `gas.json`. They are what a plain token costs; real USDC sits behind a proxy and takes some 8,000 more.
contract Gas is Base {
    uint256 private constant BATCH = 100;
    uint256 private constant SESSIONS = 50;
    uint128 private constant EARNED = 1_234_567;

    function test_deposit() external {
        deposit(alice, address(usd), 5e6);
        vm.prank(alice);
        market.deposit(address(usd), 7e6);
        log("deposit", 1);
    }

    function test_withdraw() external {
        deposit(alice, address(usd), 5e6);
        vm.prank(alice);
        market.withdraw(address(usd), 1e6, alice);
        log("withdraw", 1);
    }

    function test_reserve() external {
        deposit(alice, address(usd), 50e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 50e6);
        bytes memory signature = signed(ALICE_KEY, order);
        vm.prank(matcher);
        market.reserve(order, signature, SessionId.wrap("first"), 10e6, soon());
        log("reserve_first", 1);
        vm.prank(matcher);
        market.reserve(order, signature, SessionId.wrap("second"), 10e6, soon());
        log("reserve", 1);
    }

    function test_settle_per_job() external {
        IMarket.Settlement[] memory settlements = new IMarket.Settlement[](SESSIONS);
        SessionId[] memory sessions = new SessionId[](SESSIONS);
        for (uint256 i = 0; i < SESSIONS; ++i) {
            sessions[i] = openSession(10e6);
        }
        // Twice: the second time is what it costs in the long run.
        for (uint128 round = 1; round <= 2; ++round) {
            for (uint256 i = 0; i < SESSIONS; ++i) {
                settlements[i] = IMarket.Settlement(sessions[i], round * EARNED, keccak256(abi.encode(i, round)));
            }
            vm.prank(settler);
            market.proposeBatch(settlements);
            uint256 proposing = gasOfLastCall();
            vm.warp(block.timestamp + DISPUTE);
            market.finalize(sessions);
            if (round == 2) vm.snapshotValue("gas", "settle_per_job", (proposing + gasOfLastCall()) / SESSIONS);
        }
    }

    function test_giveBack_and_sweep() external {
        SessionId session = openSession(10e6);
        settle(session, 1e6);
        vm.prank(settler);
        market.giveBack(session, 9e6);
        log("give_back", 1);
        usd.mint(address(distributor), 1);
        usd.mint(treasury, 1);
        market.sweep(address(usd));
        log("sweep", 1);
    }

    function test_claim() external {
        // 2^14 leaves: fourteen siblings. What lies under them does not matter.
        bytes32[] memory proof = new bytes32[](14);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] = keccak256(abi.encode("sibling", i));
        }
        usd.mint(address(distributor), 1_000e6);
        propose(1, proof);
        distributor.activate();
        distributor.claim(stranger, address(usd), EARNED, proof);
        log("claim_first", 1);
        propose(2, proof);
        log("propose_root", 1);
        distributor.activate();
        log("activate", 1);
        distributor.claim(stranger, address(usd), 2 * EARNED, proof);
        log("claim_later", 1);
    }

    function test_claimTo() external {
        bytes32[] memory proof = new bytes32[](14);
        usd.mint(address(distributor), 1_000e6);
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            bytes32 root = rootOver(alice, epoch * EARNED, proof);
            vm.prank(proposer);
            distributor.proposeRoot(epoch, root, "file", totalsOf(address(usd), 500e6));
            vm.warp(block.timestamp + CHALLENGE);
            distributor.activate();
            IDistributor.Claim memory what = IDistributor.Claim(alice, address(usd), epoch * EARNED, proof);
            uint256 deadline = block.timestamp;
            bytes memory signature = signedHash(ALICE_KEY, distributor.hashClaimTo(what, bob, 9_000, deadline));
            vm.prank(stranger);
            distributor.claimTo(what, bob, 9_000, 9_000, deadline, signature);
        }
        log("claim_to", 1);
    }

    function test_claimBatch() external {
        usd.mint(address(distributor), 1_000e6);
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            (address[] memory accounts, uint128[] memory cumulatives, bytes32[] memory nodes) = crowd(epoch);
            (bytes32[] memory proof, bool[] memory flags) = Tree.proofOfMany(nodes, 14, BATCH);
            // 128 leaves are a corner of a tree of 131,072: ten more siblings on the way up.
            bytes32 root = nodes[0];
            (proof, flags, root) = climb(proof, flags, root);
            vm.prank(proposer);
            distributor.proposeRoot(epoch, root, "file", totalsOf(address(usd), 500e6));
            vm.warp(block.timestamp + CHALLENGE);
            distributor.activate();
            distributor.claimBatch(address(usd), accounts, cumulatives, proof, flags);
            log(epoch == 1 ? "claim_batch_first" : "claim_batch_later", BATCH);
        }
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function crowd(uint64 epoch)
        private
        view
        returns (address[] memory accounts, uint128[] memory cumulatives, bytes32[] memory)
    {
        accounts = new address[](BATCH);
        cumulatives = new uint128[](BATCH);
        bytes32[] memory leaves = new bytes32[](128);
        for (uint256 i = 0; i < leaves.length; ++i) {
            address account = address(uint160(uint256(keccak256(abi.encode("account", i)))));
            leaves[i] = distributor.leafOf(account, address(usd), uint128(epoch * (EARNED + i)));
            if (i < 14 || i >= 14 + BATCH) continue;
            accounts[i - 14] = account;
            cumulatives[i - 14] = uint128(epoch * (EARNED + i));
        }
        return (accounts, cumulatives, Tree.build(leaves));
    }

    function climb(bytes32[] memory proof, bool[] memory flags, bytes32 root)
        private
        pure
        returns (bytes32[] memory longer, bool[] memory more, bytes32)
    {
        longer = new bytes32[](proof.length + 10);
        more = new bool[](flags.length + 10);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
        }
        for (uint256 i = 0; i < flags.length; ++i) {
            more[i] = flags[i];
        }
        for (uint256 i = 0; i < 10; ++i) {
            longer[proof.length + i] = keccak256(abi.encode("sibling", i));
            root = Tree.hashPair(root, longer[proof.length + i]);
        }
        return (longer, more, root);
    }

    function propose(uint64 epoch, bytes32[] memory proof) private {
        bytes32 root = rootOver(stranger, epoch * EARNED, proof);
        vm.prank(proposer);
        distributor.proposeRoot(epoch, root, keccak256(abi.encode(epoch)), totalsOf(address(usd), 500e6 + uint96(epoch)));
        vm.warp(block.timestamp + CHALLENGE);
    }

    function rootOver(address account, uint128 cumulative, bytes32[] memory proof) private view returns (bytes32 node) {
        node = distributor.leafOf(account, address(usd), cumulative);
        for (uint256 i = 0; i < proof.length; ++i) {
            node = Tree.hashPair(node, proof[i]);
        }
    }

    function log(string memory id, uint256 among) private {
        vm.snapshotValue("gas", id, gasOfLastCall() / among);
    }

    function gasOfLastCall() private view returns (uint256) {
        return vm.lastCallGas().gasTotalUsed;
    }
}
