//! The kernels for NVIDIA cards: CUDA C++ in the tree, compiled to PTX that is committed beside it.
//!
//! Writing needs the vendor's compilers, which this command fetches; building and running Headframe does not. Checking also lets
//! the vendor's assembler translate each text for every architecture it is meant for, as a card's driver would.

mod nvrtc;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nvrtc::Nvrtc;

use crate::{
    process::{command, run},
    setup::{self, Area},
    story, workspace,
};

/// One text.
struct Ptx {
    name: &'static str,
    source: &'static str,
    /// What it is compiled for: the oldest architecture that has its instructions.
    architecture: &'static str,
    /// The oldest version of PTX that has them. The compiler writes its own version, which older drivers refuse.
    version: &'static str,
    /// What drivers will translate it for.
    runs_on: &'static [&'static str],
}

const TEXTS: &[Ptx] = &[
    Ptx {
        name: "base",
        source: "base.cu",
        architecture: "75",
        version: "6.3",
        runs_on: &["75", "80", "86", "89", "90", "90a", "100", "120"],
    },
    Ptx { name: "turing", source: "tensor.cu", architecture: "75", version: "6.5", runs_on: &["75"] },
    Ptx {
        name: "ampere",
        source: "tensor.cu",
        architecture: "80",
        version: "7.0",
        runs_on: &["80", "86", "89", "90", "90a", "100", "120"],
    },
    // Its instructions are in no other generation, not even in later ones.
    Ptx { name: "hopper", source: "hopper.cu", architecture: "90a", version: "8.0", runs_on: &["90a"] },
];

/// Fetches the judge of SPIR-V that the tests of programs for matrix units ask. Those programs are written at run time, so there is nothing to compile.
pub(crate) fn ensure_judge() -> Result<()> {
    setup::ensure(&[Area::Kernels])?;
    let place = workspace::tools().join("spirv");
    if place.join("cmeel.prefix/bin/spirv-val").exists() {
        return Ok(());
    }
    story::tell("The judge of programs for matrix units is missing. Fetching 14 MB, once.");
    fetch("judge.txt", &place)
}

/// Installs what a list in this folder pins, by hash, into a folder of ours.
fn fetch(list: &str, place: &Path) -> Result<()> {
    let mut pip = command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--upgrade"]);
    pip.args(["--disable-pip-version-check", "--root-user-action", "ignore", "--requirement"]);
    pip.arg(workspace::root().join("xtask/src/kernels").join(list)).arg("--target").arg(place);
    run(&mut pip)
}

