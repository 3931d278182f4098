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
    memory::Buffer,
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

/// A matrix as Hopper's fetcher knows it; what is inside is the driver's affair.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Described([u64; 16]);

/// `CU_TENSOR_MAP_DATA_TYPE_UINT8`.
const BYTES: c_int = 0;
/// `CU_TENSOR_MAP_SWIZZLE_128B`: the eight rows that a product reads at a time lie in different banks.
const SWIZZLE: c_int = 3;
/// `CU_TENSOR_MAP_L2_PROMOTION_L2_256B`.
const PROMOTION: c_int = 3;

impl Described {
    /// A matrix that fills a buffer with rows of `row_bytes`, fetched in boxes of 128 bytes of `box_rows` rows. `None` if the driver
    /// is too old to describe one.
    pub(super) fn of(context: &Context, matrix: &Buffer, row_bytes: u32, box_rows: u32) -> Result<Option<Self>, CudaError> {
        let Some(describe) = context.driver.describe_matrix else { return Ok(None) };
        let mut described = Self([0; 16]);
        let sizes = [u64::from(row_bytes), matrix.bytes() / u64::from(row_bytes)];
        let address = ptr::with_exposed_provenance_mut(usize::try_from(matrix.at()).unwrap_or(0));
        // SAFETY: the description has the 128 bytes and the alignment that cuda.h gives it; two sizes, one stride, two sides of a box,
        // two steps. The address is the device's and only written down.
        let answer = unsafe {
            describe(
                ptr::from_mut(&mut described).cast(),
                BYTES,
                2,
                address,
                sizes.as_ptr(),
                sizes.as_ptr(),
                [128, box_rows].as_ptr(),
                [1, 1].as_ptr(),
                0,
                SWIZZLE,
                PROMOTION,
                0,
            )
        };
        context.driver.check("cuTensorMapEncodeTiled", answer)?;
        Ok(Some(described))
    }
}

/// An argument of a kernel, as wide as the parameter it is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument<'a> {
    /// `u32`.
    Word(u32),
    /// `u64`, or an address on the device.
    Wide(u64),
    /// A described matrix.
    Matrix(&'a Described),
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
    pub(super) fn launch(&self, stream: &Stream, blocks: u32, arguments: &[Argument<'_>]) -> Result<(), CudaError> {
        // A word lies in the first half of its slot: every machine with this driver is little-endian.
        let slots: Vec<u64> = arguments
            .iter()
            .map(|argument| match *argument {
                Argument::Word(word) => u64::from(word),
                Argument::Wide(wide) => wide,
                Argument::Matrix(_) => 0,
            })
            .collect();
        // The driver reads arguments and never writes them, whatever its type says.
        let mut pointers: Vec<*mut c_void> = arguments
            .iter()
            .zip(&slots)
            .map(|(argument, slot)| match *argument {
                Argument::Word(_) | Argument::Wide(_) => ptr::from_ref(slot).cast_mut().cast(),
                Argument::Matrix(described) => ptr::from_ref(described).cast_mut().cast(),
            })
            .collect();
        let driver = &self.module.context.driver;
        // SAFETY: each pointer is to a slot or a description that is at least as wide as the parameter; the driver copies them before it returns.
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
