//! What the owner can do, in Chinese.

use crate::doctor::findings::{CardRemedy, EngineRemedy, OwnerRemedy, PcRemedy};

pub(super) const fn engine(remedy: EngineRemedy) -> &'static str {
    match remedy {
        EngineRemedy::Install => "请安装 Docker（https://docs.docker.com/engine/install）并启动它",
        EngineRemedy::Start => "请启动引擎；Linux 上的 Docker：`sudo systemctl start docker`",
        EngineRemedy::Admit => "请把此用户加入引擎的用户组（Docker：`sudo usermod -aG docker $USER`），然后重新登录",
        EngineRemedy::ReadItsLog => "请查看引擎自己的日志，并重新启动它",
        EngineRemedy::GiveAnAddress => "请把 agent.toml 中的 `engine.socket` 或 DOCKER_HOST 设为上述形式的地址",
        EngineRemedy::Change => "请按上面所说更改引擎，或换用另一个；由 agent.toml 中的 `engine.socket` 选择",
        EngineRemedy::Update => "请更新引擎及其组件。发行版可能修复了漏洞而不改版本号：它的安全页面会说明",
        EngineRemedy::RemapUsers => {
            "请在 /etc/docker/daemon.json 中设置 `\"userns-remap\": \"default\"` 并重启 Docker。之后任务的磁盘用量只受监视"
        }
        EngineRemedy::BootWithVersion2 => "请让系统以控制组第 2 版启动（`systemd.unified_cgroup_hierarchy=1`）",
        EngineRemedy::PreferVersion2 => "第 2 版执行限制更严格；现在的系统都以它启动",
        EngineRemedy::TurnSeccompOn => "请从引擎的设置中删除 `seccomp-profile: unconfined`，然后重启引擎",
    }
}

pub(super) const fn card(remedy: CardRemedy) -> &'static str {
    match remedy {
        CardRemedy::AskTheDriver => "请看看 `nvidia-smi` 怎么说",
        CardRemedy::InstallDriver => "请安装 NVIDIA 自己的驱动程序；在此之前电脑可以用处理器工作",
        CardRemedy::InstallToolkit => {
            "请安装 NVIDIA Container Toolkit，然后运行 `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
        }
        CardRemedy::UpdateToolkit => "请更新 NVIDIA Container Toolkit",
    }
}

pub(super) fn pc(remedy: PcRemedy<'_>) -> String {
    let said = match remedy {
        PcRemedy::CloseFolder { path } => return format!("`chmod 700 {path}`"),
        PcRemedy::ChangeLine { path } => return format!("请修改 {path} 中的这一行，或删除它"),
        PcRemedy::MakeFolderWritable => "请腾出一些空间，或修正文件夹的权限",
        PcRemedy::BecomeItsUser => "请以那个用户运行代理程序，或用 --data-dir 给它一个文件夹",
        PcRemedy::UseAnotherFolder => "请用 --data-dir 给代理程序另一个文件夹",
        PcRemedy::RemoveThings => "请删除不再需要的东西",
        PcRemedy::FreeSpaceOrGiveLess => "请腾出一些空间，或调低 agent.toml 中的 `limits.disk_gib`；少一些也能工作",
        PcRemedy::RunAsRoot => "如果想要更严格的限制，请在引擎所在的系统上以 root 运行代理程序；监视会在磁盘占满之前结束任务",
        PcRemedy::ExpectFewJobs => "适合的任务不多；除此之外没有问题",
        PcRemedy::TellWsl => {
            "请在用户文件夹的 .wslconfig 中，于 `[experimental]` 下写入 `autoMemoryReclaim=gradual`，然后运行 `wsl --shutdown`"
        }
        PcRemedy::StopVm => "需要内存时请停止它，例如用 `podman machine stop` 或 `colima stop`；主机会等到它恢复",
    };
    said.to_owned()
}

pub(super) const fn owner(remedy: OwnerRemedy) -> &'static str {
    match remedy {
        OwnerRemedy::WorkWhileHere => "如要在你在场时也工作，请在 rules.toml 中设置 `away.require = false`",
        OwnerRemedy::ExpectNoWork => "只要有一个损坏，就以你为先：什么都不会运行",
        OwnerRemedy::StartInSession => {
            "请在你的桌面会话中启动代理程序；电脑没有屏幕时，请在 rules.toml 中设置 `away.require = false`"
        }
    }
}
