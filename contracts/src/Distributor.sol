// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {TimedPause} from "./TimedPause.sol";
import {IDistributor} from "./interfaces/IDistributor.sol";

/// @title The Distributor
contract Distributor is IDistributor, TimedPause, EIP712, Nonces, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Payable {
        uint128 announced;
        uint128 claimed;
    }

    bytes32 private constant CLAIM_TO_TYPEHASH = keccak256(
        "ClaimTo(address account,address asset,uint128 cumulative,address to,uint128 maxFee,uint256 nonce,uint256 deadline)"
    );
    /// A carrier's fee, whatever the account signed: one twentieth.
    uint256 private constant MAX_CARRIER_FEE_BPS = 500;
    /// Activating walks all totals; a proposer must not be able to make that cost more than a block.
    uint256 private constant MAX_TOTALS = 32;
    uint64 private constant LEAST_CHALLENGE_SECONDS = 1;
    /// A window nobody can wait out would freeze the suppliers' money.
    uint64 private constant MOST_CHALLENGE_SECONDS = 14 days;

    /// @inheritdoc IDistributor
    uint64 public immutable override challengeSeconds;

    Root private _active;
    /// What is left in here after it became active or was vetoed is overwritten by the next: cheaper than clearing it.
    Root private _pending;
    Total[] private _pendingTotals;
    mapping(address asset => Payable) private _payable;
    /// By asset first, so that a batch looks the outer key up once.
    mapping(address asset => mapping(address account => uint128)) private _claimed;
    mapping(address account => address) private _payouts;

    /// @param authority the table of roles
    /// @param challengeSeconds_ how long watchers have to look at a root
    constructor(address authority, uint64 challengeSeconds_) AccessManaged(authority) EIP712("Headframe Distributor", "1") {
        if (challengeSeconds_ < LEAST_CHALLENGE_SECONDS || challengeSeconds_ > MOST_CHALLENGE_SECONDS) {
            revert WindowOutOfRange(challengeSeconds_, LEAST_CHALLENGE_SECONDS, MOST_CHALLENGE_SECONDS);
        }
        challengeSeconds = challengeSeconds_;
    }

    // ----------------------------------------------------------------------------------------------------------- roots

    /// @inheritdoc IDistributor
    function proposeRoot(uint64 epoch, bytes32 root, bytes32 dataHash, Total[] calldata totals) external override restricted {
        if (_pending.readyAt != 0) revert AlreadyPending(_pending.epoch);
        if (epoch != _active.epoch + 1) revert BadEpoch(epoch, _active.epoch + 1);
        _requireTotals(totals);
        uint64 readyAt = uint64(block.timestamp) + challengeSeconds;
        _pending = Root({root: root, dataHash: dataHash, epoch: epoch, readyAt: readyAt});
        _storeTotals(totals);
        emit RootProposed(epoch, root, dataHash, totals, readyAt);
    }

    /// @inheritdoc IDistributor
    function veto(string calldata reason) external override restricted {
        if (_pending.readyAt == 0) revert NoPending();
        _pending.readyAt = 0;
        emit RootVetoed(_pending.epoch, _pending.root, msg.sender, reason);
    }

    /// @inheritdoc IDistributor
    function activate() external override {
        Root memory next = _pending;
        if (next.readyAt == 0) revert NoPending();
        if (block.timestamp < next.readyAt) revert Early(next.readyAt);
        for (uint256 i = 0; i < _pendingTotals.length; ++i) {
            _announce(_pendingTotals[i]);
        }
        _active = next;
        _pending.readyAt = 0;
        emit RootActivated(next.epoch, next.root);
    }

    // ---------------------------------------------------------------------------------------------------------- claims

    /// @inheritdoc IDistributor
    function claim(address account, address asset, uint128 cumulative, bytes32[] calldata proof)
        external
        override
        nonReentrant
        whenRunning
    {
        uint128 amount = _book(account, asset, cumulative, proof);
        address to = payoutOf(account);
        emit Claimed(account, asset, amount, to);
        IERC20(asset).safeTransfer(to, amount);
    }

    /// @inheritdoc IDistributor
    function claimMany(Claim[] calldata claims) external override nonReentrant whenRunning {
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata what = claims[i];
            uint128 before = _claimed[what.asset][what.account];
            if (what.cumulative <= before) continue;
            uint128 amount = _book(what.account, what.asset, what.cumulative, what.proof);
            if (_pay(what.account, what.asset, amount)) continue;
            _claimed[what.asset][what.account] = before;
            _payable[what.asset].claimed -= amount;
        }
    }

    /// @inheritdoc IDistributor
    function claimBatch(
        address asset,
        address[] calldata accounts,
        uint128[] calldata cumulatives,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external override nonReentrant whenRunning {
        if (accounts.length != cumulatives.length) {
            revert LengthMismatch(accounts.length, cumulatives.length);
        }
        (bytes32[] memory leaves, uint128[] memory amounts) = _bookBatch(asset, accounts, cumulatives);
        // Booked first, proven second: one walk over the accounts instead of two, and a wrong proof undoes it all.
        if (!MerkleProof.multiProofVerifyCalldata(proof, proofFlags, _active.root, leaves)) revert BadProof();
        _payBatch(asset, accounts, amounts);
    }

    /// @inheritdoc IDistributor
    function claimTo(Claim calldata what, address to, uint128 maxFee, uint128 fee, uint256 deadline, bytes calldata signature)
        external
        override
        nonReentrant
        whenRunning
    {
        if (to == address(0)) revert ZeroAddress();
        if (block.timestamp > deadline) revert Expired(deadline);
        if (fee > maxFee) revert FeeTooHigh(fee, maxFee);
        bytes32 digest = hashClaimTo(what, to, maxFee, deadline);
        if (!SignatureChecker.isValidSignatureNowCalldata(what.account, digest, signature)) revert BadSignature(what.account);
        _useNonce(what.account);
        uint128 amount = _book(what.account, what.asset, what.cumulative, what.proof);
        if (uint256(fee) * 10_000 > amount * MAX_CARRIER_FEE_BPS) revert FeeTooHigh(fee, amount * MAX_CARRIER_FEE_BPS / 10_000);
        emit Claimed(what.account, what.asset, amount, to);
        IERC20(what.asset).safeTransfer(to, amount - fee);
        if (fee != 0) IERC20(what.asset).safeTransfer(msg.sender, fee);
    }

    /// @inheritdoc IDistributor
    function setPayout(address to) external override {
        _payouts[msg.sender] = to;
        emit PayoutSet(msg.sender, to == address(0) ? msg.sender : to);
    }

    // ----------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDistributor
    function active() external view override returns (Root memory) {
        return _active;
    }

    /// @inheritdoc IDistributor
    function pending() external view override returns (Root memory root) {
        if (_pending.readyAt != 0) root = _pending;
    }

    /// @inheritdoc IDistributor
    function pendingTotals() external view override returns (Total[] memory totals) {
        if (_pending.readyAt != 0) totals = _pendingTotals;
    }

    /// @inheritdoc IDistributor
    function totalOf(address asset) external view override returns (uint128 announced, uint128 claimed) {
        return (_payable[asset].announced, _payable[asset].claimed);
    }

    /// @inheritdoc IDistributor
    function claimedOf(address account, address asset) external view override returns (uint128) {
        return _claimed[asset][account];
    }

    /// @inheritdoc IDistributor
    function payoutOf(address account) public view override returns (address to) {
        to = _payouts[account];
        if (to == address(0)) to = account;
    }

    /// @inheritdoc IDistributor
    function leafOf(address account, address asset, uint128 cumulative) public view override returns (bytes32 leaf) {
        // keccak256(bytes.concat(keccak256(abi.encode(block.chainid, address(this), account, asset, cumulative)))), hashed twice so
        // that nobody can pass off an inner node of the tree as a leaf. By hand because a batch hashes a hundred of them: what
        // encoding costs is a fortieth of all that a relayer pays. Tests compare it with the line above.
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, chainid())
            mstore(add(words, 0x20), address())
            mstore(add(words, 0x40), shr(96, shl(96, account)))
            mstore(add(words, 0x60), shr(96, shl(96, asset)))
            mstore(add(words, 0x80), shr(128, shl(128, cumulative)))
            mstore(0x00, keccak256(words, 0xa0))
            leaf := keccak256(0x00, 0x20)
        }
    }

    /// @inheritdoc IDistributor
    function hashClaimTo(Claim calldata what, address to, uint128 maxFee, uint256 deadline)
        public
        view
        override
        returns (bytes32)
    {
        uint256 nonce = nonces(what.account);
        return _hashTypedDataV4(
            keccak256(abi.encode(CLAIM_TO_TYPEHASH, what.account, what.asset, what.cumulative, to, maxFee, nonce, deadline))
        );
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function _requireTotals(Total[] calldata totals) private view {
        if (totals.length > MAX_TOTALS) revert BadTotals();
        for (uint256 i = 0; i < totals.length; ++i) {
            if (i != 0 && totals[i].asset <= totals[i - 1].asset) revert BadTotals();
            // Binding although the root is not active yet: only one root waits at a time, so nothing is announced in between.
            uint256 before = _payable[totals[i].asset].announced;
            if (totals[i].cumulative < before) revert TotalsDecrease(totals[i].asset, totals[i].cumulative, before);
        }
    }

    function _storeTotals(Total[] calldata totals) private {
        uint256 there = _pendingTotals.length;
        for (; there > totals.length; --there) {
            _pendingTotals.pop();
        }
        for (uint256 i = 0; i < totals.length; ++i) {
            if (i < there) _pendingTotals[i] = totals[i];
            else _pendingTotals.push(totals[i]);
        }
    }

    function _announce(Total memory total) private {
        Payable storage owed = _payable[total.asset];
        uint256 need = total.cumulative - owed.claimed;
        uint256 have = IERC20(total.asset).balanceOf(address(this));
        if (have < need) revert Unfunded(total.asset, need, have);
        owed.announced = total.cumulative;
    }

    /// Proves one leaf and books what it brings.
    function _book(address account, address asset, uint128 cumulative, bytes32[] calldata proof)
        private
        returns (uint128 amount)
    {
        if (!MerkleProof.verifyCalldata(proof, _active.root, leafOf(account, asset, cumulative))) {
            revert BadProof();
        }
        amount = _raise(_claimed[asset], account, cumulative);
        if (amount == 0) revert NothingToClaim(account, asset);
        _drawDown(asset, amount);
    }

    /// Books what these leaves bring if they are true; zero for those that bring nothing.
    function _bookBatch(address asset, address[] calldata accounts, uint128[] calldata cumulatives)
        private
        returns (bytes32[] memory leaves, uint128[] memory amounts)
    {
        leaves = new bytes32[](accounts.length);
        amounts = new uint128[](accounts.length);
        mapping(address => uint128) storage claimed = _claimed[asset];
        uint128 sum = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            (address account, uint128 cumulative) = (accounts[i], cumulatives[i]);
            leaves[i] = leafOf(account, asset, cumulative);
            uint128 amount = _raise(claimed, account, cumulative);
            amounts[i] = amount;
            sum += amount;
        }
        _drawDown(asset, sum);
    }

    /// Raises what an account has had, and says by how much.
    function _raise(mapping(address => uint128) storage claimed, address account, uint128 cumulative)
        private
        returns (uint128 amount)
    {
        uint128 before = claimed[account];
        if (cumulative <= before) return 0;
        claimed[account] = cumulative;
        unchecked {
            return cumulative - before;
        }
    }

    function _payBatch(address asset, address[] calldata accounts, uint128[] memory amounts) private {
        uint128 refused = 0;
        for (uint256 i = 0; i < amounts.length; ++i) {
            uint128 amount = amounts[i];
            if (amount == 0 || _pay(accounts[i], asset, amount)) continue;
            _claimed[asset][accounts[i]] -= amount;
            refused += amount;
        }
        if (refused != 0) _payable[asset].claimed -= refused;
    }

    /// What keeps a lie small: the sum of all claims never passes what was announced.
    function _drawDown(address asset, uint128 amount) private {
        Payable storage owed = _payable[asset];
        uint128 claimed = owed.claimed;
        uint128 left = owed.announced - claimed;
        if (amount > left) revert OverTotals(asset, amount, left);
        owed.claimed = claimed + amount;
    }

    /// Pays, or says that the token would not.
    function _pay(address account, address asset, uint256 amount) private returns (bool paid) {
        address to = payoutOf(account);
        paid = IERC20(asset).trySafeTransfer(to, amount);
        if (paid) emit Claimed(account, asset, amount, to);
        else emit ClaimRefused(account, asset, amount, to);
    }
}
