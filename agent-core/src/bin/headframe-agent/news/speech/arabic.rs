//! In Arabic.

use super::{Entry, Money, MoneyNewsKind, Said};

const CANNOT: &str = "لا يستطيع هذا الحاسوب أن يكسب الآن";

/// Keeps what reads from left to right apart from the words around it (Unicode UAX #9, isolates).
fn apart(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

pub(super) fn words(said: &Said) -> (&'static str, String) {
    match said {
        Said::JobDone { title, earned } => ("اكتملت مهمة", format!("{}: {}.", apart(title), apart(earned))),
        Said::ResultRefused { title } => {
            ("لم تُقبل نتيجة", format!("أجهزة أخرى قامت بعمل «{}» تتفق على نتيجة أخرى.", apart(title)))
        }
        Said::Money(news) => money(&Money::of(news)),
        Said::NoEngine => (CANNOT, "لا يوجد محرك حاويات. شغّله أو ثبّت واحدًا.".to_owned()),
        Said::EngineUnusable { message } => (CANNOT, apart(message)),
        Said::DiskFull => (CANNOT, "القرص الذي تعمل عليه المهام ممتلئ تقريبًا. أفسح بعض المساحة.".to_owned()),
        Said::ClockWrong => ("ساعة هذا الحاسوب تبدو خاطئة", "وهذا يمنعه من الوصول إلى الشبكة. تقول النافذة بكم تخطئ.".to_owned()),
        Said::RulesBroken => (CANNOT, "لا يمكن فهم قواعدك. تقول النافذة في أي سطر.".to_owned()),
        Said::TooOld => ("يلزم إصدار أحدث من Headframe", "لم تعد الشبكة تقبل هذا الإصدار.".to_owned()),
        Said::NotLetIn { message } => {
            (CANNOT, format!("لا تسمح الشبكة بدخول هذا الجهاز: {} هل ساعة هذا الحاسوب صحيحة؟", apart(message)))
        }
        Said::Quarantined { message } => (CANNOT, apart(message)),
        Said::StillPaused { days } => {
            let ago = match days {
                0 | 1 => "يوم".to_owned(),
                2 => "يومين".to_owned(),
                3..=10 => format!("{days} أيام"),
                11.. => format!("{days} يومًا"),
            };
            let text = format!("أوقفته مؤقتًا قبل {ago}، ولن يقبل عملًا حتى تضغط «استئناف» في قائمته أو في نافذته.");
            ("جهازك ما زال متوقفًا مؤقتًا", text)
        }
    }
}

pub(super) const fn label(entry: Entry) -> &'static str {
    match entry {
        Entry::Open => "فتح Headframe",
        Entry::Why => "لماذا لا يكسب؟",
        Entry::Start => "ابدأ",
        Entry::Resume => "استئناف",
        Entry::Pause => "إيقاف مؤقت",
        Entry::Snooze => "التوقف لمدة 1 س",
        Entry::Tomorrow => "التوقف حتى الغد، 06:00 ص",
        Entry::Finish => "إنهاء المهمة ثم التوقف",
        Entry::Quit => "خروج",
    }
}

fn money(Money { what, amount, chain, to }: &Money<'_>) -> (&'static str, String) {
    let (amount, chain, to) = (apart(amount), apart(chain), apart(to));
    match what {
        MoneyNewsKind::Arrived => ("وصل مالك", format!("{amount} على {chain} صار الآن في {to} نهائيًا.")),
        MoneyNewsKind::Claimable => ("دفعة جاهزة", format!("يمكنك الآن سحب {amount} على {chain} من المحفظة.")),
        MoneyNewsKind::Published => ("نُشرت دفعة", format!("{amount} على {chain} للعنوان {to} الذي تحتفظ بمفتاحه في مكان آخر.")),
    }
}
