//! The shipped connectors against providers with state: the real interpreter, signing and HTTP client; only the hosts are
//! other ones.

mod calendars;
mod live;
mod payments;
