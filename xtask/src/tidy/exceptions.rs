//! `tidy.toml`: what is excused, and why.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Finding;

/// Shorter than this, a reason is a grunt.
const REASON_CHARS_MIN: usize = 20;

/// All exceptions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
}

/// One exception: a rule in a file, or one item of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    item: Option<String>,
    reason: String,
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let item = self.item.as_ref().is_none_or(|item| *item == finding.item);
        self.rule == finding.rule && self.path == finding.path && item
    }
}

impl Exceptions {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let exceptions: Self = toml::from_str(text)?;
        if let Some(mute) = exceptions.exception.iter().find(|exception| exception.reason.len() < REASON_CHARS_MIN) {
            bail!("the exception from `{}` for {} needs a reason that a stranger understands", mute.rule, mute.path);
        }
        Ok(exceptions)
    }

    pub(super) fn len(&self) -> usize {
        self.exception.len()
    }

    /// What is left of the findings, and the exceptions that excused nothing.
    pub(super) fn excuse(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let idle = self.exception.iter().filter(|exception| !findings.iter().any(|finding| exception.covers(finding)));
        let mut left: Vec<Finding> = idle
            .map(|exception| {
                let text = format!("excuses nothing any more: `{}` for {}", exception.rule, exception.path);
                Finding::new("exception", "xtask/tidy.toml", &exception.path, text)
            })
            .collect();
        left.extend(findings.into_iter().filter(|finding| !self.exception.iter().any(|exception| exception.covers(finding))));
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[exception]]\nrule = \"file-size\"\npath = \"a.rs\"\nreason = \"a table that reads best whole\"";

    #[test]
    fn an_excused_finding_is_gone_and_others_stay() {
        let exceptions = Exceptions::parse(ONE).expect("it is well formed");
        let findings = vec![Finding::new("file-size", "a.rs", "", "x"), Finding::new("file-size", "b.rs", "", "x")];
        let left = exceptions.excuse(findings);
        assert_eq!(left.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(), ["b.rs"]);
    }

    #[test]
    fn an_exception_that_excuses_nothing_is_a_finding() {
        let exceptions = Exceptions::parse(ONE).expect("it is well formed");
        assert_eq!(exceptions.excuse(vec![])[0].rule, "exception");
    }

    #[test]
    fn an_exception_without_a_real_reason_is_refused() {
        assert!(Exceptions::parse(&ONE.replace("a table that reads best whole", "big")).is_err());
    }
}
