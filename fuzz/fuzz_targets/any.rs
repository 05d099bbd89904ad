//! Runs the target that `FUZZ_TARGET` names: one binary for all, since linking is what takes long.

#![no_main]

use std::sync::LazyLock;

use closeloop_fuzz::{Target, target};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    target(&name).unwrap_or_else(|| panic!("there is no target {name}"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
