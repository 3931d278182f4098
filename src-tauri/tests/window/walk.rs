//! One owner's whole way in the real window: from the first look at a network to the dollars in his wallet.
//!
//! Everything is real but the worth of the money: the agent, the container engine, the program that measures, a keyring, the
//! coordinator, and a chain with the network's contracts on it.

use crate::{
    network::{Network, program},
    stage::{Stage, Window},
};

/// What unlocks his wallet. He leaves it to his keyring.
const PASSWORD: &str = "a lamp for each shift";

/// Long enough to be looked at, and worth some cents at the price he asks.
const SCRIPT: &str = "echo the first cart is up; /bin/busybox sleep 8";

/// What he asks for an hour, in dollars.
const ASKED: &str = "36";

/// What the customer pays for one at most, in millionths: more than that and the network's fee together.
const OFFERED: &str = "50000000";

/// Rules by which this PC works whatever else goes on with it, which here are other tests: what turns over, and what has a number.
const TURNED: [&str; 3] =
    ["Work on battery too", "Work on a metered connection too", "Do not disturb a window that fills the screen"];
const NUMBERS: [(&str, &str); 4] = [
    ("After power at least", ASKED),
    ("Stop when they use more of the processor than", "0"),
    ("Graphics cards stop at", "0"),
    ("The processor stops at", "0"),
];

#[tokio::test]
async fn an_owner_is_led_from_the_welcome_to_dollars_in_his_wallet() {
    let network = Network::paid();
    let image = network.image();
    let stage = Stage::set_at_desktop(program("HEADFRAME_AGENT_BIN", "headframe-agent"));
    let window = stage.open().await;
    let walk = Walk { network, stage, window };
    walk.joins().await;
    walk.looks_what_his_pc_can_do().await;
    let account = walk.makes_a_wallet().await;
    assert_eq!(walk.network.chain().balance(&account).await, 0, "a new wallet is empty");
    walk.says_when_it_may_work().await;
    walk.starts().await;
    let job = walk.works(&image).await;
    let earned = walk.sees_what_it_brought(&job).await;
    walk.sees_it_proven(earned).await;
    let arrives = walk.takes_it(earned, &account).await;
    assert_eq!(walk.network.chain().balance(&account).await, arrives, "what the window said is what the chain has");
}

/// Where he is.
struct Walk {
    network: Network,
    stage: Stage,
    window: Window,
}

impl Walk {
    /// By his operator's link, after a look at who that is.
    async fn joins(&self) {
        let page = &self.window.page;
        page.reads("Which network?").await;
        self.picture("walk-01-welcome").await;
        let (link, fingerprint) = self.network.invitation();
        page.fill("Link", &link).await;
        page.press("Look at it").await;
        page.reads("Whoever started this testbed").await;
        page.reads(&grouped(&fingerprint)).await;
        self.picture("walk-02-operator").await;
        page.press("Join this network").await;
        page.reads("This PC belongs to testbed").await;
        page.reads("Connected.").await;
        self.picture("walk-03-joined").await;
        page.press("Next").await;
    }

    /// Whether it can work at all, and how quick it is.
    async fn looks_what_his_pc_can_do(&self) {
        let page = &self.window.page;
        page.reads("Can this PC work?").await;
        page.reads("Copy for support").await;
        self.picture("walk-04-checks").await;
        page.press("Next").await;
        page.reads("What can it do?").await;
        page.press("Measure now").await;
        page.reads("Everything that could be measured has been.").await;
        page.reads("Copying in the PC’s memory").await;
        self.picture("walk-05-measured").await;
        page.press("Next").await;
    }

    /// With its words on paper. Answers with its address.
    async fn makes_a_wallet(&self) -> String {
        let page = &self.window.page;
        page.reads("Where should earnings go?").await;
        page.pick("Make a new wallet").await;
        page.fill("A new password", PASSWORD).await;
        page.fill("The same again", PASSWORD).await;
        page.choose("Keep it in the keyring of this desktop, so that it is not asked for each time").await;
        self.picture("walk-06-password").await;
        page.press("Make the wallet").await;
        page.press("Show the words").await;
        page.press("Hide the words").await;
        page.press("Show the words").await;
        let paper = self.words().await;
        self.picture("walk-07-words").await;
        page.choose("All of them are on paper, and I have compared them.").await;
        page.press("Next").await;
        page.reads("Show that you have the words").await;
        for (label, number) in self.asked_words().await {
            page.fill(&label, &paper[number - 1]).await;
        }
        self.picture("walk-08-quiz").await;
        page.press("Check").await;
        page.reads("Have your earnings go there").await;
        page.press("Look it over").await;
        let account = page.fact("What will be signed", "Earnings go to").await;
        self.picture("walk-09-payout").await;
        page.press("Sign and send").await;
        account
    }

