// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../../script/Vm.sol";
import {Base} from "../Base.sol";
import {Campaign} from "./Campaign.sol";

/// @title Everything that can happen to the token
contract HfrActs is Base {
    uint256 public burned;
    uint256 public highest;
    string public broken;

    constructor() {
        setUp();
    }

    function create(uint256 amount) external {
        amount %= 100_000_000e18;
        vm.prank(minter);
        hfr.mint(alice, amount);
    }

    function forge(uint256 amount, uint160 who) external {
        if (address(who) == minter) return;
        vm.prank(address(who));
        try hfr.mint(address(who), amount) {
            broken = "somebody else minted";
        } catch {}
    }

    function destroy(uint256 amount) external {
        amount %= hfr.balanceOf(alice) + 1;
        vm.prank(alice);
        hfr.burn(amount);
        burned += amount;
    }

    function destroyFrom(uint256 amount) external {
        amount %= hfr.balanceOf(bob) + 1;
        vm.prank(bob);
        hfr.approve(stranger, amount);
        vm.prank(stranger);
        hfr.burnFrom(bob, amount);
        burned += amount;
    }

    function move(uint256 amount) external {
        amount %= hfr.balanceOf(alice) + 1;
        vm.prank(alice);
        hfr.transfer(bob, amount);
    }

    function look() external returns (string memory) {
        if (hfr.totalMinted() < highest) return "what was ever minted became less";
        highest = hfr.totalMinted();
        if (highest > hfr.cap()) return "more than the cap was minted";
        if (hfr.totalSupply() + burned != highest) return "the supply is not what was minted and not burnt";
        return broken;
    }
}

/// @title What is true of the token whatever happened (I7)
contract HfrInvariants is Campaign, Base {
    HfrActs private _world;

    function setUp() public override {
        _world = new HfrActs();
        target = address(_world);
        acts = [
            HfrActs.create.selector,
            HfrActs.forge.selector,
            HfrActs.destroy.selector,
            HfrActs.destroyFrom.selector,
            HfrActs.move.selector
        ];
    }

    function invariant_the_cap_holds_for_ever() external {
        string memory wrong = _world.look();
        holds(wrong, bytes(wrong).length == 0);
    }
}
