// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";

import {PracticeDollar} from "../mocks/PracticeDollar.sol";
import {PracticePlainDollar} from "../mocks/PracticePlainDollar.sol";
import {Deployment} from "../script/Deployment.sol";
import {vm} from "../script/Vm.sol";
import {Distributor} from "../src/Distributor.sol";
import {Hfr} from "../src/Hfr.sol";
import {Market} from "../src/Market.sol";
import {Roles} from "../src/Roles.sol";
import {IDistributor} from "../src/interfaces/IDistributor.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {FiatRef, OrderId, SessionId} from "../src/types/Ids.sol";

/// @title What all tests start from: the contracts as they are deployed, and people with money
abstract contract Base is Deployment {
    error Differs(string what, uint256 got, uint256 wanted);
    error Untrue(string what);

    uint256 internal constant NOW = 1_800_000_000;
    uint64 internal constant DISPUTE = 24 hours;
    uint64 internal constant CHALLENGE = 72 hours;
    uint16 internal constant FEE = 1_000;
    uint16 internal constant HFR_FEE = 600;
    uint256 internal constant ALICE_KEY = 0xA11CE;
    uint256 internal constant BOB_KEY = 0xB0B;

    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);
    address internal stranger = named("stranger");
    address internal treasury = named("treasury");
    address internal safe = named("safe");
    address internal minter = named("minter");
    address internal matcher = named("matcher");
    address internal settler = named("settler");
    address internal arbiter = named("arbiter");
    address internal proposer = named("proposer");
    address internal watcher = named("watcher");
    address internal guardian = named("guardian");
    address internal fiat = named("fiat");
    address internal paramsKey = named("params");

    AccessManager internal manager;
    address internal timelock;
    Hfr internal hfr;
    Market internal market;
    Distributor internal distributor;
    PracticeDollar internal usd;
    PracticePlainDollar internal plain;

    uint256 private _sessions;

    function setUp() public virtual {
        vm.warp(NOW);
        usd = new PracticeDollar();
        plain = new PracticePlainDollar();
        _adopt(_deploy(standard(), address(this)));
        for (uint256 i = 0; i < 3; ++i) {
            address holder = [alice, bob, fiat][i];
            usd.mint(holder, 1_000_000e6);
            plain.mint(holder, 1_000_000e18);
            vm.prank(treasury);
            hfr.transfer(holder, 1_000_000e18);
            vm.startPrank(holder);
            usd.approve(address(market), type(uint256).max);
            plain.approve(address(market), type(uint256).max);
            hfr.approve(address(market), type(uint256).max);
            vm.stopPrank();
        }
    }

    // ----------------------------------------------------------------------------------------------------- deployment

    function standard() internal view returns (Parameters memory parameters) {
        parameters.treasury = treasury;
        parameters.governance = list(safe);
        parameters.holders = new address[][](Roles.COUNT);
        parameters.holders[Roles.MATCHER - 1] = list(matcher);
        parameters.holders[Roles.SETTLER - 1] = list(settler);
        parameters.holders[Roles.ARBITER - 1] = list(arbiter);
        parameters.holders[Roles.PROPOSER - 1] = list(proposer);
        parameters.holders[Roles.WATCHER - 1] = list(watcher);
        parameters.holders[Roles.GUARDIAN - 1] = list(guardian);
        parameters.holders[Roles.FIAT - 1] = list(fiat);
        parameters.holders[Roles.PARAMS - 1] = list(paramsKey);
        parameters.disputeSeconds = DISPUTE;
        parameters.challengeSeconds = CHALLENGE;
        parameters.timelockSeconds = 7 days;
        parameters.paramsDelaySeconds = 48 hours;
        parameters.token = Token({home: true, minter: minter, premint: 550_000_000e18, feeBps: HFR_FEE});
        parameters.assets = new Listing[](2);
        parameters.assets[0] = Listing(address(usd), FEE);
        parameters.assets[1] = Listing(address(plain), FEE);
    }

    function _adopt(Deployed memory made) internal {
        manager = made.accessManager;
        timelock = address(made.timelock);
        hfr = made.hfr;
        market = made.market;
        distributor = made.distributor;
    }

    /// Lists an asset the long way: with notice.
    function listAsset(address asset, bool open, uint16 feeBps) internal {
        bytes memory call = abi.encodeCall(IMarket.setAsset, (asset, open, feeBps));
        vm.prank(paramsKey);
        manager.schedule(address(market), call, 0);
        vm.warp(block.timestamp + 48 hours);
        vm.prank(paramsKey);
        market.setAsset(asset, open, feeBps);
    }

    // ------------------------------------------------------------------------------------------------------- sessions

    function deposit(address who, address asset, uint128 amount) internal {
        vm.prank(who);
        market.deposit(asset, amount);
    }

    function credit(bytes32 ref, address who, address asset, uint128 amount) internal {
        vm.prank(fiat);
        market.creditFiat(FiatRef.wrap(ref), who, asset, amount);
    }

    function orderOf(address customer, address asset, uint128 maxSpend) internal view returns (IMarket.Order memory) {
        return IMarket.Order({
            orderId: OrderId.wrap("order"),
            customer: customer,
            asset: asset,
            maxSpend: maxSpend,
            maxFeeBps: 1_500,
            expiry: uint64(block.timestamp + 30 days)
        });
    }

    function signed(uint256 key, IMarket.Order memory order) internal view returns (bytes memory) {
        return signedHash(key, market.hashOrder(order));
    }

    function signedHash(uint256 key, bytes32 hash) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, hash);
        return abi.encodePacked(r, s, v);
    }

    function soon() internal view returns (uint64) {
        return uint64(block.timestamp + 7 days);
    }

    function reserve(IMarket.Order memory order, uint128 amount) internal returns (SessionId session) {
        session = SessionId.wrap(bytes32(++_sessions));
        bytes memory signature = signed(order.customer == alice ? ALICE_KEY : BOB_KEY, order);
        vm.prank(matcher);
        market.reserve(order, signature, session, amount, soon());
    }

    /// A session of Alice in dollars, paid in for the purpose.
    function openSession(uint128 amount) internal returns (SessionId) {
        deposit(alice, address(usd), amount);
        return reserve(orderOf(alice, address(usd), type(uint128).max), amount);
    }

    function openCreditSession(uint128 amount) internal returns (SessionId session) {
        session = SessionId.wrap(bytes32(++_sessions));
        credit(SessionId.unwrap(session), alice, address(usd), amount);
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), session, amount, soon());
    }

    function propose(SessionId session, uint128 used) internal {
        vm.prank(settler);
        market.propose(IMarket.Settlement(session, used, "receipts"));
    }

    function finalize(SessionId session) internal {
        SessionId[] memory one = new SessionId[](1);
        one[0] = session;
        vm.prank(stranger);
        market.finalize(one);
    }

    function settle(SessionId session, uint128 used) internal {
        propose(session, used);
        vm.warp(block.timestamp + DISPUTE);
        finalize(session);
    }

    function stateOf(SessionId session) internal view returns (IMarket.SessionState) {
        return market.sessionOf(session).state;
    }

    function freeOf(address who, address asset) internal view returns (uint256 free) {
        (free,) = market.balanceOf(who, asset);
    }

    function creditOf(address who, address asset) internal view returns (uint256 credit_) {
        (, credit_) = market.balanceOf(who, asset);
    }

    // ---------------------------------------------------------------------------------------------------------- roots

    function totalsOf(address asset, uint96 cumulative) internal pure returns (IDistributor.Total[] memory totals) {
        totals = new IDistributor.Total[](1);
        totals[0] = IDistributor.Total(asset, cumulative);
    }

    /// Proposes and activates the next root.
    function publish(bytes32 root, IDistributor.Total[] memory totals) internal {
        uint64 epoch = distributor.active().epoch + 1;
        vm.prank(proposer);
        distributor.proposeRoot(epoch, root, "epoch file", totals);
        vm.warp(block.timestamp + CHALLENGE);
        distributor.activate();
    }

    // --------------------------------------------------------------------------------------------------------- checks

    function same(string memory what, uint256 got, uint256 wanted) internal pure {
        if (got != wanted) revert Differs(what, got, wanted);
    }

    function same(string memory what, address got, address wanted) internal pure {
        if (got != wanted) revert Differs(what, uint160(got), uint160(wanted));
    }

    function same(string memory what, bytes32 got, bytes32 wanted) internal pure {
        if (got != wanted) revert Differs(what, uint256(got), uint256(wanted));
    }

    function holds(string memory what, bool isTrue) internal pure {
        if (!isTrue) revert Untrue(what);
    }

    /// The next call must be refused to this caller for want of a role.
    function expectNoRole(address caller) internal {
        vm.expectRevert(abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, caller));
        vm.prank(caller);
    }

    /// The next call must log exactly the event that is emitted after this.
    function expectEvent(address emitter) internal {
        vm.expectEmit(true, true, true, true, emitter);
    }

    function named(string memory name) internal pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(name)))));
    }

    function list(address one) internal pure returns (address[] memory all) {
        all = new address[](1);
        all[0] = one;
    }
}
