//! What people might try.

/// How a rig behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// Does the work.
    Honest,
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
}

impl Strategy {
    /// All that cheat.
    pub const CHEATS: [Self; 16] = [
        Self::Always,
        Self::AfterTrust,
        Self::Sleeper,
        Self::Percent(2),
        Self::Percent(10),
        Self::Percent(25),
        Self::Percent(50),
        Self::Percent(90),
        Self::SmallWork,
        Self::Pair,
        Self::Ring,
        Self::Sybil,
        Self::HitAndRun,
        Self::Copies,
        Self::KnowsCanaries,
        Self::Yields,
    ];

    /// Who work together, in each group.
    pub(super) const fn accomplices(self) -> usize {
        match self {
            Self::Pair | Self::Copies => 2,
            Self::Ring => 10,
            _ => 1,
        }
    }
}
