//! One card, open: memory, programs, and what became of it.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use headframe_agent::benchmark::device::{Device, DeviceError, Kernel, Stop};
use headframe_protocol::benchmark::{Accumulator, CardClass, Figure};

use super::{
    claim::Claims,
    fma, product,
    programs::{self, Element, Params},
    run::{Load, Run},
    stream, transfer,
    units::Units,
};

/// How long a card may be silent before it is taken to be gone. Windows gives up after two seconds.
pub(super) const SILENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Vectors of four words that a workgroup of the fill kernel writes.
const FILL_VECTORS: u64 = 4_096;

/// What is filled is a multiple of this.
pub(super) const FILL_BYTES_MIN: u64 = FILL_VECTORS * 16;

/// What is filled between two questions whether to stop.
const FILL_BYTES: u64 = 64 << 20;

/// What is read back at once.
const READ_BYTES: u64 = 16 << 20;

/// A card by the portable library.
pub(crate) struct Portable {
    pub(super) gpu: Gpu,
    units: Option<Units>,
    claims: Claims,
}

/// The parts that kernels need.
pub(super) struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) class: CardClass,
    pub(super) timestamps: bool,
    halves: bool,
    back_end: wgpu::Backend,
    lost: Arc<Mutex<Option<String>>>,
    /// Whether the card is open another time, so that losing this one ends a figure and not the measurement.
    is_extra: bool,
    fill: Run,
    pub(super) sizes: product::Sizes,
}

/// What memory is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// This word everywhere.
    Word(u32),
    /// The words of the pattern of this seed.
    Words(u32),
    /// Its numbers in single precision.
    Singles(u32),
    /// Its numbers in half precision.
    Halves(u32),
}

impl Portable {
    /// With everything the adapter has that portable kernels use.
    pub(super) fn open(class: CardClass, adapter: &wgpu::Adapter) -> Result<Self, DeviceError> {
        let gpu = Gpu::open(class, adapter, wgpu::Features::empty(), wgpu::ExperimentalFeatures::disabled())?;
        Ok(Self { gpu, units: None, claims: Claims::default() })
    }

    /// Looks for matrix units too. A card without them, or with a driver that refuses them, is measured without.
    pub(super) fn with_units(self, adapter: &wgpu::Adapter) -> Self {
        match Units::find(self.gpu.class, adapter) {
            Ok(units) => Self { units: Some(units), ..self },
            Err(error) => {
                crate::complain(&format!("matrix units are not measured by {}: {error}", self.way()));
                self
            }
        }
    }

    /// A large product, by matrix units where they are quicker.
    fn product(&self, element: Element, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError> {
        let ordinary = || product::prepare(&self.gpu, element, seed, stop);
        match &self.units {
            Some(units) if units.are_quicker(element, seed, stop, || ordinary()?.rate(stop))? => {
                Ok(Box::new(units.product(element, seed, stop)?))
            }
            Some(_) | None => Ok(Box::new(ordinary()?)),
        }
    }
}

impl Gpu {
    /// With `more` than what portable kernels use.
    pub(super) fn open(
        class: CardClass,
        adapter: &wgpu::Adapter,
        more: wgpu::Features,
        experimental: wgpu::ExperimentalFeatures,
    ) -> Result<Self, DeviceError> {
        let wanted = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16;
        let features = adapter.features() & wanted | more;
        let descriptor = wgpu::DeviceDescriptor {
            label: None,
            required_features: features,
            required_limits: adapter.limits(),
            experimental_features: experimental,
            memory_hints: wgpu::MemoryHints::Performance,
            trace: wgpu::Trace::Off,
        };
        let refused = |error: &dyn std::fmt::Display| DeviceError::Refused(format!("the driver does not open the card: {error}"));
        let opened = adapter.request_device(&descriptor).now_or_never().ok_or_else(|| refused(&"no answer"))?;
        let (device, queue) = opened.map_err(|error| refused(&error))?;
        let lost = Arc::new(Mutex::new(None));
        listen(&device, &lost);
        let fill = Run::new(&device, &programs::fill(), "main", &[Load::Write])?;
        Ok(Self {
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            halves: features.contains(wgpu::Features::SHADER_F16),
            back_end: adapter.get_info().backend,
            device,
            queue,
            class,
            lost,
            is_extra: !more.is_empty(),
            fill,
            sizes: product::Sizes::default(),
        })
    }
}

/// The library would end us on the first error that nobody expects; each is a result instead.
fn listen(device: &wgpu::Device, lost: &Arc<Mutex<Option<String>>>) {
    let (by_loss, by_error) = (Arc::clone(lost), Arc::clone(lost));
    device.set_device_lost_callback(move |reason, message| {
        if reason != wgpu::DeviceLostReason::Destroyed {
            by_loss.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        }
    });
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        by_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
    }));
}

