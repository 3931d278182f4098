//! Writing a program in the cards' own intermediate language, SPIR-V. The portable shading language does not reach matrix units for bytes, nor
//! all their sizes, so what uses them is written here, word by word, for the sizes that the card at hand has.

use rspirv::{
    binary::Assemble as _,
    dr::{Builder, Error, InsertPoint, Instruction, Operand},
    spirv::{
        AddressingModel, BuiltIn, Capability, CooperativeMatrixLayout, CooperativeMatrixOperands, CooperativeMatrixUse,
        Decoration, ExecutionMode, ExecutionModel, FunctionControl, LoopControl, MemoryAccess, MemoryModel, MemorySemantics, Op,
        Scope, SelectionControl, StorageClass, Word,
    },
};

use super::offer::{Factor, Fragments};

/// A piece of a program, or what the writer has against it. It only has something against calls in a wrong order.
pub(super) type Written<T> = Result<T, Error>;

/// Threads of a workgroup, all in one row.
pub(super) const THREADS: u32 = 256;

/// What the one function of a program is called.
pub(super) const ENTRY: &str = "main";

/// Bytes of a vector of four words: memory is read in them, whatever lies in it.
pub(super) const QUAD_BYTES: u32 = 16;

/// A program as it is written.
pub(super) struct Text {
    b: Builder,
    function: Word,
    interface: Vec<Word>,
    fragments: Fragments,
    types: Types,
}

/// What values can be.
#[derive(Debug, Clone, Copy)]
struct Types {
    void: Word,
    truth: Word,
    word: Word,
    quad: Word,
    triple: Word,
    /// A number of a sum.
    sum: Word,
    /// Matrices: left factors, right factors, sums.
    left: Word,
    right: Word,
    sums: Word,
}

/// Where a matrix lies: in memory that the whole workgroup shares, or in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Shared,
    Buffer,
}

/// Which factor of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Types {
    fn new(b: &mut Builder, fragments: Fragments) -> Self {
        let Fragments { factor, rows, columns, depth } = fragments;
        let (void, truth, word) = (b.type_void(), b.type_bool(), b.type_int(32, 0));
        let (part, sum) = match factor {
            Factor::Half => (b.type_float(16, None), b.type_float(32, None)),
            Factor::Bytes => (b.type_int(8, 1), b.type_int(32, 1)),
        };
        let mut number = |value| b.constant_bit32(word, value);
        let scope = number(Scope::Subgroup as u32);
        let [rows, columns, depth] = [rows, columns, depth].map(&mut number);
        let [as_left, as_right, as_sums] =
            [CooperativeMatrixUse::MatrixAKHR, CooperativeMatrixUse::MatrixBKHR, CooperativeMatrixUse::MatrixAccumulatorKHR]
                .map(|how| number(how as u32));
        Self {
            left: b.type_cooperative_matrix_khr(part, scope, rows, depth, as_left),
            right: b.type_cooperative_matrix_khr(part, scope, depth, columns, as_right),
            sums: b.type_cooperative_matrix_khr(sum, scope, rows, columns, as_sums),
            quad: b.type_vector(word, 4),
            triple: b.type_vector(word, 3),
            void,
            truth,
            word,
            sum,
        }
    }
}

impl Text {
    pub(super) fn new(fragments: Fragments) -> Self {
        let mut b = Builder::new();
        // The oldest version that has all of it by extensions; whoever has matrix units reads newer ones too.
        b.set_version(1, 3);
        let of_factor = match fragments.factor {
            Factor::Half => Capability::Float16,
            Factor::Bytes => Capability::Int8,
        };
        for capability in [
            Capability::Shader,
            Capability::VulkanMemoryModel,
            Capability::GroupNonUniform,
            Capability::CooperativeMatrixKHR,
            of_factor,
        ] {
            b.capability(capability);
        }
        b.extension("SPV_KHR_vulkan_memory_model");
        b.extension("SPV_KHR_cooperative_matrix");
        b.memory_model(AddressingModel::Logical, MemoryModel::Vulkan);
        let types = Types::new(&mut b, fragments);
        let function = b.id();
        Self { b, function, interface: Vec::new(), fragments, types }
    }

    /// A number that is known while writing.
    pub(super) fn number(&mut self, value: u32) -> Word {
        self.b.constant_bit32(self.types.word, value)
    }

