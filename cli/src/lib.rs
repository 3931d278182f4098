//! The customer's side of Headframe: submit work, watch it, read its log, fetch its result, pay for it.
//!
//! [`Client`] is the API as a value: it retries what may be repeated, and nothing else. [`job_file`] turns what a person
//! writes into what the coordinator accepts; [`upload`] and [`fetch`] move files and prove them by their sha-256. The
//! program `headframe` ([`args`], [`commands`], [`output`]) is a thin layer of words over these, and tests use them as they are.
//!
//! Money on a chain is the customer's own: [`wallet`] has his key, [`chain`] asks and tells a chain without the coordinator, and
//! [`deposit`] brings money in step by step. Nothing here decides what a job costs or where it runs; it shows what the coordinator says.

pub mod amount;
pub mod args;
pub mod backoff;
pub mod chain;
pub mod client;
pub mod clock;
pub mod commands;
pub mod credentials;
pub mod deposit;
pub mod destination;
pub mod error;
pub mod fetch;
pub mod job_file;
pub mod logs;
pub mod output;
pub mod upload;
pub mod wallet;

pub use client::{ApiKey, Client};
pub use error::{ClientError, Error};
