//! What was found, in Chinese.

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
        EngineFound::Taken { engine: Examined { name, address, .. }, notes: [] } => format!("{name}，位于 {address}"),
        EngineFound::Taken { engine: Examined { name, address, .. }, notes } => {
            format!("{name}，位于 {address}。{}", listed(notes, "", |each| note(*each).to_owned()))
        }
        EngineFound::NotTaken { engine: Examined { name, address, .. }, why } => {
            format!("{name}，位于 {address}：{}", why_not(why))
        }
        EngineFound::NothingAt(places) if places.is_empty() => "没有找到；这个系统上没有可查看的位置".to_owned(),
        EngineFound::NothingAt(places) => format!("没有找到；查看过 {}", places.join("、")),
        EngineFound::NobodyToAsk => "没有可以询问的引擎应答".to_owned(),
        EngineFound::PartsUnnamed => "引擎没有列出它的组件".to_owned(),
        EngineFound::PartsUnread(parts) => format!("对 {} 一无所知", listed(parts, "、", ToString::to_string)),
        EngineFound::NoFault(parts) => listed(parts, "、", ToString::to_string),
        EngineFound::Faults(faults) => listed(faults, "；", fault),
        EngineFound::Rootless => "引擎本身不是 root".to_owned(),
        EngineFound::Remapped => "容器里的 root 在外面是另一个用户".to_owned(),
        EngineFound::SharedInVm => "共用，但在引擎的虚拟机之内".to_owned(),
        EngineFound::Shared => "容器里的 root 在外面也是 root；Headframe 以 nobody 身份运行任务，不给特权".to_owned(),
        EngineFound::LimitsMissing { cgroups, limits } => {
            format!("{}；无法限制{}", control_groups(*cgroups), listed(limits, "、", |each| limit(*each).to_owned()))
        }
        EngineFound::LimitsWork { cgroups: None } => "限制有效，但引擎没有说明控制组的版本".to_owned(),
        EngineFound::LimitsWork { cgroups } => format!("{}；所有限制都有效", control_groups(*cgroups)),
        EngineFound::SeccompOn { profile } => format!("已启用（{profile}）"),
        EngineFound::SeccompOff => "未启用".to_owned(),
        EngineFound::GvisorThere => "已安装".to_owned(),
        EngineFound::NoGvisor => "未安装".to_owned(),
    }
}

const fn note(note: Note) -> &'static str {
    match note {
        Note::NoSwapLimit => "引擎无法限制交换空间。只要这台电脑没有交换空间，就没有关系。",
        Note::EndsJobs => "引擎重启时任务会结束（`live-restore` 未启用）。",
    }
}

const fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "内存",
        Limit::Processes => "进程数",
        Limit::ProcessorTime => "处理器时间",
        Limit::Swap => "交换空间",
    }
}

fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::NoSocket => "没有套接字；它没有安装或没有运行".to_owned(),
        WhyNot::Refused => "有套接字，但没有应答；引擎已停止".to_owned(),
        WhyNot::Denied => "此用户无权使用它".to_owned(),
        WhyNot::Mute { detail } => format!("它的应答不像一个引擎：{detail}"),
        WhyNot::BadAddress { address } => {
            format!("`{address}` 不是可以使用的地址；请用 unix:///path、npipe:////./pipe/name 或 http://host:port 这样的形式")
        }
        WhyNot::Unfit(unfit) => match unfit {
            Unfit::TooOld { api } => format!("它使用 API {api}；需要 1.41 或更新版本（Docker 20.10）"),
            Unfit::Podman => {
                "Podman 用自己的说法描述它创建的容器，这个版本无法核对；Docker、Colima、OrbStack 和 Rancher Desktop 可用"
                    .to_owned()
            }
            Unfit::NotLinux { os } => format!("它运行的是 {os} 容器；请切换到 Linux 容器"),
            Unfit::LimitsDoNotWork { limits } => format!(
                "它无法限制{}；任务可能占用整台电脑（无 root 的引擎需要 cgroup v2）",
                listed(limits, "、", |each| limit(*each).to_owned())
            ),
            Unfit::NoSeccomp => "它默认的 seccomp 配置未启用；请启用，否则任务可以使用内核的所有系统调用".to_owned(),
        },
    }
}

fn control_groups(version: Option<u8>) -> String {
    version.map_or_else(|| "控制组版本未知".to_owned(), |version| format!("控制组第 {version} 版"))
}

