//! Questions as other programs send them. Members that are not known here are ignored, as the standard wants.

use admin_core::Named;
use admin_types::{Error, Result};
use serde_json::{Map, Value, json};

/// The most questions of one request.
const MAX_EVALUATIONS: usize = 1000;

/// What is wrong with a question.
pub(super) fn bad(detail: impl Into<String>) -> Error {
    Error::invalid("bad_question", detail)
}

/// A subject, a resource or an action. What they are like is for Admin to know: `properties` are checked for being an object,
/// and otherwise not looked at.
#[derive(Clone, Default, Debug)]
struct Entity {
    type_name: Option<String>,
    /// Of an action, its name.
    id: Option<String>,
    properties: Value,
}

/// Who wants to do what to what.
#[derive(Clone, Default, Debug)]
pub(super) struct Question {
    subject: Option<Entity>,
    action: Option<Entity>,
    resource: Option<Entity>,
    context: Value,
}

/// When to stop asking.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// Which page of a search.
#[derive(Default, Debug)]
pub(super) struct Page {
    pub(super) token: Option<String>,
    pub(super) limit: Option<u64>,
    properties: Value,
}

/// What is searched for: its id is not part of the question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    Subjects,
    Resources,
    Actions,
}

impl Question {
    pub(super) fn read(document: &Value) -> Result<Question> {
        let document = document.as_object().ok_or_else(|| bad("The question must be an object."))?;
        let entity = |name: &str, id: &str| -> Result<Option<Entity>> {
            let Some(entity) = object(document, "", name)? else { return Ok(None) };
            let prefix = format!("{name}.");
            Ok(Some(Entity {
                type_name: if id == "id" { text(entity, &prefix, "type")? } else { None },
                id: text(entity, &prefix, id)?,
                properties: properties(entity, &prefix, "properties")?,
            }))
        };
        Ok(Question {
            subject: entity("subject", "id")?,
            action: entity("action", "name")?,
            resource: entity("resource", "id")?,
            context: properties(document, "", "context")?,
        })
    }

    /// The question, with what it leaves out taken from `defaults`.
    pub(super) fn or(self, defaults: &Question) -> Question {
        let entity = |own: Option<Entity>, default: &Option<Entity>| match (own, default) {
            (Some(own), Some(default)) => Some(Entity {
                type_name: own.type_name.or_else(|| default.type_name.clone()),
                id: own.id.or_else(|| default.id.clone()),
                properties: own.properties,
            }),
            (own, default) => own.or_else(|| default.clone()),
        };
        Question {
            subject: entity(self.subject, &defaults.subject),
            action: entity(self.action, &defaults.action),
            resource: entity(self.resource, &defaults.resource),
            context: if self.context.is_null() { defaults.context.clone() } else { self.context },
        }
    }

    pub(super) fn subject(&self) -> Result<Named> {
        named(self.subject.as_ref(), "subject")
    }

    pub(super) fn resource(&self) -> Result<Named> {
        named(self.resource.as_ref(), "resource")
    }

    pub(super) fn action(&self) -> Result<&str> {
        let action = self.action.as_ref().ok_or_else(|| missing("action"))?;
        action.id.as_deref().ok_or_else(|| missing("action.name"))
    }

    pub(super) fn subject_type(&self) -> Result<&str> {
        type_of(self.subject.as_ref(), "subject")
    }

    pub(super) fn resource_type(&self) -> Result<&str> {
        type_of(self.resource.as_ref(), "resource")
    }

    /// All that must stay the same from page to page, as one text; the order of members does not count.
    pub(super) fn canonical(&self, wanted: Wanted, page: &Page) -> String {
        let entity = |entity: &Option<Entity>, searched: bool| {
            let entity = entity.as_ref()?;
            Some(json!([entity.type_name, entity.id.as_ref().filter(|_| !searched), sorted(&entity.properties)]))
        };
        json!([
            format!("{wanted:?}"),
            entity(&self.subject, wanted == Wanted::Subjects),
            entity(&self.action, false).filter(|_| wanted != Wanted::Actions),
            entity(&self.resource, wanted == Wanted::Resources),
            sorted(&self.context),
            sorted(&page.properties),
        ])
        .to_string()
    }
}

/// The single questions of a request for many, each as it was sent, and when to stop. None: the request is one question.
pub(super) fn many(document: &Value) -> Result<Option<(Vec<&Value>, Semantic)>> {
    let document = document.as_object().ok_or_else(|| bad("The question must be an object."))?;
    let each: Vec<&Value> = match document.get("evaluations") {
        None | Some(Value::Null) => vec![],
        Some(Value::Array(each)) => each.iter().collect(),
        Some(_) => return Err(bad("`evaluations` must be an array.")),
    };
    let options = object(document, "", "options")?;
    let semantic = options.map(|options| text(options, "options.", "evaluations_semantic")).transpose()?.flatten();
    let semantic = match semantic.as_deref() {
        None | Some("execute_all") => Semantic::ExecuteAll,
        Some("deny_on_first_deny") => Semantic::DenyOnFirstDeny,
        Some("permit_on_first_permit") => Semantic::PermitOnFirstPermit,
        Some(_) => {
            let detail = "must be execute_all, deny_on_first_deny or permit_on_first_permit";
            return Err(bad(format!("`options.evaluations_semantic` {detail}.")));
        }
    };
    if each.len() > MAX_EVALUATIONS {
        return Err(bad(format!("`evaluations` has {} questions; the most is {MAX_EVALUATIONS}.", each.len())));
    }
    Ok((!each.is_empty()).then_some((each, semantic)))
}

/// The page that a search asks for.
pub(super) fn page(document: &Value) -> Result<Page> {
    let page = document.as_object().map(|document| object(document, "", "page")).transpose()?.flatten();
    let Some(page) = page else { return Ok(Page::default()) };
    let limit = match page.get("limit") {
        None | Some(Value::Null) => None,
        Some(limit) => Some(limit.as_u64().ok_or_else(|| bad("`page.limit` must be a whole number, 0 or more."))?),
    };
    Ok(Page { token: text(page, "page.", "token")?, limit, properties: properties(page, "page.", "properties")? })
}

type Object = Map<String, Value>;

/// A member that must be an object; null is as good as nothing.
fn object<'v>(of: &'v Object, prefix: &str, name: &str) -> Result<Option<&'v Object>> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(bad(format!("`{prefix}{name}` must be an object."))),
    }
}

fn properties(of: &Object, prefix: &str, name: &str) -> Result<Value> {
    Ok(object(of, prefix, name)?.map_or(Value::Null, |object| Value::Object(object.clone())))
}

fn text(of: &Object, prefix: &str, name: &str) -> Result<Option<String>> {
    match of.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(bad(format!("`{prefix}{name}` must be a string."))),
    }
}

fn missing(what: &str) -> Error {
    bad(format!("`{what}` is missing."))
}

fn named(entity: Option<&Entity>, what: &str) -> Result<Named> {
    let type_name = type_of(entity, what)?.to_owned();
    let id = entity.and_then(|entity| entity.id.clone()).ok_or_else(|| missing(&format!("{what}.id")))?;
    Ok(Named { type_name, id })
}

fn type_of<'e>(entity: Option<&'e Entity>, what: &str) -> Result<&'e str> {
    let entity = entity.ok_or_else(|| missing(what))?;
    entity.type_name.as_deref().ok_or_else(|| missing(&format!("{what}.type")))
}

/// The same, with the members of objects in the order of their names.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(&String, &Value)> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
