//! In Chinese.

use super::{Entry, Money, MoneyNewsKind, Said};

const CANNOT: &str = "这台电脑现在不能赚钱";

pub(super) fn words(said: &Said) -> (&'static str, String) {
    match said {
        Said::JobDone { title, earned } => ("一项任务已完成", format!("{title}：{earned}。")),
        Said::ResultRefused { title } => ("一个结果未被接受", format!("做同一任务“{title}”的其他主机得出了另一个一致的结果。")),
        Said::Money(news) => money(&Money::of(news)),
        Said::NoEngine => (CANNOT, "没有容器引擎。请启动它，或安装一个。".to_owned()),
        Said::EngineUnusable { message } => (CANNOT, message.clone()),
        Said::DiskFull => (CANNOT, "任务所用的磁盘快满了。请腾出一些空间。".to_owned()),
        Said::ClockWrong => ("这台电脑的时钟似乎不对", "因此它连不上网络。窗口会说差了多少。".to_owned()),
        Said::RulesBroken => (CANNOT, "你的规则无法理解。窗口会指出是哪一行。".to_owned()),
        Said::TooOld => ("需要更新的 Headframe", "网络不再接受这个版本。".to_owned()),
        Said::NotLetIn { message } => (CANNOT, format!("网络不让这台主机进入：{message} 这台电脑的时钟对吗？")),
        Said::Quarantined { message } => (CANNOT, message.clone()),
        Said::StillPaused { days } => {
            let text = format!("你在 {days} 天前暂停了它；在菜单或窗口中按“继续”之前，它不会接任务。", days = days.max(&1));
            ("你的主机仍在暂停", text)
        }
    }
}

pub(super) const fn label(entry: Entry) -> &'static str {
    match entry {
        Entry::Open => "打开 Headframe",
        Entry::Why => "为什么没有收入？",
        Entry::Start => "开始",
        Entry::Resume => "继续",
        Entry::Pause => "暂停",
        Entry::Snooze => "暂停1小时",
        Entry::Tomorrow => "暂停到明天06:00",
        Entry::Finish => "做完再停",
        Entry::Quit => "退出",
    }
}

fn money(Money { what, amount, chain, to }: &Money<'_>) -> (&'static str, String) {
    match what {
        MoneyNewsKind::Arrived => ("你的钱已到账", format!("{chain} 上的 {amount} 现已在 {to}，不会再撤回。")),
        MoneyNewsKind::Claimable => ("有一笔收入可以提取", format!("你现在可以在钱包里提取 {chain} 上的 {amount}。")),
        MoneyNewsKind::Published => ("一笔收入已公布", format!("{chain} 上的 {amount} 归 {to}，它的密钥由你存放在别处。")),
    }
}
