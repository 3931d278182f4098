//! Everything above on an emulated driver, which runs the very sources of the kernels: `kernels/emulated`.
//!
//! This shows that layouts, swizzles, indices and arguments are right and that failures end well. It shows nothing about
//! speed, and nothing about whether the PTX does what its source says; the latter is `cargo xtask kernels --check` as far as a
//! machine without a card can tell.

mod emulated;

use std::time::Instant;

use headframe_protocol::benchmark::{Card, CardClass, Figure, Outcome};

use super::{CudaError, Device, Sizes};
use crate::benchmark::{
    device::{Device as _, DeviceError, Stop},
    suite::{self, Length, World},
};
use emulated::Emulated;

const MIB: u64 = 1 << 20;

fn device(emulated: &Emulated, side: u32) -> Device {
    let cuda = emulated.cuda().expect("it loads").expect("it has a device");
    let mut device = cuda.devices().expect("it describes itself").remove(0);
    device.sizes = Sizes { side, traffic_bytes: 4 * MIB, chunk_bytes: MIB, transfer_bytes: MIB };
    device
}

/// What the suite does with a figure: verify it, and have two slices under way.
fn compute(device: &mut Device, figure: Figure) -> Result<(), DeviceError> {
    let stop = Stop::default();
    let mut kernel = device.prepare(figure, 7, &stop)?;
    kernel.verify(&stop)?;
    kernel.submit(1)?;
    kernel.submit(2)?;
    assert!(kernel.wait()?.is_some(), "{figure:?} takes no time");
    kernel.wait()?;
    assert!(kernel.step_work() > 0.0 && kernel.steps_max() > 2);
    Ok(())
}

/// Every figure of the generation is computed, and found right; those are all that there are but the ones named.
fn all_but(capability: u64, absent: &[Figure]) {
    let emulated = Emulated::new();
    emulated.set("capability", capability);
    let mut device = device(&emulated, 256);
    let figures = device.figures();
    let missing: Vec<Figure> =
        Figure::ALL.into_iter().filter(|figure| *figure < Figure::CpuInteger && !figures.contains(figure)).collect();
    assert_eq!(missing, absent);
    for figure in figures {
        compute(&mut device, figure).unwrap_or_else(|error| panic!("{figure:?}: {error}"));
    }
}

#[test]
fn a_turing_computes_what_the_processor_computes_and_knows_no_bf16() {
    all_but(75, &[Figure::FmaFp16, Figure::TensorBf16, Figure::GemmBf16]);
}

#[test]
fn an_ampere_computes_what_the_processor_computes() {
    all_but(80, &[Figure::FmaFp16]);
}

#[test]
fn a_hopper_computes_what_the_processor_computes() {
    all_but(90, &[Figure::FmaFp16]);
}

#[test]
fn a_hopper_goes_through_many_tiles_and_stages() {
    let emulated = Emulated::new();
    emulated.set("capability", 90);
    for (figure, side) in [(Figure::GemmInt8, 1024), (Figure::GemmBf16, 512)] {
        compute(&mut device(&emulated, side), figure).unwrap_or_else(|error| panic!("{figure:?} of {side}: {error}"));
    }
}

#[test]
fn the_suite_measures_a_card_by_these_kernels() {
    let emulated = Emulated::new();
    let device = device(&emulated, 256);
    let (figures, began) = (device.figures(), Instant::now());
    let world = World { clock: &|| began.elapsed(), stop: &Stop::default(), tell: &mut |_| (), seed: 7 };
    let found = suite::measure(&mut [Box::new(device)], Length::Brief, world);
    assert_eq!((found.outcome, found.failed), (Outcome::Done, Vec::new()));
    let mut measured: Vec<Figure> = found.measured.iter().map(|measured| measured.figure).collect();
    measured.sort_unstable();
    assert_eq!(measured, figures);
    assert!(found.measured.iter().all(|measured| measured.way == "cuda" && measured.burst.median > 0));
    assert!(found.measured.iter().any(|measured| measured.sustained.is_some()));
    assert!(found.usable_vram_bytes.is_some(), "memory was taken, and held what was written");
    for kind in ["memory", "host", "context"] {
        assert_eq!(emulated.live(kind), 0, "{kind} is given back");
    }
}

#[test]
fn a_card_that_is_too_old_for_the_kernels_offers_nothing_and_is_told_so() {
    let emulated = Emulated::new();
    emulated.set("capability", 61);
    let mut device = device(&emulated, 128);
    assert_eq!((device.figures(), device.claim_bytes_max()), (Vec::new(), 0));
    let told = DeviceError::Refused("the card is too old for these kernels: its compute capability is 6.1".to_owned());
    assert_eq!(compute(&mut device, Figure::FmaFp32), Err(told));
}

