//! Stories: tests that tell what a user does, over HTTP, against the real binary.

use crate::binary::Sandbox;

/// What the server of a story keeps its data in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// A file in the data folder.
    Sqlite,
    /// A fresh database of the run's PostgreSQL.
    Postgres,
}

/// One story, told twice: as the tests `NAME::sqlite` and `NAME::postgres`.
///
/// ```ignore
/// use admin_testkit::{Sandbox, story};
///
/// story!(the_owner_can_list_resources, async |sandbox: &Sandbox| {
///     let (status, page) = sandbox.get_json("/v3/resources").await;
///     assert_eq!(status, 200, "{page}");
/// });
/// ```
///
/// Settings of the server may stand before the story: `story!(name, &[("ADMIN_READ_ONLY", "true")], async |sandbox| …)`.
#[macro_export]
macro_rules! story {
    ($(#[$meta:meta])* $name:ident, $story:expr $(,)?) => {
        $crate::story!($(#[$meta])* $name, &[], $story);
    };
    ($(#[$meta:meta])* $name:ident, $settings:expr, $story:expr $(,)?) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a story need not use what its file imports")]
            use super::*;

            #[test]
            fn sqlite() {
                $crate::story::tell_with($crate::Backend::Sqlite, $settings, $story);
            }

            #[test]
            fn postgres() {
                $crate::story::tell_with($crate::Backend::Postgres, $settings, $story);
            }
        }
    };
}

/// Tells one story to a fresh sandbox.
///
/// # Panics
/// The server does not start, or the story panics.
pub fn tell(backend: Backend, story: impl AsyncFnOnce(&Sandbox)) {
    tell_with(backend, &[], story);
}

/// The same, with settings of the server.
///
/// # Panics
/// The server does not start, or the story panics.
pub fn tell_with(backend: Backend, settings: &[(&str, &str)], story: impl AsyncFnOnce(&Sandbox)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let sandbox = Sandbox::start_with(backend, settings).await;
        story(&sandbox).await;
    });
}
