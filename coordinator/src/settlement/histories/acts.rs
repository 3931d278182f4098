//! What can happen in a history, and how often it does.
//!
//! Acts name people and things by small numbers, taken modulo how many there are when the act is played. So any list of acts is a
//! history, whatever was left out of it: that is what makes a failing one short.

use proptest::prelude::*;

use crate::fiat::Way;

use super::{
    node::Order,
    scene::{CUSTOMERS, OWNERS, RIGS, WALLETS, WINDOW_S},
    waiting::{self, Checked},
};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Pass {
        ms: i64,
    },
    Mine {
        chain: usize,
        order: Order,
    },
    Forget {
        chain: usize,
    },
    Look {
        chain: usize,
        how: How,
    },
    /// Days go by as they do where everything runs: attempts end, and chains are looked at.
    Days {
        count: u8,
    },
    /// Both chains mine and are looked at, some minutes apart.
    Rounds {
        count: u8,
    },
    Deposit {
        chain: usize,
        purse: Purse,
        micros: i64,
        dust: u16,
    },
    Withdraw {
        chain: usize,
        purse: Purse,
        permille: u16,
    },
    /// A customer shows that a wallet is his.
    Show {
        purse: Purse,
    },
    /// A customer signs an order.
    Sign {
        chain: usize,
        purse: Purse,
        micros: i64,
        hours: u16,
    },
    Revoke {
        order: usize,
    },
    Close {
        tab: usize,
    },
    Grant {
        person: usize,
        micros: i64,
    },
    Submit {
        person: usize,
        per_hour: i64,
        timeout_s: u32,
        count: u32,
        hfr: bool,
    },
    /// A customer has HFR he lets us spend, the operator has dollars in stock, and there is a price.
    Tokens {
        person: usize,
        micros: i64,
        picos: u64,
    },
    Cancel {
        job: usize,
    },
    Begin {
        job: usize,
        rig: usize,
        permille: u16,
    },
    End {
        attempt: usize,
        ran_s: u32,
        permille: u16,
        how: Ended,
        crash: Crash,
    },
    /// An owner wants HFR, the operator has some, there is a price, and it is looked whether a payout is due.
    Offer {
        rig: usize,
        owner: usize,
        micros: i64,
        picos: u64,
    },
    /// A job is submitted, run and ended.
    Work {
        person: usize,
        rig: usize,
        per_hour: i64,
        ran_s: u32,
        permille: u16,
        how: Ended,
        hfr: bool,
    },
    Terms {
        rig: usize,
        owner: usize,
        chain: usize,
        in_hfr: bool,
        confirmed: bool,
    },
    Spend {
        rig: usize,
        person: usize,
        permille: u16,
    },
    Refund {
        job: usize,
        permille: u16,
    },
    Stock {
        chain: usize,
        hfr: bool,
        micros: i64,
        dust: u16,
    },
    Price {
        picos: u64,
        apart_bps: u64,
    },
    Claim {
        chain: usize,
        owner: usize,
        hfr: bool,
        how: Claimed,
    },
    /// A customer disputes as soon as there is something to dispute, and the arbiter decides some time later.
    Quarrel {
        chain: usize,
        tab: usize,
        permille: u16,
    },
    Dispute {
        chain: usize,
        tab: usize,
    },
    Resolve {
        chain: usize,
        tab: usize,
        permille: u16,
    },
    Release {
        chain: usize,
        tab: usize,
    },
    Anybody {
        chain: usize,
        what: Anybody,
    },
    /// A watcher objects to the root that waits.
    Veto {
        chain: usize,
    },
    /// The operator takes the vetoed payout back.
    Undo {
        chain: usize,
    },
    Again {
        chain: usize,
    },
    Card {
        chain: usize,
        person: usize,
        cents: i64,
        broken: Option<&'static str>,
    },
    CardBack {
        charge: usize,
        permille: u16,
        way: Way,
        broken: Option<&'static str>,
    },
    Cards,
    /// A rig's results were compared, or those that came of its checkpoints.
    Checked {
        rig: usize,
        found: Checked,
    },
    /// Earnings that waited are settled.
    Waited {
        broken: bool,
    },
}

