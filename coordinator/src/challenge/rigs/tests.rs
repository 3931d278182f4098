use headframe_proof::standing::Outcome;
use headframe_protocol::{
    Micros,
    rig::{GpuVendor, Os, Refusals},
};

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn id(number: u8) -> DeviceId {
    DeviceId([number; 20].into())
}

fn at(hours: i64) -> TimestampMs {
    TimestampMs::from_millis(hours * 3_600_000)
}

fn report(cards: &[(&str, u32)], slots: u8) -> RigReport {
    let gpu = |(uuid, fu): &(&str, u32)| GpuReport {
        uuid: (*uuid).to_owned(),
        model: "a card".to_owned(),
        vendor: GpuVendor::Nvidia,
        vram_bytes: 8 << 30,
        fu: *fu,
        compute_capability: None,
        pci_bus_id: None,
        power_limit_w: None,
        driver: None,
    };
    RigReport {
        name: "rig".to_owned(),
        os: Os::Linux,
        cpu_cores: 1,
        cpu_model: "cpu".to_owned(),
        memory_bytes: 1,
        disk_bytes: 1,
        gpus: cards.iter().map(gpu).collect(),
        floor_per_hour: Micros::ZERO,
        slots,
        images: Vec::new(),
        engine: "none".to_owned(),
        egress_bytes_max: 0,
        refuses: Refusals::default(),
    }
}

fn passed(gpu: &str, at: TimestampMs, ops_per_us: u64) -> Record {
    Record { gpu: gpu.to_owned(), at, outcome: Outcome::Passed, questioned: true, ops_per_us: Some(ops_per_us) }
}

/// A ready rig of `owner` whose cards passed at hour 100, and are due again 8 h · ln 2 later.
fn rig(cards: &[&str], owner: &str) -> Connected {
    let cards: Vec<_> = cards.iter().map(|uuid| (*uuid, 1_000)).collect();
    let slots = u8::try_from(cards.len()).expect("a few");
    let mut rig = Connected::new(SessionId::generate(), report(&cards, slots));
    (rig.answers, rig.ready, rig.account) = (true, true, Some(owner.to_owned()));
    let history = cards.iter().map(|(uuid, _)| passed(uuid, at(100), 300_000_000)).collect();
    rig.remember(history, at(100), || u64::MAX / 2);
    rig
}

fn rigs(all: impl IntoIterator<Item = (u8, Connected)>) -> Rigs {
    let mut rigs = Rigs::default();
    all.into_iter().for_each(|(number, rig)| rigs.enter(id(number), rig));
    rigs
}

fn idle(_: DeviceId) -> usize {
    0
}

fn asked(round: Round) -> Vec<Vec<(DeviceId, String)>> {
    round.groups
}

fn named(number: u8, uuid: &str) -> (DeviceId, String) {
    (id(number), uuid.to_owned())
}

#[test]
fn all_of_one_owner_are_asked_at_once_and_others_are_left_alone() {
    let mut late = rig(&["c"], "ben");
    late.cards.get_mut("c").expect("its card").next = at(200);
    let mut rigs = rigs([(1, rig(&["a"], "ann")), (2, rig(&["b", "b2"], "ann")), (3, late)]);
    assert_eq!(rigs.round(at(102), &BTreeSet::new(), idle), Round::default(), "nobody is due");
    let together = vec![vec![named(1, "a"), named(2, "b"), named(2, "b2")]];
    assert_eq!(asked(rigs.round(at(106), &BTreeSet::new(), idle)), together);
    assert_eq!(asked(rigs.round(at(106), &BTreeSet::new(), idle)), Vec::<Vec<_>>::new(), "a group rests after it was asked");
    assert_eq!(asked(rigs.round(at(106), &[id(1)].into(), idle)), together, "but for the operator");
    assert_eq!(asked(rigs.round(at(107), &BTreeSet::new(), idle)), together);
}

