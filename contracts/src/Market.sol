// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {TimedPause} from "./TimedPause.sol";
import {IHfr} from "./interfaces/IHfr.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {FiatRef, OrderId, SessionId} from "./types/Ids.sol";
import {Micros} from "./types/Micros.sol";

/// @title The Market
/// @dev Slots are packed for the two calls made thousands of times: a proposal writes one slot of a session, and so does making it
/// final. Everything that moves a token is behind one reentrancy lock, and books before it moves.
contract Market is IMarket, TimedPause, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// An asset by its number; the token's address needs more room than a session's slot has.
    struct Listing {
        address token;
        uint64 unit;
        uint16 feeBps;
        bool open;
    }

    struct Balance {
        uint128 free;
        uint128 credit;
    }

    struct Book {
        // One slot: all that a proposal and its finalizing change.
        Micros reserved;
        Micros settled;
        Micros proposed;
        /// 32 bits end in 2106.
        uint32 deadline;
        uint16 feeBps;
        uint8 asset;
        SessionState state;
        // The next one: read, never changed.
        address customer;
        uint40 settleBy;
        bool fromCredit;
        // And the last.
        OrderId orderId;
    }

    struct OrderBook {
        Micros outstanding;
        bool revoked;
    }

    struct Payment {
        address customer;
        uint8 asset;
        Micros amount;
    }

    struct Due {
        Micros toSuppliers;
        Micros fee;
    }

    bytes32 private constant ORDER_TYPEHASH =
        keccak256("Order(bytes32 orderId,address customer,address asset,uint128 maxSpend,uint16 maxFeeBps,uint64 expiry)");

    /// Above this a fee is a mistake or a theft, whoever sets it.
    uint16 private constant MAX_FEE_BPS = 1_500;
    /// A week and a day: what an operator who falls silent can hold of a customer's money, at most.
    uint64 private constant MAX_SESSION_SECONDS = 8 days;
    /// Longer than any session, so that money of an abandoned dispute goes back together with the rest of its session.
    uint64 private constant ARBITER_SECONDS = 14 days;
    uint64 private constant LEAST_DISPUTE_SECONDS = 1;
    /// A window nobody can wait out would freeze the suppliers' money.
    uint64 private constant MOST_DISPUTE_SECONDS = 7 days;
    uint8 private constant MIN_DECIMALS = 6;
    uint8 private constant MAX_DECIMALS = 18;

    /// @inheritdoc IMarket
    address public immutable override distributor;
    /// @inheritdoc IMarket
    address public immutable override treasury;
    /// @inheritdoc IMarket
    address public immutable override hfr;
    /// @inheritdoc IMarket
    uint64 public immutable override disputeSeconds;

    /// Numbered from 1; 0 is an asset never listed.
    mapping(address token => uint8) private _numbers;
    mapping(uint8 number => Listing) private _listings;
    address[] private _assets;
    mapping(uint8 number => Due) private _due;
    /// @inheritdoc IMarket
    mapping(address asset => uint256) public override held;

    mapping(address customer => mapping(address asset => Balance)) private _balances;
    mapping(address customer => mapping(OrderId => OrderBook)) private _orders;
    mapping(FiatRef => Payment) private _payments;
    mapping(SessionId => Book) private _sessions;

    /// @param authority the table of roles
    /// @param distributor_ where suppliers' money goes, for ever
    /// @param treasury_ where fees go, for ever
    /// @param hfr_ HFR on its home chain; zero elsewhere
    /// @param disputeSeconds_ how long a customer may dispute a proposal
    constructor(address authority, address distributor_, address treasury_, address hfr_, uint64 disputeSeconds_)
        AccessManaged(authority)
        EIP712("Headframe Market", "1")
    {
        if (distributor_ == address(0) || treasury_ == address(0)) revert ZeroAddress();
        if (disputeSeconds_ < LEAST_DISPUTE_SECONDS || disputeSeconds_ > MOST_DISPUTE_SECONDS) {
            revert WindowOutOfRange(disputeSeconds_, LEAST_DISPUTE_SECONDS, MOST_DISPUTE_SECONDS);
        }
        distributor = distributor_;
        treasury = treasury_;
        hfr = hfr_;
        disputeSeconds = disputeSeconds_;
    }

    // ------------------------------------------------------------------------------------------------ money in and out

    /// @inheritdoc IMarket
    function deposit(address asset, uint128 amount) external override nonReentrant whenRunning {
        _deposit(asset, amount);
    }

    /// @inheritdoc IMarket
    function depositWithPermit(address asset, uint128 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        override
        nonReentrant
        whenRunning
    {
        // Whoever sees the permit may submit it first. Then this call fails and the allowance is there all the same.
        try IERC20Permit(asset).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(asset, amount);
    }

    /// @inheritdoc IMarket
    function depositWithAuthorization(address asset, Authorization calldata paper) external override nonReentrant whenRunning {
        _takeIn(asset, paper.from, paper.amount);
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC3009(asset)
            .receiveWithAuthorization(
                paper.from,
                address(this),
                paper.amount,
                paper.validAfter,
                paper.validBefore,
                paper.nonce,
                paper.v,
                paper.r,
                paper.s
            );
        _requireArrived(asset, before, paper.amount);
    }

    /// @inheritdoc IMarket
    function withdraw(address asset, uint128 amount, address to) external override nonReentrant {
        if (to == address(0)) revert ZeroAddress();
        if (amount == 0) revert ZeroAmount();
        Balance storage balance = _balances[msg.sender][asset];
        uint128 free = balance.free;
        if (amount > free) revert Insufficient(amount, free);
        balance.free = free - amount;
        held[asset] -= amount;
        emit Withdrawn(msg.sender, asset, amount, to);
        IERC20(asset).safeTransfer(to, amount);
    }

    /// @inheritdoc IMarket
    function creditFiat(FiatRef ref, address customer, address asset, uint128 amount)
        external
        override
        restricted
        nonReentrant
        whenRunning
    {
        if (customer == address(0)) revert ZeroAddress();
        if (_payments[ref].customer != address(0)) revert RefUsed(ref);
        (uint8 number, Listing storage listing) = _openListing(asset);
        // The customer stays written down when all is reversed, so a payment cannot be credited a second time.
        _payments[ref] = Payment({customer: customer, asset: number, amount: _toMicros(amount, listing.unit)});
        _balances[customer][asset].credit += amount;
        held[asset] += amount;
        emit FiatCredited(ref, customer, asset, amount);
        _pull(asset, amount);
    }

    /// @inheritdoc IMarket
    function reverseFiat(FiatRef ref, uint128 amount) external override restricted nonReentrant {
        Payment storage payment = _payments[ref];
        address customer = payment.customer;
        if (customer == address(0)) revert RefUnknown(ref);
        Listing storage listing = _listings[payment.asset];
        address asset = listing.token;
        uint64 unit = listing.unit;
        uint128 ofPayment = payment.amount.toUnits(unit);
        if (amount > ofPayment) revert Insufficient(amount, ofPayment);
        uint128 credit = _balances[customer][asset].credit;
        if (amount > credit) revert Insufficient(amount, credit);
        payment.amount = payment.amount - _toMicros(amount, unit);
        _balances[customer][asset].credit = credit - amount;
        held[asset] -= amount;
        emit FiatReversed(ref, customer, asset, amount);
        IERC20(asset).safeTransfer(treasury, amount);
    }

    /// @inheritdoc IMarket
    function sweep(address asset) external override nonReentrant {
        uint8 number = _numberOf(asset);
        uint64 unit = _listings[number].unit;
        Due memory due = _due[number];
        uint256 toSuppliers = due.toSuppliers.toUnits(unit);
        uint256 fee = due.fee.toUnits(unit);
        if (toSuppliers + fee == 0) return;
        // Half of an HFR fee is destroyed; the odd unit is the treasury's.
        uint256 burned = asset == hfr ? fee / 2 : 0;
        delete _due[number];
        held[asset] -= toSuppliers + fee;
        if (toSuppliers != 0) IERC20(asset).safeTransfer(distributor, toSuppliers);
        // A treasury that the token's issuer has blocked must not keep the suppliers from their money.
        if (fee != 0 && !IERC20(asset).trySafeTransfer(treasury, fee - burned)) {
            _due[number].fee = due.fee;
            held[asset] += fee;
            (fee, burned) = (0, 0);
        }
        if (burned != 0) IHfr(asset).burn(burned);
        emit Swept(asset, toSuppliers, fee - burned, burned);
    }

    // -------------------------------------------------------------------------------------------------------- sessions

    /// @inheritdoc IMarket
    function reserve(Order calldata order, bytes calldata signature, SessionId session, uint128 amount, uint64 settleBy)
        external
        override
        restricted
        whenRunning
    {
        if (block.timestamp > order.expiry) revert OrderExpired(order.orderId, order.expiry);
        if (!SignatureChecker.isValidSignatureNowCalldata(order.customer, hashOrder(order), signature)) {
            revert BadSignature(order.customer);
        }
        Book memory book = _newBook(order.asset, amount, settleBy);
        if (book.feeBps > order.maxFeeBps) revert FeeTooHigh(book.feeBps, order.maxFeeBps);
        book.customer = order.customer;
        book.orderId = order.orderId;
        _spendOrder(order, book.reserved, _listings[book.asset].unit);
        Balance storage balance = _balances[order.customer][order.asset];
        uint128 free = balance.free;
        if (amount > free) revert Insufficient(amount, free);
        balance.free = free - amount;
        _openSession(session, book, order.asset, amount);
    }

    /// @inheritdoc IMarket
    function reserveCredit(address customer, address asset, SessionId session, uint128 amount, uint64 settleBy)
        external
        override
        restricted
        whenRunning
    {
        Book memory book = _newBook(asset, amount, settleBy);
        book.customer = customer;
        book.fromCredit = true;
        Balance storage balance = _balances[customer][asset];
        uint128 credit = balance.credit;
        if (amount > credit) revert Insufficient(amount, credit);
        balance.credit = credit - amount;
        _openSession(session, book, asset, amount);
    }

    /// @inheritdoc IMarket
    function revokeOrder(OrderId orderId) external override {
        _orders[msg.sender][orderId].revoked = true;
        emit OrderRevoked(msg.sender, orderId);
    }

    /// @inheritdoc IMarket
    function giveBack(SessionId session, uint128 amount) external override restricted {
        Book storage book = _sessions[session];
        SessionState state = book.state;
        if (state == SessionState.None || state == SessionState.Closed) revert SessionInState(session, state);
        uint64 unit = _listings[book.asset].unit;
        Micros micros = _toMicros(amount, unit);
        // `proposed` is never below `settled`, so this leaves both alone.
        Micros idle = book.reserved - book.proposed;
        if (micros > idle) revert Insufficient(amount, idle.toUnits(unit));
        _return(book, micros);
        emit GivenBack(session, amount);
    }

    /// @inheritdoc IMarket
    function propose(Settlement calldata settlement) external override restricted {
        _propose(settlement);
    }

    /// @inheritdoc IMarket
    function proposeBatch(Settlement[] calldata settlements) external override restricted {
        for (uint256 i = 0; i < settlements.length; ++i) {
            _propose(settlements[i]);
        }
    }

    /// @inheritdoc IMarket
    function dispute(SessionId session, string calldata reason) external override {
        Book storage book = _sessions[session];
        if (msg.sender != book.customer) revert NotCustomer(session, msg.sender);
        if (book.state != SessionState.Proposed) revert SessionInState(session, book.state);
        // A pause holds proposals back because somebody fears they are forged; it would be worth little if the windows ran out in it.
        if (block.timestamp >= book.deadline && !_isPaused()) revert TooLate(session, book.deadline);
        uint64 deadline = uint64(block.timestamp) + ARBITER_SECONDS;
        book.state = SessionState.Disputed;
        book.deadline = SafeCast.toUint32(deadline);
        emit Disputed(session, reason, deadline);
    }

    /// @inheritdoc IMarket
    function resolve(SessionId session, uint128 used) external override restricted {
        Book storage book = _sessions[session];
        if (book.state != SessionState.Disputed) revert SessionInState(session, book.state);
        if (block.timestamp >= book.deadline) revert TooLate(session, book.deadline);
        uint64 unit = _listings[book.asset].unit;
        Micros decided = _toMicrosOrZero(used, unit);
        Micros proposed = book.proposed;
        if (decided < book.settled || decided > proposed) {
            revert UsedOutOfRange(session, used, book.settled.toUnits(unit), proposed.toUnits(unit));
        }
        Micros refused = proposed - decided;
        book.proposed = decided;
        _settle(session, book);
        // At once, or the next proposal would ask for it again.
        if (!refused.isZero()) _return(book, refused);
        emit Resolved(session, used, refused.toUnits(unit));
    }

    /// @inheritdoc IMarket
    function finalize(SessionId[] calldata sessions) external override whenRunning {
        for (uint256 i = 0; i < sessions.length; ++i) {
            SessionId session = sessions[i];
            Book storage book = _sessions[session];
            if (book.state != SessionState.Proposed) continue;
            if (block.timestamp < book.deadline) revert TooEarly(session, book.deadline);
            _settle(session, book);
        }
    }

    /// @inheritdoc IMarket
    function release(SessionId session) external override {
        Book storage book = _sessions[session];
        SessionState state = book.state;
        if (state == SessionState.Disputed) {
            // Such a session is past `settleBy` too: no session is longer than an arbiter's time.
            if (block.timestamp < book.deadline) revert TooEarly(session, book.deadline);
        } else if (state == SessionState.Open) {
            if (block.timestamp <= book.settleBy) revert TooEarly(session, uint64(book.settleBy) + 1);
        } else {
            revert SessionInState(session, state);
        }
        Micros settled = book.settled;
        Micros left = book.reserved - settled;
        book.proposed = settled;
        book.state = SessionState.Closed;
        uint64 unit = _listings[book.asset].unit;
        if (!left.isZero()) _return(book, left);
        emit Released(session, left.toUnits(unit));
    }

    // ---------------------------------------------------------------------------------------------------------- assets

    /// @inheritdoc IMarket
    function setAsset(address asset, bool open, uint16 feeBps) external override restricted {
        if (feeBps > MAX_FEE_BPS) revert FeeTooHigh(feeBps, MAX_FEE_BPS);
        uint8 number = _numbers[asset];
        if (number == 0) number = _list(asset);
        _listings[number].open = open;
        _listings[number].feeBps = feeBps;
        emit AssetSet(asset, open, feeBps);
    }

    // ----------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IMarket
    function balanceOf(address customer, address asset) external view override returns (uint128 free, uint128 credit) {
        Balance storage balance = _balances[customer][asset];
        return (balance.free, balance.credit);
    }

    /// @inheritdoc IMarket
    function sessionOf(SessionId session) external view override returns (Session memory) {
        Book storage book = _sessions[session];
        Listing storage listing = _listings[book.asset];
        uint64 unit = listing.unit;
        return Session({
            customer: book.customer,
            asset: listing.token,
            orderId: book.orderId,
            state: book.state,
            fromCredit: book.fromCredit,
            feeBps: book.feeBps,
            reserved: book.reserved.toUnits(unit),
            settled: book.settled.toUnits(unit),
            proposed: book.proposed.toUnits(unit),
            settleBy: book.settleBy,
            deadline: book.deadline
        });
    }

    /// @inheritdoc IMarket
    function orderOf(address customer, OrderId orderId) external view override returns (Micros outstanding, bool revoked) {
        OrderBook storage book = _orders[customer][orderId];
        return (book.outstanding, book.revoked);
    }

    /// @inheritdoc IMarket
    function fiatOf(FiatRef ref) external view override returns (address customer, address asset, uint128 amount) {
        Payment storage payment = _payments[ref];
        Listing storage listing = _listings[payment.asset];
        return (payment.customer, listing.token, payment.amount.toUnits(listing.unit));
    }

    /// @inheritdoc IMarket
    function assetOf(address asset) external view override returns (Asset memory) {
        Listing storage listing = _listings[_numbers[asset]];
        return Asset({open: listing.open, feeBps: listing.feeBps, unit: listing.unit});
    }

    /// @inheritdoc IMarket
    function assets() external view override returns (address[] memory) {
        return _assets;
    }

    /// @inheritdoc IMarket
    function dueOf(address asset) external view override returns (uint256 toSuppliers, uint256 fee) {
        uint8 number = _numbers[asset];
        uint64 unit = _listings[number].unit;
        return (_due[number].toSuppliers.toUnits(unit), _due[number].fee.toUnits(unit));
    }

    /// @inheritdoc IMarket
    function hashOrder(Order calldata order) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(ORDER_TYPEHASH, order)));
    }

    /// @inheritdoc IMarket
    function arbiterSeconds() external pure override returns (uint64) {
        return ARBITER_SECONDS;
    }

    /// @inheritdoc IMarket
    function maxSessionSeconds() external pure override returns (uint64) {
        return MAX_SESSION_SECONDS;
    }

    /// @inheritdoc IMarket
    function maxFeeBps() external pure override returns (uint16) {
        return MAX_FEE_BPS;
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function _deposit(address asset, uint128 amount) private {
        _takeIn(asset, msg.sender, amount);
        _pull(asset, amount);
    }

    /// Books what is about to arrive.
    function _takeIn(address asset, address customer, uint128 amount) private {
        if (amount == 0) revert ZeroAmount();
        _openListing(asset);
        _balances[customer][asset].free += amount;
        held[asset] += amount;
        emit Deposited(customer, asset, amount);
    }

    function _pull(address asset, uint128 amount) private {
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(msg.sender, address(this), amount);
        _requireArrived(asset, before, amount);
    }

    function _requireArrived(address asset, uint256 before, uint256 expected) private view {
        uint256 received = IERC20(asset).balanceOf(address(this)) - before;
        if (received != expected) revert TransferMismatch(asset, expected, received);
    }

    function _spendOrder(Order calldata order, Micros amount, uint64 unit) private {
        OrderBook storage book = _orders[order.customer][order.orderId];
        if (book.revoked) revert OrderIsRevoked(order.orderId);
        Micros before = book.outstanding;
        Micros outstanding = before + amount;
        if (outstanding.toUnits(unit) > order.maxSpend) {
            uint128 spent = before.toUnits(unit);
            uint256 left = order.maxSpend > spent ? order.maxSpend - spent : 0;
            revert OrderSpent(order.orderId, amount.toUnits(unit), left);
        }
        book.outstanding = outstanding;
    }

    /// A session's terms, as they are frozen for it.
    function _newBook(address asset, uint128 amount, uint64 settleBy) private view returns (Book memory book) {
        uint64 latest = uint64(block.timestamp) + MAX_SESSION_SECONDS;
        if (settleBy <= block.timestamp || settleBy > latest) revert SettleByOutOfRange(settleBy, latest);
        (uint8 number, Listing storage listing) = _openListing(asset);
        book.asset = number;
        book.reserved = _toMicros(amount, listing.unit);
        book.feeBps = listing.feeBps;
        book.settleBy = SafeCast.toUint40(settleBy);
        book.state = SessionState.Open;
    }

    function _openSession(SessionId session, Book memory book, address asset, uint128 amount) private {
        SessionState before = _sessions[session].state;
        if (before != SessionState.None) revert SessionInState(session, before);
        _sessions[session] = book;
        emit SessionReserved(session, book.customer, book.orderId, asset, amount, book.feeBps, book.settleBy);
    }

    function _propose(Settlement calldata settlement) private {
        SessionId session = settlement.session;
        Book storage book = _sessions[session];
        if (book.state != SessionState.Open) revert SessionInState(session, book.state);
        if (block.timestamp > book.settleBy) revert TooLate(session, book.settleBy);
        uint64 unit = _listings[book.asset].unit;
        Micros used = _toMicros(settlement.used, unit);
        if (used > book.reserved || !(used > book.settled)) {
            revert UsedOutOfRange(session, settlement.used, (book.settled.toUnits(unit)), book.reserved.toUnits(unit));
        }
        uint64 deadline = uint64(block.timestamp) + disputeSeconds;
        book.proposed = used;
        book.deadline = SafeCast.toUint32(deadline);
        book.state = SessionState.Proposed;
        emit Proposed(session, settlement.used, settlement.receiptRoot, deadline);
    }

    /// Makes `proposed` final. The fee is the difference of two cumulative fees, so that many small settlements cost what one does.
    function _settle(SessionId session, Book storage book) private {
        Micros used = book.proposed;
        Micros before = book.settled;
        uint16 feeBps = book.feeBps;
        uint8 asset = book.asset;
        Micros fee = used.feeOf(feeBps) - before.feeOf(feeBps);
        Micros toSuppliers = used - before - fee;
        book.settled = used;
        book.state = SessionState.Open;
        Due storage due = _due[asset];
        due.toSuppliers = due.toSuppliers + toSuppliers;
        due.fee = due.fee + fee;
        uint64 unit = _listings[asset].unit;
        emit Settled(session, used.toUnits(unit), toSuppliers.toUnits(unit), fee.toUnits(unit));
    }

    /// Takes `amount` out of the session, back to where it came from.
    function _return(Book storage book, Micros amount) private {
        book.reserved = book.reserved - amount;
        Listing storage listing = _listings[book.asset];
        uint128 units = amount.toUnits(listing.unit);
        Balance storage balance = _balances[book.customer][listing.token];
        if (book.fromCredit) {
            balance.credit += units;
            return;
        }
        balance.free += units;
        OrderBook storage order = _orders[book.customer][book.orderId];
        order.outstanding = order.outstanding - amount;
    }

    function _list(address asset) private returns (uint8 number) {
        if (asset == address(0)) revert ZeroAddress();
        uint8 decimals = IERC20Metadata(asset).decimals();
        if (decimals < MIN_DECIMALS || decimals > MAX_DECIMALS) revert DecimalsUnsupported(asset, decimals);
        if (_assets.length == type(uint8).max) revert TooManyAssets(type(uint8).max);
        _assets.push(asset);
        number = uint8(_assets.length);
        _numbers[asset] = number;
        _listings[number] = Listing({token: asset, unit: uint64(10 ** (decimals - MIN_DECIMALS)), feeBps: 0, open: false});
    }

    function _numberOf(address asset) private view returns (uint8 number) {
        number = _numbers[asset];
        if (number == 0) revert AssetUnknown(asset);
    }

    function _openListing(address asset) private view returns (uint8 number, Listing storage listing) {
        number = _numberOf(asset);
        listing = _listings[number];
        if (!listing.open) revert AssetClosed(asset);
    }

    function _toMicros(uint128 amount, uint64 unit) private pure returns (Micros micros) {
        if (amount == 0) revert ZeroAmount();
        return _toMicrosOrZero(amount, unit);
    }

    function _toMicrosOrZero(uint128 amount, uint64 unit) private pure returns (Micros) {
        if (amount % unit != 0) revert NotWholeMicros(amount, unit);
        return Micros.wrap(SafeCast.toUint64(amount / unit));
    }
}
