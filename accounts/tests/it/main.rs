//! Payouts from outside: against values that other people's libraries computed, and against what somebody may try.

mod support;

mod golden;
mod proofs;
mod building;
mod faults;
mod auditing;
