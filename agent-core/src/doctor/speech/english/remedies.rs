//! What the owner can do, in English.

use crate::doctor::findings::{CardRemedy, EngineRemedy, OwnerRemedy, PcRemedy};

pub(super) const fn engine(remedy: EngineRemedy) -> &'static str {
    match remedy {
        EngineRemedy::Install => "install Docker (https://docs.docker.com/engine/install) and start it",
        EngineRemedy::Start => "start the engine, for Docker on Linux: `sudo systemctl start docker`",
        EngineRemedy::Admit => {
            "add this user to the engine's group, for Docker: `sudo usermod -aG docker $USER`, and log in again"
        }
        EngineRemedy::ReadItsLog => "look at the engine's own log, and start it again",
        EngineRemedy::GiveAnAddress => "set `engine.socket` in agent.toml, or DOCKER_HOST, to an address as named above",
        EngineRemedy::Change => "change the engine as said, or use another; `engine.socket` in agent.toml chooses",
        EngineRemedy::Update => {
            "bring the engine and its parts up to date. A distribution may mend a fault without changing the number: its security pages tell"
        }
        EngineRemedy::RemapUsers => {
            "set `\"userns-remap\": \"default\"` in /etc/docker/daemon.json and restart Docker. Jobs' disk use is then only watched"
        }
        EngineRemedy::BootWithVersion2 => "boot with control groups version 2 (`systemd.unified_cgroup_hierarchy=1`)",
        EngineRemedy::PreferVersion2 => "version 2 holds limits more strictly; current systems boot with it",
        EngineRemedy::TurnSeccompOn => "remove `seccomp-profile: unconfined` from the engine's settings and restart it",
    }
}

pub(super) const fn card(remedy: CardRemedy) -> &'static str {
    match remedy {
        CardRemedy::AskTheDriver => "see what `nvidia-smi` says",
        CardRemedy::InstallDriver => "install NVIDIA's own driver; the PC can work with its processor meanwhile",
        CardRemedy::InstallToolkit => {
            "install the NVIDIA Container Toolkit, then `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
        }
        CardRemedy::UpdateToolkit => "bring the NVIDIA Container Toolkit up to date",
    }
}

pub(super) fn pc(remedy: PcRemedy<'_>) -> String {
    let said = match remedy {
        PcRemedy::CloseFolder { path } => return format!("`chmod 700 {path}`"),
        PcRemedy::ChangeLine { path } => return format!("change the line in {path}, or remove it"),
        PcRemedy::MakeFolderWritable => "free some space, or mend the folder's permissions",
        PcRemedy::BecomeItsUser => "run the agent as that user, or give it a folder with --data-dir",
        PcRemedy::UseAnotherFolder => "give the agent another folder with --data-dir",
        PcRemedy::RemoveThings => "remove what you no longer need",
        PcRemedy::FreeSpaceOrGiveLess => "free some space, or set `limits.disk_gib` in agent.toml lower; it works with less",
        PcRemedy::RunAsRoot => {
            "run the agent as root on the engine's own system if you want the stricter one; the watch ends a job before your disk is full"
        }
        PcRemedy::ExpectFewJobs => "few jobs fit; nothing is wrong otherwise",
        PcRemedy::TellWsl => {
            "write `autoMemoryReclaim=gradual` under `[experimental]` in .wslconfig in your user folder, then run `wsl --shutdown`"
        }
        PcRemedy::StopVm => {
            "stop it when you need the memory, such as with `podman machine stop` or `colima stop`; the rig waits until it is back"
        }
    };
    said.to_owned()
}

pub(super) const fn owner(remedy: OwnerRemedy) -> &'static str {
    match remedy {
        OwnerRemedy::WorkWhileHere => "set `away.require = false` in rules.toml to work while you are here",
        OwnerRemedy::ExpectNoWork => "while one is broken, your side is taken: nothing works",
        OwnerRemedy::StartInSession => {
            "start the agent in your desktop session; for a PC without a screen set `away.require = false` in rules.toml"
        }
    }
}
