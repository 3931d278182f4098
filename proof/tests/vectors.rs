//! The numbers on `docs/proof.md`: whoever writes another prover compares with these.

use headframe_proof::{Parameters, Prover as _, Reference};
use headframe_protocol::challenge::Digest;

#[test]
fn the_roots_of_the_page_hold() {
    let counting: [u8; 32] = std::array::from_fn(|at| at as u8);
    let parameters = Parameters::new(64, 20).and_then(|all| all.keeping(5)).expect("within bounds");
    let mut prover = Reference::of(&Digest::from_bytes(counting), parameters).expect("it fits");
    let roots = prover.roots();
    let answer = prover.remember(&Digest::from_bytes([7; 32]), 10).expect("it reads");
    let found = [("C_0", roots[0]), ("C_19", roots[19]), ("round 0", answer[0]), ("round 19", answer[19])];
    let page = include_str!("../../docs/proof.md");
    let lines: Vec<_> = found.iter().map(|(name, digest)| format!("| {name} | `{digest}` |")).collect();
    assert!(page.contains(&lines.join("\n")), "the page should say\n{}", lines.join("\n"));
}