#[test]
fn products_of_other_sizes_are_right_too() {
    let emulated = Emulated::new();
    for side in [128, 384, 1152] {
        let mut device = device(&emulated, side);
        // The long one is for tiles beyond a band of eight.
        let figures: &[Figure] =
            if side > 1000 { &[Figure::GemmInt8] } else { &[Figure::GemmFp32, Figure::GemmBf16, Figure::GemmInt8] };
        for figure in figures {
            compute(&mut device, *figure).unwrap_or_else(|error| panic!("{figure:?} of {side}: {error}"));
        }
    }
}

fn is_wrong(outcome: &Result<(), DeviceError>) -> bool {
    matches!(outcome, Err(DeviceError::Wrong(_)))
}

#[test]
fn one_wrong_place_is_noticed_where_it_is_looked_for() {
    for (figure, entry, argument) in
        [(Figure::MemoryCopy, "memory_copy", 1), (Figure::MemoryRead, "memory_read", 2), (Figure::Download, "fill", 0)]
    {
        let emulated = Emulated::new();
        emulated.corrupt(entry, argument, 0);
        let found = compute(&mut device(&emulated, 128), figure);
        assert!(is_wrong(&found), "{figure:?}: {found:?}");
    }
}

#[test]
fn a_kernel_that_writes_nothing_is_wrong() {
    for (figure, entry) in [
        (Figure::FmaFp32, "fma_peak"),
        (Figure::TensorInt8, "peak_i8"),
        (Figure::GemmFp32, "gemm_f32"),
        (Figure::GemmInt8, "gemm_i8"),
        (Figure::MemoryCopy, "memory_copy"),
        (Figure::MemoryWrite, "memory_write"),
    ] {
        let emulated = Emulated::new();
        emulated.skip(entry);
        let found = compute(&mut device(&emulated, 128), figure);
        assert!(is_wrong(&found), "{figure:?}: {found:?}");
    }
}

#[test]
fn where_nothing_was_done_almost_every_place_is_wrong() {
    let emulated = Emulated::new();
    let device = device(&emulated, 128);
    let session = device.session().expect("it opens");
    // What was read nowhere is summed up to nothing, which is right.
    for figure in device.figures().into_iter().filter(|figure| *figure != Figure::MemoryRead) {
        let mut run = device.run(session, figure).expect("it is prepared");
        run.poison(&session.stream).expect("it is poisoned");
        let verdict = run.check(session).expect("it is checked");
        assert!(verdict.wrong * 10 > verdict.checked * 9, "{figure:?}: {verdict:?}");
    }
}

#[test]
fn memory_is_taken_until_there_is_no_more_and_given_back() {
    let (emulated, stop) = (Emulated::new(), Stop::default());
    let mut device = device(&emulated, 128);
    assert_eq!(device.claim_bytes_max(), 64 * MIB - 64 * MIB / 20);
    let mut blocks = 0;
    while let Some(rate) = device.claim(4 * MIB, blocks, &stop).expect("memory holds what is written") {
        assert!(rate > 0);
        blocks += 1;
    }
    assert!((15..=16).contains(&blocks), "{blocks} blocks of 4 MiB in 64 MiB");
    device.recheck(&stop).expect("it still holds it");
    device.release();
    assert_eq!(emulated.live("memory"), 0, "it is all given back");
}

#[test]
fn memory_that_does_not_hold_what_was_written_is_wrong() {
    for (entry, is_seen_at_once) in [("fill", true), ("audit", false)] {
        let (emulated, stop) = (Emulated::new(), Stop::default());
        let mut device = device(&emulated, 128);
        emulated.corrupt(entry, 0, 5);
        let claimed = device.claim(MIB, 7, &stop).map(|_| ());
        assert_eq!(is_wrong(&claimed), is_seen_at_once, "{entry}: {claimed:?}");
        assert_eq!(is_wrong(&device.recheck(&stop)), !is_seen_at_once, "{entry}: a block that is wrong is not kept");
    }
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
    let cuda = emulated.cuda().expect("it loads").expect("it has a device");
    let Err(error) = cuda.open(&card(Some("0000:01:00.0"), None)) else { panic!("it refuses") };
    assert_eq!(
        error.to_string(),
        "the driver refused the kernels `base` with CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222): ptxas: emulated complaint"
    );
}

/// A product, and a block of memory.
fn everything(device: &mut Device) -> Result<(), DeviceError> {
    let stop = Stop::default();
    compute(device, Figure::GemmInt8)?;
    compute(device, Figure::Download)?;
    device.claim(MIB, 7, &stop)?;
    device.recheck(&stop)
}

