//! A device that is open for measuring: our context, one stream, the kernels as they are asked for, and the small acts that all
//! measurements share.

use std::{
    cell::{Cell, RefCell},
    ffi::CStr,
    rc::Rc,
};

use super::{
    context::{Context, Stream},
    error::CudaError,
    kernels::{AMPERE, BASE, Generation, HOPPER, Kernel, TURING, Text},
    memory::Buffer,
    module::{Argument, Function, Module},
    numbers::{Numbers, random_word},
    runs::{POISON, Verdict, gemm::Shape, peak, word},
};

/// Threads of the kernels that fill and count.
const THREADS: u32 = 256;
/// Shared memory of a product on tensor cores: three stages of 16 KiB, two on Turing.
const AMPERE_SHARED: u32 = 48 << 10;
const TURING_SHARED: u32 = 32 << 10;
/// On Hopper four stages of 48 KiB and 64 bytes of barriers; its peak works on one stage.
const HOPPER_SHARED: u32 = 4 * (48 << 10) + 64;
const HOPPER_PEAK_SHARED: u32 = 48 << 10;

/// An open device.
pub(super) struct Session {
    // In the order in which they are given back.
    modules: RefCell<Vec<(&'static str, Rc<Module>)>>,
    pub(super) stream: Stream,
    pub(super) context: Rc<Context>,
    generation: Generation,
    pub(super) multiprocessors: u32,
    /// Where random numbers begin, and how many beginnings were handed out.
    seeds: Cell<(u64, u64)>,
}

/// A kernel for products with what it asks for.
pub(super) struct Launch {
    pub(super) function: Function,
    pub(super) shape: Shape,
}

impl Session {
    pub(super) fn new(context: Rc<Context>, generation: Generation, multiprocessors: u32) -> Result<Self, CudaError> {
        let stream = Stream::new(&context)?;
        Ok(Self { modules: RefCell::default(), stream, context, generation, multiprocessors, seeds: Cell::default() })
    }

    pub(super) fn buffer(&self, bytes: u64) -> Result<Buffer, CudaError> {
        Buffer::new(&self.context, bytes)
    }

    /// Begins new random numbers. Whoever measures brings another seed each time: nobody can have the answers ready.
    pub(super) fn sow(&self, seed: u32) {
        self.seeds.set((u64::from(seed), 0));
    }

    /// Where the random numbers of one more buffer begin.
    pub(super) fn seed(&self) -> u64 {
        let (sown, taken) = self.seeds.get();
        self.seeds.set((sown, taken + 2));
        (u64::from(random_word(sown, taken)) << 32) | u64::from(random_word(sown, taken + 1))
    }

    /// Translates every kernel that this device can need, so that a driver which refuses them is known before anything is measured.
    pub(super) fn translate(&self) -> Result<(), CudaError> {
        let of_tensor_cores = match self.tensor_cores() {
            Generation::Turing => TURING,
            Generation::Ampere => AMPERE,
            Generation::Hopper => HOPPER,
        };
        self.module(BASE)?;
        self.module(of_tensor_cores)?;
        Ok(())
    }

    /// A text translated; once.
    fn module(&self, text: Text) -> Result<Rc<Module>, CudaError> {
        let known = self.modules.borrow().iter().find(|(name, _)| *name == text.name).map(|(_, module)| Rc::clone(module));
        if let Some(module) = known {
            return Ok(module);
        }
        let module = Module::new(&self.context, text.name, text.ptx)?;
        self.modules.borrow_mut().push((text.name, Rc::clone(&module)));
        Ok(module)
    }

    /// A kernel; its text is translated when first asked for.
    pub(super) fn function(&self, text: Text, entry: &CStr, threads: u32, shared_bytes: u32) -> Result<Function, CudaError> {
        self.module(text)?.function(entry, threads, shared_bytes)
    }

