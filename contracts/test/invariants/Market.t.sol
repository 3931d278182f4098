// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {vm} from "../../script/Vm.sol";
import {IMarket} from "../../src/interfaces/IMarket.sol";
import {FiatRef, OrderId, SessionId} from "../../src/types/Ids.sol";
import {Micros} from "../../src/types/Micros.sol";
import {Base} from "../Base.sol";
import {Campaign} from "./Campaign.sol";

/// @title Everything that can happen to the Market, in any order
/// @notice Keeps its own books from what it asked for, never from what the Market says.
contract MarketActs is Base {
    uint256 private constant PEOPLE = 3;
    uint256 private constant SESSIONS_MAX = 14;
    uint256 private constant PAYMENTS_MAX = 24;

    struct Known {
        uint256 person;
        uint256 asset;
        OrderId orderId;
        bool fromCredit;
        uint16 feeBps;
        uint128 reserved;
        uint128 settled;
        IMarket.SessionState state;
    }

    uint256[3] private _keys = [ALICE_KEY, BOB_KEY, uint256(0xCA401)];
    address[3] public people;
    address[3] public tokens;
    Known[] public sessions;
    string public broken;
    uint256 private _payments;

    mapping(uint256 person => mapping(uint256 asset => uint256)) public deposited;
    mapping(uint256 person => mapping(uint256 asset => uint256)) public withdrawn;
    mapping(uint256 person => mapping(uint256 asset => uint256)) public credited;
    mapping(uint256 asset => uint256) public donated;
    mapping(uint256 asset => uint256) public sweptToSuppliers;
    mapping(uint256 asset => uint256) public sweptFees;

    constructor() {
        setUp();
        tokens = [address(usd), address(plain), address(hfr)];
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people[i] = vm.addr(_keys[i]);
            usd.mint(people[i], 1_000_000e6);
            plain.mint(people[i], 1_000_000e18);
            vm.prank(treasury);
            hfr.transfer(people[i], 1_000_000e18);
            for (uint256 j = 0; j < 3; ++j) {
                vm.prank(people[i]);
                IERC20(tokens[j]).approve(address(market), type(uint256).max);
            }
        }
    }

    function view_() external view returns (address, uint256, uint256) {
        return (address(market), sessions.length, PEOPLE);
    }

    function sessionAt(uint256 i) external view returns (Known memory) {
        return sessions[i];
    }

    // ------------------------------------------------------------------------------------------------------------ acts

    function payIn(uint256 who, uint256 what, uint128 amount) external {
        (who, what) = (who % PEOPLE, what % 3);
        bring(who, what, uint128(1 + amount % 1_000_000_000 * unitOf(what)));
    }

    function takeOut(uint256 who, uint256 what, uint128 amount) external {
        (who, what) = (who % PEOPLE, what % 3);
        uint256 free = freeOf(people[who], tokens[what]);
        if (free == 0) return;
        amount = uint128(1 + amount % free);
        vm.prank(people[who]);
        // Paused or not, whatever else happened.
        try market.withdraw(tokens[what], amount, named("anywhere")) {
            withdrawn[who][what] += amount;
        } catch {
            broken = "free money could not be withdrawn";
        }
    }

    function takeOutTooMuch(uint256 who, uint256 what, uint128 more) external {
        (who, what) = (who % PEOPLE, what % 3);
        uint256 wanted = freeOf(people[who], tokens[what]) + 1 + more % 1e24;
        vm.prank(people[who]);
        try market.withdraw(tokens[what], uint128(wanted), people[who]) {
            broken = "more than was free was withdrawn";
        } catch {}
    }

    function payInByCard(uint256 who, uint256 what, uint128 amount) external {
        (who, what) = (who % PEOPLE, what % 2);
        if (_payments == PAYMENTS_MAX) return;
        bringByCard(who, what, uint128((1 + amount % 1_000e6) * unitOf(what)));
    }

    function payInTwiceByCard(uint256 which, uint256 who) external {
        if (_payments == 0) return;
        vm.prank(fiat);
        try market.creditFiat(FiatRef.wrap(bytes32(1 + which % _payments)), people[who % PEOPLE], tokens[0], 1) {
            broken = "a payment was credited twice";
        } catch {}
    }

    function chargeBack(uint256 which, uint128 amount) external {
        if (_payments == 0) return;
        FiatRef ref = FiatRef.wrap(bytes32(1 + which % _payments));
        (address customer, address asset, uint128 left) = market.fiatOf(ref);
        uint256 what = asset == tokens[0] ? 0 : 1;
        if (left == 0) return;
        amount = uint128((1 + amount % (left / unitOf(what))) * unitOf(what));
        vm.prank(fiat);
        market.reverseFiat(ref, amount);
        credited[personOf(customer)][what] -= amount;
    }

    function open(uint256 who, uint256 what, uint256 order, uint128 amount, uint64 length) external {
        (who, what) = (who % PEOPLE, what % 3);
        if (sessions.length == SESSIONS_MAX) return;
        IMarket.Order memory paper = orderOf(people[who], tokens[what], uint128(500e6 * unitOf(what)));
        paper.orderId = OrderId.wrap(bytes32(1 + what + 3 * (order % 2)));
        amount = uint128((1 + amount % 60e6) * unitOf(what));
        if (freeOf(people[who], tokens[what]) < amount) bring(who, what, amount);
        bytes memory signature = signedHash(_keys[who], market.hashOrder(paper));
        SessionId id = SessionId.wrap(bytes32(sessions.length + 1));
        vm.prank(matcher);
        market.reserve(paper, signature, id, amount, uint64(block.timestamp + 1 + length % 8 days));
        note(who, what, paper.orderId, false, amount);
    }

    function openForged(uint256 who, uint256 signer, uint256 what, uint128 amount) external {
        (who, signer, what) = (who % PEOPLE, signer % PEOPLE, what % 3);
        if (who == signer || amount == 0) return;
        IMarket.Order memory paper = orderOf(people[who], tokens[what], type(uint128).max);
        bytes memory signature = signedHash(_keys[signer], market.hashOrder(paper));
        vm.prank(matcher);
        try market.reserve(paper, signature, SessionId.wrap("forged"), amount, soon()) {
            broken = "a session was opened with somebody else's signature";
        } catch {}
    }

    function openFromCredit(uint256 who, uint256 what, uint128 amount, uint64 length) external {
        (who, what) = (who % PEOPLE, what % 2);
        if (sessions.length == SESSIONS_MAX) return;
        amount = uint128((1 + amount % 60e6) * unitOf(what));
        if (creditOf(people[who], tokens[what]) < amount) bringByCard(who, what, amount);
        SessionId id = SessionId.wrap(bytes32(sessions.length + 1));
        vm.prank(matcher);
        market.reserveCredit(people[who], tokens[what], id, amount, uint64(block.timestamp + 1 + length % 8 days));
        note(who, what, OrderId.wrap(0), true, amount);
    }

    function giveBack(uint256 which, uint128 amount) external {
        (SessionId id, Known storage known) = pick(which, IMarket.SessionState.Open);
        amount = within(amount, 0, known.reserved - known.settled, known.asset);
        vm.prank(settler);
        market.giveBack(id, amount);
        known.reserved -= amount;
    }

    function claimUsed(uint256 which, uint128 used) external {
        (SessionId id, Known storage known) = pick(which, IMarket.SessionState.Open);
        used = within(used, known.settled, known.reserved, known.asset);
        vm.prank(settler);
        market.propose(IMarket.Settlement(id, used, 0));
        if (used <= known.settled || used > known.reserved) broken = "what was proposed is out of range";
    }

    function object(uint256 which, uint256 who) external {
        (SessionId id, Known storage known) = pick(which, IMarket.SessionState.Proposed);
        who = who % 8 == 0 ? who / 8 % PEOPLE : known.person;
        vm.prank(people[who]);
        market.dispute(id, "");
        if (who != known.person) broken = "somebody else disputed";
    }

    function decide(uint256 which, uint128 used) external {
        (SessionId id, Known storage known) = pick(which, IMarket.SessionState.Disputed);
        uint128 proposed = market.sessionOf(id).proposed;
        used = within(used, known.settled, proposed, known.asset);
        vm.prank(arbiter);
        market.resolve(id, used);
        if (used > proposed || used < known.settled) broken = "the arbiter raised or took back";
        known.settled = used;
        known.reserved -= proposed - used;
    }

    function finish(uint256 which, bool waits) external {
        (SessionId id, Known storage known) = pick(which, IMarket.SessionState.Proposed);
        IMarket.Session memory before = market.sessionOf(id);
        if (waits && block.timestamp < before.deadline) vm.warp(before.deadline);
        finalize(id);
        if (before.state != IMarket.SessionState.Proposed) return;
        if (block.timestamp < before.deadline) broken = "final before the window was over";
        known.settled = before.proposed;
    }

    function letGo(uint256 which, bool waits) external {
        (SessionId id, Known storage known) = pick(which, waits ? IMarket.SessionState.Disputed : IMarket.SessionState.Open);
        IMarket.Session memory before = market.sessionOf(id);
        if (waits && block.timestamp < before.deadline) vm.warp(before.deadline);
        market.release(id);
        if (block.timestamp <= before.settleBy) broken = "released before its time";
        known.reserved = known.settled;
    }

    function carryAway(uint256 what) external {
        what %= 3;
        (uint256 toSuppliers, uint256 fee) = market.dueOf(tokens[what]);
        uint256 before = IERC20(tokens[what]).balanceOf(address(distributor));
        market.sweep(tokens[what]);
        if (IERC20(tokens[what]).balanceOf(address(distributor)) != before + toSuppliers) {
            broken = "suppliers' money went astray";
        }
        sweptToSuppliers[what] += toSuppliers;
        sweptFees[what] += fee;
    }

    function giveAway(uint256 what, uint64 amount) external {
        what %= 3;
        vm.prank(people[0]);
        IERC20(tokens[what]).transfer(address(market), amount);
        donated[what] += amount;
    }

    function changeFee(uint256 what, uint16 feeBps) external {
        bytes memory call = abi.encodeCall(IMarket.setAsset, (tokens[what % 3], true, feeBps % 1_501));
        vm.prank(paramsKey);
        manager.schedule(address(market), call, 0);
        vm.warp(block.timestamp + 48 hours);
        vm.prank(paramsKey);
        market.setAsset(tokens[what % 3], true, feeBps % 1_501);
    }

    function takeBackOrder(uint256 who, uint256 order) external {
        // Rarely: an order that is revoked opens nothing for the rest of the run.
        if (order % 32 != 0) return;
        vm.prank(people[who % PEOPLE]);
        market.revokeOrder(OrderId.wrap(bytes32(1 + order / 32 % 6)));
    }

    function stop(uint256 mood) external {
        if (mood % 4 != 0) return;
        vm.prank(guardian);
        market.pause();
    }

    function goOn() external {
        vm.prank(guardian);
        market.resume();
    }

    function passTime(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 12 hours);
    }

    /// Looks at every session and remembers, so that the next look can tell what moved backwards.
    function look() external returns (string memory) {
        for (uint256 i = 0; i < sessions.length; ++i) {
            Known storage known = sessions[i];
            IMarket.Session memory seen = market.sessionOf(SessionId.wrap(bytes32(i + 1)));
            if (seen.state == IMarket.SessionState.None) return "a session vanished";
            bool reopened = known.state == IMarket.SessionState.Closed && seen.state != IMarket.SessionState.Closed;
            if (reopened) return "a closed session opened again";
            if (seen.feeBps != known.feeBps) return "the fee of a session changed";
            if (seen.settled != known.settled) return "settled is not what was agreed";
            if (seen.reserved != known.reserved) return "reserved is not what was asked for";
            if (seen.proposed < seen.settled || seen.reserved < seen.proposed) {
                return "settled, proposed and reserved are out of order";
            }
            if (seen.fromCredit != known.fromCredit || seen.customer != people[known.person]) return "a session changed hands";
            known.state = seen.state;
        }
        return broken;
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function note(uint256 who, uint256 what, OrderId orderId, bool fromCredit, uint128 amount) private {
        uint16 feeBps = market.assetOf(tokens[what]).feeBps;
        if (feeBps > 1_500) broken = "a fee above 15 %";
        sessions.push(Known(who, what, orderId, fromCredit, feeBps, amount, 0, IMarket.SessionState.Open));
    }

    /// A session, in this state if there is one.
    function pick(uint256 which, IMarket.SessionState state) private view returns (SessionId id, Known storage known) {
        uint256 count = sessions.length;
        for (uint256 i = 0; i < count; ++i) {
            id = SessionId.wrap(bytes32(1 + (which % count + i) % count));
            if (market.sessionOf(id).state == state) return (id, sessions[uint256(SessionId.unwrap(id)) - 1]);
        }
        which %= count;
        return (SessionId.wrap(bytes32(which + 1)), sessions[which]);
    }

    /// An amount between the two, or sometimes beyond.
    function within(uint128 seed, uint128 low, uint128 high, uint256 what) private pure returns (uint128) {
        uint256 steps = (high - low) / unitOf(what) + (seed % 8 == 0 ? 3 : 1);
        return uint128(low + seed / 8 % steps * unitOf(what));
    }

    function bring(uint256 who, uint256 what, uint128 amount) private {
        vm.prank(people[who]);
        market.deposit(tokens[what], amount);
        deposited[who][what] += amount;
    }

    function bringByCard(uint256 who, uint256 what, uint128 amount) private {
        vm.prank(fiat);
        market.creditFiat(FiatRef.wrap(bytes32(_payments + 1)), people[who], tokens[what], amount);
        ++_payments;
        credited[who][what] += amount;
    }

    function personOf(address who) private view returns (uint256 i) {
        while (people[i] != who) ++i;
    }

    function unitOf(uint256 what) private pure returns (uint256) {
        return what == 0 ? 1 : 1e12;
    }
}

