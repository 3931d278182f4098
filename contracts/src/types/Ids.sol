// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A customer's session: money set aside for a stretch of work, settled in steps. Chosen by the coordinator.
type SessionId is bytes32;

/// @notice A customer's standing order: the signed permission to open sessions. Chosen by the customer, one running total each.
type OrderId is bytes32;

/// @notice A payment outside the chain: the hash of provider, reference, amount and currency.
type FiatRef is bytes32;
