// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FiatRef, OrderId, SessionId} from "../types/Ids.sol";
import {Micros} from "../types/Micros.sol";
import {ITimedPause} from "./ITimedPause.sol";

/// @title The Market: where customers' money waits, is set aside for work, and becomes the suppliers'
/// @notice Money of a customer is `free` (theirs to take back at any second), `credit` (paid in outside the chain: to be spent, not
/// withdrawn) or reserved in a session. A session is like a payment channel: the operator proposes how much was used in all, the
/// customer has a window to dispute it, then anybody makes it final and the next proposal may come.
///
///     None -> Open -> Proposed -> Open -> ... -> Closed
///                        \-> Disputed -> Open (resolved) | Closed (arbiter silent)
///
/// @dev Amounts are in token units. Those of sessions and of fiat credit are whole millionths of the asset (see {Micros}).
interface IMarket is ITimedPause {
    /// @notice Where a session stands. Closed is the end.
    enum SessionState {
        None,
        Open,
        Proposed,
        Disputed,
        Closed
    }

    /// @notice What a customer signs once, so that sessions can be opened for them. EIP-712 in the domain "Headframe Market", "1".
    struct Order {
        /// Chosen by the customer. Everything opened under one id counts towards one running total, so an id is used once.
        OrderId orderId;
        address customer;
        address asset;
        /// The most that may be reserved under this order and not given back, over its whole life.
        uint128 maxSpend;
        /// The most of the amount used, in 1/10,000, that may be the platform's fee.
        uint16 maxFeeBps;
        /// Last second in which a session may be opened.
        uint64 expiry;
    }

    /// @notice What the operator says was used.
    struct Settlement {
        SessionId session;
        /// Since the session began, not since the last proposal.
        uint128 used;
        /// Merkle root of the receipts behind the number. The chain does not read it; the customer does.
        bytes32 receiptRoot;
    }

    /// @notice A token holder's signed wish to pay, in the manner of ERC-3009 (`receiveWithAuthorization`, to this contract).
    struct Authorization {
        address from;
        uint128 amount;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice An asset's terms.
    struct Asset {
        /// Takes new deposits, credit and sessions. What is inside can always be settled and withdrawn.
        bool open;
        /// Fee frozen into sessions opened from now on.
        uint16 feeBps;
        /// Token units in a millionth of the asset.
        uint64 unit;
    }

    /// @notice A session as it stands.
    struct Session {
        address customer;
        address asset;
        /// Zero for a session paid from credit.
        OrderId orderId;
        SessionState state;
        bool fromCredit;
        uint16 feeBps;
        uint128 reserved;
        uint128 settled;
        /// Equals `settled` when nothing is proposed.
        uint128 proposed;
        /// After this second nothing can be proposed, and anybody may release what is left.
        uint64 settleBy;
        /// Proposed: end of the customer's window. Disputed: the second from which the arbiter counts as silent. Else meaningless.
        uint64 deadline;
    }

    // ---- money in and out

    /// @notice Money arrived and is `customer`'s to withdraw.
    event Deposited(address indexed customer, address indexed asset, uint256 amount);
    /// @notice Money left.
    event Withdrawn(address indexed customer, address indexed asset, uint256 amount, address to);
    /// @notice A payment outside the chain was matched by the operator's own tokens.
    event FiatCredited(FiatRef indexed ref, address indexed customer, address indexed asset, uint256 amount);
    /// @notice Unspent credit went back to the treasury because the payment was refunded or charged back.
    event FiatReversed(FiatRef indexed ref, address indexed customer, address indexed asset, uint256 amount);
    /// @notice Finished work was carried to the distributor, the fee to the treasury. `burned` is the part of an HFR fee destroyed.
    event Swept(address indexed asset, uint256 toSuppliers, uint256 toTreasury, uint256 burned);

    // ---- sessions

