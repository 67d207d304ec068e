//! When a condition is true and when it is false; where it is neither, it fails.

use admin_schema::{Filter, Path};

use crate::bounds::MAX_NODES;
use crate::node::{Hop, Leaf, Node, Test};

/// A condition: a filter for when it is true, and one for when it is false. Cedar's errors are what neither holds.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) yes: Node,
    pub(crate) no: Node,
    /// Whether it never fails, so that it is either true or false.
    pub(crate) total: bool,
    yes_size: usize,
    no_size: usize,
}

/// A condition would have more than [`MAX_NODES`] parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

impl Truth {
    pub(crate) fn constant(is: bool) -> Truth {
        Truth { yes: Node::constant(is), no: Node::constant(!is), total: true, yes_size: 1, no_size: 1 }
    }

    /// What fails always.
    pub(crate) fn failure() -> Truth {
        Truth { no: Node::Never, total: false, ..Truth::constant(false) }
    }

    pub(crate) fn pair(yes: Node, no: Node, total: bool) -> Truth {
        Truth { yes, no, total, yes_size: 1, no_size: 1 }
    }

    /// A test of what the references `hops` lead to; `guard` is what must be there besides. `infallible` are its holes.
    pub(crate) fn test(hops: &[Hop], test: Test, guard: Option<Path>, infallible: bool) -> Truth {
        match &test {
            Test::Fixed(Filter::True) if hops.is_empty() && guard.is_none() => return Truth::constant(true),
            Test::Fixed(Filter::False) if hops.is_empty() && guard.is_none() => return Truth::constant(false),
            _ => {}
        }
        let total = hops.is_empty() && guard.is_none() && infallible;
        let yes = Leaf { hops: hops.to_vec(), test: test.clone(), is: true, guard: guard.clone() };
        let no = Leaf { hops: hops.to_vec(), test, is: false, guard };
        Truth::pair(Node::Leaf(Box::new(yes)), Node::Leaf(Box::new(no)), total)
    }

    pub(crate) fn not(self) -> Truth {
        let Truth { yes, no, total, yes_size, no_size } = self;
        Truth { yes: no, no: yes, total, yes_size: no_size, no_size: yes_size }
    }

    /// `self && other`: true where both are, false where the first is, or where the first is true and the second false.
    pub(crate) fn and(self, other: Truth) -> Result<Truth, TooLarge> {
        let no_size = self.no_size + other.no_size + if self.total { 0 } else { self.yes_size };
        let yes_size = self.yes_size + other.yes_size;
        fits(yes_size)?;
        fits(no_size)?;
        let second = if self.total { other.no } else { self.yes.clone().and(other.no) };
        Ok(Truth {
            total: self.total && other.total,
            yes: self.yes.and(other.yes),
            no: self.no.or(second),
            yes_size,
            no_size,
        })
    }

    /// `self || other`
    pub(crate) fn or(self, other: Truth) -> Result<Truth, TooLarge> {
        Ok(self.not().and(other.not())?.not())
    }

    /// `if self then one else other`
    pub(crate) fn choose(self, one: Truth, other: Truth) -> Result<Truth, TooLarge> {
        let yes_size = self.yes_size + one.yes_size + self.no_size + other.yes_size;
        let no_size = self.yes_size + one.no_size + self.no_size + other.no_size;
        fits(yes_size)?;
        fits(no_size)?;
        Ok(Truth {
            total: self.total && one.total && other.total,
            yes: self.yes.clone().and(one.yes).or(self.no.clone().and(other.yes)),
            no: self.yes.and(one.no).or(self.no.and(other.no)),
            yes_size,
            no_size,
        })
    }
}

fn fits(size: usize) -> Result<(), TooLarge> {
    if size > MAX_NODES { Err(TooLarge) } else { Ok(()) }
}

/// What is surely there, since a `has` to the left said so.
#[derive(Clone, Default, Debug)]
pub(crate) struct Guards {
    present: Vec<(Vec<Hop>, Path)>,
}

impl Guards {
    pub(crate) fn one(hops: &[Hop], path: Path) -> Guards {
        Guards { present: vec![(hops.to_vec(), path)] }
    }

    pub(crate) fn extend(&mut self, other: Guards) {
        self.present.extend(other.present);
    }

    /// These and the others.
    pub(crate) fn with(&self, other: Guards) -> Guards {
        let mut both = self.clone();
        both.extend(other);
        both
    }

    /// Whether something is surely at the path, or below it.
    pub(crate) fn hold(&self, hops: &[Hop], path: &Path) -> bool {
        self.present.iter().any(|(known_hops, known)| {
            known_hops == hops
                && match (known, path) {
                    (Path::Attribute(known), Path::Attribute(path)) => known.starts_with(path),
                    (known, path) => known == path,
                }
        })
    }
}
