//! Everything that shows resources, asked by one who may not see all of them.

use admin_policy::arbitrary::{Dice, TYPES};
use admin_schema::{Comparison, Field, FieldKind, Filter, Literal, NoRelated, Path, TypeDefinition};
use admin_testkit::Method;
use admin_types::{Resource, ResourceId};
use serde_json::{Value, json};

use super::judge::Judge;
use super::world::{ASKED, expect};
use crate::acts::*;

/// Parameters of a list.
type Params<'a> = Vec<(&'a str, String)>;

impl Judge<'_> {
    /// Holds every surface against what may be read.
    pub(super) async fn check_all(&self, dice: &mut Dice) -> Result<(), String> {
        for name in ASKED {
            let expected = self.readable(|one| one.type_name == name, false);
            let of = vec![("type", name.to_owned())];
            self.check_walk(&[of.clone(), vec![("limit", "5".to_owned())]].concat(), &expected).await?;
            // One of these at a time: there are many cases.
            match dice.below(4) {
                0 => self.check_pages(&of, &expected).await?,
                1 => self.check_sort(name, dice, &expected).await?,
                2 => self.check_export(&format!("?type={name}"), &expected).await?,
                _ => self.check_filter(name, dice).await?,
            }
            self.check_events(name).await?;
            self.check_trash(&of, &self.readable(|one| one.type_name == name, true)).await?;
        }
        let own = |one: &Resource| TYPES.contains(&one.type_name.as_str());
        self.check_walk(&vec![("limit", "6".to_owned())], &self.readable(own, false)).await?;
        self.check_pages(&vec![], &self.readable(own, false)).await?;
        self.check_export("", &self.readable(own, false)).await?;
        self.check_trash(&vec![], &self.readable(own, true)).await?;
        self.check_reads().await?;
        self.check_past(dice)?;
        self.check_questions(dice).await
    }

    /// Holds the totals against what may be read, after changes that may have moved them.
    pub(super) async fn check_totals(&self) -> Result<(), String> {
        for name in TYPES {
            let expected = self.readable(|one| one.type_name == name, false);
            self.check_walk(&vec![("type", name.to_owned()), ("limit", "50".to_owned())], &expected).await?;
            self.check_events(name).await?;
        }
        let own = self.readable(|one| TYPES.contains(&one.type_name.as_str()), false);
        self.check_walk(&vec![("limit", "7".to_owned())], &own).await
    }

    async fn get(&self, path: &str, params: &Params<'_>) -> Result<Value, String> {
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let path = with_params(path, &params);
        expect(self.asker.client.get_json(&path).await, 200).map_err(|error| format!("{path}: {error}"))
    }

    async fn check_pages(&self, of: &Params<'_>, expected: &[ResourceId]) -> Result<(), String> {
        let mut shown = vec![];
        for page in 1..=expected.len() / 9 + 1 {
            let which = vec![("limit", "9".to_owned()), ("page", page.to_string())];
            let params = [of.clone(), which].concat();
            let answer = self.get("/v3/resources", &params).await?;
            shown.extend(ids(&answer)?);
            self.compare_total(&format!("page {page} of {of:?}"), total(&answer), expected.len())?;
        }
        self.compare(&format!("the pages of {of:?}"), &shown, expected)
    }

    /// A list by cursor, to its end.
    async fn check_walk(&self, params: &Params<'_>, expected: &[ResourceId]) -> Result<(), String> {
        let (surface, mut shown, mut cursor) = (format!("the list of {params:?}"), vec![], None);
        let mut totals = vec![];
        loop {
            let params: Params<'_> = params.iter().cloned().chain(cursor.map(|at| ("cursor", at))).collect();
            let answer = self.get("/v3/resources", &params).await?;
            shown.extend(ids(&answer)?);
            totals.push(total(&answer));
            cursor = answer["pagination"]["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        self.compare(&surface, &shown, expected)?;
        totals.into_iter().try_for_each(|total| self.compare_total(&surface, total, expected.len()))
    }

    async fn check_filter(&self, name: &str, dice: &mut Dice) -> Result<(), String> {
        let definition = &self.world.definitions[name];
        let text = condition(definition, dice, 2).canonical();
        let filter = Filter::parse(&text, Some(definition)).map_err(|error| format!("{text}: {error}"))?;
        let meets = |one: &Resource| one.type_name == name && filter.matches(one, &NoRelated);
        let expected = self.readable(meets, false);
        let params = vec![("type", name.to_owned()), ("filter", text.clone()), ("limit", "5".to_owned())];
        self.check_walk(&params, &expected).await?;
        let query = with_params("", &[("type", name), ("filter", &text)]);
        self.check_export(&query, &expected).await
    }

    async fn check_sort(&self, name: &str, dice: &mut Dice, expected: &[ResourceId]) -> Result<(), String> {
        let mut fields: Vec<String> = ["name", "status", "-updated_at"].map(str::to_owned).into();
        let indexed = self.world.definitions[name].indexed().filter(|field| !field.many);
        fields.extend(indexed.map(|field| format!("attributes.{}", field.path.join("."))));
        let sort = dice.pick(&fields);
        let params = vec![("type", name.to_owned()), ("sort", sort.clone()), ("limit", "200".to_owned())];
        let answer = self.get("/v3/resources", &params).await?;
        let mut shown = ids(&answer)?;
        shown.sort_by_key(|id| id.bytes);
        self.compare_total(&format!("{name} by {sort}"), total(&answer), expected.len())?;
        self.compare(&format!("{name} by {sort}"), &shown, expected)
    }

    async fn check_export(&self, query: &str, expected: &[ResourceId]) -> Result<(), String> {
        let rows = export(&self.asker.client, &format!("/v3/resources:export{query}")).await;
        self.compare(&format!("the export {query}"), &ids(&json!({ "data": rows }))?, expected)
    }

    async fn check_trash(&self, of: &Params<'_>, expected: &[ResourceId]) -> Result<(), String> {
        let trashed = vec![("trashed", "true".to_owned()), ("limit", "200".to_owned())];
        let answer = self.get("/v3/resources", &[of.clone(), trashed].concat()).await?;
        self.compare_total(&format!("the trash of {of:?}"), total(&answer), expected.len())?;
        self.compare(&format!("the trash of {of:?}"), &ids(&answer)?, expected)
    }

    /// Cedar judges past states as the filter does.
    fn check_past(&self, dice: &mut Dice) -> Result<(), String> {
        for _ in 0..8 {
            let event = &self.state.events[dice.below(self.state.events.len())];
            let Ok(past) = serde_json::from_value::<Resource>(event["after"].clone()) else { continue };
            let (lists, checks) = (self.lists(&past), self.checks(&past));
            if past.deleted_at.is_none() && lists != checks {
                return Err(format!("a past state: the filter {lists}, Cedar {checks}: {past:#?}"));
            }
        }
        Ok(())
    }

    /// An event is seen by those who may read the state that it made, or the one before when it made none.
    async fn check_events(&self, name: &str) -> Result<(), String> {
        let kind = format!("{name}.*");
        let may_read = |state: &Value| match state.is_null() {
            true => Ok(None),
            false => serde_json::from_value(state.clone()).map(|one: Resource| Some(self.lists(&one))),
        };
        let mut expected = vec![];
        for event in self.state.events.iter().filter(|event| event["resource"]["type"] == name) {
            let state = |key: &str| may_read(&event[key]).map_err(|error| error.to_string());
            let (before, after) = (state("before")?, state("after")?);
            if after.or(before) == Some(true) {
                expected.push((event["id"].clone(), before == Some(true), after == Some(true)));
            }
        }
        let (mut shown, mut cursor) = (vec![], None);
        loop {
            let at = cursor.map(|at| ("cursor", at));
            let params: Params<'_> =
                [("type", kind.clone()), ("limit", "100".to_owned())].into_iter().chain(at).collect();
            let answer = self.get("/v3/events", &params).await?;
            self.compare_total(&format!("the events {kind}"), total(&answer), expected.len())?;
            let rows = answer["data"].as_array().into_iter().flatten();
            shown.extend(rows.map(|row| (row["id"].clone(), !row["before"].is_null(), !row["after"].is_null())));
            cursor = answer["pagination"]["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        if shown == expected { Ok(()) } else { Err(format!("the events {kind}: {shown:?} instead of {expected:?}")) }
    }

    /// Each resource by itself.
    async fn check_reads(&self) -> Result<(), String> {
        let mut shown = vec![];
        let all = self.state.live.values().filter(|one| ASKED.contains(&one.type_name.as_str()));
        let all = all.chain(self.state.trash.values());
        for one in all {
            let (status, body) = self.asker.client.get_json(&path(&one.id.to_string())).await;
            match status {
                200 => shown.push(one.id),
                404 => {}
                _ => return Err(format!("GET {}: {status}: {body}", one.id)),
            }
        }
        shown.sort_by_key(|id| id.bytes);
        self.compare("GET one by one", &shown, &self.readable(|_| true, false))
    }

    /// What the owner is told of the one who asks.
    async fn check_questions(&self, dice: &mut Dice) -> Result<(), String> {
        let asked: Vec<&Resource> =
            self.state.live.values().filter(|one| ASKED.contains(&one.type_name.as_str())).collect();
        for _ in 0..4 {
            let one = asked[dice.below(asked.len())];
            let question = json!({"subject": {"type": self.facts.principal.type_name, "id": self.asker.id},
                "action": {"name": "read"}, "resource": {"type": one.type_name, "id": one.id}});
            let request = self.world.owner.request(Method::POST, "/access/v1/evaluation").json(&question);
            let answer = expect(admin_testkit::client::answer(request).await, 200)?;
            let expected: Vec<ResourceId> = if self.checks(one) { vec![one.id] } else { vec![] };
            let shown: Vec<ResourceId> = if answer["decision"] == true { vec![one.id] } else { vec![] };
            self.compare("AuthZEN's evaluation", &shown, &expected)?;
        }
        Ok(())
    }
}

fn total(answer: &Value) -> Option<u64> {
    answer["pagination"]["total_items"].as_u64()
}

fn ids(answer: &Value) -> Result<Vec<ResourceId>, String> {
    let rows = answer["data"].as_array().ok_or_else(|| format!("no list: {answer}"))?;
    let parse = |row: &Value| row["id"].as_str().and_then(ResourceId::parse).ok_or_else(|| format!("no id: {row}"));
    rows.iter().map(parse).collect()
}

/// A filter such as a client may write.
fn condition(definition: &TypeDefinition, dice: &mut Dice, depth: usize) -> Filter {
    let inner = |dice: &mut Dice| condition(definition, dice, depth.saturating_sub(1));
    match if depth == 0 { 9 } else { dice.below(8) } {
        0 => Filter::all([inner(dice), inner(dice)]),
        1 => Filter::any([inner(dice), inner(dice)]),
        2 => Filter::Not(Box::new(inner(dice))),
        _ => leaf(definition, dice),
    }
}

fn leaf(definition: &TypeDefinition, dice: &mut Dice) -> Filter {
    let equality = [Comparison::Eq, Comparison::Ne];
    let order = [Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge];
    let text = |dice: &mut Dice| Literal::Text(dice.pick(&["eu", "us", "", "a*b", "ü", "e"]).to_owned());
    let known = [FieldKind::Text, FieldKind::Integer, FieldKind::Boolean];
    let fields: Vec<&Field> = definition.fields.iter().filter(|field| known.contains(&field.kind)).collect();
    match dice.below(if fields.is_empty() { 4 } else { 9 }) {
        0 => Filter::Compare { path: Path::Name, op: dice.pick(&equality), value: text(dice) },
        1 => {
            let value = Literal::Text(dice.pick(&["active", "archived"]).to_owned());
            Filter::Compare { path: Path::Status, op: dice.pick(&equality), value }
        }
        2 => Filter::Compare { path: Path::Version, op: dice.pick(&order), value: Literal::Integer(2) },
        3 => Filter::Present { path: Path::Parent },
        _ => {
            let field = fields[dice.below(fields.len())];
            let path = Path::Attribute(field.path.clone());
            let value = match field.kind {
                FieldKind::Integer => Literal::Integer(dice.pick(&[0, 1, 7, i64::MAX, i64::MIN])),
                FieldKind::Boolean => Literal::Bool(dice.chance(2)),
                _ => text(dice),
            };
            match field.many {
                _ if dice.chance(4) => Filter::Present { path },
                true => Filter::Has { path, value },
                false => {
                    let op = if field.kind == FieldKind::Boolean { dice.pick(&equality) } else { dice.pick(&order) };
                    Filter::Compare { path, op, value }
                }
            }
        }
    }
}