    /// @notice Money was set aside. `orderId` is zero if it is credit.
    event SessionReserved(
        SessionId indexed session,
        address indexed customer,
        OrderId indexed orderId,
        address asset,
        uint256 amount,
        uint16 feeBps,
        uint64 settleBy
    );
    /// @notice Money set aside and not needed went back.
    event GivenBack(SessionId indexed session, uint256 amount);
    /// @notice The operator says `used` was used in all. Disputable before `deadline`.
    event Proposed(SessionId indexed session, uint256 used, bytes32 receiptRoot, uint64 deadline);
    /// @notice The customer says it was not. From `deadline` on the arbiter counts as silent.
    event Disputed(SessionId indexed session, string reason, uint64 deadline);
    /// @notice The arbiter decided for `used`; `returned` went back to the customer.
    event Resolved(SessionId indexed session, uint256 used, uint256 returned);
    /// @notice `used` in all is final; since the last time that is `toSuppliers` and `fee`.
    event Settled(SessionId indexed session, uint256 used, uint256 toSuppliers, uint256 fee);
    /// @notice The session is over; `returned` went back to the customer.
    event Released(SessionId indexed session, uint256 returned);
    /// @notice No session can be opened under this order any more.
    event OrderRevoked(address indexed customer, OrderId indexed orderId);
    /// @notice Terms for an asset.
    event AssetSet(address indexed asset, bool open, uint16 feeBps);

    /// @notice An address that must not be zero is.
    error ZeroAddress();
    /// @notice An amount that must not be zero is.
    error ZeroAmount();
    /// @notice A dispute window outside what the contract accepts.
    error WindowOutOfRange(uint64 given, uint64 least, uint64 most);
    /// @notice This token has never been listed here.
    error AssetUnknown(address asset);
    /// @notice This token takes nothing new.
    error AssetClosed(address asset);
    /// @notice Fewer than six decimals cannot hold millionths; more than eighteen do not fit.
    error DecimalsUnsupported(address asset, uint8 decimals);
    /// @notice There is no number left for another asset.
    error TooManyAssets(uint256 most);
    /// @notice The fee is above what the contract, or the customer's order, allows.
    error FeeTooHigh(uint16 feeBps, uint16 mostBps);
    /// @notice The token moved another amount than it was told to (fee on transfer, rebasing): such tokens are not supported.
    error TransferMismatch(address asset, uint256 expected, uint256 received);
    /// @notice The amount is no whole number of millionths.
    error NotWholeMicros(uint256 amount, uint64 unit);
    /// @notice More is wanted than is there.
    error Insufficient(uint256 wanted, uint256 available);
    /// @notice This payment was credited before.
    error RefUsed(FiatRef ref);
    /// @notice This payment was never credited.
    error RefUnknown(FiatRef ref);
    /// @notice The order does not bear its customer's signature.
    error BadSignature(address customer);
    /// @notice No session can be opened under this order since `expiry`.
    error OrderExpired(OrderId orderId, uint64 expiry);
    /// @notice The customer took this order back.
    error OrderIsRevoked(OrderId orderId);
    /// @notice The order allows `left` more.
    error OrderSpent(OrderId orderId, uint256 wanted, uint256 left);
    /// @notice A session must end in the future, and soon.
    error SettleByOutOfRange(uint64 settleBy, uint64 latest);
    /// @notice The session is in a state in which this cannot be done.
    error SessionInState(SessionId session, SessionState state);
    /// @notice Cannot be done before `from`.
    error TooEarly(SessionId session, uint64 from);
    /// @notice Could be done until `until` only.
    error TooLate(SessionId session, uint64 until);
    /// @notice The amount used must lie between `least` and `most`.
    error UsedOutOfRange(SessionId session, uint256 used, uint256 least, uint256 most);
    /// @notice Only the session's customer may do this.
    error NotCustomer(SessionId session, address caller);

    /// @notice Pays in from the caller's allowance. Not while paused.
    function deposit(address asset, uint128 amount) external;