impl Gpu {
    /// Whether the card is still there.
    pub(super) fn check(&self) -> Result<(), DeviceError> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.clone().map_or(Ok(()), |message| Err(self.gone(message)))
    }

    fn gone(&self, message: String) -> DeviceError {
        let lost = DeviceError::Lost(message);
        if self.is_extra { DeviceError::Refused(lost.to_string()) } else { lost }
    }

    /// Runs `make` and turns what the library has against it into an error.
    pub(super) fn guarded<T>(&self, make: impl FnOnce(&wgpu::Device) -> T) -> Result<T, DeviceError> {
        guarded(&self.device, make)
    }

    /// Memory of the card, that kernels use and that can be copied either way.
    pub(super) fn buffer(&self, bytes: u64) -> Result<wgpu::Buffer, DeviceError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        self.buffer_for(bytes, usage)
    }

    pub(super) fn buffer_for(&self, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer, DeviceError> {
        let limits = self.device.limits();
        let is_bound = usage.contains(wgpu::BufferUsages::STORAGE);
        if bytes > limits.max_buffer_size || (is_bound && bytes > limits.max_storage_buffer_binding_size) {
            return Err(DeviceError::OutOfMemory);
        }
        let descriptor = wgpu::BufferDescriptor { label: None, size: bytes, usage, mapped_at_creation: false };
        self.guarded(|device| device.create_buffer(&descriptor))
    }

    /// Waits until all that was handed over is done.
    pub(super) fn finish(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<(), DeviceError> {
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index: submission, timeout: Some(SILENCE) });
        self.check()?;
        waited.map(|_| ()).map_err(|error| self.gone(error.to_string()))
    }

    /// Fills all of `buffer`, whose size is a multiple of [`FILL_BYTES_MIN`].
    pub(super) fn fill(&self, buffer: &wgpu::Buffer, with: Filling, stop: &Stop) -> Result<(), DeviceError> {
        let (rounds, seed) = match with {
            Filling::Word(word) => (0, word),
            Filling::Words(seed) => (1, seed),
            Filling::Singles(seed) => (2, seed),
            Filling::Halves(seed) => (3, seed),
        };
        let workgroups = u32::try_from(buffer.size() / FILL_BYTES_MIN).unwrap_or(u32::MAX);
        let each = u32::try_from(FILL_BYTES / FILL_BYTES_MIN).unwrap_or(1);
        let group = self.fill.group(&self.device, &[buffer]);
        let mut first = 0;
        while first < workgroups {
            stop.check()?;
            let count = each.min(workgroups - first);
            let submitted = self.fill.dispatch(self, &group, &[(Params { first, rounds, seed, ..Params::default() }, count)])?;
            self.finish(Some(submitted))?;
            first += count;
        }
        Ok(())
    }

    /// Reads part of a buffer.
    pub(super) fn read(&self, buffer: &wgpu::Buffer, offset: u64, bytes: u64) -> Result<Vec<u32>, DeviceError> {
        let aside = self.buffer_for(bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)?;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, offset, &aside, 0, bytes);
        let submitted = self.queue.submit([encoder.finish()]);
        aside.map_async(wgpu::MapMode::Read, .., |_| ());
        self.finish(Some(submitted))?;
        let mapped = aside.get_mapped_range(..).map_err(|error| self.gone(error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&mapped[..]))
    }

    /// Reads equally long pieces of a buffer, one after the other in what comes back.
    pub(super) fn read_pieces(&self, buffer: &wgpu::Buffer, offsets: &[u64], bytes: u64) -> Result<Vec<u32>, DeviceError> {
        let gathered = self.buffer(bytes * offsets.len() as u64)?;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for (at, offset) in (0..).zip(offsets) {
            encoder.copy_buffer_to_buffer(buffer, *offset, &gathered, at * bytes, bytes);
        }
        self.queue.submit([encoder.finish()]);
        self.read(&gathered, 0, gathered.size())
    }

    /// Reads all of a buffer piece by piece; `look` sees each piece with the index of its first word.
    pub(super) fn read_all(
        &self,
        buffer: &wgpu::Buffer,
        stop: &Stop,
        mut look: impl FnMut(u64, &[u32]) -> Result<(), DeviceError>,
    ) -> Result<(), DeviceError> {
        let mut offset = 0;
        while offset < buffer.size() {
            stop.check()?;
            let bytes = READ_BYTES.min(buffer.size() - offset);
            look(offset / 4, &self.read(buffer, offset, bytes)?)?;
            offset += bytes;
        }
        Ok(())
    }
}

