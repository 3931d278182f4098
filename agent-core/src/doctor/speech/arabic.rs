//! In Arabic.

use super::Speech;
use crate::doctor::findings::Topic;

mod found;
mod remedies;

pub(super) const ARABIC: Speech = Speech {
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
    set_clock: "دع النظام يضبط ساعته عبر الشبكة؛ على Linux: `sudo timedatectl set-ntp true`",
};

/// Keeps what reads from left to right apart from the words around it (Unicode UAX #9, isolates).
fn apart(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

const fn what(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "محرّك الحاويات",
        Topic::Faults => "الثغرات المعروفة في المحرّك",
        Topic::Users => "المستخدمون داخل الحاويات",
        Topic::Limits => "حدود المهام",
        Topic::Seccomp => "استدعاءات المهام للنظام",
        Topic::Gvisor => "gVisor",
        Topic::Driver => "برنامج تشغيل البطاقة الرسومية",
        Topic::CardsInContainers => "البطاقات الرسومية داخل الحاويات",
        Topic::Folder => "مجلد الوكيل",
        Topic::Settings => "الإعدادات",
        Topic::Rules => "القواعد",
        Topic::Disk => "القرص",
        Topic::DiskLimit => "حد استخدام المهام للقرص",
        Topic::Memory => "الذاكرة",
        Topic::VmMemory => "ذاكرة الآلة الافتراضية للمحرّك",
        Topic::Probes => "علامات حضورك",
        Topic::Tray => "علبة النظام",
        Topic::Secrets => "حافظة المفاتيح",
        Topic::Clock => "الساعة",
        Topic::Bandwidth => "سعة الاتصال",
    }
}

const fn required(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Docker 20.10 أو أحدث، أو ما يتكلم لغته، يعمل ومتاح لهذا المستخدم",
        Topic::Faults => "ألا يكون في أي جزء منه طريق معروف للخروج من الحاوية",
        Topic::Users => "فضاءات أسماء المستخدمين: محرّك بلا صلاحيات root، أو محرّك بخيار userns-remap، أو محرّك في آلة افتراضية",
        Topic::Limits => "مجموعات التحكم بالإصدار 2، مع حدود للذاكرة والعمليات ووقت المعالج",
        Topic::Seccomp => "أن يكون ملف seccomp الافتراضي للمحرّك مفعّلًا",
        Topic::Gvisor | Topic::Tray | Topic::Secrets => "لا شيء، وإن كان مفيدًا",
        Topic::Driver => "برنامج تشغيل NVIDIA مع NVML، إن كانت هناك بطاقة NVIDIA",
        Topic::CardsInContainers => "NVIDIA Container Toolkit 1.17.8 أو أحدث، أو بطاقات موصوفة بـ CDI",
        Topic::Folder => "مجلد خاص بهذا المستخدم لا يقرؤه سواه",
        Topic::Settings | Topic::Rules => "ملف يمكن فهمه، أو لا ملف",
        Topic::Disk => "مساحة خالية بقدر ما تعطيه الإعدادات للصور والمهام، مع \u{2068}2 GiB\u{2069} تبقى لك",
        Topic::DiskLimit => "نظام ملفات بالحجم الذي طلبته المهمة؛ ومراقبة المساحة الخالية هي الخيار الثاني",
        Topic::Memory => "\u{2068}4 GiB\u{2069} أو أكثر",
        Topic::VmMemory => "آلة افتراضية تعيد ما لا يستخدمه أحد، أو لا آلة",
        Topic::Probes => "مجسّ واحد على الأقل يرى لوحة المفاتيح أو الفأرة أو ذراع الألعاب، وألا يكون أي مجسّ معطّلًا",
        Topic::Clock => "ألا تبعد أكثر من دقيقة عن ساعة المنسّق",
        Topic::Bandwidth => "لا شيء بعينه",
    }
}

const fn why(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "لا تعمل المهام إلا داخل حاويات",
        Topic::Faults => "المهام برامج لأناس لا تعرفهم",
        Topic::Users => "حينئذٍ لا يملك من يفلت من حاوية أي صلاحية خارجها",
        Topic::Limits => "يجب ألا تستولي مهمة على الحاسوب كله",
        Topic::Seccomp => "تبدأ معظم طرق الخروج من الحاويات باستدعاء نادر للنظام؛ ويضيف Headframe قائمة أشد من عنده",
        Topic::Gvisor => "يستطيع أن يقيم جدارًا آخر حول المهام التي لا تحتاج إلى بطاقة رسومية",
        Topic::Driver => "يبيّن حرارة البطاقة ومدى انشغالها؛ وبدونه لا يمكن عرضها للعمل",
        Topic::CardsInContainers => "يوصل البطاقة إلى حاوية المهمة",
        Topic::Folder => "فيه مفتاح الجهاز وسجلّه",
        Topic::Settings => "لا يبدأ الوكيل بإعدادات لا يفهمها",
        Topic::Rules => "لا يعمل شيء بقواعد لا يمكن فهمها",
        Topic::Disk => "الجهاز الضيق المساحة لا يحصل إلا على مهام قليلة",
        Topic::DiskLimit => "يجب ألا تملأ مهمة قرصك",
        Topic::Memory => "تأخذ المهام جزءًا منها، ويجب أن يكفيك الباقي",
        Topic::VmMemory => "وإلا فما احتاجت إليه مهمة يبقى ناقصًا من حاسوبك بعدها",
        Topic::Probes => "من لا يمكن رؤيته يُعدّ حاضرًا، فلا يعمل شيء",
        Topic::Tray => "تُظهر ما يفعله الجهاز، وتوقفه مؤقتًا بنقرتين",
        Topic::Secrets => "تستطيع أن تتذكر كلمة مرور المحفظة؛ وبدونها تُسأل عنها كل مرة",
        Topic::Clock => "تسير أوقاتك وفقها، وبها يُحكم على الشهادات؛ أما ما يُدفع لك فلا يُقاس بها",
        Topic::Bandwidth => "الاتصال السريع ينجز المهام ذات الملفات الكبيرة في وقت أقصر",
    }
}
