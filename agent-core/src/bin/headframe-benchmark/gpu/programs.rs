//! The kernels' text. What repeats itself is written by us and not by hand: a compiler that is told to unroll may not.

use std::fmt::Write as _;

/// Parameters of a dispatch; `common.wgsl` explains each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Params {
    pub(super) first: u32,
    pub(super) rounds: u32,
    pub(super) width4: u32,
    pub(super) depth: u32,
    pub(super) tiles: u32,
    pub(super) seed: u32,
    pub(super) c: f32,
    pub(super) low: f32,
    pub(super) span: f32,
    pub(super) left4: u32,
}

/// Parameters as the card reads them. A challenge's kernels have the most.
pub(super) type Words = [u32; PARAMS_WORDS];

/// So many words have parameters at most; kernels with fewer do not look at the rest.
pub(super) const PARAMS_WORDS: usize = 20;

impl From<Params> for Words {
    fn from(params: Params) -> Self {
        let Params { first, rounds, width4, depth, tiles, seed, c, low, span, left4 } = params;
        let mut words = [0; PARAMS_WORDS];
        words[..6].copy_from_slice(&[first, rounds, width4, depth, tiles, seed]);
        words[6..10].copy_from_slice(&[c.to_bits(), low.to_bits(), span.to_bits(), left4]);
        words
    }
}

const COMMON: &str = include_str!("../wgsl/common.wgsl");

/// Chains of a thread in the multiply-add kernel.
pub(super) const CHAINS: u32 = 8;

/// Multiply-adds of a chain in one round.
pub(super) const CHAIN_STEPS: u32 = 16;

/// What matrices are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Single precision.
    Single,
    /// Half precision, multiplied and summed in single.
    Half,
    /// Signed bytes, four of a column's rows in a word, summed in whole numbers.
    Bytes,
}

impl Element {
    /// Bytes of one.
    pub(super) const fn bytes(self) -> u32 {
        match self {
            Self::Single => 4,
            Self::Half => 2,
            Self::Bytes => 1,
        }
    }
}

pub(super) fn fill() -> String {
    format!("{COMMON}{}", include_str!("../wgsl/fill.wgsl"))
}

pub(super) fn stream() -> String {
    format!("{COMMON}{}", include_str!("../wgsl/stream.wgsl"))
}

/// Multiply-adds in single precision, or in pairs of half precision.
pub(super) fn fma(is_half: bool) -> String {
    let number = if is_half { "vec2<f16>" } else { "f32" };
    let (mut starts, mut round, mut sum) = (String::new(), String::new(), Vec::new());
    for chain in 0..CHAINS {
        let start = if is_half {
            format!("vec2<f16>(f16(start(at + {}u)), f16(start(at + {}u)))", chain * 2, chain * 2 + 1)
        } else {
            format!("start(at + {chain}u)")
        };
        writeln!(starts, "    var x{chain} = {start};").ok();
        sum.push(if is_half { format!("f32(x{chain}.x) + f32(x{chain}.y)") } else { format!("x{chain}") });
    }
    for _ in 0..CHAIN_STEPS {
        for chain in 0..CHAINS {
            writeln!(round, "        x{chain} = fma(x{chain}, x{chain}, c);").ok();
        }
    }
    let enable = if is_half { "enable f16;\n" } else { "" };
    let body = include_str!("../wgsl/fma.wgsl");
    let body = body.replace("NUMBER(p.c)", if is_half { "vec2<f16>(f16(p.c))" } else { "p.c" });
    let body =
        body.replace("NUMBER", number).replace("STARTS", &starts).replace("ROUND", &round).replace("SUM", &sum.join(" + "));
    format!("{enable}{COMMON}{body}")
}

/// A product of matrices.
pub(super) fn product(element: Element) -> String {
    let (stored, shared, sums, load) = match element {
        Element::Single => ("vec4<f32>", "vec4<f32>", "vec4<f32>", "{}"),
        Element::Half => ("vec2<u32>", "vec4<f32>", "vec4<f32>", "vec4<f32>(unpack2x16float({}.x), unpack2x16float({}.y))"),
        Element::Bytes => ("vec4<u32>", "vec4<u32>", "vec4<i32>", "{}"),
    };
    let (mut declare, mut multiply, mut store) = (String::new(), String::new(), String::new());
    for row in 0..8 {
        writeln!(declare, "    var c{row}0 = {sums}();\n    var c{row}1 = {sums}();").ok();
        let down = if row < 4 { row } else { 60 + row };
        writeln!(store, "    c[row + {down}u * p.width4] = c{row}0;\n    c[row + {down}u * p.width4 + 16u] = c{row}1;").ok();
    }
    for k in 0..16 {
        let at = k * 32;
        writeln!(multiply, "        {{\n        let x0 = sa[{at}u + tr];\n        let x1 = sa[{}u + tr];", at + 16).ok();
        writeln!(multiply, "        let y0 = sb[{at}u + tc];\n        let y1 = sb[{}u + tc];", at + 16).ok();
        for row in 0..8 {
            let x = format!("x{}.{}", row / 4, ["x", "y", "z", "w"][row % 4]);
            for column in 0..2 {
                writeln!(
                    multiply,
                    "        c{row}{column} {};",
                    term(element, &x, &format!("y{column}"), &format!("c{row}{column}"))
                )
                .ok();
            }
        }
        multiply.push_str("        }\n");
    }
    let mut body = include_str!("../wgsl/product.wgsl").to_owned();
    for loaded in ["a0", "a1", "b0", "b1"] {
        body = body.replace(&format!("LOAD({loaded})"), &load.replace("{}", loaded));
    }
    let body = body.replace("STORED", stored).replace("SUMS", sums).replace("SHARED", shared);
    let body = body.replace("DECLARE", &declare).replace("MULTIPLY", &multiply).replace("STORE", &store);
    format!("{COMMON}{body}")
}

/// What is added to a vector of sums.
fn term(element: Element, x: &str, y: &str, sum: &str) -> String {
    match element {
        Element::Single | Element::Half => format!("= fma(vec4<f32>({x}), {y}, {sum})"),
        Element::Bytes => {
            let dot = |part| format!("dot4I8Packed({x}, {y}.{part})");
            format!("+= vec4<i32>({}, {}, {}, {})", dot("x"), dot("y"), dot("z"), dot("w"))
        }
    }
}