/// Compiles every text anew.
pub(crate) fn write() -> Result<()> {
    ensure_judge()?;
    let compilers = Compilers::ensure()?;
    for text in TEXTS {
        let ptx = compilers.compile(text)?;
        compilers.assemble(text, &ptx)?;
        let path = folder().join(text.name).with_extension("ptx");
        std::fs::write(&path, ptx).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// Fails if writing would change anything, or if a text does not assemble for one of its architectures without spilling.
pub(crate) fn check() -> Result<()> {
    ensure_judge()?;
    let compilers = Compilers::ensure()?;
    for text in TEXTS {
        let path = folder().join(text.name).with_extension("ptx");
        let committed = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        if committed != compilers.compile(text)? {
            bail!("{} is not what {} says; run `cargo xtask kernels`", path.display(), text.source);
        }
        compilers.assemble(text, &committed)?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    workspace::root().join("agent-core/src/benchmark/cuda/kernels")
}

struct Compilers {
    nvrtc: Nvrtc,
    assembler: PathBuf,
}

impl Compilers {
    /// Fetches them into the target folder if they are not there.
    fn ensure() -> Result<Self> {
        setup::ensure(&[Area::Kernels])?;
        let place = workspace::tools().join("cuda");
        let nvrtc = place.join("nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        let assembler = place.join("nvidia/cuda_nvcc/bin/ptxas");
        if !nvrtc.exists() || !assembler.exists() {
            story::tell("The compilers of the kernels for NVIDIA cards are missing. Fetching 130 MB, once.");
            fetch("toolchain.txt", &place)?;
        }
        Ok(Self { nvrtc: Nvrtc::load(&nvrtc)?, assembler })
    }

    fn compile(&self, text: &Ptx) -> Result<String> {
        let options = [
            format!("--gpu-architecture=compute_{}", text.architecture),
            "--std=c++17".to_owned(),
            "-default-device".to_owned(),
            format!("--include-path={}", folder().display()),
        ];
        Ok(tidied(text, &self.nvrtc.compile(&folder().join(text.source), &options)?))
    }

    /// Prints what each kernel takes of a multiprocessor; one that does not fit its registers is an error, as it would crawl.
    fn assemble(&self, text: &Ptx, ptx: &str) -> Result<()> {
        let place = workspace::target_folder("kernels").context("could not make a folder below target")?;
        let source = place.join(text.name).with_extension("ptx");
        std::fs::write(&source, ptx).with_context(|| format!("could not write {}", source.display()))?;
        for architecture in text.runs_on {
            let told = self.told(&source, architecture)?;
            let kernels = kernels(&told);
            if kernels.is_empty() {
                bail!("the assembler tells of no kernel: {told}");
            }
            for Used { name, registers, spills } in kernels {
                story::tell(format_args!("{:<8} sm_{architecture:<4} {name:<14} {registers:>4} registers", text.name));
                if spills {
                    bail!("{name} does not fit the registers of sm_{architecture}");
                }
            }
        }
        Ok(())
    }

    /// What the assembler tells of a text. It tells on standard error.
    fn told(&self, source: &Path, architecture: &str) -> Result<String> {
        let mut assemble = command(&self.assembler);
        assemble.arg("--verbose").arg(format!("--gpu-name=sm_{architecture}")).arg(source);
        let output =
            assemble.arg("--output-file").arg(source.with_extension("cubin")).output().context("could not start ptxas")?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            bail!("{} does not assemble for sm_{architecture}:\n{told}", source.display());
        }
        // It says so of products that it runs one by one because it does not trust the program between them.
        if told.contains("Performance Loss") {
            bail!("{} is slowed down by the assembler:\n{told}", source.display());
        }
        Ok(told)
    }
}

/// Without remarks and empty lines, which every rig would carry, and with the version that its instructions need.
fn tidied(text: &Ptx, ptx: &str) -> String {
    let mut tidied = format!("// Written by `cargo xtask kernels` from {}.\n", text.source);
    for line in ptx.lines() {
        let bare = line.trim();
        if bare.starts_with(".version ") {
            tidied.push_str(&format!(".version {}\n", text.version));
        } else if !bare.is_empty() && !bare.starts_with("//") {
            tidied.push_str(line.trim_end());
            tidied.push('\n');
        }
    }
    tidied
}

/// What the assembler tells of one kernel.
#[derive(Debug, PartialEq, Eq)]
struct Used {
    name: String,
    registers: u32,
    spills: bool,
}

fn kernels(told: &str) -> Vec<Used> {
    let mut kernels: Vec<Used> = Vec::new();
    for line in told.lines() {
        if let Some(rest) = line.split_once("Compiling entry function '").map(|(_, rest)| rest) {
            let name = rest.split('\'').next().unwrap_or_default().to_owned();
            kernels.push(Used { name, registers: 0, spills: false });
        }
        let Some(kernel) = kernels.last_mut() else { continue };
        if line.contains("spill stores") {
            kernel.spills = !(line.contains(" 0 bytes spill stores") && line.contains(" 0 bytes spill loads"));
        }
        if let Some((_, rest)) = line.split_once("Used ") {
            kernel.registers = rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        }
    }
    kernels
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "ptxas info    : 0 bytes gmem\n\
        ptxas info    : Compiling entry function 'peak_i8' for 'sm_86'\n\
        ptxas info    : Function properties for peak_i8\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n\
        ptxas info    : Used 57 registers, used 0 barriers, 376 bytes cmem[0]\n\
        ptxas info    : Compiling entry function 'gemm' for 'sm_86'\n    8 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads\n\
        ptxas info    : Used 255 registers, used 1 barriers";

    #[test]
    fn a_kernel_that_spills_is_told_from_one_that_does_not() {
        let used = |name: &str, registers, spills| Used { name: name.to_owned(), registers, spills };
        assert_eq!(kernels(TOLD), [used("peak_i8", 57, false), used("gemm", 255, true)]);
    }

    #[test]
    fn a_tidied_text_says_the_version_it_needs_and_no_remark() {
        let tidy = tidied(&TEXTS[0], "//\n// Built by\n.version 8.7\n\n.target sm_75\n\t// begin\n\tret; \n");
        assert_eq!(tidy, "// Written by `cargo xtask kernels` from base.cu.\n.version 6.3\n.target sm_75\n\tret;\n");
    }
}
