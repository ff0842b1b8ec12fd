//! One typed line per request code, folded into a dense table.
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use remora_protocol::code::Lane;
use remora_protocol::{Frame, HeaderError, OwnedFrame, RequestHeader, ResponseCode};

use crate::clock::Stopwatch;
use crate::connection::{Connection, Responder};
pub use crate::route_stats::RouteCounts;
use crate::route_stats::RouteStats;
use crate::route_table::RouteTable;
use crate::service::{Call, Refusal, Reply, Turn};
use crate::slow_lane::SlowLane;
pub use crate::slow_lane::SlowLimits;

/// A role's state as its handlers see it. `Turn` is what one read's inline handlers share (the
/// broker stages its appends there); `()` where nothing is shared.
pub trait Role: Send + Sync + 'static {
    type Turn<'a>;
}

/// A request as its handler sees it, and where it came from.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub frame: &'a Frame<'a>,
    pub conn: &'a Arc<Connection>,
}

/// A check before every handler (authentication): a refusal is the answer.
pub type Before<R> = fn(&Arc<R>, &Request<'_>) -> Result<(), Refusal>;

/// The table. Codes without a row answer REQUEST_CODE_NOT_SUPPORTED with the number.
pub struct Routes<R: Role> {
    role: Arc<R>,
    slow: SlowLane,
    before: Option<Before<R>>,
    table: RouteTable,
    rows: Vec<Row<R>>,
    /// Requests with a code that has no row.
    unsupported: RouteStats,
}

struct Row<R: Role> {
    code: i32,
    name: &'static str,
    stats: Arc<RouteStats>,
    handler: Box<dyn Handler<R>>,
}

/// The three kinds of rows.
trait Handler<R: Role>: Send + Sync {
    fn handle<'a>(
        &self,
        routes: &Routes<R>,
        row: &Row<R>,
        shared: &mut R::Turn<'a>,
        call: Call<'_, 'a>,
    );
}

impl<R: Role> fmt::Debug for Routes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl<R: Role> Routes<R> {
    /// `slow` runs every `answer` handler whose lane is `Admin`, and every `answer_later` one.
    pub fn new(role: Arc<R>, slow: tokio::runtime::Handle) -> Self {
        Self {
            role,
            slow: SlowLane::new(slow, SlowLimits::default()),
            before: None,
            table: RouteTable::default(),
            rows: Vec::new(),
            unsupported: RouteStats::default(),
        }
    }

    /// Changes what the slow lane takes on.
    #[must_use]
    pub fn slow_limits(mut self, limits: SlowLimits) -> Self {
        self.slow.set_limits(limits);
        self
    }

    /// Runs `check` before every handler, on the IO shard.
    #[must_use]
    pub fn before(mut self, check: Before<R>) -> Self {
        self.before = Some(check);
        self
    }

    /// An inline handler on the IO shard, for the hot path: gets the call itself.
    #[must_use]
    pub fn on<H: RequestHeader>(
        self,
        handler: for<'a> fn(&Arc<R>, &mut R::Turn<'a>, Call<'_, 'a>, &H::View<'a>),
    ) -> Self {
        self.row::<H>(Box::new(On::<R, H>(handler)))
    }

    /// A handler that computes its answer: inline for lanes Send, Pull and Client, on the slow
    /// runtime's blocking threads for lane Admin.
    #[must_use]
    pub fn answer<H: RequestHeader>(self, handler: AnswerFn<R, H>) -> Self {
        match H::LANE {
            Lane::Admin => self.row::<H>(Box::new(AnswerSlow::<R, H>(handler))),
            Lane::Send | Lane::Pull | Lane::Client => {
                self.row::<H>(Box::new(Answer::<R, H>(handler)))
            }
        }
    }

    /// A handler that answers after waiting for something, on the slow runtime.
    #[must_use]
    pub fn answer_later<H, F>(self, handler: fn(Arc<R>, OwnedFrame, Responder) -> F) -> Self
    where
        H: RequestHeader,
        F: Future<Output = ()> + Send + 'static,
    {
        self.row::<H>(Box::new(AnswerLater(handler)))
    }

    fn row<H: RequestHeader>(mut self, handler: Box<dyn Handler<R>>) -> Self {
        let (code, name) = (H::CODE.0, H::NAME);
        self.table.insert(code, self.rows.len());
        self.rows.push(Row { code, name, stats: Arc::default(), handler });
        self
    }

    /// Codes with a row, for the completeness test.
    pub fn codes(&self) -> Vec<i32> {
        self.rows.iter().map(|row| row.code).collect()
    }

    /// What each code has cost; the last entry (code -1) is of codes without a row.
    pub fn counts(&self) -> Vec<RouteCounts> {
        let known = self.rows.iter().map(|row| row.stats.read(row.code, row.name));
        known.chain([self.unsupported.read(-1, "unsupported")]).collect()
    }

    /// Waits until every request of the slow lane has been answered.
    pub async fn drained(&self) {
        self.slow.drained().await;
    }

