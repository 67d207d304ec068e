//! Turns a statement, for one type and verb and one type of principal, into conditions with holes.
//!
//! The source is the tree that Cedar's typechecker returns for that very case, so that each part has its type, and what
//! can never be reached is gone.

mod condition;
mod known;
mod membership;
mod path;
mod sets;
mod truth;

use cedar_policy_core::ast::{ExprBuilder, ExprKind, Literal, Template, Var};
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::ValidationMode;
use cedar_policy_core::validator::typecheck::{PolicyCheck, Typechecker};
use cedar_policy_core::validator::types::RequestEnv;

use self::condition::Compiler;
use self::truth::Guards;
use crate::known::{Place, Typed, parts};
use crate::node::Node;
use crate::problem::Problem;

/// What became of a statement.
#[derive(Debug)]
pub(crate) enum Compiled {
    /// It cannot apply here.
    Never,
    /// It applies where all of these hold.
    Conditions(Vec<Conjunct>),
    /// It is not valid, or cannot become a filter.
    Wrong(Vec<Problem>),
}

/// One of the conditions that all must hold.
#[derive(Clone, Debug)]
pub(crate) struct Conjunct {
    pub(crate) node: Node,
    /// As it stands in the text.
    pub(crate) text: String,
    /// The byte at which it stands there.
    pub(crate) at: usize,
    /// Whether it looks at the context.
    pub(crate) volatile: bool,
}

/// Validates a statement for the place, strictly, and compiles it.
pub(crate) fn compile(template: &Template, place: Place<'_>) -> Compiled {
    let from = template.loc().map_or(0, Loc::start);
    let Some(checked) = typecheck(template, place) else { return Compiled::Never };
    match checked {
        PolicyCheck::Success(condition) => match conjuncts(&condition, place, from) {
            Ok(conjuncts) if conjuncts.iter().any(|one| matches!(one.node, Node::Never)) => Compiled::Never,
            Ok(conjuncts) => Compiled::Conditions(conjuncts),
            Err(problem) => Compiled::Wrong(vec![problem]),
        },
        PolicyCheck::Irrelevant(errors, _) if errors.is_empty() => Compiled::Never,
        PolicyCheck::Irrelevant(errors, _) | PolicyCheck::Fail(errors) => {
            let mut problems: Vec<Problem> = errors.iter().map(|error| explain(error, place, from)).collect();
            if problems.is_empty() {
                let detail = "this cannot be checked: it nests too deep; make several statements of it";
                problems.push(Problem { at: from, detail: detail.to_owned() });
            }
            Compiled::Wrong(problems)
        }
    }
}

/// What a statement says for the place, as a text that differs where it says something else; none where it says nothing.
pub(crate) fn outline(template: &Template, place: Place<'_>) -> Option<String> {
    let PolicyCheck::Success(condition) = typecheck(template, place)? else { return None };
    // Whether something is there may be sure already: then the type says so, and nothing else.
    let asked = parts(&condition).filter(|part| matches!(part.expr_kind(), ExprKind::HasAttr { .. }));
    let asked: Vec<String> = asked.map(|part| format!("{:?}", part.data())).collect();
    Some(format!("{} {}", condition.clone().into_expr::<ExprBuilder<()>>(), asked.join(" ")))
}

/// What Cedar's typechecker says; none where the action is not there.
fn typecheck(template: &Template, place: Place<'_>) -> Option<PolicyCheck> {
    let context = place.schema.cedar.context_type(place.action)?;
    let environment = RequestEnv::DeclaredAction {
        principal: &place.principal.entity,
        action: place.action,
        resource: &place.resource.entity,
        context,
        principal_slot: None,
        resource_slot: None,
    };
    let typechecker = Typechecker::new(&place.schema.cedar, ValidationMode::Strict);
    Some(typechecker.typecheck_by_single_request_env(template, &environment))
}

/// What Cedar says, and in which case; with the reason when an attribute was left out.
fn explain(error: &cedar_policy_core::validator::ValidationError, place: Place<'_>, from: usize) -> Problem {
    use miette::Diagnostic;
    let mut problem = Problem::of_cedar(error, from);
    let label = error.labels().and_then(|mut labels| labels.next());
    let loc = error.source_code().zip(label);
    let snippet = loc.and_then(|(source, label)| Some(source.read_span(label.inner(), 0, 0).ok()?.data().to_vec()));
    let text = snippet.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    // Cedar's advice calls `e` what stands before the attribute.
    if let Some((of, _)) = text.rsplit_once('.').filter(|_| !text.contains(char::is_whitespace))
        && let Some((before, advice)) = problem.detail.split_once("with `e")
        && let Some((_, after)) = advice.split_once(" has ")
    {
        problem.detail = format!("{before}with `{of} has {after}");
    }
    let name = text.trim_end_matches([']', '"']).rsplit(['.', '"']).next().unwrap_or_default();
    if let Some(reason) = place.resource.attributes.left_out.get(name) {
        problem.detail =
            format!("{}; `{name}` of {} is not for policies: {reason}", problem.detail, place.resource.name);
    }
    let (principal, resource) = (&place.principal.name, &place.resource.name);
    problem.detail = format!("{} (where the principal is a {principal} and the resource a {resource})", problem.detail);
    problem
}

fn conjuncts(condition: &Typed, place: Place<'_>, from: usize) -> Result<Vec<Conjunct>, Problem> {
    let compiler = Compiler::new(place);
    let mut parts = vec![];
    flatten(condition, &mut parts);
    let mut guards = Guards::default();
    let mut conjuncts = vec![];
    for part in parts {
        let (truth, gained) = compiler.condition(part, &guards)?;
        guards.extend(gained);
        if matches!(truth.yes, Node::Always) {
            continue;
        }
        let text = match part.source_loc().and_then(Loc::snippet) {
            Some(text) => text.to_owned(),
            None => part.clone().into_expr::<ExprBuilder<()>>().to_string(),
        };
        let at = part.source_loc().map_or(from, Loc::start);
        conjuncts.push(Conjunct { node: truth.yes, text, at, volatile: mentions(part, Var::Context) });
    }
    Ok(conjuncts)
}

/// The parts of a chain of `&&`, in order.
fn flatten<'e>(expression: &'e Typed, parts: &mut Vec<&'e Typed>) {
    match expression.expr_kind() {
        ExprKind::And { left, right } => {
            flatten(left, parts);
            flatten(right, parts);
        }
        ExprKind::Lit(Literal::Bool(true)) => {}
        _ => parts.push(expression),
    }
}

/// Whether the variable stands anywhere in the expression.
fn mentions(expression: &Typed, variable: Var) -> bool {
    parts(expression).any(|part| matches!(part.expr_kind(), ExprKind::Var(found) if *found == variable))
}
