// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {vm} from "../../script/Vm.sol";
import {IDistributor} from "../../src/interfaces/IDistributor.sol";
import {Base} from "../Base.sol";
import {Tree} from "../Tree.sol";
import {Campaign} from "./Campaign.sol";

/// @title Everything that can happen to the Distributor, honest operator or not
contract DistributorActs is Base {
    uint256 private constant PEOPLE = 5;

    uint256[5] private _keys = [uint256(11), 12, 13, 14, 15];
    address[5] public people;
    string public broken;

    bytes32[] private _pendingNodes;
    uint128[5] private _pendingAmounts;
    bytes32[] private _nodes;
    uint128[5] private _amounts;
    uint64 public epoch;

    uint256 public paidOut;
    uint256 public announced;
    uint256 private _pendingTotal;
    /// What arrived where, by our own count.
    mapping(address => uint256) public received;
    mapping(address => address) private _payouts;
    mapping(uint256 person => uint256) private _seenClaimed;
    uint64 private _shutSince;

    constructor() {
        setUp();
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people[i] = vm.addr(_keys[i]);
        }
        usd.mint(address(distributor), 1_000e6);
    }

    function view_() external view returns (address, address) {
        return (address(distributor), address(usd));
    }

    // ------------------------------------------------------------------------------------------------------------ acts

    function fund(uint96 amount) external {
        usd.mint(address(distributor), amount % 500e6);
    }

    /// A root that is true: everybody earned a little more.
    function publishTruth(uint64[5] calldata more) external {
        uint128[5] memory amounts = _amounts;
        uint256 sum = 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            amounts[i] += more[i] % 10e6;
            sum += amounts[i];
        }
        if (sum < announced) sum = announced;
        put(amounts, sum);
    }

    /// A root that is a lie: any leaves, any total.
    function publishLie(uint128[5] calldata amounts, uint96 total) external {
        put(amounts, announced + total % 300e6);
    }

    function shrink(uint96 less) external {
        if (announced == 0) return;
        vm.prank(proposer);
        try distributor.proposeRoot(epoch + 1, "less", "", totalsOf(address(usd), uint96(announced - 1 - less % announced))) {
            broken = "an announced total shrank";
        } catch {}
    }

    function skipEpoch(uint64 other) external {
        if (other == epoch + 1) return;
        vm.prank(proposer);
        try distributor.proposeRoot(other, "other", "", totalsOf(address(usd), uint96(announced))) {
            broken = "an epoch was skipped or repeated";
        } catch {}
    }

    function throwOut(uint256 mood) external {
        if (mood % 4 != 0) return;
        vm.prank(watcher);
        distributor.veto("");
    }

    function activate(bool waits) external {
        uint64 readyAt = distributor.pending().readyAt;
        if (waits && block.timestamp < readyAt) vm.warp(readyAt);
        uint256 have = usd.balanceOf(address(distributor));
        distributor.activate();
        if (block.timestamp < readyAt) broken = "active before the window was over";
        if (paidOut + have < _pendingTotal) broken = "an unfunded root became active";
        _nodes = _pendingNodes;
        _amounts = _pendingAmounts;
        announced = _pendingTotal;
        ++epoch;
    }

    function claim(uint256 who) external {
        who %= PEOPLE;
        uint256 before = distributor.claimedOf(people[who], address(usd));
        vm.prank(stranger);
        distributor.claim(people[who], address(usd), _amounts[who], Tree.proofOf(_nodes, who));
        note(people[who], destination(people[who]), before);
    }

    function claimFor(uint256 who, uint256 other) external {
        (who, other) = (who % PEOPLE, other % PEOPLE);
        if (who == other || _nodes.length == 0 || _amounts[who] == _amounts[other]) return;
        bytes32[] memory proof = Tree.proofOf(_nodes, other);
        try distributor.claim(people[who], address(usd), _amounts[other], proof) {
            broken = "a leaf paid somebody else";
        } catch {}
    }

    function claimNeighbours(uint256 first, uint256 count) external {
        first %= PEOPLE;
        count = 1 + count % (PEOPLE - first);
        address[] memory accounts = new address[](count);
        uint128[] memory cumulatives = new uint128[](count);
        uint256[] memory befores = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            (accounts[i], cumulatives[i]) = (people[first + i], _amounts[first + i]);
            befores[i] = distributor.claimedOf(accounts[i], address(usd));
        }
        (bytes32[] memory proof, bool[] memory flags) = Tree.proofOfMany(_nodes, first, count);
        distributor.claimBatch(address(usd), accounts, cumulatives, proof, flags);
        for (uint256 i = 0; i < count; ++i) {
            note(accounts[i], destination(accounts[i]), befores[i]);
        }
    }

    function claimSome(uint256 one, uint256 other) external {
        IDistributor.Claim[] memory claims = new IDistributor.Claim[](2);
        uint256[2] memory befores;
        for (uint256 i = 0; i < 2; ++i) {
            uint256 who = (i == 0 ? one : other) % PEOPLE;
            claims[i] = IDistributor.Claim(people[who], address(usd), _amounts[who], Tree.proofOf(_nodes, who));
            befores[i] = distributor.claimedOf(people[who], address(usd));
        }
        distributor.claimMany(claims);
        note(claims[0].account, destination(claims[0].account), befores[0]);
        if (claims[0].account != claims[1].account) note(claims[1].account, destination(claims[1].account), befores[1]);
    }

    function claimElsewhere(uint256 who, uint256 signer, uint16 fee) external {
        (who, signer) = (who % PEOPLE, signer % 3 == 0 ? signer % PEOPLE : who % PEOPLE);
        IDistributor.Claim memory what = IDistributor.Claim(people[who], address(usd), _amounts[who], Tree.proofOf(_nodes, who));
        bytes memory signature = signedHash(_keys[signer], distributor.hashClaimTo(what, bob, fee, block.timestamp));
        uint256 before = distributor.claimedOf(people[who], address(usd));
        uint256 nonce = distributor.nonces(people[who]);
        vm.prank(stranger);
        distributor.claimTo(what, bob, fee, fee, block.timestamp, signature);
        if (signer != who) broken = "a claim went elsewhere with somebody else's signature";
        if (distributor.nonces(people[who]) != nonce + 1) broken = "a nonce was not used up";
        uint256 amount = distributor.claimedOf(people[who], address(usd)) - before;
        if (uint256(fee) * 20 > amount) broken = "the carrier took more than a twentieth";
        paidOut += amount;
        received[bob] += amount - fee;
        received[stranger] += fee;
    }

    function redirect(uint256 who, uint256 to) external {
        address place = to % 3 == 0 ? address(0) : people[to % PEOPLE];
        vm.prank(people[who % PEOPLE]);
        distributor.setPayout(place);
        _payouts[people[who % PEOPLE]] = place;
    }

    function stop(uint256 mood) external {
        if (mood % 4 != 0) return;
        vm.prank(guardian);
        distributor.pause();
        // Claims were open a moment ago, or the pause would not have been possible.
        _shutSince = uint64(block.timestamp);
    }

    function goOn() external {
        vm.prank(guardian);
        distributor.resume();
    }

    function passTime(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 2 days);
    }

    function look() external returns (string memory) {
        if (distributor.pausedUntil() > _shutSince + 7 days) return "claims are shut for longer than seven days";
        if (distributor.active().epoch != epoch) return "the epoch is not the last that became active";
        for (uint256 i = 0; i < PEOPLE; ++i) {
            uint256 claimed = distributor.claimedOf(people[i], address(usd));
            if (claimed < _seenClaimed[i]) return "what was claimed became less";
            _seenClaimed[i] = claimed;
            if (usd.balanceOf(people[i]) != received[people[i]]) return "money arrived where it should not, or did not arrive";
        }
        return broken;
    }

    function elsewhere() external view returns (uint256, uint256) {
        // Bob began with a million.
        return (usd.balanceOf(bob) - 1_000_000e6 - received[bob], usd.balanceOf(stranger) - received[stranger]);
    }

    function claimedByAll() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            sum += distributor.claimedOf(people[i], address(usd));
        }
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function put(uint128[5] memory amounts, uint256 total) private {
        bytes32[] memory leaves = new bytes32[](PEOPLE);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            leaves[i] = distributor.leafOf(people[i], address(usd), amounts[i]);
        }
        bytes32[] memory nodes = Tree.build(leaves);
        vm.prank(proposer);
        distributor.proposeRoot(epoch + 1, nodes[0], "file", totalsOf(address(usd), uint96(total)));
        (_pendingNodes, _pendingAmounts, _pendingTotal) = (nodes, amounts, total);
    }

    function destination(address account) private view returns (address to) {
        to = _payouts[account];
        if (to == address(0)) to = account;
    }

    function note(address account, address to, uint256 before) private {
        uint256 amount = distributor.claimedOf(account, address(usd)) - before;
        paidOut += amount;
        received[to] += amount;
    }
}

