//! The whole network, on a real engine: a walk through it, and everything that may go wrong on the way.
//!
//! Every deadline is a twentieth of the real one. After each fault: no job is lost, at most one result was accepted, the
//! ledger sums to zero, and customer and owner are told why.

mod raw_rig;
mod scene;

mod challenge;
mod checkpoint;
mod command_line;
mod demo;
mod fault_agent;
mod fault_coordinator;
mod fault_crash;
mod fault_job;
mod fault_messages;
mod fault_money;
mod fault_network;
mod fault_rig;
mod money;
mod pages;
mod refusing;
mod walkthrough;
