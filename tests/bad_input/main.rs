//! Bad input, bad servers, bad luck: each must end with the right exit code and a text that names the
//! object and the remedy, lose nothing, and show neither a row's value nor a secret anywhere.
//! With `--nocapture` it prints a line per case.
#![allow(clippy::print_stderr)]

mod broken_target;
mod catalog;
mod connect;
mod data;
#[path = "../harness/mod.rs"]
mod harness;
mod judged;
mod ledger;
mod options;
mod source;
mod tls;
