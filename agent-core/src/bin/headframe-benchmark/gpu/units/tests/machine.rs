//! A small machine that runs these programs on the processor, all threads of a workgroup in step, and panics where a card would be free to do anything:
//! at a branch that threads take differently, a read of what was not shared by then, or a matrix that begins in the middle of a vector.

use std::{collections::HashMap, ops::Range};

use rspirv::{
    dr::{self, Instruction, Operand},
    spirv::{BuiltIn, Decoration, Op, StorageClass, Word},
};

use super::super::text::THREADS;

mod matrix;

use matrix::Kind;

/// Buffers by their bindings. The first one has the parameters.
pub(super) struct Memory(Vec<Vec<u32>>);

impl Memory {
    pub(super) fn new(buffers: impl IntoIterator<Item = Vec<u32>>) -> Self {
        Self(buffers.into_iter().collect())
    }

    pub(super) fn buffer(&self, binding: usize) -> &[u32] {
        &self.0[binding]
    }
}

/// A program, on a card whose workgroups have so many subgroups.
pub(super) struct Machine {
    module: dr::Module,
    subgroups: u32,
}

/// A value of one thread.
#[derive(Debug, Clone, PartialEq)]
enum Lane {
    Word(u32),
    Words(Vec<u32>),
    Truth(bool),
    /// A variable and a place in it, in words.
    At(Word, usize),
}

/// A value of all threads, or a matrix of each subgroup, row by row.
#[derive(Debug, Clone)]
enum Value {
    Lanes(Vec<Lane>),
    Matrices(Vec<Vec<f64>>),
}

/// One word that is shared, with the meeting after which it was last written and last read.
#[derive(Debug, Clone, Copy, Default)]
struct Shared {
    word: u32,
    written: Option<usize>,
    read: Option<usize>,
}

/// One workgroup as it runs.
struct Group<'m> {
    machine: &'m Machine,
    number: u32,
    memory: Memory,
    values: HashMap<Word, Value>,
    own: HashMap<Word, Value>,
    shared: HashMap<Word, Vec<Shared>>,
    meetings: usize,
}

impl Machine {
    pub(super) fn new(words: &[u32], subgroups: u32) -> Self {
        Self { module: dr::load_words(words).expect("a program"), subgroups }
    }

    /// Runs these workgroups, one after the other.
    pub(super) fn run(&self, memory: Memory, groups: Range<u32>) -> Memory {
        groups.fold(memory, |memory, number| {
            let empty = (HashMap::new(), HashMap::new(), HashMap::new());
            let mut group = Group { machine: self, number, memory, values: empty.0, own: empty.1, shared: empty.2, meetings: 0 };
            group.run();
            group.memory
        })
    }

    fn global(&self, id: Word) -> Option<&Instruction> {
        self.module.types_global_values.iter().find(|one| one.result_id == Some(id))
    }

    fn decoration(&self, id: Word, which: Decoration) -> Option<&Operand> {
        let all = self.module.annotations.iter();
        let mut found = all.filter(|one| one.operands[0] == Operand::IdRef(id) && one.operands[1] == Operand::Decoration(which));
        found.next().and_then(|one| one.operands.get(2))
    }

    /// The class of a global variable.
    fn class(&self, id: Word) -> Option<StorageClass> {
        let variable = self.global(id).filter(|one| one.class.opcode == Op::Variable)?;
        match variable.operands[0] {
            Operand::StorageClass(class) => Some(class),
            _ => None,
        }
    }

    fn binding(&self, id: Word) -> usize {
        match self.decoration(id, Decoration::Binding) {
            Some(Operand::LiteralBit32(binding)) => *binding as usize,
            other => panic!("{id} has the binding {other:?}"),
        }
    }

    /// Words of what a pointer of this type points at.
    fn pointee_words(&self, pointer: Word) -> usize {
        let of = ids(self.global(pointer).expect("a type"))[0];
        match self.global(of).expect("a type") {
            one if one.class.opcode == Op::TypeVector => one.operands[1].unwrap_literal_bit32() as usize,
            _ => 1,
        }
    }
}

/// The ids that an instruction uses.
fn ids(instruction: &Instruction) -> Vec<Word> {
    instruction.operands.iter().filter_map(Operand::id_ref_any).collect()
}

