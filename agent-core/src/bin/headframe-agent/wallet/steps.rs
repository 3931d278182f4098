//! The steps that several commands share: verify a phrase, say where earnings go, agree to an intent, follow a withdrawal.

use std::time::Duration;

use headframe_control::Client;
use headframe_protocol::control::{
    Hazard, IntentCard, PrepareArgs, Secret, SignArgs, VerifyArgs, WalletAnswer, WalletCode, WalletRefusal, WalletRequest,
    WithdrawalCard, WithdrawalState,
};

use super::{Stopped, ask, garbled, prompt, tell};
use crate::words;

/// How often a withdrawal is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many withdrawals back the one that is followed may be.
const LOOK_BACK: u32 = 20;

/// What the owner has agreed to beforehand.
#[derive(Default)]
pub(super) struct Agreement {
    /// To whatever the words say.
    pub(super) yes: bool,
    /// His password.
    pub(super) password: Option<Secret>,
    /// To these hazards.
    pub(super) accepted: Vec<Hazard>,
}

/// Where earnings are to go.
#[derive(Default)]
pub(super) struct PayoutWish {
    pub(super) chain_id: Option<u64>,
    pub(super) in_hfr: bool,
}

/// Has the owner show that he has the phrase.
pub(super) async fn verify(client: &mut Client, phrase_from_stdin: bool) -> Result<(), Stopped> {
    loop {
        let quiz = if phrase_from_stdin { None } else { positions(client).await? };
        let args = match quiz {
            Some(positions) => {
                let typed = positions.iter().map(|position| prompt::secret(&format!("Word {position}: "), false));
                VerifyArgs::Words { words: typed.collect::<Result<_, _>>()? }
            }
            None => VerifyArgs::Phrase { phrase: prompt::secret("The whole phrase: ", phrase_from_stdin)? },
        };
        match client.wallet(WalletRequest::Verify(args)).await? {
            WalletAnswer::Shown { .. } => break,
            WalletAnswer::Refused { refusal } if phrase_from_stdin => return Err(Stopped::Refused(refusal)),
            WalletAnswer::Refused { refusal } => match refusal.code {
                WalletCode::Refused | WalletCode::PhraseNeeded => words::say_error(&refusal.message),
                WalletCode::NoWallet
                | WalletCode::Exists
                | WalletCode::PasswordNeeded
                | WalletCode::WrongPassword
                | WalletCode::Unverified
                | WalletCode::Unconfirmed
                | WalletCode::IntentGone
                | WalletCode::Offline
                | WalletCode::NoGas
                | WalletCode::ClockWrong => return Err(Stopped::Refused(refusal)),
            },
            _ => return Err(garbled()),
        }
    }
    words::say("The phrase is verified. Keep the paper where you keep money.");
    Ok(())
}

/// The words to enter; nothing if the agent has forgotten the phrase.
async fn positions(client: &mut Client) -> Result<Option<Vec<u8>>, Stopped> {
    match client.wallet(WalletRequest::Quiz).await? {
        WalletAnswer::Quiz { positions } => Ok(Some(positions)),
        WalletAnswer::Refused { refusal } if refusal.code == WalletCode::PhraseNeeded => Ok(None),
        WalletAnswer::Refused { refusal } => Err(Stopped::Refused(refusal)),
        _ => Err(garbled()),
    }
}

/// Says where earnings go, if somebody is there to agree.
pub(super) async fn offer_payout(client: &mut Client, wish: PayoutWish, agreement: &mut Agreement) -> Result<(), Stopped> {
    if agreement.yes || prompt::is_terminal() {
        match payout(client, wish, agreement).await {
            // What came before is done; this can be done later.
            Err(Stopped::Refused(refusal)) if refusal.code == WalletCode::Offline => words::say_error(&refusal.message),
            done => return done,
        }
    }
    words::say("Next: `headframe-agent wallet payout`, so that earnings go there.");
    Ok(())
}

