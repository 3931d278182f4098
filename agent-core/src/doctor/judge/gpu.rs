//! Graphics cards: driver, and the way into containers.

use super::engine::worst;
use crate::{
    doctor::{
        advisories::{self, TOOLKIT},
        facts::Gpus,
        findings::{CardFound as Is, CardRemedy as Mend, Describes, Fault, Finding, Part, Topic},
    },
    runner::engine::Examined,
};

pub(super) fn findings<'f>(gpus: &'f Gpus, engines: &[Examined]) -> Vec<Finding<'f>> {
    let mut findings = vec![driver(gpus)];
    if !gpus.models.is_empty() || gpus.on_the_bus.is_some_and(|cards| cards > 0) {
        findings.push(in_containers(gpus, engines));
    }
    findings
}

fn driver(gpus: &Gpus) -> Finding<'_> {
    let topic = Topic::Driver;
    match (&gpus.driver, gpus.on_the_bus) {
        (Some(Ok(driver)), _) if !gpus.models.is_empty() => topic.ok(Is::Driven { models: &gpus.models, driver }),
        (Some(Ok(driver)), _) => topic.warn(Is::DriverSeesNone { driver }, Mend::AskTheDriver),
        (Some(Err(_)) | None, Some(0)) => topic.ok(Is::NoCard),
        (Some(Err(why)), Some(cards)) => topic.warn(Is::Undriven { cards, why: Some(why) }, Mend::InstallDriver),
        (None, Some(cards)) => topic.warn(Is::Undriven { cards, why: None }, Mend::InstallDriver),
        (Some(Err(_)) | None, None) => topic.unknown(Is::NobodyTells),
    }
}

fn in_containers<'f>(gpus: &'f Gpus, engines: &[Examined]) -> Finding<'f> {
    let topic = Topic::CardsInContainers;
    let by_engine = engines.iter().filter_map(|one| one.testimony.as_ref()).any(|testimony| {
        testimony.runtimes.iter().any(|name| name == "nvidia")
            || testimony.devices.iter().any(|device| device.starts_with("nvidia.com/gpu"))
    });
    let describes = if gpus.cdi_files || by_engine { Describes::Cards } else { Describes::Nothing };
    let Some(version) = &gpus.toolkit else {
        return match describes {
            Describes::Cards => topic.unknown(Is::Described),
            Describes::Nothing => topic.warn(Is::NoToolkit, Mend::InstallToolkit),
        };
    };
    let Some(hits) = advisories::of(TOOLKIT, version) else {
        return topic.unknown(Is::ToolkitUnread { version });
    };
    let part = Part { name: TOOLKIT, version };
    let faults: Vec<_> = hits.into_iter().map(|hit| Fault { part, hit }).collect();
    match worst(&faults) {
        Some(worst) => topic.says(worst, Is::Faults(faults)).mended_by(Mend::UpdateToolkit),
        None => topic.ok(Is::Toolkit { version, describes }),
    }
}
