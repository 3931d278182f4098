//! In Chinese.

use super::Speech;
use crate::doctor::findings::Topic;

mod found;
mod remedies;

pub(super) const CHINESE: Speech = Speech {
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
    set_clock: "请让系统通过网络校准时钟；在 Linux 上：`sudo timedatectl set-ntp true`",
};

const fn what(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "容器引擎",
        Topic::Faults => "引擎的已知漏洞",
        Topic::Users => "容器中的用户",
        Topic::Limits => "对任务的限制",
        Topic::Seccomp => "任务的系统调用",
        Topic::Gvisor => "gVisor",
        Topic::Driver => "显卡驱动程序",
        Topic::CardsInContainers => "容器中的显卡",
        Topic::Folder => "代理程序的文件夹",
        Topic::Settings => "设置",
        Topic::Rules => "规则",
        Topic::Disk => "磁盘",
        Topic::DiskLimit => "任务磁盘用量的限制",
        Topic::Memory => "内存",
        Topic::VmMemory => "引擎虚拟机的内存",
        Topic::Probes => "你在场的迹象",
        Topic::Tray => "托盘",
        Topic::Secrets => "密钥环",
        Topic::Clock => "时钟",
        Topic::Bandwidth => "带宽",
    }
}

const fn required(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Docker 20.10 或更新版本，或与它兼容的引擎；正在运行，并允许此用户使用",
        Topic::Faults => "没有任何组件存在已知的容器逃逸途径",
        Topic::Users => "用户命名空间：无 root 的引擎、启用了 userns-remap 的引擎，或虚拟机中的引擎",
        Topic::Limits => "控制组第 2 版，能限制内存、进程数和处理器时间",
        Topic::Seccomp => "启用引擎默认的 seccomp 配置",
        Topic::Gvisor | Topic::Tray | Topic::Secrets => "没有要求；有则更好",
        Topic::Driver => "有 NVIDIA 显卡时，需要带 NVML 的 NVIDIA 驱动程序",
        Topic::CardsInContainers => "NVIDIA Container Toolkit 1.17.8 或更新版本，或者显卡已由 CDI 描述",
        Topic::Folder => "属于此用户、别人无法读取的文件夹",
        Topic::Settings | Topic::Rules => "能读懂的文件，或者没有文件",
        Topic::Disk => "可用空间不少于设置分给镜像和任务的空间，另有 2 GiB 始终留给你",
        Topic::DiskLimit => "大小恰为任务所需的文件系统；监视可用空间是次选",
        Topic::Memory => "4 GiB 或更多",
        Topic::VmMemory => "会归还闲置内存的虚拟机，或者没有虚拟机",
        Topic::Probes => "至少有一个能察觉键盘、鼠标或手柄的探测器；没有损坏的探测器",
        Topic::Clock => "与协调器的时钟相差不超过一分钟",
        Topic::Bandwidth => "没有特别的要求",
    }
}

const fn why(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "任务只在容器中运行",
        Topic::Faults => "任务是陌生人的程序",
        Topic::Users => "这样，逃出容器的程序在外面没有任何权限",
        Topic::Limits => "任务不能占用整台电脑",
        Topic::Seccomp => "多数容器逃逸都从罕见的系统调用开始；Headframe 还会加上自己更严格的清单",
        Topic::Gvisor => "它可以为不需要显卡的任务再加一道墙",
        Topic::Driver => "它能给出显卡的温度和负载；没有它就无法提供这张显卡",
        Topic::CardsInContainers => "它把显卡带进任务的容器",
        Topic::Folder => "里面有主机的密钥和流水记录",
        Topic::Settings => "代理程序不会用读不懂的设置启动",
        Topic::Rules => "规则读不懂时，什么都不会运行",
        Topic::Disk => "空间太小的主机得到的任务很少",
        Topic::DiskLimit => "任务不能占满你的磁盘",
        Topic::Memory => "任务会用其中一部分，其余的要够你自己用",
        Topic::VmMemory => "否则任务用过的内存之后不会还给你的电脑",
        Topic::Probes => "察觉不到你时就当作你在，于是什么都不会运行",
        Topic::Tray => "它显示主机在做什么，点两下就能暂停",
        Topic::Secrets => "它可以记住钱包的密码；没有它，每次都会问你",
        Topic::Clock => "你的时段按它执行，证书按它判断；付给你的钱不用它来计量",
        Topic::Bandwidth => "线路快，带大文件的任务就能更早完成",
    }
}
