//! A request to a nameserver or broker, and its answer with enough to make a precise error.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::{EncodeHeader, HeaderError, OwnedFrame, RequestCode, ResponseCode, body};
use remora_remoting::{Body, Connection, RequestError};
use serde::de::DeserializeOwned;

use super::Client;
use crate::error::ClientError;
use crate::queue::MessageQueue;

/// What an answer may take beyond the time that a broker keeps the request. Java: 30 s for
/// a hold of 15 s.
const ANSWER_MARGIN: Duration = Duration::from_secs(15);

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) frame: OwnedFrame,
    operation: &'static str,
    addr: Arc<str>,
}

impl Answer {
    pub(crate) fn new(frame: OwnedFrame, operation: &'static str, addr: Arc<str>) -> Self {
        Self { frame, operation, addr }
    }

    pub(crate) fn code(&self) -> ResponseCode {
        ResponseCode(self.frame.view().code)
    }

    /// The answer if its code is SUCCESS.
    pub(crate) fn success(self) -> Result<Self, ClientError> {
        if self.code() == ResponseCode::SUCCESS { Ok(self) } else { Err(self.refused()) }
    }

    /// The error that its code and remark make.
    pub(crate) fn refused(&self) -> ClientError {
        let view = self.frame.view();
        ClientError::Refused {
            operation: self.operation,
            addr: self.addr.to_string(),
            code: ResponseCode(view.code),
            remark: view.remark.map(|remark| remark.to_str().into_owned()).unwrap_or_default(),
        }
    }

    /// An error for an answer that makes no sense.
    pub(crate) fn not_understood(&self, reason: &impl ToString) -> ClientError {
        ClientError::Answer {
            operation: self.operation,
            addr: self.addr.to_string(),
            reason: reason.to_string(),
        }
    }

    /// Reads header fields.
    pub(crate) fn header<'a, T>(
        &'a self,
        decode: impl FnOnce(&remora_protocol::Fields<'a>) -> Result<T, HeaderError>,
    ) -> Result<T, ClientError> {
        decode(&self.frame.view().fields).map_err(|e| self.not_understood(&e))
    }

    pub(crate) fn body(&self) -> Bytes {
        self.frame.body()
    }

    pub(crate) fn addr(&self) -> &Arc<str> {
        &self.addr
    }

    /// Reads a JSON body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        body::decode(self.frame.view().body).map_err(|e| self.not_understood(&e))
    }
}

impl Client {
    /// Asks the nameservers, the one in use first, until one answers.
    pub(crate) async fn ask_nameserver(
        &self,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        self.check_open()?;
        let mut last = None;
        for (mark, addr) in self.inner.nameservers.in_order() {
            match self.ask_addr(addr, code, header, body.clone(), self.inner.request_timeout).await
            {
                Ok(frame) => {
                    self.inner.nameservers.keep(mark);
                    return Ok(Answer { frame, operation, addr: Arc::clone(addr) });
                }
                Err(source) => last = Some(source),
            }
        }
        Err(self.no_nameserver(last))
    }

    /// Sends to every nameserver, for changes that each must make. The first refusal is the error.
    pub(crate) async fn tell_nameservers(
        &self,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
    ) -> Result<(), ClientError> {
        self.check_open()?;
        for addr in self.inner.nameservers.all() {
            let frame = self
                .ask_addr(addr, code, header, body.clone(), self.inner.request_timeout)
                .await
                .map_err(|source| self.no_nameserver(Some(source)))?;
            Answer { frame, operation, addr: Arc::clone(addr) }.success()?;
        }
        Ok(())
    }

    /// Connects to the first nameserver that accepts.
    pub(super) async fn connect_nameserver(&self) -> Result<(), ClientError> {
        let mut last = None;
        for (mark, addr) in self.inner.nameservers.in_order() {
            match self.inner.connector.connection(addr).await {
                Ok(_) => {
                    self.inner.nameservers.keep(mark);
                    return Ok(());
                }
                Err(source) => last = Some(source),
            }
        }
        Err(self.no_nameserver(last))
    }

    fn no_nameserver(&self, last: Option<RequestError>) -> ClientError {
        last.map_or(ClientError::Closed, |source| ClientError::NameserverUnreachable {
            addrs: self.inner.nameservers.joined(),
            source,
        })
    }

    async fn ask_addr(
        &self,
        addr: &str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
        timeout: Duration,
    ) -> Result<OwnedFrame, RequestError> {
        let conn = self.inner.connector.connection(addr).await?;
        conn.request(code, header, to_body(body), timeout).await
    }

    /// The connection to a broker; its error names the address that the broker registered.
    pub(crate) async fn broker_connection(
        &self,
        broker_name: &str,
        addr: &str,
    ) -> Result<Arc<Connection>, ClientError> {
        self.check_open()?;
        self.inner.connector.connection(addr).await.map_err(|source| match source {
            RequestError::Connect { addr, reason } => {
                ClientError::BrokerUnreachable { broker_name: broker_name.to_owned(), addr, reason }
            }
            source => ClientError::Request { operation: "connect", source },
        })
    }

    /// Asks a broker at one of its addresses.
    pub(crate) async fn ask_broker(
        &self,
        to: (&str, &Arc<str>),
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let timeout = self.inner.request_timeout;
        self.ask_broker_within(to, operation, code, header, body, timeout).await
    }

    /// Asks a broker (`to`: its name, its address), waiting for the answer as long as said.
    pub(crate) async fn ask_broker_within(
        &self,
        (broker_name, addr): (&str, &Arc<str>),
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        let conn = self.broker_connection(broker_name, addr).await?;
        let frame = conn
            .request(code, header, to_body(body), timeout)
            .await
            .map_err(|source| request_failed(operation, source))?;
        Ok(Answer { frame, operation, addr: Arc::clone(addr) })
    }

    /// Asks for what the broker may keep for `hold` until it has something to say.
    pub(super) async fn ask_broker_that_holds(
        &self,
        to: (&str, &Arc<str>),
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        hold: Duration,
    ) -> Result<Answer, ClientError> {
        let timeout = hold.saturating_add(ANSWER_MARGIN);
        self.ask_broker_within(to, operation, code, header, Bytes::new(), timeout).await
    }

    /// As [`Client::ask_broker_that_holds`], of a broker's master.
    pub(super) async fn ask_master_that_holds(
        &self,
        broker_name: &str,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        hold: Duration,
    ) -> Result<Answer, ClientError> {
        let addr = self.master_addr(broker_name)?;
        self.ask_broker_that_holds((broker_name, &addr), operation, code, header, hold).await
    }

    /// Asks the master that has a queue; an error unless the answer is SUCCESS.
    pub(super) async fn ask_master(
        &self,
        queue: &MessageQueue,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + Sync),
    ) -> Result<Answer, ClientError> {
        let addr = self.master_addr(&queue.broker_name)?;
        self.ask_broker((&queue.broker_name, &addr), operation, code, header, Bytes::new())
            .await?
            .success()
    }
}

/// Whole milliseconds, as requests carry them.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn to_body(bytes: Bytes) -> Body {
    if bytes.is_empty() { Body::Empty } else { Body::Bytes(bytes) }
}

/// The error of a request that got no answer.
pub(crate) fn request_failed(operation: &'static str, source: RequestError) -> ClientError {
    match source {
        RequestError::Timeout { addr, timeout_ms } => {
            ClientError::Timeout { operation, addr, timeout_ms }
        }
        source => ClientError::Request { operation, source },
    }
}
