//! The socket of a generator's connection: whole buffers out, whole frames in.
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Context as _;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

/// A connection with what it has still to write and what it has read.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    /// Requests to write. Cleared when all of it is written.
    pub out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    /// How much of `input` has come, of which the owner has yet to take all.
    filled: usize,
}

impl Wire {
    /// One read takes what is there, up to `read_bytes`.
    pub async fn connect(addr: &str, read_bytes: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr)
            .await
            .with_context(|| format!("cannot connect to the broker at {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, out: Vec::new(), written: 0, input: vec![0; read_bytes], filled: 0 })
    }

    /// Writes what it can; once bytes have come, gives how many are there in all. An answer that
    /// has come is not kept waiting for a peer that takes no more requests.
    pub fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.write(cx)?;
        let mut room = ReadBuf::new(&mut self.input[self.filled..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) if room.filled().is_empty() => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Poll::Ready(Ok(())) => {
                self.filled += room.filled().len();
                Poll::Ready(Ok(self.filled))
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]) {
                Poll::Ready(bytes) => self.written += bytes?,
                Poll::Pending => return Ok(()),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Bytes not yet written.
    pub fn unwritten(&self) -> usize {
        self.out.len() - self.written
    }

    /// What has come.
    pub fn input(&self) -> &[u8] {
        &self.input[..self.filled]
    }

    /// Forgets the first `taken` bytes of the input; what is left is the start of a frame.
    pub fn take(&mut self, taken: usize) {
        self.input.copy_within(taken..self.filled, 0);
        self.filled -= taken;
        if self.filled == self.input.len() {
            // The frame is longer than the buffer; its length has passed the limit.
            self.input.resize(2 * self.filled, 0);
        }
    }
}
