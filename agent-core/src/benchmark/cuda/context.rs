//! What lives on a device: our context, its streams and events. Each is given back when dropped, the context last.

use std::{ptr, rc::Rc, time::Duration};

use super::{
    driver::{Driver, Handle},
    error::CudaError,
};

/// `CU_CTX_SCHED_BLOCKING_SYNC`: who waits sleeps. The owner's processor is not ours to heat.
const BLOCKING_CONTEXT: u32 = 4;
/// `CU_EVENT_BLOCKING_SYNC`.
const BLOCKING_EVENT: u32 = 1;
/// `CU_STREAM_NON_BLOCKING`: the stream does not wait for the default one.
const NON_BLOCKING_STREAM: u32 = 1;

/// Our share of the device. The primary context: a process has one per device, and others in it would cost memory twice.
pub(super) struct Context {
    pub(super) driver: Rc<Driver>,
    device: i32,
}

impl Context {
    /// Takes the share and makes it this thread's.
    pub(super) fn of(driver: &Rc<Driver>, device: i32) -> Result<Rc<Self>, CudaError> {
        let mut raw: Handle = ptr::null_mut();
        // SAFETY: the device is one that the driver named; it writes one handle.
        unsafe {
            driver.check("cuDevicePrimaryCtxSetFlags", (driver.call.context_flags)(device, BLOCKING_CONTEXT))?;
            driver.check("cuDevicePrimaryCtxRetain", (driver.call.context_retain)(&raw mut raw, device))?;
        }
        let context = Self { driver: Rc::clone(driver), device };
        // SAFETY: the handle is the one just retained. Nothing here is `Send`, so it stays this thread's.
        driver.check("cuCtxSetCurrent", unsafe { (driver.call.context_set)(raw) })?;
        Ok(Rc::new(context))
    }

    /// Free and whole memory in bytes, as this process may have it.
    pub(super) fn memory(&self) -> Result<(u64, u64), CudaError> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: the driver writes two sizes.
        self.driver.check("cuMemGetInfo", unsafe { (self.driver.call.memory_info)(&raw mut free, &raw mut total) })?;
        Ok((free as u64, total as u64))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was retained once, and everything made in it holds an `Rc` of it, so is gone.
        self.driver.note("cuDevicePrimaryCtxRelease", unsafe { (self.driver.call.context_release)(self.device) });
    }
}

/// Work in its order.
pub(super) struct Stream {
    pub(super) context: Rc<Context>,
    pub(super) raw: Handle,
}

impl Stream {
    pub(super) fn new(context: &Rc<Context>) -> Result<Self, CudaError> {
        let mut raw = ptr::null_mut();
        let driver = &context.driver;
        // SAFETY: the driver writes one handle.
        driver.check("cuStreamCreate", unsafe { (driver.call.stream_create)(&raw mut raw, NON_BLOCKING_STREAM) })?;
        Ok(Self { context: Rc::clone(context), raw })
    }

    /// Waits for everything that was submitted.
    pub(super) fn wait(&self) -> Result<(), CudaError> {
        let driver = &self.context.driver;
        // SAFETY: the stream lives.
        driver.check("cuStreamSynchronize", unsafe { (driver.call.stream_wait)(self.raw) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let driver = &self.context.driver;
        // SAFETY: it was created once and nobody has it after this. The driver lets what is submitted finish.
        driver.note("cuStreamDestroy", unsafe { (driver.call.stream_destroy)(self.raw) });
    }
}

/// A moment in a stream.
pub(super) struct Event {
    context: Rc<Context>,
    raw: Handle,
}

impl Event {
    pub(super) fn new(context: &Rc<Context>) -> Result<Self, CudaError> {
        let mut raw = ptr::null_mut();
        let driver = &context.driver;
        // SAFETY: the driver writes one handle.
        driver.check("cuEventCreate", unsafe { (driver.call.event_create)(&raw mut raw, BLOCKING_EVENT) })?;
        Ok(Self { context: Rc::clone(context), raw })
    }

    /// The moment when everything submitted so far is done.
    pub(super) fn record(&self, stream: &Stream) -> Result<(), CudaError> {
        let driver = &self.context.driver;
        // SAFETY: both live, in one context.
        driver.check("cuEventRecord", unsafe { (driver.call.event_record)(self.raw, stream.raw) })
    }

    /// Waits for the moment.
    pub(super) fn wait(&self) -> Result<(), CudaError> {
        let driver = &self.context.driver;
        // SAFETY: the event lives.
        driver.check("cuEventSynchronize", unsafe { (driver.call.event_wait)(self.raw) })
    }

    /// The time from an earlier moment to this one; both are past. The driver resolves about half a microsecond.
    pub(super) fn since(&self, earlier: &Self) -> Result<Duration, CudaError> {
        let driver = &self.context.driver;
        let mut milliseconds = 0.0;
        // SAFETY: both live; the driver writes one number.
        let answer = unsafe { (driver.call.event_elapsed)(&raw mut milliseconds, earlier.raw, self.raw) };
        driver.check("cuEventElapsedTime", answer)?;
        Ok(Duration::try_from_secs_f32(milliseconds / 1e3).unwrap_or_default())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let driver = &self.context.driver;
        // SAFETY: it was created once and nobody has it after this.
        driver.note("cuEventDestroy", unsafe { (driver.call.event_destroy)(self.raw) });
    }
}
