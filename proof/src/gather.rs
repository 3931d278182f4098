//! Parts of known length out of pieces of any length, and openings out of parts.

use crate::verify::Refusal;

/// Openings as a row of parts, each of a length that is known before it comes.
pub trait Parts {
    /// How long the next part is; nothing once all have come.
    fn wanted(&self) -> Option<usize>;

    /// Checks a part that has come whole, and goes on to the next.
    ///
    /// # Errors
    /// It is wrong.
    fn check(&mut self, part: &[u8]) -> Result<(), Refusal>;

    /// How many openings have come whole.
    fn opened(&self) -> usize;
}

/// Openings on their way in, checked as they arrive.
#[derive(Debug)]
pub struct Openings<P> {
    parts: P,
    gather: Gather,
    refused: Option<Refusal>,
}

impl<P: Parts> Openings<P> {
    pub(crate) fn new(parts: P) -> Self {
        let gather = Gather::new(parts.wanted().unwrap_or_default());
        Self { parts, gather, refused: None }
    }

    /// Takes the next piece, of any length.
    ///
    /// # Errors
    /// What has arrived is already wrong; nothing more needs to be read, and whatever comes later is refused as well.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.refused.is_none() {
            self.refused = self.take(bytes).err();
        }
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Every piece has been fed: is that all?
    ///
    /// # Errors
    /// Openings are missing, or something was refused before.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.refused {
            Some(refused) => Err(refused),
            None if self.parts.wanted().is_none() => Ok(()),
            None => Err(Refusal::Short(self.parts.opened())),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while self.parts.wanted().is_some() {
            let Some(part) = self.gather.take(&mut bytes) else { return Ok(()) };
            self.parts.check(&part)?;
            self.gather.expect(self.parts.wanted().unwrap_or_default(), part);
        }
        if bytes.is_empty() { Ok(()) } else { Err(Refusal::Long) }
    }
}

/// Holds the beginning of one part until the rest of it arrives.
#[derive(Debug)]
struct Gather {
    held: Vec<u8>,
    wanted: usize,
}

impl Gather {
    /// Waits for a part of `wanted` bytes.
    fn new(wanted: usize) -> Self {
        Self { held: Vec::new(), wanted }
    }

    /// Takes what it needs from the front of `bytes`. The part, once it is whole.
    fn take(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let (mine, rest) = bytes.split_at(bytes.len().min(self.wanted - self.held.len()));
        self.held.extend_from_slice(mine);
        *bytes = rest;
        (self.held.len() == self.wanted).then(|| std::mem::take(&mut self.held))
    }

    /// Waits for the next part, and keeps its bytes where the last one's were.
    fn expect(&mut self, wanted: usize, mut place: Vec<u8>) {
        place.clear();
        *self = Self { held: place, wanted };
    }
}
