//! Which of a rig's earnings wait, until when, and which are lost when a result was wrong.
//!
//! A check that finds one wrong result cannot undo the others that nobody looked at. So what was earned unchecked waits until a
//! later check finds the rig right, and is lost if it finds it wrong. A rig that cheats with one result in `q` keeps what it
//! earned since the last check with chance `1 − q` and loses it with chance `q`: in expectation it is paid for its honest part
//! alone, whatever `q` is and however rarely it is checked. What is more, earnings of a rig's first weeks wait until those are
//! over, so that a new identity is worth nothing until it has worked honestly for as long.
//!
//! That needs something to compare, and it must be of the same kind: a rig right with its results may lie about the time it gave
//! back. Time given back is spoken for by the result that came of its checkpoint, as far as a comparison shows that the
//! checkpoint was worth the time ([`share_shown`]). Otherwise it is paid within an allowance ([`Budget`]).
//!
//! Nothing that waits is *lost* by giving the PC back, by a lost lease or a failure: only by a result that others outvoted.

use std::time::Duration;

use headframe_protocol::{Micros, TimestampMs};

/// How long after its first sign-in a rig's earnings wait: as long as a card payment is easily taken back, for the same people
/// try both.
pub const PROBATION: Duration = Duration::from_hours(30 * 24);

/// Earnings nobody has confirmed are let go after this: where no second rig of the kind is found, an owner must not wait for
/// ever. Time given back that nothing speaks for lapses instead.
pub const UNCONFIRMED_MAX: Duration = Duration::from_hours(30 * 24);

/// A result is compared afterwards if no check has come by chance for so long: or whoever cheats would only have to stop in time.
/// Shorter than uploads are kept, so that the work can still be done again.
pub const CHECKED_WITHIN: Duration = Duration::from_hours(4 * 24);

/// The same for results that others had a part in, half as long again: there are few of them, and of a few one compared is many. Shorter still
/// than uploads are kept.
pub const SHARED_CHECKED_WITHIN: Duration = Duration::from_hours(6 * 24);

/// Of what its results have earned, the most an operator may let a rig be paid for time nothing speaks for, in thousandths.
///
/// Whoever pretends just so much as the allowance pays gains `share · wage` for each hour he works: so it is nothing unless the operator
/// says otherwise ([`Terms::allowance_permille`]). A quarter is what an honest rig needs that gives back one hour in five, of jobs without
/// checkpoints, and the most there may be: it must stay below the margin (wage − cost) / wage, a third at a floor of 1.5 × cost. Of two
/// hours who works one and pretends the other is left `wage · (1 + share) − cost`, and must not have the `2 · (wage − cost)` of honest
/// work.
pub const ALLOWANCE_PERMILLE_MAX: u16 = 250;

/// Earnings and spending count towards the allowance for so long.
pub const ALLOWANCE_WINDOW: Duration = Duration::from_hours(30 * 24);

/// From this share on, in thousandths, a checkpoint was worth all the time it took: programs take a while to start, and steps since the
/// last checkpoint are lost. The rest is below the margin of [`ALLOWANCE_PERMILLE_MAX`] for the same reason.
pub const SHOWN_ENOUGH: u64 = 900;

/// How long earnings wait. An operator may choose others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// After a rig's first sign-in.
    pub probation: Duration,
    /// Without any check.
    pub unconfirmed_max: Duration,
    /// Of what a rig's results have earned, what it may be paid for time that nothing speaks for: up to [`ALLOWANCE_PERMILLE_MAX`].
    pub allowance_permille: u16,
}

impl Default for Terms {
    fn default() -> Self {
        Self { probation: PROBATION, unconfirmed_max: UNCONFIRMED_MAX, allowance_permille: 0 }
    }
}

/// Which results of a rig that wait another one speaks for, once it was compared and found right.
///
/// Results are worth different amounts, and whoever makes up only what is worth most must not be let off by the many that are worth little.
/// So either the lot was drawn by what they are worth, each millionth of a dollar alike; or a result speaks for those alone that are worth no
/// more than itself, so that of what it lets go at least as much was at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeaksFor {
    /// For all that was earned until the lot was drawn.
    All {
        /// When it was drawn.
        until: TimestampMs,
    },
    /// For those worth no more.
    NoMoreThan {
        /// What itself is worth.
        worth: Micros,
        /// When it was brought.
        until: TimestampMs,
    },
}

impl SpeaksFor {
    /// Until when a result must have been earned, and the most it may be worth.
    #[must_use]
    pub const fn bounds(self) -> (TimestampMs, Micros) {
        match self {
            Self::All { until } => (until, Micros::new(i64::MAX)),
            Self::NoMoreThan { worth, until } => (until, worth),
        }
    }
}

