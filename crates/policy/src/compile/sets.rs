//! Comparisons, and `contains` with its kin.

use admin_schema::{Comparison, Filter, Path};
use cedar_policy_core::ast::BinaryOp;
use cedar_policy_core::parser::Loc;

use super::condition::{Compiler, unsupported};
use super::known::{entity_of, is_infallible};
use super::path::Spot;
use super::truth::{Guards, Truth};
use crate::known::Typed;
use crate::node::{Scalar, Test};
use crate::problem::Problem;

const TWO_PATHS: &str = "this compares two attributes of resources, which a list cannot; compare each with a value, or keep \
                         the result in an attribute of its own";

impl Compiler<'_> {
    /// `==`, `<` and `<=`; Cedar writes all others by these and `!`.
    pub(super) fn compare(
        &self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        guards: &Guards,
        loc: Option<&Loc>,
    ) -> Result<Truth, Problem> {
        let (path, value, op) = match (self.depends(left), self.depends(right), op) {
            (true, true, _) => return Err(Problem::new(loc, TWO_PATHS)),
            (_, _, BinaryOp::Eq) if self.depends(left) => (left, right, Comparison::Eq),
            (_, _, BinaryOp::Eq) => (right, left, Comparison::Eq),
            (true, _, BinaryOp::Less) => (left, right, Comparison::Lt),
            (true, _, _) => (left, right, Comparison::Le),
            (false, _, BinaryOp::Less) => (right, left, Comparison::Gt),
            (false, _, _) => (right, left, Comparison::Ge),
        };
        let found = self.resolve(path)?;
        let Some(hole) = self.hole(value)? else { return Ok(Truth::failure()) };
        let infallible = is_infallible(value);
        let never = |guard: Option<Path>| Truth::test(&found.hops, Test::Fixed(Filter::False), guard, infallible);
        let (path, scalar) = match found.spot {
            Spot::Scalar { path, scalar } => (path, scalar),
            Spot::Resource if entity_of(value).as_ref() != Some(&self.place.resource.name) => return Ok(never(None)),
            Spot::Resource => self.own_entity(),
            Spot::Reference { path, type_name } => {
                if entity_of(value).as_ref() != Some(&type_name) {
                    return Ok(never(self.guard(&found.hops, &path, guards)));
                }
                let scalar = reference_scalar(&path, &type_name);
                (path, scalar)
            }
            Spot::Time { path } => {
                let test = Test::Time { path, op, value: hole };
                return Ok(Truth::test(&found.hops, test, None, infallible));
            }
            Spot::Set { .. } | Spot::Labels => {
                let detail = "a set of the resource's cannot be compared as a whole; ask by `contains`, `containsAll` or \
                              `containsAny` what is in it";
                return Err(Problem::new(loc, detail));
            }
            Spot::Record { .. } => {
                let detail =
                    "an object of the resource's cannot be compared as a whole; compare its members one by one";
                return Err(Problem::new(loc, detail));
            }
        };
        let guard = self.guard(&found.hops, &path, guards);
        let test = Test::Compare { path, op, value: hole, scalar };
        Ok(Truth::test(&found.hops, test, guard, infallible))
    }

    /// How the resource itself is compared with an entity of its type.
    pub(super) fn own_entity(&self) -> (Path, Scalar) {
        let kind = self.place.resource;
        if kind.is_named() { (Path::Name, Scalar::Name) } else { (Path::Id, Scalar::Id(kind.name.clone())) }
    }

    /// `set.contains(value)`
    pub(super) fn contains(
        &self,
        set: &Typed,
        value: &Typed,
        guards: &Guards,
        loc: Option<&Loc>,
    ) -> Result<Truth, Problem> {
        if !self.depends(set) {
            return self.one_of(value, set, guards, loc);
        }
        if self.depends(value) {
            return Err(Problem::new(loc, TWO_PATHS));
        }
        let found = self.resolve(set)?;
        let Some(hole) = self.hole(value)? else { return Ok(Truth::failure()) };
        let (test, guard) = match found.spot {
            Spot::Set { path, scalar, .. } => {
                let guard = self.guard(&found.hops, &path, guards);
                (Test::Element { path, value: hole, scalar }, guard)
            }
            Spot::Labels => (Test::Label { text: hole }, None),
            _ => return Err(unsupported(loc)),
        };
        Ok(Truth::test(&found.hops, test, guard, is_infallible(value)))
    }

    /// Whether what the path leads to is one of the values of a known set, or is the one known entity.
    pub(super) fn one_of(
        &self,
        path: &Typed,
        values: &Typed,
        guards: &Guards,
        loc: Option<&Loc>,
    ) -> Result<Truth, Problem> {
        let found = self.resolve(path)?;
        let Some(hole) = self.hole(values)? else { return Ok(Truth::failure()) };
        let (path, scalar) = match found.spot {
            Spot::Scalar { path, scalar } => (path, scalar),
            Spot::Resource => self.own_entity(),
            Spot::Reference { path, type_name } => {
                let scalar = reference_scalar(&path, &type_name);
                (path, scalar)
            }
            Spot::Time { .. } => {
                let detail = "a time cannot be looked up in a set; compare it by `==`, `<` or `>`";
                return Err(Problem::new(loc, detail));
            }
            _ => return Err(unsupported(loc)),
        };
        let guard = self.guard(&found.hops, &path, guards);
        Ok(Truth::test(&found.hops, Test::OneOf { path, values: hole, scalar }, guard, is_infallible(values)))
    }

    /// `containsAll` and `containsAny`
    pub(super) fn contains_many(
        &self,
        left: &Typed,
        right: &Typed,
        all: bool,
        guards: &Guards,
        loc: Option<&Loc>,
    ) -> Result<Truth, Problem> {
        let (path, values) = match (self.depends(left), self.depends(right)) {
            (true, true) => return Err(Problem::new(loc, TWO_PATHS)),
            (true, false) => (left, right),
            // The order does not matter to `containsAny`.
            _ if !all => (right, left),
            _ => {
                let detail = "whether all that the resource has is in a set cannot be asked of a list; ask by `containsAny` \
                              for what must not be there";
                return Err(Problem::new(loc, detail));
            }
        };
        let found = self.resolve(path)?;
        let Some(hole) = self.hole(values)? else { return Ok(Truth::failure()) };
        let (test, guard) = match found.spot {
            Spot::Set { path, scalar, .. } => {
                let guard = self.guard(&found.hops, &path, guards);
                (Test::Elements { path, values: hole, scalar, all }, guard)
            }
            Spot::Labels => (Test::Labels { texts: hole, all }, None),
            _ => return Err(unsupported(loc)),
        };
        Ok(Truth::test(&found.hops, test, guard, is_infallible(values)))
    }
}

pub(super) fn reference_scalar(path: &Path, type_name: &str) -> Scalar {
    match path {
        Path::Parent => Scalar::Id(type_name.to_owned()),
        _ => Scalar::Reference,
    }
}