    /// From Start to Pause, whatever else the PC does. All of it is in the rules; from there he comes back to where he was.
    async fn says_when_it_may_work(&self) {
        let page = &self.window.page;
        page.reads("When may it work?").await;
        page.pick("Only when I start it").await;
        page.fill("A kilowatt-hour costs", "0.30").await;
        self.picture("walk-10-when").await;
        page.press("all rules").await;
        page.reads("When this PC may work.").await;
        for switch in TURNED {
            page.choose(switch).await;
        }
        for (field, number) in NUMBERS {
            page.fill(field, number).await;
        }
        page.press("Save").await;
        page.reads("Saved. It counts within seconds.").await;
        self.picture("walk-11-rules").await;
        page.press("Rig").await;
        page.press("Go on setting up").await;
        page.reads("When may it work?").await;
        page.press("Next").await;
    }

    async fn starts(&self) {
        let page = &self.window.page;
        page.reads("Ready to start").await;
        page.reads("Connected to testbed.").await;
        self.picture("walk-12-ready").await;
        page.press("Start").await;
        page.reads("Ready for work").await;
        self.picture("walk-13-started").await;
        page.press("Go to the rig").await;
    }

    /// A customer's job in a container, to its end. Answers with its name.
    async fn works(&self, image: &str) -> String {
        let page = &self.window.page;
        let job = self.network.submit_for(OFFERED, "first light", image, SCRIPT);
        page.reads("Working on a job").await;
        page.reads("first light").await;
        self.stage.keep_picture_by_lamplight("walk-14-working").await;
        page.press("Jobs").await;
        page.reads("Done").await;
        self.network.watch(&job);
        self.picture("walk-15-done").await;
        job
    }

    /// What the customer paid, less the network's fee. Answers with it, in the chain's smallest units.
    async fn sees_what_it_brought(&self, job: &str) -> u128 {
        let page = &self.window.page;
        page.press("Earnings").await;
        let shown = page.exact("Before power").await;
        self.picture("walk-16-earnings").await;
        let chain = self.network.chain();
        let earned = chain.units(&format!("{} {}", shown.trim_start_matches('$'), chain.symbol));
        let charged = self.network.charged(job);
        assert!(earned > 0 && earned == charged - charged / 10, "of {charged} the owner has {earned}");
        earned
    }

    /// Until the payout is on the chain, and the proof with it.
    async fn sees_it_proven(&self, earned: u128) {
        let (page, chain) = (&self.window.page, self.network.chain());
        page.press("Wallet").await;
        page.reads("It counts. This wallet has confirmed it").await;
        self.picture("walk-17-unpaid").await;
        page.press(&format!("Proof for {}", chain.symbol)).await;
        let ready = page.fact("Proof", "Ready to be taken, proven").await;
        assert_eq!(chain.units(&ready), earned, "{ready}");
        page.reads("your leaf is the root").await;
        self.picture("walk-18-proof").await;
        page.press("Close").await;
    }

    /// Signs what he has read. Answers with what arrives, as he was told before.
    async fn takes_it(&self, earned: u128, account: &str) -> u128 {
        let (page, chain) = (&self.window.page, self.network.chain());
        self.picture("walk-19-claimable").await;
        let on_chain = format!("{} on {}", chain.symbol, chain.name);
        page.press(&format!("Take: {on_chain}")).await;
        self.picture("walk-20-take").await;
        page.press("Look it over").await;
        let fact = async |name| page.fact("What will be signed", name).await;
        let (takes, fee, arrives) = (fact("You take").await, fact("Fee").await, fact("Arrives").await);
        assert_eq!(fact("It goes to").await, account);
        let least = arrives.split_whitespace().find(|word| word.contains('.')).expect("a number");
        let said = format!("At least {least}");
        let (takes, fee, arrives) = (chain.units(&takes), chain.units(&fee), chain.units(&arrives));
        assert_eq!((takes, fee + arrives), (earned, earned), "nothing is lost on the way that is not said");
        // Of a few cents, a relayer's cent is much: that is said, and he means it.
        page.choose("I have looked, and mean it.").await;
        self.picture("walk-21-intent").await;
        page.press("Sign and send").await;
        page.reads("Final, in block").await;
        self.picture("walk-22-final").await;
        page.press("Close").await;
        page.reads(&said).await;
        page.reads_fact(&on_chain, "In the wallet", |shown| chain.units(&format!("{shown} {}", chain.symbol)) == arrives).await;
        self.picture("walk-23-in-the-wallet").await;
        arrives
    }

    /// The words, as he copies them from the screen.
    async fn words(&self) -> Vec<String> {
        let lines = self.window.page.texts("ol[aria-label='Words'] li").await;
        // Each stands behind its number.
        lines.iter().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect()
    }

    /// Which words he is asked for: each field, and the word's number.
    async fn asked_words(&self) -> Vec<(String, usize)> {
        let labels = self.window.page.texts("form label").await;
        let numbered =
            |label: String| label.strip_prefix("Word ").and_then(|number| number.parse().ok()).map(|number| (label, number));
        labels.into_iter().filter_map(numbered).collect()
    }

    async fn picture(&self, name: &str) {
        self.stage.keep_picture(name).await;
    }
}

/// A fingerprint as it is read out on the telephone.
fn grouped(key: &str) -> String {
    let digits: Vec<char> = key.chars().skip(2).collect();
    let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
    format!("0x{}", groups.join(" "))
}
