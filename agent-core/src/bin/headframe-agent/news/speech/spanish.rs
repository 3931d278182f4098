//! In Spanish.

use super::{Entry, Money, MoneyNewsKind, Said};

const CANNOT: &str = "Este PC no puede ganar ahora";

pub(super) fn words(said: &Said) -> (&'static str, String) {
    match said {
        Said::JobDone { title, earned } => ("Un trabajo está terminado", format!("{title}: {earned}.")),
        Said::ResultRefused { title } => (
            "Un resultado no se aceptó",
            format!("Otros equipos que hicieron el trabajo de «{title}» coinciden en otro resultado."),
        ),
        Said::Money(news) => money(&Money::of(news)),
        Said::NoEngine => (CANNOT, "No hay motor de contenedores. Arráncalo o instala uno.".to_owned()),
        Said::EngineUnusable { message } => (CANNOT, message.clone()),
        Said::DiskFull => (CANNOT, "El disco en el que trabajan los trabajos está casi lleno. Haz sitio.".to_owned()),
        Said::ClockWrong => {
            ("El reloj de este PC parece ir mal", "Por eso el PC no llega a la red. La ventana dice cuánto se desvía.".to_owned())
        }
        Said::RulesBroken => (CANNOT, "Tus reglas no se entienden. La ventana dice en qué línea.".to_owned()),
        Said::TooOld => ("Hace falta un Headframe más nuevo", "La red ya no acepta esta versión.".to_owned()),
        Said::NotLetIn { message } => {
            (CANNOT, format!("La red no deja entrar a este equipo: {message} ¿Va bien el reloj de este PC?"))
        }
        Said::Quarantined { message } => (CANNOT, message.clone()),
        Said::StillPaused { days } => {
            let ago = if *days <= 1 { "un día".to_owned() } else { format!("{days} días") };
            let text =
                format!("Lo pausaste hace {ago}, y no acepta trabajo hasta que pulses Reanudar en su menú o en su ventana.");
            ("Tu equipo sigue en pausa", text)
        }
    }
}

pub(super) const fn label(entry: Entry) -> &'static str {
    match entry {
        Entry::Open => "Abrir Headframe",
        Entry::Why => "¿Por qué no gana?",
        Entry::Start => "Empezar",
        Entry::Resume => "Reanudar",
        Entry::Pause => "Pausar",
        Entry::Snooze => "Parar durante 1 h",
        Entry::Tomorrow => "Parar hasta mañana, 06:00",
        Entry::Finish => "Terminar y luego parar",
        Entry::Quit => "Salir",
    }
}

fn money(Money { what, amount, chain, to }: &Money<'_>) -> (&'static str, String) {
    match what {
        MoneyNewsKind::Arrived => ("Tu dinero ha llegado", format!("{amount} en {chain} ya está en {to}, de forma definitiva.")),
        MoneyNewsKind::Claimable => ("Hay un pago listo", format!("Ya puedes retirar {amount} en {chain}, en el monedero.")),
        MoneyNewsKind::Published => {
            ("Se ha publicado un pago", format!("{amount} en {chain} es para {to}, cuya clave guardas en otro sitio."))
        }
    }
}
