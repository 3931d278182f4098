//! The vendor's compiler from CUDA C++ to PTX, which is a library (NVRTC).

use std::{
    ffi::{CString, c_char, c_int, c_void},
    path::Path,
    ptr,
};

use anyhow::{Context as _, Result, bail};
use libloading::Library;

type Program = *mut c_void;
type Text = *const *const c_char;
type Create = unsafe extern "C" fn(*mut Program, *const c_char, *const c_char, c_int, Text, Text) -> c_int;
type Compile = unsafe extern "C" fn(Program, c_int, *const *const c_char) -> c_int;
type Size = unsafe extern "C" fn(Program, *mut usize) -> c_int;
type Get = unsafe extern "C" fn(Program, *mut c_char) -> c_int;
type Destroy = unsafe extern "C" fn(*mut Program) -> c_int;

/// The compiler.
pub(super) struct Nvrtc {
    library: Library,
}

impl Nvrtc {
    pub(super) fn load(library: &Path) -> Result<Self> {
        // SAFETY: the vendor's library, as pip checked it by its hash.
        let library = unsafe { Library::new(library) }.with_context(|| format!("could not load {}", library.display()))?;
        Ok(Self { library })
    }

    /// PTX of one source.
    pub(super) fn compile(&self, source: &Path, options: &[String]) -> Result<String> {
        let text = CString::new(std::fs::read(source).with_context(|| format!("could not read {}", source.display()))?)?;
        let name = CString::new(source.file_name().unwrap_or_default().to_string_lossy().into_owned())?;
        let options = options.iter().map(|option| CString::new(option.as_str())).collect::<Result<Vec<_>, _>>()?;
        let pointers: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program = ptr::null_mut();
        let create = self.function::<Create>("nvrtcCreateProgram")?;
        let compile = self.function::<Compile>("nvrtcCompileProgram")?;
        let destroy = self.function::<Destroy>("nvrtcDestroyProgram")?;
        // SAFETY: the texts end with zeros and outlive the program; there are no headers in memory.
        if unsafe { create(&raw mut program, text.as_ptr(), name.as_ptr(), 0, ptr::null(), ptr::null()) } != 0 {
            bail!("NVRTC took no program");
        }
        // SAFETY: the program was created; there are as many options as it is told.
        let answer = unsafe { compile(program, c_int::try_from(pointers.len())?, pointers.as_ptr()) };
        let kind = if answer == 0 { "PTX" } else { "ProgramLog" };
        let said = self.text(program, kind);
        // SAFETY: the program was created and is not used after this.
        unsafe { destroy(&raw mut program) };
        if answer != 0 {
            bail!("{} does not compile:\n{}", source.display(), said?);
        }
        said
    }

    fn text(&self, program: Program, kind: &str) -> Result<String> {
        let size = self.function::<Size>(&format!("nvrtcGet{kind}Size"))?;
        let get = self.function::<Get>(&format!("nvrtcGet{kind}"))?;
        let mut bytes = 0;
        // SAFETY: the program lives; one size is written.
        let known = unsafe { size(program, &raw mut bytes) } == 0;
        let mut text = vec![0_u8; bytes];
        // SAFETY: the text has the size that was just asked for.
        if !known || unsafe { get(program, text.as_mut_ptr().cast()) } != 0 {
            bail!("NVRTC tells nothing");
        }
        text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
        Ok(String::from_utf8(text)?)
    }

    fn function<F: Copy>(&self, name: &str) -> Result<F> {
        // SAFETY: callers name the type that nvrtc.h gives the function.
        let function = unsafe { self.library.get::<F>(name.as_bytes()) };
        Ok(*function.with_context(|| format!("NVRTC has no {name}"))?)
    }
}
