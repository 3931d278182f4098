// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title HFR, the token of Headframe
/// @notice It lowers fees and rewards availability. It is no share, no claim on revenue, and its price can go to zero.
/// @dev What is ever minted is bounded for ever: burning lowers the supply and opens no room for new tokens.
interface IHfr is IERC20 {
    /// @notice Only the minter mints.
    error NotMinter(address caller);
    /// @notice More than may exist: `wanted` on top of what was minted before, `left` until the cap.
    error OverCap(uint256 wanted, uint256 left);
    /// @notice More than may be handed out at the start.
    error OverPremint(uint256 wanted, uint256 most);
    /// @notice Nobody to receive the tokens, or nobody ever to mint them.
    error ZeroAddress();

    /// @notice Tokens were created. `totalMinted` counts everything since the first block.
    event Minted(address indexed to, uint256 amount, uint256 totalMinted);

    /// @notice Creates tokens. The minter only.
    function mint(address to, uint256 amount) external;

    /// @notice Destroys the caller's tokens.
    function burn(uint256 amount) external;

    /// @notice The only address that can ever mint: the emission contract's, known before that contract exists.
    function minter() external view returns (address);

    /// @notice Everything ever minted, burnt tokens included. Never falls.
    function totalMinted() external view returns (uint256);

    /// @notice The most that `totalMinted` can ever be.
    function cap() external pure returns (uint256);

    /// @notice The most that can be handed out at the start; the rest comes from the minter only.
    function maxPremint() external pure returns (uint256);
}
