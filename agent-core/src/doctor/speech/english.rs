//! In English.

use super::Speech;
use crate::doctor::findings::Topic;

mod found;
mod remedies;

pub(super) const ENGLISH: Speech = Speech {
    what,
    required,
    why,
    engine: found::engine,
    card: found::card,
    pc: found::pc,
    owner: found::owner,
    network: found::network,
    mend_engine: remedies::engine,
    mend_card: remedies::card,
    mend_pc: remedies::pc,
    mend_owner: remedies::owner,
    set_clock: "let the system set its clock over the network, on Linux: `sudo timedatectl set-ntp true`",
};

const fn what(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Container engine",
        Topic::Faults => "Known faults of the engine",
        Topic::Users => "Users in containers",
        Topic::Limits => "Limits on jobs",
        Topic::Seccomp => "System calls of jobs",
        Topic::Gvisor => "gVisor",
        Topic::Driver => "Graphics driver",
        Topic::CardsInContainers => "Graphics cards in containers",
        Topic::Folder => "Agent's folder",
        Topic::Settings => "Settings",
        Topic::Rules => "Rules",
        Topic::Disk => "Disk",
        Topic::DiskLimit => "Limit on jobs' disk use",
        Topic::Memory => "Memory",
        Topic::VmMemory => "Memory of the engine's virtual machine",
        Topic::Probes => "Signs of you",
        Topic::Tray => "Tray",
        Topic::Secrets => "Keeper of passwords",
        Topic::Clock => "Clock",
        Topic::Bandwidth => "Bandwidth",
    }
}

const fn required(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Docker 20.10 or newer, or what speaks its language, running and open to this user",
        Topic::Faults => "no part with a known way out of its container",
        Topic::Users => "user namespaces: a rootless engine, one with userns-remap, or one in a VM",
        Topic::Limits => "control groups version 2, with limits on memory, processes and processor time",
        Topic::Seccomp => "the engine's default seccomp profile on",
        Topic::Gvisor | Topic::Tray | Topic::Secrets => "nothing; it is good to have",
        Topic::Driver => "NVIDIA's driver with NVML, where there is an NVIDIA card",
        Topic::CardsInContainers => "NVIDIA Container Toolkit 1.17.8 or newer, or cards described by CDI",
        Topic::Folder => "a folder of this user's own that nobody else may read",
        Topic::Settings | Topic::Rules => "a file that is understood, or none",
        Topic::Disk => "as much free as the settings give to images and jobs, and 2 GiB that stay yours",
        Topic::DiskLimit => "a file system of the size the job asked for; a watch over the free space is the second best",
        Topic::Memory => "4 GiB or more",
        Topic::VmMemory => "a virtual machine that gives back what nobody uses, or none",
        Topic::Probes => "at least one probe that sees keyboard, mouse or gamepad; none that is broken",
        Topic::Clock => "within a minute of the coordinator's",
        Topic::Bandwidth => "nothing in particular",
    }
}

const fn why(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "jobs run in containers and nowhere else",
        Topic::Faults => "jobs are strangers' programs",
        Topic::Users => "whoever breaks out of a container is then nobody outside",
        Topic::Limits => "a job must not take the whole PC",
        Topic::Seccomp => "most ways out of a container begin with a rare system call; Headframe adds a stricter list of its own",
        Topic::Gvisor => "it can put one more wall around jobs that need no graphics card",
        Topic::Driver => "it tells how warm and how busy the card is; without it the card cannot be offered",
        Topic::CardsInContainers => "it brings the card into a job's container",
        Topic::Folder => "the rig's key and its journal are in it",
        Topic::Settings => "an agent does not start with settings it does not understand",
        Topic::Rules => "nothing works by rules that are not understood",
        Topic::Disk => "a rig with too little room gets few jobs",
        Topic::DiskLimit => "a job must not fill your disk",
        Topic::Memory => "jobs get a part of it, and the rest must be enough for you",
        Topic::VmMemory => "else what a job needed is missing from your PC after it",
        Topic::Probes => "who cannot be seen is taken to be here, and then nothing works",
        Topic::Tray => "it shows what the rig does, and pauses it with two clicks",
        Topic::Secrets => "it can remember the wallet's password; without it you are asked each time",
        Topic::Clock => {
            "your hours are kept by it, and certificates are judged by it; what you are paid for is not measured with it"
        }
        Topic::Bandwidth => "a fast line gets jobs with large files done sooner",
    }
}
