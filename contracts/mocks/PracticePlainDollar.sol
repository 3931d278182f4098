// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Another dollar for practice chains, worth nothing: anybody may print it
/// @notice 18 decimals and no signatures at all, like the older dollars of some chains.
contract PracticePlainDollar is ERC20 {
    constructor() ERC20("Plain Dollar", "USDP") {}

    /// @notice Prints.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
