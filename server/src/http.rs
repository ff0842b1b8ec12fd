//! `/healthz`, `/readyz` and `/metrics`.
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::metrics;
use crate::observed::Observed;

/// The HTTP listener and its task.
#[derive(Debug)]
pub(crate) struct HttpServer {
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Serves on `slow`. The listener is bound and non-blocking.
    pub(crate) fn start(
        listener: TcpListener,
        observed: Arc<Observed>,
        slow: &tokio::runtime::Handle,
    ) -> std::io::Result<Self> {
        let addr = listener.local_addr()?;
        let entered = slow.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(entered);
        let (stop, mut stopped) = watch::channel(false);
        let served = axum::serve(listener, router(observed)).with_graceful_shutdown(async move {
            // The sender dropped is a stop as well.
            let _ = stopped.changed().await;
        });
        let task = slow.spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "HTTP stopped");
            }
        });
        Ok(Self { addr, stop, task })
    }

    /// Stops; a client that keeps its connection open is not waited for.
    pub(crate) async fn stop(&mut self) {
        let _ = self.stop.send(true);
        let patience = std::time::Duration::from_millis(200);
        if tokio::time::timeout(patience, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn router(observed: Arc<Observed>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthz))
        .route("/livez", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(observed)
}

async fn index() -> &'static str {
    "remora: /healthz /readyz /metrics\n"
}

/// The process answers: that is all it says.
async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when work may come here, else 503; why, and since when, as JSON.
async fn readyz(State(observed): State<Arc<Observed>>) -> impl IntoResponse {
    let reasons = observed.reasons();
    let ready = reasons.is_empty();
    let broker = observed.broker().map(|broker| {
        serde_json::json!({
            "name": broker.config.peek().broker_name,
            "address": broker.registered_address(),
            "registered_with": broker.registration.registered(),
        })
    });
    let nameserver = observed.nameserver().map(|nameserver| {
        let figures = nameserver.figures();
        serde_json::json!({ "brokers": figures.brokers, "topics": figures.topics })
    });
    let body = serde_json::json!({
        "ready": ready,
        "reasons": reasons,
        "version": env!("CARGO_PKG_VERSION"),
        "broker": broker,
        "nameserver": nameserver,
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body))
}

async fn show_metrics(State(observed): State<Arc<Observed>>) -> impl IntoResponse {
    // It walks every topic and group: not on a thread that timers need.
    let text = tokio::task::spawn_blocking(move || metrics::text(&observed)).await;
    match text {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
