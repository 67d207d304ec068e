//! How much work it is to check a document against a schema, found before it is done. A schema of a few kilobytes and a
//! document of a megabyte can together ask for hours; here both are walked once, adding up, until a bound is passed.
//!
//! The unit is about 4 ns in a release build: a state of a regular expression visited. To look at a keyword is 4 units.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::expansion::looks_twice;
use super::keywords::Route;
use super::outline::{Outline, Position};
use super::patterns::Costs;

/// The most work that a check may be.
const MAX_WORK: u64 = 100_000_000;
/// The most work of a check whose violations are all listed: each keyword may become a violation in memory.
const MAX_LISTED: u64 = 800_000;
/// The most bytes that names on the paths of all possible violations may take.
const MAX_PATHS: u64 = 200_000_000;
/// The most bytes that violations of `anyOf` and `oneOf` may copy: each of an alternative holds a copy of its value.
const MAX_COPIED: u64 = 64_000_000;
/// What a value takes in memory, and what a violation takes.
const VALUE: u64 = 320;
/// The work of looking at a keyword once.
const KEYWORD: u64 = 4;
/// The work of hashing one value of an array of unique items.
const UNIQUE: u64 = 20;
/// What an `unevaluated…` keyword around combined schemas multiplies the work below it by.
const TWICE: u64 = 3;

/// How a document can be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effort {
    /// With all violations listed.
    Small,
    /// With the first violation alone.
    Large,
    /// With yes or no alone.
    Huge,
    /// Not within bounds.
    TooMuch,
}

/// How large a document is.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Extent {
    /// Values, names of properties included.
    pub(super) values: u64,
    /// Bytes of texts and names.
    pub(super) bytes: u64,
    /// The most bytes that the names on the way to one value have.
    pub(super) path: u64,
}

