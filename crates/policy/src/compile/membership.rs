//! `in`: the tree of resources, groups and roles, and entities in sets.

use admin_schema::{Comparison, Filter, Literal, Path};
use cedar_policy_core::ast::{ExprKind, Var};
use cedar_policy_core::parser::Loc;

use super::condition::{Compiler, too_large, unsupported};
use super::known::{entity_of, is_infallible, literals};
use super::path::Spot;
use super::truth::{Guards, TooLarge, Truth};
use crate::known::Typed;
use crate::node::{Hop, Node, Test};
use crate::problem::Problem;
use crate::schema::{NAMED, PRINCIPALS};

const NAME_THEM: &str = "name the groups or roles here, such as `group::\"finance\"`";

impl Compiler<'_> {
    pub(super) fn membership(
        &self,
        expression: &Typed,
        (left, right): (&Typed, &Typed),
        guards: &Guards,
    ) -> Result<Truth, Problem> {
        let loc = expression.source_loc();
        match (self.depends(left), self.depends(right)) {
            (false, false) if entity_of(left).as_deref() == Some("group") => self.named_group(expression, left, right),
            (false, false) => self.held_role(right, loc),
            (false, true) => self.known_in(left, right, guards, loc),
            (true, false) => self.found_in(left, right, guards, loc),
            (true, true) => {
                let detail = "whether one of the resource's references is in another cannot be asked of a list; name what \
                              it must be in";
                Err(Problem::new(loc, detail))
            }
        }
    }

    /// `principal in role::"…"`
    fn held_role(&self, roles: &Typed, loc: Option<&Loc>) -> Result<Truth, Problem> {
        let names = literals(roles).ok_or_else(|| Problem::new(loc, NAME_THEM))?;
        let part = |is| Node::Role { names: names.clone(), is };
        Ok(Truth::pair(part(true), part(false), true))
    }

    /// A group, by its name, in groups or roles, where the resource is a group. If it is that one, what it says of itself
    /// counts: it may be disabled, or about to change.
    fn named_group(&self, expression: &Typed, left: &Typed, right: &Typed) -> Result<Truth, Problem> {
        let (loc, known) = (expression.source_loc(), self.known_condition(expression)?);
        let roles = match entity_of(right).as_deref() {
            Some("group") => false,
            Some("role") => true,
            _ => return Ok(known),
        };
        let own = literals(left).and_then(|mut names| names.pop());
        let (Some(own), Some(names)) = (own, literals(right)) else { return Err(Problem::new(loc, NAME_THEM)) };
        let own = Filter::Compare { path: Path::Name, op: Comparison::Eq, value: Literal::Text(own) };
        let own = Truth::test(&[], Test::Fixed(own), None, true);
        let member = Truth::test(&[], Test::Member { names, roles, kind: "group".to_owned() }, None, true);
        own.choose(member, known).map_err(|TooLarge| too_large(loc))
    }

    /// What is known in what the resource says.
    fn known_in(&self, left: &Typed, right: &Typed, guards: &Guards, loc: Option<&Loc>) -> Result<Truth, Problem> {
        let found = self.resolve(right)?;
        let from = entity_of(left);
        let is_principal = matches!(left.expr_kind(), ExprKind::Var(Var::Principal));
        match &found.spot {
            Spot::Resource if NAMED.contains(&self.place.resource.name.as_str()) => {
                match (is_principal, from.as_deref()) {
                    (true, _) => {
                        let role = self.place.resource.name == "role";
                        Ok(Truth::test(&[], Test::Bears { role }, None, true))
                    }
                    (false, Some("group" | "role" | "user" | "client")) => {
                        let detail = "whether the resource holds this cannot be asked; ask `principal in resource`";
                        Err(Problem::new(loc, detail))
                    }
                    _ => Ok(Truth::constant(false)),
                }
            }
            // What holds nothing can only be equal.
            Spot::Resource if from.as_ref() == Some(&self.place.resource.name) => self.one_of(right, left, guards, loc),
            Spot::Resource => Ok(Truth::constant(false)),
            Spot::Reference { type_name, .. } if from.as_ref() == Some(type_name) => {
                self.one_of(right, left, guards, loc)
            }
            Spot::Set { type_name, .. } if from.is_some() && from == *type_name => {
                self.contains(right, left, guards, loc)
            }
            Spot::Reference { path, .. } | Spot::Set { path, .. } => {
                let guard = self.guard(&found.hops, path, guards);
                Ok(Truth::test(&found.hops, Test::Fixed(Filter::False), guard, is_infallible(left)))
            }
            _ => Err(unsupported(loc)),
        }
    }

    /// The resource, or what it refers to, in what is known.
    fn found_in(&self, left: &Typed, right: &Typed, guards: &Guards, loc: Option<&Loc>) -> Result<Truth, Problem> {
        let found = self.resolve(left)?;
        let (name, path) = match &found.spot {
            Spot::Resource => (self.place.resource.name.clone(), None),
            Spot::Reference { path, type_name } => (type_name.clone(), Some(path.clone())),
            _ => return Err(unsupported(loc)),
        };
        let target = entity_of(right);
        let test = match target.as_deref() {
            Some("Resource") => {
                let Some(nodes) = self.hole(right)? else { return Ok(Truth::failure()) };
                Test::Below { nodes }
            }
            Some("group" | "role") if PRINCIPALS.contains(&name.as_str()) || name == "group" => {
                let names = literals(right).ok_or_else(|| Problem::new(loc, NAME_THEM))?;
                Test::Member { names, roles: target.as_deref() == Some("role"), kind: name.clone() }
            }
            Some(other) if other == name => return self.one_of(left, right, guards, loc),
            _ => Test::Fixed(Filter::False),
        };
        let Some(path) = path else { return Ok(Truth::test(&found.hops, test, None, true)) };
        let guard = self.guard(&found.hops, &path, guards);
        let test = Test::Through { hop: Hop { path, type_name: name }, test: Box::new(test) };
        Ok(Truth::test(&found.hops, test, guard, true))
    }
}
