//! What was found, in Spanish.

use headframe_protocol::control::{ProbeKind, ProbeView};

use crate::{
    doctor::{
        advisories::Harm,
        facts::{FolderState, Reclaim, Silence},
        findings::{CardFound, Describes, EngineFound, Fault, NetworkFound, OwnerFound, PcFound, Probes},
        speech::listed,
    },
    runner::{
        DiskLimit,
        engine::{Examined, Limit, Note, Unfit, WhyNot},
    },
};

pub(super) fn engine(found: &EngineFound<'_>) -> String {
    match found {
        EngineFound::Taken { engine: Examined { name, address, .. }, notes: [] } => format!("{name} en {address}"),
        EngineFound::Taken { engine: Examined { name, address, .. }, notes } => {
            format!("{name} en {address}. {}", listed(notes, " ", |each| note(*each).to_owned()))
        }
        EngineFound::NotTaken { engine: Examined { name, address, .. }, why } => {
            format!("{name} en {address}: {}", why_not(why))
        }
        EngineFound::NothingAt(places) if places.is_empty() => {
            "no se encontró ninguno; en este sistema no hay dónde mirar".to_owned()
        }
        EngineFound::NothingAt(places) => format!("no se encontró ninguno; se miró en {}", places.join(", ")),
        EngineFound::NobodyToAsk => "no responde ningún motor al que preguntar".to_owned(),
        EngineFound::PartsUnnamed => "el motor no nombra sus componentes".to_owned(),
        EngineFound::PartsUnread(parts) => format!("de {} no se sabe nada", listed(parts, ", ", ToString::to_string)),
        EngineFound::NoFault(parts) => listed(parts, ", ", ToString::to_string),
        EngineFound::Faults(faults) => listed(faults, "; ", fault),
        EngineFound::Rootless => "el propio motor no es root".to_owned(),
        EngineFound::Remapped => "root en un contenedor es otro usuario fuera".to_owned(),
        EngineFound::SharedInVm => "compartidos, dentro de una máquina virtual del motor".to_owned(),
        EngineFound::Shared => {
            "root en un contenedor es root fuera; Headframe ejecuta los trabajos como nobody y sin privilegios".to_owned()
        }
        EngineFound::LimitsMissing { cgroups, limits } => {
            format!("{}; sin límite de {}", control_groups(*cgroups), listed(limits, ", ", |each| limit(*each).to_owned()))
        }
        EngineFound::LimitsWork { cgroups: None } => {
            "los límites funcionan, y el motor no dice la versión de los grupos de control".to_owned()
        }
        EngineFound::LimitsWork { cgroups } => format!("{}; todos los límites funcionan", control_groups(*cgroups)),
        EngineFound::SeccompOn { profile } => format!("activado ({profile})"),
        EngineFound::SeccompOff => "desactivado".to_owned(),
        EngineFound::GvisorThere => "instalado".to_owned(),
        EngineFound::NoGvisor => "no instalado".to_owned(),
    }
}

const fn note(note: Note) -> &'static str {
    match note {
        Note::NoSwapLimit => "El motor no puede limitar la memoria de intercambio. No importa mientras este PC no la tenga.",
        Note::EndsJobs => "Los trabajos terminan cuando se reinicia el motor (`live-restore` está desactivado).",
    }
}

const fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memoria",
        Limit::Processes => "procesos",
        Limit::ProcessorTime => "tiempo de procesador",
        Limit::Swap => "memoria de intercambio",
    }
}

fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::NoSocket => "no hay ningún socket; no está instalado o no está en marcha".to_owned(),
        WhyNot::Refused => "hay un socket, pero nadie responde; el motor se ha parado".to_owned(),
        WhyNot::Denied => "este usuario no puede usarlo".to_owned(),
        WhyNot::Mute { detail } => format!("no responde como lo hace un motor: {detail}"),
        WhyNot::BadAddress { address } => {
            format!("`{address}` no es una dirección que podamos usar; unix:///path, npipe:////./pipe/name o http://host:port")
        }
        WhyNot::Unfit(unfit) => match unfit {
            Unfit::TooOld { api } => format!("habla la API {api}; hace falta la 1.41 o posterior (Docker 20.10)"),
            Unfit::Podman => {
                "Podman cuenta con sus propias palabras cómo hizo un contenedor, así que esta versión no puede comprobarlo; Docker, Colima, OrbStack y Rancher Desktop sí sirven".to_owned()
            }
            Unfit::NotLinux { os } => format!("ejecuta contenedores {os}; cámbialo a contenedores Linux"),
            Unfit::LimitsDoNotWork { limits } => format!(
                "no puede limitar {}; un trabajo podría acaparar todo el PC (los motores sin root necesitan cgroup v2)",
                listed(limits, ", ", |each| limit(*each).to_owned())
            ),
            Unfit::NoSeccomp => {
                "su perfil seccomp predeterminado está desactivado; actívalo, o los trabajos podrían usar todas las llamadas al sistema del kernel".to_owned()
            }
        },
    }
}