impl Extent {
    /// Of a document of bounded depth.
    pub(super) fn of(value: &Value) -> Extent {
        let mut extent = Extent { values: 1, ..Extent::default() };
        match value {
            Value::String(text) => extent.bytes = text.len() as u64,
            Value::Array(items) => {
                for item in items {
                    extent.add(Extent::of(item), 0);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    extent.add(Extent::of(member), name.len() as u64);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        extent
    }

    /// Bytes that a copy takes, with the violation that holds it.
    fn memory(self) -> u64 {
        self.values * VALUE + self.bytes
    }

    fn add(&mut self, below: Extent, name: u64) {
        self.values += below.values + u64::from(name > 0);
        self.bytes += below.bytes + name;
        self.path = self.path.max(below.path + name);
    }
}

/// The work that each part of a schema is.
#[derive(Clone, Debug)]
pub(super) struct Work {
    rules: Vec<Rule>,
    /// Of each rule and all below it, all `$ref` followed.
    totals: Vec<Total>,
    /// Whether the work is more than the sum of the looks, since some are repeated.
    repeats: bool,
}

/// One schema.
#[derive(Clone, Debug)]
struct Rule {
    /// Keywords, each of which may be violated.
    keywords: u64,
    work: u64,
    /// For each byte of a text: formats and patterns.
    text: u64,
    /// For each byte of a property's name: the expressions of `patternProperties`.
    names_text: u64,
    unique: bool,
    times: u64,
    properties: HashMap<String, usize>,
    members: Vec<usize>,
    names: Vec<usize>,
    items: Vec<usize>,
    same: Vec<usize>,
    alternatives: Vec<usize>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Total {
    work: u64,
    /// For each byte of a text or a name.
    text: u64,
    /// How many violations there may be of one value.
    violations: u64,
    /// How many of these stand below `anyOf` and `oneOf`.
    copies: u64,
}

/// What a check takes.
struct Bill {
    /// Work that may still be done.
    left: u64,
    /// Bytes that violations of `anyOf` and `oneOf` may copy.
    copied: u64,
}

impl Work {
    /// The work of a checked schema: its `$ref` lead to no cycle.
    pub(super) fn new(outline: &Outline<'_>, costs: &Costs<'_>) -> Work {
        let rules: Vec<Rule> = outline.positions.iter().map(|position| Rule::new(position, costs)).collect();
        let mut totals = vec![None; rules.len()];
        let totals = (0..rules.len()).map(|at| total(&rules, at, &mut totals)).collect();
        let repeats = rules.iter().any(|rule| rule.times > 1 || rule.unique);
        Work { rules, totals, repeats }
    }

    /// How `document` can be checked.
    pub(super) fn effort(&self, document: &Value, extent: Extent) -> Effort {
        let root = self.totals[0];
        let most = root.work.saturating_mul(extent.values).saturating_add(root.text.saturating_mul(extent.bytes));
        let copied = root.copies.saturating_mul(extent.memory());
        let (work, copied) = if most <= MAX_LISTED && copied <= MAX_COPIED && !self.repeats {
            (most, copied)
        } else {
            let mut bill = Bill { left: MAX_WORK, copied: 0 };
            match self.spend(0, Subject::Value(document), 1, &mut bill) {
                Some(()) => (MAX_WORK - bill.left, bill.copied),
                None => return Effort::TooMuch,
            }
        };
        if copied > MAX_COPIED {
            Effort::Huge
        } else if work > MAX_LISTED || work.saturating_mul(extent.path) > MAX_PATHS {
            Effort::Large
        } else {
            Effort::Small
        }
    }

    /// Puts the work of a rule on a subject on the bill; `None` when it is more than may be.
    fn spend(&self, at: usize, subject: Subject<'_>, times: u64, bill: &mut Bill) -> Option<()> {
        let rule = &self.rules[at];
        let times = times.saturating_mul(rule.times);
        bill.left = bill.left.checked_sub(rule.on(subject).saturating_mul(times))?;
        if !rule.alternatives.is_empty() {
            let extent = subject.extent();
            bill.left = bill.left.checked_sub(extent.values)?;
            let violations = rule.alternatives.iter().map(|below| self.totals[*below].violations).sum::<u64>();
            bill.copied = bill.copied.saturating_add(violations.saturating_mul(extent.memory()));
        }
        for below in rule.same.iter().chain(&rule.alternatives) {
            self.spend(*below, subject, times, bill)?;
        }
        match subject {
            Subject::Value(Value::Array(items)) if !rule.items.is_empty() => {
                for item in items {
                    for below in &rule.items {
                        self.spend(*below, Subject::Value(item), times, bill)?;
                    }
                }
            }
            Subject::Value(Value::Object(members)) => {
                for (name, member) in members {
                    for below in rule.properties.get(name).into_iter().chain(&rule.members) {
                        self.spend(*below, Subject::Value(member), times, bill)?;
                    }
                    for below in &rule.names {
                        self.spend(*below, Subject::Name(name), times, bill)?;
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

#[derive(Clone, Copy)]
enum Subject<'v> {
    Value(&'v Value),
    /// The name of a property.
    Name(&'v str),
}

impl Subject<'_> {
    fn extent(self) -> Extent {
        match self {
            Subject::Value(value) => Extent::of(value),
            Subject::Name(name) => Extent { values: 1, bytes: name.len() as u64, path: 0 },
        }
    }
}

impl Rule {
    fn new(position: &Position<'_>, costs: &Costs<'_>) -> Rule {
        let empty = Map::new();
        let schema = position.schema.unwrap_or(&empty);
        let cost = |pattern: &str| u64::from(costs.get(pattern).copied().unwrap_or_default());
        let pattern = schema.get("pattern").and_then(Value::as_str).map_or(0, cost);
        let names = schema.get("patternProperties").and_then(Value::as_object);
        let to = |wanted: &[Route]| {
            let edges = position.edges.iter().filter(|edge| wanted.contains(&edge.route));
            edges.map(|edge| edge.to).collect::<Vec<_>>()
        };
        let properties = position.edges.iter().filter(|edge| edge.route == Route::Property);
        Rule {
            keywords: 1 + schema.len() as u64,
            work: KEYWORD + schema.iter().map(|(keyword, value)| keyword_work(keyword, value)).sum::<u64>(),
            text: pattern + if schema.contains_key("format") { 8 } else { 0 },
            names_text: names.into_iter().flat_map(Map::keys).map(|name| cost(name)).sum(),
            unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
            times: if looks_twice(position) { TWICE } else { 1 },
            properties: properties.map(|edge| (edge.name.to_owned(), edge.to)).collect(),
            members: to(&[Route::Members]),
            names: to(&[Route::Names]),
            items: to(&[Route::Items]),
            same: to(&[Route::Same, Route::Reference]),
            alternatives: to(&[Route::Alternative]),
        }
    }

    fn on(&self, subject: Subject<'_>) -> u64 {
        self.work
            + match subject {
                Subject::Name(text) => self.text * text.len() as u64,
                Subject::Value(Value::String(text)) => self.text * text.len() as u64,
                Subject::Value(Value::Object(members)) if self.names_text > 0 => {
                    self.names_text * members.keys().map(|name| name.len() as u64).sum::<u64>()
                }
                Subject::Value(value @ Value::Array(_)) if self.unique => UNIQUE * Extent::of(value).values,
                Subject::Value(_) => 0,
            }
    }

    /// The rules below, and whether each is one of several alternatives.
    fn below(&self) -> impl Iterator<Item = (usize, bool)> {
        let own = self.properties.values().chain(&self.members).chain(&self.names).chain(&self.items);
        let alternatives = self.alternatives.iter().map(|below| (*below, true));
        own.chain(&self.same).map(|below| (*below, false)).chain(alternatives)
    }
}

/// A keyword is one look, but for those that list values to look at.
fn keyword_work(keyword: &str, value: &Value) -> u64 {
    match keyword {
        "enum" | "const" | "required" | "dependentRequired" => KEYWORD * Extent::of(value).values,
        // Its violation holds a copy of the schema.
        "not" => KEYWORD * (Extent::of(value).values + Extent::of(value).bytes / 256),
        _ => KEYWORD,
    }
}

/// The totals of the rule `at` and all below it.
fn total(rules: &[Rule], at: usize, known: &mut Vec<Option<Total>>) -> Total {
    if let Some(total) = known[at] {
        return total;
    }
    let rule = &rules[at];
    let text = rule.text + rule.names_text;
    let mut sum = Total { work: rule.work, text, violations: rule.keywords, copies: 0 };
    for (below, alternative) in rule.below() {
        let below = total(rules, below, known);
        sum.work += below.work;
        sum.text += below.text;
        sum.violations += below.violations;
        sum.copies += if alternative { below.violations } else { below.copies };
    }
    known[at] = Some(sum);
    sum
}
