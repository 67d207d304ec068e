//! What is known when somebody asks: who, with which roles and groups, and in which circumstances.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use admin_types::{Resource, ResourceId, Timestamp};

/// The most elements that a set of the principal's may have; a longer one counts as missing.
pub const MAX_SET: usize = 1000;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The user or the client.
    pub principal: Resource,
    /// The names of the roles it has everywhere, through groups too.
    pub roles: BTreeSet<String>,
    /// The names of the groups it is in, through groups too.
    pub groups: BTreeSet<String>,
    /// Roles, by name, that it has only for some resources and what lies below them.
    pub scoped: BTreeMap<String, BTreeSet<ResourceId>>,
    /// The org's groups.
    pub directory: Arc<Directory>,
}

/// In which circumstances.
#[derive(Clone, PartialEq, Debug)]
pub struct Context {
    /// Now.
    pub time: Timestamp,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The request's id.
    pub request_id: String,
    /// How the principal proved who it is, such as `password`.
    pub auth_method: String,
    /// How long ago it did.
    pub auth_age_seconds: i64,
}

/// The groups of an org: which groups and roles each is in, through other groups too.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Directory {
    above: BTreeMap<String, Above>,
    within: BTreeMap<String, BTreeSet<String>>,
    holders: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, PartialEq, Default, Debug)]
struct Above {
    groups: BTreeSet<String>,
    roles: BTreeSet<String>,
}

/// Nothing.
static NONE: BTreeSet<String> = BTreeSet::new();

impl Directory {
    /// From each group's name, the names of the groups that it is in, and of the roles that its members have. Circles are no
    /// error: groups in a circle have the same members.
    pub fn new(groups: impl IntoIterator<Item = (String, Vec<String>, Vec<String>)>) -> Directory {
        let direct: BTreeMap<String, (Vec<String>, Vec<String>)> =
            groups.into_iter().map(|(name, groups, roles)| (name, (groups, roles))).collect();
        let mut directory = Directory::default();
        for (name, (groups, roles)) in &direct {
            let mut above = Above { groups: BTreeSet::new(), roles: roles.iter().cloned().collect() };
            let mut open: Vec<&String> = groups.iter().collect();
            while let Some(next) = open.pop() {
                if next == name || !above.groups.insert(next.clone()) {
                    continue;
                }
                if let Some((groups, roles)) = direct.get(next) {
                    open.extend(groups);
                    above.roles.extend(roles.iter().cloned());
                }
            }
            for group in &above.groups {
                directory.within.entry(group.clone()).or_default().insert(name.clone());
            }
            for role in &above.roles {
                directory.holders.entry(role.clone()).or_default().insert(name.clone());
            }
            directory.above.insert(name.clone(), above);
        }
        directory
    }

    /// The groups that the group is in, without itself.
    pub fn groups_of(&self, group: &str) -> &BTreeSet<String> {
        self.above.get(group).map_or(&NONE, |above| &above.groups)
    }

    /// The roles that members of the group have.
    pub fn roles_of(&self, group: &str) -> &BTreeSet<String> {
        self.above.get(group).map_or(&NONE, |above| &above.roles)
    }

    /// The groups that are in the group, without itself.
    pub fn groups_within(&self, group: &str) -> &BTreeSet<String> {
        self.within.get(group).unwrap_or(&NONE)
    }

    /// The groups whose members have the role.
    pub fn groups_with(&self, role: &str) -> &BTreeSet<String> {
        self.holders.get(role).unwrap_or(&NONE)
    }

    /// The names of all groups.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.above.keys()
    }

    /// The names given, and all groups that these are in.
    pub fn close<'a>(&self, groups: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut closed = BTreeSet::new();
        for group in groups {
            closed.insert(group.to_owned());
            closed.extend(self.groups_of(group).iter().cloned());
        }
        closed
    }
}

/// The texts in the array attribute `name`, such as `roles`; none when there is no such array.
pub(crate) fn names<'a>(resource: &'a Resource, name: &str) -> impl Iterator<Item = &'a str> {
    let items = resource.attributes.get(name).and_then(serde_json::Value::as_array);
    items.into_iter().flatten().filter_map(serde_json::Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_in_groups_and_circles_end() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let directory = Directory::new([
            ("a".to_owned(), list(&["b"]), list(&["r"])),
            ("b".to_owned(), list(&["c", "missing"]), list(&[])),
            ("c".to_owned(), list(&["a"]), list(&["s"])),
        ]);
        assert_eq!(directory.groups_of("a").iter().collect::<Vec<_>>(), ["b", "c", "missing"]);
        assert_eq!(directory.roles_of("b").iter().collect::<Vec<_>>(), ["r", "s"]);
        assert_eq!(directory.groups_within("missing").iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(directory.groups_with("s").len(), 3);
        assert_eq!(directory.close(["c"]).len(), 4);
    }
}
