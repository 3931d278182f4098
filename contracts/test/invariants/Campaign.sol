// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What forge asks a test of invariants
/// @notice Only the handler's acts are called: a fuzzer that could call its set-up would find faults that are not there.
abstract contract Campaign {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address internal target;
    bytes4[] internal acts;

    function targetContracts() external view returns (address[] memory all) {
        all = new address[](1);
        all[0] = target;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory all) {
        all = new FuzzSelector[](1);
        all[0] = FuzzSelector(target, acts);
    }
}
