//! Which cards there are: one entry for each, however many back ends see it.

/// A card as one back end sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which back end; the lower, the more it is liked.
    pub back_end: u8,
    /// Where the card sits, if the back end knows.
    pub pci: Option<String>,
    /// Maker and model, by the numbers of the PCI registry.
    pub model: (u32, u32),
}

/// A card's place on the bus as everybody here writes it, such as `0000:01:00.0`. Drivers differ in how many digits the domain has, and in
/// whether they tell the function.
#[must_use]
pub fn pci(told: &str) -> Option<String> {
    let (told, function) = told.trim().rsplit_once('.').unwrap_or((told.trim(), "0"));
    let mut parts = told.rsplit(':');
    let (device, bus, domain) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let number = |part: &str| u32::from_str_radix(part, 16).ok();
    let (domain, bus, device, function) = (number(domain)?, number(bus)?, number(device)?, number(function)?);
    parts.next().is_none().then(|| format!("{domain:04x}:{bus:02x}:{device:02x}.{function:x}"))
}

/// What to call each sighting, so that two of the same card have the same name and two cards never have.
///
/// Where a back end does not know the place, cards of one model are counted, and the first one of it is the first one of another back end: two
/// back ends list the cards of a PC in the same order.
#[must_use]
pub fn names(sightings: &[Sighting]) -> Vec<String> {
    let counted = |at: usize| {
        let Sighting { back_end, model, .. } = &sightings[at];
        sightings[..at].iter().filter(|other| other.back_end == *back_end && other.model == *model).count()
    };
    let name = |(at, sighting): (usize, &Sighting)| {
        let count = counted(at);
        // Another back end may know where the same card sits.
        let mut same = (0..sightings.len()).filter(|other| sightings[*other].model == sighting.model && counted(*other) == count);
        let known = place(sightings, at).or_else(|| same.find_map(|other| place(sightings, other)));
        known.unwrap_or_else(|| format!("{:04x}:{:04x}#{count}", sighting.model.0, sighting.model.1))
    };
    sightings.iter().enumerate().map(name).collect()
}

/// Where a sighting sits. A back end that puts two cards in one place knows neither's: one of them looks the place up by the model.
fn place(sightings: &[Sighting], at: usize) -> Option<String> {
    let Sighting { back_end, pci, .. } = &sightings[at];
    let there = sightings.iter().filter(|other| other.back_end == *back_end && other.pci == *pci).count();
    pci.clone().filter(|_| there == 1)
}

/// Of several sightings of a card the one that is liked best; their places in the list, in its order.
#[must_use]
pub fn distinct(sightings: &[Sighting]) -> Vec<(usize, String)> {
    let names = names(sightings);
    let best = |at: usize| {
        let same = (0..sightings.len()).filter(|other| names[*other] == names[at]);
        same.min_by_key(|other| (sightings[*other].back_end, *other)) == Some(at)
    };
    (0..sightings.len()).filter(|at| best(*at)).map(|at| (at, names[at].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(back_end: u8, pci: Option<&str>, model: u32) -> Sighting {
        Sighting { back_end, pci: pci.map(str::to_owned), model: (0x10de, model) }
    }

    #[test]
    fn a_place_is_written_one_way() {
        for told in ["0000:01:00.0", "00000000:01:00.0", "0:1:0", "01:00.0"] {
            assert_eq!(pci(told).as_deref(), Some("0000:01:00.0"), "{told}");
        }
        for odd in ["", "card", "1", "0:0:0:0:0", "x:y.z"] {
            assert_eq!(pci(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_card_seen_through_two_back_ends_is_one_and_two_alike_are_two() {
        let both = [seen(0, Some("0000:01:00.0"), 7), seen(2, Some("0000:01:00.0"), 7)];
        assert_eq!(distinct(&both), [(0, "0000:01:00.0".to_owned())]);
        let twins = [seen(0, Some("0000:01:00.0"), 7), seen(0, Some("0000:02:00.0"), 7)];
        assert_eq!(distinct(&twins).len(), 2);
        let confused = [
            seen(0, Some("0000:01:00.0"), 7),
            seen(0, Some("0000:02:00.0"), 7),
            seen(2, Some("0000:01:00.0"), 7),
            seen(2, Some("0000:01:00.0"), 7),
        ];
        assert_eq!(distinct(&confused), distinct(&twins));
        let unplaced = [seen(0, None, 7), seen(0, None, 7), seen(2, None, 7), seen(2, None, 7)];
        assert_eq!(distinct(&unplaced), [(0, "10de:0007#0".to_owned()), (1, "10de:0007#1".to_owned())]);
    }

    #[test]
    fn a_back_end_that_knows_no_places_still_sees_the_same_cards() {
        let half = [seen(2, None, 7), seen(2, None, 9), seen(0, Some("0000:03:00.0"), 9), seen(0, Some("0000:01:00.0"), 7)];
        let places: Vec<String> = distinct(&half).into_iter().map(|(_, name)| name).collect();
        assert_eq!(places, ["0000:03:00.0", "0000:01:00.0"]);
    }
}
