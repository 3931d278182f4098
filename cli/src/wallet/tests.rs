use alloy_primitives::address;

use super::*;

/// The first account of every practice chain; worth nothing anywhere.
const KNOWN: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

fn kept(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wallet.key");
    std::fs::write(&path, text).expect("a file");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("our own file");
    (folder, path)
}

#[test]
fn a_key_is_read_from_its_file_and_never_printed() {
    let (_folder, path) = kept(&format!("{KNOWN}\r\n"), 0o600);
    let key = WalletKey::read(&path).expect("a key");
    assert_eq!(key.address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
    assert_eq!(format!("{key:?}"), "WalletKey(0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266)");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o610, 0o601] {
        let (_folder, path) = kept(KNOWN, mode);
        assert!(matches!(WalletKey::read(&path), Err(WalletError::Exposed { .. })), "{mode:o}");
    }
}

#[test]
fn a_file_with_something_else_is_refused_and_not_repeated() {
    let zero = "0".repeat(64);
    let beyond = "f".repeat(64);
    for text in ["", "secret", &KNOWN[1..], &format!("{KNOWN}0"), &format!("0x{KNOWN}"), &format!("{KNOWN} x"), &zero, &beyond] {
        let (_folder, path) = kept(text, 0o600);
        let refused = WalletKey::read(&path).expect_err("it is no key");
        assert!(matches!(refused, WalletError::Malformed { .. }), "{text}");
        let told = crate::Error::from(crate::error::MoneyError::Wallet(refused)).sentence();
        assert!(!told.contains(&KNOWN[8..40]) && !told.contains("secret"), "{told}");
    }
    let (folder, _path) = kept("", 0o600);
    #[cfg(unix)]
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("our own folder");
    assert!(matches!(WalletKey::read(folder.path()), Err(WalletError::Malformed { .. })), "a folder is no key");
}

#[test]
fn a_key_given_instead_of_a_file_is_not_repeated() {
    for text in [KNOWN.to_owned(), format!("0x{KNOWN}"), KNOWN.to_uppercase()] {
        let path = PathBuf::from(&text);
        for refused in [WalletKey::read(&path), WalletKey::create(&path)] {
            let refused = refused.expect_err("a key is not the name of a file");
            assert!(matches!(refused, WalletError::OnCommandLine), "{refused:?}");
            assert!(!refused.to_string().contains(&text[8..40]), "{refused}");
        }
    }
}

#[test]
fn a_new_key_is_its_owners_alone_and_replaces_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new.key");
    let made = WalletKey::create(&path).expect("a writable folder");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(WalletKey::read(&path).expect("what was written").address(), made.address());
    assert!(matches!(WalletKey::create(&path), Err(WalletError::Write { .. })), "a key that is there may have money");
    assert_eq!(WalletKey::read(&path).expect("what was written").address(), made.address());
}

#[test]
fn what_the_key_signs_is_taken_by_those_who_check_it() {
    let (_folder, path) = kept(KNOWN, 0o600);
    let key = WalletKey::read(&path).expect("a key");
    let customer: CustomerId = format!("cus_{:032x}", 7).parse().expect("an id");
    let proof = key.prove("test", customer, TimestampMs::from_millis(5)).expect("a signature");
    proof.verify("test", customer).expect("it is the wallet's");
    proof.verify("other", customer).expect_err("it is said to one network");

    let order = UnsignedOrder {
        chain_id: 31_337,
        order_id: B256::repeat_byte(1),
        asset: Address::repeat_byte(2),
        max_spend: U256::from(3),
        max_fee_bps: 1_000,
        expiry: 4,
    };
    let market = Address::repeat_byte(9);
    let signed = key.order(order.clone(), market).expect("a signature");
    signed.verify(market).expect("it is the wallet's");
    signed.verify(Address::repeat_byte(8)).expect_err("it is said to one contract");
    let most = U256::from(u128::MAX) + U256::from(1);
    assert!(matches!(key.order(UnsignedOrder { max_spend: most, ..order }, market), Err(WalletError::OrderTooLarge)));
}
