//! The emulated driver: built with the system's C++ compiler, loaded like the real one, set up by a test.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libloading::Library;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::benchmark::cuda::{Cuda, CudaError};

const SOURCES: [&str; 3] = ["driver.cpp", "kernels.cpp", "threads.cpp"];
const COMPILER: [&str; 5] = ["-std=c++17", "-O2", "-fPIC", "-shared", "-Wno-unknown-pragmas"];

/// A driver with one device, 64 MiB of memory, two multiprocessors, compute capability 8.9.
pub(super) struct Emulated {
    library: Library,
    path: PathBuf,
    _folder: TempDir,
}

impl Emulated {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // A copy of its own: a library that is loaded twice from one file has one state.
        let path = folder.path().join("libcuda.so.1");
        fs::copy(built(), &path).expect("the library is copied");
        // SAFETY: our own library, whose initializers touch only itself.
        let library = unsafe { Library::new(&path) }.expect("the library loads");
        Self { library, path, _folder: folder }
    }

    /// What the agent makes of it.
    pub(super) fn cuda(&self) -> Result<Option<Cuda>, CudaError> {
        Cuda::load(self.path.as_os_str())
    }

    pub(super) fn set(&self, what: &str, value: u64) {
        self.tell::<unsafe extern "C" fn(*const c_char, u64), _>("emulated_set", what, |set, what| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { set(what, value) }
        });
    }

    /// The call of `function` after `after` more answers `code`.
    pub(super) fn fail(&self, function: &str, after: i32, code: i32) {
        self.tell::<unsafe extern "C" fn(*const c_char, c_int, c_int), _>("emulated_fail", function, |fail, function| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { fail(function, after, code) }
        });
    }

    /// After every launch of the kernel, a word of the buffer in its argument of this number is spoilt.
    pub(super) fn corrupt(&self, kernel: &str, argument: i32, word: u64) {
        self.tell::<unsafe extern "C" fn(*const c_char, c_int, u64), _>("emulated_corrupt", kernel, |corrupt, kernel| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { corrupt(kernel, argument, word) }
        });
    }

    /// Launches of the kernel do nothing.
    pub(super) fn skip(&self, kernel: &str) {
        self.tell::<unsafe extern "C" fn(*const c_char), _>("emulated_skip", kernel, |skip, kernel| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { skip(kernel) }
        });
    }

    /// How many of a kind were made and not given back.
    pub(super) fn live(&self, kind: &str) -> i32 {
        self.tell::<unsafe extern "C" fn(*const c_char) -> c_int, _>("emulated_live", kind, |live, kind| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { live(kind) }
        })
    }

    /// How often a function was called. Any thread may ask.
    pub(super) fn count(&self, function: &str) -> i32 {
        self.tell::<unsafe extern "C" fn(*const c_char) -> c_int, _>("emulated_count", function, |count, function| {
            // SAFETY: the signature is that in driver.cpp.
            unsafe { count(function) }
        })
    }

    /// Every function that was called, and how often.
    pub(super) fn calls(&self) -> Vec<(String, i32)> {
        let text = self.text("emulated_calls");
        text.lines()
            .map(|line| {
                let (function, count) = line.split_once(' ').expect("two words a line");
                (function.to_owned(), count.parse().expect("a number"))
            })
            .collect()
    }

    /// What was given back, in order.
    pub(super) fn journal(&self) -> String {
        self.text("emulated_journal")
    }

    fn text(&self, name: &str) -> String {
        self.tell::<unsafe extern "C" fn() -> *const c_char, _>(name, "", |text, _| {
            // SAFETY: the signature is that in driver.cpp; the text lives until the next call.
            unsafe { CStr::from_ptr(text()) }.to_str().expect("plain text").to_owned()
        })
    }

    fn tell<F: Copy, T>(&self, name: &str, what: &str, call: impl FnOnce(F, *const c_char) -> T) -> T {
        let what = CString::new(what).expect("no zero inside");
        // SAFETY: callers name the type that the function has in driver.cpp.
        let function = unsafe { self.library.get::<F>(name.as_bytes()) }.expect("driver.cpp has it");
        call(*function, what.as_ptr())
    }
}

/// The library, built once for each state of the sources: every test is a process of its own, and compiling takes seconds.
fn built() -> PathBuf {
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/benchmark/cuda/kernels");
    let emulated = kernels.join("emulated");
    let mut digest = Sha256::new();
    for folder in [&kernels, &emulated] {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).expect("the sources are there").map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "h" || kind == "cu" || kind == "cpp"))
        {
            digest.update(fs::read(file).expect("a source is read"));
        }
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/emulated-cuda");
    fs::create_dir_all(&place).expect("the target folder can be written");
    let library = place.join(format!("{}.so", hex::encode(digest.finalize())));
    let lock = fs::File::create(place.join("lock")).expect("a lock file");
    lock.lock().expect("the lock is taken");
    if !library.exists() {
        let unfinished = place.join("unfinished.so");
        compile(&SOURCES.map(|source| emulated.join(source)), &unfinished);
        fs::rename(&unfinished, &library).expect("the library is put in place");
    }
    library
}

/// A library that is one, and has nothing of what is looked for.
pub(super) fn library_without_functions() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/emulated-cuda");
    fs::create_dir_all(&place).expect("the target folder can be written");
    let (source, library) = (place.join("empty.cpp"), place.join("empty.so"));
    if !library.exists() {
        fs::write(&source, "extern \"C\" int nothing() { return 0; }\n").expect("a source is written");
        compile(&[source], &library);
    }
    library
}

fn compile(sources: &[PathBuf], library: &Path) {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let made = Command::new(&compiler).args(COMPILER).arg("-o").arg(library).args(sources).output();
    let made =
        made.unwrap_or_else(|error| panic!("{} did not start: {error}; `cargo xtask test` installs it", compiler.display()));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