fn fault(Fault { part, hit }: &Fault<'_>) -> String {
    let mended = listed(hit.advisory.mended, "、", ToString::to_string);
    let built = if hit.may_be_patched { "，除非发行版已自行修复" } else { "" };
    format!("{part} 存在 {}（{}；已在 {mended} 中修复{built}）", hit.advisory.ids, harm(hit.advisory.harm))
}

const fn harm(harm: Harm) -> &'static str {
    match harm {
        Harm::BeginsOnHost => "镜像可以从宿主机的文件夹开始运行",
        Harm::ReachesMaskedFiles => "程序可以访问被屏蔽的内核文件",
        Harm::ChangesHostFiles => "镜像在解包时可以改动宿主机的文件",
        Harm::BecomesRoot => "镜像自带的用户编号可能变成 root；Headframe 会自行指定用户",
        Harm::PassesPlugins => "可以绕过限制引擎客户端的插件",
        Harm::OrdersEngine => "程序可以对引擎下命令",
        Harm::MountsHostFiles => "镜像可以挂载宿主机的文件",
        Harm::RunsOutside => "镜像可以让自己的代码在外面运行",
    }
}

pub(super) fn card(found: &CardFound<'_>) -> String {
    match found {
        CardFound::Driven { models, driver } => format!("{}；驱动程序 {driver}", models.join("、")),
        CardFound::DriverSeesNone { driver } => format!("驱动程序 {driver}，它看不到任何显卡"),
        CardFound::NoCard => "这台电脑没有 NVIDIA 显卡；可以用处理器工作".to_owned(),
        CardFound::Undriven { cards, why } => {
            let why = why.map(|why| format!("：{why}")).unwrap_or_default();
            format!("总线上有 {cards} 张 NVIDIA 显卡，但没有认得它们的驱动程序{why}")
        }
        CardFound::NobodyTells => "没有驱动程序应答，系统也没有说明有哪些显卡".to_owned(),
        CardFound::Described => "显卡已为容器描述；无法查明 Toolkit 的版本".to_owned(),
        CardFound::NoToolkit => "未安装".to_owned(),
        CardFound::ToolkitUnread { version } => format!("对 Toolkit {version} 一无所知"),
        CardFound::Faults(faults) => listed(faults, "；", fault),
        CardFound::Toolkit { version, describes: Describes::Cards } => format!("Toolkit 版本 {version}"),
        CardFound::Toolkit { version, describes: Describes::Nothing } => {
            format!("Toolkit 版本 {version}；没有由 CDI 描述的显卡")
        }
    }
}

pub(super) fn pc(found: &PcFound<'_>) -> String {
    match found {
        PcFound::Folder { path, state } => folder(path, state),
        PcFound::NotUnderstood { problem } => (*problem).to_owned(),
        PcFound::Understood { path } => format!("能读懂 {path}"),
        PcFound::NoSettings { path } => format!("没有 {path}；使用默认值"),
        PcFound::NoRules { path } => format!("没有 {path}；按客人的规则：在你离开时工作"),
        PcFound::FreeUntold => "系统没有说明有多少可用空间".to_owned(),
        PcFound::FreeLittle { free } => format!("可用 {free} GiB"),
        PcFound::Free { free, given } => format!("可用 {free} GiB；你的设置分给镜像和任务 {given} GiB"),
        PcFound::FreeGivenUnknown { free } => format!("可用 {free} GiB；设置读不懂，因此不知道你分给任务多少"),
        PcFound::DiskLimit(DiskLimit::LoopExt4) => "大小恰为任务所需的文件系统".to_owned(),
        PcFound::DiskLimit(DiskLimit::FreeSpaceWatch) => "每秒查看一次可用空间".to_owned(),
        PcFound::DiskLimitUntried => "要用引擎在代理程序的文件夹中试验；两者缺一".to_owned(),
        PcFound::MemoryUntold => "系统没有说明有多少内存".to_owned(),
        PcFound::Memory { total, given: None } => format!("{total} GiB"),
        PcFound::Memory { total, given: Some(given) } => format!("{total} GiB；任务最多用其中 {given} GiB"),
        PcFound::NobodyTellsOfVm => "没有引擎说明它在哪里运行".to_owned(),
        PcFound::NoVm => "引擎直接在这个系统上运行".to_owned(),
        PcFound::Wsl(Reclaim::On) => "WSL 会归还内存".to_owned(),
        PcFound::Wsl(Reclaim::Off) => "WSL 被设为保留内存".to_owned(),
        PcFound::Wsl(Reclaim::Unwritten) => "WSL 没有相关设置，旧版本会保留内存".to_owned(),
        PcFound::VmKeepsMemory => "虚拟机停止之前一直占着内存".to_owned(),
    }
}

