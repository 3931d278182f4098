// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

import {IHfr} from "./interfaces/IHfr.sol";

/// @title HFR, the token of Headframe
contract Hfr is IHfr, ERC20, ERC20Permit, ERC20Burnable, ERC3009 {
    uint256 private constant CAP = 1_000_000_000e18;
    /// 45 % of the cap is left to emission, whatever is decided at the start.
    uint256 private constant MAX_PREMINT = 550_000_000e18;

    /// @inheritdoc IHfr
    address public immutable override minter;
    /// @inheritdoc IHfr
    uint256 public override totalMinted;

    /// @param treasury receives what is handed out at the start
    /// @param premint how much that is
    /// @param minter_ fixed for ever; may be an address without code yet
    constructor(address treasury, uint256 premint, address minter_) ERC20("Headframe", "HFR") ERC20Permit("Headframe") {
        if (treasury == address(0) || minter_ == address(0)) revert ZeroAddress();
        if (premint > MAX_PREMINT) revert OverPremint(premint, MAX_PREMINT);
        minter = minter_;
        _create(treasury, premint);
    }

    /// @inheritdoc IHfr
    function mint(address to, uint256 amount) external override {
        if (msg.sender != minter) revert NotMinter(msg.sender);
        uint256 left = CAP - totalMinted;
        if (amount > left) revert OverCap(amount, left);
        _create(to, amount);
    }

    /// @inheritdoc IHfr
    function burn(uint256 amount) public override(IHfr, ERC20Burnable) {
        super.burn(amount);
    }

    /// @inheritdoc IHfr
    function cap() external pure override returns (uint256) {
        return CAP;
    }

    /// @inheritdoc IHfr
    function maxPremint() external pure override returns (uint256) {
        return MAX_PREMINT;
    }

    /// @dev OpenZeppelin's capped token compares the cap with the supply, so that a burn would let the minter mint again.
    function _create(address to, uint256 amount) private {
        uint256 minted = totalMinted + amount;
        totalMinted = minted;
        _mint(to, amount);
        emit Minted(to, amount, minted);
    }
}