    /// The best kernel here for a product.
    pub(super) fn gemm(&self, kernel: Kernel) -> Result<Launch, CudaError> {
        let entry = match kernel {
            Kernel::GemmF32 => c"gemm_f32",
            Kernel::GemmF16 => c"gemm_f16",
            Kernel::GemmBf16 => c"gemm_bf16",
            Kernel::GemmI8 => c"gemm_i8",
            _ => return Err(CudaError::Unsupported { kernel }),
        };
        let plain = Shape { tile: (128, 128), k_outermost: kernel == Kernel::GemmF32, fetched: false };
        let (text, threads, shared_bytes, shape) = match (kernel, self.tensor_cores()) {
            (Kernel::GemmF32, _) => (BASE, 128, 0, plain),
            (_, Generation::Turing) => (self.turing(kernel)?, 128, TURING_SHARED, plain),
            (_, Generation::Ampere) => (AMPERE, 128, AMPERE_SHARED, plain),
            (_, Generation::Hopper) => (HOPPER, 384, HOPPER_SHARED, Shape { tile: (128, 256), fetched: true, ..plain }),
        };
        Ok(Launch { function: self.function(text, entry, threads, shared_bytes)?, shape })
    }

    /// The best kernel here for the peak of tensor cores.
    pub(super) fn peak(&self, kernel: Kernel) -> Result<Function, CudaError> {
        let entry = match kernel {
            Kernel::PeakF16 => c"peak_f16",
            Kernel::PeakBf16 => c"peak_bf16",
            Kernel::PeakI8 => c"peak_i8",
            _ => return Err(CudaError::Unsupported { kernel }),
        };
        let (text, shared_bytes) = match self.tensor_cores() {
            Generation::Turing => (self.turing(kernel)?, 0),
            Generation::Ampere => (AMPERE, 0),
            Generation::Hopper => (HOPPER, HOPPER_PEAK_SHARED),
        };
        self.function(text, entry, peak::THREADS, shared_bytes)
    }

    /// Whose kernels for tensor cores run here: a Hopper whose driver cannot describe matrices runs those of Ampere.
    pub(super) fn tensor_cores(&self) -> Generation {
        match self.generation {
            Generation::Hopper if self.context.driver.describe_matrix.is_none() => Generation::Ampere,
            generation => generation,
        }
    }

    /// Turing's kernels, if they have this one: its tensor cores know no bf16.
    fn turing(&self, kernel: Kernel) -> Result<Text, CudaError> {
        match kernel.numbers() {
            Numbers::Bf16 => Err(CudaError::Unsupported { kernel }),
            Numbers::Raw | Numbers::F16 | Numbers::F32 => Ok(TURING),
        }
    }

    /// Writes random numbers from the word `first` of the seed's sequence on. Submitted, not waited for.
    pub(super) fn fill(&self, buffer: &Buffer, numbers: Numbers, seed: u64, first: u64) -> Result<(), CudaError> {
        let [at, quads, first, seed] = [buffer.at(), buffer.quads(), first, seed].map(Argument::Wide);
        self.over(c"fill", buffer, &[at, quads, first, seed, Argument::Word(numbers.code())])
    }

    /// Counts the words that are not those `fill` writes.
    pub(super) fn audit(&self, buffer: &Buffer, numbers: Numbers, seed: u64, first: u64) -> Result<Verdict, CudaError> {
        let [at, quads, first, seed] = [buffer.at(), buffer.quads(), first, seed].map(Argument::Wide);
        self.count(c"audit", buffer, &[at, quads, first, seed, Argument::Word(numbers.code())])
    }

    /// Counts the places that nobody wrote. As much was looked at as the buffer has words.
    pub(super) fn unwritten(&self, buffer: &Buffer) -> Result<Verdict, CudaError> {
        let [at, quads] = [buffer.at(), buffer.quads()].map(Argument::Wide);
        self.count(c"count_word", buffer, &[at, quads, Argument::Word(POISON)])
    }

    fn count(&self, entry: &CStr, buffer: &Buffer, arguments: &[Argument<'_>]) -> Result<Verdict, CudaError> {
        let count = self.buffer(16)?;
        count.set(&self.stream, 0)?;
        self.over(entry, buffer, &[arguments, &[Argument::Wide(count.at())]].concat())?;
        let wrong = u64::from(count.read(&self.stream, 0, 1)?[0]);
        Ok(Verdict { checked: buffer.bytes() / 4, wrong })
    }

    fn over(&self, entry: &CStr, buffer: &Buffer, arguments: &[Argument<'_>]) -> Result<(), CudaError> {
        let function = self.function(BASE, entry, THREADS, 0)?;
        let blocks = buffer.quads().div_ceil(u64::from(THREADS)).min(u64::from(self.multiprocessors * 8));
        function.launch(&self.stream, word(blocks), arguments)
    }
}