/// Says where earnings go.
pub(super) async fn payout(client: &mut Client, wish: PayoutWish, agreement: &mut Agreement) -> Result<(), Stopped> {
    let PayoutWish { chain_id, in_hfr } = wish;
    agree(client, PrepareArgs::ConfirmPayout { chain_id, in_hfr }, agreement).await?;
    words::say("Agreed. The coordinator is told; `headframe-agent wallet show` says when it counts.");
    Ok(())
}

/// Shows what an act does, and has it signed if the owner agrees.
pub(super) async fn agree(
    client: &mut Client,
    wish: PrepareArgs,
    agreement: &mut Agreement,
) -> Result<Option<WithdrawalCard>, Stopped> {
    let WalletAnswer::Prepared { intent } = ask(client, WalletRequest::Prepare(wish)).await? else { return Err(garbled()) };
    words::say(&tell::intent(&intent));
    let confirmed = confirm(&intent, agreement)?;
    if !agreement.yes && !prompt::agrees("Is this what you want?")? {
        return Err(Stopped::Here("Nothing was signed.".to_owned()));
    }
    let previous_password = match &intent.previous {
        Some(previous) if prompt::is_terminal() && !agreement.yes => {
            let question = format!("Password of {previous}, or Enter to have the change wait: ");
            Some(prompt::secret(&question, false)?).filter(|password| !password.reveal().is_empty())
        }
        Some(_) | None => None,
    };
    loop {
        let args = SignArgs {
            intent: intent.id.clone(),
            password: agreement.password.clone(),
            previous_password: previous_password.clone(),
            confirmed: confirmed.clone(),
        };
        match client.wallet(WalletRequest::Sign(args)).await? {
            WalletAnswer::Signed { withdrawal } => return Ok(withdrawal),
            WalletAnswer::Refused { refusal } => agreement.password = Some(another_password(refusal)?),
            _ => return Err(garbled()),
        }
    }
}

/// Every hazard that must be confirmed and is.
fn confirm(intent: &IntentCard, agreement: &Agreement) -> Result<Vec<Hazard>, Stopped> {
    let mut confirmed = Vec::new();
    for warning in intent.warnings.iter().filter(|warning| warning.confirm) {
        let agrees = agreement.accepted.contains(&warning.hazard)
            || (!agreement.yes && prompt::is_terminal() && prompt::agrees(&format!("{} All the same?", warning.message))?);
        if !agrees {
            let name = tell::hazard(warning.hazard);
            return Err(Stopped::Here(format!("Nothing was signed: {} Add --accept {name} if it is meant.", warning.message)));
        }
        confirmed.push(warning.hazard);
    }
    Ok(confirmed)
}

/// Asks for a password where one is missing or wrong, if there is somebody to ask.
fn another_password(refusal: WalletRefusal) -> Result<Secret, Stopped> {
    let asks = match refusal.code {
        WalletCode::PasswordNeeded => true,
        WalletCode::WrongPassword => {
            words::say_error(&refusal.message);
            refusal.wait_ms.unwrap_or_default() == 0
        }
        WalletCode::NoWallet
        | WalletCode::Exists
        | WalletCode::PhraseNeeded
        | WalletCode::Unverified
        | WalletCode::Unconfirmed
        | WalletCode::IntentGone
        | WalletCode::Offline
        | WalletCode::NoGas
        | WalletCode::ClockWrong
        | WalletCode::Refused => false,
    };
    if asks && prompt::is_terminal() { prompt::secret("The wallet's password: ", false) } else { Err(Stopped::Refused(refusal)) }
}

/// Stays until a withdrawal is final or refused.
pub(super) async fn follow(client: &mut Client, mut card: WithdrawalCard) -> Result<(), Stopped> {
    loop {
        match &card.state {
            WithdrawalState::Final { .. } => return Ok(()),
            WithdrawalState::Refused { message } => return Err(Stopped::Here(message.clone())),
            WithdrawalState::Prepared | WithdrawalState::Signed | WithdrawalState::Sent => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let WalletAnswer::History { page } = ask(client, tell::newest(LOOK_BACK)).await? else { return Err(garbled()) };
        let Some(next) = page.withdrawals.into_iter().find(|next| next.id == card.id) else { return Err(garbled()) };
        if next != card {
            words::say(&tell::withdrawal(&next));
        }
        card = next;
    }
}
