//! Texts of policies for a random org. They know its types, so that most are valid.

use super::{Attribute, Dice, GROUPS, INTEGERS, Kind, Org, ROLES, TEXTS, TYPES, id};
use crate::shape::Shape;

/// In seconds. None is so short that a test on a server would see it pass.
const AGES: [i64; 5] = [i64::MIN, -1, 0, 86_400, i64::MAX];

/// What an expression is, and what must be asked before it may stand there.
#[derive(Clone, Debug)]
struct Path {
    text: String,
    guards: Vec<String>,
    kind: Kind,
}

/// For whom a policy is written.
struct Writer<'a> {
    org: &'a Org,
    resource: String,
    principal: String,
}

/// The text of a policy of one to three statements.
pub(super) fn policy(org: &Org, dice: &mut Dice) -> String {
    (0..dice.between(1, 3)).map(|_| statement(org, dice)).collect::<Vec<_>>().join("\n")
}

fn statement(org: &Org, dice: &mut Dice) -> String {
    let resource = dice.pick(&["alpha", "alpha", "beta", "beta", "user", "group", "role", "client"]).to_owned();
    let principal = dice.pick(&[org.facts.principal.type_name.as_str(), "user"]).to_owned();
    let writer = Writer { org, resource: resource.clone(), principal: principal.clone() };
    let effect = dice.pick(&["permit", "permit", "forbid"]);
    let role = dice.pick(&ROLES);
    let group = dice.pick(&GROUPS);
    let who = match dice.between(0, 4) {
        0 => format!("principal is {principal} in role::\"{role}\""),
        1 => format!("principal is {principal} in group::\"{group}\""),
        2 => format!("principal == {principal}::\"{}\"", org.facts.principal.id),
        _ => format!("principal is {principal}"),
    };
    let action = match dice.between(0, 3) {
        0 => "action in Action::\"resource.read\"".to_owned(),
        1 => format!("action in [Action::\"{resource}.read\", Action::\"{resource}.update\"]"),
        _ => format!("action == Action::\"{resource}.read\""),
    };
    let what = match dice.between(0, 5) {
        0 => format!("resource is {resource} in Resource::\"{}\"", writer.node(dice)),
        1 => format!("resource == {resource}::\"{}\"", writer.entity(dice, &resource)),
        _ => format!("resource is {resource}"),
    };
    let clause = dice.pick(&["when", "when", "unless"]);
    let condition = writer.condition(dice, 3);
    format!("{effect} ({who}, {action}, {what}) {clause} {{ {condition} }};")
}

