//! Matrix units of cards of any maker, as far as their Vulkan drivers offer them (`VK_KHR_cooperative_matrix`).
//!
//! The portable language knows matrices too, but neither bytes nor all sizes, so these programs are written in Vulkan's own language for the size
//! that the card at hand offers. The card is opened another time for them: what a driver makes of an experimental extension must not change what
//! else is measured. How many subgroups share a workgroup is the driver's secret until a program runs; the likely numbers are tried.

mod offer;
mod peak;
mod programs;
#[cfg(test)]
mod tests;
mod text;

use std::cell::{Cell, OnceCell};

use headframe_agent::benchmark::device::{DeviceError, Kernel, Stop};
use headframe_protocol::benchmark::{CardClass, Figure};

use super::{
    device::Gpu,
    product::{LOADS, Lay, Product},
    programs::Element,
    run::Run,
};
use offer::{Factor, Fragments};
use peak::Peak;
use text::{ENTRY, THREADS};

/// What the card is opened for.
const NEEDED: wgpu::Features = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(wgpu::Features::PASSTHROUGH_SHADERS);

/// Threads of a subgroup, the likeliest first.
const SUBGROUP_SIZES: [u32; 5] = [32, 64, 16, 8, 128];

/// A card's matrix units.
pub(super) struct Units {
    class: CardClass,
    adapter: wgpu::Adapter,
    /// Opened with the first program, so that a driver that does not survive it is known to have died of that.
    gpu: OnceCell<Gpu>,
    fragments: Vec<Fragments>,
    /// How many subgroups a workgroup may have.
    subgroups: Vec<u32>,
    known: Cell<[Known; 2]>,
}

/// What was found out about one kind of factor while the card is open.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The subgroups of a workgroup that the driver chose.
    of_peak: Option<u32>,
    of_product: Option<u32>,
    /// Whether a large product is quicker so than by ordinary units.
    is_quicker: Option<bool>,
}

impl Units {
    /// Looks for them.
    ///
    /// # Errors
    /// [`DeviceError::Refused`] with the reason where there are none to be measured.
    pub(super) fn find(class: CardClass, adapter: &wgpu::Adapter) -> Result<Self, DeviceError> {
        let refused = |why: &str| Err(DeviceError::Refused(why.to_owned()));
        let offered = offer::of(adapter);
        let fragments: Vec<_> = Factor::ALL.into_iter().filter_map(|factor| offer::best(&offered, factor)).collect();
        if fragments.is_empty() {
            return refused("the driver offers no matrices of a size and kind that is measured");
        }
        if !adapter.features().contains(NEEDED) {
            return refused("the graphics library does not open the card for them");
        }
        let subgroups = subgroups(&adapter.get_info());
        Ok(Self { class, adapter: adapter.clone(), gpu: OnceCell::new(), fragments, subgroups, known: Cell::default() })
    }

    fn gpu(&self) -> Result<&Gpu, DeviceError> {
        if let Some(gpu) = self.gpu.get() {
            return Ok(gpu);
        }
        // SAFETY: an experimental feature may have errors. Its results are compared as all are, and a crash ends this program only.
        let experimental = unsafe { wgpu::ExperimentalFeatures::enabled() };
        let gpu = Gpu::open(self.class, &self.adapter, NEEDED, experimental)?;
        Ok(self.gpu.get_or_init(|| gpu))
    }

    fn fragments(&self, factor: Factor) -> Option<Fragments> {
        self.fragments.iter().copied().find(|one| one.factor == factor)
    }

