// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDistributor} from "./interfaces/IDistributor.sol";
import {IMarket} from "./interfaces/IMarket.sol";
import {ITimedPause} from "./interfaces/ITimedPause.sol";

/// @title Who may do what
/// @notice The roles of Headframe, and for every restricted function the role that may call it. Deployment writes this table into
/// the chain's AccessManager; a test compares it with every function the contracts have.
library Roles {
    /// @notice A restricted function and the role for it.
    struct Permission {
        bytes4 selector;
        uint64 role;
    }

    /// @notice Opens sessions under orders that customers signed.
    uint64 internal constant MATCHER = 1;
    /// @notice Says what was used, gives back what was not.
    uint64 internal constant SETTLER = 2;
    /// @notice Decides disputes, never above what was proposed.
    uint64 internal constant ARBITER = 3;
    /// @notice Puts up the suppliers' roots.
    uint64 internal constant PROPOSER = 4;
    /// @notice Throws out wrong roots.
    uint64 internal constant WATCHER = 5;
    /// @notice Stops things for seven days; cancels scheduled changes of terms.
    uint64 internal constant GUARDIAN = 6;
    /// @notice Turns payments outside the chain into credit, with its own tokens.
    uint64 internal constant FIAT = 7;
    /// @notice Sets assets and fees, with a delay.
    uint64 internal constant PARAMS = 8;

    /// @notice How many roles there are; they are numbered from 1.
    uint64 internal constant COUNT = 8;

    /// @notice The role's name in lower case, as in a parameter file.
    function name(uint64 role) internal pure returns (string memory) {
        string[8] memory names = ["matcher", "settler", "arbiter", "proposer", "watcher", "guardian", "fiat", "params"];
        return names[role - 1];
    }

    /// @notice Whether nobody may hold this role together with another of its kind: one of these keys says what is owed, another
    /// could object, and the same thief must not get both.
    function isSeparate(uint64 role) internal pure returns (bool) {
        return role == SETTLER || role == ARBITER || role == PROPOSER || role == WATCHER;
    }

    /// @notice The restricted functions of the Market.
    function market() internal pure returns (Permission[] memory table) {
        table = new Permission[](11);
        table[0] = Permission(IMarket.reserve.selector, MATCHER);
        table[1] = Permission(IMarket.reserveCredit.selector, MATCHER);
        table[2] = Permission(IMarket.giveBack.selector, SETTLER);
        table[3] = Permission(IMarket.propose.selector, SETTLER);
        table[4] = Permission(IMarket.proposeBatch.selector, SETTLER);
        table[5] = Permission(IMarket.resolve.selector, ARBITER);
        table[6] = Permission(IMarket.creditFiat.selector, FIAT);
        table[7] = Permission(IMarket.reverseFiat.selector, FIAT);
        table[8] = Permission(IMarket.setAsset.selector, PARAMS);
        table[9] = Permission(ITimedPause.pause.selector, GUARDIAN);
        table[10] = Permission(ITimedPause.resume.selector, GUARDIAN);
    }

    /// @notice The restricted functions of the Distributor.
    function distributor() internal pure returns (Permission[] memory table) {
        table = new Permission[](4);
        table[0] = Permission(IDistributor.proposeRoot.selector, PROPOSER);
        table[1] = Permission(IDistributor.veto.selector, WATCHER);
        table[2] = Permission(ITimedPause.pause.selector, GUARDIAN);
        table[3] = Permission(ITimedPause.resume.selector, GUARDIAN);
    }
}