/// One of several amounts by `lot`, each in proportion to itself; none where there is nothing.
#[must_use]
pub fn drawn_by_worth(amounts: &[Micros], lot: u64) -> Option<usize> {
    let worth = |amount: &Micros| u128::from(amount.get().max(0).unsigned_abs());
    let all: u128 = amounts.iter().map(worth).sum();
    let mut at = (all * u128::from(lot)) >> 64;
    amounts.iter().position(|amount| {
        let here = at < worth(amount);
        at = at.saturating_sub(worth(amount));
        here
    })
}

/// What speaks for earnings that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// A result the rig brought by itself: others that are found right speak for it ([`SpeaksFor`]).
    Result,
    /// A result that began from another owner's checkpoint, or time given back that a result came of. Only a comparison of such a
    /// result speaks for it: who is right by himself may be wrong where others would be blamed.
    Shared,
    /// A shared result, after another of the rig's was outvoted, or time given back of a job that several gave back: its result must be
    /// compared itself.
    Doubted,
    /// That the time went by.
    GivenBack,
}

impl Basis {
    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Shared => "shared",
            Self::Doubted => "doubted",
            Self::GivenBack => "given_back",
        }
    }

    /// From its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Result, Self::Shared, Self::Doubted, Self::GivenBack].into_iter().find(|basis| basis.as_str() == text)
    }
}

/// Earnings of one attempt that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub earned: TimestampMs,
    /// Whether this very result was compared and found right, or one of the same kind since.
    pub confirmed: bool,
    /// What speaks for it.
    pub basis: Basis,
}

/// What is known of the rig that earned them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earner {
    /// When it first signed in.
    pub first_seen: TimestampMs,
}

impl Earner {
    fn is_past_probation(&self, terms: &Terms, now: TimestampMs) -> bool {
        now >= self.first_seen.after(terms.probation)
    }
}

impl Hold {
    /// Whether earnings of `now` wait at all.
    #[must_use]
    pub fn waits(self, earner: &Earner, terms: &Terms, now: TimestampMs) -> bool {
        !self.is_over(earner, terms, now)
    }

    /// Whether the owner may have them, whatever his allowance.
    #[must_use]
    pub fn is_over(self, earner: &Earner, terms: &Terms, now: TimestampMs) -> bool {
        let nobody_looks = now >= self.earned.after(terms.unconfirmed_max);
        let known = match self.basis {
            Basis::Result | Basis::Shared => self.confirmed || nobody_looks,
            Basis::Doubted => self.confirmed,
            Basis::GivenBack => false,
        };
        known && earner.is_past_probation(terms, now)
    }

    /// When their waiting ends at the latest, if nothing speaks for them until then, and whether they lapse then.
    #[must_use]
    pub fn ends(self, earner: &Earner, terms: &Terms) -> (TimestampMs, bool) {
        let known = earner.first_seen.after(terms.probation);
        match (self.basis, self.confirmed) {
            (Basis::Result | Basis::Shared | Basis::Doubted, true) => (known, false),
            (Basis::Result | Basis::Shared, false) => (self.earned.after(terms.unconfirmed_max).max(known), false),
            (Basis::Doubted, false) | (Basis::GivenBack, _) => (self.earned.max(known).after(terms.unconfirmed_max), true),
        }
    }

    /// Whether they have waited in vain. Not before the rig has had as long to deliver something after its first weeks.
    #[must_use]
    pub fn lapses(self, earner: &Earner, terms: &Terms, now: TimestampMs) -> bool {
        let since = self.earned.max(earner.first_seen.after(terms.probation));
        let in_vain = match self.basis {
            Basis::Result | Basis::Shared => false,
            Basis::Doubted => !self.confirmed,
            Basis::GivenBack => true,
        };
        in_vain && now >= since.after(terms.unconfirmed_max)
    }
}

/// What a rig has to be paid from for time that nothing speaks for, of one coin, in the last [`ALLOWANCE_WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// What its results have earned and was let go.
    pub delivered: Micros,
    /// What comparisons have shown its checkpoints to be worth.
    pub shown: Micros,
    /// What was paid from it.
    pub spent: Micros,
}

impl Budget {
    /// What is left.
    #[must_use]
    pub fn left(&self, terms: &Terms) -> Micros {
        let allowed = i128::from(self.delivered.get()) * i128::from(terms.allowance_permille) / 1_000;
        let left = allowed + i128::from(self.shown.get()) - i128::from(self.spent.get());
        Micros::new(i64::try_from(left.max(0)).unwrap_or(i64::MAX))
    }
}