    fn variable(&mut self, of: Word, class: StorageClass) -> Word {
        let (pointer, id) = (self.b.type_pointer(None, class, of), self.b.id());
        let variable = Instruction::new(Op::Variable, Some(pointer), Some(id), vec![Operand::StorageClass(class)]);
        // The writer's own call would put it into the function once that has begun.
        self.b.insert_types_global_values(InsertPoint::End, variable);
        id
    }

    fn own(&mut self, of: Word) -> Word {
        let pointer = self.b.type_pointer(None, StorageClass::Function, of);
        self.b.variable(pointer, None, StorageClass::Function, None)
    }

    /// One of the numbers that tell a thread who it is.
    fn known(&mut self, which: BuiltIn, of: Word) -> Word {
        let variable = self.variable(of, StorageClass::Input);
        self.b.decorate(variable, Decoration::BuiltIn, [Operand::BuiltIn(which)]);
        self.interface.push(variable);
        variable
    }

    fn bound(&mut self, of: Word, class: StorageClass, binding: u32) -> Word {
        let variable = self.variable(of, class);
        self.b.decorate(variable, Decoration::DescriptorSet, [Operand::LiteralBit32(0)]);
        self.b.decorate(variable, Decoration::Binding, [Operand::LiteralBit32(binding)]);
        variable
    }

    fn block(&mut self, members: &[Word], offsets: &[u32]) -> Word {
        let id = self.b.id();
        self.b.type_struct_id(Some(id), members.iter().copied());
        self.b.decorate(id, Decoration::Block, []);
        for (member, offset) in (0..).zip(offsets) {
            self.b.member_decorate(id, member, Decoration::Offset, [Operand::LiteralBit32(*offset)]);
        }
        id
    }

    /// A buffer of quads that is read, or of sums that are written.
    pub(super) fn buffer(&mut self, binding: u32, is_read: bool) -> Word {
        let (of, bytes) = if is_read { (self.types.quad, QUAD_BYTES) } else { (self.types.sum, 4) };
        let list = self.b.id();
        self.b.type_runtime_array_id(Some(list), of);
        self.b.decorate(list, Decoration::ArrayStride, [Operand::LiteralBit32(bytes)]);
        let block = self.block(&[list], &[0]);
        let buffer = self.bound(block, StorageClass::StorageBuffer, binding);
        let decoration = if is_read { Decoration::NonWritable } else { Decoration::NonReadable };
        self.b.decorate(buffer, decoration, []);
        buffer
    }

    /// So many quads that the workgroup shares.
    pub(super) fn shared(&mut self, quads: u32) -> Word {
        let length = self.number(quads);
        let list = self.b.type_array(self.types.quad, length);
        self.variable(list, StorageClass::Workgroup)
    }

    /// Begins the function. Its own variables are asked for next, before anything else.
    pub(super) fn begin(&mut self) -> Written<()> {
        let (void, function) = (self.types.void, self.function);
        let kind = self.b.type_function(void, []);
        self.b.begin_function(void, Some(function), FunctionControl::NONE, kind)?;
        self.b.begin_block(None).map(|_| ())
    }

    /// A variable of a thread.
    pub(super) fn own_word(&mut self) -> Word {
        self.own(self.types.word)
    }

    pub(super) fn own_quad(&mut self) -> Word {
        self.own(self.types.quad)
    }

    /// Sums that a subgroup keeps.
    pub(super) fn own_sums(&mut self) -> Word {
        self.own(self.types.sums)
    }

    /// Begins sums with zeros.
    pub(super) fn clear(&mut self, sums: &[Word]) -> Written<()> {
        let zero = self.b.constant_bit32(self.types.sum, 0);
        let zeros = self.b.constant_composite(self.types.sums, [zero]);
        sums.iter().try_for_each(|sums| self.b.store(*sums, zeros, None, []))
    }

    /// The parameters of the dispatch: the first eight words of `programs::Params`.
    pub(super) fn params(&mut self) -> Written<[Word; 8]> {
        let quad = self.types.quad;
        let block = self.block(&[quad, quad], &[0, QUAD_BYTES]);
        let buffer = self.bound(block, StorageClass::Uniform, 0);
        let mut all = [0; 8];
        for member in 0..2 {
            let at = self.number(member);
            let from = self.b.type_pointer(None, StorageClass::Uniform, quad);
            let from = self.b.access_chain(from, None, buffer, [at])?;
            let loaded = self.b.load(quad, None, from, None, [])?;
            for part in 0..4 {
                all[(member * 4 + part) as usize] = self.b.composite_extract(self.types.word, None, loaded, [part])?;
            }
        }
        Ok(all)
    }