fn control_groups(version: Option<u8>) -> String {
    version.map_or_else(
        || "grupos de control de versión desconocida".to_owned(),
        |version| format!("grupos de control versión {version}"),
    )
}

fn fault(Fault { part, hit }: &Fault<'_>) -> String {
    let mended = listed(hit.advisory.mended, " o ", ToString::to_string);
    let built = if hit.may_be_patched { ", si su distribución no lo ha arreglado ya" } else { "" };
    format!("{part} tiene {} ({}; arreglado en {mended}{built})", hit.advisory.ids, harm(hit.advisory.harm))
}

const fn harm(harm: Harm) -> &'static str {
    match harm {
        Harm::BeginsOnHost => "una imagen puede empezar en una carpeta del anfitrión",
        Harm::ReachesMaskedFiles => "un programa puede llegar a archivos del kernel que están ocultos",
        Harm::ChangesHostFiles => "una imagen puede cambiar archivos del anfitrión mientras se desempaqueta",
        Harm::BecomesRoot => {
            "el número de usuario de una imagen puede acabar siendo el de root; Headframe fija el usuario por su cuenta"
        }
        Harm::PassesPlugins => "se pueden esquivar los complementos que restringen a los clientes del motor",
        Harm::OrdersEngine => "un programa puede dar órdenes al motor",
        Harm::MountsHostFiles => "una imagen puede montar los archivos del anfitrión",
        Harm::RunsOutside => "una imagen puede hacer que su código se ejecute fuera",
    }
}

pub(super) fn card(found: &CardFound<'_>) -> String {
    match found {
        CardFound::Driven { models, driver } => format!("{}; controlador {driver}", models.join(", ")),
        CardFound::DriverSeesNone { driver } => format!("controlador {driver}, que no ve ninguna tarjeta"),
        CardFound::NoCard => "no hay tarjeta NVIDIA en este PC; puede trabajar con su procesador".to_owned(),
        CardFound::Undriven { cards, why } => {
            let (cards, them) =
                if *cards == 1 { ("1 tarjeta NVIDIA".to_owned(), "la") } else { (format!("{cards} tarjetas NVIDIA"), "las") };
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{cards} en el bus y ningún controlador que {them} dé a conocer{why}")
        }
        CardFound::NobodyTells => "no responde ningún controlador, y este sistema no dice qué tarjetas hay".to_owned(),
        CardFound::Described => {
            "las tarjetas están descritas para los contenedores; no se pudo averiguar la versión del toolkit".to_owned()
        }
        CardFound::NoToolkit => "no instalado".to_owned(),
        CardFound::ToolkitUnread { version } => format!("del toolkit {version} no se sabe nada"),
        CardFound::Faults(faults) => listed(faults, "; ", fault),
        CardFound::Toolkit { version, describes: Describes::Cards } => format!("toolkit, versión {version}"),
        CardFound::Toolkit { version, describes: Describes::Nothing } => {
            format!("toolkit, versión {version}; ninguna tarjeta está descrita por CDI")
        }
    }
}

pub(super) fn pc(found: &PcFound<'_>) -> String {
    match found {
        PcFound::Folder { path, state } => folder(path, state),
        PcFound::NotUnderstood { problem } => (*problem).to_owned(),
        PcFound::Understood { path } => format!("{path} se entiende"),
        PcFound::NoSettings { path } => format!("no hay {path}; valen los valores predeterminados"),
        PcFound::NoRules { path } => format!("no hay {path}; valen las de un invitado: trabajar cuando no estás"),
        PcFound::FreeUntold => "este sistema no dice cuánto hay libre".to_owned(),
        PcFound::FreeLittle { free } => gib_free(*free),
        PcFound::Free { free, given } => {
            format!("{}; tus ajustes dan {given} GiB a imágenes y trabajos", gib_free(*free))
        }
        PcFound::FreeGivenUnknown { free } => {
            format!("{}; no se sabe cuánto das a los trabajos, porque los ajustes no se entienden", gib_free(*free))
        }
        PcFound::DiskLimit(DiskLimit::LoopExt4) => "un sistema de archivos del tamaño que pidió el trabajo".to_owned(),
        PcFound::DiskLimit(DiskLimit::FreeSpaceWatch) => "se vigila el espacio libre, una vez por segundo".to_owned(),
        PcFound::DiskLimitUntried => "se prueba con un motor, en la carpeta del agente; falta uno de los dos".to_owned(),
        PcFound::MemoryUntold => "este sistema no dice cuánta hay".to_owned(),
        PcFound::Memory { total, given: None } => format!("{total} GiB"),
        PcFound::Memory { total, given: Some(given) } => format!("{total} GiB; los trabajos reciben {given} como mucho"),
        PcFound::NobodyTellsOfVm => "ningún motor dice dónde funciona".to_owned(),
        PcFound::NoVm => "el motor funciona en este mismo sistema".to_owned(),
        PcFound::Wsl(Reclaim::On) => "WSL la devuelve".to_owned(),
        PcFound::Wsl(Reclaim::Off) => "a WSL se le ha dicho que se la quede".to_owned(),
        PcFound::Wsl(Reclaim::Unwritten) => "a WSL no se le ha dicho nada, y las versiones antiguas se la quedan".to_owned(),
        PcFound::VmKeepsMemory => "se retiene hasta que la máquina virtual se detiene".to_owned(),
    }
}

