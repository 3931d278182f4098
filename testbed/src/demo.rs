//! The whole way in front of a person's eyes: real work that nobody here wrote goes to a rig, and its result comes back.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use headframe_cli::{
    Client, commands,
    fetch::{Existing, Fetched, fetch},
    job_file,
    logs::LogItem,
    output::{Form, Output},
};
use headframe_protocol::{
    ImageRef, JobId, Micros,
    api::Pay,
    job::{JobSpec, JobState},
};
use indicatif::ProgressBar;

use crate::{
    Options, Testbed,
    money::MoneyOptions,
    process::{Process, command, workspace_binary},
    say,
    signals::Told,
};

mod paid;
mod render;
mod transcode;

/// Work that customers really have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// A video made smaller by ffmpeg.
    Transcode,
    /// A frame drawn by Blender's Cycles.
    Render,
}

/// Whether there is a window beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The owner's window is opened.
    Open,
    /// No display is needed.
    None,
}

/// What happens when the result is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The demo ends.
    End,
    /// The network stays up until Ctrl-C, or until the window is closed.
    Stay,
}

/// What is shown.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The work.
    pub workload: Workload,
    /// The engine's name of the image to run it in.
    pub image: String,
    /// Where the result goes.
    pub out: PathBuf,
    /// Whether there is a window.
    pub window: Window,
    /// When it ends.
    pub afterwards: Afterwards,
}

impl Demo {
    /// Shows it. Ends well only with a result that was fetched and verified. However it ends, nothing of it is left in the
    /// container engine; what goes wrong leaves its folder, with the logs that say why.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn run(&self) -> Result<()> {
        let mut told = Told::listen()?;
        let testbed = tokio::select! {
            started = Box::pin(Testbed::start(options())) => started?,
            () = told.to_end() => bail!("stopped before the network was up"),
        };
        let shown = tokio::select! {
            shown = Box::pin(self.show_to_the_end(&testbed)) => shown,
            () = told.to_end() => Err(anyhow::anyhow!("stopped before the result was there")),
        };
        let shown = match (shown, self.afterwards) {
            (Ok(window), Afterwards::Stay) => stay(window, &mut told).await,
            (Ok(_), Afterwards::End) => Ok(()),
            (Err(error), Afterwards::Stay | Afterwards::End) => Err(error),
        };
        let shown = shown.and(testbed.check_books().await);
        let clearing = async {
            match &shown {
                Ok(()) => testbed.shutdown().await,
                Err(_) => testbed.shutdown_keeping_folder().await,
            }
        };
        let cleared = tokio::select! {
            cleared = Box::pin(clearing) => cleared,
            () = told.again() => Err(anyhow::anyhow!("stopped while clearing up; containers and images may be left")),
        };
        shown.and(cleared)
    }

    /// Everything up to the verified result. The window stays open for as long as it is held.
    async fn show_to_the_end(&self, testbed: &Testbed) -> Result<Option<Process>> {
        say(format_args!("The network is up: {}, two rigs, one customer, a chain.", testbed.coordinator_url()?))?;
        let window = match self.window {
            Window::Open => Some(open_window(testbed)?),
            Window::None => None,
        };
        self.show(testbed).await?;
        Ok(window)
    }

    async fn show(&self, testbed: &Testbed) -> Result<()> {
        let client = testbed.client()?;
        let owners = paid::prepare(testbed).await?;
        say(format_args!("Pushing {} to the network's registry.", self.image))?;
        let image = testbed.publish(&self.image, self.workload.name()).await?;
        let desk = testbed.dir().join("customer");
        std::fs::create_dir_all(&desk).context("could not make the customer's folder")?;
        let job = match self.workload {
            Workload::Transcode => transcode::prepare(&desk, &image)?,
            Workload::Render => render::prepare(&desk, &image)?,
        };
        std::fs::write(desk.join("job.yaml"), &job).context("could not write the job file")?;
        say(format_args!("The customer's job.yaml:\n\n{job}"))?;
        let written = job_file::parse(&job, &desk)?;
        let key = uuid::Uuid::new_v4().to_string();
        let jobs = commands::submit_jobs(&client, written, (Pay::Dollars, &key), |_| ProgressBar::hidden()).await?;
        let [id] = jobs[..] else { bail!("one job was submitted and {} came of it", jobs.len()) };
        // Small work for the other rig, so that both owners earn.
        let beside = client.submit(&beside(self.workload, &image)?, Pay::Dollars, &uuid::Uuid::new_v4().to_string()).await?;
        follow(&client, id).await?;
        let beside = commands::follow_job(&client, beside.id, &Output::new(Form::Text)).await?;
        ensure!(beside.state == JobState::Succeeded, "{}", headframe_cli::Error::JobEnded(Box::new(beside)));
        let dir = self.out.join(self.workload.name());
        let files = fetch(&client, id, &dir, Existing::Replace, &ProgressBar::hidden()).await?;
        let result = verify(self.workload, &files)?;
        say(format_args!("\nVerified: {result}\nCharged: {}\nThe result is {}\n", client.job(id).await?.charged, list(&files)))?;
        owners.are_paid(testbed).await
    }
}

