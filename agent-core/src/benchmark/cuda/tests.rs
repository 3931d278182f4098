//! Everything above on an emulated driver, which runs the very sources of the kernels: `kernels/emulated`.
//!
//! This shows that layouts, swizzles, indices and arguments are right and that failures end well. It shows nothing about
//! speed, and nothing about whether the PTX does what its source says; the latter is `cargo xtask kernels --check` as far as a
//! machine without a card can tell.

mod emulated;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{CudaError, Device, Kernel, Sizes};
use emulated::Emulated;

/// So short that every slice is one step; the output is made whole in any case.
const SHORT: Duration = Duration::from_millis(1);

fn device(emulated: &Emulated, side: u32) -> Device {
    let cuda = emulated.cuda().expect("it loads").expect("it has a device");
    let mut device = cuda.devices().expect("it describes itself").remove(0);
    let block = 1 << 20;
    device.sizes = Sizes { side, traffic_bytes: 4 * block, chunk_bytes: block, transfer_bytes: block, block_bytes: 4 * block };
    device
}

fn measure(device: &Device, kernel: Kernel) -> Result<super::Measured, CudaError> {
    device.measure(kernel, SHORT, &AtomicBool::new(false))
}

/// Every kernel of the generation but those named is measured, and found right.
fn all_but(capability: u64, unsupported: &[Kernel]) {
    let emulated = Emulated::new();
    emulated.set("capability", capability);
    let device = device(&emulated, 256);
    for kernel in Kernel::ALL {
        match measure(&device, kernel) {
            Ok(measured) => assert!(measured.per_second > 0.0 && measured.checked > 100, "{kernel}: {measured:?}"),
            Err(CudaError::Unsupported { .. }) => assert!(unsupported.contains(&kernel), "{kernel} is not there"),
            Err(error) => panic!("{kernel}: {error}"),
        }
    }
}

#[test]
fn a_turing_computes_what_the_processor_computes_and_knows_no_bf16() {
    all_but(75, &[Kernel::GemmBf16, Kernel::PeakBf16]);
}

#[test]
fn an_ampere_computes_what_the_processor_computes() {
    all_but(80, &[]);
}

#[test]
fn a_hopper_computes_what_the_processor_computes() {
    all_but(90, &[]);
}

#[test]
fn a_hopper_goes_through_many_tiles_and_stages() {
    let emulated = Emulated::new();
    emulated.set("capability", 90);
    for (kernel, side) in [(Kernel::GemmI8, 1024), (Kernel::GemmBf16, 512)] {
        measure(&device(&emulated, side), kernel).unwrap_or_else(|error| panic!("{kernel} of {side}: {error}"));
    }
}

#[test]
fn a_card_that_is_too_old_for_the_kernels_is_told_so() {
    let emulated = Emulated::new();
    emulated.set("capability", 61);
    assert!(matches!(measure(&device(&emulated, 128), Kernel::FmaF32), Err(CudaError::Unsupported { .. })));
}

#[test]
fn products_of_other_sizes_are_right_too() {
    let emulated = Emulated::new();
    for side in [128, 384, 1152] {
        let device = device(&emulated, side);
        // The long one is for tiles beyond a band of eight.
        let kernels: &[Kernel] =
            if side > 1000 { &[Kernel::GemmI8] } else { &[Kernel::GemmF32, Kernel::GemmBf16, Kernel::GemmI8] };
        for kernel in kernels {
            measure(&device, *kernel).unwrap_or_else(|error| panic!("{kernel} of {side}: {error}"));
        }
    }
}

#[test]
fn one_wrong_place_is_noticed_where_it_is_looked_for() {
    for (kernel, entry, argument) in [(Kernel::Copy, "memory_copy", 1), (Kernel::Read, "memory_read", 2)] {
        let emulated = Emulated::new();
        emulated.corrupt(entry, argument, 0);
        assert!(matches!(measure(&device(&emulated, 128), kernel), Err(CudaError::Wrong { wrong: 1.., .. })), "{kernel}");
    }
}

#[test]
fn a_kernel_that_writes_nothing_is_wrong_everywhere() {
    for (kernel, entry) in [
        (Kernel::FmaF32, "fma_peak"),
        (Kernel::PeakI8, "peak_i8"),
        (Kernel::GemmF32, "gemm_f32"),
        (Kernel::GemmI8, "gemm_i8"),
        (Kernel::Copy, "memory_copy"),
        (Kernel::Write, "memory_write"),
    ] {
        let emulated = Emulated::new();
        emulated.skip(entry);
        let found = measure(&device(&emulated, 128), kernel);
        assert!(matches!(found, Err(CudaError::Wrong { wrong: 16.., .. })), "{kernel}: {found:?}");
    }
}

