//! The driver's library: found at run time, a table of the functions we call, and their answers as errors.
//!
//! The driver is part of the vendor's graphics driver; nothing of the CUDA toolkit is needed. A shim of our own rather than a
//! crate: forty names are all we call, and a missing library or function must be an answer, never a panic.

use std::{
    ffi::{CStr, OsStr, c_char, c_int, c_uint, c_void},
    rc::Rc,
};

use libloading::Library;

use super::error::{Code, CudaError, is_loss};

/// The driver where its installer puts it.
pub(super) const LIBRARY: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };

/// A handle of the driver.
pub(super) type Handle = *mut c_void;
/// An address in the device's memory.
pub(super) type DevicePointer = u64;

macro_rules! functions {
    ($($field:ident = $symbol:literal ($($argument:ty),*);)*) => {
        /// Every function of the driver that we call, by the name that the ABI has had since the version in its suffix.
        pub(super) struct Functions {
            $(pub(super) $field: unsafe extern "system" fn($($argument),*) -> c_int,)*
        }

        impl Functions {
            fn of(library: &Library) -> Result<Self, CudaError> {
                Ok(Self {
                    $($field: {
                        // SAFETY: the type is that of the function of this name in cuda.h; the pointer is used only while
                        // `Driver` holds the library.
                        let found = unsafe { library.get(concat!($symbol, "\0").as_bytes()) };
                        *found.map_err(|source| CudaError::TooOld { function: $symbol, source })?
                    },)*
                })
            }
        }
    };
}

functions! {
    init = "cuInit"(c_uint);
    error_name = "cuGetErrorName"(c_int, *mut *const c_char);
    device_count = "cuDeviceGetCount"(*mut c_int);
    device = "cuDeviceGet"(*mut c_int, c_int);
    device_name = "cuDeviceGetName"(*mut c_char, c_int, c_int);
    device_uuid = "cuDeviceGetUuid_v2"(*mut [u8; 16], c_int);
    device_memory = "cuDeviceTotalMem_v2"(*mut usize, c_int);
    device_bus_id = "cuDeviceGetPCIBusId"(*mut c_char, c_int, c_int);
    device_attribute = "cuDeviceGetAttribute"(*mut c_int, c_int, c_int);
    context_flags = "cuDevicePrimaryCtxSetFlags_v2"(c_int, c_uint);
    context_retain = "cuDevicePrimaryCtxRetain"(*mut Handle, c_int);
    context_release = "cuDevicePrimaryCtxRelease_v2"(c_int);
    context_set = "cuCtxSetCurrent"(Handle);
    stream_create = "cuStreamCreate"(*mut Handle, c_uint);
    stream_destroy = "cuStreamDestroy_v2"(Handle);
    stream_wait = "cuStreamSynchronize"(Handle);
    event_create = "cuEventCreate"(*mut Handle, c_uint);
    event_destroy = "cuEventDestroy_v2"(Handle);
    event_record = "cuEventRecord"(Handle, Handle);
    event_wait = "cuEventSynchronize"(Handle);
    event_elapsed = "cuEventElapsedTime"(*mut f32, Handle, Handle);
    module_load = "cuModuleLoadDataEx"(*mut Handle, *const c_void, c_uint, *mut c_int, *mut *mut c_void);
    module_unload = "cuModuleUnload"(Handle);
    module_function = "cuModuleGetFunction"(*mut Handle, Handle, *const c_char);
    function_set = "cuFuncSetAttribute"(Handle, c_int, c_int);
    function_blocks = "cuOccupancyMaxActiveBlocksPerMultiprocessor"(*mut c_int, Handle, c_int, usize);
    launch = "cuLaunchKernel"(
        Handle, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Handle, *mut *mut c_void, *mut *mut c_void
    );
    memory_info = "cuMemGetInfo_v2"(*mut usize, *mut usize);
    memory_alloc = "cuMemAlloc_v2"(*mut DevicePointer, usize);
    memory_free = "cuMemFree_v2"(DevicePointer);
    host_alloc = "cuMemHostAlloc"(*mut *mut c_void, usize, c_uint);
    host_free = "cuMemFreeHost"(*mut c_void);
    copy_to_device = "cuMemcpyHtoDAsync_v2"(DevicePointer, *const c_void, usize, Handle);
    copy_to_host = "cuMemcpyDtoHAsync_v2"(*mut c_void, DevicePointer, usize, Handle);
    set_words = "cuMemsetD32Async"(DevicePointer, c_uint, usize, Handle);
}