#[test]
fn nobody_is_asked_who_works_is_not_ready_cannot_answer_or_is_being_asked() {
    let mut rigs = rigs([(1, rig(&["a"], "ann")), (2, rig(&["b", "b2"], "ben"))]);
    let busy = |_| 1;
    assert_eq!(asked(rigs.round(at(106), &BTreeSet::new(), busy)), [vec![named(2, "b"), named(2, "b2")]], "one of two is free");
    assert!(rigs.is_held(id(1)), "it gets no more work until it has been asked");
    assert_eq!(asked(rigs.round(at(106), &BTreeSet::new(), |_| 2)), Vec::<Vec<_>>::new());
    for change in [|rig: &mut Connected| rig.ready = false, |rig: &mut Connected| rig.answers = false] {
        let mut one = self::rigs([(1, rig(&["a"], "ann"))]);
        one.get_mut(id(1)).map(change).expect("it is there");
        assert_eq!(asked(one.round(at(106), &[id(1)].into(), idle)), Vec::<Vec<_>>::new());
    }
    rigs.begins(id(1), "a", Digest::from_bytes([0; 32]));
    assert!(rigs.is_held(id(1)));
    assert_eq!(asked(rigs.round(at(107), &BTreeSet::new(), |device| usize::from(device == id(2)) * 2)), Vec::<Vec<_>>::new());
}

#[test]
fn a_new_card_is_asked_within_minutes() {
    let mut new = Connected::new(SessionId::generate(), report(&[("a", 0)], 1));
    (new.answers, new.ready) = (true, true);
    new.remember(Vec::new(), at(0), || u64::MAX);
    let mut rigs = rigs([(1, new)]);
    assert_eq!(asked(rigs.round(at(0), &BTreeSet::new(), idle)), Vec::<Vec<_>>::new());
    let soon = at(0).after(Duration::from_secs(601));
    assert_eq!(asked(rigs.round(soon, &BTreeSet::new(), idle)), [vec![named(1, "a")]]);
}

/// A rig that appears at an hour, names a card and has shown nothing.
fn newcomer(uuid: &str, owner: &str, hour: i64) -> Connected {
    let mut rig = Connected::new(SessionId::generate(), report(&[(uuid, 1_000)], 1));
    (rig.answers, rig.ready, rig.account) = (true, true, Some(owner.to_owned()));
    rig.remember(Vec::new(), at(hour), || u64::MAX);
    rig
}

#[test]
fn a_card_with_two_names_that_nobody_has_shown_before_is_asked_under_neither() {
    let mut rigs = rigs([(1, newcomer("a", "ann", 106)), (2, newcomer("a", "ben", 106)), (3, rig(&["c"], "cat"))]);
    let round = rigs.round(at(106), &BTreeSet::new(), idle);
    assert_eq!(round.quarantined, [id(1), id(2)].into());
    assert_eq!(round.groups, [vec![named(3, "c")]]);
    let mut rigs = self::rigs([(1, rig(&["a", "a"], "ann")), (2, newcomer("a", "ben", 106))]);
    let round = rigs.round(at(106), &BTreeSet::new(), idle);
    assert_eq!(round.quarantined, [id(1), id(2)].into(), "who names one twice has shown nothing");
}

/// Somebody names a card that has passed; both are challenged, and that ends so for its rig.
fn contested(outcome: Outcome) -> Rigs {
    let mut rigs = rigs([(1, rig(&["a"], "ann")), (2, newcomer("a", "ben", 101))]);
    let round = rigs.round(at(101), &BTreeSet::new(), idle);
    assert_eq!((round.quarantined, round.set_aside.len()), (BTreeSet::new(), 1));
    assert_eq!(round.groups, [vec![named(1, "a"), named(2, "a")]], "in the same second");
    assert!(rigs.is_held(id(2)) && !rigs.is_held(id(1)), "the newcomer gets no work");
    for number in [1, 2] {
        rigs.begins(id(number), "a", Digest::from_bytes([number; 32]));
    }
    let round = rigs.round(at(101).after(Duration::from_secs(1)), &BTreeSet::new(), idle);
    assert_eq!(round, Round::default(), "it is under way");
    let ended = Record { outcome, ..passed("a", at(101).after(Duration::from_secs(60)), 300_000_000) };
    rigs.ended(id(1), &Digest::from_bytes([1; 32]), ended, 0, false);
    rigs
}

