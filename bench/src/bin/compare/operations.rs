//! The operations, how each subject is asked for them, and that both answer the same.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use bench::rows;
use bench::script::{Creates, Gets, RESOURCES, Same, Script, Updates};
use serde_json::Value;

use crate::Options;
use crate::subject::{Kind, Subject};

/// One line of the tables.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    Get,
    Page { query: Query, total: Total },
    Create,
    Update { indexed: bool },
}

/// Which page of 50 rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Query {
    First,
    Filtered,
    FilteredSorted,
    /// The page in the middle, by cursor.
    Middle,
}

/// Whether the baseline tells the total, by COUNT(*). Admin always does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Total {
    Both,
    AdminOnly,
}

const fn page(name: &'static str, query: Query, total: Total) -> Operation {
    Operation { name, what: What::Page { query, total } }
}

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation { name: "get by id", what: What::Get },
    page("list 50", Query::First, Total::Both),
    page("list 50, bare without total", Query::First, Total::AdminOnly),
    page("filter", Query::Filtered, Total::Both),
    page("filter, bare without total", Query::Filtered, Total::AdminOnly),
    page("filter + sort", Query::FilteredSorted, Total::Both),
    page("filter + sort, bare without total", Query::FilteredSorted, Total::AdminOnly),
    page("cursor in the middle", Query::Middle, Total::Both),
    page("cursor in the middle, bare without total", Query::Middle, Total::AdminOnly),
    Operation { name: "create", what: What::Create },
    Operation { name: "update", what: What::Update { indexed: false } },
    Operation { name: "update an indexed field", what: What::Update { indexed: true } },
];

/// An operation, made ready for one subject.
pub(crate) struct Prepared {
    pub(crate) script: Box<RefCell<dyn Script>>,
    /// What the subject answers, of operations that read: with what differs by nature taken out.
    pub(crate) sample: Value,
}

impl Operation {
    pub(crate) fn writes(&self) -> bool {
        matches!(self.what, What::Create | What::Update { .. })
    }

    /// Whether it creates rows, which are counted afterwards.
    pub(crate) fn creates(&self) -> bool {
        self.what == What::Create
    }

    /// The clients that ask for it.
    pub(crate) fn clients(&self, options: &Options) -> usize {
        if self.writes() { options.writers } else { options.readers }
    }

    /// Readies the operation for a subject that holds `rows` rows.
    pub(crate) async fn prepare(&self, subject: &Subject, options: &Options, rows: u64) -> Result<Prepared> {
        let caller = &subject.caller;
        Ok(match self.what {
            What::Get => {
                let sample = subject.get(&format!("{RESOURCES}/{}", rows::id(rows / 3))).await?;
                Prepared { script: Box::new(RefCell::new(Gets::new(caller, rows))), sample: timeless(sample) }
            }
            What::Page { query, total } => {
                let path = query.path(subject, total, rows).await?;
                let mut sample = timeless(subject.get(&path).await?);
                ensure!(sample["data"].as_array().is_some_and(|page| page.len() == 50), "a page of 50: {path}");
                if total == Total::AdminOnly {
                    sample["pagination"]["total_items"].take();
                }
                Prepared { script: Box::new(RefCell::new(Same::of(caller, &path, None))), sample }
            }
            What::Create => {
                Prepared { script: Box::new(RefCell::new(Creates::new(caller, RESOURCES))), sample: Value::Null }
            }
            What::Update { indexed } => {
                let each = (rows / 2 / options.writers as u64).min(100) as usize;
                let first = if indexed { rows / 2 } else { 0 };
                let script = Updates::new(caller, (options.writers, each), first, indexed);
                Prepared { script: Box::new(RefCell::new(script)), sample: Value::Null }
            }
        })
    }
}

impl Query {
    async fn path(self, subject: &Subject, total: Total, rows: u64) -> Result<String> {
        let list = format!("{RESOURCES}?type={}", rows::ITEM);
        let (filter, sort) = match subject.kind {
            Kind::Admin => ("&filter=attributes.region%20%3D%20%22r3%22", "&sort=attributes.code"),
            Kind::Baseline => ("&region=r3", "&sort=code"),
        };
        let path = match self {
            Query::First => list,
            Query::Filtered => list + filter,
            Query::FilteredSorted => list + filter + sort,
            Query::Middle => format!("{list}&cursor={}", walk(subject, &list, rows / 2).await?),
        };
        let without = subject.kind == Kind::Baseline && total == Total::AdminOnly;
        Ok(if without { path + "&total=false" } else { path })
    }
}

/// Walks a list by cursor until at least so many rows have passed.
async fn walk(subject: &Subject, list: &str, rows: u64) -> Result<String> {
    let (mut seen, mut cursor) = (0, String::new());
    while seen < rows {
        let next = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        // The baseline counts the whole table for each total, which a walk does not need.
        let page = subject.get(&format!("{list}&limit=200{}{next}", without_total(subject))).await?;
        seen += page["data"].as_array().map_or(0, |page| page.len() as u64);
        cursor = page["pagination"]["next_cursor"].as_str().context("the walk ended early")?.to_owned();
    }
    Ok(cursor)
}

fn without_total(subject: &Subject) -> &'static str {
    if subject.kind == Kind::Baseline { "&total=false" } else { "" }
}

/// An answer without what differs by nature: times, and the text of a cursor.
fn timeless(mut answer: Value) -> Value {
    let strip = |resource: &mut Value| {
        for time in ["created_at", "updated_at"] {
            resource[time].take();
        }
    };
    match &mut answer["data"] {
        Value::Array(page) => page.iter_mut().for_each(strip),
        one => strip(one),
    }
    if let Some(cursor) = answer.pointer_mut("/pagination/next_cursor") {
        *cursor = cursor.is_string().into();
    }
    answer
}

/// Where two answers first differ, and how.
pub(crate) fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let keyed = |key: &str, (ours, theirs)| difference(ours, theirs).map(|rest| format!("/{key}{rest}"));
    match (ours, theirs) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            (0..).zip(left.iter().zip(right)).find_map(|(at, pair)| keyed(&format!("{at}"), pair))
        }
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            left.keys().zip(left.values().zip(right.values())).find_map(|(key, pair)| keyed(key, pair))
        }
        _ => Some(format!(": {ours} and {theirs}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_where_answers_differ() {
        let answer = |name: &str| serde_json::json!({"data": [{"name": "a"}, {"name": name}]});
        assert_eq!(difference(&answer("b"), &answer("b")), None);
        assert_eq!(difference(&answer("b"), &answer("c")).as_deref(), Some("/data/1/name: \"b\" and \"c\""));
    }
}