fn folder(path: &str, state: &FolderState) -> String {
    match state {
        FolderState::Missing => format!("{path} 会在首次启动时创建"),
        FolderState::Private => format!("{path}，仅限此用户"),
        FolderState::Exposed { mode } => format!("别人可以读取 {path}（权限 {mode:03o}）"),
        FolderState::ReadOnly => format!("无法写入 {path}"),
        FolderState::Foreign => format!("{path} 属于另一个用户"),
        FolderState::NotAFolder => format!("无法使用 {path}：它不是文件夹"),
        FolderState::Unusable(why) => format!("无法使用 {path}：{why}"),
    }
}

pub(super) fn owner(found: &OwnerFound<'_>) -> String {
    match found {
        OwnerFound::NoProbes => "此系统没有探测器".to_owned(),
        OwnerFound::ProbesBroken(probes) => {
            let broken = listed(&probes.broken, "；", |each| format!("{}：{}", probe(each), each.says));
            format!("损坏：{broken}；{}", working(probes))
        }
        OwnerFound::Seen(probes) => working(probes),
        OwnerFound::Unseen(probes) => format!("没有一个能判断你是否在场；{}", working(probes)),
        OwnerFound::UnseenUnasked(probes) => {
            format!("没有一个能判断你是否在场，而你的规则也不要求；{}", working(probes))
        }
        OwnerFound::TrayThere | OwnerFound::KeyringThere => "有".to_owned(),
        OwnerFound::NoTray => "此桌面没有托盘；GNOME 有相应的扩展".to_owned(),
        OwnerFound::NoKeyring => "没有应答".to_owned(),
        OwnerFound::NoSession => "没有可以询问的桌面会话".to_owned(),
    }
}

fn working(Probes { working, absent, broken: _ }: &Probes<'_>) -> String {
    format!("有效：{}；这台电脑没有：{}", names(working), names(absent))
}

fn names(probes: &[&ProbeView]) -> String {
    if probes.is_empty() { "无".to_owned() } else { listed(probes, "、", |each| probe(each).to_owned()) }
}

fn probe(probe: &ProbeView) -> &str {
    let Some(kind) = probe.kind else { return &probe.name };
    match kind {
        ProbeKind::Input => "键盘和鼠标",
        ProbeKind::Gamepad => "游戏手柄",
        ProbeKind::Session => "会话",
        ProbeKind::Power => "电源",
        ProbeKind::Ups => "UPS",
        ProbeKind::Metered => "网络连接",
        ProbeKind::Heat => "处理器温度",
        ProbeKind::Load => "其他程序的负载",
        ProbeKind::Programs => "程序",
        ProbeKind::Fullscreen => "全屏",
        ProbeKind::Gpus => "显卡",
    }
}

pub(super) fn network(found: &NetworkFound<'_>) -> String {
    match found {
        NetworkFound::NotKnown => "设置读不懂，因此不知道该询问哪个协调器".to_owned(),
        NetworkFound::Silent { host, why } => format!("无法询问 {host} 的协调器：{}", silence(*why)),
        NetworkFound::NoClock { host } => format!("{host} 的协调器没有说明现在几点"),
        NetworkFound::OnTime { host } => format!("与 {host} 相差不到一分钟"),
        NetworkFound::Ahead { host, by_s } => format!("比 {host} 快 {by_s} 秒"),
        NetworkFound::Behind { host, by_s } => format!("比 {host} 慢 {by_s} 秒"),
        NetworkFound::BandwidthUnmeasured => "没有测量：协调器没有测量的办法，也不询问别人".to_owned(),
    }
}

fn silence(why: Silence) -> String {
    match why {
        Silence::NoAddress => "它的地址无法询问".to_owned(),
        Silence::CannotAsk => "这台电脑无法发出这样的请求".to_owned(),
        Silence::Late { after_s } => format!("{after_s} 秒内没有应答"),
        Silence::Nobody => "没有人接受连接".to_owned(),
        Silence::Unreadable => "它的应答无法读取".to_owned(),
    }
}
