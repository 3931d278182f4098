//! The wallet's commands: guests at the control socket that ask, show what would be signed, and have it signed.
//!
//! Secrets are typed without an echo or come by standard input; never as arguments or in the environment, where other programs look.

mod args;
mod prompt;
mod steps;
mod tell;

use headframe_control::{AgentPaths, Client, ClientError};
use headframe_protocol::{
    Micros,
    control::{
        CreateArgs, Hazard, HistoryArgs, ImportArgs, PrepareArgs, ReceiptsArgs, Source, SpendArgs, WalletAnswer, WalletCode,
        WalletRefusal, WalletRequest, WatchArgs,
    },
};

use crate::{Exit, commands, words};

use args::{
    Accept, Agree, CreateCommand, From, ImportCommand, PayoutCommand, ShowCommand, VerifyCommand, WatchCommand, WithdrawCommand,
};
pub(crate) use args::{Command, SpendCommand};
use steps::{Agreement, PayoutWish};

/// How many lines of the past are printed.
const LINES: u32 = 20;

/// Why a command did not do it.
pub(crate) enum Stopped {
    /// The agent did not answer.
    Client(ClientError),
    /// The wallet says no.
    Refused(WalletRefusal),
    /// The owner says no, or cannot be asked.
    Here(String),
}

impl std::convert::From<ClientError> for Stopped {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

pub(crate) async fn run(paths: &AgentPaths, command: Command) -> Exit {
    end(Box::pin(obey(paths, command)).await)
}

pub(crate) async fn spend(paths: &AgentPaths, command: SpendCommand) -> Exit {
    let done = async {
        let amount = dollars(&command.amount)?;
        let mut client = Client::connect(paths).await?;
        words::say(&match ask(&mut client, WalletRequest::Spend(SpendArgs { amount, customer: command.customer })).await? {
            WalletAnswer::Spending => format!(
                "The network does not answer. That {amount} of your earnings become computing credit is written down, and is done \
                 once it answers; do not ask again. `headframe-agent wallet show` says how it goes."
            ),
            _ => format!("{amount} of your earnings are computing credit now."),
        });
        Ok(())
    };
    end(done.await)
}

fn end(done: Result<(), Stopped>) -> Exit {
    match done {
        Ok(()) => Exit::Done,
        Err(Stopped::Client(error)) => commands::finish_with(Err(error)),
        Err(Stopped::Refused(refusal)) => {
            words::say_error(&refusal.message);
            if let Some(hint) = hint(refusal.code) {
                words::say_error(hint);
            }
            Exit::Failed
        }
        Err(Stopped::Here(message)) => {
            words::say_error(&message);
            Exit::Failed
        }
    }
}

/// What would help.
const fn hint(code: WalletCode) -> Option<&'static str> {
    match code {
        WalletCode::NoWallet => Some("Make one with `headframe-agent wallet create`, or see `import` and `watch`."),
        WalletCode::Exists => Some("Add --replace to put another in its place; its file stays."),
        WalletCode::PasswordNeeded => Some("There is no terminal to ask at; see --password-stdin."),
        WalletCode::Unverified => Some("Run `headframe-agent wallet verify`."),
        WalletCode::NoGas => Some("Earnings need no gas: leave --own-gas out, and a relayer sends them."),
        WalletCode::ClockWrong => Some("Set the clock of this PC, then try again."),
        WalletCode::WrongPassword
        | WalletCode::PhraseNeeded
        | WalletCode::Unconfirmed
        | WalletCode::IntentGone
        | WalletCode::Offline
        | WalletCode::Refused => None,
    }
}

async fn obey(paths: &AgentPaths, command: Command) -> Result<(), Stopped> {
    let mut client = Client::connect(paths).await?;
    match command {
        Command::Create(command) => create(&mut client, command).await,
        Command::Verify(VerifyCommand { phrase_stdin, payout }) => {
            let mut agreement = agreement(&payout.agree)?;
            steps::verify(&mut client, phrase_stdin).await?;
            steps::offer_payout(&mut client, wish(&payout), &mut agreement).await
        }
        Command::Import(command) => import(&mut client, command).await,
        Command::Watch(WatchCommand { address, replace }) => {
            ask(&mut client, WalletRequest::Watch(WatchArgs { address, replace })).await?;
            steps::offer_payout(&mut client, PayoutWish::default(), &mut Agreement::default()).await
        }
        Command::Payout(command) => steps::payout(&mut client, wish(&command), &mut agreement(&command.agree)?).await,
        Command::Show(ShowCommand { json }) => tell::show(&mut client, json).await,
        Command::Balances(ShowCommand { json }) => tell::answer(&mut client, WalletRequest::Balances, json).await,
        Command::Receipts(ShowCommand { json }) => {
            let request = WalletRequest::Receipts(ReceiptsArgs { after: None, limit: LINES });
            tell::answer(&mut client, request, json).await
        }
        Command::Withdraw(command) => withdraw(&mut client, command).await,
        Command::History(ShowCommand { json }) => {
            let request = WalletRequest::History(HistoryArgs { after: None, limit: LINES });
            tell::answer(&mut client, request, json).await
        }
    }
}