/// For how long those who made a checkpoint want to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// All of them, in milliseconds.
    pub all_ms: u64,
    /// Of that, one of them.
    pub own_ms: u64,
}

/// How much of the time that one of its makers took a checkpoint was worth, in thousandths. The whole of it was worth what the work takes
/// from its beginning, less what was still to be done: it may be right and worth nothing, made in a minute by a rig that did nothing for
/// the hours after.
///
/// Who of several has done nothing cannot be told. So each is worth what is left if the others were worth all they claim: or whoever does
/// nothing would live on the work of the others.
#[must_use]
pub fn share_shown(whole_ms: u64, rest_ms: u64, claimed: Claimed) -> u64 {
    let Claimed { all_ms, own_ms } = claimed;
    let permille = |of: u64, all: u64| u64::try_from(u128::from(of) * 1_000 / u128::from(all.max(1))).unwrap_or(1_000);
    let worth = whole_ms.saturating_sub(rest_ms).min(all_ms);
    if own_ms == 0 || permille(worth, all_ms) >= SHOWN_ENOUGH {
        return 1_000;
    }
    permille(worth.saturating_sub(all_ms.saturating_sub(own_ms)).min(own_ms), own_ms)
}

/// The same of who brought the result: of the whole work, what is left if the others were worth all that `links` claims for them. Or whoever
/// goes on slowly would be paid for the work of those before him. Where they claim the whole of it alone, it is they who are wrong, and he is
/// held against the whole.
#[must_use]
pub fn share_of_last(whole_ms: u64, rest_ms: u64, links: Claimed) -> u64 {
    let own_ms = links.own_ms.saturating_add(rest_ms);
    let others_ms = links.all_ms.saturating_sub(links.own_ms);
    let all_ms = if others_ms >= whole_ms { own_ms } else { own_ms.saturating_add(others_ms) };
    share_shown(whole_ms, 0, Claimed { all_ms, own_ms })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;

    fn day(day: i64) -> TimestampMs {
        TimestampMs::from_millis(day * DAY_MS)
    }

    fn hold(earned: i64, confirmed: bool, basis: Basis) -> Hold {
        Hold { earned: day(earned), confirmed, basis }
    }

    const EARNER: Earner = Earner { first_seen: TimestampMs::from_millis(0) };

    fn is_over(earned: i64, confirmed: bool, now: i64) -> bool {
        hold(earned, confirmed, Basis::Result).is_over(&EARNER, &Terms::default(), day(now))
    }

    #[test]
    fn what_waits_is_paid_or_lapses_when_it_was_said_to() {
        let terms = Terms::default();
        for earned in [0, 1, 29, 30, 31, 100] {
            for confirmed in [false, true] {
                for basis in [Basis::Result, Basis::Shared, Basis::Doubted, Basis::GivenBack] {
                    let one = hold(earned, confirmed, basis);
                    let (end, lapses) = one.ends(&EARNER, &terms);
                    let (before, at) = (end.before(Duration::from_millis(1)), end.max(day(earned)));
                    let over = |now| if lapses { one.lapses(&EARNER, &terms, now) } else { one.is_over(&EARNER, &terms, now) };
                    assert!(over(at) && (end <= day(earned) || !over(before)), "{one:?} was to end {end}, lapsing: {lapses}");
                }
            }
        }
    }

    #[test]
    fn a_new_rig_waits_until_its_first_month_is_over() {
        assert!(!is_over(1, true, 29));
        assert!(is_over(1, true, 30));
    }

    #[test]
    fn what_nobody_looked_at_waits_for_the_next_check() {
        assert!(is_over(40, true, 40), "looked at itself, it does not wait");
        assert!(!is_over(40, false, 45));
        assert!(is_over(40, false, 70), "and not for ever where nobody can look");
    }

    #[test]
    fn work_that_others_had_a_part_in_waits_as_other_results_do() {
        let terms = Terms::default();
        assert!(!hold(40, false, Basis::Shared).is_over(&EARNER, &terms, day(45)));
        assert!(hold(40, true, Basis::Shared).is_over(&EARNER, &terms, day(40)));
        assert!(hold(40, false, Basis::Shared).is_over(&EARNER, &terms, day(70)));
    }

    #[test]
    fn time_that_nothing_speaks_for_lapses_and_is_never_let_go_by_time() {
        let (terms, given_back) = (Terms::default(), hold(40, false, Basis::GivenBack));
        assert!(!given_back.is_over(&EARNER, &terms, day(400)));
        assert!(!given_back.lapses(&EARNER, &terms, day(69)));
        assert!(given_back.lapses(&EARNER, &terms, day(70)));
        let early = hold(1, false, Basis::GivenBack);
        assert!(!early.lapses(&EARNER, &terms, day(59)), "a new rig has no allowance before its first month is over");
        assert!(early.lapses(&EARNER, &terms, day(60)));
        assert!(hold(40, false, Basis::Doubted).lapses(&EARNER, &terms, day(70)));
        assert!(!hold(40, false, Basis::Result).lapses(&EARNER, &terms, day(400)));
    }

    #[test]
    fn a_lot_falls_on_each_as_often_as_it_is_worth() {
        let amounts = [1, 0, 2, 5].map(Micros::new);
        let mut drawn = [0; 4];
        for eighth in 0..8_u64 {
            drawn[drawn_by_worth(&amounts, eighth << 61).expect("there is something")] += 1;
        }
        assert_eq!(drawn, [1, 0, 2, 5]);
    }

    #[test]
    fn a_checkpoint_is_worth_what_it_saves() {
        let alone = |whole, rest, ms| share_shown(whole, rest, Claimed { all_ms: ms, own_ms: ms });
        assert_eq!(alone(100, 40, 60), 1_000);
        assert_eq!(alone(100, 45, 60), 1_000, "starting anew takes a while");
        assert_eq!(alone(100, 70, 60), 500);
        assert_eq!(alone(100, 100, 60), 0, "made in a minute, and nothing done in the hour after");
        assert_eq!(alone(100, 120, 60), 0);
        assert_eq!(alone(100, 10, 60), 1_000, "nobody is paid for more than he took");
    }

    #[test]
    fn nobody_lives_on_the_work_of_those_who_made_a_checkpoint_with_him() {
        let share = |worth, own_ms| share_shown(worth, 0, Claimed { all_ms: 120, own_ms });
        assert_eq!(share(120, 60), 1_000);
        assert_eq!(share(60, 60), 0, "one of the two did nothing, whoever it was");
        assert_eq!(share(90, 60), 500);
        assert_eq!((share(100, 100), share(100, 20)), (800, 0));
    }

    #[test]
    fn who_goes_on_slowly_is_not_paid_for_the_work_before_him() {
        let share = |rest, others| share_of_last(180, rest, Claimed { all_ms: others, own_ms: 0 });
        assert_eq!(share(120, 60), 1_000);
        assert_eq!(share(125, 60), 1_000, "going on takes a while");
        assert_eq!(share(180, 90), 500, "he is worth what they leave");
        assert_eq!(share(60, 1_000_000), 1_000, "who claims more than the whole work is wrong himself");
        assert_eq!(share(360, 1_000_000), 500);
    }

    proptest! {
        #[test]
        fn what_is_paid_without_evidence_is_never_more_than_the_allowance_and_what_was_shown(
            delivered in 0..1_i64 << 40, shown in 0..1_i64 << 40, permille in 0..=ALLOWANCE_PERMILLE_MAX, amounts in prop::collection::vec(0..1_i64 << 38, 0..40),
        ) {
            let terms = Terms { allowance_permille: permille, ..Terms::default() };
            let mut budget = Budget { delivered: Micros::new(delivered), shown: Micros::new(shown), spent: Micros::ZERO };
            for amount in amounts {
                if budget.left(&terms).get() >= amount {
                    budget.spent = Micros::new(budget.spent.get() + amount);
                }
            }
            prop_assert!(budget.spent.get() <= delivered * i64::from(permille) / 1_000 + shown);
        }

        #[test]
        fn a_lot_falls_on_what_is_worth_something(amounts in prop::collection::vec(0..1_i64 << 50, 0..40), lot in any::<u64>()) {
            let amounts: Vec<Micros> = amounts.into_iter().map(Micros::new).collect();
            match drawn_by_worth(&amounts, lot) {
                Some(drawn) => prop_assert!(amounts[drawn] > Micros::ZERO),
                None => prop_assert!(amounts.iter().all(|amount| *amount == Micros::ZERO)),
            }
        }

        #[test]
        fn nobody_gains_by_claiming_more_time(whole in 1..1_u64 << 40, rest in 0..1_u64 << 40, claimed in 1..1_u64 << 40, more in 1..1_u64 << 40) {
            let share = |ms| share_shown(whole, rest, Claimed { all_ms: ms, own_ms: ms });
            let paid = |claimed: u64| share(claimed) * claimed / 1_000;
            prop_assert!(share(claimed + more) <= share(claimed));
            let worth = whole.saturating_sub(rest);
            prop_assert!(paid(claimed) * SHOWN_ENOUGH / 1_000 <= worth, "at most a ninth more than it was worth");
        }
    }
}
