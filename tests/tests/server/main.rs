//! The server from outside, without official clients: bad input, kills, the specification's own
//! client.

mod bad_frames;
mod bad_requests;
mod bad_starts;
mod kill_campaign;
mod overload;
mod python_spec_client;
mod schema_complete;
mod timer_campaign;
