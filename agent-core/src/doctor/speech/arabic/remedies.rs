//! What the owner can do, in Arabic.

use super::apart;
use crate::doctor::findings::{CardRemedy, EngineRemedy, OwnerRemedy, PcRemedy};

pub(super) const fn engine(remedy: EngineRemedy) -> &'static str {
    match remedy {
        EngineRemedy::Install => "ثبّت Docker (\u{2068}https://docs.docker.com/engine/install\u{2069}) وشغّله",
        EngineRemedy::Start => "شغّل المحرّك؛ لمحرّك Docker على Linux: `sudo systemctl start docker`",
        EngineRemedy::Admit => {
            "أضف هذا المستخدم إلى مجموعة المحرّك، ولمحرّك Docker: `sudo usermod -aG docker $USER`، ثم سجّل الدخول من جديد"
        }
        EngineRemedy::ReadItsLog => "انظر في سجلّ المحرّك نفسه، ثم شغّله من جديد",
        EngineRemedy::GiveAnAddress => "اضبط `engine.socket` في agent.toml، أو DOCKER_HOST، على عنوان من النوع المذكور أعلاه",
        EngineRemedy::Change => "غيّر المحرّك كما ذُكر، أو استخدم غيره؛ ويُختار بـ `engine.socket` في agent.toml",
        EngineRemedy::Update => "حدّث المحرّك وأجزاءه. قد تصلح التوزيعة ثغرةً دون تغيير رقم الإصدار: تبيّن ذلك صفحات الأمان لديها",
        EngineRemedy::RemapUsers => {
            "ضع `\"userns-remap\": \"default\"` في \u{2068}/etc/docker/daemon.json\u{2069} وأعد تشغيل Docker. عندئذٍ لا يبقى على استخدام المهام للقرص إلا المراقبة"
        }
        EngineRemedy::BootWithVersion2 => "شغّل النظام بمجموعات التحكم بالإصدار 2 (`systemd.unified_cgroup_hierarchy=1`)",
        EngineRemedy::PreferVersion2 => "الإصدار 2 أشد في فرض الحدود، والأنظمة الحالية تبدأ به",
        EngineRemedy::TurnSeccompOn => "احذف `seccomp-profile: unconfined` من إعدادات المحرّك وأعد تشغيله",
    }
}

pub(super) const fn card(remedy: CardRemedy) -> &'static str {
    match remedy {
        CardRemedy::AskTheDriver => "انظر ما يقوله `nvidia-smi`",
        CardRemedy::InstallDriver => "ثبّت برنامج التشغيل من NVIDIA نفسها؛ ويمكن للحاسوب في هذه الأثناء أن يعمل بمعالجه",
        CardRemedy::InstallToolkit => {
            "ثبّت NVIDIA Container Toolkit، ثم نفّذ `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
        }
        CardRemedy::UpdateToolkit => "حدّث NVIDIA Container Toolkit",
    }
}

pub(super) fn pc(remedy: PcRemedy<'_>) -> String {
    let said = match remedy {
        PcRemedy::CloseFolder { path } => return format!("`chmod 700 {path}`"),
        PcRemedy::ChangeLine { path } => return format!("غيّر السطر في {} أو احذفه", apart(path)),
        PcRemedy::MakeFolderWritable => "أفسح بعض المساحة، أو أصلح أذونات المجلد",
        PcRemedy::BecomeItsUser => "شغّل الوكيل باسم ذلك المستخدم، أو أعطه مجلدًا بالخيار \u{2068}--data-dir\u{2069}",
        PcRemedy::UseAnotherFolder => "أعطِ الوكيل مجلدًا آخر بالخيار \u{2068}--data-dir\u{2069}",
        PcRemedy::RemoveThings => "احذف ما لم تعد بحاجة إليه",
        PcRemedy::FreeSpaceOrGiveLess => "أفسح بعض المساحة، أو خفّض `limits.disk_gib` في agent.toml؛ فهو يعمل بأقل من ذلك أيضًا",
        PcRemedy::RunAsRoot => {
            "شغّل الوكيل باسم root على نظام المحرّك نفسه إن أردت الحد الأشد؛ أما المراقبة فتنهي المهمة قبل أن يمتلئ قرصك"
        }
        PcRemedy::ExpectFewJobs => "لا تتسع إلا لقليل من المهام؛ ولا عيب فيما عدا ذلك",
        PcRemedy::TellWsl => {
            "اكتب `autoMemoryReclaim=gradual` تحت `[experimental]` في \u{2068}.wslconfig\u{2069} في مجلد المستخدم، ثم نفّذ `wsl --shutdown`"
        }
        PcRemedy::StopVm => {
            "أوقفها حين تحتاج إلى الذاكرة، مثلًا بالأمر `podman machine stop` أو `colima stop`؛ وينتظر الجهاز حتى تعود"
        }
    };
    said.to_owned()
}

pub(super) const fn owner(remedy: OwnerRemedy) -> &'static str {
    match remedy {
        OwnerRemedy::WorkWhileHere => "ضع `away.require = false` في rules.toml ليعمل وأنت هنا",
        OwnerRemedy::ExpectNoWork => "ما دام أحدها معطّلًا نميل إلى جانبك: لا يعمل شيء",
        OwnerRemedy::StartInSession => "شغّل الوكيل في جلسة سطح المكتب؛ ولحاسوب بلا شاشة ضع `away.require = false` في rules.toml",
    }
}
