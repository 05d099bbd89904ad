//! Several engines, each a real process, that are one engine together.

mod servers;