#[test]
fn the_bus_and_the_free_memory_are_measured() {
    let emulated = Emulated::new();
    let device = device(&emulated, 128);
    let transfers = device.transfers(&AtomicBool::new(false)).expect("copies arrive");
    assert!(transfers.to_device > 0.0 && transfers.to_host > 0.0);
    let usable = device.usable_memory(&AtomicBool::new(false)).expect("memory holds what is written");
    assert_eq!(usable.free_bytes, 64 << 20);
    assert_eq!(usable.usable_bytes + usable.slow_bytes, 60 << 20, "all but a twentieth, in whole blocks");
    assert_eq!(emulated.live("memory"), 0, "it is all given back");
}

#[test]
fn a_device_describes_itself() {
    let emulated = Emulated::new();
    let device = device(&emulated, 128);
    let facts = device.facts();
    assert_eq!(facts.uuid, "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
    assert_eq!((facts.bus_id.as_str(), facts.capability, facts.multiprocessors), ("0000:01:00.0", (8, 9), 2));
    assert_eq!((facts.ecc, facts.integrated), (Some(false), None), "what the driver does not tell is absent");
}

#[test]
fn no_library_and_no_device_are_answers() {
    assert!(super::Cuda::load("libcuda-of-nobody.so.1".as_ref()).expect("an answer").is_none());
    let emulated = Emulated::new();
    emulated.fail("cuInit", 0, 100);
    assert!(emulated.cuda().expect("an answer").is_none());
}

#[test]
fn a_library_without_a_function_is_too_old_and_says_which() {
    let stub = emulated::library_without_functions();
    let Err(error) = super::Cuda::load(stub.as_os_str()) else { panic!("it has no function") };
    assert!(matches!(error, CudaError::TooOld { function: "cuInit", .. }), "{error}");
}

#[test]
fn a_driver_that_refuses_the_kernels_is_quoted() {
    let emulated = Emulated::new();
    emulated.fail("cuModuleLoadDataEx", 0, 222);
    let error = measure(&device(&emulated, 128), Kernel::FmaF32).expect_err("it refuses");
    assert_eq!(
        error.to_string(),
        "the driver refused the kernels `base` with CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222): ptxas: emulated complaint"
    );
}

/// Every call of a whole measurement fails once, in the two ways that a call can.
#[test]
fn whatever_fails_at_whatever_moment_everything_is_given_back() {
    let calls = {
        let emulated = Emulated::new();
        measure(&device(&emulated, 128), Kernel::GemmI8).expect("it measures");
        emulated.calls()
    };
    for (function, count) in calls {
        for code in [719, 2] {
            for after in [0, count / 2, count - 1] {
                let emulated = Emulated::new();
                let device = device(&emulated, 128);
                emulated.fail(&function, after, code);
                let outcome = measure(&device, Kernel::GemmI8);
                match outcome {
                    Err(CudaError::DeviceLost { code, .. }) => assert_eq!(code.name.as_deref(), Some("CUDA_ERROR_LAUNCH_FAILED")),
                    Err(error) => assert!(code == 2, "{function} at {after}: {error}"),
                    // What only describes the device was called before; what cleans up has nobody to tell.
                    Ok(_) => {}
                }
                drop(device);
                for kind in ["memory", "stream", "event", "module", "host", "context"] {
                    assert_eq!(emulated.live(kind), 0, "{kind} after {function} failed with {code} at {after}");
                }
            }
        }
    }
}

#[test]
fn the_context_goes_last() {
    let emulated = Emulated::new();
    let device = device(&emulated, 128);
    measure(&device, Kernel::Copy).expect("it measures");
    drop(device);
    let journal = emulated.journal();
    assert!(journal.ends_with("cuModuleUnload\ncuStreamDestroy_v2\ncuDevicePrimaryCtxRelease_v2\n"), "{journal}");
    assert_eq!(journal.matches("cuDevicePrimaryCtxRelease_v2").count(), 1);
}

#[test]
fn a_raised_flag_ends_a_measurement_before_the_next_slice() {
    let emulated = Emulated::new();
    let device = device(&emulated, 128);
    let abort = AtomicBool::new(true);
    assert!(matches!(device.measure(Kernel::FmaF32, SHORT, &abort), Err(CudaError::CalledOff)));
    assert_eq!(emulated.count("cuLaunchKernel"), 0);

    abort.store(false, Ordering::Relaxed);
    let raised_early = std::thread::scope(|scope| {
        scope.spawn(|| {
            while emulated.count("cuLaunchKernel") < 5 {
                std::thread::yield_now();
            }
            abort.store(true, Ordering::Relaxed);
        });
        device.measure(Kernel::FmaF32, Duration::from_secs(3600), &abort)
    });
    assert!(matches!(raised_early, Err(CudaError::CalledOff)));
    assert_eq!(emulated.live("memory"), 0, "what it took is given back");
}