/// Whose money in which coin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purse {
    pub(super) person: usize,
    pub(super) wallet: usize,
    pub(super) hfr: bool,
}

/// How settlement looks at a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Whole,
    /// It breaks off there, and is begun anew.
    Broken(&'static str),
    /// Two replicas at once.
    Twins,
    /// It ends between signing and sending.
    Unsent,
    /// The node refuses everything: the keys have nothing to pay gas from.
    NoGas,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Succeeded,
    Yielded,
    JobFailed,
    RigFailed,
    Lost,
}

/// What goes wrong while an attempt's end is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crash {
    No,
    /// In the transaction, at this point.
    At(&'static str),
    /// After all of it and before the commit.
    BeforeCommit,
    /// It is told twice.
    Twice,
}

/// How somebody claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    Once,
    Twice,
    /// With a leaf that says more.
    TooMuch,
    /// As another account.
    Stranger,
}

/// What anybody may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anybody {
    Finalize,
    Sweep,
    Activate,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn chain() -> impl Strategy<Value = usize> + Clone {
    prop_oneof![2 => Just(0_usize), 1 => Just(1_usize)]
}

pub(super) fn seldom() -> impl Strategy<Value = bool> + Clone {
    prop::bool::weighted(0.15)
}

fn purse() -> impl Strategy<Value = Purse> + Clone {
    let wallet = prop_oneof![4 => Just(0_usize), 1 => 0..WALLETS];
    (0..CUSTOMERS, wallet, seldom()).prop_map(|(person, wallet, hfr)| Purse { person, wallet, hfr })
}

/// From a micro to thousands of dollars, odd ones too.
fn micros() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![3 => 1_000_000..50_000_000_i64, 1 => 1..1_000_i64, 1 => (1..2_000_i64).prop_map(|dollars| dollars * 1_000_000)]
}

pub(super) fn permille() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![2 => Just(1_000_u16), 1 => Just(0_u16), 4 => 0..=1_000_u16]
}

fn time() -> impl Strategy<Value = i64> + Clone {
    let window = i64::try_from(WINDOW_S).expect("a short one") * SECOND;
    prop_oneof![
        20 => 1..MINUTE,
        20 => Just(window),
        20 => MINUTE..2 * HOUR,
        2 => HOUR..DAY,
        1 => DAY..9 * DAY,
    ]
}

fn how() -> impl Strategy<Value = How> + Clone {
    prop_oneof![
        12 => Just(How::Whole),
        2 => Just(How::Broken("events.booked")),
        2 => Just(How::Broken("payout.built")),
        1 => Just(How::Twins),
        1 => Just(How::Unsent),
        1 => Just(How::NoGas),
    ]
}

fn ended() -> impl Strategy<Value = Ended> + Clone {
    prop_oneof![
        6 => Just(Ended::Succeeded),
        3 => Just(Ended::Yielded),
        1 => Just(Ended::JobFailed),
        1 => Just(Ended::RigFailed),
        1 => Just(Ended::Lost),
    ]
}

fn crash() -> impl Strategy<Value = Crash> + Clone {
    prop_oneof![
        6 => Just(Crash::No),
        1 => Just(Crash::At("capture")),
        1 => Just(Crash::At("promote")),
        1 => Just(Crash::BeforeCommit),
        1 => Just(Crash::Twice),
    ]
}

fn order() -> impl Strategy<Value = Order> + Clone {
    prop_oneof![Just(Order::Sent), Just(Order::ByRole), Just(Order::ByRoleBackwards)]
}

fn claimed() -> impl Strategy<Value = Claimed> + Clone {
    prop_oneof![5 => Just(Claimed::Once), 2 => Just(Claimed::Twice), 1 => Just(Claimed::TooMuch), 1 => Just(Claimed::Stranger)]
}

