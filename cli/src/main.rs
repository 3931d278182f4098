//! The program `headframe`.

use std::{
    io::{self, ErrorKind, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use headframe_cli::{
    Error,
    args::Args,
    commands,
    output::{Output, failure},
};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // Read here and not as an option: an option could be given on the command line, for every program to see.
    let key = std::env::var("HEADFRAME_API_KEY").ok().filter(|key| !key.is_empty());
    let form = args.form();
    let out = Output::new(form);
    match Box::pin(commands::run(args, key, &out)).await {
        Ok(()) => ExitCode::SUCCESS,
        // The reader, such as `head`, has seen enough.
        Err(Error::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            let _unseen = writeln!(io::stderr().lock(), "{}", failure(&error, form));
            error.exit().into()
        }
    }
}
