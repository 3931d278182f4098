//! Parts of known length out of pieces of any length.

/// Holds the beginning of one part until the rest of it arrives.
#[derive(Debug)]
pub(crate) struct Gather {
    held: Vec<u8>,
    wanted: usize,
}

impl Gather {
    /// Waits for a part of `wanted` bytes.
    pub(crate) fn new(wanted: usize) -> Self {
        Self { held: Vec::new(), wanted }
    }

    /// Takes what it needs from the front of `bytes`. The part, once it is whole.
    pub(crate) fn take(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let (mine, rest) = bytes.split_at(bytes.len().min(self.wanted - self.held.len()));
        self.held.extend_from_slice(mine);
        *bytes = rest;
        (self.held.len() == self.wanted).then(|| std::mem::take(&mut self.held))
    }

    /// Waits for the next part, and keeps its bytes where the last one's were.
    pub(crate) fn expect(&mut self, wanted: usize, mut place: Vec<u8>) {
        place.clear();
        *self = Self { held: place, wanted };
    }
}
