//! Which shelves a kind of need is looked for on, and where the last look ended.

use std::collections::HashMap;

use super::{Class, Need, shelf::Shelf};

/// Kinds of need remembered. With more all are forgotten at once: making one anew is a comparison for each class.
const KEPT_MAX: usize = 4_096;

/// Classes before those without a connected rig are used for others. Rigs say themselves what they are, so that there can be as many
/// classes as somebody takes the trouble to make up.
const CLASSES_MAX: usize = 1_024;

/// The shelves that suit one kind of need.
#[derive(Debug, Default)]
pub(super) struct Aisle {
    /// Numbers of shelves.
    pub(super) shelves: Vec<u32>,
    /// Shelves up to this number were asked.
    asked: usize,
    /// Where the next full look begins: which of `shelves`, which block.
    pub(super) at: (usize, usize),
}

/// All shelves, and the aisles through them.
#[derive(Debug, Default)]
pub(super) struct Aisles {
    pub(super) shelves: Vec<Shelf>,
    by_class: HashMap<Class, u32>,
    by_need: HashMap<Need, Aisle>,
}

impl Aisles {
    /// The shelf of a class; there is one now.
    pub(super) fn shelf_of(&mut self, class: &Class) -> u32 {
        if let Some(number) = self.by_class.get(class) {
            return *number;
        }
        let unused = || self.shelves.iter().position(|shelf| shelf.connected == 0);
        let reused = if self.shelves.len() >= CLASSES_MAX { unused() } else { None };
        let place = match reused {
            Some(place) => {
                self.by_class.remove(&self.shelves[place].class);
                self.shelves[place] = Shelf::new(class.clone());
                // They lead to the class that stood there before.
                self.by_need.clear();
                place
            }
            None => {
                self.shelves.push(Shelf::new(class.clone()));
                self.shelves.len() - 1
            }
        };
        // There are fewer classes than rigs, and fewer rigs than this can count.
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        self.by_class.insert(class.clone(), number);
        number
    }

    /// The shelves for a kind of need, with the shelves themselves.
    pub(super) fn aisle(&mut self, need: &Need) -> (&mut Aisle, &mut Vec<Shelf>) {
        let Self { shelves, by_need, by_class: _ } = self;
        if by_need.len() >= KEPT_MAX && !by_need.contains_key(need) {
            by_need.clear();
        }
        let aisle = by_need.entry(need.clone()).or_default();
        for (number, shelf) in shelves.iter().enumerate().skip(aisle.asked) {
            if shelf.class.suits(need) {
                aisle.shelves.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        aisle.asked = shelves.len();
        (aisle, shelves)
    }
}
