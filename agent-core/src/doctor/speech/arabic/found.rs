//! What was found, in Arabic.

use headframe_protocol::control::{ProbeKind, ProbeView};

use super::apart;
use crate::{
    doctor::{
        advisories::Harm,
        facts::{FolderState, Reclaim, Silence},
        findings::{CardFound, Describes, EngineFound, Fault, NetworkFound, OwnerFound, Part, PcFound, Probes},
        speech::listed,
    },
    runner::{
        DiskLimit,
        engine::{Examined, Limit, Note, Unfit, WhyNot},
    },
};

pub(super) fn engine(found: &EngineFound<'_>) -> String {
    match found {
        EngineFound::Taken { engine, notes: [] } => place(engine),
        EngineFound::Taken { engine, notes } => {
            format!("{}. {}", place(engine), listed(notes, " ", |each| note(*each).to_owned()))
        }
        EngineFound::NotTaken { engine, why } => format!("{}: {}", place(engine), why_not(why)),
        EngineFound::NothingAt(places) if places.is_empty() => "لم يُعثر على أي محرّك؛ ولا مكان في هذا النظام يُبحث فيه".to_owned(),
        EngineFound::NothingAt(places) => {
            format!("لم يُعثر على أي محرّك؛ وقد بُحث في {}", listed(places, "، ", |each| apart(each)))
        }
        EngineFound::NobodyToAsk => "لا يجيب أي محرّك يمكن سؤاله".to_owned(),
        EngineFound::PartsUnnamed => "لا يذكر المحرّك أجزاءه".to_owned(),
        EngineFound::PartsUnread(parts) => format!("لا يُعرف شيء عن {}", named(parts)),
        EngineFound::NoFault(parts) => named(parts),
        EngineFound::Faults(faults) => listed(faults, "؛ ", fault),
        EngineFound::Rootless => "المحرّك نفسه لا يعمل باسم root".to_owned(),
        EngineFound::Remapped => "المستخدم root داخل الحاوية مستخدم آخر خارجها".to_owned(),
        EngineFound::SharedInVm => "مشتركون، داخل آلة افتراضية للمحرّك".to_owned(),
        EngineFound::Shared => {
            "المستخدم root داخل الحاوية هو root خارجها؛ ويشغّل Headframe المهام باسم nobody وبلا امتيازات".to_owned()
        }
        EngineFound::LimitsMissing { cgroups, limits } => {
            format!("{}؛ بلا حد على {}", control_groups(*cgroups), listed(limits, " و", |each| limit(*each).to_owned()))
        }
        EngineFound::LimitsWork { cgroups: None } => "الحدود كلها تعمل، ولا يذكر المحرّك إصدار مجموعات التحكم".to_owned(),
        EngineFound::LimitsWork { cgroups } => format!("{}؛ الحدود كلها تعمل", control_groups(*cgroups)),
        EngineFound::SeccompOn { profile } => format!("مفعّل ({})", apart(profile)),
        EngineFound::SeccompOff => "غير مفعّل".to_owned(),
        EngineFound::GvisorThere => "مثبّت".to_owned(),
        EngineFound::NoGvisor => "غير مثبّت".to_owned(),
    }
}

fn place(Examined { name, address, .. }: &Examined) -> String {
    format!("{} في {}", apart(name), apart(address))
}

fn named(parts: &[Part<'_>]) -> String {
    listed(parts, "، ", |part| apart(&part.to_string()))
}

const fn note(note: Note) -> &'static str {
    match note {
        Note::NoSwapLimit => "لا يستطيع المحرّك أن يحدّ ذاكرة التبديل. لا بأس بذلك ما دام هذا الحاسوب بلا ذاكرة تبديل.",
        Note::EndsJobs => "تنتهي المهام حين يُعاد تشغيل المحرّك (الخيار `live-restore` غير مفعّل).",
    }
}

const fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "الذاكرة",
        Limit::Processes => "العمليات",
        Limit::ProcessorTime => "وقت المعالج",
        Limit::Swap => "ذاكرة التبديل",
    }
}

fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::NoSocket => "لا يوجد مقبس؛ هو غير مثبّت أو لا يعمل".to_owned(),
        WhyNot::Refused => "يوجد مقبس ولا أحد يجيب؛ توقف المحرّك".to_owned(),
        WhyNot::Denied => "لا يحق لهذا المستخدم أن يستخدمه".to_owned(),
        WhyNot::Mute { detail } => format!("لا يجيب كما يجيب محرّك: {}", apart(detail)),
        WhyNot::BadAddress { address } => {
            let forms = ["unix:///path", "npipe:////./pipe/name", "http://host:port"].map(apart).join(" أو ");
            format!("العنوان `{address}` ليس مما يمكن استخدامه؛ بل {forms}")
        }
        WhyNot::Unfit(unfit) => match unfit {
            Unfit::TooOld { api } => {
                format!("يتكلم API بالإصدار {}؛ ويلزم 1.41 أو أحدث (Docker 20.10)", apart(api))
            }
            Unfit::Podman => {
                "يصف Podman ما صنعه من الحاوية بكلمات من عنده، فلا يستطيع هذا الإصدار التحقق منها؛ أما Docker وColima وOrbStack وRancher Desktop فتصلح".to_owned()
            }
            Unfit::NotLinux { os } => format!("يشغّل حاويات {}؛ حوّله إلى حاويات Linux", apart(os)),
            Unfit::LimitsDoNotWork { limits } => format!(
                "لا يستطيع أن يحدّ {}؛ وقد تستولي مهمة على الحاسوب كله (تحتاج المحرّكات التي تعمل بلا root إلى cgroup v2)",
                listed(limits, " و", |each| limit(*each).to_owned())
            ),
            Unfit::NoSeccomp => {
                "ملف seccomp الافتراضي فيه غير مفعّل؛ فعّله، وإلا استطاعت المهام أن تستخدم كل استدعاءات النواة".to_owned()
            }
        },
    }
}

fn control_groups(version: Option<u8>) -> String {
    version.map_or_else(|| "مجموعات تحكم مجهولة الإصدار".to_owned(), |version| format!("مجموعات التحكم بالإصدار {version}"))
}

fn fault(Fault { part, hit }: &Fault<'_>) -> String {
    let mended = listed(hit.advisory.mended, " أو ", ToString::to_string);
    let built = if hit.may_be_patched { "، ما لم تكن التوزيعة قد أصلحتها" } else { "" };
    let (part, ids) = (apart(&part.to_string()), apart(hit.advisory.ids));
    format!("في {part} توجد {ids} ({}؛ أُصلحت في {mended}{built})", harm(hit.advisory.harm))
}

const fn harm(harm: Harm) -> &'static str {
    match harm {
        Harm::BeginsOnHost => "يمكن لصورة أن تبدأ في مجلد من مجلدات المضيف",
        Harm::ReachesMaskedFiles => "يمكن لبرنامج أن يصل إلى ملفات محجوبة من ملفات النواة",
        Harm::ChangesHostFiles => "يمكن لصورة أن تغيّر ملفات المضيف أثناء فكّها",
        Harm::BecomesRoot => "قد يتحول رقم المستخدم في صورة إلى رقم root؛ لكن Headframe يحدد المستخدم بنفسه",
        Harm::PassesPlugins => "يمكن تجاوز الإضافات التي تقيّد عملاء المحرّك",
        Harm::OrdersEngine => "يمكن لبرنامج أن يعطي المحرّك أوامر",
        Harm::MountsHostFiles => "يمكن لصورة أن تصل إلى ملفات المضيف بضمّها إليها",
        Harm::RunsOutside => "يمكن لصورة أن تجعل شفرتها تعمل في الخارج",
    }
}

pub(super) fn card(found: &CardFound<'_>) -> String {
    match found {
        CardFound::Driven { models, driver } => {
            format!("{}؛ برنامج التشغيل {}", listed(models, "، ", |each| apart(each)), apart(driver))
        }
        CardFound::DriverSeesNone { driver } => format!("برنامج التشغيل {} لا يرى أي بطاقة", apart(driver)),
        CardFound::NoCard => "لا بطاقة NVIDIA في هذا الحاسوب؛ ويمكنه أن يعمل بمعالجه".to_owned(),
        CardFound::Undriven { cards, why } => {
            let why = why.map(|why| format!(": {}", apart(why))).unwrap_or_default();
            format!("{}{why}", undriven(*cards))
        }
        CardFound::NobodyTells => "لا يجيب أي برنامج تشغيل، ولا يذكر هذا النظام أي بطاقات فيه".to_owned(),
        CardFound::Described => "البطاقات موصوفة للحاويات؛ وتعذّرت معرفة إصدار Toolkit".to_owned(),
        CardFound::NoToolkit => "غير مثبّت".to_owned(),
        CardFound::ToolkitUnread { version } => format!("لا يُعرف شيء عن {}", apart(&format!("Toolkit {version}"))),
        CardFound::Faults(faults) => listed(faults, "؛ ", fault),
        CardFound::Toolkit { version, describes: Describes::Cards } => format!("إصدار Toolkit هو {}", apart(version)),
        CardFound::Toolkit { version, describes: Describes::Nothing } => {
            format!("إصدار Toolkit هو {}؛ ولا بطاقة موصوفة بـ CDI", apart(version))
        }
    }
}

