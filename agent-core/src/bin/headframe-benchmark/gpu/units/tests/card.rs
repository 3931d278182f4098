//! The way from a card to its figures. Debian 12's software adapter has no matrices, newer ones have.

use headframe_agent::benchmark::device::{Device as _, DeviceError, Kernel as _, Stop};
use headframe_protocol::benchmark::{CardClass, Figure};

use super::super::Units;
use crate::gpu::{Gpus, programs::Element};

const MATRICES: [Figure; 2] = [Figure::TensorFp16, Figure::TensorInt8];

fn software() -> (Gpus, String) {
    let gpus = Gpus::look();
    let found = gpus.cards().into_iter().find(|card| card.class == CardClass::Software);
    let card = found.expect("an adapter; on Debian `apt-get install mesa-vulkan-drivers libvulkan1`");
    (gpus, card.id)
}

#[test]
fn a_card_is_right_by_its_matrix_units_or_has_no_figure_of_them_and_says_why() {
    let (mut gpus, id) = software();
    let opened = gpus.open_all(&id).expect("it opens");
    let (_, adapter) = gpus.found.iter().find(|(card, _)| card.id == id).expect("the card");
    let units = match Units::find(CardClass::Software, adapter) {
        Ok(units) => units,
        Err(DeviceError::Refused(why)) => {
            assert!(why.contains("offers no matrices"), "{why}");
            assert!(!opened.figures().iter().any(|figure| MATRICES.contains(figure)));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let stop = Stop::default();
    assert!(units.figures().iter().all(|figure| opened.figures().contains(figure)));
    for figure in units.figures() {
        let mut peak = units.peak(figure, 7, &stop).expect("it is right");
        println!("{figure:?} of {:?}", units.fragments);
        peak.submit(2).and_then(|()| peak.wait()).expect("it runs");
        let element = if figure == Figure::TensorFp16 { Element::Half } else { Element::Bytes };
        let mut product = units.product(element, 7, &stop).expect("it is right");
        product.verify(&stop).expect("it is right at the size that it has grown to");
        // What was found out is not found out again.
        let again = units.product(element, 8, &stop).expect("it is ready").verify(&stop);
        assert_eq!(again, Ok(()));
    }
}

#[test]
fn whoever_wants_the_card_back_waits_for_no_trial() {
    let (mut gpus, id) = software();
    let mut opened = gpus.open_all(&id).expect("it opens");
    let stop = Stop::default();
    stop.set();
    for figure in MATRICES {
        assert!(opened.prepare(figure, 1, &stop).is_err_and(|error| error == DeviceError::Stopped));
    }
}