#[test]
fn whoever_names_a_card_that_another_has_shown_before_goes_alone() {
    let soon = at(101).after(Duration::from_secs(61));
    let quarantined = |rigs: &mut Rigs, now| rigs.round(now, &BTreeSet::new(), idle).quarantined;
    let mut rigs = contested(Outcome::Passed);
    for now in [soon, soon.after(Duration::from_secs(1))] {
        let round = rigs.round(now, &BTreeSet::new(), idle);
        assert_eq!((round.quarantined, round.groups.len()), ([id(2)].into(), 0), "until it has gone, and nobody is asked again");
    }
    for failed in [Outcome::Refused, Outcome::OutOfTime] {
        assert_eq!(quarantined(&mut contested(failed), soon), [id(1), id(2)].into(), "they may be one card");
    }
    // Its owner came back: nobody is punished for that, and the newcomer does not get in by it.
    let mut rigs = contested(Outcome::Unanswered);
    assert_eq!(quarantined(&mut rigs, soon), BTreeSet::new());
    assert!(rigs.is_held(id(2)));
    assert_eq!(quarantined(&mut rigs, at(101).after(GROUP_REST)), [id(2)].into());
}

#[test]
fn a_newcomer_is_asked_together_with_the_first_or_not_at_all() {
    let mut rigs = rigs([(1, rig(&["a"], "ann")), (2, newcomer("a", "ben", 101))]);
    let works = |device| usize::from(device == id(1));
    assert_eq!(asked(rigs.round(at(101), &BTreeSet::new(), works)), Vec::<Vec<_>>::new());
    assert!(rigs.is_held(id(1)) && rigs.is_held(id(2)), "the first is asked as soon as its work is done");
    assert_eq!(asked(rigs.round(at(101), &BTreeSet::new(), idle)), [vec![named(1, "a"), named(2, "a")]]);
}

#[test]
fn a_newcomer_that_leaves_before_it_is_known_whose_the_card_is_does_not_come_back() {
    let mut rigs = contested(Outcome::Unanswered);
    let session = rigs.get_mut(id(2)).map(|rig| rig.session).expect("it is there");
    rigs.leave(id(2), session);
    let round = rigs.round(at(101).after(Duration::from_secs(61)), &BTreeSet::new(), idle);
    assert_eq!(round.quarantined, [id(2)].into());
}

#[test]
fn a_score_is_what_was_shown_and_only_for_a_day() {
    let config = ChallengeConfig::default();
    let mut rigs = rigs([(1, rig(&["a"], "ann"))]);
    let told =
        |rigs: &mut Rigs, hours| rigs.get_mut(id(1)).map(|rig| rig.believed(at(hours), &config).gpus[0].fu).expect("it is there");
    assert_eq!(told(&mut rigs, 123), 1_000);
    assert!(rigs.news(at(123), &config).is_empty());
    let news = rigs.news(at(124), &config);
    assert_eq!(news.iter().map(|(device, _, report)| (*device, report.gpus[0].fu)).collect::<Vec<_>>(), [(id(1), 0)]);
    // What it does now is less than it claims.
    let seed = Digest::from_bytes([1; 32]);
    rigs.begins(id(1), "a", seed);
    rigs.ended(id(1), &seed, passed("a", at(125), 150_000_000), 0, false);
    assert_eq!(told(&mut rigs, 125), 500);
    assert!(!rigs.is_held(id(1)));
    let wrong = Record { outcome: Outcome::Refused, ..passed("a", at(126), 0) };
    rigs.ended(id(1), &seed, wrong, 0, false);
    assert_eq!(told(&mut rigs, 126), 0);
}

#[test]
fn a_card_without_a_prover_is_left_alone() {
    let mut rigs = rigs([(1, rig(&["a"], "ann"))]);
    let seed = Digest::from_bytes([1; 32]);
    rigs.begins(id(1), "a", seed);
    let void = Record { outcome: Outcome::Unanswered, ..passed("a", at(106), 0) };
    rigs.ended(id(1), &seed, void, 0, true);
    assert_eq!(asked(rigs.round(at(106).after(HOUR * 19), &BTreeSet::new(), idle)), Vec::<Vec<_>>::new());
    assert_eq!(asked(rigs.round(at(106).after(HOUR * 20), &BTreeSet::new(), idle)), [vec![named(1, "a")]]);
}