fn undriven(cards: u32) -> String {
    match (cards, cards % 100) {
        (1, _) => "على الناقل بطاقة NVIDIA واحدة، ولا برنامج تشغيل يعرّف بها".to_owned(),
        (2, _) => "على الناقل بطاقتا NVIDIA، ولا برنامج تشغيل يعرّف بهما".to_owned(),
        (_, 3..=10) => format!("على الناقل {cards} بطاقات NVIDIA، ولا برنامج تشغيل يعرّف بها"),
        (_, _) => format!("على الناقل {cards} بطاقة NVIDIA، ولا برنامج تشغيل يعرّف بها"),
    }
}

pub(super) fn pc(found: &PcFound<'_>) -> String {
    match found {
        PcFound::Folder { path, state } => folder(&apart(path), state),
        PcFound::NotUnderstood { problem } => apart(problem),
        PcFound::Understood { path } => format!("{} مفهوم", apart(path)),
        PcFound::NoSettings { path } => format!("لا يوجد {}؛ تسري القيم الافتراضية", apart(path)),
        PcFound::NoRules { path } => format!("لا يوجد {}؛ تسري قواعد الضيف: العمل وأنت بعيد", apart(path)),
        PcFound::FreeUntold => "لا يبيّن هذا النظام مقدار المساحة الخالية".to_owned(),
        PcFound::FreeLittle { free } => free_space(*free),
        PcFound::Free { free, given } => format!("{}؛ وتعطي إعداداتك {} للصور والمهام", free_space(*free), gib(*given)),
        PcFound::FreeGivenUnknown { free } => {
            format!("{}؛ ولا يُعرف ما تعطيه للمهام لأن الإعدادات غير مفهومة", free_space(*free))
        }
        PcFound::DiskLimit(DiskLimit::LoopExt4) => "نظام ملفات بالحجم الذي طلبته المهمة".to_owned(),
        PcFound::DiskLimit(DiskLimit::FreeSpaceWatch) => "مراقبة المساحة الخالية، مرة في الثانية".to_owned(),
        PcFound::DiskLimitUntried => "يُجرَّب بمحرّك في مجلد الوكيل؛ وأحدهما غير موجود".to_owned(),
        PcFound::MemoryUntold => "لا يبيّن هذا النظام مقدارها".to_owned(),
        PcFound::Memory { total, given: None } => gib(*total),
        PcFound::Memory { total, given: Some(given) } => format!("{}؛ تأخذ المهام منها {} على الأكثر", gib(*total), gib(*given)),
        PcFound::NobodyTellsOfVm => "لا يبيّن أي محرّك أين يعمل".to_owned(),
        PcFound::NoVm => "يعمل المحرّك على هذا النظام نفسه".to_owned(),
        PcFound::Wsl(Reclaim::On) => "يعيدها WSL".to_owned(),
        PcFound::Wsl(Reclaim::Off) => "أُمر WSL بأن يحتفظ بها".to_owned(),
        PcFound::Wsl(Reclaim::Unwritten) => "لم يُؤمر WSL بشيء، والإصدارات الأقدم تحتفظ بها".to_owned(),
        PcFound::VmKeepsMemory => "تبقى محجوزة حتى تتوقف الآلة الافتراضية".to_owned(),
    }
}

fn gib(amount: u64) -> String {
    apart(&format!("{amount} GiB"))
}

fn free_space(free: u64) -> String {
    format!("المساحة الخالية {}", gib(free))
}

fn folder(path: &str, state: &FolderState) -> String {
    match state {
        FolderState::Missing => format!("{path} يُنشأ عند أول تشغيل"),
        FolderState::Private => format!("{path}، لهذا المستخدم وحده"),
        FolderState::Exposed { mode } => format!("يمكن لغيرك أن يقرأ {path} (الأذونات {mode:03o})"),
        FolderState::ReadOnly => format!("لا يمكن كتابة شيء في {path}"),
        FolderState::Foreign => format!("{path} لمستخدم آخر"),
        FolderState::NotAFolder => format!("لا يمكن استخدام {path}: ليس مجلدًا"),
        FolderState::Unusable(why) => format!("لا يمكن استخدام {path}: {}", apart(why)),
    }
}

