//! The program itself, against a network and a chain that are each one struct behind HTTP.

mod world;
mod chain;
mod network;
mod deposits;
mod withdrawals;
mod prices;
mod hfr;
mod audits;
mod watching;
