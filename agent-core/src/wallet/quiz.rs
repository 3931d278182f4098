//! Whether an owner has written his phrase down. The phrase is remembered for this alone, in memory, for a quarter of an hour; after
//! that, or after too many slips, only the whole phrase proves it.

use std::time::Duration;

use alloy::primitives::Address;
use headframe_protocol::control::Secret;
use rand::seq::index;

use super::phrase::Phrase;
use crate::clock::Moment;

/// Words asked for.
const WORDS: usize = 3;

/// Wrong answers before the phrase is forgotten: with three words of 2,048 each, guessing is hopeless long before.
const SLIPS_MAX: u8 = 3;

/// How long a phrase is remembered: enough to find paper and to write 24 words.
const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);

/// What an answer proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// He has it.
    Right,
    /// Not this time; other words are asked for next.
    Wrong,
    /// Not this time, and the phrase is forgotten now.
    Forgotten,
}

/// A phrase that waits to be verified.
#[derive(Debug)]
pub(super) struct Quiz {
    account: Address,
    phrase: Phrase,
    positions: Vec<u8>,
    slips: u8,
    forget_at: Moment,
}

impl Quiz {
    pub(super) fn new(account: Address, phrase: Phrase, now: Moment) -> Self {
        Self { account, phrase, positions: Vec::new(), slips: 0, forget_at: now + REMEMBERED_FOR }
    }

    pub(super) const fn account(&self) -> Address {
        self.account
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        now >= self.forget_at
    }

    /// Which words to enter, counted from 1; others each time it is asked.
    pub(super) fn ask(&mut self) -> Vec<u8> {
        let mut chosen = index::sample(&mut rand::rng(), usize::from(self.phrase.words()), WORDS).into_vec();
        chosen.sort_unstable();
        self.positions = chosen.into_iter().filter_map(|position| u8::try_from(position + 1).ok()).collect();
        self.positions.clone()
    }

    /// Judges the words at the positions asked for last. A question is answered once.
    pub(super) fn judge(&mut self, words: &[Secret]) -> Verdict {
        let positions = std::mem::take(&mut self.positions);
        let all = positions.len() == WORDS && words.len() == WORDS;
        let right = positions.iter().zip(words).map(|(position, word)| self.phrase.has(word, *position));
        // Every word is looked at: which one is wrong shows nowhere.
        if right.fold(all, |so_far, right| so_far & right) {
            return Verdict::Right;
        }
        self.slips += 1;
        if self.slips >= SLIPS_MAX { Verdict::Forgotten } else { Verdict::Wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiz() -> (Quiz, Vec<Secret>) {
        let phrase = Phrase::generate(24).expect("a phrase");
        let words = phrase.reveal().reveal().split(' ').map(|word| Secret::new(word.to_owned())).collect();
        (Quiz::new(Address::ZERO, phrase, Moment::default()), words)
    }

    fn at(words: &[Secret], positions: &[u8]) -> Vec<Secret> {
        positions.iter().map(|position| words[usize::from(*position) - 1].clone()).collect()
    }

    #[test]
    fn three_different_words_prove_it() {
        let (mut quiz, words) = quiz();
        let positions = quiz.ask();
        assert!(positions.len() == 3 && positions.windows(2).all(|two| two[0] < two[1]), "{positions:?}");
        assert_eq!(quiz.judge(&at(&words, &positions)), Verdict::Right);
    }

    #[test]
    fn a_question_is_answered_once_and_slips_are_counted() {
        let (mut quiz, words) = quiz();
        let positions = quiz.ask();
        let mut wrong = at(&words, &positions);
        wrong[1] = Secret::new("notaword".to_owned());
        assert_eq!(quiz.judge(&wrong), Verdict::Wrong);
        assert_eq!(quiz.judge(&at(&words, &positions)), Verdict::Wrong, "that question is gone");
        assert_eq!(quiz.judge(&[]), Verdict::Forgotten);
    }

    #[test]
    fn a_phrase_is_forgotten_in_time() {
        let (quiz, _) = quiz();
        assert!(!quiz.is_over(Moment::default() + Duration::from_secs(899)));
        assert!(quiz.is_over(Moment::default() + Duration::from_secs(900)));
    }
}