    /// What is measured of the units alone.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let figure = |one: &Fragments| match one.factor {
            Factor::Half => Figure::TensorFp16,
            Factor::Bytes => Figure::TensorInt8,
        };
        self.fragments.iter().map(figure).collect()
    }

    /// Products out of registers.
    pub(super) fn peak(&self, figure: Figure, seed: u32, stop: &Stop) -> Result<Box<dyn Kernel + '_>, DeviceError> {
        let factor = if figure == Figure::TensorFp16 { Factor::Half } else { Factor::Bytes };
        let (gpu, fragments) = (self.gpu()?, self.fragments(factor).ok_or_else(unknown)?);
        let (known, peak) = self.first_right(self.known(factor).of_peak, stop, |subgroups| {
            let words = programs::peak(fragments, subgroups).map_err(unwritten)?;
            let run = Run::of_words(&gpu.device, &words, ENTRY, &peak::LOADS)?;
            Peak::new(gpu, run, (fragments, subgroups), seed, stop)
        })?;
        self.learn(factor, |what| what.of_peak = Some(known));
        Ok(Box::new(peak))
    }

    /// A large product.
    pub(super) fn product(&self, element: Element, seed: u32, stop: &Stop) -> Result<Product<'_>, DeviceError> {
        let factor = Factor::of(element).ok_or_else(unknown)?;
        let (gpu, fragments) = (self.gpu()?, self.fragments(factor).ok_or_else(unknown)?);
        let (known, mut product) = self.first_right(self.known(factor).of_product, stop, |subgroups| {
            let words = programs::product(fragments, subgroups).map_err(unwritten)?.ok_or_else(unknown)?;
            let run = Run::of_words(&gpu.device, &words, ENTRY, &LOADS)?;
            Product::least(gpu, run, (element, Lay::Along), seed, stop)
        })?;
        self.learn(factor, |what| what.of_product = Some(known));
        product.grow(gpu, stop)?;
        Ok(product)
    }

    /// Whether a large product is quicker by the units than `ordinary`, in operations a second. Some drivers offer matrices where there are no units for
    /// them, and some units are no quicker.
    ///
    /// # Errors
    /// [`DeviceError::Stopped`], and what happened to `ordinary`. What happens to the units is said and means no.
    pub(super) fn are_quicker(
        &self,
        element: Element,
        seed: u32,
        stop: &Stop,
        ordinary: impl FnOnce() -> Result<f64, DeviceError>,
    ) -> Result<bool, DeviceError> {
        let Some(factor) = Factor::of(element).filter(|factor| self.fragments(*factor).is_some()) else { return Ok(false) };
        if let Some(known) = self.known(factor).is_quicker {
            return Ok(known);
        }
        let ordinary = ordinary()?;
        let is_quicker = match self.product(element, seed, stop).and_then(|product| product.rate(stop)) {
            Ok(rate) if rate > ordinary => true,
            Ok(rate) => {
                crate::complain(&format!(
                    "{element:?}: matrix units do {rate:.3e} operations a second, ordinary ones {ordinary:.3e}"
                ));
                false
            }
            Err(DeviceError::Stopped) => return Err(DeviceError::Stopped),
            Err(error) => {
                crate::complain(&format!("{element:?}: matrix units compute no large product: {error}"));
                false
            }
        };
        self.learn(factor, |what| what.is_quicker = Some(is_quicker));
        Ok(is_quicker)
    }

    /// What `make` makes for the first number of subgroups for which it computes the right thing, and that number.
    fn first_right<K: Kernel>(
        &self,
        known: Option<u32>,
        stop: &Stop,
        make: impl Fn(u32) -> Result<K, DeviceError>,
    ) -> Result<(u32, K), DeviceError> {
        if let Some(known) = known {
            return Ok((known, make(known)?));
        }
        let mut last = unknown();
        for subgroups in &self.subgroups {
            let made = make(*subgroups).and_then(|mut kernel| kernel.verify(stop).map(|()| kernel));
            match made {
                Ok(kernel) => return Ok((*subgroups, kernel)),
                Err(DeviceError::Stopped) => return Err(DeviceError::Stopped),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn known(&self, factor: Factor) -> Known {
        self.known.get()[factor as usize]
    }

    fn learn(&self, factor: Factor, what: impl FnOnce(&mut Known)) {
        let mut known = self.known.get();
        what(&mut known[factor as usize]);
        self.known.set(known);
    }
}

fn subgroups(info: &wgpu::AdapterInfo) -> Vec<u32> {
    let range = info.subgroup_min_size..=info.subgroup_max_size;
    SUBGROUP_SIZES.into_iter().filter(|size| range.contains(size)).map(|size| THREADS / size).collect()
}

fn unknown() -> DeviceError {
    DeviceError::Refused("no program is known for the sizes that the driver offers".to_owned())
}

fn unwritten(error: rspirv::dr::Error) -> DeviceError {
    DeviceError::Refused(format!("a program could not be written: {error}"))
}
