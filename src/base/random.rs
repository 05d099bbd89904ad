//! The only door to randomness.

/// Gives unpredictable bytes. Tests give a source that they know.
pub trait Random: Send + Sync {
    /// Fills all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}
