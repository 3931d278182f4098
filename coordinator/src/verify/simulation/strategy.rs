//! What people might try, and what honest owners do.

/// How a rig behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// Does the work.
    Honest,
    /// Does it, and gives one hour in five back, of jobs that leave nothing.
    InterruptedFifth,
    /// Does it, and gives nine hours in ten back, of jobs that leave checkpoints.
    InterruptedOften,
    /// Never does it.
    Always,
    /// Does it until it is believed, and never again.
    AfterTrust,
    /// Was honest for months, and is no longer.
    Sleeper,
    /// Cheats with so many of a hundred results.
    Percent(u8),
    /// Cheats with small work alone, which is nine in ten and pays a tenth.
    SmallWork,
    /// The same the other way round: with what is one in ten, and pays ten times as much.
    LargeWork,
    /// Two of different networks, accounts and wallets, who bring the same made-up result.
    Pair,
    /// Ten of them.
    Ring,
    /// Never does the work after it is believed, and comes back as another when it is found out.
    Sybil,
    /// The same, and leaves before it is likely to be found out.
    HitAndRun,
    /// Two, one of whom works; the other brings what the first has brought, where both were given the same.
    Copies,
    /// Knows work whose result is known, and does that alone.
    KnowsCanaries,
    /// Pretends to work and gives everything back before there is a result.
    Yields,
    /// Works every other hour, and pretends to in between.
    YieldsHalf,
    /// Pretends for just as long as the allowance pays: one hour in five.
    YieldsFifth,
    /// Works every other hour, and leaves made-up checkpoints in between.
    FalseCheckpoints,
    /// Works every other hour; in between leaves checkpoints that are right and hardly begun, and does nothing for the rest of the hour.
    IdleCheckpoints,
    /// Gives nine hours in ten back and leaves checkpoints, one in five of them hardly begun: the work of the others is to hide it.
    IdleNowAndThen,
    /// Works, but brings something made up where others would be blamed: where it goes on from another's checkpoint.
    GoesOnFalsely,
    /// Works, and takes so many hundredths of the time that the work needs.
    Slow(u16),
    /// Takes twice the time for one result in five.
    SlowNowAndThen,
    /// Takes a sixth longer for what is one in ten and pays ten times as much, and no longer for the rest.
    SlowWithLarge,
    /// Was honest for half a year, and takes half as long again now.
    SlowSleeper,
    /// Takes twice the time where others would be blamed: where it goes on from another's checkpoint.
    GoesOnSlowly,
}

/// What an attempt that is given back leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    /// Where it was.
    Checkpoint,
    /// Where it was when it began: nothing was done.
    Idle,
    /// Something made up.
    False,
}

impl Strategy {
    /// All that cheat.
    pub const CHEATS: [Self; 31] = [
        Self::Always,
        Self::AfterTrust,
        Self::Sleeper,
        Self::Percent(2),
        Self::Percent(10),
        Self::Percent(25),
        Self::Percent(50),
        Self::Percent(90),
        Self::SmallWork,
        Self::LargeWork,
        Self::Pair,
        Self::Ring,
        Self::Sybil,
        Self::HitAndRun,
        Self::Copies,
        Self::KnowsCanaries,
        Self::Yields,
        Self::YieldsHalf,
        Self::YieldsFifth,
        Self::FalseCheckpoints,
        Self::IdleCheckpoints,
        Self::IdleNowAndThen,
        Self::GoesOnFalsely,
        Self::Slow(105),
        Self::Slow(110),
        Self::Slow(125),
        Self::Slow(200),
        Self::SlowNowAndThen,
        Self::SlowWithLarge,
        Self::SlowSleeper,
        Self::GoesOnSlowly,
    ];

    /// Those of owners who are interrupted.
    pub const INTERRUPTED: [Self; 2] = [Self::InterruptedFifth, Self::InterruptedOften];

    /// Who work together, in each group.
    pub(super) const fn accomplices(self) -> usize {
        match self {
            Self::Pair | Self::Copies => 2,
            Self::Ring => 10,
            _ => 1,
        }
    }

    /// Whether it does the work it brings results of.
    pub(super) const fn is_honest(self) -> bool {
        matches!(self, Self::Honest | Self::InterruptedFifth | Self::InterruptedOften)
    }

    /// Whether it has been here for months.
    pub(super) const fn is_established(self) -> bool {
        self.is_honest() || matches!(self, Self::Sleeper | Self::SlowSleeper)
    }

    /// Whether it does what it brings, but for what makes it a cheat.
    pub(super) const fn works_otherwise(self) -> bool {
        matches!(
            self,
            Self::YieldsHalf
                | Self::YieldsFifth
                | Self::FalseCheckpoints
                | Self::IdleCheckpoints
                | Self::IdleNowAndThen
                | Self::GoesOnFalsely
                | Self::Slow(_)
                | Self::SlowNowAndThen
                | Self::SlowWithLarge
                | Self::SlowSleeper
                | Self::GoesOnSlowly
        )
    }

    /// Whether its results are of different sizes: nine in ten take and pay a tenth.
    pub(super) const fn is_of_all_sizes(self) -> bool {
        matches!(self, Self::SmallWork | Self::LargeWork | Self::SlowWithLarge)
    }

    /// How many hundredths of what a result needs it takes; `by_lot` is one in five.
    pub(super) const fn takes_percent(self, by_lot: bool, is_large: bool, is_anothers: bool) -> u16 {
        match self {
            Self::Slow(percent) => percent,
            Self::SlowNowAndThen if by_lot => 200,
            Self::SlowWithLarge if is_large => 117,
            Self::SlowSleeper => 150,
            Self::GoesOnSlowly if is_anothers => 200,
            _ => 100,
        }
    }

    /// Of ten hours, how many are given back, and what each leaves.
    pub(super) const fn gives_back(self) -> (u32, Leaves) {
        match self {
            Self::InterruptedFifth => (2, Leaves::Nothing),
            Self::InterruptedOften => (9, Leaves::Checkpoint),
            Self::Yields => (10, Leaves::Nothing),
            Self::YieldsHalf => (5, Leaves::Nothing),
            Self::YieldsFifth => (2, Leaves::Nothing),
            Self::FalseCheckpoints => (5, Leaves::False),
            Self::IdleCheckpoints => (5, Leaves::Idle),
            Self::IdleNowAndThen => (9, Leaves::Checkpoint),
            _ => (0, Leaves::Nothing),
        }
    }
}