/// `cuTensorMapEncodeTiled`: the description to fill, the type of an element, dimensions, address, sizes, strides, box, steps,
/// interleave, swizzle, promotion, what stands outside.
pub(super) type DescribeMatrix = unsafe extern "system" fn(
    *mut c_void,
    c_int,
    c_uint,
    *mut c_void,
    *const u64,
    *const u64,
    *const u32,
    *const u32,
    c_int,
    c_int,
    c_int,
    c_int,
) -> c_int;

/// `CUDA_ERROR_NO_DEVICE`.
const NO_DEVICE: c_int = 100;
/// `CUDA_ERROR_STUB_LIBRARY`: a toolkit's stand-in for linking, on a machine without the driver.
const STUB_LIBRARY: c_int = 34;

/// The driver, ready to be asked.
pub(super) struct Driver {
    /// The functions.
    pub(super) call: Functions,
    /// Describes matrices to Hopper's fetcher; drivers before CUDA 12 lack it, and everything else works with them.
    pub(super) describe_matrix: Option<DescribeMatrix>,
    /// What `call` points into.
    _library: Library,
}

impl Driver {
    /// The driver of this PC; `None` where there is none, or none with a device.
    ///
    /// # Errors
    /// If the driver is too old or does not start.
    pub(super) fn find(library: &OsStr) -> Result<Option<Rc<Self>>, CudaError> {
        let Some(library) = open(library) else { return Ok(None) };
        // SAFETY: the type is that of the function of this name in cuda.h.
        let describe_matrix = unsafe { library.get::<DescribeMatrix>(b"cuTensorMapEncodeTiled\0") }.ok().map(|found| *found);
        let driver = Self { call: Functions::of(&library)?, describe_matrix, _library: library };
        // SAFETY: the flags must be 0, and are.
        let answer = unsafe { (driver.call.init)(0) };
        if answer == NO_DEVICE || answer == STUB_LIBRARY {
            return Ok(None);
        }
        driver.check("cuInit", answer)?;
        Ok(Some(Rc::new(driver)))
    }

    /// Turns an answer into a result.
    pub(super) fn check(&self, function: &'static str, answer: c_int) -> Result<(), CudaError> {
        match answer {
            0 => Ok(()),
            number if is_loss(number) => Err(CudaError::DeviceLost { function, code: self.code(number) }),
            number => Err(CudaError::Call { function, code: self.code(number) }),
        }
    }

    /// An answer with its name.
    pub(super) fn code(&self, number: c_int) -> Code {
        let mut name = std::ptr::null();
        // SAFETY: the driver writes one pointer, to a text of its own that lives as long as it does, or null.
        let known = unsafe { (self.call.error_name)(number, &raw mut name) } == 0 && !name.is_null();
        // SAFETY: the driver said that it knows the number, so the pointer is to a text that ends.
        let name = known.then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        Code { number, name }
    }

    /// Answers of calls in `Drop`, where nobody is left to tell: a lost device refuses even to be cleaned up.
    pub(super) fn note(&self, function: &'static str, answer: c_int) {
        if let Err(error) = self.check(function, answer) {
            tracing::debug!(%error, "Could not clean up on a card");
        }
    }
}

#[cfg(not(windows))]
fn open(library: &OsStr) -> Option<Library> {
    // SAFETY: the vendor's driver, which every program that draws loads; its initializers ask nothing of us.
    unsafe { Library::new(library) }.ok()
}

/// Only where the system keeps its own: a library of this name beside our program, or in the folder it was started in, is not it.
#[cfg(windows)]
fn open(library: &OsStr) -> Option<Library> {
    use libloading::os::windows;
    // SAFETY: as above.
    unsafe { windows::Library::load_with_flags(library, windows::LOAD_LIBRARY_SEARCH_SYSTEM32) }.ok().map(Library::from)
}
