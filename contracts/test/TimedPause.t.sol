// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {vm} from "../script/Vm.sol";
import {ITimedPause} from "../src/interfaces/ITimedPause.sol";
import {Base} from "./Base.sol";

/// @title A pause that ends by itself, in both contracts that have one
contract TimedPauseTest is Base {
    function test_a_pause_ends_after_seven_days() external {
        for (uint256 i = 0; i < 2; ++i) {
            ITimedPause target = both(i);
            uint64 start = uint64(block.timestamp);
            expectEvent(address(target));
            emit ITimedPause.Paused(start + 7 days);
            vm.prank(guardian);
            target.pause();
            same("until", target.pausedUntil(), start + 7 days);
            vm.warp(start + 7 days);
            vm.expectRevert(abi.encodeWithSelector(ITimedPause.NotPaused.selector));
            vm.prank(guardian);
            target.resume();
        }
    }

    function test_a_pause_cannot_be_renewed_for_seven_days() external {
        for (uint256 i = 0; i < 2; ++i) {
            ITimedPause target = both(i);
            uint64 start = uint64(block.timestamp);
            vm.prank(guardian);
            target.pause();
            uint64[3] memory moments = [start, start + 7 days, start + 14 days - 1];
            for (uint256 j = 0; j < 3; ++j) {
                vm.warp(moments[j]);
                vm.expectRevert(abi.encodeWithSelector(ITimedPause.PauseNotReady.selector, start + 14 days));
                vm.prank(guardian);
                target.pause();
            }
            vm.warp(start + 14 days);
            vm.prank(guardian);
            target.pause();
        }
    }

    function test_a_pause_can_be_ended_early_and_the_rest_begins_then() external {
        for (uint256 i = 0; i < 2; ++i) {
            ITimedPause target = both(i);
            vm.prank(guardian);
            target.pause();
            vm.warp(block.timestamp + 1 days);
            uint64 ended = uint64(block.timestamp);
            expectEvent(address(target));
            emit ITimedPause.Resumed();
            vm.prank(guardian);
            target.resume();
            same("until", target.pausedUntil(), ended);
            vm.expectRevert(abi.encodeWithSelector(ITimedPause.NotPaused.selector));
            vm.prank(guardian);
            target.resume();
            vm.expectRevert(abi.encodeWithSelector(ITimedPause.PauseNotReady.selector, ended + 7 days));
            vm.prank(guardian);
            target.pause();
        }
    }

    function test_only_the_guardian_pauses_and_resumes() external {
        for (uint256 i = 0; i < 2; ++i) {
            ITimedPause target = both(i);
            expectNoRole(watcher);
            target.pause();
            vm.prank(guardian);
            target.pause();
            expectNoRole(watcher);
            target.resume();
        }
    }

    /// Whatever a guardian tries, at any time claims are open at some moment of the next seven days.
    function testFuzz_no_guardian_keeps_it_shut(uint32[8] memory waits) external {
        uint64 shutSince = 0;
        for (uint256 i = 0; i < waits.length; ++i) {
            vm.warp(block.timestamp + waits[i] % 10 days);
            if (shutSince != 0 && block.timestamp >= market.pausedUntil()) shutSince = 0;
            vm.prank(guardian);
            try market.pause() {
                if (shutSince == 0) shutSince = uint64(block.timestamp);
            } catch {}
            if (shutSince != 0) holds("shut for seven days at most", market.pausedUntil() <= shutSince + 7 days);
        }
    }

    function both(uint256 i) private view returns (ITimedPause) {
        return i == 0 ? ITimedPause(market) : ITimedPause(distributor);
    }
}
