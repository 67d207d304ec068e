//! A compiled condition: a filter with holes for what is known only when somebody asks.

use admin_schema::{Comparison, Filter, Path};
use cedar_policy_core::ast::Value;

use crate::known::Typed;

/// When a condition is true, or when it is false. Two-valued, as a filter is: a condition that fails is neither.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Always,
    Never,
    All(Vec<Node>),
    Any(Vec<Node>),
    /// A condition that does not look at the resource is so.
    Known {
        expression: Typed,
        is: bool,
    },
    /// The principal has one of the roles, everywhere or for the resource; or, it has none.
    Role {
        names: Vec<String>,
        is: bool,
    },
    /// A test of the resource.
    Leaf(Box<Leaf>),
}

/// A test of the resource, or of one that it refers to.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The references that lead to what is tested, in order. Where one leads nowhere, the test neither holds nor does not.
    pub(crate) hops: Vec<Hop>,
    pub(crate) test: Test,
    /// Whether the test must hold, or must not.
    pub(crate) is: bool,
    /// What must be there for the test not to hold, unless it surely is.
    pub(crate) guard: Option<Path>,
}

/// A reference to a resource of a type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hop {
    pub(crate) path: Path,
    pub(crate) type_name: String,
}

/// A value for the filter.
#[derive(Clone, Debug)]
pub(crate) enum Hole {
    /// Known already.
    Value(Value),
    /// Known when somebody asks.
    Expression(Typed),
}

/// What is at a path, and so what kind of literal it is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scalar {
    Text,
    Integer,
    Boolean,
    /// A reference in an attribute: an id as text.
    Reference,
    /// The resource's own id, or its parent's; the ids of this type.
    Id(String),
    /// The resource itself, where entities are named by name.
    Name,
}

/// Tests with holes.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// Without a hole.
    Fixed(Filter),
    /// The scalar compares so with the value.
    Compare { path: Path, op: Comparison, value: Hole, scalar: Scalar },
    /// The instant, cut to milliseconds, compares so with the value.
    Time { path: Path, op: Comparison, value: Hole },
    /// The array contains the value.
    Element { path: Path, value: Hole, scalar: Scalar },
    /// The array contains all, or one, of the values.
    Elements { path: Path, values: Hole, scalar: Scalar, all: bool },
    /// The scalar is one of the values.
    OneOf { path: Path, values: Hole, scalar: Scalar },
    /// The labels contain the text `key=value`.
    Label { text: Hole },
    /// The labels contain all, or one, of the texts.
    Labels { texts: Hole, all: bool },
    /// The user, client or group is in one of the groups, or has one of the roles.
    Member { names: Vec<String>, roles: bool, kind: String },
    /// The principal is in the group, or has the role, that the resource is.
    Bears { role: bool },
    /// The resource is, or lies below, one of these nodes of the tree.
    Below { nodes: Hole },
    /// The resource that the reference leads to passes the test. When it leads nowhere, the test does not hold.
    Through { hop: Hop, test: Box<Test> },
}

impl Node {
    pub(crate) fn constant(is: bool) -> Node {
        if is { Node::Always } else { Node::Never }
    }

    /// Both, simplified.
    pub(crate) fn and(self, other: Node) -> Node {
        match (self, other) {
            (Node::Never, _) | (_, Node::Never) => Node::Never,
            (Node::Always, other) | (other, Node::Always) => other,
            (Node::All(mut parts), Node::All(more)) => {
                parts.extend(more);
                Node::All(parts)
            }
            (Node::All(mut parts), other) => {
                parts.push(other);
                Node::All(parts)
            }
            (first, Node::All(mut parts)) => {
                parts.insert(0, first);
                Node::All(parts)
            }
            (first, second) => Node::All(vec![first, second]),
        }
    }

    /// At least one, simplified.
    pub(crate) fn or(self, other: Node) -> Node {
        match (self, other) {
            (Node::Always, _) | (_, Node::Always) => Node::Always,
            (Node::Never, other) | (other, Node::Never) => other,
            (Node::Any(mut parts), Node::Any(more)) => {
                parts.extend(more);
                Node::Any(parts)
            }
            (Node::Any(mut parts), other) => {
                parts.push(other);
                Node::Any(parts)
            }
            (first, Node::Any(mut parts)) => {
                parts.insert(0, first);
                Node::Any(parts)
            }
            (first, second) => Node::Any(vec![first, second]),
        }
    }
}
