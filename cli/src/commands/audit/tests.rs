use expect_test::{Expect, expect};

use super::*;

// Made with other people's libraries; see `accounts/tests/golden/make.mjs`.
const ONE: &[u8] = include_bytes!("../../../../accounts/tests/golden/epoch-1.json");
const TWO: &[u8] = include_bytes!("../../../../accounts/tests/golden/epoch-2.json");

fn announced_of(bytes: &[u8]) -> Announced {
    let file = EpochFile::parse(bytes).expect("an epoch file");
    let totals = file.assets.iter().map(|total| (total.asset, total.cumulative)).collect();
    Announced { epoch: file.epoch, root: file.root, data_hash: keccak256(bytes), totals }
}

fn evidence(bytes: &[u8], previous: Option<&[u8]>) -> Evidence {
    let announced = Some(announced_of(TWO));
    Evidence { bytes: bytes.to_vec(), previous: previous.map(<[u8]>::to_vec), announced, distributor: None, found: Vec::new() }
}

fn check(epoch: u64, evidence: &Evidence, expected: &Expect) {
    expected.assert_eq(&told(&judge(epoch, evidence)));
}

#[test]
fn a_true_file_adds_up() {
    check(
        2,
        &evidence(TWO, Some(ONE)),
        &expect![[r#"
        Epoch 2 adds up, and is what the chain has.
        Network      golden, chain 31337, distributor 0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1
        Credits      5 in this epoch
        Leaves       4
        Owed in all  3.704012 USDC
        Owed in all  452.055752 HFR
        Root         0x5e6d57268b89b62f1e5c76d81ac094485d5f7e61d08b50e69fc3bc1ccd5da339
        File hash    0x600aef4ad4f0eb1b04323fecea5c38ba72e4a33f899ff39d9d52b2b88e086597"#]],
    );
    let alone = Evidence { announced: None, ..evidence(ONE, None) };
    check(
        1,
        &alone,
        &expect![[r#"
        Epoch 1 adds up. It was not compared with the chain.
        Network      golden, chain 31337, distributor 0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1
        Credits      5 in this epoch
        Leaves       4
        Owed in all  2.05 USDC
        Owed in all  230.000045 HFR
        Root         0xe4109aa46e27eab9b65848a0b0d6594f493297f6058ccc064812275cd4772399
        File hash    0x1979a38c2831785ae85cf82730dcdb8ae483513363b752a2847745ed1149792e"#]],
    );
}

#[test]
fn a_false_file_is_told_with_all_that_is_wrong() {
    let text = String::from_utf8(TWO.to_vec()).expect("text");
    let richer = text.replacen("\"cumulative\":\"", "\"cumulative\":\"9", 1);
    check(
        2,
        &evidence(richer.as_bytes(), Some(ONE)),
        &expect![[r#"
        Epoch 2 does not add up:
          - the file's hash is 0x5f7e9c79b1c8a8d1c116944fe69341cb29fbe6985584c65b0271daa04a27b4e5; announced is 0x600aef4ad4f0eb1b04323fecea5c38ba72e4a33f899ff39d9d52b2b88e086597
          - 93704012 units of 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 are owed in all; announced are 3704012
          - 93704012 units of 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 are owed in all; the leaves give 3704012
        Network      golden, chain 31337, distributor 0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1
        Credits      5 in this epoch
        Leaves       4
        Owed in all  93.704012 USDC
        Owed in all  452.055752 HFR
        Root         0x5e6d57268b89b62f1e5c76d81ac094485d5f7e61d08b50e69fc3bc1ccd5da339
        File hash    0x5f7e9c79b1c8a8d1c116944fe69341cb29fbe6985584c65b0271daa04a27b4e5"#]],
    );
}

#[test]
fn another_epoch_or_another_distributor_is_no_answer() {
    let other = Evidence { distributor: Some(Address::repeat_byte(9)), announced: None, ..evidence(ONE, None) };
    check(
        2,
        &other,
        &expect![[r#"
        Epoch 2 does not add up:
          - the file is of epoch 1, not 2
          - the file is paid by 0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1, and the network pays from 0x0909090909090909090909090909090909090909
        Network      golden, chain 31337, distributor 0xD1d1d1D1d1d1D1d1D1D1D1d1d1D1D1D1d1D1d1d1
        Credits      5 in this epoch
        Leaves       4
        Owed in all  2.05 USDC
        Owed in all  230.000045 HFR
        Root         0xe4109aa46e27eab9b65848a0b0d6594f493297f6058ccc064812275cd4772399
        File hash    0x1979a38c2831785ae85cf82730dcdb8ae483513363b752a2847745ed1149792e"#]],
    );
}

#[test]
fn what_is_no_file_is_told_as_such() {
    check(
        2,
        &evidence(b"<html>", Some(ONE)),
        &expect![[r#"
        Epoch 2 does not add up:
          - the file cannot be read: could not read the epoch file: expected value at line 1 column 1
        File hash    0xa70901b3a60b9db58790811eafb51f0989693ea690d6661aad3d7e73a08c36d6"#]],
    );
}