impl Writer<'_> {
    fn condition(&self, dice: &mut Dice, depth: usize) -> String {
        let inner = |dice: &mut Dice| self.condition(dice, depth.saturating_sub(1));
        match if depth == 0 { 9 } else { dice.between(0, 12) } {
            0 | 1 => format!("({} && {})", inner(dice), inner(dice)),
            2 | 3 => format!("({} || {})", inner(dice), inner(dice)),
            4 => format!("!({})", inner(dice)),
            5 => format!("(if {} then {} else {})", inner(dice), inner(dice), inner(dice)),
            _ => self.leaf(dice),
        }
    }

    fn leaf(&self, dice: &mut Dice) -> String {
        match dice.between(0, 13) {
            0 => self.core(dice),
            1 => self.tree(dice),
            2 => self.roles(dice),
            3 => self.known(dice),
            4 => {
                let path = self.path(dice);
                format!("({})", path.guards.last().cloned().unwrap_or_else(|| "true".to_owned()))
            }
            _ => {
                let path = self.path(dice);
                let test = self.test(dice, &path);
                let guards = if dice.chance(40) { &path.guards[..path.guards.len().min(1)] } else { &path.guards[..] };
                let parts: Vec<String> = guards.iter().cloned().chain([test]).collect();
                format!("({})", parts.join(" && "))
            }
        }
    }

    /// A path to an attribute, through references now and then.
    fn path(&self, dice: &mut Dice) -> Path {
        let mut kind = self.resource.clone();
        let mut base =
            Path { text: "resource".to_owned(), guards: vec![], kind: Kind::One(Shape::Reference(kind.clone())) };
        for _ in 0..3 {
            let definition = self.org.types.iter().find(|one| one.name == kind);
            if let Some(parent) = definition.and_then(|one| one.parent.clone())
                && dice.chance(3)
            {
                base.guards.push(format!("{} has parent", base.text));
                base.text = format!("{}.parent", base.text);
                base.kind = Kind::One(Shape::Reference(parent.clone()));
                kind = parent;
                continue;
            }
            if base.text != "resource" && dice.chance(5) {
                break;
            }
            let entity = base.text.clone();
            base = self.attribute(dice, &base, &self.org.fields[&kind]);
            // Some look at the core fields of what a reference leads to.
            match &base.kind {
                Kind::One(Shape::Reference(to)) if base.text != entity && dice.chance(2) => kind = to.clone(),
                _ => break,
            }
        }
        base
    }

    fn attribute(&self, dice: &mut Dice, base: &Path, attributes: &[Attribute]) -> Path {
        let mut path = base.clone();
        path.text.push_str(".attributes");
        let mut attributes = attributes;
        while !attributes.is_empty() {
            let attribute = &attributes[dice.below(attributes.len())];
            path = member(&path, attribute);
            match &attribute.kind {
                Kind::Object(inner) => attributes = inner,
                _ => return path,
            }
        }
        Path { text: format!("{}.name", base.text), kind: Kind::One(Shape::Text), ..base.clone() }
    }

    fn test(&self, dice: &mut Dice, path: &Path) -> String {
        let text = &path.text;
        match &path.kind {
            Kind::Object(_) => "true".to_owned(),
            Kind::One(Shape::Text) => match dice.between(0, 4) {
                0 => format!("{text} like \"{}\"", dice.pick(&["*", "e*", "*u", "a\\*b", "*\\**", "日*", "e*u*s"])),
                1 => format!("[{}].contains({text})", self.literals(dice, &Shape::Text)),
                _ => self.comparison(dice, text, &Shape::Text, &["==", "!="]),
            },
            Kind::One(Shape::Integer) => {
                self.comparison(dice, text, &Shape::Integer, &["==", "!=", "<", "<=", ">", ">="])
            }
            Kind::One(Shape::Boolean) if dice.chance(2) => text.clone(),
            Kind::One(Shape::Boolean) => self.comparison(dice, text, &Shape::Boolean, &["==", "!="]),
            Kind::One(Shape::Reference(to)) => self.reference(dice, text, to),
            Kind::One(_) => "true".to_owned(),
            Kind::Many(shape) => match dice.between(0, 4) {
                0 => format!("{text}.containsAll([{}])", self.literals(dice, shape)),
                1 => format!("{text}.containsAny([{}])", self.literals(dice, shape)),
                2 => format!("[{}].containsAny({text})", self.literals(dice, shape)),
                _ => format!("{text}.contains({})", self.operand(dice, shape)),
            },
        }
    }

    fn comparison(&self, dice: &mut Dice, text: &str, shape: &Shape, operators: &[&str]) -> String {
        let (operator, operand) = (dice.pick(operators), self.operand(dice, shape));
        if dice.chance(4) { format!("{operand} {operator} {text}") } else { format!("{text} {operator} {operand}") }
    }

    fn reference(&self, dice: &mut Dice, text: &str, to: &str) -> String {
        match dice.between(0, 7) {
            0 => format!("{text} is {}", dice.pick(&TYPES)),
            1 => format!("{text} in Resource::\"{}\"", self.node(dice)),
            2 => format!("{text} in [{}]", self.literals(dice, &Shape::Reference(to.to_owned()))),
            3 if to == "user" => format!("{text} in group::\"{}\"", dice.pick(&GROUPS)),
            4 if to == "user" => format!("{text} in role::\"{}\"", dice.pick(&ROLES)),
            5 => format!("{text} has {}", dice.pick(&["name", "parent", "nope"])),
            6 => format!("({text} has status && {text}.status == \"active\")"),
            _ => self.comparison(dice, text, &Shape::Reference(to.to_owned()), &["==", "!="]),
        }
    }

    /// A literal, or something of the principal's.
    fn operand(&self, dice: &mut Dice, shape: &Shape) -> String {
        let mine = match shape {
            Shape::Reference(to) if *to == self.principal => Some("principal".to_owned()),
            Shape::Text => Some("principal.name".to_owned()),
            Shape::Integer => Some("(principal.version + 1)".to_owned()),
            _ => None,
        };
        match mine {
            Some(mine) if dice.chance(3) => mine,
            _ => self.literal(dice, shape),
        }
    }

    fn literals(&self, dice: &mut Dice, shape: &Shape) -> String {
        (0..dice.between(1, 3)).map(|_| self.literal(dice, shape)).collect::<Vec<_>>().join(", ")
    }

    fn literal(&self, dice: &mut Dice, shape: &Shape) -> String {
        match shape {
            Shape::Integer => integer(dice),
            Shape::Boolean => dice.pick(&["true", "false"]).to_owned(),
            Shape::Reference(to) => format!("{to}::\"{}\"", self.entity(dice, to)),
            _ => format!("\"{}\"", dice.pick(&TEXTS)),
        }
    }

    /// The name of an entity; now and then of none.
    fn entity(&self, dice: &mut Dice, type_name: &str) -> String {
        match type_name {
            "group" => dice.pick(&GROUPS).to_owned(),
            "role" => dice.pick(&ROLES).to_owned(),
            _ if dice.chance(10) => "nonsense".to_owned(),
            _ => id(type_name, dice.pick(&[0, 1, 2, 3, 9])).to_string(),
        }
    }

    fn node(&self, dice: &mut Dice) -> String {
        let of = dice.pick(&["alpha", "alpha", "beta", "user", "group"]);
        id(of, dice.pick(&[0, 0, 1, 2, 9])).to_string()
    }

    fn core(&self, dice: &mut Dice) -> String {
        let at = dice.pick(&["created_at", "updated_at"]);
        let operator = dice.pick(&["==", "!=", "<", "<=", ">", ">="]);
        match dice.between(0, 5) {
            0 => format!("resource.version {operator} {}", integer(dice)),
            1 => format!(
                "resource.{at} {operator} datetime(\"2025-01-10T10:30:00.{}Z\")",
                dice.pick(&["000", "001", "999"])
            ),
            2 => format!(
                "resource.{at} {operator} context.time.offset(duration(\"{}\"))",
                dice.pick(&["1ms", "-1h", "0s"])
            ),
            3 => format!("resource.labels.contains(\"{}\")", dice.pick(&["a=1", "a=b=1", "=", "a", "ü="])),
            4 => "resource.labels.containsAny([\"a=1\", \"a=b=1\"])".to_owned(),
            _ => format!("resource.status == \"{}\"", dice.pick(&["active", "archived"])),
        }
    }

    fn tree(&self, dice: &mut Dice) -> String {
        match dice.between(0, 4) {
            0 => format!("resource in [Resource::\"{}\", Resource::\"{}\"]", self.node(dice), self.node(dice)),
            1 => format!(
                "resource {} {}",
                dice.pick(&["==", "!="]),
                self.literal(dice, &Shape::Reference(self.resource.clone()))
            ),
            2 => format!("resource is {}", dice.pick(&["alpha", "beta", "user"])),
            3 if self.resource == self.principal => format!("resource {} principal", dice.pick(&["==", "in", "!="])),
            _ => format!("resource in Resource::\"{}\"", self.node(dice)),
        }
    }

    fn roles(&self, dice: &mut Dice) -> String {
        let (role, group) = (dice.pick(&ROLES), dice.pick(&GROUPS));
        match dice.between(0, 6) {
            0 => format!("principal in [role::\"{role}\", role::\"{}\"]", dice.pick(&ROLES)),
            1 => format!("principal in group::\"{group}\""),
            2 if self.resource != "alpha" => format!("resource in group::\"{group}\""),
            3 if self.resource != "beta" => format!("resource in [role::\"{role}\"]"),
            4 => "principal in resource".to_owned(),
            5 => format!("group::\"{group}\" in {}::\"{}\"", "group", dice.pick(&GROUPS)),
            _ => format!("principal in role::\"{role}\""),
        }
    }

    /// What does not depend on the resource.
    fn known(&self, dice: &mut Dice) -> String {
        match dice.between(0, 6) {
            0 => format!("principal.version + {} > 2", integer(dice)),
            1 => "(context has address && context.address.isInRange(ip(\"10.0.0.0/8\")))".to_owned(),
            2 => format!("context.auth.age < {}", dice.pick(&AGES)),
            3 => dice
                .pick(&["action == Action::\"alpha.read\"", "action in Action::\"resource.read\"", "true", "false"])
                .to_owned(),
            _ => {
                let attributes = self.org.fields[&self.principal].iter().find(|one| one.name == "facts");
                let Some(Attribute { kind: Kind::Object(attributes), .. }) = attributes else {
                    return "true".to_owned();
                };
                let attribute = &attributes[dice.below(attributes.len())];
                let base = Path { text: "principal.facts".to_owned(), guards: vec![], kind: Kind::Object(vec![]) };
                let optional = Attribute { required: false, ..attribute.clone() };
                let path = member(&base, &optional);
                let test = match &path.kind {
                    Kind::One(Shape::Reference(to)) => {
                        self.comparison(dice, &path.text, &Shape::Reference(to.clone()), &["==", "in"])
                    }
                    _ => self.test(dice, &path),
                };
                format!("({} && {test})", path.guards.join(" && "))
            }
        }
    }
}

/// A member of an object, with the question whether it is there, if it may not be.
fn member(base: &Path, attribute: &Attribute) -> Path {
    let name = &attribute.name;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with('0') && name != "if";
    let mut guards = base.guards.clone();
    if !attribute.required {
        guards.push(format!("{} has {}", base.text, if plain { name.clone() } else { format!("\"{name}\"") }));
    }
    let step = if plain { format!(".{name}") } else { format!("[\"{name}\"]") };
    Path { text: format!("{}{step}", base.text), guards, kind: attribute.kind.clone() }
}

/// Cedar has no text for the least integer but this.
fn integer(dice: &mut Dice) -> String {
    format!("{}", dice.pick(&INTEGERS))
}
