//! How large a schema is once every `$ref` is followed. A document of a few lines can stand for a tree without end;
//! what would be too large, too deep or endless is refused before anything walks it.

use admin_types::FieldError;

use super::keywords::Route;
use super::outline::{MAX_PROPERTIES, Outline, Position};

/// The most schemas that a document may stand for.
const MAX_SCHEMAS: u64 = 10_000;
/// How deeply schemas may hold and refer to each other.
const MAX_DEPTH: u32 = 32;
/// How deeply `unevaluatedProperties` and `unevaluatedItems` may nest around combined schemas: each level checks what
/// is below it up to three times.
const MAX_UNEVALUATED: u32 = 4;

/// What a schema stands for, all `$ref` followed.
#[derive(Clone, Copy, Default)]
struct Size {
    schemas: u64,
    fields: u64,
    height: u32,
    unevaluated: u32,
}

#[derive(Clone, Copy)]
enum State {
    New,
    /// On the path from the root to where the walk is.
    Open,
    Done(Size),
}

/// Refuses what is too large. Pointers are from the document's root.
pub(super) fn check(outline: &Outline<'_>) -> Result<(), FieldError> {
    let mut walk = Walk { outline, states: vec![State::New; outline.positions.len()] };
    for id in 0..outline.positions.len() {
        let size = walk.visit(id, 0)?;
        // The root is the first; what no one refers to counts for itself.
        if size.schemas > MAX_SCHEMAS {
            let detail = "stands for more than 10,000 schemas once every `$ref` is followed";
            return Err(FieldError::new(outline.pointer(id), detail));
        }
        if size.fields > MAX_PROPERTIES as u64 {
            let detail = "declares more than 1,000 properties once every `$ref` is followed";
            return Err(FieldError::new(outline.pointer(id), detail));
        }
    }
    Ok(())
}

/// Whether `unevaluated…` at this position must look into combined schemas to know what they have seen.
pub(super) fn looks_twice(position: &Position<'_>) -> bool {
    position.edges.iter().any(|edge| edge.keyword.starts_with("unevaluated"))
        && position.edges.iter().any(|edge| edge.route.in_place())
}

struct Walk<'w, 'a> {
    outline: &'w Outline<'a>,
    states: Vec<State>,
}

impl Walk<'_, '_> {
    /// The size of the schema at `id`, which stands `depth` schemas deep. Depth is checked before it goes deeper.
    fn visit(&mut self, id: usize, depth: u32) -> Result<Size, FieldError> {
        if let State::Done(size) = self.states[id] {
            return self.within(id, size, depth);
        }
        self.within(id, Size::default(), depth)?;
        self.states[id] = State::Open;
        let mut size = Size { schemas: 1, ..Size::default() };
        let position = &self.outline.positions[id];
        for edge in &position.edges {
            if let State::Open = self.states[edge.to] {
                let pointer = format!("{}/{}", self.outline.pointer(id), edge.keyword);
                return Err(FieldError::new(
                    pointer,
                    "refers back to a schema that holds it; recursion is not supported",
                ));
            }
            let below = self.visit(edge.to, depth + 1)?;
            size.height = size.height.max(below.height + 1);
            if edge.route != Route::Shelf {
                size.schemas = size.schemas.saturating_add(below.schemas);
                size.unevaluated = size.unevaluated.max(below.unevaluated);
            }
            size.fields = size.fields.saturating_add(match edge.route {
                Route::Property => below.fields.saturating_add(1),
                Route::Reference => below.fields,
                _ => 0,
            });
        }
        size.unevaluated += u32::from(looks_twice(position));
        self.states[id] = State::Done(size);
        self.within(id, size, depth)
    }

    fn within(&self, id: usize, size: Size, depth: u32) -> Result<Size, FieldError> {
        if depth + size.height > MAX_DEPTH {
            let detail = "nests more than 32 levels deep once every `$ref` is followed";
            return Err(FieldError::new(self.outline.pointer(id), detail));
        }
        if size.unevaluated > MAX_UNEVALUATED {
            let detail = "nests `unevaluatedProperties` or `unevaluatedItems` more than 4 levels deep";
            return Err(FieldError::new(self.outline.pointer(id), detail));
        }
        Ok(size)
    }
}
