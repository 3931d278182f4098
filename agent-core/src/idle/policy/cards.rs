//! What each graphics card has against working: a job on another card goes on.

use std::{collections::BTreeMap, time::Duration};

use headframe_protocol::control::{HotPart, WaitReason};

use super::{Latch, Warmth};
use crate::{
    clock::Moment,
    idle::{
        GpuProgram, GpuUse,
        rules::{Gpus, Rules},
    },
};

/// A program must use a card's processor for so long before it counts, and as long not: drawing one page is no game.
const BUSY_FOR: Duration = Duration::from_secs(2);

/// What was seen of each card so far, by its UUID.
#[derive(Debug, Clone, Default)]
pub(super) struct Cards(BTreeMap<String, Seen>);

#[derive(Debug, Clone, Default)]
struct Seen {
    warmth: Warmth,
    busy: Latch,
}

impl Cards {
    /// What stands in the way on each card that has something; cards that have nothing are left out.
    pub(super) fn judge(&mut self, rules: &Rules, cards: &[GpuUse], now: Moment) -> BTreeMap<String, Vec<WaitReason>> {
        self.0.retain(|uuid, _| cards.iter().any(|card| card.uuid == *uuid));
        let judged = cards.iter().map(|card| {
            let seen = self.0.entry(card.uuid.clone()).or_default();
            (card.uuid.clone(), seen.judge(rules, card, now))
        });
        judged.filter(|(_, reasons)| !reasons.is_empty()).collect()
    }
}

impl Seen {
    fn judge(&mut self, rules: &Rules, card: &GpuUse, now: Moment) -> Vec<WaitReason> {
        let GpuUse { uuid, model, celsius, others } = card;
        let mut reasons = Vec::new();
        if rules.gpus.keeps(uuid, model) {
            reasons.push(WaitReason::GpuKept { gpu: model.clone() });
        }
        let hot = celsius.and_then(|celsius| self.warmth.judge(rules.heat.gpu_max_c, rules.heat.resume_below_c, celsius));
        reasons.extend(hot.map(|(celsius, resumes_at)| WaitReason::Hot { part: HotPart::Gpu, celsius, resumes_at }));
        if let Some(program) = self.in_use(&rules.gpus, others, now) {
            reasons.push(WaitReason::GpuInUse { gpu: model.clone(), program });
        }
        reasons
    }

    /// The program of the owner that needs the card. Memory counts at once: it is what a game takes before its first picture.
    fn in_use(&mut self, rules: &Gpus, others: &[GpuProgram], now: Moment) -> Option<String> {
        let busiest = others.iter().max_by_key(|program| program.load_percent);
        let load = busiest.map_or(0, |program| program.load_percent);
        let at_most = rules.others_load_percent;
        let is_busy = self.busy.judge(load, at_most != 0 && load >= at_most, BUSY_FOR, now).is_some();
        let holds = |program: &&GpuProgram| rules.others_memory_mib != 0 && program.memory_mib >= rules.others_memory_mib;
        let largest = others.iter().filter(holds).max_by_key(|program| program.memory_mib);
        largest.or(busiest.filter(|_| is_busy)).map(|program| program.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Moment {
        Moment::from_origin(Duration::from_secs(s))
    }

    fn card(uuid: &str, others: &[(&str, u32, u8)]) -> GpuUse {
        let program =
            |&(name, memory_mib, load_percent): &(&str, u32, u8)| GpuProgram { name: name.to_owned(), memory_mib, load_percent };
        let others = others.iter().map(program).collect();
        GpuUse { uuid: uuid.to_owned(), model: format!("Card {uuid}"), celsius: Some(50), others }
    }

    fn in_use(uuid: &str, program: &str) -> WaitReason {
        WaitReason::GpuInUse { gpu: format!("Card {uuid}"), program: program.to_owned() }
    }

    #[test]
    fn a_game_on_one_card_leaves_the_other_alone() {
        let (rules, mut cards) = (Rules::shipped(), Cards::default());
        let seen = [card("a", &[("Xorg", 300, 2), ("game", 6_000, 0)]), card("b", &[("Xorg", 100, 1)])];
        let judged = cards.judge(&rules, &seen, at(0));
        assert_eq!(judged, BTreeMap::from([("a".to_owned(), vec![in_use("a", "game")])]));
        assert!(cards.judge(&rules, &[card("a", &[]), card("b", &[])], at(1)).is_empty(), "it has ended");
    }

    #[test]
    fn drawing_a_page_is_no_game_and_two_seconds_of_it_are() {
        let (rules, mut cards) = (Rules::shipped(), Cards::default());
        let mut judge = |load, s| cards.judge(&rules, &[card("a", &[("browser", 500, load)])], at(s)).remove("a");
        assert_eq!(judge(90, 0), None);
        assert_eq!(judge(5, 1), None);
        assert_eq!(judge(90, 2), None);
        assert_eq!(judge(90, 4), Some(vec![in_use("a", "browser")]));
        assert_eq!(judge(5, 5), Some(vec![in_use("a", "browser")]), "a pause of a second is none");
        assert_eq!(judge(5, 7), None);
    }

    #[test]
    fn heat_stops_the_card_that_is_hot_until_it_has_cooled() {
        let (rules, mut cards) = (Rules::shipped(), Cards::default());
        let mut judge = |celsius, s| {
            let seen = [GpuUse { celsius, ..card("a", &[]) }, card("b", &[])];
            cards.judge(&rules, &seen, at(s))
        };
        let hot = WaitReason::Hot { part: HotPart::Gpu, celsius: 91, resumes_at: 75 };
        assert!(judge(Some(89), 0).is_empty());
        assert_eq!(judge(Some(91), 1), BTreeMap::from([("a".to_owned(), vec![hot.clone()])]));
        assert_eq!(judge(Some(76), 2), BTreeMap::from([("a".to_owned(), vec![hot])]));
        assert!(judge(Some(75), 3).is_empty());
        assert!(judge(None, 4).is_empty(), "a card that tells no heat has no limit to reach");
    }

    #[test]
    fn a_card_is_kept_by_its_name_or_its_model() {
        let mut rules = Rules::shipped();
        rules.gpus.kept = vec!["b".to_owned(), "card c*".to_owned()];
        let judged = Cards::default().judge(&rules, &[card("a", &[]), card("b", &[]), card("c", &[])], at(0));
        let kept = |uuid: &str| vec![WaitReason::GpuKept { gpu: format!("Card {uuid}") }];
        assert_eq!(judged, BTreeMap::from([("b".to_owned(), kept("b")), ("c".to_owned(), kept("c"))]));
    }

    #[test]
    fn a_limit_of_nothing_is_no_limit() {
        let mut rules = Rules::shipped();
        (rules.gpus.others_memory_mib, rules.gpus.others_load_percent, rules.heat.gpu_max_c) = (0, 0, 0);
        let hot = GpuUse { celsius: Some(105), ..card("a", &[("game", 20_000, 100)]) };
        let mut cards = Cards::default();
        for s in 0..5 {
            assert!(cards.judge(&rules, std::slice::from_ref(&hot), at(s)).is_empty());
        }
    }
}