fn gib_free(free: u64) -> String {
    format!("{free} GiB {}", if free == 1 { "libre" } else { "libres" })
}

fn folder(path: &str, state: &FolderState) -> String {
    match state {
        FolderState::Missing => format!("{path} se crea en el primer inicio"),
        FolderState::Private => format!("{path}, solo para este usuario"),
        FolderState::Exposed { mode } => format!("otros pueden leer {path} (modo {mode:03o})"),
        FolderState::ReadOnly => format!("no se puede escribir nada en {path}"),
        FolderState::Foreign => format!("{path} pertenece a otro usuario"),
        FolderState::NotAFolder => format!("{path} no se puede usar: no es una carpeta"),
        FolderState::Unusable(why) => format!("{path} no se puede usar: {why}"),
    }
}

pub(super) fn owner(found: &OwnerFound<'_>) -> String {
    match found {
        OwnerFound::NoProbes => "no hay ninguna para este sistema".to_owned(),
        OwnerFound::ProbesBroken(probes) => {
            let broken = listed(&probes.broken, "; ", |each| format!("{}: {}", probe(each), each.says));
            format!("averiadas: {broken}; {}", working(probes))
        }
        OwnerFound::Seen(probes) => working(probes),
        OwnerFound::Unseen(probes) => format!("ninguna puede decir si estás aquí; {}", working(probes)),
        OwnerFound::UnseenUnasked(probes) => {
            format!("ninguna puede decir si estás aquí, y tus reglas no lo piden; {}", working(probes))
        }
        OwnerFound::TrayThere => "hay una".to_owned(),
        OwnerFound::KeyringThere => "hay uno".to_owned(),
        OwnerFound::NoTray => "este escritorio no tiene ninguna; GNOME tiene una extensión para ello".to_owned(),
        OwnerFound::NoKeyring => "no responde ninguno".to_owned(),
        OwnerFound::NoSession => "no hay sesión de escritorio a la que preguntar".to_owned(),
    }
}

fn working(Probes { working, absent, broken: _ }: &Probes<'_>) -> String {
    format!("funcionan: {}; no están en este PC: {}", names(working), names(absent))
}

fn names(probes: &[&ProbeView]) -> String {
    if probes.is_empty() { "ninguna".to_owned() } else { listed(probes, ", ", |each| probe(each).to_owned()) }
}

fn probe(probe: &ProbeView) -> &str {
    let Some(kind) = probe.kind else { return &probe.name };
    match kind {
        ProbeKind::Input => "teclado y ratón",
        ProbeKind::Gamepad => "mando de juego",
        ProbeKind::Session => "sesión",
        ProbeKind::Power => "corriente",
        ProbeKind::Ups => "SAI",
        ProbeKind::Metered => "conexión",
        ProbeKind::Heat => "calor del procesador",
        ProbeKind::Load => "carga de otros programas",
        ProbeKind::Programs => "programas",
        ProbeKind::Fullscreen => "pantalla completa",
        ProbeKind::Gpus => "tarjetas gráficas",
    }
}

pub(super) fn network(found: &NetworkFound<'_>) -> String {
    match found {
        NetworkFound::NotKnown => "los ajustes no se entienden, así que no se sabe a qué coordinador preguntar".to_owned(),
        NetworkFound::Silent { host, why } => format!("no se pudo preguntar al coordinador en {host}: {}", silence(*why)),
        NetworkFound::NoClock { host } => format!("el coordinador en {host} no dice qué hora es"),
        NetworkFound::OnTime { host } => format!("a menos de un minuto de {host}"),
        NetworkFound::Ahead { host, by_s } => format!("va {by_s} s adelantado respecto a {host}"),
        NetworkFound::Behind { host, by_s } => format!("va {by_s} s atrasado respecto a {host}"),
        NetworkFound::BandwidthUnmeasured => {
            "no se mide: el coordinador no tiene con qué medirlo, y no se pregunta a nadie más".to_owned()
        }
    }
}

fn silence(why: Silence) -> String {
    match why {
        Silence::NoAddress => "en su dirección no se puede preguntar nada".to_owned(),
        Silence::CannotAsk => "este PC no puede hacer preguntas así".to_owned(),
        Silence::Late { after_s } => format!("no hubo respuesta en {after_s} s"),
        Silence::Nobody => "nadie acepta la conexión".to_owned(),
        Silence::Unreadable => "su respuesta no se puede leer".to_owned(),
    }
}
