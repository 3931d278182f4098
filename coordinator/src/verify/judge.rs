//! Which of several results of the same work is right: the one that most of the rigs agree on.

/// A majority of fewer than two is no agreement.
const MAJORITY_LEAST: usize = 2;

/// Beyond what was asked for, so many more rigs are asked at most until results are held to differ by themselves. With one cheat
/// in twenty, four rigs of five that lie independently are rarer than one in a hundred thousand.
pub const MORE_MAX: usize = 3;

/// Where one run of the work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Under way, or waiting for a rig.
    Awaited,
    /// Its result is there.
    Brought,
    /// It will bring none.
    Gone,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Too early to say.
    Wait,
    /// One more rig decides.
    More,
    /// Most agree. What is in neither list brought nothing.
    Agreed {
        /// Those that do; the first stands for all.
        right: Vec<usize>,
        /// Those that brought something else.
        wrong: Vec<usize>,
    },
    /// No two are alike, of so many that the work must be what differs. Nobody did anything wrong.
    NotReproducible,
}

/// Judges runs of the same work. `asked` of them were wanted at first; `same` compares two that were brought.
#[must_use]
pub fn judge(runs: &[Run], asked: usize, same: impl Fn(usize, usize) -> bool) -> Judgement {
    let brought: Vec<usize> = (0..runs.len()).filter(|run| runs[*run] == Run::Brought).collect();
    let majority = (asked / 2 + 1).max(MAJORITY_LEAST);
    // Within a tolerance a may be like b and b like c and a not like c, so everybody is asked who is like him.
    let like = |one: usize| brought.iter().copied().filter(|other| *other == one || same(one, *other)).collect::<Vec<_>>();
    let alike: Vec<Vec<usize>> = brought.iter().map(|run| like(*run)).collect();
    // Of two groups of the same size the one that was there first; `max_by_key` would give the last.
    let largest = alike.iter().rev().max_by_key(|group| group.len());
    let awaited = runs.contains(&Run::Awaited);
    match largest {
        Some(group) if group.len() >= majority && group.len() * 2 > brought.len() => {
            let wrong = brought.iter().copied().filter(|run| !group.contains(run)).collect();
            Judgement::Agreed { right: group.clone(), wrong }
        }
        _ if awaited => Judgement::Wait,
        _ if brought.len() >= asked + MORE_MAX => Judgement::NotReproducible,
        _ => Judgement::More,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each letter is a result, `?` is awaited, `-` is gone.
    fn check(runs: &str, asked: usize) -> Judgement {
        let letters: Vec<char> = runs.chars().collect();
        let states: Vec<Run> = letters
            .iter()
            .map(|letter| match letter {
                '?' => Run::Awaited,
                '-' => Run::Gone,
                _ => Run::Brought,
            })
            .collect();
        judge(&states, asked, |one, other| letters[one] == letters[other])
    }

    fn agreed(right: &[usize], wrong: &[usize]) -> Judgement {
        Judgement::Agreed { right: right.to_vec(), wrong: wrong.to_vec() }
    }

    #[test]
    fn a_third_decides_between_two() {
        assert_eq!(check("a?", 2), Judgement::Wait);
        assert_eq!(check("aa", 2), agreed(&[0, 1], &[]));
        assert_eq!(check("ab", 2), Judgement::More);
        assert_eq!(check("ab?", 2), Judgement::Wait);
        assert_eq!(check("abb", 2), agreed(&[1, 2], &[0]));
        assert_eq!(check("aba", 2), agreed(&[0, 2], &[1]));
    }

    #[test]
    fn a_rig_that_brings_nothing_is_replaced_and_not_judged() {
        assert_eq!(check("a-", 2), Judgement::More);
        assert_eq!(check("a-a", 2), agreed(&[0, 2], &[]));
    }

    #[test]
    fn a_customer_who_pays_for_five_gets_the_word_of_three() {
        assert_eq!(check("aab??", 5), Judgement::Wait);
        assert_eq!(check("aabba", 5), agreed(&[0, 1, 4], &[2, 3]));
        assert_eq!(check("aabbc", 5), Judgement::More);
    }

    #[test]
    fn when_all_differ_nobody_is_to_blame() {
        assert_eq!(check("abcd", 2), Judgement::More);
        assert_eq!(check("abcde", 2), Judgement::NotReproducible);
        assert_eq!(check("aabb", 2), Judgement::More, "two against two is no majority");
    }

    proptest! {
        #[test]
        fn an_honest_majority_is_never_called_wrong(letters in "[ab?-]{2,8}", asked in 2_usize..6) {
            if let Judgement::Agreed { right, wrong } = check(&letters, asked) {
                prop_assert!(right.len() > wrong.len());
                prop_assert!(right.len() >= 2);
                let of = |run: &usize| letters.as_bytes()[*run];
                prop_assert!(right.iter().all(|run| of(run) == of(&right[0])));
                prop_assert!(wrong.iter().all(|run| of(run) != of(&right[0])));
            }
        }
    }
}