    /// Which workgroup, which thread of it, and which subgroup of it this is.
    pub(super) fn places(&mut self) -> Written<[Word; 3]> {
        let Types { word, triple, .. } = self.types;
        let group = self.known(BuiltIn::WorkgroupId, triple);
        let group = self.b.load(triple, None, group, None, [])?;
        let group = self.b.composite_extract(word, None, group, [0])?;
        let thread = self.known(BuiltIn::LocalInvocationIndex, word);
        let thread = self.b.load(word, None, thread, None, [])?;
        let subgroup = self.known(BuiltIn::SubgroupId, word);
        let subgroup = self.b.load(word, None, subgroup, None, [])?;
        Ok([group, thread, subgroup])
    }

    /// Does the rest only if a workgroup has so many subgroups: a driver chooses, and tells nobody before. Where it chose otherwise nothing is written,
    /// and the poison that is found says so.
    pub(super) fn only_with_subgroups(&mut self, count: u32, rest: impl FnOnce(&mut Self) -> Written<()>) -> Written<Vec<u32>> {
        let found = self.known(BuiltIn::NumSubgroups, self.types.word);
        let found = self.b.load(self.types.word, None, found, None, [])?;
        let count = self.number(count);
        let is_so = self.b.i_equal(self.types.truth, None, found, count)?;
        let (inside, end) = (self.b.id(), self.b.id());
        self.b.selection_merge(end, SelectionControl::NONE)?;
        self.b.branch_conditional(is_so, inside, end, [])?;
        self.b.begin_block(Some(inside))?;
        rest(self)?;
        self.b.branch(end)?;
        self.b.begin_block(Some(end))?;
        self.b.ret()?;
        self.b.end_function()?;
        Ok(self.finish())
    }

    fn finish(&mut self) -> Vec<u32> {
        self.b.entry_point(ExecutionModel::GLCompute, self.function, ENTRY, self.interface.clone());
        self.b.execution_mode(self.function, ExecutionMode::LocalSize, [THREADS, 1, 1]);
        std::mem::take(&mut self.b).module().assemble()
    }

    /// Counts the variable `at` from 0 to `until` in steps, with `each` for each.
    pub(super) fn repeat(
        &mut self,
        at: Word,
        (step, until): (u32, Word),
        each: impl FnOnce(&mut Self, Word) -> Written<()>,
    ) -> Written<()> {
        let Types { word, truth, .. } = self.types;
        let (zero, step) = (self.number(0), self.number(step));
        self.b.store(at, zero, None, [])?;
        let [head, test, body, again, end] = std::array::from_fn(|_| self.b.id());
        self.b.branch(head)?;
        self.b.begin_block(Some(head))?;
        self.b.loop_merge(end, again, LoopControl::NONE, [])?;
        self.b.branch(test)?;
        self.b.begin_block(Some(test))?;
        let now = self.b.load(word, None, at, None, [])?;
        let goes_on = self.b.u_less_than(truth, None, now, until)?;
        self.b.branch_conditional(goes_on, body, end, [])?;
        self.b.begin_block(Some(body))?;
        each(self, now)?;
        self.b.branch(again)?;
        self.b.begin_block(Some(again))?;
        let next = self.b.i_add(word, None, now, step)?;
        self.b.store(at, next, None, [])?;
        self.b.branch(head)?;
        self.b.begin_block(Some(end)).map(|_| ())
    }

    pub(super) fn plus(&mut self, a: Word, b: Word) -> Written<Word> {
        self.b.i_add(self.types.word, None, a, b)
    }

    pub(super) fn times(&mut self, a: Word, b: Word) -> Written<Word> {
        self.b.i_mul(self.types.word, None, a, b)
    }

    pub(super) fn over(&mut self, a: Word, b: Word) -> Written<Word> {
        self.b.u_div(self.types.word, None, a, b)
    }

    pub(super) fn rest_of(&mut self, a: Word, b: Word) -> Written<Word> {
        self.b.u_mod(self.types.word, None, a, b)
    }

    /// `a` where it is below `limit`, else `otherwise`.
    pub(super) fn below_or(&mut self, a: Word, limit: Word, otherwise: Word) -> Written<Word> {
        let is_below = self.b.u_less_than(self.types.truth, None, a, limit)?;
        self.b.select(self.types.word, None, is_below, a, otherwise)
    }

    fn quad_at(&mut self, place: Place, of: Word, index: Word) -> Written<Word> {
        let (class, zero) = (place.class(), self.number(0));
        let pointer = self.b.type_pointer(None, class, self.types.quad);
        match place {
            Place::Shared => self.b.access_chain(pointer, None, of, [index]),
            Place::Buffer => self.b.access_chain(pointer, None, of, [zero, index]),
        }
    }