/// @title What is true of the Distributor whatever happened (I8, I9, I13)
contract DistributorInvariants is Campaign, Base {
    DistributorActs private _world;

    function setUp() public override {
        _world = new DistributorActs();
        target = address(_world);
        acts = [
            DistributorActs.fund.selector,
            DistributorActs.publishTruth.selector,
            DistributorActs.publishLie.selector,
            DistributorActs.shrink.selector,
            DistributorActs.skipEpoch.selector,
            DistributorActs.throwOut.selector,
            DistributorActs.activate.selector,
            DistributorActs.activate.selector,
            DistributorActs.claim.selector,
            DistributorActs.claimFor.selector,
            DistributorActs.claimNeighbours.selector,
            DistributorActs.claimSome.selector,
            DistributorActs.claimElsewhere.selector,
            DistributorActs.redirect.selector,
            DistributorActs.stop.selector,
            DistributorActs.goOn.selector,
            DistributorActs.passTime.selector
        ];
    }

    function invariant_the_distributor_keeps_its_word() external {
        string memory wrong = _world.look();
        holds(wrong, bytes(wrong).length == 0);
        (address place, address token) = _world.view_();
        (uint128 announced, uint128 claimed) = IDistributor(place).totalOf(token);
        same("announced", announced, _world.announced());
        same("claimed", claimed, _world.paidOut());
        same("the sum of all accounts", claimed, _world.claimedByAll());
        holds("more was claimed than announced", claimed <= announced);
        holds("what was announced is not here", announced - claimed <= IERC20(token).balanceOf(place));
        (uint256 bobs, uint256 strangers) = _world.elsewhere();
        same("bob", bobs, 0);
        same("stranger", strangers, 0);
    }
}
