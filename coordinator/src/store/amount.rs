//! Amounts in what is paid, and what that is in dollars.

use headframe_protocol::Micros;

/// An amount in dollars, and the same in HFR if that is what is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// In millionths of a dollar.
    pub dollars: Micros,
    /// In millionths of an HFR.
    pub hfr: Option<Micros>,
}

impl Amount {
    /// In what is paid.
    #[must_use]
    pub fn paid(self) -> Micros {
        self.hfr.unwrap_or(self.dollars)
    }

    pub(super) fn map(self, each: impl Fn(Micros) -> Micros) -> Self {
        Self { dollars: each(self.dollars), hfr: self.hfr.map(each) }
    }

    /// One of the two of each.
    #[must_use]
    pub fn zip(self, other: Self, each: impl Fn(Micros, Micros) -> Micros) -> Self {
        Self { dollars: each(self.dollars, other.dollars), hfr: self.hfr.zip(other.hfr).map(|(one, two)| each(one, two)) }
    }

    /// Of an hour's price, what `ms` cost.
    pub(super) fn per_hour_for(self, ms: u64) -> Self {
        self.map(|hour| hour.per_hour_for(ms))
    }

    pub(super) fn at_most(self, most: Self) -> Self {
        self.zip(most, Micros::min)
    }

    pub(super) fn without(self, part: Self) -> Self {
        self.zip(part, |whole, part| Micros::new(whole.get() - part.get()))
    }
}
