// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../script/Vm.sol";
import {Hfr} from "../src/Hfr.sol";
import {IHfr} from "../src/interfaces/IHfr.sol";
import {Base} from "./Base.sol";

/// @title The token
contract HfrTest is Base {
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    function test_it_starts_with_what_is_handed_out() external {
        expectNextMint(550_000_000e18, 550_000_000e18);
        Hfr token = new Hfr(treasury, 550_000_000e18, minter);
        same("treasury", token.balanceOf(treasury), 550_000_000e18);
        same("minted", token.totalMinted(), 550_000_000e18);
        same("cap", token.cap(), 1_000_000_000e18);
        same("most at the start", token.maxPremint(), 550_000_000e18);
        same("minter", token.minter(), minter);
        same("decimals", token.decimals(), 18);
        same("name", keccak256(bytes(token.name())), keccak256("Headframe"));
        same("symbol", keccak256(bytes(token.symbol())), keccak256("HFR"));
    }

    function test_more_than_550_million_cannot_be_handed_out_at_the_start() external {
        vm.expectRevert(abi.encodeWithSelector(IHfr.OverPremint.selector, 550_000_000e18 + 1, 550_000_000e18));
        this.make(treasury, 550_000_000e18 + 1, minter);
    }

    function test_somebody_receives_and_somebody_mints() external {
        vm.expectRevert(abi.encodeWithSelector(IHfr.ZeroAddress.selector));
        this.make(address(0), 0, minter);
        vm.expectRevert(abi.encodeWithSelector(IHfr.ZeroAddress.selector));
        this.make(treasury, 0, address(0));
    }

    function test_only_the_minter_mints() external {
        vm.expectRevert(abi.encodeWithSelector(IHfr.NotMinter.selector, treasury));
        vm.prank(treasury);
        hfr.mint(treasury, 1);
        expectEvent(address(hfr));
        emit IHfr.Minted(bob, 5, 550_000_000e18 + 5);
        vm.prank(minter);
        hfr.mint(bob, 5);
        same("bob", hfr.balanceOf(bob), 1_000_000e18 + 5);
    }

    function test_the_cap_counts_everything_ever_minted() external {
        vm.startPrank(minter);
        vm.expectRevert(abi.encodeWithSelector(IHfr.OverCap.selector, 450_000_000e18 + 1, 450_000_000e18));
        hfr.mint(bob, 450_000_000e18 + 1);
        hfr.mint(bob, 450_000_000e18);
        vm.stopPrank();
        vm.prank(bob);
        hfr.burn(100_000_000e18);
        same("supply", hfr.totalSupply(), 900_000_000e18);
        same("minted", hfr.totalMinted(), 1_000_000_000e18);
        // Burning opens no room.
        vm.expectRevert(abi.encodeWithSelector(IHfr.OverCap.selector, 1, 0));
        vm.prank(minter);
        hfr.mint(bob, 1);
    }

    function test_tokens_move_by_signature() external {
        uint256 until = block.timestamp + 1;
        bytes32 what = keccak256(abi.encode(TRANSFER_TYPEHASH, alice, stranger, 7, 0, until, bytes32("nonce")));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ALICE_KEY, keccak256(abi.encodePacked(hex"1901", hfr.DOMAIN_SEPARATOR(), what)));
        hfr.transferWithAuthorization(alice, stranger, 7, 0, until, "nonce", v, r, s);
        same("stranger", hfr.balanceOf(stranger), 7);
    }

    function testFuzz_burning_never_opens_room(uint256 first, uint256 burned, uint256 second) external {
        first = first % 450_000_000e18;
        vm.prank(minter);
        hfr.mint(bob, first);
        burned = burned % (first + 1);
        vm.prank(bob);
        hfr.burn(burned);
        uint256 left = 450_000_000e18 - first;
        second = second % 1_000_000_000e18;
        if (second > left) vm.expectRevert(abi.encodeWithSelector(IHfr.OverCap.selector, second, left));
        vm.prank(minter);
        hfr.mint(bob, second);
        holds("under the cap", hfr.totalMinted() <= hfr.cap());
        holds("supply is what was minted and not burnt", hfr.totalSupply() == hfr.totalMinted() - burned);
    }

    /// A call, so that a refusal can be awaited.
    function make(address receiver, uint256 premint, address minter_) external returns (Hfr) {
        return new Hfr(receiver, premint, minter_);
    }

    function expectNextMint(uint256 amount, uint256 total) private {
        vm.expectEmit(true, true, true, true);
        emit IHfr.Minted(treasury, amount, total);
    }
}