/// Every call of a whole measurement fails once, in the two ways that a call can.
#[test]
fn whatever_fails_at_whatever_moment_everything_is_given_back() {
    let calls = {
        let emulated = Emulated::new();
        everything(&mut device(&emulated, 128)).expect("it measures");
        emulated.calls()
    };
    for (function, count) in calls {
        for code in [719, 2] {
            for after in [0, count / 2, count - 1] {
                let emulated = Emulated::new();
                let mut device = device(&emulated, 128);
                emulated.fail(&function, after, code);
                let outcome = everything(&mut device);
                match outcome {
                    Err(DeviceError::Lost(message)) => assert!(message.contains("CUDA_ERROR_LAUNCH_FAILED"), "{message}"),
                    Err(error) => assert!(code == 2, "{function} at {after}: {error}"),
                    // What only describes the device was called before; what cleans up has nobody to tell.
                    Ok(()) => {}
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
    let mut device = device(&emulated, 128);
    compute(&mut device, Figure::MemoryCopy).expect("it measures");
    device.claim(MIB, 7, &Stop::default()).expect("there is memory");
    drop(device);
    let journal = emulated.journal();
    assert!(journal.ends_with("cuModuleUnload\ncuStreamDestroy_v2\ncuDevicePrimaryCtxRelease_v2\n"), "{journal}");
    assert_eq!(journal.matches("cuDevicePrimaryCtxRelease_v2").count(), 1);
}

#[test]
fn who_wants_the_card_back_has_nothing_more_submitted() {
    let emulated = Emulated::new();
    let (mut device, stop) = (device(&emulated, 128), Stop::default());
    let mut kernel = device.prepare(Figure::GemmInt8, 7, &stop).expect("it is prepared");
    stop.set();
    let before = emulated.count("cuLaunchKernel");
    assert_eq!(kernel.verify(&stop), Err(DeviceError::Stopped));
    drop(kernel);
    assert_eq!(device.prepare(Figure::FmaFp32, 7, &stop).err(), Some(DeviceError::Stopped));
    assert_eq!(device.claim(MIB, 7, &stop), Err(DeviceError::Stopped));
    assert_eq!(emulated.count("cuLaunchKernel"), before);
    assert_eq!(emulated.live("memory"), 0, "what it took is given back");
}

fn card(pci: Option<&str>, uuid: Option<&str>) -> Card {
    Card {
        id: "a card".to_owned(),
        name: "a card".to_owned(),
        class: CardClass::Discrete,
        vendor: None,
        pci: pci.map(str::to_owned),
        uuid: uuid.map(str::to_owned),
        driver: "a driver".to_owned(),
        power_limit_milliwatts: None,
        power_limit_default_milliwatts: None,
    }
}

#[test]
fn a_card_is_found_by_its_place_or_its_name_for_life() {
    let emulated = Emulated::new();
    let cuda = emulated.cuda().expect("it loads").expect("it has a device");
    let uuid = Some("GPU-00010203-0405-0607-0809-0a0b0c0d0e0f");
    for card in [card(Some("0000:01:00.0"), None), card(None, uuid), card(Some("0000:02:00.0"), uuid)] {
        assert!(cuda.open(&card).expect("it opens").is_some(), "{card:?}");
    }
    for card in [card(None, None), card(Some("0000:02:00.0"), Some("GPU-1"))] {
        assert!(cuda.open(&card).expect("an answer").is_none(), "{card:?}");
    }
    let mut facts = device(&emulated, 128).facts().clone();
    facts.is_slice = true;
    assert!(!facts.is_of(&card(Some("0000:01:00.0"), None)), "a slice is not the card it is a slice of");
}

#[test]
fn a_card_that_nobody_else_shows_is_found_and_no_card_is_found_twice() {
    let emulated = Emulated::new();
    let cuda = emulated.cuda().expect("it loads").expect("it has a device");
    let more = cuda.more_cards(&[card(Some("0000:02:00.0"), None)]).expect("it describes itself");
    let [found] = &more[..] else { panic!("{more:?}") };
    assert_eq!((found.id.as_str(), found.pci.as_deref()), ("0000:01:00.0", Some("0000:01:00.0")));
    assert!(cuda.open(found).expect("it opens").is_some(), "and it can be measured");
    let vague = Card { name: found.name.clone(), ..card(None, None) };
    for known in [found.clone(), card(Some("0000:01:00.0"), None), vague] {
        assert_eq!(cuda.more_cards(std::slice::from_ref(&known)).expect("it describes itself"), [], "{known:?}");
    }
    let mut slice = device(&emulated, 128).facts().clone();
    slice.is_slice = true;
    assert_eq!((slice.card().id, slice.card().pci), (slice.uuid, None));

    emulated.set("capability", 70);
    assert_eq!(cuda.more_cards(&[]).expect("it describes itself"), [], "there are no kernels for it");
}
