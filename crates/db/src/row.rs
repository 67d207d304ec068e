//! Values that go into a statement and rows that come out, alike for both databases.

use admin_types::{Error, Result};
use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// One parameter of a statement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Arg<'a> {
    /// NULL of any type.
    Null,
    /// BIGINT.
    Int(i64),
    /// DOUBLE PRECISION.
    Float(f64),
    /// TEXT.
    Text(&'a str),
    /// BYTEA or BLOB.
    Bytes(&'a [u8]),
}

impl<'a> Arg<'a> {
    /// An optional id or key.
    pub fn opt_bytes(bytes: Option<&'a [u8]>) -> Arg<'a> {
        bytes.map_or(Arg::Null, Arg::Bytes)
    }

    /// An optional number.
    pub fn opt_int(int: Option<i64>) -> Arg<'a> {
        int.map_or(Arg::Null, Arg::Int)
    }

    /// An optional text.
    pub fn opt_text(text: Option<&'a str>) -> Arg<'a> {
        text.map_or(Arg::Null, Arg::Text)
    }
}

/// A parameter that a statement owns, so that it may outlive its caller.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    pub(crate) fn of(arg: &Arg<'_>) -> Value {
        match *arg {
            Arg::Null => Value::Null,
            Arg::Int(value) => Value::Int(value),
            Arg::Float(value) => Value::Float(value),
            Arg::Text(value) => Value::Text(value.to_owned()),
            Arg::Bytes(value) => Value::Bytes(value.to_owned()),
        }
    }

    pub(crate) fn arg(&self) -> Arg<'_> {
        match self {
            Value::Null => Arg::Null,
            Value::Int(value) => Arg::Int(*value),
            Value::Float(value) => Arg::Float(*value),
            Value::Text(value) => Arg::Text(value),
            Value::Bytes(value) => Arg::Bytes(value),
        }
    }
}

impl ToSql for Arg<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, ty) {
            (Arg::Null, _) => Ok(IsNull::Yes),
            (Arg::Int(value), &Type::INT8) => value.to_sql(ty, out),
            (Arg::Float(value), &Type::FLOAT8) => value.to_sql(ty, out),
            (Arg::Text(value), &Type::TEXT) => value.to_sql(ty, out),
            (Arg::Bytes(value), &Type::BYTEA) => value.to_sql(ty, out),
            (value, ty) => Err(format!("{value:?} bound where the statement wants {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One row of an answer. Columns are counted from 0.
pub enum Row<'r> {
    /// From SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// From PostgreSQL.
    Postgres(&'r tokio_postgres::Row),
}

macro_rules! column {
    ($(#[$doc:meta])* $name:ident, $opt:ident, $ty:ty, $sqlite:ident) => {
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> Result<$ty> {
            self.$opt(column)?.ok_or_else(|| Error::internal(format_args!("NULL in column {column}")))
        }

        /// The same, or `None` for NULL.
        pub fn $opt(&self, column: usize) -> Result<Option<$ty>> {
            match self {
                Row::Sqlite(row) => {
                    let value = row.get_ref(column).map_err(Error::internal)?;
                    value.$sqlite().map_err(Error::internal)
                }
                Row::Postgres(row) => row.try_get(column).map_err(Error::internal),
            }
        }
    };
}

impl<'r> Row<'r> {
    column!(
        /// A BIGINT.
        int, opt_int, i64, as_i64_or_null
    );
    column!(
        /// A TEXT.
        text, opt_text, &'r str, as_str_or_null
    );
    column!(
        /// A BYTEA or BLOB.
        bytes, opt_bytes, &'r [u8], as_blob_or_null
    );

    /// An id: 16 bytes.
    pub fn id(&self, column: usize) -> Result<[u8; 16]> {
        self.bytes(column)?.try_into().map_err(|_| Error::internal(format_args!("not 16 bytes in column {column}")))
    }

    /// An id, or `None` for NULL.
    pub fn opt_id(&self, column: usize) -> Result<Option<[u8; 16]>> {
        match self.opt_bytes(column)? {
            None => Ok(None),
            Some(_) => self.id(column).map(Some),
        }
    }
}
