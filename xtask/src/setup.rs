//! Makes a bare machine able to run what is asked: finds what is missing, says why it is needed, installs it.
//!
//! On Debian and Ubuntu, as root, apt does it. Anywhere else the command to type is printed and nothing is touched.

mod elf;
mod needs;
mod tools;

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};

pub(crate) use needs::Area;
use needs::{NEEDS, Need};
pub(crate) use tools::{Tool, install as install_tool};

use crate::{
    process::{capture, command, find, run},
    story,
};

/// The oldest Node.js that the tools of the UI and of the contracts accept, major and minor; their `package.json` say the same.
const NODE_MIN: (u32, u32) = (20, 19);

/// Everything the named areas need is there when this returns.
pub(crate) fn ensure(areas: &[Area]) -> Result<()> {
    let missing = missing(areas);
    if !missing.is_empty() {
        install(&missing)?;
        let still: Vec<&str> = self::missing(areas).iter().map(|need| need.what).collect();
        if !still.is_empty() {
            bail!("installed, and yet not found: {}", still.join(", "));
        }
    }
    if areas.iter().any(|area| matches!(area, Area::Ui | Area::Contracts)) {
        check_node()?;
    }
    Ok(())
}

fn missing(areas: &[Area]) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| areas.contains(&need.area) && !need.probe.finds()).collect()
}

fn install(missing: &[&Need]) -> Result<()> {
    story::tell("This machine lacks:");
    for need in missing {
        story::tell(format_args!("  {:<24} {} (Debian: {})", need.what, need.why, need.packages));
    }
    let mut packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.split(' ')).collect();
    packages.sort_unstable();
    packages.dedup();
    let by_hand = format!("apt-get update && apt-get install --no-install-recommends {}", packages.join(" "));

    if find("apt-get").is_none() {
        bail!(
            "install the programs above with this system's package manager and run the command again. \
             Everything at once works on Debian 12 or Ubuntu, in a container or virtual machine too"
        );
    }
    if !is_root()? {
        bail!("install them as root, then run the command again:\n  sudo sh -c '{by_hand}'");
    }
    if !agreed("Install them with apt-get now?")? {
        bail!("nothing was installed. By hand:\n  {by_hand}");
    }
    run(&mut apt(&["update"]))?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    run(&mut apt(&arguments))
}

/// Installs one package of the system that only some machines are offered, with the reason.
pub(crate) fn install_package(package: &str, why: &str) -> Result<()> {
    let by_hand = format!("apt-get install --no-install-recommends {package}");
    if !is_root()? {
        bail!("{package} is missing; {why}. Install it as root, then run the command again:\n  sudo {by_hand}");
    }
    if !agreed(&format!("{package} is missing; {why}. Install it with apt-get now?"))? {
        bail!("nothing was installed. By hand:\n  {by_hand}");
    }
    run(&mut apt(&["install", "--yes", "--no-install-recommends", package]))
}

fn apt(arguments: &[&str]) -> std::process::Command {
    let mut apt = command("apt-get");
    apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    // Single-user runlevel: the packages must not start services of their own; we start private ones and stop them.
    apt.env("RUNLEVEL", "1");
    apt
}

/// Asks only where somebody can answer: never in CI, never without a terminal.
fn agreed(question: &str) -> Result<bool> {
    let somebody = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::env::var_os("CI").is_none();
    if !somebody {
        return Ok(true);
    }
    // A terminal shows both; what is written must not end in a line break.
    print!("{question} [Y/n] ");
    std::io::stdout().flush().context("could not ask")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("could not read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

/// Whether we may install packages and start engines.
pub(crate) fn is_root() -> Result<bool> {
    Ok(capture(command("id").arg("-u"))? == "0")
}

fn check_node() -> Result<()> {
    let version = capture(command("node").arg("--version"))
        .context("the UI and the contracts are built with Node.js, which was not found")?;
    if node_version(&version).is_none_or(|found| found < NODE_MIN) {
        let (major, minor) = NODE_MIN;
        bail!("the UI and the contracts need Node.js {major}.{minor} or newer; this machine has {version}");
    }
    if find("npm").is_none() {
        bail!("the UI and the contracts need npm, which comes with Node.js; `npm` was not found");
    }
    Ok(())
}

/// Major and minor of what `node --version` prints.
fn node_version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.trim().trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_a_little_too_old_is_too_old() {
        assert!(node_version("v20.18.3").is_some_and(|found| found < NODE_MIN));
        assert!(node_version("v20.19.0").is_some_and(|found| found >= NODE_MIN));
        assert!(node_version("v22.4.1\n").is_some_and(|found| found >= NODE_MIN));
        assert_eq!(node_version("not node"), None);
    }
}
