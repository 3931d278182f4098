//! Every card that a portable graphics library reaches, as a [`Device`](headframe_agent::benchmark::device::Device) of the suite: Vulkan on Linux and Windows, Metal on macOS, DirectX where there
//! is nothing else.

mod claim;
mod device;
mod fma;
mod product;
mod programs;
pub(crate) mod prove;
mod run;
mod slices;
mod stream;
mod transfer;
mod units;

use futures_util::FutureExt as _;
use headframe_agent::benchmark::{
    cards::{self, Sighting},
    device::DeviceError,
    driver,
};
use headframe_protocol::{
    benchmark::{Card, CardClass},
    rig::GpuVendor,
};

pub(crate) use device::Portable;

/// How much of the memory that a driver says is free may be taken: one that is full makes the owner's desktop stutter.
const BUDGET_PERCENT: u8 = 95;

/// The cards of the PC.
pub(crate) struct Gpus {
    found: Vec<(Card, wgpu::Adapter)>,
}

impl Gpus {
    /// Looks once. A back end without a driver has no cards, and that is no error.
    pub(crate) fn look() -> Self {
        let descriptor = wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12,
            flags: wgpu::InstanceFlags::empty(),
            memory_budget_thresholds: wgpu::MemoryBudgetThresholds {
                for_resource_creation: Some(BUDGET_PERCENT),
                for_device_loss: None,
            },
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        };
        let instance = wgpu::Instance::new(descriptor);
        // Native back ends answer at once.
        let adapters = instance.enumerate_adapters(wgpu::Backends::all()).now_or_never().unwrap_or_default();
        let adapters: Vec<_> = adapters.into_iter().filter(computes).collect();
        let sightings: Vec<Sighting> = adapters.iter().map(|adapter| sighting(&adapter.get_info())).collect();
        let mut adapters: Vec<Option<wgpu::Adapter>> = adapters.into_iter().map(Some).collect();
        let one = |(at, id): (usize, String)| {
            let adapter = adapters.get_mut(at)?.take()?;
            let mut card = card(id, &adapter.get_info());
            driver::complete(&mut card);
            Some((card, adapter))
        };
        Self { found: cards::distinct(&sightings).into_iter().filter_map(one).collect() }
    }

    /// What they are.
    pub(crate) fn cards(&self) -> Vec<Card> {
        self.found.iter().map(|(card, _)| card.clone()).collect()
    }

    /// Gets one ready to compute.
    pub(crate) fn open(&mut self, id: &str) -> Result<Portable, DeviceError> {
        let found = self.found.iter().find(|(card, _)| card.id == id);
        let (card, adapter) = found.ok_or_else(|| DeviceError::Refused(format!("there is no card {id}")))?;
        Portable::open(card.class, adapter)
    }

    /// The same with whatever else of it can be measured.
    pub(crate) fn open_all(&mut self, id: &str) -> Result<Portable, DeviceError> {
        let portable = self.open(id)?;
        Ok(match self.found.iter().find(|(card, _)| card.id == id) {
            Some((_, adapter)) => portable.with_units(adapter),
            None => portable,
        })
    }
}

fn computes(adapter: &wgpu::Adapter) -> bool {
    adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS)
}

fn sighting(info: &wgpu::AdapterInfo) -> Sighting {
    let back_end = match info.backend {
        wgpu::Backend::Vulkan => 0,
        wgpu::Backend::Metal => 1,
        wgpu::Backend::Dx12 => 2,
        wgpu::Backend::Noop | wgpu::Backend::Gl | wgpu::Backend::BrowserWebGpu => 3,
    };
    Sighting { back_end, pci: cards::pci(&info.device_pci_bus_id), model: (info.vendor, info.device) }
}

fn card(id: String, info: &wgpu::AdapterInfo) -> Card {
    let class = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => CardClass::Discrete,
        wgpu::DeviceType::IntegratedGpu => CardClass::Integrated,
        wgpu::DeviceType::VirtualGpu => CardClass::Virtual,
        wgpu::DeviceType::Cpu => CardClass::Software,
        wgpu::DeviceType::Other => CardClass::Other,
    };
    // Windows' own renderer does not say of itself what it is.
    let class = if info.name.contains("Microsoft Basic Render Driver") { CardClass::Software } else { class };
    let vendor = match info.vendor {
        0x10de => Some(GpuVendor::Nvidia),
        0x1002 => Some(GpuVendor::Amd),
        0x8086 => Some(GpuVendor::Intel),
        0x106b => Some(GpuVendor::Apple),
        _ => None,
    };
    let driver = [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned();
    let pci = cards::pci(&id);
    Card {
        pci,
        id,
        name: info.name.clone(),
        class,
        vendor,
        uuid: None,
        driver,
        power_limit_milliwatts: None,
        power_limit_default_milliwatts: None,
    }
}