/// Two rigs, and a chain.
fn options() -> Options {
    Options { agents: 2, grant: Micros::ZERO, money: Some(MoneyOptions::to_watch()), ..Options::default() }
}

/// A small job of the same image, which holds nothing but its program.
fn beside(workload: Workload, image: &ImageRef) -> Result<JobSpec> {
    let (command, args) = match workload {
        Workload::Transcode => {
            ("ffmpeg", "-nostdin -hide_banner -re -f lavfi -i testsrc2=size=64x64:rate=5:duration=3 -f null -")
        }
        Workload::Render => ("blender", "--background --version"),
    };
    let spec = serde_json::json!({
        "name": "small work", "image": image, "command": [command], "args": args.split(' ').collect::<Vec<_>>(),
        "max_price_per_hour": "1000000", "timeout_s": 60,
    });
    serde_json::from_value(spec).context("the small job is not one")
}

impl Workload {
    /// As the command line spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transcode => "transcode",
            Self::Render => "render",
        }
    }
}

/// Prints state and log until the job has ended; fails if it did not succeed.
async fn follow(client: &Client, id: JobId) -> Result<()> {
    let out = Output::new(Form::Text);
    let log = async {
        let mut log = client.logs(id);
        loop {
            match log.next().await? {
                LogItem::Text(piece) => out.print(&piece.text)?,
                LogItem::End(_) => return Ok::<_, headframe_cli::Error>(()),
            }
        }
    };
    let (job, ()) = tokio::try_join!(commands::follow_job(client, id, &out), log)?;
    ensure!(job.state == JobState::Succeeded, "{}", headframe_cli::Error::JobEnded(Box::new(job)));
    Ok(())
}

fn verify(workload: Workload, files: &[Fetched]) -> Result<String> {
    let [file] = files else { bail!("one file was expected and {} came", files.len()) };
    match workload {
        Workload::Transcode => transcode::verify(&file.saved),
        Workload::Render => render::verify(&file.saved),
    }
}

fn list(files: &[Fetched]) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    files.iter().map(|file| absolute(&file.saved)).collect::<Vec<_>>().join(", ")
}

fn open_window(testbed: &Testbed) -> Result<Process> {
    let rig = testbed.rigs.first().context("a demo has a rig")?;
    let mut window = command(workspace_binary("HEADFRAME_DESKTOP_BIN", "headframe-desktop")?);
    window.env("HEADFRAME_AGENT_DIR", rig.dir());
    Process::start("the window", window, &testbed.dir().join("window.log"))
}

/// Returns when the window is closed or we are told to end.
async fn stay(window: Option<Process>, told: &mut Told) -> Result<()> {
    say("The network stays up. Press Ctrl-C to end it.")?;
    let closed = async {
        match window {
            Some(mut window) => window.ended(std::time::Duration::MAX).await.map(drop),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = told.to_end() => Ok(()),
        closed = closed => closed,
    }
}