/// @title What is true of the Market whatever happened (I2, I10 to I13)
contract MarketInvariants is Campaign, Base {
    MarketActs private _world;
    IMarket private _market;

    function setUp() public override {
        _world = new MarketActs();
        (address place,,) = _world.view_();
        _market = IMarket(place);
        target = address(_world);
        acts = [
            MarketActs.payIn.selector,
            MarketActs.takeOut.selector,
            MarketActs.takeOutTooMuch.selector,
            MarketActs.payInByCard.selector,
            MarketActs.payInTwiceByCard.selector,
            MarketActs.chargeBack.selector,
            MarketActs.open.selector,
            MarketActs.open.selector,
            MarketActs.openForged.selector,
            MarketActs.openFromCredit.selector,
            MarketActs.giveBack.selector,
            MarketActs.claimUsed.selector,
            MarketActs.object.selector,
            MarketActs.decide.selector,
            MarketActs.finish.selector,
            MarketActs.letGo.selector,
            MarketActs.carryAway.selector,
            MarketActs.giveAway.selector,
            MarketActs.changeFee.selector,
            MarketActs.takeBackOrder.selector,
            MarketActs.stop.selector,
            MarketActs.goOn.selector,
            MarketActs.passTime.selector,
            MarketActs.claimUsed.selector,
            MarketActs.object.selector,
            MarketActs.finish.selector,
            MarketActs.decide.selector
        ];
    }

    function invariant_the_market_keeps_its_word() external {
        string memory wrong = _world.look();
        holds(wrong, bytes(wrong).length == 0);
        for (uint256 what = 0; what < 3; ++what) {
            checkAsset(what);
        }
        checkOrders();
    }

    /// Per asset: every unit is somebody's, and the fee is what was frozen.
    function checkAsset(uint256 what) private view {
        address token = _world.tokens(what);
        Sums memory sums = add(what);
        for (uint256 who = 0; who < 3; ++who) {
            sums.owed += checkPerson(who, what, sums);
        }
        (uint256 toSuppliers, uint256 fee) = _market.dueOf(token);
        same("suppliers", toSuppliers + _world.sweptToSuppliers(what), sums.suppliers);
        same("fees", fee + _world.sweptFees(what), sums.fees);
        same("held", _market.held(token), sums.owed + toSuppliers + fee);
        same("tokens", IERC20(token).balanceOf(address(_market)), _market.held(token) + _world.donated(what));
    }

    struct Sums {
        uint256 owed;
        uint256 suppliers;
        uint256 fees;
        uint256[3] fromFree;
        uint256[3] fromCredit;
    }

    function add(uint256 what) private view returns (Sums memory sums) {
        (, uint256 count,) = _world.view_();
        uint256 unit = what == 0 ? 1 : 1e12;
        for (uint256 i = 0; i < count; ++i) {
            MarketActs.Known memory known = _world.sessionAt(i);
            if (known.asset != what) continue;
            if (known.fromCredit) sums.fromCredit[known.person] += known.reserved;
            else sums.fromFree[known.person] += known.reserved;
            sums.owed += known.reserved - known.settled;
            uint256 fee = known.settled / unit * known.feeBps / 10_000 * unit;
            sums.fees += fee;
            sums.suppliers += known.settled - fee;
        }
    }

    /// Free money moves only by what its owner did or signed; credit never becomes free.
    function checkPerson(uint256 who, uint256 what, Sums memory sums) private view returns (uint256) {
        (uint256 free, uint256 credit_) = _market.balanceOf(_world.people(who), _world.tokens(what));
        same("free", free + sums.fromFree[who] + _world.withdrawn(who, what), _world.deposited(who, what));
        same("credit", credit_ + sums.fromCredit[who], _world.credited(who, what));
        return free + credit_;
    }

    function checkOrders() private view {
        (, uint256 count, uint256 people) = _world.view_();
        for (uint256 who = 0; who < people; ++who) {
            for (uint256 order = 1; order <= 6; ++order) {
                uint256 sum = 0;
                for (uint256 i = 0; i < count; ++i) {
                    MarketActs.Known memory known = _world.sessionAt(i);
                    if (known.person != who || OrderId.unwrap(known.orderId) != bytes32(order)) continue;
                    sum += known.reserved / (known.asset == 0 ? 1 : 1e12);
                }
                (Micros outstanding,) = _market.orderOf(_world.people(who), OrderId.wrap(bytes32(order)));
                same("outstanding", Micros.unwrap(outstanding), sum);
                holds("an order was overdrawn", sum <= 500e6);
            }
        }
    }
}
