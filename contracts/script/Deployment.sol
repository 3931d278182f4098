// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {Distributor} from "../src/Distributor.sol";
import {Hfr} from "../src/Hfr.sol";
import {Market} from "../src/Market.sol";
import {Roles} from "../src/Roles.sol";

/// @title Putting Headframe on a chain
/// @notice Creates the contracts, writes the table of roles, lists the assets and leaves: the deployer keeps nothing. The script and
/// the tests run this same code, so what is tested is what is deployed.
abstract contract Deployment {
    /// @notice Everything that is decided by people and differs between chains.
    struct Parameters {
        /// Separated keys and three watchers; else the small table: one outside watcher and a longer window for them.
        bool full;
        /// A chain for practice: windows of seconds are allowed.
        bool practice;
        address treasury;
        /// Proposes, executes and cancels in the timelock: the multi-signature wallet.
        address[] governance;
        /// Holders of role n at n - 1 (see {Roles}).
        address[][] holders;
        uint64 disputeSeconds;
        uint64 challengeSeconds;
        uint64 timelockSeconds;
        uint32 paramsDelaySeconds;
        Token token;
        Listing[] assets;
    }

    /// @notice HFR, on its home chain.
    struct Token {
        bool home;
        address minter;
        uint256 premint;
        uint16 feeBps;
    }

    /// @notice An asset to take from the first day.
    struct Listing {
        address asset;
        uint16 feeBps;
    }

    /// @notice What was made.
    struct Deployed {
        AccessManager accessManager;
        TimelockController timelock;
        Hfr hfr;
        Market market;
        Distributor distributor;
    }

    /// @notice Nobody to hold this role.
    error RoleEmpty(string role, uint256 least);
    /// @notice One address holds two roles that must not meet.
    error RolesMeet(address holder, string one, string other);
    /// @notice A window too short to be looked at by people.
    error WindowTooShort(string window, uint256 given, uint256 least);
    /// @notice Nobody to govern.
    error NoGovernance();

    uint64 private constant FULL_CHALLENGE_SECONDS = 24 hours;
    /// One watcher sleeps at night and goes away for a weekend.
    uint64 private constant SMALL_CHALLENGE_SECONDS = 72 hours;
    uint64 private constant LEAST_DISPUTE_SECONDS = 24 hours;
    uint64 private constant LEAST_TIMELOCK_SECONDS = 48 hours;
    uint64 private constant LEAST_PARAMS_SECONDS = 48 hours;
    uint256 private constant FULL_WATCHERS = 3;

    /// `deployer` is who the calls come from.
    function _deploy(Parameters memory parameters, address deployer) internal returns (Deployed memory made) {
        _requireSound(parameters);
        address[] memory governance = parameters.governance;
        made.accessManager = new AccessManager(deployer);
        made.timelock = new TimelockController(parameters.timelockSeconds, governance, governance, address(0));
        Token memory token = parameters.token;
        if (token.home) made.hfr = new Hfr(parameters.treasury, token.premint, token.minter);
        made.distributor = new Distributor(address(made.accessManager), parameters.challengeSeconds);
        made.market = new Market(
            address(made.accessManager),
            address(made.distributor),
            parameters.treasury,
            address(made.hfr),
            parameters.disputeSeconds
        );
        // Before the table is written the deployer may list assets; afterwards that takes PARAMS and its delay.
        if (token.home) made.market.setAsset(address(made.hfr), true, token.feeBps);
        for (uint256 i = 0; i < parameters.assets.length; ++i) {
            made.market.setAsset(parameters.assets[i].asset, true, parameters.assets[i].feeBps);
        }
        _writeTable(made.accessManager, address(made.market), Roles.market());
        _writeTable(made.accessManager, address(made.distributor), Roles.distributor());
        _grant(made.accessManager, parameters);
        _leave(made.accessManager, address(made.timelock), deployer);
    }

    function _writeTable(AccessManager manager, address target, Roles.Permission[] memory table) private {
        for (uint256 i = 0; i < table.length; ++i) {
            bytes4[] memory one = new bytes4[](1);
            one[0] = table[i].selector;
            manager.setTargetFunctionRole(target, one, table[i].role);
        }
    }

    function _grant(AccessManager manager, Parameters memory parameters) private {
        for (uint64 role = 1; role <= Roles.COUNT; ++role) {
            manager.labelRole(role, Roles.name(role));
            address[] memory holders = parameters.holders[role - 1];
            // Terms change with notice, everything else is daily work.
            uint32 delay = role == Roles.PARAMS ? parameters.paramsDelaySeconds : 0;
            for (uint256 i = 0; i < holders.length; ++i) {
                manager.grantRole(role, holders[i], delay);
            }
        }
        manager.setRoleGuardian(Roles.PARAMS, Roles.GUARDIAN);
    }

    function _leave(AccessManager manager, address timelock, address deployer) private {
        uint64 admin = manager.ADMIN_ROLE();
        // No second delay on top of the timelock's: taking a stolen key's role away must not take longer than a pause lasts.
        manager.grantRole(admin, timelock, 0);
        manager.renounceRole(admin, deployer);
    }

    function _requireSound(Parameters memory parameters) private pure {
        if (parameters.governance.length == 0) revert NoGovernance();
        for (uint64 role = 1; role <= Roles.COUNT; ++role) {
            uint256 least = role == Roles.WATCHER && parameters.full ? FULL_WATCHERS : 1;
            if (parameters.holders[role - 1].length < least) revert RoleEmpty(Roles.name(role), least);
        }
        _requireSeparate(parameters.holders);
        if (parameters.practice) return;
        uint64 challenge = parameters.full ? FULL_CHALLENGE_SECONDS : SMALL_CHALLENGE_SECONDS;
        _requireWindow("challengeSeconds", parameters.challengeSeconds, challenge);
        _requireWindow("disputeSeconds", parameters.disputeSeconds, LEAST_DISPUTE_SECONDS);
        _requireWindow("timelockSeconds", parameters.timelockSeconds, LEAST_TIMELOCK_SECONDS);
        _requireWindow("paramsDelaySeconds", parameters.paramsDelaySeconds, LEAST_PARAMS_SECONDS);
    }

    function _requireWindow(string memory window, uint256 given, uint256 least) private pure {
        if (given < least) revert WindowTooShort(window, given, least);
    }

    function _requireSeparate(address[][] memory holders) private pure {
        for (uint64 one = 1; one <= Roles.COUNT; ++one) {
            for (uint64 other = one + 1; other <= Roles.COUNT; ++other) {
                if (Roles.isSeparate(one) && Roles.isSeparate(other)) _requireNoneInBoth(holders, one, other);
            }
        }
    }

    function _requireNoneInBoth(address[][] memory holders, uint64 one, uint64 other) private pure {
        address[] memory left = holders[one - 1];
        address[] memory right = holders[other - 1];
        for (uint256 i = 0; i < left.length; ++i) {
            for (uint256 j = 0; j < right.length; ++j) {
                if (left[i] == right[j]) revert RolesMeet(left[i], Roles.name(one), Roles.name(other));
            }
        }
    }
}