fn customers() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (chain(), purse(), micros(), dust()).prop_map(|(chain, purse, micros, dust)| Act::Deposit { chain, purse, micros, dust }),
        5 => (chain(), purse(), permille()).prop_map(|(chain, purse, permille)| Act::Withdraw { chain, purse, permille }),
        2 => purse().prop_map(|purse| Act::Show { purse }),
        4 => (chain(), purse(), micros(), 1..400_u16)
            .prop_map(|(chain, purse, micros, hours)| Act::Sign { chain, purse, micros, hours }),
        1 => any::<prop::sample::Index>().prop_map(|order| Act::Revoke { order: order.index(64) }),
        2 => (0..64_usize).prop_map(|tab| Act::Close { tab }),
        1 => (0..CUSTOMERS, micros()).prop_map(|(person, micros)| Act::Grant { person, micros }),
        8 => (0..CUSTOMERS, per_hour(), 30..7_200_u32, 1..4_u32, prop::bool::weighted(0.3))
            .prop_map(|(person, per_hour, timeout_s, count, hfr)| Act::Submit { person, per_hour, timeout_s, count, hfr }),
        4 => (0..CUSTOMERS, micros(), 1_000_000_000..1_000_000_000_000_u64)
            .prop_map(|(person, micros, picos)| Act::Tokens { person, micros, picos }),
        2 => (0..64_usize).prop_map(|job| Act::Cancel { job }),
        2 => (0..64_usize, permille()).prop_map(|(job, permille)| Act::Refund { job, permille }),
    ]
}

fn dust() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![3 => Just(0_u16), 1 => any::<u16>()]
}

fn broken() -> impl Strategy<Value = Option<&'static str>> + Clone {
    let points = ["fiat.paid", "fiat.reversed", "fiat.recovered"];
    prop_oneof![3 => Just(None), 1 => prop::sample::select(points.to_vec()).prop_map(Some)]
}

fn cards() -> impl Strategy<Value = Act> {
    let way = prop_oneof![Just(Way::Refunded), Just(Way::Disputed)];
    prop_oneof![
        4 => (chain(), 0..CUSTOMERS, 100..4_000_i64, broken())
            .prop_map(|(chain, person, cents, broken)| Act::Card { chain, person, cents, broken }),
        2 => (0..64_usize, permille(), way, broken())
            .prop_map(|(charge, permille, way, broken)| Act::CardBack { charge, permille, way, broken }),
        3 => Just(Act::Cards),
    ]
}

/// What a job may cost an hour: mostly little, so that there is money for many.
fn per_hour() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![8 => 1..3_000_000_i64, 1 => 1..100_i64, 1 => 1..50_000_000_i64]
}

fn suppliers() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..RIGS, 0..OWNERS, micros(), 1_000_000_000..1_000_000_000_000_u64)
            .prop_map(|(rig, owner, micros, picos)| Act::Offer { rig, owner, micros, picos }),
        40 => (0..64_usize, 0..RIGS, per_hour(), 1..7_000_u32, permille(), ended(), prop::bool::weighted(0.3))
            .prop_map(|(person, rig, per_hour, ran_s, permille, how, hfr)| {
                Act::Work { person, rig, per_hour, ran_s, permille, how, hfr }
            }),
        10 => (0..64_usize, 0..RIGS, permille()).prop_map(|(job, rig, permille)| Act::Begin { job, rig, permille }),
        10 => (0..64_usize, 0..8_000_u32, permille(), ended(), crash())
            .prop_map(|(attempt, ran_s, permille, how, crash)| Act::End { attempt, ran_s, permille, how, crash }),
        3 => (0..RIGS, 0..OWNERS, chain(), any::<bool>(), any::<bool>())
            .prop_map(|(rig, owner, chain, in_hfr, confirmed)| Act::Terms { rig, owner, chain, in_hfr, confirmed }),
        3 => (0..RIGS, 0..CUSTOMERS, permille()).prop_map(|(rig, person, permille)| Act::Spend { rig, person, permille }),
        8 => (chain(), 0..OWNERS, seldom(), claimed())
            .prop_map(|(chain, owner, hfr, how)| Act::Claim { chain, owner, hfr, how }),
    ]
}

