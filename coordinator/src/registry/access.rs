//! Who may do what with which repository. Pure.

/// What a token is asked or given for: actions on one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Such as `acme/render`.
    pub repository: String,
    /// What may be done with it.
    pub actions: Vec<Action>,
}

/// What can be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read.
    Pull,
    /// Write.
    Push,
    /// Remove.
    Delete,
}

impl Action {
    /// Its text in scopes and tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// Who asks for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A customer, by the part of the registry that is his.
    Customer {
        /// Such as `acme`.
        namespace: String,
    },
    /// A rig, for one attempt.
    Attempt {
        /// The one repository it may pull.
        repository: String,
    },
}

/// Why a scope cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `repository:<namespace>/<name>:<pull|push|delete>[,…]`")]
pub struct ParseScopeError;

/// The scopes of one request; a parameter may hold several, separated by spaces.
///
/// # Errors
/// [`ParseScopeError`] for anything that is not about a repository.
pub fn parse(parameters: &[String]) -> Result<Vec<Scope>, ParseScopeError> {
    parameters.iter().flat_map(|parameter| parameter.split(' ')).filter(|text| !text.is_empty()).map(parse_one).collect()
}

fn parse_one(text: &str) -> Result<Scope, ParseScopeError> {
    let rest = text.strip_prefix("repository:").or_else(|| text.strip_prefix("repository(plugin):")).ok_or(ParseScopeError)?;
    let (repository, actions) = rest.rsplit_once(':').ok_or(ParseScopeError)?;
    if repository.is_empty() || repository.len() > 255 || repository.chars().any(|c| c.is_control() || c == '\\') {
        return Err(ParseScopeError);
    }
    // Some clients ask for `*`; what they are not granted they do without.
    let known = |action: &str| match action {
        "pull" => Ok(vec![Action::Pull]),
        "push" => Ok(vec![Action::Push]),
        "delete" => Ok(vec![Action::Delete]),
        "*" => Ok(vec![Action::Pull, Action::Push, Action::Delete]),
        _ => Err(ParseScopeError),
    };
    let actions: Vec<Vec<Action>> =
        actions.split(',').filter(|action| !action.is_empty()).map(known).collect::<Result<_, _>>()?;
    Ok(Scope { repository: repository.to_owned(), actions: actions.concat() })
}

/// What of `asked` the caller gets. A scope of which nothing is left is not in the answer.
#[must_use]
pub fn granted(caller: &Caller, asked: &[Scope]) -> Vec<Scope> {
    let scopes = asked.iter().map(|scope| Scope {
        repository: scope.repository.clone(),
        actions: scope.actions.iter().copied().filter(|action| may(caller, &scope.repository, *action)).collect(),
    });
    scopes.filter(|scope| !scope.actions.is_empty()).collect()
}

fn may(caller: &Caller, repository: &str, action: Action) -> bool {
    match caller {
        Caller::Customer { namespace } => is_inside(namespace, repository),
        Caller::Attempt { repository: own } => own == repository && action == Action::Pull,
    }
}

/// Whether `repository` lies in `namespace`.
#[must_use]
pub fn is_inside(namespace: &str, repository: &str) -> bool {
    let name = repository.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| !name.is_empty() && name.split('/').all(|part| !part.is_empty() && part != "." && part != ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caller: &Caller, scope: &str) -> String {
        let scopes = parse(&[scope.to_owned()]).map(|asked| granted(caller, &asked));
        let show = |scope: &Scope| {
            format!("{}:{}", scope.repository, scope.actions.iter().map(|a| a.as_str()).collect::<Vec<_>>().join(","))
        };
        scopes.map_or_else(|_| "unreadable".to_owned(), |scopes| scopes.iter().map(show).collect::<Vec<_>>().join(" "))
    }

    fn acme() -> Caller {
        Caller::Customer { namespace: "acme".to_owned() }
    }

    #[test]
    fn a_customer_has_his_own_namespace_and_no_other() {
        assert_eq!(check(&acme(), "repository:acme/render:pull,push"), "acme/render:pull,push");
        for other in ["acme2/render", "other/render", "acme", "acme/", "acme/../other/x", "acme//x"] {
            assert_eq!(check(&acme(), &format!("repository:{other}:pull,push")), "", "{other}");
        }
    }

    #[test]
    fn a_mount_from_somebody_else_is_not_granted() {
        assert_eq!(check(&acme(), "repository:acme/a:pull,push repository:other/b:pull"), "acme/a:pull,push");
    }

    #[test]
    fn a_rig_only_pulls_what_it_was_told_to() {
        let rig = Caller::Attempt { repository: "acme/render".to_owned() };
        assert_eq!(check(&rig, "repository:acme/render:pull,push"), "acme/render:pull");
        assert_eq!(check(&rig, "repository:acme/other:pull"), "");
    }

    #[test]
    fn what_is_not_about_a_repository_is_unreadable() {
        for scope in ["registry:catalog:*", "repository:acme/x", "repository::pull", "repository:acme/x:fly", "x"] {
            assert_eq!(check(&acme(), scope), "unreadable", "{scope}");
        }
    }
}
