// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Millionths of an asset's whole unit, whatever its decimals. The books off chain count in these, so sessions do too:
/// a fee rounded in smaller units here than there would leave the two books a fraction apart for ever. 64 bits hold 18 million
/// million dollars, and three amounts of a session share one storage slot.
type Micros is uint64;

using {plus as +, minus as -, equal as ==, less as <, more as >} for Micros global;
using {feeOf, toUnits, isZero} for Micros global;

function plus(Micros a, Micros b) pure returns (Micros) {
    return Micros.wrap(Micros.unwrap(a) + Micros.unwrap(b));
}

function minus(Micros a, Micros b) pure returns (Micros) {
    return Micros.wrap(Micros.unwrap(a) - Micros.unwrap(b));
}

function equal(Micros a, Micros b) pure returns (bool) {
    return Micros.unwrap(a) == Micros.unwrap(b);
}

function less(Micros a, Micros b) pure returns (bool) {
    return Micros.unwrap(a) < Micros.unwrap(b);
}

function more(Micros a, Micros b) pure returns (bool) {
    return Micros.unwrap(a) > Micros.unwrap(b);
}

function isZero(Micros amount) pure returns (bool) {
    return Micros.unwrap(amount) == 0;
}

/// @notice The fee on a cumulative amount, rounded down: the remainder is the supplier's.
function feeOf(Micros amount, uint16 feeBps) pure returns (Micros) {
    // The product fits: 2^64 x 10,000. The quotient fits: a fee is at most the amount, because no rate exceeds 10,000.
    return Micros.wrap(uint64(uint256(Micros.unwrap(amount)) * feeBps / 10_000));
}

/// @notice The amount in token units, `unit` of them to a micro.
function toUnits(Micros amount, uint64 unit) pure returns (uint128) {
    return uint128(Micros.unwrap(amount)) * unit;
}
