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

/// Both clocks, of which the wall's was never set.
fn now(at: i64) -> Now {
    Now { moment: Moment::from_origin(Duration::from_mins(at.unsigned_abs())), wall: minute(at) }
}

const fn seen(phase: &Phase) -> Seen<'_> {
    Seen { phase, since: TimestampMs::from_millis(0), probes: &[] }
}

/// What is due, and told.
fn tells(news: &mut News, phase: &Phase, at: i64, wanted: Notices) -> Option<Item> {
    let Due { item, about } = news.due(seen(phase), now(at), wanted)?;
    news.told(&about, now(at));
    Some(item)
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
    (0..1_440).filter_map(|at| Some((at, tells(news, phase, at, wanted)?.title))).collect()
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
        assert_eq!(news.due(seen(&phase), now(at), ALL), None);
    }
}

#[test]
fn nobody_is_told_anything_while_he_plays() {
    let phase = waiting(&[WaitReason::Fullscreen, WaitReason::NoEngine]);
    let mut news = News::default();
    assert_eq!(told(&mut news, &phase, ALL), []);
    // And afterwards at once.
    assert!(news.due(seen(&waiting(&[WaitReason::NoEngine])), now(1_441), ALL).is_some());
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
    let texts: Vec<_> = (0..60).filter_map(|at| Some((at, tells(&mut news, &Phase::Ready, at, ALL)?.text))).collect();
    assert_eq!(texts, [(0, "job 1: $0.00.".to_owned()), (10, "job 2: $0.00.".to_owned())]);
}

#[test]
fn a_result_that_is_refused_when_its_job_is_long_over_is_told() {
    let mut news = News::default();
    news.jobs(&[card("1", Stage::Succeeded, None)], ALL);
    news.jobs(&[card("1", Stage::Failed, Some(Reason::ResultMismatch))], ALL);
    let due = news.due(seen(&Phase::Working), now(2), ALL).expect("news");
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
    let due = |news: &mut News, at| news.due(seen(&Phase::Ready), now(at), ALL).map(|due| due.about);
    let of = |id: &str| Some(About::Money(id.to_owned()));
    assert_eq!(due(&mut news, 0), of("1"));
    // Nobody could be told, so that it is told again.
    assert_eq!(due(&mut news, 1), of("1"));
    news.told(&About::Money("1".to_owned()), now(1));
    assert_eq!(due(&mut news, 5), None, "one thing in ten minutes");
    // The wallet did not hear of it, and names it once more.
    news.money(vec![money("1"), money("2")]);
    assert_eq!(due(&mut news, 11), of("2"));
}

#[test]
fn what_the_desktop_did_not_take_is_due_at_the_next_look() {
    let mut trouble = News::default();
    let phase = waiting(&[WaitReason::NoEngine]);
    let looks: Vec<i64> = (0..9).filter(|at| trouble.due(seen(&phase), now(*at), ALL).is_some()).collect();
    assert_eq!(looks, [5, 6, 7, 8]);
    let mut job = News::default();
    job.jobs(&[], ALL);
    job.jobs(&[card("1", Stage::Succeeded, None)], ALL);
    let first = job.due(seen(&Phase::Ready), now(0), ALL);
    assert!(first.is_some());
    assert_eq!(job.due(seen(&Phase::Ready), now(1), ALL), first);
}

#[test]
fn a_clock_that_was_ahead_and_is_set_right_silences_nothing() {
    let mut news = News::default();
    let phase = waiting(&[WaitReason::NoEngine]);
    let told: Vec<i64> = (0..3_000)
        .filter(|at| {
            let ahead = if *at < 7 { Duration::from_hours(8_760) } else { Duration::ZERO };
            let now = Now { wall: minute(*at).after(ahead), ..now(*at) };
            let due = news.due(seen(&phase), now, ALL);
            due.map(|due| news.told(&due.about, now)).is_some()
        })
        .collect();
    assert_eq!(told, [5, 1_445, 2_885]);
}

#[test]
fn nobody_is_told_anything_over_a_game_though_the_rig_is_paused() {
    let sees = |sees| [ProbeView { works: true, sees: Some(sees), ..ProbeView::default() }];
    let mut news = News::default();
    news.money(vec![money("1")]);
    for phase in [Phase::Off, Phase::Paused { until_ms: None }, Phase::Draining] {
        for (what, is_told) in
            [(ProbeSees::Fullscreen, false), (ProbeSees::Remote, false), (ProbeSees::NoFullscreen, true), (ProbeSees::Here, true)]
        {
            let seen = Seen { probes: &sees(what), ..seen(&phase) };
            assert_eq!(news.due(seen, now(0), ALL).is_some(), is_told, "{phase:?}, {what:?}");
        }
    }
}

#[tokio::test]
async fn a_desktop_that_does_not_answer_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bus");
    // Connects whoever comes, and never says a word.
    let _bus = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    let bus = Builder::address(format!("unix:path={}", path.display()).as_str()).expect("an address");
    let item = Item { title: String::new(), text: String::new() };
    let told = timeout(Duration::from_secs(30), tell_within(Duration::from_millis(50), bus, &item)).await;
    assert!(matches!(told, Ok(Err(Untold::Silent))), "{told:?}");
}

#[test]
fn money_waits_for_the_end_of_a_game_and_is_not_told_to_who_does_not_want_to_hear_of_it() {
    let mut news = News::default();
    news.money(vec![money("1")]);
    assert_eq!(news.due(seen(&waiting(&[WaitReason::Fullscreen])), now(0), ALL), None);
    assert_eq!(news.due(seen(&Phase::Ready), now(1), NONE), None);
    let due = news.due(seen(&Phase::Ready), now(2), ALL).expect("news");
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
