//! What each command does, in words over [`crate::Client`].

use clap::CommandFactory as _;

use crate::{
    Client,
    args::{Args, Command, money::AuditCommand},
    credentials::Credentials,
    error::Error,
    output::Output,
};

mod account;
mod ask;
mod audit;
mod balance;
mod deposit;
mod jobs;
mod purse;
mod quote;
mod receipts;
mod submit;
mod wallet;
mod watch;
mod withdraw;

pub use submit::submit_jobs;
pub use watch::{follow_job, print_log};

/// Does what the command line asks.
///
/// # Errors
/// [`Error`], which has an exit code.
pub async fn run(args: Args, key: Option<String>, out: &Output) -> Result<(), Error> {
    let client = || connect(args.url.as_deref(), key.as_deref());
    match args.command {
        Command::Login { address } => account::login(address.or(args.url), out).await,
        Command::Logout => account::logout(out),
        Command::Completions { shell } => completions(shell, out),
        Command::Submit(submit) => submit::submit(&client()?, submit, out).await,
        Command::Jobs { state, limit } => jobs::list(&client()?, state, limit, out).await,
        Command::Show { job } => jobs::show(&client()?, job, out).await,
        Command::Attempts { job } => jobs::attempts(&client()?, job, out).await,
        Command::Cancel { job } => jobs::cancel(&client()?, job, out).await,
        Command::Fetch { job, out: dir, force } => jobs::fetch(&client()?, job, dir, force, out).await,
        Command::Watch { job } => watch::watch(&client()?, job, out).await,
        Command::Logs { follow: true, job } => watch::follow_log(&client()?, job, out).await,
        Command::Logs { follow: false, job } => watch::print_log(&client()?, job, out).await,
        Command::Quote { file } => quote::quote(&client()?, &file, out).await,
        Command::Balance => balance::balance(&client()?, out).await,
        Command::Deposit(args) => deposit::deposit(&client()?, args, out).await,
        Command::Spend(args) => deposit::spend(&client()?, args, out).await,
        Command::Withdraw(args) => withdraw::withdraw(&client()?, args, out).await,
        Command::Tabs => balance::tabs(&client()?, out).await,
        Command::Orders => balance::orders(&client()?, out).await,
        Command::Wallet(command) => wallet::wallet(client, command, out).await,
        Command::Receipts { limit, days } => receipts::list(&client()?, limit, days, out).await,
        Command::Audit(AuditCommand::Epoch(what)) => audit::epoch(args.url.as_deref(), what, out).await,
        Command::Audit(AuditCommand::Watch(what)) => audit::watch::watch(args.url.as_deref(), what, out).await,
        Command::Usage { days } => account::usage(&client()?, days, out).await,
        Command::Offers => account::offers(&client()?, out).await,
    }
}

fn connect(url: Option<&str>, key: Option<&str>) -> Result<Client, Error> {
    Ok(Credentials::find(url, key)?.client()?)
}

fn completions(shell: clap_complete::Shell, out: &Output) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "headframe", &mut script);
    out.print(&String::from_utf8_lossy(&script))
}