impl Group<'_> {
    fn run(&mut self) {
        let function = &self.machine.module.functions[0];
        let mut block = &function.blocks[0];
        loop {
            for instruction in &block.instructions {
                self.step(instruction);
            }
            let last = block.instructions.last().expect("an end");
            let to = match last.class.opcode {
                Op::Branch => ids(last)[0],
                Op::BranchConditional => {
                    let [condition, yes, no] = ids(last)[..] else { panic!("{last:?}") };
                    if self.truth(condition) { yes } else { no }
                }
                Op::Return => return,
                other => panic!("{other:?} ends a block"),
            };
            block = function.blocks.iter().find(|block| block.label_id() == Some(to)).expect("a block");
        }
    }

    fn step(&mut self, instruction: &Instruction) {
        let used = ids(instruction);
        let value = match instruction.class.opcode {
            Op::Variable | Op::SelectionMerge | Op::LoopMerge | Op::Branch | Op::BranchConditional | Op::Return => return,
            Op::ControlBarrier => return self.meetings += 1,
            Op::Store => return self.store(used[0], used[1]),
            Op::CooperativeMatrixStoreKHR => return self.store_matrices(instruction),
            Op::Load => self.load(used[0]),
            Op::AccessChain => self.pointer(instruction.result_type.expect("a type"), &used),
            Op::CompositeExtract => {
                let at = instruction.operands[1].unwrap_literal_bit32() as usize;
                self.each(used[0], |lane| match lane {
                    Lane::Words(words) => Lane::Word(words[at]),
                    other => panic!("{other:?} is no vector"),
                })
            }
            Op::IAdd => self.both(&used, |a, b| Lane::Word(a.wrapping_add(b))),
            Op::IMul => self.both(&used, |a, b| Lane::Word(a.wrapping_mul(b))),
            Op::UDiv => self.both(&used, |a, b| Lane::Word(a / b)),
            Op::UMod => self.both(&used, |a, b| Lane::Word(a % b)),
            Op::IEqual => self.both(&used, |a, b| Lane::Truth(a == b)),
            Op::ULessThan => self.both(&used, |a, b| Lane::Truth(a < b)),
            Op::Select => {
                let from = if self.truth(used[0]) { used[1] } else { used[2] };
                self.value(from)
            }
            Op::CooperativeMatrixLoadKHR => self.load_matrices(instruction),
            Op::CooperativeMatrixMulAddKHR => self.multiply_add(instruction),
            other => panic!("{other:?} is not known here"),
        };
        self.values.insert(instruction.result_id.expect("a result"), value);
    }

    fn value(&self, id: Word) -> Value {
        if let Some(value) = self.values.get(&id) {
            return value.clone();
        }
        let global = self.machine.global(id).unwrap_or_else(|| panic!("{id} has no value"));
        let lane = match global.class.opcode {
            Op::Constant => Lane::Word(global.operands[0].unwrap_literal_bit32()),
            Op::ConstantComposite => return Value::Matrices(vec![self.kind(global.result_type).zeros(); self.subgroups()]),
            other => panic!("{id} is a {other:?}"),
        };
        Value::Lanes(vec![lane; THREADS as usize])
    }

    fn subgroups(&self) -> usize {
        self.machine.subgroups as usize
    }

    fn lanes(&self, id: Word) -> Vec<Lane> {
        match self.value(id) {
            Value::Lanes(lanes) => lanes,
            Value::Matrices(_) => panic!("{id} is a matrix"),
        }
    }

    fn words(&self, id: Word) -> Vec<u32> {
        let word = |lane| match lane {
            Lane::Word(word) => word,
            other => panic!("{other:?} is no word"),
        };
        self.lanes(id).into_iter().map(word).collect()
    }

    /// What is the same for all threads.
    fn constant(&self, id: Word) -> u32 {
        let words = self.words(id);
        assert!(words.iter().all(|word| *word == words[0]), "{id} differs between threads");
        words[0]
    }

    fn truth(&self, id: Word) -> bool {
        let lanes = self.lanes(id);
        assert!(lanes.iter().all(|lane| *lane == lanes[0]), "threads go different ways by {id}");
        lanes[0] == Lane::Truth(true)
    }

    fn each(&self, id: Word, what: impl Fn(Lane) -> Lane) -> Value {
        Value::Lanes(self.lanes(id).into_iter().map(what).collect())
    }

    fn both(&self, used: &[Word], what: impl Fn(u32, u32) -> Lane) -> Value {
        let (a, b) = (self.words(used[0]), self.words(used[1]));
        Value::Lanes(a.into_iter().zip(b).map(|(a, b)| what(a, b)).collect())
    }

    fn pointer(&self, pointer: Word, used: &[Word]) -> Value {
        let (variable, words) = (used[0], self.machine.pointee_words(pointer));
        let indices = self.words(*used.last().expect("an index"));
        Value::Lanes(indices.into_iter().map(|index| Lane::At(variable, index as usize * words)).collect())
    }

    fn load(&mut self, from: Word) -> Value {
        if let Some(own) = self.own.get(&from) {
            return own.clone();
        }
        if self.machine.class(from) == Some(StorageClass::Input) {
            return self.known(from);
        }
        let lanes = self.lanes(from);
        let quad = |lane| match lane {
            Lane::At(variable, at) => Lane::Words((at..at + 4).map(|at| self.read(variable, at)).collect()),
            other => panic!("{other:?} is no pointer"),
        };
        Value::Lanes(lanes.into_iter().map(quad).collect())
    }

    fn known(&self, variable: Word) -> Value {
        let width = THREADS / self.machine.subgroups;
        let Some(Operand::BuiltIn(which)) = self.machine.decoration(variable, Decoration::BuiltIn) else { panic!("{variable}") };
        let lane = |thread| match which {
            BuiltIn::WorkgroupId => Lane::Words(vec![self.number, 0, 0]),
            BuiltIn::LocalInvocationIndex => Lane::Word(thread),
            BuiltIn::SubgroupId => Lane::Word(thread / width),
            BuiltIn::NumSubgroups => Lane::Word(self.machine.subgroups),
            other => panic!("{other:?} is not known here"),
        };
        Value::Lanes((0..THREADS).map(lane).collect())
    }

    fn store(&mut self, to: Word, what: Word) {
        let Some(Value::Lanes(places)) = self.values.get(&to).cloned() else {
            let value = self.value(what);
            self.own.insert(to, value);
            return;
        };
        for (place, lane) in places.into_iter().zip(self.lanes(what)) {
            let (Lane::At(variable, at), Lane::Words(words)) = (place, lane) else { panic!("{to} takes no {what}") };
            for (offset, word) in words.into_iter().enumerate() {
                self.write(variable, at + offset, word);
            }
        }
    }

    fn read(&mut self, variable: Word, at: usize) -> u32 {
        if self.machine.class(variable) != Some(StorageClass::Workgroup) {
            return self.memory.0[self.machine.binding(variable)][at];
        }
        let meetings = self.meetings;
        let shared = self.shared_at(variable, at);
        assert!(shared.written.is_some_and(|written| written < meetings), "word {at} is read before it was shared");
        shared.read = Some(meetings);
        shared.word
    }

    fn write(&mut self, variable: Word, at: usize, word: u32) {
        if self.machine.class(variable) != Some(StorageClass::Workgroup) {
            self.memory.0[self.machine.binding(variable)][at] = word;
            return;
        }
        let meetings = self.meetings;
        let shared = self.shared_at(variable, at);
        assert!(shared.read != Some(meetings), "word {at} is overwritten while others may still read it");
        *shared = Shared { word, written: Some(meetings), read: None };
    }

    fn shared_at(&mut self, variable: Word, at: usize) -> &mut Shared {
        let pointer = self.machine.global(variable).and_then(|one| one.result_type).expect("a type");
        let list = ids(self.machine.global(pointer).expect("a pointer"))[0];
        let length = ids(self.machine.global(list).expect("a list"))[1];
        let words = self.constant(length) as usize * 4;
        let all = self.shared.entry(variable).or_insert_with(|| vec![Shared::default(); words]);
        &mut all[at]
    }

    fn kind(&self, id: Option<Word>) -> Kind {
        let kind = self.machine.global(id.expect("a type")).expect("a type");
        let [part, _, rows, columns, _] = ids(kind)[..] else { panic!("{kind:?} is no matrix") };
        let part = self.machine.global(part).expect("a type");
        let bits = part.operands[0].unwrap_literal_bit32();
        Kind::new((self.constant(rows), self.constant(columns)), bits, part.class.opcode == Op::TypeFloat)
    }
}