pub(super) fn owner(found: &OwnerFound<'_>) -> String {
    match found {
        OwnerFound::NoProbes => "لا مجسّات لهذا النظام".to_owned(),
        OwnerFound::ProbesBroken(probes) => {
            let broken = listed(&probes.broken, "؛ ", |each| format!("{}: {}", probe(each), apart(&each.says)));
            format!("معطّلة: {broken}؛ {}", working(probes))
        }
        OwnerFound::Seen(probes) => working(probes),
        OwnerFound::Unseen(probes) => format!("لا يستطيع أي منها أن يعرف هل أنت هنا؛ {}", working(probes)),
        OwnerFound::UnseenUnasked(probes) => {
            format!("لا يستطيع أي منها أن يعرف هل أنت هنا، وقواعدك لا تطلب ذلك؛ {}", working(probes))
        }
        OwnerFound::TrayThere | OwnerFound::KeyringThere => "موجودة".to_owned(),
        OwnerFound::NoTray => "لا علبة في سطح المكتب هذا؛ وفي GNOME إضافة لها".to_owned(),
        OwnerFound::NoKeyring => "لا تجيب أي حافظة".to_owned(),
        OwnerFound::NoSession => "لا توجد جلسة سطح مكتب تُسأل".to_owned(),
    }
}

fn working(Probes { working, absent, broken: _ }: &Probes<'_>) -> String {
    format!("تعمل: {}؛ ليست على هذا الحاسوب: {}", names(working), names(absent))
}

fn names(probes: &[&ProbeView]) -> String {
    if probes.is_empty() { "لا شيء".to_owned() } else { listed(probes, "، ", |each| probe(each)) }
}

fn probe(probe: &ProbeView) -> String {
    let Some(kind) = probe.kind else { return apart(&probe.name) };
    let name = match kind {
        ProbeKind::Input => "لوحة المفاتيح والفأرة",
        ProbeKind::Gamepad => "ذراع الألعاب",
        ProbeKind::Session => "الجلسة",
        ProbeKind::Power => "مصدر الطاقة",
        ProbeKind::Ups => "مزود الطاقة الاحتياطي",
        ProbeKind::Metered => "الاتصال",
        ProbeKind::Heat => "حرارة المعالج",
        ProbeKind::Load => "حمل البرامج الأخرى",
        ProbeKind::Programs => "البرامج",
        ProbeKind::Fullscreen => "ملء الشاشة",
        ProbeKind::Gpus => "البطاقات الرسومية",
    };
    name.to_owned()
}

pub(super) fn network(found: &NetworkFound<'_>) -> String {
    match found {
        NetworkFound::NotKnown => "الإعدادات غير مفهومة، فلا يُعرف أي منسّق يُسأل".to_owned(),
        NetworkFound::Silent { host, why } => format!("تعذّر سؤال المنسّق في {}: {}", apart(host), silence(*why)),
        NetworkFound::NoClock { host } => format!("لا يذكر المنسّق في {} كم الساعة", apart(host)),
        NetworkFound::OnTime { host } => format!("لا تبعد دقيقة عن {}", apart(host)),
        NetworkFound::Ahead { host, by_s } => format!("متقدمة {} عن {}", seconds(*by_s), apart(host)),
        NetworkFound::Behind { host, by_s } => format!("متأخرة {} عن {}", seconds(*by_s), apart(host)),
        NetworkFound::BandwidthUnmeasured => "لم تُقس: ليس لدى المنسّق ما يقيسها به، ولا يُسأل غيره".to_owned(),
    }
}

fn silence(why: Silence) -> String {
    match why {
        Silence::NoAddress => "عنوانه ليس مما يمكن سؤاله".to_owned(),
        Silence::CannotAsk => "لا يستطيع هذا الحاسوب أن يرسل أسئلة كهذه".to_owned(),
        Silence::Late { after_s } => format!("لا جواب خلال {}", seconds(after_s)),
        Silence::Nobody => "لا أحد يقبل الاتصال".to_owned(),
        Silence::Unreadable => "لا يمكن قراءة جوابه".to_owned(),
    }
}

fn seconds(number: u64) -> String {
    match (number, number % 100) {
        (1, _) => "ثانية واحدة".to_owned(),
        (2, _) => "ثانيتين".to_owned(),
        (_, 3..=10) => format!("{number} ثوانٍ"),
        (_, _) => format!("{number} ثانية"),
    }
}
