//! Cheats that give right answers, and are betrayed by the time they take. Nothing is measured here: rates come from data sheets and
//! `docs/proof.md`, and the cheat is always given the best that could be said for him.

use std::time::Duration;

use headframe_proof::{
    Parameters,
    band::{Band, Pass},
    parameters::{BLOCK_BYTES, BLOCK_ENTRIES},
    standing::Outcome,
    timing::{Class, judged, proving_deadline, reading_deadline, reads_per_round},
};
use headframe_protocol::challenge::ROUNDS;

/// Like an RTX 4090: 660 TOPS of 8-bit products on its tensor cores, of which the chain reaches three quarters.
const CARD: Class = Class { ops_per_s: 500_000_000_000_000, read_bytes_per_s: 940_000_000_000 };
/// What the tensor cores could reach at most.
const PEAK_OPS_PER_S: f64 = 660e12;
/// Of a PCIe 4.0 slot with sixteen lanes.
const PCIE_BYTES_PER_S: f64 = 25e9;
/// The card's memory.
const VRAM_BYTES: u64 = 24 << 30;
/// Of a good line.
const RTT: Duration = Duration::from_millis(50);

fn parameters() -> Parameters {
    Parameters::filling(VRAM_BYTES).expect("it fits")
}

/// The time that the whole chain takes at a share of the class's rate.
fn at_rate(share: f64) -> Duration {
    Duration::from_secs_f64(parameters().work_ops() as f64 / (CARD.ops_per_s as f64 * share))
}

fn band() -> Band {
    let middle = CARD.ops_per_s / 1_000_000;
    let passes: Vec<_> =
        (0..40).map(|turn| Pass { owner: turn % 10, ops_per_us: middle / 100 * (95 + turn * 10 / 39) }).collect();
    Band::learned(&passes).expect("enough owners")
}

fn outcome(took: Duration) -> Outcome {
    judged(CARD, parameters(), RTT, took, Some(band()))
}

/// Random numbers, the same each time.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal, with a deviation of 4 %, cut at 10 %.
    fn noise(&mut self) -> f64 {
        let normal = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
        (normal * 0.04).clamp(-0.1, 0.1)
    }
}

#[test]
fn a_smaller_card_is_late() {
    assert_eq!(outcome(at_rate(1.0) + RTT), Outcome::Passed);
    assert_eq!(outcome(at_rate(0.86) + RTT), Outcome::Passed);
    // A 3090 has 43 % of a 4090's rate, a 4080 59 %, a 4070 Ti 49 %.
    for share in [0.84, 0.59, 0.49, 0.43] {
        assert_eq!(outcome(at_rate(share) + RTT), Outcome::OutOfTime, "{share}");
    }
    // Who answers pings late wins 300 ms, which is not enough for the next smaller card.
    let longest = Duration::from_secs(30);
    assert_eq!(judged(CARD, parameters(), longest, at_rate(0.7), None), Outcome::OutOfTime);
}

#[test]
fn one_card_cannot_be_three_at_once_and_could_be_one_after_the_other() {
    for together in [2.0, 3.0] {
        assert_eq!(outcome(at_rate(1.0 / together) + RTT), Outcome::OutOfTime, "{together} at once");
    }
    // Asked in turn, each of the three would pass: it is the same second that tells.
    assert_eq!([1, 2, 3].map(|_| outcome(at_rate(1.0) + RTT)), [Outcome::Passed; 3]);
    assert!(2 * parameters().kept_bytes() > VRAM_BYTES, "and the products of two do not fit into its memory");
}

#[test]
fn who_has_asked_a_faster_card_is_too_fast_or_too_late() {
    // Three times as fast, as a rented H100 would be: right, in time, and unlike any card of the model.
    assert_eq!(outcome(at_rate(3.0) + RTT), Outcome::OutOfTime);
    assert_eq!(judged(CARD, parameters(), RTT, at_rate(3.0) + RTT, None), Outcome::Passed, "nothing is known of the model yet");
    // Relayed by somebody who began only when the challenge was over.
    assert_eq!(outcome(proving_deadline(CARD, parameters(), RTT) + Duration::from_millis(1)), Outcome::OutOfTime);
}

/// Seconds that one read takes of memory of its own, fetched from the host, and computed anew.
fn per_block() -> [f64; 3] {
    let columns = BLOCK_ENTRIES as f64;
    let anew = 2.0 * f64::from(parameters().size()) * columns / PEAK_OPS_PER_S;
    [BLOCK_BYTES as f64 / CARD.read_bytes_per_s as f64, BLOCK_BYTES as f64 / PCIE_BYTES_PER_S, anew]
}

/// Whether a card makes it that has shares of its products in the host's memory and nowhere at all. Reading, fetching and computing
/// go on beside one another and do not disturb each other: better for the cheat than any real card.
fn in_time(hosted: f64, absent: f64) -> bool {
    let reads = reads_per_round(CARD);
    let [own, fetched, anew] = per_block();
    let each = (own * (1.0 - hosted - absent)).max(fetched * hosted).max(anew * absent);
    let took = Duration::from_secs_f64(each * f64::from(reads) * f64::from(ROUNDS));
    took + RTT <= reading_deadline(CARD, reads, RTT)
}

#[test]
fn memory_that_is_the_hosts_is_late() {
    assert!(in_time(0.0, 0.0));
    assert!(in_time(0.039, 0.0), "less than a twenty-fifth is not noticed");
    for hosted in [0.05, 0.1, 0.5, 1.0] {
        assert!(!in_time(hosted, 0.0), "{hosted} in the host's memory");
    }
}

#[test]
fn products_computed_on_demand_are_late() {
    let [own, _, anew] = per_block();
    assert!(anew / own > 15.0, "computing a block costs {:.1} times reading it", anew / own);
    assert!(!in_time(0.0, 0.5), "every second product was dropped");
    for absent in [0.08, 0.25] {
        assert!(!in_time(0.0, absent), "{absent} dropped");
    }
    // The best that both together bring, with a card that does everything at once for nothing: a tenth of the memory.
    let best = (0..100).flat_map(|hosted| (0..100).map(move |absent| (f64::from(hosted) / 500.0, f64::from(absent) / 500.0)));
    let most =
        best.filter(|(hosted, absent)| in_time(*hosted, *absent)).map(|(hosted, absent)| hosted + absent).fold(0.0, f64::max);
    assert!((0.05..0.11).contains(&most), "{most}");
}

/// How often an honest card is judged falsely: out of time, and again in its repetition, as warm as before.
fn falsely(dice: &mut Dice, trials: u32, throttled: impl Fn(&mut Dice) -> bool) -> f64 {
    let mut wrong = 0;
    for _ in 0..trials {
        let rate = if throttled(dice) { 0.9 } else { 1.0 };
        let out = |dice: &mut Dice| outcome(at_rate(rate * (1.0 + dice.noise())) + RTT) == Outcome::OutOfTime;
        wrong += u32::from(out(dice) && out(dice));
    }
    f64::from(wrong) / f64::from(trials)
}

#[test]
fn an_honest_card_is_judged_falsely_less_than_once_in_a_thousand() {
    let mut dice = Dice(7);
    assert_eq!(falsely(&mut dice, 50_000, |_| false), 0.0, "noise of a tenth alone is never punished");
    let rate = falsely(&mut dice, 200_000, |dice| dice.uniform() < 0.1);
    assert!(rate <= 0.001, "{rate} with one in ten throttled by a tenth");
    // One that always throttles is a slower card, and learns so about once in 150 challenges.
    let always = falsely(&mut dice, 50_000, |_| true);
    assert!((0.004..0.01).contains(&always), "{always}");
}
