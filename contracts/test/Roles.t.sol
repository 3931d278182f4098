// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {vm} from "../script/Vm.sol";
import {Roles} from "../src/Roles.sol";
import {IMarket} from "../src/interfaces/IMarket.sol";
import {Base} from "./Base.sol";

/// @title Who may do what, and that nothing was forgotten
contract RolesTest is Base {
    /// What anybody may call although it changes something. A function added to a contract has to be added here or to the table of
    /// roles: there is no third place.
    string[12] private _openInMarket = [
        "deposit(address,uint128)",
        "depositWithPermit(address,uint128,uint256,uint8,bytes32,bytes32)",
        "depositWithAuthorization(address,(address,uint128,uint256,uint256,bytes32,uint8,bytes32,bytes32))",
        "withdraw(address,uint128,address)",
        "revokeOrder(bytes32)",
        "dispute(bytes32,string)",
        "finalize(bytes32[])",
        "release(bytes32)",
        "sweep(address)",
        // Checks its caller itself: the AccessManager only.
        "setAuthority(address)",
        "",
        ""
    ];
    string[12] private _openInDistributor = [
        "activate()",
        "claim(address,address,uint128,bytes32[])",
        "claimMany((address,address,uint128,bytes32[])[])",
        "claimBatch(address,address[],uint128[],bytes32[],bool[])",
        "claimTo((address,address,uint128,bytes32[]),address,uint128,uint128,uint256,bytes)",
        "setPayout(address)",
        "setAuthority(address)",
        "",
        "",
        "",
        "",
        ""
    ];

    function test_every_function_that_changes_something_has_a_role_or_is_meant_for_everybody() external {
        check("Market", address(market), Roles.market(), _openInMarket);
        check("Distributor", address(distributor), Roles.distributor(), _openInDistributor);
    }

    function test_the_deployer_keeps_nothing() external view {
        for (uint64 role = 0; role <= Roles.COUNT; ++role) {
            (bool isMember,) = manager.hasRole(role, address(this));
            holds("no role", !isMember);
        }
        (bool isAdmin, uint32 delay) = manager.hasRole(0, timelock);
        holds("the timelock governs", isAdmin);
        same("one delay, the timelock's", delay, 0);
        same("seven days", TimelockController(payable(timelock)).getMinDelay(), 7 days);
    }

    function test_roles_are_held_as_planned_and_terms_wait() external view {
        Parameters memory parameters = standard();
        for (uint64 role = 1; role <= Roles.COUNT; ++role) {
            (bool isMember, uint32 delay) = manager.hasRole(role, parameters.holders[role - 1][0]);
            holds("member", isMember);
            same("delay", delay, role == Roles.PARAMS ? 48 hours : 0);
        }
        same("who cancels terms", manager.getRoleGuardian(Roles.PARAMS), Roles.GUARDIAN);
    }

    function test_roles_change_through_the_timelock_after_its_delay() external {
        TimelockController lock = TimelockController(payable(timelock));
        bytes memory call = abi.encodeCall(manager.revokeRole, (Roles.SETTLER, settler));
        vm.prank(safe);
        lock.schedule(address(manager), 0, call, 0, 0, 7 days);
        vm.warp(block.timestamp + 7 days - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        vm.prank(safe);
        lock.execute(address(manager), 0, call, 0, 0);
        vm.warp(block.timestamp + 1);
        vm.prank(safe);
        lock.execute(address(manager), 0, call, 0, 0);
        expectNoRole(settler);
        market.proposeBatch(new IMarket.Settlement[](0));
    }

    function test_a_guardian_cancels_a_change_of_terms() external {
        bytes memory call = abi.encodeCall(IMarket.setAsset, (address(usd), true, 1_500));
        vm.prank(paramsKey);
        manager.schedule(address(market), call, 0);
        vm.prank(guardian);
        manager.cancel(paramsKey, address(market), call);
        vm.warp(block.timestamp + 48 hours);
        vm.expectRevert();
        vm.prank(paramsKey);
        market.setAsset(address(usd), true, 1_500);
    }

    function test_closing_the_contracts_leaves_everybody_their_money() external {
        deposit(alice, address(usd), 5e6);
        usd.mint(address(distributor), 1e6);
        publish(distributor.leafOf(bob, address(usd), 1e6), totalsOf(address(usd), 1e6));
        vm.startPrank(timelock);
        manager.setTargetClosed(address(market), true);
        manager.setTargetClosed(address(distributor), true);
        vm.stopPrank();
        vm.prank(alice);
        market.withdraw(address(usd), 5e6, alice);
        distributor.claim(bob, address(usd), 1e6, new bytes32[](0));
    }

    // ------------------------------------------------------------------------------------------------ what is refused

    function test_no_address_holds_two_roles_that_must_not_meet() external {
        uint64[4] memory separate = [Roles.SETTLER, Roles.ARBITER, Roles.PROPOSER, Roles.WATCHER];
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = i + 1; j < 4; ++j) {
                Parameters memory parameters = standard();
                address both = parameters.holders[separate[i] - 1][0];
                parameters.holders[separate[j] - 1][0] = both;
                vm.expectRevert(
                    abi.encodeWithSelector(RolesMeet.selector, both, Roles.name(separate[i]), Roles.name(separate[j]))
                );
                this.deploy(parameters);
            }
        }
        Parameters memory small = standard();
        small.holders[Roles.MATCHER - 1][0] = settler;
        this.deploy(small);
    }

    function test_every_role_is_held_and_the_full_table_has_three_watchers() external {
        for (uint64 role = 1; role <= Roles.COUNT; ++role) {
            Parameters memory parameters = standard();
            parameters.holders[role - 1] = new address[](0);
            vm.expectRevert(abi.encodeWithSelector(RoleEmpty.selector, Roles.name(role), 1));
            this.deploy(parameters);
        }
        Parameters memory full = standard();
        full.full = true;
        vm.expectRevert(abi.encodeWithSelector(RoleEmpty.selector, "watcher", 3));
        this.deploy(full);
        full.holders[Roles.WATCHER - 1] = new address[](3);
        for (uint160 i = 0; i < 3; ++i) {
            full.holders[Roles.WATCHER - 1][i] = address(i + 1);
        }
        full.challengeSeconds = 24 hours;
        this.deploy(full);
    }

    function test_somebody_governs() external {
        Parameters memory parameters = standard();
        parameters.governance = new address[](0);
        vm.expectRevert(abi.encodeWithSelector(NoGovernance.selector));
        this.deploy(parameters);
    }

    function test_windows_are_long_enough_for_people_except_in_practice() external {
        Parameters memory parameters = standard();
        parameters.challengeSeconds = 72 hours - 1;
        expectTooShort("challengeSeconds", 72 hours - 1, 72 hours, parameters);
        parameters = standard();
        parameters.disputeSeconds = 24 hours - 1;
        expectTooShort("disputeSeconds", 24 hours - 1, 24 hours, parameters);
        parameters = standard();
        parameters.timelockSeconds = 48 hours - 1;
        expectTooShort("timelockSeconds", 48 hours - 1, 48 hours, parameters);
        parameters = standard();
        parameters.paramsDelaySeconds = 48 hours - 1;
        expectTooShort("paramsDelaySeconds", 48 hours - 1, 48 hours, parameters);
        (parameters.practice, parameters.disputeSeconds, parameters.challengeSeconds) = (true, 1, 1);
        this.deploy(parameters);
    }

    function test_an_island_has_no_hfr() external {
        Parameters memory parameters = standard();
        parameters.token.home = false;
        Deployed memory made = this.deploy(parameters);
        same("no token", address(made.hfr), address(0));
        same("the market knows", made.market.hfr(), address(0));
        same("assets", made.market.assets().length, 2);
    }

    function deploy(Parameters memory parameters) external returns (Deployed memory) {
        return _deploy(parameters, address(this));
    }

    // ---------------------------------------------------------------------------------------------------------- leaves

    function expectTooShort(string memory window, uint256 given, uint256 least, Parameters memory parameters) private {
        vm.expectRevert(abi.encodeWithSelector(WindowTooShort.selector, window, given, least));
        this.deploy(parameters);
    }

    function check(string memory name, address target, Roles.Permission[] memory table, string[12] storage open) private {
        string memory build = vm.readFile(string.concat("out/", name, ".sol/", name, ".json"));
        string[] memory signatures = vm.parseJsonKeys(build, ".methodIdentifiers");
        uint256 restricted = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            bytes4 selector = bytes4(keccak256(bytes(signatures[i])));
            uint64 role = manager.getTargetFunctionRole(target, selector);
            bool listed = isListed(table, selector, role);
            if (listed) ++restricted;
            // What the contract does to a stranger: 512 zero bytes are arguments enough for every function. A call that may change
            // nothing burns all its gas on the first try to, hence the limit.
            vm.prank(stranger);
            (bool worked, bytes memory reason) = target.staticcall{gas: 300_000}(bytes.concat(selector, new bytes(512)));
            bool refused = !worked && reason.length >= 4 && bytes4(reason) == IAccessManaged.AccessManagedUnauthorized.selector;
            bool isSetAuthority = selector == IAccessManaged.setAuthority.selector;
            holds(string.concat(signatures[i], " asks for the role in the table"), refused == (listed || isSetAuthority));
            if (!listed) same(string.concat(signatures[i], " has no role"), role, 0);
            if (!listed && !worked) holds(string.concat(signatures[i], " is meant for everybody"), isOpen(open, signatures[i]));
        }
        same("the table is all used", restricted, table.length);
    }

    function isListed(Roles.Permission[] memory table, bytes4 selector, uint64 role) private pure returns (bool) {
        for (uint256 i = 0; i < table.length; ++i) {
            if (table[i].selector == selector) return table[i].role == role && role != 0;
        }
        return false;
    }

    function isOpen(string[12] storage open, string memory signature) private view returns (bool) {
        for (uint256 i = 0; i < open.length; ++i) {
            if (keccak256(bytes(open[i])) == keccak256(bytes(signature))) return true;
        }
        return false;
    }
}
