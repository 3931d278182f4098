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
    error::Exit,
    output::{Form, Output, failure, form_of},
};

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(refused) => return not_understood(&refused),
    };
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

/// Help and version are answers; anything else is a failure like others, in the form that was asked for.
fn not_understood(refused: &clap::Error) -> ExitCode {
    if refused.use_stderr() && form_of(std::env::args_os()) == Form::Json {
        let message = refused.render().to_string();
        let message = message.trim().trim_start_matches("error: ").to_owned();
        // Nothing is left to do if even this cannot be written.
        let _unseen = writeln!(io::stderr().lock(), "{}", failure(&Error::Usage(message), Form::Json));
        return Exit::Usage.into();
    }
    refused.exit()
}
