//! What subgroups do together: matrices in and out of memory, and products of them.

use rspirv::{
    dr::Instruction,
    spirv::{CooperativeMatrixLayout, Word},
};

use super::{Group, Lane, Value, ids};
use crate::gpu::units::text::THREADS;

/// A kind of matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    rows: usize,
    columns: usize,
    bits: u32,
    is_float: bool,
}

impl Kind {
    pub(super) fn new((rows, columns): (u32, u32), bits: u32, is_float: bool) -> Self {
        Self { rows: rows as usize, columns: columns as usize, bits, is_float }
    }

    pub(super) fn zeros(self) -> Vec<f64> {
        vec![0.0; self.rows * self.columns]
    }

    /// The place of each number, counted in numbers, with lines so far apart.
    fn places(self, layout: u32, stride: usize) -> Vec<usize> {
        let is_by_row = layout == CooperativeMatrixLayout::RowMajorKHR as u32;
        let place = |(row, column)| if is_by_row { row * stride + column } else { column * stride + row };
        (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column))).map(place).collect()
    }

    /// The number at a place of words.
    fn number(self, word: u32, within: u32) -> f64 {
        let part = word >> (within * self.bits);
        match (self.bits, self.is_float) {
            (16, true) => half(part & 0xffff),
            (8, false) => f64::from(part.to_le_bytes()[0].cast_signed()),
            other => panic!("numbers of {other:?}"),
        }
    }

    /// As sums are kept.
    fn rounded(self, sum: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, reason = "a card rounds so too")]
        if self.is_float { f64::from(sum as f32) } else { sum }
    }

    fn word(self, number: f64) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "it was rounded before")]
        if self.is_float { (number as f32).to_bits() } else { (number as i32).cast_unsigned() }
    }
}

fn half(bits: u32) -> f64 {
    let (exponent, fraction) = ((bits >> 10) & 31, f64::from(bits & 0x3ff) / 1024.0);
    let magnitude =
        if exponent == 0 { fraction * 2_f64.powi(-14) } else { (1.0 + fraction) * 2_f64.powi(exponent.cast_signed() - 15) };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl Group<'_> {
    /// Where each subgroup's matrix begins: one place for all of its threads, and that of a vector of four words.
    fn begins(&self, pointer: Word) -> Vec<(Word, usize)> {
        let lanes = self.lanes(pointer);
        let of_subgroup = |lanes: &[Lane]| match &lanes[0] {
            Lane::At(variable, at) if lanes.iter().all(|lane| *lane == lanes[0]) => {
                assert!(at % 4 == 0, "a matrix begins at word {at}");
                (*variable, *at)
            }
            other => panic!("threads differ in where a matrix is: {other:?}"),
        };
        lanes.chunks(THREADS as usize / self.subgroups()).map(of_subgroup).collect()
    }

    /// Words between lines.
    fn stride(&self, pointer: Word, stride: Word) -> usize {
        let of = self.instruction_type(pointer);
        let words = self.constant(stride) as usize * self.machine.pointee_words(of);
        assert!(words.is_multiple_of(4), "lines are {words} words apart");
        words
    }

    fn instruction_type(&self, id: Word) -> Word {
        let blocks = self.machine.module.functions[0].blocks.iter();
        let mut all = blocks.flat_map(|block| &block.instructions);
        all.find(|one| one.result_id == Some(id)).and_then(|one| one.result_type).expect("a type")
    }

    pub(super) fn load_matrices(&mut self, instruction: &Instruction) -> Value {
        let used = ids(instruction);
        let (pointer, layout, stride) = (used[0], self.constant(used[1]), self.stride(used[0], used[2]));
        let kind = self.kind(instruction.result_type);
        let each = 32 / kind.bits;
        let (places, begins) = (kind.places(layout, stride * each as usize), self.begins(pointer));
        let mut one = |(variable, at): (Word, usize)| {
            let number = |place: &usize| {
                let word = self.read(variable, at + place / each as usize);
                kind.number(word, u32::try_from(place % each as usize).expect("below 4"))
            };
            places.iter().map(number).collect()
        };
        Value::Matrices(begins.into_iter().map(&mut one).collect())
    }

    pub(super) fn store_matrices(&mut self, instruction: &Instruction) {
        let used = ids(instruction);
        let (pointer, layout, stride) = (used[0], self.constant(used[2]), self.stride(used[0], used[3]));
        let kind = self.kind(Some(self.instruction_type(used[1])));
        let places = kind.places(layout, stride);
        for ((variable, at), matrix) in self.begins(pointer).into_iter().zip(self.matrices(used[1])) {
            for (place, number) in places.iter().zip(matrix) {
                self.write(variable, at + place, kind.word(number));
            }
        }
    }

    fn matrices(&self, id: Word) -> Vec<Vec<f64>> {
        match self.value(id) {
            Value::Matrices(matrices) => matrices,
            Value::Lanes(_) => panic!("{id} is no matrix"),
        }
    }

    pub(super) fn multiply_add(&mut self, instruction: &Instruction) -> Value {
        let used = ids(instruction);
        let (kind, depth) = (self.kind(instruction.result_type), self.kind(Some(self.instruction_type(used[0]))).columns);
        let [left, right, sums] = [0, 1, 2].map(|at: usize| self.matrices(used[at]));
        let one = |((left, right), sums): ((Vec<f64>, Vec<f64>), Vec<f64>)| {
            let sum = |(at, sum): (usize, f64)| {
                let (row, column) = (at / kind.columns, at % kind.columns);
                let terms = (0..depth).map(|k| left[row * depth + k] * right[k * kind.columns + column]);
                kind.rounded(sum + terms.sum::<f64>())
            };
            sums.into_iter().enumerate().map(sum).collect()
        };
        Value::Matrices(left.into_iter().zip(right).zip(sums).map(one).collect())
    }
}
