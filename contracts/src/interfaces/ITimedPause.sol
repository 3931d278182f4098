// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A pause that ends by itself
/// @notice A guardian can stop the dangerous half of a contract at once, but for seven days only and not again in the seven days
/// after, so that a guardian who is lost or turned can delay everybody's money and never keep it. What a pause stops is written
/// at each function; taking one's own money out of the Market is never among it.
interface ITimedPause {
    /// @notice Stopped until `until`.
    event Paused(uint64 until);
    /// @notice Running again, before the pause would have ended.
    event Resumed();

    /// @notice Stopped until `until`.
    error IsPaused(uint64 until);
    /// @notice The last pause is too recent: the next can begin at `from`.
    error PauseNotReady(uint64 from);
    /// @notice There is no pause to end.
    error NotPaused();

    /// @notice Stops the contract for seven days. GUARDIAN only.
    function pause() external;

    /// @notice Ends the pause early. The seven days of rest count from now. GUARDIAN only.
    function resume() external;

    /// @notice When the current or last pause ends; 0 if there was none.
    function pausedUntil() external view returns (uint64);
}
