//! The one place where a decision is asked for.

use admin_types::{Error, Principal, Result, Role};

use crate::TypeEntry;

/// What is to be done to resources of a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Read,
    Create,
    Update,
    Delete,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }
}

/// Allows the principal to do `verb` to resources of a type, or says which role it would take.
pub(crate) fn decide(principal: &Principal, verb: Verb, entry: &TypeEntry) -> Result<()> {
    let needed = match verb {
        Verb::Read => Role::Viewer,
        _ if entry.builtin => Role::Owner,
        _ => Role::Editor,
    };
    allow(principal, needed, format_args!("`{}.{}`", entry.definition.name, verb.as_str()))
}

/// Allows the principal to read what belongs to no one type, such as events.
pub(crate) fn decide_read(principal: &Principal, what: &str) -> Result<()> {
    allow(principal, Role::Viewer, format_args!("reading {what}"))
}

fn allow(principal: &Principal, needed: Role, action: std::fmt::Arguments<'_>) -> Result<()> {
    if principal.roles.iter().any(|role| *role >= needed) {
        return Ok(());
    }
    let role = format!("{needed:?}").to_lowercase();
    Err(Error::forbidden(format!("{action} needs the role {role}. Ask an owner of the org for it.")))
}