/// What the library has against `make`, as an error.
pub(super) fn guarded<T>(device: &wgpu::Device, make: impl FnOnce(&wgpu::Device) -> T) -> Result<T, DeviceError> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let made = make(device);
    // Native back ends answer at once.
    let internal = internal.pop().now_or_never().flatten();
    let validation = validation.pop().now_or_never().flatten();
    let memory = memory.pop().now_or_never().flatten();
    match (memory, validation.or(internal)) {
        (None, None) => Ok(made),
        (Some(_), _) => Err(DeviceError::OutOfMemory),
        (None, Some(error)) => Err(DeviceError::Refused(error.to_string())),
    }
}

impl Device for Portable {
    fn way(&self) -> &'static str {
        match self.gpu.back_end {
            wgpu::Backend::Vulkan => "vulkan",
            wgpu::Backend::Metal => "metal",
            wgpu::Backend::Dx12 => "dx12",
            wgpu::Backend::Noop | wgpu::Backend::Gl | wgpu::Backend::BrowserWebGpu => "other",
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let half = self.gpu.halves.then_some(Figure::FmaFp16);
        let units = self.units.iter().flat_map(Units::figures);
        let all = [
            Figure::FmaFp32,
            Figure::GemmFp32,
            Figure::GemmFp16,
            Figure::GemmInt8,
            Figure::MemoryRead,
            Figure::MemoryCopy,
            Figure::MemoryWrite,
            Figure::Upload,
            Figure::Download,
        ];
        half.into_iter().chain(units).chain(all).collect()
    }

    fn accumulator(&self, figure: Figure) -> Option<Accumulator> {
        match figure {
            Figure::FmaFp32 | Figure::TensorFp16 | Figure::GemmFp32 | Figure::GemmFp16 => Some(Accumulator::Fp32),
            Figure::FmaFp16 => Some(Accumulator::Fp16),
            Figure::TensorInt8 | Figure::GemmInt8 => Some(Accumulator::Int32),
            _ => None,
        }
    }

    fn prepare(&mut self, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError> {
        stop.check()?;
        let gpu = &self.gpu;
        match figure {
            Figure::FmaFp32 => fma::prepare(gpu, false, seed),
            Figure::FmaFp16 => fma::prepare(gpu, true, seed),
            Figure::GemmFp32 => self.product(Element::Single, seed, stop),
            Figure::GemmFp16 => self.product(Element::Half, seed, stop),
            Figure::GemmInt8 => self.product(Element::Bytes, seed, stop),
            Figure::MemoryRead | Figure::MemoryCopy | Figure::MemoryWrite => stream::prepare(gpu, figure, seed, stop),
            Figure::Upload | Figure::Download => transfer::prepare(gpu, figure, seed, stop),
            other => match &self.units {
                Some(units) if units.figures().contains(&other) => units.peak(other, seed, stop),
                Some(_) | None => Err(DeviceError::Refused(format!("no portable kernel for {}", other.words()))),
            },
        }
    }

    fn claim_bytes_max(&self) -> u64 {
        super::claim::bytes_max(self.gpu.class)
    }

    fn claim(&mut self, bytes: u64, seed: u32, stop: &Stop) -> Result<Option<u64>, DeviceError> {
        self.claims.claim(&self.gpu, bytes, seed, stop)
    }

    fn recheck(&mut self, stop: &Stop) -> Result<(), DeviceError> {
        self.claims.recheck(&self.gpu, stop)
    }

    fn release(&mut self) {
        self.claims.release();
    }
}
