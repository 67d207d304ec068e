//! The conditions that only policies have: patterns, elements of arrays, what lies below a resource, and what a
//! reference leads to.

use admin_schema::filter::{Filter, Literal, Path, Piece};
use admin_types::{Error, Prefix, ResourceId, Result};

use super::{Sql, json_keys};
use crate::dialect::Json;
use crate::row::Value;

impl Sql {
    pub(super) fn like(&mut self, path: &Path, pattern: &[Piece]) -> &mut Sql {
        let operator = match self.json {
            // LIKE of SQLite does not tell A from a.
            Json::Sqlite => "GLOB",
            Json::Postgres => "LIKE",
        };
        let written = self.pattern(pattern);
        let column = match path {
            Path::Name => "name",
            Path::Status => "status",
            Path::Type => "type",
            _ => {
                let Some(keys) = json_keys(path) else { return self.push("FALSE") };
                let place = self.place(&keys);
                let pattern = self.placeholder(written);
                return self.push(&format!(
                    "COALESCE({} AND {} {operator} {pattern}, FALSE)",
                    place.is_text(),
                    place.text
                ));
            }
        };
        let (row, pattern) = (self.row(), self.placeholder(written));
        self.push(&format!("({row}.{column} {operator} {pattern})"))
    }

    fn pattern(&self, pattern: &[Piece]) -> Value {
        let mut text = String::new();
        for piece in pattern {
            match (self.json, piece) {
                (Json::Sqlite, Piece::Any) => text.push('*'),
                (Json::Postgres, Piece::Any) => text.push('%'),
                (Json::Sqlite, Piece::Text(piece)) => piece.chars().for_each(|c| match c {
                    '*' | '?' | '[' => text.extend(['[', c, ']']),
                    c => text.push(c),
                }),
                (Json::Postgres, Piece::Text(piece)) => piece.chars().for_each(|c| match c {
                    '%' | '_' | '\\' => text.extend(['\\', c]),
                    c => text.push(c),
                }),
            }
        }
        Value::Text(text)
    }

    pub(super) fn element(&mut self, path: &Path, value: &Literal) -> &mut Sql {
        let Some(keys) = json_keys(path) else { return self.push("FALSE") };
        let place = self.place(&keys);
        let (elements, element) = place.elements();
        let inside = self.json_compare(&element, super::Comparison::Eq, value);
        let any = format!("EXISTS (SELECT 1 FROM {elements} WHERE {inside})");
        self.push(&format!("COALESCE(CASE {} WHEN 'array' THEN {any} ELSE FALSE END, FALSE)", place.kind))
    }

    /// Climbs from the row to the top, which is at most as many levels as parents may nest.
    pub(super) fn below(&mut self, id: ResourceId) -> &mut Sql {
        let row = self.row();
        let bytes = self.placeholder(Value::Bytes(id.bytes.to_vec()));
        let of_type = Sql::of_prefix("up", id);
        self.push(&format!(
            "EXISTS (WITH RECURSIVE up(id, parent, type) AS (SELECT {row}.id, {row}.parent, {row}.type
             UNION ALL SELECT above.id, above.parent, above.type FROM up
             JOIN resource above ON above.org_id = {row}.org_id AND above.id = up.parent)
             SELECT 1 FROM up WHERE up.id = {bytes} AND {of_type})"
        ))
    }

    /// The condition that a row's type is one whose ids have this prefix: ids that differ in it alone are different ids.
    pub(crate) fn of_prefix(row: &str, id: ResourceId) -> String {
        match id.prefix.type_name() {
            Some(name) => format!("{row}.type = '{name}'"),
            None => format!("{row}.type NOT IN ('{}')", Prefix::own_types().collect::<Vec<_>>().join("', '")),
        }
    }

    pub(super) fn of(&mut self, path: &Path, type_name: &str, filter: &Filter) -> Result<&mut Sql> {
        let row = self.row();
        match path {
            Path::Parent => self.push(&format!("({row}.deleted_at IS NULL AND EXISTS (SELECT 1 FROM ")),
            Path::Attribute(_) => self.push("EXISTS (SELECT 1 FROM resource_reference link CROSS JOIN "),
            _ => return Err(Error::internal("a filter follows what is no reference")),
        };
        self.level += 1;
        let other = self.row();
        self.resource_row(filter);
        // Parameters are numbered in the order in which the text uses them.
        match path {
            Path::Attribute(names) => {
                let field = self.placeholder(Value::Text(names.join(".")));
                let there = self.live_of_type(&other, type_name);
                self.push(&format!(
                    " WHERE link.org_id = {row}.org_id AND link.id = {row}.id AND link.field = {field}
                     AND {other}.org_id = link.org_id AND {other}.id = link.target AND {there} AND "
                ));
                self.filter(filter)?;
                self.push(")");
            }
            _ => {
                let there = self.live_of_type(&other, type_name);
                self.push(&format!(
                    " WHERE {other}.org_id = {row}.org_id AND {other}.id = {row}.parent AND {there} AND "
                ));
                self.filter(filter)?;
                self.push("))");
            }
        }
        self.level -= 1;
        Ok(self)
    }

    fn live_of_type(&mut self, row: &str, type_name: &str) -> String {
        let type_name = self.placeholder(Value::Text(type_name.to_owned()));
        format!("{row}.deleted_at IS NULL AND {row}.type = {type_name}")
    }
}
