// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITimedPause} from "./ITimedPause.sol";

/// @title The Distributor: where suppliers' money waits for them
/// @notice Each epoch the operator publishes a Merkle root of what every account has earned in all, since the beginning. Watchers
/// have a window to compare it with the public epoch file and veto it. Then anybody may claim for anybody: the money goes to the
/// account, or where the account said. An amount that was not claimed stays in every later root.
///
/// A leaf is keccak256(keccak256(abi.encode(chainId, distributor, account, asset, cumulative))), so it is worth nothing on another
/// chain or in another distributor. Pairs are hashed in order of size (OpenZeppelin's MerkleProof).
/// @dev Even a root that is a lie pays out no more per asset than its proposal announced, and it cannot announce more than is here.
interface IDistributor is ITimedPause {
    /// @notice How much of an asset all leaves of a root come to, since the beginning.
    struct Total {
        address asset;
        uint96 cumulative;
    }

    /// @notice A leaf and the way from it to the root.
    struct Claim {
        address account;
        address asset;
        uint128 cumulative;
        bytes32[] proof;
    }

    /// @notice A root and what it belongs to.
    struct Root {
        bytes32 root;
        /// Hash of the epoch file from which everybody can rebuild the root.
        bytes32 dataHash;
        uint64 epoch;
        /// First second in which the root can become active; zero if there is none.
        uint64 readyAt;
    }

    /// @notice A root waits for its watchers until `readyAt`.
    event RootProposed(uint64 indexed epoch, bytes32 root, bytes32 dataHash, Total[] totals, uint64 readyAt);
    /// @notice A root is in force.
    event RootActivated(uint64 indexed epoch, bytes32 root);
    /// @notice A root was thrown out.
    event RootVetoed(uint64 indexed epoch, bytes32 root, address watcher, string reason);
    /// @notice An account was paid; `to` is the account or where it said.
    event Claimed(address indexed account, address indexed asset, uint256 amount, address to);
    /// @notice The token refused this payment; what is owed stays owed.
    event ClaimRefused(address indexed account, address indexed asset, uint256 amount, address to);
    /// @notice Claims for `account` go to `to` from now on.
    event PayoutSet(address indexed account, address to);

    /// @notice An address that must not be zero is.
    error ZeroAddress();
    /// @notice A challenge window outside what the contract accepts.
    error WindowOutOfRange(uint64 given, uint64 least, uint64 most);
    /// @notice Epochs follow each other by one.
    error BadEpoch(uint64 given, uint64 expected);
    /// @notice One root at a time.
    error AlreadyPending(uint64 epoch);
    /// @notice No root is waiting.
    error NoPending();
    /// @notice The root waits until `readyAt`.
    error Early(uint64 readyAt);
    /// @notice Totals are listed by rising address, each asset once, a bounded number of them.
    error BadTotals();
    /// @notice What was announced once cannot be taken back.
    error TotalsDecrease(address asset, uint256 given, uint256 before);
    /// @notice The root promises `need` more of the asset than was claimed so far, and `have` is here.
    error Unfunded(address asset, uint256 need, uint256 have);
    /// @notice The proof does not lead to the active root.
    error BadProof();
    /// @notice Accounts and amounts do not pair up.
    error LengthMismatch(uint256 accounts, uint256 amounts);
    /// @notice The account has had everything in this leaf.
    error NothingToClaim(address account, address asset);
    /// @notice The claim would pay out more than the root announced for the asset: the root is a lie.
    error OverTotals(address asset, uint256 wanted, uint256 left);
    /// @notice The carrier's fee is above what the account signed, or above one twentieth of the amount.
    error FeeTooHigh(uint256 fee, uint256 most);
    /// @notice The account did not sign this.
    error BadSignature(address account);
    /// @notice The signature was good until `deadline`.
    error Expired(uint256 deadline);

    /// @notice Puts up the root of the next epoch. PROPOSER only, one at a time.
    function proposeRoot(uint64 epoch, bytes32 root, bytes32 dataHash, Total[] calldata totals) external;

    /// @notice Throws the waiting root out. WATCHER only, until it is active.
    function veto(string calldata reason) external;

    /// @notice Puts the waiting root in force once its window is over and everything it promises is here. Anybody may. Works while
    /// claims are paused, so that a good root can replace a bad one before claims open again.
    function activate() external;

    /// @notice Pays an account what it has earned and not had. Anybody may. Not while paused.
    function claim(address account, address asset, uint128 cumulative, bytes32[] calldata proof) external;

    /// @notice {claim} for many leaves. Those with nothing left, or whose payment the token refuses, are passed over.
    function claimMany(Claim[] calldata claims) external;

    /// @notice {claim} for many accounts with one proof for all (OpenZeppelin's multiproof). Passes over like {claimMany}.
    function claimBatch(
        address asset,
        address[] calldata accounts,
        uint128[] calldata cumulatives,
        bytes32[] calldata proof,
        bool[] calldata proofFlags
    ) external;

    /// @notice Pays an account's claim to another address, with a fee for whoever carries the signature here. EIP-712 in the domain
    /// "Headframe Distributor", "1":
    /// ClaimTo(address account,address asset,uint128 cumulative,address to,uint128 maxFee,uint256 nonce,uint256 deadline)
    function claimTo(Claim calldata what, address to, uint128 maxFee, uint128 fee, uint256 deadline, bytes calldata signature)
        external;

    /// @notice Sends the caller's claims to `to` from now on; zero means to the caller again.
    function setPayout(address to) external;

    /// @notice The root in force.
    function active() external view returns (Root memory);

    /// @notice The root that waits; `readyAt` is zero if none does.
    function pending() external view returns (Root memory);

    /// @notice The totals of the root that waits.
    function pendingTotals() external view returns (Total[] memory);

    /// @notice What the active root announced for an asset, and what was claimed of it.
    function totalOf(address asset) external view returns (uint128 announced, uint128 claimed);

    /// @notice What an account has had of an asset.
    function claimedOf(address account, address asset) external view returns (uint128);

    /// @notice Where claims for an account go.
    function payoutOf(address account) external view returns (address);

    /// @notice The leaf of an account.
    function leafOf(address account, address asset, uint128 cumulative) external view returns (bytes32);

    /// @notice What an account signs for {claimTo} with its present nonce.
    function hashClaimTo(Claim calldata what, address to, uint128 maxFee, uint256 deadline) external view returns (bytes32);

    /// @notice How long watchers have to look at a root.
    function challengeSeconds() external view returns (uint64);
}
