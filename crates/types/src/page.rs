//! Pages of a list, as they stand on the wire.

use serde::Serialize;

/// Rows of a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most rows of a page.
pub const MAX_LIMIT: u32 = 200;
/// How far `page` may reach, in rows; beyond it a list is walked by cursor.
pub const MAX_OFFSET: u64 = 100_000;

/// Where a page stands in its list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pagination {
    /// The page's number, from 1; absent when the page was reached by cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_page: Option<u64>,
    /// The most rows that a page holds.
    pub per_page: u32,
    /// How many rows the list has in all, exactly.
    pub total_items: u64,
    /// What to send as `cursor` for the rows that follow; null on the last page.
    pub next_cursor: Option<String>,
}
