//! `headframe-agent doctor`: whether this PC can be a rig, and what to mend if not.

use headframe_agent::doctor::{self, Known, Private, text};
use headframe_control::{AgentPaths, Client};
use headframe_protocol::control::{self, Checkup, Language};

use crate::{DoctorArgs, Exit, words};

/// An agent that runs looks itself: it has the surroundings that count. One that does not, or does not understand, is done without.
pub(crate) async fn doctor(paths: &AgentPaths, args: &DoctorArgs) -> Exit {
    let asked = async { Client::connect(paths).await?.doctor(control::DoctorArgs::default()).await };
    let (checkup, by_agent) = match asked.await {
        // Its text for strangers is written here, where it is asked for.
        Ok(checkup) => (Checkup { support: String::new(), ..checkup }, true),
        Err(_) => (doctor::check_up(Known { paths, probes: None }, Language::English).await, false),
    };
    let exit = if checkup.fails() { Exit::Failed } else { Exit::Done };
    let checkup = if args.support { Private::of_this_pc().hidden(checkup) } else { checkup };
    if args.json {
        // Plain data; it always has a JSON form.
        words::say(&serde_json::to_string(&checkup).unwrap_or_default());
    } else {
        words::say(&text(&checkup, args.support, by_agent));
    }
    exit
}
