//! One compiled kernel: its program, the layout of its memory, and dispatches of it.

use headframe_agent::benchmark::device::DeviceError;

use super::{
    device::{Gpu, guarded},
    programs::{PARAMS_WORDS, Words},
};

/// Parameters lie so far apart: every card can begin a buffer there.
const SLOT_BYTES: u64 = 256;

/// The most dispatches in one go. More parameters than that are not kept ready.
pub(super) const DISPATCHES_MAX: usize = 64;

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Read,
    Write,
}

pub(super) struct Run {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    params: wgpu::Buffer,
}

impl Run {
    /// Compiles. Nothing is checked at run time and no memory is cleared that the kernel writes itself: our kernels are not strangers'.
    pub(super) fn new(device: &wgpu::Device, text: &str, entry: &str, loads: &[Load]) -> Result<Self, DeviceError> {
        Self::of(device, entry, loads, |device| {
            let descriptor = wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl(text.into()) };
            // SAFETY: each kernel keeps within its buffers for every dispatch that `Run` and its callers make, and every loop ends.
            unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
        })
    }

    /// The same with a text in Vulkan's own language, SPIR-V. The device must have been opened for such.
    pub(super) fn of_words(device: &wgpu::Device, words: &[u32], entry: &str, loads: &[Load]) -> Result<Self, DeviceError> {
        Self::of(device, entry, loads, |device| {
            let descriptor = wgpu::ShaderModuleDescriptorPassthrough {
                entry_points: vec![wgpu::PassthroughShaderEntryPoint { name: entry.into(), workgroup_size: (0, 0, 0) }].into(),
                spirv: Some(words.into()),
                ..wgpu::ShaderModuleDescriptorPassthrough::default()
            };
            // SAFETY: the same, and the words are valid: a test lets the language's own judge look at every size.
            unsafe { device.create_shader_module_passthrough(descriptor) }
        })
    }

    fn of(
        device: &wgpu::Device,
        entry: &str,
        loads: &[Load],
        module: impl FnOnce(&wgpu::Device) -> wgpu::ShaderModule,
    ) -> Result<Self, DeviceError> {
        guarded(device, |device| {
            let module = module(device);
            let layout = layout(device, loads);
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..wgpu::PipelineCompilationOptions::default()
                },
                cache: None,
            });
            let params = device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: SLOT_BYTES * DISPATCHES_MAX as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            Self { pipeline, layout, params }
        })
    }

    /// Buffers in the order of their bindings.
    pub(super) fn group(&self, device: &wgpu::Device, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let params =
            wgpu::BufferBinding { buffer: &self.params, offset: 0, size: wgpu::BufferSize::new(PARAMS_WORDS as u64 * 4) };
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(params) }];
        for (binding, buffer) in (1..).zip(buffers) {
            entries.push(wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
        }
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &self.layout, entries: &entries })
    }

    /// Brings the parameters of so many dispatches to the card, in order with what is submitted next.
    pub(super) fn tell(&self, queue: &wgpu::Queue, params: impl Iterator<Item = impl Into<Words>>) {
        let mut slots = Vec::with_capacity(DISPATCHES_MAX * SLOT_BYTES as usize / 4);
        for params in params.take(DISPATCHES_MAX) {
            slots.extend(params.into());
            slots.resize(slots.len().next_multiple_of(SLOT_BYTES as usize / 4), 0);
        }
        queue.write_buffer(&self.params, 0, bytemuck::cast_slice(&slots));
    }

    /// Records the dispatch whose parameters were told as number `slot`.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass<'_>, group: &wgpu::BindGroup, slot: u32, workgroups: u32) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, &[slot * SLOT_BYTES as u32]);
        pass.dispatch_workgroups(workgroups, 1, 1);
    }

    /// Submits dispatches outside any measurement.
    pub(super) fn dispatch(
        &self,
        gpu: &Gpu,
        group: &wgpu::BindGroup,
        dispatches: &[(impl Into<Words> + Copy, u32)],
    ) -> Result<wgpu::SubmissionIndex, DeviceError> {
        gpu.check()?;
        self.tell(&gpu.queue, dispatches.iter().map(|(params, _)| *params));
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for (slot, (_, workgroups)) in (0..).zip(dispatches.iter().take(DISPATCHES_MAX)) {
            self.record(&mut pass, group, slot, *workgroups);
        }
        drop(pass);
        Ok(gpu.queue.submit([encoder.finish()]))
    }
}

fn layout(device: &wgpu::Device, loads: &[Load]) -> wgpu::BindGroupLayout {
    let entry = |binding, ty, has_dynamic_offset| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset, min_binding_size: None },
        count: None,
    };
    let storage = |load: &Load| wgpu::BufferBindingType::Storage { read_only: *load == Load::Read };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform, true)];
    entries.extend((1..).zip(loads).map(|(binding, load)| entry(binding, storage(load), false)));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}
