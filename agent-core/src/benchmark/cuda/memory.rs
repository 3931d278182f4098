//! Memory of the device, and of the PC where the device can reach it by itself.

use std::{ffi::c_void, ptr, rc::Rc};

use super::{
    context::{Context, Stream},
    driver::DevicePointer,
    error::CudaError,
};

/// Memory of the device.
pub(super) struct Buffer {
    context: Rc<Context>,
    at: DevicePointer,
    bytes: u64,
}

impl Buffer {
    pub(super) fn new(context: &Rc<Context>, bytes: u64) -> Result<Self, CudaError> {
        let mut at = 0;
        let driver = &context.driver;
        // SAFETY: the driver writes one address.
        driver.check("cuMemAlloc", unsafe { (driver.call.memory_alloc)(&raw mut at, size(bytes)) })?;
        Ok(Self { context: Rc::clone(context), at, bytes })
    }

    pub(super) fn at(&self) -> DevicePointer {
        self.at
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The kernels' unit: 16 bytes.
    pub(super) fn quads(&self) -> u64 {
        self.bytes / 16
    }

    /// Fills the buffer with one word.
    pub(super) fn set(&self, stream: &Stream, word: u32) -> Result<(), CudaError> {
        let driver = &self.context.driver;
        // SAFETY: the buffer has that many words.
        let answer = unsafe { (driver.call.set_words)(self.at, word, size(self.bytes / 4), stream.raw) };
        driver.check("cuMemsetD32Async", answer)
    }

    /// `count` words from the word `first` on, after everything that was submitted.
    pub(super) fn read(&self, stream: &Stream, first: u64, count: usize) -> Result<Vec<u32>, CudaError> {
        assert!(first * 4 + count as u64 * 4 <= self.bytes, "what is read lies inside the buffer");
        let mut words = vec![0_u32; count];
        let driver = &self.context.driver;
        // SAFETY: both sides have that many bytes, and `words` is not touched before the wait below.
        let answer = unsafe { (driver.call.copy_to_host)(words.as_mut_ptr().cast(), self.at + first * 4, count * 4, stream.raw) };
        driver.check("cuMemcpyDtoHAsync", answer)?;
        stream.wait()?;
        Ok(words)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let driver = &self.context.driver;
        // SAFETY: it was allocated once; the driver waits for kernels that still use it.
        driver.note("cuMemFree", unsafe { (driver.call.memory_free)(self.at) });
    }
}

/// Memory of the PC that the system may not move, which the device reads and writes by itself.
pub(super) struct Pinned {
    context: Rc<Context>,
    at: *mut c_void,
    bytes: u64,
}

impl Pinned {
    /// Holds the same number in every word, so that no page is missing when a copy is timed.
    pub(super) fn new(context: &Rc<Context>, bytes: u64, word: u32) -> Result<Self, CudaError> {
        let mut at = ptr::null_mut();
        let driver = &context.driver;
        // SAFETY: the driver writes one address.
        driver.check("cuMemHostAlloc", unsafe { (driver.call.host_alloc)(&raw mut at, size(bytes), 0) })?;
        let mut pinned = Self { context: Rc::clone(context), at, bytes };
        pinned.words().fill(word);
        Ok(pinned)
    }

    /// What it holds. Nothing may be under way to or from it.
    pub(super) fn words(&mut self) -> &mut [u32] {
        // SAFETY: the driver gave that many bytes, on whole pages; `new` wrote them before anybody reads; the borrow is ours alone.
        unsafe { std::slice::from_raw_parts_mut(self.at.cast(), size(self.bytes) / 4) }
    }

    /// Submits a copy of `bytes` from the byte `first` on to the same place on the device. The caller waits before it looks or drops.
    pub(super) fn send(&self, to: &Buffer, first: u64, bytes: u64, stream: &Stream) -> Result<(), CudaError> {
        assert!(first + bytes <= self.bytes.min(to.bytes), "what is copied lies inside both");
        let (driver, from) = (&self.context.driver, self.at.wrapping_byte_add(size(first)));
        // SAFETY: both sides have that many bytes; who submits waits on the stream before `self` is touched or freed.
        driver.check("cuMemcpyHtoDAsync", unsafe { (driver.call.copy_to_device)(to.at + first, from, size(bytes), stream.raw) })
    }

    /// Submits a copy from the device, with the same duty.
    pub(super) fn fetch(&self, from: &Buffer, first: u64, bytes: u64, stream: &Stream) -> Result<(), CudaError> {
        assert!(first + bytes <= self.bytes.min(from.bytes), "what is copied lies inside both");
        let (driver, to) = (&self.context.driver, self.at.wrapping_byte_add(size(first)));
        // SAFETY: as in `send`.
        driver.check("cuMemcpyDtoHAsync", unsafe { (driver.call.copy_to_host)(to, from.at + first, size(bytes), stream.raw) })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let driver = &self.context.driver;
        // SAFETY: it was allocated once; nothing is under way, as `send` and `fetch` ask.
        driver.note("cuMemFreeHost", unsafe { (driver.call.host_free)(self.at) });
    }
}

/// A size for the driver. Devices with more memory than we can address do not exist; one that says so is refused by it.
fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