    /// Runs every call of a turn; the caller then finishes `shared` (the broker appends).
    ///
    /// A handler's panic is answered SYSTEM_ERROR, logged and counted; `shared` is then as the
    /// handler left it.
    pub fn run<'a>(&self, turn: &mut Turn<'a>, shared: &mut R::Turn<'a>) {
        let mut meter = Meter { watch: Stopwatch::start(), stats: &self.unsupported, requests: 0 };
        while let Some(call) = turn.next_call() {
            let Some(row) = self.find(call.frame.code) else {
                meter.count(&self.unsupported);
                let refusal = Refusal::not_supported(call.frame.code);
                call.refuse(refusal);
                continue;
            };
            meter.count(&row.stats);
            if let Some(check) = self.before {
                let request = Request { frame: call.frame, conn: call.conn };
                if let Err(refusal) = check(&self.role, &request) {
                    call.refuse(refusal);
                    continue;
                }
            }
            let conn = call.conn;
            let handled =
                catch_unwind(AssertUnwindSafe(|| row.handler.handle(self, row, shared, call)));
            if handled.is_err() {
                row.panicked(conn)();
            }
        }
        meter.lap();
    }

    fn find(&self, code: i32) -> Option<&Row<R>> {
        self.rows.get(self.table.find(code)?)
    }
}

impl<R: Role> Row<R> {
    /// What to do about a panic of the handler, later and elsewhere. The panic hook has told the
    /// message and the place.
    fn panicked(&self, conn: &Arc<Connection>) -> impl FnOnce() + Send + use<R> {
        let (code, name, stats) = (self.code, self.name, Arc::clone(&self.stats));
        let conn = Arc::clone(conn);
        move || {
            stats.add_panic();
            tracing::error!(peer = %conn.peer, code, name, "a handler panicked");
        }
    }
}

/// Times runs of calls with the same code, so that a turn of sends reads the clock twice.
struct Meter<'r> {
    watch: Stopwatch,
    stats: &'r RouteStats,
    requests: u64,
}

impl<'r> Meter<'r> {
    fn count(&mut self, stats: &'r RouteStats) {
        if !std::ptr::eq(self.stats, stats) {
            self.lap();
            self.stats = stats;
        }
        self.requests += 1;
    }

    fn lap(&mut self) {
        if self.requests > 0 {
            self.stats.add(self.requests, self.watch.lap());
            self.requests = 0;
        }
    }
}

struct On<R: Role, H: RequestHeader>(
    for<'a> fn(&Arc<R>, &mut R::Turn<'a>, Call<'_, 'a>, &H::View<'a>),
);

impl<R: Role, H: RequestHeader> Handler<R> for On<R, H> {
    fn handle<'a>(
        &self,
        routes: &Routes<R>,
        _row: &Row<R>,
        shared: &mut R::Turn<'a>,
        call: Call<'_, 'a>,
    ) {
        // By reference: the header stays where it was decoded.
        match &H::decode(&call.frame.fields) {
            Ok(view) => (self.0)(&routes.role, shared, call, view),
            Err(error) => call.refuse(malformed(error)),
        }
    }
}

/// A handler of `Routes::answer`.
pub type AnswerFn<R, H> =
    for<'a> fn(&Arc<R>, &Request<'a>, <H as RequestHeader>::View<'a>) -> Result<Reply, Refusal>;

struct Answer<R: Role, H: RequestHeader>(AnswerFn<R, H>);

impl<R: Role, H: RequestHeader> Handler<R> for Answer<R, H> {
    fn handle<'a>(
        &self,
        routes: &Routes<R>,
        _row: &Row<R>,
        _shared: &mut R::Turn<'a>,
        call: Call<'_, 'a>,
    ) {
        let request = Request { frame: call.frame, conn: call.conn };
        call.send(answer::<R, H>(self.0, &routes.role, &request));
    }
}

struct AnswerSlow<R: Role, H: RequestHeader>(AnswerFn<R, H>);

impl<R: Role, H: RequestHeader> Handler<R> for AnswerSlow<R, H> {
    fn handle<'a>(
        &self,
        routes: &Routes<R>,
        row: &Row<R>,
        _shared: &mut R::Turn<'a>,
        call: Call<'_, 'a>,
    ) {
        let admission = match routes.slow.admit(&call) {
            Ok(admission) => admission,
            Err(refusal) => return call.refuse(refusal),
        };
        let (handler, role) = (self.0, Arc::clone(&routes.role));
        let panicked = row.panicked(call.conn);
        let stats = Arc::clone(&row.stats);
        let frame = call.frame.to_owned_frame();
        let responder = call.defer();
        let work = move || {
            let mut watch = Stopwatch::start();
            let request = Request { frame: &frame.view(), conn: &responder.conn };
            let outcome = answer::<R, H>(handler, &role, &request);
            stats.add(0, watch.lap());
            responder.send(outcome);
        };
        routes.slow.compute(admission, work, panicked);
    }
}

struct AnswerLater<R: Role, F>(fn(Arc<R>, OwnedFrame, Responder) -> F);

impl<R: Role, F: Future<Output = ()> + Send + 'static> Handler<R> for AnswerLater<R, F> {
    fn handle<'a>(
        &self,
        routes: &Routes<R>,
        row: &Row<R>,
        _shared: &mut R::Turn<'a>,
        call: Call<'_, 'a>,
    ) {
        let admission = match routes.slow.admit(&call) {
            Ok(admission) => admission,
            Err(refusal) => return call.refuse(refusal),
        };
        let panicked = row.panicked(call.conn);
        let frame = call.frame.to_owned_frame();
        let work = (self.0)(Arc::clone(&routes.role), frame, call.defer());
        routes.slow.wait(admission, work, panicked);
    }
}

fn answer<R: Role, H: RequestHeader>(
    handler: AnswerFn<R, H>,
    role: &Arc<R>,
    request: &Request<'_>,
) -> Result<Reply, Refusal> {
    let view = H::decode(&request.frame.fields).map_err(|error| malformed(&error))?;
    handler(role, request, view)
}

/// What Apache answers to a header that it cannot decode: SYSTEM_ERROR, here with the field's name.
fn malformed(error: &HeaderError) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
}
