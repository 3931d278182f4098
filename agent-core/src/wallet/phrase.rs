//! The BIP-39 phrase behind a wallet key. It is made or typed, shown once, checked, and never written anywhere by us.

use std::fmt;

use alloy::signers::local::PrivateKeySigner;
use aws_lc_rs::constant_time;
use coins_bip32::ecdsa::SigningKey;
use coins_bip39::{English, Mnemonic, MnemonicError, WordCount};
use headframe_protocol::control::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use super::key::WalletKey;

/// BIP-44: Ethereum's first account, where every other wallet looks for it too.
const PATH: &str = "m/44'/60'/0'/0/0";

/// Why a text is no phrase. Repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Another number of words.
    #[error("a phrase has 12 or 24 words; this has {0}")]
    Length(usize),
    /// A word that is not on the list.
    #[error("word {0} is not on the list of BIP-39; look for a slip of the pen")]
    Word(usize),
    /// Words that do not belong together.
    #[error("these words do not belong together: one is wrong, or two have changed places")]
    Checksum,
    /// One in 2¹²⁷ phrases leads to no key.
    #[error("this phrase leads to no key")]
    Unlucky,
}

/// A phrase. Prints nothing of itself; its memory is overwritten when it goes.
pub(super) struct Phrase(Mnemonic<English>);

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase")
    }
}

impl Phrase {
    /// A new one of 12 or 24 words.
    pub(super) fn generate(words: u8) -> Result<Self, PhraseError> {
        Ok(Self(Mnemonic::random(count(usize::from(words))?, &mut rand::rng())))
    }

    /// From what an owner typed: capitals and spaces do not matter.
    pub(super) fn parse(text: &Secret) -> Result<Self, PhraseError> {
        let typed = text.reveal();
        // As large as it may become: growing would leave copies behind.
        let mut plain = Zeroizing::new(String::with_capacity(typed.len()));
        for word in typed.split_whitespace() {
            if !plain.is_empty() {
                plain.push(' ');
            }
            plain.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        }
        count(plain.split_whitespace().count())?;
        Mnemonic::new_from_phrase(&plain).map(Self).map_err(|error| match error {
            MnemonicError::InvalidWord(position) => PhraseError::Word(position + 1),
            MnemonicError::InvalidWordCount(words) => PhraseError::Length(words),
            _ => PhraseError::Checksum,
        })
    }

    /// For the only sight of it.
    pub(super) fn reveal(&self) -> Secret {
        Secret::new(self.0.to_phrase().to_string())
    }

    /// Whether `word` stands at `position`, counted from 1. Takes as long for a wrong one as for the right one.
    pub(super) fn has(&self, word: &Secret, position: u8) -> bool {
        let phrase = self.0.to_phrase();
        let right = phrase.split(' ').nth(usize::from(position).wrapping_sub(1)).unwrap_or_default();
        let typed = Zeroizing::new(word.reveal().trim().to_ascii_lowercase());
        !right.is_empty() && constant_time::verify_slices_are_equal(right.as_bytes(), typed.as_bytes()).is_ok()
    }

    /// How many words it has.
    pub(super) fn words(&self) -> u8 {
        u8::try_from(self.0.word_count().words()).unwrap_or(u8::MAX)
    }

    /// The key it leads to.
    pub(super) fn key(&self) -> Result<WalletKey, PhraseError> {
        let derived = self.0.derive_key(PATH, None).map_err(|_| PhraseError::Unlucky)?;
        let mut field = AsRef::<SigningKey>::as_ref(&derived).to_bytes();
        let signer = PrivateKeySigner::from_slice(&field);
        field.zeroize();
        signer.map(WalletKey::new).map_err(|_| PhraseError::Unlucky)
    }
}

fn count(words: usize) -> Result<WordCount, PhraseError> {
    match words {
        12 => Ok(WordCount::Twelve),
        24 => Ok(WordCount::TwentyFour),
        other => Err(PhraseError::Length(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phrase every wallet's documentation shows; it belongs to everybody.
    const KNOWN: &str = "test test test test test test test test test test test junk";

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_phrase_leads_where_other_wallets_find_it() {
        let key = Phrase::parse(&secret(KNOWN)).and_then(|phrase| phrase.key()).expect("a key");
        assert_eq!(key.address().to_string(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        let loose = Phrase::parse(&secret(" Test test  TEST test test test test\ttest test test test junk\n")).expect("the same");
        assert_eq!(loose.key().expect("a key").address(), key.address());
    }

    #[test]
    fn a_new_phrase_has_as_many_words_as_asked_for_and_can_be_typed_again() {
        for words in [12, 24] {
            let phrase = Phrase::generate(words).expect("a phrase");
            let shown = phrase.reveal();
            assert_eq!(shown.reveal().split(' ').count(), usize::from(words));
            assert_eq!(phrase.words(), words);
            let typed = Phrase::parse(&shown).expect("the same");
            assert_eq!(typed.key().expect("a key").address(), phrase.key().expect("a key").address());
            for (position, word) in (1..).zip(shown.reveal().split(' ')).step_by(5) {
                assert!(phrase.has(&secret(word), position) && phrase.has(&secret(&word.to_uppercase()), position));
                assert!(!phrase.has(&secret(&format!("{word}x")), position));
            }
            assert!(!phrase.has(&secret(""), 0) && !phrase.has(&secret(""), words + 1));
        }
    }

    #[test]
    fn an_error_says_where_and_repeats_nothing() {
        let error = |text: &str| Phrase::parse(&secret(text)).expect_err("no phrase");
        assert_eq!(error("test junk"), PhraseError::Length(2));
        assert_eq!(error(&KNOWN.replacen("test", "tset", 1)), PhraseError::Word(1));
        assert_eq!(error(&KNOWN.replace("junk", "test")), PhraseError::Checksum);
        assert_eq!(Phrase::generate(15).expect_err("12 or 24"), PhraseError::Length(15));
        assert!(!error(&KNOWN.replacen("test", "tset", 1)).to_string().contains("tset"));
        assert_eq!(format!("{:?}", Phrase::parse(&secret(KNOWN)).expect("a phrase")), "Phrase");
    }
}