    /// Takes a quad from a buffer into a variable.
    pub(super) fn fetch(&mut self, into: Word, buffer: Word, index: Word) -> Written<()> {
        let from = self.quad_at(Place::Buffer, buffer, index)?;
        let quad = self.b.load(self.types.quad, None, from, None, [])?;
        self.b.store(into, quad, None, [])
    }

    /// Brings a variable's quad to the others of the workgroup.
    pub(super) fn share(&mut self, shared: Word, index: Word, from: Word) -> Written<()> {
        let quad = self.b.load(self.types.quad, None, from, None, [])?;
        let to = self.quad_at(Place::Shared, shared, index)?;
        let scope = self.number(Scope::Workgroup as u32);
        let access = MemoryAccess::MAKE_POINTER_AVAILABLE | MemoryAccess::NON_PRIVATE_POINTER;
        self.b.store(to, quad, Some(access), [Operand::IdScope(scope)])
    }

    /// Waits until the whole workgroup is here and sees what was shared.
    pub(super) fn meet(&mut self) -> Written<()> {
        let scope = self.number(Scope::Workgroup as u32);
        let semantics = self.number((MemorySemantics::ACQUIRE_RELEASE | MemorySemantics::WORKGROUP_MEMORY).bits());
        self.b.control_barrier(scope, scope, semantics)
    }

    /// Loads a factor that begins at quad `index`, its lines `stride` quads apart: the left one's rows, the right one's columns.
    pub(super) fn factor(&mut self, side: Side, (place, of): (Place, Word), index: Word, stride: u32) -> Written<Word> {
        let from = self.quad_at(place, of, index)?;
        let (kind, layout) = match side {
            Side::Left => (self.types.left, CooperativeMatrixLayout::RowMajorKHR),
            Side::Right => (self.types.right, CooperativeMatrixLayout::ColumnMajorKHR),
        };
        let (layout, stride, scope) = (self.number(layout as u32), self.number(stride), self.number(Scope::Workgroup as u32));
        let (access, more) = match place {
            Place::Shared => {
                (Some(MemoryAccess::MAKE_POINTER_VISIBLE | MemoryAccess::NON_PRIVATE_POINTER), vec![Operand::IdScope(scope)])
            }
            Place::Buffer => (None, Vec::new()),
        };
        self.b.cooperative_matrix_load_khr(kind, None, from, layout, Some(stride), access, more)
    }

    pub(super) fn load_sums(&mut self, sums: Word) -> Written<Word> {
        self.b.load(self.types.sums, None, sums, None, [])
    }

    pub(super) fn store_sums(&mut self, sums: Word, value: Word) -> Written<()> {
        self.b.store(sums, value, None, [])
    }

    /// Left times right, added to sums.
    pub(super) fn multiply_add(&mut self, left: Word, right: Word, sums: Word) -> Written<Word> {
        let signed = match self.fragments.factor {
            Factor::Half => None,
            Factor::Bytes => Some(
                CooperativeMatrixOperands::MATRIX_A_SIGNED_COMPONENTS_KHR
                    | CooperativeMatrixOperands::MATRIX_B_SIGNED_COMPONENTS_KHR
                    | CooperativeMatrixOperands::MATRIX_C_SIGNED_COMPONENTS_KHR
                    | CooperativeMatrixOperands::MATRIX_RESULT_SIGNED_COMPONENTS_KHR,
            ),
        };
        self.b.cooperative_matrix_mul_add_khr(self.types.sums, None, left, right, sums, signed)
    }

    /// Writes sums to a buffer from number `index` on, their rows `stride` numbers apart.
    pub(super) fn write_sums(&mut self, buffer: Word, index: Word, stride: Word, value: Word) -> Written<()> {
        let zero = self.number(0);
        let pointer = self.b.type_pointer(None, StorageClass::StorageBuffer, self.types.sum);
        let to = self.b.access_chain(pointer, None, buffer, [zero, index])?;
        let layout = self.number(CooperativeMatrixLayout::RowMajorKHR as u32);
        self.b.cooperative_matrix_store_khr(to, value, layout, Some(stride), None, [])
    }
}

impl Place {
    const fn class(self) -> StorageClass {
        match self {
            Self::Shared => StorageClass::Workgroup,
            Self::Buffer => StorageClass::StorageBuffer,
        }
    }
}