async fn create(client: &mut Client, command: CreateCommand) -> Result<(), Stopped> {
    let CreateCommand { words, show, keep } = command;
    if !show && !prompt::is_terminal() {
        return Err(Stopped::Here("The phrase would not go to a terminal. Add --show if that is meant.".to_owned()));
    }
    let password = prompt::new_password(keep.password_stdin)?;
    let args = CreateArgs {
        words: if words == "24" { 24 } else { 12 },
        password: password.clone(),
        remember: keep.remember,
        replace: keep.replace,
    };
    let WalletAnswer::Created { wallet, phrase } = ask(client, WalletRequest::Create(args)).await? else { return Err(garbled()) };
    tell::phrase(&wallet, &phrase);
    drop(phrase);
    if !prompt::is_terminal() || keep.password_stdin {
        words::say("Next: `headframe-agent wallet verify`. Before that nothing is paid out.");
        return Ok(());
    }
    prompt::wait("Press Enter when all words are on paper. They are not shown again.")?;
    prompt::clear();
    steps::verify(client, false).await?;
    steps::offer_payout(
        client,
        PayoutWish::default(),
        &mut Agreement { yes: false, password: Some(password), accepted: Vec::new() },
    )
    .await
}

async fn import(client: &mut Client, command: ImportCommand) -> Result<(), Stopped> {
    let keep = command.keep;
    let password = prompt::new_password(keep.password_stdin)?;
    let phrase = prompt::secret("The phrase: ", keep.password_stdin)?;
    let args = ImportArgs { phrase, password: password.clone(), remember: keep.remember, replace: keep.replace };
    let WalletAnswer::Shown { wallet } = ask(client, WalletRequest::Import(args)).await? else { return Err(garbled()) };
    words::say(&tell::wallet(&wallet));
    steps::offer_payout(
        client,
        PayoutWish::default(),
        &mut Agreement { yes: false, password: Some(password), accepted: Vec::new() },
    )
    .await
}

async fn withdraw(client: &mut Client, command: WithdrawCommand) -> Result<(), Stopped> {
    let WithdrawCommand { chain, asset, to, amount, from, own_gas, accept, no_wait, agree } = command;
    let mut agreement = agreement(&agree)?;
    agreement.accepted = accept.into_iter().map(hazard).collect();
    let wish = PrepareArgs::Withdraw {
        chain_id: chain,
        asset,
        from: match from {
            From::Earnings => Source::Earnings,
            From::Wallet => Source::Wallet,
        },
        to,
        amount: Some(amount).filter(|amount| amount != "all"),
        own_gas,
    };
    let Some(card) = steps::agree(client, wish, &mut agreement).await? else { return Err(garbled()) };
    words::say(&tell::withdrawal(&card));
    if no_wait { Ok(()) } else { steps::follow(client, card).await }
}

const fn hazard(accept: Accept) -> Hazard {
    match accept {
        Accept::NoChecksum => Hazard::NoChecksum,
        Accept::Contract => Hazard::Contract,
        Accept::Token => Hazard::Token,
        Accept::HighFee => Hazard::HighFee,
    }
}

fn agreement(agree: &Agree) -> Result<Agreement, Stopped> {
    let password = agree.password_stdin.then(|| prompt::secret("", true)).transpose()?;
    Ok(Agreement { yes: agree.yes, password, accepted: Vec::new() })
}

const fn wish(command: &PayoutCommand) -> PayoutWish {
    PayoutWish { chain_id: command.chain, in_hfr: command.hfr }
}

/// Asks the wallet. A refusal ends the command.
async fn ask(client: &mut Client, request: WalletRequest) -> Result<WalletAnswer, Stopped> {
    match client.wallet(request).await? {
        WalletAnswer::Refused { refusal } => Err(Stopped::Refused(refusal)),
        answer @ (WalletAnswer::Shown { .. }
        | WalletAnswer::Created { .. }
        | WalletAnswer::Quiz { .. }
        | WalletAnswer::Balances { .. }
        | WalletAnswer::Prepared { .. }
        | WalletAnswer::Signed { .. }
        | WalletAnswer::History { .. }
        | WalletAnswer::Receipts { .. }
        | WalletAnswer::Spent
        | WalletAnswer::Spending
        | WalletAnswer::News { .. }) => Ok(answer),
    }
}

const fn garbled() -> Stopped {
    Stopped::Client(ClientError::Garbled)
}

/// Dollars as people write them, exactly.
fn dollars(text: &str) -> Result<Micros, Stopped> {
    let wrong = || Stopped::Here("An amount is dollars with at most six digits after the point, such as 12.5.".to_owned());
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || rest.len() > 6 || !digits(whole) || !digits(rest) {
        return Err(wrong());
    }
    format!("{whole}{rest:0<6}").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        let of = |text| dollars(text).ok();
        assert_eq!(of("12.5"), Some(Micros::new(12_500_000)));
        assert_eq!(of("0.000001"), Some(Micros::new(1)));
        for text in ["", ".5", "-1", "1e3", "1.0000001", "$5", "1.2.3"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