fn chains() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (chain(), 0..64_usize, permille()).prop_map(|(chain, tab, permille)| Act::Quarrel { chain, tab, permille }),
        2 => (1..12_u8).prop_map(|count| Act::Days { count }),
        6 => time().prop_map(|ms| Act::Pass { ms }),
        4 => (chain(), order()).prop_map(|(chain, order)| Act::Mine { chain, order }),
        1 => chain().prop_map(|chain| Act::Forget { chain }),
        8 => (chain(), how()).prop_map(|(chain, how)| Act::Look { chain, how }),
        8 => (1..4_u8).prop_map(|count| Act::Rounds { count }),
        3 => (chain(), any::<bool>(), micros(), dust())
            .prop_map(|(chain, hfr, micros, dust)| Act::Stock { chain, hfr, micros, dust }),
        3 => (1_000_000..1_000_000_000_000_u64, prop_oneof![3 => 0..300_u64, 1 => 300..900_u64])
            .prop_map(|(picos, apart_bps)| Act::Price { picos, apart_bps }),
        5 => (chain(), 0..64_usize).prop_map(|(chain, tab)| Act::Dispute { chain, tab }),
        4 => (chain(), 0..64_usize, permille()).prop_map(|(chain, tab, permille)| Act::Resolve { chain, tab, permille }),
        2 => (chain(), 0..64_usize).prop_map(|(chain, tab)| Act::Release { chain, tab }),
        2 => (chain(), prop_oneof![Just(Anybody::Finalize), Just(Anybody::Sweep), Just(Anybody::Activate)])
            .prop_map(|(chain, what)| Act::Anybody { chain, what }),
        2 => chain().prop_map(|chain| Act::Veto { chain }),
        2 => chain().prop_map(|chain| Act::Undo { chain }),
        2 => chain().prop_map(|chain| Act::Again { chain }),
    ]
}

/// How a history is told: on chains of which finality, and what happens.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) finality_blocks: u64,
    /// Whether earnings wait for checks.
    pub(super) withhold: bool,
    pub(super) acts: Vec<Act>,
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "with {} blocks to wait for, and earnings that wait: {}", self.finality_blocks, self.withhold)?;
        self.acts.iter().enumerate().try_for_each(|(number, act)| writeln!(f, "{number}: {act:?}"))
    }
}

/// A customer with money he lets us spend, and a rig with an owner: without them most of what follows would come to nothing.
fn preface() -> impl Strategy<Value = Vec<Act>> {
    let paid = (chain(), 0..CUSTOMERS, 5_000_000..200_000_000_i64).prop_map(|(chain, person, micros)| {
        let purse = Purse { person, wallet: 0, hfr: false };
        vec![
            Act::Show { purse },
            Act::Deposit { chain, purse, micros, dust: 0 },
            Act::Sign { chain, purse, micros: micros.saturating_mul(3), hours: 300 },
        ]
    });
    let paid = prop::collection::vec(paid, 1..4).prop_map(|paid| [paid.concat(), vec![Act::Rounds { count: 3 }]].concat());
    let owned = (0..OWNERS, chain(), any::<bool>(), any::<bool>()).prop_map(|(owner, chain, in_hfr, confirmed)| {
        let terms = |rig| Act::Terms {
            rig,
            owner: (owner + rig) % OWNERS,
            chain,
            in_hfr: in_hfr && rig == 0,
            confirmed: confirmed || rig == 1,
        };
        (0..RIGS - 1).map(terms).collect::<Vec<_>>()
    });
    let card = (chain(), 0..CUSTOMERS, 2_000..5_000_i64)
        .prop_map(|(chain, person, cents)| vec![Act::Card { chain, person, cents, broken: None }, Act::Rounds { count: 5 }]);
    prop_oneof![
        6 => (owned.clone(), paid).prop_map(|(owned, paid)| [owned, paid].concat()),
        2 => (owned, card).prop_map(|(owned, card)| [owned, card].concat()),
        1 => Just(Vec::new()),
    ]
}

pub(super) fn stories() -> impl Strategy<Value = Story> {
    let act = prop_oneof![3 => customers(), 4 => suppliers(), 4 => chains(), 1 => cards(), 1 => waiting::checks()];
    let acts = prop::collection::vec(act, 10..90);
    (0..3_u64, prop::bool::weighted(0.4), preface(), acts).prop_map(|(finality_blocks, withhold, preface, acts)| Story {
        finality_blocks,
        withhold,
        acts: [preface, acts].concat(),
    })
}
