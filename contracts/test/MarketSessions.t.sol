// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../script/Vm.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {ITimedPause} from "../src/interfaces/ITimedPause.sol";
import {OrderId, SessionId} from "../src/types/Ids.sol";
import {Micros} from "../src/types/Micros.sol";
import {Base} from "./Base.sol";
import {Wallet} from "./tokens/Tokens.sol";

/// @title Sessions: reserved, proposed, disputed, settled, over
contract MarketSessions is Base {
    SessionId private constant SESSION = SessionId.wrap("session");

    // --------------------------------------------------------------------------------------------------------- reserve

    function test_an_order_turns_free_money_into_a_session() external {
        deposit(alice, address(usd), 100e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 60e6);
        bytes memory signature = signed(ALICE_KEY, order);
        uint64 settleBy = soon();
        expectEvent(address(market));
        emit IMarket.SessionReserved(SESSION, alice, order.orderId, address(usd), 40e6, FEE, settleBy);
        vm.prank(matcher);
        market.reserve(order, signature, SESSION, 40e6, settleBy);
        same("free", freeOf(alice, address(usd)), 60e6);
        same("held", market.held(address(usd)), 100e6);
        IMarket.Session memory session = market.sessionOf(SESSION);
        same("customer", session.customer, alice);
        same("asset", session.asset, address(usd));
        same("order", OrderId.unwrap(session.orderId), OrderId.unwrap(order.orderId));
        same("state", uint256(session.state), uint256(IMarket.SessionState.Open));
        holds("not from credit", !session.fromCredit);
        same("fee", session.feeBps, FEE);
        same("reserved", session.reserved, 40e6);
        same("settled", session.settled, 0);
        same("proposed", session.proposed, 0);
        same("settle by", session.settleBy, settleBy);
        (Micros outstanding,) = market.orderOf(alice, order.orderId);
        same("outstanding", Micros.unwrap(outstanding), 40e6);
    }

    function test_only_the_matcher_reserves() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        expectNoRole(alice);
        market.reserve(order, signature, SESSION, 10e6, soon());
        expectNoRole(settler);
        market.reserveCredit(alice, address(usd), SESSION, 10e6, soon());
    }

    function test_only_the_customer_signs_for_their_money() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        expectRefusal(abi.encodeWithSelector(IMarket.BadSignature.selector, alice), order, signed(BOB_KEY, order), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        order.maxSpend = 11e6;
        expectRefusal(abi.encodeWithSelector(IMarket.BadSignature.selector, alice), order, signature, 10e6);
        order.maxSpend = 10e6;
        expectRefusal(abi.encodeWithSelector(IMarket.BadSignature.selector, alice), order, "", 10e6);
    }

    function test_a_contract_signs_as_it_likes() external {
        Wallet wallet = new Wallet(alice);
        usd.mint(address(wallet), 10e6);
        wallet.run(address(usd), abi.encodeCall(usd.approve, (address(market), 10e6)));
        wallet.run(address(market), abi.encodeCall(market.deposit, (address(usd), 10e6)));
        IMarket.Order memory order = orderOf(address(wallet), address(usd), 10e6);
        bytes memory wrong = signed(BOB_KEY, order);
        bytes memory right = signed(ALICE_KEY, order);
        expectRefusal(abi.encodeWithSelector(IMarket.BadSignature.selector, wallet), order, wrong, 1e6);
        vm.prank(matcher);
        market.reserve(order, right, SESSION, 1e6, soon());
        wallet.close();
        expectRefusal(abi.encodeWithSelector(IMarket.BadSignature.selector, wallet), order, right, 1e6);
    }

    function test_an_order_expires() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        vm.warp(order.expiry);
        vm.prank(matcher);
        market.reserve(order, signature, SESSION, 1e6, soon());
        vm.warp(order.expiry + 1);
        bytes memory expired = abi.encodeWithSelector(IMarket.OrderExpired.selector, order.orderId, order.expiry);
        expectRefusal(expired, order, signature, 1e6);
    }

    function test_an_order_can_be_taken_back() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        vm.prank(bob);
        market.revokeOrder(order.orderId);
        SessionId session = reserve(order, 1e6);
        expectEvent(address(market));
        emit IMarket.OrderRevoked(alice, order.orderId);
        vm.prank(alice);
        market.revokeOrder(order.orderId);
        (, bool revoked) = market.orderOf(alice, order.orderId);
        holds("revoked", revoked);
        bytes memory reason = abi.encodeWithSelector(IMarket.OrderIsRevoked.selector, order.orderId);
        expectRefusal(reason, order, signed(ALICE_KEY, order), 1e6);
        settle(session, 1e6);
    }

    function test_an_orders_limit_counts_all_its_sessions() external {
        deposit(alice, address(usd), 100e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        SessionId first = reserve(order, 6e6);
        reserve(order, 4e6);
        bytes memory signature = signed(ALICE_KEY, order);
        expectRefusal(abi.encodeWithSelector(IMarket.OrderSpent.selector, order.orderId, 1, 0), order, signature, 1);
        vm.prank(settler);
        market.giveBack(first, 2e6);
        expectRefusal(abi.encodeWithSelector(IMarket.OrderSpent.selector, order.orderId, 2e6 + 1, 2e6), order, signature, 2e6 + 1);
        reserve(order, 2e6);
        // A smaller paper under the same id does not get a limit of its own.
        order.maxSpend = 5e6;
        expectRefusal(
            abi.encodeWithSelector(IMarket.OrderSpent.selector, order.orderId, 1, 0), order, signed(ALICE_KEY, order), 1
        );
    }

    function test_what_was_spent_stays_on_the_order_for_ever() external {
        deposit(alice, address(usd), 100e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        SessionId session = reserve(order, 10e6);
        settle(session, 7e6);
        vm.warp(market.sessionOf(session).settleBy + 1);
        market.release(session);
        bytes memory spent = abi.encodeWithSelector(IMarket.OrderSpent.selector, order.orderId, 3e6 + 1, 3e6);
        expectRefusal(spent, order, signed(ALICE_KEY, order), 3e6 + 1);
        reserve(order, 3e6);
    }

    function test_no_more_is_reserved_than_is_free() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 100e6);
        bytes memory signature = signed(ALICE_KEY, order);
        expectRefusal(abi.encodeWithSelector(IMarket.Insufficient.selector, 10e6 + 1, 10e6), order, signature, 10e6 + 1);
    }

    function test_a_fee_above_what_was_signed_is_refused() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        order.maxFeeBps = FEE - 1;
        bytes memory reason = abi.encodeWithSelector(IMarket.FeeTooHigh.selector, FEE, FEE - 1);
        expectRefusal(reason, order, signed(ALICE_KEY, order), 1e6);
        order.maxFeeBps = FEE;
        reserve(order, 1e6);
    }

    function test_a_session_ends_in_the_future_and_soon() external {
        deposit(alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        bytes memory signature = signed(ALICE_KEY, order);
        uint64 present = uint64(block.timestamp);
        uint64[2] memory wrong = [present, present + 8 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.SettleByOutOfRange.selector, wrong[i], present + 8 days));
            vm.prank(matcher);
            market.reserve(order, signature, SESSION, 1e6, wrong[i]);
        }
        vm.startPrank(matcher);
        market.reserve(order, signature, SESSION, 1e6, present + 1);
        market.reserve(order, signature, SessionId.wrap("other"), 1e6, present + 8 days);
        vm.stopPrank();
    }

    function test_a_sessions_name_is_used_once() external {
        SessionId session = openSession(10e6);
        deposit(alice, address(usd), 10e6);
        credit("ref", alice, address(usd), 10e6);
        IMarket.Order memory order = orderOf(alice, address(usd), 100e6);
        bytes memory signature = signed(ALICE_KEY, order);
        bytes memory open = abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Open);
        vm.expectRevert(open);
        vm.prank(matcher);
        market.reserve(order, signature, session, 1e6, soon());
        vm.expectRevert(open);
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), session, 1e6, soon());
        vm.warp(block.timestamp + 9 days);
        market.release(session);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Closed));
        vm.prank(matcher);
        market.reserve(order, signature, session, 1e6, soon());
    }

    function test_sessions_count_in_whole_millionths() external {
        deposit(alice, address(plain), 10e18);
        IMarket.Order memory order = orderOf(alice, address(plain), 10e18);
        bytes memory signature = signed(ALICE_KEY, order);
        bytes memory odd = abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1e18 + 1, 1e12);
        expectRefusal(odd, order, signature, 1e18 + 1);
        expectRefusal(abi.encodeWithSelector(IMarket.ZeroAmount.selector), order, signature, 0);
        SessionId session = reserve(order, 1e18);
        vm.startPrank(settler);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1, 1e12));
        market.giveBack(session, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1, 1e12));
        market.propose(IMarket.Settlement(session, 1, 0));
        market.propose(IMarket.Settlement(session, 1e12, 0));
        vm.stopPrank();
        vm.prank(alice);
        market.dispute(session, "");
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotWholeMicros.selector, 1, 1e12));
        vm.prank(arbiter);
        market.resolve(session, 1);
    }

    function test_an_amount_that_fits_no_session_is_refused() external {
        uint128 huge = uint128(type(uint64).max) + 1;
        usd.mint(alice, huge);
        deposit(alice, address(usd), huge);
        IMarket.Order memory order = orderOf(alice, address(usd), type(uint128).max);
        bytes memory signature = signed(ALICE_KEY, order);
        bytes4 selector = bytes4(keccak256("SafeCastOverflowedUintDowncast(uint8,uint256)"));
        expectRefusal(abi.encodeWithSelector(selector, 64, huge), order, signature, huge);
    }

    function test_an_unlisted_or_closed_asset_opens_no_session() external {
        deposit(alice, address(usd), 10e6);
        listAsset(address(usd), false, FEE);
        IMarket.Order memory order = orderOf(alice, address(usd), 10e6);
        expectRefusal(abi.encodeWithSelector(IMarket.AssetClosed.selector, address(usd)), order, signed(ALICE_KEY, order), 1e6);
        order.asset = stranger;
        expectRefusal(abi.encodeWithSelector(IMarket.AssetUnknown.selector, stranger), order, signed(ALICE_KEY, order), 1e6);
    }

    // ---------------------------------------------------------------------------------------------------------- credit

    function test_credit_is_reserved_without_a_signature_and_stays_credit() external {
        credit("ref", alice, address(usd), 100e6);
        uint64 settleBy = soon();
        expectEvent(address(market));
        emit IMarket.SessionReserved(SESSION, alice, OrderId.wrap(0), address(usd), 60e6, FEE, settleBy);
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), SESSION, 60e6, settleBy);
        same("credit", creditOf(alice, address(usd)), 40e6);
        holds("from credit", market.sessionOf(SESSION).fromCredit);
        vm.prank(settler);
        market.giveBack(SESSION, 10e6);
        same("given back", creditOf(alice, address(usd)), 50e6);
        settle(SESSION, 20e6);
        vm.warp(settleBy + 1);
        market.release(SESSION);
        same("released", creditOf(alice, address(usd)), 80e6);
        same("free", freeOf(alice, address(usd)), 0);
        (Micros outstanding,) = market.orderOf(alice, OrderId.wrap(0));
        same("no order is touched", Micros.unwrap(outstanding), 0);
    }

    function test_no_more_credit_is_reserved_than_there_is() external {
        credit("ref", alice, address(usd), 10e6);
        deposit(alice, address(usd), 10e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 10e6 + 1, 10e6));
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), SESSION, 10e6 + 1, soon());
    }

    // -------------------------------------------------------------------------------------------------------- give back

    function test_what_is_not_needed_goes_back_at_once() external {
        SessionId session = openSession(10e6);
        expectEvent(address(market));
        emit IMarket.GivenBack(session, 4e6);
        vm.prank(settler);
        market.giveBack(session, 4e6);
        same("free", freeOf(alice, address(usd)), 4e6);
        same("reserved", market.sessionOf(session).reserved, 6e6);
        vm.prank(alice);
        market.withdraw(address(usd), 4e6, alice);
    }

    function test_nothing_settled_or_proposed_is_given_back() external {
        SessionId session = openSession(10e6);
        settle(session, 3e6);
        propose(session, 8e6);
        vm.startPrank(settler);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 2e6 + 1, 2e6));
        market.giveBack(session, 2e6 + 1);
        market.giveBack(session, 2e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.Insufficient.selector, 1, 0));
        market.giveBack(session, 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.ZeroAmount.selector));
        market.giveBack(session, 0);
        vm.stopPrank();
    }

    function test_only_the_settler_gives_back_and_proposes() external {
        SessionId session = openSession(10e6);
        IMarket.Settlement[] memory batch = new IMarket.Settlement[](1);
        batch[0] = IMarket.Settlement(session, 1e6, 0);
        expectNoRole(matcher);
        market.giveBack(session, 1);
        expectNoRole(matcher);
        market.propose(batch[0]);
        expectNoRole(matcher);
        market.proposeBatch(batch);
    }

    function test_a_session_that_is_none_or_over_gives_nothing_back() external {
        bytes memory none = abi.encodeWithSelector(IMarket.SessionInState.selector, SESSION, IMarket.SessionState.None);
        vm.expectRevert(none);
        vm.prank(settler);
        market.giveBack(SESSION, 1);
        SessionId session = openSession(10e6);
        vm.warp(block.timestamp + 9 days);
        market.release(session);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Closed));
        vm.prank(settler);
        market.giveBack(session, 1);
    }

    // --------------------------------------------------------------------------------------------------------- propose

    function test_a_proposal_becomes_final_after_its_window() external {
        SessionId session = openSession(10e6);
        uint64 deadline = uint64(block.timestamp) + DISPUTE;
        expectEvent(address(market));
        emit IMarket.Proposed(session, 4_000_009, "receipts", deadline);
        propose(session, 4_000_009);
        same("deadline", market.sessionOf(session).deadline, deadline);
        same("settled before", market.sessionOf(session).settled, 0);
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooEarly.selector, session, deadline));
        finalize(session);
        vm.warp(deadline);
        expectEvent(address(market));
        // The fee is rounded down; the remainder is the supplier's.
        emit IMarket.Settled(session, 4_000_009, 3_600_009, 400_000);
        finalize(session);
        same("settled", market.sessionOf(session).settled, 4_000_009);
        same("state", uint256(stateOf(session)), uint256(IMarket.SessionState.Open));
        (uint256 toSuppliers, uint256 fee) = market.dueOf(address(usd));
        same("suppliers", toSuppliers, 3_600_009);
        same("fee", fee, 400_000);
    }

    function test_a_session_is_settled_in_steps() external {
        SessionId session = openSession(10e6);
        settle(session, 1);
        settle(session, 15);
        propose(session, 10e6);
        vm.warp(block.timestamp + DISPUTE);
        expectEvent(address(market));
        emit IMarket.Settled(session, 10e6, 8_999_986, 999_999);
        finalize(session);
        (uint256 toSuppliers, uint256 fee) = market.dueOf(address(usd));
        same("suppliers", toSuppliers, 9e6);
        same("fee", fee, 1e6);
    }

    function test_used_lies_above_what_is_settled_and_within_what_is_reserved() external {
        SessionId session = openSession(10e6);
        settle(session, 3e6);
        uint128[2] memory wrong = [uint128(3e6), 10e6 + 1];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.UsedOutOfRange.selector, session, wrong[i], 3e6, 10e6));
            propose(session, wrong[i]);
        }
        propose(session, 10e6);
    }

    function test_one_proposal_at_a_time() external {
        SessionId session = openSession(10e6);
        propose(session, 1e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Proposed));
        propose(session, 2e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, SESSION, IMarket.SessionState.None));
        propose(SESSION, 2e6);
    }

    function test_a_late_operator_proposes_nothing() external {
        SessionId session = openSession(10e6);
        uint64 settleBy = market.sessionOf(session).settleBy;
        vm.warp(settleBy + 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooLate.selector, session, settleBy));
        propose(session, 1e6);
        vm.warp(settleBy);
        propose(session, 1e6);
    }

    function test_a_batch_is_proposed_and_finalized_whole() external {
        IMarket.Settlement[] memory batch = new IMarket.Settlement[](3);
        SessionId[] memory sessions = new SessionId[](3);
        for (uint256 i = 0; i < 3; ++i) {
            sessions[i] = openSession(10e6);
            batch[i] = IMarket.Settlement(sessions[i], uint128(1e6 * (i + 1)), 0);
        }
        batch[2].used = 10e6 + 1;
        vm.expectRevert(abi.encodeWithSelector(IMarket.UsedOutOfRange.selector, sessions[2], 10e6 + 1, 0, 10e6));
        vm.prank(settler);
        market.proposeBatch(batch);
        batch[2].used = 3e6;
        vm.prank(settler);
        market.proposeBatch(batch);
        vm.warp(block.timestamp + DISPUTE);
        // Somebody finalizes one of them first: no harm to the rest.
        finalize(sessions[1]);
        market.finalize(sessions);
        (uint256 toSuppliers,) = market.dueOf(address(usd));
        same("suppliers", toSuppliers, 5.4e6);
    }

    function test_the_fee_is_the_one_of_the_day_the_session_was_opened() external {
        SessionId session = openSession(10e6);
        listAsset(address(usd), true, 1_500);
        settle(session, 10e6);
        (, uint256 fee) = market.dueOf(address(usd));
        same("fee", fee, 1e6);
    }

    function test_a_pause_holds_sessions_and_settlements_back() external {
        SessionId session = openSession(10e6);
        propose(session, 1e6);
        deposit(alice, address(usd), 1e6);
        credit("ref", alice, address(usd), 1e6);
        IMarket.Order memory order = orderOf(alice, address(usd), type(uint128).max);
        bytes memory signature = signed(ALICE_KEY, order);
        vm.warp(block.timestamp + DISPUTE);
        vm.prank(guardian);
        market.pause();
        bytes memory paused = abi.encodeWithSelector(ITimedPause.IsPaused.selector, market.pausedUntil());
        expectRefusal(paused, order, signature, 1e6);
        vm.expectRevert(paused);
        vm.prank(matcher);
        market.reserveCredit(alice, address(usd), SESSION, 1e6, soon());
        vm.expectRevert(paused);
        finalize(session);
        vm.warp(market.pausedUntil());
        finalize(session);
    }

    // --------------------------------------------------------------------------------------------------------- dispute

    function test_the_customer_disputes_within_the_window() external {
        SessionId session = openSession(10e6);
        propose(session, 5e6);
        uint64 deadline = market.sessionOf(session).deadline;
        vm.warp(deadline - 1);
        uint64 silentFrom = uint64(block.timestamp) + 14 days;
        expectEvent(address(market));
        emit IMarket.Disputed(session, "the output is noise", silentFrom);
        vm.prank(alice);
        market.dispute(session, "the output is noise");
        same("state", uint256(stateOf(session)), uint256(IMarket.SessionState.Disputed));
        vm.warp(block.timestamp + 20 days);
        finalize(session);
        same("not final", market.sessionOf(session).settled, 0);
    }

    function test_only_the_customer_disputes_and_only_what_is_proposed() external {
        SessionId session = openSession(10e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Open));
        vm.prank(alice);
        market.dispute(session, "");
        propose(session, 5e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.NotCustomer.selector, session, bob));
        vm.prank(bob);
        market.dispute(session, "");
    }

    function test_a_dispute_after_the_window_is_too_late() external {
        SessionId session = openSession(10e6);
        propose(session, 5e6);
        uint64 deadline = market.sessionOf(session).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooLate.selector, session, deadline));
        vm.prank(alice);
        market.dispute(session, "");
    }

    function test_a_pause_gives_customers_time_to_dispute() external {
        SessionId session = openSession(10e6);
        propose(session, 5e6);
        vm.prank(guardian);
        market.pause();
        vm.warp(market.pausedUntil() - 1);
        vm.prank(alice);
        market.dispute(session, "forged");
        same("state", uint256(stateOf(session)), uint256(IMarket.SessionState.Disputed));
    }

    function test_the_arbiter_settles_what_was_right_and_returns_the_rest() external {
        SessionId session = disputed(10e6, 3e6, 8e6);
        expectEvent(address(market));
        emit IMarket.Settled(session, 5e6, 1.8e6, 0.2e6);
        expectEvent(address(market));
        emit IMarket.Resolved(session, 5e6, 3e6);
        vm.prank(arbiter);
        market.resolve(session, 5e6);
        IMarket.Session memory after_ = market.sessionOf(session);
        same("state", uint256(after_.state), uint256(IMarket.SessionState.Open));
        same("settled", after_.settled, 5e6);
        same("proposed", after_.proposed, 5e6);
        same("reserved", after_.reserved, 7e6);
        same("returned", freeOf(alice, address(usd)), 3e6);
        propose(session, 7e6);
    }

    function test_the_arbiter_never_raises_and_never_takes_back() external {
        SessionId session = disputed(10e6, 3e6, 8e6);
        uint128[2] memory wrong = [uint128(3e6 - 1), 8e6 + 1];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IMarket.UsedOutOfRange.selector, session, wrong[i], 3e6, 8e6));
            vm.prank(arbiter);
            market.resolve(session, wrong[i]);
        }
        vm.prank(arbiter);
        market.resolve(session, 8e6);
        same("returned", freeOf(alice, address(usd)), 0);
    }

    function test_the_arbiter_may_find_that_nothing_is_owed() external {
        SessionId session = openSession(10e6);
        propose(session, 8e6);
        vm.prank(alice);
        market.dispute(session, "");
        vm.prank(arbiter);
        market.resolve(session, 0);
        same("returned", freeOf(alice, address(usd)), 8e6);
        same("reserved", market.sessionOf(session).reserved, 2e6);
    }

    function test_only_the_arbiter_resolves_and_only_disputes_in_time() external {
        SessionId session = openSession(10e6);
        propose(session, 8e6);
        bytes memory notDisputed = abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Proposed);
        vm.expectRevert(notDisputed);
        vm.prank(arbiter);
        market.resolve(session, 1e6);
        vm.prank(alice);
        market.dispute(session, "");
        expectNoRole(settler);
        market.resolve(session, 1e6);
        uint64 deadline = market.sessionOf(session).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooLate.selector, session, deadline));
        vm.prank(arbiter);
        market.resolve(session, 1e6);
        vm.warp(deadline - 1);
        vm.prank(arbiter);
        market.resolve(session, 1e6);
    }

    function test_a_silent_arbiter_means_the_customer_is_right() external {
        SessionId session = disputed(10e6, 3e6, 8e6);
        uint64 deadline = market.sessionOf(session).deadline;
        vm.warp(deadline - 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooEarly.selector, session, deadline));
        market.release(session);
        vm.warp(deadline);
        expectEvent(address(market));
        emit IMarket.Released(session, 7e6);
        vm.prank(stranger);
        market.release(session);
        same("returned", freeOf(alice, address(usd)), 7e6);
        same("state", uint256(stateOf(session)), uint256(IMarket.SessionState.Closed));
    }

    // --------------------------------------------------------------------------------------------------------- release

    function test_what_a_silent_operator_left_goes_back() external {
        SessionId session = openSession(10e6);
        settle(session, 3e6);
        uint64 settleBy = market.sessionOf(session).settleBy;
        vm.warp(settleBy);
        vm.expectRevert(abi.encodeWithSelector(IMarket.TooEarly.selector, session, settleBy + 1));
        market.release(session);
        vm.warp(settleBy + 1);
        expectEvent(address(market));
        emit IMarket.Released(session, 7e6);
        vm.prank(stranger);
        market.release(session);
        same("returned", freeOf(alice, address(usd)), 7e6);
        IMarket.Session memory over = market.sessionOf(session);
        same("reserved", over.reserved, 3e6);
        same("settled", over.settled, 3e6);
    }

    function test_nothing_proposed_is_released_under_the_suppliers_hands() external {
        SessionId session = openSession(10e6);
        vm.warp(market.sessionOf(session).settleBy);
        propose(session, 3e6);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Proposed));
        market.release(session);
        vm.warp(block.timestamp + DISPUTE);
        finalize(session);
        market.release(session);
        same("returned", freeOf(alice, address(usd)), 7e6);
    }

    function test_over_is_over() external {
        SessionId session = openSession(10e6);
        vm.warp(block.timestamp + 9 days);
        market.release(session);
        bytes memory closed = abi.encodeWithSelector(IMarket.SessionInState.selector, session, IMarket.SessionState.Closed);
        vm.expectRevert(closed);
        market.release(session);
        vm.expectRevert(closed);
        propose(session, 1);
        vm.expectRevert(closed);
        vm.prank(alice);
        market.dispute(session, "");
        vm.expectRevert(closed);
        vm.prank(arbiter);
        market.resolve(session, 0);
        finalize(session);
        same("free", freeOf(alice, address(usd)), 10e6);
        vm.expectRevert(abi.encodeWithSelector(IMarket.SessionInState.selector, SESSION, IMarket.SessionState.None));
        market.release(SESSION);
    }

    function test_a_session_fully_used_is_released_with_nothing() external {
        SessionId session = openSession(10e6);
        settle(session, 10e6);
        vm.warp(market.sessionOf(session).settleBy + 1);
        expectEvent(address(market));
        emit IMarket.Released(session, 0);
        market.release(session);
    }

    function test_the_limits_are_for_everybody_to_read() external view {
        same("session", market.maxSessionSeconds(), 8 days);
        same("arbiter", market.arbiterSeconds(), 14 days);
        same("fee", market.maxFeeBps(), 1_500);
        same("dispute", market.disputeSeconds(), DISPUTE);
        holds("an abandoned dispute outlasts its session", market.arbiterSeconds() > market.maxSessionSeconds());
        same("distributor", market.distributor(), address(distributor));
        same("treasury", market.treasury(), treasury);
        same("hfr", market.hfr(), address(hfr));
    }

    // ------------------------------------------------------------------------------------------------------------ fuzz

    /// However a session is cut into settlements, fee and share come to the same, and to all of what was used.
    function testFuzz_steps_cost_what_one_settlement_costs(uint64[4] memory uses, uint16 feeBps) external {
        listAsset(address(plain), true, feeBps % 1_501);
        plain.mint(alice, uint256(type(uint64).max) * 1e12);
        deposit(alice, address(plain), uint128(type(uint64).max) * 1e12);
        IMarket.Order memory order = orderOf(alice, address(plain), type(uint128).max);
        SessionId session = reserve(order, uint128(type(uint64).max) * 1e12);
        uint128 used = 0;
        for (uint256 i = 0; i < uses.length; ++i) {
            if (uint128(uses[i]) * 1e12 <= used) continue;
            used = uint128(uses[i]) * 1e12;
            propose(session, used);
            vm.warp(block.timestamp + DISPUTE);
            finalize(session);
        }
        (uint256 toSuppliers, uint256 fee) = market.dueOf(address(plain));
        same("fee", fee, uint256(used / 1e12) * (feeBps % 1_501) / 10_000 * 1e12);
        same("all", toSuppliers + fee, used);
    }

    function testFuzz_an_order_is_never_overdrawn(uint64 maxSpend, uint64[5] memory amounts) external {
        deposit(alice, address(usd), 1_000_000e6);
        IMarket.Order memory order = orderOf(alice, address(usd), maxSpend);
        bytes memory signature = signed(ALICE_KEY, order);
        uint256 spent = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint128 amount = uint128(amounts[i] % 400_000e6 + 1);
            bool fits = spent + amount <= maxSpend && spent + amount <= 1_000_000e6;
            if (!fits) vm.expectRevert();
            vm.prank(matcher);
            market.reserve(order, signature, SessionId.wrap(bytes32(i + 1)), amount, soon());
            if (fits) spent += amount;
        }
        (Micros outstanding,) = market.orderOf(alice, order.orderId);
        same("outstanding", Micros.unwrap(outstanding), spent);
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function expectRefusal(bytes memory reason, IMarket.Order memory order, bytes memory signature, uint128 amount) private {
        vm.expectRevert(reason);
        vm.prank(matcher);
        market.reserve(order, signature, SESSION, amount, soon());
    }

    function disputed(uint128 reserved, uint128 settled, uint128 proposed) private returns (SessionId session) {
        session = openSession(reserved);
        settle(session, settled);
        propose(session, proposed);
        vm.prank(alice);
        market.dispute(session, "no");
    }
}
