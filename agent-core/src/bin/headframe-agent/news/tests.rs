use headframe_protocol::{
    Micros,
    control::{Coins, MoneyNewsKind},
};

use super::*;

const ALL: Notices = Notices { job_done: true, refused: true, trouble: true, update: true, paused: true, paid: true };
const NONE: Notices = Notices { job_done: false, refused: false, trouble: false, update: false, paused: false, paid: false };

fn minute(minute: i64) -> TimestampMs {
    TimestampMs::from_millis(minute * 60_000)
}

fn waiting(reasons: &[WaitReason]) -> Phase {
    Phase::Waiting { reasons: reasons.to_vec() }
}

fn card(attempt: &str, stage: Stage, reason: Option<Reason>) -> JobCard {
    JobCard {
        attempt: attempt.to_owned(),
        job: String::new(),
        title: format!("job {attempt}"),
        image: String::new(),
        stage,
        reason,
        reason_text: None,
        started_ms: minute(0),
        ended_ms: Some(minute(1)),
        running_ms: 0,
        timeout_ms: None,
        permille: None,
        earns_per_hour: Micros::ZERO,
        earned: Micros::ZERO,
        confirmed: true,
        result_files: None,
        result_bytes: None,
        log_bytes: 0,
        gpus: Vec::new(),
        customer: None,
    }
}

/// Minutes of a day at which something is told, with its title.
fn told(news: &mut News, phase: &Phase, wanted: Notices) -> Vec<(i64, String)> {
    (0..1_440).filter_map(|at| Some((at, news.due(phase, minute(0), minute(at), wanted)?.item.title))).collect()
}

#[test]
fn trouble_that_stays_is_told_once_a_day() {
    let told = told(&mut News::default(), &waiting(&[WaitReason::NoEngine]), ALL);
    assert_eq!(told, [(5, "This PC cannot earn now".to_owned())]);
}

#[test]
fn trouble_that_passes_is_not_told() {
    let mut news = News::default();
    for at in 0..200 {
        let phase = if at % 4 == 3 { Phase::Ready } else { waiting(&[WaitReason::DiskFull]) };
        assert_eq!(news.due(&phase, minute(0), minute(at), ALL), None);
    }
}

#[test]
fn nobody_is_told_anything_while_he_plays() {
    let phase = waiting(&[WaitReason::Fullscreen, WaitReason::NoEngine]);
    let mut news = News::default();
    assert_eq!(told(&mut news, &phase, ALL), []);
    // And afterwards at once.
    assert!(news.due(&waiting(&[WaitReason::NoEngine]), minute(0), minute(1_441), ALL).is_some());
}

#[test]
fn who_wants_to_hear_nothing_hears_nothing() {
    let mut news = News::default();
    news.jobs(&[], NONE);
    news.jobs(&[card("1", Stage::Succeeded, None), card("2", Stage::Failed, Some(Reason::ResultMismatch))], NONE);
    assert_eq!(told(&mut news, &waiting(&[WaitReason::NoEngine]), NONE), []);
}

#[test]
fn what_was_over_before_is_no_news_and_what_ends_is_told_in_its_order_and_slowly() {
    let mut news = News::default();
    let old = card("0", Stage::Succeeded, None);
    news.jobs(std::slice::from_ref(&old), ALL);
    news.jobs(&[card("2", Stage::Succeeded, None), card("1", Stage::Succeeded, None), old], ALL);
    let texts: Vec<_> =
        (0..60).filter_map(|at| Some((at, news.due(&Phase::Ready, minute(0), minute(at), ALL)?.item.text))).collect();
    assert_eq!(texts, [(0, "job 1: $0.00.".to_owned()), (10, "job 2: $0.00.".to_owned())]);
}

#[test]
fn a_result_that_is_refused_when_its_job_is_long_over_is_told() {
    let mut news = News::default();
    news.jobs(&[card("1", Stage::Succeeded, None)], ALL);
    news.jobs(&[card("1", Stage::Failed, Some(Reason::ResultMismatch))], ALL);
    let due = news.due(&Phase::Working, minute(0), minute(2), ALL).expect("news");
    assert_eq!(due.item.title, "A result was not accepted");
}

#[test]
fn an_old_version_is_an_update_and_not_trouble() {
    let phase = waiting(&[WaitReason::Refused { code: RefusedCode::TooOld, message: String::new() }]);
    assert_eq!(told(&mut News::default(), &phase, Notices { update: false, ..ALL }), []);
    assert_eq!(told(&mut News::default(), &phase, Notices { trouble: false, ..ALL }).len(), 1);
}

fn money(id: &str) -> MoneyNews {
    let amount = Coins { text: "12.50".to_owned(), symbol: "USDC".to_owned(), units: "12500000".to_owned() };
    MoneyNews { id: id.to_owned(), what: MoneyNewsKind::Arrived, amount, chain: "Base".to_owned(), to: "0x1".to_owned() }
}

#[test]
fn money_is_told_until_its_owner_knows_and_names_what_he_knows_then() {
    let mut news = News::default();
    news.money(vec![money("1"), money("2")]);
    let due = |news: &mut News, at| news.due(&Phase::Ready, minute(0), minute(at), ALL).map(|due| due.money);
    assert_eq!(due(&mut news, 0), Some(Some("1".to_owned())));
    assert_eq!(due(&mut news, 5), None, "one thing in ten minutes");
    // Nobody could be told, so that it is told again.
    assert_eq!(due(&mut news, 10), Some(Some("1".to_owned())));
    news.knows(&["1".to_owned()]);
    // The wallet did not hear of it, and names it once more.
    news.money(vec![money("1"), money("2")]);
    assert_eq!(due(&mut news, 20), Some(Some("2".to_owned())));
}

#[test]
fn money_waits_for_the_end_of_a_game_and_is_not_told_to_who_does_not_want_to_hear_of_it() {
    let mut news = News::default();
    news.money(vec![money("1")]);
    assert_eq!(news.due(&waiting(&[WaitReason::Fullscreen]), minute(0), minute(0), ALL), None);
    assert_eq!(news.due(&Phase::Ready, minute(0), minute(1), NONE), None);
    let due = news.due(&Phase::Ready, minute(0), minute(2), ALL).expect("news");
    assert_eq!(due.item.title, "Your money has arrived");
}

#[test]
fn a_clock_that_keeps_the_pc_from_the_network_is_told_and_one_that_is_only_off_is_not() {
    let mut news = News::default();
    news.clock(Some(ClockFault::Off { ahead_ms: 420_000 }));
    assert_eq!(told(&mut news, &waiting(&[WaitReason::Offline]), ALL), []);
    news.clock(Some(ClockFault::TooEarly { by_ms: 86_400_000 }));
    let seems = "This PC’s clock seems wrong".to_owned();
    assert_eq!(told(&mut news, &waiting(&[WaitReason::Offline]), ALL), [(5, seems)]);
}
