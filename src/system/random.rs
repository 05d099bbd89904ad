//! The machine's randomness.

use std::cell::RefCell;

use aws_lc_rs::rand;
use zeroize::Zeroize as _;

use crate::base::Random;

/// The cryptographic generator of aws-lc, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

/// So much is drawn at a time: a draw costs about the same whatever its length, and a call needs two or three short ones.
const DRAWN: usize = 256;

/// What a thread has drawn and not given out yet. What was given out is wiped here.
struct Drawn {
    bytes: [u8; DRAWN],
    left: usize,
}

thread_local! {
    static AHEAD: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; DRAWN], left: 0 }) };
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > DRAWN / 4 {
            draw(bytes);
            return;
        }
        AHEAD.with_borrow_mut(|it| {
            if it.left < bytes.len() {
                draw(&mut it.bytes);
                it.left = DRAWN;
            }
            let given = &mut it.bytes[it.left - bytes.len()..it.left];
            bytes.copy_from_slice(given);
            given.zeroize();
            it.left -= bytes.len();
        });
    }
}

fn draw(bytes: &mut [u8]) {
    rand::fill(bytes).expect("aws-lc ends the process itself rather than run without entropy");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_draw_differs() {
        for length in [10, 16, 32, 64, 65, 300] {
            let draw = |_| {
                let mut bytes = vec![0; length];
                SystemRandom.fill(&mut bytes);
                bytes
            };
            let seen: HashSet<_> = (0..100).map(draw).collect();
            assert_eq!(seen.len(), 100, "{length} bytes");
        }
    }
}
