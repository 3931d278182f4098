// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {ITimedPause} from "./interfaces/ITimedPause.sol";

/// @title The pause shared by Market and Distributor
abstract contract TimedPause is AccessManaged, ITimedPause {
    uint64 private constant PAUSE_SECONDS = 7 days;
    /// Rest after a pause. Without it a guardian could pause on the last second of every pause.
    uint64 private constant REST_SECONDS = 7 days;

    /// @inheritdoc ITimedPause
    uint64 public override pausedUntil;

    modifier whenRunning() {
        if (_isPaused()) revert IsPaused(pausedUntil);
        _;
    }

    /// @inheritdoc ITimedPause
    function pause() external override restricted {
        uint64 last = pausedUntil;
        uint64 nowSeconds = uint64(block.timestamp);
        if (last != 0 && nowSeconds < last + REST_SECONDS) revert PauseNotReady(last + REST_SECONDS);
        pausedUntil = nowSeconds + PAUSE_SECONDS;
        emit Paused(nowSeconds + PAUSE_SECONDS);
    }

    /// @inheritdoc ITimedPause
    function resume() external override restricted {
        if (!_isPaused()) revert NotPaused();
        pausedUntil = uint64(block.timestamp);
        emit Resumed();
    }

    function _isPaused() internal view returns (bool) {
        return block.timestamp < pausedUntil;
    }
}
