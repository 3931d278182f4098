//! Money through random histories: customers, rigs, two chains and an operator do what they do in whatever order, things break off
//! in the middle, and afterwards everything adds up to the last micro.
//!
//! The code under test is the coordinator's own, over a database of its own. Only the chains are a model ([`node`]), made of the
//! arithmetic of the two contracts ([`market`], [`distributor`]); it takes what settlement records and says what contracts say.
//! `HEADFRAME_HISTORIES` is how many histories are told, `HEADFRAME_HISTORIES_SEED` where the telling begins.

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

mod acts;
mod cards;
mod census;
mod checks;
mod customers;
mod distributor;
mod ending;
mod looks;
mod market;
mod node;
mod play;
mod scene;
mod shorten;
mod suppliers;
mod waiting;

/// Histories in an ordinary run of the tests: enough to meet each pair of acts, in half a minute.
const HISTORIES: u32 = 200;

/// Threads that tell histories. Each has a database and a runtime of its own.
const TELLERS: u32 = 2;

fn from_environment(name: &str) -> Option<u32> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn whatever_happens_the_money_adds_up() {
    let histories = from_environment("HEADFRAME_HISTORIES").unwrap_or(HISTORIES);
    let seed = from_environment("HEADFRAME_HISTORIES_SEED").unwrap_or(1);
    std::thread::scope(|scope| {
        let tellers: Vec<_> =
            (0..TELLERS).map(|teller| scope.spawn(move || tell(histories.div_ceil(TELLERS), seed * TELLERS + teller))).collect();
        for teller in tellers {
            teller.join().expect("a history that adds up");
        }
    });
}

fn tell(histories: u32, seed: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (template, census) = (runtime.block_on(scene::Template::new()), census::Census::default());
    let fails = |story: &acts::Story| {
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(live(&template, &census, story))));
        told.map_or_else(|_| Some("it panics, as told above".to_owned()), |told| told.err().map(|error| format!("{error:?}")))
    };
    // What proptest makes simpler are the numbers in the acts; leaving acts out is done faster here.
    let config = Config { cases: histories, source_file: Some(file!()), max_shrink_iters: 0, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let told = runner.run(&acts::stories(), |story| fails(&story).map_or(Ok(()), |why| Err(TestCaseError::fail(why))));
    let told = told.map_err(|error| match error {
        TestError::Fail(why, story) => {
            let (story, why) = shorten::shorten(story, why.to_string(), fails);
            format!("{why}\n{story}")
        }
        TestError::Abort(why) => why.to_string(),
    });
    runtime.block_on(template.end());
    match told {
        Ok(()) => println!("{census}"),
        Err(why) => panic!("{why}"),
    }
}

/// One history from its beginning to its end.
async fn live(template: &scene::Template, census: &census::Census, story: &acts::Story) -> anyhow::Result<()> {
    let mut world = template.begin(story).await;
    let lived = run(&mut world, &story.acts).await;
    census.count(&world, story.acts.len()).await?;
    lived
}

async fn run(world: &mut scene::World, acts: &[acts::Act]) -> anyhow::Result<()> {
    for (number, act) in acts.iter().enumerate() {
        let at = || format!("act {number}, {act:?}");
        anyhow::Context::with_context(world.play(*act).await, at)?;
        anyhow::Context::with_context(world.check().await, at)?;
    }
    world.catch_up().await?;
    world.check_agreement().await?;
    world.wind_up().await?;
    world.check().await?;
    world.check_agreement().await
}
