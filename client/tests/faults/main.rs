//! What the client does when servers and handlers fail, against servers that say what a test wants.
mod batching;
mod fake;
mod receiving;
mod sending;
