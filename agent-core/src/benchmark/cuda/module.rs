//! Kernels: texts that the driver translates for its device, and their launches.

use std::{
    ffi::{CStr, c_int, c_void},
    ptr,
    rc::Rc,
};

use super::{
    context::{Context, Stream},
    driver::Handle,
    error::CudaError,
};

/// Bytes of the translator's complaints that are kept. They begin with the line that matters.
const LOG_BYTES: usize = 4096;
/// `CU_JIT_ERROR_LOG_BUFFER` and `CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES`.
const LOG_OPTIONS: [c_int; 2] = [5, 6];
/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`.
const SHARED_BYTES_MAX: c_int = 8;

/// Translated kernels.
pub(super) struct Module {
    context: Rc<Context>,
    raw: Handle,
}

impl Module {
    /// Translates PTX. Takes seconds the first time; the driver keeps the result on disk.
    pub(super) fn new(context: &Rc<Context>, name: &'static str, ptx: &CStr) -> Result<Rc<Self>, CudaError> {
        let mut log = vec![0_u8; LOG_BYTES];
        let mut names = LOG_OPTIONS;
        // The driver's convention: a number that is an option's value travels in the pointer itself.
        let mut values = [log.as_mut_ptr().cast::<c_void>(), ptr::without_provenance_mut(LOG_BYTES)];
        let mut raw = ptr::null_mut();
        let driver = &context.driver;
        // SAFETY: the text ends with a zero; there are two options with two values; the log has the size that the second says.
        let answer =
            unsafe { (driver.call.module_load)(&raw mut raw, ptx.as_ptr().cast(), 2, names.as_mut_ptr(), values.as_mut_ptr()) };
        match driver.check("cuModuleLoadDataEx", answer) {
            Ok(()) => Ok(Rc::new(Self { context: Rc::clone(context), raw })),
            Err(CudaError::Call { code, .. }) => Err(CudaError::Refused { module: name, code, log: text(&log) }),
            Err(lost) => Err(lost),
        }
    }

    /// A kernel of it, with as much dynamic shared memory as it needs.
    pub(super) fn function(self: &Rc<Self>, entry: &CStr, threads: u32, shared_bytes: u32) -> Result<Function, CudaError> {
        let mut raw = ptr::null_mut();
        let driver = &self.context.driver;
        // SAFETY: the module lives, the name ends with a zero, the driver writes one handle.
        driver.check("cuModuleGetFunction", unsafe { (driver.call.module_function)(&raw mut raw, self.raw, entry.as_ptr()) })?;
        let shared = c_int::try_from(shared_bytes).unwrap_or(c_int::MAX);
        // SAFETY: the function is the module's, which `Function` holds.
        driver.check("cuFuncSetAttribute", unsafe { (driver.call.function_set)(raw, SHARED_BYTES_MAX, shared) })?;
        Ok(Function { module: Rc::clone(self), raw, threads, shared_bytes })
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let driver = &self.context.driver;
        // SAFETY: it was loaded once, and every function of it holds an `Rc`, so is gone.
        driver.note("cuModuleUnload", unsafe { (driver.call.module_unload)(self.raw) });
    }
}

fn text(log: &[u8]) -> String {
    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
    String::from_utf8_lossy(&log[..end]).trim().to_owned()
}

/// An argument of a kernel, as wide as the parameter it is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument {
    /// `u32`.
    Word(u32),
    /// `u64`, or an address on the device.
    Wide(u64),
}

/// A kernel, ready to be launched.
pub(super) struct Function {
    module: Rc<Module>,
    raw: Handle,
    threads: u32,
    shared_bytes: u32,
}

impl Function {
    /// Blocks that one multiprocessor holds at once; at least one.
    pub(super) fn blocks_per_multiprocessor(&self) -> Result<u32, CudaError> {
        let driver = &self.module.context.driver;
        let (mut blocks, threads) = (0, c_int::try_from(self.threads).unwrap_or(c_int::MAX));
        // SAFETY: the function lives; the driver writes one number.
        let answer = unsafe { (driver.call.function_blocks)(&raw mut blocks, self.raw, threads, self.shared_bytes as usize) };
        driver.check("cuOccupancyMaxActiveBlocksPerMultiprocessor", answer)?;
        Ok(u32::try_from(blocks).unwrap_or(0).max(1))
    }

    /// Submits a launch of `blocks` blocks. The arguments must be those of the kernel in number and width, and its buffers must
    /// outlive it: the kernels' sources and `runs` agree on that.
    pub(super) fn launch(&self, stream: &Stream, blocks: u32, arguments: &[Argument]) -> Result<(), CudaError> {
        // A word lies in the first half of its slot: every machine with this driver is little-endian.
        let mut slots: Vec<u64> = arguments
            .iter()
            .map(|argument| match *argument {
                Argument::Word(word) => u64::from(word),
                Argument::Wide(wide) => wide,
            })
            .collect();
        let mut pointers: Vec<*mut c_void> = slots.iter_mut().map(|slot| ptr::from_mut(slot).cast()).collect();
        let driver = &self.module.context.driver;
        // SAFETY: each pointer is to a slot that is at least as wide as the parameter; the driver copies them before it returns.
        let answer = unsafe {
            (driver.call.launch)(
                self.raw,
                blocks,
                1,
                1,
                self.threads,
                1,
                1,
                self.shared_bytes,
                stream.raw,
                pointers.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        driver.check("cuLaunchKernel", answer)
    }
}