    /// @notice The same with a permit (ERC-2612) of the caller. A permit that somebody else submitted first does no harm.
    function depositWithPermit(address asset, uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Pays in what a token holder authorised by signature; anybody may carry it here, the money is the signer's.
    function depositWithAuthorization(address asset, Authorization calldata authorization) external;

    /// @notice Takes the caller's free money out. Nobody can stop this: no pause, no role, no closed asset.
    function withdraw(address asset, uint128 amount, address to) external;

    /// @notice Turns a payment outside the chain into credit, with as much of the caller's own tokens. Once per `ref`. FIAT only.
    function creditFiat(FiatRef ref, address customer, address asset, uint128 amount) external;

    /// @notice Takes back credit of a payment that was refunded or charged back; never more than the customer has left unspent, and
    /// never to anywhere but the treasury. FIAT only.
    function reverseFiat(FiatRef ref, uint128 amount) external;

    /// @notice Sets aside free money of the order's customer. MATCHER only, and only with the customer's signature.
    function reserve(Order calldata order, bytes calldata signature, SessionId session, uint128 amount, uint64 settleBy) external;

    /// @notice Sets aside credit. MATCHER only. What is not used becomes credit again.
    function reserveCredit(address customer, address asset, SessionId session, uint128 amount, uint64 settleBy) external;

    /// @notice Takes an order back: no further session is opened under it. Those that are open run on.
    function revokeOrder(OrderId orderId) external;

    /// @notice Returns reserved money that is neither settled nor proposed. SETTLER only. At once, because it favours the customer.
    function giveBack(SessionId session, uint128 amount) external;

    /// @notice Says how much was used in all. SETTLER only.
    function propose(Settlement calldata settlement) external;

    /// @notice {propose} for many sessions; one that cannot be proposed refuses them all.
    function proposeBatch(Settlement[] calldata settlements) external;

    /// @notice Contests what is proposed: the session's customer only, within the window, or later while the Market is paused.
    function dispute(SessionId session, string calldata reason) external;

    /// @notice Decides a dispute: between what was settled before and what was proposed. ARBITER only, until the dispute's deadline.
    function resolve(SessionId session, uint128 used) external;

    /// @notice Makes proposals final whose window is over. Anybody may. Sessions with nothing proposed are passed over, so that
    /// nobody can spoil a batch by finalizing one of it first. Not while paused.
    function finalize(SessionId[] calldata sessions) external;

    /// @notice Ends a session and returns what is left: after `settleBy` if nothing is proposed, or when the arbiter of a dispute
    /// was silent. Anybody may.
    function release(SessionId session) external;

    /// @notice Carries what is final to the distributor and the treasury. Anybody may; the destinations are fixed.
    function sweep(address asset) external;

    /// @notice Lists an asset, or changes its terms for sessions to come. PARAMS only.
    function setAsset(address asset, bool open, uint16 feeBps) external;

    /// @notice A customer's money that is not reserved.
    function balanceOf(address customer, address asset) external view returns (uint128 free, uint128 credit);

    /// @notice A session.
    function sessionOf(SessionId session) external view returns (Session memory);

    /// @notice What is reserved or spent under an order, and whether it was revoked.
    function orderOf(address customer, OrderId orderId) external view returns (Micros outstanding, bool revoked);

    /// @notice Whose payment `ref` was, in which asset, and how much of it was not reversed; zeros if it was never credited.
    function fiatOf(FiatRef ref) external view returns (address customer, address asset, uint128 amount);

    /// @notice An asset's terms; all zero if it was never listed.
    function assetOf(address asset) external view returns (Asset memory);

    /// @notice Every asset ever listed.
    function assets() external view returns (address[] memory);

    /// @notice Final, and not yet carried away.
    function dueOf(address asset) external view returns (uint256 toSuppliers, uint256 fee);

    /// @notice Everything the Market answers for in this asset; its token balance is never below.
    function held(address asset) external view returns (uint256);

    /// @notice What a wallet signs for this order.
    function hashOrder(Order calldata order) external view returns (bytes32);

    /// @notice Where suppliers' money goes.
    function distributor() external view returns (address);

    /// @notice Where fees and reversed credit go.
    function treasury() external view returns (address);

    /// @notice The token of which half the fee is burnt; zero on chains without it.
    function hfr() external view returns (address);

    /// @notice How long a customer may dispute a proposal.
    function disputeSeconds() external view returns (uint64);

    /// @notice How long a dispute waits for the arbiter.
    function arbiterSeconds() external view returns (uint64);

    /// @notice How far ahead a session may end.
    function maxSessionSeconds() external view returns (uint64);

    /// @notice The highest fee any session can have, in 1/10,000.
    function maxFeeBps() external view returns (uint16);
}
