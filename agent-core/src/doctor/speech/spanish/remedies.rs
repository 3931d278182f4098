//! What the owner can do, in Spanish.

use crate::doctor::findings::{CardRemedy, EngineRemedy, OwnerRemedy, PcRemedy};

pub(super) const fn engine(remedy: EngineRemedy) -> &'static str {
    match remedy {
        EngineRemedy::Install => "instala Docker (https://docs.docker.com/engine/install) e inícialo",
        EngineRemedy::Start => "inicia el motor; para Docker en Linux: `sudo systemctl start docker`",
        EngineRemedy::Admit => {
            "añade este usuario al grupo del motor, para Docker: `sudo usermod -aG docker $USER`, y vuelve a iniciar sesión"
        }
        EngineRemedy::ReadItsLog => "mira el registro del propio motor y vuelve a iniciarlo",
        EngineRemedy::GiveAnAddress => "pon en `engine.socket` de agent.toml, o en DOCKER_HOST, una dirección como las de arriba",
        EngineRemedy::Change => "cambia el motor como se dice, o usa otro; se elige con `engine.socket` en agent.toml",
        EngineRemedy::Update => {
            "actualiza el motor y sus componentes. Una distribución puede arreglar un fallo sin cambiar el número: lo dicen sus páginas de seguridad"
        }
        EngineRemedy::RemapUsers => {
            "pon `\"userns-remap\": \"default\"` en /etc/docker/daemon.json y reinicia Docker. El disco que usan los trabajos queda entonces solo vigilado"
        }
        EngineRemedy::BootWithVersion2 => "arranca con grupos de control versión 2 (`systemd.unified_cgroup_hierarchy=1`)",
        EngineRemedy::PreferVersion2 => "la versión 2 impone los límites con más rigor; los sistemas actuales arrancan con ella",
        EngineRemedy::TurnSeccompOn => "quita `seccomp-profile: unconfined` de los ajustes del motor y reinícialo",
    }
}

pub(super) const fn card(remedy: CardRemedy) -> &'static str {
    match remedy {
        CardRemedy::AskTheDriver => "mira lo que dice `nvidia-smi`",
        CardRemedy::InstallDriver => {
            "instala el controlador de la propia NVIDIA; mientras tanto, el PC puede trabajar con su procesador"
        }
        CardRemedy::InstallToolkit => {
            "instala NVIDIA Container Toolkit y luego ejecuta `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`"
        }
        CardRemedy::UpdateToolkit => "actualiza NVIDIA Container Toolkit",
    }
}

pub(super) fn pc(remedy: PcRemedy<'_>) -> String {
    let said = match remedy {
        PcRemedy::CloseFolder { path } => return format!("`chmod 700 {path}`"),
        PcRemedy::ChangeLine { path } => return format!("cambia la línea en {path} o quítala"),
        PcRemedy::MakeFolderWritable => "libera espacio o arregla los permisos de la carpeta",
        PcRemedy::BecomeItsUser => "ejecuta el agente como ese usuario, o dale una carpeta con --data-dir",
        PcRemedy::UseAnotherFolder => "dale al agente otra carpeta con --data-dir",
        PcRemedy::RemoveThings => "elimina lo que ya no necesites",
        PcRemedy::FreeSpaceOrGiveLess => "libera espacio o baja `limits.disk_gib` en agent.toml; funciona con menos",
        PcRemedy::RunAsRoot => {
            "ejecuta el agente como root en el propio sistema del motor si quieres el límite más estricto; la vigilancia termina un trabajo antes de que tu disco se llene"
        }
        PcRemedy::ExpectFewJobs => "caben pocos trabajos; por lo demás no hay ningún problema",
        PcRemedy::TellWsl => {
            "escribe `autoMemoryReclaim=gradual` bajo `[experimental]` en .wslconfig, en tu carpeta de usuario, y luego ejecuta `wsl --shutdown`"
        }
        PcRemedy::StopVm => {
            "detenla cuando necesites la memoria, por ejemplo con `podman machine stop` o `colima stop`; el equipo espera hasta que vuelva"
        }
    };
    said.to_owned()
}

pub(super) const fn owner(remedy: OwnerRemedy) -> &'static str {
    match remedy {
        OwnerRemedy::WorkWhileHere => "pon `away.require = false` en rules.toml para que trabaje mientras estás aquí",
        OwnerRemedy::ExpectNoWork => "mientras una esté averiada se decide a tu favor: nada trabaja",
        OwnerRemedy::StartInSession => {
            "inicia el agente en tu sesión de escritorio; en un PC sin pantalla, pon `away.require = false` en rules.toml"
        }
    }
}
