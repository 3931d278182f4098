//! The secret by which the coordinator knows a customer.

use std::fmt;

/// The secret by which the coordinator knows a customer. Never printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key in `text`, if it can be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (text.starts_with("hfk_") && text.len() <= 256 && printable).then(|| Self(text.to_owned()))
    }

    /// For the request's header and for the file only its owner can read.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_printed() {
        let key = ApiKey::parse("hfk_0123456789abcdef0123456789abcdef_secret\n").expect("a key with the newline of a terminal");
        assert!(!format!("{key:?}").contains("secret"));
        assert!(ApiKey::parse("hfk_with space").is_none() && ApiKey::parse("").is_none());
    }
}
