//! Graphics cards: driver, and the way into containers.

use headframe_protocol::control::{Check, Verdict};

use super::{
    Mend as _, Topic,
    engine::{told, verdict, weight},
};
use crate::{
    doctor::{
        advisories::{self, TOOLKIT},
        facts::Gpus,
    },
    runner::engine::Examined,
};

const DRIVER: Topic = Topic {
    id: "gpu_driver",
    what: "Graphics driver",
    required: "NVIDIA's driver with NVML, where there is an NVIDIA card",
    why: "it tells how warm and how busy the card is; without it the card cannot be offered",
};

const IN_CONTAINERS: Topic = Topic {
    id: "gpu_containers",
    what: "Graphics cards in containers",
    required: "NVIDIA Container Toolkit 1.17.8 or newer, or cards described by CDI",
    why: "it brings the card into a job's container. Cards are shown and not offered yet",
};

pub(super) fn checks(gpus: &Gpus, engines: &[Examined]) -> Vec<Check> {
    let mut checks = vec![driver(gpus)];
    if !gpus.models.is_empty() || gpus.on_the_bus.is_some_and(|cards| cards > 0) {
        checks.push(in_containers(gpus, engines));
    }
    checks
}

fn driver(gpus: &Gpus) -> Check {
    let models = gpus.models.join(", ");
    match (&gpus.driver, gpus.on_the_bus) {
        (Some(Ok(version)), _) if !gpus.models.is_empty() => DRIVER.ok(format!("{models}; driver {version}")),
        (Some(Ok(version)), _) => DRIVER.warn(format!("driver {version}, which sees no card"), "see what `nvidia-smi` says"),
        (Some(Err(_)) | None, Some(0)) => DRIVER.ok("no NVIDIA card in this PC; it can work with its processor"),
        (Some(Err(why)), Some(cards)) => DRIVER.warn(
            format!("{cards} NVIDIA card(s) on the bus, and no driver that tells of them: {why}"),
            "install NVIDIA's own driver; the PC can work with its processor meanwhile",
        ),
        (None, Some(cards)) => DRIVER.warn(
            format!("{cards} NVIDIA card(s) on the bus, and no driver that tells of them"),
            "install NVIDIA's own driver; the PC can work with its processor meanwhile",
        ),
        (Some(Err(_)) | None, None) => DRIVER.unknown("no driver answers, and this system does not say which cards there are"),
    }
}

fn in_containers(gpus: &Gpus, engines: &[Examined]) -> Check {
    let by_engine = engines.iter().filter_map(|one| one.testimony.as_ref()).any(|testimony| {
        testimony.runtimes.iter().any(|name| name == "nvidia")
            || testimony.devices.iter().any(|device| device.starts_with("nvidia.com/gpu"))
    });
    let Some(version) = &gpus.toolkit else {
        return if gpus.cdi_files || by_engine {
            IN_CONTAINERS.unknown("cards are described for containers; the toolkit's version could not be found out")
        } else {
            IN_CONTAINERS.warn(
                "not installed",
                "install the NVIDIA Container Toolkit, then `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
            )
        };
    };
    let Some(hits) = advisories::of(TOOLKIT, version) else {
        return IN_CONTAINERS.unknown(format!("of toolkit {version} nothing is known"));
    };
    if let Some(worst) = hits.iter().map(|hit| verdict(*hit)).max_by_key(|verdict| weight(*verdict)) {
        let says = hits.iter().map(|hit| told(TOOLKIT, version, *hit)).collect::<Vec<_>>().join("; ");
        // No container gets a card yet: what is wrong with the way in cannot be used.
        let worst = if worst == Verdict::Fail { Verdict::Warn } else { worst };
        return IN_CONTAINERS.says(worst, says).to_mend("bring the NVIDIA Container Toolkit up to date");
    }
    let cdi = if gpus.cdi_files || by_engine { "" } else { "; no card is described by CDI" };
    IN_CONTAINERS.ok(format!("toolkit {version}{cdi}"))
}
