//! An installation whose clock and store a test holds in its hands.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use admin_audit::{Report, Sealer, Verification, verify};
use admin_backends::blob::{Blob, Created, Entry, Error, Etag, Folder, Key, Kind, Object, Replaced, Retention};
use admin_backends::queue::Handler;
use admin_core::audit::LogStore;
use admin_core::{Core, MasterKey, Op, Sample, create_resource, ensure_org};
use admin_db::events::{self, EventQuery};
use admin_db::{Db, LaneOptions};
use admin_testkit::postgres::Database;
use admin_types::{Clock, Event, OrgId, Origin, Principal, RequestId, SystemRandom, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde_json::json;

/// A clock that stands still until it is moved.
pub(crate) struct Hand(pub(crate) AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// An installation.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) org: OrgId,
    pub(crate) clock: Arc<Hand>,
    principal: Principal,
    folder: tempfile::TempDir,
    _database: Option<Database>,
}

impl World {
    /// Over SQLite, or over this database, with the logs in a folder.
    pub(crate) async fn new(database: Option<Database>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let blob = Arc::new(Folder::open(folder.path().join("blobs")).unwrap());
        World::over(database, folder, blob).await
    }

    /// With the logs somewhere else.
    pub(crate) async fn over(database: Option<Database>, folder: tempfile::TempDir, blob: Arc<dyn Blob>) -> World {
        let file = format!("sqlite:{}", folder.path().join("admin.db").display());
        let target = database.as_ref().map_or(file, |database| database.url.clone()).parse().unwrap();
        let db = Db::open(target, LaneOptions::default()).await.unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_800_000_000_000_000)));
        let core = Core::new(db, clock.clone(), Arc::new(SystemRandom), &MasterKey::new([7; 32]), Sample::default());
        core.keep_logs(blob);
        let setup = ensure_org(&core).await.unwrap();
        let principal = Principal::new(setup.org, setup.owner);
        let world = World { core, org: setup.org, clock, principal, folder, _database: database };
        let thing = json!({"type": "type", "name": "thing", "attributes": {"schema": {"type": "object"}}});
        create_resource(&world.core, world.op(), None, thing).await.unwrap();
        world
    }

    /// Where the logs are, if they are in a folder.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.path().join("blobs/audit")
    }

    pub(crate) fn op(&self) -> Op {
        let now = self.core.clock().now();
        Op {
            principal: self.principal.clone(),
            origin: Origin { address: Some([192, 0, 2, 7].into()), method: "test", authenticated_at: now },
            request_id: RequestId::new(now, self.core.random()),
            now,
            dry_run: false,
            if_match: None,
            idempotency: None,
        }
    }

    /// Makes so many more events.
    pub(crate) async fn happen(&self, count: usize) {
        let made = (0..count).map(|n| {
            let name = format!("g{n}-{}", self.clock.now().0);
            create_resource(&self.core, self.op(), None, json!({"type": "thing", "name": name}))
        });
        for written in join_all(made).await {
            written.unwrap();
        }
    }

    /// The events of the org that follow a number.
    pub(crate) async fn events(&self, after: i64) -> Vec<Event> {
        let query = EventQuery { after: Some(after), ..EventQuery::default() };
        events::list(&mut self.core.db().read().await.unwrap(), self.org, &query, 0, 100_000).await.unwrap()
    }

    /// How many events there are.
    pub(crate) async fn last(&self) -> i64 {
        admin_db::orgs::state(&mut self.core.db().read().await.unwrap(), self.org).await.unwrap().0
    }

    /// Seals all there is, as a process that has just started.
    pub(crate) async fn seal(&self) -> admin_types::Result<()> {
        let events = self.events(0).await;
        Sealer::new(&self.core).handle(self.org, &events).await
    }

    /// Verifies all there is.
    pub(crate) async fn verify(&self) -> Report {
        self.verify_in(self.core.log_store(self.org).unwrap(), false).await
    }

    /// Verifies what is in a store, with a retention of 30 days.
    pub(crate) async fn verify_in(&self, store: LogStore, is_copy: bool) -> Report {
        let verification = Verification {
            core: &self.core,
            org: self.org,
            store,
            is_copy,
            policy: self.core.audit_policy_that_is(self.org).await.unwrap(),
            kept_since: Some(self.clock.now().plus_seconds(-30 * 86_400)),
            kept: vec![],
        };
        verify(&verification, |_, _| {}).await.unwrap()
    }

    /// All events are sealed, each once, and nothing is found.
    pub(crate) async fn is_whole(&self) {
        let (report, last) = (self.verify().await, self.last().await);
        assert_eq!(report.findings, vec![]);
        assert_eq!((report.size, report.unsealed), (u64::try_from(last).unwrap(), 0));
    }
}

/// A store over another that fails at the call with a number: before it is done, or after.
pub(crate) struct Failing {
    inner: Arc<dyn Blob>,
    calls: AtomicUsize,
    at: AtomicUsize,
    done: AtomicBool,
    kind: Kind,
}

impl Failing {
    /// Fails at nothing yet; later, so.
    pub(crate) fn new(inner: Arc<dyn Blob>, kind: Kind) -> Failing {
        let (calls, at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        Failing { inner, calls, at, done: AtomicBool::new(false), kind }
    }

    /// Fails from the call with this number on, counted from now: that one is done all the same, or not.
    pub(crate) fn plan(&self, at: usize, done: bool) {
        self.calls.store(0, Ordering::SeqCst);
        self.done.store(done, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }

    async fn call<T>(&self, call: BoxFuture<'_, Result<T, Error>>) -> Result<T, Error> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let away = || Error { kind: self.kind, detail: "as the test wants it".to_owned() };
        // From there on nothing works, as in a process that is gone.
        let at = self.at.load(Ordering::SeqCst);
        if number > at || (number == at && !self.done.load(Ordering::SeqCst)) {
            return Err(away());
        }
        let result = call.await;
        if number == at { Err(away()) } else { result }
    }
}

impl Blob for Failing {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Object>, Error>> {
        self.call(self.inner.get(key)).boxed()
    }

    fn put<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Etag, Error>> {
        self.call(self.inner.put(key, bytes)).boxed()
    }

    fn create<'a>(&'a self, key: &'a Key, bytes: Bytes) -> BoxFuture<'a, Result<Created, Error>> {
        self.call(self.inner.create(key, bytes)).boxed()
    }

    fn replace<'a>(&'a self, key: &'a Key, bytes: Bytes, etag: &'a Etag) -> BoxFuture<'a, Result<Replaced, Error>> {
        self.call(self.inner.replace(key, bytes, etag)).boxed()
    }

    fn retain<'a>(&'a self, key: &'a Key, bytes: Bytes, retention: Retention) -> BoxFuture<'a, Result<(), Error>> {
        self.call(self.inner.retain(key, bytes, retention)).boxed()
    }

    fn list<'a>(
        &'a self,
        folder: &'a str,
        after: Option<&'a Key>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, Error>> {
        self.call(self.inner.list(folder, after, limit)).boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>> {
        self.call(self.inner.delete(key)).boxed()
    }
}
