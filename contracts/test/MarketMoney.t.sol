// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {vm} from "../script/Vm.sol";
import {Market} from "../src/Market.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {ITimedPause} from "../src/interfaces/ITimedPause.sol";
import {FiatRef, SessionId} from "../src/types/Ids.sol";
import {Base} from "./Base.sol";
import {BlockingToken, HookToken, OddToken, TollToken} from "./tokens/Tokens.sol";

/// @title Money into the Market and out of it
contract MarketMoney is Base {
    FiatRef private constant CARD = FiatRef.wrap("card payment");
    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    // -------------------------------------------------------------------------------------------------------- deposits

    function test_a_deposit_is_the_callers_to_spend() external {
        expectEvent(address(market));
        emit IMarket.Deposited(alice, address(usd), 5e6);
        deposit(alice, address(usd), 5e6);
        same("free", freeOf(alice, address(usd)), 5e6);
        same("credit", creditOf(alice, address(usd)), 0);
        same("held", market.held(address(usd)), 5e6);
        same("tokens", usd.balanceOf(address(market)), 5e6);
    }

    function test_a_deposit_of_nothing_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAmount.selector));
        deposit(alice, address(usd), 0);
    }

    function test_an_unlisted_token_is_refused() external {
        OddToken odd = new OddToken(6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AssetUnknown.selector, address(odd)));
        deposit(alice, address(odd), 1);
    }

    function test_a_closed_asset_takes_nothing_new_and_gives_back_what_it_has() external {
        deposit(alice, address(usd), 5e6);
        listAsset(address(usd), false, FEE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AssetClosed.selector, address(usd)));
        deposit(alice, address(usd), 1);
        vm.prank(alice);
        market.withdraw(address(usd), 5e6, alice);
    }

    function test_a_token_that_keeps_a_toll_is_refused() external {
        TollToken toll = new TollToken();
        listAsset(address(toll), true, FEE);
        toll.mint(alice, 1_000e18);
        vm.prank(alice);
        toll.approve(address(market), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferMismatch.selector, address(toll), 100e18, 99e18));
        deposit(alice, address(toll), 100e18);
    }

    function test_a_deposit_with_a_permit_needs_no_allowance() external {
        vm.prank(alice);
        usd.approve(address(market), 0);
        (uint8 v, bytes32 r, bytes32 s) = permitOf(ALICE_KEY, 7e6);
        vm.prank(alice);
        market.depositWithPermit(address(usd), 7e6, block.timestamp, v, r, s);
        same("free", freeOf(alice, address(usd)), 7e6);
    }

    function test_a_permit_that_somebody_else_used_first_does_no_harm() external {
        vm.prank(alice);
        usd.approve(address(market), 0);
        (uint8 v, bytes32 r, bytes32 s) = permitOf(ALICE_KEY, 7e6);
        vm.prank(stranger);
        usd.permit(alice, address(market), 7e6, block.timestamp, v, r, s);
        vm.prank(alice);
        market.depositWithPermit(address(usd), 7e6, block.timestamp, v, r, s);
        same("free", freeOf(alice, address(usd)), 7e6);
    }

    function test_somebody_elses_permit_moves_nothing_of_theirs() external {
        (uint8 v, bytes32 r, bytes32 s) = permitOf(ALICE_KEY, 7e6);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        vm.prank(stranger);
        market.depositWithPermit(address(usd), 7e6, block.timestamp, v, r, s);
    }

    function test_an_authorization_pays_in_for_its_signer_whoever_carries_it() external {
        IMarket.Authorization memory paper = authorization(ALICE_KEY, 9e6);
        expectEvent(address(market));
        emit IMarket.Deposited(alice, address(usd), 9e6);
        vm.prank(stranger);
        market.depositWithAuthorization(address(usd), paper);
        same("signer", freeOf(alice, address(usd)), 9e6);
        same("carrier", freeOf(stranger, address(usd)), 0);
        vm.expectRevert();
        market.depositWithAuthorization(address(usd), paper);
    }

    function test_an_authorization_of_nothing_is_refused() external {
        IMarket.Authorization memory paper = authorization(ALICE_KEY, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAmount.selector));
        market.depositWithAuthorization(address(usd), paper);
    }

    function test_an_authorization_that_brings_less_is_refused() external {
        ShortToken short = new ShortToken();
        listAsset(address(short), true, FEE);
        IMarket.Authorization memory paper = authorization(ALICE_KEY, 9e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferMismatch.selector, address(short), 9e6, 0));
        market.depositWithAuthorization(address(short), paper);
    }

    // ----------------------------------------------------------------------------------------------------- withdrawals

    function test_free_money_can_be_withdrawn_to_anywhere() external {
        deposit(alice, address(usd), 5e6);
        expectEvent(address(market));
        emit IMarket.Withdrawn(alice, address(usd), 2e6, bob);
        vm.prank(alice);
        market.withdraw(address(usd), 2e6, bob);
        same("free", freeOf(alice, address(usd)), 3e6);
        same("bob", usd.balanceOf(bob), 1_000_002e6);
        same("held", market.held(address(usd)), 3e6);
    }

    function test_more_than_is_free_cannot_be_withdrawn() external {
        openSession(5e6);
        deposit(alice, address(usd), 1e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 1e6 + 1, 1e6));
        vm.prank(alice);
        market.withdraw(address(usd), 1e6 + 1, alice);
    }

    function test_nothing_cannot_be_withdrawn_and_nobody_cannot_receive() external {
        deposit(alice, address(usd), 5e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAmount.selector));
        vm.prank(alice);
        market.withdraw(address(usd), 0, alice);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAddress.selector));
        vm.prank(alice);
        market.withdraw(address(usd), 1, address(0));
    }

    function test_a_pause_stops_money_coming_in_and_never_money_going_out() external {
        deposit(alice, address(usd), 5e6);
        credit("ref", alice, address(usd), 1e6);
        vm.prank(guardian);
        market.pause();
        uint64 until = market.pausedUntil();
        bytes memory paused = abi.encodeWithSelector(ITimedPause.IsPaused.selector, until);
        vm.expectRevert(paused);
        deposit(alice, address(usd), 1);
        (uint8 v, bytes32 r, bytes32 s) = permitOf(ALICE_KEY, 7e6);
        vm.expectRevert(paused);
        vm.prank(alice);
        market.depositWithPermit(address(usd), 7e6, block.timestamp, v, r, s);
        IMarket.Authorization memory paper = authorization(ALICE_KEY, 9e6);
        vm.expectRevert(paused);
        market.depositWithAuthorization(address(usd), paper);
        vm.expectRevert(paused);
        credit("other ref", alice, address(usd), 1e6);
        vm.prank(alice);
        market.withdraw(address(usd), 5e6, alice);
        vm.prank(fiat);
        market.reverseFiat(FiatRef.wrap("ref"), 1e6);
    }

    function test_nobody_gets_in_while_a_token_moves() external {
        HookToken hook = new HookToken();
        listAsset(address(hook), true, FEE);
        hook.mint(address(hook), 10e18);
        hook.mint(alice, 10e18);
        vm.prank(alice);
        hook.approve(address(market), type(uint256).max);
        bytes memory locked = abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        bytes[] memory calls = new bytes[](7);
        IMarket.Authorization memory paper = authorization(ALICE_KEY, 9e6);
        calls[0] = abi.encodeCall(IMarket.deposit, (address(hook), 1e12));
        calls[1] = abi.encodeCall(IMarket.withdraw, (address(hook), 1, alice));
        calls[2] = abi.encodeCall(IMarket.sweep, (address(hook)));
        calls[3] = abi.encodeCall(IMarket.depositWithPermit, (address(hook), 1e12, 0, 0, 0, 0));
        calls[4] = abi.encodeCall(IMarket.depositWithAuthorization, (address(usd), paper));
        calls[5] = abi.encodeCall(IMarket.creditFiat, (CARD, alice, address(hook), 1e12));
        calls[6] = abi.encodeCall(IMarket.reverseFiat, (CARD, 1e12));
        // The two for FIAT are only reached by who holds the role.
        vm.startPrank(timelock);
        manager.grantRole(7, address(hook), 0);
        vm.stopPrank();
        for (uint256 i = 0; i < calls.length; ++i) {
            hook.arm(address(market), calls[i]);
            deposit(alice, address(hook), 1e12);
            holds("call went through", hook.hookFailed());
            same("reason", keccak256(hook.hookReason()), keccak256(locked));
        }
    }

    // ------------------------------------------------------------------------------------------------------------ fiat

    function test_a_payment_outside_becomes_credit_with_the_operators_own_money() external {
        uint256 before = usd.balanceOf(fiat);
        expectEvent(address(market));
        emit IMarket.FiatCredited(CARD, alice, address(usd), 50e6);
        vm.prank(fiat);
        market.creditFiat(CARD, alice, address(usd), 50e6);
        same("credit", creditOf(alice, address(usd)), 50e6);
        same("free", freeOf(alice, address(usd)), 0);
        same("paid by", usd.balanceOf(fiat), before - 50e6);
        same("held", market.held(address(usd)), 50e6);
        (address customer, address asset, uint128 amount) = market.fiatOf(CARD);
        same("customer", customer, alice);
        same("asset", asset, address(usd));
        same("amount", amount, 50e6);
    }

    function test_credit_cannot_be_withdrawn() external {
        credit("card", alice, address(usd), 50e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 1, 0));
        vm.prank(alice);
        market.withdraw(address(usd), 1, alice);
    }

    function test_a_payment_is_credited_once_even_after_it_was_reversed() external {
        vm.startPrank(fiat);
        market.creditFiat(CARD, alice, address(usd), 50e6);
        market.reverseFiat(CARD, 50e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.RefUsed.selector, CARD));
        market.creditFiat(CARD, bob, address(usd), 50e6);
        vm.stopPrank();
    }

    function test_a_credit_has_a_customer_an_amount_and_whole_millionths() external {
        vm.startPrank(fiat);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAddress.selector));
        market.creditFiat(CARD, address(0), address(usd), 50e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAmount.selector));
        market.creditFiat(CARD, alice, address(usd), 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1e18 + 1, 1e12));
        market.creditFiat(CARD, alice, address(plain), 1e18 + 1);
        market.creditFiat(CARD, alice, address(plain), 1e18);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1, 1e12));
        market.reverseFiat(CARD, 1);
        vm.stopPrank();
    }

    function test_a_closed_asset_takes_no_credit() external {
        listAsset(address(usd), false, FEE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.AssetClosed.selector, address(usd)));
        credit("card", alice, address(usd), 50e6);
    }

    function test_credit_needs_the_money_to_arrive() external {
        TollToken toll = new TollToken();
        listAsset(address(toll), true, FEE);
        toll.mint(fiat, 1_000e18);
        vm.prank(fiat);
        toll.approve(address(market), type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferMismatch.selector, address(toll), 100e18, 99e18));
        credit("card", alice, address(toll), 100e18);
    }

    function test_a_chargeback_takes_unspent_credit_to_the_treasury() external {
        uint256 before = usd.balanceOf(treasury);
        vm.startPrank(fiat);
        market.creditFiat(CARD, alice, address(usd), 50e6);
        expectEvent(address(market));
        emit IMarket.FiatReversed(CARD, alice, address(usd), 20e6);
        market.reverseFiat(CARD, 20e6);
        vm.stopPrank();
        same("credit", creditOf(alice, address(usd)), 30e6);
        same("treasury", usd.balanceOf(treasury), before + 20e6);
        same("held", market.held(address(usd)), 30e6);
        (,, uint128 left) = market.fiatOf(CARD);
        same("left of the payment", left, 30e6);
    }

    function test_a_chargeback_reaches_no_more_than_its_payment() external {
        vm.startPrank(fiat);
        market.creditFiat(CARD, alice, address(usd), 50e6);
        market.creditFiat(FiatRef.wrap("another"), alice, address(usd), 50e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 60e6, 50e6));
        market.reverseFiat(CARD, 60e6);
        market.reverseFiat(CARD, 50e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 1, 0));
        market.reverseFiat(CARD, 1);
        vm.stopPrank();
    }

    function test_a_chargeback_reaches_neither_spent_credit_nor_free_money() external {
        deposit(alice, address(usd), 100e6);
        vm.prank(fiat);
        market.creditFiat(CARD, alice, address(usd), 50e6);
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), SessionId.wrap("s"), 40e6, soon());
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 11e6, 10e6));
        vm.prank(fiat);
        market.reverseFiat(CARD, 11e6);
    }

    function test_a_payment_never_credited_cannot_be_reversed() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.RefUnknown.selector, CARD));
        vm.prank(fiat);
        market.reverseFiat(CARD, 1);
    }

    function test_only_fiat_credits_and_reverses() external {
        expectNoRole(matcher);
        market.creditFiat(CARD, alice, address(usd), 1e6);
        expectNoRole(matcher);
        market.reverseFiat(CARD, 1e6);
    }

    // ---------------------------------------------------------------------------------------------------------- assets

    function test_an_asset_is_listed_with_what_the_token_says() external {
        OddToken odd = new OddToken(9);
        bytes memory call = abi.encodeCall(IMarket.setAsset, (address(odd), true, 123));
        vm.prank(paramsKey);
        manager.schedule(address(market), call, 0);
        vm.warp(block.timestamp + 48 hours);
        expectEvent(address(market));
        emit IMarket.AssetSet(address(odd), true, 123);
        vm.prank(paramsKey);
        market.setAsset(address(odd), true, 123);
        IMarket.Asset memory terms = market.assetOf(address(odd));
        holds("open", terms.open);
        same("fee", terms.feeBps, 123);
        same("unit", terms.unit, 1_000);
        same("count", market.assets().length, 4);
        same("last", market.assets()[3], address(odd));
    }

    function test_new_terms_keep_the_assets_number() external {
        openSession(5e6);
        listAsset(address(usd), true, 55);
        same("count", market.assets().length, 3);
        same("fee", market.assetOf(address(usd)).feeBps, 55);
        same("unit", market.assetOf(address(usd)).unit, 1);
    }

    function test_terms_come_with_notice() external {
        vm.expectPartialRevert(bytes4(keccak256("AccessManagerNotScheduled(bytes32)")));
        vm.prank(paramsKey);
        market.setAsset(address(usd), true, 0);
        expectNoRole(stranger);
        market.setAsset(address(usd), true, 0);
    }

    function test_decimals_that_cannot_hold_millionths_are_refused() external {
        Market open = openMarket();
        address coarse = address(new OddToken(5));
        address fine = address(new OddToken(19));
        vm.expectRevert(abi.encodeWithSelector(IMarket.DecimalsUnsupported.selector, coarse, 5));
        open.setAsset(coarse, true, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.DecimalsUnsupported.selector, fine, 19));
        open.setAsset(fine, true, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAddress.selector));
        open.setAsset(address(0), true, 0);
    }

    function test_a_fee_above_fifteen_percent_is_refused() external {
        Market open = openMarket();
        open.setAsset(address(usd), true, 1_500);
        vm.expectRevert(abi.encodeWithSelector(IMarket.FeeTooHigh.selector, 1_501, 1_500));
        open.setAsset(address(usd), true, 1_501);
    }

    function test_there_are_numbers_for_255_assets() external {
        Market open = openMarket();
        for (uint256 i = 0; i < 255; ++i) {
            open.setAsset(address(new OddToken(6)), true, 0);
        }
        address last = address(new OddToken(6));
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooManyAssets.selector, 255));
        open.setAsset(last, true, 0);
    }

    function test_a_market_needs_destinations_and_a_window_people_can_use() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAddress.selector));
        this.make(address(0), treasury, DISPUTE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAddress.selector));
        this.make(address(distributor), address(0), DISPUTE);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WindowOutOfRange.selector, 0, 1, 7 days));
        this.make(address(distributor), treasury, 0);
        vm.expectRevert(abi.encodeWithSelector(IMarket.WindowOutOfRange.selector, 7 days + 1, 1, 7 days));
        this.make(address(distributor), treasury, 7 days + 1);
    }

    /// A call, so that a refusal can be awaited.
    function make(address distributor_, address treasury_, uint64 window) external returns (Market) {
        return new Market(address(manager), distributor_, treasury_, address(0), window);
    }

    // ----------------------------------------------------------------------------------------------------------- sweep

    function test_what_is_final_is_carried_to_its_two_places() external {
        settle(openSession(10e6), 3_000_001);
        (uint256 toSuppliers, uint256 fee) = market.dueOf(address(usd));
        same("suppliers", toSuppliers, 2_700_001);
        same("fee", fee, 300_000);
        expectEvent(address(market));
        emit IMarket.Swept(address(usd), 2_700_001, 300_000, 0);
        vm.prank(stranger);
        market.sweep(address(usd));
        same("distributor", usd.balanceOf(address(distributor)), 2_700_001);
        same("treasury", usd.balanceOf(treasury), 300_000);
        same("held", market.held(address(usd)), 10e6 - 3_000_001);
        market.sweep(address(usd));
        same("swept twice", usd.balanceOf(address(distributor)), 2_700_001);
    }

    function test_half_of_a_fee_in_hfr_is_burnt() external {
        uint256 supply = hfr.totalSupply();
        uint256 before = hfr.balanceOf(treasury);
        deposit(alice, address(hfr), 100e18);
        SessionId session = reserve(orderOf(alice, address(hfr), 100e18), 100e18);
        settle(session, 50e18);
        expectEvent(address(market));
        emit IMarket.Swept(address(hfr), 47e18, 1.5e18, 1.5e18);
        market.sweep(address(hfr));
        same("distributor", hfr.balanceOf(address(distributor)), 47e18);
        same("treasury", hfr.balanceOf(treasury), before + 1.5e18);
        same("burnt", hfr.totalSupply(), supply - 1.5e18);
        same("minted", hfr.totalMinted(), 550_000_000e18);
    }

    function test_an_unlisted_token_cannot_be_swept() external {
        vm.expectRevert(abi.encodeWithSelector(IMarket.AssetUnknown.selector, stranger));
        market.sweep(stranger);
    }

    function test_a_blocked_treasury_does_not_keep_suppliers_from_their_money() external {
        BlockingToken blocking = new BlockingToken();
        listAsset(address(blocking), true, FEE);
        blocking.mint(alice, 10e18);
        vm.prank(alice);
        blocking.approve(address(market), 10e18);
        deposit(alice, address(blocking), 10e18);
        settle(reserve(orderOf(alice, address(blocking), 10e18), 10e18), 10e18);
        blocking.setBlocked(treasury, true);
        expectEvent(address(market));
        emit IMarket.Swept(address(blocking), 9e18, 0, 0);
        market.sweep(address(blocking));
        same("distributor", blocking.balanceOf(address(distributor)), 9e18);
        same("held", market.held(address(blocking)), 1e18);
        (uint256 toSuppliers, uint256 fee) = market.dueOf(address(blocking));
        same("suppliers", toSuppliers, 0);
        same("fee", fee, 1e18);
        blocking.setBlocked(treasury, false);
        market.sweep(address(blocking));
        same("treasury", blocking.balanceOf(treasury), 1e18);
        same("held in the end", market.held(address(blocking)), 0);
    }

    // ------------------------------------------------------------------------------------------------------------ fuzz

    function testFuzz_what_went_in_comes_out(uint128 paidIn, uint128 takenOut) external {
        vm.assume(paidIn != 0 && takenOut != 0);
        plain.mint(bob, paidIn);
        deposit(bob, address(plain), paidIn);
        if (takenOut > paidIn) vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, takenOut, paidIn));
        vm.prank(bob);
        market.withdraw(address(plain), takenOut, stranger);
        uint256 left = takenOut > paidIn ? paidIn : paidIn - takenOut;
        same("free", freeOf(bob, address(plain)), left);
        same("held", market.held(address(plain)), left);
        same("tokens", plain.balanceOf(address(market)), left);
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    /// A market in which this test may list assets at once.
    function openMarket() private returns (Market open) {
        open = new Market(address(manager), address(distributor), treasury, address(0), DISPUTE);
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = IMarket.setAsset.selector;
        uint64 everybody = manager.PUBLIC_ROLE();
        vm.prank(timelock);
        manager.setTargetFunctionRole(address(open), selectors, everybody);
    }

    function permitOf(uint256 key, uint256 value) private view returns (uint8 v, bytes32 r, bytes32 s) {
        address owner = vm.addr(key);
        bytes32 what = keccak256(abi.encode(PERMIT_TYPEHASH, owner, market, value, usd.nonces(owner), block.timestamp));
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", usd.DOMAIN_SEPARATOR(), what)));
    }

    function authorization(uint256 key, uint128 amount) private view returns (IMarket.Authorization memory paper) {
        paper.from = vm.addr(key);
        paper.amount = amount;
        paper.validBefore = block.timestamp + 1 hours;
        paper.nonce = "nonce";
        bytes32 what =
            keccak256(abi.encode(RECEIVE_TYPEHASH, paper.from, market, amount, paper.validAfter, paper.validBefore, paper.nonce));
        (paper.v, paper.r, paper.s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", usd.DOMAIN_SEPARATOR(), what)));
    }
}

/// @notice Says yes to an authorization and moves nothing.
contract ShortToken is OddToken {
    constructor() OddToken(6) {}

    function receiveWithAuthorization(address, address, uint256, uint256, uint256, bytes32, uint8, bytes32, bytes32) external {}
}
