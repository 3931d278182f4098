//! What the chain itself says, asked of its node, beside all that is tested.

use serde_json::{Value, json};

/// `balanceOf(address)`.
const BALANCE_OF: &str = "0x70a08231";

/// The chain that jobs are paid on, and its dollar.
pub(crate) struct Chain {
    /// As people call it.
    pub(crate) name: String,
    /// What the dollar is called.
    pub(crate) symbol: String,
    decimals: usize,
    dollar: String,
    rpc_url: String,
}

impl Chain {
    /// As the testbed says it.
    pub(crate) fn of(ready: &Value) -> Self {
        let text = |key: &str| ready[key].as_str().unwrap_or_else(|| panic!("{key} of {ready}")).to_owned();
        let decimals = ready["decimals"].as_u64().and_then(|decimals| usize::try_from(decimals).ok()).expect("a few digits");
        Self { name: text("name"), symbol: text("symbol"), decimals, dollar: text("dollar"), rpc_url: text("rpc_url") }
    }

    /// How many of the dollar's smallest units lie at `account`, in the newest block.
    pub(crate) async fn balance(&self, account: &str) -> u128 {
        let digits = account.strip_prefix("0x").filter(|digits| digits.len() == 40).expect("an address");
        let call = json!({ "to": self.dollar, "data": format!("{BALANCE_OF}{:0>64}", digits.to_lowercase()) });
        let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"] });
        let answer = reqwest::Client::new().post(&self.rpc_url).json(&asked).send().await.expect("the node answers");
        let answer: Value = answer.json().await.expect("as JSON");
        let word = answer["result"].as_str().and_then(|word| word.strip_prefix("0x")).unwrap_or_else(|| panic!("{answer}"));
        u128::from_str_radix(word, 16).expect("no more than all the money of the world")
    }

    /// An amount as a page shows it, such as `0.12 USDC` or `at least 0.12 USDC`, in the dollar's smallest units.
    pub(crate) fn units(&self, shown: &str) -> u128 {
        let words: Vec<_> = shown.split_whitespace().collect();
        let [.., amount, symbol] = words[..] else { panic!("`{shown}` is no amount") };
        assert_eq!(symbol, self.symbol, "{shown}");
        let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = format!("{}{decimals:0<width$}", whole.replace(',', ""), width = self.decimals);
        digits.parse().unwrap_or_else(|error| panic!("`{shown}`: {error}"))
    }
}
