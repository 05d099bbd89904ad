//! The engine's promises that need more than one replica, or more luck than a test has.

mod simulation;
