//! In Spanish.

use super::Speech;
use crate::doctor::findings::Topic;

mod found;
mod remedies;

pub(super) const SPANISH: Speech = Speech {
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
    set_clock: "deja que el sistema ponga en hora su reloj por la red; en Linux: `sudo timedatectl set-ntp true`",
};

const fn what(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Motor de contenedores",
        Topic::Faults => "Fallos conocidos del motor",
        Topic::Users => "Usuarios en los contenedores",
        Topic::Limits => "Límites de los trabajos",
        Topic::Seccomp => "Llamadas al sistema de los trabajos",
        Topic::Gvisor => "gVisor",
        Topic::Driver => "Controlador gráfico",
        Topic::CardsInContainers => "Tarjetas gráficas en los contenedores",
        Topic::Folder => "Carpeta del agente",
        Topic::Settings => "Ajustes",
        Topic::Rules => "Reglas",
        Topic::Disk => "Disco",
        Topic::DiskLimit => "Límite del disco que usan los trabajos",
        Topic::Memory => "Memoria",
        Topic::VmMemory => "Memoria de la máquina virtual del motor",
        Topic::Probes => "Señales de tu presencia",
        Topic::Tray => "Bandeja",
        Topic::Secrets => "Llavero de contraseñas",
        Topic::Clock => "Reloj",
        Topic::Bandwidth => "Ancho de banda",
    }
}

const fn required(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "Docker 20.10 o posterior, o algo que hable su idioma, en marcha y accesible para este usuario",
        Topic::Faults => "ningún componente con una forma conocida de salir de su contenedor",
        Topic::Users => "espacios de nombres de usuario: un motor sin root, uno con userns-remap o uno en una máquina virtual",
        Topic::Limits => "grupos de control versión 2, con límites de memoria, procesos y tiempo de procesador",
        Topic::Seccomp => "el perfil seccomp predeterminado del motor, activado",
        Topic::Gvisor | Topic::Tray | Topic::Secrets => "nada, aunque viene bien",
        Topic::Driver => "el controlador de NVIDIA con NVML, si hay una tarjeta NVIDIA",
        Topic::CardsInContainers => "NVIDIA Container Toolkit 1.17.8 o posterior, o tarjetas descritas por CDI",
        Topic::Folder => "una carpeta propia de este usuario que nadie más pueda leer",
        Topic::Settings | Topic::Rules => "un archivo que se entienda, o ninguno",
        Topic::Disk => "tanto espacio libre como los ajustes dan a imágenes y trabajos, y 2 GiB que siguen siendo tuyos",
        Topic::DiskLimit => {
            "un sistema de archivos del tamaño que pidió el trabajo; vigilar el espacio libre es la segunda opción"
        }
        Topic::Memory => "4 GiB o más",
        Topic::VmMemory => "una máquina virtual que devuelva lo que nadie usa, o ninguna",
        Topic::Probes => "al menos una sonda que vea el teclado, el ratón o el mando; ninguna averiada",
        Topic::Clock => "a menos de un minuto del reloj del coordinador",
        Topic::Bandwidth => "nada en particular",
    }
}

const fn why(topic: Topic) -> &'static str {
    match topic {
        Topic::Engine => "los trabajos se ejecutan en contenedores y en ningún otro sitio",
        Topic::Faults => "los trabajos son programas de desconocidos",
        Topic::Users => "así, quien escape de un contenedor no es nadie fuera",
        Topic::Limits => "un trabajo no debe acaparar todo el PC",
        Topic::Seccomp => {
            "casi todas las formas de salir de un contenedor empiezan por una llamada al sistema poco común; Headframe añade una lista propia más estricta"
        }
        Topic::Gvisor => "puede levantar un muro más en torno a los trabajos que no necesitan tarjeta gráfica",
        Topic::Driver => "dice lo caliente y lo ocupada que está la tarjeta; sin él no se puede ofrecer",
        Topic::CardsInContainers => "lleva la tarjeta al contenedor de un trabajo",
        Topic::Folder => "en ella están la clave del equipo y su diario",
        Topic::Settings => "un agente no arranca con ajustes que no entiende",
        Topic::Rules => "nada trabaja con reglas que no se entienden",
        Topic::Disk => "un equipo con poco sitio recibe pocos trabajos",
        Topic::DiskLimit => "un trabajo no debe llenar tu disco",
        Topic::Memory => "los trabajos reciben una parte, y el resto debe bastarte a ti",
        Topic::VmMemory => "si no, lo que necesitó un trabajo le falta después a tu PC",
        Topic::Probes => "si nada puede verte, se da por hecho que estás aquí, y entonces nada trabaja",
        Topic::Tray => "muestra lo que hace el equipo y lo pausa con dos clics",
        Topic::Secrets => "puede recordar la contraseña del monedero; sin él se te pide cada vez",
        Topic::Clock => "tus horas se rigen por él, y por él se juzgan los certificados; lo que se te paga no se mide con él",
        Topic::Bandwidth => "con una línea rápida los trabajos de archivos grandes terminan antes",
    }
}
